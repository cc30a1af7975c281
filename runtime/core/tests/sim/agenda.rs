//! What is going to happen, and the two clocks.
//!
//! Time stands still while the engine thinks, and jumps to the next happening.

use std::{collections::BTreeMap, time::Duration};

use cronlet_core::engine::{Event, Recall};
use jiff::{SignedDuration, Timestamp};

use crate::{options::Millis, prng::Prng, runner::AttemptKey};

/// Something that is going to happen.
#[derive(Clone, Debug)]
pub(crate) enum Happening {
    /// The engine is told something.
    Tell(Event),
    /// The engine's wish comes true, unless it has another by now.
    Wake {
        /// The number of the wish.
        wish: u64,
    },
    /// A guest may be over.
    GuestEnds(AttemptKey),
    /// The disk writes.
    Flush,
    /// The engine hears the oldest word of the store that it has not heard.
    HearStore,
    StoreHeals,
    /// A new life of the daemon.
    Boot,
    /// The daemon looks at its clocks.
    LookAtClocks,
    /// The store reads what it was asked for.
    Recall(Recall),
    /// Somebody sets the wall clock right that was wrong.
    SetRight,
    /// Somebody edits the schedules file by a wrong clock.
    Edit,
    Trouble(Trouble),
}

/// Something that happens again and again while there is trouble.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Trouble {
    Edit,
    Request,
    Cancel,
    Backfill,
    StopBackfill,
    Pause,
    Crash,
    Shutdown,
    StoreBreaks,
    Forward,
    Backward,
    WrongClock,
    NeedlessWake,
}

impl Happening {
    /// Whether it happens to the daemon, and not at all when that has died.
    fn is_of_this_life(&self) -> bool {
        matches!(
            self,
            Self::Tell(_)
                | Self::Wake { .. }
                | Self::GuestEnds(_)
                | Self::Flush
                | Self::HearStore
                | Self::LookAtClocks
                | Self::Recall(_)
        )
    }
}

/// See the module.
pub(crate) struct Agenda {
    rng: Prng,
    /// By time, then by chance, then by age.
    entries: BTreeMap<(Millis, u64, u64), (u32, Happening)>,
    serial: u64,
    life: u32,
    /// Monotonic time.
    pub(crate) mono: Millis,
    /// The wall clock at monotonic zero.
    epoch: Timestamp,
    /// How far the wall clock has been set since.
    set: SignedDuration,
    /// How far it would be, if it were right.
    right: Option<SignedDuration>,
}

impl Agenda {
    pub(crate) fn new(rng: Prng, epoch: Timestamp) -> Self {
        Self {
            rng,
            entries: BTreeMap::new(),
            serial: 0,
            life: 0,
            mono: 0,
            epoch,
            set: SignedDuration::ZERO,
            right: None,
        }
    }

    /// What the wall clock shows.
    pub(crate) fn now(&self) -> Timestamp {
        self.epoch + Duration::from_millis(self.mono) + self.set
    }

    /// Sets the wall clock.
    pub(crate) fn set_clock(&mut self, by: SignedDuration) {
        self.set += by;
    }

    /// Whether the wall clock is wrong.
    pub(crate) fn is_wrong(&self) -> bool {
        self.right.is_some()
    }

    /// The wall clock is wrong from now on.
    pub(crate) fn go_wrong(&mut self, by: SignedDuration) {
        self.right.get_or_insert(self.set);
        self.set += by;
    }

    /// Somebody sets the wall clock right, if it is wrong, and says how far it goes.
    pub(crate) fn set_right(&mut self) -> SignedDuration {
        let right = self.right.take().unwrap_or(self.set);
        let by = right - self.set;
        self.set = right;
        by
    }

    /// How long the wall clock takes to show `at`, if nobody sets it.
    pub(crate) fn until(&self, at: Timestamp) -> Millis {
        let nanos = at.duration_since(self.now()).as_nanos().max(0);
        // Never before: rounded up.
        Millis::try_from((nanos + 999_999) / 1_000_000).unwrap_or(Millis::MAX / 2)
    }

    pub(crate) fn after(&mut self, delay: Millis, happening: Happening) {
        self.serial += 1;
        let key = (self.mono + delay, self.rng.below(4), self.serial);
        self.entries.insert(key, (self.life, happening));
    }

    /// The next happening before `end`; its time is now.
    pub(crate) fn next(&mut self, end: Millis) -> Option<Happening> {
        loop {
            let entry = self.entries.first_entry()?;
            let at = entry.key().0;
            if at >= end {
                self.mono = end;
                return None;
            }
            let (life, happening) = entry.remove();
            if life == self.life || !happening.is_of_this_life() {
                self.mono = at;
                return Some(happening);
            }
        }
    }

    /// The daemon has died: what was to happen to it does not.
    pub(crate) fn next_life(&mut self) {
        self.life += 1;
    }

    /// No trouble any more.
    pub(crate) fn calm(&mut self) {
        self.entries.retain(|_, (_, happening)| {
            !matches!(happening, Happening::Trouble(_) | Happening::Edit)
        });
    }
}
