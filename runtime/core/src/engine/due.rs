//! What is due, and what of it is late.
//!
//! Whenever the engine looks, the instants in `(watermark, now]` of a job are handled at once: by
//! `catch_up` the newest becomes an occurrence or not, and all others are one range of skips. The
//! watermark moves in the same batch, so that no instant is handled twice or never.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;

use super::{
    Engine, Step,
    state::{JobState, Run, RunPhase, SkipRange},
};
use crate::{
    job::Job,
    name::JobName,
    policy::{CatchUp, CatchUpMode, Overlap},
    record::{NewRun, Record},
    run::{Cause, Origin, RunId, SkipReason},
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
        let trigger = state.job.as_ref().and_then(|job| job.trigger.as_ref());
        state.due = trigger.and_then(|trigger| trigger.next_after(state.watermark));
        if let Some(at) = state.due {
            self.due.insert((at, name.clone()));
        }
    }

    /// Makes a run of an occurrence that overlap has let through. It waits for a slot.
    pub(super) fn queue(&mut self, step: &mut Step, new: NewRun) {
        let new = Arc::new(new);
        let run = new.run;
        step.records.push(Record::RunQueued(new.clone()));
        if let Some(state) = self.jobs.get_mut(&new.job) {
            state.open.insert(run);
        }
        self.slots.wait(run, &new.job);
        self.runs.insert(run, Run::new(new));
    }

    pub(super) fn next_run(&mut self) -> RunId {
        let run = RunId(self.next_run);
        self.next_run += 1;
        run
    }

    /// Handles the due instants of one job. While nothing may start they are all missed.
    pub(super) fn handle_due_job(&mut self, step: &mut Step, name: &JobName) {
        if let Some(newest) = self.account(step, name, self.schedules())
            && let Some(state) = self.jobs.get(name)
            && let Some(job) = state.job.clone()
        {
            let new = NewRun {
                run: self.next_run(),
                job: name.clone(),
                cause: Cause::Time(newest),
                nominal: newest,
                origin: origin(&job, step.now, newest),
                actor: None,
                params: None,
                queued_at: step.now,
            };
            self.queue(step, new);
        }
        self.schedule(name);
    }

    /// Accounts for all due instants of the job but the one that it returns, which is to become a run.
    fn account(&mut self, step: &mut Step, name: &JobName, may_run: bool) -> Option<Timestamp> {
        let state = self.jobs.get_mut(name)?;
        let job = state.job.clone()?;
        let trigger = job.trigger.as_ref()?;
        let from = state.watermark;
        let first = trigger.next_after(from)?;
        let newest = trigger.latest_in(from, step.now)?;

        let runs = may_run && runs_late(&job.catch_up, age(step.now, newest));
        let missed_through = if runs { before(newest) } else { newest };
        if let Some(last) = (first <= missed_through)
            .then(|| trigger.latest_in(from, missed_through))
            .flatten()
        {
            let count = trigger.count_in(from, last);
            state.skip(
                step,
                SkipRange {
                    reason: SkipReason::Missed,
                    first,
                    last,
                    count,
                },
                name,
            );
        }

        let overlaps = job.overlap == Overlap::Skip && !state.open.is_empty();
        if runs && overlaps {
            let reason = SkipReason::Overlap;
            state.skip(
                step,
                SkipRange {
                    reason,
                    first: newest,
                    last: newest,
                    count: 1,
                },
                name,
            );
        }
        state.watermark = newest;
        step.records.push(Record::Watermark {
            job: name.clone(),
            to: newest,
        });
        if !runs || overlaps {
            return None;
        }
        state.skips = None;
        Some(newest)
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
                self.slots.wait(id, &run.new.job);
            }
        }
    }
}

impl JobState {
    /// Records a range of skips, as a part of the one before it if the reason is the same.
    fn skip(&mut self, step: &mut Step, range: SkipRange, name: &JobName) {
        let range = match self.skips.take() {
            Some(before) if before.reason == range.reason => SkipRange {
                first: before.first,
                count: before.count.saturating_add(range.count),
                ..range
            },
            _ => range,
        };
        step.records.push(Record::Skipped {
            job: name.clone(),
            reason: range.reason,
            first: range.first,
            last: range.last,
            count: range.count,
        });
        self.skips = Some(range);
    }
}

/// How old an instant is; zero if it lies in the future.
pub(super) fn age(now: Timestamp, instant: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(instant)).unwrap_or(Duration::ZERO)
}

/// Whether the newest due instant of this age becomes an occurrence.
pub(super) fn runs_late(catch_up: &CatchUp, age: Duration) -> bool {
    match catch_up.mode {
        CatchUpMode::Latest => age < catch_up.window,
        CatchUpMode::None => age < catch_up.grace && age < catch_up.window,
    }
}

fn origin(job: &Job, now: Timestamp, nominal: Timestamp) -> Origin {
    if age(now, nominal) < job.catch_up.grace {
        Origin::Schedule
    } else {
        Origin::CatchUp
    }
}

/// The last instant before `t`.
fn before(t: Timestamp) -> Timestamp {
    t.checked_sub(Duration::from_nanos(1))
        .unwrap_or(Timestamp::MIN)
}
