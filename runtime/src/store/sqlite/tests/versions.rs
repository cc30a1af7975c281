//! Databases of other versions, and of others.

use std::fs;

use cronlet_core::run::Turn;
use jiff::Timestamp;

use super::*;
use crate::store::{History, history::Query};

#[test]
fn a_newer_database_is_refused() {
    let place = place();
    drop(place.open());
    let newer = schema::KNOWN + 6;
    let raw = place.raw();
    raw.pragma_update(None, "user_version", newer).unwrap();
    let expected = format!(
        "the database has version {newer}, and this cronlet knows versions up to {}\n\
         help: use the cronlet that wrote it, or name another file with `database`",
        schema::KNOWN
    );
    assert_eq!(place.try_open().unwrap_err().to_string(), expected);
    assert_eq!(history(&place.path()).unwrap_err().to_string(), expected);
    assert_eq!(place.holder(), None, "the lock was given back");
}

#[test]
fn an_older_database_is_not_read() {
    let place = place();
    drop(place.open());
    place.raw().pragma_update(None, "user_version", 0).unwrap();
    let error = history(&place.path()).unwrap_err();
    let older = OpenError::Older {
        found: 0,
        known: schema::KNOWN,
    };
    assert_eq!(error.to_string(), older.to_string());
}

/// As the first version left it: with a run that waits, one whose attempt was under way, and one that is
/// over.
fn version_one(place: &Place) {
    fs::write(place.path(), "").unwrap();
    let raw = place.raw();
    raw.execute_batch(include_str!("../../migrations/0001_history.sql"))
        .unwrap();
    raw.execute_batch(
        "UPDATE meta SET next_run = 4;
         INSERT INTO lease VALUES (1, 7, 'x', 1, NULL, 0, NULL);
         INSERT INTO plans VALUES (1, 'd', 0);
         INSERT INTO jobs VALUES ('a', 5000000, 'f', NULL);
         INSERT INTO runs (run, job, cause, nominal, origin, queued_at, status, last_attempt, ended_at)
         VALUES (1, 'a', 'time:1970-01-01T00:00:03Z', 3000000, 'schedule', 3000000, 'succeeded', 1, 3500000),
                (2, 'a', 'time:1970-01-01T00:00:04Z', 4000000, 'schedule', 4000000, 'running', 1, NULL),
                (3, 'a', 'time:1970-01-01T00:00:05Z', 5000000, 'schedule', 5000000, 'queued', 0, NULL);
         INSERT INTO attempts (run, number, starts_at, started_at, status, ended_at)
         VALUES (1, 1, 3000000, 3000000, 'succeeded', 3500000), (2, 1, 4000000, 4000000, NULL, NULL);",
    )
    .unwrap();
    raw.pragma_update(None, "application_id", schema::APPLICATION_ID)
        .unwrap();
    raw.pragma_update(None, "user_version", 1).unwrap();
}

#[test]
fn a_database_of_the_first_version_goes_on() {
    let place = place();
    version_one(&place);
    let error = history(&place.path()).unwrap_err();
    assert!(
        matches!(error, OpenError::Older { found: 1, .. }),
        "{error}"
    );
    let mut store = place.open();
    assert_eq!(store.epoch(), 8);
    let recovery = store.recover().unwrap();
    assert_eq!(recovery.next_run, 4);
    assert_eq!(recovery.states.len(), 0);
    let health = &recovery.jobs[0].health;
    assert_eq!(health.last_success, Timestamp::from_millisecond(3_500).ok());
    assert!(
        !health.overdue && health.watched_since > Timestamp::from_second(1_700_000_000).unwrap()
    );
    let runs = recovery.runs.iter();
    let runs: Vec<_> = runs
        .map(|run| (run.new.run.0, run.new.turn, run.attempted))
        .collect();
    assert_eq!(runs, [(2, Turn::Now, false), (3, Turn::Now, false)]);
    queue(&mut store, 4);
    let history = place.history();
    let query = Query {
        limit: 10,
        ..Query::default()
    };
    assert_eq!(history.entries(&query).unwrap().len(), 4);
    drop(store);
    drop(place.open());
}

/// As the version before jobs had a health left it.
#[test]
fn what_an_older_history_says_of_jobs_is_taken_over() {
    let place = place();
    version_one(&place);
    place
        .raw()
        .execute_batch(
            "INSERT INTO jobs VALUES ('b', 0, 'f', NULL), ('c', 0, 'f', NULL), ('d', 0, 'f', NULL);
             INSERT INTO runs (run, job, cause, nominal, origin, queued_at, status, ended_at)
             VALUES (11, 'b', 'x', 0, 'schedule', 0, 'failed', 1000000),
                    (12, 'b', 'y', 0, 'schedule', 0, 'failed', 2000000),
                    (13, 'b', 'z', 0, 'manual', 0, 'failed', 3000000),
                    (14, 'c', 'x', 0, 'schedule', 0, 'failed', 1000000),
                    (15, 'c', 'y', 0, 'manual', 0, 'succeeded', 2000000),
                    (16, 'd', 'x', 0, 'catch-up', 0, 'succeeded', 1000000),
                    (17, 'd', 'y', 0, 'catch-up', 0, 'failed', 2000000);",
        )
        .unwrap();
    let jobs = place.open().recover().unwrap().jobs;
    let known: Vec<_> = jobs
        .iter()
        .map(|job| {
            let second = |at: Timestamp| at.as_second();
            let failing = job.health.failing;
            let failing = failing.map(|failing| (failing.run.0, second(failing.at)));
            (
                job.job.as_str(),
                job.health.last_success.map(second),
                failing,
            )
        })
        .collect();
    let expected = [
        ("a", Some(3), None),
        ("b", None, Some((12, 2))),
        ("c", Some(2), None),
        ("d", Some(1), Some((17, 2))),
    ];
    assert_eq!(known, expected);
}

#[test]
fn what_is_not_ours_is_left_alone() {
    let text = place();
    fs::write(
        text.path(),
        "not a database, and longer than a header of one\n".repeat(50),
    )
    .unwrap();
    let other = place();
    let somebody = Connection::open(other.path()).unwrap();
    somebody.execute_batch("CREATE TABLE a (x)").unwrap();
    drop(somebody);
    for place in [text, other] {
        let before = fs::read(place.path()).unwrap();
        let expected = format!(
            "`{}` is not a database of cronlet\nhelp: name another file with `database`",
            place.path().canonicalize().unwrap().display()
        );
        assert_eq!(place.try_open().unwrap_err().to_string(), expected);
        assert_eq!(history(&place.path()).unwrap_err().to_string(), expected);
        assert_eq!(fs::read(place.path()).unwrap(), before);
    }
}
