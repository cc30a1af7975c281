//! What is old enough to go: finding it, and deleting it.
//!
//! Finding reads the oldest rows of an index and stops at the first that is young, so it costs what
//! is found and not what is kept; only the runs that a job may keep are counted.

use std::{collections::BTreeSet, ops::ControlFlow};

use cronlet_core::{name::JobName, retention::ALWAYS_KEPT, run::RunId};
use rusqlite::{Connection, OptionalExtension, params};

use super::{backfill, columns::Columns, fault};
use crate::store::{
    Limit, Old, Removed,
    precision::{column, micros},
    retention::{OldSkips, Step},
};

/// Each name is one look into an index, however many rows have it.
const NAMES: &str = "WITH RECURSIVE
    ran(job) AS (SELECT min(job) FROM runs UNION ALL
        SELECT (SELECT min(r.job) FROM runs AS r WHERE r.job > ran.job) FROM ran
        WHERE ran.job IS NOT NULL),
    skipped(job) AS (SELECT min(job) FROM skips UNION ALL
        SELECT (SELECT min(s.job) FROM skips AS s WHERE s.job > skipped.job) FROM skipped
        WHERE skipped.job IS NOT NULL),
    told(job) AS (SELECT min(job) FROM job_events UNION ALL
        SELECT (SELECT min(e.job) FROM job_events AS e WHERE e.job > told.job) FROM told
        WHERE told.job IS NOT NULL)
    SELECT job FROM ran WHERE job IS NOT NULL UNION
    SELECT job FROM skipped WHERE job IS NOT NULL UNION
    SELECT job FROM backfills UNION
    SELECT job FROM told WHERE job IS NOT NULL UNION
    SELECT job FROM jobs ORDER BY job";

/// What a run that is not over needs stays. The bytes of an attempt's output and of its log are not read for this.
pub(super) const RUNS: &str = "SELECT r.run, r.queued_at, r.ended_at, r.status = 'failed',
    (SELECT coalesce(sum(coalesce(octet_length(a.output), 0)), 0) FROM attempts AS a
        WHERE a.run = r.run)
    + (SELECT coalesce(sum(octet_length(l.lines)), 0) FROM logs AS l WHERE l.run = r.run)
    FROM runs AS r WHERE r.job = ?1 AND r.run < ?2
        AND NOT EXISTS (SELECT 1 FROM runs AS n WHERE n.input_of = r.run AND n.ended_at IS NULL)
    ORDER BY r.run";

pub(super) const SKIPS: &str = "SELECT first, recorded_at, after_run FROM skips WHERE job = ?1
    ORDER BY after_run, recorded_at";

pub(super) const EVENTS: &str =
    "SELECT id, at, kind FROM job_events WHERE job = ?1 ORDER BY id DESC";

pub(super) const LOGS: &str =
    "SELECT l.run, l.attempt, r.queued_at, r.ended_at, r.job, octet_length(l.lines)
    FROM logs AS l JOIN runs AS r ON r.run = l.run ORDER BY l.run, l.attempt";

/// Every job of which anything is stored.
pub(super) fn names(db: &Connection) -> rusqlite::Result<Vec<JobName>> {
    let mut statement = db.prepare_cached(NAMES)?;
    let names = statement.query_map([], |row| Columns::of(row).job())?;
    names.collect()
}

/// See [`crate::store::History::old_runs`].
pub(super) fn runs_and_skips(
    db: &Connection,
    job: &JobName,
    limit: &Limit,
    step: Step,
) -> rusqlite::Result<Old> {
    let bounds = Bounds::of(db, job, limit)?;
    let mut found = Found::new(step);
    old_runs(db, job, limit, &bounds, &mut found)?;
    old_skips(db, job, limit, &bounds, &mut found)?;
    old_events(db, job, limit, &bounds, &mut found)?;
    for id in backfill::old(db, job, limit)? {
        if found.weigh(0).is_break() {
            break;
        }
        found.old.backfills.push(id);
    }
    Ok(found.old)
}

/// See [`crate::store::History::old_logs`].
pub(super) fn logs(
    db: &Connection,
    job: Option<&JobName>,
    limit: &Limit,
    step: Step,
) -> rusqlite::Result<Old> {
    let mut found = Found::new(step);
    let mut statement = db.prepare_cached(LOGS)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let mut columns = Columns::of(row);
        let (run, attempt) = (columns.run_id()?, columns.get()?);
        if columns.time()? >= limit.logs_before {
            break;
        }
        let over = columns.maybe_time()?;
        let name = columns.job()?;
        let asked = job.is_none_or(|job| *job == name);
        if asked && over.is_some_and(|over| over < limit.logs_before) {
            if found.weigh(columns.count()?).is_break() {
                break;
            }
            found.old.logs.push((run, attempt));
        }
    }
    Ok(found.old)
}

/// Which numbers stay, and which go, whatever their age.
struct Bounds {
    /// Of its runs none from here on goes.
    stay_from: RunId,
    /// All its runs below this go.
    go_below: RunId,
    /// Whether it is in the plan: then its last failure stays, and how it stands.
    is_there: bool,
}

impl Bounds {
    fn of(db: &Connection, job: &JobName, limit: &Limit) -> rusqlite::Result<Self> {
        let gone = !db
            .prepare_cached(
                "SELECT 1 FROM jobs WHERE job = ?1 AND (removed_at IS NULL OR removed_at >= ?2)",
            )?
            .exists(params![job.as_str(), micros(limit.gone_before)])?;
        let newest = |n: u32| -> rusqlite::Result<Option<RunId>> {
            db.prepare_cached(
                "SELECT run FROM runs WHERE job = ?1 ORDER BY run DESC LIMIT 1 OFFSET ?2",
            )?
            .query_row(params![job.as_str(), n.saturating_sub(1)], |row| {
                Columns::of(row).run_id()
            })
            .optional()
        };
        let (first, none) = (RunId(0), RunId(u64::MAX));
        let counted = match limit.keep_runs {
            0 => Some(none),
            keep => newest(keep)?,
        };
        Ok(Self {
            stay_from: if gone {
                none
            } else {
                newest(ALWAYS_KEPT)?.unwrap_or(first)
            },
            go_below: counted.unwrap_or(first),
            is_there: !gone,
        })
    }
}

/// What was found so far.
struct Found {
    old: Old,
    step: Step,
    bytes: u64,
}

impl Found {
    fn new(step: Step) -> Self {
        Self {
            old: Old::default(),
            step,
            bytes: 0,
        }
    }

    /// Whether one more, of so many bytes, goes into the step.
    fn weigh(&mut self, bytes: u64) -> ControlFlow<()> {
        let full = self.bytes >= self.step.bytes || self.old.len() >= self.step.rows;
        self.bytes = self.bytes.saturating_add(bytes);
        if full {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }
}

fn old_runs(
    db: &Connection,
    job: &JobName,
    limit: &Limit,
    bounds: &Bounds,
    found: &mut Found,
) -> rusqlite::Result<()> {
    let mut statement = db.prepare_cached(RUNS)?;
    let mut rows = statement.query(params![job.as_str(), column(bounds.stay_from.0)])?;
    while let Some(row) = rows.next()? {
        let mut columns = Columns::of(row);
        let (run, queued_at) = (columns.run_id()?, columns.time()?);
        let (over, failed) = (columns.maybe_time()?, columns.get::<bool>()?);
        let many = run < bounds.go_below;
        if !many && queued_at >= limit.before {
            break;
        }
        let goes = over.is_some_and(|over| many || over < limit.before);
        if !goes || (failed && bounds.is_there && !failed_since(db, job, run)?) {
            continue;
        }
        if found.weigh(columns.count()?).is_break() {
            break;
        }
        found.old.runs.push(run);
    }
    Ok(())
}

/// Whether a run of the job that is newer than `run` failed.
fn failed_since(db: &Connection, job: &JobName, run: RunId) -> rusqlite::Result<bool> {
    db.prepare_cached("SELECT 1 FROM runs WHERE job = ?1 AND run > ?2 AND status = 'failed'")?
        .exists(params![job.as_str(), column(run.0)])
}

fn old_skips(
    db: &Connection,
    job: &JobName,
    limit: &Limit,
    bounds: &Bounds,
    found: &mut Found,
) -> rusqlite::Result<()> {
    let mut statement = db.prepare_cached(SKIPS)?;
    let mut rows = statement.query([job.as_str()])?;
    while let Some(row) = rows.next()? {
        let mut columns = Columns::of(row);
        let (first, recorded_at) = (columns.time()?, columns.time()?);
        // What came before the first run that stays is of its time.
        let many = columns.run_id()? < bounds.go_below.min(bounds.stay_from);
        if !many && recorded_at >= limit.before {
            break;
        }
        if found.weigh(0).is_break() {
            break;
        }
        found.old.skips.push(OldSkips {
            job: job.clone(),
            first,
            recorded_at,
        });
    }
    Ok(())
}

/// A job has few of them, so all are looked at.
fn old_events(
    db: &Connection,
    job: &JobName,
    limit: &Limit,
    bounds: &Bounds,
    found: &mut Found,
) -> rusqlite::Result<()> {
    let mut statement = db.prepare_cached(EVENTS)?;
    let mut rows = statement.query([job.as_str()])?;
    let (mut kinds, mut old, mut newer) = (BTreeSet::new(), Vec::new(), 0);
    while let Some(row) = rows.next()? {
        let mut columns = Columns::of(row);
        let (id, at) = (columns.get::<i64>()?, columns.time()?);
        let is_newest = kinds.insert(columns.get::<String>()?);
        let goes = newer >= limit.keep_runs || at < limit.before;
        if goes && !(is_newest && bounds.is_there) {
            old.push(id);
        }
        newer += 1;
    }
    for id in old.into_iter().rev() {
        if found.weigh(0).is_break() {
            break;
        }
        found.old.events.push(id);
    }
    Ok(())
}

/// Deletes what it names, within the caller's transaction. Attempts and logs go with their runs.
pub(super) fn remove(db: &Connection, old: &Old) -> Result<Removed, fault::Error> {
    let mut removed = Removed::default();
    let mut log = db.prepare_cached(
        "DELETE FROM logs WHERE run = ?1 AND attempt = ?2
         AND (SELECT ended_at FROM runs WHERE run = ?1) IS NOT NULL",
    )?;
    for (run, attempt) in &old.logs {
        removed.logs += count(log.execute(params![column(run.0), attempt])?);
    }
    let mut run = db.prepare_cached(
        "DELETE FROM runs WHERE run = ?1 AND ended_at IS NOT NULL
         AND NOT EXISTS (SELECT 1 FROM runs AS n WHERE n.input_of = ?1 AND n.ended_at IS NULL)",
    )?;
    for number in &old.runs {
        removed.runs += count(run.execute([column(number.0)])?);
    }
    let mut range =
        db.prepare_cached("DELETE FROM skips WHERE job = ?1 AND first = ?2 AND recorded_at <= ?3")?;
    for skips in &old.skips {
        removed.skips += count(range.execute(params![
            skips.job.as_str(),
            micros(skips.first),
            micros(skips.recorded_at)
        ])?);
    }
    removed.backfills = backfill::remove(db, &old.backfills)?;
    let mut event = db.prepare_cached("DELETE FROM job_events WHERE id = ?1")?;
    for id in &old.events {
        removed.events += count(event.execute([id])?);
    }
    Ok(removed)
}

pub(super) fn count(rows: usize) -> u64 {
    u64::try_from(rows).unwrap_or(u64::MAX)
}
