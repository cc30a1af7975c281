//! Reading a schedules file with its components.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::Arc,
};

use cronlet_core::{
    catalog::{Catalog, Directory, Loaded, Need, Unusable},
    digest::Digest,
    plan::Plan,
};

use crate::{
    config::{self, Draft, Environment, Problems, Severity},
    sandbox::{Sandbox, directory},
};

/// Where components come from.
pub trait Components: Send + Sync + 'static {
    /// Makes the component at `path` ready to run. It may take seconds.
    fn load(&self, path: &Path) -> Result<Loaded, Unusable>;

    /// The component that took this one's place in the last plan, or was it, ready to run.
    fn last_good(&self, need: &Need) -> Option<Loaded>;

    /// Keeps it for the next start which component each plugin has, and drops every component that is
    /// not `needed`.
    fn retain(&self, plugins: &BTreeMap<String, Digest>, needed: &BTreeSet<Digest>);
}

/// A schedules file with its surroundings.
pub struct Schedules {
    /// As it was named.
    pub file: PathBuf,
    /// What overrides keys of `[runtime]`.
    pub environment: Environment,
    pub components: Arc<dyn Components>,
}

/// A text, as far as it could be read.
pub(super) struct Text {
    pub(super) draft: Draft,
    pub(super) problems: Option<Problems>,
}

/// A file that was read, with what its components are.
pub(super) struct Reading {
    pub(super) draft: Draft,
    pub(super) catalog: Catalog,
}

/// The first plan, and what it came from.
#[derive(Debug)]
pub struct First {
    pub draft: Draft,
    pub catalog: Catalog,
    pub plan: Arc<Plan>,
}

/// The directories that `draft` grants, each looked at as an attempt would use it.
pub fn directories(draft: &Draft) -> BTreeMap<Directory, Result<PathBuf, Unusable>> {
    let look = |wanted: Directory| (wanted.clone(), directory::look(&wanted));
    draft.directories().into_iter().map(look).collect()
}

impl Components for Sandbox {
    fn load(&self, path: &Path) -> Result<Loaded, Unusable> {
        Self::load(self, path)
    }

    fn last_good(&self, need: &Need) -> Option<Loaded> {
        Self::last_good(self, need)
    }

    fn retain(&self, plugins: &BTreeMap<String, Digest>, needed: &BTreeSet<Digest>) {
        Self::retain(self, plugins, needed);
    }
}

impl Schedules {
    /// The first plan: where a component cannot be used, the last good one takes its place; without
    /// one, the job fails alone.
    pub fn first(&self, draft: Draft) -> First {
        let mut catalog = self.load(&draft, || false).unwrap_or_default();
        for need in draft.lacking(&catalog) {
            if let Some(loaded) = self.components.last_good(&need) {
                catalog.last_good.insert(need, loaded);
            }
        }
        let plan = draft.resolve(&catalog).into();
        First {
            draft,
            catalog,
            plan,
        }
    }

    /// Reads `text` for a reload, and no component yet.
    pub(super) fn survey(&self, text: &str) -> Text {
        let (draft, problems) = config::survey(&self.name(), text, &self.environment);
        Text { draft, problems }
    }

    /// Loads the components too: all must be usable. None if it was superseded meanwhile.
    pub(super) fn read(
        &self,
        text: Text,
        superseded: impl FnMut() -> bool,
    ) -> Option<Result<Reading, Problems>> {
        let Text { draft, problems } = text;
        let catalog = self.load(&draft, superseded)?;
        let draft = draft.look_for_plugins();
        let Some(problems) = problems else {
            return Some(Ok(Reading { draft, catalog }));
        };
        // What is wrong with the components is told with what is wrong with the text.
        let mut all = problems.clone().into_vec();
        all.extend(
            draft
                .unusable(&catalog, Severity::Error)
                .map_or_else(Vec::new, Problems::into_vec),
        );
        Some(Err(Problems::new(draft.source(), all).unwrap_or(problems)))
    }

    /// Loads what `draft` refers to. None if it was superseded between two components.
    fn load(&self, draft: &Draft, mut superseded: impl FnMut() -> bool) -> Option<Catalog> {
        let mut catalog = Catalog::default();
        for reference in draft.references() {
            if superseded() {
                return None;
            }
            let loaded = self.components.load(&reference.path);
            catalog.components.insert(reference.written, loaded);
        }
        catalog.directories = directories(draft);
        Some(catalog)
    }

    fn name(&self) -> Cow<'_, str> {
        self.file.to_string_lossy()
    }
}
