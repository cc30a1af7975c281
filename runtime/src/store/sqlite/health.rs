//! How each job is doing: columns of its row, so that no look into the history is needed, and nothing
//! that is deleted there makes them wrong.
//!
//! The ends of runs are what is written most. So what they come to is written once a job and transaction,
//! and the job of a run that ends is remembered and not looked up.

use std::collections::{BTreeMap, HashMap};

use cronlet_core::{
    health::{Failing, JobHealth},
    name::JobName,
    record::{NewRun, Record},
    run::{Origin, RunEnd, RunId},
};
use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::columns::Columns;
use crate::store::{
    REMOVED_JOBS_STAY,
    precision::{column, cut, micros},
};

/// Whose the runs are that are not final.
pub(super) const OPEN: &str =
    "SELECT r.run, r.job, r.origin FROM runs AS r WHERE r.ended_at IS NULL";

/// What the ends of runs mean for their jobs.
#[derive(Debug, Default)]
pub(super) struct Ends {
    /// The runs that are not final; and those of a transaction that failed, which comes again.
    open: HashMap<RunId, (JobName, Origin)>,
    /// Those that this transaction ends.
    ended: Vec<RunId>,
    /// What this transaction has not written yet.
    changed: BTreeMap<JobName, JobHealth>,
}

impl Ends {
    /// With the runs that are not final.
    pub(super) fn recover(db: &Connection) -> rusqlite::Result<Self> {
        let mut statement = db.prepare(OPEN)?;
        let open = statement.query_map([], |row| {
            let mut columns = Columns::of(row);
            Ok((columns.run_id()?, (columns.job()?, columns.name()?)))
        })?;
        Ok(Self {
            open: open.collect::<Result<_, _>>()?,
            ..Self::default()
        })
    }

    /// A transaction begins.
    pub(super) fn begin(&mut self) {
        self.ended.clear();
        self.changed.clear();
    }

    pub(super) fn queued(&mut self, new: &NewRun) {
        self.open.insert(new.run, (new.job.clone(), new.origin));
    }

    pub(super) fn ended(&mut self, run: RunId, end: RunEnd, at: Timestamp) {
        self.ended.push(run);
        if let Some((job, origin)) = self.open.get(&run)
            && matches!(end, RunEnd::Succeeded | RunEnd::Failed(_))
        {
            let health = self.changed.entry(job.clone()).or_default();
            health.run_ended(run, *origin, end, cut(at));
        }
    }

    /// Writes what has changed since the last time.
    pub(super) fn write(&mut self, db: &Connection) -> rusqlite::Result<()> {
        let mut statement = db.prepare_cached(
            "UPDATE jobs SET last_success = coalesce(?2, last_success),
                 failed_run = ?3, failed_at = ?4
             WHERE job = ?1",
        )?;
        while let Some((job, health)) = self.changed.pop_first() {
            if health == JobHealth::default() {
                continue;
            }
            let failing = health.failing;
            statement.execute(params![
                job.as_str(),
                health.last_success.map(micros),
                failing.map(|failing| column(failing.run.0)),
                failing.map(|failing| micros(failing.at)),
            ])?;
        }
        Ok(())
    }

    /// The transaction is on disk.
    pub(super) fn committed(&mut self) {
        for run in self.ended.drain(..) {
            self.open.remove(&run);
        }
    }
}

/// A job is about to be accepted. How it was doing is forgotten if it was away for an hour.
pub(super) fn forget_if_away(
    db: &Connection,
    job: &JobName,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let hour_ago = now.checked_sub(REMOVED_JOBS_STAY);
    let hour_ago = micros(hour_ago.unwrap_or(Timestamp::MIN));
    db.prepare_cached(
        "UPDATE jobs SET last_success = NULL, failed_run = NULL, failed_at = NULL, overdue = 0
         WHERE job = ?1 AND removed_at <= ?2",
    )?
    .execute(params![job.as_str(), hour_ago])?;
    Ok(())
}

/// Writes that a job is overdue, or is so no more, and says how many jobs that is.
pub(super) fn write_overdue(db: &Connection, record: &Record) -> rusqlite::Result<usize> {
    let (job, overdue) = match record {
        Record::JobOverdue { job, .. } => (job, true),
        Record::JobNotOverdue { job } => (job, false),
        _ => return Ok(0),
    };
    db.prepare_cached("UPDATE jobs SET overdue = ?2 WHERE job = ?1")?
        .execute(params![job.as_str(), overdue])
}

/// The next columns: `watched_since`, `last_success`, `failed_run`, `failed_at` and `overdue`.
pub(super) fn read(columns: &mut Columns<'_>) -> rusqlite::Result<JobHealth> {
    let watched_since = columns.time()?;
    let last_success = columns.maybe_time()?;
    let (run, at) = (columns.maybe_run_id()?, columns.maybe_time()?);
    Ok(JobHealth {
        watched_since,
        last_success,
        failing: run.zip(at).map(|(run, at)| Failing { run, at }),
        overdue: columns.get()?,
    })
}
