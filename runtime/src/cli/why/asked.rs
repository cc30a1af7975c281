//! What is asked about: a time, or a run.

use crate::cli::moment::{self, Moment};

/// See [`parse`].
#[derive(Clone, Debug)]
pub(super) enum Asked {
    /// By its number.
    Run(u64),
    At(Moment),
}

/// What was typed, if it is a time or a number: digits alone are no time.
pub(super) fn parse(text: &str) -> Result<Asked, String> {
    match text.parse() {
        Ok(run) => Ok(Asked::Run(run)),
        Err(_) => moment::parse(text).map(Asked::At),
    }
}
