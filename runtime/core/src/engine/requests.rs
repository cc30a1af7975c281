//! What people ask for, and what becomes of it.

use super::{
    Answer, Effect, Engine, Phase, Step, StoreHealth,
    event::{CancelRequest, RunRequest},
    state::RunPhase,
    storing::Release,
};
use crate::{
    record::{NewRun, Record},
    run::{Cause, Origin, RequestId, RunEnd, SkipReason, Turn},
};

impl Engine {
    /// A manual run meets the same policy as any other.
    pub(super) fn run_requested(&mut self, step: &mut Step, request: RunRequest) {
        if let Some(refusal) = self.refusal() {
            return reply(step, request.id, refusal);
        }
        let state = self.jobs.get(&request.job);
        let Some(job) = state.and_then(|state| state.job.clone()) else {
            return reply(step, request.id, Answer::NoSuchJob);
        };
        let met = self.meet(step, &job);
        let new = NewRun {
            run: self.next_run(),
            job: request.job,
            cause: Cause::Manual(request.id),
            nominal: request.nominal.unwrap_or(step.now),
            origin: Origin::Manual,
            actor: request.actor,
            params: request.params,
            input_of: request.input_of,
            queued_at: step.now,
            not_before: None,
            turn: met.unwrap_or(Turn::Now),
        };
        let run = new.run;
        let answer = match met {
            Ok(_) => {
                self.queue(step, new);
                Answer::Queued(run)
            }
            Err(reason) => {
                skip(step, new, reason, None);
                Answer::Skipped(run, reason)
            }
        };
        step.releases.push(Release::Reply {
            request: request.id,
            answer,
        });
    }

    /// Ends a run that waits; asks a guest that runs to end, and has it stopped if it does not.
    pub(super) fn cancel_requested(&mut self, step: &mut Step, request: CancelRequest) {
        if !matches!(self.phase, Phase::Serving | Phase::Stopping) {
            return reply(step, request.id, Answer::Stopping);
        }
        let CancelRequest {
            id: request,
            run: id,
            kill,
            actor,
        } = request;
        let Some(run) = self.runs.get(&id) else {
            return reply(step, request, Answer::NotOpen);
        };
        let reason = cancelled_by(actor.as_deref());
        let answer = match run.phase {
            RunPhase::Running { .. } => {
                self.cancel_guest(step, id, kill, (actor, reason));
                Answer::Cancelling
            }
            RunPhase::Ahead { .. } => {
                self.cancel_ahead(step, id, reason);
                Answer::Cancelled
            }
            _ => {
                self.disarm(step, id);
                self.end_run(step, id, RunEnd::Cancelled, reason);
                Answer::Cancelled
            }
        };
        step.releases.push(Release::Reply { request, answer });
    }

    /// Answers when all that was decided is on disk: the answer may claim what an earlier step did.
    pub(super) fn answer(&mut self, step: &mut Step, request: RequestId, answer: Answer) {
        let release = Release::Reply { request, answer };
        if !step.records.is_empty() {
            step.releases.push(release);
        } else if self.stored < self.emitted {
            self.unflushed.push_back((self.emitted, release));
        } else {
            reply(step, request, answer);
        }
    }

    /// Why nobody can ask for anything new now.
    pub(super) fn refusal(&self) -> Option<Answer> {
        match (self.phase, self.store) {
            (Phase::Serving, StoreHealth::Writes) => None,
            (Phase::Serving, StoreHealth::Fails) => Some(Answer::StoreFailed),
            _ => Some(Answer::Stopping),
        }
    }
}

/// An occurrence becomes a run that is over: it is skipped, for this reason.
pub(super) fn skip(step: &mut Step, new: NewRun, reason: SkipReason, message: Option<String>) {
    let run = new.run;
    step.records.push(Record::RunQueued(new.into()));
    step.records.push(Record::RunEnded {
        run,
        end: RunEnd::Skipped(reason),
        message,
    });
}

/// Answers at once, because the answer claims nothing that has to be on disk.
pub(super) fn reply(step: &mut Step, request: RequestId, answer: Answer) {
    step.effects.push(Effect::Reply { request, answer });
}

pub(super) fn cancelled_by(actor: Option<&str>) -> Option<String> {
    actor.map(|actor| format!("cancelled by {actor}"))
}
