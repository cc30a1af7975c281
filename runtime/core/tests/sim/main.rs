//! The simulation: a world made of a seed, in which an engine lives through whatever the
//! seed has in store for it, and a watch that holds every step against the rules.
//!
//! A world has a wall clock and a monotonic one, a disk, guests, people, and trouble:
//! crashes between any two effects, a store that fails, edits, cancels, clocks that are
//! set. Virtual time jumps to the next happening; nothing here waits. First there is
//! trouble, and nothing may go wrong; then calm, and everything gets done.
//!
//! The same seed is the same world, so a violation is found again with its seed:
//!
//! ```text
//! SIM_SEED=4711 cargo test -p cronlet-core --test sim fresh -- --nocapture      # one seed, told as a story
//! SIM_SEEDS=10000 cargo test -p cronlet-core --test sim fresh    # so many fresh ones
//! ```
#![expect(
    clippy::print_stdout,
    reason = "what a seed was, and how often each word was said, is for whoever runs the test"
)]

mod agenda;
mod calendar;
mod deeds;
mod disk;
mod invariants;
mod lies;
mod options;
mod oracle;
mod plans;
mod prng;
mod runner;
mod tables;
mod trace;
mod trouble;
mod watch;
mod world;

use std::{
    collections::BTreeMap,
    num::NonZeroUsize,
    ops::Range,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
    time::UNIX_EPOCH,
};

use lies::{LIES, SLANDERS};
use options::Options;
use trace::{Fingerprint, Leaves, Words};
use world::World;

/// How much of a story is told.
const LINES: usize = 120;

/// Lives through a world, and says what went wrong if anything did.
fn live(options: Options, leaves: Leaves) -> Result<World, String> {
    let seed = options.seed;
    let mut world = World::new(options, leaves);
    match catch_unwind(AssertUnwindSafe(|| world.run())) {
        Ok(Ok(())) => Ok(world),
        Ok(Err(violation)) => Err(format!("seed {seed}: {violation}")),
        Err(_) => Err(format!("seed {seed}: a panic, printed above")),
    }
}

/// Lives through many worlds; nothing may be violated.
fn live_all(many: impl Iterator<Item = Options> + Send) -> Words {
    let words = Mutex::new(Words::default());
    let all = on_all_cores(many, |options| {
        let world =
            live(options.clone(), Leaves::Words).map_err(|failure| (Box::new(options), failure))?;
        locked(&words).add(&world.trace.words);
        Ok(())
    });
    if let Err((options, failure)) = all {
        tell(*options);
        panic!("{failure}");
    }
    words.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// Tries each of `many`. They begin in their order, and none begins after a failure; those that have
/// begun go on to their ends, so the failure is always the same: that of the first that fails.
fn on_all_cores<T, E: Send>(
    many: impl Iterator<Item = T> + Send,
    one: impl Fn(T) -> Result<(), E> + Sync,
) -> Result<(), E> {
    let many = Mutex::new(many.enumerate());
    let failures = Mutex::new(BTreeMap::new());
    let some = || {
        while locked(&failures).is_empty() {
            let Some((nth, it)) = locked(&many).next() else {
                return;
            };
            if let Err(failure) = one(it) {
                locked(&failures).insert(nth, failure);
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, NonZeroUsize::get) {
            scope.spawn(some);
        }
    });
    let first = locked(&failures).pop_first();
    first.map_or(Ok(()), |(_, failure)| Err(failure))
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lives through a world again, and prints what led to its end.
fn tell(options: Options) {
    let mut world = World::new(options, Leaves::Story);
    let end = catch_unwind(AssertUnwindSafe(|| world.run()));
    println!("{:#?}", world.options);
    let story = world.trace.story.unwrap_or_default();
    for line in story.iter().skip(story.len().saturating_sub(LINES)) {
        println!("{line}");
    }
    println!("seed {}: {end:?}", world.options.seed);
}

/// Many seeds, in which each word of the vocabulary is said at least once.
fn seeds(seeds: Range<u64>) {
    let words = live_all(seeds.map(Options::of));
    println!("{words}");
    let missing = words.missing();
    assert!(missing.is_empty(), "never said: {missing:?}");
}

#[test]
fn seeds_0_to_199() {
    seeds(0..200);
}

#[test]
fn seeds_200_to_399() {
    seeds(200..400);
}

#[test]
fn a_crowd() {
    live_all([Options::crowd(1)].into_iter());
}

#[test]
fn long_nights() {
    let words = live_all((1..9).map(Options::long_night));
    assert!(words.tell_of_an_early_end(), "{words}");
}

/// A rule that nothing can break holds nothing.
#[test]
fn every_lie_is_noticed() {
    let lies = LIES.iter().enumerate();
    let noticed = on_all_cores(lies, |(number, (rule, lie))| {
        ensure_noticed(&format!("lie {number}"), rule, |world| {
            world.lie = Some(*lie);
        })
    });
    noticed.unwrap_or_else(|silence| panic!("{silence}"));
    let slanders = SLANDERS.iter().enumerate();
    let noticed = on_all_cores(slanders, |(number, (rule, slander))| {
        ensure_noticed(&format!("slander {number}"), rule, |world| {
            world.slander = Some(*slander);
        })
    });
    noticed.unwrap_or_else(|silence| panic!("{silence}"));
}

fn ensure_noticed(what: &str, rule: &str, lies: impl Fn(&mut World)) -> Result<(), String> {
    let mut breaks = (0..200).filter_map(|seed| {
        let mut world = World::new(lies::options(seed), Leaves::Words);
        lies(&mut world);
        world.run().err()
    });
    let noticed = breaks.any(|violation| violation.invariant == rule);
    noticed
        .then_some(())
        .ok_or_else(|| format!("{what} does not break `{rule}`"))
}

fn fingerprint(seed: u64) -> Option<Fingerprint> {
    let world = live(Options::of(seed), Leaves::Fingerprint);
    let world = world.unwrap_or_else(|failure| panic!("{failure}"));
    world.trace.fingerprint
}

#[test]
fn the_same_seed_is_the_same_world() {
    for seed in 1_000..1_020 {
        let again = fingerprint(seed);
        assert_eq!(fingerprint(seed), again, "seed {seed}");
        assert_ne!(fingerprint(seed + 1), again, "seed {seed} and the next");
    }
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "a fresh seed is from outside, and so is a developer's wish"
)]
fn a_fresh_seed() {
    let wish = |name| std::env::var(name).ok().and_then(|text| text.parse().ok());
    if let Some(seed) = wish("SIM_SEED") {
        tell(Options::of(seed));
        return;
    }
    let since_1970 = std::time::SystemTime::now().duration_since(UNIX_EPOCH);
    let seed = since_1970.map_or(0, |since| {
        since.as_secs() << 20 | u64::from(since.subsec_micros())
    });
    println!("fresh seed {seed}");
    let seeds = seed..seed + wish("SIM_SEEDS").unwrap_or(1);
    live_all(seeds.map(Options::of));
}
