//! Whoever watches the engine: reads all that it says, and keeps naive tables of it.
//!
//! The watch shares no code with the engine. It holds each step against the rules in
//! `invariants`, which are functions of what is here.

use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use cronlet_core::{
    digest::Digest,
    engine::{Effect, Event, Jobs, PauseRequest, Recalled, Start},
    job::Job,
    name::JobName,
    plan::Plan,
    policy::Overlap,
    record::{Batch, Record, Seq},
    run::{Cause, RequestId, RunId, RunStatus, SkipReason, Turn},
    schedule::Schedule,
    state::Entries,
};
use jiff::Timestamp;

use crate::{
    invariants::{self, Check, Violation},
    oracle::{Definition, next_after},
    runner::AttemptKey,
    tables::{BackfillRow, JobRow, LiveAttempt, RunRow, Tables},
};

/// All that the engine has said, and what must be remembered to judge what it says next.
#[derive(Default)]
pub(crate) struct Watch {
    /// All records of this life of the daemon, on top of what was on disk when it began.
    pub(crate) view: Tables,
    /// What the engine was told last.
    pub(crate) plan: Option<Arc<Plan>>,
    /// What it was told before, in the step that replaces it.
    pub(crate) old_plan: Option<Arc<Plan>>,
    /// What made each job due, ever, by the fingerprint.
    pub(crate) schedules: BTreeMap<(JobName, String), Schedule>,
    /// The fingerprint of each definition that there ever was.
    pub(crate) definitions: BTreeSet<(Definition, String)>,
    /// When the engine was built.
    pub(crate) built: Timestamp,
    /// Every plan there ever was.
    pub(crate) plans: BTreeMap<Digest, Arc<Plan>>,
    pub(crate) store_fails: bool,
    pub(crate) stage: Stage,
    pub(crate) last_seq: Seq,
    /// Up to here everything is on disk, as far as the engine was told.
    pub(crate) stored: Seq,
    /// Whether what the clock shows can be the time.
    pub(crate) clock_is_set: bool,
    /// What the store was asked and has not answered: jobs, where their watermarks were, and how often.
    pub(crate) recalling: BTreeMap<(JobName, Timestamp), u32>,
    /// The times that it was asked about.
    pub(crate) recalled: BTreeSet<Timestamp>,
    /// The runs whose backoff was over at a time that the engine was told in this life.
    pub(crate) over: Arc<BTreeSet<RunId>>,
    /// Since when each run has waited: as it was told, or as any clock has shown since.
    pub(crate) waits: BTreeMap<RunId, Timestamp>,
    /// The wish that stands.
    pub(crate) wish: Option<Timestamp>,
    /// The latest time that any engine was told: a clock that was set back does not make
    /// early what was not.
    pub(crate) latest: Timestamp,
    /// Wakes in a row that came to nothing and asked for another at once.
    pub(crate) idle_wakes: usize,
    /// The runs that are open: overlap has let them in, and they are not final.
    pub(crate) open: Arc<BTreeSet<RunId>>,
    /// The runs that were armed ahead of their time, which has not come.
    pub(crate) ahead: BTreeSet<RunId>,
    /// The definitions that attempts were armed with.
    pub(crate) armed: BTreeMap<AttemptKey, Arc<Job>>,
    /// The attempts whose guest the engine has started and not seen ending.
    pub(crate) started: Arc<BTreeSet<AttemptKey>>,
    /// The runs whose guest was told to end.
    pub(crate) told: BTreeSet<RunId>,
    /// What people asked in this life.
    pub(crate) asked: BTreeMap<RequestId, Asked>,
    /// The last thing that became of an instant of each job in this life, if it was a skip.
    pub(crate) last_skip: BTreeMap<JobName, (SkipReason, Timestamp)>,
    /// How the instants of this step were accounted for, in order.
    pub(crate) accounts: Vec<Account>,
    /// After how many of its accounts this step has accepted or removed a job: no range goes on.
    pub(crate) begun_anew: BTreeMap<JobName, usize>,
    /// The definitions that this step has moved watermarks by.
    pub(crate) movers: BTreeMap<JobName, Arc<Job>>,
    /// From where to where this step has moved watermarks.
    pub(crate) moves: BTreeMap<JobName, (Timestamp, Timestamp)>,
    /// The run whose attempt has just ended or been withdrawn: the next record is about it.
    pub(crate) limbo: Option<Limbo>,
    /// Whether a look of this step left something for the next.
    pub(crate) ends_early: Cell<bool>,
    /// How things stood before this step.
    pub(crate) before: Before,
}

/// Where a life of the daemon stands.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum Stage {
    #[default]
    Serving,
    /// It was asked to stop.
    Stopping,
    /// [`Effect::Stop`] was said.
    Stopped,
}

/// See [`Watch::limbo`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limbo {
    pub(crate) run: RunId,
    /// Its attempt has not ended, but was withdrawn.
    pub(crate) withdrawn: Option<LiveAttempt>,
}

/// What is under way: an event, what came of it, and what the world looks like.
pub(crate) struct Step<'a> {
    pub(crate) now: Timestamp,
    /// When the engine was built.
    pub(crate) built: Timestamp,
    pub(crate) event: &'a Event,
    pub(crate) effects: &'a [Effect],
    /// What the engine says afterwards of its jobs.
    pub(crate) ailing: &'a [Ailing],
    /// What is on disk.
    pub(crate) disk: &'a Tables,
    /// Every attempt whose guest ever ran.
    pub(crate) ever: &'a BTreeSet<AttemptKey>,
    /// How long before its time an occurrence is armed.
    pub(crate) lead: Duration,
}

impl Step<'_> {
    /// All that the step records.
    pub(crate) fn records(&self) -> impl Iterator<Item = &Record> {
        let batch = self.effects.iter().find_map(|effect| match effect {
            Effect::Commit(batch) => Some(&batch.records),
            _ => None,
        });
        batch.into_iter().flatten()
    }

    /// Whether the step arms a run ahead of its time.
    pub(crate) fn arms_ahead(&self, arms: RunId) -> bool {
        self.records().any(|record| {
            matches!(record, Record::AttemptStarted { run, starts_at, .. }
                if *run == arms && *starts_at > self.now)
        })
    }
}

/// A job that the engine says does not go well.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ailing {
    pub(crate) job: JobName,
    pub(crate) overdue: Option<Timestamp>,
    pub(crate) failing: Option<(RunId, Timestamp)>,
}

/// See [`Watch::before`].
#[derive(Default)]
pub(crate) struct Before {
    pub(crate) jobs: Arc<BTreeMap<JobName, JobRow>>,
    pub(crate) open: Arc<BTreeMap<RunId, RunRow>>,
    /// See [`Watch::open`].
    pub(crate) admitted: Arc<BTreeSet<RunId>>,
    pub(crate) started: Arc<BTreeSet<AttemptKey>>,
    pub(crate) states: Arc<BTreeMap<JobName, Entries>>,
    /// Of the attempt that this step ends: how much its job may remember.
    pub(crate) max_state: u64,
    /// See [`Watch::over`].
    pub(crate) over: Arc<BTreeSet<RunId>>,
}

/// A question, and how things stood when it was asked.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) what: Question,
    pub(crate) store_failed: bool,
    pub(crate) stopping: bool,
    pub(crate) answered: bool,
}

#[derive(Clone, Debug)]
pub(crate) enum Question {
    Run {
        job: JobName,
        exists: bool,
    },
    Cancel {
        run: RunId,
        open: bool,
    },
    Backfill {
        job: JobName,
        exists: bool,
        under_way: usize,
    },
    StopBackfill {
        job: JobName,
        exists: bool,
        under_way: usize,
    },
    /// Whether nothing is to make the jobs due any more, and if not, that it is again.
    Pause {
        pauses: bool,
        jobs: Named,
    },
}

/// The jobs that a pause or a resume is about; none if there is no such job.
#[derive(Clone, Debug)]
pub(crate) struct Named {
    /// How often each will have been paused or resumed, and this one counts.
    pub(crate) turns: BTreeMap<JobName, u64>,
    /// How many are as they are to be.
    pub(crate) already: usize,
}

/// What became of some instants of a job, in one record.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) job: JobName,
    /// None if it became a run.
    pub(crate) skip: Option<SkipReason>,
    /// The first instant that this record adds.
    pub(crate) first: Timestamp,
    pub(crate) last: Timestamp,
    /// How many instants the record says it adds.
    pub(crate) count: u64,
    /// Whether the range is that of an earlier record.
    pub(crate) grown: bool,
    /// Whether a run of the job was open.
    pub(crate) open: bool,
    /// How many waited for their turn because they met one.
    pub(crate) queued: usize,
}

impl Watch {
    /// A daemon begins to live, on top of what is on disk.
    pub(crate) fn born(&mut self, disk: &Tables) {
        let ahead: BTreeSet<RunId> = disk.armed_ahead().collect();
        let was_open = |row: &&RunRow| {
            !ahead.contains(&row.new.run)
                && row.new.not_before.is_none()
                && (row.new.turn == Turn::Now || row.attempted() || row.status != RunStatus::Queued)
        };
        let open = disk.open_runs().filter(was_open).map(|row| row.new.run);
        *self = Self {
            view: disk.clone(),
            open: Arc::new(open.collect()),
            ahead: ahead.clone(),
            schedules: std::mem::take(&mut self.schedules),
            definitions: std::mem::take(&mut self.definitions),
            plans: std::mem::take(&mut self.plans),
            built: self.built,
            latest: self.latest,
            ..Self::default()
        };
    }

    /// The job as the plan has it.
    pub(crate) fn job(&self, name: &JobName) -> Option<&Arc<Job>> {
        self.plan.as_ref()?.jobs.get(name)
    }

    /// The definition that what is due is handled by. One that is replaced stands until the record that
    /// replaces it.
    pub(crate) fn standing(&self, name: &JobName) -> Option<&Arc<Job>> {
        if let Some(mover) = self.movers.get(name) {
            return Some(mover);
        }
        let job = self.job(name);
        let old = self.old_plan.as_ref().and_then(|plan| plan.jobs.get(name));
        let Some((old, row)) = old.zip(self.view.jobs.get(name)) else {
            return job;
        };
        let fingerprint = old.fingerprint();
        let stands = row.removed_at.is_none() && row.fingerprint == fingerprint;
        let replaced = job.is_none_or(|job| job.fingerprint() != fingerprint);
        if stands && replaced { Some(old) } else { job }
    }

    /// The definition that holds after the records so far. What has moved the watermark may be replaced
    /// since.
    fn so_far(&self, name: &JobName) -> Option<&Arc<Job>> {
        if self.begun_anew.contains_key(name) {
            self.job(name)
        } else {
            self.standing(name)
        }
    }

    pub(crate) fn schedule(&self, name: &JobName) -> Option<&Schedule> {
        Some(&self.standing(name)?.schedule)
    }

    /// Whether the engine was asked to stop.
    pub(crate) fn stopping(&self) -> bool {
        self.stage != Stage::Serving
    }

    /// Whether the engine is to handle what is due and start what waits.
    pub(crate) fn serves(&self) -> bool {
        self.plan.is_some() && !self.store_fails && !self.stopping()
    }

    /// Whether the engine is to handle what is due.
    pub(crate) fn looks(&self) -> bool {
        self.serves() && self.clock_is_set
    }

    /// The backfills that are not over.
    pub(crate) fn under_way(&self) -> impl Iterator<Item = &BackfillRow> {
        let rows = self.view.backfills.values();
        rows.filter(|row| row.ended.is_none())
    }

    /// The open runs of a job that another can meet: those of its backfills meet nobody.
    pub(crate) fn open_of(&self, job: &JobName) -> impl Iterator<Item = &RunRow> {
        let runs = self
            .view
            .open_runs()
            .filter(|row| self.open.contains(&row.new.run) && row.backfill().is_none());
        runs.filter(move |row| row.new.job == *job)
    }

    pub(crate) fn has_open(&self, job: &JobName) -> bool {
        self.open_of(job).next().is_some()
    }

    /// How many runs of a job wait for their turn because they met an open one.
    pub(crate) fn queued(&self, job: &JobName) -> usize {
        self.behind()
            .filter(|row| row.new.job == *job && row.new.turn == Turn::Queue)
            .count()
    }

    /// The runs that are not open yet, the oldest first.
    fn behind(&self) -> impl Iterator<Item = &RunRow> {
        self.view
            .open_runs()
            .filter(|row| !self.open.contains(&row.new.run) && !self.ahead.contains(&row.new.run))
    }

    /// Opens every run whose turn it is, one after the other.
    fn let_in(&mut self, whose: impl Fn(&RunRow) -> bool) {
        let is_over = |run: &RunId| !self.view.runs.open.contains_key(run);
        if self.open.iter().any(is_over) {
            Arc::make_mut(&mut self.open).retain(|run| self.view.runs.open.contains_key(run));
        }
        loop {
            let next = self.behind().find(|row| whose(row) && self.may_open(row));
            let Some(run) = next.map(|row| row.new.run) else {
                return;
            };
            Arc::make_mut(&mut self.open).insert(run);
        }
    }

    /// Whether it is a run's turn. One of a catch-up waits for the others of it, whatever the policy.
    fn may_open(&self, row: &RunRow) -> bool {
        let Some(job) = self.so_far(&row.new.job) else {
            return false;
        };
        let mut open = self.open_of(&row.new.job);
        let beside = job.overlap == Overlap::Allow;
        if row.new.not_before.is_some() {
            // It is held back.
            return false;
        }
        match row.new.turn {
            Turn::Now => true,
            Turn::Queue => beside || open.next().is_none(),
            Turn::CatchUp => {
                let alone = open.all(|other| beside && other.new.turn != Turn::CatchUp);
                alone && !self.holds_back_before(row)
            }
        }
    }

    /// Whether an older run of a catch-up of its job is held back: the oldest goes first.
    fn holds_back_before(&self, row: &RunRow) -> bool {
        self.behind().any(|other| {
            let held = other.new.not_before.is_some() && other.new.turn == Turn::CatchUp;
            held && other.new.job == row.new.job && other.new.run < row.new.run
        })
    }

    /// The run of a job that is armed ahead of a time that `to` reaches, if there is one.
    pub(crate) fn fires(&self, job: &JobName, to: Timestamp) -> Option<&RunRow> {
        let rows = self.ahead.iter().filter_map(|run| self.view.runs.get(*run));
        let mut rows = rows.filter(|row| row.new.job == *job);
        rows.find(|row| matches!(row.new.cause, Cause::Time(at) if at <= to))
    }

    /// The attempts that count for `max_concurrent_runs`: armed or running, and not ahead of their time.
    pub(crate) fn in_slots(&self) -> impl Iterator<Item = &RunRow> {
        self.holders()
            .filter(|row| !self.ahead.contains(&row.new.run))
    }

    /// The attempts that count for a job and a group: armed or running.
    pub(crate) fn holders(&self) -> impl Iterator<Item = &RunRow> {
        self.view.open_runs().filter(|row| row.live.is_some())
    }

    /// Holds a step against every rule, and remembers it.
    pub(crate) fn step(&mut self, step: &Step) -> Result<(), Violation> {
        self.hear(step);
        for rule in invariants::ON_STEP_BEFORE {
            rule.hold(|check| check(self, step))?;
        }
        if let Some(Effect::Commit(batch)) = step.effects.first() {
            self.read(step, batch)?;
            self.end_backoffs(step.now);
        }
        for effect in step.effects {
            for rule in invariants::ON_EFFECT {
                rule.hold(|check| check(self, step, effect))?;
            }
            self.note_effect(effect);
        }
        for rule in invariants::ON_STEP_AFTER {
            rule.hold(|check| check(self, step))?;
        }
        self.note_waits(step);
        self.idle_wakes = if invariants::is_idle_wake(self, step) {
            self.idle_wakes + 1
        } else {
            0
        };
        self.moves.clear();
        self.movers.clear();
        let begun_anew = std::mem::take(&mut self.begun_anew);
        for (job, before) in &begun_anew {
            if self.accounts.iter().filter(|it| it.job == *job).count() == *before {
                self.accounts.retain(|it| it.job != *job);
                self.last_skip.remove(job);
            }
        }
        for account in self.accounts.drain(..) {
            match account.skip {
                Some(reason) => self.last_skip.insert(account.job, (reason, account.last)),
                None => self.last_skip.remove(&account.job),
            };
        }
        Ok(())
    }

    /// What the event alone says.
    fn hear(&mut self, step: &Step) {
        self.clock_is_set = step.now >= step.built;
        self.built = step.built;
        self.latest = self.latest.max(step.now);
        self.before = self.as_it_stands(step.event);
        self.ends_early.set(false);
        self.end_backoffs(step.now);
        self.note_waits(step);
        self.old_plan = None;
        match step.event {
            Event::Started { plan, .. } => self.take_plan(plan),
            Event::PlanReplaced(plan) if !self.stopping() => self.take_plan(plan),
            Event::Woke if self.wish.is_some_and(|wish| wish <= step.now) => self.wish = None,
            Event::AttemptEnded { run, attempt, .. } => {
                Arc::make_mut(&mut self.started).remove(&(*run, *attempt));
            }
            Event::RunRequested(request) => {
                let what = Question::Run {
                    job: request.job.clone(),
                    exists: self.job(&request.job).is_some(),
                };
                self.ask(request.id, what);
            }
            Event::CancelRequested(request) => {
                let what = Question::Cancel {
                    run: request.run,
                    open: self.view.runs.open.contains_key(&request.run),
                };
                self.ask(request.id, what);
            }
            Event::BackfillRequested(request) => {
                let what = Question::Backfill {
                    job: request.job.clone(),
                    exists: self.job(&request.job).is_some(),
                    under_way: self.under_way().count(),
                };
                self.ask(request.id, what);
            }
            Event::BackfillStopRequested(request) => {
                let of_job = |row: &&BackfillRow| row.new.job == request.job;
                let what = Question::StopBackfill {
                    job: request.job.clone(),
                    exists: self.job(&request.job).is_some(),
                    under_way: self.under_way().filter(of_job).count(),
                };
                self.ask(request.id, what);
            }
            Event::PauseRequested(request) => self.ask_for_pause(request, true),
            Event::ResumeRequested(request) => self.ask_for_pause(request, false),
            Event::StoreFailed => self.store_fails = true,
            Event::StoreRecovered => self.store_fails = false,
            Event::ShutdownRequested => self.stage = Stage::Stopping,
            Event::Stored { through } => self.stored = self.stored.max(*through),
            Event::Recalled(recalled) => self.recall_is_answered(recalled),
            Event::Woke | Event::ClockJumped { .. } | Event::PlanReplaced(_) => {}
        }
    }

    /// How things stand before an event.
    fn as_it_stands(&self, event: &Event) -> Before {
        Before {
            jobs: self.view.jobs.clone(),
            open: self.view.runs.open.clone(),
            admitted: self.open.clone(),
            started: self.started.clone(),
            states: self.view.states.clone(),
            over: self.over.clone(),
            max_state: match event {
                Event::AttemptEnded { run, attempt, .. } => {
                    let job = self.armed.get(&(*run, *attempt));
                    job.map_or(0, |job| job.limits.max_state)
                }
                _ => 0,
            },
        }
    }

    /// Notes the runs whose backoff is over at a time that the engine was told.
    fn end_backoffs(&mut self, now: Timestamp) {
        let over = self.view.open_runs().filter(|row| {
            row.status == RunStatus::Retrying
                && row.until.is_some_and(|until| until <= now)
                && !self.over.contains(&row.new.run)
        });
        let over: Vec<_> = over.map(|row| row.new.run).collect();
        if !over.is_empty() {
            Arc::make_mut(&mut self.over).extend(over);
        }
    }

    /// A clock that was set back makes nobody wait since a time that is still to come. Whose backoff is over
    /// while the store fails is not in line yet.
    fn note_waits(&mut self, step: &Step) {
        let now = step.now;
        let writes = !self.store_fails || matches!(step.event, Event::StoreRecovered);
        let mut waits = BTreeMap::new();
        for row in self.view.open_runs() {
            let (run, queued_at) = (row.new.run, row.new.queued_at);
            let waiting = match (row.status, row.live) {
                (RunStatus::Queued, _) => Some(queued_at),
                (RunStatus::Retrying, _) if self.over.contains(&run) => {
                    let in_line = self.waits.contains_key(&run);
                    row.until.filter(|at| in_line || writes && *at <= now)
                }
                // It may be withdrawn.
                (_, Some(live)) if !self.started.contains(&(run, live.attempt)) => {
                    Some(live.retried.unwrap_or(queued_at))
                }
                _ => None,
            };
            if let Some(since) = waiting {
                let since = self.waits.get(&run).copied().unwrap_or(since);
                waits.insert(run, since.min(now));
            }
        }
        self.waits = waits;
    }

    fn recall_is_answered(&mut self, recalled: &Recalled) {
        for it in &recalled.jobs {
            let key = (it.job.clone(), it.watermark);
            if let Some(times) = self.recalling.get_mut(&key) {
                *times -= 1;
                if *times == 0 {
                    self.recalling.remove(&key);
                }
            }
        }
    }

    fn ask_for_pause(&mut self, request: &PauseRequest, pauses: bool) {
        let mut jobs = Named {
            turns: BTreeMap::new(),
            already: 0,
        };
        for name in self.named(&request.jobs) {
            let Some(row) = self.view.jobs.get(&name) else {
                continue;
            };
            let already = row.paused.is_some() == pauses;
            jobs.already += usize::from(already);
            jobs.turns.insert(name, row.turns + u64::from(!already));
        }
        self.ask(request.id, Question::Pause { pauses, jobs });
    }

    /// The jobs of the plan that a request is about.
    pub(crate) fn named(&self, jobs: &Jobs) -> Vec<JobName> {
        let planned = self.plan.iter().flat_map(|plan| plan.jobs.keys());
        let asked = |name: &&JobName| match jobs {
            Jobs::One(one) => *name == one,
            Jobs::All => true,
        };
        planned.filter(asked).cloned().collect()
    }

    /// Whether nothing makes a job due, by what was said so far.
    pub(crate) fn halted(&self, job: &JobName) -> bool {
        let paused = self
            .view
            .jobs
            .get(job)
            .is_some_and(|row| row.paused.is_some());
        paused || self.so_far(job).is_some_and(|job| !job.enabled)
    }

    /// The job that a record may let in runs of.
    fn job_of(&self, record: &Record) -> Option<JobName> {
        match record {
            Record::RunQueued(new) => Some(new.job.clone()),
            Record::JobAccepted { job, .. }
            | Record::Watermark { job, .. }
            | Record::Claimed { job, .. } => Some(job.clone()),
            Record::RunArrived { run, .. } | Record::RunEnded { run, .. } => {
                Some(self.view.runs.get(*run)?.new.job.clone())
            }
            _ => None,
        }
    }

    fn take_plan(&mut self, plan: &Arc<Plan>) {
        self.old_plan = self.plan.replace(plan.clone());
        self.plans.insert(plan.digest, plan.clone());
        for job in plan.jobs.values() {
            let fingerprint = job.fingerprint();
            self.definitions
                .insert((Definition::of(job), fingerprint.clone()));
            let key = (job.name.clone(), fingerprint);
            self.schedules.insert(key, job.schedule.clone());
        }
        self.let_in(|_| true);
    }

    fn ask(&mut self, id: RequestId, what: Question) {
        let asked = Asked {
            what,
            store_failed: self.store_fails,
            stopping: self.stopping(),
            answered: false,
        };
        self.asked.insert(id, asked);
    }

    /// Reads the records one by one, each on top of the ones before it.
    fn read(&mut self, step: &Step, batch: &Batch) -> Check<Violation> {
        for record in &batch.records {
            for rule in invariants::ON_RECORD {
                rule.hold(|check| check(self, step, record))?;
            }
            self.note_record(step, record);
            self.view.apply(batch.at, record);
            if let Some(job) = self.job_of(record) {
                self.let_in(|row| row.new.job == job);
            }
        }
        self.view.note_ends(batch);
        self.last_seq = batch.seq;
        Ok(())
    }

    fn note_record(&mut self, step: &Step, record: &Record) {
        self.limbo = None;
        match record {
            Record::RunQueued(new) if step.arms_ahead(new.run) => {
                self.ahead.insert(new.run);
            }
            Record::Claimed { job, at } => self.note_claim(job, *at),
            Record::RunWithdrawn { run } => {
                self.ahead.remove(run);
                self.armed.retain(|(armed, _), _| armed != run);
            }
            Record::RunQueued(new) => {
                if let Cause::Time(at) = new.cause {
                    self.accounts.push(Account {
                        job: new.job.clone(),
                        skip: None,
                        first: at,
                        last: at,
                        count: 1,
                        grown: false,
                        open: self.has_open(&new.job),
                        queued: self.queued(&new.job),
                    });
                }
            }
            Record::Skipped { .. } => self.note_skip(record),
            Record::Watermark { job, to } => {
                if let Some(mover) = self.standing(job).cloned() {
                    self.movers.insert(job.clone(), mover);
                }
                self.note_fired(job, *to);
                let from = self.view.jobs.get(job).map_or(*to, |row| row.watermark);
                let way = self.moves.entry(job.clone()).or_insert((from, *to));
                way.1 = *to;
            }
            Record::JobAccepted { job, watermark, .. }
            | Record::JobResumed { job, watermark, .. } => {
                self.begin_anew(job);
                let rows = self.view.runs.values().filter(|row| row.new.job == *job);
                let passed = rows.filter(|row| row.new.nominal <= *watermark);
                for run in passed.map(|row| row.new.run).collect::<Vec<_>>() {
                    self.ahead.remove(&run);
                }
            }
            Record::RunRetrying { run, .. } => {
                Arc::make_mut(&mut self.over).remove(run);
            }
            Record::JobRemoved { job } | Record::WatermarkPulledBack { job, .. } => {
                self.begin_anew(job);
            }
            Record::AttemptStarted { run, attempt, .. } => {
                let job = self.view.runs.get(*run).and_then(|r| self.job(&r.new.job));
                if let Some(job) = job.cloned() {
                    self.armed.insert((*run, *attempt), job);
                }
            }
            Record::AttemptDisarmed { run, attempt }
            | Record::AttemptEnded { run, attempt, .. } => {
                self.armed.remove(&(*run, *attempt));
                if matches!(record, Record::AttemptEnded { .. }) {
                    self.waits.remove(run);
                }
                let live = self.view.runs.get(*run).and_then(|row| row.live);
                let disarmed = matches!(record, Record::AttemptDisarmed { .. });
                self.limbo = Some(Limbo {
                    run: *run,
                    withdrawn: live.filter(|_| disarmed),
                });
            }
            _ => {}
        }
    }

    /// A run that was armed ahead has its instant now.
    fn note_claim(&mut self, job: &JobName, at: Timestamp) {
        let runs = &self.view.runs;
        let is_it = |row: &RunRow| row.new.job == *job && row.new.cause == Cause::Time(at);
        self.ahead.retain(|run| !runs.get(*run).is_some_and(is_it));
    }

    fn begin_anew(&mut self, job: &JobName) {
        let before = self.accounts.iter().filter(|it| it.job == *job).count();
        self.begun_anew.insert(job.clone(), before);
    }

    /// The time of a run that was armed ahead has come.
    fn note_fired(&mut self, job: &JobName, to: Timestamp) {
        let Some(row) = self.fires(job, to) else {
            return;
        };
        let (run, at) = (row.new.run, row.new.nominal);
        self.ahead.remove(&run);
        self.accounts.push(Account {
            job: job.clone(),
            skip: None,
            first: at,
            last: at,
            count: 1,
            grown: false,
            open: self.has_open(job),
            queued: self.queued(job),
        });
    }

    fn note_skip(&mut self, record: &Record) {
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
        let before = self.view.skips.get(&(job.clone(), *first));
        let (added_from, added) = match before {
            Some(row) => (
                self.schedule(job).and_then(|s| next_after(s, row.last)),
                count.saturating_sub(row.count),
            ),
            None => (Some(*first), *count),
        };
        self.accounts.push(Account {
            job: job.clone(),
            skip: Some(*reason),
            first: added_from.unwrap_or(Timestamp::MAX),
            last: *last,
            count: added,
            grown: before.is_some(),
            open: self.has_open(job),
            queued: self.queued(job),
        });
    }

    fn note_effect(&mut self, effect: &Effect) {
        match effect {
            Effect::Start(Start { run, attempt, .. }) => {
                Arc::make_mut(&mut self.started).insert((run.run, *attempt));
            }
            Effect::Cancel { run, .. } => {
                self.told.insert(*run);
            }
            Effect::WakeAt(at) => self.wish = Some(*at),
            Effect::Reply { request, .. } => {
                if let Some(asked) = self.asked.get_mut(request) {
                    asked.answered = true;
                }
            }
            Effect::Recall(recall) => {
                self.recalled.insert(recall.after);
                for key in recall.jobs.iter() {
                    *self.recalling.entry(key.clone()).or_default() += 1;
                }
            }
            Effect::Stop => self.stage = Stage::Stopped,
            Effect::Commit(_) => {}
        }
    }
}
