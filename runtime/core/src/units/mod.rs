//! Durations and sizes as people write them: `1h30m`, `64MiB`.
//!
//! Both directions are exact. What [`format_duration`] and [`format_size`] write,
//! [`parse_duration`] and [`parse_size`] read back to the same value. Nothing is
//! guessed: a bare number has no unit and is refused, and so are blanks, signs
//! and fractions.
//!
//! [`took`] is one way: rough, for a person who wants to know how long something took.

mod duration;
mod size;
mod took;

use std::ops::Range;

pub use duration::{format_duration, parse_duration};
pub use size::{format_size, parse_size};
pub use took::took;

/// Why a text is no duration or size, as plain data for a diagnostic that points.
///
/// Its `Display` is the message alone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct UnitError {
    /// The bytes of the text that are at fault.
    pub span: Range<usize>,
    /// What is wrong, such as ``duration `30` has no unit``.
    pub message: String,
    /// What to write under the span, such as `expected a unit after the number`.
    pub label: String,
    /// What to type instead, if there is one thing to say.
    pub help: Option<String>,
}

impl UnitError {
    fn new(span: Range<usize>, message: impl Into<String>, label: impl Into<String>) -> Self {
        Self {
            span,
            message: message.into(),
            label: label.into(),
            help: None,
        }
    }

    fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// The end of the digits that begin at `from`.
fn digits_end(text: &str, from: usize) -> usize {
    text[from..]
        .find(|c: char| !c.is_ascii_digit())
        .map_or(text.len(), |n| from + n)
}

/// The end of the unit that begins at `from`: everything up to the next digit.
fn unit_end(text: &str, from: usize) -> usize {
    text[from..]
        .find(|c: char| c.is_ascii_digit())
        .map_or(text.len(), |n| from + n)
}

#[cfg(test)]
mod tests;
