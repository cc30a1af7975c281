//! Occurrences, runs and attempts: their names, their states, and the legal moves.
//!
//! ```text
//!            ┌───────────────(interrupted)────────────┐
//!            ▼                                        │
//!         queued ───────────────────────────────▶ running ──▶ succeeded | failed | cancelled
//!            │                                      │  ▲
//!            │                            (failed,  │  │
//!            │                             crashed) ▼  │
//!            └──▶ skipped | cancelled | failed   retrying ──▶ failed | cancelled
//! ```
//!
//! A run that had an attempt is never `skipped`: if its job is removed while it waits, it ends with the
//! failure it has, else `cancelled`. That is how a queued run may end as `failed`: an attempt of it
//! crashed, and the next one was interrupted.

use crate::named::named;

mod cause;

pub use cause::{Cause, RequestId, RunId};

named! {
    /// What made the run, in the words of the history.
    Origin, "trigger" {
        /// The job's trigger, on time.
        Schedule = "schedule",
        /// The job's trigger, late.
        CatchUp = "catch-up",
        /// Somebody asked.
        Manual = "manual",
        /// A run of another job has ended.
        After = "after",
        /// Somebody asked for a part of the past.
        Backfill = "backfill",
    }
}

impl Origin {
    /// Whether a success of such a run is one of its job. One for the past says nothing of today.
    pub const fn proves_success(self) -> bool {
        match self {
            Self::Schedule | Self::CatchUp | Self::Manual | Self::After => true,
            Self::Backfill => false,
        }
    }

    /// Whether such a run came by itself, and no person asked for it. Only then is its failure one of its
    /// job: who asks for a run sees himself how it ends.
    pub const fn is_by_itself(self) -> bool {
        match self {
            Self::Schedule | Self::CatchUp | Self::After => true,
            Self::Manual | Self::Backfill => false,
        }
    }
}

named! {
    /// Where a run stands.
    RunStatus, "status" {
        /// It waits for capacity or for its turn; an attempt or a skip gets it out.
        Queued = "queued",
        /// An attempt is under way, or its start is being recorded.
        Running = "running",
        /// It waits for its backoff, and then for capacity; an attempt gets it out.
        Retrying = "retrying",
        /// Final: an attempt succeeded.
        Succeeded = "succeeded",
        /// Final: the last attempt failed, and none follows.
        Failed = "failed",
        /// Final: somebody cancelled it, or the guest said so.
        Cancelled = "cancelled",
        /// Final: it never had an attempt.
        Skipped = "skipped",
    }
}

impl RunStatus {
    /// Whether nothing follows.
    pub const fn is_final(self) -> bool {
        matches!(
            self,
            Self::Succeeded | Self::Failed | Self::Cancelled | Self::Skipped
        )
    }

    /// The legal moves.
    pub const fn may_become(self, next: Self) -> bool {
        match self {
            Self::Queued => !matches!(next, Self::Queued | Self::Retrying | Self::Succeeded),
            Self::Running => !matches!(next, Self::Running | Self::Skipped),
            Self::Retrying => matches!(next, Self::Running | Self::Failed | Self::Cancelled),
            Self::Succeeded | Self::Failed | Self::Cancelled | Self::Skipped => false,
        }
    }
}

named! {
    /// How an attempt ended.
    AttemptStatus, "attempt status" {
        /// The guest returned an outcome.
        Succeeded = "succeeded",
        /// See [`FailReason`].
        Failed = "failed",
        /// Somebody cancelled the run, or the guest said so.
        Cancelled = "cancelled",
        /// The daemon was stopped gracefully. Not charged to the run.
        Interrupted = "interrupted",
        /// The daemon died. Charged to a budget of its own.
        Crashed = "crashed",
    }
}

named! {
    /// Why a run or an attempt failed.
    FailReason, "reason" {
        /// The guest returned an error.
        Error = "error",
        /// The guest trapped: it panicked, ran out of stack, executed `unreachable`.
        Trap = "trap",
        /// It took longer than `timeout`.
        Timeout = "timeout",
        /// It wanted more than `memory`.
        Memory = "memory",
        /// Its output was larger than `max_output`.
        Output = "output",
        /// Its component is unusable.
        Load = "load",
        /// The daemon died with it too often.
        Crash = "crash",
    }
}

named! {
    /// Why an occurrence did not run.
    SkipReason, "reason" {
        /// A run of the job was open, and `overlap` is `skip`.
        Overlap = "overlap",
        /// Too late, or folded into a newer one by `catch_up`.
        Missed = "missed",
        /// Too late when its turn came.
        Expired = "expired",
        /// Its job is gone.
        Removed = "removed",
        /// A newer occurrence took its place in the queue.
        Superseded = "superseded",
        /// As many as may wait did.
        QueueFull = "queue-full",
        /// Its job was paused or disabled while it waited.
        Disabled = "disabled",
        /// It was due outside its job's `active_hours`.
        OutsideHours = "outside-hours",
        /// It was due in a `blackout` of its job.
        Blackout = "blackout",
        /// It was to run after another job's run, and that ended in another way.
        DependencyFailed = "dependency-failed",
    }
}

named! {
    /// When a run becomes open: when overlap says so.
    Turn, "turn" {
        /// At once.
        Now = "now",
        /// When no run of its job is open.
        Queue = "queue",
        /// When no other run of its catch-up is open, nor any of its job unless they may overlap.
        CatchUp = "catch-up",
    }
}

named! {
    /// How a backfill ended: why it makes no more runs, which is known before the last one is over.
    BackfillEnd, "end of a backfill" {
        /// Each of its instants has a run.
        Done = "done",
        /// Somebody stopped it.
        Stopped = "stopped",
        /// Its job is gone.
        Removed = "removed",
    }
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunEnd {
    /// An attempt succeeded.
    Succeeded,
    /// The last attempt failed, and none follows.
    Failed(FailReason),
    /// Somebody cancelled it, or the guest said so.
    Cancelled,
    /// It never had an attempt.
    Skipped(SkipReason),
}

impl RunEnd {
    /// The final state that goes with it.
    pub const fn status(self) -> RunStatus {
        match self {
            Self::Succeeded => RunStatus::Succeeded,
            Self::Failed(_) => RunStatus::Failed,
            Self::Cancelled => RunStatus::Cancelled,
            Self::Skipped(_) => RunStatus::Skipped,
        }
    }

    /// The reason that goes with it.
    pub const fn reason(self) -> Option<&'static str> {
        match self {
            Self::Failed(reason) => Some(reason.as_str()),
            Self::Skipped(reason) => Some(reason.as_str()),
            Self::Succeeded | Self::Cancelled => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        for status in RunStatus::ALL {
            assert_eq!(status.as_str().parse(), Ok(status));
        }
        let error = "done".parse::<RunStatus>().unwrap_err();
        assert_eq!(error.to_string(), "unknown status `done`");
    }

    #[test]
    fn final_states_have_no_way_out() {
        for from in RunStatus::ALL {
            let ways = RunStatus::ALL
                .into_iter()
                .filter(|&to| from.may_become(to))
                .count();
            assert_eq!(ways == 0, from.is_final(), "{from}");
        }
        assert!(!RunStatus::Running.may_become(RunStatus::Skipped));
        assert!(!RunStatus::Retrying.may_become(RunStatus::Skipped));
    }
}
