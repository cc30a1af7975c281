//! The store in one SQLite file.
//!
//! # What is on disk when
//!
//! The database is in WAL mode with `synchronous = FULL`: a transaction is one append to
//! `<database>-wal` and one flush, and [`Store::commit`] returns after the flush. Readers
//! see it from then on and never before. A process that dies at any moment, and a machine
//! that loses power, leave whole transactions; SQLite drops a torn one when the file is
//! next opened.
//!
//! # Who may write
//!
//! One engine at a time, see `lease`: an exclusive lock on `<database>.lock`, which the
//! kernel frees when the process dies, and a row in the database with a rising epoch. Each
//! transaction checks the row first. A writer that lost the lease, because somebody put
//! another file in the place of the lock or of the database, is refused.
//!
//! # Which database it is
//!
//! The file's header has cronlet's application id and the version of the schema. What is
//! not ours is left alone, a newer version is refused, an older one is brought up by the
//! migrations, see `schema`.
//!
//! # One rule for whoever changes this
//!
//! SQLite's locks are POSIX locks: closing *any* descriptor of the database file drops the
//! locks of all connections of the process. So nothing here opens that file but SQLite
//! itself; it is created with `O_EXCL`, which opens nothing that was there.

mod apply;
mod attempts;
mod backfill;
mod backup;
mod clock;
mod columns;
mod daemons;
mod entries;
mod fault;
mod files;
mod health;
mod history;
mod instant;
mod job_events;
mod lease;
mod log;
mod old;
mod reader;
mod recover;
mod schema;
mod state;
#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    fs::{self, File, OpenOptions},
    io, mem,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use cronlet_core::{
    digest::Digest,
    record::{Batch, Record, Recovery},
};
use rusqlite::{Connection, OpenFlags, TransactionBehavior, config::DbConfig};
use rustix::{
    fs::{Access, access},
    io::Errno,
};
use thiserror::Error;

use super::{Old, Removed, Store, StoreError, fault::Fault, precision};
pub use backup::{Backup, BackupError, Copied, Watch};
pub use daemons::Downtime;
use files::{Files, Wrong};
use health::Ends;
pub use history::{SqliteHistory, history};
pub use lease::{Holder, Owner, holder};
use lease::{Lease, Lock};

/// How long a statement waits for somebody who has the database open by hand. The engine is the only
/// one that writes, so nothing else makes it wait.
const BUSY: Duration = Duration::from_secs(5);

/// More than there are statements, so that each is compiled once.
const STATEMENTS: usize = 64;

/// The store in one SQLite file. See [`open`].
#[derive(Debug)]
pub struct SqliteStore {
    // First, so that the database is closed before the lock is freed.
    connection: Connection,
    path: PathBuf,
    files: Files,
    lease: Lease,
    cache: Cache,
    ends: Ends,
    _lock: Lock,
}

/// What is stored and need not be asked for, since nobody else writes.
#[derive(Clone, Debug, Default)]
struct Cache {
    /// The lowest number that no run ever had.
    next_run: u64,
    /// The rows of `components`.
    components: HashMap<Digest, i64>,
}

/// A database cannot be used.
#[derive(Debug, Error)]
pub enum OpenError {
    /// An engine owns it, which is still alive.
    #[error("the database belongs to the cronlet with process id {}", .0.pid)]
    Owned(Holder),
    /// A newer cronlet wrote it.
    #[error(
        "the database has version {found}, and this cronlet knows versions up to {known}\n\
         help: use the cronlet that wrote it, or name another file with `database`"
    )]
    Newer {
        /// The version of its schema.
        found: u32,
        /// The newest one that this binary can read.
        known: u32,
    },
    /// An older cronlet wrote it, and reading does not change it.
    #[error(
        "the database has version {found}, and this cronlet reads version {known}\n\
         help: `cronlet serve` brings it up to date when it starts"
    )]
    Older {
        /// The version of its schema.
        found: u32,
        /// The one that this binary can read.
        known: u32,
    },
    /// There is something else in the file.
    #[error(
        "`{}` is not a database of cronlet\nhelp: name another file with `database`",
        path.display()
    )]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// There is no database to be read.
    #[error(
        "there is no database `{}`\nhelp: `cronlet serve` makes one when it starts",
        path.display()
    )]
    Missing {
        /// Where it should be.
        path: PathBuf,
    },
    /// Something else.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Takes the lease on the database at `path` for `me`, and makes the database if there is none.
///
/// It waits a moment for a lease that is just being given back, and blocks while the schema is brought
/// up to date.
pub fn open(path: &Path, me: &Owner) -> Result<SqliteStore, OpenError> {
    let path = resolve(path);
    let lock = lease::lock(&path)?;
    create(&path).map_err(|error| broken(&path, error))?;
    may_be_written(&path)?;
    let mut connection = connect(&path, OpenFlags::SQLITE_OPEN_READ_WRITE)
        .map_err(|error| broken_by(&path, &error))?;
    schema::prepare(&mut connection, &path)?;
    let lease =
        lease::take(&mut connection, me).map_err(fault::while_("take over the database"))?;
    let cache = recover::cache(&connection).map_err(fault::while_("read the database"))?;
    let ends = Ends::recover(&connection).map_err(fault::while_("read the database"))?;
    Ok(SqliteStore {
        connection,
        files: Files::of(&path),
        path,
        lease,
        cache,
        ends,
        _lock: lock,
    })
}

impl SqliteStore {
    /// How many engines have owned the database, this one included.
    pub fn epoch(&self) -> u64 {
        self.lease.epoch()
    }
}

impl Store for SqliteStore {
    fn recover(&mut self) -> Result<Recovery, StoreError> {
        let doing = "read where the last engine stopped";
        let transaction = self
            .connection
            .transaction()
            .map_err(fault::while_(doing))?;
        recover::recovery(&transaction).map_err(fault::while_(doing))
    }

    fn commit(&mut self, batches: &[Batch]) -> Result<(), StoreError> {
        // A transaction that is rolled back leaves no trace here either.
        let mut cache = self.cache.clone();
        let mut ends = mem::take(&mut self.ends);
        let written = self
            .within(|transaction| apply::batches(transaction, batches, (&mut cache, &mut ends)));
        self.ends = ends;
        written.map_err(fault::failed("write the history"))?;
        self.cache = cache;
        self.ends.committed();
        let mut records = batches.iter().flat_map(|batch| &batch.records);
        if records.any(|record| matches!(record, Record::Stopped)) {
            self.gather();
        }
        Ok(())
    }

    fn remove(&mut self, old: &Old) -> Result<Removed, StoreError> {
        let removed = self.within(|transaction| old::remove(transaction, old));
        removed.map_err(fault::failed("delete old history"))
    }
}

impl SqliteStore {
    /// Leaves one whole file: without it, a copy of the database after a stop would lack what is still
    /// in the log beside it.
    fn gather(&self) {
        // A reader may be in the way. Then the log stays for the next one who opens it.
        let _ = self
            .connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    }

    /// Gives the space of what was deleted back to the disk, and says how many bytes that is. It takes
    /// as long as writing the whole database anew, and nothing else is written meanwhile.
    pub fn compact(&mut self) -> Result<u64, StoreError> {
        let doing = "make the database smaller";
        let pragma = |what| {
            let number = self.connection.query_row(what, [], |row| row.get(0));
            number.map(precision::count)
        };
        let compact = || -> rusqlite::Result<u64> {
            let before = pragma("PRAGMA page_count")?;
            self.connection.execute_batch("VACUUM")?;
            let freed = before.saturating_sub(pragma("PRAGMA page_count")?);
            Ok(freed * pragma("PRAGMA page_size")?)
        };
        let freed = compact().map_err(fault::while_(doing))?;
        self.gather();
        Ok(freed)
    }

    /// Writes in one transaction, for an engine that owns the database.
    fn within<T>(
        &mut self,
        write: impl FnOnce(&Connection) -> Result<T, fault::Error>,
    ) -> Result<T, fault::Error> {
        let transaction = loop {
            if let Err(wrong) = self.files.check(&self.connection) {
                self.mend(wrong)?;
            }
            let transaction = self
                .connection
                .transaction_with_behavior(TransactionBehavior::Immediate)?;
            if self.files.are_whole() {
                break transaction;
            }
        };
        self.lease.check(&transaction)?;
        let written = write(&transaction)?;
        transaction.commit()?;
        self.files.wrote();
        Ok(written)
    }

    /// Does what can be done about files that are not where they were.
    fn mend(&mut self, wrong: Wrong) -> Result<(), fault::Error> {
        let fault = match wrong {
            Wrong::Gone(fault) => return Err(fault.into()),
            Wrong::Lost(lost) => {
                // What is in the log now must never get into the database.
                let never = DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE;
                self.connection.set_db_config(never, true)?;
                return Err(lost.into());
            }
            Wrong::LogGone(fault) => fault,
        };
        // This connection still has the log. In the database its contents are safe.
        let busy: bool =
            self.connection
                .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
        if busy || !self.files.can_be_joined() {
            return Err(fault.into());
        }
        let connection = connect(&self.path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        schema::configure(&connection)?;
        self.connection = connection;
        self.files = Files::of(&self.path);
        tracing::warn!("{fault}; what was in it is safe, and a new one is begun");
        Ok(())
    }
}

/// The path that SQLite will use for the file, and for those beside it: without symbolic links.
fn resolve(path: &Path) -> PathBuf {
    if let Ok(real) = path.canonicalize() {
        return real;
    }
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return path.to_owned();
    };
    let parent = if parent.as_os_str().is_empty() {
        Path::new(".")
    } else {
        parent
    };
    parent
        .canonicalize()
        .map_or_else(|_| path.to_owned(), |parent| parent.join(name))
}

/// Makes an empty file that only its owner may read, if there is none.
fn create(path: &Path) -> io::Result<()> {
    let made = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    match made {
        Ok(_) => path
            .parent()
            .map_or(Ok(()), |folder| File::open(folder)?.sync_all()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

/// Says early that the file may not be written, and gives the files beside it its mode.
///
/// SQLite gives an empty log the mode of its database whenever somebody looks into it. So a database that
/// may be written again can have a log that may not, and a start would fail for that alone.
fn may_be_written(path: &Path) -> Result<(), StoreError> {
    let read_only = |path: &Path, error: io::Error| {
        let words = format!("`{}` is read-only ({error})", path.display());
        StoreError::while_("open the database")(fault::read_only(words))
    };
    access(path, Access::WRITE_OK).map_err(|error| read_only(path, error.into()))?;
    for file in [beside(path, "-wal"), beside(path, "-shm")] {
        if access(&file, Access::WRITE_OK) == Err(Errno::ACCESS) {
            let mode = fs::metadata(path).map(|database| database.permissions());
            mode.and_then(|mode| fs::set_permissions(&file, mode))
                .map_err(|error| read_only(&file, error))?;
        }
    }
    Ok(())
}

/// A connection with the settings that every one of ours has.
fn connect(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(connection)
}

/// What SQLite has beside the database.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// SQLite could not open the file at `path`.
fn broken_by(path: &Path, error: &rusqlite::Error) -> StoreError {
    let fault = Fault::from(error);
    let words = format!("`{}`: {fault}", path.display());
    StoreError::while_("open the database")(Fault { words, ..fault })
}

/// The file at `path` could not be opened.
fn broken(path: &Path, error: impl std::error::Error) -> StoreError {
    StoreError {
        doing: "open the database",
        source: format!("`{}`: {error}", path.display()).into(),
    }
}
