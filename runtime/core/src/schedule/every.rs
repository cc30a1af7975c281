//! `every`: a fixed period, anchored to the Unix epoch.
//!
//! The instants are `epoch + offset + k × period` for every whole `k`, before
//! the epoch too. They never depend on when a process started or a file was
//! read, so a restart, a deploy or a reload never shifts them.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;

use crate::units::format_duration;

const SHORTEST: Duration = Duration::from_secs(1);

/// A fixed period, anchored to the Unix epoch plus an offset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Every {
    period: Duration,
    offset: Duration,
}

/// Why a period and an offset make no trigger.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EveryError {
    /// The period is under one second.
    #[error("period `{}` is shorter than `1s`", format_duration(*.period))]
    TooShort {
        /// The period as given.
        period: Duration,
    },
    /// The history keeps whole microseconds.
    #[error("`{}` is not a whole number of microseconds", format_duration(*.length))]
    TooFine {
        /// The period or the offset.
        length: Duration,
    },
    /// The offset is the period or more, so it would name the same instants as
    /// a smaller one.
    #[error(
        "offset `{}` is not shorter than the period `{}`",
        format_duration(*.offset),
        format_duration(*.period)
    )]
    OffsetTooLong {
        /// The offset as given.
        offset: Duration,
        /// The period it must be shorter than.
        period: Duration,
    },
}

impl Every {
    /// A trigger with this period (at least one second), `offset` after each
    /// multiple of it (less than the period; zero for none). Both are whole
    /// microseconds, as the history keeps no finer instants: a finer one would be
    /// due again after a restart.
    pub fn new(period: Duration, offset: Duration) -> Result<Self, EveryError> {
        if period < SHORTEST {
            return Err(EveryError::TooShort { period });
        }
        let is_fine = |length: &Duration| !length.subsec_nanos().is_multiple_of(1_000);
        if let Some(length) = [period, offset].into_iter().find(is_fine) {
            return Err(EveryError::TooFine { length });
        }
        if offset >= period {
            return Err(EveryError::OffsetTooLong { offset, period });
        }
        Ok(Self { period, offset })
    }

    /// The time from one instant to the next.
    pub fn period(&self) -> Duration {
        self.period
    }

    /// How long after a multiple of the period each instant is.
    pub fn offset(&self) -> Duration {
        self.offset
    }

    pub(super) fn next_after(&self, t: Timestamp) -> Option<Timestamp> {
        self.instant(self.index(t) + 1)
    }

    pub(super) fn latest_at_or_before(&self, t: Timestamp) -> Option<Timestamp> {
        self.instant(self.index(t))
    }

    pub(super) fn count_in(&self, after: Timestamp, through: Timestamp) -> u64 {
        u64::try_from(self.index(through) - self.index(after)).unwrap_or(0)
    }

    pub(super) fn fingerprint(&self) -> String {
        let (period, offset) = (self.period.as_nanos(), self.offset.as_nanos());
        format!("every {period}ns offset {offset}ns")
    }

    /// The number of the newest instant at or before `t`; the one in the first
    /// period after the epoch is number 0.
    fn index(&self, t: Timestamp) -> i128 {
        (t.as_nanosecond() - nanos(self.offset)).div_euclid(nanos(self.period))
    }

    fn instant(&self, index: i128) -> Option<Timestamp> {
        let nanos = index * nanos(self.period) + nanos(self.offset);
        Timestamp::from_nanosecond(nanos).ok()
    }
}

/// `every 30s`, or `every 1h offset 5m`.
impl fmt::Display for Every {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "every {}", format_duration(self.period))?;
        if self.offset.is_zero() {
            return Ok(());
        }
        write!(f, " offset {}", format_duration(self.offset))
    }
}

/// A `Duration` is under 2^94 nanoseconds, far within an `i128`.
fn nanos(duration: Duration) -> i128 {
    i128::try_from(duration.as_nanos()).unwrap_or(i128::MAX)
}
