//! Triggers: what makes a job due, as pure functions of an instant.
//!
//! A [`Trigger`] names a set of instants (the job's nominal times) and answers
//! three questions about it: which instant comes next, which is the newest in
//! an interval, and how many an interval holds. Intervals are open at the past
//! end and closed at the other, `(after, through]`, because `after` is a
//! watermark: everything up to and including it is accounted for.
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
mod cron;
mod dst;
mod every;
mod zone;

use std::fmt;

use jiff::{Timestamp, civil::DateTime};

pub use at::{At, AtError};
pub use cron::{Cron, CronError, CronLint};
pub use dst::{Crowd, Jump};
pub use every::{Every, EveryError};
pub use zone::{Local, UnknownZone, Zone};

/// What makes a job due by time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// Calendar fields, such as `0 6 * * Mon-Fri`.
    Cron(Cron),
    /// A fixed period, such as `every 30s`.
    Every(Every),
    /// One instant or several.
    At(At),
}

impl Trigger {
    /// The first instant strictly after `t`, or `None` if there is none.
    ///
    /// # Panics
    ///
    /// If the answer were not after `t`. That would be a defect of the search,
    /// and a caller that waits for the answer and asks again would never rest.
    pub fn next_after(&self, t: Timestamp) -> Option<Timestamp> {
        let next = match self {
            Self::Cron(cron) => cron.next_after(t),
            Self::Every(every) => every.next_after(t),
            Self::At(at) => at.next_after(t),
        };
        assert!(
            next.is_none_or(|next| next > t),
            "`{self}`: {next:?} is not after {t}"
        );
        next
    }

    /// The newest instant in `(after, through]`, or `None` if there is none.
    pub fn latest_in(&self, after: Timestamp, through: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Cron(cron) => cron.latest_at_or_before(through),
            Self::Every(every) => every.latest_at_or_before(through),
            Self::At(at) => at.latest_at_or_before(through),
        }
        .filter(|latest| *latest > after)
    }

    /// How many instants `(after, through]` holds; an empty or reversed
    /// interval holds none.
    ///
    /// It costs at most a step for each calendar month between the two, never
    /// one for each instant.
    pub fn count_in(&self, after: Timestamp, through: Timestamp) -> u64 {
        if through <= after {
            return 0;
        }
        match self {
            Self::Cron(cron) => cron.count_in(after, through),
            Self::Every(every) => every.count_in(after, through),
            Self::At(at) => at.count_in(after, through),
        }
    }

    /// The wall times that clocks going forward jumped over, and that are due
    /// at `t` for it; none where no gap ends at `t`.
    pub fn stands_for(&self, t: Timestamp) -> Vec<DateTime> {
        match self {
            Self::Cron(cron) => cron.stands_for(t),
            Self::Every(_) | Self::At(_) => Vec::new(),
        }
    }

    /// The definition as canonical text, for telling whether it was changed.
    ///
    /// Spelling does not count: names and their numbers, upper and lower case,
    /// blanks, a macro and its expansion, and left-out seconds and year written
    /// out give one fingerprint. Different definitions never do. The zone is
    /// not part of it: [`Job::fingerprint`](crate::job::Job::fingerprint) adds
    /// that. It is stored beside a job's watermark, so its form must stay as it
    /// is.
    pub fn fingerprint(&self) -> String {
        match self {
            Self::Cron(cron) => cron.fingerprint(),
            Self::Every(every) => every.fingerprint(),
            Self::At(at) => at.fingerprint(),
        }
    }
}

/// The short form for a table: the cron text, `every 30s`, or
/// `at 2026-05-01T08:00:00Z (+2 more)`.
impl fmt::Display for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cron(cron) => cron.fmt(f),
            Self::Every(every) => every.fmt(f),
            Self::At(at) => at.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests;
