//! The keys that say which occurrences run, and which of those that wait is next: `[defaults]` and a
//! job share them.

use std::{
    num::NonZeroU32,
    ops::{Range, RangeInclusive},
    time::Duration,
};

use cronlet_core::{
    name::GroupName,
    policy::{CatchUp, CatchUpMode, Overlap},
};

use super::{
    groups,
    problem::Problem,
    table::{Kind, Table, Walk},
};

const OVERLAP: Kind = Kind::quoted("a word", "\"skip\"");
const COUNT: Kind = Kind::number("a whole number", "4");
const QUEUED: Kind = Kind::number("a whole number", "100");
const PRIORITY: Kind = Kind::number("a whole number", "10");
const CATCH_UP: Kind = Kind::quoted("a word", "\"latest\"");
const GRACE: Kind = Kind::measure("a duration", "\"1m\"", "s");
const WINDOW: Kind = Kind::measure("a duration", "\"1d\"", "s");

pub(super) const INSTANCES: RangeInclusive<u32> = 1..=10_000;
pub(super) const MOST_QUEUED: RangeInclusive<u32> = 1..=10_000;
pub(super) const PRIORITIES: RangeInclusive<i64> = -100..=100;
/// All of them become runs in one step of the engine.
pub(super) const MOST_LATE: RangeInclusive<u32> = 1..=1_000;
/// At zero nothing would ever be young enough to run.
pub(super) const AGES: RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_hours(3650 * 24);

/// For advice.
pub(super) const KEYS: [&str; 9] = [
    "overlap",
    "max_queued",
    "max_instances",
    "group",
    "priority",
    "catch_up",
    "catch_up_max",
    "catch_up_grace",
    "catch_up_window",
];

/// The words of `overlap`, and what they mean with the default of `max_queued`.
pub(super) const OVERLAPS: [(&str, Overlap); 6] = [
    ("skip", Overlap::Skip),
    ("queue-one", Overlap::QueueOne),
    (
        "queue-all",
        Overlap::QueueAll {
            max: Overlap::DEFAULT_MAX_QUEUED,
        },
    ),
    ("allow", Overlap::Allow),
    ("cancel-running", Overlap::CancelRunning { kill: false }),
    ("kill-running", Overlap::CancelRunning { kill: true }),
];

/// The words of `catch_up`.
pub(super) const CATCH_UPS: [(&str, CatchUpMode); 3] = [
    ("latest", CatchUpMode::Latest),
    ("none", CatchUpMode::None),
    ("all", CatchUpMode::All),
];

/// What is written of them.
#[derive(Clone, Debug, Default)]
pub(super) struct AdmissionKeys {
    overlap: Option<Overlap>,
    max_queued: Option<NonZeroU32>,
    max_instances: Option<NonZeroU32>,
    group: Option<GroupName>,
    priority: Option<i8>,
    catch_up: Option<CatchUpMode>,
    catch_up_max: Option<NonZeroU32>,
    catch_up_grace: Option<Duration>,
    catch_up_window: Option<Duration>,
    /// Where those are that only some words of `overlap` and `catch_up` read.
    special: Vec<Special>,
}

/// A key that has an effect only where `reader` has the value `word`.
#[derive(Clone, Debug)]
struct Special {
    key: &'static str,
    reader: &'static str,
    word: &'static str,
    span: Range<usize>,
}

impl Special {
    fn new(key: &'static str, reader: &'static str, word: &'static str, at: &Range<usize>) -> Self {
        Self {
            key,
            reader,
            word,
            span: at.clone(),
        }
    }

    /// What is said of it where the reader has another value.
    fn idle(self, value: &str) -> Problem {
        let Self {
            key, reader, word, ..
        } = self;
        Problem::warning(
            "config::no-effect",
            format!("`{key}` has no effect with `{reader} = \"{value}\"`"),
        )
        .at(self.span)
        .label(format!("only `{reader} = \"{word}\"` reads it"))
        .help(format!(
            "write `{reader} = \"{word}\"`, or leave `{key}` out"
        ))
    }
}

/// What they mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Admission {
    pub(super) overlap: Overlap,
    pub(super) max_instances: Option<NonZeroU32>,
    pub(super) group: Option<GroupName>,
    pub(super) priority: i8,
    pub(super) catch_up: CatchUp,
}

impl AdmissionKeys {
    pub(super) fn read<'a>(walk: &mut Walk<'a>, table: &mut Table<'a>) -> Self {
        let mut keys = Self::default();
        if let Some(field) = table.take("overlap") {
            keys.overlap = walk.choice(&field, &OVERLAP, &OVERLAPS);
        }
        if let Some(field) = table.take("max_queued") {
            let special = Special::new("max_queued", "overlap", "queue-all", &field.span);
            keys.special.push(special);
            let most = walk.integer(&field, &QUEUED, MOST_QUEUED);
            keys.max_queued = most.and_then(NonZeroU32::new);
        }
        if let Some(field) = table.take("max_instances") {
            let special = Special::new("max_instances", "overlap", "allow", &field.span);
            keys.special.push(special);
            let most = walk.integer(&field, &COUNT, INSTANCES);
            keys.max_instances = most.and_then(NonZeroU32::new);
        }
        if let Some(field) = table.take("group") {
            keys.group = groups::member(walk, &field);
        }
        if let Some(field) = table.take("priority") {
            let points = walk.integer(&field, &PRIORITY, PRIORITIES);
            keys.priority = points.and_then(|points| i8::try_from(points).ok());
        }
        if let Some(field) = table.take("catch_up") {
            keys.catch_up = walk.choice(&field, &CATCH_UP, &CATCH_UPS);
        }
        if let Some(field) = table.take("catch_up_max") {
            let special = Special::new("catch_up_max", "catch_up", "all", &field.span);
            keys.special.push(special);
            let most = walk.integer(&field, &QUEUED, MOST_LATE);
            keys.catch_up_max = most.and_then(NonZeroU32::new);
        }
        if let Some(field) = table.take("catch_up_grace") {
            keys.catch_up_grace = walk.duration(&field, &GRACE, AGES);
        }
        if let Some(field) = table.take("catch_up_window") {
            keys.catch_up_window = walk.duration(&field, &WINDOW, AGES);
        }
        keys
    }

    /// These keys, with those of `defaults` where they are not written.
    fn over(self, defaults: &Self) -> Self {
        Self {
            overlap: self.overlap.or(defaults.overlap),
            max_queued: self.max_queued.or(defaults.max_queued),
            max_instances: self.max_instances.or(defaults.max_instances),
            group: self.group.or_else(|| defaults.group.clone()),
            priority: self.priority.or(defaults.priority),
            catch_up: self.catch_up.or(defaults.catch_up),
            catch_up_max: self.catch_up_max.or(defaults.catch_up_max),
            catch_up_grace: self.catch_up_grace.or(defaults.catch_up_grace),
            catch_up_window: self.catch_up_window.or(defaults.catch_up_window),
            special: self.special,
        }
    }

    /// Says which of these keys nothing reads. One that `[defaults]` has is there for other jobs.
    fn lint(&self, walk: &mut Walk<'_>) {
        let overlap = self.overlap.unwrap_or_default();
        let catch_up = self.catch_up.unwrap_or(CatchUp::default().mode);
        let overlap = OVERLAPS.iter().find(|(_, it)| *it == overlap);
        let catch_up = CATCH_UPS.iter().find(|(_, it)| *it == catch_up);
        for special in &self.special {
            let value = match special.reader {
                "overlap" => overlap.map(|(word, _)| *word),
                _ => catch_up.map(|(word, _)| *word),
            };
            if let Some(value) = value.filter(|value| *value != special.word) {
                walk.lints.push(special.clone().idle(value));
            }
        }
    }

    /// What these keys mean, with those of `defaults` where they are not written.
    pub(super) fn resolve(self, defaults: &Self, walk: &mut Walk<'_>) -> Admission {
        let keys = self.over(defaults);
        keys.lint(walk);
        let catch_up = CatchUp::default();
        Admission {
            overlap: match keys.overlap.unwrap_or_default() {
                Overlap::QueueAll { max } => Overlap::QueueAll {
                    max: keys.max_queued.unwrap_or(max),
                },
                overlap => overlap,
            },
            max_instances: keys.max_instances,
            group: keys.group,
            priority: keys.priority.unwrap_or_default(),
            catch_up: CatchUp {
                mode: keys.catch_up.unwrap_or(catch_up.mode),
                max: keys.catch_up_max.unwrap_or(catch_up.max),
                grace: keys.catch_up_grace.unwrap_or(catch_up.grace),
                window: keys.catch_up_window.unwrap_or(catch_up.window),
            },
        }
    }
}
