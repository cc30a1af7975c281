//! The files: their rights, and disks that refuse.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{PermissionsExt, symlink},
};

use cronlet_core::{record::Record, run::RunId};
use tempfile::TempDir;

use super::*;

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
