//! When there was a daemon, and when there was none.
//!
//! A daemon that dies says nothing. So the next one that takes the database over writes down what its
//! predecessor recorded last: it died after that.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use super::columns::Columns;
use crate::store::{history::Life, precision::micros};

/// So many are remembered.
const KEPT: i64 = 1000;

/// Of so many runs, the newest, it is looked at when something became of them.
const RUNS: i64 = 1000;

/// A time without a daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Downtime {
    /// When the last one stopped; if it died, what it recorded last.
    pub from: Timestamp,
    /// Whether it died.
    pub died: bool,
    /// When the next one started; none if there has been none.
    pub to: Option<Timestamp>,
}

/// The last thing that was recorded, as far as it has a time that has been: one that is still to come is
/// that of a wrong clock, and maybe of another daemon.
const LAST_SEEN: &str = "SELECT max(t) FROM (
    SELECT max(queued_at, coalesce(ended_at, queued_at)) AS t FROM
        (SELECT queued_at, ended_at FROM runs ORDER BY run DESC LIMIT ?1)
    UNION ALL
    SELECT max(started_at, coalesce(ended_at, started_at)) FROM attempts
        WHERE run IN (SELECT run FROM runs ORDER BY run DESC LIMIT ?1)
    UNION ALL
    SELECT recorded_at FROM
        (SELECT recorded_at FROM skips ORDER BY after_run DESC, recorded_at DESC LIMIT 1))
    WHERE t <= ?2";

/// A daemon takes the database over.
pub(super) fn started(db: &Connection, epoch: i64, now: Timestamp) -> rusqlite::Result<()> {
    let seen: Option<i64> = db.query_row(LAST_SEEN, [RUNS, micros(now)], |row| row.get(0))?;
    // Before the time of its own start nobody saw it, whatever the clock showed.
    db.execute(
        "UPDATE daemons SET last_seen = max(started_at, coalesce(?1, started_at))
         WHERE epoch = (SELECT max(epoch) FROM daemons) AND stopped_at IS NULL",
        [seen],
    )?;
    db.execute(
        "INSERT OR REPLACE INTO daemons (epoch, started_at) VALUES (?1, ?2)",
        params![epoch, micros(now)],
    )?;
    db.execute("DELETE FROM daemons WHERE epoch <= ?1", [epoch - KEPT])?;
    Ok(())
}

/// The daemon says that it stops.
pub(super) fn stopped(db: &Connection, at: Timestamp) -> rusqlite::Result<()> {
    db.execute("UPDATE lease SET stopped_at = ?1", [micros(at)])?;
    db.execute(
        "UPDATE daemons SET stopped_at = ?1 WHERE epoch = (SELECT epoch FROM lease)",
        [micros(at)],
    )?;
    Ok(())
}

/// See [`crate::store::History::lives`].
pub(super) fn lives(db: &Connection) -> rusqlite::Result<Vec<Life>> {
    let mut statement = db.prepare_cached(
        "SELECT epoch, started_at, coalesce(stopped_at, last_seen) FROM daemons
         WHERE coalesce(stopped_at, last_seen) IS NOT NULL ORDER BY epoch",
    )?;
    let lives = statement.query_map([], |row| {
        let mut columns = Columns::of(row);
        Ok(Life {
            epoch: columns.count()?,
            from: columns.time()?,
            to: columns.time()?,
        })
    })?;
    lives.collect()
}

/// The time without a daemon that `at` lies in, as far as is remembered.
pub(super) fn downtime(db: &Connection, at: Timestamp) -> rusqlite::Result<Option<Downtime>> {
    let last = db
        .prepare_cached(
            "SELECT epoch, stopped_at, coalesce(stopped_at, last_seen) FROM daemons
             WHERE started_at <= ?1 ORDER BY epoch DESC LIMIT 1",
        )?
        .query_row([micros(at)], |row| {
            let mut columns = Columns::of(row);
            let epoch: i64 = columns.get()?;
            let stopped = columns.maybe_time()?;
            Ok((epoch, stopped, columns.maybe_time()?))
        })
        .optional()?;
    let Some((epoch, stopped, Some(from))) =
        last.filter(|(_, _, end)| end.is_some_and(|end| end < at))
    else {
        return Ok(None);
    };
    let next = db
        .prepare_cached("SELECT started_at FROM daemons WHERE epoch > ?1 ORDER BY epoch LIMIT 1")?
        .query_row([epoch], |row| Columns::of(row).time())
        .optional()?;
    Ok(Some(Downtime {
        from,
        died: stopped.is_none(),
        to: next,
    }))
}
