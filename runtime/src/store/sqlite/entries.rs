//! The lines of the history: runs and ranges of skips, together, newest first.

use cronlet_core::run::{RunId, RunStatus};
use rusqlite::{Connection, params_from_iter, types::Value};

use super::{columns, history::attempts};
use crate::store::{
    history::{Entry, Query, RunRow, SkipRow},
    precision::micros,
};

/// The conditions of a statement and the values in them.
#[derive(Default)]
struct Filter {
    sql: String,
    values: Vec<Value>,
}

impl Filter {
    /// Adds a condition, which has a `?` for each of the values.
    fn and(&mut self, condition: &str, values: impl IntoIterator<Item = Value>) {
        let word = if self.sql.is_empty() { "WHERE" } else { "AND" };
        self.sql = format!("{} {word} {condition}", self.sql);
        self.values.extend(values);
    }

    /// The conditions that runs and skips have in common. `at` is the column of the time.
    fn new(query: &Query, at: &str) -> Self {
        let mut filter = Self::default();
        if let Some(job) = &query.job {
            filter.and("job = ?", [job.as_str().to_owned().into()]);
        }
        if let Some(since) = query.since {
            filter.and(&format!("{at} >= ?"), [micros(since).into()]);
        }
        if let Some(until) = query.until {
            filter.and(&format!("{at} < ?"), [micros(until).into()]);
        }
        filter
    }

    /// The values, and then the limit.
    fn limited(mut self, limit: usize) -> Vec<Value> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.values.push(limit.into());
        self.values
    }
}

pub(super) fn entries(db: &Connection, query: &Query) -> rusqlite::Result<Vec<Entry>> {
    let mut entries = merge(newest_runs(db, query)?, newest_skips(db, query)?);
    entries.truncate(query.limit);
    let kept = entries.iter().filter_map(|entry| match entry {
        Entry::Run(run) => Some(run.run),
        Entry::Skips(_) => None,
    });
    let mut attempts = attempts(db, kept)?;
    for entry in &mut entries {
        if let Entry::Run(run) = entry {
            run.attempts = attempts.remove(&run.run).unwrap_or_default();
        }
    }
    Ok(entries)
}

fn newest_runs(db: &Connection, query: &Query) -> rusqlite::Result<Vec<RunRow>> {
    let (sql, values) = runs_statement(query);
    db.prepare_cached(&sql)?
        .query_map(params_from_iter(values), columns::run)?
        .collect()
}

fn newest_skips(db: &Connection, query: &Query) -> rusqlite::Result<Vec<(RunId, SkipRow)>> {
    let wanted = query.statuses.is_empty() || query.statuses.contains(&RunStatus::Skipped);
    if !wanted {
        return Ok(Vec::new());
    }
    let (sql, values) = skips_statement(query);
    db.prepare_cached(&sql)?
        .query_map(params_from_iter(values), columns::skips)?
        .collect()
}

pub(super) fn runs_statement(query: &Query) -> (String, Vec<Value>) {
    let mut filter = Filter::new(query, "queued_at");
    if !query.statuses.is_empty() {
        let marks = vec!["?"; query.statuses.len()].join(", ");
        let names = query.statuses.iter().map(|status| status.as_str());
        filter.and(
            &format!("status IN ({marks})"),
            names.map(|name| name.to_owned().into()),
        );
    }
    let sql = format!(
        "SELECT {} FROM runs AS r {} ORDER BY r.run DESC LIMIT ?",
        columns::RUN,
        filter.sql
    );
    (sql, filter.limited(query.limit))
}

pub(super) fn skips_statement(query: &Query) -> (String, Vec<Value>) {
    let filter = Filter::new(query, "recorded_at");
    let sql = format!(
        "SELECT {} FROM skips AS s {}
         ORDER BY s.after_run DESC, s.recorded_at DESC, s.job DESC, s.first DESC LIMIT ?",
        columns::SKIPS,
        filter.sql
    );
    (sql, filter.limited(query.limit))
}

/// One list of two, all newest first. A range that followed a run is newer than it.
fn merge(runs: Vec<RunRow>, skips: Vec<(RunId, SkipRow)>) -> Vec<Entry> {
    let mut merged = Vec::with_capacity(runs.len() + skips.len());
    let mut skips = skips.into_iter().peekable();
    for run in runs {
        while let Some((_, newer)) = skips.next_if(|(after, _)| *after >= run.run) {
            merged.push(Entry::Skips(newer));
        }
        merged.push(Entry::Run(Box::new(run)));
    }
    merged.extend(skips.map(|(_, skips)| Entry::Skips(skips)));
    merged
}
