//! What a clock that was ahead has left in the times of jobs.
//!
//! A success that was noted in a year to come would keep a job from being overdue for as long. So such times
//! are *pulled back* to now, as watermarks are, see `clock`; and a job that is overdue only by that clock is so
//! no more. The times of runs that wait are doubted in `clock`: no record is needed for them.

use jiff::Timestamp;

use super::{Engine, Step, clock::is_ahead, state::JobState};
use crate::{health::JobHealth, name::JobName, record::Record};

impl Engine {
    /// Pulls back the times that are too far ahead, if there are any, and with them all that are still to
    /// come.
    pub(super) fn pull_times_back(&mut self, step: &mut Step) {
        let to = step.now;
        let is_ahead = |at: Timestamp| is_ahead(at, to);
        let found = self.jobs.values().any(|job| job.times().any(is_ahead));
        if found {
            step.records.push(Record::TimesPulledBack { to });
            for state in self.jobs.values_mut() {
                state.pull_times_back(to);
            }
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
