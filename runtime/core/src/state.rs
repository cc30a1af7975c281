//! What a job remembers from run to run: few and small values under keys, its own and nobody else's.
//!
//! An attempt reads what there was when it started, and what it wrote itself. What it changed is kept
//! only if it succeeds, together with its end; until then nobody else sees it.

use std::{collections::BTreeMap, fmt, sync::Arc};

use crate::digest::Digest;

/// The longest key, in bytes. None is empty.
pub const MAX_KEY: usize = 512;

/// What an entry counts for beside its key and its value, in bytes. To have one takes memory however
/// small it is, about three times as much while an attempt has written it: without this, a guest could
/// have its host hold millions of empty ones.
pub const ENTRY: u64 = 64;

/// The name of a value; keys are ordered by their bytes.
pub type Key = Arc<str>;

/// All that a job remembers.
pub type Entries = BTreeMap<Key, Arc<[u8]>>;

/// What an entry counts for in a job's `max_state`, in bytes.
pub const fn size(key: &str, value: &[u8]) -> u64 {
    ENTRY + key.len() as u64 + value.len() as u64
}

/// What one attempt did to the state that it had read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StateChanges {
    writes: BTreeMap<Key, Write>,
    found: BTreeMap<Key, Option<Digest>>,
    replaced: u64,
    written: u64,
}

/// What became of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// What it holds from now on; none is nothing.
    pub value: Option<Value>,
    /// What the entry counted for in the state that was read; zero if there was none.
    pub replaced: u64,
}

/// A value that was written.
#[derive(Clone, PartialEq, Eq)]
pub struct Value {
    bytes: Arc<[u8]>,
    digest: Digest,
}

impl Value {
    /// Computes the digest, which takes a while for a large value.
    pub fn new(bytes: Arc<[u8]>) -> Self {
        let digest = Digest::of(&bytes);
        Self { bytes, digest }
    }

    /// A value whose digest is known.
    pub const fn with_digest(bytes: Arc<[u8]>, digest: Digest) -> Self {
        Self { bytes, digest }
    }

    /// As it is.
    pub const fn bytes(&self) -> &Arc<[u8]> {
        &self.bytes
    }

    /// What stands for it where it is only compared.
    pub const fn digest(&self) -> Digest {
        self.digest
    }
}

/// A value is a guest's own, and may be large.
impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes {:?}", self.bytes.len(), self.digest)
    }
}

impl Write {
    /// What the entry counts for from now on, given its key.
    pub fn size(&self, key: &str) -> u64 {
        self.value
            .as_ref()
            .map_or(0, |value| size(key, value.bytes()))
    }
}

impl StateChanges {
    /// The keys that were written, and what the attempt's compare-and-sets found in the state that it
    /// had read, none where a key held nothing. One that found a write of the attempt's own is not there.
    pub fn new(writes: BTreeMap<Key, Write>, found: BTreeMap<Key, Option<Digest>>) -> Self {
        Self {
            replaced: writes.values().map(|write| write.replaced).sum(),
            written: writes.iter().map(|(key, write)| write.size(key)).sum(),
            writes,
            found,
        }
    }

    /// What became of each key that was written.
    pub const fn writes(&self) -> &BTreeMap<Key, Write> {
        &self.writes
    }

    /// What its compare-and-sets found, and what must still be there when its end is decided.
    pub const fn found(&self) -> &BTreeMap<Key, Option<Digest>> {
        &self.found
    }

    /// What the keys that were written counted for before, all together.
    pub const fn replaced(&self) -> u64 {
        self.replaced
    }

    /// What they count for from now on, all together.
    pub const fn written(&self) -> u64 {
        self.written
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_summed_over_keys() {
        let value = Value::new(b"12345"[..].into());
        let writes = BTreeMap::from([
            (
                Key::from("ab"),
                Write {
                    value: Some(value),
                    replaced: 70,
                },
            ),
            (
                Key::from("gone"),
                Write {
                    value: None,
                    replaced: 100,
                },
            ),
        ]);
        let changes = StateChanges::new(writes, BTreeMap::new());
        assert_eq!((changes.replaced(), changes.written()), (170, 64 + 2 + 5));
    }

    #[test]
    fn a_value_is_not_printed() {
        let value = Value::new(b"secret"[..].into());
        assert_eq!(format!("{value:?}"), "6 bytes 2bb80d53…");
    }
}
