//! What a file looks like from outside, and where its name leads.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Component, Path, PathBuf},
};

/// As the kernel has it.
const MAX_LINKS: usize = 40;

/// How the files look. A changed file looks different: even one that was written in place, has the
/// size it had, and was given back its time of modification.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Prints(Vec<Option<Print>>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Print {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

/// Everything on the way from the files' names to the files: a link that is replaced, anywhere on it,
/// is another file.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Ways {
    /// The files and the links on the way to them.
    pub(super) paths: BTreeSet<PathBuf>,
    /// The folders these are in, as they are now: device and inode, none for one that is not there.
    pub(super) folders: BTreeMap<PathBuf, Option<(u64, u64)>>,
}

impl Prints {
    pub(super) fn take(file: &Path, components: &BTreeSet<PathBuf>) -> Self {
        let files = std::iter::once(file).chain(components.iter().map(PathBuf::as_path));
        Self(files.map(|path| Print::take(path).ok()).collect())
    }
}

impl Print {
    fn take(path: &Path) -> io::Result<Self> {
        let data = fs::metadata(path)?;
        Ok(Self {
            device: data.dev(),
            inode: data.ino(),
            size: data.size(),
            modified: (data.mtime(), data.mtime_nsec()),
            changed: (data.ctime(), data.ctime_nsec()),
        })
    }
}

impl Ways {
    pub(super) fn to(file: &Path, components: &BTreeSet<PathBuf>) -> Self {
        let mut ways = Self::default();
        for path in std::iter::once(file).chain(components.iter().map(PathBuf::as_path)) {
            ways.add(path);
        }
        let folders = ways.paths.iter().filter_map(|path| path.parent());
        ways.folders = folders
            .map(|folder| {
                let data = fs::metadata(folder).ok();
                (folder.to_owned(), data.map(|data| (data.dev(), data.ino())))
            })
            .collect();
        ways
    }

    /// Walks to `path` as the kernel does, and notes each link and the end.
    fn add(&mut self, path: &Path) {
        let mut links = MAX_LINKS;
        let mut left = parts(&absolute(path));
        let mut here = PathBuf::from("/");
        while let Some(part) = left.pop() {
            if part.as_os_str() == ".." {
                here.pop();
                continue;
            }
            let next = here.join(&part);
            match fs::read_link(&next) {
                Ok(target) if links > 0 => {
                    links -= 1;
                    self.paths.insert(next);
                    if target.is_absolute() {
                        here = PathBuf::from("/");
                    }
                    left.extend(parts(&target));
                }
                _ => here = next,
            }
        }
        self.paths.insert(here);
    }
}

/// The names on the way, the first one last.
fn parts(path: &Path) -> Vec<PathBuf> {
    let part = |component| match component {
        Component::Normal(name) => Some(PathBuf::from(name)),
        Component::ParentDir => Some(PathBuf::from("..")),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    };
    let mut parts: Vec<_> = path.components().filter_map(part).collect();
    parts.reverse();
    parts
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
