//! What a seed means: how large the world is, and how bad its weather.
//!
//! Each kind of trouble is in some seeds and not in others, so that a rare one is not
//! always hidden behind a frequent one.

use crate::prng::Prng;

/// Milliseconds; of a span, or since the world began.
pub(crate) type Millis = u64;

/// Printed when a seed fails.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) seed: u64,
    /// How many jobs there are at first.
    pub(crate) jobs: u64,
    /// About how far apart a job's instants are; every other span is a multiple or a part of it.
    pub(crate) pace: Millis,
    /// How long the troubles last.
    pub(crate) length: Millis,
    /// `max_concurrent_runs` at first.
    pub(crate) slots: u32,
    /// The longest attempt.
    pub(crate) longest: Millis,
    /// How many of a hundred jobs let their runs overlap.
    pub(crate) overlapping: u64,
    /// How many of a hundred jobs run after another one.
    pub(crate) chained: u64,
    /// How many of a hundred jobs have more than one trigger.
    pub(crate) several: u64,
    /// How many of a hundred attempts fail, in any way.
    pub(crate) failing: u64,
    /// How many of a hundred guests end when they are asked to.
    pub(crate) cooperative: u64,
    /// The longest flush.
    pub(crate) flush: Millis,
    /// The longest way of a message to the engine.
    pub(crate) message: Millis,
    /// The latest wake.
    pub(crate) wake: Millis,
    /// How many of a hundred cancels kill.
    pub(crate) kills: u64,
    /// How long the daemon is down at most.
    pub(crate) down: Millis,
    /// How long the store cannot write at most.
    pub(crate) broken: Millis,
    /// How far the clock is set forward at most, or the machine sleeps.
    pub(crate) forward: Millis,
    /// How far the clock is set back at most.
    pub(crate) backward: Millis,
    /// How many of a hundred wishes for a backfill come with more of them than may be under way.
    pub(crate) greedy: u64,
    /// How long before its time an occurrence is armed.
    pub(crate) lead: Millis,
    /// How many of a hundred wrong clocks have stopped in 1970; the others are ahead.
    pub(crate) stopped: u64,
    /// How far ahead a wrong clock is at most.
    pub(crate) ahead: Millis,
    /// How many of a hundred boots find a wrong clock.
    pub(crate) bad_boots: u64,
    /// How long a clock is wrong at most.
    pub(crate) wrong: Millis,
    /// How many of a thousand steps the daemon does not survive.
    pub(crate) fatal: u64,
    /// About how often each trouble comes; none is never.
    pub(crate) every: Troubles,
}

/// See [`Options::every`].
#[derive(Clone, Debug)]
pub(crate) struct Troubles {
    pub(crate) edit: Option<Millis>,
    pub(crate) request: Option<Millis>,
    pub(crate) cancel: Option<Millis>,
    pub(crate) backfill: Option<Millis>,
    pub(crate) stop_backfill: Option<Millis>,
    pub(crate) pause: Option<Millis>,
    pub(crate) crash: Option<Millis>,
    pub(crate) shutdown: Option<Millis>,
    pub(crate) store: Option<Millis>,
    pub(crate) forward: Option<Millis>,
    pub(crate) backward: Option<Millis>,
    pub(crate) wrong_clock: Option<Millis>,
    pub(crate) needless_wake: Option<Millis>,
}

impl Options {
    pub(crate) fn of(seed: u64) -> Self {
        let mut rng = Prng::new(seed);
        let pace = rng.one_of([2_000, 5_000, 10_000, 60_000, 60_000, 600_000]);
        let length = pace * rng.between(20, 80);
        let options = Self {
            seed,
            jobs: rng.between(1, 6),
            pace,
            length,
            slots: rng.one_of([1, 2, 3, 6]),
            longest: pace * rng.one_of([1, 5, 10, 30]) / 10,
            overlapping: rng.one_of([10, 50, 90]),
            failing: rng.one_of([0, 10, 30, 70]),
            cooperative: rng.one_of([0, 50, 100]),
            flush: rng.one_of([1, 20, 400, pace / 3]),
            message: rng.one_of([0, 5, 300]),
            wake: rng.one_of([0, 0, 3, 700]),
            kills: rng.one_of([0, 30, 100]),
            down: pace * rng.one_of([1, 3, 40]),
            broken: pace * rng.one_of([1, 5]),
            forward: rng.one_of([pace * 2, pace * 30, pace * 200, 4_000_000]),
            backward: rng.between(1, 5_000),
            greedy: rng.one_of([0, 0, 0, 0, 0, 30]),
            stopped: rng.one_of([0, 50, 100]),
            // What passes in between is looked at one by one.
            ahead: if pace < 600_000 {
                rng.one_of([4_000_000, 3 * 3_600_000])
            } else {
                rng.one_of([86_400_000, 30 * 86_400_000])
            },
            bad_boots: rng.one_of([0, 0, 30]),
            wrong: rng.one_of([100, pace, pace * 5]),
            fatal: rng.one_of([0, 0, 5, 20]),
            lead: rng.one_of([0, 0, 30, 500, pace / 3, pace * 2]),
            every: Troubles::of(&mut rng, pace),
            chained: rng.one_of([0, 30, 80]),
            several: rng.one_of([20, 20, 60]),
        };
        if rng.percent(20) {
            options.rush()
        } else {
            options
        }
    }

    /// The same with more to do than there are slots, so that runs wait and are cancelled waiting.
    fn rush(self) -> Self {
        Self {
            jobs: 3,
            slots: 3,
            overlapping: 95,
            longest: self.pace * 2,
            every: Troubles {
                request: Some(self.pace / 3),
                cancel: Some(self.pace / 3),
                ..self.every
            },
            ..self
        }
    }

    /// The same with more instants in a sleep of the machine than are looked at in one step, for a short
    /// time.
    pub(crate) fn long_night(seed: u64) -> Self {
        let calm = Self::of(seed);
        let pace = 2_000;
        Self {
            jobs: 2,
            pace,
            length: pace * 30,
            several: 100,
            forward: 12 * 3_600_000,
            ahead: 4_000_000,
            every: Troubles {
                edit: Some(pace * 3),
                forward: Some(pace * 10),
                ..calm.every.clone()
            },
            ..calm
        }
    }

    /// The same with more jobs and slots than an engine looks at in one step, for a short time.
    pub(crate) fn crowd(seed: u64) -> Self {
        let calm = Self::of(seed);
        let pace = 60_000;
        Self {
            jobs: 380,
            pace,
            length: pace * 2,
            slots: 300,
            longest: pace / 2,
            chained: 25,
            several: 0,
            failing: 50,
            flush: 20,
            message: 0,
            wake: 0,
            down: pace * 2,
            forward: pace * 3,
            fatal: 0,
            // Hours would be more than a crowd can catch up on in a short time.
            bad_boots: 0,
            greedy: 0,
            every: Troubles {
                edit: Some(pace / 2),
                crash: Some(pace),
                forward: Some(pace),
                wrong_clock: None,
                needless_wake: None,
                backfill: None,
                ..calm.every.clone()
            },
            ..calm
        }
    }
}

impl Troubles {
    fn of(rng: &mut Prng, pace: Millis) -> Self {
        let mut often = |choices: [Millis; 3]| {
            let common = rng.percent(60);
            common.then(|| pace * rng.one_of(choices) / 10)
        };
        Self {
            edit: often([10, 40, 120]),
            request: often([4, 15, 60]),
            cancel: often([3, 15, 60]),
            backfill: often([20, 60, 150]),
            stop_backfill: often([40, 100, 300]),
            crash: often([40, 100, 300]),
            shutdown: often([60, 150, 300]),
            store: often([40, 100, 300]),
            forward: often([50, 150, 300]),
            backward: often([30, 100, 300]),
            wrong_clock: often([50, 150, 300]),
            needless_wake: often([3, 10, 50]),
            pause: often([10, 40, 120]),
        }
    }
}
