//! What a clock that was ahead has left in the times of jobs and of runs.
//!
//! A success that was noted in a year to come would keep a job from being overdue for as long, a run that waits
//! since then would stand behind all who come, and one that is held back until then would never start. So such
//! times are *pulled back* to now, as watermarks are, see `clock`; and a job that is overdue only by that
//! clock is so no more.

use std::sync::Arc;

use jiff::Timestamp;

use super::{
    Engine, Step,
    clock::is_ahead,
    state::{JobState, Run, RunPhase},
};
use crate::{health::JobHealth, name::JobName, record::Record, run::RunId};

impl Engine {
    /// Pulls back the times that are too far ahead, if there are any, and with them all that are still to
    /// come.
    pub(super) fn pull_times_back(&mut self, step: &mut Step) {
        let to = step.now;
        let jobs = self.jobs.values().flat_map(JobState::times);
        let runs = self.runs.values().flat_map(Run::times);
        let found = jobs.chain(runs).any(|at| is_ahead(at, to));
        if found {
            step.records.push(Record::TimesPulledBack { to });
            for state in self.jobs.values_mut() {
                state.pull_times_back(to);
            }
            self.pull_runs_back(to);
            self.retry_since_now(step);
        }
        let names = self.jobs.iter().filter(|(_, state)| {
            let job = state.job.as_ref().filter(|_| state.health.overdue);
            let at = job.and_then(|job| state.health.overdue_at(job));
            found || at.is_some_and(|at| at > to)
        });
        let names: Vec<JobName> = names.map(|(name, _)| name.clone()).collect();
        for name in names {
            self.await_success(step, &name);
        }
    }

    /// The runs wait since `to` at the latest, and none that came later is held back any more.
    fn pull_runs_back(&mut self, to: Timestamp) {
        let ahead = self.runs.iter_mut();
        for (id, run) in ahead.filter(|(_, run)| run.new.queued_at > to) {
            if let RunPhase::Held { until } = &mut run.phase {
                self.held_back.remove(&(*until, *id));
                self.held_back.insert((to, *id));
                *until = to;
            }
            let new = Arc::make_mut(&mut run.new);
            new.queued_at = to;
            new.not_before = new.not_before.map(|at| at.min(to));
        }
        self.slots.pull_back(to);
    }

    /// The backoffs that were over at a time that is still to come are over now.
    fn retry_since_now(&mut self, step: &mut Step) {
        let runs = self.runs.iter();
        let retried = runs.filter(|(_, run)| run.retried().is_some_and(|at| at > step.now));
        let retried: Vec<(RunId, JobName)> = retried
            .map(|(id, run)| (*id, run.new.job.clone()))
            .collect();
        for (id, job) in retried {
            self.slots.forget(id, &job);
            self.back_off(step, id, step.now);
        }
    }
}

impl JobState {
    /// What was noted of it, and when.
    fn times(&self) -> impl Iterator<Item = Timestamp> {
        let JobHealth {
            watched_since,
            last_success,
            failing,
            overdue: _,
        } = &self.health;
        let failed = failing.map(|failing| failing.at);
        let times = [Some(*watched_since), *last_success, failed, self.removed_at];
        times.into_iter().flatten()
    }

    fn pull_times_back(&mut self, to: Timestamp) {
        self.health.pull_back(to);
        self.removed_at = self.removed_at.map(|at| at.min(to));
    }
}

impl Run {
    /// Since when it waits for its turn.
    fn times(&self) -> impl Iterator<Item = Timestamp> {
        let times = [Some(self.new.queued_at), self.retried()];
        times.into_iter().flatten()
    }

    /// When its backoff was over, if it waits for its turn since then.
    fn retried(&self) -> Option<Timestamp> {
        match self.phase {
            RunPhase::Waiting { retried } => retried,
            _ => None,
        }
    }
}
