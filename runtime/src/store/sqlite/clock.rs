//! What a clock that was wrong has left: how far it jumped, and runs that are ahead of their time.

use std::collections::{BTreeMap, BTreeSet};

use cronlet_core::{
    name::JobName,
    record::{Record, Span},
    run::Cause,
};
use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, Params, params};

use super::columns::Columns;
use crate::store::{
    JUMPS, REMOVED_JOBS_STAY,
    history::{Beyond, ClockJump},
    precision::{self, column, micros},
};

type Result<T = ()> = rusqlite::Result<T>;

/// The runs of a job by their instant: causes order as times do, to the second.
pub(super) const RAN: &str = "SELECT nominal FROM runs
    WHERE job = ?1 AND cause >= ?2 AND cause < 'time;' AND nominal > ?3 ORDER BY nominal";

pub(super) const CROSSING: &str = "SELECT first, last, count FROM skips
    WHERE job = ?1 AND first <= ?2 AND last > ?2 ORDER BY first";

fn change(db: &Connection, sql: &str, params: impl Params) -> Result<usize> {
    db.prepare_cached(sql)?.execute(params)
}

/// Records how far the clock jumped, and forgets what is older than the newest thousand.
pub(super) fn jumped(db: &Connection, at: Timestamp, by: SignedDuration) -> Result {
    let by = precision::signed_micros(by);
    let sql = "INSERT INTO clock_jumps (at, by) VALUES (?1, ?2)";
    change(db, sql, [micros(at), by])?;
    let sql = "DELETE FROM clock_jumps WHERE id <= (SELECT max(id) FROM clock_jumps) - ?1";
    change(db, sql, [column(JUMPS as u64)]).map(drop)
}

/// The newest jumps, newest first.
pub(super) fn jumps(db: &Connection, most: usize) -> Result<Vec<ClockJump>> {
    let mut statement =
        db.prepare_cached("SELECT at, by FROM clock_jumps ORDER BY id DESC LIMIT ?1")?;
    let jumps = statement.query_map([column(most as u64)], |row| {
        let mut columns = Columns::of(row);
        Ok(ClockJump {
            at: columns.time()?,
            by: SignedDuration::from_micros(columns.get()?),
        })
    })?;
    jumps.collect()
}

/// Moves the watermark of a job back, and cuts its ranges there. Says how many jobs there are of the
/// name.
pub(super) fn pulled_back(db: &Connection, record: &Record) -> Result<usize> {
    let Record::WatermarkPulledBack {
        job, to, ran, cuts, ..
    } = record
    else {
        return Ok(1);
    };
    let (job, to) = (job.as_str(), micros(*to));
    let sql = "UPDATE jobs SET watermark = ?2 WHERE job = ?1";
    let changed = change(db, sql, params![job, to])?;
    let sql = "DELETE FROM skips WHERE job = ?1 AND first > ?2";
    change(db, sql, params![job, to])?;
    for cut in cuts {
        let sql = "UPDATE skips SET last = ?3, count = ?4 WHERE job = ?1 AND first = ?2";
        let (first, last) = (micros(cut.first), micros(cut.last));
        change(db, sql, params![job, first, last, column(cut.count)])?;
    }
    for at in ran.iter() {
        insert_ahead(db, job, micros(*at))?;
    }
    Ok(changed)
}

/// What was noted of jobs after `to` was noted then.
pub(super) fn times_pulled_back(db: &Connection, to: Timestamp) -> Result {
    let to = micros(to);
    // Of nothing `min` makes nothing.
    let sql = "UPDATE jobs SET watched_since = min(watched_since, ?1),
            last_success = min(last_success, ?1), failed_at = min(failed_at, ?1),
            removed_at = min(removed_at, ?1)
        WHERE ?1 < max(watched_since, coalesce(last_success, ?1), coalesce(failed_at, ?1),
            coalesce(removed_at, ?1))";
    change(db, sql, [to]).map(drop)
}

/// An instant has a run although the watermark is before it.
pub(super) fn claimed(db: &Connection, job: &JobName, at: Timestamp) -> Result {
    insert_ahead(db, job.as_str(), micros(at))
}

fn insert_ahead(db: &Connection, job: &str, at: i64) -> Result {
    let sql = "INSERT INTO ahead (job, nominal) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
    change(db, sql, params![job, at]).map(drop)
}

/// Forgets jobs that were removed long ago and have no history, and the instants that watermarks have
/// passed.
pub(super) fn forget(db: &Connection, now: Timestamp) -> Result {
    let before = now.checked_sub(REMOVED_JOBS_STAY);
    let before = before.unwrap_or(Timestamp::MIN);
    let sql = "DELETE FROM jobs WHERE removed_at < ?1 AND watermark <= ?2
        AND NOT EXISTS (SELECT 1 FROM runs WHERE runs.job = jobs.job)
        AND NOT EXISTS (SELECT 1 FROM skips WHERE skips.job = jobs.job)";
    change(db, sql, [micros(before), micros(now)])?;
    let sql = "DELETE FROM ahead WHERE nominal <=
        coalesce((SELECT watermark FROM jobs WHERE jobs.job = ahead.job), nominal)";
    change(db, sql, []).map(drop)
}

/// See [`cronlet_core::record::Recovery::ahead`].
pub(super) fn ahead(db: &Connection) -> Result<BTreeMap<JobName, BTreeSet<Timestamp>>> {
    let mut statement = db.prepare(
        "SELECT a.job, a.nominal FROM ahead AS a JOIN jobs AS j ON j.job = a.job
         WHERE a.nominal > j.watermark",
    )?;
    let mut ahead: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let mut columns = Columns::of(row);
        let (job, at) = (columns.job()?, columns.time()?);
        ahead.entry(job).or_default().insert(at);
    }
    Ok(ahead)
}

/// See [`crate::store::History::beyond`].
pub(super) fn beyond(db: &Connection, job: &JobName, after: Timestamp) -> Result<Beyond> {
    let mut ran = db.prepare_cached(RAN)?;
    let ran = ran.query_map(params![job.as_str(), from(after), micros(after)], |row| {
        Columns::of(row).time()
    })?;
    let mut skips = db.prepare_cached(CROSSING)?;
    let skips = skips.query_map(params![job.as_str(), micros(after)], |row| {
        let mut columns = Columns::of(row);
        Ok(Span {
            first: columns.time()?,
            last: columns.time()?,
            count: columns.count()?,
        })
    })?;
    Ok(Beyond {
        ran: ran.collect::<Result<_>>()?,
        skips: skips.collect::<Result<_>>()?,
    })
}

/// The text that no cause of an instant after `t` is less than.
fn from(t: Timestamp) -> String {
    let second = Timestamp::from_second(t.as_second()).unwrap_or(t);
    // Years before the first are written in another way.
    let second = second.max(Timestamp::UNIX_EPOCH);
    let mut text = Cause::Time(second).to_string();
    text.pop();
    text
}
