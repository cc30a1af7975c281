//! What one attempt may use. Everything has a limit.

use std::time::Duration;

/// The default of [`Limits::timeout`].
pub const DEFAULT_TIMEOUT: Duration = Duration::from_mins(5);
/// The default of [`Limits::memory`], in bytes.
pub const DEFAULT_MEMORY: u64 = 64 << 20;
/// The default of [`Limits::max_output`], in bytes.
pub const DEFAULT_MAX_OUTPUT: u64 = 1 << 20;

/// The limits of one attempt. Reaching one ends the attempt as `failed`, with
/// the limit's name as the reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// From the start of the attempt, on a monotonic clock, whether the guest
    /// computes, sleeps or waits for the host. Never zero.
    pub timeout: Duration,
    /// Bytes, summed over all linear memories of the attempt.
    pub memory: u64,
    /// Bytes of the outcome's output.
    pub max_output: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            timeout: DEFAULT_TIMEOUT,
            memory: DEFAULT_MEMORY,
            max_output: DEFAULT_MAX_OUTPUT,
        }
    }
}
