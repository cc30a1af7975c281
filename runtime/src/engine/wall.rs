//! What is said about the wall clock: that somebody set it, and that nobody has.

use std::time::Duration;

use cronlet_core::units::format_duration;
use jiff::{SignedDuration, Timestamp};

use super::status::ClockStatus;
use crate::store::history::ClockJump;

/// A jump that is longer is told in whole seconds.
const SHORT: Duration = Duration::from_mins(1);

/// How the wall clock is.
pub(super) struct WallClock {
    /// No earlier time can be now.
    built: Timestamp,
    is_set: bool,
    last_jump: Option<ClockJump>,
}

impl WallClock {
    /// It jumped last so far, when another daemon was here.
    pub(super) fn new(built: Timestamp, last_jump: Option<ClockJump>) -> Self {
        Self {
            built,
            is_set: true,
            last_jump,
        }
    }

    /// It was set, or the machine slept.
    pub(super) fn jumped(&mut self, by: SignedDuration, now: Timestamp) {
        self.last_jump = Some(ClockJump { at: now, by });
        tracing::warn!("the wall clock jumped {}", way(by));
    }

    /// It shows this. One that was wrong from the start was not told of before.
    pub(super) fn shows(&mut self, now: Timestamp) {
        let is_set = now >= self.built;
        match (self.is_set, is_set) {
            (true, false) => tracing::error!("{}", self.wrong(now)),
            (false, true) => tracing::info!("the wall clock is set: it is {now:.0}"),
            _ => {}
        }
        self.is_set = is_set;
    }

    pub(super) fn status(&self) -> ClockStatus {
        ClockStatus {
            is_set: self.is_set,
            last_jump: self.last_jump,
        }
    }

    /// What is not as it should be, in a sentence.
    pub(super) fn reason(&self, now: Timestamp) -> Option<String> {
        (!self.is_set).then(|| self.wrong(now))
    }

    fn wrong(&self, now: Timestamp) -> String {
        format!(
            "the wall clock shows {now:.0}, and this cronlet was built after {:.0}: nothing is due \
             until it is set",
            self.built
        )
    }
}

/// `forward by 1h30m`
pub fn way(by: SignedDuration) -> String {
    let direction = if by.is_negative() { "back" } else { "forward" };
    let exact = by.unsigned_abs();
    let seconds = Duration::from_secs(exact.as_secs());
    // What is short is told to the tenth.
    let tenths = if exact < SHORT {
        exact.subsec_millis() / 100
    } else {
        0
    };
    let by = format_duration(seconds + Duration::from_millis(100) * tenths);
    format!("{direction} by {by}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jump_has_a_direction() {
        assert_eq!(way(SignedDuration::from_mins(90)), "forward by 1h30m");
        assert_eq!(way(SignedDuration::from_millis(-2_567)), "back by 2s500ms");
        let long = SignedDuration::from_millis(86_400_999);
        assert_eq!(way(long), "forward by 1d");
    }

    #[test]
    fn a_clock_that_nobody_has_set_is_a_reason() {
        let built = Timestamp::from_second(1_767_225_600).unwrap();
        let mut wall = WallClock::new(built, None);
        assert_eq!(wall.reason(Timestamp::UNIX_EPOCH), None);
        wall.shows(Timestamp::UNIX_EPOCH);
        assert_eq!(
            wall.reason(Timestamp::UNIX_EPOCH).unwrap(),
            "the wall clock shows 1970-01-01T00:00:00Z, and this cronlet was built after \
             2026-01-01T00:00:00Z: nothing is due until it is set"
        );
        assert!(!wall.status().is_set);
        wall.shows(built);
        assert_eq!(wall.reason(built), None);
    }
}
