//! Why a command could not do what it was asked, for people: one sentence, and what to type.
//!
//! Each kind has its exit code, and each kind of failure below becomes one kind here, once, in the
//! `From` beside it.

use std::{fmt::Write as _, io};

use serde_json::json;

use super::{
    diagnostics, escape,
    exit::Exit,
    style::{ERROR, HELP},
};
use crate::config::Problems;

/// A command's failure.
#[derive(Debug)]
pub struct CliError {
    pub kind: Kind,
    /// Lower case, without a final period.
    pub message: String,
    /// What to type, each one line.
    pub hints: Vec<String>,
    /// What is drawn in place of the message: the problems of a schedules file.
    pub problems: Option<Box<Problems>>,
}

/// Whose fault it is, which decides the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// What was typed makes no sense.
    User,
    /// The schedules file, or what it names, cannot be used.
    Config,
    /// The daemon is not there.
    Unavailable,
    /// No such job, run or plugin.
    NotFound,
    /// Not now, or not by this command.
    Refused,
    /// A bug in cronlet.
    Internal,
    /// Nobody reads our output any more: there is nothing to say, and nobody to say it to.
    Unread,
}

impl CliError {
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            hints: Vec::new(),
            problems: None,
        }
    }

    pub fn user(message: impl Into<String>) -> Self {
        Self::new(Kind::User, message)
    }

    pub fn config(message: impl Into<String>) -> Self {
        Self::new(Kind::Config, message)
    }

    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(Kind::Unavailable, message)
    }

    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(Kind::NotFound, message)
    }

    pub fn refused(message: impl Into<String>) -> Self {
        Self::new(Kind::Refused, message)
    }

    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(Kind::Internal, message)
    }

    /// Adds what to type.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Adds what to type, if there is something.
    #[must_use]
    pub fn maybe_hint(self, hint: Option<String>) -> Self {
        match hint {
            Some(hint) => self.hint(hint),
            None => self,
        }
    }

    /// Adds what is drawn in place of the message.
    #[must_use]
    pub fn problems(mut self, problems: Problems) -> Self {
        self.problems = Some(Box::new(problems));
        self
    }

    /// What the command ends with.
    pub fn exit(&self) -> Exit {
        match self.kind {
            Kind::User | Kind::Config => Exit::Usage,
            Kind::Unavailable => Exit::Unavailable,
            Kind::NotFound => Exit::NotFound,
            Kind::Refused => Exit::Refused,
            Kind::Internal => Exit::Bug,
            Kind::Unread => Exit::Done,
        }
    }

    /// All of it for programs; none if there is nothing to say.
    pub fn to_json(&self) -> Option<serde_json::Value> {
        let code = match self.kind {
            Kind::User => "usage",
            Kind::Config => "config",
            Kind::Unavailable => "unavailable",
            Kind::NotFound => "not-found",
            Kind::Refused => "refused",
            Kind::Internal => "internal",
            Kind::Unread => return None,
        };
        let problems = self.problems.as_deref();
        Some(json!({
            "error": {
                "code": code,
                "message": self.message,
                "help": self.hints,
                "problems": diagnostics::to_json(problems),
            },
            "exit_code": self.exit().code(),
        }))
    }

    /// All of it, styled, each line ended; nothing if there is nothing to say. Pictures of
    /// problems are drawn in `style`.
    pub fn render(&self, style: diagnostics::Style) -> String {
        let mut text = String::new();
        if self.kind == Kind::Unread {
            return text;
        }
        if let Some(problems) = &self.problems {
            text.push_str(&diagnostics::render(problems, style));
        } else {
            let message = escape::line(&self.message);
            let _ = writeln!(text, "{ERROR}error:{ERROR:#} {message}");
        }
        let report = "this is a bug in cronlet: please report it".to_owned();
        let report = (self.kind == Kind::Internal).then_some(&report);
        for hint in self.hints.iter().chain(report) {
            let _ = writeln!(text, "{HELP}help:{HELP:#} {}", escape::line(hint));
        }
        text
    }
}

/// Standard output could not be written.
impl From<io::Error> for CliError {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::new(Kind::Unread, "nobody reads");
        }
        Self::user(format!("cannot write to standard output: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STYLE: diagnostics::Style = diagnostics::Style {
        color: true,
        width: 80,
    };

    fn plain(error: &CliError) -> String {
        anstream::adapter::strip_str(&error.render(STYLE)).to_string()
    }

    #[test]
    fn it_says_what_is_wrong_and_what_to_type() {
        let error = CliError::not_found("there is no job `fetsh`").hint("did you mean `fetch`?");
        assert_eq!(error.exit(), Exit::NotFound);
        assert_eq!(
            plain(&error),
            "error: there is no job `fetsh`\nhelp: did you mean `fetch`?\n"
        );
    }

    #[test]
    fn programs_get_an_object() {
        let error = CliError::not_found("there is no run 7").hint("look");
        assert_eq!(
            error.to_json().unwrap(),
            json!({
                "error": {
                    "code": "not-found", "message": "there is no run 7", "help": ["look"],
                    "problems": [],
                },
                "exit_code": 4,
            })
        );
        let unread = CliError::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!(unread.to_json(), None);
    }

    #[test]
    fn what_was_typed_does_not_drive_the_terminal() {
        let error = CliError::user("no `\u{1b}[2J`");
        assert_eq!(plain(&error), "error: no `\\u{1b}[2J`\n");
    }

    #[test]
    fn an_output_that_nobody_reads_is_no_complaint() {
        let error = CliError::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!(
            (error.exit(), error.render(STYLE)),
            (Exit::Done, String::new())
        );
    }
}
