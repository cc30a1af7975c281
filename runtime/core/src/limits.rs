//! What one attempt may use. Everything has a limit.

use std::time::Duration;

/// The default of [`Limits::timeout`].
pub const DEFAULT_TIMEOUT: Duration = Duration::from_mins(5);
/// The default of [`Limits::memory`], in bytes.
pub const DEFAULT_MEMORY: u64 = 64 << 20;
/// The default of [`Limits::max_output`], in bytes.
pub const DEFAULT_MAX_OUTPUT: u64 = 1 << 20;

/// The default of [`Limits::max_state`], in bytes.
pub const DEFAULT_MAX_STATE: u64 = 16 << 20;
/// The default of [`Limits::max_state_value`], in bytes.
pub const DEFAULT_MAX_STATE_VALUE: u64 = 64 << 10;

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
    /// Bytes of all that the job remembers, see [`crate::state::size`]. Reaching this limit or the next
    /// one is an error that the guest sees.
    pub max_state: u64,
    /// Bytes of one value that the job remembers.
    pub max_state_value: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            timeout: DEFAULT_TIMEOUT,
            memory: DEFAULT_MEMORY,
            max_output: DEFAULT_MAX_OUTPUT,
            max_state: DEFAULT_MAX_STATE,
            max_state_value: DEFAULT_MAX_STATE_VALUE,
        }
    }
}
