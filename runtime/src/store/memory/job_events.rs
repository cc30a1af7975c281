//! How jobs stand, in memory, and what became of them.

use cronlet_core::{
    name::JobName,
    pause::{PauseReason, Paused},
    record::{Record, StoredJob},
};
use jiff::Timestamp;

use super::State;
use crate::store::{
    Refused,
    history::{JobEvent, JobTurn},
    precision::cut,
};

impl State {
    /// Takes what a record says of a job, and keeps that it happened.
    pub(super) fn turn(&mut self, at: Timestamp, record: &Record) -> Result<(), Refused> {
        match record {
            Record::JobAccepted {
                job,
                watermark,
                fingerprint,
            } => self.accept(job, *watermark, fingerprint),
            Record::JobRemoved { job } => self.job(job)?.removed_at = Some(at),
            Record::JobPaused { job, why } => {
                let job = self.job(job)?;
                if let PauseReason::Failures(failures) = why {
                    job.failures = *failures;
                }
                let why = why.clone();
                job.paused = Some(Paused { since: at, why });
            }
            Record::JobResumed { job, watermark, .. } => {
                let job = self.job(job)?;
                job.watermark = cut(*watermark);
                job.paused = None;
                job.failures = 0;
            }
            Record::FailuresCounted { job, failures } => self.job(job)?.failures = *failures,
            _ => {}
        }
        if let Some((job, turn)) = JobTurn::of(record) {
            let event = (job.clone(), JobEvent { at, turn });
            self.events.insert(self.next_event, event);
            self.next_event += 1;
        }
        Ok(())
    }

    fn accept(&mut self, job: &JobName, watermark: Timestamp, fingerprint: &str) {
        let before = self.jobs.get(job);
        let stored = StoredJob {
            job: job.clone(),
            watermark: cut(watermark),
            fingerprint: fingerprint.to_owned(),
            removed_at: None,
            paused: before.and_then(|job| job.paused.clone()),
            failures: before.map_or(0, |job| job.failures),
        };
        self.jobs.insert(job.clone(), stored);
    }
}
