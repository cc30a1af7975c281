//! Who owns the database.
//!
//! An exclusive lock on `<database>.lock` says *whether* somebody does: the kernel frees it
//! when its process dies, however it dies. The row of `lease` says *who*: process id, where
//! it listens, and an epoch that rises with every owner. The lock file is empty, and stays
//! when its owner is gone: were it deleted, two processes could lock two files of its name.

use std::{
    ffi::OsString,
    fs::{File, OpenOptions, TryLockError},
    io,
    os::unix::{
        ffi::{OsStrExt, OsStringExt},
        fs::OpenOptionsExt,
    },
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use rustix::{
    io::Errno,
    process::{Pid, test_kill_process},
};

use super::{OpenError, daemons, fault, reader::Reader, resolve};
use crate::store::{Stale, StoreError, precision};

/// Somebody who only looks who the owner is has the lock for some microseconds, and an owner that is
/// going needs a moment to close its files. A lock that is still taken after this many looks is taken.
const LOOKS: u32 = 20;

/// Between two looks.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// Who wants to own a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Its process.
    pub pid: u32,
    /// Where it listens.
    pub socket: Option<PathBuf>,
}

/// Who owns a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Its process.
    pub pid: u32,
    /// How many owners there were, this one included.
    pub epoch: u64,
    /// Where it listens.
    pub socket: Option<PathBuf>,
}

/// The exclusive lock, for as long as this lives.
#[derive(Debug)]
pub(super) struct Lock(#[expect(dead_code, reason = "it is locked while it is open")] File);

/// What the row must say for this engine to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Lease {
    epoch: i64,
    instance: String,
}

/// Who owns the database at `path` now; none if nobody does, or if there is no database. It may be
/// asked at any time, and by anybody who may read the database. Who may not see the lock is told who
/// owned it last, if there is a process of that number.
pub fn holder(path: &Path) -> Result<Option<Holder>, StoreError> {
    let doing = "see who owns the database";
    let path = resolve(path);
    let lock = match File::open(lock_path(&path)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        // Who may read the history may not look at the lock: it could keep a daemon from starting.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            return Ok(row(&path)?.filter(|holder| lives(holder.pid)));
        }
        lock => lock.map_err(StoreError::while_(doing))?,
    };
    match lock.try_lock_shared() {
        Ok(()) => Ok(None),
        Err(TryLockError::WouldBlock) => row(&path),
        Err(TryLockError::Error(error)) => Err(StoreError::while_(doing)(error)),
    }
}

/// Takes the lock of the database at `path`.
pub(super) fn lock(path: &Path) -> Result<Lock, OpenError> {
    let doing = "lock the database";
    let file = lock_path(path);
    let lock = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&file)
        .map_err(|error| StoreError {
            doing,
            source: format!("`{}`: {error}", file.display()).into(),
        })?;
    for look in 1.. {
        match lock.try_lock() {
            Ok(()) => break,
            Err(TryLockError::WouldBlock) if look < LOOKS => thread::sleep(LOOK_AGAIN),
            Err(TryLockError::WouldBlock) => {
                return Err(row(path)?.map_or_else(
                    || {
                        let source = "another process is just starting or stopping with it";
                        StoreError::while_(doing)(source).into()
                    },
                    OpenError::Owned,
                ));
            }
            Err(TryLockError::Error(error)) => return Err(StoreError::while_(doing)(error).into()),
        }
    }
    Ok(Lock(lock))
}

/// Writes the row. Whoever does this has the lock.
pub(super) fn take(connection: &mut Connection, me: &Owner) -> rusqlite::Result<Lease> {
    let now = Timestamp::now();
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let last: Option<i64> = transaction
        .query_row("SELECT epoch FROM lease", [], |row| row.get(0))
        .optional()?;
    let lease = Lease {
        epoch: last.unwrap_or(0) + 1,
        instance: instance(),
    };
    transaction.execute(
        "INSERT OR REPLACE INTO lease (id, epoch, instance, pid, socket, acquired_at)
         VALUES (1, ?1, ?2, ?3, ?4, ?5)",
        params![
            lease.epoch,
            lease.instance,
            me.pid,
            me.socket.as_ref().map(|path| path.as_os_str().as_bytes()),
            precision::micros(now),
        ],
    )?;
    daemons::started(&transaction, lease.epoch, now)?;
    transaction.commit()?;
    Ok(lease)
}

impl Lease {
    pub(super) fn epoch(&self) -> u64 {
        precision::count(self.epoch)
    }

    /// Refuses to write for an engine that does not own the database any more.
    pub(super) fn check(&self, connection: &Connection) -> Result<(), fault::Error> {
        let (epoch, same) = connection
            .prepare_cached("SELECT epoch, instance = ?1 FROM lease")?
            .query_row([&self.instance], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, bool>(1)?))
            })?;
        if same && epoch == self.epoch {
            return Ok(());
        }
        Err(Stale {
            ours: self.epoch,
            theirs: epoch,
        }
        .into())
    }
}

/// Something that no other engine is called. Two engines of one epoch exist only where a database was
/// copied, so a system without randomness does not keep anybody from starting.
fn instance() -> String {
    let random = getrandom::u64().unwrap_or_else(|_| u64::from(std::process::id()));
    format!("{random:016x}")
}

/// Whether there is such a process, whosever it is.
fn lives(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    pid.is_some_and(|pid| test_kill_process(pid) != Err(Errno::SRCH))
}

/// What the row says, unless its engine said that it stopped.
fn row(path: &Path) -> Result<Option<Holder>, StoreError> {
    let doing = "see who owns the database";
    let connection = match Reader::open(path) {
        Ok(reader) => reader.connection,
        Err(OpenError::Missing { .. }) => return Ok(None),
        Err(OpenError::Store(error)) => return Err(error),
        Err(error) => return Err(StoreError::while_(doing)(error)),
    };
    let holder = connection
        .query_row(
            "SELECT pid, epoch, socket FROM lease WHERE stopped_at IS NULL",
            [],
            |row| {
                let socket: Option<Vec<u8>> = row.get(2)?;
                Ok(Holder {
                    pid: row.get(0)?,
                    epoch: precision::count(row.get(1)?),
                    socket: socket.map(|bytes| OsString::from_vec(bytes).into()),
                })
            },
        )
        .optional();
    holder.map_err(fault::while_(doing))
}

fn lock_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    name.into()
}
