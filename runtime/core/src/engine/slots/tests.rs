//! Small stories of who may start, and a crowd against a naive reading.

use proptest::prelude::*;

use super::*;
use crate::{digest::Digest, job::Component};

/// Three slots; job `a` has a cap of one, and so has group `g`.
struct World {
    slots: Slots,
    /// Whose run each run is.
    jobs: BTreeMap<u64, JobName>,
}

fn group(name: &str) -> GroupName {
    GroupName::new(name).unwrap()
}

/// `a` is a job of no group, `b@g` one of the group `g`.
fn job(text: &str) -> Job {
    let (name, of) = text
        .split_once('@')
        .map_or((text, None), |(name, of)| (name, Some(of)));
    Job {
        max_instances: NonZeroU32::new(u32::from(name == "a")),
        group: of.map(group),
        ..plain(name)
    }
}

fn plain(name: &str) -> Job {
    let name = JobName::new(name).unwrap();
    Job::new(name, Component::Ready(Digest::of(b"component")))
}

fn settings(max: u32, of_g: u32) -> Settings {
    Settings {
        max_concurrent_runs: NonZeroU32::new(max).unwrap(),
        groups: [(group("g"), NonZeroU32::new(of_g).unwrap())].into(),
        ..Settings::default()
    }
}

fn minute(minute: i64) -> Timestamp {
    Timestamp::from_second(minute * 60).unwrap()
}

impl World {
    fn new() -> Self {
        let mut slots = Slots::default();
        slots.configure(&settings(3, 1));
        Self {
            slots,
            jobs: BTreeMap::new(),
        }
    }

    fn wait(&mut self, run: u64, who: &str) {
        self.wait_since(run, &job(who), 0);
    }

    fn wait_since(&mut self, run: u64, job: &Job, since: i64) {
        self.slots.wait(RunId(run), job, minute(since));
        self.jobs.insert(run, job.name.clone());
    }

    fn take(&mut self) -> Vec<u64> {
        std::iter::from_fn(|| self.slots.take())
            .map(|run| run.0)
            .collect()
    }

    fn release(&mut self, run: u64) {
        self.slots.release(RunId(run), &self.jobs[&run]);
    }

    fn forget(&mut self, run: u64) {
        self.slots.forget(RunId(run), &self.jobs[&run]);
    }

    fn is_empty(&self) -> bool {
        let slots = &self.slots;
        slots.used == 0
            && slots.offers.is_empty()
            && slots.groups.is_empty()
            && slots.jobs.is_empty()
            && slots.held.is_empty()
    }
}

#[test]
fn the_oldest_first_within_both_caps() {
    let mut world = World::new();
    for (run, who) in [(1, "a"), (2, "a"), (3, "b"), (4, "a"), (5, "b"), (6, "b")] {
        world.wait(run, who);
    }
    assert_eq!(world.take(), [1, 3, 5]);
    world.release(3);
    assert_eq!(world.take(), [6]);
    world.release(1);
    assert_eq!(world.take(), [2]);
}

#[test]
fn a_forgotten_run_lets_the_next_one_in() {
    let mut world = World::new();
    for run in 1..=4 {
        world.wait(run, "a");
    }
    assert_eq!(world.take(), [1]);
    world.release(1);
    world.forget(2);
    world.forget(4);
    assert_eq!(world.take(), [3]);
    world.release(3);
    assert_eq!(world.take(), [0; 0]);
    assert!(world.is_empty());
}

#[test]
fn changed_caps_are_seen() {
    let mut world = World::new();
    for run in 1..=3 {
        world.wait(run, "a");
    }
    for run in 4..=6 {
        world.wait(run, "b@g");
    }
    assert_eq!(world.take(), [1, 4]);
    world.slots.redefine(&plain("a"));
    assert_eq!(world.take(), [2]);
    world.slots.configure(&settings(6, 2));
    assert_eq!(world.take(), [3, 5]);
    world.slots.redefine(&plain("b"));
    assert_eq!(world.take(), [6]);
    for run in 1..=6 {
        world.release(run);
    }
    assert!(world.is_empty());
}

#[test]
fn a_group_is_a_cap_of_its_jobs_together() {
    let mut world = World::new();
    for (run, who) in [(1, "b@g"), (2, "c@g"), (3, "d"), (4, "b@g")] {
        world.wait(run, who);
    }
    assert_eq!(world.take(), [1, 3]);
    world.release(1);
    assert_eq!(world.take(), [2]);
    world.release(2);
    assert_eq!(world.take(), [4]);
    world.release(4);
    world.release(3);
    assert!(world.is_empty());
}

#[test]
fn a_point_of_priority_is_a_minute_of_waiting() {
    let mut world = World::new();
    let of = |name, priority| Job {
        priority,
        ..plain(name)
    };
    world.wait_since(1, &of("b", 0), 0);
    world.wait_since(2, &of("c", 10), 9);
    world.wait_since(3, &of("d", 10), 11);
    world.wait_since(4, &of("e", -100), 1);
    world.wait_since(5, &of("f", 0), 0);
    assert_eq!(world.take(), [2, 1, 5]);
    world.slots.redefine(&of("e", 100));
    world.release(1);
    assert_eq!(world.take(), [4]);
    world.release(2);
    assert_eq!(world.take(), [3]);
}

/// Something that happens to the slots.
#[derive(Clone, Debug)]
enum Happening {
    /// A run of this job begins to wait.
    Wait { job: usize, since: i64 },
    /// One of those that wait leaves.
    Forget(prop::sample::Index),
    /// One of those that have a slot gives it back.
    Release(prop::sample::Index),
    /// A job has another cap, group and priority.
    Redefine { job: usize, as_: (u32, u8, i8) },
    /// Other caps of the engine and of the group.
    Configure(u32, u32),
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        4 => (0..4usize, 0..30i64).prop_map(|(job, since)| Happening::Wait { job, since }),
        1 => any::<prop::sample::Index>().prop_map(Happening::Forget),
        3 => any::<prop::sample::Index>().prop_map(Happening::Release),
        1 => (0..4usize, (0..3u32, 0..3u8, -9..9i8))
            .prop_map(|(job, as_)| Happening::Redefine { job, as_ }),
        1 => (1..6u32, 1..4u32).prop_map(|(all, of_g)| Happening::Configure(all, of_g)),
    ]
}

/// The same, read naively: every run is looked at every time.
#[derive(Default)]
struct Naive {
    jobs: Vec<Job>,
    all: usize,
    of_g: usize,
    /// By run: whose it is, and since when it waits.
    waiting: BTreeMap<u64, (usize, i64)>,
    /// By run: whose it is, and what its group was.
    held: BTreeMap<u64, (usize, Option<GroupName>)>,
}

impl Naive {
    fn may_start(&self, job: usize) -> bool {
        let holders = || self.held.values();
        let definition = &self.jobs[job];
        let of_job = holders().filter(|(it, _)| *it == job).count();
        let of_group = holders().filter(|(_, group)| *group == definition.group);
        let cap = |name: &GroupName| {
            if *name == group("g") {
                self.of_g
            } else {
                usize::MAX
            }
        };
        self.held.len() < self.all
            && definition
                .max_instances
                .is_none_or(|cap| of_job < cap.get() as usize)
            && definition
                .group
                .as_ref()
                .is_none_or(|name| of_group.count() < cap(name))
    }

    fn take(&mut self) -> Option<u64> {
        let who = self
            .waiting
            .iter()
            .filter(|(_, (job, _))| self.may_start(*job));
        let first = who
            .min_by_key(|(run, (job, since))| (since - i64::from(self.jobs[*job].priority), **run));
        let (run, job) = first.map(|(run, (job, _))| (*run, *job))?;
        self.waiting.remove(&run);
        self.held.insert(run, (job, self.jobs[job].group.clone()));
        Some(run)
    }
}

proptest! {
    #[test]
    fn the_slots_agree_with_a_naive_reading(
        happenings in prop::collection::vec(happening(), 0..80),
    ) {
        let mut world = World::new();
        let mut naive = Naive {
            jobs: ["a", "b@g", "c@g", "d"].map(job).into(),
            all: 3,
            of_g: 1,
            ..Naive::default()
        };
        for (run, happening) in (1..).zip(happenings) {
            let pick = |of: Vec<u64>, index: &prop::sample::Index| {
                (!of.is_empty()).then(|| of[index.index(of.len())])
            };
            match happening {
                Happening::Wait { job, since } => {
                    world.wait_since(run, &naive.jobs[job], since);
                    naive.waiting.insert(run, (job, since));
                }
                Happening::Forget(index) => {
                    let waiting = naive.waiting.keys().copied().collect();
                    if let Some(run) = pick(waiting, &index) {
                        world.forget(run);
                        naive.waiting.remove(&run);
                    }
                }
                Happening::Release(index) => {
                    let held = naive.held.keys().copied().collect();
                    if let Some(run) = pick(held, &index) {
                        world.release(run);
                        naive.held.remove(&run);
                    }
                }
                Happening::Redefine { job, as_: (cap, of, priority) } => {
                    let definition = &mut naive.jobs[job];
                    definition.max_instances = NonZeroU32::new(cap);
                    definition.group = (of > 0).then(|| group(["g", "h"][usize::from(of) - 1]));
                    definition.priority = priority;
                    world.slots.redefine(definition);
                }
                Happening::Configure(all, of_g) => {
                    (naive.all, naive.of_g) = (all as usize, of_g as usize);
                    world.slots.configure(&settings(all, of_g));
                }
            }
            let expected: Vec<_> = std::iter::from_fn(|| naive.take()).collect();
            prop_assert_eq!(world.take(), expected);
        }
        for run in naive.held.keys() {
            world.release(*run);
        }
        for run in naive.waiting.keys() {
            world.forget(*run);
        }
        prop_assert!(world.is_empty());
    }
}
