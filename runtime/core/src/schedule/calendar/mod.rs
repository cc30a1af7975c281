//! The calendar of a job: the hours and the days at which a due instant does not run.
//!
//! `active_hours` are hours of the week at which the job may run; without any it always may. `blackout`
//! are days, or spans of time, at which it may not. Both say what the clocks on the walls of the job's
//! zone show: an instant is judged by what they show then, and by nothing else. So hours that clocks jump
//! over are never there, and those that they show twice are there twice.
//!
//! The judgement changes only where an hour, a blackout or a period of the zone begins or ends, so one
//! asks for the [`Stretch`] around an instant, and never instant by instant.

mod error;
mod foreign;
mod hours;
mod span;

use jiff::Timestamp;

pub use error::CalendarError;
pub use foreign::{meant_day, meant_time};
pub use hours::ActiveHours;
pub use span::Blackout;

use super::dst::second;
use super::zone::{FAR_OFF, LONG_AGO, Zone};

const DAY: i64 = 86_400;
const WEEK: i64 = 7 * DAY;

/// When a job that is due does not run; by default never.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calendar {
    zone: Zone,
    hours: Vec<ActiveHours>,
    blackouts: Vec<Blackout>,
    /// The active hours in seconds of a week that begins on Monday: in order, and apart.
    open: Vec<(i64, i64)>,
    /// The blackouts in seconds of the wall clock: in order, and apart.
    dark: Vec<(i64, i64)>,
}

/// Why an instant does not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exclusion {
    /// It is not in the active hours.
    OutsideHours,
    /// It is in a blackout, whatever the hour.
    Blackout,
}

/// A span of time around an instant in which the calendar says one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// Why nothing runs in it; none if it does.
    pub excludes: Option<Exclusion>,
    /// Its first instant. What comes before may be said the same of.
    pub first: Timestamp,
    /// The first instant after it, of which the same may be said.
    pub end: Timestamp,
}

impl Calendar {
    /// A calendar has at most so many active hours.
    pub const MOST_HOURS: usize = 64;
    /// A calendar has at most so many blackouts.
    pub const MOST_BLACKOUTS: usize = 1_000;

    /// A calendar on the clocks of `zone`. Without active hours all hours are.
    pub fn new(zone: Zone, hours: Vec<ActiveHours>, blackouts: Vec<Blackout>) -> Self {
        if hours.is_empty() && blackouts.is_empty() {
            return Self::default();
        }
        Self {
            open: joined(hours.iter().flat_map(ActiveHours::of_the_week).collect()),
            dark: joined(blackouts.iter().map(Blackout::seconds).collect()),
            zone,
            hours,
            blackouts,
        }
    }

    /// Whether it excludes nothing.
    pub fn is_empty(&self) -> bool {
        self.hours.is_empty() && self.blackouts.is_empty()
    }

    /// The active hours as given.
    pub fn active_hours(&self) -> &[ActiveHours] {
        &self.hours
    }

    /// The blackouts as given.
    pub fn blackouts(&self) -> &[Blackout] {
        &self.blackouts
    }

    /// The zone whose clocks it is read on.
    pub fn zone(&self) -> &Zone {
        &self.zone
    }

    /// Why `t` does not run; none if it does.
    pub fn excludes(&self, t: Timestamp) -> Option<Exclusion> {
        self.stretch(t).excludes
    }

    /// What it says of `t`, and of how much around it.
    pub fn stretch(&self, t: Timestamp) -> Stretch {
        let t = second(t);
        let n = self.zone.period_at(t);
        let period = self.zone.periods()[n];
        let wall = t + period.offset;
        let (dark, mut around) = place(&self.dark, wall, (LONG_AGO, FAR_OFF));
        let mut excludes = dark.then_some(Exclusion::Blackout);
        if !dark && !self.hours.is_empty() {
            // The first day of 1970 was a Thursday.
            let hour = (wall + 3 * DAY).rem_euclid(WEEK);
            let monday = wall - hour;
            let (open, (from, to)) = place(&self.open, hour, (0, WEEK));
            excludes = (!open).then_some(Exclusion::OutsideHours);
            around = (around.0.max(monday + from), around.1.min(monday + to));
        }
        Stretch {
            excludes,
            first: instant(period.start.max(around.0 - period.offset)),
            end: instant(self.zone.end_of(n).min(around.1 - period.offset)),
        }
    }
}

/// Whether `at` is in one of `spans`, and the span or the room between two that it is in.
fn place(spans: &[(i64, i64)], at: i64, all: (i64, i64)) -> (bool, (i64, i64)) {
    let later = spans.partition_point(|(from, _)| *from <= at);
    let before = later.checked_sub(1).map(|n| spans[n]);
    if let Some(span) = before.filter(|(_, to)| at < *to) {
        return (true, span);
    }
    let from = before.map_or(all.0, |(_, to)| to);
    let to = spans.get(later).map_or(all.1, |(from, _)| *from);
    (false, (from, to))
}

/// The spans in order, with those in one that overlap or touch.
fn joined(mut spans: Vec<(i64, i64)>) -> Vec<(i64, i64)> {
    spans.sort_unstable();
    let mut apart: Vec<(i64, i64)> = Vec::with_capacity(spans.len());
    for (from, to) in spans {
        match apart.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(to),
            _ => apart.push((from, to)),
        }
    }
    apart
}

/// The instant of a second; beyond the ends of time, their ends.
fn instant(second: i64) -> Timestamp {
    let (first, last) = (Timestamp::MIN, Timestamp::MAX);
    if second < first.as_second() {
        return first;
    }
    Timestamp::from_second(second).unwrap_or(last)
}

#[cfg(test)]
mod tests;
