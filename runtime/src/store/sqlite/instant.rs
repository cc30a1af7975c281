//! What became of one instant of a job, and what else the job did at that moment.
//!
//! The instant itself is found by its key. What was beside it is found by going through the runs of
//! its job, of which retention keeps a number that can be gone through.

use cronlet_core::{
    name::JobName,
    run::{Cause, RunId},
};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Params, named_params, params};

use super::{
    columns::{self, Columns},
    history::runs_numbered,
    recover::{STORED_JOB, stored_job},
};
use crate::store::{
    history::{Beside, Instant, RunRow, SkipRow},
    precision::{column, cut, micros},
};

pub(super) const RUN: &str = "SELECT run FROM runs WHERE job = ?1 AND cause = ?2";

pub(super) const OTHERS: &str = "SELECT run FROM runs \
    WHERE job = :job AND nominal = :at AND cause <> :cause ORDER BY run DESC LIMIT :most";

/// A run that was skipped was never in anybody's way, and one of a backfill is in nobody's.
pub(super) const OPEN: &str = "SELECT run FROM runs \
    WHERE job = :job AND run <> :run AND status <> 'skipped' AND origin <> 'backfill' \
        AND queued_at <= :moment \
        AND (ended_at IS NULL OR ended_at > :moment) \
    ORDER BY last_attempt = 0, run LIMIT 1";

pub(super) const QUEUED: &str = "SELECT run FROM runs \
    WHERE job = :job AND run > :run AND queued_at = :moment AND origin <> 'backfill' \
    ORDER BY run LIMIT 1";

pub(super) const NEWER: &str = "SELECT run FROM runs \
    WHERE job = :job AND nominal > :last AND nominal <= :recorded AND cause LIKE 'time:%' \
    ORDER BY nominal LIMIT 1";

/// See [`crate::store::History::instant`].
pub(super) fn instant(db: &Connection, job: &JobName, at: Timestamp) -> rusqlite::Result<Instant> {
    let cause = Cause::Time(cut(at)).to_string();
    let stored = format!("SELECT {STORED_JOB} FROM jobs WHERE job = ?1");
    let stored = db
        .prepare_cached(&stored)?
        .query_row([job.as_str()], stored_job)
        .optional()?;
    let run = first(db, RUN, params![job.as_str(), cause])?;
    let others: Vec<RunId> = db
        .prepare_cached(OTHERS)?
        .query_map(
            named_params! {
                ":job": job.as_str(),
                ":at": micros(at),
                ":cause": cause,
                ":most": Instant::MOST,
            },
            |row| Columns::of(row).run_id(),
        )?
        .collect::<Result<_, _>>()?;
    let mut found = runs_numbered(db, &others)?;
    let skips = range(db, job, at)?;
    let newer = match &skips {
        Some(range) => newer(db, range)?,
        None => None,
    };
    Ok(Instant {
        job: stored,
        run,
        others: others.iter().filter_map(|run| found.remove(run)).collect(),
        skips,
        newer,
    })
}

/// See [`crate::store::History::beside`].
pub(super) fn beside(
    db: &Connection,
    job: &JobName,
    run: Option<RunId>,
    moment: Timestamp,
) -> rusqlite::Result<Beside> {
    // No run has the number 0.
    let run = run.map_or(0, |run| column(run.0));
    let at = |sql| {
        let params = named_params! {
            ":job": job.as_str(), ":run": run, ":moment": micros(moment),
        };
        first(db, sql, params)
    };
    Ok(Beside {
        open: at(OPEN)?,
        queued: at(QUEUED)?,
    })
}

/// See [`Instant::newer`].
fn newer(db: &Connection, range: &SkipRow) -> rusqlite::Result<Option<RunRow>> {
    let params = named_params! {
        ":job": range.job.as_str(),
        ":last": micros(range.last),
        ":recorded": micros(range.recorded_at),
    };
    first(db, NEWER, params)
}

/// The run that a statement finds, whole.
fn first(db: &Connection, sql: &str, params: impl Params) -> rusqlite::Result<Option<RunRow>> {
    let found = db
        .prepare_cached(sql)?
        .query_row(params, |row| Columns::of(row).run_id())
        .optional()?;
    let Some(run) = found else { return Ok(None) };
    Ok(runs_numbered(db, &[run])?.remove(&run))
}

/// The range of skips that `at` lies in.
fn range(db: &Connection, job: &JobName, at: Timestamp) -> rusqlite::Result<Option<SkipRow>> {
    let before = db
        .prepare_cached(&range_statement())?
        .query_row(params![job.as_str(), micros(at)], columns::skips)
        .optional()?;
    let range = before.map(|(_, range)| range);
    Ok(range.filter(|range| range.last >= cut(at)))
}

/// The last range that begins at an instant or before it: ranges of one job do not overlap.
pub(super) fn range_statement() -> String {
    let columns = columns::SKIPS;
    format!(
        "SELECT {columns} FROM skips AS s WHERE s.job = ?1 AND s.first <= ?2
         ORDER BY s.first DESC LIMIT 1"
    )
}
