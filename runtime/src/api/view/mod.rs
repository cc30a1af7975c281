//! The JSON objects of runs, attempts, skips, logs and jobs, the same on the command line and over
//! HTTP.
//!
//! They are converted by hand from what the store knows, so that a rename in the store never
//! renames a key that somebody's script reads. Keys are added freely and never changed.

use std::{collections::BTreeMap, time::Duration};

use cronlet_core::{
    report::LogLine,
    run::{Cause, Origin, RunId, RunStatus},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::forms;
use crate::store::history;

mod job;
mod time;

pub use job::{Job, Pause};
pub use time::Time;

/// A line of the history: a run, or a range of instants that were skipped on arrival.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Entry {
    Run(Box<Run>),
    Skips(Skips),
}

/// One run. `attempt`, `summary`, `output`, `error`, `usage` and `component_sha256` are those of its
/// last attempt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// None under `cronlet run`, which writes no history.
    pub run: Option<u64>,
    pub job: String,
    pub status: String,
    pub reason: Option<String>,
    pub trigger: String,
    /// The run whose end caused this one.
    pub after: Option<u64>,
    /// The run whose output is this one's input.
    pub input_of: Option<u64>,
    pub nominal: Time,
    pub queued_at: Time,
    pub started_at: Option<Time>,
    pub ended_at: Option<Time>,
    /// None before the first.
    pub attempt: Option<u32>,
    /// From the start of its first attempt to its end, with the backoffs between them.
    #[serde(rename = "duration_ms", with = "forms::millis")]
    pub duration: Option<Duration>,
    pub summary: Option<String>,
    pub output: Option<Value>,
    pub error: Option<Error>,
    pub usage: Option<Usage>,
    /// What is to be said of the run beside what its attempts say.
    pub message: Option<String>,
    /// When the next attempt may start, while the run is `retrying`.
    pub retry_at: Option<Time>,
    pub cancel_requested_at: Option<Time>,
    /// What took the place of the job's params.
    pub params: Option<Value>,
    pub actor: Option<String>,
    pub component_sha256: Option<String>,
    pub attempts: Vec<Attempt>,
}

/// One attempt of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    pub number: u32,
    /// `running` until it has ended.
    pub status: String,
    pub reason: Option<String>,
    pub started_at: Time,
    pub ended_at: Option<Time>,
    #[serde(rename = "duration_ms", with = "forms::millis")]
    pub duration: Option<Duration>,
    pub summary: Option<String>,
    pub error: Option<Error>,
    pub usage: Option<Usage>,
    pub attributes: BTreeMap<String, String>,
    pub component_sha256: Option<String>,
}

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Error {
    /// Short and stable; may be empty.
    pub code: String,
    /// A sentence.
    pub message: String,
    /// The guest's, if there is one.
    pub backtrace: Option<String>,
}

/// What an attempt used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    #[serde(rename = "cpu_ms", with = "forms::millis")]
    pub cpu: Option<Duration>,
    pub memory_peak_bytes: u64,
    pub log_lines: u64,
    pub log_dropped: u64,
}

/// A range of instants that were skipped on arrival.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Skips {
    /// Always none: such instants never became runs.
    pub run: Option<u64>,
    pub job: String,
    pub status: &'static str,
    pub reason: &'static str,
    pub trigger: &'static str,
    /// The first instant.
    pub nominal: Time,
    /// The last instant, inclusive.
    pub nominal_last: Time,
    pub count: u64,
}

/// One line of a run's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    pub attempt: u32,
    pub at: Time,
    pub level: String,
    pub message: String,
    /// In the guest's order.
    #[serde(with = "forms::pairs")]
    pub fields: Vec<(String, String)>,
}

impl From<&history::Entry> for Entry {
    fn from(entry: &history::Entry) -> Self {
        match entry {
            history::Entry::Run(row) => Self::Run(Box::new(row.as_ref().into())),
            history::Entry::Skips(row) => Self::Skips(row.into()),
        }
    }
}

impl From<&history::RunRow> for Run {
    fn from(row: &history::RunRow) -> Self {
        let RunId(number) = row.run;
        let mut run = Self::new(&row.job, row.origin, row.nominal, row.queued_at);
        run.run = Some(number);
        row.status.as_str().clone_into(&mut run.status);
        run.reason.clone_from(&row.reason);
        run.ended_at = row.ended_at.map(Time);
        run.message.clone_from(&row.message);
        run.retry_at = row.retry_at.map(Time);
        run.cancel_requested_at = row.cancel_requested_at.map(Time);
        run.params = row.params.as_deref().map(json);
        run.actor.clone_from(&row.actor);
        run.after = match row.cause {
            Cause::After(RunId(upstream)) => Some(upstream),
            _ => None,
        };
        run.input_of = row.input_of.map(|RunId(upstream)| upstream);
        run.output = row
            .attempts
            .last()
            .and_then(|attempt| attempt.output.as_deref())
            .map(json);
        run.with_attempts(row.attempts.iter().map(Attempt::from).collect())
    }
}

impl Run {
    /// A run that is queued and has nothing to say yet.
    pub fn new(
        job: &cronlet_core::name::JobName,
        origin: Origin,
        nominal: Timestamp,
        queued_at: Timestamp,
    ) -> Self {
        Self {
            run: None,
            job: job.to_string(),
            status: RunStatus::Queued.to_string(),
            reason: None,
            trigger: origin.to_string(),
            after: None,
            input_of: None,
            nominal: Time(nominal),
            queued_at: Time(queued_at),
            started_at: None,
            ended_at: None,
            attempt: None,
            duration: None,
            summary: None,
            output: None,
            error: None,
            usage: None,
            message: None,
            retry_at: None,
            cancel_requested_at: None,
            params: None,
            actor: None,
            component_sha256: None,
            attempts: Vec::new(),
        }
    }

    /// Takes from `attempts` what the run says of its first and its last one. When it ended must be
    /// known by then.
    ///
    /// A run that failed always has an error: where its last attempt left none, because the daemon
    /// died with it, the run's own message is it.
    #[must_use]
    pub fn with_attempts(mut self, attempts: Vec<Attempt>) -> Self {
        self.started_at = attempts.first().map(|first| first.started_at);
        self.duration = match attempts.as_slice() {
            [] => None,
            [only] => only.duration,
            [first, ..] => self.ended_at.map(|ended| {
                let (started, ended) = (first.started_at.0, ended.0);
                started.duration_until(ended).unsigned_abs()
            }),
        };
        if let Some(last) = attempts.last() {
            self.attempt = Some(last.number);
            self.summary.clone_from(&last.summary);
            self.error.clone_from(&last.error);
            self.usage.clone_from(&last.usage);
            self.component_sha256.clone_from(&last.component_sha256);
        }
        if self.error.is_none() && self.status == RunStatus::Failed.as_str() {
            self.error = self.message.clone().map(|message| Error {
                code: String::new(),
                message,
                backtrace: None,
            });
        }
        self.attempts = attempts;
        self
    }
}

impl From<&history::AttemptRow> for Attempt {
    fn from(row: &history::AttemptRow) -> Self {
        Self {
            number: row.number,
            status: row
                .status
                .map_or(RunStatus::Running.as_str(), |status| status.as_str())
                .to_owned(),
            reason: row.reason.clone(),
            started_at: Time(row.started_at),
            ended_at: row.ended_at.map(Time),
            duration: row.duration,
            summary: row.summary.clone(),
            error: row.error.as_ref().map(Error::from),
            usage: row.usage.as_ref().map(Usage::from),
            attributes: row.attributes.iter().cloned().collect(),
            component_sha256: row.component.map(|digest| digest.to_string()),
        }
    }
}

impl From<&history::ErrorRow> for Error {
    fn from(row: &history::ErrorRow) -> Self {
        Self {
            code: row.code.clone(),
            message: row.message.clone(),
            backtrace: row.backtrace.clone(),
        }
    }
}

impl From<&cronlet_core::report::Failure> for Error {
    fn from(failure: &cronlet_core::report::Failure) -> Self {
        Self {
            code: failure.code.clone(),
            message: failure.message.clone(),
            backtrace: failure.backtrace.clone(),
        }
    }
}

impl From<&cronlet_core::report::Usage> for Usage {
    fn from(usage: &cronlet_core::report::Usage) -> Self {
        Self {
            cpu: Some(usage.cpu),
            memory_peak_bytes: usage.memory_peak,
            log_lines: usage.log_lines,
            log_dropped: usage.log_dropped,
        }
    }
}

impl From<&history::SkipRow> for Skips {
    fn from(row: &history::SkipRow) -> Self {
        Self {
            run: None,
            job: row.job.to_string(),
            status: RunStatus::Skipped.as_str(),
            reason: row.reason.as_str(),
            trigger: Origin::Schedule.as_str(),
            nominal: Time(row.first),
            nominal_last: Time(row.last),
            count: row.count,
        }
    }
}

impl Line {
    /// A line of this attempt.
    pub fn new(attempt: u32, line: &LogLine) -> Self {
        Self {
            attempt,
            at: Time(line.at),
            level: line.level.as_str().to_owned(),
            message: line.message.clone(),
            fields: line.fields.clone(),
        }
    }
}

/// JSON text as a value. What is no JSON is the text itself: it is shown rather than lost.
pub fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
}

#[cfg(test)]
mod tests;
