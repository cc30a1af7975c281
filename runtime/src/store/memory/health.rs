//! How jobs are doing, in memory.

use cronlet_core::{
    health::JobHealth,
    record::{Record, StoredJob},
};
use jiff::Timestamp;

use super::State;
use crate::store::{REMOVED_JOBS_STAY, Refused};

impl State {
    /// A run ends, and its job is doing well or not.
    pub(super) fn end_run(&mut self, at: Timestamp, record: &Record) -> Result<(), Refused> {
        let Record::RunEnded { run, end, message } = record else {
            return Ok(());
        };
        let run = self.open_run(*run)?;
        run.go(end.status());
        run.row.reason = end.reason().map(str::to_owned);
        run.row.message.clone_from(message);
        run.row.ended_at = Some(at);
        let (number, job, origin) = (run.row.run, run.row.job.clone(), run.row.origin);
        if let Some(job) = self.jobs.get_mut(&job) {
            job.health.run_ended(number, origin, *end, at);
        }
        Ok(())
    }
}

/// How a job is doing that is accepted and was stored as `old`, if it was. That is forgotten if it was
/// away for an hour.
pub(super) fn accepted(old: Option<&StoredJob>, at: Timestamp) -> JobHealth {
    let was_away = |old: &StoredJob| {
        old.removed_at
            .is_some_and(|removed| at.duration_since(removed) >= REMOVED_JOBS_STAY)
    };
    let old = old.filter(|old| !was_away(old));
    JobHealth {
        watched_since: at,
        ..old.map(|old| old.health.clone()).unwrap_or_default()
    }
}
