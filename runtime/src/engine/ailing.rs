//! What is said of jobs that do not go well, in sentences.

use cronlet_core::{
    engine::{Ailing, Engine},
    name::JobName,
    run::RunId,
};
use jiff::Timestamp;

use super::health::for_long;

/// At most so many jobs are told by name, of each kind.
const NAMED: usize = 10;

/// What follows from the jobs of a plan.
#[derive(Debug, Default)]
pub(super) struct Ailments {
    /// What makes the daemon unhealthy.
    pub(super) unhealthy: Vec<String>,
    /// What makes it degraded.
    pub(super) degraded: Vec<String>,
}

impl Ailments {
    pub(super) fn of(core: &Engine, now: Timestamp) -> Self {
        let (mut ailments, mut unnamed) = (Self::default(), (0, 0));
        for Ailing {
            job,
            overdue,
            failing,
        } in core.ailing()
        {
            if let Some(failing) = failing {
                let sentence = || failed(&job.name, failing.run, failing.at, now);
                name(&mut ailments.unhealthy, &mut unnamed.0, sentence);
            }
            if let Some(since) = overdue {
                let sentence = || is_overdue(&job.name, since, now);
                name(&mut ailments.degraded, &mut unnamed.1, sentence);
            }
        }
        ailments.unhealthy.extend(others_failed(unnamed.0));
        ailments.degraded.extend(others_are_overdue(unnamed.1));
        ailments
    }
}

/// Tells one job, or counts it.
fn name(told: &mut Vec<String>, unnamed: &mut usize, sentence: impl FnOnce() -> String) {
    if told.len() < NAMED {
        told.push(sentence());
    } else {
        *unnamed += 1;
    }
}

fn failed(job: &JobName, run: RunId, at: Timestamp, now: Timestamp) -> String {
    let long = for_long(at, now);
    format!("critical job `{job}` failed {long} ago, `cronlet show {run}` says how")
}

fn is_overdue(job: &JobName, since: Timestamp, now: Timestamp) -> String {
    let long = for_long(since, now);
    format!("job `{job}` is overdue, nothing has succeeded for {long}")
}

fn others_failed(jobs: usize) -> Option<String> {
    (jobs > 0).then(|| format!("{jobs} more critical jobs failed, `cronlet jobs` shows them"))
}

fn others_are_overdue(jobs: usize) -> Option<String> {
    (jobs > 0).then(|| format!("{jobs} more jobs are overdue, `cronlet jobs` shows them"))
}
