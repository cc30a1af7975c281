//! What the records say, read naively: one row a job, a run, a range, and no cleverness.
//!
//! The model store is one of these, made of what was flushed. The watch has another,
//! made of all that the engine said.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use cronlet_core::{
    backfill::{NewBackfill, Tally},
    digest::Digest,
    name::JobName,
    record::{Batch, NewRun, Record, Recovery, StoredBackfill, StoredJob, StoredRun, StoredState},
    run::{
        AttemptStatus, BackfillEnd, Cause, FailReason, RequestId, RunEnd, RunId, RunStatus,
        SkipReason,
    },
    state::Entries,
};
use jiff::{SignedDuration, Timestamp};

use crate::{deeds::total, invariants::state::written, runner::AttemptKey};

/// How long the watermark of a removed job is kept.
pub(crate) const KEPT: SignedDuration = SignedDuration::from_hours(1);

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Tables {
    pub(crate) jobs: BTreeMap<JobName, JobRow>,
    pub(crate) runs: BTreeMap<RunId, RunRow>,
    /// The runs that are not final.
    pub(crate) open: BTreeSet<RunId>,
    pub(crate) causes: BTreeSet<(JobName, Cause)>,
    pub(crate) skips: BTreeMap<(JobName, Timestamp), SkipRow>,
    /// What each job's watermark has passed over, in the order of the acceptances.
    pub(crate) stretches: Vec<Stretch>,
    pub(crate) plan: Option<Digest>,
    pub(crate) backfills: BTreeMap<RequestId, BackfillRow>,
    /// What each job remembers.
    pub(crate) states: BTreeMap<JobName, Entries>,
    /// The attempts that succeeded, in the order of their ends.
    pub(crate) succeeded: Vec<AttemptKey>,
    /// The last record says that the engine stopped gracefully.
    pub(crate) stopped: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct JobRow {
    pub(crate) watermark: Timestamp,
    pub(crate) fingerprint: String,
    pub(crate) removed_at: Option<Timestamp>,
}

/// The way of a watermark from one acceptance of its job to the next.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Stretch {
    pub(crate) job: JobName,
    pub(crate) fingerprint: String,
    pub(crate) after: Timestamp,
    pub(crate) through: Timestamp,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct BackfillRow {
    pub(crate) new: Arc<NewBackfill>,
    pub(crate) made: u32,
    pub(crate) tally: Tally,
    pub(crate) stopped: Option<BackfillEnd>,
    pub(crate) ended: Option<BackfillEnd>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SkipRow {
    pub(crate) reason: SkipReason,
    pub(crate) last: Timestamp,
    pub(crate) count: u64,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RunRow {
    pub(crate) new: Arc<NewRun>,
    pub(crate) status: RunStatus,
    pub(crate) end: Option<RunEnd>,
    pub(crate) until: Option<Timestamp>,
    pub(crate) last_attempt: u32,
    /// The attempt that was started and has neither ended nor been withdrawn.
    pub(crate) live: Option<LiveAttempt>,
    pub(crate) failures: u32,
    pub(crate) crashes: u32,
    pub(crate) interruptions: u32,
    pub(crate) last_failure: Option<FailReason>,
    pub(crate) cancel_requested: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct LiveAttempt {
    pub(crate) attempt: u32,
    pub(crate) component: Option<Digest>,
    pub(crate) starts_at: Timestamp,
    pub(crate) recorded_at: Timestamp,
    /// When the run's backoff was over, if it was `retrying`.
    pub(crate) retried: Option<Timestamp>,
}

impl RunRow {
    fn new(new: Arc<NewRun>) -> Self {
        Self {
            new,
            status: RunStatus::Queued,
            end: None,
            until: None,
            last_attempt: 0,
            live: None,
            failures: 0,
            crashes: 0,
            interruptions: 0,
            last_failure: None,
            cancel_requested: false,
        }
    }

    /// The backfill that it is of.
    pub(crate) fn backfill(&self) -> Option<RequestId> {
        match self.new.cause {
            Cause::Backfill(id, _) => Some(id),
            Cause::Time(_) | Cause::Manual(_) => None,
        }
    }

    /// Whether it ever had an attempt that was not withdrawn.
    pub(crate) fn attempted(&self) -> bool {
        self.failures + self.crashes + self.interruptions > 0 || self.end == Some(RunEnd::Succeeded)
    }

    fn stored(&self) -> StoredRun {
        StoredRun {
            new: self.new.clone(),
            state: match (self.live, self.until) {
                (Some(live), _) => StoredState::Running {
                    starts_at: live.starts_at,
                    recorded_at: live.recorded_at,
                },
                (None, Some(until)) => StoredState::Retrying { until },
                (None, None) => StoredState::Queued,
            },
            last_attempt: self.last_attempt,
            failures: self.failures,
            crashes: self.crashes,
            attempted: self.attempted(),
            last_failure: self.last_failure,
            cancel_requested: self.cancel_requested,
        }
    }
}

impl Tables {
    pub(crate) fn apply_batch(&mut self, batch: &Batch) {
        for record in &batch.records {
            self.apply(batch.at, record);
        }
    }

    pub(crate) fn apply(&mut self, at: Timestamp, record: &Record) {
        self.stopped = *record == Record::Stopped;
        match record {
            Record::PlanAccepted { digest } => self.plan = Some(*digest),
            Record::JobAccepted {
                job,
                watermark,
                fingerprint,
            } => self.accept(job, *watermark, fingerprint),
            Record::JobRemoved { job } => {
                if let Some(row) = self.jobs.get_mut(job) {
                    row.removed_at = Some(at);
                }
            }
            Record::Watermark { job, to } => self.move_watermark(job, *to),
            Record::Skipped {
                job,
                reason,
                first,
                last,
                count,
            } => {
                let row = SkipRow {
                    reason: *reason,
                    last: *last,
                    count: *count,
                };
                self.skips.insert((job.clone(), *first), row);
            }
            Record::RunQueued(new) => {
                self.runs.insert(new.run, RunRow::new(new.clone()));
                self.open.insert(new.run);
                self.causes.insert((new.job.clone(), new.cause));
            }
            Record::StateWritten { job, changes, .. } => {
                let entries = self.states.entry(job.clone()).or_default();
                *entries = written(entries, changes);
            }
            Record::BackfillCreated(_)
            | Record::BackfillMoved { .. }
            | Record::BackfillStopped { .. }
            | Record::BackfillEnded { .. } => self.apply_to_backfill(record),
            _ => self.apply_to_run(at, record),
        }
    }

    fn apply_to_backfill(&mut self, record: &Record) {
        if let Record::BackfillCreated(new) = record {
            let row = BackfillRow {
                new: new.clone(),
                made: 0,
                tally: Tally::default(),
                stopped: None,
                ended: None,
            };
            self.backfills.insert(new.id, row);
            return;
        }
        let row = backfill_of(record).and_then(|id| self.backfills.get_mut(&id));
        let Some(row) = row else { return };
        match record {
            Record::BackfillMoved { made, tally, .. } => {
                row.made = *made;
                row.tally = *tally;
            }
            Record::BackfillStopped { why, .. } => row.stopped = Some(*why),
            Record::BackfillEnded { how, .. } => row.ended = Some(*how),
            _ => {}
        }
    }

    fn accept(&mut self, job: &JobName, watermark: Timestamp, fingerprint: &str) {
        let row = JobRow {
            watermark,
            fingerprint: fingerprint.to_owned(),
            removed_at: None,
        };
        self.jobs.insert(job.clone(), row);
        self.stretches.push(Stretch {
            job: job.clone(),
            fingerprint: fingerprint.to_owned(),
            after: watermark,
            through: watermark,
        });
    }

    fn move_watermark(&mut self, job: &JobName, to: Timestamp) {
        if let Some(row) = self.jobs.get_mut(job) {
            row.watermark = to;
        }
        let last = self.stretches.iter_mut().rfind(|s| s.job == *job);
        if let Some(stretch) = last {
            stretch.through = to;
        }
    }

    fn apply_to_run(&mut self, at: Timestamp, record: &Record) {
        let Some(run) = run_of(record) else { return };
        let Some(row) = self.runs.get_mut(&run) else {
            return;
        };
        match record {
            Record::AttemptStarted {
                attempt,
                component,
                starts_at,
                ..
            } => {
                row.status = RunStatus::Running;
                row.last_attempt = *attempt;
                row.live = Some(LiveAttempt {
                    attempt: *attempt,
                    component: *component,
                    starts_at: *starts_at,
                    recorded_at: at,
                    retried: row.until.take(),
                });
            }
            Record::AttemptDisarmed { .. } => row.live = None,
            Record::AttemptEnded { status, reason, .. } => {
                row.live = None;
                match status {
                    AttemptStatus::Failed => {
                        row.failures += 1;
                        row.last_failure = *reason;
                    }
                    AttemptStatus::Crashed => {
                        row.crashes += 1;
                        row.last_failure = Some(FailReason::Crash);
                    }
                    AttemptStatus::Interrupted => row.interruptions += 1,
                    AttemptStatus::Succeeded => self.succeeded.push((run, row.last_attempt)),
                    AttemptStatus::Cancelled => {}
                }
            }
            Record::RunRequeued { .. } => row.status = RunStatus::Queued,
            Record::RunRetrying { until, .. } => {
                row.status = RunStatus::Retrying;
                row.until = Some(*until);
            }
            Record::CancelRequested { .. } => row.cancel_requested = true,
            Record::RunEnded { end, .. } => {
                row.status = end.status();
                row.end = Some(*end);
                self.open.remove(&run);
            }
            _ => {}
        }
    }

    /// The runs that are not final, by number.
    pub(crate) fn open_runs(&self) -> impl Iterator<Item = &RunRow> {
        self.open.iter().filter_map(|run| self.runs.get(run))
    }

    /// What a guest of the job reads.
    pub(crate) fn remembered(&self, job: &JobName) -> Entries {
        self.states.get(job).cloned().unwrap_or_default()
    }

    /// What a store that has these rows says to a new engine.
    pub(crate) fn recovery(&self, now: Timestamp) -> Recovery {
        let kept = |row: &JobRow| {
            row.removed_at
                .is_none_or(|at| now.duration_since(at) < KEPT)
        };
        Recovery {
            next_run: self.runs.keys().last().map_or(1, |run| run.0 + 1),
            jobs: self
                .jobs
                .iter()
                .filter(|(_, row)| kept(row))
                .map(|(job, row)| StoredJob {
                    job: job.clone(),
                    watermark: row.watermark,
                    fingerprint: row.fingerprint.clone(),
                    removed_at: row.removed_at,
                })
                .collect(),
            runs: self.open_runs().map(RunRow::stored).collect(),
            states: self
                .states
                .iter()
                .map(|(job, entries)| (job.clone(), total(entries)))
                .filter(|(_, total)| *total > 0)
                .collect(),
            backfills: self
                .backfills
                .values()
                .filter(|row| row.ended.is_none())
                .map(|row| StoredBackfill {
                    new: row.new.clone(),
                    made: row.made,
                    tally: row.tally,
                    stopped: row.stopped,
                })
                .collect(),
        }
    }
}

/// The backfill that a record is about, if it is about one that exists already.
pub(crate) fn backfill_of(record: &Record) -> Option<RequestId> {
    match record {
        Record::BackfillMoved { id, .. }
        | Record::BackfillStopped { id, .. }
        | Record::BackfillEnded { id, .. } => Some(*id),
        _ => None,
    }
}

/// The run that a record is about, if it is about one that exists already.
pub(crate) fn run_of(record: &Record) -> Option<RunId> {
    match record {
        Record::AttemptStarted { run, .. }
        | Record::StateWritten { run, .. }
        | Record::AttemptDisarmed { run, .. }
        | Record::AttemptEnded { run, .. }
        | Record::RunRequeued { run }
        | Record::RunRetrying { run, .. }
        | Record::CancelRequested { run, .. }
        | Record::RunEnded { run, .. } => Some(*run),
        _ => None,
    }
}
