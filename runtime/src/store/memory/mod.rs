//! The store without a disk, for tests: the same promises, kept in the plainest way.
//!
//! The whole state is one value. A commit changes a copy of it, and puts the copy in its
//! place if no record was refused.

mod backfill;
mod clock;
mod health;
mod history;
mod job_events;
mod old;
mod run;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use cronlet_core::{
    name::JobName,
    record::{Batch, NewRun, Record, Recovery, StoredJob},
    run::{RequestId, RunId, RunStatus},
    state::{Entries, StateChanges},
};
use jiff::Timestamp;

use backfill::Backfill;
use run::Run;

use super::{
    Old, Refused, Removed, Store, StoreError,
    history::{AttemptRow, ClockJump, JobEvent, RunRow, SkipRow},
    precision::{self, cut, cut_cause},
};

/// A store in memory. A clone is the same store, as if it were opened again: give one engine one of
/// them, and when it is gone the next engine another.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore(Shared);

/// Reads a [`MemoryStore`].
#[derive(Clone, Debug)]
pub struct MemoryHistory(Shared);

#[derive(Clone, Debug, Default)]
struct Shared(Arc<Mutex<State>>);

#[derive(Clone, Debug)]
struct State {
    next_run: u64,
    jobs: BTreeMap<JobName, StoredJob>,
    runs: BTreeMap<RunId, Run>,
    skips: BTreeMap<(JobName, Timestamp), Skips>,
    /// What became of jobs, by number.
    events: BTreeMap<i64, (JobName, JobEvent)>,
    next_event: i64,
    /// What each job remembers, and what that counts for.
    states: BTreeMap<JobName, (Entries, u64)>,
    backfills: BTreeMap<RequestId, Backfill>,
    /// Instants that have a run although the watermark of their job was pulled back before them.
    ahead: BTreeSet<(JobName, Timestamp)>,
    /// The newest last.
    jumps: VecDeque<ClockJump>,
}

#[derive(Clone, Debug)]
struct Skips {
    row: SkipRow,
    /// The last run that existed when they were recorded.
    after: RunId,
}

impl Default for State {
    fn default() -> Self {
        Self {
            next_run: 1,
            jobs: BTreeMap::new(),
            runs: BTreeMap::new(),
            skips: BTreeMap::new(),
            events: BTreeMap::new(),
            next_event: 1,
            states: BTreeMap::new(),
            backfills: BTreeMap::new(),
            ahead: BTreeSet::new(),
            jumps: VecDeque::new(),
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads this store.
    pub fn history(&self) -> MemoryHistory {
        MemoryHistory(self.0.clone())
    }
}

impl Store for MemoryStore {
    fn recover(&mut self) -> Result<Recovery, StoreError> {
        let state = self.0.lock();
        let open = state.runs.values().filter(|run| run.is_open());
        Ok(Recovery {
            next_run: state.next_run,
            jobs: state.jobs.values().cloned().collect(),
            runs: open.map(Run::stored).collect(),
            states: state.totals(),
            backfills: state.open_backfills().map(Backfill::stored).collect(),
            ahead: state.ahead(),
        })
    }

    fn commit(&mut self, batches: &[Batch]) -> Result<(), StoreError> {
        let mut state = self.0.lock();
        let mut next = state.clone();
        for batch in batches {
            for record in &batch.records {
                next.apply(cut(batch.at), record)
                    .map_err(StoreError::while_("write the history"))?;
            }
        }
        *state = next;
        Ok(())
    }

    fn remove(&mut self, old: &Old) -> Result<Removed, StoreError> {
        Ok(self.0.lock().remove(old))
    }
}

impl State {
    fn apply(&mut self, at: Timestamp, record: &Record) -> Result<(), Refused> {
        match record {
            Record::PlanAccepted { .. } => self.forget(at),
            Record::JobOverdue { job, .. } => self.job(job)?.health.overdue = true,
            Record::JobNotOverdue { job } => self.job(job)?.health.overdue = false,
            Record::JobAccepted { .. }
            | Record::JobRemoved { .. }
            | Record::JobPaused { .. }
            | Record::JobResumed { .. }
            | Record::FailuresCounted { .. } => self.turn(at, record)?,
            Record::Watermark { job, to } => self.job(job)?.watermark = cut(*to),
            Record::WatermarkPulledBack { .. } => self.pull_back(record)?,
            Record::TimesPulledBack { to } => self.pull_times_back(cut(*to)),
            Record::Claimed { job, at } => {
                self.ahead.insert((job.clone(), cut(*at)));
            }
            Record::ClockJumped { by } => self.jump(at, *by),
            Record::Skipped { .. } => self.skip(at, record),
            Record::RunQueued(new) => self.queue(new)?,
            Record::AttemptStarted { .. } => self.start_attempt(at, record)?,
            Record::AttemptDisarmed { run, attempt } => {
                self.run_with_attempt(*run, *attempt)?.disarm(*attempt);
            }
            Record::AttemptEnded {
                run,
                attempt,
                status,
                reason,
                report,
            } => {
                let run = self.run_with_attempt(*run, *attempt)?;
                run.end_attempt(at, *attempt, (*status, *reason), report.as_deref());
            }
            Record::RunWithdrawn { run } => {
                let held = self.open_run(*run)?.row.attempts.iter();
                if held.clone().any(|attempt| attempt.status.is_some()) {
                    return Err(Refused::NotOpen(*run));
                }
                self.runs.remove(run);
            }
            Record::RunArrived { run, turn } => {
                let row = &mut self.open_run(*run)?.row;
                row.not_before = None;
                row.turn = *turn;
            }
            Record::RunRequeued { run } => self.open_run(*run)?.go(RunStatus::Queued),
            Record::RunRetrying { run, until } => {
                let run = self.open_run(*run)?;
                run.go(RunStatus::Retrying);
                run.row.retry_at = Some(cut(*until));
            }
            Record::CancelRequested { run, .. } => {
                let row = &mut self.open_run(*run)?.row;
                row.cancel_requested_at.get_or_insert(at);
            }
            Record::RunEnded { .. } => self.end_run(at, record)?,
            Record::StateWritten {
                job,
                changes,
                total,
                ..
            } => self.write_state(job, changes, *total),
            Record::BackfillCreated(_)
            | Record::BackfillMoved { .. }
            | Record::BackfillStopped { .. }
            | Record::BackfillEnded { .. } => self.backfill(at, record)?,
            Record::Stopped => {}
        }
        Ok(())
    }

    fn write_state(&mut self, job: &JobName, changes: &StateChanges, total: u64) {
        let (entries, known) = self.states.entry(job.clone()).or_default();
        for (key, write) in changes.writes() {
            match &write.value {
                Some(value) => entries.insert(key.clone(), value.bytes().clone()),
                None => entries.remove(key),
            };
        }
        *known = precision::count(precision::column(total));
    }

    fn totals(&self) -> BTreeMap<JobName, u64> {
        let states = self.states.iter();
        states
            .filter(|(_, (_, total))| *total > 0)
            .map(|(job, (_, total))| (job.clone(), *total))
            .collect()
    }

    fn job(&mut self, job: &JobName) -> Result<&mut StoredJob, Refused> {
        self.jobs
            .get_mut(job)
            .ok_or_else(|| Refused::UnknownJob(job.clone()))
    }

    fn open_run(&mut self, run: RunId) -> Result<&mut Run, Refused> {
        self.runs
            .get_mut(&run)
            .filter(|run| run.is_open())
            .ok_or(Refused::NotOpen(run))
    }

    fn run_with_attempt(&mut self, run: RunId, attempt: u32) -> Result<&mut Run, Refused> {
        self.runs
            .get_mut(&run)
            .filter(|run| {
                let mut attempts = run.row.attempts.iter();
                attempts.any(|row| row.number == attempt && row.status.is_none())
            })
            .ok_or(Refused::NoAttempt { run, attempt })
    }

    fn skip(&mut self, at: Timestamp, record: &Record) {
        let Record::Skipped {
            job,
            reason,
            first,
            last,
            count,
        } = record
        else {
            return;
        };
        let row = SkipRow {
            job: job.clone(),
            reason: *reason,
            first: cut(*first),
            last: cut(*last),
            count: precision::count(precision::column(*count)),
            recorded_at: at,
        };
        let after = RunId(self.next_run - 1);
        let skips = Skips { row, after };
        self.skips.insert((job.clone(), cut(*first)), skips);
    }

    fn queue(&mut self, new: &NewRun) -> Result<(), Refused> {
        let (run, next) = (new.run, self.next_run);
        if run.0 < next || i64::try_from(run.0).is_err() {
            return Err(Refused::Number { run, next });
        }
        let cause = cut_cause(new.cause);
        let mut rows = self.runs.values().map(|run| &run.row);
        if rows.any(|row| row.job == new.job && row.cause == cause) {
            return Err(Refused::Occurrence {
                run,
                job: new.job.clone(),
                cause,
            });
        }
        self.next_run = run.0 + 1;
        let row = RunRow {
            run,
            job: new.job.clone(),
            cause,
            nominal: cut(new.nominal),
            origin: new.origin,
            actor: new.actor.as_deref().map(str::to_owned),
            params: new.params.as_deref().map(str::to_owned),
            input_of: new.input_of,
            status: RunStatus::Queued,
            reason: None,
            message: None,
            queued_at: cut(new.queued_at),
            not_before: new.not_before.map(cut),
            turn: new.turn,
            retry_at: None,
            ended_at: None,
            cancel_requested_at: None,
            attempts: Vec::new(),
        };
        let stored = Run {
            row,
            last_attempt: 0,
            starts_at: None,
            logs: BTreeMap::new(),
        };
        self.runs.insert(run, stored);
        Ok(())
    }

    fn start_attempt(&mut self, at: Timestamp, record: &Record) -> Result<(), Refused> {
        let &Record::AttemptStarted {
            run,
            attempt,
            component,
            starts_at,
        } = record
        else {
            return Ok(());
        };
        let run = self
            .runs
            .get_mut(&run)
            .filter(|run| run.is_open() && run.last_attempt < attempt)
            .ok_or(Refused::Attempt { run, attempt })?;
        run.go(RunStatus::Running);
        run.last_attempt = attempt;
        run.starts_at = Some(cut(starts_at));
        run.row.attempts.push(AttemptRow {
            number: attempt,
            status: None,
            reason: None,
            started_at: at,
            ended_at: None,
            duration: None,
            component,
            summary: None,
            output: None,
            error: None,
            attributes: Vec::new(),
            usage: None,
        });
        Ok(())
    }
}
