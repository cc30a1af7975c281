//! The choices a job makes: what to do when it is late, when it overlaps
//! itself, and when it fails.

use std::{collections::BTreeSet, num::NonZeroU32, time::Duration};

use crate::run::FailReason;

/// What becomes of the instants that passed while nobody looked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CatchUp {
    /// Which of them run.
    pub mode: CatchUpMode,
    /// At most so many instants of one look run with `All`; the newest do. Default 100.
    pub max: NonZeroU32,
    /// Under this age an instant is on time. Default 60 s.
    pub grace: Duration,
    /// An instant of this age or older never runs, neither when it is found nor
    /// when its turn comes. Default one day.
    pub window: Duration,
}

/// See [`CatchUp`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CatchUpMode {
    /// One run, for the newest instant.
    Latest,
    /// One run for the newest instant if it is on time, else none.
    None,
    /// Every instant runs, the oldest first. The runs of one look wait for one another, whatever
    /// `overlap` says, and are not skipped by it.
    All,
}

impl Default for CatchUp {
    fn default() -> Self {
        Self {
            mode: CatchUpMode::Latest,
            max: NonZeroU32::MIN.saturating_add(99),
            grace: Duration::from_mins(1),
            window: Duration::from_hours(24),
        }
    }
}

/// What becomes of an occurrence that arrives while a run of its job is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overlap {
    /// It is skipped.
    #[default]
    Skip,
    /// It waits until no run of the job is open. A newer one takes its place.
    QueueOne,
    /// It waits until no run of the job is open, after those that have waited longer.
    QueueAll {
        /// So many may wait; one more is skipped. Default 100.
        max: NonZeroU32,
    },
    /// It runs beside the others, up to `max_instances`; beyond them it waits.
    Allow,
    /// The open runs are cancelled, and it starts when they are closed. A newer one takes its place
    /// while it waits.
    CancelRunning {
        /// Whether their guests are stopped at once, without being asked to end first.
        kill: bool,
    },
}

impl Overlap {
    /// The default of `QueueAll`'s `max`.
    pub const DEFAULT_MAX_QUEUED: NonZeroU32 = NonZeroU32::MIN.saturating_add(99);
}

/// What becomes of a run whose attempt the daemon died with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnCrash {
    /// Another attempt, once in a run.
    #[default]
    Retry,
    /// It fails.
    Fail,
}

/// How an attempt that failed is followed by another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retry {
    /// How many attempts may follow the first. Default 0.
    pub max: u32,
    /// How the delay grows.
    pub backoff: Backoff,
    /// The delay before the first retry. Default 5 s.
    pub delay: Duration,
    /// No delay is longer than this. Default 10 min.
    pub max_delay: Duration,
    /// Whether a delay `d` is spread over `[d/2, d]`. Default true.
    pub jitter: bool,
    /// The reasons that are retried. Default: all.
    pub on: BTreeSet<FailReason>,
}

/// See [`Retry::backoff`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Backoff {
    /// The same delay every time.
    Fixed,
    /// Each delay is the one before times `factor`, which is at least 1.
    Exponential {
        /// Default 2.
        factor: f64,
    },
}

// `factor` is validated to be finite, so equality is an equivalence.
impl Eq for Backoff {}

impl Default for Retry {
    fn default() -> Self {
        Self {
            max: 0,
            backoff: Backoff::Exponential { factor: 2.0 },
            delay: Duration::from_secs(5),
            max_delay: Duration::from_mins(10),
            jitter: true,
            on: FailReason::ALL.into_iter().collect(),
        }
    }
}
