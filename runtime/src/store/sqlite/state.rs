//! What jobs remember: written beside the end of the attempt that changed it, and read whole.

use std::{collections::BTreeMap, sync::Arc};

use cronlet_core::{
    name::JobName,
    record::Record,
    state::{Entries, Key},
};
use rusqlite::{Connection, params};

use super::columns::Columns;
use crate::store::precision::column;

/// Writes what became of the keys of one job.
pub(super) fn write(db: &Connection, record: &Record) -> rusqlite::Result<()> {
    let Record::StateWritten {
        job,
        changes,
        total,
        ..
    } = record
    else {
        return Ok(());
    };
    let job = job.as_str();
    let mut set = db.prepare_cached(
        "INSERT INTO state (job, key, value) VALUES (?1, ?2, ?3)
         ON CONFLICT (job, key) DO UPDATE SET value = excluded.value",
    )?;
    let mut delete = db.prepare_cached("DELETE FROM state WHERE job = ?1 AND key = ?2")?;
    for (key, write) in changes.writes() {
        match &write.value {
            Some(value) => set.execute(params![job, key, value.bytes()])?,
            None => delete.execute(params![job, key])?,
        };
    }
    if *total == 0 {
        db.prepare_cached("DELETE FROM state_totals WHERE job = ?1")?
            .execute([job])?;
    } else {
        db.prepare_cached(
            "INSERT INTO state_totals (job, bytes) VALUES (?1, ?2)
             ON CONFLICT (job) DO UPDATE SET bytes = excluded.bytes",
        )?
        .execute(params![job, column(*total)])?;
    }
    Ok(())
}

/// All that a job remembers.
pub(super) fn read(db: &Connection, job: &JobName) -> rusqlite::Result<Entries> {
    let mut statement =
        db.prepare_cached("SELECT key, value FROM state WHERE job = ?1 ORDER BY key")?;
    let mut rows = statement.query([job.as_str()])?;
    let mut entries = Vec::new();
    while let Some(row) = rows.next()? {
        let key: Key = row.get(0)?;
        let value: Arc<[u8]> = row.get_ref(1)?.as_blob()?.into();
        entries.push((key, value));
    }
    // In one go, since they are in order.
    Ok(entries.into_iter().collect())
}

/// What the state of each job counts for.
pub(super) fn totals(db: &Connection) -> rusqlite::Result<BTreeMap<JobName, u64>> {
    db.prepare("SELECT job, bytes FROM state_totals")?
        .query_map([], |row| {
            let mut columns = Columns::of(row);
            Ok((columns.job()?, columns.count()?))
        })?
        .collect()
}
