//! Whether the files of an open database are still those that have its name.
//!
//! What is written to a file that was deleted is on no disk, and what a program does to a log under the
//! eyes of its writer ruins the database, so the files are looked at before each transaction. They
//! are never opened for that: closing one of them again would free SQLite's locks.

use std::{
    fs::{self, Metadata},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use rusqlite::Connection;

use super::beside;
use crate::store::fault::{Fault, Lost};

/// The files of an open database, as they were.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Files {
    database: File,
    log: File,
    /// What connections say to each other about the log.
    index: File,
}

/// What is wrong with them.
#[derive(Debug)]
pub(super) enum Wrong {
    /// It may be put back.
    Gone(Fault),
    /// What is in the log is only where nobody finds it.
    LogGone(Fault),
    Lost(Lost),
}

/// A file, and which one it is.
#[derive(Clone, Debug, PartialEq, Eq)]
struct File {
    path: PathBuf,
    /// Device and number; none if it was not there.
    id: Option<(u64, u64)>,
    /// What it had at least when it was last looked at.
    len: u64,
}

const BACK: &str = "put it back where it was, and it goes on by itself; or stop the daemon, put the right \
    file there, and start it again";

impl Files {
    /// Those that have the names now.
    pub(super) fn of(database: &Path) -> Self {
        Self {
            database: File::of(database.to_owned()),
            log: File::of(beside(database, "-wal")),
            index: File::of(beside(database, "-shm")),
        }
    }

    /// Whether the names still have them.
    pub(super) fn are_there(&self) -> bool {
        self.database.is_there() && self.log.is_there() && self.index.is_there()
    }

    /// Whether another connection shares with the open ones what it must.
    pub(super) fn can_be_joined(&self) -> bool {
        self.index.is_there()
    }

    /// Says what is wrong before something is written by `connection`, which has them open.
    pub(super) fn check(&mut self, connection: &Connection) -> Result<(), Wrong> {
        self.database.check("the database").map_err(Wrong::Gone)?;
        let log = self.log.check("the log beside the database");
        let len = log.map_err(Wrong::LogGone)?;
        if len < self.log.len {
            if is_cut(connection, len) {
                return Err(Wrong::Lost(Lost));
            }
            self.log.len = len;
        }
        Ok(())
    }

    /// Whether the log is as long as it was at the last look, at least. A transaction that waited for its turn asks
    /// once more: it may have waited for long.
    pub(super) fn are_whole(&self) -> bool {
        let log = fs::metadata(&self.log.path);
        log.is_ok_and(|log| log.len() >= self.log.len)
    }

    /// Something was written. A log that has become shorter meanwhile is one for the next look.
    pub(super) fn wrote(&mut self) {
        let len = fs::metadata(&self.log.path).map_or(0, |log| log.len());
        self.log.len = self.log.len.max(len);
    }
}

impl File {
    fn of(path: PathBuf) -> Self {
        let metadata = fs::metadata(&path).ok();
        Self {
            id: metadata.as_ref().map(id),
            len: metadata.map_or(0, |metadata| metadata.len()),
            path,
        }
    }

    fn is_there(&self) -> bool {
        fs::metadata(&self.path).ok().as_ref().map(id) == self.id
    }

    /// How long it is, if it is there.
    fn check(&self, what: &str) -> Result<u64, Fault> {
        let path = self.path.display();
        let words = match fs::metadata(&self.path) {
            Ok(metadata) if Some(id(&metadata)) == self.id => return Ok(metadata.len()),
            Ok(_) => format!("another file is in the place of {what}, `{path}`"),
            Err(error) => format!("{what}, `{path}`, is gone: {error}"),
        };
        Err(Fault {
            words,
            help: Some(BACK),
            conflict: false,
        })
    }
}

fn id(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

/// Whether the log has fewer bytes than are in use. Others may empty it, once all of it is in the
/// database.
fn is_cut(connection: &Connection, len: u64) -> bool {
    const HEADER: i64 = 32;
    const FRAME_HEADER: i64 = 24;
    let frames = connection.query_row("PRAGMA wal_checkpoint(NOOP)", [], |row| {
        row.get::<_, i64>(1)
    });
    let page = connection.query_row("PRAGMA page_size", [], |row| row.get::<_, i64>(0));
    let (Ok(frames), Ok(page)) = (frames, page) else {
        // Whoever writes next finds out.
        return false;
    };
    let needed = if frames > 0 {
        HEADER + frames * (FRAME_HEADER + page)
    } else {
        0
    };
    i64::try_from(len).is_ok_and(|len| len < needed)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A database with something in its log, and its files as they were before that.
    fn written(folder: &Path) -> (PathBuf, Connection, Files) {
        let path = folder.join("a.db");
        let db = Connection::open(&path).unwrap();
        db.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE a (x)")
            .unwrap();
        let files = Files::of(&path);
        db.execute_batch("INSERT INTO a VALUES (1)").unwrap();
        (path, db, files)
    }

    #[test]
    fn a_log_that_is_cut_behind_a_write_is_noticed_at_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let (path, db, mut files) = written(folder.path());
        files.wrote();
        files.check(&db).unwrap();
        assert!(files.are_whole());
        let log = fs::File::options().write(true).open(beside(&path, "-wal"));
        log.unwrap().set_len(0).unwrap();
        files.wrote();
        assert!(!files.are_whole());
        let wrong = files.check(&db).unwrap_err();
        assert!(matches!(wrong, Wrong::Lost(_)), "{wrong:?}");
    }

    #[test]
    fn a_log_that_is_emptied_when_all_of_it_is_in_the_database_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let (path, db, mut files) = written(folder.path());
        files.wrote();
        let other = Connection::open(&path).unwrap();
        other
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
            .unwrap();
        assert!(!files.are_whole(), "it is looked at");
        files.check(&db).unwrap();
        assert!(files.are_whole());
    }
}
