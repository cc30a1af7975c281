//! What becomes of jobs: their watermarks, pauses and health, and what they skip and remember.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use cronlet_core::{
    health::JobHealth,
    pause::{PauseReason, Paused},
    record::{Span, StoredJob},
    run::SkipReason,
    state::{Key, StateChanges, Value, Write},
};

use super::*;
use crate::store::precision::cut;

impl Model {
    pub(super) fn job_accepted(&mut self) -> Record {
        let job = self.job();
        let watermark = self.time();
        let fingerprint = self.text();
        let before = self.jobs.get(&job);
        let stored = StoredJob {
            job: job.clone(),
            watermark: cut(watermark),
            fingerprint: fingerprint.clone(),
            removed_at: None,
            health: self.health_of_accepted(&job),
            paused: before.and_then(|job| job.paused.clone()),
            failures: before.map_or(0, |job| job.failures),
        };
        self.jobs.insert(job.clone(), stored);
        Record::JobAccepted {
            job,
            watermark,
            fingerprint,
        }
    }

    /// What is known of a job that was there within the hour stays known.
    pub(super) fn health_of_accepted(&self, job: &JobName) -> JobHealth {
        let now = cut(self.now);
        let old = self.jobs.get(job).filter(|old| {
            old.removed_at
                .is_none_or(|at| now.duration_since(at).as_micros() < 3_600_000_000)
        });
        JobHealth {
            watched_since: now,
            last_success: old.and_then(|old| old.health.last_success),
            failing: old.and_then(|old| old.health.failing),
            overdue: old.is_some_and(|old| old.health.overdue),
        }
    }

    pub(super) fn overdue(&mut self) -> Option<Record> {
        let job = self.job();
        let health = &mut self.jobs.get_mut(&job)?.health;
        health.overdue = !health.overdue;
        Some(if health.overdue {
            let since = health.watched_since;
            Record::JobOverdue { job, since }
        } else {
            Record::JobNotOverdue { job }
        })
    }

    pub(super) fn job_removed(&mut self) -> Option<Record> {
        let job = self.job();
        self.jobs.get_mut(&job)?.removed_at = Some(cut(self.now));
        Some(Record::JobRemoved { job })
    }

    pub(super) fn paused(&mut self) -> Option<Record> {
        let (job, since) = (self.job(), cut(self.now));
        let why = match self.below(3) {
            0 => PauseReason::Asked(None),
            1 => PauseReason::Asked(Some(self.text().into())),
            _ => PauseReason::Failures(u32::try_from(self.below(9)).unwrap()),
        };
        let stored = self.jobs.get_mut(&job)?;
        if let PauseReason::Failures(failures) = why {
            stored.failures = failures;
        }
        stored.paused = Some(Paused {
            since,
            why: why.clone(),
        });
        Some(Record::JobPaused { job, why })
    }

    pub(super) fn resumed(&mut self) -> Option<Record> {
        let (job, watermark) = (self.job(), self.time());
        let actor = self.chance(2).then(|| self.text().into());
        let now = cut(self.now);
        let stored = self.jobs.get_mut(&job)?;
        stored.watermark = cut(watermark);
        stored.health.watched_since = now;
        stored.paused = None;
        stored.failures = 0;
        Some(Record::JobResumed {
            job,
            watermark,
            actor,
        })
    }

    pub(super) fn failures_counted(&mut self) -> Option<Record> {
        let (job, failures) = (self.job(), u32::try_from(self.below(9)).unwrap());
        self.jobs.get_mut(&job)?.failures = failures;
        Some(Record::FailuresCounted { job, failures })
    }

    pub(super) fn watermark(&mut self) -> Option<Record> {
        let (job, to) = (self.job(), self.time());
        self.jobs.get_mut(&job)?.watermark = cut(to);
        Some(Record::Watermark { job, to })
    }

    pub(super) fn plan_accepted(&mut self) -> Record {
        let now = cut(self.now);
        let (ran, ranges) = (&self.ran, &self.ranges);
        self.jobs.retain(|name, job| {
            let removed = job.removed_at;
            job.watermark > now
                || removed.is_none_or(|at| now.duration_since(at).as_micros() <= 3_600_000_000)
                || ran.contains(name)
                || ranges.iter().any(|(job, _)| job == name)
        });
        let kept = self.ahead();
        self.ahead = kept
            .into_iter()
            .flat_map(|(job, ahead)| ahead.into_iter().map(move |at| (job.clone(), at)))
            .collect();
        let digest = Digest::of(&[u8::from(self.chance(2))]);
        Record::PlanAccepted { digest }
    }

    pub(super) fn ahead(&self) -> BTreeMap<JobName, BTreeSet<Timestamp>> {
        let mut ahead: BTreeMap<JobName, BTreeSet<Timestamp>> = BTreeMap::new();
        for (job, at) in &self.ahead {
            if self.jobs.get(job).is_some_and(|job| job.watermark < *at) {
                ahead.entry(job.clone()).or_default().insert(*at);
            }
        }
        ahead
    }

    pub(super) fn pulled_back(&mut self) -> Option<Record> {
        let (job, from, to) = (self.job(), self.time(), self.time());
        self.jobs.get_mut(&job)?.watermark = cut(to);
        let ran: Vec<_> = (0..self.below(4)).map(|_| self.time()).collect();
        let ahead = ran.iter().map(|at| (job.clone(), cut(*at)));
        self.ahead.extend(ahead);
        self.ranges
            .retain(|(of, first)| *of != job || *first <= cut(to));
        let crossing = self.skips.get(&job).copied();
        let cuts = crossing.filter(|(first, ..)| *first <= to);
        let cuts = cuts.map(|(first, _, count)| Span {
            first,
            last: to,
            count,
        });
        Some(Record::WatermarkPulledBack {
            job,
            from,
            to,
            ran: ran.into(),
            cuts: cuts.into_iter().collect(),
        })
    }

    pub(super) fn times_pulled_back(&mut self) -> Record {
        let to = self.time();
        for job in self.jobs.values_mut() {
            let health = &mut job.health;
            health.watched_since = health.watched_since.min(cut(to));
            health.last_success = health.last_success.map(|at| at.min(cut(to)));
            if let Some(failing) = &mut health.failing {
                failing.at = failing.at.min(cut(to));
            }
            job.removed_at = job.removed_at.map(|at| at.min(cut(to)));
        }
        Record::TimesPulledBack { to }
    }

    pub(super) fn skipped(&mut self) -> Record {
        let job = self.job();
        let old = self.skips.get(&job).copied();
        let (first, last, count) = match old {
            Some((first, last, count)) if self.chance(2) => {
                (first, last + Duration::from_mins(1), count + 1)
            }
            _ => (self.now, self.now, self.count()),
        };
        self.skips.insert(job.clone(), (first, last, count));
        self.ranges.insert((job.clone(), cut(first)));
        let reason = self.pick(&SkipReason::ALL);
        Record::Skipped {
            job,
            reason,
            first,
            last,
            count,
        }
    }

    pub(super) fn state_written(&mut self) -> Record {
        let write = |model: &mut Self| {
            let key = Key::from(format!("{}{}", model.text(), model.below(4)));
            let value = (!model.chance(3)).then(|| Value::new(model.text().into_bytes().into()));
            (key, Write { value, replaced: 0 })
        };
        let writes = (0..self.below(6)).map(|_| write(self)).collect();
        let job = self.job();
        let total = if self.chance(4) {
            self.totals.remove(&job);
            0
        } else {
            let total = 1 + (self.random() >> (1 + self.below(60)));
            self.totals.insert(job.clone(), total);
            total
        };
        Record::StateWritten {
            run: RunId(1),
            job,
            changes: Arc::new(StateChanges::new(writes, BTreeMap::new())),
            total,
        }
    }
}
