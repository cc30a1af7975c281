//! Chains: jobs that are due when a run of another job, their upstream, has ended.
//!
//! Each final end of a run is one occurrence of each of its job's dependents, in the same batch: no crash
//! comes between them, so none is lost and none comes twice. Who the dependents are, the plan says that
//! stands at the end of the step, so a plan that is replaced has no say in what ends with it.
//!
//! An end may be the end of others: an occurrence that meets its own job may cancel a run that waits.
//! So ends are noted, and the dependents are told one after the other when the step's event is handled. A
//! job never hangs on itself, so this comes to an end.
//!
//! A job that is halted is not due. When one may be due, and what its calendar excludes, is asked of the
//! moment of the end; not while the clock is not believed: an end is a fact, whatever time it is.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;

use super::{Engine, Step, requests::skip};
use crate::{
    after::circles,
    job::Job,
    name::JobName,
    plan::Plan,
    record::NewRun,
    run::{Cause, Origin, RunEnd, SkipReason, Turn},
    schedule::Schedule,
};

/// Who runs after whom.
#[derive(Debug, Default)]
pub(super) struct Chains(BTreeMap<JobName, Arc<[JobName]>>);

/// A run that has ended, and was not skipped.
pub(super) struct Ended {
    run: Arc<NewRun>,
    end: RunEnd,
}

impl Chains {
    /// Those of a plan. Jobs that go round in circles, which no file may have, have no upstream.
    pub(super) fn of(plan: &Plan) -> Self {
        let jobs = plan.jobs.values();
        let upstreams: BTreeMap<_, _> = jobs
            .filter_map(|job| Some((&job.name, &job.after.as_ref()?.job)))
            .collect();
        let circling = circles(&upstreams).concat();
        let mut dependents: BTreeMap<&JobName, Vec<JobName>> = BTreeMap::new();
        for (job, upstream) in upstreams {
            if !circling.contains(&job) {
                dependents.entry(upstream).or_default().push(job.clone());
            }
        }
        let dependents = dependents.into_iter();
        Self(
            dependents
                .map(|(upstream, jobs)| (upstream.clone(), jobs.into()))
                .collect(),
        )
    }
}

impl Step {
    /// A run has ended. If it was not skipped, and is not one for the past, its job's dependents are to be
    /// told.
    pub(super) fn note_end(&mut self, run: Arc<NewRun>, end: RunEnd) {
        if !matches!(end, RunEnd::Skipped(_)) && run.origin != Origin::Backfill {
            self.ended.push_back(Ended { run, end });
        }
    }
}

impl Engine {
    /// Tells the dependents of each run that has ended. A step that has ended many runs has had its share.
    pub(super) fn tell_dependents(&mut self, step: &mut Step) {
        while let Some(ended) = step.ended.pop_front() {
            let Some(dependents) = self.chains.0.get(&ended.run.job).cloned() else {
                continue;
            };
            step.looks = step.looks.saturating_sub(dependents.len());
            for name in &*dependents {
                let state = self.jobs.get(name);
                let state = state.filter(|state| !state.is_halted());
                let job = state.and_then(|state| state.job.clone());
                if let Some(job) = job.filter(|job| self.is_in_force(job, step.now)) {
                    self.run_after(step, &job, &ended);
                }
            }
        }
    }

    /// Whether anything makes the job due now: its schedule may begin later, or be over.
    fn is_in_force(&self, job: &Job, now: Timestamp) -> bool {
        let Schedule { start, end, .. } = job.schedule;
        let begun = start.is_none_or(|start| start <= now);
        let over = end.is_some_and(|end| end <= now);
        begun && !over || !self.trust.is_set()
    }

    /// An upstream's end becomes a run of `job`: one that meets its job's policy as any other does, or one
    /// that is skipped, if the job is for other ends, or its calendar excludes the moment of this one.
    fn run_after(&mut self, step: &mut Step, job: &Job, ended: &Ended) {
        let fits = job.after.as_ref().is_some_and(|it| it.on.fits(ended.end));
        let excludes = || job.schedule.calendar.excludes(step.now);
        let met = match self.trust.is_set().then(excludes).flatten() {
            _ if !fits => Err(SkipReason::DependencyFailed),
            Some(exclusion) => Err(exclusion.into()),
            None => self.meet(step, job),
        };
        let new = NewRun {
            run: self.next_run(),
            job: job.name.clone(),
            cause: Cause::After(ended.run.run),
            nominal: ended.run.nominal,
            origin: Origin::After,
            actor: None,
            params: None,
            input_of: Some(ended.run.run),
            queued_at: step.now,
            not_before: None,
            turn: met.unwrap_or(Turn::Now),
        };
        match met {
            Ok(_) => self.queue(step, new),
            Err(reason) => {
                let message = (!fits).then(|| ended.in_a_sentence());
                skip(step, new, reason, message);
            }
        }
    }
}

impl Ended {
    /// For whoever asks why a dependent was skipped.
    fn in_a_sentence(&self) -> String {
        let NewRun { run, job, .. } = &*self.run;
        match self.end {
            RunEnd::Cancelled => format!("run {run} of `{job}` was cancelled"),
            end => format!("run {run} of `{job}` {}", end.status()),
        }
    }
}
