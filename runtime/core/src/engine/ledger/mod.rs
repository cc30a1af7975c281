//! What jobs remember, as far as the engine must know it: how much it is, and who wrote what since
//! whose start.
//!
//! A guest starts when the record of its start is on disk, so what it reads holds every end that was
//! decided before its start was, and perhaps some later ones. What *recent* ends of its job have written
//! is kept here while attempts overlap: where a key is recent, this is what it holds now, and anywhere
//! else the attempt has read what it holds now. So a compare-and-set is checked against all that was
//! decided, on disk or not, and no commit has to refuse one.

use std::{collections::BTreeMap, sync::Arc};

use super::{Engine, Step, state::Run};
use crate::{
    name::JobName,
    record::Record,
    report::{AttemptReport, ErrorKind, Failure, Verdict},
    run::RunId,
    state::{Key, StateChanges},
    units::format_size,
};

mod recent;
#[cfg(test)]
mod tests;

use recent::Recent;

/// The state of all jobs.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// How many ends have written state in this engine's life.
    ends: u64,
    /// What the state of each job that has any counts for.
    totals: BTreeMap<JobName, u64>,
    /// Of each job with attempts that overlap.
    recent: BTreeMap<JobName, Recent>,
}

/// What an attempt's changes are held against.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Terms {
    /// How many ends had written state when its start was decided.
    pub(super) began: u64,
    /// The job's `max_state`, as the attempt knows it.
    pub(super) max: u64,
}

/// Why an attempt's changes cannot be kept.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Lost {
    /// What a compare-and-set found is not there any more.
    Race(Key),
    /// Nobody knows any more whether it is.
    Forgotten,
    /// It would be too much.
    Full { total: u64, max: u64 },
}

impl Engine {
    /// Takes over what an attempt that succeeded did to its job's state. It holds no slot any more.
    pub(super) fn keep_state(
        &mut self,
        step: &mut Step,
        (run, job): (RunId, &JobName),
        changes: Arc<StateChanges>,
        total: u64,
    ) {
        let others = self.slots.in_use(job);
        self.ledger.keep(job, &changes, total, others);
        if self.ledger.is_crowded(job)
            && let Some(oldest) = self.oldest_start(job)
        {
            self.ledger.thin_out(job, oldest);
        }
        step.records.push(Record::StateWritten {
            run,
            job: job.clone(),
            changes,
            total,
        });
    }

    /// How many ends had written state when the oldest attempt of the job started that is under way.
    fn oldest_start(&self, job: &JobName) -> Option<u64> {
        let open = self.jobs.get(job)?.runs();
        let terms = open.filter_map(|run| self.runs.get(&run)?.terms());
        terms.map(|terms| terms.began).min()
    }
}

/// Takes what the attempt did to its job's state out of its report: it is kept only if the attempt
/// succeeds. If it cannot be, the attempt has failed, and its report says so.
pub(super) fn take_state(
    ledger: &Ledger,
    run: &Run,
    terms: Terms,
    report: Arc<AttemptReport>,
) -> (Arc<AttemptReport>, Option<(Arc<StateChanges>, u64)>) {
    if report.state.is_none() {
        return (report, None);
    }
    let mut report = Arc::unwrap_or_clone(report);
    let changes = report.state.take();
    let succeeded = matches!(report.verdict, Verdict::Succeeded(_)) && !run.cancel_requested;
    let mut kept = None;
    if let Some(changes) = changes.filter(|_| succeeded) {
        match ledger.check(&run.new.job, terms, &changes) {
            Ok(total) if !changes.writes().is_empty() => kept = Some((changes, total)),
            Ok(_) => {}
            Err(lost) => report.verdict = lost.verdict(),
        }
    }
    (Arc::new(report), kept)
}

impl Ledger {
    /// What the store knows.
    pub(super) fn recover(&mut self, totals: BTreeMap<JobName, u64>) {
        self.totals = totals;
    }

    /// The terms of an attempt whose start is decided now.
    pub(super) fn terms(&self, max: u64) -> Terms {
        Terms {
            began: self.ends,
            max,
        }
    }

    /// What the job's state will count for with these changes, if they can be kept.
    pub(super) fn check(
        &self,
        job: &JobName,
        terms: Terms,
        changes: &StateChanges,
    ) -> Result<u64, Lost> {
        let before = self.totals.get(job).copied().unwrap_or(0);
        let mut replaced = changes.replaced();
        if let Some(recent) = self.recent.get(job) {
            if terms.began < recent.forgotten {
                return Err(Lost::Forgotten);
            }
            let lost = changes.found().iter().find(|(key, found)| {
                let latest = recent.keys.get(*key);
                latest.is_some_and(|latest| latest.digest != **found)
            });
            if let Some((key, _)) = lost {
                return Err(Lost::Race(key.clone()));
            }
            for (key, write) in changes.writes() {
                if let Some(latest) = recent.keys.get(key) {
                    replaced = replaced.saturating_sub(write.replaced) + latest.size;
                }
            }
        }
        let total = before.saturating_sub(replaced) + changes.written();
        // What was more than the limit before may become less.
        if total > terms.max && total > before {
            let max = terms.max;
            return Err(Lost::Full { total, max });
        }
        Ok(total)
    }

    /// Takes changes over that were checked. Others of the job's attempts may be under way.
    pub(super) fn keep(&mut self, job: &JobName, changes: &StateChanges, total: u64, others: bool) {
        self.ends += 1;
        if total == 0 {
            self.totals.remove(job);
        } else if let Some(known) = self.totals.get_mut(job) {
            *known = total;
        } else {
            self.totals.insert(job.clone(), total);
        }
        if others {
            let recent = self.recent.entry(job.clone()).or_default();
            recent.add(self.ends, changes);
        }
    }

    /// Whether so much is recent that [`Ledger::thin_out`] is called for.
    pub(super) fn is_crowded(&self, job: &JobName) -> bool {
        let recent = self.recent.get(job);
        recent.is_some_and(Recent::is_crowded)
    }

    /// Forgets what the job's oldest attempt has read anyway; and if that is not enough, more than that:
    /// then nothing that such an attempt changes can be kept.
    pub(super) fn thin_out(&mut self, job: &JobName, oldest: u64) {
        if let Some(recent) = self.recent.get_mut(job) {
            recent.thin_out(oldest);
        }
    }

    /// No attempt of the job is under way.
    pub(super) fn rest(&mut self, job: &JobName) {
        self.recent.remove(job);
    }

    /// Whether [`Ledger::rest`] has something to do, for any job.
    pub(super) fn is_watching(&self) -> bool {
        !self.recent.is_empty()
    }
}

impl Lost {
    /// How the attempt ends.
    pub(super) fn verdict(&self) -> Verdict {
        let (code, message) = match self {
            Self::Race(key) => (
                "state-conflict",
                format!(
                    "another run changed `{key}` of the job's state after this attempt had started"
                ),
            ),
            Self::Forgotten => (
                "state-conflict",
                "other runs changed too much of the job's state after this attempt had started"
                    .to_owned(),
            ),
            Self::Full { total, max } => (
                "state-full",
                format!(
                    "with what other runs wrote meanwhile the job's state would be {}, its limit is {}",
                    format_size(*total),
                    format_size(*max)
                ),
            ),
        };
        Verdict::Error {
            kind: ErrorKind::Retryable,
            failure: Failure {
                code: code.to_owned(),
                message,
                ..Failure::default()
            },
        }
    }
}
