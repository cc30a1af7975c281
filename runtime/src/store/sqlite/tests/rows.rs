//! What is kept in rows, and how it is found.

use cronlet_core::{
    backfill::{Instants, NewBackfill},
    name::JobName,
    record::Record,
    run::{BackfillEnd, RequestId, RunId},
};
use jiff::Timestamp;

use super::*;
use crate::store::{History, history::Query};

#[test]
fn a_plan_is_kept_once_for_as_long_as_it_lasts() {
    let place = place();
    let mut store = place.open();
    for text in ["one", "one", "two", "one"] {
        let digest = Digest::of(text.as_bytes());
        let record = Record::PlanAccepted { digest };
        store.commit(&batch(vec![record])).unwrap();
    }
    let raw = place.raw();
    let mut statement = raw.prepare("SELECT digest FROM plans ORDER BY id").unwrap();
    let digests: Vec<String> = statement
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    let expected = ["one", "two", "one"].map(|text| Digest::of(text.as_bytes()).to_string());
    assert_eq!(digests, expected);
}

#[test]
fn who_cancelled_is_kept() {
    let place = place();
    let mut store = place.open();
    let run = RunId(1);
    let actor = Some("ada".into());
    let cancel = Record::CancelRequested { run, actor };
    store.commit(&batch(vec![queued(1), cancel])).unwrap();
    let sql = "SELECT cancel_requested_by FROM runs WHERE run = 1";
    let by: String = place.raw().query_row(sql, [], |row| row.get(0)).unwrap();
    assert_eq!(by, "ada");
}

#[test]
fn a_component_is_stored_once() {
    let place = place();
    let digest = Digest::of(b"component");
    let start = |run| {
        batch(vec![
            queued(run),
            Record::AttemptStarted {
                run: RunId(run),
                attempt: 1,
                component: Some(digest),
                starts_at: Timestamp::UNIX_EPOCH,
            },
        ])
    };
    let mut store = place.open();
    // The first transaction is rolled back, and the row it made with it.
    let mut refused = start(1);
    refused[0].records.push(queued(1));
    store.commit(&refused).unwrap_err();
    store.commit(&start(1)).unwrap();
    drop(store);
    let mut store = place.open();
    store.commit(&start(2)).unwrap();
    let sql = "SELECT count(*), count(DISTINCT component) FROM attempts JOIN components \
               ON id = component WHERE sha256 = ?1";
    let found = place.raw().query_row(sql, [digest.to_string()], |row| {
        Ok((row.get::<_, u32>(0)?, row.get::<_, u32>(1)?))
    });
    assert_eq!(found.unwrap(), (2, 1));
}

/// Deleting a run takes what belongs to it along, and no number comes back.
#[test]
fn a_run_can_be_deleted() {
    let place = place();
    let mut store = place.open();
    queue(&mut store, 1);
    queue(&mut store, 2);
    let raw = place.raw();
    raw.pragma_update(None, "foreign_keys", true).unwrap();
    raw.execute_batch(
        "INSERT INTO attempts (run, number, starts_at, started_at) VALUES (2, 1, 0, 0);
         INSERT INTO logs (run, attempt, lines) VALUES (2, 1, '[]');
         DELETE FROM runs WHERE run = 2;",
    )
    .unwrap();
    for table in ["attempts", "logs"] {
        let sql = format!("SELECT count(*) FROM {table}");
        let rows: u32 = raw.query_row(&sql, [], |row| row.get(0)).unwrap();
        assert_eq!(rows, 0, "{table}");
    }
    drop(store);
    assert_eq!(place.open().recover().unwrap().next_run, 3);
}

#[test]
fn a_damaged_value_is_an_error_and_no_panic() {
    let place = place();
    let mut store = place.open();
    queue(&mut store, 1);
    let raw = place.raw();
    raw.execute("UPDATE runs SET status = 'melted'", [])
        .unwrap();
    let error = place.history().run(RunId(1)).unwrap_err().to_string();
    assert!(error.contains("unknown status `melted`"), "{error}");
    let error = store.recover().unwrap_err().to_string();
    assert!(error.contains("unknown status `melted`"), "{error}");
}

fn asked_often() -> Vec<String> {
    let of_a = Query {
        job: JobName::new("a").ok(),
        ..Query::default()
    };
    vec![
        entries::runs_statement(&Query::default()).0,
        entries::runs_statement(&of_a).0,
        entries::skips_statement(&Query::default()).0,
        entries::skips_statement(&of_a).0,
        history::JOBS.to_owned(),
        recover::open_runs_statement(),
        recover::OPEN_ATTEMPTS.to_owned(),
        health::OPEN.to_owned(),
        old::RUNS.to_owned(),
        old::SKIPS.to_owned(),
        old::LOGS.to_owned(),
        clock::RAN.to_owned(),
        clock::CROSSING.to_owned(),
        old::EVENTS.to_owned(),
        job_events::EVENTS.to_owned(),
        instant::RUN.to_owned(),
        instant::range_statement(),
        instant::OTHERS.to_owned(),
        instant::OPEN.to_owned(),
        instant::QUEUED.to_owned(),
        instant::NEWER.to_owned(),
        backfill::open_statement(),
        backfill::STANDING.to_owned(),
        backfill::OLD.to_owned(),
    ]
}

/// What is asked often does not read or sort whole tables, however long the history is.
#[test]
fn every_question_has_its_index() {
    let place = place();
    drop(place.open());
    let raw = place.raw();
    let statements = asked_often();
    let expected = [
        "SCAN r",
        "SEARCH r USING INDEX runs_by_job (job=?)",
        "SCAN s USING INDEX skips_newest",
        "SEARCH s USING INDEX skips_newest_by_job (job=?)",
        "SCAN j; CORRELATED SCALAR SUBQUERY 1; SEARCH r USING COVERING INDEX runs_by_job (job=?)",
        "SEARCH r USING INDEX runs_open (ended_at=?)",
        "SEARCH r USING COVERING INDEX runs_open (ended_at=?); \
         SEARCH a USING PRIMARY KEY (run=?)",
        "SEARCH r USING INDEX runs_open (ended_at=?)",
        "SEARCH r USING INDEX runs_by_job (job=? AND rowid<?); \
         CORRELATED SCALAR SUBQUERY 3; SEARCH n USING INDEX runs_needed (input_of=?); \
         CORRELATED SCALAR SUBQUERY 1; SEARCH a USING PRIMARY KEY (run=?); \
         CORRELATED SCALAR SUBQUERY 2; SEARCH l USING INDEX sqlite_autoindex_logs_1 (run=?)",
        "SEARCH skips USING COVERING INDEX skips_newest_by_job (job=?)",
        "SCAN l USING INDEX sqlite_autoindex_logs_1; \
         SEARCH r USING INTEGER PRIMARY KEY (rowid=?)",
        "SEARCH runs USING INDEX sqlite_autoindex_runs_1 (job=? AND cause>? AND cause<?); \
         USE TEMP B-TREE FOR ORDER BY",
        "SEARCH skips USING PRIMARY KEY (job=? AND first<?)",
        "SEARCH job_events USING INDEX job_events_by_job (job=?)",
        "SEARCH job_events USING INDEX job_events_by_job (job=?)",
        "SEARCH runs USING COVERING INDEX sqlite_autoindex_runs_1 (job=? AND cause=?)",
        "SEARCH s USING PRIMARY KEY (job=? AND first<?)",
        // A person waits for these, once in a while: the runs of one job are gone through.
        "SEARCH runs USING INDEX runs_by_job (job=?)",
        "SEARCH runs USING INDEX runs_by_job (job=?); USE TEMP B-TREE FOR ORDER BY",
        "SEARCH runs USING INDEX runs_by_job (job=? AND rowid>?)",
        "SEARCH runs USING INDEX runs_by_job (job=?); USE TEMP B-TREE FOR ORDER BY",
        "SCAN b USING INDEX backfills_open",
        "SEARCH r USING INDEX runs_by_job (job=?); \
         CORRELATED SCALAR SUBQUERY 1; SEARCH a USING PRIMARY KEY (run=?)",
        "SEARCH backfills USING COVERING INDEX backfills_by_job (job=? AND ended_at<?)",
    ];
    assert_eq!(statements.len(), expected.len());
    for (sql, expected) in statements.iter().zip(expected) {
        let mut statement = raw.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let nulls = vec![rusqlite::types::Null; statement.parameter_count()];
        let steps: Vec<String> = statement
            .query_map(rusqlite::params_from_iter(nulls), |row| row.get("detail"))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        assert_eq!(steps.join("; "), expected, "{sql}");
    }
}

/// A list may have a hundred thousand instants, and nobody asks for it again.
#[test]
fn the_instants_of_a_backfill_go_when_it_is_over() {
    let place = place();
    let mut store = place.open();
    let at = Timestamp::UNIX_EPOCH;
    let new = |id| {
        Record::BackfillCreated(std::sync::Arc::new(NewBackfill {
            id: RequestId(id),
            job: JobName::new("a").unwrap(),
            instants: Instants::new(vec![at]).unwrap(),
            max_concurrent: std::num::NonZeroU32::MIN,
            reverse: false,
            actor: None,
            created_at: at,
        }))
    };
    let ended = Record::BackfillEnded {
        id: RequestId(1),
        how: BackfillEnd::Done,
    };
    store.commit(&batch(vec![new(1), new(2)])).unwrap();
    store.commit(&batch(vec![ended])).unwrap();
    let kept: String = place
        .raw()
        .query_row(
            "SELECT group_concat(backfill) FROM backfill_instants",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(kept, RequestId(2).to_string());
}
