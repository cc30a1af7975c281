//! Runs that are held back: the jitter of what is late.
//!
//! What is due on time is put off by looking at it later, at its jittered start. What is found late, after
//! downtime, has no such time left: without jitter, all jobs of a machine would start at the moment it
//! comes up. So a late occurrence becomes a run at once, which is on record and moves the watermark, and
//! is *held back* for its share of the jitter from now on. The time is stored with the run: however often
//! the daemon restarts meanwhile, it never begins anew.
//!
//! A run that is late has not for ever: `catch_up_window` is looked at again when its turn comes. So it is
//! held back for half of what is left of that at most, and jitter makes nothing too late.
//!
//! Until then the run is `queued` and not open. When it *arrives*, it meets its job's other runs as any
//! occurrence does.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;

use super::{
    Engine, Step,
    late::{SkipRange, age, is_late, lateness},
    state::RunPhase,
};
use crate::{
    job::Job,
    name::JobName,
    record::{NewRun, Record},
    run::{RunEnd, RunId, SkipReason, Turn},
};

/// Until when a late occurrence of a job is held back; none if it has no jitter. It is never held back
/// to the job's next instant or beyond, nor until it is too late.
pub(super) fn until(job: &Job, now: Timestamp, nominal: Timestamp) -> Option<Timestamp> {
    let late = !job.schedule.jitter.is_zero() && is_late(job, now, nominal);
    let age = lateness(job, now, nominal);
    let most = job.catch_up.window.saturating_sub(age) / 2;
    late.then(|| job.schedule.put_off(&job.name, nominal, now, most))
}

impl Engine {
    /// A run whose phase is [`RunPhase::Held`] waits until it arrives.
    pub(super) fn hold_back(&mut self, new: &NewRun, until: Timestamp) {
        if let Some(state) = self.jobs.get_mut(&new.job) {
            state.held.insert(new.run, new.turn);
        }
        self.held_back.insert((until, new.run));
    }

    /// Lets those runs arrive at once for which more is left than jitter ever is: a clock that was wrong
    /// has told them when.
    pub(super) fn doubt_holds(&mut self, now: Timestamp) {
        if !self.trust.is_set() {
            return;
        }
        let doubted = self.held_back.iter().filter(|(until, id)| {
            let run = self.runs.get(id);
            let state = run.and_then(|run| self.jobs.get(&run.new.job));
            let job = state.and_then(|state| state.job.as_ref());
            let longest = job.map_or(Duration::ZERO, |job| job.schedule.jitter);
            age(*until, now) > longest
        });
        let doubted: Vec<_> = doubted.copied().collect();
        for (until, id) in doubted {
            self.held_back.remove(&(until, id));
            self.held_back.insert((now, id));
            if let Some(run) = self.runs.get_mut(&id) {
                run.phase = RunPhase::Held { until: now };
            }
        }
    }

    /// An instant of a job that has come, and whose start is still put off, becomes a run that is held back
    /// until then: what names the start is about to be forgotten.
    pub(super) fn hold_back_pending(&mut self, step: &mut Step, name: &JobName) {
        let Some(state) = self.jobs.get(name) else {
            return;
        };
        let job = state.job.clone().filter(|_| !state.is_halted());
        let Some(job) = job else { return };
        let Some(at) = job.schedule.latest_in(state.watermark, step.now) else {
            return;
        };
        let excluded = job.schedule.calendar.stretch(at).excludes;
        let reason = match excluded.map(SkipReason::from) {
            None if self.schedules() => None,
            None => Some(SkipReason::Missed),
            excluded => excluded,
        };
        match reason {
            _ if state.ran.contains(&at) => self.part_skips(name),
            Some(reason) => self.skip(step, name, SkipRange::one(reason, at)),
            None => {
                let starts_at = job.schedule.starts_at(name, at);
                self.run_held_at(step, &job, (at, Some(starts_at)), Turn::Now);
            }
        }
        self.move_watermark(step, name, at);
        self.schedule(name);
    }

    /// Lets the runs arrive whose time has come.
    pub(super) fn let_arrive(&mut self, step: &mut Step) {
        while step.looks > 0
            && self
                .held_back
                .first()
                .is_some_and(|(at, _)| *at <= step.now)
        {
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
                if let Some(run) = self.runs.get_mut(&id) {
                    let new = Arc::make_mut(&mut run.new);
                    (new.not_before, new.turn) = (None, turn);
                }
                if let Some(state) = self.jobs.get_mut(&name) {
                    state.behind.insert(id, turn);
                }
                self.let_in(&name);
            }
            Err(reason) => self.end_run(step, id, RunEnd::Skipped(reason), None),
        }
    }
}
