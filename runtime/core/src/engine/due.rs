//! What is due, and what of it is late.
//!
//! Whenever the engine looks, the instants in `(watermark, now]` of a job are handled at once: by
//! `catch_up` the newest becomes an occurrence or not, and all others are one range of skips. The
//! watermark moves in the same batch, so that no instant is handled twice or never.

use std::{iter, sync::Arc, time::Duration};

use jiff::Timestamp;

use super::{
    Engine, Step,
    state::{JobState, Run, RunPhase, SkipRange},
};
use crate::{
    job::Job,
    name::JobName,
    policy::{CatchUp, CatchUpMode},
    record::{NewRun, Record},
    run::{Cause, Origin, RunId, SkipReason, Turn},
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

    /// Makes a run of an occurrence that overlap has let through. It waits for its turn, or for a slot.
    pub(super) fn queue(&mut self, step: &mut Step, new: NewRun) {
        let new = Arc::new(new);
        let (id, name) = (new.run, new.job.clone());
        step.records.push(Record::RunQueued(new.clone()));
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

    /// Handles the due instants of one job. While nothing may start they are all missed.
    pub(super) fn handle_due_job(&mut self, step: &mut Step, name: &JobName) {
        let may_run = self.schedules();
        let state = self.jobs.get(name);
        let look = state.and_then(|state| Look::at(state, step.now, may_run));
        if let Some((look, job)) = look {
            if let Some(missed) = look.missed {
                self.skip(step, name, missed);
            }
            match look.runs[..] {
                [] => {}
                [nominal] if !look.catches_up => match self.meet(step, &job) {
                    Ok(turn) => self.run_at(step, &job, nominal, turn),
                    Err(reason) => self.skip(step, name, SkipRange::one(reason, nominal)),
                },
                ref nominals => {
                    step.looks = step.looks.saturating_sub(nominals.len());
                    for nominal in nominals {
                        self.run_at(step, &job, *nominal, Turn::CatchUp);
                    }
                }
            }
            step.records.push(Record::Watermark {
                job: name.clone(),
                to: look.newest,
            });
            if let Some(state) = self.jobs.get_mut(name) {
                state.watermark = look.newest;
            }
        }
        self.schedule(name);
    }

    /// An instant of the job becomes a run.
    fn run_at(&mut self, step: &mut Step, job: &Job, nominal: Timestamp, turn: Turn) {
        if let Some(state) = self.jobs.get_mut(&job.name) {
            state.skips = None;
        }
        let new = NewRun {
            run: self.next_run(),
            job: job.name.clone(),
            cause: Cause::Time(nominal),
            nominal,
            origin: origin(job, step.now, nominal),
            actor: None,
            params: None,
            input_of: None,
            queued_at: step.now,
            turn,
        };
        self.queue(step, new);
    }

    /// Records a range of skips, as a part of the one before it if the reason is the same.
    fn skip(&mut self, step: &mut Step, name: &JobName, range: SkipRange) {
        let Some(state) = self.jobs.get_mut(name) else {
            return;
        };
        let range = match state.skips.take() {
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

/// What is found when one looks at a job that is due.
struct Look {
    /// The instants that are too late, or folded into a newer one.
    missed: Option<SkipRange>,
    /// Those that are to run, the oldest first.
    runs: Vec<Timestamp>,
    /// Whether they are a catch-up: they wait for one another, and overlap skips none of them.
    catches_up: bool,
    /// The last of all.
    newest: Timestamp,
}

impl Look {
    /// Looks at all instants of a job between its watermark and now; none if nothing is due.
    fn at(state: &JobState, now: Timestamp, may_run: bool) -> Option<(Self, Arc<Job>)> {
        let job = state.job.clone()?;
        let trigger = job.trigger.as_ref()?;
        let from = state.watermark;
        let first = trigger.next_after(from)?;
        let newest = trigger.latest_in(from, now)?;

        let CatchUp {
            mode, max, grace, ..
        } = job.catch_up;
        let most = match mode {
            _ if !may_run => 0,
            CatchUpMode::Latest | CatchUpMode::None => 1,
            CatchUpMode::All => max.get() as usize,
        };
        let backwards = |at: &Timestamp| trigger.latest_in(from, before(*at));
        let mut runs: Vec<_> = iter::successors(Some(newest), backwards)
            .take_while(|at| runs_late(&job.catch_up, age(now, *at)))
            .take(most)
            .collect();
        runs.reverse();

        let through = runs.first().map_or(newest, |oldest| before(*oldest));
        let missed = (first <= through)
            .then(|| trigger.latest_in(from, through))
            .flatten()
            .map(|last| SkipRange {
                reason: SkipReason::Missed,
                first,
                last,
                count: trigger.count_in(from, last),
            });
        let late = runs.len() > 1 || age(now, newest) >= grace;
        let look = Self {
            missed,
            runs,
            catches_up: mode == CatchUpMode::All && late,
            newest,
        };
        Some((look, job))
    }
}

impl SkipRange {
    /// A range of one instant.
    fn one(reason: SkipReason, at: Timestamp) -> Self {
        Self {
            reason,
            first: at,
            last: at,
            count: 1,
        }
    }
}

/// How old an instant is; zero if it lies in the future.
pub(super) fn age(now: Timestamp, instant: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(instant)).unwrap_or(Duration::ZERO)
}

/// Whether an instant of this age is young enough to run.
pub(super) fn runs_late(catch_up: &CatchUp, age: Duration) -> bool {
    match catch_up.mode {
        CatchUpMode::Latest | CatchUpMode::All => age < catch_up.window,
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
