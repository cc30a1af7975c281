//! What became of jobs: a row for each event, and in `jobs` how they stand.

use std::sync::Arc;

use cronlet_core::{
    name::JobName,
    pause::{PauseReason, Paused},
    record::Record,
};
use jiff::Timestamp;
use rusqlite::{Connection, Params, params};

use super::{
    columns::{self, Columns},
    fault::Error,
};
use crate::store::{
    Refused,
    job_events::{ACCEPTED, JobEvent, JobTurn, PAUSED, REMOVED, RESUMED},
    precision::micros,
};

pub(super) const EVENTS: &str = "SELECT at, kind, watermark, fingerprint, actor, failures \
    FROM job_events WHERE job = ?1 AND at <= ?2 ORDER BY id";

/// Writes what a record says of a job, and that it happened.
pub(super) fn write(db: &Connection, at: Timestamp, record: &Record) -> Result<(), Error> {
    stand(db, at, record)?;
    let Some((job, turn)) = JobTurn::of(record) else {
        return Ok(());
    };
    let (watermark, fingerprint, actor, failures) = match &turn {
        JobTurn::Accepted {
            watermark,
            fingerprint,
        } => (Some(*watermark), Some(fingerprint.as_str()), None, None),
        JobTurn::Removed => (None, None, None, None),
        JobTurn::Paused(why) => {
            let (actor, failures) = reason(why);
            (None, None, actor, failures)
        }
        JobTurn::Resumed { watermark, actor } => (Some(*watermark), None, actor.as_deref(), None),
    };
    change(
        db,
        "INSERT INTO job_events (job, at, kind, watermark, fingerprint, actor, failures)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            job.as_str(),
            micros(at),
            turn.as_str(),
            watermark.map(micros),
            fingerprint,
            actor,
            failures
        ],
    )?;
    Ok(())
}

/// How the job stands from now on.
fn stand(db: &Connection, at: Timestamp, record: &Record) -> Result<(), Error> {
    let (job, changed) = match record {
        Record::JobAccepted {
            job,
            watermark,
            fingerprint,
        } => (
            job,
            change(
                db,
                "INSERT INTO jobs (job, watermark, fingerprint) VALUES (?1, ?2, ?3)
                 ON CONFLICT (job) DO UPDATE SET
                     watermark = excluded.watermark, fingerprint = excluded.fingerprint,
                     removed_at = NULL",
                params![job.as_str(), micros(*watermark), fingerprint],
            )?,
        ),
        Record::JobRemoved { job } => (
            job,
            change(
                db,
                "UPDATE jobs SET removed_at = ?2 WHERE job = ?1",
                params![job.as_str(), micros(at)],
            )?,
        ),
        Record::JobPaused { job, why } => {
            let (actor, failures) = reason(why);
            let changed = change(
                db,
                "UPDATE jobs SET paused_at = ?2, paused_by = ?3, paused_after = ?4,
                     failures = coalesce(?4, failures) WHERE job = ?1",
                params![job.as_str(), micros(at), actor, failures],
            )?;
            (job, changed)
        }
        Record::JobResumed { job, watermark, .. } => (
            job,
            change(
                db,
                "UPDATE jobs SET watermark = ?2, paused_at = NULL, paused_by = NULL,
                     paused_after = NULL, failures = 0 WHERE job = ?1",
                params![job.as_str(), micros(*watermark)],
            )?,
        ),
        Record::FailuresCounted { job, failures } => (
            job,
            change(
                db,
                "UPDATE jobs SET failures = ?2 WHERE job = ?1",
                params![job.as_str(), failures],
            )?,
        ),
        _ => return Ok(()),
    };
    if changed == 1 {
        Ok(())
    } else {
        Err(Refused::UnknownJob(job.clone()).into())
    }
}

fn change(db: &Connection, sql: &str, params: impl Params) -> rusqlite::Result<usize> {
    db.prepare_cached(sql)?.execute(params)
}

/// Who asked, and how many failed.
fn reason(why: &PauseReason) -> (Option<&str>, Option<u32>) {
    match why {
        PauseReason::Asked(actor) => (actor.as_deref(), None),
        PauseReason::Failures(failures) => (None, Some(*failures)),
    }
}

/// Reads `paused_at, paused_by, paused_after` of a job.
pub(super) fn paused(columns: &mut Columns<'_>) -> rusqlite::Result<Option<Paused>> {
    let since = columns.maybe_time()?;
    let why = read_reason(columns)?;
    Ok(since.map(|since| Paused { since, why }))
}

fn read_reason(columns: &mut Columns<'_>) -> rusqlite::Result<PauseReason> {
    let actor: Option<String> = columns.get()?;
    let failures = columns.get::<Option<u32>>()?;
    Ok(match failures {
        Some(failures) => PauseReason::Failures(failures),
        None => PauseReason::Asked(actor.map(Arc::from)),
    })
}

/// See [`crate::store::History::job_events`].
pub(super) fn read(
    db: &Connection,
    job: &JobName,
    through: Timestamp,
) -> rusqlite::Result<Vec<JobEvent>> {
    let mut statement = db.prepare_cached(EVENTS)?;
    let events = statement.query_map(params![job.as_str(), micros(through)], |row| {
        let mut columns = Columns::of(row);
        let at = columns.time()?;
        let kind: String = columns.get()?;
        let watermark = columns.maybe_time()?;
        let fingerprint: Option<String> = columns.get()?;
        let why = read_reason(&mut columns)?;
        let turn = match (kind.as_str(), watermark) {
            (ACCEPTED, Some(watermark)) => JobTurn::Accepted {
                watermark,
                fingerprint: fingerprint.unwrap_or_default(),
            },
            (REMOVED, _) => JobTurn::Removed,
            (PAUSED, _) => JobTurn::Paused(why),
            (RESUMED, Some(watermark)) => JobTurn::Resumed {
                watermark,
                actor: match why {
                    PauseReason::Asked(actor) => actor,
                    PauseReason::Failures(_) => None,
                },
            },
            _ => return Err(columns::invalid(1, format!("`{kind}` is no event"))),
        };
        Ok(JobEvent { at, turn })
    })?;
    events.collect()
}
