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
    engine::{Recall, Recalled, Remembered},
    health::{Failing, JobHealth},
    name::JobName,
    pause::{PauseReason, Paused},
    record::{
        Batch, NewRun, Record, Recovery, Span, StoredBackfill, StoredJob, StoredRun, StoredState,
    },
    run::{
        AttemptStatus, BackfillEnd, Cause, FailReason, Origin, RequestId, RunEnd, RunId, RunStatus,
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
    pub(crate) jobs: Arc<BTreeMap<JobName, JobRow>>,
    pub(crate) runs: Runs,
    /// The highest number of a run that was withdrawn.
    withdrawn: u64,
    pub(crate) causes: BTreeSet<(JobName, Cause)>,
    pub(crate) skips: BTreeMap<(JobName, Timestamp), SkipRow>,
    /// The instants that had a run when the watermark of their job was pulled back before them.
    pub(crate) ahead: BTreeSet<(JobName, Timestamp)>,
    /// How far each clock jumped, in order.
    pub(crate) jumps: Vec<SignedDuration>,
    /// What each job's watermark has passed over, in the order of the acceptances.
    pub(crate) stretches: Vec<Stretch>,
    pub(crate) plan: Option<Digest>,
    /// How things stood when each run had ended.
    pub(crate) ends: BTreeMap<RunId, End>,
    pub(crate) backfills: BTreeMap<RequestId, BackfillRow>,
    /// The runs of each backfill.
    pub(crate) lanes: BTreeMap<RequestId, BTreeSet<RunId>>,
    /// What each job remembers.
    pub(crate) states: Arc<BTreeMap<JobName, Entries>>,
    /// The attempts that succeeded, in the order of their ends.
    pub(crate) succeeded: Vec<AttemptKey>,
    /// The last record says that the engine stopped gracefully.
    pub(crate) stopped: bool,
}

/// All runs. How those that are open stand is often kept for later, so that costs nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Runs {
    /// Those that are not final.
    pub(crate) open: Arc<BTreeMap<RunId, RunRow>>,
    closed: BTreeMap<RunId, RunRow>,
}

/// See [`Tables::ends`].
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct End {
    pub(crate) at: Timestamp,
    pub(crate) plan: Digest,
    pub(crate) paused: BTreeSet<JobName>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct JobRow {
    pub(crate) watermark: Timestamp,
    pub(crate) fingerprint: String,
    pub(crate) removed_at: Option<Timestamp>,
    pub(crate) watched_since: Timestamp,
    pub(crate) last_success: Option<Timestamp>,
    /// The last run that failed and that nobody asked for, and when; none once one has succeeded.
    pub(crate) failing: Option<(RunId, Timestamp)>,
    pub(crate) overdue: bool,
    pub(crate) paused: Option<Paused>,
    pub(crate) failures: u32,
    /// How often it was paused or resumed.
    pub(crate) turns: u64,
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
    /// Its instants as they are to run.
    pub(crate) wanted: Arc<[Timestamp]>,
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
    /// Its number of instants is a guess: it was cut when its job was due at other times.
    pub(crate) guessed: bool,
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
    /// Whether its first attempt was recorded before its time.
    pub(crate) was_armed_ahead: bool,
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

impl JobRow {
    /// Whether a job of this name that is accepted now is still this one.
    pub(crate) fn is_of_now(&self, now: Timestamp) -> bool {
        self.removed_at
            .is_none_or(|at| now.duration_since(at) < KEPT)
    }
}

impl Runs {
    pub(crate) fn get(&self, run: RunId) -> Option<&RunRow> {
        self.open.get(&run).or_else(|| self.closed.get(&run))
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &RunRow> {
        self.closed.values().chain(self.open.values())
    }

    pub(crate) fn count(&self) -> usize {
        self.closed.len() + self.open.len()
    }

    fn last_number(&self) -> u64 {
        let last = [self.closed.keys().last(), self.open.keys().last()];
        last.into_iter().flatten().max().map_or(0, |run| run.0)
    }

    fn close(&mut self, run: RunId) {
        if let Some(row) = Arc::make_mut(&mut self.open).remove(&run) {
            self.closed.insert(run, row);
        }
    }
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
            was_armed_ahead: false,
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
            Cause::Time(_) | Cause::Manual(_) | Cause::After(_) => None,
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
        self.note_ends(batch);
    }

    /// A batch was read: this is how things stand where it ends runs.
    pub(crate) fn note_ends(&mut self, batch: &Batch) {
        let paused = self.jobs.iter().filter(|(_, row)| row.paused.is_some());
        let paused: BTreeSet<_> = paused.map(|(job, _)| job.clone()).collect();
        for record in &batch.records {
            if let (Record::RunEnded { run, .. }, Some(plan)) = (record, self.plan) {
                let (at, paused) = (batch.at, paused.clone());
                self.ends.insert(*run, End { at, plan, paused });
            }
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
            } => self.accept(at, job, *watermark, fingerprint),
            Record::JobRemoved { job } => {
                if let Some(row) = Arc::make_mut(&mut self.jobs).get_mut(job) {
                    row.removed_at = Some(at);
                }
            }
            Record::JobOverdue { job, .. } | Record::JobNotOverdue { job } => {
                if let Some(row) = Arc::make_mut(&mut self.jobs).get_mut(job) {
                    row.overdue = matches!(record, Record::JobOverdue { .. });
                }
            }
            Record::JobPaused { .. }
            | Record::JobResumed { .. }
            | Record::FailuresCounted { .. } => {
                self.halt(at, record);
            }
            Record::Watermark { job, to } => self.move_watermark(job, *to),
            Record::WatermarkPulledBack {
                job, to, ran, cuts, ..
            } => {
                self.cut(job, *to, cuts);
                let ran = ran.iter().map(|at| (job.clone(), *at));
                self.ahead.extend(ran);
                self.pull_back(job, *to);
            }
            Record::TimesPulledBack { to } => self.pull_times_back(*to),
            Record::Claimed { job, at } => {
                self.ahead.insert((job.clone(), *at));
            }
            Record::ClockJumped { by } => self.jumps.push(*by),
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
                    guessed: false,
                };
                self.skips.insert((job.clone(), *first), row);
            }
            Record::RunQueued(new) => self.queue(new),
            Record::RunWithdrawn { run } => self.withdraw(*run),
            Record::StateWritten { job, changes, .. } => {
                let entries = Arc::make_mut(&mut self.states)
                    .entry(job.clone())
                    .or_default();
                *entries = written(entries, changes);
            }
            Record::BackfillCreated(_)
            | Record::BackfillMoved { .. }
            | Record::BackfillStopped { .. }
            | Record::BackfillEnded { .. } => self.apply_to_backfill(record),
            _ => self.apply_to_run(at, record),
        }
    }

    fn queue(&mut self, new: &Arc<NewRun>) {
        let open = Arc::make_mut(&mut self.runs.open);
        open.insert(new.run, RunRow::new(new.clone()));
        if let Cause::Backfill(id, _) = new.cause {
            self.lanes.entry(id).or_default().insert(new.run);
        }
        self.causes.insert((new.job.clone(), new.cause));
    }

    fn withdraw(&mut self, run: RunId) {
        if let Some(row) = Arc::make_mut(&mut self.runs.open).remove(&run) {
            self.causes.remove(&(row.new.job.clone(), row.new.cause));
            self.withdrawn = self.withdrawn.max(run.0);
        }
    }

    fn apply_to_backfill(&mut self, record: &Record) {
        if let Record::BackfillCreated(new) = record {
            let each: BTreeSet<_> = new.instants.as_slice().iter().copied().collect();
            let mut wanted: Vec<_> = each.into_iter().collect();
            if new.reverse {
                wanted.reverse();
            }
            let row = BackfillRow {
                new: new.clone(),
                wanted: wanted.into(),
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

    fn accept(&mut self, at: Timestamp, job: &JobName, watermark: Timestamp, fingerprint: &str) {
        let old = self.jobs.get(job);
        let kept = old.filter(|row| row.is_of_now(at));
        let row = JobRow {
            watermark,
            fingerprint: fingerprint.to_owned(),
            removed_at: None,
            watched_since: at,
            last_success: kept.and_then(|row| row.last_success),
            failing: kept.and_then(|row| row.failing),
            overdue: kept.is_some_and(|row| row.overdue),
            paused: kept.and_then(|row| row.paused.clone()),
            failures: kept.map_or(0, |row| row.failures),
            turns: old.map_or(0, |row| row.turns),
        };
        Arc::make_mut(&mut self.jobs).insert(job.clone(), row);
        self.stretches.push(Stretch {
            job: job.clone(),
            fingerprint: fingerprint.to_owned(),
            after: watermark,
            through: watermark,
        });
    }

    fn halt(&mut self, at: Timestamp, record: &Record) {
        let (Record::JobPaused { job, .. }
        | Record::JobResumed { job, .. }
        | Record::FailuresCounted { job, .. }) = record
        else {
            return;
        };
        let Some(row) = Arc::make_mut(&mut self.jobs).get_mut(job) else {
            return;
        };
        match record {
            Record::JobPaused { why, .. } => {
                row.turns += 1;
                if let PauseReason::Failures(failures) = why {
                    row.failures = *failures;
                }
                row.paused = Some(Paused {
                    since: at,
                    why: why.clone(),
                });
            }
            Record::FailuresCounted { failures, .. } => row.failures = *failures,
            Record::JobResumed { watermark, .. } => {
                row.watched_since = at;
                row.turns += 1;
                row.paused = None;
                row.failures = 0;
                row.watermark = *watermark;
                self.stretches.push(Stretch {
                    job: job.clone(),
                    fingerprint: row.fingerprint.clone(),
                    after: *watermark,
                    through: *watermark,
                });
            }
            _ => {}
        }
    }

    fn move_watermark(&mut self, job: &JobName, to: Timestamp) {
        if let Some(row) = Arc::make_mut(&mut self.jobs).get_mut(job) {
            row.watermark = to;
        }
        let last = self.stretches.iter_mut().rfind(|s| s.job == *job);
        if let Some(stretch) = last {
            stretch.through = to;
        }
    }

    fn pull_times_back(&mut self, to: Timestamp) {
        for row in Arc::make_mut(&mut self.jobs).values_mut() {
            row.watched_since = row.watched_since.min(to);
            row.last_success = row.last_success.map(|at| at.min(to));
            row.failing = row.failing.map(|(run, at)| (run, at.min(to)));
            row.removed_at = row.removed_at.map(|at| at.min(to));
        }
    }

    /// What was noted of jobs that a clock which is ahead may have dated.
    pub(crate) fn times(&self) -> impl Iterator<Item = Timestamp> {
        let jobs = self.jobs.values().flat_map(|row| {
            let failed = row.failing.map(|(_, at)| at);
            [
                Some(row.watched_since),
                row.last_success,
                failed,
                row.removed_at,
            ]
        });
        jobs.flatten()
    }

    /// Whether a range of a job, by its first instant, may be of another definition than the job has now: the job
    /// was accepted or resumed since.
    pub(crate) fn may_be_of_another_trigger(&self, job: &JobName, first: Timestamp) -> bool {
        let stretch = self.stretch_of(job, first);
        let row = self.jobs.get(job);
        let is_before = row.is_none_or(|row| first <= row.watched_since);
        is_before || stretch.map(|stretch| &stretch.fingerprint) != row.map(|row| &row.fingerprint)
    }

    /// The stretch that an instant of a job lies in.
    pub(crate) fn stretch_of(&self, job: &JobName, at: Timestamp) -> Option<&Stretch> {
        self.stretches
            .iter()
            .find(|stretch| stretch.job == *job && stretch.after < at && at <= stretch.through)
    }

    fn cut(&mut self, job: &JobName, to: Timestamp, cuts: &[Span]) {
        self.skips
            .retain(|(of, first), _| of != job || *first <= to);
        for cut in cuts {
            let guessed = self.may_be_of_another_trigger(job, cut.first);
            if let Some(row) = self.skips.get_mut(&(job.clone(), cut.first)) {
                row.last = cut.last;
                row.count = cut.count;
                row.guessed |= guessed;
            }
        }
    }

    fn pull_back(&mut self, job: &JobName, to: Timestamp) {
        if let Some(row) = Arc::make_mut(&mut self.jobs).get_mut(job) {
            row.watermark = to;
        }
        for stretch in self.stretches.iter_mut().filter(|s| s.job == *job) {
            stretch.after = stretch.after.min(to);
            stretch.through = stretch.through.min(to);
        }
    }

    fn apply_to_run(&mut self, at: Timestamp, record: &Record) {
        let Some(run) = run_of(record) else { return };
        let open = Arc::make_mut(&mut self.runs.open);
        let Some(row) = open
            .get_mut(&run)
            .or_else(|| self.runs.closed.get_mut(&run))
        else {
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
                row.was_armed_ahead |= *starts_at > at;
                row.live = Some(LiveAttempt {
                    attempt: *attempt,
                    component: *component,
                    starts_at: *starts_at,
                    recorded_at: at,
                    retried: row.until.take(),
                });
            }
            Record::AttemptDisarmed { .. } => row.live = None,
            Record::RunArrived { turn, .. } => {
                let new = Arc::make_mut(&mut row.new);
                new.not_before = None;
                new.turn = *turn;
            }
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
                let (job, origin) = (row.new.job.clone(), row.new.origin);
                self.runs.close(run);
                self.note_health(at, (run, &job, origin), *end);
            }
            _ => {}
        }
    }

    fn note_health(
        &mut self,
        at: Timestamp,
        (run, job, origin): (RunId, &JobName, Origin),
        end: RunEnd,
    ) {
        let Some(row) = Arc::make_mut(&mut self.jobs).get_mut(job) else {
            return;
        };
        match end {
            // One for the past says nothing of today.
            _ if origin == Origin::Backfill => {}
            RunEnd::Succeeded => {
                row.last_success = Some(at);
                row.failing = None;
            }
            RunEnd::Failed(_) if origin != Origin::Manual => row.failing = Some((run, at)),
            RunEnd::Failed(_) | RunEnd::Cancelled | RunEnd::Skipped(_) => {}
        }
    }

    /// The runs that are not final, by number.
    pub(crate) fn open_runs(&self) -> impl Iterator<Item = &RunRow> {
        self.runs.open.values()
    }

    /// The highest number that a run ever had.
    pub(crate) fn last_number(&self) -> u64 {
        self.runs.last_number().max(self.withdrawn)
    }

    /// The runs that were armed ahead of their time, if no watermark has passed it and no record says
    /// that it is accounted for.
    pub(crate) fn armed_ahead(&self) -> impl Iterator<Item = RunId> {
        let ahead = |row: &&RunRow| match (row.new.cause, self.jobs.get(&row.new.job)) {
            (Cause::Time(at), Some(job)) => {
                let claimed = self.ahead.contains(&(row.new.job.clone(), at));
                row.was_armed_ahead && at > job.watermark && !claimed
            }
            _ => false,
        };
        self.runs.values().filter(ahead).map(|row| row.new.run)
    }

    /// What a guest of the job reads.
    pub(crate) fn remembered(&self, job: &JobName) -> Entries {
        self.states.get(job).cloned().unwrap_or_default()
    }

    /// What a store that has these rows says to a new engine.
    pub(crate) fn recovery(&self) -> Recovery {
        let mut ahead: BTreeMap<JobName, BTreeSet<Timestamp>> = BTreeMap::new();
        for (job, at) in &self.ahead {
            if self.jobs.get(job).is_some_and(|row| row.watermark < *at) {
                ahead.entry(job.clone()).or_default().insert(*at);
            }
        }
        Recovery {
            next_run: self.last_number() + 1,
            jobs: self
                .jobs
                .iter()
                .map(|(job, row)| StoredJob {
                    job: job.clone(),
                    watermark: row.watermark,
                    fingerprint: row.fingerprint.clone(),
                    removed_at: row.removed_at,
                    health: JobHealth {
                        watched_since: row.watched_since,
                        last_success: row.last_success,
                        failing: row.failing.map(|(run, at)| Failing { run, at }),
                        overdue: row.overdue,
                    },
                    paused: row.paused.clone(),
                    failures: row.failures,
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
            ahead,
        }
    }

    /// What a store that has these rows remembers.
    pub(crate) fn recall(&self, recall: &Recall) -> Recalled {
        let after = recall.after;
        let remember = |(job, watermark): &(JobName, Timestamp)| Remembered {
            job: job.clone(),
            watermark: *watermark,
            ran: self
                .causes
                .iter()
                .filter(|(of, _)| of == job)
                .filter_map(|(_, cause)| match cause {
                    Cause::Time(at) if *at > after => Some(*at),
                    _ => None,
                })
                .collect(),
            skips: self
                .skips
                .iter()
                .filter(|((of, first), row)| of == job && *first <= after && after < row.last)
                .map(|((_, first), row)| Span {
                    first: *first,
                    last: row.last,
                    count: row.count,
                })
                .collect(),
        };
        Recalled {
            number: recall.number,
            after,
            jobs: recall.jobs.iter().map(remember).collect(),
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
        | Record::RunWithdrawn { run }
        | Record::RunArrived { run, .. }
        | Record::AttemptEnded { run, .. }
        | Record::RunRequeued { run }
        | Record::RunRetrying { run, .. }
        | Record::CancelRequested { run, .. }
        | Record::RunEnded { run, .. } => Some(*run),
        _ => None,
    }
}
