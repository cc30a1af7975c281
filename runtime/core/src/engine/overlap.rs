//! Overlap: what becomes of an occurrence that meets its own job.
//!
//! A run is *open* from overlap's verdict to its end, whether it waits for capacity, runs or retries.
//! One that has to wait until others are closed is *behind* them: it is `queued`, and not open yet.
//! The verdict is found when an occurrence arrives, and again for those behind when a run closes, when
//! the job's definition changes, and when a daemon takes over: it needs nothing but what is stored.

use std::{sync::Arc, time::Duration};

use super::{
    Effect, Engine, Step,
    state::{JobState, RunPhase},
};
use crate::{
    job::Job,
    name::JobName,
    policy::Overlap,
    record::Record,
    run::{RunEnd, RunId, SkipReason, Turn},
};

/// Why a run is cancelled that nobody cancelled.
const NEWER: &str = "cancelled by a newer occurrence";

impl Engine {
    /// What becomes of an occurrence of a job that arrives now: when it is its turn, or why it has none.
    /// What it does to the job's other runs is done.
    pub(super) fn meet(&mut self, step: &mut Step, job: &Job) -> Result<Turn, SkipReason> {
        // It is not alone any more. What it is armed for is handled in the usual way when its time comes.
        self.withdraw(step, &job.name);
        let meets = |engine: &Self| {
            let state = engine.jobs.get(&job.name);
            state.is_some_and(|state| !state.open.is_empty())
        };
        if !meets(self) {
            return Ok(Turn::Now);
        }
        match job.overlap {
            Overlap::Skip => Err(SkipReason::Overlap),
            Overlap::Allow => Ok(Turn::Now),
            Overlap::QueueOne => {
                self.supersede(step, &job.name);
                Ok(Turn::Queue)
            }
            Overlap::QueueAll { max } if self.queued(&job.name).count() >= max.get() as usize => {
                Err(SkipReason::QueueFull)
            }
            Overlap::QueueAll { .. } => Ok(Turn::Queue),
            Overlap::CancelRunning { kill } => {
                self.supersede(step, &job.name);
                self.cancel_open(step, &job.name, kill);
                Ok(if meets(self) { Turn::Queue } else { Turn::Now })
            }
        }
    }

    /// Opens those behind whose turn has come, the oldest first. They wait for capacity from now on.
    pub(super) fn let_in(&mut self, name: &JobName) {
        while let Some(state) = self.jobs.get_mut(name)
            && let Some(id) = state.next_in()
        {
            state.behind.remove(&id);
            let Some(run) = self.runs.get_mut(&id) else {
                continue;
            };
            state.open.insert(id, run.new.turn);
            run.phase = RunPhase::Waiting { retried: None };
            self.wait_for_slot(id);
        }
    }

    /// The runs of a job that wait for their turn because they met an open one.
    fn queued(&self, name: &JobName) -> impl Iterator<Item = RunId> {
        let behind = self.jobs.get(name).map(|state| &state.behind);
        let behind = behind.into_iter().flatten();
        behind
            .filter(|(_, turn)| **turn == Turn::Queue)
            .map(|(id, _)| *id)
    }

    /// A newer occurrence takes the place of the one that waits. The runs of a catch-up keep theirs.
    fn supersede(&mut self, step: &mut Step, name: &JobName) {
        for id in self.queued(name).collect::<Vec<_>>() {
            self.end_run(step, id, RunEnd::Skipped(SkipReason::Superseded), None);
        }
    }

    /// Cancels the open runs of a job for a newer occurrence. Those without a guest end at once.
    fn cancel_open(&mut self, step: &mut Step, name: &JobName, kill: bool) {
        let Some(state) = self.jobs.get(name) else {
            return;
        };
        let open: Vec<RunId> = state.open.keys().copied().collect();
        for id in open {
            let Some(run) = self.runs.get(&id) else {
                continue;
            };
            if !matches!(run.phase, RunPhase::Running { .. }) {
                self.disarm(step, id);
                self.end_run(step, id, RunEnd::Cancelled, Some(NEWER.to_owned()));
            } else if kill || !run.cancel_requested {
                self.cancel_guest(step, id, kill, (None, Some(NEWER.to_owned())));
            }
        }
    }

    /// Tells the guest of a run to end, and has it stopped if it does not.
    pub(super) fn cancel_guest(
        &mut self,
        step: &mut Step,
        id: RunId,
        kill: bool,
        (actor, reason): (Option<Arc<str>>, Option<String>),
    ) {
        let Some(run) = self.runs.get_mut(&id) else {
            return;
        };
        let RunPhase::Running { grace, .. } = run.phase else {
            return;
        };
        run.cancel_requested = true;
        // The first who asked is the reason.
        run.cancel_reason = run.cancel_reason.take().or(reason);
        step.records
            .push(Record::CancelRequested { run: id, actor });
        step.effects.push(Effect::Cancel {
            run: id,
            attempt: run.last_attempt,
            grace: if kill { Duration::ZERO } else { grace },
        });
    }
}

impl JobState {
    /// The oldest of those behind that may be open now.
    fn next_in(&self) -> Option<RunId> {
        let overlap = self.job.as_ref()?.overlap;
        if overlap != Overlap::Allow && !self.open.is_empty() {
            return None;
        }
        let catches_up = || self.open.values().any(|turn| *turn == Turn::CatchUp);
        // The oldest of a catch-up goes first, though its start is put off for longer.
        let mut held = self.held.iter();
        let held = held.find(|(_, turn)| **turn == Turn::CatchUp);
        let is_first = |id: &RunId| held.is_none_or(|(held, _)| id < held);
        let mut behind = self.behind.iter();
        let next =
            behind.find(|(id, turn)| **turn != Turn::CatchUp || is_first(id) && !catches_up());
        next.map(|(id, _)| *id)
    }
}
