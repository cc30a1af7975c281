//! Rows to values. A value that cannot be one is an error that names the column.

use std::{error::Error, str::FromStr};

use cronlet_core::{
    digest::Digest,
    name::JobName,
    report::Usage,
    run::{AttemptStatus, RunId},
};
use jiff::Timestamp;
use rusqlite::{
    Row,
    types::{FromSql, Type},
};

use super::log;
use crate::store::{
    history::{AttemptRow, ErrorRow, RunRow, SkipRow},
    precision,
};

/// What [`run`] reads, of a table `runs AS r`.
pub(super) const RUN: &str = "r.run, r.job, r.cause, r.nominal, r.origin, r.actor, r.params, \
    r.status, r.reason, r.message, r.queued_at, r.not_before, r.turn, r.retry_at, r.ended_at, \
    r.cancel_requested_at";

/// What [`attempt`] reads, of tables `attempts AS a` and `components AS c`.
pub(super) const ATTEMPT: &str = "a.run, a.number, a.status, a.reason, a.started_at, a.ended_at, \
    a.duration, c.sha256, a.summary, a.output, a.error_code, a.error_message, a.error_backtrace, \
    a.attributes, a.cpu, a.memory_peak, a.log_lines, a.log_dropped";

/// What [`skips`] reads, of a table `skips AS s`.
pub(super) const SKIPS: &str =
    "s.after_run, s.job, s.reason, s.first, s.last, s.count, s.recorded_at";

/// The columns of a row, from left to right.
pub(super) struct Columns<'r> {
    row: &'r Row<'r>,
    next: usize,
}

impl<'r> Columns<'r> {
    pub(super) fn of(row: &'r Row<'r>) -> Self {
        Self { row, next: 0 }
    }

    /// The next column as it is.
    pub(super) fn get<T: FromSql>(&mut self) -> rusqlite::Result<T> {
        self.next += 1;
        self.row.get(self.next - 1)
    }

    /// The next column, made into something by `make`, unless it is NULL.
    fn made<C, T, E>(&mut self, make: impl FnOnce(C) -> Result<T, E>) -> rusqlite::Result<Option<T>>
    where
        C: FromSql,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        let column: Option<C> = self.get()?;
        column
            .map(make)
            .transpose()
            .map_err(|error| invalid(self.next - 1, error))
    }

    /// The next column, which must be there.
    fn needed<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> rusqlite::Result<Option<T>>,
    ) -> rusqlite::Result<T> {
        read(self)?.ok_or_else(|| invalid(self.next - 1, "it is empty"))
    }

    pub(super) fn name<T>(&mut self) -> rusqlite::Result<T>
    where
        T: FromStr<Err: Error + Send + Sync + 'static>,
    {
        self.needed(Self::maybe_name)
    }

    pub(super) fn maybe_name<T>(&mut self) -> rusqlite::Result<Option<T>>
    where
        T: FromStr<Err: Error + Send + Sync + 'static>,
    {
        self.made(|name: String| name.parse())
    }

    pub(super) fn job(&mut self) -> rusqlite::Result<JobName> {
        self.needed(|columns| columns.made(|name: String| JobName::new(&name)))
    }

    pub(super) fn time(&mut self) -> rusqlite::Result<Timestamp> {
        self.needed(Self::maybe_time)
    }

    pub(super) fn maybe_time(&mut self) -> rusqlite::Result<Option<Timestamp>> {
        self.made(|micros| precision::time(micros).ok_or("it is no time"))
    }

    pub(super) fn count(&mut self) -> rusqlite::Result<u64> {
        Ok(precision::count(self.get()?))
    }

    pub(super) fn run_id(&mut self) -> rusqlite::Result<RunId> {
        Ok(RunId(self.count()?))
    }

    pub(super) fn maybe_run_id(&mut self) -> rusqlite::Result<Option<RunId>> {
        let number: Option<i64> = self.get()?;
        Ok(number.map(|number| RunId(precision::count(number))))
    }

    /// A list as JSON text; NULL is an empty one.
    pub(super) fn json<T>(
        &mut self,
        read: impl FnOnce(&str) -> serde_json::Result<Vec<T>>,
    ) -> rusqlite::Result<Vec<T>> {
        Ok(self.made(|text: String| read(&text))?.unwrap_or_default())
    }
}

pub(super) fn invalid(
    column: usize,
    error: impl Into<Box<dyn Error + Send + Sync>>,
) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, error.into())
}

/// A run, without its attempts.
pub(super) fn run(row: &Row<'_>) -> rusqlite::Result<RunRow> {
    let mut columns = Columns::of(row);
    Ok(RunRow {
        run: columns.run_id()?,
        job: columns.job()?,
        cause: columns.name()?,
        nominal: columns.time()?,
        origin: columns.name()?,
        actor: columns.get()?,
        params: columns.get()?,
        status: columns.name()?,
        reason: columns.get()?,
        message: columns.get()?,
        queued_at: columns.time()?,
        not_before: columns.maybe_time()?,
        turn: columns.name()?,
        retry_at: columns.maybe_time()?,
        ended_at: columns.maybe_time()?,
        cancel_requested_at: columns.maybe_time()?,
        attempts: Vec::new(),
    })
}

/// An attempt, and its run's number.
pub(super) fn attempt(row: &Row<'_>) -> rusqlite::Result<(RunId, AttemptRow)> {
    let mut columns = Columns::of(row);
    let run = columns.run_id()?;
    let attempt = AttemptRow {
        number: columns.get()?,
        status: columns.maybe_name::<AttemptStatus>()?,
        reason: columns.get()?,
        started_at: columns.time()?,
        ended_at: columns.maybe_time()?,
        duration: columns.get::<Option<i64>>()?.map(precision::duration),
        component: columns.made(|hex: String| Digest::from_hex(&hex).ok_or("it is no SHA-256"))?,
        summary: columns.get()?,
        output: columns.get()?,
        error: error(&mut columns)?,
        attributes: columns.json(log::read_attributes)?,
        usage: usage(&mut columns)?,
    };
    Ok((run, attempt))
}

fn error(columns: &mut Columns<'_>) -> rusqlite::Result<Option<ErrorRow>> {
    let code: Option<String> = columns.get()?;
    let message: Option<String> = columns.get()?;
    let backtrace = columns.get()?;
    Ok(code.zip(message).map(|(code, message)| ErrorRow {
        code,
        message,
        backtrace,
    }))
}

fn usage(columns: &mut Columns<'_>) -> rusqlite::Result<Option<Usage>> {
    let cpu: Option<i64> = columns.get()?;
    let counts = [columns.get()?, columns.get()?, columns.get()?];
    let [memory_peak, log_lines, log_dropped] =
        counts.map(|count: Option<i64>| precision::count(count.unwrap_or(0)));
    Ok(cpu.map(|cpu| Usage {
        cpu: precision::duration(cpu),
        memory_peak,
        log_lines,
        log_dropped,
    }))
}

/// A range of skips, and the run it follows.
pub(super) fn skips(row: &Row<'_>) -> rusqlite::Result<(RunId, SkipRow)> {
    let mut columns = Columns::of(row);
    let after = columns.run_id()?;
    let skips = SkipRow {
        job: columns.job()?,
        reason: columns.name()?,
        first: columns.time()?,
        last: columns.time()?,
        count: columns.count()?,
        recorded_at: columns.time()?,
    };
    Ok((after, skips))
}
