//! Jobs that are halted: paused by a person or by their failures, or disabled by the file.
//!
//! Paused and disabled alike, nothing makes a job due: its watermark is now, though it is moved only when
//! the halt is over, and no instant between is an occurrence. What waits for its first attempt when a halt
//! begins ends `skipped: disabled`; what had an attempt finishes, with its retries; what a person asked
//! for is not touched, and may still be asked for.

use std::sync::Arc;

use super::{
    Answer, Engine, Step,
    event::{Jobs, PauseRequest},
    requests::reply,
    state::{JobState, Run, RunPhase},
};
use crate::{
    name::JobName,
    pause::{PauseReason, Paused},
    record::{NewRun, Record},
    run::{RunEnd, RunId, SkipReason},
};

impl Engine {
    /// Every job that is paused, whether the plan enables it or not.
    pub fn paused_jobs(&self) -> impl Iterator<Item = (&JobName, &Paused)> {
        let planned = self.jobs.iter().filter(|(_, state)| state.job.is_some());
        planned.filter_map(|(name, state)| Some((name, state.paused.as_ref()?)))
    }

    /// Pauses one job or all.
    pub(super) fn pause_requested(&mut self, step: &mut Step, request: &PauseRequest) {
        let names = match self.asked_about(&request.jobs) {
            Ok(names) => names,
            Err(refusal) => return reply(step, request.id, refusal),
        };
        let (paused, running) = self.by_pause(names);
        let jobs = running.len();
        for name in running {
            self.pause(step, &name, PauseReason::Asked(request.actor.clone()));
        }
        let already = paused.len();
        self.answer(step, request.id, Answer::Paused { jobs, already });
    }

    /// Ends the pause of one job or of all.
    pub(super) fn resume_requested(&mut self, step: &mut Step, request: &PauseRequest) {
        let names = match self.asked_about(&request.jobs) {
            Ok(names) => names,
            Err(refusal) => return reply(step, request.id, refusal),
        };
        let (paused, running) = self.by_pause(names);
        let jobs = paused.len();
        for name in paused {
            self.end_pause(step, &name, request.actor.clone());
        }
        let already = running.len();
        self.answer(step, request.id, Answer::Resumed { jobs, already });
    }

    /// The jobs of the plan that a request is about.
    fn asked_about(&self, jobs: &Jobs) -> Result<Vec<JobName>, Answer> {
        if let Some(refusal) = self.refusal() {
            return Err(refusal);
        }
        let planned = |name: &JobName| self.jobs.get(name).is_some_and(|it| it.job.is_some());
        match jobs {
            Jobs::One(name) if planned(name) => Ok(vec![name.clone()]),
            Jobs::One(_) => Err(Answer::NoSuchJob),
            Jobs::All => {
                let names = self.jobs.keys().filter(|name| planned(name));
                Ok(names.cloned().collect())
            }
        }
    }

    /// Those that are paused, and the others.
    fn by_pause(&self, names: Vec<JobName>) -> (Vec<JobName>, Vec<JobName>) {
        names.into_iter().partition(|name| {
            let state = self.jobs.get(name);
            state.is_some_and(|state| state.paused.is_some())
        })
    }

    /// Nothing makes the job due from now on. What was due before and was not looked at comes first.
    fn pause(&mut self, step: &mut Step, name: &JobName, why: PauseReason) {
        self.settle(step, name);
        let Some(state) = self.jobs.get_mut(name) else {
            return;
        };
        state.paused = Some(Paused {
            since: step.now,
            why: why.clone(),
        });
        step.records.push(Record::JobPaused {
            job: name.clone(),
            why,
        });
        self.schedule(name);
        self.await_success(step, name);
        self.end_halted(step, name);
    }

    /// The job is due again, at instants after now. By a clock that is not believed nobody knows when that
    /// is: then it is as if it were accepted now, and is due from when the clock is set.
    fn end_pause(&mut self, step: &mut Step, name: &JobName, actor: Option<Arc<str>>) {
        let Some(state) = self.jobs.get_mut(name) else {
            return;
        };
        // The clock may have been set back; what was accounted for stays so.
        state.pass(state.watermark.max(step.now));
        state.paused = None;
        state.failures = 0;
        state.skips = None;
        state.health.watched_since = step.now;
        step.records.push(Record::JobResumed {
            job: name.clone(),
            watermark: state.watermark,
            actor,
        });
        if !self.trust.is_set() {
            self.accept_when_set(step, name);
        }
        self.schedule(name);
        self.await_success(step, name);
    }

    /// A job that is new has no pause and no failures, whatever another one of its name had.
    pub(super) fn forget_halt(&mut self, step: &mut Step, name: &JobName) {
        let Some(state) = self.jobs.get_mut(name) else {
            return;
        };
        if state.paused.is_some() {
            self.end_pause(step, name, None);
        } else if state.failures > 0 {
            state.failures = 0;
            step.records.push(Record::FailuresCounted {
                job: name.clone(),
                failures: 0,
            });
        }
    }

    /// Ends what waits in vain, if the job is halted.
    pub(super) fn end_halted(&mut self, step: &mut Step, name: &JobName) {
        let Some(state) = self.jobs.get(name).filter(|state| state.is_halted()) else {
            return;
        };
        let mut waiting: Vec<RunId> = state.runs().collect();
        waiting.retain(|id| self.runs.get(id).is_some_and(Run::ends_with_a_halt));
        for id in waiting {
            self.disarm(step, id);
            self.end_run(step, id, RunEnd::Skipped(SkipReason::Disabled), None);
        }
    }

    /// Counts the failures in a row of a job that may not have many, and pauses it when they are.
    pub(super) fn count_end(&mut self, step: &mut Step, run: &NewRun, end: RunEnd) {
        let Some(state) = self.jobs.get_mut(&run.job) else {
            return;
        };
        let Some(job) = state.job.as_ref().filter(|_| !state.is_halted()) else {
            return;
        };
        let limit = job.disable_after.filter(|_| !job.critical);
        let failures = match end {
            _ if !run.origin.is_by_itself() => return,
            RunEnd::Failed(_) if limit.is_some() => state.failures.saturating_add(1),
            RunEnd::Failed(_) | RunEnd::Succeeded => 0,
            RunEnd::Cancelled | RunEnd::Skipped(_) => return,
        };
        if failures == state.failures {
            return;
        }
        state.failures = failures;
        if limit.is_some_and(|limit| failures >= limit.get()) {
            self.pause(step, &run.job, PauseReason::Failures(failures));
        } else {
            step.records.push(Record::FailuresCounted {
                job: run.job.clone(),
                failures,
            });
        }
    }
}

impl JobState {
    /// Whether nothing makes it due.
    pub(super) fn is_halted(&self) -> bool {
        self.paused.is_some() || self.job.as_ref().is_some_and(|job| !job.enabled)
    }
}

impl Run {
    /// Whether it ends when its job is halted: nobody asked for it, and it had no attempt.
    fn ends_with_a_halt(&self) -> bool {
        let runs = matches!(self.phase, RunPhase::Running { .. });
        !runs && !self.attempted && self.new.origin.is_by_itself()
    }
}
