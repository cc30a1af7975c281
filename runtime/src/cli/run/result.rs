//! What came out of a run, for people and for programs.

use cronlet_core::{
    digest::Digest,
    report::{AttemptReport, ErrorKind, Failure, Outcome, Verdict},
    run::{FailReason, RunStatus},
};

use super::super::{
    console::Console, counted::counted, error::CliError, escape, history, show, style, when,
};
use crate::api::view;

/// A run that is over.
pub(super) struct Finished {
    pub(super) status: RunStatus,
    pub(super) run: view::Run,
    /// JSON text, as the guest wrote it.
    output: Option<String>,
    /// How many keys of its job's state it changed, which nobody keeps.
    forgotten: usize,
}

/// What a verdict comes to.
struct Conclusion {
    status: RunStatus,
    reason: Option<FailReason>,
    outcome: Option<Outcome>,
    failure: Option<Failure>,
}

impl Finished {
    /// `run` with its only attempt. What was cancelled is cancelled, whatever the guest then said.
    pub(super) fn new(
        mut run: view::Run,
        report: AttemptReport,
        cancelled: bool,
        component: Digest,
    ) -> Self {
        let mut concluded = conclude(report.verdict);
        if cancelled {
            concluded.status = RunStatus::Cancelled;
            concluded.reason = None;
        }
        let outcome = concluded.outcome.unwrap_or_default();
        let reason = concluded.reason.map(|reason| reason.to_string());
        let attributes = match &concluded.failure {
            Some(failure) => &failure.attributes,
            None => &outcome.attributes,
        };
        let attempt = view::Attempt {
            number: 1,
            status: concluded.status.to_string(),
            reason: reason.clone(),
            started_at: view::Time(report.started_at.unwrap_or(report.ended_at)),
            ended_at: Some(view::Time(report.ended_at)),
            duration: Some(report.duration),
            summary: Some(outcome.summary).filter(|summary| !summary.is_empty()),
            error: concluded.failure.as_ref().map(view::Error::from),
            usage: Some(view::Usage::from(&report.usage)),
            attributes: attributes.iter().cloned().collect(),
            component_sha256: Some(component.to_string()),
        };
        run.status = concluded.status.to_string();
        run.reason = reason;
        run.ended_at = attempt.ended_at;
        run.output = outcome.output.as_deref().map(view::json);
        Self {
            status: concluded.status,
            run: run.with_attempts(vec![attempt]),
            output: outcome.output,
            forgotten: report.state.map_or(0, |state| state.writes().len()),
        }
    }

    /// The output where data goes, the rest where it does not.
    pub(super) fn print(&self, console: &mut Console) -> Result<(), CliError> {
        if let Some(output) = &self.output {
            console.output(output)?;
        }
        let run = &self.run;
        let (bold, color) = (style::BOLD, style::of_status(&run.status));
        let took = run.duration.map(when::took).unwrap_or_default();
        console.note(format_args!(
            "{bold}{}{bold:#} {color}{}{color:#} {} {took}{}",
            run.job,
            escape::line(&history::status(run)),
            history::preposition(&run.status),
            self.tail(),
        ));
        for line in self.details() {
            console.note(format_args!("  {line}"));
        }
        if let Some(usage) = &run.usage {
            let dim = style::DIM;
            console.note(format_args!("  {dim}{}{dim:#}", show::used(usage)));
        }
        if self.forgotten > 0 {
            let keys = counted(self.forgotten, "key");
            let dim = style::DIM;
            console.note(format_args!(
                "  {dim}{keys} of its state changed, which only a daemon keeps{dim:#}"
            ));
        }
        Ok(())
    }

    /// The summary, or the first line of what went wrong.
    fn tail(&self) -> String {
        let error = self.run.error.as_ref().map(|error| error.message.as_str());
        let said = error.or(self.run.summary.as_deref()).unwrap_or_default();
        match said.lines().next() {
            Some(first) => format!(": {}", escape::line(first)),
            None => String::new(),
        }
    }

    /// The rest of what went wrong, and where.
    fn details(&self) -> Vec<String> {
        let Some(error) = &self.run.error else {
            return Vec::new();
        };
        let rest = escape::lines(&error.message).skip(1);
        let code = show::code(
            error,
            [&self.run.status, self.run.reason.as_deref().unwrap_or("")],
        );
        let code = code.map(|code| format!("code: {}", escape::line(code)).into());
        let backtrace = show::backtrace(error);
        rest.chain(code)
            .map(std::borrow::Cow::into_owned)
            .chain(backtrace)
            .collect()
    }
}

fn conclude(verdict: Verdict) -> Conclusion {
    let (status, reason, outcome, failure) = match verdict {
        Verdict::Succeeded(outcome) => (RunStatus::Succeeded, None, Some(outcome), None),
        Verdict::Error {
            kind: ErrorKind::Cancelled,
            failure,
        } => (RunStatus::Cancelled, None, None, Some(failure)),
        Verdict::Error { failure, .. } => (
            RunStatus::Failed,
            Some(FailReason::Error),
            None,
            Some(failure),
        ),
        Verdict::Failed { reason, failure } => {
            (RunStatus::Failed, Some(reason), None, Some(failure))
        }
        Verdict::Stopped => (RunStatus::Cancelled, None, None, None),
    };
    Conclusion {
        status,
        reason,
        outcome,
        failure,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use cronlet_core::{name::JobName, report::Usage, run::Origin};
    use jiff::Timestamp;
    use serde_json::json;

    use super::*;

    fn finished(verdict: Verdict, cancelled: bool) -> Finished {
        let t: Timestamp = "2026-03-01T06:00:00Z".parse().unwrap();
        let run = view::Run::new(&JobName::new("hello").unwrap(), Origin::Manual, t, t);
        let report = AttemptReport {
            started_at: Some(t),
            ended_at: t,
            duration: Duration::from_millis(12),
            verdict,
            usage: Usage::default(),
            log: Vec::new(),
            state: None,
        };
        Finished::new(run, report, cancelled, Digest::of(b"x"))
    }

    fn outcome() -> Outcome {
        Outcome {
            summary: "done".to_owned(),
            output: Some("{\"n\":1}".to_owned()),
            attributes: Vec::new(),
        }
    }

    #[test]
    fn an_object_has_the_keys_that_scripts_read() {
        let failure = Failure {
            code: String::new(),
            message: "too slow".to_owned(),
            ..Failure::default()
        };
        let verdict = Verdict::Failed {
            reason: FailReason::Timeout,
            failure,
        };
        let value = serde_json::to_value(&finished(verdict, false).run).unwrap();
        assert_eq!(value["run"], json!(null));
        assert_eq!(value["job"], json!("hello"));
        assert_eq!(value["status"], json!("failed"));
        assert_eq!(value["reason"], json!("timeout"));
        assert_eq!(value["attempt"], json!(1));
        assert_eq!(value["duration_ms"], json!(12));
        assert_eq!(value["output"], json!(null));
        assert_eq!(
            value["error"],
            json!({"code": "", "message": "too slow", "backtrace": null})
        );
        assert_eq!(
            value["usage"],
            json!({"cpu_ms": 0, "memory_peak_bytes": 0, "log_lines": 0, "log_dropped": 0})
        );
    }

    #[test]
    fn what_was_cancelled_is_cancelled_and_keeps_its_output() {
        let finished = finished(Verdict::Succeeded(outcome()), true);
        assert_eq!(finished.status, RunStatus::Cancelled);
        assert_eq!(finished.run.output, Some(json!({"n": 1})));
        assert_eq!(finished.run.attempts[0].status, "cancelled");
    }

    #[test]
    fn a_guest_may_call_itself_cancelled() {
        let verdict = Verdict::Error {
            kind: ErrorKind::Cancelled,
            failure: Failure::default(),
        };
        assert_eq!(finished(verdict, false).status, RunStatus::Cancelled);
        assert_eq!(
            finished(Verdict::Stopped, true).status,
            RunStatus::Cancelled
        );
    }

    #[test]
    fn a_success_is_a_success() {
        let finished = finished(Verdict::Succeeded(outcome()), false);
        assert_eq!(finished.status, RunStatus::Succeeded);
        assert_eq!(finished.tail(), ": done");
        assert_eq!(finished.output.as_deref(), Some("{\"n\":1}"));
    }
}
