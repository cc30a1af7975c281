//! Connections that only read.
//!
//! SQLite reads a database in WAL mode through two files beside it, and makes them if they
//! are not there. Where it cannot, on a read-only file system or in another user's folder,
//! and there is no log with something in it, nobody writes and the file alone is the whole
//! truth: then it is read as immutable. Such a connection serves one call, since a writer
//! may come.

use std::{
    ffi::OsString,
    fs,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::{OpenError, broken_by, connect, files::Files, schema};

/// A connection that only reads.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) connection: Connection,
    /// It takes the file for one that never changes.
    pub(super) immutable: bool,
    files: Files,
}

impl Reader {
    /// Opens a database, which must be of this binary's version.
    pub(super) fn open(path: &Path) -> Result<Self, OpenError> {
        if !path.exists() {
            return Err(OpenError::Missing {
                path: path.to_owned(),
            });
        }
        let reader = match shared(path) {
            Ok(connection) => Self {
                connection,
                immutable: false,
                files: Files::of(path),
            },
            Err(error) if cannot_share(&error) && log_is_empty(path) => Self {
                connection: immutable(path).map_err(|error| broken_by(path, &error))?,
                immutable: true,
                files: Files::of(path),
            },
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::NotADatabase) => {
                return Err(OpenError::Foreign {
                    path: path.to_owned(),
                });
            }
            Err(error) => return Err(broken_by(path, &error).into()),
        };
        schema::check(&reader.connection, path)?;
        Ok(reader)
    }

    /// Whether it reads what others read who open the database now.
    pub(super) fn is_current(&self) -> bool {
        !self.immutable && self.files.are_there()
    }
}

/// A connection that sees what a writer commits.
fn shared(path: &Path) -> rusqlite::Result<Connection> {
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    // Opening reads nothing; this does.
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    Ok(connection)
}

fn immutable(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    connect(Path::new(&immutable_uri(path)), flags)
}

/// The files beside the database could not be made or used.
fn cannot_share(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::SystemIoFailure)
    )
}

/// Whether all that was ever committed is in the database file itself.
fn log_is_empty(path: &Path) -> bool {
    let mut log: OsString = path.into();
    log.push("-wal");
    match fs::metadata(PathBuf::from(log)) {
        Ok(log) => log.len() == 0,
        Err(error) => error.kind() == std::io::ErrorKind::NotFound,
    }
}

/// `file:…?immutable=1`, where every byte of the path that is not plain is escaped.
fn immutable_uri(path: &Path) -> String {
    let mut uri = String::from("file:");
    for &byte in path.as_os_str().as_bytes() {
        let plain = byte.is_ascii_alphanumeric() || b"/-_.".contains(&byte);
        if plain {
            uri.push(byte.into());
        } else {
            uri.extend(format!("%{byte:02X}").chars());
        }
    }
    uri.push_str("?immutable=1");
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_has_no_byte_that_means_something() {
        assert_eq!(
            immutable_uri(Path::new("/a b/50%?#é.db")),
            "file:/a%20b/50%25%3F%23%C3%A9.db?immutable=1"
        );
    }
}
