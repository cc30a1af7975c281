//! Keeps the history as long as it is to be kept, and no longer.
//!
//! A thread of its own looks for what is old, now and then and when the limits change, and hands it
//! to the writer step by step with a breath in between. It looks for the first time some while after
//! the start: by then a clock that was wrong at boot may be set; and by one that is doubted nothing is too
//! old, though it may be too much. A sweep that fails is left alone until
//! the next one; why the store cannot write is told by whoever wants to write.

use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use cronlet_core::{name::JobName, retention::Retention};
use jiff::Timestamp;

use super::{
    Door, History, StoreError,
    retention::{self, Limit, Old, Removed},
};

/// From the start to the first sweep.
const FIRST: Duration = Duration::from_mins(1);

/// From one sweep to the next.
const EVERY: Duration = Duration::from_mins(10);

/// Between two steps of a sweep that nobody waits for.
const BREATH: Duration = Duration::from_millis(20);

/// Tells what is old.
pub trait Calendar: Send + Sync + 'static {
    /// What the clock shows.
    fn now(&self) -> Timestamp;

    /// The same, if history that nobody asked to delete may be too old by it.
    fn sure(&self) -> Option<Timestamp>;
}

/// Looks for what is old, and has it deleted.
pub struct Pruner {
    history: Arc<dyn History>,
    door: Door,
    calendar: Box<dyn Calendar>,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    keep: Retention,
    /// When to sweep next.
    next: Instant,
    closing: bool,
}

/// What somebody wants to be deleted now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wish {
    /// In place of what holds else, each.
    pub keep: Option<Duration>,
    pub keep_runs: Option<u32>,
    pub keep_logs: Option<Duration>,
    /// Only of this job.
    pub job: Option<JobName>,
    /// Only count it.
    pub dry_run: bool,
}

/// What became of a [`Wish`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Granted {
    /// What was deleted, or would be.
    pub removed: Removed,
    /// The limits that it was beyond.
    pub keep: Retention,
}

impl Wish {
    /// The limits, where `keep` holds else.
    pub fn over(&self, keep: &Retention) -> Retention {
        Retention {
            keep: self.keep.unwrap_or(keep.keep),
            keep_runs: self.keep_runs.unwrap_or(keep.keep_runs),
            keep_logs: self.keep_logs.unwrap_or(keep.keep_logs),
        }
    }

    /// Does what is wanted by `remove`, where `keep` holds else. None if nothing is stored of the job.
    pub fn grant(
        &self,
        history: &dyn History,
        keep: &Retention,
        now: Timestamp,
        remove: impl FnMut(Old) -> Result<Removed, StoreError>,
    ) -> Result<Option<Granted>, StoreError> {
        let job = self.job.as_ref();
        if let Some(job) = job
            && !history.names()?.contains(job)
        {
            return Ok(None);
        }
        let keep = self.over(keep);
        let limit = Limit::new(&keep, now);
        let removed = if self.dry_run {
            retention::count(history, job, &limit)?
        } else {
            retention::sweep(history, job, &limit, remove)?
        };
        Ok(Some(Granted { removed, keep }))
    }
}

impl Pruner {
    /// Starts the thread, which keeps as much as `keep` says. It ends when it is closed.
    pub fn spawn(
        history: Arc<dyn History>,
        door: Door,
        calendar: impl Calendar,
        keep: Retention,
    ) -> std::io::Result<Arc<Self>> {
        let pruner = Arc::new(Self {
            history,
            door,
            calendar: Box::new(calendar),
            state: Mutex::new(State {
                keep,
                next: Instant::now() + FIRST,
                closing: false,
            }),
            changed: Condvar::new(),
        });
        let own = pruner.clone();
        thread::Builder::new()
            .name("store-pruner".to_owned())
            .spawn(move || while own.sweep_when_due() {})?;
        Ok(pruner)
    }

    /// What it looks at.
    pub fn history(&self) -> Arc<dyn History> {
        self.history.clone()
    }

    /// From now on so much is kept.
    pub fn keep(&self, keep: Retention) {
        let mut state = self.lock();
        if state.keep != keep {
            state.keep = keep;
            state.next = Instant::now();
            self.changed.notify_all();
        }
    }

    /// Deletes now, and waits for it. None if nothing is stored of the job.
    pub fn prune(&self, wish: &Wish) -> Result<Option<Granted>, StoreError> {
        let keep = self.lock().keep;
        let remove = |old| self.door.remove(old);
        wish.grant(&*self.history, &keep, self.calendar.now(), remove)
    }

    /// Looks for nothing any more.
    pub fn close(&self) {
        self.lock().closing = true;
        self.changed.notify_all();
    }

    /// Waits until a sweep is due, and sweeps. False once it is closed.
    fn sweep_when_due(&self) -> bool {
        let mut state = self.lock();
        while !state.closing {
            let left = state.next.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state = self
                .changed
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        if state.closing {
            return false;
        }
        state.next = Instant::now() + EVERY;
        let keep = state.keep;
        drop(state);
        self.sweep(&keep);
        true
    }

    fn sweep(&self, keep: &Retention) {
        let sure = self.calendar.sure();
        if sure.is_none() {
            tracing::debug!("nothing is too old until the clock is sure");
        }
        let limit = sure.map_or_else(|| Limit::of_numbers(keep), |now| Limit::new(keep, now));
        let swept = retention::sweep(&*self.history, None, &limit, |old| {
            let removed = self.door.remove(old);
            thread::sleep(BREATH);
            removed
        });
        match swept {
            Ok(removed) if removed.is_nothing() => {}
            Ok(Removed {
                runs,
                logs,
                skips,
                backfills,
                events,
            }) => {
                tracing::debug!(runs, logs, skips, backfills, events, "deleted old history");
            }
            Err(error) => tracing::warn!("old history stays for now: {error}"),
        }
    }

    /// The lock is never held while anything can panic, so a poisoned one is as good.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
