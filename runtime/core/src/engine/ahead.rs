//! Arming ahead: a run whose start is on disk before its time, so that its guest starts on the dot.
//!
//! A disk takes milliseconds to write what a guest does in microseconds. So, shortly before an occurrence
//! is due, its run and the start of its attempt are recorded, as if it were due already. At its time it is
//! held against all rules, like any other: if nothing is in its way it starts, and the watermark moves
//! with the first commit after it. If anything is, it is *withdrawn* as if it had never been created, and
//! the occurrence is handled in the usual way.
//!
//! Until its time it is not open, and moves no watermark: a crash before it leaves the occurrence as it
//! was, a crash after it leaves an attempt that may have run. It counts for the caps of its job and of its
//! group; it takes its slot when it starts.
//!
//! Only the next occurrence of a job is armed, and only if nothing of the job is open or waits: whatever
//! then comes in between (a request, an edit, a stop) withdraws it. A cancel alone ends it.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;

use super::{
    Engine, Step,
    state::{Run, RunPhase},
    storing::Release,
};
use crate::{
    job::Job,
    name::JobName,
    policy::Overlap,
    record::{NewRun, Record, StoredRun, StoredState},
    run::{Cause, RunEnd, RunId, Turn},
};

impl Engine {
    /// An engine that arms occurrences so long before their time. Zero, the default, arms none.
    #[must_use]
    pub fn with_lead(mut self, lead: Duration) -> Self {
        self.lead = lead;
        self
    }

    /// Sets when the next occurrence of a job is to be armed, by when it is due.
    pub(super) fn schedule_arming(&mut self, name: &JobName) {
        let Some(state) = self.jobs.get_mut(name) else {
            return;
        };
        if let Some(at) = state.arms.take() {
            self.arms.remove(&(at, name.clone()));
        }
        if self.lead.is_zero() || state.ahead.is_some() {
            return;
        }
        state.arms = state.due.and_then(|due| due.checked_sub(self.lead).ok());
        if let Some(at) = state.arms {
            self.arms.insert((at, name.clone()));
        }
    }

    /// Arms the occurrences that are due soon.
    pub(super) fn arm_ahead(&mut self, step: &mut Step) {
        while step.starts > 0 && self.arms.first().is_some_and(|(at, _)| *at <= step.now) {
            let Some((_, name)) = self.arms.pop_first() else {
                return;
            };
            step.starts -= 1;
            if let Some(state) = self.jobs.get_mut(&name) {
                state.arms = None;
            }
            self.arm_next_of(step, &name);
        }
    }

    fn arm_next_of(&mut self, step: &mut Step, name: &JobName) {
        let Some((job, nominal, starts_at)) = self.next_to_arm(step.now, name) else {
            return;
        };
        let new = Arc::new(self.new_run_at(step.now, &job, nominal));
        let id = new.run;
        if !self.slots.reserve(id, &job) {
            return;
        }
        step.records.push(Record::RunQueued(new.clone()));
        step.records.push(Record::AttemptStarted {
            run: id,
            attempt: 1,
            component: job.component.digest(),
            starts_at,
        });
        step.releases.push(Release::Start {
            run: id,
            attempt: 1,
        });
        let phase = RunPhase::Ahead {
            job,
            written: false,
        };
        let mut run = Run::new(new, phase);
        run.last_attempt = 1;
        self.runs.insert(id, run);
        if let Some(state) = self.jobs.get_mut(name) {
            state.ahead = Some(id);
        }
    }

    /// The next occurrence of a job and when it starts, if it is still to come and nothing is in its way.
    fn next_to_arm(
        &self,
        now: Timestamp,
        name: &JobName,
    ) -> Option<(Arc<Job>, Timestamp, Timestamp)> {
        let state = self.jobs.get(name)?;
        let job = state.job.clone()?;
        let starts_at = state.due.filter(|due| *due > now)?;
        let nominal = job.schedule.next_after(state.watermark)?;
        let excluded = job.schedule.calendar.stretch(nominal).excludes.is_some();
        let allowed = !excluded && !state.ran.contains(&nominal);
        let free = state.open.is_empty() || job.overlap == Overlap::Allow;
        // With no time for grace every run is late.
        let may_be_on_time = !job.catch_up.grace.is_zero();
        let alone = state.behind.is_empty() && state.held.is_empty();
        let goes = free && alone && may_be_on_time && allowed;
        goes.then_some((job, nominal, starts_at))
    }

    /// The time of the occurrence has come: its armed run becomes an open one, and its guest starts.
    /// Whether it does; if not, it is withdrawn, and the occurrence has no run.
    pub(super) fn fire(&mut self, step: &mut Step, job: &Job, nominal: Timestamp) -> bool {
        let state = self.jobs.get(&job.name);
        let Some(id) = state.and_then(|state| state.ahead) else {
            return false;
        };
        let meets = state.is_some_and(|state| !state.open.is_empty() || !state.behind.is_empty());
        let free = !meets || job.overlap == Overlap::Allow;
        let run = self.runs.get(&id);
        let is_it = run.is_some_and(|run| run.new.nominal == nominal);
        if !(is_it && free && self.slots.promote(id)) {
            self.withdraw(step, &job.name);
            return false;
        }
        if let Some(state) = self.jobs.get_mut(&job.name) {
            state.ahead = None;
            state.skips = None;
            state.open.insert(id, Turn::Now);
        }
        let Some(run) = self.runs.get_mut(&id) else {
            return false;
        };
        let RunPhase::Ahead { job, written } = run.phase.clone() else {
            return false;
        };
        run.phase = RunPhase::Armed {
            terms: self.ledger.terms(job.limits.max_state),
            job,
            retried: None,
        };
        if written {
            self.release_start(step, id, 1);
        }
        true
    }

    /// Notes that the start of a run is on disk, if it is armed ahead of its time. Whether it is.
    pub(super) fn is_written_ahead(&mut self, id: RunId) -> bool {
        let run = self.runs.get_mut(&id);
        let Some(RunPhase::Ahead { written, .. }) = run.map(|run| &mut run.phase) else {
            return false;
        };
        *written = true;
        true
    }

    /// Withdraws the run of a job that is armed ahead of its time, if there is one, as if it had never been
    /// created.
    pub(super) fn withdraw(&mut self, step: &mut Step, name: &JobName) {
        let state = self.jobs.get_mut(name);
        let Some(id) = state.and_then(|state| state.ahead.take()) else {
            return;
        };
        self.runs.remove(&id);
        self.slots.release(id, name);
        step.records.push(Record::RunWithdrawn { run: id });
        self.doubt_recall(step, name);
    }

    /// Withdraws a run that a daemon armed, and that died before its time came.
    pub(super) fn withdraw_stored(&mut self, step: &mut Step, id: RunId) {
        let Some(run) = self.runs.remove(&id) else {
            return;
        };
        if let Some(state) = self.jobs.get_mut(&run.new.job) {
            state.open.remove(&id);
        }
        step.records.push(Record::RunWithdrawn { run: id });
        self.let_in(&run.new.job);
        self.schedule(&run.new.job);
    }

    /// Whether the instant of a run is passed by its job's watermark, or was.
    pub(super) fn is_accounted_for(&self, new: &NewRun) -> bool {
        match (new.cause, self.jobs.get(&new.job)) {
            (Cause::Time(at), Some(state)) => at <= state.watermark || state.ran.contains(&at),
            _ => false,
        }
    }

    /// A daemon died after the time of a run that it had armed, and maybe before the watermark moved.
    pub(super) fn claim_stored(&mut self, step: &mut Step, stored: &StoredRun) {
        if let StoredState::Running { starts_at, .. } = stored.state
            && starts_at <= step.now
            && let Cause::Time(at) = stored.new.cause
        {
            self.claim(step, &stored.new.job, at);
        }
    }

    /// Ends a run that is armed ahead of its time for somebody: its occurrence is over before it came.
    pub(super) fn cancel_ahead(&mut self, step: &mut Step, id: RunId, reason: Option<String>) {
        let Some(run) = self.runs.remove(&id) else {
            return;
        };
        let name = &run.new.job;
        self.slots.release(id, name);
        if let Some(state) = self.jobs.get_mut(name) {
            state.ahead = None;
        }
        step.records.push(Record::AttemptDisarmed {
            run: id,
            attempt: run.last_attempt,
        });
        step.records.push(Record::RunEnded {
            run: id,
            end: RunEnd::Cancelled,
            message: reason,
        });
        self.claim(step, name, run.new.nominal);
        step.note_end(run.new, RunEnd::Cancelled);
    }

    /// An instant beyond the watermark of its job has its run, whatever becomes of it.
    pub(super) fn claim(&mut self, step: &mut Step, name: &JobName, at: Timestamp) {
        if let Some(state) = self.jobs.get_mut(name)
            && at > state.watermark
            && state.ran.insert(at)
        {
            let job = name.clone();
            step.records.push(Record::Claimed { job, at });
        }
    }
}
