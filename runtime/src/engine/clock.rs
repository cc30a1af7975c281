//! The clocks of the machine, and how long to wait by them.
//!
//! Wall time decides what is due, monotonic time how long something took. They drift apart, and
//! somebody may set the first, so nobody waits longer than [`LOOK_EVERY`] without looking at both.

use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

/// The longest wait without a look at the clocks.
pub const LOOK_EVERY: Duration = Duration::from_secs(30);

/// The wall clock may be ahead of or behind the monotonic one by this much before it has jumped.
const TOLERANCE: SignedDuration = SignedDuration::from_secs(2);

/// The clocks.
pub trait Clock: Send + Sync + 'static {
    /// Wall time.
    fn now(&self) -> Timestamp;

    /// Monotonic time, from any fixed beginning.
    fn monotonic(&self) -> Duration;

    /// How long to wait before the wall clock can show `until`; zero when it already does. The
    /// caller looks again after it, and after [`LOOK_EVERY`] at the latest.
    fn wait_for(&self, until: Timestamp) -> Duration;
}

/// The machine's own.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    begin: Instant,
}

/// How long to sleep at once by a clock that says to wait so long.
pub(super) fn nap(wait: Duration) -> Duration {
    wait.min(LOOK_EVERY)
}

/// Notices that somebody set the wall clock.
#[derive(Debug)]
pub(super) struct JumpWatch {
    wall: Timestamp,
    monotonic: Duration,
}

impl SystemClock {
    /// Monotonic time begins now.
    pub fn new() -> Self {
        Self {
            begin: Instant::now(),
        }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    /// To the microsecond, as it is stored: what is decided by is what would be read back.
    fn now(&self) -> Timestamp {
        let now = Timestamp::now();
        Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
    }

    fn monotonic(&self) -> Duration {
        self.begin.elapsed()
    }

    fn wait_for(&self, until: Timestamp) -> Duration {
        Duration::try_from(until.duration_since(self.now())).unwrap_or(Duration::ZERO)
    }
}

impl JumpWatch {
    pub(super) fn new(clock: &dyn Clock) -> Self {
        Self {
            wall: clock.now(),
            monotonic: clock.monotonic(),
        }
    }

    /// By how much the wall clock was set since the last look: forward is positive.
    pub(super) fn look(&mut self, clock: &dyn Clock) -> Option<SignedDuration> {
        let before = std::mem::replace(self, Self::new(clock));
        let wall = self.wall.duration_since(before.wall);
        let monotonic = self.monotonic.saturating_sub(before.monotonic);
        let jump = wall.saturating_sub(SignedDuration::try_from(monotonic).ok()?);
        (jump.abs() > TOLERANCE).then_some(jump)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_sleeps_longer_than_half_a_minute_without_a_look() {
        let half = Duration::from_secs(30);
        assert_eq!(nap(Duration::MAX), half);
        assert_eq!(nap(half / 2), half / 2);
    }
}
