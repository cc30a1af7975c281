//! The records of attempts, to rows.

use std::collections::HashMap;

use cronlet_core::{
    digest::Digest,
    record::Record,
    report::AttemptReport,
    run::{AttemptStatus, FailReason, RunId},
};
use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::{
    apply::{Apply, Result, change, id, must},
    log,
};
use crate::store::{
    Refused,
    precision::{column, duration_micros, micros},
    told::Told,
};

impl Apply<'_> {
    pub(super) fn attempt(&mut self, record: &Record) -> Result {
        match record {
            Record::AttemptStarted {
                run,
                attempt,
                component,
                starts_at,
            } => self.attempt_started(*run, *attempt, *component, *starts_at),
            Record::AttemptDisarmed { run, attempt } => must(
                self.change(
                    "DELETE FROM attempts WHERE run = ?1 AND number = ?2 AND status IS NULL",
                    params![id(*run), attempt],
                )?,
                || no_attempt(*run, *attempt),
            ),
            Record::AttemptEnded {
                run,
                attempt,
                status,
                reason,
                report,
            } => match report {
                Some(report) => self.attempt_ended(*run, *attempt, (*status, *reason), report),
                None => must(
                    self.change(
                        "UPDATE attempts SET status = ?3, reason = ?4, ended_at = ?5
                         WHERE run = ?1 AND number = ?2 AND status IS NULL",
                        params![
                            id(*run),
                            attempt,
                            status.as_str(),
                            reason.map(FailReason::as_str),
                            micros(self.at),
                        ],
                    )?,
                    || no_attempt(*run, *attempt),
                ),
            },
            _ => Ok(()),
        }
    }

    fn attempt_started(
        &mut self,
        run: RunId,
        attempt: u32,
        component: Option<Digest>,
        starts_at: Timestamp,
    ) -> Result {
        let changed = self.change(
            "UPDATE runs SET status = 'running', retry_at = NULL, last_attempt = ?2
             WHERE run = ?1 AND ended_at IS NULL AND last_attempt < ?2",
            params![id(run), attempt],
        )?;
        must(changed, || Refused::Attempt { run, attempt })?;
        let component = component
            .map(|digest| component_id(self.db, &mut self.cache.components, digest))
            .transpose()?;
        self.change(
            "INSERT INTO attempts (run, number, component, starts_at, started_at)
             VALUES (?1, ?2, ?3, ?4, ?5)",
            params![
                id(run),
                attempt,
                component,
                micros(starts_at),
                micros(self.at)
            ],
        )
        .map(drop)
    }

    fn attempt_ended(
        &self,
        run: RunId,
        attempt: u32,
        (status, reason): (AttemptStatus, Option<FailReason>),
        report: &AttemptReport,
    ) -> Result {
        let told = Told::of(&report.verdict);
        let changed = self.change(
            "UPDATE attempts SET
                 status = ?3, reason = ?4, started_at = coalesce(?5, started_at), ended_at = ?6,
                 duration = ?7, cpu = ?8, memory_peak = ?9, log_lines = ?10, log_dropped = ?11,
                 summary = ?12, output = ?13, error_code = ?14, error_message = ?15,
                 error_backtrace = ?16, attributes = ?17
             WHERE run = ?1 AND number = ?2 AND status IS NULL",
            params![
                id(run),
                attempt,
                status.as_str(),
                reason.map(FailReason::as_str),
                report.started_at.map(micros),
                micros(report.ended_at),
                duration_micros(report.duration),
                duration_micros(report.usage.cpu),
                column(report.usage.memory_peak),
                column(report.usage.log_lines),
                column(report.usage.log_dropped),
                told.summary,
                told.output,
                told.failure.map(|failure| failure.code.as_str()),
                told.failure.map(|failure| failure.message.as_str()),
                told.failure
                    .and_then(|failure| failure.backtrace.as_deref()),
                log::attributes(told.attributes),
            ],
        )?;
        must(changed, || no_attempt(run, attempt))?;
        if report.log.is_empty() {
            return Ok(());
        }
        self.change(
            "INSERT INTO logs (run, attempt, lines) VALUES (?1, ?2, ?3)",
            params![id(run), attempt, log::lines(&report.log)],
        )
        .map(drop)
    }
}

/// The row of a component, made if there is none.
fn component_id(db: &Connection, known: &mut HashMap<Digest, i64>, digest: Digest) -> Result<i64> {
    if let Some(id) = known.get(&digest) {
        return Ok(*id);
    }
    let sha256 = digest.to_string();
    change(
        db,
        "INSERT INTO components (sha256) VALUES (?1) ON CONFLICT DO NOTHING",
        [&sha256],
    )?;
    let id = db
        .prepare_cached("SELECT id FROM components WHERE sha256 = ?1")?
        .query_row([&sha256], |row| row.get(0))?;
    known.insert(digest, id);
    Ok(id)
}

fn no_attempt(run: RunId, attempt: u32) -> Refused {
    Refused::NoAttempt { run, attempt }
}
