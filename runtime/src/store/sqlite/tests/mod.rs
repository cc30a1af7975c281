//! What only this store promises: the lease, the file, and reading without an engine.

use std::mem;

use cronlet_core::{
    name::JobName,
    record::{NewRun, Record, Seq},
    run::{Cause, Origin, RequestId, RunId, Turn},
};
use jiff::Timestamp;
use tempfile::TempDir;

use super::*;
use crate::store::{History, history::Query};

mod copies;
mod files;
mod owners;
mod rows;
mod transactions;
mod versions;

/// A folder with a database in it, or not yet.
struct Place {
    folder: TempDir,
}

fn place() -> Place {
    let folder = TempDir::new().unwrap();
    Place { folder }
}

impl Place {
    fn path(&self) -> PathBuf {
        self.folder.path().join("cronlet.db")
    }

    fn beside(&self, suffix: &str) -> PathBuf {
        let mut name = self.path().into_os_string();
        name.push(suffix);
        name.into()
    }

    fn try_open(&self) -> Result<SqliteStore, OpenError> {
        open(&self.path(), &me())
    }

    fn open(&self) -> SqliteStore {
        self.try_open().unwrap()
    }

    fn holder(&self) -> Option<Holder> {
        holder(&self.path()).unwrap()
    }

    fn history(&self) -> SqliteHistory {
        history(&self.path()).unwrap()
    }

    /// A connection of somebody who does not ask for the lease.
    fn raw(&self) -> Connection {
        connect(&self.path(), OpenFlags::SQLITE_OPEN_READ_WRITE).unwrap()
    }
}

fn me() -> Owner {
    Owner {
        pid: 4711,
        socket: Some("/run/cronlet.sock".into()),
    }
}

fn queued(run: u64) -> Record {
    Record::RunQueued(std::sync::Arc::new(NewRun {
        run: RunId(run),
        job: JobName::new("a").unwrap(),
        cause: Cause::Manual(RequestId(run)),
        nominal: Timestamp::UNIX_EPOCH,
        origin: Origin::Manual,
        actor: None,
        params: None,
        queued_at: Timestamp::UNIX_EPOCH,
        input_of: None,
        not_before: None,
        turn: Turn::Now,
    }))
}

fn batch(records: Vec<Record>) -> [Batch; 1] {
    [Batch {
        seq: Seq(1),
        at: Timestamp::UNIX_EPOCH,
        records,
    }]
}

fn queue(store: &mut SqliteStore, run: u64) {
    store.commit(&batch(vec![queued(run)])).unwrap();
}

/// How many runs there are.
fn count(history: &impl History) -> usize {
    history.entries(&Query::default()).unwrap().len()
}

/// The engine died: its lock is free, and nothing was closed.
fn kill(store: SqliteStore) {
    let SqliteStore {
        connection, _lock, ..
    } = store;
    mem::forget(connection);
}
