//! Records to rows: each record is one statement or two, compiled once.
//!
//! A record that contradicts what is stored changes no row, which is how it is noticed.

use super::{
    Cache, backfill, clock, daemons, fault::Error, health, health::Ends, job_events, state,
};
use crate::store::{
    Refused,
    precision::{column, cut_cause, micros},
};
use cronlet_core::{
    digest::Digest,
    record::{Batch, NewRun, Record},
    run::RunId,
};
use jiff::Timestamp;
use rusqlite::{Connection, Params, params};

pub(super) type Result<T = (), E = Error> = std::result::Result<T, E>;

/// Does what the records say, within the caller's transaction. If it fails, the transaction and the
/// cache are to be thrown away.
pub(super) fn batches(
    db: &Connection,
    batches: &[Batch],
    (cache, ends): (&mut Cache, &mut Ends),
) -> Result {
    let first = cache.next_run;
    ends.begin();
    for batch in batches {
        let mut apply = Apply {
            db,
            at: batch.at,
            cache,
            ends,
        };
        for record in &batch.records {
            apply.record(record)?;
        }
    }
    ends.write(db)?;
    if cache.next_run != first {
        let next = column(cache.next_run);
        change(db, "UPDATE meta SET next_run = ?1", [next])?;
    }
    Ok(())
}

/// One batch on its way to the disk.
pub(super) struct Apply<'a> {
    pub(super) db: &'a Connection,
    pub(super) at: Timestamp,
    pub(super) cache: &'a mut Cache,
    ends: &'a mut Ends,
}

/// Runs a statement, and says how many rows it changed.
pub(super) fn change(db: &Connection, sql: &str, params: impl Params) -> Result<usize> {
    Ok(db.prepare_cached(sql)?.execute(params)?)
}

/// What the statement's number of changed rows means: one is right, none contradicts what is stored.
pub(super) fn must(changed: usize, refused: impl FnOnce() -> Refused) -> Result {
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
            Record::JobOverdue { job, .. } | Record::JobNotOverdue { job } => {
                must(health::write_overdue(self.db, record)?, || {
                    Refused::UnknownJob(job.clone())
                })
            }
            Record::JobAccepted { .. }
            | Record::JobRemoved { .. }
            | Record::JobPaused { .. }
            | Record::JobResumed { .. }
            | Record::FailuresCounted { .. } => {
                self.ends.write(self.db)?;
                job_events::write(self.db, self.at, record)
            }
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
            Record::TimesPulledBack { to } => {
                self.ends.write(self.db)?;
                Ok(clock::times_pulled_back(self.db, *to)?)
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
            Record::Stopped => Ok(daemons::stopped(self.db, self.at)?),
        }
    }

    pub(super) fn change(&self, sql: &str, params: impl Params) -> Result<usize> {
        change(self.db, sql, params)
    }

    fn plan_accepted(&mut self, digest: Digest) -> Result {
        self.ends.write(self.db)?;
        self.change(
            "INSERT INTO plans (digest, accepted_at) SELECT ?1, ?2
             WHERE ?1 IS NOT (SELECT digest FROM plans ORDER BY id DESC LIMIT 1)",
            params![digest.to_string(), micros(self.at)],
        )?;
        Ok(clock::forget(self.db, self.at)?)
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
            "INSERT INTO runs (run, job, cause, nominal, origin, queued_at, actor, params, input_of,
                 not_before, turn, status)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, 'queued')
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
                new.input_of.map(id),
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
        self.ends.queued(new);
        Ok(())
    }

    fn run(&mut self, record: &Record) -> Result {
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
        must(changed, || Refused::NotOpen(*run))?;
        match record {
            Record::RunEnded { run, end, .. } => self.ends.ended(*run, *end, self.at),
            Record::RunWithdrawn { run } => self.ends.withdrawn(*run),
            _ => {}
        }
        Ok(())
    }
}

/// The run's number, as a column has it. One that is too large is no run's.
pub(super) fn id(run: RunId) -> i64 {
    column(run.0)
}
