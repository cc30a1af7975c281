//! Pauses: what keeps a job from being due until somebody resumes it.
//!
//! A pause is not in the file. A person asks for it, or the job's failures do; it is stored, so it
//! survives restarts and reloads, and only a person ends it.

use std::{fmt, sync::Arc};

use jiff::Timestamp;

/// A job that is paused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paused {
    /// Nothing after this is an occurrence.
    pub since: Timestamp,
    /// What paused it.
    pub why: PauseReason,
}

/// See [`Paused::why`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PauseReason {
    /// Somebody asked for it, and perhaps said who.
    Asked(Option<Arc<str>>),
    /// So many of its runs in a row failed, as many as `disable_after` allows.
    Failures(u32),
}

impl PauseReason {
    /// Whether the job's failures paused it, and no person.
    pub const fn is_by_failures(&self) -> bool {
        matches!(self, Self::Failures(_))
    }
}

/// What follows "paused": `by ada`, or `after 3 failed runs in a row`.
impl fmt::Display for PauseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Asked(Some(actor)) => write!(f, "by {actor}"),
            Self::Asked(None) => f.write_str("by request"),
            Self::Failures(1) => f.write_str("after a failed run"),
            Self::Failures(runs) => write!(f, "after {runs} failed runs in a row"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_follows_the_word_paused() {
        let texts = [
            PauseReason::Asked(Some("ada".into())),
            PauseReason::Asked(None),
            PauseReason::Failures(1),
            PauseReason::Failures(3),
        ]
        .map(|why| format!("paused {why}"));
        assert_eq!(
            texts,
            [
                "paused by ada",
                "paused by request",
                "paused after a failed run",
                "paused after 3 failed runs in a row",
            ]
        );
    }
}
