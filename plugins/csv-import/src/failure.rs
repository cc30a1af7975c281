//! How a run ends that does not import.

use std::{fmt::Display, io};

use cronlet_plugin::{StateError, prelude::*};

/// Why nothing is imported, and whether another attempt may help.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It may.
    Again { code: String, message: String },
    /// It would end the same way.
    Never {
        code: String,
        message: String,
        attributes: Vec<(&'static str, u64)>,
    },
    /// Nobody wants it any more.
    Cancelled(String),
}

impl Failure {
    pub(crate) fn never(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Never {
            code: code.into(),
            message: message.into(),
            attributes: Vec::new(),
        }
    }

    pub(crate) fn again(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Again {
            code: code.into(),
            message: message.into(),
        }
    }

    /// What went wrong with a file.
    pub(crate) fn io(what: impl Display, error: &io::Error) -> Self {
        Self::again("io", format!("{what}: {error}"))
    }

    /// There is no room for the rows.
    pub(crate) fn full() -> Self {
        Self::never(
            "state-full",
            "there is no room to remember more rows: move the files that are imported out of the \
             directory, and give `generation` another number to forget their rows",
        )
    }

    #[cfg(test)]
    pub(crate) fn message(&self) -> &str {
        match self {
            Self::Again { message, .. }
            | Self::Never { message, .. }
            | Self::Cancelled(message) => message,
        }
    }

    #[cfg(test)]
    pub(crate) fn code(&self) -> &str {
        match self {
            Self::Again { code, .. } | Self::Never { code, .. } => code,
            Self::Cancelled(_) => "cancelled",
        }
    }
}

/// The host has no room for what is to be remembered, or gives none of it.
impl From<StateError> for Failure {
    fn from(error: StateError) -> Self {
        match error.code() {
            "state-full" | "value-too-large" => Self::full(),
            code => Self::again(code, error.to_string()),
        }
    }
}

impl From<Failure> for JobError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Again { code, message } => Self::retryable(message).code(code),
            Failure::Never {
                code,
                message,
                attributes,
            } => {
                let error = Self::permanent(message).code(code);
                attributes
                    .into_iter()
                    .fold(error, |error, (name, value)| error.attribute(name, value))
            }
            Failure::Cancelled(message) => Self::cancelled(message),
        }
    }
}
