//! What recent ends of one job have written, while attempts of it overlap.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    digest::Digest,
    state::{ENTRY, Key, StateChanges},
};

/// What is kept of the recent writes of one job, counted as entries without values. What one attempt
/// can write by default fits.
const RECENT: u64 = 16 << 20;

/// The recent writes of one job.
#[derive(Debug, Default)]
pub(super) struct Recent {
    pub(super) keys: BTreeMap<Key, Latest>,
    pub(super) by_age: BTreeSet<(u64, Key)>,
    pub(super) bytes: u64,
    /// Writes up to this end were forgotten though an older attempt may run.
    pub(super) forgotten: u64,
}

/// What a key holds now.
#[derive(Clone, Copy, Debug)]
pub(super) struct Latest {
    /// By this end.
    end: u64,
    /// Of the value; none where the key was deleted.
    pub(super) digest: Option<Digest>,
    /// What the entry counts for.
    pub(super) size: u64,
}

impl Recent {
    /// Takes over what the end with this number has written.
    pub(super) fn add(&mut self, end: u64, changes: &StateChanges) {
        for (key, write) in changes.writes() {
            let latest = Latest {
                end,
                digest: write.value.as_ref().map(crate::state::Value::digest),
                size: write.size(key),
            };
            if let Some(before) = self.keys.insert(key.clone(), latest) {
                self.by_age.remove(&(before.end, key.clone()));
            } else {
                self.bytes += cost(key);
            }
            self.by_age.insert((end, key.clone()));
        }
    }

    /// Whether it holds so much that [`Recent::thin_out`] is called for.
    pub(super) fn is_crowded(&self) -> bool {
        self.bytes > RECENT
    }

    /// Forgets what was written up to the end `oldest`, and if that is not enough, more than that.
    pub(super) fn thin_out(&mut self, oldest: u64) {
        while let Some((end, _)) = self.by_age.first() {
            let end = *end;
            if end > oldest && self.bytes <= RECENT / 2 {
                return;
            }
            if end > oldest {
                self.forgotten = end;
            }
            self.drop_end(end);
        }
    }

    /// Forgets what one end wrote.
    fn drop_end(&mut self, end: u64) {
        while let Some((first, key)) = self.by_age.pop_first() {
            if first != end {
                self.by_age.insert((first, key));
                return;
            }
            self.bytes -= cost(&key);
            self.keys.remove(&key);
        }
    }
}

fn cost(key: &str) -> u64 {
    ENTRY + key.len() as u64
}
