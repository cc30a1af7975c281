//! Wishes to have the schedules file read again, and what became of them.
//!
//! A wish has a number. What is read for one was read after it was made, so it is an answer to all wishes
//! with smaller numbers too.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use cronlet_core::digest::Digest;
use tokio::sync::oneshot;

use crate::config::Problems;

/// What became of a schedules file that somebody wanted to be read.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It is the plan now.
    Live {
        digest: Digest,
        /// What it has changed, in a line.
        summary: String,
        /// What is as it should not be, all the same.
        warnings: Option<Problems>,
    },
    /// It says what the plan already is.
    Unchanged {
        digest: Digest,
        warnings: Option<Problems>,
    },
    /// It has problems: the plan stays.
    Refused(Problems),
}

/// Takes wishes, and keeps those who wait. Cloning is cheap.
#[derive(Clone)]
pub struct Requests(Arc<Shared>);

struct Shared {
    look: Box<dyn Fn(u64) + Send + Sync>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    last: u64,
    waiting: BTreeMap<u64, oneshot::Sender<Outcome>>,
    /// Nobody reads the file any more.
    closed: bool,
}

impl Requests {
    /// `look` has the file read for the wish of a number.
    pub fn new(look: impl Fn(u64) + Send + Sync + 'static) -> Self {
        Self(Arc::new(Shared {
            look: Box::new(look),
            state: Mutex::default(),
        }))
    }

    /// Has the file read again.
    pub(in crate::engine) fn ask(&self) {
        let number = self.state().next();
        (self.0.look)(number);
    }

    /// The same, for somebody who waits for what becomes of it. There is no answer when nobody reads
    /// the file any more.
    pub(in crate::engine) fn ask_and_wait(&self) -> oneshot::Receiver<Outcome> {
        let (sender, outcome) = oneshot::channel();
        let mut state = self.state();
        let number = state.next();
        // Who has left is not kept.
        state.waiting.retain(|_, waiting| !waiting.is_closed());
        if !state.closed {
            state.waiting.insert(number, sender);
        }
        drop(state);
        (self.0.look)(number);
        outcome
    }

    /// How many wishes there were.
    #[cfg(test)]
    pub(in crate::engine) fn asked_for(&self) -> u64 {
        self.state().last
    }

    /// Tells everybody whose wish has this number or a smaller one.
    pub(super) fn answer(&self, through: u64, outcome: &Outcome) {
        let mut state = self.state();
        let later = state.waiting.split_off(&through.saturating_add(1));
        let answered = std::mem::replace(&mut state.waiting, later);
        drop(state);
        for (_, waiting) in answered {
            // Who asked may have left.
            let _ = waiting.send(outcome.clone());
        }
    }

    /// Nobody is answered any more.
    pub(super) fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        state.waiting.clear();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn next(&mut self) -> u64 {
        self.last += 1;
        self.last
    }
}

impl fmt::Debug for Requests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Requests").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unchanged() -> Outcome {
        Outcome::Unchanged {
            digest: Digest::of(b""),
            warnings: None,
        }
    }

    #[test]
    fn an_answer_is_for_all_wishes_before_it() {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = asked.clone();
        let requests = Requests::new(move |number| seen.lock().unwrap().push(number));
        let mut first = requests.ask_and_wait();
        requests.ask();
        let mut third = requests.ask_and_wait();
        assert_eq!(*asked.lock().unwrap(), [1, 2, 3]);
        requests.answer(2, &unchanged());
        assert!(first.try_recv().is_ok());
        assert!(third.try_recv().is_err(), "its text was not read yet");
        requests.answer(3, &unchanged());
        assert!(third.try_recv().is_ok());
    }

    #[test]
    fn nobody_waits_for_a_reader_that_is_gone() {
        let requests = Requests::new(|_| {});
        let before = requests.ask_and_wait();
        requests.close();
        let after = requests.ask_and_wait();
        assert!(before.blocking_recv().is_err() && after.blocking_recv().is_err());
    }
}
