//! What an engine must know to go on where the last one stopped.
//!
//! The counters of a run are those of its attempts that are over. An attempt that is not
//! counts for nothing yet: the engine says whether it crashed or is withdrawn.

use std::{collections::HashMap, sync::Arc};

use cronlet_core::{
    digest::Digest,
    record::{NewRun, Recovery, StoredJob, StoredRun, StoredState},
    run::{AttemptStatus, FailReason, RunId},
};
use jiff::Timestamp;
use rusqlite::{Connection, Row};

use super::{
    Cache, backfill, clock,
    columns::{self, Columns},
    health, job_events, state,
};
use crate::store::precision;

/// What the writer remembers between transactions.
pub(super) fn cache(db: &Connection) -> rusqlite::Result<Cache> {
    let mut components = HashMap::new();
    let mut statement = db.prepare("SELECT id, sha256 FROM components")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let sha256: String = row.get(1)?;
        if let Some(digest) = Digest::from_hex(&sha256) {
            components.insert(digest, row.get(0)?);
        }
    }
    Ok(Cache {
        next_run: next_run(db)?,
        components,
    })
}

/// See [`Recovery`].
pub(super) fn recovery(db: &Connection) -> rusqlite::Result<Recovery> {
    Ok(Recovery {
        next_run: next_run(db)?,
        jobs: stored_jobs(db)?,
        runs: open_runs(db)?,
        states: state::totals(db)?,
        backfills: backfill::stored(db)?,
        ahead: clock::ahead(db)?,
    })
}

fn next_run(db: &Connection) -> rusqlite::Result<u64> {
    let next = db.query_row("SELECT next_run FROM meta", [], |row| row.get(0))?;
    Ok(precision::count(next))
}

/// See [`crate::store::History::stored_jobs`].
pub(super) fn stored_jobs(db: &Connection) -> rusqlite::Result<Vec<StoredJob>> {
    db.prepare(&format!("SELECT {STORED_JOB} FROM jobs ORDER BY job"))?
        .query_map([], stored_job)?
        .collect()
}

/// What [`stored_job`] reads, of the table `jobs`.
pub(super) const STORED_JOB: &str = "job, watermark, fingerprint, removed_at, \
    paused_at, paused_by, paused_after, failures, \
    watched_since, last_success, failed_run, failed_at, overdue";

pub(super) fn stored_job(row: &Row<'_>) -> rusqlite::Result<StoredJob> {
    let mut columns = Columns::of(row);
    Ok(StoredJob {
        job: columns.job()?,
        watermark: columns.time()?,
        fingerprint: columns.get()?,
        removed_at: columns.maybe_time()?,
        paused: job_events::paused(&mut columns)?,
        failures: columns.get()?,
        health: health::read(&mut columns)?,
    })
}

pub(super) fn open_runs_statement() -> String {
    format!(
        "SELECT {}, r.last_attempt FROM runs AS r WHERE r.ended_at IS NULL ORDER BY r.run",
        columns::RUN
    )
}

/// The attempts of the runs that are not final.
pub(super) const OPEN_ATTEMPTS: &str = "SELECT a.run, a.status, a.reason, a.starts_at, a.started_at \
    FROM runs AS r JOIN attempts AS a ON a.run = r.run \
    WHERE r.ended_at IS NULL ORDER BY r.run, a.number";

fn open_runs(db: &Connection) -> rusqlite::Result<Vec<StoredRun>> {
    let mut attempts = attempts_of_open_runs(db)?;
    let mut statement = db.prepare(&open_runs_statement())?;
    let runs = statement.query_map([], |row| {
        let last_attempt = row.get("last_attempt")?;
        let run = columns::run(row)?;
        let tally = attempts.remove(&run.run).unwrap_or_default();
        Ok(StoredRun {
            state: match (tally.live, run.retry_at) {
                (Some((starts_at, recorded_at)), _) => StoredState::Running {
                    starts_at,
                    recorded_at,
                },
                (None, Some(until)) => StoredState::Retrying { until },
                (None, None) => StoredState::Queued,
            },
            new: Arc::new(NewRun {
                run: run.run,
                job: run.job,
                cause: run.cause,
                nominal: run.nominal,
                origin: run.origin,
                actor: run.actor.map(Arc::from),
                params: run.params.map(Arc::from),
                input_of: run.input_of,
                queued_at: run.queued_at,
                not_before: run.not_before,
                turn: run.turn,
            }),
            last_attempt,
            failures: tally.failures,
            crashes: tally.crashes,
            attempted: tally.attempted,
            last_failure: tally.last_failure,
            cancel_requested: run.cancel_requested_at.is_some(),
        })
    })?;
    runs.collect()
}

/// What the attempts of one run come to.
#[derive(Default)]
struct Tally {
    failures: u32,
    crashes: u32,
    attempted: bool,
    last_failure: Option<FailReason>,
    /// Of the one that is not over: when it was to start, and when that was recorded.
    live: Option<(Timestamp, Timestamp)>,
}

fn attempts_of_open_runs(db: &Connection) -> rusqlite::Result<HashMap<RunId, Tally>> {
    let mut tallies: HashMap<RunId, Tally> = HashMap::new();
    let mut statement = db.prepare(OPEN_ATTEMPTS)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let mut columns = Columns::of(row);
        let tally = tallies.entry(columns.run_id()?).or_default();
        let status = columns.maybe_name()?;
        let reason = columns.maybe_name()?;
        let live = (columns.time()?, columns.time()?);
        tally.attempted |= status.is_some();
        match status {
            None => tally.live = Some(live),
            Some(AttemptStatus::Failed) => {
                tally.failures += 1;
                tally.last_failure = reason;
            }
            Some(AttemptStatus::Crashed) => {
                tally.crashes += 1;
                tally.last_failure = Some(FailReason::Crash);
            }
            Some(
                AttemptStatus::Succeeded | AttemptStatus::Cancelled | AttemptStatus::Interrupted,
            ) => {}
        }
    }
    Ok(tallies)
}
