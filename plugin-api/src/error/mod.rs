//! How a run did not work, and what the host should do about it.

use std::error::Error;
use std::fmt::{Display, Write as _};
use std::time::Duration;

use crate::bindings::cronlet::job::types;

/// How a run did not work. The host's retry policy goes by which of the four it
/// is.
///
/// `?` on any ordinary error makes a [retryable](JobError::retryable) one of it,
/// with the whole chain of its sources in the message; where another attempt
/// cannot help, say so:
///
/// ```
/// use cronlet_plugin::JobError;
///
/// fn port(text: &str) -> Result<u16, JobError> {
///     text.parse()
///         .map_err(|e| JobError::permanent(format!("port `{text}`: {e}")).code("bad-port"))
/// }
///
/// fn read(path: &str) -> Result<String, JobError> {
///     Ok(std::fs::read_to_string(path)?)
/// }
/// ```
///
/// That conversion is why it is not itself a [`std::error::Error`].
#[derive(Debug)]
pub struct JobError {
    kind: Kind,
    code: String,
    message: String,
    attributes: types::Attributes,
}

#[derive(Debug)]
enum Kind {
    Retryable,
    RetryAfter(Duration),
    Permanent,
    Cancelled,
}

impl JobError {
    /// Try again by the job's `retry`. The code is `error` until another is set.
    pub fn retryable(message: impl Display) -> Self {
        Self::new(Kind::Retryable, "error", &message)
    }

    /// Try again by the job's `retry`, but not before the delay has passed,
    /// whatever the job's backoff says. The code is `error` until another is set.
    pub fn retry_after(message: impl Display, delay: Duration) -> Self {
        Self::new(Kind::RetryAfter(delay), "error", &message)
    }

    /// Never try this occurrence again. The code is `error` until another is set.
    pub fn permanent(message: impl Display) -> Self {
        Self::new(Kind::Permanent, "error", &message)
    }

    /// The job saw [`Context::cancelled`](crate::Context::cancelled) and stopped
    /// cleanly. The code is `cancelled` until another is set.
    pub fn cancelled(message: impl Display) -> Self {
        Self::new(Kind::Cancelled, "cancelled", &message)
    }

    /// Sets the code: short and stable, for alert rules, `upstream-503`.
    #[must_use = "a job says it by returning it"]
    pub fn code(mut self, code: impl Into<String>) -> Self {
        self.code = code.into();
        self
    }

    /// Anything else, under a name. Of a repeated name the last value counts.
    #[must_use = "a job says it by returning it"]
    pub fn attribute(mut self, name: impl Into<String>, value: impl Display) -> Self {
        self.attributes.push((name.into(), value.to_string()));
        self
    }

    fn new(kind: Kind, code: &str, message: &dyn Display) -> Self {
        Self {
            kind,
            code: code.to_owned(),
            message: message.to_string(),
            attributes: Vec::new(),
        }
    }

    /// As the host reads it.
    pub(crate) fn into_wit(self) -> types::JobError {
        let failure = types::Failure {
            code: self.code,
            message: self.message,
            attributes: self.attributes,
        };
        match self.kind {
            Kind::Retryable => types::JobError::Retryable(failure),
            Kind::RetryAfter(delay) => types::JobError::RetryAfter(types::DelayedFailure {
                failure,
                delay: delay.as_millis().try_into().unwrap_or(types::Millis::MAX),
            }),
            Kind::Permanent => types::JobError::Permanent(failure),
            Kind::Cancelled => types::JobError::Cancelled(failure),
        }
    }
}

impl<E: Error> From<E> for JobError {
    fn from(error: E) -> Self {
        Self::retryable(chain(&error))
    }
}

/// The error and its sources, `cannot read the list: permission denied`. A source
/// that its error already quotes is not said twice.
fn chain(error: &dyn Error) -> String {
    let mut message = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let text = error.to_string();
        if !message.ends_with(&text) {
            let _ = write!(message, ": {text}");
        }
        source = error.source();
    }
    message
}

#[cfg(test)]
mod tests;
