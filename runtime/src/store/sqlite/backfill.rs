//! Backfills as rows, and what stands for an instant already.

use std::{collections::BTreeMap, num::NonZeroU32, sync::Arc};

use cronlet_core::{
    backfill::{Instants, NewBackfill, Tally},
    name::JobName,
    record::{Record, StoredBackfill},
    run::{RequestId, RunStatus},
};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{
    columns::{self, Columns},
    fault::Error,
    old,
};
use crate::store::{
    Limit, Refused,
    history::BackfillRow,
    precision::{self, micros},
};

/// What [`row`] reads, of a table `backfills AS b`.
const ROW: &str = "b.id, b.job, b.created_at, b.actor, b.instants, b.first, b.last, b.max_concurrent, \
    b.reverse, b.made, b.succeeded, b.failed, b.cancelled, b.skipped, b.stopped, b.ended, b.ended_at";

/// The newest run of each instant comes last.
pub(super) const STANDING: &str = "SELECT r.nominal, r.status FROM runs AS r
    WHERE r.job = ?1 AND r.nominal >= ?2 AND r.nominal < ?3
        AND r.origin <> 'after' AND r.status <> 'skipped'
        AND (r.status <> 'cancelled' OR EXISTS (SELECT 1 FROM attempts AS a WHERE a.run = r.run))
    ORDER BY r.run";

pub(super) const OLD: &str = "SELECT id FROM backfills WHERE job = ?1 AND ended_at < ?2
    ORDER BY ended_at";

pub(super) fn open_statement() -> String {
    format!("SELECT {ROW} FROM backfills AS b WHERE b.ended_at IS NULL ORDER BY b.id")
}

/// Does what a record says of a backfill.
pub(super) fn write(db: &Connection, at: Timestamp, record: &Record) -> Result<(), Error> {
    let (id, changed) = match record {
        Record::BackfillCreated(new) => (new.id, create(db, new)?),
        Record::BackfillMoved { id, made, tally } => (*id, moved(db, *id, *made, tally)?),
        Record::BackfillStopped { id, why, actor } => (
            *id,
            db.prepare_cached(
                "UPDATE backfills SET stopped = ?2, stopped_by = ?3
                 WHERE id = ?1 AND ended_at IS NULL",
            )?
            .execute(params![id.to_string(), why.as_str(), actor.as_deref()])?,
        ),
        Record::BackfillEnded { id, how } => {
            db.prepare_cached("DELETE FROM backfill_instants WHERE backfill = ?1")?
                .execute([id.to_string()])?;
            let changed = db
                .prepare_cached(
                    "UPDATE backfills SET ended = ?2, ended_at = ?3
                     WHERE id = ?1 AND ended_at IS NULL",
                )?
                .execute(params![id.to_string(), how.as_str(), micros(at)])?;
            (*id, changed)
        }
        _ => return Ok(()),
    };
    if changed == 1 {
        Ok(())
    } else {
        Err(Refused::Backfill(id).into())
    }
}

fn create(db: &Connection, new: &NewBackfill) -> rusqlite::Result<usize> {
    let id = new.id.to_string();
    let instants = new.instants.as_slice();
    let created = db
        .prepare_cached(
            "INSERT INTO backfills
                 (id, job, created_at, actor, instants, first, last, max_concurrent, reverse)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT (id) DO NOTHING",
        )?
        .execute(params![
            id,
            new.job.as_str(),
            micros(new.created_at),
            new.actor.as_deref(),
            new.instants.count(),
            instants.first().copied().map(micros),
            instants.last().copied().map(micros),
            new.max_concurrent.get(),
            new.reverse,
        ])?;
    if created == 1 {
        let bytes: Vec<u8> = instants
            .iter()
            .flat_map(|at| micros(*at).to_be_bytes())
            .collect();
        db.prepare_cached("INSERT INTO backfill_instants (backfill, instants) VALUES (?1, ?2)")?
            .execute(params![id, bytes])?;
    }
    Ok(created)
}

fn moved(db: &Connection, id: RequestId, made: u32, tally: &Tally) -> rusqlite::Result<usize> {
    db.prepare_cached(
        "UPDATE backfills SET made = ?2, succeeded = ?3, failed = ?4, cancelled = ?5, skipped = ?6
         WHERE id = ?1 AND ended_at IS NULL",
    )?
    .execute(params![
        id.to_string(),
        made,
        tally.succeeded,
        tally.failed,
        tally.cancelled,
        tally.skipped,
    ])
}

/// What an engine must know of those that are not over.
pub(super) fn stored(db: &Connection) -> rusqlite::Result<Vec<StoredBackfill>> {
    let mut instants =
        db.prepare_cached("SELECT instants FROM backfill_instants WHERE backfill = ?1")?;
    open(db)?
        .into_iter()
        .map(|row| {
            let instants = instants.query_row([row.id.to_string()], |found| {
                let blob = found.get_ref(0)?.as_blob()?;
                read_instants(blob).ok_or_else(|| columns::invalid(0, "it is no list of instants"))
            })?;
            Ok(StoredBackfill {
                new: Arc::new(NewBackfill {
                    id: row.id,
                    job: row.job,
                    instants,
                    max_concurrent: row.max_concurrent,
                    reverse: row.reverse,
                    actor: row.actor.map(Arc::from),
                    created_at: row.created_at,
                }),
                made: row.made,
                tally: row.tally,
                stopped: row.stopped,
            })
        })
        .collect()
}

fn read_instants(blob: &[u8]) -> Option<Instants> {
    let (each, rest) = blob.as_chunks::<8>();
    let time = |bytes: &[u8; 8]| precision::time(i64::from_be_bytes(*bytes));
    let instants: Option<Vec<Timestamp>> = each.iter().map(time).collect();
    instants.filter(|_| rest.is_empty()).and_then(Instants::new)
}

/// Those that are not over.
pub(super) fn open(db: &Connection) -> rusqlite::Result<Vec<BackfillRow>> {
    let mut statement = db.prepare_cached(&open_statement())?;
    let rows = statement.query_map([], row)?;
    rows.collect()
}

/// One of them, whether it is over or not.
pub(super) fn one(db: &Connection, id: RequestId) -> rusqlite::Result<Option<BackfillRow>> {
    db.prepare_cached(&format!("SELECT {ROW} FROM backfills AS b WHERE b.id = ?1"))?
        .query_row([id.to_string()], row)
        .optional()
}

fn row(row: &Row<'_>) -> rusqlite::Result<BackfillRow> {
    let mut columns = Columns::of(row);
    Ok(BackfillRow {
        id: columns.name()?,
        job: columns.job()?,
        created_at: columns.time()?,
        actor: columns.get()?,
        instants: columns.get()?,
        first: columns.maybe_time()?,
        last: columns.maybe_time()?,
        max_concurrent: NonZeroU32::new(columns.get()?)
            .ok_or_else(|| columns::invalid(7, "it is zero"))?,
        reverse: columns.get()?,
        made: columns.get()?,
        tally: Tally {
            succeeded: columns.get()?,
            failed: columns.get()?,
            cancelled: columns.get()?,
            skipped: columns.get()?,
        },
        stopped: columns.maybe_name()?,
        ended: columns.maybe_name()?,
        ended_at: columns.maybe_time()?,
    })
}

/// See [`crate::store::History::standing`].
pub(super) fn standing(
    db: &Connection,
    job: &JobName,
    from: Timestamp,
    to: Timestamp,
) -> rusqlite::Result<BTreeMap<Timestamp, RunStatus>> {
    let mut statement = db.prepare_cached(STANDING)?;
    let rows = statement.query_map(params![job.as_str(), micros(from), micros(to)], |row| {
        let mut columns = Columns::of(row);
        Ok((columns.time()?, columns.name()?))
    })?;
    rows.collect()
}

/// Those of a job that are too old.
pub(super) fn old(
    db: &Connection,
    job: &JobName,
    limit: &Limit,
) -> rusqlite::Result<Vec<RequestId>> {
    let mut statement = db.prepare_cached(OLD)?;
    let rows = statement.query_map(params![job.as_str(), micros(limit.before)], |row| {
        Columns::of(row).name()
    })?;
    rows.collect()
}

/// Deletes those that are over, and says how many they were.
pub(super) fn remove(db: &Connection, ids: &[RequestId]) -> rusqlite::Result<u64> {
    let mut statement =
        db.prepare_cached("DELETE FROM backfills WHERE id = ?1 AND ended_at IS NOT NULL")?;
    let mut removed = 0;
    for id in ids {
        removed += old::count(statement.execute([id.to_string()])?);
    }
    Ok(removed)
}
