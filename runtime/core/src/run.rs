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

use std::{fmt, str::FromStr};

use jiff::Timestamp;
use thiserror::Error;

/// The number of a run, unique in its database and rising: "run 1042".
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunId(pub u64);

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// The identity of one request by a person or a program. The shell draws it at
/// random, so that it is unique over all time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl FromStr for RequestId {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        let unknown = || UnknownName {
            what: "request",
            text: text.to_owned(),
        };
        u64::from_str_radix(text, 16)
            .map(Self)
            .map_err(|_| unknown())
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why an occurrence exists. Together with the job's name it is its unique key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// `time:T`: the job's trigger names this nominal time.
    Time(Timestamp),
    /// `manual:ID`: somebody asked.
    Manual(RequestId),
    /// `after:RUN`: this run of another job has ended.
    After(RunId),
    /// `backfill:ID:T`: somebody asked for a past of which this nominal time is a part.
    Backfill(RequestId, Timestamp),
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Time(t) => write!(f, "time:{t}"),
            Self::Manual(id) => write!(f, "manual:{id}"),
            Self::After(run) => write!(f, "after:{run}"),
            Self::Backfill(id, t) => write!(f, "backfill:{id}:{t}"),
        }
    }
}

/// A text that is not one of the names it should be.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("unknown {what} `{text}`")]
pub struct UnknownName {
    pub(crate) what: &'static str,
    pub(crate) text: String,
}

impl FromStr for Cause {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        let parsed = match text.split_once(':') {
            Some(("time", t)) => t.parse().ok().map(Self::Time),
            Some(("manual", id)) => id.parse().ok().map(Self::Manual),
            Some(("backfill", rest)) => rest.split_once(':').and_then(|(id, t)| {
                let (id, t) = (id.parse().ok()?, t.parse().ok()?);
                Some(Self::Backfill(id, t))
            }),
            Some(("after", run)) => run.parse().ok().map(|run| Self::After(RunId(run))),
            _ => None,
        };
        parsed.ok_or_else(|| UnknownName {
            what: "cause",
            text: text.to_owned(),
        })
    }
}

/// An enum whose cases have names that are written to the store and shown to users.
macro_rules! named {
    ($(#[$doc:meta])* $name:ident, $what:literal { $($(#[$case_doc:meta])* $case:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$case_doc])* $case,)*
        }

        impl $name {
            /// Every case, in order.
            pub const ALL: [Self; [$($text),*].len()] = [$(Self::$case),*];

            /// The name that the store keeps and users see.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$case => $text,)*
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = UnknownName;

            fn from_str(text: &str) -> Result<Self, UnknownName> {
                match text {
                    $($text => Ok(Self::$case),)*
                    _ => Err(UnknownName { what: $what, text: text.to_owned() }),
                }
            }
        }
    };
}

pub(crate) use named;

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
    fn causes_round_trip() {
        let t: Timestamp = "2026-03-01T06:00:00Z".parse().unwrap();
        for cause in [
            Cause::Time(t),
            Cause::Manual(RequestId(u64::MAX)),
            Cause::Manual(RequestId(1)),
            Cause::After(RunId(u64::MAX)),
            Cause::Backfill(RequestId(1), t),
        ] {
            assert_eq!(cause.to_string().parse(), Ok(cause));
        }
        assert_eq!(Cause::Time(t).to_string(), "time:2026-03-01T06:00:00Z");
        assert_eq!(Cause::After(RunId(41)).to_string(), "after:41");
        assert_eq!(
            Cause::Backfill(RequestId(255), t).to_string(),
            "backfill:00000000000000ff:2026-03-01T06:00:00Z"
        );
        for bad in [
            "",
            "time",
            "time:",
            "time:yesterday",
            "manual:xyz",
            "backfill:ff",
            "backfill:2026-03-01T06:00:00Z",
            "after:",
            "after:-1",
            "after:1:2",
        ] {
            assert!(bad.parse::<Cause>().is_err(), "{bad}");
        }
    }

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
