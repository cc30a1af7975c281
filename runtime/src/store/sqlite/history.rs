//! Reading a database, beside the engine that writes it or without one.
//!
//! Connections are read-only, and each call is one read transaction: it sees one state,
//! keeps no writer waiting, and is kept waiting by none. A call is a handful of statements,
//! however many runs it returns.

use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use cronlet_core::{
    name::JobName,
    record::StoredJob,
    run::{RequestId, RunId, RunStatus},
    state::Entries,
};
use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::{
    OpenError, backfill, clock,
    columns::{self, Columns},
    daemons::{self, Downtime},
    entries::entries,
    fault, health, instant, job_events, log, old,
    reader::Reader,
    recover, resolve, state,
};
use crate::store::{
    History, Limit, Old, StoreError,
    history::{
        AttemptLog, AttemptRow, BackfillRow, Beside, Beyond, ClockJump, Entry, Instant, JobEvent,
        JobRow, Life, Query, RunRow,
    },
    precision::column,
    retention::Step,
};

/// At most so many connections are kept for later.
const IDLE: usize = 4;

const DOING: &str = "read the history";

/// The jobs that were not removed, each with the number of its last run.
pub(super) const JOBS: &str = "SELECT j.job, j.watermark, \
    j.paused_at, j.paused_by, j.paused_after, \
    j.watched_since, j.last_success, j.failed_run, j.failed_at, j.overdue, \
    (SELECT r.run FROM runs AS r WHERE r.job = j.job ORDER BY r.run DESC LIMIT 1) \
    FROM jobs AS j WHERE j.removed_at IS NULL ORDER BY j.job";

/// Reads the database in one file. See [`history()`].
#[derive(Debug)]
pub struct SqliteHistory {
    path: PathBuf,
    idle: Mutex<Vec<Reader>>,
}

/// Reads the database at `path`, which must be of this binary's version.
pub fn history(path: &Path) -> Result<SqliteHistory, OpenError> {
    let path = resolve(path);
    let reader = Reader::open(&path)?;
    let history = SqliteHistory {
        path,
        idle: Mutex::default(),
    };
    history.keep(reader);
    Ok(history)
}

impl History for SqliteHistory {
    fn entries(&self, query: &Query) -> Result<Vec<Entry>, StoreError> {
        self.read(|db| entries(db, query))
    }

    fn run(&self, run: RunId) -> Result<Option<RunRow>, StoreError> {
        self.read(|db| Ok(runs_numbered(db, &[run])?.remove(&run)))
    }

    fn log(&self, run: RunId, attempt: Option<u32>) -> Result<Vec<AttemptLog>, StoreError> {
        self.read(|db| log_of(db, run, attempt))
    }

    fn jobs(&self) -> Result<Vec<JobRow>, StoreError> {
        self.read(jobs)
    }

    fn job_events(&self, job: &JobName, through: Timestamp) -> Result<Vec<JobEvent>, StoreError> {
        self.read(|db| job_events::read(db, job, through))
    }

    fn names(&self) -> Result<Vec<JobName>, StoreError> {
        self.read(old::names)
    }

    fn stored_jobs(&self) -> Result<Vec<StoredJob>, StoreError> {
        self.read(recover::stored_jobs)
    }

    fn instant(&self, job: &JobName, at: Timestamp) -> Result<Instant, StoreError> {
        self.read(|db| instant::instant(db, job, at))
    }

    fn beside(
        &self,
        job: &JobName,
        run: Option<RunId>,
        moment: Timestamp,
    ) -> Result<Beside, StoreError> {
        self.read(|db| instant::beside(db, job, run, moment))
    }

    fn old_runs(&self, job: &JobName, limit: &Limit, step: Step) -> Result<Old, StoreError> {
        self.read(|db| old::runs_and_skips(db, job, limit, step))
    }

    fn old_logs(
        &self,
        job: Option<&JobName>,
        limit: &Limit,
        step: Step,
    ) -> Result<Old, StoreError> {
        self.read(|db| old::logs(db, job, limit, step))
    }

    fn standing(
        &self,
        job: &JobName,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<BTreeMap<Timestamp, RunStatus>, StoreError> {
        self.read(|db| backfill::standing(db, job, from, to))
    }

    fn backfill(&self, id: RequestId) -> Result<Option<BackfillRow>, StoreError> {
        self.read(|db| backfill::one(db, id))
    }

    fn backfills(&self) -> Result<Vec<BackfillRow>, StoreError> {
        self.read(backfill::open)
    }

    fn beyond(&self, job: &JobName, after: Timestamp) -> Result<Beyond, StoreError> {
        self.read(|db| clock::beyond(db, job, after))
    }

    fn lives(&self) -> Result<Vec<Life>, StoreError> {
        self.read(daemons::lives)
    }

    fn clock_jumps(&self, most: usize) -> Result<Vec<ClockJump>, StoreError> {
        self.read(|db| clock::jumps(db, most))
    }

    fn state(&self, job: &JobName) -> Result<Entries, StoreError> {
        self.read(|db| state::read(db, job))
    }
}

impl SqliteHistory {
    /// The time without a daemon that `at` lies in, as far as is remembered.
    pub fn downtime(&self, at: Timestamp) -> Result<Option<Downtime>, StoreError> {
        self.read(|db| daemons::downtime(db, at))
    }

    /// Calls `read` within one read transaction. A connection that saw an error is not used again.
    fn read<T>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let idle = self.lock().pop();
        let mut reader = match idle.filter(Reader::is_current) {
            Some(reader) => reader,
            None => Reader::open(&self.path).map_err(unread)?,
        };
        let answer = within(&mut reader.connection, read).map_err(fault::while_(DOING))?;
        self.keep(reader);
        Ok(answer)
    }

    fn keep(&self, reader: Reader) {
        let mut idle = self.lock();
        if !reader.immutable && idle.len() < IDLE {
            idle.push(reader);
        }
    }

    #[cfg(test)]
    pub(super) fn idle_connections(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Reader>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why the database could not be opened, so that what is to be done about it is not lost.
fn unread(error: OpenError) -> StoreError {
    match error {
        OpenError::Store(error) => error,
        error => StoreError::while_(DOING)(error),
    }
}

fn within<T>(
    connection: &mut Connection,
    read: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    let transaction = connection.transaction()?;
    let answer = read(&transaction)?;
    transaction.finish()?;
    Ok(answer)
}

/// The attempts of these runs, by number.
pub(super) fn attempts(
    db: &Connection,
    runs: impl Iterator<Item = RunId>,
) -> rusqlite::Result<HashMap<RunId, Vec<AttemptRow>>> {
    let sql = format!(
        "SELECT {} FROM attempts AS a LEFT JOIN components AS c ON c.id = a.component
         WHERE a.run IN (SELECT value FROM json_each(?1)) ORDER BY a.run, a.number",
        columns::ATTEMPT
    );
    let mut found: HashMap<RunId, Vec<AttemptRow>> = HashMap::new();
    let mut statement = db.prepare_cached(&sql)?;
    let rows = statement.query_map([list(runs)], columns::attempt)?;
    for row in rows {
        let (run, attempt) = row?;
        found.entry(run).or_default().push(attempt);
    }
    Ok(found)
}

/// These runs, with their attempts.
pub(super) fn runs_numbered(
    db: &Connection,
    numbers: &[RunId],
) -> rusqlite::Result<HashMap<RunId, RunRow>> {
    let sql = format!(
        "SELECT {} FROM runs AS r WHERE r.run IN (SELECT value FROM json_each(?1))",
        columns::RUN
    );
    let mut attempts = attempts(db, numbers.iter().copied())?;
    let mut statement = db.prepare_cached(&sql)?;
    let rows = statement.query_map([list(numbers.iter().copied())], columns::run)?;
    rows.map(|row| {
        let mut row = row?;
        row.attempts = attempts.remove(&row.run).unwrap_or_default();
        Ok((row.run, row))
    })
    .collect()
}

/// The numbers as a JSON list, so that one statement takes any number of them.
fn list(runs: impl Iterator<Item = RunId>) -> String {
    let numbers: Vec<String> = runs.map(|run| run.to_string()).collect();
    format!("[{}]", numbers.join(","))
}

fn log_of(db: &Connection, run: RunId, attempt: Option<u32>) -> rusqlite::Result<Vec<AttemptLog>> {
    let mut statement = db.prepare_cached(
        "SELECT a.number, a.log_lines > 0 AND l.lines IS NULL, l.lines FROM attempts AS a
         LEFT JOIN logs AS l ON l.run = a.run AND l.attempt = a.number
         WHERE a.run = ?1 AND (?2 IS NULL OR a.number = ?2) ORDER BY a.number",
    )?;
    statement
        .query_map(params![column(run.0), attempt], |row| {
            let mut columns = Columns::of(row);
            Ok(AttemptLog {
                attempt: columns.get()?,
                pruned: columns.get::<Option<bool>>()?.unwrap_or(false),
                lines: columns.json(log::read_lines)?,
            })
        })?
        .collect()
}

fn jobs(db: &Connection) -> rusqlite::Result<Vec<JobRow>> {
    let mut statement = db.prepare_cached(JOBS)?;
    let mut jobs: Vec<(JobRow, Option<RunId>)> = statement
        .query_map([], |row| {
            let mut columns = Columns::of(row);
            let job = JobRow {
                job: columns.job()?,
                watermark: columns.time()?,
                paused: job_events::paused(&mut columns)?,
                health: health::read(&mut columns)?,
                last_run: None,
            };
            Ok((job, columns.maybe_run_id()?))
        })?
        .collect::<Result<_, _>>()?;
    let last: Vec<RunId> = jobs.iter().filter_map(|(_, last)| *last).collect();
    let mut runs = runs_numbered(db, &last)?;
    for (job, last) in &mut jobs {
        job.last_run = last.and_then(|run| runs.remove(&run));
    }
    Ok(jobs.into_iter().map(|(job, _)| job).collect())
}
