//! Reading the store in memory: all of it, each time.

use std::{cmp::Reverse, collections::BTreeMap};

use cronlet_core::{
    name::JobName,
    record::{Span, StoredJob},
    run::{Cause, Origin, RequestId, RunId, RunStatus},
    state::Entries,
};
use jiff::Timestamp;

use super::{MemoryHistory, Run, Skips};
use crate::store::{
    History, Limit, Old, StoreError,
    history::{
        AttemptLog, BackfillRow, Beside, Beyond, ClockJump, Entry, Instant, JobEvent, JobRow, Life,
        Query, RunRow,
    },
    precision::cut,
    retention::Step,
};

impl History for MemoryHistory {
    fn entries(&self, query: &Query) -> Result<Vec<Entry>, StoreError> {
        let state = self.0.lock();
        let mut found = Vec::new();
        for Run { row, .. } in state.runs.values() {
            if matches(query, &row.job, row.status, row.queued_at) {
                let key = (row.run, false, None);
                found.push((key, Entry::Run(Box::new(row.clone()))));
            }
        }
        for Skips { row, after } in state.skips.values() {
            if matches(query, &row.job, RunStatus::Skipped, row.recorded_at) {
                let key = (*after, true, Some((row.recorded_at, &row.job, row.first)));
                found.push((key, Entry::Skips(row.clone())));
            }
        }
        found.sort_by_key(|(key, _)| Reverse(*key));
        let entries = found.into_iter().map(|(_, entry)| entry);
        Ok(entries.take(query.limit).collect())
    }

    fn run(&self, run: RunId) -> Result<Option<RunRow>, StoreError> {
        Ok(self.0.lock().runs.get(&run).map(|run| run.row.clone()))
    }

    fn log(&self, run: RunId, attempt: Option<u32>) -> Result<Vec<AttemptLog>, StoreError> {
        let state = self.0.lock();
        let Some(run) = state.runs.get(&run) else {
            return Ok(Vec::new());
        };
        let numbers = run.row.attempts.iter().map(|row| row.number);
        let wanted = numbers.filter(|number| attempt.is_none_or(|attempt| attempt == *number));
        Ok(wanted
            .map(|attempt| AttemptLog {
                attempt,
                pruned: run.is_pruned(attempt),
                lines: run.logs.get(&attempt).cloned().unwrap_or_default(),
            })
            .collect())
    }

    fn jobs(&self) -> Result<Vec<JobRow>, StoreError> {
        let state = self.0.lock();
        let present = state.jobs.values().filter(|job| job.removed_at.is_none());
        Ok(present
            .map(|job| {
                let mut newest = state.runs.values().rev();
                JobRow {
                    job: job.job.clone(),
                    watermark: job.watermark,
                    health: job.health.clone(),
                    paused: job.paused.clone(),
                    last_run: newest
                        .find(|run| run.row.job == job.job)
                        .map(|run| run.row.clone()),
                }
            })
            .collect())
    }

    fn job_events(&self, job: &JobName, through: Timestamp) -> Result<Vec<JobEvent>, StoreError> {
        let state = self.0.lock();
        let events = state.events.values();
        let of_job = events.filter(|(name, event)| name == job && event.at <= cut(through));
        Ok(of_job.map(|(_, event)| event.clone()).collect())
    }

    fn names(&self) -> Result<Vec<JobName>, StoreError> {
        Ok(self.0.lock().names())
    }

    fn stored_jobs(&self) -> Result<Vec<StoredJob>, StoreError> {
        Ok(self.0.lock().jobs.values().cloned().collect())
    }

    fn instant(&self, job: &JobName, at: Timestamp) -> Result<Instant, StoreError> {
        let (state, at) = (self.0.lock(), cut(at));
        let of_job = |run: &&RunRow| run.job == *job;
        let rows = || state.runs.values().map(|run| &run.row).filter(of_job);
        let cause = Cause::Time(at);
        let others = rows()
            .rev()
            .filter(|run| run.nominal == at && run.cause != cause);
        let ranges = state.skips.values().map(|skips| &skips.row);
        let mut before = ranges.filter(|range| range.job == *job && range.first <= at);
        let skips = before.next_back().filter(|range| at <= range.last);
        let newer = skips.and_then(|range| {
            let found = |run: &&RunRow| {
                let by_time = matches!(run.cause, Cause::Time(_));
                by_time && range.last < run.nominal && run.nominal <= range.recorded_at
            };
            rows().filter(found).min_by_key(|run| run.nominal)
        });
        Ok(Instant {
            job: state.jobs.get(job).cloned(),
            run: rows().find(|run| run.cause == cause).cloned(),
            others: others.take(Instant::MOST as usize).cloned().collect(),
            skips: skips.cloned(),
            newer: newer.cloned(),
        })
    }

    fn beside(
        &self,
        job: &JobName,
        run: Option<RunId>,
        moment: Timestamp,
    ) -> Result<Beside, StoreError> {
        let (state, at) = (self.0.lock(), cut(moment));
        let (mut open, mut queued) = (Vec::new(), Vec::new());
        for Run {
            row, last_attempt, ..
        } in state.runs.values()
        {
            let beside = row.origin == Origin::Backfill || Some(row.run) == run;
            if row.job != *job || beside {
                continue;
            }
            let over = row.ended_at.is_some_and(|ended| ended <= at);
            if row.status != RunStatus::Skipped && row.queued_at <= at && !over {
                open.push((*last_attempt == 0, row));
            }
            if row.queued_at == at && run.is_none_or(|run| run < row.run) {
                queued.push(row);
            }
        }
        open.sort_by_key(|(waits, row)| (*waits, row.run));
        Ok(Beside {
            open: open.first().map(|(_, row)| (*row).clone()),
            queued: queued.first().map(|row| (*row).clone()),
        })
    }

    fn old_runs(&self, job: &JobName, limit: &Limit, step: Step) -> Result<Old, StoreError> {
        Ok(self.0.lock().old_runs(job, limit, step))
    }

    fn old_logs(
        &self,
        job: Option<&JobName>,
        limit: &Limit,
        step: Step,
    ) -> Result<Old, StoreError> {
        Ok(self.0.lock().old_logs(job, limit, step))
    }

    fn standing(
        &self,
        job: &JobName,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<BTreeMap<Timestamp, RunStatus>, StoreError> {
        Ok(self.0.lock().standing(job, cut(from), cut(to)))
    }

    fn backfill(&self, id: RequestId) -> Result<Option<BackfillRow>, StoreError> {
        let state = self.0.lock();
        Ok(state.backfills.get(&id).map(|it| it.row.clone()))
    }

    fn backfills(&self) -> Result<Vec<BackfillRow>, StoreError> {
        let state = self.0.lock();
        Ok(state.open_backfills().map(|it| it.row.clone()).collect())
    }

    fn beyond(&self, job: &JobName, after: Timestamp) -> Result<Beyond, StoreError> {
        let (state, after) = (self.0.lock(), cut(after));
        let of_job = state.runs.values().filter(|run| run.row.job == *job);
        let mut ran: Vec<_> = of_job
            .filter_map(|run| match run.row.cause {
                Cause::Time(at) if at > after => Some(at),
                _ => None,
            })
            .collect();
        ran.sort_unstable();
        let ranges = state.skips.values().map(|skips| &skips.row);
        let ranges = ranges.filter(|row| row.job == *job);
        let crossing = ranges.filter(|row| row.first <= after && after < row.last);
        let skips = crossing.map(|row| Span {
            first: row.first,
            last: row.last,
            count: row.count,
        });
        Ok(Beyond {
            ran,
            skips: skips.collect(),
        })
    }

    /// There is but one daemon, which goes on.
    fn lives(&self) -> Result<Vec<Life>, StoreError> {
        Ok(Vec::new())
    }

    fn clock_jumps(&self, most: usize) -> Result<Vec<ClockJump>, StoreError> {
        let jumps = &self.0.lock().jumps;
        Ok(jumps.iter().rev().take(most).copied().collect())
    }

    fn state(&self, job: &JobName) -> Result<Entries, StoreError> {
        let state = self.0.lock();
        let entries = state.states.get(job).map(|(entries, _)| entries);
        Ok(entries.cloned().unwrap_or_default())
    }
}

fn matches(query: &Query, job: &JobName, status: RunStatus, at: Timestamp) -> bool {
    query.job.as_ref().is_none_or(|wanted| wanted == job)
        && (query.statuses.is_empty() || query.statuses.contains(&status))
        && query.since.is_none_or(|since| at >= cut(since))
        && query.until.is_none_or(|until| at < cut(until))
}
