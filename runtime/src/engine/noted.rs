//! What is noted of a file that is accepted, and of its jobs since then.

use std::{collections::BTreeMap, fmt};

use cronlet_core::{
    name::JobName,
    record::Record,
    report::Verdict,
    run::{AttemptStatus, FailReason, RunId},
};

use super::status::Warning;

/// What is noted of a file that is accepted.
#[derive(Clone, Debug, Default)]
pub(super) struct Noted {
    /// Changes that wait for a restart.
    pub(super) warnings: Vec<Warning>,
    /// The jobs that are granted a directory that cannot be used, and why it cannot.
    pub(super) lacking: BTreeMap<JobName, String>,
}

/// A job whose component or directory cannot be used.
#[derive(Clone, Debug)]
pub struct Troubled {
    pub job: JobName,
    /// What is wrong with it.
    pub why: String,
    /// Whether the last good one takes its place; else the job cannot run.
    pub last_good: bool,
}

/// What jobs lack although their components can be used: as the file was read, and since then as their
/// attempts ended.
#[derive(Default)]
pub(super) struct Lacking {
    jobs: BTreeMap<JobName, String>,
    /// Whose attempts have started.
    started: BTreeMap<(RunId, u32), JobName>,
}

impl Lacking {
    /// The file was read.
    pub(super) fn noted(&mut self, lacking: &BTreeMap<JobName, String>) {
        self.jobs.clone_from(lacking);
    }

    /// An attempt is handed to the sandbox.
    pub(super) fn started(&mut self, run: RunId, attempt: u32, job: &JobName) {
        self.started.insert((run, attempt), job.clone());
    }

    /// What an attempt met is newer than what was seen when the file was read.
    pub(super) fn saw(&mut self, record: &Record) {
        let Record::AttemptEnded {
            run,
            attempt,
            status,
            reason,
            report,
        } = record
        else {
            return;
        };
        let Some(job) = self.started.remove(&(*run, *attempt)) else {
            return;
        };
        let verdict = report.as_ref().map(|report| &report.verdict);
        if let (Some(FailReason::Load), Some(Verdict::Failed { failure, .. })) = (reason, verdict) {
            self.jobs.insert(job, failure.message.clone());
        } else if matches!(status, AttemptStatus::Succeeded | AttemptStatus::Failed) {
            self.jobs.remove(&job);
        }
    }

    pub(super) fn why(&self, job: &JobName) -> Option<&String> {
        self.jobs.get(job)
    }
}

/// In a sentence.
impl fmt::Display for Troubled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            job,
            why,
            last_good,
        } = self;
        if *last_good {
            write!(
                f,
                "job `{job}` runs its last good component, as its plugin cannot be used: {why}"
            )
        } else {
            write!(f, "job `{job}` cannot run: {why}")
        }
    }
}
