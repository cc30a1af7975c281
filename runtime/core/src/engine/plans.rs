//! How the engine takes over a store, and one plan after another.
//!
//! A job that a plan does not change is not touched: same watermark, same timers, same queue.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;

use super::{
    Engine, Phase, Step,
    chains::Chains,
    late::age,
    ledger::Terms,
    state::{Allowed, JobState, Run, RunPhase},
};
use crate::{
    health::JobHealth,
    job::Job,
    name::JobName,
    plan::Plan,
    record::{Record, Recovery, StoredRun, StoredState},
    run::{BackfillEnd, Cause, RunEnd, RunId, SkipReason, Turn},
};

/// A job that is put back within this time after it was removed keeps its watermark, and its pause.
const KEEPS_WATERMARK: Duration = Duration::from_hours(1);

/// So many removed jobs are remembered: what of their history is accounted for is not due again when they
/// are put back, whatever the clock shows then.
const REMEMBERED: usize = 10_000;

impl Engine {
    /// The first plan, over what the store knew.
    pub(super) fn start(&mut self, step: &mut Step, recovery: Recovery, plan: &Arc<Plan>) {
        if self.phase != Phase::New {
            return;
        }
        self.phase = Phase::Serving;
        self.next_run = recovery.next_run;
        self.ledger.recover(recovery.states);
        let mut present = BTreeSet::new();
        for stored in recovery.jobs {
            if stored.removed_at.is_none() {
                present.insert(stored.job.clone());
            }
            let mut state = JobState::absent(stored.watermark, stored.removed_at);
            state.fingerprint = stored.fingerprint;
            state.health = stored.health;
            state.paused = stored.paused;
            state.failures = stored.failures;
            self.jobs.insert(stored.job, state);
        }
        for (job, ran) in recovery.ahead {
            let absent = || JobState::absent(Timestamp::MIN, Some(Timestamp::MIN));
            self.jobs.entry(job).or_insert_with(absent).ran = ran;
        }
        self.trust.suspect();
        let runs = recovery.runs.iter();
        let runs = runs.filter(|stored| self.is_accounted_for(&stored.new));
        let passed: BTreeSet<RunId> = runs.map(|stored| stored.new.run).collect();
        for stored in &recovery.runs {
            self.claim_stored(step, stored);
        }
        self.take_settings(step, plan);
        for job in plan.jobs.values() {
            self.accept(step, job, present.contains(&job.name));
        }
        for name in present.iter().filter(|name| !plan.jobs.contains_key(*name)) {
            self.mark_removed(step, name);
        }
        let mut states: Vec<_> = recovery
            .runs
            .iter()
            .map(|stored| (stored.new.run, stored.state))
            .collect();
        // What is withdrawn first: a crash of another may pause its job, which makes runs of what is due.
        states.sort_by_key(|(id, state)| {
            let is_armed = matches!(state, StoredState::Running { .. });
            !is_armed || state.may_have_run(step.now) || passed.contains(id)
        });
        self.adopt_backfills(recovery.backfills);
        for stored in recovery.runs {
            self.adopt(step, stored);
        }
        self.doubt_holds(step.now);
        self.drop_backfills_of_removed(step);
        for (id, state) in states {
            self.resume(step, id, state, passed.contains(&id));
        }
        for job in plan.jobs.keys() {
            self.end_halted(step, job);
            self.let_in(job);
        }
        self.chains = Chains::of(plan);
        self.forget_removed();
    }

    /// The next plan, in one step.
    pub(super) fn replace_plan(&mut self, step: &mut Step, plan: &Arc<Plan>) {
        if self.phase != Phase::Serving {
            return;
        }
        // A job may come back that was silent when it went.
        self.trust.suspect();
        self.take_settings(step, plan);
        let present: BTreeMap<JobName, Arc<Job>> = self
            .jobs
            .iter()
            .filter_map(|(name, state)| Some((name.clone(), state.job.clone()?)))
            .collect();
        for name in present.keys().filter(|name| !plan.jobs.contains_key(*name)) {
            self.settle(step, name);
            self.withdraw(step, name);
            self.mark_removed(step, name);
            self.stop_backfills(step, name, BackfillEnd::Removed, None);
            self.end_waiting_of(step, name);
        }
        for job in plan.jobs.values() {
            match present.get(&job.name) {
                Some(old) if old == job => {}
                old => {
                    if old.is_some_and(|old| old.fingerprint() != job.fingerprint()) {
                        self.settle(step, &job.name);
                    }
                    self.withdraw(step, &job.name);
                    self.accept(step, job, old.is_some());
                    self.slots.redefine(job);
                    self.end_halted(step, &job.name);
                    self.let_in(&job.name);
                }
            }
        }
        self.chains = Chains::of(plan);
        self.forget_removed();
    }

    fn take_settings(&mut self, step: &mut Step, plan: &Plan) {
        self.shutdown_grace = plan.settings.shutdown_grace;
        self.slots.configure(&plan.settings);
        step.records.push(Record::PlanAccepted {
            digest: plan.digest,
        });
    }

    /// Accounts for what was due by the old definition of a job and has not been looked at yet: the new
    /// one knows nothing of it.
    pub(super) fn settle(&mut self, step: &mut Step, name: &JobName) {
        let is_due = |engine: &Self, now| {
            let due = engine.jobs.get(name).and_then(|state| state.due);
            engine.trust.is_set() && due.is_some_and(|at| at <= now)
        };
        // Each look accounts for some.
        while is_due(self, step.now) {
            self.handle_due_job(step, name);
        }
        self.withdraw(step, name);
        if self.trust.is_set() {
            self.hold_back_pending(step, name);
        }
    }

    /// Takes a job's definition. Its watermark is kept if it was there before, or not long ago, and is
    /// due at the same times; else it is now. Its pause is kept if it was there before, or not long ago.
    pub(super) fn accept(&mut self, step: &mut Step, job: &Arc<Job>, was_present: bool) {
        let (now, is_set) = (step.now, self.trust.is_set());
        let fingerprint = job.fingerprint();
        let state = self
            .jobs
            .entry(job.name.clone())
            .or_insert_with(|| JobState::absent(now, None));
        let recent = was_present
            || state
                .removed_at
                .is_some_and(|at| age(now, at) < KEEPS_WATERMARK);
        if !recent {
            state.health = JobHealth::default();
        }
        let keeps = recent && state.fingerprint == fingerprint;
        if !keeps {
            // The clock may have been set back; what was accounted for stays so.
            state.watermark = state.watermark.max(now);
            state.skips = None;
        }
        state.removed_at = None;
        state.job = Some(job.clone());
        state.allowed = Allowed::Unknown;
        if !(keeps && was_present) {
            // By a clock that is not believed nobody knows when that is: it is told again when it is set.
            let fingerprint = if keeps || is_set {
                fingerprint
            } else {
                String::new()
            };
            state.fingerprint.clone_from(&fingerprint);
            state.health.watched_since = now;
            step.records.push(Record::JobAccepted {
                job: job.name.clone(),
                watermark: state.watermark,
                fingerprint,
            });
        }
        if !recent {
            self.forget_halt(step, &job.name);
        }
        self.schedule(&job.name);
        self.await_success(step, &job.name);
    }

    fn mark_removed(&mut self, step: &mut Step, name: &JobName) {
        if let Some(state) = self.jobs.get_mut(name) {
            state.job = None;
            state.removed_at = Some(step.now);
            state.skips = None;
            step.records.push(Record::JobRemoved { job: name.clone() });
        }
        self.schedule(name);
        self.await_success(step, name);
    }

    /// Ends the runs of a removed job that have no guest; the others finish.
    fn end_waiting_of(&mut self, step: &mut Step, name: &JobName) {
        let Some(state) = self.jobs.get(name) else {
            return;
        };
        let ids: Vec<RunId> = state.runs().collect();
        for id in ids {
            match self.runs.get(&id).map(|run| &run.phase) {
                None | Some(RunPhase::Running { .. }) => {}
                Some(_) => {
                    self.disarm(step, id);
                    self.end_removed(step, id);
                }
            }
        }
    }

    /// A run that had an attempt is never skipped: it ends with the failure it has.
    fn end_removed(&mut self, step: &mut Step, id: RunId) {
        let Some(run) = self.runs.get(&id) else {
            return;
        };
        let end = match run.last_failure {
            _ if !run.attempted => RunEnd::Skipped(SkipReason::Removed),
            Some(reason) => RunEnd::Failed(reason),
            None => RunEnd::Cancelled,
        };
        let message = (end == RunEnd::Cancelled).then(|| "the job was removed".to_owned());
        self.end_run(step, id, end, message);
    }

    /// Takes over a run as the store knew it.
    fn adopt(&mut self, step: &Step, stored: StoredRun) {
        let name = stored.new.job.clone();
        let state = self
            .jobs
            .entry(name.clone())
            // Nobody knows any more when it was removed: long ago.
            .or_insert_with(|| JobState::absent(step.now, Some(Timestamp::MIN)));
        let (id, turn) = (stored.new.run, stored.new.turn);
        let phase = match stored.state {
            StoredState::Queued if let Some(until) = stored.new.not_before => {
                RunPhase::Held { until }
            }
            // The verdict of one that was let in is found again.
            StoredState::Queued if !stored.attempted && turn != Turn::Now => RunPhase::Behind,
            StoredState::Queued => RunPhase::Waiting { retried: None },
            StoredState::Retrying { until } => RunPhase::BackingOff { until },
            StoredState::Running { starts_at, .. } => RunPhase::Running {
                started_at: starts_at,
                grace: Duration::ZERO,
                terms: Terms::default(),
            },
        };
        if let Cause::Backfill(backfill, _) = stored.new.cause {
            state.lane.insert(id);
            self.backfills.adopt(backfill, id);
        } else if let RunPhase::Held { until } = phase {
            self.hold_back(&stored.new, until);
        } else if matches!(phase, RunPhase::Behind) {
            state.behind.insert(id, turn);
        } else {
            state.open.insert(id, turn);
        }
        if let RunPhase::BackingOff { until } = phase {
            self.backoffs.insert((until, id));
        }
        let run = Run {
            waits_since: stored.new.queued_at.min(step.now),
            new: stored.new,
            phase,
            last_attempt: stored.last_attempt,
            failures: stored.failures,
            crashes: stored.crashes,
            attempted: stored.attempted,
            last_failure: stored.last_failure,
            cancel_requested: stored.cancel_requested,
            cancel_reason: None,
        };
        self.runs.insert(id, run);
        self.wait_for_slot(id);
    }

    /// Closes what the last engine left open of a run.
    fn resume(&mut self, step: &mut Step, id: RunId, state: StoredState, passed: bool) {
        let Some(run) = self.runs.get_mut(&id) else {
            return;
        };
        let removed = self
            .jobs
            .get(&run.new.job)
            .is_none_or(|state| state.job.is_none());
        if matches!(state, StoredState::Running { .. }) {
            run.phase = RunPhase::Waiting { retried: None };
            // What the watermark has passed may have run, too.
            if state.may_have_run(step.now) || passed {
                return self.attempt_crashed(step, id);
            }
            return self.withdraw_stored(step, id);
        }
        if let StoredState::Retrying { until } = state {
            self.doubt_backoff(step, id, until);
        }
        if self.runs.get(&id).is_some_and(|run| run.cancel_requested) {
            self.end_run(step, id, RunEnd::Cancelled, None);
        } else if removed {
            self.end_removed(step, id);
        }
    }

    /// Forgets the jobs that were removed first, if there are very many. Others are not forgotten by time:
    /// who knows whether the clock is right that says how long ago it was?
    fn forget_removed(&mut self) {
        let states = self.jobs.iter();
        let gone = states.filter(|(_, state)| state.job.is_none() && !state.has_runs());
        let mut gone: Vec<(Option<Timestamp>, JobName)> = gone
            .map(|(name, state)| (state.removed_at, name.clone()))
            .collect();
        gone.sort_unstable();
        let many = gone.len().saturating_sub(REMEMBERED);
        for (_, name) in gone.drain(..many) {
            self.jobs.remove(&name);
        }
    }
}
