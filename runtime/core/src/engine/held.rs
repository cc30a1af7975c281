//! Runs that are held back: the jitter of what is late.
//!
//! What is due on time is put off by looking at it later, at its jittered start. What is found late, after
//! downtime, has no such time left: without jitter, all jobs of a machine would start at the moment it
//! comes up. So a late occurrence becomes a run at once, which is on record and moves the watermark, and
//! is *held back* for its share of the jitter from now on. The time is stored with the run: however often
//! the daemon restarts meanwhile, it never begins anew.
//!
//! Until then the run is `queued` and not open. When it *arrives*, it meets its job's other runs as any
//! occurrence does.

use jiff::Timestamp;

use super::{Engine, Step, state::RunPhase};
use crate::{
    job::Job,
    record::Record,
    run::{RunEnd, RunId, Turn},
};

/// Until when a late occurrence of a job is held back; none if it has no jitter. It is never held back
/// to the job's next instant or beyond.
pub(super) fn until(job: &Job, now: Timestamp, nominal: Timestamp) -> Option<Timestamp> {
    let until = job.schedule.put_off(&job.name, nominal, now);
    (until > now).then_some(until)
}

impl Engine {
    /// Lets the runs arrive whose time has come.
    pub(super) fn let_arrive(&mut self, step: &mut Step) {
        while step.looks > 0 && self.held_back.first().is_some_and(|(at, _)| *at <= step.now) {
            let Some((_, id)) = self.held_back.pop_first() else {
                return;
            };
            step.looks -= 1;
            self.arrive(step, id);
        }
    }

    /// A run that was held back meets its job's other runs.
    fn arrive(&mut self, step: &mut Step, id: RunId) {
        let Some(run) = self.runs.get_mut(&id) else {
            return;
        };
        run.phase = RunPhase::Behind;
        let name = run.new.job.clone();
        let Some(state) = self.jobs.get_mut(&name) else {
            return;
        };
        let turn = state.held.remove(&id);
        let met = match (turn, state.job.clone()) {
            // The runs of a catch-up wait for one another and meet nobody.
            (Some(Turn::CatchUp), _) => Ok(Turn::CatchUp),
            (_, Some(job)) => self.meet(step, &job),
            // A job that is gone has no run that waits.
            (_, None) => return,
        };
        match met {
            Ok(turn) => {
                step.records.push(Record::RunArrived { run: id, turn });
                if let Some(state) = self.jobs.get_mut(&name) {
                    state.behind.insert(id, turn);
                }
                self.let_in(&name);
            }
            Err(reason) => self.end_run(step, id, RunEnd::Skipped(reason), None),
        }
    }
}
