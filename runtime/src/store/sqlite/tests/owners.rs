//! Who has the database, and since when nobody had it.

use std::os::unix::fs::symlink;

use cronlet_core::{
    name::JobName,
    record::{Record, Seq},
};
use jiff::Timestamp;

use super::*;
use crate::store::History;

#[test]
fn a_database_has_one_owner() {
    let place = place();
    assert_eq!(place.holder(), None);
    let store = place.open();
    let owner = Holder {
        pid: 4711,
        epoch: 1,
        socket: Some("/run/cronlet.sock".into()),
    };
    assert_eq!(place.holder(), Some(owner.clone()));
    let error = place.try_open().unwrap_err();
    assert_eq!(
        error.to_string(),
        "the database belongs to the cronlet with process id 4711"
    );
    let OpenError::Owned(found) = error else {
        panic!("{error:?}");
    };
    assert_eq!(found, owner);
    drop(store);
    assert_eq!(place.holder(), None);
    let second = place.open();
    assert_eq!((second.epoch(), place.holder().unwrap().epoch), (2, 2));
}

#[test]
fn a_symbolic_link_is_the_same_database() {
    let place = place();
    let link = place.folder.path().join("link.db");
    symlink(place.path(), &link).unwrap();
    let mut store = place.open();
    queue(&mut store, 1);
    let error = open(&link, &me()).unwrap_err();
    assert!(matches!(error, OpenError::Owned(_)), "{error}");
    assert!(holder(&link).unwrap().is_some());
    assert_eq!(count(&history(&link).unwrap()), 1);
}

#[test]
fn looking_who_the_owner_is_keeps_nobody_from_owning() {
    let place = place();
    drop(place.open());
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                place.holder();
            }
        });
        for epoch in 2..20 {
            assert_eq!(place.open().epoch(), epoch);
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}

#[test]
fn an_engine_that_died_owns_nothing_and_lost_nothing() {
    let place = place();
    let mut store = place.open();
    queue(&mut store, 1);
    kill(store);
    assert_eq!(place.holder(), None);
    assert_eq!(
        count(&place.history()),
        1,
        "it can be read before an engine looks"
    );
    let mut store = place.open();
    assert_eq!(store.epoch(), 2);
    assert_eq!(store.recover().unwrap().runs.len(), 1);
}

#[test]
fn an_engine_that_said_it_stopped_is_no_holder() {
    let place = place();
    let mut store = place.open();
    store.commit(&batch(vec![Record::Stopped])).unwrap();
    assert_eq!(place.holder(), None);
    drop(store);
    let _next = place.open();
    assert!(place.holder().is_some());
}

#[test]
fn a_writer_of_an_old_epoch_is_refused() {
    let place = place();
    let mut store = place.open();
    queue(&mut store, 1);
    let raw = place.raw();
    raw.execute("UPDATE lease SET epoch = epoch + 1", [])
        .unwrap();
    let error = store.commit(&batch(vec![queued(2)])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot write the history: another engine took the database over \
         (its epoch is 2, this one's is 1)"
    );
    assert!(error.is_lasting());
    assert_eq!(count(&place.history()), 1);
    raw.execute("UPDATE lease SET epoch = 1", []).unwrap();
    queue(&mut store, 2);
    raw.execute("UPDATE lease SET instance = 'another'", [])
        .unwrap();
    store.commit(&batch(vec![queued(3)])).unwrap_err();
}

#[test]
fn it_is_known_when_there_was_no_daemon() {
    let place = place();
    let at = |seconds: i64| Timestamp::from_second(seconds).unwrap();
    // A daemon that started then.
    let start = |seconds: i64| {
        let store = place.open();
        let newest = "UPDATE daemons SET started_at = ?1
            WHERE epoch = (SELECT max(epoch) FROM daemons)";
        let started = crate::store::precision::micros(at(seconds));
        place.raw().execute(newest, [started]).unwrap();
        store
    };
    let commit = |store: &mut SqliteStore, seconds: i64, record: Record| {
        let batch = Batch {
            seq: Seq(1),
            at: at(seconds),
            records: vec![record],
        };
        store.commit(&[batch]).unwrap();
    };
    let mut first = start(0);
    commit(&mut first, 100, Record::Stopped);
    drop(first);
    let mut second = start(200);
    commit(&mut second, 250, skipped(249));
    drop(second);
    let third = start(300);

    let history = place.history();
    let down = |seconds: i64| history.downtime(at(seconds)).unwrap();
    let between = |from: i64, died: bool, to: i64| {
        Some(Downtime {
            from: at(from),
            died,
            to: Some(at(to)),
        })
    };
    assert_eq!(down(-1), None, "before the first there is nothing to tell");
    assert_eq!(down(50), None);
    assert_eq!(down(150), between(100, false, 200));
    assert_eq!(down(225), None);
    assert_eq!(down(275), between(250, true, 300));
    assert_eq!(down(350), None, "it is running");
    drop(third);
    let fourth = start(400);
    assert_eq!(down(350), between(300, true, 400), "it did nothing at all");
    drop(fourth);
}

#[test]
fn not_every_daemon_is_remembered() {
    let place = place();
    drop(place.open());
    let raw = place.raw();
    raw.execute("UPDATE lease SET epoch = 5000", []).unwrap();
    drop(place.open());
    let epochs: Vec<i64> = raw
        .prepare("SELECT epoch FROM daemons")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    assert_eq!(epochs, [5001]);
}

/// One instant that was skipped.
fn skipped(seconds: i64) -> Record {
    let at = Timestamp::from_second(seconds).unwrap();
    Record::Skipped {
        job: JobName::new("a").unwrap(),
        reason: cronlet_core::run::SkipReason::Overlap,
        first: at,
        last: at,
        count: 1,
    }
}

#[test]
fn what_a_wrong_clock_recorded_is_not_what_a_daemon_did_last() {
    let place = place();
    let far: Timestamp = "2136-03-01T00:00:00Z".parse().unwrap();
    let mut store = place.open();
    let records = vec![skipped(100)];
    let seq = Seq(1);
    let batch = Batch {
        seq,
        at: far,
        records,
    };
    store.commit(&[batch]).unwrap();
    drop(store);
    assert_eq!(place.history().lives().unwrap(), [], "it goes on");
    drop(place.open());
    let lives = place.history().lives().unwrap();
    let [life] = lives[..] else {
        panic!("{lives:?}")
    };
    assert_eq!((life.epoch, life.to), (1, life.from));
}
