//! What is wrong with an entry of a calendar, and what to type instead.

use std::ops::Range;

/// Why a text is no active hours and no blackout, and where in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct CalendarError {
    /// What is wrong.
    pub message: String,
    /// The bytes that are.
    pub span: Range<usize>,
    /// What was expected there.
    pub label: String,
    /// What to type instead.
    pub help: Option<String>,
}

impl CalendarError {
    pub(super) fn new(
        span: Range<usize>,
        message: impl Into<String>,
        label: impl Into<String>,
    ) -> Self {
        Self {
            message: message.into(),
            span,
            label: label.into(),
            help: None,
        }
    }

    pub(super) fn help(self, help: impl Into<String>) -> Self {
        Self {
            help: Some(help.into()),
            ..self
        }
    }
}
