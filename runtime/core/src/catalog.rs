//! What is known of the components and directories that a schedules file refers to.
//!
//! A reference becoming a digest is one step, done before a plan is resolved, so
//! that the file's text never meets the sandbox.

use std::{collections::BTreeMap, path::PathBuf};

use crate::digest::Digest;

/// What was looked up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Catalog {
    /// The components, by the reference that the file uses, as written: `hello`, `./hello.wasm`.
    pub components: BTreeMap<String, Result<Loaded, Unusable>>,
    /// The last good ones, which take the place of those that cannot be used.
    pub last_good: BTreeMap<Need, Loaded>,
    /// The directories that it grants, and where each of them really is.
    pub directories: BTreeMap<Directory, Result<PathBuf, Unusable>>,
}

/// A component as a job asks for it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Need {
    /// As written: `hello`, `./hello.wasm`.
    pub plugin: String,
    /// The only one that will do.
    pub sha256: Option<Digest>,
}

impl Catalog {
    /// The component that each plugin has, whatever a job asks of it.
    pub fn accepted(&self) -> BTreeMap<String, Digest> {
        let loaded = self.components.iter().filter_map(|(plugin, loaded)| {
            let need = || Need {
                plugin: plugin.clone(),
                sha256: None,
            };
            let loaded = loaded.as_ref().ok();
            let loaded = loaded.or_else(|| self.last_good.get(&need()))?;
            Some((plugin.clone(), loaded.digest))
        });
        loaded.collect()
    }
}

/// A component that can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// Of its bytes.
    pub digest: Digest,
    /// The world it is for: `job` or `described-job`.
    pub world: String,
}

/// A directory as somebody wants to grant it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Directory {
    /// The path that leads to it.
    pub path: PathBuf,
    /// Whether it is to be written too.
    pub write: bool,
}

/// A component or a directory that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unusable {
    /// Short and stable. Of a component: `missing`, `unreadable`, `not-a-component`, `not-a-job`,
    /// `too-large`, `invalid`, `import`. Of a directory: `missing`, `unreadable`, `unwritable`,
    /// `not-a-directory`.
    pub code: &'static str,
    /// What is wrong; of a component as the rest of "`hello` cannot be used: …".
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}
