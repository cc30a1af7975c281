//! Schedules: when a job is due, as pure functions of an instant.
//!
//! A [`Trigger`] names a set of instants (the job's nominal times) and answers
//! three questions about it: which instant comes next, which is the newest in
//! an interval, and how many an interval holds. Intervals are open at the past
//! end and closed at the other, `(after, through]`, because `after` is a
//! watermark: everything up to and including it is accounted for.
//!
//! A [`Schedule`] is what a job has: several triggers, whose equal instants are
//! one ([`Triggers`]); from when to when they count; the hours and days at which
//! a due instant does not run ([`Calendar`]); and how far its start may be put
//! off (`jitter`). It answers the same questions.
//!
//! Nothing here reads a clock, and no answer depends on when the process
//! started: the same definition and the same instant give the same answer on
//! every machine. Every search is bounded, and `next_after(t)` is strictly
//! greater than `t`: a caller that feeds the answer back in always moves on.
//!
//! - [`Cron`]: calendar fields, whole seconds, 1970 to 2199, on the clocks of a [`Zone`].
//! - [`Every`]: a fixed period, anchored to the Unix epoch.
//! - [`At`]: one instant or several.

mod at;
mod calendar;
mod cron;
mod dst;
mod every;
mod jitter;
mod trigger;
mod triggers;
mod zone;

use std::{fmt, time::Duration};

use jiff::{Timestamp, civil::DateTime};

pub use at::{At, AtError};
pub use calendar::{
    ActiveHours, Blackout, Calendar, CalendarError, Exclusion, Stretch, meant_day, meant_time,
};
pub use cron::{Cron, CronError, CronLint};
pub use dst::{Crowd, Jump};
pub use every::{Every, EveryError};
pub use trigger::Trigger;
pub use triggers::{Count, TooManyTriggers, Triggers};
pub use zone::{Local, UnknownZone, Zone};

use crate::name::JobName;

/// When a job is due by time; by default never.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schedule {
    /// What makes it due; without any it is due when somebody asks.
    pub triggers: Triggers,
    /// No instant before this is due.
    pub start: Option<Timestamp>,
    /// No instant at or after this is due.
    pub end: Option<Timestamp>,
    /// At which of its instants it does not run.
    pub calendar: Calendar,
    /// How far a start may be put off. The instant stays what it is.
    pub jitter: Duration,
}

/// How many stretches of the calendar are looked at in a search for an instant outside them.
const STRETCHES: usize = 10_000;

impl Schedule {
    /// Whether no time makes the job due.
    pub fn is_manual(&self) -> bool {
        self.triggers.is_empty()
    }

    /// The first instant strictly after `t`, whether the job runs then or not.
    pub fn next_after(&self, t: Timestamp) -> Option<Timestamp> {
        let next = self.triggers.next_after(self.not_before_start(t))?;
        self.end.is_none_or(|end| next < end).then_some(next)
    }

    /// The first instant strictly after `t` at which the calendar lets it run. None if there is none, or
    /// none after ten thousand stretches of the calendar that hold instants and let none of them run.
    pub fn next_allowed_after(&self, t: Timestamp) -> Option<Timestamp> {
        self.first_allowed_in(t, Timestamp::MAX)
    }

    /// The first instant in `(after, through]` at which the calendar lets it run; searched for as far as
    /// [`Schedule::next_allowed_after`] does.
    pub fn first_allowed_in(&self, after: Timestamp, through: Timestamp) -> Option<Timestamp> {
        let mut from = after;
        for _ in 0..STRETCHES {
            let next = self.next_after(from).filter(|next| *next <= through)?;
            let stretch = self.calendar.stretch(next);
            if stretch.excludes.is_none() {
                return Some(next);
            }
            from = next.max(before(stretch.end));
        }
        None
    }

    /// The newest instant in `(after, through]`, or `None` if there is none.
    pub fn latest_in(&self, after: Timestamp, through: Timestamp) -> Option<Timestamp> {
        let (after, through) = self.part_of(after, through);
        self.triggers.latest_in(after, through)
    }

    /// How many instants `(after, through]` holds, or a first part of it: see [`Triggers::count_in`].
    pub fn count_in(&self, after: Timestamp, through: Timestamp, most: usize) -> Count {
        let (inner_after, inner) = self.part_of(after, through);
        let count = self.triggers.count_in(inner_after, inner, most);
        if count.through < inner {
            return count;
        }
        // After the end there is nothing.
        Count { through, ..count }
    }

    /// When the occurrence of the job called `job` at `nominal` starts: put off by a stable part of the
    /// jitter, and never to the next instant or beyond.
    pub fn starts_at(&self, job: &JobName, nominal: Timestamp) -> Timestamp {
        self.put_off(job, nominal, nominal, Duration::MAX)
    }

    /// When the occurrence of the job called `job` at `nominal` starts if it is found at `from`: put off by
    /// its part of the jitter from there, or of `most` if that is shorter, and never to the next instant or
    /// beyond.
    pub fn put_off(
        &self,
        job: &JobName,
        nominal: Timestamp,
        from: Timestamp,
        most: Duration,
    ) -> Timestamp {
        if self.jitter.is_zero() {
            return from;
        }
        let room = self.next_after(from).map_or(self.jitter, |next| {
            Duration::try_from(next.duration_since(from)).unwrap_or(Duration::ZERO)
        });
        let delay = jitter::part_of(self.jitter.min(most).min(room), job, nominal);
        from.checked_add(delay).unwrap_or(from)
    }

    /// The wall times that clocks going forward jumped over, and that are due
    /// at `t` for it; none where no gap ends at `t`.
    pub fn stands_for(&self, t: Timestamp) -> Vec<DateTime> {
        self.triggers.stands_for(t)
    }

    /// What is due, as canonical text, for telling whether it was changed: the triggers, the start and the
    /// end. The calendar and the jitter are no part of it, as they change no instant; neither is the zone,
    /// which [`Job::fingerprint`](crate::job::Job::fingerprint) adds. None is that of a job that no time
    /// makes due. It is stored beside a job's watermark, so its form must stay as it is.
    pub fn fingerprint(&self) -> Option<String> {
        let mut text = self.triggers.fingerprint()?;
        for (word, bound) in [(" start ", self.start), (" end ", self.end)] {
            if let Some(bound) = bound {
                text.push_str(word);
                text.push_str(&bound.to_string());
            }
        }
        Some(text)
    }

    /// `t`, or the last moment before the start if that is later.
    fn not_before_start(&self, t: Timestamp) -> Timestamp {
        self.start.map_or(t, |start| t.max(before(start)))
    }

    /// `(after, through]` without what is before the start or after the end.
    fn part_of(&self, after: Timestamp, through: Timestamp) -> (Timestamp, Timestamp) {
        let through = self.end.map_or(through, |end| through.min(before(end)));
        (self.not_before_start(after), through)
    }
}

/// One trigger, at any time.
impl From<Trigger> for Schedule {
    fn from(trigger: Trigger) -> Self {
        Self {
            triggers: trigger.into(),
            ..Self::default()
        }
    }
}

/// The short form of its triggers, for a table.
impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.triggers.fmt(f)
    }
}

/// The last moment before `t`.
pub(crate) fn before(t: Timestamp) -> Timestamp {
    t.checked_sub(Duration::from_nanos(1))
        .unwrap_or(Timestamp::MIN)
}

#[cfg(test)]
mod tests;
