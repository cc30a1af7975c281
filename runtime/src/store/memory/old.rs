//! What is old enough to go, in memory: each rule as it is said.

use std::collections::BTreeSet;

use cronlet_core::{
    name::JobName,
    retention::ALWAYS_KEPT,
    run::{RunId, RunStatus},
};

use super::{Run, State};
use crate::store::{
    Limit, Old, Removed,
    precision::cut,
    retention::{OldSkips, Step},
};

impl State {
    pub(super) fn names(&self) -> Vec<JobName> {
        let ran = self.runs.values().map(|run| &run.row.job);
        let skipped = self.skips.keys().map(|(job, _)| job);
        let filled = self.backfills.values().map(|backfill| &backfill.row.job);
        let told = self.events.values().map(|(job, _)| job);
        let there = self.jobs.keys().chain(filled).chain(told);
        let names: BTreeSet<_> = ran.chain(skipped).chain(there).collect();
        names.into_iter().cloned().collect()
    }

    pub(super) fn old_runs(&self, job: &JobName, limit: &Limit, step: Step) -> Old {
        let runs = self.runs.values().filter(|run| run.row.job == *job);
        let newest: Vec<&Run> = runs.rev().collect();
        let stays_always = |rank: usize| rank < ALWAYS_KEPT as usize && !self.is_gone(job, limit);
        let last_failure = newest
            .iter()
            .find(|run| run.row.status == RunStatus::Failed)
            .filter(|_| !self.is_gone(job, limit))
            .map(|run| run.row.run);
        let is_many = |rank: usize| rank >= limit.keep_runs as usize;
        let mut old = Old::default();
        for (rank, run) in newest.iter().enumerate().rev() {
            let over = run.row.ended_at.filter(|_| !run.is_open());
            let goes = over.is_some_and(|over| is_many(rank) || over < cut(limit.before));
            let stays = stays_always(rank) || last_failure == Some(run.row.run);
            let stays = stays || self.is_needed(run.row.run);
            if goes && !stays && old.len() < step.rows {
                old.runs.push(run.row.run);
            }
        }
        // Among so many of the newest runs, the first; all, if there are not so many.
        let first_of = |count: u32| match count {
            0 => RunId(u64::MAX),
            n => newest.get(n as usize - 1).map_or(RunId(0), |it| it.row.run),
        };
        let always = if self.is_gone(job, limit) {
            0
        } else {
            ALWAYS_KEPT
        };
        let oldest_that_stays = first_of(limit.keep_runs).min(first_of(always));
        for ((_, first), skips) in self.skips.iter().filter(|((name, _), _)| name == job) {
            let many = skips.after < oldest_that_stays;
            let recorded_at = skips.row.recorded_at;
            if (many || recorded_at < cut(limit.before)) && old.len() < step.rows {
                old.skips.push(OldSkips {
                    job: job.clone(),
                    first: *first,
                    recorded_at,
                });
            }
        }
        old.events = self.old_events(job, limit);
        old.events
            .truncate(step.rows.saturating_sub(old.len() - old.events.len()));
        let mut over: Vec<_> = self
            .backfills
            .values()
            .filter_map(|it| Some((it.row.ended_at?, it.row.id)).filter(|_| it.row.job == *job))
            .collect();
        over.sort();
        for (ended_at, id) in over {
            if ended_at < cut(limit.before) && old.len() < step.rows {
                old.backfills.push(id);
            }
        }
        old
    }

    fn old_events(&self, job: &JobName, limit: &Limit) -> Vec<i64> {
        let events = self.events.iter().filter(|(_, (name, _))| name == job);
        let newest: Vec<_> = events.map(|(id, (_, event))| (*id, event)).rev().collect();
        let is_newest = |rank: usize, kind: &str| {
            newest
                .iter()
                .position(|(_, event)| event.turn.as_str() == kind)
                == Some(rank)
        };
        let ranked = newest.iter().enumerate();
        let old = ranked.filter(|(rank, (_, event))| {
            let stays = is_newest(*rank, event.turn.as_str()) && !self.is_gone(job, limit);
            let goes = *rank >= limit.keep_runs as usize || event.at < cut(limit.before);
            goes && !stays
        });
        old.map(|(_, (id, _))| *id).rev().collect()
    }

    pub(super) fn old_logs(&self, job: Option<&JobName>, limit: &Limit, step: Step) -> Old {
        let runs = self.runs.values().filter(|run| !run.is_open());
        let runs = runs.filter(|run| job.is_none_or(|job| *job == run.row.job));
        let too_old = |run: &&Run| {
            let over = run.row.ended_at;
            over.is_some_and(|over| over < cut(limit.logs_before))
        };
        let logs = runs.filter(too_old).flat_map(|run| {
            let attempts = run.logs.keys();
            attempts.map(|attempt| (run.row.run, *attempt))
        });
        Old {
            logs: logs.take(step.rows).collect(),
            ..Old::default()
        }
    }

    pub(super) fn remove(&mut self, old: &Old) -> Removed {
        let mut removed = Removed::default();
        for (run, attempt) in &old.logs {
            let run = self.final_run(*run);
            let log = run.and_then(|run| run.logs.remove(attempt));
            removed.logs += u64::from(log.is_some());
        }
        for run in &old.runs {
            if self.final_run(*run).is_some() && !self.is_needed(*run) {
                self.runs.remove(run);
                removed.runs += 1;
            }
        }
        for range in &old.skips {
            let key = (range.job.clone(), range.first);
            let same = |at| at <= range.recorded_at;
            let stored = self.skips.get(&key);
            if stored.is_some_and(|stored| same(stored.row.recorded_at)) {
                self.skips.remove(&key);
                removed.skips += 1;
            }
        }
        for id in &old.backfills {
            let over = self
                .backfills
                .get(id)
                .is_some_and(|it| it.row.ended.is_some());
            if over {
                self.backfills.remove(id);
                removed.backfills += 1;
            }
        }
        for event in &old.events {
            removed.events += u64::from(self.events.remove(event).is_some());
        }
        removed
    }

    fn final_run(&mut self, run: RunId) -> Option<&mut Run> {
        self.runs.get_mut(&run).filter(|run| !run.is_open())
    }

    /// Whether a run that is not over gets what this one left.
    fn is_needed(&self, run: RunId) -> bool {
        let mut open = self.runs.values().filter(|run| run.is_open());
        open.any(|open| open.row.input_of == Some(run))
    }

    fn is_gone(&self, job: &JobName, limit: &Limit) -> bool {
        let stored = self.jobs.get(job);
        stored.is_none_or(|job| job.removed_at.is_some_and(|at| at < cut(limit.gone_before)))
    }
}
