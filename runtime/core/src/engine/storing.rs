//! What waits for the disk, and how the engine stops.
//!
//! History is written before the world changes: a guest starts, and a request is answered, when the
//! batch that says so is on disk.

use super::{
    Answer, Effect, Engine, Phase, Recall, Step, StoreHealth,
    late::{newest_started, runs_late},
    state::RunPhase,
};
use crate::{
    policy::CatchUpMode,
    record::{Record, Seq},
    run::{Cause, RequestId, RunEnd, RunId, SkipReason},
};

/// Why a run that was recorded in time is skipped.
const OUTAGE: &str = "its start could not be recorded in time: the store was failing";

/// Something that waits for its batch to be on disk.
#[derive(Clone, Debug)]
pub(super) enum Release {
    /// Start the guest of this attempt.
    Start { run: RunId, attempt: u32 },
    /// Answer.
    Reply { request: RequestId, answer: Answer },
    /// Ask.
    Recall(Recall),
}

impl Engine {
    pub(super) fn stored(&mut self, step: &mut Step, through: Seq) {
        self.stored = self.stored.max(through);
        while self
            .unflushed
            .front()
            .is_some_and(|(seq, _)| *seq <= self.stored)
        {
            match self.unflushed.pop_front() {
                Some((_, Release::Start { run, .. })) if self.is_written_ahead(run) => {}
                Some((_, Release::Start { run, attempt })) => match self.store {
                    StoreHealth::Writes => self.release_start(step, run, attempt),
                    // It may fail again before it has recovered.
                    StoreHealth::Fails => self.held.push((run, attempt)),
                },
                Some((_, Release::Reply { request, answer })) => {
                    step.effects.push(Effect::Reply { request, answer });
                }
                Some((_, Release::Recall(recall))) if !self.trust.still_asks(&recall) => {}
                Some((_, Release::Recall(recall))) => {
                    step.effects.push(Effect::Recall(recall));
                }
                None => return,
            }
        }
    }

    /// The outage was downtime: what was about to start when it began is looked at again, as the
    /// instants that came due in it are.
    pub(super) fn store_recovered(&mut self, step: &mut Step) {
        self.store = StoreHealth::Writes;
        for (id, attempt) in std::mem::take(&mut self.held) {
            if self.outage_outlived(step, id, attempt) {
                self.disarm(step, id);
                let end = RunEnd::Skipped(SkipReason::Missed);
                self.end_run(step, id, end, Some(OUTAGE.to_owned()));
            } else {
                self.release_start(step, id, attempt);
            }
        }
    }

    /// Whether an armed attempt is the first for an instant that downtime would have left behind:
    /// a newer one is due, or it is too late for this one.
    fn outage_outlived(&self, step: &Step, id: RunId, attempt: u32) -> bool {
        let run = self.runs.get(&id).filter(|run| {
            let armed = matches!(run.phase, RunPhase::Armed { .. });
            armed && run.last_attempt == attempt && !run.attempted
        });
        let Some(run) = run else { return false };
        let Cause::Time(instant) = run.new.cause else {
            return false;
        };
        let state = self.jobs.get(&run.new.job);
        state.is_some_and(|state| {
            let Some(job) = &state.job else { return false };
            let folds = job.catch_up.mode != CatchUpMode::All;
            let from = state.watermark.max(instant);
            let newer = || {
                let started = newest_started(job, from, step.now)?;
                job.schedule.first_allowed_in(from, started)
            };
            !runs_late(job, step.now, instant) || folds && newer().is_some()
        })
    }

    /// Starts nothing any more, and tells every guest to end. Asked again, it changes nothing.
    pub(super) fn shut_down(&mut self, step: &mut Step) {
        match self.phase {
            Phase::New => self.phase = Phase::Closing,
            Phase::Serving => self.phase = Phase::Stopping,
            Phase::Stopping | Phase::Closing | Phase::Stopped => return,
        }
        let open: Vec<RunId> = self.runs.keys().copied().collect();
        for id in open {
            let Some(run) = self.runs.get(&id) else {
                continue;
            };
            match run.phase {
                RunPhase::Held { .. }
                | RunPhase::Behind
                | RunPhase::Waiting { .. }
                | RunPhase::BackingOff { .. } => {}
                RunPhase::Ahead { .. } => {
                    let name = run.new.job.clone();
                    self.withdraw(step, &name);
                }
                RunPhase::Armed { .. } => {
                    if let Some(until) = self.disarm(step, id) {
                        self.back_off(step, id, until);
                    } else {
                        self.requeue(step, id);
                    }
                }
                RunPhase::Running { .. } => step.effects.push(Effect::Cancel {
                    run: id,
                    attempt: run.last_attempt,
                    grace: self.shutdown_grace,
                }),
            }
        }
    }

    /// Goes on with stopping as far as it can: first the guests, then the records, then the end. A
    /// store that fails is not waited for.
    pub(super) fn finish_stopping(&mut self, step: &mut Step) {
        let fails = self.store == StoreHealth::Fails;
        if self.phase == Phase::Stopping && !self.runs.values().any(is_running) {
            self.phase = Phase::Closing;
            step.records.push(Record::Stopped);
            if !fails {
                return;
            }
        }
        let written = self.stored == self.emitted && step.records.is_empty();
        if self.phase == Phase::Closing && (written || fails) {
            self.phase = Phase::Stopped;
            step.effects.push(Effect::Stop);
        }
    }
}

fn is_running(run: &super::state::Run) -> bool {
    matches!(run.phase, RunPhase::Running { .. })
}
