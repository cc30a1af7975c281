//! What the import asks of its host, so that it can be tried without one.

use crate::failure::Failure;

/// The host of the import.
pub(crate) trait World {
    /// Whether somebody wants it to stop.
    fn cancelled(&self) -> bool;

    /// Shows how far it has come.
    fn progress(&self, done: u64, total: u64, message: &str);

    /// Says something that a person should look at.
    fn warn(&self, message: &str);

    /// What the last run that succeeded has left under a key.
    fn recall(&self, key: &str) -> Result<Option<Vec<u8>>, Failure>;

    /// Leaves something in place of what was there, if this run succeeds and no other has changed it.
    fn remember(
        &self,
        key: &str,
        before: Option<&[u8]>,
        after: Option<&[u8]>,
    ) -> Result<(), Failure>;
}

#[cfg(test)]
pub(crate) mod fake {
    //! A host in a test's memory.

    use std::{
        cell::{Cell, RefCell},
        collections::BTreeMap,
    };

    use super::*;

    /// It counts what it is told, and forgets what a failed run has left.
    #[derive(Debug, Default)]
    pub(crate) struct Fake {
        pub(crate) state: RefCell<BTreeMap<String, Vec<u8>>>,
        pub(crate) warnings: RefCell<Vec<String>>,
        pub(crate) progress: RefCell<Vec<(u64, u64)>>,
        /// How often it says that nobody wants it to stop.
        pub(crate) patience: Cell<Option<u32>>,
    }

    impl World for Fake {
        fn cancelled(&self) -> bool {
            let left = self.patience.get();
            self.patience.set(left.map(|left| left.saturating_sub(1)));
            left == Some(0)
        }

        fn progress(&self, done: u64, total: u64, _message: &str) {
            self.progress.borrow_mut().push((done, total));
        }

        fn warn(&self, message: &str) {
            self.warnings.borrow_mut().push(message.to_owned());
        }

        fn recall(&self, key: &str) -> Result<Option<Vec<u8>>, Failure> {
            Ok(self.state.borrow().get(key).cloned())
        }

        fn remember(
            &self,
            key: &str,
            before: Option<&[u8]>,
            after: Option<&[u8]>,
        ) -> Result<(), Failure> {
            let mut state = self.state.borrow_mut();
            assert_eq!(state.get(key).map(Vec::as_slice), before, "{key}");
            assert!(after.is_none_or(|value| value.len() <= 64 << 10), "{key}");
            match after {
                Some(value) => drop(state.insert(key.to_owned(), value.to_vec())),
                None => drop(state.remove(key)),
            }
            Ok(())
        }
    }
}
