//! When a job is due, read as naively as the rule is written: a scan of what the clocks on the wall show,
//! hour by hour. It shares no code with the engine, nor with the schedules that the engine asks.
//!
//! It reads the expressions that the simulation writes, and no others. What an hour holds is remembered,
//! so that a scan costs little.

use std::{cell::RefCell, collections::BTreeMap, collections::BTreeSet, rc::Rc, time::Duration};

use cronlet_core::{
    job::Job,
    name::JobName,
    schedule::{Cron, Every, Schedule, Trigger, Zone},
};
use jiff::{
    SignedDuration, Timestamp,
    civil::DateTime,
    tz::{AmbiguousOffset, Offset, TimeZone},
};
use sha2::{Digest as _, Sha256};

/// No clock of the simulation jumps by more hours.
const JUMP: i64 = 1;

/// The instants of a schedule in `(after, through]`, those of all triggers together and each once.
pub(crate) fn instants(
    schedule: &Schedule,
    after: Timestamp,
    through: Timestamp,
) -> Vec<Timestamp> {
    let mut all = Vec::new();
    for trigger in schedule.triggers.as_slice() {
        match trigger {
            Trigger::At(at) => all.extend(at.instants()),
            Trigger::Every(every) => {
                let each = every_after(every, after);
                all.extend(each.take_while(|at| *at <= through));
            }
            Trigger::Cron(cron) => read(cron, |reading| {
                let first = number(wall_in(&reading.zone, after)) - JUMP;
                let last = number(wall_in(&reading.zone, through)) + JUMP;
                for hour in first..=last {
                    all.extend(from(&reading.hour(hour), after));
                }
            }),
        }
    }
    all.retain(|at| after < *at && *at <= through && is_between(schedule, *at));
    all.sort_unstable();
    all.dedup();
    all
}

/// The first instant of a schedule after `t`.
pub(crate) fn next_after(schedule: &Schedule, t: Timestamp) -> Option<Timestamp> {
    let t = schedule.start.map_or(t, |start| t.max(before(start)));
    let next = |trigger: &Trigger| match trigger {
        Trigger::At(at) => at.instants().iter().find(|at| **at > t).copied(),
        Trigger::Every(every) => every_after(every, t).next(),
        Trigger::Cron(cron) => read(cron, |reading| {
            let first = number(wall_in(&reading.zone, t)) - JUMP;
            let mut later = |hour| from(&reading.hour(hour), t).first().copied();
            // Each expression is due on each day.
            let found = (first..first + 72).find(|hour| later(*hour).is_some())?;
            [later(found), later(found + JUMP)]
                .into_iter()
                .flatten()
                .min()
        }),
    };
    let each = schedule.triggers.as_slice().iter();
    let next = each.filter_map(next).min()?;
    is_between(schedule, next).then_some(next)
}

/// When the occurrence of a job at an instant starts: put off by its part of the jitter.
pub(crate) fn start(job: &Job, nominal: Timestamp) -> Timestamp {
    put_off(job, nominal, nominal, Duration::MAX)
}

/// When the occurrence of a job at an instant starts if it is found at `from`: put off by its part of the
/// jitter, or of the time to the next instant or of `most` if that is less.
pub(crate) fn put_off(job: &Job, nominal: Timestamp, from: Timestamp, most: Duration) -> Timestamp {
    let mut room = job.schedule.jitter.min(most);
    if room.is_zero() {
        return from;
    }
    if let Some(next) = next_after(&job.schedule, from) {
        let left = next.duration_since(from);
        room = room.min(Duration::try_from(left).expect("next is later"));
    }
    from + Duration::from_micros(part(room, &job.name, nominal))
}

/// The last moment before `at`.
pub(crate) fn before(at: Timestamp) -> Timestamp {
    at.checked_sub(SignedDuration::from_nanos(1))
        .unwrap_or(Timestamp::MIN)
}

/// The first moment after `at`.
pub(crate) fn after(at: Timestamp) -> Timestamp {
    at.checked_add(SignedDuration::from_nanos(1))
        .unwrap_or(Timestamp::MAX)
}

/// What the clocks of a zone show.
pub(crate) fn wall(zone: &Zone, t: Timestamp) -> DateTime {
    wall_in(&by_name(zone.name()), t)
}

/// What makes a job due, however it is spelled.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Definition {
    triggers: BTreeSet<String>,
    zone: &'static str,
    bounds: [Option<Timestamp>; 2],
    enabled: bool,
}

impl Definition {
    pub(crate) fn of(job: &Job) -> Self {
        let Schedule {
            triggers,
            start,
            end,
            ..
        } = &job.schedule;
        let spelled = |trigger: &Trigger| match trigger {
            Trigger::At(at) => format!("{:?}", at.instants()),
            Trigger::Every(every) => format!("{:?} {:?}", every.period(), every.offset()),
            Trigger::Cron(cron) => seven(cron.as_str()).join(" "),
        };
        let manual = triggers.as_slice().is_empty();
        Self {
            triggers: triggers.as_slice().iter().map(spelled).collect(),
            // Nothing names an instant in it.
            zone: if manual { "" } else { job.zone.name() },
            bounds: [*start, *end].map(|bound| bound.filter(|_| !manual)),
            enabled: job.enabled,
        }
    }
}

/// Those of `instants` that are after `t`.
fn from(instants: &[Timestamp], t: Timestamp) -> &[Timestamp] {
    &instants[instants.partition_point(|at| *at <= t)..]
}

fn is_between(schedule: &Schedule, at: Timestamp) -> bool {
    let Schedule { start, end, .. } = *schedule;
    start.is_none_or(|start| start <= at) && end.is_none_or(|end| at < end)
}

/// Multiples of the period since 1970, and the offset.
fn every_after(every: &Every, t: Timestamp) -> impl Iterator<Item = Timestamp> {
    let nanos = |span: Duration| i128::try_from(span.as_nanos()).expect("it is short");
    let (period, offset) = (nanos(every.period()), nanos(every.offset()));
    let before = t.as_nanosecond() / period - 2;
    let each = (before..).map(move |n| n * period + offset);
    let each = each.skip_while(move |at| *at <= t.as_nanosecond());
    each.map_while(|at| Timestamp::from_nanosecond(at).ok())
}

/// How much of `room`, in microseconds, as the documents reckon it.
fn part(room: Duration, job: &JobName, nominal: Timestamp) -> u64 {
    let text = format!("{job}\0{}", nominal.as_microsecond());
    let hash = Sha256::digest(text.as_bytes());
    let first: [u8; 8] = hash[..8].try_into().expect("it is longer");
    let product = u128::from(u64::from_be_bytes(first)) * room.as_micros();
    u64::try_from(product >> 64).expect("it is less than the room")
}

/// An expression on the clocks of a zone.
struct Reading {
    zone: TimeZone,
    /// Which values of second, minute, hour, day, month and day of the week match.
    fields: Vec<BTreeSet<i8>>,
    /// Its minute or hour begins with `*`.
    is_rhythm: bool,
    /// The instants for the wall times of each hour, in order.
    hours: BTreeMap<i64, Rc<[Timestamp]>>,
}

impl Reading {
    fn new(text: &str, zone: &str) -> Self {
        let fields = seven(text);
        let ranges = [(0, 59), (0, 59), (0, 23), (1, 31), (1, 12), (0, 6)];
        let each = fields.iter().zip(ranges);
        Self {
            zone: by_name(zone),
            fields: each.map(|(text, range)| values(text, range)).collect(),
            is_rhythm: fields[1].starts_with('*') || fields[2].starts_with('*'),
            hours: BTreeMap::new(),
        }
    }

    fn hour(&mut self, hour: i64) -> Rc<[Timestamp]> {
        if let Some(known) = self.hours.get(&hour) {
            return known.clone();
        }
        let scanned: Rc<[_]> = self.scan(hour).into_iter().collect();
        self.hours.insert(hour, scanned.clone());
        scanned
    }

    /// Each second of the hour that matches is due when the clocks show it.
    fn scan(&self, hour: i64) -> BTreeSet<Timestamp> {
        let begin = Timestamp::from_second(hour * 3_600).expect("it is a time");
        let begin = Offset::UTC.to_datetime(begin);
        let (day, weekday) = (begin.date(), begin.weekday().to_sunday_zero_offset());
        let parts = [begin.hour(), day.day(), day.month(), weekday];
        let [seconds, minutes, others @ ..] = &self.fields[..] else {
            return BTreeSet::new();
        };
        if !others
            .iter()
            .zip(parts)
            .all(|(field, part)| field.contains(&part))
        {
            return BTreeSet::new();
        }
        let each = minutes
            .iter()
            .flat_map(|minute| seconds.iter().map(move |second| (minute, second)));
        let walls = each.map(|(minute, second)| day.at(begin.hour(), *minute, *second, 0));
        walls.flat_map(|wall| self.shown(wall)).flatten().collect()
    }

    /// When a wall time is due. Where the clocks show it twice, a time of the day is due once; where they
    /// jump over it, when they have.
    fn shown(&self, wall: DateTime) -> [Option<Timestamp>; 2] {
        let by = |offset: Offset| offset.to_timestamp(wall).expect("it is a time");
        match self.zone.to_ambiguous_timestamp(wall).offset() {
            AmbiguousOffset::Unambiguous { offset } => [Some(by(offset)), None],
            AmbiguousOffset::Fold { before, after } => {
                [Some(by(before)), Some(by(after)).filter(|_| self.is_rhythm)]
            }
            AmbiguousOffset::Gap { .. } if self.is_rhythm => [None, None],
            AmbiguousOffset::Gap { before, .. } => {
                let past_it = by(before) + Duration::from_secs(1);
                let jump = self.zone.preceding(past_it).next();
                [jump.map(|jump| jump.timestamp()), None]
            }
        }
    }
}

/// Reads an expression, or goes on reading it.
fn read<T>(cron: &Cron, with: impl FnOnce(&mut Reading) -> T) -> T {
    thread_local! {
        static READ: RefCell<BTreeMap<&'static str, BTreeMap<String, Reading>>> = RefCell::default();
    }
    READ.with_borrow_mut(|read| {
        let (text, zone) = (cron.as_str(), cron.zone().name());
        let read = read.entry(zone).or_default();
        if !read.contains_key(text) {
            read.insert(text.to_owned(), Reading::new(text, zone));
        }
        with(read.get_mut(text).expect("it is there"))
    })
}

/// The fields from the second to the year.
fn seven(text: &str) -> Vec<&str> {
    let text = if text == "@hourly" { "0 * * * *" } else { text };
    let mut fields: Vec<_> = text.split(' ').collect();
    if fields.len() == 5 {
        fields.insert(0, "0");
    }
    if fields.len() == 6 {
        fields.push("*");
    }
    assert!(
        fields.len() == 7 && fields[6] == "*",
        "`{text}`: nobody writes that here"
    );
    fields
}

fn values(text: &str, (min, max): (i8, i8)) -> BTreeSet<i8> {
    let value = |text: &str| text.parse::<i8>().expect("it is a number");
    let item = |item: &str| {
        let (range, step) = item
            .split_once('/')
            .map_or((item, None), |(range, step)| (range, Some(value(step))));
        let (from, to) = match range.split_once('-') {
            _ if range == "*" => (min, max),
            Some((from, to)) => (value(from), value(to)),
            None if step.is_some() => (value(range), max),
            None => (value(range), value(range)),
        };
        let length = if from <= to {
            to - from
        } else {
            to - from + max - min + 1
        };
        let steps =
            (0..=length).step_by(usize::try_from(step.unwrap_or(1)).expect("it is positive"));
        steps
            .map(move |n| min + (from - min + n) % (max - min + 1))
            .collect::<Vec<_>>()
    };
    text.split(',').flat_map(item).collect()
}

/// The hour that a wall time is in, counted as if there were one zone.
fn number(wall: DateTime) -> i64 {
    let as_utc = Offset::UTC.to_timestamp(wall).expect("it is a time");
    as_utc.as_second().div_euclid(3_600)
}

fn wall_in(zone: &TimeZone, t: Timestamp) -> DateTime {
    zone.to_datetime(t)
}

fn by_name(zone: &str) -> TimeZone {
    if zone == "UTC" {
        TimeZone::UTC
    } else {
        TimeZone::get(zone).expect("it is in the database")
    }
}
