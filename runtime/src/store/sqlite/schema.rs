//! What a database must be, and how an older one becomes it.
//!
//! The schema is the migrations in order, and its version is how many there are. A
//! migration that was released is never changed.

use std::{cmp::Ordering, path::Path};

use rusqlite::{Connection, ErrorCode, TransactionBehavior};

use super::{OpenError, broken_by, fault};

/// In the header of every database of cronlet: "crnl".
pub(super) const APPLICATION_ID: i32 = 0x6372_6e6c;

/// In order; the version of a database is how many of them it has.
const MIGRATIONS: &[&str] = &[
    include_str!("../migrations/0001_history.sql"),
    include_str!("../migrations/0002_state.sql"),
    include_str!("../migrations/0003_turns.sql"),
    include_str!("../migrations/0004_after.sql"),
    include_str!("../migrations/0005_pauses.sql"),
    include_str!("../migrations/0006_health.sql"),
    include_str!("../migrations/0007_clock.sql"),
    include_str!("../migrations/0008_backfills.sql"),
    include_str!("../migrations/0009_held.sql"),
    include_str!("../migrations/0010_daemons.sql"),
];

/// The version that this binary reads and writes.
pub(super) const KNOWN: u32 = version_of(MIGRATIONS);

/// What the header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    /// Nothing was ever written.
    Empty,
    /// It is ours.
    Version(u32),
    /// It is somebody else's, or no database at all.
    Foreign,
}

/// Makes a database that the engine owns ready for it.
pub(super) fn prepare(connection: &mut Connection, path: &Path) -> Result<(), OpenError> {
    let from = match look(connection).map_err(|error| broken_by(path, &error))? {
        Found::Foreign => return Err(foreign(path)),
        Found::Version(found) if found > KNOWN => {
            return Err(OpenError::Newer {
                found,
                known: KNOWN,
            });
        }
        Found::Version(found) => found,
        Found::Empty => 0,
    };
    configure(connection).map_err(|error| broken_by(path, &error))?;
    migrate(connection, from, MIGRATIONS).map_err(fault::while_("set up the database"))?;
    Ok(())
}

/// Checks that a database can be read as it is.
pub(super) fn check(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    match look(connection).map_err(|error| broken_by(path, &error))? {
        Found::Foreign => Err(foreign(path)),
        Found::Empty => Err(OpenError::Missing {
            path: path.to_owned(),
        }),
        Found::Version(found) => match found.cmp(&KNOWN) {
            Ordering::Equal => Ok(()),
            Ordering::Greater => Err(OpenError::Newer {
                found,
                known: KNOWN,
            }),
            Ordering::Less => Err(OpenError::Older {
                found,
                known: KNOWN,
            }),
        },
    }
}

fn foreign(path: &Path) -> OpenError {
    OpenError::Foreign {
        path: path.to_owned(),
    }
}

fn look(connection: &Connection) -> rusqlite::Result<Found> {
    let read = |sql| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
    let id = match read("PRAGMA application_id") {
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::NotADatabase) => {
            return Ok(Found::Foreign);
        }
        id => id?,
    };
    if id == i64::from(APPLICATION_ID) {
        let version = read("PRAGMA user_version")?;
        return Ok(u32::try_from(version).map_or(Found::Foreign, Found::Version));
    }
    let objects = read("SELECT count(*) FROM sqlite_schema")?;
    Ok(if id == 0 && objects == 0 {
        Found::Empty
    } else {
        Found::Foreign
    })
}

/// What is set anew for each connection that writes; only the mode stays in the file.
pub(super) fn configure(connection: &Connection) -> rusqlite::Result<()> {
    let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    if mode != "wal" {
        return Err(rusqlite::Error::SqliteFailure(
            rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CANTOPEN),
            Some("its file system has no shared memory, which a write-ahead log needs".to_owned()),
        ));
    }
    // Where a flush alone does not reach the disk (macOS), `fullfsync` does; elsewhere it is a flush.
    // A write-ahead log that once grew is cut back; 64 MiB of it may stay.
    connection.execute_batch(
        "PRAGMA synchronous = FULL;
         PRAGMA fullfsync = ON;
         PRAGMA checkpoint_fullfsync = ON;
         PRAGMA foreign_keys = ON;
         PRAGMA trusted_schema = OFF;
         PRAGMA temp_store = MEMORY;
         PRAGMA cache_size = -16384;
         PRAGMA journal_size_limit = 67108864;",
    )
}

/// Runs the migrations that a database of version `from` lacks, all or none.
fn migrate(connection: &mut Connection, from: u32, migrations: &[&str]) -> rusqlite::Result<()> {
    let known = version_of(migrations);
    if from == known {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for migration in migrations.iter().skip(from as usize) {
        transaction.execute_batch(migration)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", known)?;
    transaction.commit()
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "there are not billions of migrations"
)]
const fn version_of(migrations: &[&str]) -> u32 {
    migrations.len() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: [&str; 2] = [
        "CREATE TABLE a (x INTEGER) STRICT; INSERT INTO a VALUES (7);",
        "CREATE TABLE b (x INTEGER) STRICT; INSERT INTO b SELECT x + 1 FROM a;",
    ];

    fn version(connection: &Connection) -> Found {
        look(connection).unwrap()
    }

    #[test]
    fn an_older_database_gets_what_it_lacks() {
        let mut db = Connection::open_in_memory().unwrap();
        assert_eq!(version(&db), Found::Empty);
        migrate(&mut db, 0, &TWO[..1]).unwrap();
        assert_eq!(version(&db), Found::Version(1));
        migrate(&mut db, 1, &TWO).unwrap();
        assert_eq!(version(&db), Found::Version(2));
        let x: i64 = db
            .query_row("SELECT x FROM b", [], |row| row.get(0))
            .unwrap();
        assert_eq!(x, 8);
        migrate(&mut db, 2, &TWO).unwrap();
    }

    #[test]
    fn a_migration_that_fails_changes_nothing() {
        let mut db = Connection::open_in_memory().unwrap();
        let broken = [TWO[0], "CREATE TABLE c (x INTEGER) STRICT; nonsense;"];
        migrate(&mut db, 0, &broken).unwrap_err();
        assert_eq!(version(&db), Found::Empty);
    }

    #[test]
    fn what_has_tables_and_no_application_id_is_foreign() {
        let db = Connection::open_in_memory().unwrap();
        db.execute_batch("CREATE TABLE a (x)").unwrap();
        assert_eq!(version(&db), Found::Foreign);
    }

    #[test]
    fn the_migrations_are_numbered_without_a_gap() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/store/migrations");
        let mut names: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names.len(), MIGRATIONS.len());
        for (i, name) in names.iter().enumerate() {
            assert!(name.starts_with(&format!("{:04}_", i + 1)), "{name}");
            let text = std::fs::read_to_string(format!("{folder}/{name}")).unwrap();
            assert_eq!(text, MIGRATIONS[i]);
        }
    }
}
