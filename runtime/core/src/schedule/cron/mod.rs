//! Cron expressions: calendar fields to instants.
//!
//! | fields | meaning |
//! |---|---|
//! | 5 | minute, hour, day-of-month, month, day-of-week |
//! | 6 | the same with seconds *first* |
//! | 7 | the same with seconds first and the year *last* |
//!
//! A field is a list of `*`, values and ranges, separated by commas; `*` and a
//! range may have a step (`*/15`, `9-17/2`). Months and days of the week have
//! names, in any case. Sunday is 0 and 7. `@hourly` to `@yearly` stand for the
//! expressions they stand for in every cron. Five fields fire at second 0.
//!
//! **The two day fields.** If both are restricted, a day matches when *either*
//! does; otherwise it must match both, of which one matches every day. A day
//! field is unrestricted when it matches every value, however it is written
//! (`*`, `*/1`, `1-31`, `0-6`); `*/2` is restricted.
//!
//! Instants are whole seconds of the years 1970 to 2199, and an expression that
//! names none is an error rather than a job that never runs.
//!
//! The rooms: `parse` and `field` turn text into a `search::Pattern`, which
//! knows civil date-times only. Where a civil date-time meets an instant is this
//! file, [`civil`] and [`instant`], and nowhere else.

mod error;
mod field;
mod parse;
mod search;

use std::fmt;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

pub use error::CronError;
use search::Pattern;

/// A cron expression that names at least one instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cron {
    /// As written, with single blanks.
    text: String,
    /// All seven fields with every spelling resolved; see [`Cron::fingerprint`].
    canonical: String,
    pattern: Pattern,
}

impl Cron {
    /// Reads an expression of five, six or seven fields, or a macro.
    ///
    /// Every problem is an error that says where in the expression it is.
    pub fn parse(expression: &str) -> Result<Self, CronError> {
        parse::parse(expression)
    }

    /// The expression as written, with single blanks between its fields.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub(super) fn next_after(&self, t: Timestamp) -> Option<Timestamp> {
        self.pattern.next_after(civil(t)).and_then(instant)
    }

    pub(super) fn latest_at_or_before(&self, t: Timestamp) -> Option<Timestamp> {
        self.pattern.latest_at_or_before(civil(t)).and_then(instant)
    }

    pub(super) fn count_in(&self, after: Timestamp, through: Timestamp) -> u64 {
        self.pattern.count_in(civil(after), civil(through))
    }

    /// Normalised text and not the set of instants: whether a field begins with
    /// `*` is part of what was written, so `*` and `0-59` stay apart.
    pub(super) fn fingerprint(&self) -> String {
        format!("cron {}", self.canonical)
    }
}

impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// What the wall clock shows at an instant.
fn civil(t: Timestamp) -> DateTime {
    Offset::UTC.to_datetime(t)
}

/// When the wall clock shows a date-time.
fn instant(wall: DateTime) -> Option<Timestamp> {
    Offset::UTC.to_timestamp(wall).ok()
}

#[cfg(test)]
mod tests;
