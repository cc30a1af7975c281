//! Whether history may be deleted by what the clock shows.
//!
//! A clock that is years ahead makes everything old. So one that went on by more than a day since it was
//! last sure is doubted until it has gone on for an hour from there: by then somebody has set it right, or
//! it is. A start makes nobody forget: what is sure is found again by the lives of the daemons before. One
//! that began after such a leap and was over within the hour has confirmed nothing, however many there are.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};

use super::Clock;
use crate::store::{
    History, JUMPS,
    history::{ClockJump, Life},
    pruner::Calendar,
};

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
    /// Over what is remembered of the daemons before.
    pub(super) fn new(clock: Arc<dyn Clock>, built: Timestamp, history: &dyn History) -> Self {
        let known = history.lives().and_then(|lives| {
            let jumps = history.clock_jumps(JUMPS)?;
            Ok(State::over(&lives, &jumps, built, clock.now()))
        });
        // Where nobody knows, nothing is old for an hour.
        let state = known.unwrap_or(State {
            sure: built,
            since: None,
        });
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
    /// After these lives.
    fn over(lives: &[Life], jumps: &[ClockJump], built: Timestamp, now: Timestamp) -> Self {
        let sure = match lives.first() {
            // Nothing is old yet.
            None => now,
            Some(first) if first.epoch == 1 => first.from,
            // Those before it are forgotten.
            Some(_) => built,
        };
        let mut state = Self { sure, since: None };
        for life in lives {
            state.lived(life, jumps);
        }
        state
    }

    /// What is sure after a life in which the clock jumped like this, or did not. Clocks that lie show one
    /// time in several lives: a jump that may be of this one is taken for it.
    fn lived(&mut self, life: &Life, jumps: &[ClockJump]) {
        let within = |at: &Timestamp| (life.from..=life.to).contains(at);
        let touches = |jump: &&ClockJump| {
            let before = jump.at.checked_sub(jump.by).unwrap_or(jump.at);
            jump.by.abs() > LEAP && [jump.at, before].iter().any(within)
        };
        let even = jumps.iter().find(touches).is_none();
        let lasted = life.to.duration_since(life.from).unsigned_abs() >= CONFIRMED_BY;
        let follows = |at: Timestamp| at < self.sure || is_near(at, self.sure);
        let confirmed = life.from <= life.to && lasted && even;
        if follows(life.to) || confirmed || follows(life.from) && even {
            self.sure = life.to;
        } else if follows(life.from) {
            self.sure = life.from;
        }
    }

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

    fn time(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// What is sure after lives from one second to another.
    fn sure_after(lives: &[(i64, i64)], jumps: &[(i64, i64)]) -> Timestamp {
        let lives: Vec<_> = lives
            .iter()
            .zip(1..)
            .map(|((from, to), epoch)| Life {
                epoch,
                from: time(*from),
                to: time(*to),
            })
            .collect();
        let jumps: Vec<_> = jumps
            .iter()
            .map(|(at, by)| ClockJump {
                at: time(*at),
                by: SignedDuration::from_secs(*by),
            })
            .collect();
        State::over(&lives, &jumps, Timestamp::UNIX_EPOCH, time(DAY)).sure
    }

    #[test]
    fn a_start_remembers_what_was_sure() {
        assert_eq!(sure_after(&[], &[]), time(DAY), "nothing is old");
        assert_eq!(sure_after(&[(100, 200)], &[]), time(200));
        let lives = [(0, DAY), (DAY + 60, DAY + 120), (2 * DAY, 3 * DAY)];
        assert_eq!(sure_after(&lives, &[]), time(3 * DAY));
    }

    #[test]
    fn many_short_lives_after_a_leap_confirm_nothing() {
        let far = 400 * DAY;
        let boots = [(0, 600), (far, far + 600), (far + 700, far + 1_300)];
        assert_eq!(sure_after(&boots, &[]), time(600));
        let long = [(0, 600), (far, far + 600), (far + 700, far + 4_300)];
        assert_eq!(sure_after(&long, &[]), time(far + 4_300), "an hour");
        let right = [(0, 600), (far, far + 600), (700, 800)];
        assert_eq!(sure_after(&right, &[]), time(800), "it was set");
        let mut state = State {
            sure: sure_after(&boots, &[]),
            since: None,
        };
        assert!(!believes(&mut state, far + 1_400, 0));
        assert!(believes(&mut state, 900, 0));
    }

    #[test]
    fn a_life_in_which_the_clock_leapt_confirms_no_more_than_its_beginning() {
        let far = 400 * DAY;
        let forward = [(300 + far, far)];
        assert_eq!(sure_after(&[(0, far + 600)], &forward), time(0));
        let back = [(300, -far)];
        assert_eq!(sure_after(&[(0, 100), (far, 900)], &back), time(900));
        let again = [(300, -far), (far + 4_000, far - 600)];
        let lives = [(0, 100), (far, far + 5_000)];
        assert_eq!(sure_after(&lives, &again), time(100));
        let set = [(300, 3_600)];
        assert_eq!(sure_after(&[(0, 9_000)], &set), time(9_000), "a little");
    }

    #[test]
    fn what_was_before_the_first_that_is_remembered_is_not_sure() {
        let life = Life {
            epoch: 2,
            from: time(400 * DAY),
            to: time(400 * DAY + 60),
        };
        let state = State::over(&[life], &[], time(0), time(DAY));
        assert_eq!(state.sure, time(0));
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
