//! Records to rows: each record is one statement or two, compiled once.
//!
//! A record that contradicts what is stored changes no row, which is how it is noticed.

use std::collections::HashMap;

use super::{Cache, backfill, clock, fault::Error, job_events, log, state};
use crate::store::{
    REMOVED_JOBS_STAY, Refused,
    precision::{column, cut_cause, duration_micros, micros},
    told::Told,
};
use cronlet_core::{
    digest::Digest,
    record::{Batch, NewRun, Record},
    report::AttemptReport,
    run::{AttemptStatus, FailReason, RunId},
};
use jiff::Timestamp;
use rusqlite::{Connection, Params, params};

type Result<T = (), E = Error> = std::result::Result<T, E>;

/// Does what the records say, within the caller's transaction. If it fails, the transaction and the
/// cache are to be thrown away.
pub(super) fn batches(db: &Connection, batches: &[Batch], cache: &mut Cache) -> Result {
    let first = cache.next_run;
    for batch in batches {
        let mut apply = Apply {
            db,
            at: batch.at,
            cache,
        };
        for record in &batch.records {
            apply.record(record)?;
        }
    }
    if cache.next_run != first {
        let next = column(cache.next_run);
        change(db, "UPDATE meta SET next_run = ?1", [next])?;
    }
    Ok(())
}

/// One batch on its way to the disk.
struct Apply<'a> {
    db: &'a Connection,
    at: Timestamp,
    cache: &'a mut Cache,
}

/// Runs a statement, and says how many rows it changed.
fn change(db: &Connection, sql: &str, params: impl Params) -> Result<usize> {
    Ok(db.prepare_cached(sql)?.execute(params)?)
}

/// What the statement's number of changed rows means: one is right, none contradicts what is stored.
fn must(changed: usize, refused: impl FnOnce() -> Refused) -> Result {
    if changed == 1 {
        Ok(())
    } else {
        Err(refused().into())
    }
}

impl Apply<'_> {
    fn record(&mut self, record: &Record) -> Result {
        match record {
            Record::PlanAccepted { digest } => self.plan_accepted(*digest),
            Record::JobAccepted { .. }
            | Record::JobRemoved { .. }
            | Record::JobPaused { .. }
            | Record::JobResumed { .. }
            | Record::FailuresCounted { .. } => job_events::write(self.db, self.at, record),
            Record::Watermark { job, to } => must(
                self.change(
                    "UPDATE jobs SET watermark = ?2 WHERE job = ?1",
                    params![job.as_str(), micros(*to)],
                )?,
                || Refused::UnknownJob(job.clone()),
            ),
            Record::WatermarkPulledBack { job, .. } => {
                must(clock::pulled_back(self.db, record)?, || {
                    Refused::UnknownJob(job.clone())
                })
            }
            Record::Claimed { job, at } => Ok(clock::claimed(self.db, job, *at)?),
            Record::ClockJumped { by } => Ok(clock::jumped(self.db, self.at, *by)?),
            Record::Skipped { .. } => self.skipped(record),
            Record::RunQueued(new) => self.run_queued(new),
            Record::StateWritten { .. } => Ok(state::write(self.db, record)?),
            Record::AttemptStarted { .. }
            | Record::AttemptDisarmed { .. }
            | Record::AttemptEnded { .. } => self.attempt(record),
            Record::RunWithdrawn { .. }
            | Record::RunArrived { .. }
            | Record::RunRequeued { .. }
            | Record::RunRetrying { .. }
            | Record::CancelRequested { .. }
            | Record::RunEnded { .. } => self.run(record),
            Record::BackfillCreated(_)
            | Record::BackfillMoved { .. }
            | Record::BackfillStopped { .. }
            | Record::BackfillEnded { .. } => backfill::write(self.db, self.at, record),
            Record::Stopped => self
                .change("UPDATE lease SET stopped_at = ?1", [micros(self.at)])
                .map(drop),
        }
    }

    fn change(&self, sql: &str, params: impl Params) -> Result<usize> {
        change(self.db, sql, params)
    }

    fn plan_accepted(&self, digest: Digest) -> Result {
        self.change(
            "INSERT INTO plans (digest, accepted_at) SELECT ?1, ?2
             WHERE ?1 IS NOT (SELECT digest FROM plans ORDER BY id DESC LIMIT 1)",
            params![digest.to_string(), micros(self.at)],
        )?;
        let before = self
            .at
            .checked_sub(REMOVED_JOBS_STAY)
            .unwrap_or(Timestamp::MIN);
        self.change(
            "DELETE FROM jobs WHERE removed_at < ?1 AND watermark <= ?2
             AND NOT EXISTS (SELECT 1 FROM runs WHERE runs.job = jobs.job)
             AND NOT EXISTS (SELECT 1 FROM skips WHERE skips.job = jobs.job)",
            [micros(before), micros(self.at)],
        )?;
        Ok(clock::forget(self.db)?)
    }

    fn skipped(&self, record: &Record) -> Result {
        let Record::Skipped {
            job,
            reason,
            first,
            last,
            count,
        } = record
        else {
            return Ok(());
        };
        self.change(
            "INSERT INTO skips (job, first, last, count, reason, recorded_at, after_run)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT (job, first) DO UPDATE SET
                 last = excluded.last, count = excluded.count, reason = excluded.reason,
                 recorded_at = excluded.recorded_at, after_run = excluded.after_run",
            params![
                job.as_str(),
                micros(*first),
                micros(*last),
                column(*count),
                reason.as_str(),
                micros(self.at),
                column(self.cache.next_run) - 1,
            ],
        )
        .map(drop)
    }

    fn run_queued(&mut self, new: &NewRun) -> Result {
        let next = self.cache.next_run;
        if new.run.0 < next || i64::try_from(new.run.0).is_err() {
            return Err(Refused::Number { run: new.run, next }.into());
        }
        let cause = cut_cause(new.cause);
        let changed = self.change(
            "INSERT INTO runs (run, job, cause, nominal, origin, queued_at, actor, params, not_before, turn,
                               status)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 'queued')
             ON CONFLICT (job, cause) DO NOTHING",
            params![
                id(new.run),
                new.job.as_str(),
                cause.to_string(),
                micros(new.nominal),
                new.origin.as_str(),
                micros(new.queued_at),
                new.actor.as_deref(),
                new.params.as_deref(),
                new.not_before.map(micros),
                new.turn.as_str(),
            ],
        )?;
        must(changed, || Refused::Occurrence {
            run: new.run,
            job: new.job.clone(),
            cause,
        })?;
        self.cache.next_run = new.run.0 + 1;
        Ok(())
    }

    fn attempt(&mut self, record: &Record) -> Result {
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

    fn run(&self, record: &Record) -> Result {
        let (run, changed) = match record {
            // Its attempt goes with it; one that has ended is not forgotten.
            Record::RunWithdrawn { run } => (
                run,
                self.change(
                    "DELETE FROM runs WHERE run = ?1 AND ended_at IS NULL AND NOT EXISTS (
                         SELECT 1 FROM attempts AS a WHERE a.run = ?1 AND a.status IS NOT NULL)",
                    [id(*run)],
                )?,
            ),
            Record::RunArrived { run, turn } => (
                run,
                self.change(
                    "UPDATE runs SET not_before = NULL, turn = ?2
                     WHERE run = ?1 AND ended_at IS NULL",
                    params![id(*run), turn.as_str()],
                )?,
            ),
            Record::RunRequeued { run } => (
                run,
                self.change(
                    "UPDATE runs SET status = 'queued', retry_at = NULL
                     WHERE run = ?1 AND ended_at IS NULL",
                    [id(*run)],
                )?,
            ),
            Record::RunRetrying { run, until } => (
                run,
                self.change(
                    "UPDATE runs SET status = 'retrying', retry_at = ?2
                     WHERE run = ?1 AND ended_at IS NULL",
                    [id(*run), micros(*until)],
                )?,
            ),
            Record::CancelRequested { run, actor } => (
                run,
                self.change(
                    "UPDATE runs SET cancel_requested_at = coalesce(cancel_requested_at, ?2),
                         cancel_requested_by = coalesce(cancel_requested_by, ?3)
                     WHERE run = ?1 AND ended_at IS NULL",
                    params![id(*run), micros(self.at), actor.as_deref()],
                )?,
            ),
            Record::RunEnded { run, end, message } => (
                run,
                self.change(
                    "UPDATE runs SET status = ?2, reason = ?3, message = ?4, ended_at = ?5,
                         retry_at = NULL
                     WHERE run = ?1 AND ended_at IS NULL",
                    params![
                        id(*run),
                        end.status().as_str(),
                        end.reason(),
                        message,
                        micros(self.at)
                    ],
                )?,
            ),
            _ => return Ok(()),
        };
        must(changed, || Refused::NotOpen(*run))
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

/// The run's number, as a column has it. One that is too large is no run's.
fn id(run: RunId) -> i64 {
    column(run.0)
}

fn no_attempt(run: RunId, attempt: u32) -> Refused {
    Refused::NoAttempt { run, attempt }
}
