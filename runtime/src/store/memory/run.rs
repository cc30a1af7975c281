//! A run in memory: its row, and what only an engine asks for.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use cronlet_core::{
    record::{NewRun, StoredRun, StoredState},
    report::{AttemptReport, LogLine, Usage},
    run::{AttemptStatus, FailReason, RunStatus},
};
use jiff::Timestamp;

use crate::store::{
    history::{AttemptRow, ErrorRow, RunRow},
    precision::{self, cut},
    told::Told,
};

#[derive(Clone, Debug)]
pub(super) struct Run {
    pub(super) row: RunRow,
    pub(super) last_attempt: u32,
    /// When the attempt that is not over was to start.
    pub(super) starts_at: Option<Timestamp>,
    pub(super) logs: BTreeMap<u32, Vec<LogLine>>,
}

impl Run {
    pub(super) fn is_open(&self) -> bool {
        !self.row.status.is_final()
    }

    pub(super) fn go(&mut self, status: RunStatus) {
        self.row.status = status;
        self.row.retry_at = None;
    }

    pub(super) fn disarm(&mut self, attempt: u32) {
        self.starts_at = None;
        self.row.attempts.retain(|row| row.number != attempt);
    }

    pub(super) fn end_attempt(
        &mut self,
        at: Timestamp,
        attempt: u32,
        (status, reason): (AttemptStatus, Option<FailReason>),
        report: Option<&AttemptReport>,
    ) {
        self.starts_at = None;
        let mut rows = self.row.attempts.iter_mut();
        let Some(row) = rows.find(|row| row.number == attempt) else {
            return;
        };
        row.status = Some(status);
        row.reason = reason.map(|reason| reason.as_str().to_owned());
        row.ended_at = Some(at);
        if let Some(report) = report {
            describe(row, report);
            if !report.log.is_empty() {
                self.logs.insert(attempt, cut_log(&report.log));
            }
        }
    }

    /// Whether an attempt said something that is kept no more.
    pub(super) fn is_pruned(&self, attempt: u32) -> bool {
        let mut rows = self.row.attempts.iter();
        let row = rows.find(|row| row.number == attempt);
        let said = row.and_then(|row| row.usage.as_ref());
        said.is_some_and(|usage| usage.log_lines > 0) && !self.logs.contains_key(&attempt)
    }

    /// What an engine must know of the run. The attempt that is not over counts for nothing yet.
    pub(super) fn stored(&self) -> StoredRun {
        let row = &self.row;
        let with = |status| {
            let attempts = row.attempts.iter();
            attempts.filter(move |attempt| attempt.status == Some(status))
        };
        let mut backwards = row.attempts.iter().rev();
        StoredRun {
            new: Arc::new(NewRun {
                run: row.run,
                job: row.job.clone(),
                cause: row.cause,
                nominal: row.nominal,
                origin: row.origin,
                actor: row.actor.as_deref().map(Arc::from),
                params: row.params.as_deref().map(Arc::from),
                queued_at: row.queued_at,
                not_before: row.not_before,
                turn: row.turn,
            }),
            state: match (self.starts_at.zip(row.attempts.last()), row.retry_at) {
                (Some((starts_at, attempt)), _) => StoredState::Running {
                    starts_at,
                    recorded_at: attempt.started_at,
                },
                (None, Some(until)) => StoredState::Retrying { until },
                (None, None) => StoredState::Queued,
            },
            last_attempt: self.last_attempt,
            failures: u32::try_from(with(AttemptStatus::Failed).count()).unwrap_or(u32::MAX),
            crashes: u32::try_from(with(AttemptStatus::Crashed).count()).unwrap_or(u32::MAX),
            attempted: row.attempts.iter().any(|attempt| attempt.status.is_some()),
            last_failure: backwards.find_map(|attempt| match attempt.status {
                Some(AttemptStatus::Failed) => attempt.reason.as_deref()?.parse().ok(),
                Some(AttemptStatus::Crashed) => Some(FailReason::Crash),
                _ => None,
            }),
            cancel_requested: row.cancel_requested_at.is_some(),
        }
    }
}

fn describe(row: &mut AttemptRow, report: &AttemptReport) {
    let told = Told::of(&report.verdict);
    row.started_at = report.started_at.map_or(row.started_at, cut);
    row.ended_at = Some(cut(report.ended_at));
    row.duration = Some(cut_duration(report.duration));
    row.summary = told.summary.map(str::to_owned);
    row.output = told.output.map(str::to_owned);
    row.error = told.failure.map(|failure| ErrorRow {
        code: failure.code.clone(),
        message: failure.message.clone(),
        backtrace: failure.backtrace.clone(),
    });
    row.attributes = told.attributes.to_vec();
    let count = |n| precision::count(precision::column(n));
    row.usage = Some(Usage {
        cpu: cut_duration(report.usage.cpu),
        memory_peak: count(report.usage.memory_peak),
        log_lines: count(report.usage.log_lines),
        log_dropped: count(report.usage.log_dropped),
    });
}

fn cut_duration(duration: Duration) -> Duration {
    precision::duration(precision::duration_micros(duration))
}

fn cut_log(log: &[LogLine]) -> Vec<LogLine> {
    let lines = log.iter().cloned();
    lines
        .map(|line| LogLine {
            at: cut(line.at),
            ..line
        })
        .collect()
}
