//! What a file looks like from outside, and where its name leads.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io::{self, Read as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Component, Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use cronlet_core::digest::Digest;
use rustix::fs::OFlags;

use super::super::read::MAX_LEN;

/// As the kernel has it.
const MAX_LINKS: usize = 40;

/// A second change within this time may leave a file looking as it did after the first: a FAT file
/// system keeps times to two seconds.
pub(super) const GRAIN: Duration = Duration::from_millis(2500);

/// More of a component is not compared. No component of this size is loaded.
const MAX_COMPONENT: u64 = 128 << 20;

/// How the files look. A changed file looks different: even one that was written in place, has the
/// size it had, and was given back its time of modification.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Prints {
    /// Of what is in the schedules file, for a file system whose times tell too little. It is small.
    text: Option<Digest>,
    files: BTreeMap<PathBuf, Option<Print>>,
}

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
        Self {
            text: content(file, MAX_LEN),
            files: files
                .map(|path| (path.to_owned(), Print::take(path).ok()))
                .collect(),
        }
    }

    /// The files that look other than `before`, and of those that were not looked at before the ones
    /// that were changed lately. One more change of these may not show: see [`GRAIN`].
    pub(super) fn fresh(&self, before: &Self) -> BTreeSet<PathBuf> {
        let lately = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |now| now.saturating_sub(GRAIN).as_secs());
        let is_fresh = |(path, print): &(&PathBuf, &Option<Print>)| match before.files.get(*path) {
            Some(old) => old != *print,
            None => print
                .as_ref()
                .is_some_and(|print| u64::try_from(print.modified.0).is_ok_and(|at| at >= lately)),
        };
        let fresh = self.files.iter().filter(is_fresh);
        fresh.map(|(path, _)| path.clone()).collect()
    }
}

impl Print {
    /// A file that may be read is opened first: a network file system then asks its server, where it
    /// else tells what it knew up to a minute ago.
    fn take(path: &Path) -> io::Result<Self> {
        let data = match open(path) {
            Ok(file) => file.metadata()?,
            Err(_) => fs::metadata(path)?,
        };
        Ok(Self {
            device: data.dev(),
            inode: data.ino(),
            size: data.size(),
            modified: (data.mtime(), data.mtime_nsec()),
            changed: (data.ctime(), data.ctime_nsec()),
        })
    }
}

/// What is in these files now.
pub(super) fn contents(paths: &BTreeSet<PathBuf>) -> BTreeMap<PathBuf, Option<Digest>> {
    let content = |path: &PathBuf| (path.clone(), content(path, MAX_COMPONENT));
    paths.iter().map(content).collect()
}

/// Of a file that can be read, as far as anybody would read it.
fn content(path: &Path, most: u64) -> Option<Digest> {
    let file = open(path).ok()?;
    if !file.metadata().ok()?.is_file() {
        return None;
    }
    let mut bytes = Vec::new();
    file.take(most + 1).read_to_end(&mut bytes).ok()?;
    Some(Digest::of(&bytes))
}

/// Never waits for somebody at the other end of a pipe.
fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    File::options().read(true).custom_flags(flags).open(path)
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
