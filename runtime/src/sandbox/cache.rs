//! Compiled components on disk, so that a warm start compiles nothing.
//!
//! What is in here is machine code that will run unchecked, so the folder belongs
//! to this user alone or is not used. The checksum in each file is against damage,
//! not against an attacker: who can write here can do as he likes anyway.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    hash::{DefaultHasher, Hash, Hasher},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use cronlet_core::digest::Digest;
use sha2::{Digest as _, Sha256};
use wasmtime::{Engine, component::Component};

/// What a file begins with: this, and the SHA-256 of what it says it is and of the code.
const MAGIC: &[u8; 8] = b"cronlet1";
const CODE_AT: usize = MAGIC.len() + 32;

/// A folder of compiled components. One that cannot be used is as good as an empty one.
pub(super) struct Cache {
    dir: Option<PathBuf>,
    /// Stands for the version and settings of the compiler.
    compiler: u64,
}

impl Cache {
    /// The cache in `dir`, which is made if it is not there.
    pub(super) fn open(engine: &Engine, dir: Option<PathBuf>) -> Self {
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        let dir = dir.and_then(|dir| match private(&dir) {
            Ok(()) => Some(dir),
            Err(error) => {
                tracing::warn!(
                    dir = %dir.display(),
                    %error,
                    "compiled components are not cached, a start takes longer"
                );
                None
            }
        });
        Self {
            dir,
            compiler: hasher.finish(),
        }
    }

    /// The component of this digest, if it is there and sound.
    pub(super) fn get(&self, engine: &Engine, digest: Digest) -> Option<Component> {
        let path = self.path(digest)?;
        let file = match read(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => return unsound(&path, &error.to_string()),
        };
        let Some(code) = self.code(digest, &file) else {
            return unsound(&path, "the checksum is wrong");
        };
        match deserialize(engine, code) {
            Ok(component) => Some(component),
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
            .and_then(|code| self.write(&path, digest, &code));
        if let Err(error) = written {
            tracing::warn!(path = %path.display(), %error, "a compiled component is not cached");
        }
    }

    /// To a temporary name and then renamed, so that no half-written file has the right name.
    fn write(&self, path: &Path, digest: Digest, code: &[u8]) -> io::Result<()> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let temporary = path.with_extension(format!("{}-{number}.tmp", std::process::id()));
        let write = || {
            let mut file = OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&temporary)?;
            file.write_all(MAGIC)?;
            file.write_all(&self.checksum(digest, code))?;
            file.write_all(code)?;
            fs::rename(&temporary, path)
        };
        write().inspect_err(|_| {
            // Whatever is left of it is of no use, and it is gone already if it never was.
            let _ = fs::remove_file(&temporary);
        })
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
        let name = format!("{digest}-{:016x}.cwasm", self.compiler);
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

/// Makes sure that `dir` is there and that only this user can write to it.
fn private(dir: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    let metadata = fs::metadata(dir)?;
    if !metadata.is_dir() {
        return Err(io::Error::other("it is no folder"));
    }
    check_owner(&metadata)
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    check_owner(&file.metadata()?)?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn check_owner(metadata: &fs::Metadata) -> io::Result<()> {
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err(io::Error::other("it belongs to another user"));
    }
    if metadata.mode() & 0o022 != 0 {
        return Err(io::Error::other("other users can write to it"));
    }
    Ok(())
}
