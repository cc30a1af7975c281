//! The components that were accepted, for a start at which their files are gone or broken.
//!
//! Each is a file, byte for byte, by its digest, which is checked when it is read. `plugins.json` beside
//! them says which one each plugin had in the plan that is live. It is written before a component is
//! deleted, so that it never names one that is gone: a crash in between leaves a file too many.
//!
//! One daemon owns the database, and with it this folder; only the thread that reads the schedules file
//! writes here.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
};

use cronlet_core::digest::Digest;

use super::folder;

const INDEX: &str = "plugins.json";
const COMPONENT: &str = "wasm";

/// A folder of components. One that cannot be used is as good as an empty one.
pub(super) struct LastGood {
    dir: Option<PathBuf>,
}

/// Which component each plugin had, by what the schedules file calls it.
type Index = BTreeMap<String, Digest>;

impl LastGood {
    /// The components in `dir`, which is made if it is not there.
    pub(super) fn open(dir: Option<PathBuf>) -> Self {
        let without = "components are not kept: a start needs all of their files";
        let dir = folder::open(dir, without);
        Self { dir }
    }

    /// Keeps a component, unless it is there and sound.
    pub(super) fn put(&self, digest: Digest, bytes: &[u8]) {
        let Some(path) = self.path(digest) else {
            return;
        };
        if folder::read(&path).is_ok_and(|kept| kept == bytes) {
            return;
        }
        if let Err(error) = folder::write(&path, &[bytes], true) {
            tracing::warn!(path = %path.display(), %error, "a component is not kept");
        }
    }

    /// The component of this digest, if it is there and sound.
    pub(super) fn get(&self, digest: Digest) -> Option<Vec<u8>> {
        let path = self.path(digest)?;
        let bytes = match folder::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "a kept component is not used");
                return None;
            }
        };
        if Digest::of(&bytes) != digest {
            tracing::warn!(path = %path.display(), "a kept component is damaged, and not used");
            return None;
        }
        Some(bytes)
    }

    /// The component that a plugin had last.
    pub(super) fn last_of(&self, plugin: &str) -> Option<Digest> {
        self.index().get(plugin).copied()
    }

    /// Writes down which component each plugin has, and deletes what neither they nor `needed` name.
    pub(super) fn retain(&self, plugins: &Index, needed: &BTreeSet<Digest>) {
        let Some(dir) = &self.dir else { return };
        if let Err(error) = self.remember(dir, plugins) {
            // What is written there still names the components of before.
            tracing::warn!(dir = %dir.display(), %error, "it is not kept which components are live");
            return;
        }
        for file in fs::read_dir(dir).into_iter().flatten().flatten() {
            let path = file.path();
            let goes = useless(&path, |digest| {
                !needed.contains(&digest) && !plugins.values().any(|it| *it == digest)
            });
            if goes && let Err(error) = fs::remove_file(&path) {
                tracing::debug!(path = %path.display(), %error, "an old component is not deleted");
            }
        }
    }

    fn remember(&self, dir: &Path, plugins: &Index) -> io::Result<()> {
        if self.index() == *plugins {
            return Ok(());
        }
        let texts = plugins.iter().map(|(name, it)| (name, it.to_string()));
        let texts: BTreeMap<_, _> = texts.collect();
        let mut text = serde_json::to_vec_pretty(&texts)?;
        text.push(b'\n');
        folder::write(&dir.join(INDEX), &[&text], true)
    }

    /// What is written down. One that cannot be read is as good as none.
    fn index(&self) -> Index {
        let Some(dir) = &self.dir else {
            return Index::new();
        };
        let path = dir.join(INDEX);
        let read = folder::read(&path).and_then(|text| {
            let texts: BTreeMap<String, String> = serde_json::from_slice(&text)?;
            Ok(texts)
        });
        match read {
            Ok(texts) => texts
                .into_iter()
                .filter_map(|(name, digest)| Some((name, Digest::from_hex(&digest)?)))
                .collect(),
            Err(error) => {
                if error.kind() != io::ErrorKind::NotFound {
                    tracing::warn!(path = %path.display(), %error, "which components were live is not known");
                }
                Index::new()
            }
        }
    }

    fn path(&self, digest: Digest) -> Option<PathBuf> {
        let dir = self.dir.as_ref()?;
        Some(dir.join(digest.to_string()).with_extension(COMPONENT))
    }
}

/// Whether a file can go. One whose name is not like ours is somebody else's.
fn useless(path: &Path, unneeded: impl FnOnce(Digest) -> bool) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    let Some((stem, rest)) = name.and_then(|name| name.split_once('.')) else {
        return false;
    };
    if Path::new(rest)
        .extension()
        .is_some_and(|end| end == folder::UNFINISHED)
    {
        // Nobody writes here now, so it was left by a daemon that died.
        return Digest::from_hex(stem).is_some() || INDEX.starts_with(stem);
    }
    rest == COMPONENT && Digest::from_hex(stem).is_some_and(unneeded)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn keep(dir: &Path) -> LastGood {
        LastGood::open(Some(dir.join("kept")))
    }

    fn names(dir: &Path) -> BTreeSet<String> {
        let files = fs::read_dir(dir.join("kept")).unwrap();
        files
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .collect()
    }

    #[test]
    fn what_is_kept_is_there_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let (a, b) = (Digest::of(b"a"), Digest::of(b"b"));
        let before = keep(dir.path());
        before.put(a, b"a");
        before.put(b, b"b");
        before.retain(
            &Index::from([("plugin a\n".to_owned(), a)]),
            &BTreeSet::from([b]),
        );
        let after = keep(dir.path());
        assert_eq!(after.last_of("plugin a\n"), Some(a));
        assert_eq!(after.last_of("b"), None);
        assert_eq!(after.get(a).as_deref(), Some(&b"a"[..]));
        assert_eq!(after.get(b).as_deref(), Some(&b"b"[..]));
        assert_eq!(after.get(Digest::of(b"c")), None);
        let mode = |name: &str| {
            let path = dir.path().join("kept").join(name);
            fs::metadata(path).unwrap().permissions().mode() & 0o777
        };
        assert_eq!((mode(""), mode(INDEX)), (0o700, 0o600));
        assert_eq!(mode(&format!("{a}.wasm")), 0o600);
    }

    #[test]
    fn what_nothing_needs_is_deleted() {
        let dir = tempfile::tempdir().unwrap();
        let keep = keep(dir.path());
        let (a, b, c) = (Digest::of(b"a"), Digest::of(b"b"), Digest::of(b"c"));
        for (digest, bytes) in [(a, b"a"), (b, b"b"), (c, b"c")] {
            keep.put(digest, bytes);
        }
        let file = |name: &str| fs::write(dir.path().join("kept").join(name), "").unwrap();
        file(&format!("{a}.1-0.tmp"));
        file("plugins.1-1.tmp");
        file("notes.wasm");
        file("notes.tmp");
        keep.retain(&Index::from([("a".to_owned(), a)]), &BTreeSet::from([b]));
        let left = ["plugins.json", "notes.wasm", "notes.tmp"].map(ToOwned::to_owned);
        let left = left
            .into_iter()
            .chain([a, b].map(|it| format!("{it}.wasm")));
        assert_eq!(names(dir.path()), left.collect());
    }

    #[test]
    fn what_is_damaged_is_not_used_and_written_again() {
        let dir = tempfile::tempdir().unwrap();
        let keep = keep(dir.path());
        let a = Digest::of(b"a");
        keep.put(a, b"a");
        keep.retain(&Index::from([("a".to_owned(), a)]), &BTreeSet::new());
        fs::write(keep.path(a).unwrap(), b"b").unwrap();
        assert_eq!(keep.get(a), None);
        keep.put(a, b"a");
        assert!(keep.get(a).is_some());
        fs::write(dir.path().join("kept").join(INDEX), b"{ half of").unwrap();
        assert_eq!(keep.last_of("a"), None);
        keep.retain(&Index::from([("a".to_owned(), a)]), &BTreeSet::new());
        assert_eq!(keep.last_of("a"), Some(a));
    }

    #[test]
    fn a_folder_that_others_can_write_is_not_used() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("kept")).unwrap();
        let open = fs::Permissions::from_mode(0o777);
        fs::set_permissions(dir.path().join("kept"), open).unwrap();
        let keep = keep(dir.path());
        let a = Digest::of(b"a");
        keep.put(a, b"a");
        keep.retain(&Index::from([("a".to_owned(), a)]), &BTreeSet::new());
        assert_eq!((keep.get(a), keep.last_of("a")), (None, None));
        assert!(names(dir.path()).is_empty());
    }
}
