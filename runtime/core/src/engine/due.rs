//! What is due, and what of it is late.
//!
//! Whenever the engine looks, the instants in `(watermark, now]` of a job are handled at once: what
//! becomes of each is found by a look (`late`). The watermark moves in the same batch, so that no instant
//! is handled twice or never.

use std::sync::Arc;

use jiff::Timestamp;

use super::{
    Engine, Step, held,
    late::{Look, Part, SkipRange, is_late},
    state::{Run, RunPhase},
};
use crate::{
    job::Job,
    name::JobName,
    record::{NewRun, Record},
    run::{Cause, Origin, RunId, Turn},
};

impl Engine {
    /// Handles the jobs that are due, the one that waits longest first.
    pub(super) fn handle_due(&mut self, step: &mut Step) {
        while step.looks > 0 && self.due.first().is_some_and(|(at, _)| *at <= step.now) {
            let Some((_, name)) = self.due.pop_first() else {
                return;
            };
            step.looks -= 1;
            self.handle_due_job(step, &name);
        }
    }

    /// Sets when the job is due next, by its watermark.
    pub(super) fn schedule(&mut self, name: &JobName) {
        let Some(state) = self.jobs.get_mut(name) else {
            return;
        };
        if let Some(at) = state.due.take() {
            self.due.remove(&(at, name.clone()));
        }
        let starts = |job: &Arc<Job>| {
            let nominal = job.schedule.next_after(state.watermark)?;
            Some(job.schedule.starts_at(&job.name, nominal))
        };
        let job = state.job.as_ref().filter(|_| !state.is_halted());
        state.due = job.and_then(starts);
        if let Some(at) = state.due {
            state.look_ahead();
            self.due.insert((at, name.clone()));
        }
        self.schedule_arming(name);
    }

    /// Makes a run of an occurrence that overlap has let through. It waits for its turn, or for a slot.
    pub(super) fn queue(&mut self, step: &mut Step, new: NewRun) {
        let new = Arc::new(new);
        let (id, name) = (new.run, new.job.clone());
        step.records.push(Record::RunQueued(new.clone()));
        if let Some(until) = new.not_before {
            self.hold_back(&new, until);
            let phase = RunPhase::Held { until };
            self.runs.insert(id, Run::new(new, phase));
            return;
        }
        if let Some(state) = self.jobs.get_mut(&name) {
            state.behind.insert(id, new.turn);
        }
        self.runs.insert(id, Run::new(new, RunPhase::Behind));
        self.let_in(&name);
    }

    pub(super) fn next_run(&mut self) -> RunId {
        let run = RunId(self.next_run);
        self.next_run += 1;
        run
    }

    /// Handles the due instants of one job, or the oldest of very many: then it is still due. While
    /// nothing may start none of them runs.
    pub(super) fn handle_due_job(&mut self, step: &mut Step, name: &JobName) {
        let may_run = self.schedules();
        let found = self.jobs.get(name).and_then(|state| {
            let job = state.job.clone()?;
            let look = Look::beside(&state.ran, &job, state.watermark, step.now, may_run)?;
            Some((look, job))
        });
        if let Some((look, job)) = found {
            step.looks = step.looks.saturating_sub(look.effort);
            let on_time = look.is_on_time();
            if !on_time {
                self.withdraw(step, name);
            }
            for part in look.parts {
                match part {
                    Part::Runs(nominal) if on_time && self.fire(step, &job, nominal) => {}
                    Part::Skips(range) => self.skip(step, name, range),
                    Part::Ran(_) => self.part_skips(name),
                    Part::Runs(nominal) if look.catches_up => {
                        self.run_at(step, &job, nominal, Turn::CatchUp);
                    }
                    // It meets the others when it arrives.
                    Part::Runs(nominal) if look.is_late && !job.schedule.jitter.is_zero() => {
                        self.run_at(step, &job, nominal, Turn::Now);
                    }
                    Part::Runs(nominal) => match self.meet(step, &job) {
                        Ok(turn) => self.run_at(step, &job, nominal, turn),
                        Err(reason) => self.skip(step, name, SkipRange::one(reason, nominal)),
                    },
                }
            }
            self.move_watermark(step, name, look.through);
        }
        self.schedule(name);
    }

    /// Everything up to `to` is accounted for by what this step records.
    pub(super) fn move_watermark(&mut self, step: &mut Step, name: &JobName, to: Timestamp) {
        let job = name.clone();
        step.records.push(Record::Watermark { job, to });
        if let Some(state) = self.jobs.get_mut(name) {
            state.pass(to);
        }
    }

    /// An instant of the job becomes a run, which may be held back.
    fn run_at(&mut self, step: &mut Step, job: &Job, nominal: Timestamp, turn: Turn) {
        let not_before = held::until(job, step.now, nominal);
        self.run_held_at(step, job, (nominal, not_before), turn);
    }

    /// An instant of the job becomes a run.
    pub(super) fn run_held_at(
        &mut self,
        step: &mut Step,
        job: &Job,
        (nominal, not_before): (Timestamp, Option<Timestamp>),
        turn: Turn,
    ) {
        self.part_skips(&job.name);
        let new = NewRun {
            not_before,
            turn,
            ..self.new_run_at(step.now, job, nominal)
        };
        self.queue(step, new);
    }

    /// The run of an instant of the job.
    pub(super) fn new_run_at(&mut self, now: Timestamp, job: &Job, nominal: Timestamp) -> NewRun {
        NewRun {
            run: self.next_run(),
            job: job.name.clone(),
            cause: Cause::Time(nominal),
            nominal,
            origin: origin(job, now, nominal),
            actor: None,
            params: None,
            input_of: None,
            queued_at: now,
            not_before: None,
            turn: Turn::Now,
        }
    }

    /// The next range of skips is one of its own: something else lies in between.
    pub(super) fn part_skips(&mut self, name: &JobName) {
        if let Some(state) = self.jobs.get_mut(name) {
            state.skips = None;
        }
    }

    /// Records a range of skips, as a part of the one before it if the reason is the same.
    pub(super) fn skip(&mut self, step: &mut Step, name: &JobName, range: SkipRange) {
        let Some(state) = self.jobs.get_mut(name) else {
            return;
        };
        let range = match state.skips.take() {
            Some(mut before) if before.reason == range.reason => {
                before.extend(&range);
                before
            }
            _ => range,
        };
        step.records.push(Record::Skipped {
            job: name.clone(),
            reason: range.reason,
            first: range.first,
            last: range.last,
            count: range.count,
        });
        state.skips = Some(range);
    }

    /// Lets the runs whose backoff is over wait for a slot.
    pub(super) fn end_backoffs(&mut self, step: &mut Step) {
        while step.looks > 0 && self.backoffs.first().is_some_and(|(at, _)| *at <= step.now) {
            let Some((until, id)) = self.backoffs.pop_first() else {
                return;
            };
            step.looks -= 1;
            if let Some(run) = self.runs.get_mut(&id) {
                run.phase = RunPhase::Waiting {
                    retried: Some(until),
                };
            }
            self.wait_for_slot(id);
        }
    }
}

fn origin(job: &Job, now: Timestamp, nominal: Timestamp) -> Origin {
    if is_late(job, now, nominal) {
        Origin::CatchUp
    } else {
        Origin::Schedule
    }
}
