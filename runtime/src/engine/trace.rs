//! The log lines that are made from records: one place, so that a run reads the same everywhere.

use std::{collections::BTreeMap, time::Duration};

use cronlet_core::{
    escape,
    name::JobName,
    record::{Batch, NewRun, Record, StoredRun},
    report::{AttemptReport, Verdict},
    run::{AttemptStatus, FailReason, RunEnd, RunId},
    units,
};
use jiff::Timestamp;
use tracing::{debug, error, info, warn};

/// Tells what happens to runs.
#[derive(Debug, Default)]
pub(super) struct Trace {
    /// The open runs.
    runs: BTreeMap<RunId, Told>,
}

/// What later lines about a run need from earlier records.
#[derive(Debug)]
struct Told {
    job: JobName,
    attempt: u32,
    last: Option<Last>,
}

/// What its last attempt came to.
#[derive(Debug)]
struct Last {
    duration: Duration,
    /// The summary, or what went wrong.
    said: String,
}

impl Trace {
    pub(super) fn new(open: &[StoredRun]) -> Self {
        let told = |run: &StoredRun| {
            let told = Told {
                job: run.new.job.clone(),
                attempt: run.last_attempt,
                last: None,
            };
            (run.new.run, told)
        };
        Self {
            runs: open.iter().map(told).collect(),
        }
    }

    /// Writes the lines of one batch.
    pub(super) fn show(&mut self, batch: &Batch) {
        for record in &batch.records {
            self.record(record);
        }
        pulled_back(&batch.records);
    }

    fn record(&mut self, record: &Record) {
        match record {
            Record::PlanAccepted { digest } => debug!(%digest, "plan accepted"),
            Record::JobAccepted { job, watermark, .. } => debug!(%job, %watermark, "job accepted"),
            Record::JobRemoved { job } => info!(%job, "job removed"),
            Record::WatermarkPulledBack { job, from, to, .. } => {
                debug!(%job, %from, %to, "watermark pulled back");
            }
            Record::TimesPulledBack { to } => debug!(%to, "times pulled back"),
            Record::Claimed { job, at } => {
                debug!(%job, nominal = %at, "accounted for ahead of time");
            }
            // A jump was told when it was seen.
            Record::ClockJumped { .. } | Record::Watermark { .. } => {}
            Record::JobOverdue { job, since } => {
                warn!(%job, "overdue: nothing has succeeded since {since:.0}");
            }
            Record::JobNotOverdue { job } => info!(%job, "not overdue any more"),
            Record::JobPaused { job, why } if why.is_by_failures() => {
                warn!(%job, "job paused {why}: `cronlet resume {job}` has it run again");
            }
            Record::JobPaused { job, why } => info!(%job, "job paused {why}"),
            Record::JobResumed { job, actor, .. } => {
                info!(%job, actor = actor.as_deref(), "job resumed");
            }
            Record::FailuresCounted { job, failures } => {
                debug!(%job, failures, "failed runs in a row");
            }
            Record::Skipped {
                job,
                reason,
                first,
                last,
                count,
            } => skipped(job, reason.as_str(), (*first, *last), *count),
            Record::RunQueued(new) => self.queued(new),
            Record::AttemptStarted { run, attempt, .. } => self.started(*run, *attempt),
            Record::AttemptDisarmed { run, .. } => debug!(%run, "attempt withdrawn"),
            Record::RunWithdrawn { run } => debug!(%run, "run withdrawn"),
            Record::RunArrived { run, turn } => debug!(%run, %turn, "run arrived"),
            Record::AttemptEnded {
                run,
                status,
                reason,
                report,
                ..
            } => self.attempt_ended(*run, *status, *reason, report.as_deref()),
            Record::StateWritten {
                run,
                job,
                changes,
                total,
            } => debug!(%run, %job, keys = changes.writes().len(), total, "state written"),
            Record::RunRequeued { run } => debug!(%run, "queued again"),
            Record::RunRetrying { run, until } => self.retrying(*run, *until),
            Record::CancelRequested { run, actor } => {
                info!(%run, actor = actor.as_deref(), "asked to end");
            }
            Record::RunEnded { run, end, message } => self.ended(*run, *end, message.as_deref()),
            Record::BackfillCreated(new) => {
                let (id, job, instants) = (new.id, &new.job, new.instants.count());
                info!(%id, %job, instants, actor = new.actor.as_deref(), "backfill begun");
            }
            Record::BackfillMoved { id, made, tally } => {
                debug!(%id, made, over = tally.total(), "backfill goes on");
            }
            Record::BackfillStopped { id, why, actor } => {
                info!(%id, actor = actor.as_deref(), "backfill makes no more runs: {why}");
            }
            Record::BackfillEnded { id, how } => info!(%id, "backfill over: {how}"),
            Record::Stopped => info!("stopped"),
        }
    }

    fn queued(&mut self, new: &NewRun) {
        debug!(run = %new.run, job = %new.job, cause = %new.cause, "queued");
        let told = Told {
            job: new.job.clone(),
            attempt: 0,
            last: None,
        };
        self.runs.insert(new.run, told);
    }

    fn started(&mut self, run: RunId, attempt: u32) {
        let Some(told) = self.runs.get_mut(&run) else {
            return;
        };
        told.attempt = attempt;
        info!(%run, job = %told.job, attempt, "started");
    }

    fn attempt_ended(
        &mut self,
        run: RunId,
        status: AttemptStatus,
        reason: Option<FailReason>,
        report: Option<&AttemptReport>,
    ) {
        let Some(told) = self.runs.get_mut(&run) else {
            return;
        };
        let said = match report.map(|report| &report.verdict) {
            Some(Verdict::Succeeded(outcome)) => outcome.summary.clone(),
            Some(Verdict::Error { failure, .. } | Verdict::Failed { failure, .. }) => {
                match reason {
                    Some(reason) => format!("{reason}: {}", failure.message),
                    None => failure.message.clone(),
                }
            }
            Some(Verdict::Stopped) => String::new(),
            None => "the daemon died with it".to_owned(),
        };
        if matches!(status, AttemptStatus::Interrupted | AttemptStatus::Crashed) {
            let (job, attempt) = (&told.job, told.attempt);
            warn!(%run, %job, attempt, "{status}");
        }
        told.last = Some(Last {
            duration: report.map_or(Duration::ZERO, |report| report.duration),
            said,
        });
    }

    fn retrying(&self, run: RunId, until: Timestamp) {
        let Some(told) = self.runs.get(&run) else {
            return;
        };
        let (job, attempt) = (&told.job, told.attempt);
        warn!(%run, %job, attempt, "failed, next attempt at {until:.0}{}", told.said());
    }

    fn ended(&mut self, run: RunId, end: RunEnd, message: Option<&str>) {
        let Some(told) = self.runs.remove(&run) else {
            return;
        };
        let took = told
            .last
            .as_ref()
            .map_or(Duration::ZERO, |last| last.duration);
        let took = units::took(took);
        let (job, attempt) = (&told.job, told.attempt);
        let status = end.status();
        let said = message.map_or_else(
            || told.said(),
            |message| format!(": {}", escape::line(message)),
        );
        match end {
            RunEnd::Succeeded | RunEnd::Cancelled => {
                info!(%run, %job, attempt, %took, "{status}{said}");
            }
            RunEnd::Skipped(reason) => info!(%run, %job, "{status}, {reason}{said}"),
            RunEnd::Failed(_) => warn!(%run, %job, attempt, %took, "{status}{said}"),
        }
    }
}

impl Told {
    fn said(&self) -> String {
        let said = self.last.as_ref().map_or("", |last| &last.said);
        if said.is_empty() {
            String::new()
        } else {
            // A guest's words are one line of the log, whatever is in them.
            format!(": {}", escape::line(said))
        }
    }
}

/// One line, however many jobs were silent.
fn pulled_back(records: &[Record]) {
    let watermarks = records.iter().filter_map(|record| match record {
        Record::WatermarkPulledBack { from, to, .. } => Some((*from, *to)),
        _ => None,
    });
    let jobs = watermarks.clone().count();
    if let Some((from, to)) = watermarks.max() {
        error!(
            jobs,
            "the wall clock was wrong: jobs were accounted for up to {from:.0}, and go on from {to:.0}"
        );
    }
}

/// A range that grows is told once: when it begins.
fn skipped(job: &JobName, reason: &str, (first, last): (Timestamp, Timestamp), count: u64) {
    if first == last {
        info!(%job, at = %first, "skipped, {reason}");
    } else {
        debug!(%job, %first, %last, count, "skipped, {reason}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_cannot_forge_a_line_of_the_log() {
        let told = Told {
            job: JobName::new("a").unwrap(),
            attempt: 1,
            last: Some(Last {
                duration: Duration::ZERO,
                said: "fine\n2026-01-01T00:00:00Z INFO all is well\u{1b}[2J".to_owned(),
            }),
        };
        let said = told.said();
        assert!(!said.chars().any(char::is_control), "{said:?}");
        assert!(said.starts_with(": fine⏎2026"), "{said}");
    }
}
