//! One trigger: calendar fields, a period, or instants by name.

use std::fmt;

use jiff::{Timestamp, civil::DateTime};

use super::{At, Cron, Every};

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
