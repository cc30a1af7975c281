//! Whether history may be deleted by what the clock shows.
//!
//! A clock that is years ahead makes everything old. So one that went on by more than a day since it was
//! last sure, or since the last thing that the store knew at the start, is doubted until it has gone on
//! for an hour from there: by then somebody has set it right, or it is.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use cronlet_core::record::Recovery;
use jiff::{SignedDuration, Timestamp};

use super::Clock;
use crate::store::pruner::Calendar;

/// A clock that went on by more than this is doubted.
const LEAP: SignedDuration = SignedDuration::from_hours(24);

/// For so long.
const CONFIRMED_BY: Duration = Duration::from_hours(1);

/// The calendar of the one who deletes.
pub(super) struct Doubt {
    clock: Arc<dyn Clock>,
    /// No earlier time can be now.
    built: Timestamp,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// The last time that was sure.
    sure: Timestamp,
    /// Since when it is doubted: what the clocks showed then.
    since: Option<(Timestamp, Duration)>,
}

impl Doubt {
    /// Over what the store knew.
    pub(super) fn new(clock: Arc<dyn Clock>, built: Timestamp, recovery: &Recovery) -> Self {
        let known = recovery.jobs.iter().map(|job| job.watermark).max();
        let state = State {
            sure: known.unwrap_or_else(|| clock.now()),
            since: None,
        };
        Self {
            clock,
            built,
            state: Mutex::new(state),
        }
    }
}

impl Calendar for Doubt {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn sure(&self) -> Option<Timestamp> {
        let (now, monotonic) = (self.clock.now(), self.clock.monotonic());
        // The lock is never held while anything can panic, so a poisoned one is as good.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        (now >= self.built && state.believes(now, monotonic)).then_some(now)
    }
}

impl State {
    fn believes(&mut self, now: Timestamp, monotonic: Duration) -> bool {
        let believed =
            is_near(now, self.sure) || now < self.sure || self.is_confirmed(now, monotonic);
        if believed {
            self.sure = now;
            self.since = None;
        }
        believed
    }

    /// Whether the clock has gone on evenly for long enough. The first look begins to count.
    fn is_confirmed(&mut self, now: Timestamp, monotonic: Duration) -> bool {
        if let Some((wall, since)) = self.since {
            let passed = monotonic.saturating_sub(since);
            let even = wall.checked_add(passed).unwrap_or(Timestamp::MAX);
            if is_near(now, even) {
                return passed >= CONFIRMED_BY;
            }
        }
        self.since = Some((now, monotonic));
        false
    }
}

fn is_near(one: Timestamp, other: Timestamp) -> bool {
    one.duration_since(other).abs() <= LEAP
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3_600;
    const DAY: i64 = 86_400;

    fn state() -> State {
        State {
            sure: Timestamp::UNIX_EPOCH,
            since: None,
        }
    }

    /// What is believed of clocks that show so many seconds.
    fn believes(state: &mut State, wall: i64, monotonic: u64) -> bool {
        let now = Timestamp::from_second(wall).unwrap();
        state.believes(now, Duration::from_secs(monotonic))
    }

    #[test]
    fn a_clock_that_goes_on_is_sure() {
        let mut state = state();
        for hour in 0..100 {
            let wall = i64::try_from(hour * HOUR).unwrap();
            assert!(believes(&mut state, wall, hour * HOUR));
        }
    }

    #[test]
    fn a_leap_is_doubted_for_an_hour() {
        let mut state = state();
        let far = 400 * DAY;
        assert!(!believes(&mut state, far, 60));
        assert!(!believes(&mut state, far + 3_599, 60 + 3_599));
        assert!(believes(&mut state, far + 3_600, 60 + 3_600));
        assert!(believes(&mut state, far + 3_700, 60 + 3_700));
    }

    #[test]
    fn a_clock_that_is_set_right_is_sure_at_once() {
        let mut state = state();
        assert!(!believes(&mut state, 400 * DAY, 60));
        assert!(believes(&mut state, 120, 120));
        assert!(!believes(&mut state, 400 * DAY, 180));
        assert!(believes(&mut state, -5 * DAY, 240), "it makes little old");
    }

    #[test]
    fn one_that_leaps_again_is_doubted_anew() {
        let mut state = state();
        assert!(!believes(&mut state, 400 * DAY, 0));
        assert!(!believes(&mut state, 800 * DAY, 3_600));
        assert!(!believes(&mut state, 400 * DAY + 7_200, 7_200));
        assert!(believes(&mut state, 400 * DAY + 10_800, 10_800));
    }
}
