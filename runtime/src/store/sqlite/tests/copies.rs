//! Backups.

use std::fs;

use super::*;

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
