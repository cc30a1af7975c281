//! Grants that reach too far: a job that can write a compiled component, or the schedules file itself,
//! is in no sandbox any more.

use std::path::{Path, PathBuf};

/// What no job may write, with the names that people know it by.
pub(super) struct Guarded {
    things: Vec<Thing>,
}

struct Thing {
    what: &'static str,
    /// Where it really is, or would be.
    real: PathBuf,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A file, or a folder without the folders in it.
    Plain,
    /// With the files beside it whose names begin with its own.
    Database,
}

impl Guarded {
    pub(super) fn new() -> Self {
        Self { things: Vec::new() }
    }

    pub(super) fn add(&mut self, what: &'static str, path: &Path) {
        self.push(what, path, Kind::Plain);
    }

    pub(super) fn database(&mut self, path: &Path) {
        self.push("the database", path, Kind::Database);
    }

    fn push(&mut self, what: &'static str, path: &Path, kind: Kind) {
        let real = real(path);
        self.things.push(Thing { what, real, kind });
    }

    /// What is reached by a directory that really is at `real`, if it is to be written.
    pub(super) fn written(&self, real: &Path) -> Option<&'static str> {
        let mut things = self.things.iter();
        things.find(|it| it.is_in(real)).map(|it| it.what)
    }

    /// Whether the history can be read there.
    pub(super) fn shows_history(&self, real: &Path) -> bool {
        let mut things = self.things.iter();
        things.any(|it| it.kind == Kind::Database && it.real.starts_with(real))
    }
}

impl Thing {
    fn is_in(&self, granted: &Path) -> bool {
        self.real.starts_with(granted) || (self.kind == Kind::Database && self.is_beside(granted))
    }

    /// The compiled components are beside the database, in a folder of its name.
    fn is_beside(&self, granted: &Path) -> bool {
        let (Some(folder), Some(name)) = (self.real.parent(), self.real.file_name()) else {
            return false;
        };
        let first = granted.strip_prefix(folder).ok();
        let first = first.and_then(|rest| rest.components().next());
        first.is_some_and(|first| {
            let (first, name) = (first.as_os_str(), name.as_encoded_bytes());
            first.as_encoded_bytes().starts_with(name)
        })
    }
}

/// Where `path` leads, as far as it is there.
fn real(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    for ancestor in path.ancestors() {
        if let (Ok(real), Ok(rest)) = (ancestor.canonicalize(), path.strip_prefix(ancestor)) {
            return real.join(rest);
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use super::*;

    #[test]
    fn what_decides_over_jobs_is_found_wherever_a_grant_leads() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        for folder in [
            "conf",
            "plugins/sub",
            "db/history.db.cache",
            "db/data",
            "other",
        ] {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        symlink(root.join("db"), root.join("link")).unwrap();
        let mut guarded = Guarded::new();
        guarded.add("the file", &root.join("conf/schedules.toml"));
        guarded.add("the plugins", &root.join("plugins"));
        guarded.database(&root.join("link/history.db"));
        let written = |path: &str| guarded.written(&root.join(path));
        assert_eq!(written("conf"), Some("the file"));
        assert_eq!(written("plugins"), Some("the plugins"));
        assert_eq!(written("plugins/sub"), None);
        assert_eq!(written("db"), Some("the database"));
        assert_eq!(written("db/history.db.cache"), Some("the database"));
        assert_eq!(written("db/data"), None);
        assert_eq!(written("other"), None);
        assert_eq!(guarded.written(Path::new("/")), Some("the file"));
        assert!(guarded.shows_history(&root));
        assert!(!guarded.shows_history(&root.join("db/history.db.cache")));
    }
}
