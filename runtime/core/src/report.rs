//! What the world says of an attempt that is over. A guest that misbehaves is a
//! value here, never an error.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;

use crate::{named::named, run::FailReason, state::StateChanges};

/// One finished execution.
#[derive(Clone, Debug, PartialEq)]
pub struct AttemptReport {
    /// When the guest's first instruction ran; none if it never came to that.
    pub started_at: Option<Timestamp>,
    /// When it was over.
    pub ended_at: Timestamp,
    /// From start to end, on a monotonic clock.
    pub duration: Duration,
    /// What came out.
    pub verdict: Verdict,
    /// What it used.
    pub usage: Usage,
    /// What it said, oldest first.
    pub log: Vec<LogLine>,
    /// What it did to its job's state, if it did anything. The engine takes it out, and records what
    /// is kept of it.
    pub state: Option<Arc<StateChanges>>,
}

/// What came out of an attempt, before anybody asks whether it was cancelled.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// The guest returned an outcome.
    Succeeded(Outcome),
    /// The guest returned an error.
    Error {
        /// What may follow.
        kind: ErrorKind,
        /// What went wrong.
        failure: Failure,
    },
    /// The host ended it for this reason, which is never `error` and never `crash`.
    Failed {
        /// Why.
        reason: FailReason,
        /// What went wrong: a trap's class and one line, the limit, the load error.
        failure: Failure,
    },
    /// The host stopped it because it was asked to: a cancel or a shutdown.
    Stopped,
}

/// What a guest wants to follow its error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// Another attempt, if `retry` allows.
    Retryable,
    /// The same, but not before this long.
    RetryAfter(Duration),
    /// Nothing.
    Permanent,
    /// Nothing: it stopped because it was asked to.
    Cancelled,
}

/// What a run that worked has to say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// One line for people; may be empty.
    pub summary: String,
    /// A result for programs, as JSON text.
    pub output: Option<String>,
    /// Anything else.
    pub attributes: Vec<(String, String)>,
}

/// What went wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Failure {
    /// Short and stable, for alert rules; may be empty.
    pub code: String,
    /// One sentence for people.
    pub message: String,
    /// The guest's backtrace, where there is one.
    pub backtrace: Option<String>,
    /// Anything else.
    pub attributes: Vec<(String, String)>,
}

/// What an attempt used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Processor time of the guest and its host calls.
    pub cpu: Duration,
    /// The most bytes of linear memory it had at one time.
    pub memory_peak: u64,
    /// Lines it logged, the dropped ones too.
    pub log_lines: u64,
    /// Lines that did not fit the log's budget.
    pub log_dropped: u64,
}

/// One line of a run's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// When it was said.
    pub at: Timestamp,
    /// Where it came from, or how much it matters.
    pub level: Level,
    /// The text, without its line end.
    pub message: String,
    /// Names and values beside it.
    pub fields: Vec<(String, String)>,
}

named! {
    /// See [`LogLine::level`].
    Level, "level" {
        /// `log.emit`.
        Trace = "trace",
        /// `log.emit`.
        Debug = "debug",
        /// `log.emit`.
        Info = "info",
        /// `log.emit`.
        Warn = "warn",
        /// `log.emit`.
        Error = "error",
        /// Standard output.
        Stdout = "stdout",
        /// Standard error.
        Stderr = "stderr",
        /// The host says something about the log: how much was dropped here.
        Host = "host",
    }
}
