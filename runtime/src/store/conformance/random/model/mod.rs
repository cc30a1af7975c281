//! An engine that does anything it may, and what its store must know.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use cronlet_core::record::{StoredBackfill, StoredJob, StoredRun};
use jiff::SignedDuration;

use super::*;

mod backfills;
mod draw;
mod jobs;
mod runs;
mod wrong;

/// An engine that does anything it may.
#[derive(Clone)]
pub(super) struct Model {
    pub(super) rng: u64,
    pub(super) now: Timestamp,
    pub(super) next_run: u64,
    jobs: BTreeMap<JobName, StoredJob>,
    open: BTreeMap<RunId, StoredRun>,
    pub(super) ended: Vec<RunId>,
    occurrences: Vec<(JobName, Cause)>,
    /// The last range of skips of each job.
    skips: BTreeMap<JobName, (Timestamp, Timestamp, u64)>,
    /// What was last said of how much each job remembers.
    totals: BTreeMap<JobName, u64>,
    backfills: BTreeMap<RequestId, StoredBackfill>,
    /// The instants that watermarks were pulled back before.
    ahead: BTreeSet<(JobName, Timestamp)>,
    /// The jobs that have runs in the history.
    ran: BTreeSet<JobName>,
    /// The ranges of skips in it.
    ranges: BTreeSet<(JobName, Timestamp)>,
}

impl Model {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            rng: seed,
            now: at(0),
            next_run: 1,
            jobs: BTreeMap::new(),
            open: BTreeMap::new(),
            ended: Vec::new(),
            occurrences: Vec::new(),
            skips: BTreeMap::new(),
            totals: BTreeMap::new(),
            backfills: BTreeMap::new(),
            ahead: BTreeSet::new(),
            ran: BTreeSet::new(),
            ranges: BTreeSet::new(),
        }
    }

    pub(super) fn recovery(&self) -> Recovery {
        Recovery {
            next_run: self.next_run,
            jobs: self.jobs.values().cloned().collect(),
            runs: self.open.values().cloned().collect(),
            states: self.totals.clone(),
            backfills: self.backfills.values().cloned().collect(),
            ahead: self.ahead(),
        }
    }

    /// Looks at what is left of the history.
    pub(super) fn look(&mut self, entries: Vec<Entry>) {
        self.ran.clear();
        self.ranges.clear();
        for entry in entries {
            match entry {
                Entry::Run(run) => {
                    self.ran.insert(run.job);
                }
                Entry::Skips(row) => {
                    self.ranges.insert((row.job, row.first));
                }
            }
        }
    }

    /// Several steps' decisions, in one batch.
    pub(super) fn batch(&mut self) -> Batch {
        // The clock goes on, by anything, and now and then back.
        let nanos = 1 + self.random() % 1_000_000_000_000;
        let step = Duration::from_nanos(nanos);
        self.now = if self.chance(10) {
            self.now - step
        } else {
            self.now + step
        };
        let mut records = Vec::new();
        for _ in 0..=self.below(5) {
            self.act(&mut records);
        }
        if records.is_empty() {
            records.push(self.plan_accepted());
        }
        Batch {
            seq: Seq(1),
            at: self.now,
            records,
        }
    }

    /// One decision.
    fn act(&mut self, records: &mut Vec<Record>) {
        match self.below(28) {
            27 => records.push(self.times_pulled_back()),
            0 => records.push(self.job_accepted()),
            1 => records.extend(self.job_removed()),
            2 => records.extend(self.watermark()),
            3 => records.push(self.plan_accepted()),
            4 | 5 => records.push(self.skipped()),
            6..=8 => records.push(self.run_queued()),
            9 => records.push(Record::Stopped),
            16 | 17 => records.push(self.state_written()),
            18 => records.extend(self.pulled_back()),
            19 => records.push(Record::ClockJumped {
                by: SignedDuration::from_nanos(self.random().cast_signed()),
            }),
            20 => records.extend(self.paused()),
            21 => records.extend(self.resumed()),
            22 => records.extend(self.failures_counted()),
            23 => records.extend(self.overdue()),
            24..=26 => self.backfill(records),
            _ => self.advance(records),
        }
    }
}
