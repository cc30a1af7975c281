//! What is written in one go, and who sees it.

use std::fs;

use super::*;

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
