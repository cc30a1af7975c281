//! The JSON objects of runs, attempts, skips, logs and jobs, the same on the command line and over
//! HTTP.
//!
//! They are converted by hand from what the store knows, so that a rename in the store never
//! renames a key that somebody's script reads. Keys are added freely and never changed.

use std::{collections::BTreeMap, time::Duration};

use cronlet_core::{
    pause::{PauseReason, Paused},
    report::LogLine,
    run::{Cause, Origin, RunId, RunStatus},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{backfills::Backfill, forms};
use crate::store::history;

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

/// One job, as the file and the store together know it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Job {
    pub job: String,
    pub description: Option<String>,
    pub state: &'static str,
    /// As the file says it; none is manual only, or not known without the file.
    pub trigger: Option<String>,
    pub next: Option<Time>,
    /// Up to here every instant is accounted for; none until a daemon has accepted the job.
    pub watermark: Option<Time>,
    /// Its pause, if it is paused.
    pub paused: Option<Pause>,
    pub last_run: Option<Run>,
    /// Whether a failure of it makes the daemon unhealthy.
    pub critical: bool,
    /// The run that it fails with: none that counts has succeeded since.
    pub failing_run: Option<u64>,
    /// Since when nothing has succeeded, if it is overdue.
    pub overdue_since: Option<Time>,
    /// What is wrong with its component, in a sentence, as far as a daemon knows.
    pub warning: Option<String>,
    /// Those of it that are not over.
    pub backfills: Vec<Backfill>,
}

/// Why nothing makes a job due until somebody resumes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    pub since: Time,
    /// Who asked, if somebody did and it is known.
    pub by: Option<String>,
    /// So many failed runs in a row have paused it; none if somebody asked.
    pub failures: Option<u32>,
}

/// An instant: RFC 3339 in UTC, always with six digits after the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(pub Timestamp);

impl From<&Paused> for Pause {
    fn from(paused: &Paused) -> Self {
        let (by, failures) = match &paused.why {
            PauseReason::Asked(actor) => (actor.as_deref().map(str::to_owned), None),
            PauseReason::Failures(failures) => (None, Some(*failures)),
        };
        Self {
            since: Time(paused.since),
            by,
            failures,
        }
    }
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

impl std::fmt::Display for Time {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.6}", self.0)
    }
}

impl Serialize for Time {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use cronlet_core::{
        digest::Digest,
        name::JobName,
        run::{AttemptStatus, SkipReason},
    };
    use serde_json::json;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn row() -> history::RunRow {
        history::RunRow {
            run: RunId(7),
            job: JobName::new("fetch").unwrap(),
            cause: Cause::Time(at("2026-03-01T06:00:00Z")),
            nominal: at("2026-03-01T06:00:00Z"),
            origin: Origin::CatchUp,
            actor: None,
            params: Some(r#"{"n":1}"#.to_owned()),
            input_of: None,
            status: RunStatus::Succeeded,
            reason: None,
            message: None,
            queued_at: at("2026-03-01T06:00:00.000001Z"),
            not_before: None,
            turn: cronlet_core::run::Turn::Now,
            retry_at: None,
            ended_at: Some(at("2026-03-01T06:00:02.5Z")),
            cancel_requested_at: None,
            attempts: vec![history::AttemptRow {
                number: 2,
                status: Some(AttemptStatus::Succeeded),
                reason: None,
                started_at: at("2026-03-01T06:00:01Z"),
                ended_at: Some(at("2026-03-01T06:00:02.5Z")),
                duration: Some(Duration::from_micros(1_500_700)),
                component: Some(Digest::of(b"abc")),
                summary: Some("12 papers".to_owned()),
                output: Some("[1, 2]".to_owned()),
                error: None,
                attributes: vec![("k".to_owned(), "v".to_owned())],
                usage: Some(cronlet_core::report::Usage {
                    cpu: Duration::from_micros(999),
                    memory_peak: 65_536,
                    log_lines: 3,
                    log_dropped: 0,
                }),
            }],
        }
    }

    #[test]
    fn a_run_has_the_keys_that_scripts_read() {
        let usage =
            json!({"cpu_ms": 0, "memory_peak_bytes": 65_536, "log_lines": 3, "log_dropped": 0});
        let sha = Digest::of(b"abc").to_string();
        let run = Run::from(&row());
        let value = serde_json::to_value(&run).unwrap();
        assert_eq!(
            value,
            json!({
                "run": 7, "job": "fetch", "status": "succeeded", "reason": null,
                "trigger": "catch-up", "after": null, "input_of": null,
                "nominal": "2026-03-01T06:00:00.000000Z",
                "queued_at": "2026-03-01T06:00:00.000001Z",
                "started_at": "2026-03-01T06:00:01.000000Z",
                "ended_at": "2026-03-01T06:00:02.500000Z",
                "attempt": 2, "duration_ms": 1500, "summary": "12 papers", "output": [1, 2],
                "error": null, "usage": usage, "message": null, "retry_at": null,
                "cancel_requested_at": null, "params": {"n": 1}, "actor": null,
                "component_sha256": sha,
                "attempts": [{
                    "number": 2, "status": "succeeded", "reason": null,
                    "started_at": "2026-03-01T06:00:01.000000Z",
                    "ended_at": "2026-03-01T06:00:02.500000Z",
                    "duration_ms": 1500, "summary": "12 papers", "error": null, "usage": usage,
                    "attributes": {"k": "v"}, "component_sha256": sha,
                }],
            })
        );
        let read: Run = serde_json::from_value(value.clone()).unwrap();
        assert_eq!(serde_json::to_value(&read).unwrap(), value);
    }

    #[test]
    fn a_run_takes_as_long_as_all_its_attempts() {
        let mut row = row();
        let mut first = row.attempts[0].clone();
        first.number = 1;
        first.started_at = at("2026-03-01T05:59:00Z");
        row.attempts.insert(0, first);
        let run = Run::from(&row);
        assert_eq!(run.duration, Some(Duration::from_millis(62_500)));
        assert_eq!(
            run.attempts[1].duration,
            Some(Duration::from_micros(1_500_700))
        );
        row.ended_at = None;
        assert_eq!(Run::from(&row).duration, None);
    }

    #[test]
    fn an_attempt_that_has_not_ended_is_running() {
        let mut row = row();
        row.attempts[0].status = None;
        assert_eq!(Run::from(&row).attempts[0].status, "running");
    }

    #[test]
    fn a_run_that_failed_always_has_an_error() {
        let mut row = row();
        row.status = RunStatus::Failed;
        row.reason = Some("crash".to_owned());
        row.message = Some("the daemon died twice with it".to_owned());
        let error = Run::from(&row).error.unwrap();
        assert_eq!(error.message, "the daemon died twice with it");
        row.attempts[0].error = Some(history::ErrorRow {
            code: "e1".to_owned(),
            message: "its own".to_owned(),
            backtrace: None,
        });
        assert_eq!(Run::from(&row).error.unwrap().message, "its own");
    }

    #[test]
    fn a_range_of_skips_is_one_object() {
        let skips = Skips::from(&history::SkipRow {
            job: JobName::new("fetch").unwrap(),
            reason: SkipReason::Missed,
            first: at("2026-03-01T06:00:00Z"),
            last: at("2026-03-01T06:55:00Z"),
            count: 12,
            recorded_at: at("2026-03-01T07:00:00Z"),
        });
        assert_eq!(
            serde_json::to_value(Entry::Skips(skips)).unwrap(),
            json!({
                "run": null, "job": "fetch", "status": "skipped", "reason": "missed",
                "trigger": "schedule", "nominal": "2026-03-01T06:00:00.000000Z",
                "nominal_last": "2026-03-01T06:55:00.000000Z", "count": 12,
            })
        );
    }

    #[test]
    fn the_fields_of_a_line_keep_their_order() {
        let text = r#"{"attempt":1,"at":"2026-03-01T06:00:00.000000Z","level":"info","message":"m","fields":{"z":"1","a":"2"}}"#;
        let line: Line = serde_json::from_str(text).unwrap();
        assert_eq!(line.fields[0].0, "z");
        assert_eq!(serde_json::to_string(&line).unwrap(), text);
    }

    #[test]
    fn what_is_no_json_is_shown_as_text() {
        assert_eq!(super::json("{"), Value::String("{".to_owned()));
        assert_eq!(super::json("1"), json!(1));
    }
}
