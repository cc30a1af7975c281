//! One suite for every store: what [`Store`] and [`History`] promise, and nothing of how.
//!
//! `cases` has one test for each promise, and runs for each store; `retention` has those about old
//! history, `instant` those about one moment of a job, `ahead` those about runs that are on record before
//! their time, `clock` those about clocks that were wrong, `health` those about how jobs are doing.
//! `random` makes legal streams of records, and holds the stores against each other and against a model.

use std::sync::Arc;

use cronlet_core::{
    digest::Digest,
    name::JobName,
    record::{Batch, NewRun, Record, Recovery, Seq},
    report::{AttemptReport, Outcome, Usage, Verdict},
    run::{AttemptStatus, Cause, Origin, RequestId, RunEnd, RunId, Turn},
};
use jiff::Timestamp;
use tempfile::TempDir;

use super::{
    History, Limit, Old, Removed, Store, StoreError,
    history::{Entry, Query},
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
mod cases;
mod clock;
mod health;
mod instant;
mod jobs;
mod random;
mod retention;

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

/// So many seconds after a morning in 2026.
fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_767_250_800 + seconds).unwrap()
}

fn job(name: &str) -> JobName {
    JobName::new(name).unwrap()
}

fn accepted(name: &str, watermark: Timestamp) -> Record {
    Record::JobAccepted {
        job: job(name),
        watermark,
        fingerprint: format!("print of {name}"),
    }
}

/// Run `run` of the job `name`, for the instant `run` seconds after that morning.
fn new_run(run: u64, name: &str) -> NewRun {
    let nominal = at(i64::try_from(run).unwrap());
    NewRun {
        run: RunId(run),
        job: job(name),
        cause: Cause::Time(nominal),
        nominal,
        origin: Origin::Schedule,
        actor: None,
        params: None,
        input_of: None,
        queued_at: nominal,
        not_before: None,
        turn: Turn::Now,
    }
}

fn queued(run: u64, name: &str) -> Record {
    Record::RunQueued(Arc::new(new_run(run, name)))
}

fn manual(run: u64, name: &str, request: u64) -> Record {
    Record::RunQueued(Arc::new(NewRun {
        cause: Cause::Manual(RequestId(request)),
        origin: Origin::Manual,
        actor: Some("ada".into()),
        params: Some(r#"{"n": 1}"#.into()),
        ..new_run(run, name)
    }))
}

fn started(run: u64, attempt: u32, starts_at: Timestamp) -> Record {
    Record::AttemptStarted {
        run: RunId(run),
        attempt,
        component: Some(Digest::of(b"component")),
        starts_at,
    }
}

fn disarmed(run: u64, attempt: u32) -> Record {
    Record::AttemptDisarmed {
        run: RunId(run),
        attempt,
    }
}

fn ended(run: u64, attempt: u32, status: AttemptStatus, report: AttemptReport) -> Record {
    Record::AttemptEnded {
        run: RunId(run),
        attempt,
        status,
        reason: None,
        report: Some(Arc::new(report)),
    }
}

fn finished(run: u64, end: RunEnd) -> Record {
    Record::RunEnded {
        run: RunId(run),
        end,
        message: None,
    }
}

/// A guest ran for a second from `from` on, and all was well.
fn report(from: Timestamp) -> AttemptReport {
    AttemptReport {
        started_at: Some(from),
        ended_at: from + std::time::Duration::from_secs(1),
        duration: std::time::Duration::from_secs(1),
        verdict: Verdict::Succeeded(Outcome::default()),
        usage: Usage::default(),
        log: Vec::new(),
        state: None,
    }
}
