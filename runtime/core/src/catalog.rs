//! What is known of the components that a schedules file refers to.
//!
//! A reference becoming a digest is one step, done before a plan is resolved, so
//! that the file's text never meets the sandbox.

use std::collections::BTreeMap;

use crate::digest::Digest;

/// The components by the reference that the file uses, as written: `hello`, `./hello.wasm`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Catalog {
    /// Every reference that was looked up.
    pub components: BTreeMap<String, Result<Loaded, Unusable>>,
}

/// A component that can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// Of its bytes.
    pub digest: Digest,
    /// The world it is for: `job` or `described-job`.
    pub world: String,
}

/// A component that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unusable {
    /// Short and stable: `missing`, `unreadable`, `not-a-component`, `not-a-job`, `too-large`, `invalid`, `import`.
    pub code: &'static str,
    /// What is wrong, as the rest of "`hello` cannot be used: …".
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}
