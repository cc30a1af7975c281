//! A copy of a database, while an engine writes it or not.
//!
//! The copy is one moment of the history: it is made within one read transaction, which keeps no writer
//! waiting; only the log beside the database grows until it is over. It is written under another
//! name, looked through, flushed and renamed, so what has the name that was asked for is whole.

use std::{
    fs::{self, File},
    io,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use rusqlite::{
    Connection, ErrorCode, InterruptHandle, OpenFlags, ToSql,
    types::{ToSqlOutput, ValueRef},
};
use thiserror::Error;

use super::{OpenError, beside, connect, create, fault, lease, reader::Reader, resolve};
use crate::store::{StoreError, precision};

/// What SQLite has beside a database; with another database it is poison.
const BESIDE: [&str; 3] = ["-wal", "-shm", "-journal"];

/// A copy that is about to be made.
#[derive(Debug)]
pub struct Backup {
    reader: Reader,
    partial: Partial,
    target: PathBuf,
    overwrite: bool,
    watch: Watch,
}

/// Looks at a copy that is being made. A clone looks at the same.
#[derive(Clone)]
pub struct Watch {
    partial: PathBuf,
    total: u64,
    stopped: Arc<AtomicBool>,
    working: Arc<Mutex<InterruptHandle>>,
}

/// A copy that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copied {
    /// Where it is.
    pub path: PathBuf,
    pub bytes: u64,
    /// How many runs are in it.
    pub runs: u64,
}

/// There is no copy.
#[derive(Debug, Error)]
pub enum BackupError {
    /// There is something of the name.
    #[error("`{}` exists", .0.display())]
    Exists(PathBuf),
    /// It would be copied onto itself, or onto a database that is in use.
    #[error("`{}` is a database that is in use", .0.display())]
    InUse(PathBuf),
    /// It was stopped.
    #[error("stopped, and nothing was copied")]
    Stopped,
    /// What was read is not sound.
    #[error("the database is damaged, and nothing was copied: {0}")]
    Damaged(String),
    /// The database cannot be read at all.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Something else.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The file that becomes the copy. It is deleted unless it does.
#[derive(Debug)]
struct Partial(PathBuf);

impl Drop for Partial {
    fn drop(&mut self) {
        // After the rename there is nothing left of the name.
        let _ = fs::remove_file(&self.0);
        for suffix in BESIDE {
            let _ = fs::remove_file(beside(&self.0, suffix));
        }
    }
}

impl Backup {
    /// Gets ready to copy `database` to `target`, which is only replaced with `overwrite`.
    pub fn begin(database: &Path, target: &Path, overwrite: bool) -> Result<Self, BackupError> {
        let (database, target) = (resolve(database), absolute(&resolve(target)));
        if target == absolute(&database) {
            return Err(BackupError::InUse(target));
        }
        let reader = Reader::open(&database)?;
        check_target(&target, overwrite)?;
        let partial = beside(&target, &format!(".{}.partial", std::process::id()));
        create(&partial).map_err(|error| cannot(&target, &error))?;
        let partial = Partial(partial);
        let watch = Watch {
            partial: partial.0.clone(),
            total: size(&reader.connection).map_err(failed)?,
            stopped: Arc::default(),
            working: Arc::new(Mutex::new(reader.connection.get_interrupt_handle())),
        };
        Ok(Self {
            reader,
            partial,
            target,
            overwrite,
            watch,
        })
    }

    /// How far it is, for another thread.
    pub fn watch(&self) -> Watch {
        self.watch.clone()
    }

    /// Makes the copy, and waits for it.
    pub fn run(self) -> Result<Copied, BackupError> {
        let Self {
            reader,
            partial,
            target,
            overwrite,
            watch,
        } = self;
        watch.still()?;
        let copied = reader
            .connection
            .execute("VACUUM INTO ?1", [Name(&partial.0)]);
        copied.map_err(why)?;
        drop(reader);
        let runs = finish(&partial.0, &watch)?;
        let file = File::open(&partial.0).map_err(|error| cannot(&partial.0, &error))?;
        file.sync_all()
            .map_err(|error| cannot(&partial.0, &error))?;
        let bytes = file.metadata().map_or(0, |metadata| metadata.len());
        watch.still()?;
        put(&partial.0, &target, overwrite)?;
        Ok(Copied {
            path: target,
            bytes,
            runs,
        })
    }
}

impl Watch {
    /// How many bytes are written, and about how many there will be.
    pub fn progress(&self) -> (u64, u64) {
        let done = fs::metadata(&self.partial).map_or(0, |metadata| metadata.len());
        (done.min(self.total), self.total)
    }

    /// Nothing is to be copied after all.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
        let working = self.working.lock().unwrap_or_else(PoisonError::into_inner);
        working.interrupt();
    }

    fn still(&self) -> Result<(), BackupError> {
        if self.stopped.load(Ordering::SeqCst) {
            return Err(BackupError::Stopped);
        }
        Ok(())
    }

    /// It goes on with another connection.
    fn works_with(&self, connection: &Connection) -> Result<(), BackupError> {
        let mut working = self.working.lock().unwrap_or_else(PoisonError::into_inner);
        *working = connection.get_interrupt_handle();
        drop(working);
        self.still()
    }
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Watch").field(&self.partial).finish()
    }
}

/// A path, to the byte.
struct Name<'a>(&'a Path);

impl ToSql for Name<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let bytes = self.0.as_os_str().as_bytes();
        Ok(ToSqlOutput::Borrowed(ValueRef::Text(bytes)))
    }
}

/// Refuses what is not to be replaced, and clears away what belonged to a database that is.
fn check_target(target: &Path, overwrite: bool) -> Result<(), BackupError> {
    if lease::holder(target).is_ok_and(|holder| holder.is_some()) {
        return Err(BackupError::InUse(target.to_owned()));
    }
    for path in [
        target.to_owned(),
        beside(target, BESIDE[0]),
        beside(target, BESIDE[2]),
    ] {
        let there = path.symlink_metadata().is_ok();
        if there && (!overwrite || path.is_dir()) {
            return Err(BackupError::Exists(path));
        }
    }
    Ok(())
}

/// Makes the copy nobody's, looks through it, and counts its runs.
fn finish(partial: &Path, watch: &Watch) -> Result<u64, BackupError> {
    let copy = connect(partial, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(failed)?;
    watch.works_with(&copy)?;
    let look = || -> rusqlite::Result<(String, u64)> {
        // It is no engine's: the process in it has another database.
        copy.execute(
            "UPDATE lease SET instance = 'a copy', socket = NULL,
                 stopped_at = coalesce(stopped_at, acquired_at)",
            [],
        )?;
        let sound = copy.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
        let runs = copy.query_row("SELECT count(*) FROM runs", [], |row| row.get(0))?;
        Ok((sound, precision::count(runs)))
    };
    let (sound, runs) = look().map_err(why)?;
    if sound != "ok" {
        return Err(BackupError::Damaged(sound));
    }
    Ok(runs)
}

/// Gives the file its name. Whoever looks at the name finds what was there before, or the copy.
fn put(partial: &Path, target: &Path, overwrite: bool) -> Result<(), BackupError> {
    let put = || -> io::Result<()> {
        if overwrite {
            for suffix in BESIDE {
                remove(&beside(target, suffix))?;
            }
            fs::rename(partial, target)?;
        } else {
            // A name that came up meanwhile is not replaced.
            fs::hard_link(partial, target)?;
        }
        target
            .parent()
            .map_or(Ok(()), |folder| File::open(folder)?.sync_all())
    };
    match put() {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            Err(BackupError::Exists(target.to_owned()))
        }
        // A file system without links has the file renamed.
        Err(error) if !overwrite && !target.exists() && cannot_link(&error) => {
            fs::rename(partial, target).map_err(|error| cannot(target, &error))
        }
        put => put.map_err(|error| cannot(target, &error)),
    }
}

fn cannot_link(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::Unsupported | io::ErrorKind::PermissionDenied
    )
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// About how large a copy without gaps is.
fn size(db: &Connection) -> rusqlite::Result<u64> {
    let pragma = |sql| {
        db.query_row(sql, [], |row| row.get(0))
            .map(precision::count)
    };
    let pages = pragma("PRAGMA page_count")?.saturating_sub(pragma("PRAGMA freelist_count")?);
    Ok(pages * pragma("PRAGMA page_size")?)
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

fn failed(error: rusqlite::Error) -> BackupError {
    fault::while_("copy the database")(error).into()
}

fn why(error: rusqlite::Error) -> BackupError {
    match error.sqlite_error_code() {
        Some(ErrorCode::OperationInterrupted) => BackupError::Stopped,
        Some(ErrorCode::DatabaseCorrupt) => BackupError::Damaged(error.to_string()),
        _ => failed(error),
    }
}

fn cannot(path: &Path, error: &io::Error) -> BackupError {
    let source = format!("`{}`: {error}", path.display());
    StoreError::while_("write the copy")(source).into()
}
