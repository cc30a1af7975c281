//! What a store says to an engine that takes it over: where everything stood when the last one wrote.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::Timestamp;

use super::NewRun;
use crate::{
    backfill::{NewBackfill, Tally},
    health::JobHealth,
    name::JobName,
    pause::Paused,
    run::{BackfillEnd, FailReason},
};

/// What a store knows when an engine takes it over.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recovery {
    /// No run has this number or a higher one.
    pub next_run: u64,
    /// Every job with a watermark, also those that were removed within the hour.
    pub jobs: Vec<StoredJob>,
    /// Every run that is not final, by number.
    pub runs: Vec<StoredRun>,
    /// What the state of each job counts for that has any, whether there is such a job or not.
    pub states: BTreeMap<JobName, u64>,
    /// Every backfill that is not over, by its name.
    pub backfills: Vec<StoredBackfill>,
    /// The instants of each job that have a run although its watermark, which was pulled back, is before
    /// them.
    pub ahead: BTreeMap<JobName, BTreeSet<Timestamp>>,
}

/// What is stored of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredJob {
    /// Which.
    pub job: JobName,
    /// Everything up to here is accounted for.
    pub watermark: Timestamp,
    /// See [`crate::job::Job::fingerprint`].
    pub fingerprint: String,
    /// When it was removed, if it was.
    pub removed_at: Option<Timestamp>,
    /// How it is doing.
    pub health: JobHealth,
    /// Its pause, if it is paused.
    pub paused: Option<Paused>,
    /// How many of its runs have failed in a row, as far as they are counted.
    pub failures: u32,
}

/// What is stored of a backfill that is not over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredBackfill {
    /// As it was created.
    pub new: Arc<NewBackfill>,
    /// How many runs it has made.
    pub made: u32,
    /// What became of those that are over.
    pub tally: Tally,
    /// Why it makes no more, if it does not.
    pub stopped: Option<BackfillEnd>,
}

/// What is stored of a run that is not final.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredRun {
    /// As it was created.
    pub new: Arc<NewRun>,
    /// Where it stands.
    pub state: StoredState,
    /// The number of its last attempt, withdrawn ones included; 0 for none.
    pub last_attempt: u32,
    /// Attempts that count as failures of its own.
    pub failures: u32,
    /// Attempts that the daemon died with.
    pub crashes: u32,
    /// Whether it ever had an attempt that was not withdrawn.
    pub attempted: bool,
    /// Why its last finished attempt failed, if it did.
    pub last_failure: Option<FailReason>,
    /// Whether somebody wants it to end.
    pub cancel_requested: bool,
}

/// See [`StoredRun::state`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoredState {
    /// It waits for capacity.
    Queued,
    /// It waits for its backoff.
    Retrying {
        /// Not before this.
        until: Timestamp,
    },
    /// An attempt's start was recorded, its end was not.
    Running {
        /// When it was to start.
        starts_at: Timestamp,
        /// The time of the batch that says so. Only an attempt that was recorded ahead of its time can
        /// be one whose time has not come, whatever the clock shows after a crash.
        recorded_at: Timestamp,
    },
}

impl StoredState {
    /// Whether its guest may have started, if it is `now`. What was to start when it was recorded may have,
    /// though a clock that is behind says that its time is still to come.
    pub(crate) fn may_have_run(self, now: Timestamp) -> bool {
        match self {
            Self::Running {
                starts_at,
                recorded_at,
            } => starts_at <= now || starts_at <= recorded_at,
            Self::Queued | Self::Retrying { .. } => false,
        }
    }
}
