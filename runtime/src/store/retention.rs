//! What of the history may go, and how it goes: in steps.
//!
//! Whoever looks for what is old reads, on connections of their own, and hands what is found to
//! the one that writes, a step at a time: a step is so small that nobody waits for it. What a step
//! names may be gone or may have changed when its turn comes; then it is let alone.
//!
//! What a run that is not over gets as its input stays, however old. Else: what is over never changes, a
//! newest run only becomes an older one, and a last failure only becomes one of many. So what was once
//! beyond the limits stays beyond them.

use std::ops::AddAssign;

use cronlet_core::{
    name::JobName,
    retention::Retention,
    run::{RequestId, RunId},
};
use jiff::{SignedDuration, Timestamp};

use super::{History, REMOVED_JOBS_STAY, StoreError};

/// Up to where history stays, at one moment. A job that is in the plan no more, and was not removed
/// just now, has no runs that stay whatever their age: else a name that was given up would stay for
/// ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// What was over before this is too old.
    pub before: Timestamp,
    /// What was said in a run that was over before this is too old.
    pub logs_before: Timestamp,
    /// At most so many runs of a job stay.
    pub keep_runs: u32,
    /// A job that was removed before this is gone.
    pub gone_before: Timestamp,
}

/// How much one step may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Runs, logs, ranges, backfills and events together.
    pub rows: usize,
    /// Of outputs and logs; the first of them may have more.
    pub bytes: u64,
}

/// What is beyond a [`Limit`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Old {
    /// With their attempts and logs.
    pub runs: Vec<RunId>,
    /// Of these attempts, whose runs stay.
    pub logs: Vec<(RunId, u32)>,
    pub skips: Vec<OldSkips>,
    /// That are over.
    pub backfills: Vec<RequestId>,
    /// What became of jobs, by number.
    pub events: Vec<i64>,
}

/// A recorded range of skips that is beyond a [`Limit`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OldSkips {
    pub job: JobName,
    pub first: Timestamp,
    /// When it was last extended, as far as is known.
    pub recorded_at: Timestamp,
}

/// How much was deleted, or would be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    pub runs: u64,
    /// Logs that were deleted because of their own age.
    pub logs: u64,
    /// Ranges of skips.
    pub skips: u64,
    pub backfills: u64,
    /// What became of jobs.
    pub events: u64,
}

/// Small enough that a start does not wait for it noticeably, large enough that its flush is worth it.
pub const STEP: Step = Step {
    rows: 100,
    bytes: 1 << 20,
};

/// Everything at once, to be counted.
const ALL: Step = Step {
    rows: usize::MAX,
    bytes: u64::MAX,
};

impl Limit {
    /// What `keep` means at `now`.
    pub fn new(keep: &Retention, now: Timestamp) -> Self {
        let ago = |span: std::time::Duration| {
            let span = SignedDuration::try_from(span).unwrap_or(SignedDuration::MAX);
            now.checked_sub(span).unwrap_or(Timestamp::MIN)
        };
        Self {
            before: ago(keep.keep),
            logs_before: ago(keep.keep_logs),
            keep_runs: keep.keep_runs,
            gone_before: now.checked_sub(REMOVED_JOBS_STAY).unwrap_or(Timestamp::MIN),
        }
    }

    /// What `keep` means where nobody knows the time: nothing is too old.
    pub fn of_numbers(keep: &Retention) -> Self {
        Self {
            before: Timestamp::MIN,
            logs_before: Timestamp::MIN,
            keep_runs: keep.keep_runs,
            gone_before: Timestamp::MIN,
        }
    }
}

impl Old {
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many rows it names.
    pub fn len(&self) -> usize {
        let (runs, logs) = (self.runs.len(), self.logs.len());
        runs + logs + self.skips.len() + self.backfills.len() + self.events.len()
    }

    /// How much it is if nothing of it has changed.
    pub fn count(&self) -> Removed {
        let count = |len| u64::try_from(len).unwrap_or(u64::MAX);
        Removed {
            runs: count(self.runs.len()),
            logs: count(self.logs.len()),
            skips: count(self.skips.len()),
            backfills: count(self.backfills.len()),
            events: count(self.events.len()),
        }
    }
}

impl Removed {
    /// Whether nothing was deleted.
    pub fn is_nothing(self) -> bool {
        self == Self::default()
    }
}

impl AddAssign for Removed {
    fn add_assign(&mut self, more: Self) {
        self.runs += more.runs;
        self.logs += more.logs;
        self.skips += more.skips;
        self.backfills += more.backfills;
        self.events += more.events;
    }
}

/// Deletes all that is beyond `limit`, of one job or of all, by handing `remove` one step after
/// another. Logs first, so that each is counted once.
pub fn sweep(
    history: &dyn History,
    job: Option<&JobName>,
    limit: &Limit,
    mut remove: impl FnMut(Old) -> Result<Removed, StoreError>,
) -> Result<Removed, StoreError> {
    let mut all = Removed::default();
    let mut clear = |find: &dyn Fn() -> Result<Old, StoreError>| loop {
        let old = find()?;
        if old.is_empty() {
            return Ok(());
        }
        let removed = remove(old)?;
        // What changed under our eyes is looked at again another time.
        if removed.is_nothing() {
            return Ok(());
        }
        all += removed;
    };
    clear(&|| history.old_logs(job, limit, STEP))?;
    for name in names(history, job)? {
        clear(&|| history.old_runs(&name, limit, STEP))?;
    }
    Ok(all)
}

/// What [`sweep`] would delete.
pub fn count(
    history: &dyn History,
    job: Option<&JobName>,
    limit: &Limit,
) -> Result<Removed, StoreError> {
    let mut all = history.old_logs(job, limit, ALL)?.count();
    for name in names(history, job)? {
        all += history.old_runs(&name, limit, ALL)?.count();
    }
    Ok(all)
}

fn names(history: &dyn History, job: Option<&JobName>) -> Result<Vec<JobName>, StoreError> {
    match job {
        Some(job) => Ok(vec![job.clone()]),
        None => history.names(),
    }
}
