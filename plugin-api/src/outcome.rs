//! What a run that worked has to say.

use std::fmt::Display;

use serde::Serialize;

use crate::JobError;
use crate::bindings::cronlet::job::types;

/// What a run that worked has to say. It is kept in the history.
///
/// A job with nothing to say returns `Ok(())` or `Ok(Outcome::default())`.
///
/// ```
/// use cronlet_plugin::Outcome;
///
/// let outcome = Outcome::summary("12 papers fetched")
///     .output([1042, 1043])
///     .attribute("source", "arxiv");
/// ```
#[derive(Debug, Default)]
#[must_use = "a job says it by returning it"]
pub struct Outcome {
    summary: String,
    output: Option<serde_json::Result<String>>,
    attributes: types::Attributes,
}

impl Outcome {
    /// One line for people.
    pub fn summary(summary: impl Into<String>) -> Self {
        Self {
            summary: summary.into(),
            ..Self::default()
        }
    }

    /// A result for programs, kept as JSON. The job's `max_output` bounds it.
    ///
    /// A value that JSON cannot hold, such as a map whose keys are lists, makes
    /// the run end with a permanent error and the code `bad-output`.
    pub fn output(mut self, output: impl Serialize) -> Self {
        self.output = Some(serde_json::to_string(&output));
        self
    }

    /// Anything else, under a name. Of a repeated name the last value counts.
    pub fn attribute(mut self, name: impl Into<String>, value: impl Display) -> Self {
        self.attributes.push((name.into(), value.to_string()));
        self
    }

    /// As the host reads it.
    pub(crate) fn into_wit(self) -> Result<types::Outcome, JobError> {
        let output = self.output.transpose().map_err(|e| {
            JobError::permanent(format!("the output does not fit into JSON: {e}"))
                .code("bad-output")
        })?;
        Ok(types::Outcome {
            summary: self.summary,
            output,
            attributes: self.attributes,
        })
    }
}

impl From<()> for Outcome {
    fn from((): ()) -> Self {
        Self::default()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn says_what_it_was_given() {
        let outcome = Outcome::summary("two")
            .output([1, 2])
            .attribute("pages", 3)
            .into_wit()
            .unwrap();
        assert_eq!(outcome.summary, "two");
        assert_eq!(outcome.output.as_deref(), Some("[1,2]"));
        assert_eq!(outcome.attributes, [("pages".to_owned(), "3".to_owned())]);
    }

    #[test]
    fn unit_says_nothing() {
        let outcome = Outcome::from(()).into_wit().unwrap();
        assert_eq!(outcome.summary, "");
        assert_eq!(outcome.output, None);
        assert!(outcome.attributes.is_empty());
    }

    #[test]
    fn output_beyond_json_is_permanent() {
        let keys_are_lists = BTreeMap::from([([1, 2], "a")]);
        let error = Outcome::default()
            .output(keys_are_lists)
            .into_wit()
            .unwrap_err();
        let types::JobError::Permanent(failure) = error.into_wit() else {
            panic!("not permanent");
        };
        assert_eq!(failure.code, "bad-output");
        assert_eq!(
            failure.message,
            "the output does not fit into JSON: key must be a string"
        );
    }
}
