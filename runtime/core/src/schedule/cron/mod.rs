//! Cron expressions: calendar fields to instants.
//!
//! | fields | meaning |
//! |---|---|
//! | 5 | minute, hour, day-of-month, month, day-of-week |
//! | 6 | the same with seconds *first* |
//! | 7 | the same with seconds first and the year *last* |
//!
//! A field is a list of items, separated by commas:
//!
//! | item | in | stands for |
//! |---|---|---|
//! | `*` | all | every value; `?` too in the two day fields |
//! | `5`, `MON`, `jan` | all | a value; months and days of the week have names, Sunday is 0 and 7 |
//! | `9-17`, `22-2`, `FRI-MON` | all | a range, which may go on at the beginning; years end |
//! | `*/15`, `9-17/2`, `5/15` | all | every 15th value; from a value on to the field's end |
//! | `H`, `H(9-17)` | all | a value that hangs on the job's name alone |
//! | `H/15`, `H(0-29)/10` | all | every 15th value, of which the first hangs on the job's name |
//! | `L`, `L-3` | day-of-month | the last day, the third before it |
//! | `15W`, `LW` | day-of-month | the working day nearest to the 15th, within its month; the last one |
//! | `FRIL`, `5L` | day-of-week | the last Friday of the month |
//! | `FRI#2`, `5#2` | day-of-week | the second one |
//!
//! A month that lacks the day is skipped. `@hourly` to `@yearly` stand for the
//! expressions they stand for in every cron. Five fields fire at second 0.
//!
//! **The two day fields.** If both are restricted, a day matches when *either*
//! does, and with a `+` before the day-of-week when *both* do; otherwise it must
//! match both, of which one matches every day. A day field is unrestricted when
//! it matches every value, however it is written (`*`, `*/1`, `1-31`, `0-6`);
//! `*/2` is restricted.
//!
//! Instants are whole seconds of the years 1970 to 2199, and an expression that
//! names none is an error rather than a job that never runs.
//!
//! The rooms: `parse`, `field` and `item` turn text into a `search::Pattern`,
//! which knows civil date-times only, and the `month`s they are in. `hash` is `H`, and `foreign`
//! knows what people write who come from elsewhere. Where those meet the instants of a zone is
//! `super::dst`.

mod error;
mod field;
mod foreign;
mod hash;
mod item;
mod lint;
mod month;
mod parse;
mod search;

use std::fmt;

use jiff::Timestamp;
use jiff::civil::DateTime;

pub use error::CronError;
pub use lint::CronLint;
pub(super) use search::{FIRST_YEAR, LAST_YEAR, Pattern};

use super::dst::{Clocks, Crowd};
use super::zone::Zone;

/// A cron expression that names at least one date and time, and the zone whose
/// clocks it is read on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cron {
    /// As written, with single blanks.
    text: String,
    /// All seven fields with every spelling resolved; see [`Cron::fingerprint`].
    canonical: String,
    pattern: Pattern,
    /// Whether the minute or the hour begins with `*` or `H/`: then it names a rhythm,
    /// otherwise times of the day.
    interval_like: bool,
    zone: Zone,
}

impl Cron {
    /// Reads an expression of five, six or seven fields, or a macro. It is read
    /// on the clocks of UTC.
    ///
    /// Every problem is an error that says where in the expression it is. `H`
    /// is one, because it stands for nothing without a job.
    pub fn parse(expression: &str) -> Result<Self, CronError> {
        parse::parse(expression, None)
    }

    /// Reads an expression of the job with this name, in which `H` may be.
    pub fn parse_for(expression: &str, job: &str) -> Result<Self, CronError> {
        parse::parse(expression, Some(job))
    }

    /// The same expression, read on the clocks of another zone.
    #[must_use]
    pub fn in_zone(self, zone: Zone) -> Self {
        Self { zone, ..self }
    }

    /// The zone whose clocks it is read on.
    pub fn zone(&self) -> &Zone {
        &self.zone
    }

    /// Whether it names a rhythm (its minute or hour begins with `*` or `H/`) and not
    /// times of the day. Where clocks go back, a rhythm goes on and a time of
    /// the day comes once.
    pub fn is_interval_like(&self) -> bool {
        self.interval_like
    }

    /// The wall times that clocks going forward jumped over, and that are due
    /// at `t` for it, in order.
    pub fn stands_for(&self, t: Timestamp) -> Vec<DateTime> {
        self.clocks().stands_for(t).collect()
    }

    /// The expression as written, with single blanks between its fields.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub(super) fn next_after(&self, t: Timestamp) -> Option<Timestamp> {
        self.clocks().next_after(t)
    }

    pub(super) fn latest_at_or_before(&self, t: Timestamp) -> Option<Timestamp> {
        self.clocks().latest_at_or_before(t)
    }

    pub(super) fn count_in(&self, after: Timestamp, through: Timestamp) -> u64 {
        self.clocks().count_in(after, through)
    }

    /// Where it means something else in Vixie cron. `expression` is what it was
    /// read from.
    pub fn lints(&self, expression: &str) -> Vec<CronLint> {
        lint::lints(expression, self)
    }

    /// The first transition in `(after, through]` in which it names times of the
    /// day more than once.
    pub fn crowd_in(&self, after: Timestamp, through: Timestamp) -> Option<Crowd> {
        self.clocks().crowd_in(after, through)
    }

    fn clocks(&self) -> Clocks<'_> {
        Clocks {
            pattern: &self.pattern,
            zone: &self.zone,
            interval_like: self.interval_like,
        }
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

#[cfg(test)]
mod tests;
