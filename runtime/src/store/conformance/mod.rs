//! One suite for every store: what [`Store`] and [`History`] promise, and nothing of how.
//!
//! Each file has the promises of one topic as cases, and each case is a test for each store: `runs` and
//! `writes` are what a store takes, `entries` and `instant` what is read of it, `fidelity` that nothing
//! changes in between, and the others are named for what they are about. `random` makes legal streams of
//! records, and holds the stores against each other and against a model. `records` makes what is written.

use std::sync::Arc;

use cronlet_core::{
    digest::Digest,
    name::JobName,
    record::{Batch, NewRun, Record, Recovery, Seq, StoredRun},
    report::{AttemptReport, Outcome, Usage, Verdict},
    run::{AttemptStatus, Cause, Origin, RequestId, RunEnd, RunId},
};
use jiff::Timestamp;
use tempfile::TempDir;

use super::{
    History, Limit, Old, Removed, Store, StoreError,
    history::{Entry, Query, RunRow},
    memory::MemoryStore,
    sqlite::{self, Owner, SqliteHistory, SqliteStore},
};

/// Makes a test of each function, for each store.
macro_rules! for_each_store {
    ($($case:ident,)*) => {
        mod memory {
            $(#[test]
            fn $case() {
                super::$case::<super::Memory>();
            })*
        }

        mod sqlite {
            $(#[test]
            fn $case() {
                super::$case::<super::Sqlite>();
            })*
        }
    };
}

mod ahead;
mod backfill;
mod clock;
mod entries;
mod fidelity;
mod health;
mod instant;
mod jobs;
mod random;
mod records;
mod retention;
mod runs;
mod state;
mod writes;

use records::*;

/// A store under test.
trait Subject {
    fn new() -> Self;

    fn store(&mut self) -> &mut dyn Store;

    fn history(&self) -> &dyn History;

    /// The engine is gone, and another takes over.
    fn restart(&mut self);

    fn recovery(&mut self) -> Recovery {
        self.store().recover().unwrap()
    }

    /// Writes one batch.
    fn write(&mut self, at: Timestamp, records: Vec<Record>) {
        self.try_write(at, records).unwrap();
    }

    fn try_write(&mut self, at: Timestamp, records: Vec<Record>) -> Result<(), StoreError> {
        let seq = Seq(1);
        self.store().commit(&[Batch { seq, at, records }])
    }

    fn entries(&self) -> Vec<Entry> {
        self.history().entries(&Query::default()).unwrap()
    }
}

struct Memory {
    store: MemoryStore,
    history: super::memory::MemoryHistory,
}

impl Subject for Memory {
    fn new() -> Self {
        let store = MemoryStore::new();
        let history = store.history();
        Self { store, history }
    }

    fn store(&mut self) -> &mut dyn Store {
        &mut self.store
    }

    fn history(&self) -> &dyn History {
        &self.history
    }

    fn restart(&mut self) {
        self.store = self.store.clone();
    }
}

struct Sqlite {
    store: Option<SqliteStore>,
    history: SqliteHistory,
    folder: TempDir,
}

impl Sqlite {
    fn open(folder: &TempDir) -> SqliteStore {
        let me = Owner {
            pid: std::process::id(),
            socket: None,
        };
        sqlite::open(&folder.path().join("cronlet.db"), &me).unwrap()
    }
}

impl Subject for Sqlite {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        Self {
            store: Some(Self::open(&folder)),
            history: sqlite::history(&folder.path().join("cronlet.db")).unwrap(),
            folder,
        }
    }

    fn store(&mut self) -> &mut dyn Store {
        self.store.as_mut().unwrap()
    }

    fn history(&self) -> &dyn History {
        &self.history
    }

    fn restart(&mut self) {
        self.store = None;
        self.store = Some(Self::open(&self.folder));
    }
}

fn run(subject: &impl Subject, run: u64) -> RunRow {
    subject.history().run(RunId(run)).unwrap().unwrap()
}

fn refusal(result: Result<(), StoreError>) -> String {
    let error = result.unwrap_err();
    assert_eq!(error.doing, "write the history");
    assert!(error.is_lasting(), "no other try would be better");
    error.source.to_string()
}

fn a_mixed_history<S: Subject>() -> S {
    let mut subject = S::new();
    subject.write(at(1), vec![skipped("a", 1, 1)]);
    subject.write(at(2), vec![queued(1, "a"), skipped("a", 2, 2)]);
    subject.write(at(3), vec![skipped("b", 3, 3), queued(2, "b")]);
    // The clock was set back, which does not change what was recorded after what.
    subject.write(at(0), vec![queued(3, "a"), skipped("b", 5, 5)]);
    // This one grows, and is the newest now.
    subject.write(at(0), vec![skipped("a", 1, 9)]);
    subject.write(at(0), vec![finished(3, RunEnd::Cancelled)]);
    subject
}

fn one(mut runs: Vec<StoredRun>) -> StoredRun {
    assert_eq!(runs.len(), 1, "{runs:?}");
    runs.remove(0)
}
