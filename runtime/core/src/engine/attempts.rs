//! How attempts start, how they end, and what follows.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use jiff::Timestamp;

use super::{
    Engine, Start, Step,
    effect::Effect,
    late::lateness,
    ledger::take_state,
    state::{Run, RunPhase},
    storing::Release,
};
use crate::{
    backoff,
    job::Job,
    name::JobName,
    policy::OnCrash,
    record::Record,
    report::{AttemptReport, ErrorKind, Verdict},
    run::{AttemptStatus, Cause, FailReason, RunEnd, RunId, SkipReason},
};

/// How often the daemon may die with a run's attempt before the run fails. A poisonous job must not
/// restart the host for ever.
const CRASH_BUDGET: u32 = 1;

/// What follows an attempt.
#[derive(Clone, Copy)]
enum Next {
    /// The run waits for a slot again; nothing is charged.
    Requeue,
    /// Another attempt, not before this long.
    Retry { after: Duration },
    /// Nothing.
    End(RunEnd),
    /// Nothing: the daemon stops, and the job wants no attempt twice.
    Stopped,
}

impl Engine {
    /// Gives slots to waiting runs, and arms an attempt for each.
    pub(super) fn arm_waiting(&mut self, step: &mut Step) {
        while step.starts > 0 {
            let Some(id) = self.slots.take() else { return };
            step.starts -= 1;
            self.arm(step, id);
        }
    }

    /// Arms the next attempt of a run that has a slot.
    fn arm(&mut self, step: &mut Step, id: RunId) {
        let Some(run) = self.runs.get_mut(&id) else {
            return;
        };
        let state = self.jobs.get(&run.new.job);
        let Some(job) = state.and_then(|state| state.job.clone()) else {
            return;
        };
        if expired(run, &job, step.now) {
            self.release(id, &job.name);
            return self.end_run(step, id, RunEnd::Skipped(SkipReason::Expired), None);
        }
        let RunPhase::Waiting { retried } = run.phase else {
            return;
        };
        run.last_attempt += 1;
        step.records.push(Record::AttemptStarted {
            run: id,
            attempt: run.last_attempt,
            component: job.component.digest(),
            starts_at: step.now,
        });
        step.releases.push(Release::Start {
            run: id,
            attempt: run.last_attempt,
        });
        run.phase = RunPhase::Armed {
            terms: self.ledger.terms(job.limits.max_state),
            job,
            retried,
        };
    }

    /// Starts the guest of an armed attempt, unless it was disarmed meanwhile.
    pub(super) fn release_start(&mut self, step: &mut Step, id: RunId, attempt: u32) {
        let Some(run) = self
            .runs
            .get_mut(&id)
            .filter(|run| run.last_attempt == attempt)
        else {
            return;
        };
        let RunPhase::Armed { job, terms, .. } = &run.phase else {
            return;
        };
        let (job, terms) = (job.clone(), *terms);
        run.phase = RunPhase::Running {
            started_at: step.now,
            grace: job.grace,
            terms,
        };
        run.attempted = true;
        step.effects.push(Effect::Start(Start {
            run: run.new.clone(),
            attempt,
            max_attempts: max_attempts(run, &job),
            params: run.new.params.clone().unwrap_or_else(|| job.params.clone()),
            job,
        }));
    }

    /// Withdraws the attempt of a run, if one is armed, as if it had never been created. Such a run is in
    /// nobody's queue: the caller says what becomes of it. Returns its retry time.
    pub(super) fn disarm(&mut self, step: &mut Step, id: RunId) -> Option<Timestamp> {
        let run = self.runs.get_mut(&id)?;
        let RunPhase::Armed { retried, .. } = run.phase else {
            return None;
        };
        run.phase = RunPhase::Waiting { retried };
        step.records.push(Record::AttemptDisarmed {
            run: id,
            attempt: run.last_attempt,
        });
        let job = run.new.job.clone();
        self.release(id, &job);
        retried
    }

    pub(super) fn attempt_ended(
        &mut self,
        step: &mut Step,
        id: RunId,
        attempt: u32,
        report: Arc<AttemptReport>,
    ) {
        let stopping = !matches!(self.phase, super::Phase::Serving);
        let Some(run) = self
            .runs
            .get_mut(&id)
            .filter(|run| run.last_attempt == attempt)
        else {
            return;
        };
        let RunPhase::Running { terms, .. } = run.phase else {
            return;
        };
        run.phase = RunPhase::Waiting { retried: None };
        let (report, kept) = take_state(&self.ledger, run, terms, report);
        let job = self
            .jobs
            .get(&run.new.job)
            .and_then(|state| state.job.as_deref());
        let (status, reason, next) = judge(run, job, &report.verdict, stopping);
        let name = run.new.job.clone();
        self.release(id, &name);
        if let Some((changes, total)) = kept {
            self.keep_state(step, (id, &name), changes, total);
        }
        step.records.push(Record::AttemptEnded {
            run: id,
            attempt,
            status,
            reason,
            report: Some(report),
        });
        self.follow(step, id, next);
    }

    /// Gives back the slot of a run of `job`.
    fn release(&mut self, run: RunId, job: &JobName) {
        self.slots.release(run, job);
        if self.ledger.is_watching() && !self.slots.in_use(job) {
            self.ledger.rest(job);
        }
    }

    /// Closes the attempt that a daemon died with.
    pub(super) fn attempt_crashed(&mut self, step: &mut Step, id: RunId) {
        let Some(run) = self.runs.get_mut(&id) else {
            return;
        };
        step.records.push(Record::AttemptEnded {
            run: id,
            attempt: run.last_attempt,
            status: AttemptStatus::Crashed,
            reason: None,
            report: None,
        });
        run.attempted = true;
        run.crashes += 1;
        run.last_failure = Some(FailReason::Crash);
        let job = self
            .jobs
            .get(&run.new.job)
            .and_then(|state| state.job.as_deref());
        let next = match job {
            _ if run.cancel_requested => Next::End(RunEnd::Cancelled),
            Some(job) if job.on_crash == OnCrash::Retry && run.crashes <= CRASH_BUDGET => {
                Next::Retry {
                    after: backoff::delay(&job.retry, &job.name, &run.new.cause, run.crashes),
                }
            }
            _ => Next::End(RunEnd::Failed(FailReason::Crash)),
        };
        self.follow(step, id, next);
    }

    fn follow(&mut self, step: &mut Step, id: RunId, next: Next) {
        match next {
            Next::Requeue => self.requeue(step, id),
            Next::Retry { after } => {
                let until = step.now.checked_add(after).unwrap_or(Timestamp::MAX);
                self.back_off(step, id, until);
            }
            Next::End(RunEnd::Cancelled) => {
                let run = self.runs.get_mut(&id);
                let reason = run.and_then(|run| run.cancel_reason.take());
                self.end_run(step, id, RunEnd::Cancelled, reason);
            }
            Next::End(end) => self.end_run(step, id, end, None),
            Next::Stopped => {
                let end = RunEnd::Failed(FailReason::Crash);
                self.end_run(step, id, end, Some("stopped".to_owned()));
            }
        }
    }

    /// The run is `queued` again.
    pub(super) fn requeue(&mut self, step: &mut Step, id: RunId) {
        let Some(run) = self.runs.get_mut(&id) else {
            return;
        };
        run.phase = RunPhase::Waiting { retried: None };
        step.records.push(Record::RunRequeued { run: id });
        self.wait_for_slot(id);
    }

    /// The run waits for capacity, since it was queued or since its backoff was over.
    pub(super) fn wait_for_slot(&mut self, id: RunId) {
        let Some(run) = self.runs.get(&id) else {
            return;
        };
        let RunPhase::Waiting { retried } = run.phase else {
            return;
        };
        let since = retried.unwrap_or(run.waits_since);
        // A job that is gone starts nothing.
        if let Some(job) = self
            .jobs
            .get(&run.new.job)
            .and_then(|state| state.job.as_ref())
        {
            self.slots.wait(id, job, since);
        }
    }

    /// The run waits for its backoff.
    pub(super) fn back_off(&mut self, step: &mut Step, id: RunId, until: Timestamp) {
        if let Some(run) = self.runs.get_mut(&id) {
            run.phase = RunPhase::BackingOff { until };
            step.records.push(Record::RunRetrying { run: id, until });
            self.backoffs.insert((until, id));
        }
    }

    /// Ends a run that holds no slot.
    pub(super) fn end_run(
        &mut self,
        step: &mut Step,
        id: RunId,
        end: RunEnd,
        message: Option<String>,
    ) {
        let Some(run) = self.runs.remove(&id) else {
            return;
        };
        match run.phase {
            RunPhase::Behind => {}
            RunPhase::Held { until } => {
                self.held_back.remove(&(until, id));
            }
            RunPhase::Ahead { .. } => debug_assert!(false, "it is withdrawn or cancelled"),
            RunPhase::Waiting { .. } => self.slots.forget(id, &run.new.job),
            RunPhase::BackingOff { until } => {
                self.backoffs.remove(&(until, id));
            }
            RunPhase::Armed { .. } | RunPhase::Running { .. } => {
                debug_assert!(false, "a run ends when its attempt has ended");
            }
        }
        if let Some(state) = self.jobs.get_mut(&run.new.job) {
            state.open.remove(&id);
            state.behind.remove(&id);
            state.lane.remove(&id);
            state.held.remove(&id);
        }
        step.records.push(Record::RunEnded {
            run: id,
            end,
            message,
        });
        self.note_end(step, &run.new, end);
        if let Cause::Backfill(backfill, _) = run.new.cause {
            self.backfill_run_ended(step, backfill, id, end);
        }
        self.let_in(&run.new.job);
        self.count_end(step, &run.new, end);
        step.note_end(run.new, end);
    }
}

/// Whether it is too late for the run, now that its turn has come.
fn expired(run: &Run, job: &Job, now: Timestamp) -> bool {
    matches!(run.new.cause, Cause::Time(_))
        && !run.attempted
        && lateness(job, now, run.new.nominal) >= job.catch_up.window
}

/// The number of the last attempt that `retry` allows, if all of them fail: interrupted and crashed ones
/// have numbers too, but are not charged to it.
fn max_attempts(run: &Run, job: &Job) -> NonZeroU32 {
    let left = job.retry.max.saturating_sub(run.failures);
    let last = run.last_attempt.saturating_add(left);
    NonZeroU32::new(last).unwrap_or(NonZeroU32::MIN)
}

/// What an attempt's end means: how it ended, why if it failed, and what follows. `job` is what the
/// present plan says, none if the job was removed.
fn judge(
    run: &mut Run,
    job: Option<&Job>,
    verdict: &Verdict,
    stopping: bool,
) -> (AttemptStatus, Option<FailReason>, Next) {
    let cancelled = (AttemptStatus::Cancelled, None, Next::End(RunEnd::Cancelled));
    let once = job.is_some_and(Job::is_at_most_once);
    let next = if once { Next::Stopped } else { Next::Requeue };
    let interrupted = (AttemptStatus::Interrupted, None, next);
    if run.cancel_requested {
        return cancelled;
    }
    let (reason, kind) = match verdict {
        Verdict::Succeeded(_) => {
            return (AttemptStatus::Succeeded, None, Next::End(RunEnd::Succeeded));
        }
        Verdict::Stopped if stopping => return interrupted,
        // Nobody asked for it, so it is no reason to start again for ever.
        Verdict::Stopped => (FailReason::Trap, ErrorKind::Retryable),
        Verdict::Error {
            kind: ErrorKind::Cancelled,
            ..
        } => {
            return if stopping { interrupted } else { cancelled };
        }
        Verdict::Error { kind, .. } => (FailReason::Error, *kind),
        Verdict::Failed { reason, .. } => (*reason, ErrorKind::Retryable),
    };
    run.failures += 1;
    run.last_failure = Some(reason);
    let next = match job {
        Some(job) if may_retry(run, job, reason, kind) => {
            let delay = backoff::delay(&job.retry, &job.name, &run.new.cause, run.failures);
            let asked = match kind {
                ErrorKind::RetryAfter(asked) => asked.min(backoff::MAX_RETRY_AFTER),
                _ => Duration::ZERO,
            };
            Next::Retry {
                after: delay.max(asked),
            }
        }
        _ => Next::End(RunEnd::Failed(reason)),
    };
    (AttemptStatus::Failed, Some(reason), next)
}

fn may_retry(run: &Run, job: &Job, reason: FailReason, kind: ErrorKind) -> bool {
    kind != ErrorKind::Permanent && run.failures <= job.retry.max && job.retry.on.contains(&reason)
}
