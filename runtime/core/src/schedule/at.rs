//! `at`: one instant or several, named outright.

use std::fmt;

use jiff::Timestamp;

/// One instant or several, in order and each once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct At {
    /// Sorted, without duplicates, never empty.
    instants: Vec<Timestamp>,
}

/// Why a list of instants makes no trigger.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AtError {
    /// The list is empty.
    #[error("`at` names no instant")]
    Empty,
    /// The history keeps whole microseconds.
    #[error("`{instant}` is finer than a microsecond")]
    TooFine {
        /// The first such instant as given.
        instant: Timestamp,
    },
}

impl At {
    /// A trigger with these instants; their order and repetitions do not count.
    /// Each is a whole microsecond, as the history keeps no finer ones: such an
    /// instant would be due again after a restart.
    pub fn new(mut instants: Vec<Timestamp>) -> Result<Self, AtError> {
        if instants.is_empty() {
            return Err(AtError::Empty);
        }
        let is_fine = |instant: &&Timestamp| instant.subsec_nanosecond() % 1_000 != 0;
        if let Some(&instant) = instants.iter().find(is_fine) {
            return Err(AtError::TooFine { instant });
        }
        instants.sort_unstable();
        instants.dedup();
        Ok(Self { instants })
    }

    /// The instants, in order, each once.
    pub fn instants(&self) -> &[Timestamp] {
        &self.instants
    }

    pub(super) fn next_after(&self, t: Timestamp) -> Option<Timestamp> {
        self.instants.get(self.through(t)).copied()
    }

    pub(super) fn latest_at_or_before(&self, t: Timestamp) -> Option<Timestamp> {
        self.instants[..self.through(t)].last().copied()
    }

    pub(super) fn count_in(&self, after: Timestamp, through: Timestamp) -> u64 {
        (self.through(through) - self.through(after)) as u64
    }

    pub(super) fn fingerprint(&self) -> String {
        let mut text = String::from("at");
        for instant in &self.instants {
            text.push(' ');
            text.push_str(&instant.to_string());
        }
        text
    }

    /// How many instants are at or before `t`.
    fn through(&self, t: Timestamp) -> usize {
        self.instants.partition_point(|instant| *instant <= t)
    }
}

/// `at 2026-05-01T08:00:00Z`, with `(+2 more)` if there are more.
impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at {}", self.instants[0])?;
        match self.instants.len() - 1 {
            0 => Ok(()),
            more => write!(f, " (+{more} more)"),
        }
    }
}
