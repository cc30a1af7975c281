//! What only this store promises: the lease, the file, and reading without an engine.

use std::{
    fs::{self, Permissions},
    mem,
    os::unix::fs::{PermissionsExt, symlink},
};

use cronlet_core::{
    backfill::{Instants, NewBackfill},
    name::JobName,
    record::{NewRun, Record, Seq},
    run::{BackfillEnd, Cause, Origin, RequestId, RunId, Turn},
};
use jiff::Timestamp;
use tempfile::TempDir;

use super::*;
use crate::store::{History, history::Query};

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
fn a_file_system_that_becomes_read_only_is_an_outage() {
    let place = place();
    let mut store = place.open();
    queue(&mut store, 1);
    // What SQLite answers where nothing can be written any more.
    let may_write = |store: &SqliteStore, may: bool| {
        let pragma = store.connection.pragma_update(None, "query_only", !may);
        pragma.unwrap();
    };
    may_write(&store, false);
    let error = store.commit(&batch(vec![queued(2)])).unwrap_err();
    assert!(error.to_string().contains("is read-only"), "{error}");
    assert!(!error.is_lasting(), "another try may be better");
    may_write(&store, true);
    queue(&mut store, 2);
    assert_eq!(count(&place.history()), 2);
}

#[test]
fn only_the_owner_may_read_the_files() {
    let place = place();
    let mut store = place.open();
    queue(&mut store, 1);
    for suffix in ["", "-wal", "-shm", ".lock"] {
        let mode = fs::metadata(place.beside(suffix)).unwrap().permissions();
        assert_eq!(mode.mode() & 0o777, 0o600, "`{suffix}`");
    }
}

#[test]
fn an_existing_file_keeps_its_mode() {
    let place = place();
    fs::write(place.path(), "").unwrap();
    fs::set_permissions(place.path(), Permissions::from_mode(0o640)).unwrap();
    queue(&mut place.open(), 1);
    let mode = fs::metadata(place.path()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
}

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
    raw.execute_batch(include_str!("../migrations/0001_history.sql"))
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

#[test]
fn what_cannot_be_made_is_named() {
    let place = place();
    let path = place.folder.path().join("no/such/folder.db");
    let error = open(&path, &me()).unwrap_err().to_string();
    let expected = format!("cannot lock the database: `{}.lock`: ", path.display());
    assert!(error.starts_with(&expected), "{error}");
    fs::create_dir(place.path()).unwrap();
    let error = place.try_open().unwrap_err().to_string();
    assert!(error.starts_with("cannot open the database: `"), "{error}");
}

#[test]
fn a_database_that_is_not_there_is_missing() {
    let place = place();
    let missing = |error: OpenError| matches!(error, OpenError::Missing { .. });
    assert!(missing(history(&place.path()).unwrap_err()));
    assert!(!place.path().exists(), "reading makes none");
    fs::write(place.path(), "").unwrap();
    assert!(missing(history(&place.path()).unwrap_err()));
    drop(place.open());
    assert_eq!(count(&place.history()), 0);
}

#[test]
fn an_uncommitted_transaction_is_invisible() {
    let place = place();
    let mut store = place.open();
    queue(&mut store, 1);
    let history = place.history();
    let mut cache = store.cache.clone();
    let transaction = store.connection.transaction().unwrap();
    apply::batches(
        &transaction,
        &batch(vec![queued(2)]),
        (&mut cache, &mut Ends::default()),
    )
    .unwrap();
    assert_eq!(count(&history), 1);
    drop(transaction);
    assert_eq!(store.recover().unwrap().next_run, 2);
    queue(&mut store, 2);
    assert_eq!(count(&history), 2);
}

/// The machine lost power while the last transaction was on its way: any part of it may be missing.
#[test]
fn a_torn_transaction_is_dropped_and_those_before_it_are_kept() {
    let place = place();
    let mut store = place.open();
    queue(&mut store, 1);
    let before = fs::metadata(place.beside("-wal")).unwrap().len();
    queue(&mut store, 2);
    let log = fs::read(place.beside("-wal")).unwrap();
    let file = fs::read(place.path()).unwrap();
    let torn = u64::try_from(log.len()).unwrap() - before;
    assert!(torn > 4096);
    for (missing, expected) in [(0, 2), (1, 1), (4096, 1), (torn - 1, 1), (torn, 1)] {
        let after = self::place();
        let left = log.len() - usize::try_from(missing).unwrap();
        fs::write(after.path(), &file).unwrap();
        fs::write(after.beside("-wal"), &log[..left]).unwrap();
        assert_eq!(after.open().recover().unwrap().runs.len(), expected);
    }
}

#[test]
fn a_reader_keeps_no_writer_waiting_and_sees_one_state() {
    let place = place();
    let mut store = place.open();
    queue(&mut store, 1);
    let mut reader = reader::Reader::open(&place.path()).unwrap();
    let reading = reader.connection.transaction().unwrap();
    let runs = |db: &Connection| -> u32 {
        let sql = "SELECT count(*) FROM runs";
        db.query_row(sql, [], |row| row.get(0)).unwrap()
    };
    assert_eq!(runs(&reading), 1);
    queue(&mut store, 2);
    assert_eq!(runs(&reading), 1);
    drop(reading);
    assert_eq!(runs(&reader.connection), 2);
    let error = reader.connection.execute("DELETE FROM runs", []);
    assert!(error.is_err(), "it only reads");
}

#[test]
fn many_may_read_at_once() {
    let place = place();
    let mut store = place.open();
    let history = place.history();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| while count(&history) < 50 {});
        }
        for run in 1..=50 {
            queue(&mut store, run);
        }
    });
    assert!(history.idle_connections() <= 4);
}

#[test]
fn a_closed_database_is_one_file_and_can_be_read() {
    let place = place();
    let mut store = place.open();
    queue(&mut store, 1);
    drop(store);
    assert!(!place.beside("-wal").exists());
    assert_eq!(count(&place.history()), 1);
}

/// As in a folder where nothing may be made; a link in the place of `-shm` keeps root out too.
#[test]
fn a_database_is_read_where_nothing_can_be_written() {
    let folder = TempDir::new().unwrap();
    let odd = folder.path().join("50% #1?.db");
    let mut store = open(&odd, &me()).unwrap();
    queue(&mut store, 1);
    drop(store);
    let beside = |suffix| PathBuf::from(format!("{}{suffix}", odd.display()));
    symlink("nowhere", beside("-shm")).unwrap();
    let history = self::history(&odd).unwrap();
    assert_eq!(count(&history), 1);
    assert_eq!(history.idle_connections(), 0, "a writer may come");
    // With a log that has something in it, the file alone is not the truth.
    fs::write(beside("-wal"), "x".repeat(5000)).unwrap();
    let error = self::history(&odd).unwrap_err().to_string();
    assert!(error.starts_with("cannot open the database: `"), "{error}");
}

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

#[test]
fn after_a_stop_one_file_is_the_whole_history() {
    let place = place();
    let mut store = place.open();
    let reader = place.history();
    queue(&mut store, 1);
    assert_eq!(count(&reader), 1);
    store.commit(&batch(vec![Record::Stopped])).unwrap();
    let elsewhere = TempDir::new().unwrap();
    let copy = elsewhere.path().join("copy.db");
    fs::copy(place.path(), &copy).unwrap();
    assert_eq!(count(&history(&copy).unwrap()), 1);
}

#[test]
fn a_copy_is_one_moment_while_the_engine_writes() {
    let place = place();
    let mut store = place.open();
    queue(&mut store, 1);
    let (path, folder) = (place.path(), place.folder.path());
    let written = std::sync::atomic::AtomicBool::new(false);
    let counts: Vec<u64> = std::thread::scope(|scope| {
        scope.spawn(|| {
            for run in 2..=600 {
                queue(&mut store, run);
            }
            written.store(true, std::sync::atomic::Ordering::SeqCst);
        });
        let mut counts = Vec::new();
        for copy in 0.. {
            let last = written.load(std::sync::atomic::Ordering::SeqCst);
            let target = folder.join(format!("copy{copy}.db"));
            let copied = Backup::begin(&path, &target, false).unwrap().run().unwrap();
            let raw = connect(&target, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
            let (runs, newest, next): (i64, i64, i64) = raw
                .query_row(
                    "SELECT count(*), max(run), (SELECT next_run FROM meta) FROM runs",
                    [],
                    |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
                )
                .unwrap();
            assert_eq!((runs, next), (newest, newest + 1), "copy {copy}");
            assert_eq!(copied.runs, runs.cast_unsigned());
            counts.push(copied.runs);
            if last {
                break;
            }
        }
        counts
    });
    assert!(counts.is_sorted(), "{counts:?}");
    assert_eq!(counts.last(), Some(&600));
}

#[test]
fn a_copy_that_is_stopped_leaves_nothing() {
    let place = place();
    drop(place.open());
    let target = place.folder.path().join("copy.db");
    let backup = Backup::begin(&place.path(), &target, false).unwrap();
    backup.watch().stop();
    let error = backup.run().unwrap_err();
    assert!(matches!(error, BackupError::Stopped), "{error}");
    let names = fs::read_dir(place.folder.path()).unwrap();
    let names: Vec<_> = names.map(|it| it.unwrap().file_name()).collect();
    assert!(
        names
            .iter()
            .all(|name| !name.to_string_lossy().contains("copy")),
        "{names:?}"
    );
}

#[test]
fn a_name_that_comes_up_meanwhile_is_not_replaced() {
    let place = place();
    drop(place.open());
    let target = place.folder.path().join("copy.db");
    let backup = Backup::begin(&place.path(), &target, false).unwrap();
    fs::write(&target, "mine").unwrap();
    let error = backup.run().unwrap_err();
    assert!(matches!(error, BackupError::Exists(_)), "{error}");
    assert_eq!(fs::read_to_string(&target).unwrap(), "mine");
}

#[test]
fn what_is_freed_can_be_given_back() {
    let place = place();
    let mut store = place.open();
    for run in 1..=300 {
        queue(&mut store, run);
        let end = Record::RunEnded {
            run: RunId(run),
            end: cronlet_core::run::RunEnd::Cancelled,
            message: Some("x".repeat(5_000)),
        };
        store.commit(&batch(vec![end])).unwrap();
    }
    let old = Old {
        runs: (1..=300).map(RunId).collect(),
        ..Old::default()
    };
    assert_eq!(store.remove(&old).unwrap().runs, 300);
    let freed = store.compact().unwrap();
    assert!(freed > 1_000_000, "{freed}");
    assert!(fs::metadata(place.path()).unwrap().len() < 500_000);
    queue(&mut store, 301);
    drop(store);
    assert_eq!(place.open().recover().unwrap().next_run, 302);
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
