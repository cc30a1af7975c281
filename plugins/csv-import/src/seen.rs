//! The rows that were imported, as few bytes of each.
//!
//! Of a row's key 9 bytes of its SHA-256 are kept. The first of them names one of 256 values of the
//! job's state, which has the other eight of all its rows in their order: a value holds 8192 of them,
//! so about two million rows are remembered before one of the values is full, in 16 MiB. Even then the
//! chance that any two different rows were ever taken for the same is one in two billion.

use std::collections::BTreeSet;

use cronlet_plugin::prelude::*;
use sha2::{Digest as _, Sha256};

use crate::{failure::Failure, params::Layout, world::World};

/// A row's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    bucket: u8,
    rest: u64,
}

/// The bytes of a key.
pub(crate) const KEY: usize = 9;
/// The bytes of a key in its value.
const REST: usize = size_of::<u64>();
/// The most rows of a value, which has at most 64 KiB.
const FULL: usize = (64 << 10) / REST;

/// Where it is written what the remembered keys are made of.
const ABOUT: &str = "about";

/// Whether a row was imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Met {
    /// By an earlier run.
    Before,
    /// In this run.
    Now,
    Never,
}

/// What the remembered keys are made of.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct About {
    generation: u32,
    key: Vec<String>,
}

/// All rows that were imported.
pub(crate) struct Seen<'a, W> {
    world: &'a W,
    about: About,
    /// As it was found.
    before: Option<Vec<u8>>,
    /// What is remembered is not to be.
    anew: bool,
    /// Rows that an attempt has written whose state was not kept.
    adopted: BTreeSet<Key>,
    buckets: [Option<Bucket>; 256],
}

#[derive(Default)]
struct Bucket {
    /// As it was found: in order, each once.
    known: Vec<u64>,
    added: BTreeSet<u64>,
}

impl Key {
    /// The key that these fields make; none if they are all empty.
    pub(crate) fn of(fields: impl Iterator<Item = Option<String>>) -> Option<Self> {
        let mut hash = Sha256::new();
        let mut empty = true;
        for field in fields {
            // With its length, so that no two rows are the same text.
            match field {
                None => hash.update(u64::MAX.to_be_bytes()),
                Some(field) => {
                    empty = false;
                    hash.update((field.len() as u64).to_be_bytes());
                    hash.update(field);
                }
            }
        }
        let hash = hash.finalize();
        let mut bytes = [0; KEY];
        bytes.copy_from_slice(&hash[..KEY]);
        (!empty).then(|| Self::from_bytes(bytes))
    }

    pub(crate) fn to_bytes(self) -> [u8; KEY] {
        let mut bytes = [0; KEY];
        bytes[0] = self.bucket;
        bytes[1..].copy_from_slice(&self.rest.to_be_bytes());
        bytes
    }

    pub(crate) fn from_bytes(bytes: [u8; KEY]) -> Self {
        let [bucket, rest @ ..] = bytes;
        Self {
            bucket,
            rest: u64::from_be_bytes(rest),
        }
    }
}

impl<'a, W: World> Seen<'a, W> {
    pub(crate) fn open(world: &'a W, layout: &Layout) -> Result<Self, Failure> {
        let about = About {
            generation: layout.generation,
            key: layout
                .key_names()
                .into_iter()
                .map(crate::params::folded)
                .collect(),
        };
        let before = world.recall(ABOUT)?;
        let anew = match &before {
            None => false,
            Some(text) => {
                let before: About = serde_json::from_slice(text)
                    .map_err(|error| damaged(ABOUT, &error.to_string()))?;
                if before.generation == about.generation && before.key != about.key {
                    return Err(key_changed(&before, &about));
                }
                before.generation != about.generation
            }
        };
        Ok(Self {
            world,
            about,
            before,
            anew,
            adopted: BTreeSet::new(),
            buckets: [const { None }; 256],
        })
    }

    /// Whether a row with this key was imported.
    pub(crate) fn met(&mut self, key: Key) -> Result<Met, Failure> {
        let bucket = self.bucket(key.bucket)?;
        let known = bucket.known.binary_search(&key.rest).is_ok();
        let added = bucket.added.contains(&key.rest);
        Ok(if known || self.adopted.contains(&key) {
            Met::Before
        } else if added {
            Met::Now
        } else {
            Met::Never
        })
    }

    /// Adds a row that was imported without being kept.
    pub(crate) fn adopt(&mut self, key: Key) -> Result<(), Failure> {
        self.adopted.insert(key);
        self.add(key)
    }

    /// Adds a row that is imported.
    pub(crate) fn add(&mut self, key: Key) -> Result<(), Failure> {
        let bucket = self.bucket(key.bucket)?;
        bucket.added.insert(key.rest);
        if bucket.known.len() + bucket.added.len() > FULL {
            return Err(Failure::full());
        }
        Ok(())
    }

    /// Leaves it for the next run.
    pub(crate) fn keep(mut self) -> Result<(), Failure> {
        for index in 0..=u8::MAX {
            let name = name(index);
            let Some(bucket) = self.buckets[usize::from(index)].take() else {
                if self.anew
                    && let Some(old) = self.world.recall(&name)?
                {
                    self.world.remember(&name, Some(&old), None)?;
                }
                continue;
            };
            if bucket.added.is_empty() && !self.anew {
                continue;
            }
            let before = if self.anew {
                self.world.recall(&name)?
            } else {
                encode(&bucket.known)
            };
            let mut all = bucket.known;
            all.extend(bucket.added);
            all.sort_unstable();
            all.dedup();
            self.world
                .remember(&name, before.as_deref(), encode(&all).as_deref())?;
        }
        let about =
            serde_json::to_vec(&self.about).map_err(|error| damaged(ABOUT, &error.to_string()))?;
        if self.before.as_ref() == Some(&about) {
            return Ok(());
        }
        self.world
            .remember(ABOUT, self.before.as_deref(), Some(&about))
    }

    fn bucket(&mut self, index: u8) -> Result<&mut Bucket, Failure> {
        let slot = &mut self.buckets[usize::from(index)];
        if slot.is_none() {
            let mut bucket = Bucket::default();
            if !self.anew {
                bucket.known = decode(&name(index), self.world.recall(&name(index))?)?;
            }
            *slot = Some(bucket);
        }
        Ok(slot.get_or_insert_default())
    }
}

fn name(bucket: u8) -> String {
    format!("seen/{bucket:02x}")
}

/// None is what nothing was ever added to.
fn encode(rows: &[u64]) -> Option<Vec<u8>> {
    let bytes = || rows.iter().flat_map(|rest| rest.to_be_bytes()).collect();
    (!rows.is_empty()).then(bytes)
}

fn decode(name: &str, bytes: Option<Vec<u8>>) -> Result<Vec<u64>, Failure> {
    let Some(bytes) = bytes else {
        return Ok(Vec::new());
    };
    let (rows, rest) = bytes.as_chunks();
    let rows: Vec<_> = rows.iter().map(|row| u64::from_be_bytes(*row)).collect();
    if !rest.is_empty() || !rows.is_sorted_by(|a, b| a < b) {
        return Err(damaged(name, "its rows are in no order"));
    }
    Ok(rows)
}

fn damaged(name: &str, why: &str) -> Failure {
    let told = format!("what is remembered under `{name}` was not written by this job: {why}");
    Failure::never("bad-state", told)
}

fn key_changed(before: &About, about: &About) -> Failure {
    let names = |about: &About| about.key.join("`, `");
    Failure::never(
        "key-changed",
        format!(
            "`key` was `{}` and is `{}`, so every row would be imported again: if that is wanted, \
             give `generation` another number",
            names(before),
            names(about)
        ),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{params::Params, world::fake::Fake};

    fn layout(key: &[&str], generation: u32) -> Layout {
        let params = json!({
            "columns": [{"name": "a"}, {"name": "b"}],
            "key": key,
            "generation": generation,
        });
        let params: Params = serde_json::from_value(params).unwrap();
        params.check().unwrap()
    }

    fn key(text: &str) -> Key {
        Key::of([Some(text.to_owned())].into_iter()).unwrap()
    }

    #[test]
    fn keys_are_of_their_fields_and_of_nothing_else() {
        let of = |fields: &[Option<&str>]| Key::of(fields.iter().map(|it| it.map(str::to_owned)));
        assert_eq!(of(&[Some("a"), Some("b")]), of(&[Some("a"), Some("b")]));
        for other in [
            &[Some("ab"), Some("")][..],
            &[Some("a"), None],
            &[Some("a")],
            &[Some("b"), Some("a")],
        ] {
            assert_ne!(of(&[Some("a"), Some("b")]), of(other));
        }
        assert_ne!(of(&[Some("")]), of(&[None, Some("")]));
        assert_eq!(of(&[None, None]), None);
        let key = key("a");
        assert_eq!(Key::from_bytes(key.to_bytes()), key);
        // SHA-256 of a length and an `a`, so that an update of the job knows its rows again.
        assert_eq!(
            key.to_bytes(),
            [0x3b, 0x19, 0x6f, 0xd4, 0x90, 0x7b, 0xed, 0xf5, 0x1c]
        );
    }

    #[test]
    fn what_is_kept_is_met_again() {
        let world = Fake::default();
        let mut seen = Seen::open(&world, &layout(&["a"], 1)).unwrap();
        for number in 0..2000 {
            let key = key(&number.to_string());
            assert_eq!(seen.met(key).unwrap(), Met::Never);
            seen.add(key).unwrap();
            assert_eq!(seen.met(key).unwrap(), Met::Now);
        }
        seen.keep().unwrap();
        let bytes: usize = world.state.borrow().values().map(Vec::len).sum();
        assert!(bytes < 2000 * 8 + 100, "{bytes}");
        for round in 0..2 {
            let mut seen = Seen::open(&world, &layout(&["a"], 1)).unwrap();
            assert_eq!(seen.met(key("7")).unwrap(), Met::Before);
            let new = key(&format!("new in round {round}"));
            assert_eq!(seen.met(new).unwrap(), Met::Never);
            seen.add(new).unwrap();
            seen.keep().unwrap();
        }
    }

    #[test]
    fn another_generation_forgets_all_of_it() {
        let world = Fake::default();
        let mut seen = Seen::open(&world, &layout(&["a"], 1)).unwrap();
        for number in 0..2000 {
            seen.add(key(&number.to_string())).unwrap();
        }
        seen.keep().unwrap();
        let mut seen = Seen::open(&world, &layout(&["b"], 2)).unwrap();
        assert_eq!(seen.met(key("7")).unwrap(), Met::Never);
        seen.add(key("7")).unwrap();
        seen.keep().unwrap();
        let mut names: Vec<_> = world.state.borrow().keys().cloned().collect();
        names.retain(|name| name.starts_with("seen/"));
        assert_eq!(names.len(), 1);
        let mut seen = Seen::open(&world, &layout(&["b"], 2)).unwrap();
        assert_eq!(seen.met(key("7")).unwrap(), Met::Before);
        assert_eq!(seen.met(key("8")).unwrap(), Met::Never);
    }

    #[test]
    fn another_key_is_no_accident() {
        let world = Fake::default();
        Seen::open(&world, &layout(&["a"], 1))
            .unwrap()
            .keep()
            .unwrap();
        let failure = Seen::open(&world, &layout(&["a", "b"], 1)).err().unwrap();
        assert_eq!(failure.code(), "key-changed");
        assert!(
            failure
                .message()
                .starts_with("`key` was `a` and is `a`, `b`")
        );
    }

    #[test]
    fn a_full_bucket_ends_the_run_before_it_imports() {
        let world = Fake::default();
        let mut seen = Seen::open(&world, &layout(&["a"], 1)).unwrap();
        let key = |rest| Key { bucket: 3, rest };
        for rest in 0..FULL as u64 {
            seen.add(key(rest)).unwrap();
        }
        assert_eq!(seen.add(key(u64::MAX)).unwrap_err().code(), "state-full");
    }

    #[test]
    fn damaged_state_is_told() {
        for damage in [&b"12345"[..], b"", b"2222222211111111", b"1111111111111111"] {
            let world = Fake::default();
            let row = key("a");
            world
                .state
                .borrow_mut()
                .insert(name(row.bucket), damage.to_vec());
            let mut seen = Seen::open(&world, &layout(&["a"], 1)).unwrap();
            let met = seen.met(row);
            assert_eq!(met.is_err(), !damage.is_empty(), "{damage:?}");
        }
        let world = Fake::default();
        world
            .state
            .borrow_mut()
            .insert(ABOUT.to_owned(), b"{}".to_vec());
        let failure = Seen::open(&world, &layout(&["a"], 1)).err().unwrap();
        assert_eq!(failure.code(), "bad-state");
    }
}
