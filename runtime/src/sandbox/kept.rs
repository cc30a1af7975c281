//! What a guest has of its job's state: what there was when the attempt started, and on top of it what
//! the guest wrote. Nothing of it is kept before the attempt has succeeded.
//!
//! A guest decides what is in here, so all of it is counted: what it has written, and what it has asked
//! about where nothing was.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    ops::Bound,
    sync::Arc,
};

use cronlet_core::{
    digest::Digest,
    limits::Limits,
    report::Failure,
    state::{ENTRY, Entries, Key, MAX_KEY, StateChanges, Value, Write, size},
    units::format_size,
};

/// At most so many keys are told at once.
pub(super) const PAGE: usize = 1000;

/// The guest's view.
#[derive(Default)]
pub(super) struct Kept {
    /// As the guest sees it.
    now: Entries,
    /// The keys that hold something else than when the attempt started.
    touched: BTreeMap<Key, Touched>,
    /// What each compare-and-set found that did not find a write of the guest's own.
    found: BTreeMap<Key, Option<Digest>>,
    max: u64,
    max_value: u64,
    /// What `now` counts for.
    used: u64,
    /// What the keys count for that were found to hold nothing.
    watched: u64,
}

struct Touched {
    /// What the entry counted for at the start.
    replaced: u64,
    /// Of what it holds now.
    digest: Option<Digest>,
}

/// Why a call did nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    EmptyKey,
    LongKey { bytes: usize },
    LargeValue { bytes: u64, max: u64 },
    Full { max: u64 },
}

impl Kept {
    /// What there is when an attempt starts.
    pub(super) fn new(entries: Entries, limits: &Limits) -> Self {
        Self {
            used: entries.iter().map(|(key, value)| size(key, value)).sum(),
            now: entries,
            max: limits.max_state,
            max_value: limits.max_state_value,
            ..Self::default()
        }
    }

    pub(super) fn get(&self, key: &str) -> Result<Option<&[u8]>, Refusal> {
        check_key(key)?;
        Ok(self.now.get(key).map(AsRef::as_ref))
    }

    pub(super) fn set(&mut self, key: &str, value: &[u8]) -> Result<(), Refusal> {
        check_key(key)?;
        self.check_value(value)?;
        self.put(key, Some(value))
    }

    pub(super) fn delete(&mut self, key: &str) -> Result<bool, Refusal> {
        check_key(key)?;
        let there = self.now.contains_key(key);
        self.put(key, None)?;
        Ok(there)
    }

    /// Compares and sets, and remembers what it found: that must be true still when the end of the
    /// attempt is decided.
    pub(super) fn compare_and_set(
        &mut self,
        key: &str,
        expected: Option<&[u8]>,
        new: Option<&[u8]>,
    ) -> Result<bool, Refusal> {
        check_key(key)?;
        if let Some(new) = new {
            self.check_value(new)?;
        }
        if self.now.get(key).map(AsRef::as_ref) != expected {
            return Ok(false);
        }
        let own = self.touched.contains_key(key);
        if own || self.found.contains_key(key) {
            self.put(key, new)?;
            return Ok(true);
        }
        let watched = if expected.is_none() {
            size(key, &[])
        } else {
            0
        };
        if !self.fits(self.used.saturating_add(watched)) {
            return Err(Refusal::Full { max: self.max });
        }
        self.watched += watched;
        if let Err(refusal) = self.put(key, new) {
            self.watched -= watched;
            return Err(refusal);
        }
        self.found.insert(key.into(), expected.map(Digest::of));
        Ok(true)
    }

    /// The keys that begin with `prefix` and come after `after`, the first [`PAGE`] of them.
    pub(super) fn keys(&self, prefix: &str, after: Option<&str>) -> Vec<String> {
        let from = match after {
            Some(after) if after >= prefix => Bound::Excluded(after),
            _ => Bound::Included(prefix),
        };
        self.now
            .range::<str, _>((from, Bound::Unbounded))
            .map(|(key, _)| &**key)
            .take_while(|key| key.starts_with(prefix))
            .take(PAGE)
            .map(str::to_owned)
            .collect()
    }

    /// What the guest did, if it did anything.
    pub(super) fn changes(self) -> Option<Arc<StateChanges>> {
        if self.touched.is_empty() && self.found.is_empty() {
            return None;
        }
        let mut now = self.now;
        let writes = self.touched.into_iter().map(|(key, touched)| {
            let value = touched.digest.zip(now.remove(&key));
            let write = Write {
                value: value.map(|(digest, bytes)| Value::with_digest(bytes, digest)),
                replaced: touched.replaced,
            };
            (key, write)
        });
        Some(Arc::new(StateChanges::new(writes.collect(), self.found)))
    }

    fn check_value(&self, value: &[u8]) -> Result<(), Refusal> {
        let (bytes, max) = (value.len() as u64, self.max_value);
        if bytes > max {
            return Err(Refusal::LargeValue { bytes, max });
        }
        Ok(())
    }

    fn fits(&self, used: u64) -> bool {
        used.saturating_add(self.watched) <= self.max
    }

    fn put(&mut self, key: &str, value: Option<&[u8]>) -> Result<(), Refusal> {
        let before = self.now.get(key).map_or(0, |value| size(key, value));
        let after = value.map_or(0, |value| size(key, value));
        let used = self.used - before + after;
        // What is more than the limit, because that was lowered, may become less.
        if after > before && !self.fits(used) {
            return Err(Refusal::Full { max: self.max });
        }
        if value.is_none() && before == 0 {
            return Ok(());
        }
        self.used = used;
        let key = match self.now.entry(key.into()) {
            Entry::Vacant(entry) => {
                let key = entry.key().clone();
                if let Some(value) = value {
                    entry.insert(value.into());
                }
                key
            }
            Entry::Occupied(mut entry) => {
                let key = entry.key().clone();
                match value {
                    Some(value) => drop(entry.insert(value.into())),
                    None => drop(entry.remove()),
                }
                key
            }
        };
        self.touch(key, before, value.map(Digest::of));
        Ok(())
    }

    /// Notes that a key was written, which counted for `before`.
    fn touch(&mut self, key: Key, before: u64, digest: Option<Digest>) {
        match self.touched.entry(key) {
            Entry::Vacant(entry) => {
                entry.insert(Touched {
                    replaced: before,
                    digest,
                });
            }
            // Nothing was there, and nothing is: a guest could do that for ever.
            Entry::Occupied(entry) if digest.is_none() && entry.get().replaced == 0 => {
                entry.remove();
            }
            Entry::Occupied(mut entry) => entry.get_mut().digest = digest,
        }
    }
}

fn check_key(key: &str) -> Result<(), Refusal> {
    match key.len() {
        0 => Err(Refusal::EmptyKey),
        1..=MAX_KEY => Ok(()),
        bytes => Err(Refusal::LongKey { bytes }),
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let (code, message) = match refusal {
            Refusal::EmptyKey => ("empty-key", "a key has at least one byte".to_owned()),
            Refusal::LongKey { bytes } => (
                "key-too-long",
                format!("a key has at most {MAX_KEY} bytes, this one has {bytes}"),
            ),
            Refusal::LargeValue { bytes, max } => (
                "value-too-large",
                format!(
                    "a value of {} is over the job's `max_state_value` of {}",
                    format_size(bytes),
                    format_size(max)
                ),
            ),
            Refusal::Full { max } => (
                "state-full",
                format!(
                    "the job's state would be over its `max_state` of {} ({ENTRY} bytes a key are counted)",
                    format_size(max)
                ),
            ),
        };
        Self {
            code: code.to_owned(),
            message,
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The generator that is called `SplitMix64`.
    struct Random(u64);

    impl Random {
        fn below(&mut self, n: u64) -> u64 {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = self.0;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            (z ^ (z >> 31)) % n
        }

        fn key(&mut self) -> String {
            ["a", "b", "ab", "é", "ccccc"][usize::try_from(self.below(5)).unwrap()].to_owned()
        }

        fn value(&mut self) -> Option<Vec<u8>> {
            let bytes = usize::try_from(self.below(5)).unwrap();
            (bytes < 4).then(|| vec![b'x'; bytes * 20])
        }
    }

    fn total(entries: &Entries) -> u64 {
        entries.iter().map(|(key, value)| size(key, value)).sum()
    }

    /// Anything, in any order: what is counted is what is there, the limit holds, and the changes are the
    /// difference between the state that was read and the state that was left.
    #[test]
    fn the_changes_are_the_difference_whatever_a_guest_does() {
        let mut refused = 0;
        for seed in 0..500 {
            let mut random = Random(seed);
            let limits = Limits {
                max_state: 200 + random.below(300),
                ..Limits::default()
            };
            let there: Entries = (0..random.below(4))
                .map(|_| {
                    (
                        random.key().into(),
                        random.value().unwrap_or_default().into(),
                    )
                })
                .collect();
            let mut kept = Kept::new(there.clone(), &limits);
            for _ in 0..random.below(40) {
                let before = (kept.now.clone(), kept.used, kept.watched);
                let (key, value) = (random.key(), random.value());
                let held = before.0.get(key.as_str()).map(|value| value.to_vec());
                let expected = if random.below(2) == 0 {
                    held.clone()
                } else {
                    random.value()
                };
                let said = match random.below(3) {
                    0 => kept
                        .set(&key, &value.clone().unwrap_or_default())
                        .map(|()| true),
                    1 => kept.delete(&key),
                    _ => kept.compare_and_set(&key, expected.as_deref(), value.as_deref()),
                };
                if said.is_err() {
                    refused += 1;
                    let after = (kept.now.clone(), kept.used, kept.watched);
                    assert_eq!(after, before, "seed {seed}: a refusal does nothing");
                }
                assert_eq!(kept.used, total(&kept.now), "seed {seed}");
                let most = limits.max_state.max(before.1 + before.2);
                assert!(kept.used + kept.watched <= most, "seed {seed}");
            }
            let left = kept.now.clone();
            let changes = kept.changes().unwrap_or_default();
            let mut now = there.clone();
            for (key, write) in changes.writes() {
                let replaced = there.get(key).map_or(0, |value| size(key, value));
                assert_eq!(write.replaced, replaced, "seed {seed}");
                match &write.value {
                    Some(value) => drop(now.insert(key.clone(), value.bytes().clone())),
                    None => drop(now.remove(key)),
                }
            }
            assert_eq!(now, left, "seed {seed}");
            for (key, found) in changes.found() {
                let held = there.get(key).map(|value| Digest::of(value));
                assert_eq!(*found, held, "seed {seed}");
            }
            let total_now = total(&there) - changes.replaced() + changes.written();
            assert_eq!(total_now, total(&left), "seed {seed}");
        }
        assert!(refused > 100, "{refused}");
    }
}
