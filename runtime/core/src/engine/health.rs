//! Which jobs are overdue, and which of the critical ones fail.
//!
//! A job that is overdue is said to be so once, in the step in which its time is up, and once that it is so
//! no more: after a success, because the plan has changed, or because it is halted. That the daemon was
//! down, or a clock was set forward, is no excuse: nothing has succeeded for that long.

use std::sync::Arc;

use jiff::Timestamp;

use super::{Engine, Step};
use crate::{
    health::Failing,
    job::Job,
    name::JobName,
    record::{NewRun, Record},
    run::RunEnd,
};

/// A job that does not go well.
#[derive(Clone, Copy, Debug)]
pub struct Ailing<'a> {
    /// As the plan has it.
    pub job: &'a Arc<Job>,
    /// If it is overdue: since when nothing has succeeded.
    pub overdue: Option<Timestamp>,
    /// If it is critical, not halted, and fails: with what.
    pub failing: Option<Failing>,
}

impl Engine {
    /// The jobs of the plan that are overdue, or critical and failing, by name.
    pub fn ailing(&self) -> impl Iterator<Item = Ailing<'_>> {
        self.jobs.values().filter_map(|state| {
            let job = state.job.as_ref()?;
            let health = &state.health;
            // A job that is halted is nobody's worry; what it failed with is not forgotten.
            let matters = job.critical && !state.is_halted();
            let overdue = health.overdue.then(|| health.waits_since(job));
            let failing = health.failing.filter(|_| matters);
            (overdue.is_some() || failing.is_some()).then_some(Ailing {
                job,
                overdue,
                failing,
            })
        })
    }

    /// Notes how a run of a job ended.
    pub(super) fn note_end(&mut self, step: &mut Step, run: &NewRun, end: RunEnd) {
        let Some(state) = self.jobs.get_mut(&run.job) else {
            return;
        };
        let health = &mut state.health;
        if health.run_ended(run.run, run.origin, end, step.now) {
            self.await_success(step, &run.job);
        }
    }

    /// Sets when the job is overdue, by its last success and its definition; a halted one never is. One
    /// that is so already, and should not be, is so no more.
    pub(super) fn await_success(&mut self, step: &mut Step, name: &JobName) {
        let Some(state) = self.jobs.get_mut(name) else {
            return;
        };
        if let Some(at) = state.overdue_at.take() {
            self.overdue.remove(&(at, name.clone()));
        }
        let job = state.job.as_ref().filter(|_| !state.is_halted());
        let at = job.and_then(|job| state.health.overdue_at(job));
        if state.health.overdue {
            if at.is_some_and(|at| at <= step.now) {
                return;
            }
            state.health.overdue = false;
            step.records
                .push(Record::JobNotOverdue { job: name.clone() });
        }
        state.overdue_at = at;
        if let Some(at) = at {
            self.overdue.insert((at, name.clone()));
        }
    }

    /// Says of each job whose time is up that it is overdue.
    pub(super) fn note_overdue(&mut self, step: &mut Step) {
        while step.looks > 0 && self.overdue.first().is_some_and(|(at, _)| *at <= step.now) {
            let Some((_, name)) = self.overdue.pop_first() else {
                return;
            };
            step.looks -= 1;
            if let Some(state) = self.jobs.get_mut(&name)
                && let Some(job) = &state.job
            {
                state.overdue_at = None;
                state.health.overdue = true;
                let since = state.health.waits_since(job);
                step.records.push(Record::JobOverdue { job: name, since });
            }
        }
    }
}
