//! The clock that running guests hear: one thread an engine that raises its epoch.
//!
//! It is a thread and no task, because a task would starve with the very workers
//! that it is to wake. It never stops a guest itself: each attempt's own callback
//! decides what a tick means for it.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use wasmtime::{Engine, EngineWeak};

/// How long a guest can compute before its callback is asked.
pub(super) const TICK: Duration = Duration::from_millis(10);
/// How many ticks pass without a guest before the thread parks. Parking and waking cost more
/// than a short run does, so they must not happen between two of them.
const IDLE_TICKS: u32 = 100;

/// Ticks while there are guests.
pub(super) struct Ticker {
    state: Arc<State>,
    thread: thread::Thread,
}

/// Keeps the ticker ticking.
pub(super) struct Ticking<'a>(&'a State);

#[derive(Default)]
struct State {
    guests: AtomicUsize,
    parked: AtomicBool,
    stopped: AtomicBool,
}

impl Ticker {
    pub(super) fn spawn(engine: &Engine) -> io::Result<Self> {
        let state = Arc::new(State::default());
        let engine = engine.weak();
        let thread = thread::Builder::new()
            .name("cronlet-epoch".to_owned())
            .spawn({
                let state = state.clone();
                move || tick(&engine, &state)
            })?;
        Ok(Self {
            state,
            thread: thread.thread().clone(),
        })
    }

    /// Whether the thread rests.
    #[cfg(test)]
    pub(super) fn is_parked(&self) -> bool {
        self.state.parked.load(Ordering::SeqCst)
    }

    /// A guest is about to run.
    pub(super) fn guest(&self) -> Ticking<'_> {
        // The order of the two is the reverse of the ticker's, so one of the sides sees the other.
        self.state.guests.fetch_add(1, Ordering::SeqCst);
        if self.state.parked.load(Ordering::SeqCst) {
            self.thread.unpark();
        }
        Ticking(&self.state)
    }
}

impl Drop for Ticking<'_> {
    fn drop(&mut self) {
        self.0.guests.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.state.stopped.store(true, Ordering::SeqCst);
        self.thread.unpark();
    }
}

fn tick(engine: &EngineWeak, state: &State) {
    let mut idle = 0;
    while !state.stopped.load(Ordering::SeqCst) {
        if state.guests.load(Ordering::SeqCst) > 0 {
            idle = 0;
        } else if idle < IDLE_TICKS {
            idle += 1;
        } else {
            park(state);
            idle = 0;
            continue;
        }
        thread::sleep(TICK);
        let Some(engine) = engine.upgrade() else {
            return;
        };
        engine.increment_epoch();
    }
}

fn park(state: &State) {
    state.parked.store(true, Ordering::SeqCst);
    while state.guests.load(Ordering::SeqCst) == 0 && !state.stopped.load(Ordering::SeqCst) {
        thread::park();
    }
    state.parked.store(false, Ordering::SeqCst);
}
