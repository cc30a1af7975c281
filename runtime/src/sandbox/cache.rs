//! Compiled components on disk, so that a warm start compiles nothing.
//!
//! What is in here is machine code that will run unchecked, so the folder belongs
//! to this user alone or is not used. The checksum in each file is against damage,
//! not against an attacker: who can write here can do as he likes anyway.
//!
//! What is of no more use is deleted: what another compiler made, once this one adds to the folder;
//! and what was not used for long, once it is known what is needed.

use std::{
    collections::BTreeSet,
    fs::{self, DirEntry, File},
    hash::{DefaultHasher, Hash, Hasher},
    io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use cronlet_core::digest::Digest;
use sha2::{Digest as _, Sha256};
use wasmtime::{Engine, component::Component};

use super::folder;

/// What a file begins with: this, and the SHA-256 of what it says it is and of the code.
const MAGIC: &[u8; 8] = b"cronlet1";
const CODE_AT: usize = MAGIC.len() + 32;

/// How a name ends: without lines of the source, and with them. The two are made by two compilers
/// that share the folder, so neither deletes what the other made.
const PLAIN: &str = "cwasm";
const WITH_LINES: &str = "lines.cwasm";

/// The time of last use is written this seldom.
const DAY: Duration = Duration::from_hours(24);
/// What is not used for so long is deleted.
const UNUSED: Duration = Duration::from_hours(30 * 24);
/// A file that is written for so long is not written any more.
const LEFT_OVER: Duration = Duration::from_hours(1);

/// A folder of compiled components. One that cannot be used is as good as an empty one.
pub(super) struct Cache {
    dir: Option<PathBuf>,
    /// Stands for the version and settings of the compiler.
    compiler: u64,
    kind: &'static str,
}

impl Cache {
    /// The cache in `dir`, which is made if it is not there.
    pub(super) fn open(engine: &Engine, dir: Option<PathBuf>, lines: bool) -> Self {
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        let without = "compiled components are not cached, a start takes longer";
        let dir = folder::open(dir, without);
        Self {
            dir,
            compiler: hasher.finish(),
            kind: if lines { WITH_LINES } else { PLAIN },
        }
    }

    /// Deletes what nobody will use: none of `needed`, and nothing that was used lately.
    pub(super) fn retain(&self, needed: &BTreeSet<Digest>) {
        self.prune(SystemTime::now(), Some(needed));
    }

    /// The component of this digest, if it is there and sound.
    pub(super) fn get(&self, engine: &Engine, digest: Digest) -> Option<Component> {
        let path = self.path(digest)?;
        let file = match folder::read(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => return unsound(&path, &error.to_string()),
        };
        let Some(code) = self.code(digest, &file) else {
            return unsound(&path, "the checksum is wrong");
        };
        match deserialize(engine, code) {
            Ok(component) => {
                if let Err(error) = touch(&path, SystemTime::now()) {
                    tracing::debug!(path = %path.display(), %error, "the time of its use is not kept");
                }
                Some(component)
            }
            Err(error) => unsound(&path, &format!("{error:#}")),
        }
    }

    /// Keeps a component for the next start.
    pub(super) fn put(&self, digest: Digest, component: &Component) {
        let Some(path) = self.path(digest) else {
            return;
        };
        let written = component
            .serialize()
            .map_err(io::Error::other)
            .and_then(|code| {
                let checksum = self.checksum(digest, &code);
                folder::write(&path, &[MAGIC, &checksum, &code], false)
            });
        if let Err(error) = written {
            tracing::warn!(path = %path.display(), %error, "a compiled component is not cached");
        }
        // The folder grows only here. What is needed of it is not known yet.
        self.prune(SystemTime::now(), None);
    }

    fn prune(&self, now: SystemTime, needed: Option<&BTreeSet<Digest>>) {
        let Some(dir) = &self.dir else { return };
        let prune = |file: &DirEntry| {
            let age = now.duration_since(file.metadata()?.modified()?);
            let age = age.unwrap_or_default();
            let name = file.file_name();
            if name.to_str().is_some_and(|n| self.useless(n, age, needed)) {
                fs::remove_file(file.path())?;
                tracing::debug!(path = %file.path().display(), "deleted a compiled component");
            }
            io::Result::Ok(())
        };
        let files = fs::read_dir(dir).into_iter().flatten();
        // One that cannot be deleted, or that another process has just deleted, is no reason to
        // keep the others.
        for error in files.filter_map(|file| file.and_then(|file| prune(&file)).err()) {
            tracing::debug!(dir = %dir.display(), %error, "an old compiled component is not deleted");
        }
    }

    /// Whether a file can go. One whose name is not like ours is somebody else's.
    fn useless(&self, name: &str, age: Duration, needed: Option<&BTreeSet<Digest>>) -> bool {
        let parts = name
            .split_once('-')
            .and_then(|(digest, rest)| Some((Digest::from_hex(digest)?, rest.split_once('.')?)));
        let Some((digest, (compiler, kind))) = parts else {
            return false;
        };
        if Path::new(name)
            .extension()
            .is_some_and(|end| end == folder::UNFINISHED)
        {
            return age > LEFT_OVER;
        }
        if kind == self.kind {
            return compiler != self.compiler()
                || needed.is_some_and(|needed| !needed.contains(&digest) && age > UNUSED);
        }
        [PLAIN, WITH_LINES].contains(&kind) && needed.is_some() && age > UNUSED
    }

    fn compiler(&self) -> String {
        format!("{:016x}", self.compiler)
    }

    fn code<'a>(&self, digest: Digest, file: &'a [u8]) -> Option<&'a [u8]> {
        let (head, code) = file.split_at_checked(CODE_AT)?;
        let (magic, checksum) = head.split_at(MAGIC.len());
        (magic == MAGIC && checksum == self.checksum(digest, code)).then_some(code)
    }

    /// Covers the digest and the compiler too, so that a file under another's name is found out.
    fn checksum(&self, digest: Digest, code: &[u8]) -> [u8; 32] {
        Sha256::new()
            .chain_update(digest.to_string())
            .chain_update(self.compiler.to_le_bytes())
            .chain_update(code)
            .finalize()
            .into()
    }

    fn path(&self, digest: Digest) -> Option<PathBuf> {
        let name = format!("{digest}-{}.{}", self.compiler(), self.kind);
        self.dir.as_ref().map(|dir| dir.join(name))
    }
}

/// Turns checked bytes of a file of ours into code.
#[expect(
    unsafe_code,
    reason = "the bytes are what `Component::serialize` gave us: they come from a folder and a \
              file that nobody else can write, and their checksum is right"
)]
fn deserialize(engine: &Engine, code: &[u8]) -> wasmtime::Result<Component> {
    // From memory and not from the file, so that what was checked is what is used.
    unsafe { Component::deserialize(engine, code) }
}

fn unsound(path: &Path, why: &str) -> Option<Component> {
    tracing::warn!(path = %path.display(), why, "a cached component is compiled again");
    None
}

/// Says that a file is used, unless it was said lately.
fn touch(path: &Path, now: SystemTime) -> io::Result<()> {
    let file = File::open(path)?;
    let age = now.duration_since(file.metadata()?.modified()?);
    if age.is_ok_and(|age| age > DAY) {
        file.set_modified(now)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &Path, age: Duration) {
        let file = File::create(path).unwrap();
        file.set_modified(SystemTime::now().checked_sub(age).unwrap())
            .unwrap();
    }

    #[test]
    fn what_is_of_no_more_use_is_deleted_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache {
            dir: Some(dir.path().to_owned()),
            compiler: 7,
            kind: PLAIN,
        };
        let (used, needed) = (Digest::of(b"used"), Digest::of(b"needed"));
        let (own, other) = ("0000000000000007", "0000000000000008");
        let minute = Duration::from_mins(1);
        let files = [
            // Its name, its age, and whether it is there after a `put` and after a `retain`.
            (format!("{used}-{own}.cwasm"), UNUSED / 2, true, true),
            (format!("{needed}-{own}.cwasm"), 2 * UNUSED, true, true),
            (
                format!("{}-{own}.cwasm", Digest::of(b"")),
                UNUSED + minute,
                true,
                false,
            ),
            (format!("{needed}-{other}.cwasm"), minute, false, false),
            (
                format!("{used}-{other}.lines.cwasm"),
                UNUSED / 2,
                true,
                true,
            ),
            (
                format!("{needed}-{other}.lines.cwasm"),
                UNUSED + minute,
                true,
                false,
            ),
            (format!("{used}-{own}.1-0.tmp"), LEFT_OVER / 2, true, true),
            (
                format!("{used}-{own}.1-1.tmp"),
                LEFT_OVER + minute,
                false,
                false,
            ),
            ("notes-0.cwasm".to_owned(), 2 * UNUSED, true, true),
            ("other.tmp".to_owned(), 2 * UNUSED, true, true),
        ];
        for (name, age, ..) in &files {
            file(&dir.path().join(name), *age);
        }
        cache.prune(SystemTime::now(), None);
        for (name, _, put, _) in &files {
            assert_eq!(dir.path().join(name).exists(), *put, "{name}");
        }
        cache.retain(&BTreeSet::from([needed]));
        for (name, _, _, retain) in &files {
            assert_eq!(dir.path().join(name).exists(), *retain, "{name}");
        }
    }

    #[test]
    fn a_use_is_written_down_once_a_day() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        let modified = || path.metadata().unwrap().modified().unwrap();
        let now = SystemTime::now();
        file(&path, DAY / 2);
        let before = modified();
        touch(&path, now).unwrap();
        assert_eq!(modified(), before);
        touch(&path, now + DAY).unwrap();
        assert!(modified() >= now);
    }
}
