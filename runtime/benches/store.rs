//! What a flush costs, and how group commit shares it: batches a second, by the size of the group.
//!
//! A batch is what a no-op run costs in all: queued, started, ended with a report, final. The folder
//! is the system's temporary one; `TMPDIR` names another disk.

use std::{sync::Arc, time::Duration};

use cronlet::store::{
    Store,
    sqlite::{self, Owner, SqliteStore},
};
use cronlet_core::{
    digest::Digest,
    name::JobName,
    record::{Batch, NewRun, Record, Seq},
    report::{AttemptReport, Level, LogLine, Outcome, Usage, Verdict},
    run::{AttemptStatus, Cause, Origin, RequestId, RunEnd, RunId},
};
use divan::{Bencher, counter::ItemsCount};
use jiff::Timestamp;
use tempfile::TempDir;

fn main() {
    divan::main();
}

#[divan::bench(args = [1, 10, 100, 1000], sample_count = 50, sample_size = 1)]
fn commit(bencher: Bencher<'_, '_>, batches: u64) {
    let folder = TempDir::new().expect("a temporary folder");
    let mut store = open(&folder);
    let mut next = 1;
    bencher
        .counter(ItemsCount::new(batches))
        .with_inputs(|| {
            let group: Vec<Batch> = (next..next + batches).map(one_run).collect();
            next += batches;
            group
        })
        .bench_local_values(|group| store.commit(&group).expect("the disk takes it"));
}

fn open(folder: &TempDir) -> SqliteStore {
    let me = Owner {
        pid: std::process::id(),
        socket: None,
    };
    sqlite::open(&folder.path().join("cronlet.db"), &me).expect("a new database")
}

fn one_run(number: u64) -> Batch {
    let (run, at) = (RunId(number), Timestamp::UNIX_EPOCH);
    let new = NewRun {
        run,
        job: JobName::new(&format!("job-{}", number % 100)).expect("it is a name"),
        cause: Cause::Manual(RequestId(number)),
        nominal: at,
        origin: Origin::Manual,
        actor: None,
        params: None,
        queued_at: at,
        not_before: None,
        turn: cronlet_core::run::Turn::Now,
    };
    let started = Record::AttemptStarted {
        run,
        attempt: 1,
        component: Some(Digest::of(b"component")),
        starts_at: at,
    };
    let ended = Record::AttemptEnded {
        run,
        attempt: 1,
        status: AttemptStatus::Succeeded,
        reason: None,
        report: Some(Arc::new(report(at))),
    };
    let finished = Record::RunEnded {
        run,
        end: RunEnd::Succeeded,
        message: None,
    };
    Batch {
        seq: Seq(number),
        at,
        records: vec![Record::RunQueued(Arc::new(new)), started, ended, finished],
    }
}

fn report(at: Timestamp) -> AttemptReport {
    let line = LogLine {
        at,
        level: Level::Info,
        message: "greeting the world".to_owned(),
        fields: Vec::new(),
    };
    AttemptReport {
        started_at: Some(at),
        ended_at: at,
        duration: Duration::from_micros(80),
        verdict: Verdict::Succeeded(Outcome {
            summary: "hello world".to_owned(),
            ..Outcome::default()
        }),
        usage: Usage::default(),
        log: vec![line],
        state: None,
    }
}
