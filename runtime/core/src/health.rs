//! How a job is doing: whether it fails, and whether it is overdue.
//!
//! A job is *overdue* from the moment on at which its `overdue_after` has passed since its last success, or
//! since it was accepted or resumed or its `start` if that is later. It is not while it is paused or
//! disabled. It *fails* from a run that ended `failed` to the next one that succeeds. [`Origin`] says which
//! runs count for what.

use jiff::Timestamp;

use crate::{
    job::Job,
    run::{Origin, RunEnd, RunId},
};

/// How one job is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobHealth {
    /// When it was accepted or resumed last: from then on a success is waited for.
    pub watched_since: Timestamp,
    /// When the last of its runs that succeeded ended.
    pub last_success: Option<Timestamp>,
    /// The last of its runs that failed, if none has succeeded since.
    pub failing: Option<Failing>,
    /// Whether it was said that it is overdue, and not yet that it is so no more.
    pub overdue: bool,
}

/// What a job fails with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failing {
    /// The run that failed.
    pub run: RunId,
    /// When it ended.
    pub at: Timestamp,
}

impl JobHealth {
    /// A job that is accepted then, and of which nothing else is known.
    pub fn new(watched_since: Timestamp) -> Self {
        Self {
            watched_since,
            ..Self::default()
        }
    }

    /// Since when a success of the job is waited for.
    pub fn waits_since(&self, job: &Job) -> Timestamp {
        let times = [
            Some(self.watched_since),
            self.last_success,
            job.schedule.start,
        ];
        times
            .into_iter()
            .flatten()
            .max()
            .unwrap_or(self.watched_since)
    }

    /// From when on the job is overdue if no run succeeds before. What its `end` cuts off is not waited
    /// for.
    pub fn overdue_at(&self, job: &Job) -> Option<Timestamp> {
        let at = self.waits_since(job).checked_add(job.overdue_after?).ok()?;
        job.schedule.end.is_none_or(|end| at < end).then_some(at)
    }

    /// What was noted by a clock that was ahead is as if it had been noted at `to`.
    pub fn pull_back(&mut self, to: Timestamp) {
        self.watched_since = self.watched_since.min(to);
        self.last_success = self.last_success.map(|at| at.min(to));
        if let Some(failing) = &mut self.failing {
            failing.at = failing.at.min(to);
        }
    }

    /// Notes how a run ended, and says whether it is a success that counts.
    pub fn run_ended(&mut self, run: RunId, origin: Origin, end: RunEnd, at: Timestamp) -> bool {
        match end {
            RunEnd::Succeeded if origin.proves_success() => {
                self.last_success = Some(at);
                self.failing = None;
                return true;
            }
            RunEnd::Failed(_) if origin.is_by_itself() => {
                self.failing = Some(Failing { run, at });
            }
            RunEnd::Succeeded | RunEnd::Failed(_) | RunEnd::Cancelled | RunEnd::Skipped(_) => {}
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        job::Component,
        name::JobName,
        run::{FailReason, SkipReason},
    };

    fn job() -> Job {
        let component = Component::Unusable(String::new());
        Job::new(JobName::new("a").unwrap(), component)
    }

    fn t(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// After these ends, one a second.
    fn after(ends: &[(Origin, RunEnd)]) -> JobHealth {
        let mut health = JobHealth::new(t(0));
        for (number, (origin, end)) in (1..).zip(ends) {
            let at = t(i64::try_from(number).unwrap());
            health.run_ended(RunId(number), *origin, *end, at);
        }
        health
    }

    const FAILED: RunEnd = RunEnd::Failed(FailReason::Trap);

    #[test]
    fn any_success_ends_a_failure_and_only_the_schedule_begins_one() {
        use Origin::{CatchUp, Manual, Schedule};
        let failing = |ends: &[_]| after(ends).failing.map(|failing| failing.run.0);
        assert_eq!(failing(&[(Schedule, FAILED)]), Some(1));
        assert_eq!(failing(&[(Schedule, FAILED), (CatchUp, FAILED)]), Some(2));
        assert_eq!(failing(&[(Schedule, FAILED), (Manual, FAILED)]), Some(1));
        assert_eq!(failing(&[(Manual, FAILED)]), None);
        for origin in [Schedule, CatchUp, Manual] {
            assert_eq!(
                failing(&[(Schedule, FAILED), (origin, RunEnd::Succeeded)]),
                None
            );
        }
    }

    #[test]
    fn what_neither_succeeded_nor_failed_changes_nothing() {
        let failed = (Origin::Schedule, FAILED);
        let others = [RunEnd::Cancelled, RunEnd::Skipped(SkipReason::Overlap)];
        let others = others.map(|end| (Origin::Schedule, end));
        assert_eq!(after(&[failed, others[0], others[1]]), after(&[failed]));
        assert_eq!(after(&others), JobHealth::new(t(0)));
    }

    #[test]
    fn a_success_is_waited_for_from_the_last_one_or_from_the_acceptance() {
        let (mut health, mut job) = (JobHealth::new(t(100)), job());
        assert_eq!(health.overdue_at(&job), None);
        job.overdue_after = Some(Duration::from_secs(5));
        assert_eq!(health.overdue_at(&job), Some(t(105)));
        health.last_success = Some(t(90));
        assert_eq!(health.waits_since(&job), t(100));
        health.last_success = Some(t(110));
        assert_eq!(health.overdue_at(&job), Some(t(115)));
        job.overdue_after = Some(Duration::MAX);
        assert_eq!(health.overdue_at(&job), None);
    }

    #[test]
    fn a_success_is_waited_for_between_start_and_end() {
        let (health, mut job) = (JobHealth::new(t(100)), job());
        job.overdue_after = Some(Duration::from_secs(5));
        job.schedule.start = Some(t(200));
        assert_eq!(health.overdue_at(&job), Some(t(205)));
        job.schedule.end = Some(t(206));
        assert_eq!(health.overdue_at(&job), Some(t(205)));
        job.schedule.end = Some(t(205));
        assert_eq!(health.overdue_at(&job), None);
    }
}
