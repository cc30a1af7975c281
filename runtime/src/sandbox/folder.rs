//! A folder that belongs to this user alone, and files in it that are whole or not there.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

/// How the name of a file ends that is being written.
pub(super) const UNFINISHED: &str = "tmp";

/// Makes sure that `dir` is there and that only this user can write to it.
fn private(dir: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    let metadata = fs::metadata(dir)?;
    if !metadata.is_dir() {
        return Err(io::Error::other("it is no folder"));
    }
    check_owner(&metadata)
}

/// The folder `dir`, made if it is not there; none if it cannot be used, and then the log says so and
/// what that means.
pub(super) fn open(dir: Option<PathBuf>, without: &str) -> Option<PathBuf> {
    let dir = dir?;
    match private(&dir) {
        Ok(()) => Some(dir),
        Err(error) => {
            tracing::warn!(dir = %dir.display(), %error, "{without}");
            None
        }
    }
}

/// What is in a file that only this user can write.
pub(super) fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    check_owner(&file.metadata()?)?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Writes a file to a temporary name and then renames it, so that no half-written file has the right
/// name. With `durable` it is on disk when this returns.
pub(super) fn write(path: &Path, parts: &[&[u8]], durable: bool) -> io::Result<()> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let temporary = path.with_extension(format!("{}-{number}.{UNFINISHED}", std::process::id()));
    let write = || {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&temporary)?;
        for part in parts {
            file.write_all(part)?;
        }
        if durable {
            file.sync_all()?;
        }
        fs::rename(&temporary, path)?;
        match path.parent() {
            Some(dir) if durable => File::open(dir)?.sync_all(),
            _ => Ok(()),
        }
    };
    write().inspect_err(|_| {
        // Whatever is left of it is of no use, and it is gone already if it never was.
        let _ = fs::remove_file(&temporary);
    })
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
