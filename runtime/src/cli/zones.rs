//! On whose clocks times are shown and read: those of the job's zone.

use std::collections::BTreeMap;

use cronlet_core::schedule::Zone;

use super::place::{self, Place};
use crate::config::Draft;

/// The zones of the jobs, as the schedules file has them.
#[derive(Debug, Default)]
pub struct Zones {
    jobs: BTreeMap<String, Zone>,
    /// That of `[runtime]`: for all jobs together, and for those that the file does not know.
    general: Zone,
}

impl Zones {
    /// What the file says. Without one that can be used it is UTC.
    pub fn find(place: &Place) -> Self {
        place
            .draft()
            .map_or_else(|_| Self::default(), |draft| (&draft).into())
    }

    /// The zone of a job; of no job it is that of all.
    pub fn of<'a>(&self, job: impl Into<Option<&'a str>>) -> &Zone {
        let known = job.into().and_then(|job| self.jobs.get(job));
        known.unwrap_or(&self.general)
    }
}

impl From<&Draft> for Zones {
    fn from(draft: &Draft) -> Self {
        let plan = place::plan(draft);
        let jobs = plan.jobs.values();
        Self {
            jobs: jobs
                .map(|job| (job.name.to_string(), job.zone.clone()))
                .collect(),
            general: draft.zone().clone(),
        }
    }
}
