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
mod plans;
mod prng;
mod runner;
mod tables;
mod trace;
mod trouble;
mod watch;
mod world;

use std::{
    ops::Range,
    panic::{AssertUnwindSafe, catch_unwind},
    time::UNIX_EPOCH,
};

use lies::LIES;
use options::Options;
use trace::{Fingerprint, Words};
use world::World;

/// How much of a story is told.
const LINES: usize = 120;

/// Lives through a world, and says what went wrong if anything did.
fn live(options: Options) -> Result<World, String> {
    let seed = options.seed;
    let mut world = World::new(options, false);
    match catch_unwind(AssertUnwindSafe(|| world.run())) {
        Ok(Ok(())) => Ok(world),
        Ok(Err(violation)) => Err(format!("seed {seed}: {violation}")),
        Err(_) => Err(format!("seed {seed}: a panic, printed above")),
    }
}

/// Lives through many worlds; nothing may be violated.
fn live_all(many: impl Iterator<Item = Options>) -> Words {
    let mut words = Words::default();
    let mut failures = Vec::new();
    for options in many {
        match live(options.clone()) {
            Ok(world) => words.add(&world.trace.words),
            Err(failure) => failures.push((options, failure)),
        }
    }
    if let Some((options, _)) = failures.first() {
        tell(options.clone());
    }
    let failures: Vec<_> = failures.into_iter().map(|(_, failure)| failure).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    words
}

/// Lives through a world again, and prints what led to its end.
fn tell(options: Options) {
    let mut world = World::new(options, true);
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

/// A rule that nothing can break holds nothing.
#[test]
fn every_lie_is_noticed() {
    for (number, (rule, lie)) in LIES.iter().enumerate() {
        let noticed: Vec<_> = (0..20)
            .filter_map(|seed| {
                let mut world = World::new(lies::options(seed), false);
                world.lie = Some(*lie);
                world.run().err()
            })
            .map(|violation| violation.invariant)
            .collect();
        assert!(
            noticed.contains(rule),
            "lie {number} breaks {noticed:?}, not `{rule}`"
        );
    }
}

fn fingerprint(seed: u64) -> Fingerprint {
    let world = live(Options::of(seed)).unwrap_or_else(|failure| panic!("{failure}"));
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
