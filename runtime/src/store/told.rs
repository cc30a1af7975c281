//! What the history keeps of a verdict: the words for people and programs.
//!
//! What it means for the run is not here, that is the engine's to judge.

use cronlet_core::report::{Failure, Verdict};

/// The words of one verdict, borrowed.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Told<'a> {
    pub(super) summary: Option<&'a str>,
    pub(super) output: Option<&'a str>,
    pub(super) failure: Option<&'a Failure>,
    pub(super) attributes: &'a [(String, String)],
}

impl<'a> Told<'a> {
    pub(super) fn of(verdict: &'a Verdict) -> Self {
        match verdict {
            Verdict::Succeeded(outcome) => Self {
                summary: Some(outcome.summary.as_str()).filter(|summary| !summary.is_empty()),
                output: outcome.output.as_deref(),
                failure: None,
                attributes: &outcome.attributes,
            },
            Verdict::Error { failure, .. } | Verdict::Failed { failure, .. } => Self {
                failure: Some(failure),
                attributes: &failure.attributes,
                ..Self::default()
            },
            Verdict::Stopped => Self::default(),
        }
    }
}
