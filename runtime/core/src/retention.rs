//! How long history is kept.

use std::time::Duration;

/// So many of a job's newest runs stay, however old they are.
pub const ALWAYS_KEPT: u32 = 20;

/// What of each job's history stays: what is beyond any of these limits goes. The last [`ALWAYS_KEPT`]
/// runs of a job, and its last one that failed, stay all the same, and so does what is not over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// How long after its end a run stays, and how long a recorded range of skips. Default 90 days.
    pub keep: Duration,
    /// How many runs stay. Default 10,000.
    pub keep_runs: u32,
    /// How long after the end of its run a log stays, whichever run that is. Default 7 days.
    pub keep_logs: Duration,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            keep: Duration::from_hours(90 * 24),
            keep_runs: 10_000,
            keep_logs: Duration::from_hours(7 * 24),
        }
    }
}
