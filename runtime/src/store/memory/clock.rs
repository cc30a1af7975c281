//! What a clock that was wrong has left, and what is forgotten by a clock.

use std::collections::{BTreeMap, BTreeSet};

use cronlet_core::{name::JobName, record::Record};
use jiff::{SignedDuration, Timestamp};

use super::State;
use crate::store::{
    JUMPS, REMOVED_JOBS_STAY, Refused,
    history::ClockJump,
    precision::{self, cut},
};

impl State {
    pub(super) fn jump(&mut self, at: Timestamp, by: SignedDuration) {
        let by = SignedDuration::from_micros(precision::signed_micros(by));
        self.jumps.push_back(ClockJump { at, by });
        while self.jumps.len() > JUMPS {
            self.jumps.pop_front();
        }
    }

    /// Forgets jobs that were removed long ago, and what is ahead of no watermark any more.
    pub(super) fn forget(&mut self, at: Timestamp) {
        let Self {
            jobs, runs, skips, ..
        } = self;
        jobs.retain(|name, job| {
            let stays = |removed| at.duration_since(removed) <= REMOVED_JOBS_STAY;
            job.watermark > at
                || job.removed_at.is_none_or(stays)
                || runs.values().any(|run| run.row.job == *name)
                || skips.keys().any(|(of, _)| of == name)
        });
        let is_ahead = |job: &JobName, at| jobs.get(job).is_some_and(|job| job.watermark < at);
        self.ahead.retain(|(job, at)| is_ahead(job, *at));
    }

    pub(super) fn pull_back(&mut self, record: &Record) -> Result<(), Refused> {
        let Record::WatermarkPulledBack {
            job, to, ran, cuts, ..
        } = record
        else {
            return Ok(());
        };
        let to = cut(*to);
        self.job(job)?.watermark = to;
        self.skips
            .retain(|(of, first), _| of != job || *first <= to);
        for part in cuts {
            if let Some(skips) = self.skips.get_mut(&(job.clone(), cut(part.first))) {
                skips.row.last = cut(part.last);
                skips.row.count = precision::count(precision::column(part.count));
            }
        }
        self.ahead
            .extend(ran.iter().map(|at| (job.clone(), cut(*at))));
        Ok(())
    }

    /// What was noted of jobs after `to` was noted then.
    pub(super) fn pull_times_back(&mut self, to: Timestamp) {
        for job in self.jobs.values_mut() {
            job.health.pull_back(to);
            job.removed_at = job.removed_at.map(|at| at.min(to));
        }
    }

    pub(super) fn ahead(&self) -> BTreeMap<JobName, BTreeSet<Timestamp>> {
        let mut ahead: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for (name, at) in &self.ahead {
            if self.jobs.get(name).is_some_and(|job| job.watermark < *at) {
                ahead.entry(name.clone()).or_default().insert(*at);
            }
        }
        ahead
    }
}
