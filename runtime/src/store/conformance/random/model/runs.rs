//! What becomes of runs and their attempts.

use std::time::Duration;

use cronlet_core::{
    health::Failing,
    record::{StoredJob, StoredRun, StoredState},
    report::{ErrorKind, Failure, Level, LogLine},
    run::{FailReason, SkipReason, Turn},
};

use super::*;
use crate::store::precision::{cut, cut_cause};

impl Model {
    pub(super) fn run_queued(&mut self) -> Record {
        let job = self.job();
        let time = self.time();
        let cause = match self.below(4) {
            0 if !self
                .occurrences
                .contains(&(job.clone(), cut_cause(Cause::Time(time)))) =>
            {
                Cause::Time(time)
            }
            1 => Cause::Manual(RequestId(self.random())),
            2 => Cause::Backfill(RequestId(self.random()), time),
            // Of a run that nobody knows, so that it is another one each time.
            _ => Cause::After(RunId(self.random() >> 1)),
        };
        let text = |model: &mut Self| model.chance(3).then(|| model.text().into());
        let new = NewRun {
            run: RunId(self.next_run + self.below_u64(2)),
            job: job.clone(),
            cause,
            nominal: time,
            origin: self.pick(&Origin::ALL),
            actor: text(self),
            params: text(self),
            input_of: self.chance(3).then(|| RunId(self.below_u64(self.next_run))),
            queued_at: self.now,
            not_before: self.chance(5).then(|| self.time()),
            turn: self.pick(&Turn::ALL),
        };
        self.next_run = new.run.0 + 1;
        self.ran.insert(job.clone());
        self.occurrences.push((job, cut_cause(cause)));
        let kept = NewRun {
            cause: cut_cause(cause),
            nominal: cut(time),
            queued_at: cut(self.now),
            not_before: new.not_before.map(cut),
            ..new.clone()
        };
        let run = StoredRun {
            new: Arc::new(kept),
            state: StoredState::Queued,
            last_attempt: 0,
            failures: 0,
            crashes: 0,
            attempted: false,
            last_failure: None,
            cancel_requested: false,
        };
        self.open.insert(new.run, run);
        Record::RunQueued(Arc::new(new))
    }

    /// Something happens to an open run.
    pub(super) fn advance(&mut self, records: &mut Vec<Record>) {
        let open: Vec<RunId> = self.open.keys().copied().collect();
        if open.is_empty() {
            return;
        }
        let run = self.pick(&open);
        let state = self.open[&run].state;
        match state {
            StoredState::Running { .. } => match self.below(5) {
                0 => self.disarm(run, records),
                1 => {
                    self.open(run).cancel_requested = true;
                    let actor = self.chance(2).then(|| self.text().into());
                    records.push(Record::CancelRequested { run, actor });
                }
                _ => self.end_attempt(run, records),
            },
            _ if self.chance(6) => self.end(run, None, records),
            _ if self.open[&run].new.not_before.is_some() => self.arrive(run, records),
            _ => self.start_attempt(run, records),
        }
    }

    pub(super) fn open(&mut self, run: RunId) -> &mut StoredRun {
        self.open.get_mut(&run).unwrap()
    }

    pub(super) fn start_attempt(&mut self, run: RunId, records: &mut Vec<Record>) {
        let (starts_at, recorded_at) = (self.time(), cut(self.now));
        let component = self
            .chance(4)
            .then(|| Digest::of(&self.random().to_le_bytes()));
        let stored = self.open(run);
        stored.last_attempt += 1;
        let attempt = stored.last_attempt;
        stored.state = StoredState::Running {
            starts_at: cut(starts_at),
            recorded_at,
        };
        records.push(Record::AttemptStarted {
            run,
            attempt,
            component: component
                .or(Some(Digest::of(b"usual")))
                .filter(|_| attempt != 3),
            starts_at,
        });
    }

    pub(super) fn arrive(&mut self, run: RunId, records: &mut Vec<Record>) {
        let turn = self.pick(&Turn::ALL);
        let new = Arc::make_mut(&mut self.open(run).new);
        (new.not_before, new.turn) = (None, turn);
        records.push(Record::RunArrived { run, turn });
    }

    /// As if the run had never been created: the same occurrence may become another one.
    pub(super) fn withdraw(&mut self, run: RunId, records: &mut Vec<Record>) {
        let stored = self.open.remove(&run).unwrap();
        let key = (stored.new.job.clone(), stored.new.cause);
        self.occurrences.retain(|occurrence| *occurrence != key);
        records.push(Record::RunWithdrawn { run });
    }

    pub(super) fn disarm(&mut self, run: RunId, records: &mut Vec<Record>) {
        if !self.open[&run].attempted && self.chance(3) {
            return self.withdraw(run, records);
        }
        let attempt = self.open[&run].last_attempt;
        records.push(Record::AttemptDisarmed { run, attempt });
        match self.below(3) {
            0 => self.end(run, None, records),
            1 => self.retry(run, records),
            _ => self.requeue(run, records),
        }
    }

    pub(super) fn end_attempt(&mut self, run: RunId, records: &mut Vec<Record>) {
        let status = self.pick(&AttemptStatus::ALL);
        let reason = (status == AttemptStatus::Failed).then(|| self.pick(&FailReason::ALL));
        let report = (status != AttemptStatus::Crashed).then(|| Arc::new(self.report()));
        let stored = self.open(run);
        let attempt = stored.last_attempt;
        stored.attempted = true;
        match status {
            AttemptStatus::Failed => {
                stored.failures += 1;
                stored.last_failure = reason;
            }
            AttemptStatus::Crashed => {
                stored.crashes += 1;
                stored.last_failure = Some(FailReason::Crash);
            }
            _ => {}
        }
        records.push(Record::AttemptEnded {
            run,
            attempt,
            status,
            reason,
            report,
        });
        match status {
            AttemptStatus::Succeeded => self.end(run, Some(RunEnd::Succeeded), records),
            AttemptStatus::Cancelled => self.end(run, Some(RunEnd::Cancelled), records),
            AttemptStatus::Interrupted => self.requeue(run, records),
            _ if self.chance(2) => self.end(run, None, records),
            _ => self.retry(run, records),
        }
    }

    pub(super) fn retry(&mut self, run: RunId, records: &mut Vec<Record>) {
        let until = self.time();
        self.open(run).state = StoredState::Retrying { until: cut(until) };
        records.push(Record::RunRetrying { run, until });
    }

    pub(super) fn requeue(&mut self, run: RunId, records: &mut Vec<Record>) {
        self.open(run).state = StoredState::Queued;
        records.push(Record::RunRequeued { run });
    }

    pub(super) fn end(&mut self, run: RunId, end: Option<RunEnd>, records: &mut Vec<Record>) {
        let stored = self.open.remove(&run).unwrap();
        let end = end.unwrap_or(match stored.last_failure {
            _ if !stored.attempted => RunEnd::Skipped(self.pick(&SkipReason::ALL)),
            Some(reason) => RunEnd::Failed(reason),
            None => RunEnd::Cancelled,
        });
        self.ended.push(run);
        let at = cut(self.now);
        if let Some(StoredJob { health, .. }) = self.jobs.get_mut(&stored.new.job) {
            match end {
                _ if stored.new.origin == Origin::Backfill => {}
                RunEnd::Succeeded => {
                    health.last_success = Some(at);
                    health.failing = None;
                }
                RunEnd::Failed(_) if stored.new.origin != Origin::Manual => {
                    health.failing = Some(Failing { run, at });
                }
                _ => {}
            }
        }
        let message = self.chance(3).then(|| self.text());
        records.push(Record::RunEnded { run, end, message });
    }

    pub(super) fn report(&mut self) -> AttemptReport {
        let verdict = match self.below(4) {
            0 => Verdict::Succeeded(Outcome {
                summary: self.text(),
                output: self.chance(2).then(|| self.text()),
                attributes: self.pairs(),
            }),
            1 => Verdict::Error {
                kind: ErrorKind::Retryable,
                failure: self.failure(),
            },
            2 => Verdict::Failed {
                reason: self.pick(&FailReason::ALL),
                failure: self.failure(),
            },
            _ => Verdict::Stopped,
        };
        let line = |model: &mut Self| LogLine {
            at: model.time(),
            level: model.pick(&Level::ALL),
            message: model.text(),
            fields: model.pairs(),
        };
        AttemptReport {
            started_at: self.chance(2).then(|| self.time()),
            ended_at: self.time(),
            duration: Duration::from_nanos(self.random() >> self.below(64)),
            verdict,
            usage: Usage {
                cpu: Duration::from_nanos(self.random() >> self.below(64)),
                memory_peak: self.count(),
                log_lines: self.count(),
                log_dropped: self.count(),
            },
            log: (0..self.below(4)).map(|_| line(self)).collect(),
            state: None,
        }
    }

    pub(super) fn failure(&mut self) -> Failure {
        Failure {
            code: self.text(),
            message: self.text(),
            backtrace: self.chance(2).then(|| self.text()),
            attributes: self.pairs(),
        }
    }
}
