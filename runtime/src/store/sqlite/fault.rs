//! SQLite's errors, in words that say what to do.

use std::fmt;

use rusqlite::ErrorCode;
use thiserror::Error;

use crate::store::{
    Refused, Stale, StoreError,
    fault::{Fault, Lost},
};

const FULL: &str = "free some space on it; what waits is written by itself then";
const LOCKED: &str = "end what holds it, such as `sqlite3` in another terminal";
const READ_ONLY: &str = "let the daemon's user write the file and its folder, on a file system that is not \
    mounted read-only";
const DAMAGED: &str =
    "stop the daemon, and put the last good copy that `cronlet backup` made in its place";
const FAILING: &str = "the system's log says what is wrong with the disk; quotas and limits of file sizes \
    look the same";

/// Why a transaction is not written.
#[derive(Debug, Error)]
pub(super) enum Error {
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    #[error(transparent)]
    Refused(#[from] Refused),
    #[error(transparent)]
    Stale(#[from] Stale),
    #[error(transparent)]
    Fault(#[from] Fault),
    #[error(transparent)]
    Lost(#[from] Lost),
}

/// Why nothing was written, in the words that every store has for it.
pub(super) fn failed(doing: &'static str) -> impl Fn(Error) -> StoreError {
    move |error| match error {
        Error::Sqlite(error) => while_(doing)(error),
        Error::Fault(fault) => StoreError::while_(doing)(fault),
        Error::Lost(lost) => StoreError::while_(doing)(lost),
        Error::Refused(refused) => StoreError::while_(doing)(refused),
        Error::Stale(stale) => StoreError::while_(doing)(stale),
    }
}

/// For `map_err`: an error that happened while `doing` something.
pub(super) fn while_(doing: &'static str) -> impl Fn(rusqlite::Error) -> StoreError {
    move |error| StoreError::while_(doing)(Fault::from(&error))
}

/// The database may not be written, which these words say.
pub(super) fn read_only(words: String) -> Fault {
    Fault {
        words,
        help: Some(READ_ONLY),
        conflict: false,
    }
}

impl From<&rusqlite::Error> for Fault {
    fn from(error: &rusqlite::Error) -> Self {
        let said = Said(error);
        let (words, help) = match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => ("no space is left on the disk".to_owned(), Some(FULL)),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => (
                "another process has locked the database".to_owned(),
                Some(LOCKED),
            ),
            Some(ErrorCode::ReadOnly) => {
                (format!("the database is read-only{said}"), Some(READ_ONLY))
            }
            Some(ErrorCode::PermissionDenied) => {
                (format!("it is not allowed{said}"), Some(READ_ONLY))
            }
            Some(ErrorCode::CannotOpen) => (
                format!("the database or a file beside it cannot be opened{said}"),
                Some(READ_ONLY),
            ),
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                (format!("the database is damaged{said}"), Some(DAMAGED))
            }
            Some(ErrorCode::SystemIoFailure) => (format!("the disk fails{said}"), Some(FAILING)),
            _ => (error.to_string(), None),
        };
        let conflict = help == Some(LOCKED);
        Self {
            words,
            help,
            conflict,
        }
    }
}

/// SQLite's own words, and the number that its documentation has more of.
struct Said<'a>(&'a rusqlite::Error);

impl fmt::Display for Said<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.sqlite_error() {
            Some(code) => write!(f, " ({}, SQLite's code {})", self.0, code.extended_code),
            None => write!(f, " ({})", self.0),
        }
    }
}
