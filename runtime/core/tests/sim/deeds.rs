//! What the model guests do with their job's state, and how a stranger would tell it afterwards.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use cronlet_core::{
    digest::Digest,
    state::{ENTRY, Entries, Key, StateChanges, Value, Write},
};

use crate::prng::Prng;

/// Few keys and few values, so that guests meet, and things become what they were.
const KEYS: [&str; 3] = ["a", "b", "ccc"];
const VALUES: [&[u8]; 3] = [b"0", b"11", b""];

/// What a key holds; none is nothing.
pub(crate) type Held = Option<Arc<[u8]>>;

/// What an attempt did to one key.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Deed {
    pub(crate) key: Key,
    /// What a compare-and-set found there, in the state that the attempt had read.
    pub(crate) found: Option<Held>,
    /// What the attempt left there, if it changed it.
    pub(crate) left: Option<Held>,
}

/// What a state counts for.
pub(crate) fn total(entries: &Entries) -> u64 {
    let sizes = entries
        .iter()
        .map(|(key, value)| ENTRY + (key.len() + value.len()) as u64);
    sizes.sum()
}

/// A guest that has read what is `there` and keeps within `max` does anything.
pub(crate) fn live(rng: &mut Prng, there: &Entries, max: u64) -> Vec<Deed> {
    let mut now = there.clone();
    let mut own = BTreeSet::new();
    let mut found = BTreeMap::new();
    for _ in 0..rng.below(6) {
        let before = now.clone();
        let key = Key::from(rng.one_of(KEYS));
        let new = (!rng.percent(25)).then(|| Arc::from(rng.one_of(VALUES)));
        if rng.percent(60) {
            let has = now.get(&key).cloned();
            let guess = rng.percent(20).then(|| Arc::from(rng.one_of(VALUES)));
            if guess.is_some() && guess != has {
                continue;
            }
            if !own.contains(&key) {
                found.entry(key.clone()).or_insert(has);
            }
        }
        match new {
            Some(new) => drop(now.insert(key.clone(), new)),
            None => drop(now.remove(&key)),
        }
        if total(&now) > max.max(total(&before)) {
            now = before;
        } else if now != before {
            own.insert(key);
        }
    }
    let keys: BTreeSet<_> = own.iter().chain(found.keys()).cloned().collect();
    keys.into_iter()
        .map(|key| Deed {
            left: (there.get(&key) != now.get(&key)).then(|| now.get(&key).cloned()),
            found: found.get(&key).cloned(),
            key,
        })
        .collect()
}

/// As the sandbox says it.
pub(crate) fn changes(there: &Entries, deeds: &[Deed]) -> Option<Arc<StateChanges>> {
    let write = |deed: &Deed| {
        let value = deed.left.clone()?.map(Value::new);
        let replaced = there
            .get(&deed.key)
            .map(|value| ENTRY + (deed.key.len() + value.len()) as u64);
        let replaced = replaced.unwrap_or(0);
        Some((deed.key.clone(), Write { value, replaced }))
    };
    let found = |deed: &Deed| {
        let found = deed.found.clone()?;
        Some((deed.key.clone(), found.map(|value| Digest::of(&value))))
    };
    let writes = deeds.iter().filter_map(write).collect();
    let found = deeds.iter().filter_map(found).collect();
    (!deeds.is_empty()).then(|| Arc::new(StateChanges::new(writes, found)))
}
