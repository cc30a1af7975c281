//! What waits for the disk, and how the engine stops.
//!
//! History is written before the world changes: a guest starts, and a request is answered, when the
//! batch that says so is on disk.

use super::{Answer, Effect, Engine, Phase, Step, StoreHealth, state::RunPhase};
use crate::{
    record::{Record, Seq},
    run::{RequestId, RunId},
};

/// Something that waits for its batch to be on disk.
#[derive(Clone, Copy, Debug)]
pub(super) enum Release {
    /// Start the guest of this attempt.
    Start { run: RunId, attempt: u32 },
    /// Answer.
    Reply { request: RequestId, answer: Answer },
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
                Some((_, Release::Start { run, attempt })) => {
                    self.release_start(step, run, attempt);
                }
                Some((_, Release::Reply { request, answer })) => {
                    step.effects.push(Effect::Reply { request, answer });
                }
                None => return,
            }
        }
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
                RunPhase::Behind | RunPhase::Waiting { .. } | RunPhase::BackingOff { .. } => {}
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
                    grace: self.settings.shutdown_grace,
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
