//! Where old history goes out: through the one thread that writes.

use std::sync::{Arc, mpsc};

use super::Queue;
use crate::store::{Old, Removed, Store, StoreError};

const DOING: &str = "delete old history";

/// Hands the writer what is to be deleted. A clone is the same door. It opens nothing once the writer
/// is closed.
#[derive(Clone, Debug)]
pub struct Door(Arc<Queue>);

/// Something to be deleted, and who waits for it.
#[derive(Debug)]
pub(super) struct Removal {
    old: Old,
    answer: mpsc::Sender<Result<Removed, StoreError>>,
}

impl Door {
    pub(super) fn new(queue: Arc<Queue>) -> Self {
        Self(queue)
    }

    /// Has it deleted when nothing more urgent is to be written, and waits for that. While the store
    /// cannot write this is an error at once.
    pub fn remove(&self, old: Old) -> Result<Removed, StoreError> {
        let (answer, removed) = mpsc::channel();
        let mut waiting = self.0.lock();
        if let Some(why) = &waiting.locked {
            return Err(StoreError::while_(DOING)(why.as_str()));
        }
        waiting.removals.push_back(Removal { old, answer });
        drop(waiting);
        self.0.changed.notify_one();
        // Whoever takes it answers, or says that nobody will.
        let closed = |_| StoreError::while_(DOING)("the history is closed");
        removed.recv().unwrap_or_else(|gone| Err(closed(gone)))
    }
}

impl Removal {
    pub(super) fn answer(self, store: &mut impl Store) {
        let removed = store.remove(&self.old);
        // Who asked may have left.
        let _ = self.answer.send(removed);
    }

    pub(super) fn refuse(self, why: &str) {
        // Who asked may have left.
        let _ = self.answer.send(Err(StoreError::while_(DOING)(why)));
    }
}
