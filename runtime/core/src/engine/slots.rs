//! The one admission point: which waiting run may start next.
//!
//! Every start passes here, whatever made the run. A run waits until the engine's cap and its job's cap
//! have room; of those that may start, the oldest does.
//!
//! A run whose job is at its cap is *parked* beside the job, so that finding the next one costs
//! O(log n) however many wait behind a full job. Parked runs exist only while their job is at its cap
//! or has a run among the ready ones.

use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroU32,
};

use crate::{name::JobName, run::RunId};

/// Who has a slot and who waits for one.
#[derive(Debug, Default)]
pub(super) struct Slots {
    used: u32,
    /// Runs that may start as far as is known.
    ready: BTreeMap<RunId, JobName>,
    jobs: BTreeMap<JobName, JobSlots>,
}

#[derive(Debug, Default)]
struct JobSlots {
    used: u32,
    parked: BTreeSet<RunId>,
}

impl Slots {
    /// `run` waits from now on.
    pub(super) fn wait(&mut self, run: RunId, job: &JobName) {
        self.ready.insert(run, job.clone());
    }

    /// `run` waits no more, and has no slot.
    pub(super) fn forget(&mut self, run: RunId, job: &JobName) {
        if self.ready.remove(&run).is_some() {
            self.promote(job);
        } else if let Some(slots) = self.jobs.get_mut(job) {
            slots.parked.remove(&run);
            self.tidy(job);
        }
    }

    /// Gives a slot to the oldest run that may have one. `limit` is for all jobs together,
    /// `limit_of` for each.
    pub(super) fn take(
        &mut self,
        limit: NonZeroU32,
        limit_of: impl Fn(&JobName) -> Option<NonZeroU32>,
    ) -> Option<RunId> {
        while self.used < limit.get() {
            let (run, job) = self.ready.pop_first()?;
            let slots = self.jobs.entry(job.clone()).or_default();
            if limit_of(&job).is_some_and(|limit| slots.used >= limit.get()) {
                slots.parked.insert(run);
                continue;
            }
            slots.used += 1;
            self.used += 1;
            return Some(run);
        }
        None
    }

    /// Gives back the slot of a run of `job`.
    pub(super) fn release(&mut self, job: &JobName) {
        self.used = self.used.saturating_sub(1);
        if let Some(slots) = self.jobs.get_mut(job) {
            slots.used = slots.used.saturating_sub(1);
        }
        self.promote(job);
    }

    /// Whether a run of `job` has a slot.
    pub(super) fn in_use(&self, job: &JobName) -> bool {
        self.jobs.get(job).is_some_and(|slots| slots.used > 0)
    }

    /// The job's cap may have changed: every parked run of it is looked at again.
    pub(super) fn reconsider(&mut self, job: &JobName) {
        if let Some(slots) = self.jobs.get_mut(job) {
            let parked = std::mem::take(&mut slots.parked);
            self.ready
                .extend(parked.into_iter().map(|run| (run, job.clone())));
            self.tidy(job);
        }
    }

    /// The oldest parked run of the job is looked at again.
    fn promote(&mut self, job: &JobName) {
        if let Some(run) = self
            .jobs
            .get_mut(job)
            .and_then(|slots| slots.parked.pop_first())
        {
            self.ready.insert(run, job.clone());
        }
        self.tidy(job);
    }

    /// Keeps no entry for a job that has nothing here.
    fn tidy(&mut self, job: &JobName) {
        if self
            .jobs
            .get(job)
            .is_some_and(|slots| slots.used == 0 && slots.parked.is_empty())
        {
            self.jobs.remove(job);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const THREE: NonZeroU32 = NonZeroU32::new(3).unwrap();

    fn name(name: &str) -> JobName {
        JobName::new(name).unwrap()
    }

    fn one_a(job: &JobName) -> Option<NonZeroU32> {
        (job.as_str() == "a").then_some(NonZeroU32::MIN)
    }

    #[test]
    fn the_oldest_first_within_both_caps() {
        let mut slots = Slots::default();
        for (run, job) in [(1, "a"), (2, "a"), (3, "b"), (4, "a"), (5, "b"), (6, "b")] {
            slots.wait(RunId(run), &name(job));
        }
        let take = |slots: &mut Slots| slots.take(THREE, one_a).map(|run| run.0);
        assert_eq!([take(&mut slots), take(&mut slots)], [Some(1), Some(3)]);
        assert_eq!([take(&mut slots), take(&mut slots)], [Some(5), None]);
        slots.release(&name("b"));
        assert_eq!([take(&mut slots), take(&mut slots)], [Some(6), None]);
        slots.release(&name("a"));
        assert_eq!([take(&mut slots), take(&mut slots)], [Some(2), None]);
    }

    #[test]
    fn a_forgotten_run_lets_the_next_parked_one_in() {
        let mut slots = Slots::default();
        for run in 1..=4 {
            slots.wait(RunId(run), &name("a"));
        }
        assert_eq!(slots.take(THREE, one_a), Some(RunId(1)));
        assert_eq!(slots.take(THREE, one_a), None);
        slots.release(&name("a"));
        slots.forget(RunId(2), &name("a"));
        slots.forget(RunId(4), &name("a"));
        assert_eq!(slots.take(THREE, one_a), Some(RunId(3)));
        slots.release(&name("a"));
        assert_eq!(slots.take(THREE, one_a), None);
        assert!(slots.jobs.is_empty() && slots.ready.is_empty() && slots.used == 0);
    }

    #[test]
    fn a_raised_cap_is_seen() {
        let mut slots = Slots::default();
        for run in 1..=3 {
            slots.wait(RunId(run), &name("a"));
        }
        assert_eq!(slots.take(THREE, one_a), Some(RunId(1)));
        assert_eq!(slots.take(THREE, one_a), None);
        slots.reconsider(&name("a"));
        assert_eq!(slots.take(THREE, |_| None), Some(RunId(2)));
        assert_eq!(slots.take(THREE, |_| None), Some(RunId(3)));
    }
}
