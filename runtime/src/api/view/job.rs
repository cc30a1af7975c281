//! The JSON object of a job.

use cronlet_core::pause::{PauseReason, Paused};
use serde::{Deserialize, Serialize};

use super::{Run, Time};
use crate::api::backfills::Backfill;

/// One job, as the file and the store together know it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Job {
    pub job: String,
    pub description: Option<String>,
    pub state: &'static str,
    /// As the file says it; none is manual only, or not known without the file.
    pub trigger: Option<String>,
    pub next: Option<Time>,
    /// Up to here every instant is accounted for; none until a daemon has accepted the job.
    pub watermark: Option<Time>,
    /// Its pause, if it is paused.
    pub paused: Option<Pause>,
    pub last_run: Option<Run>,
    /// Whether a failure of it makes the daemon unhealthy.
    pub critical: bool,
    /// The run that it fails with: none that counts has succeeded since.
    pub failing_run: Option<u64>,
    /// Since when nothing has succeeded, if it is overdue.
    pub overdue_since: Option<Time>,
    /// What is wrong with its component, in a sentence, as far as a daemon knows.
    pub warning: Option<String>,
    /// Those of it that are not over.
    pub backfills: Vec<Backfill>,
}

/// Why nothing makes a job due until somebody resumes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    pub since: Time,
    /// Who asked, if somebody did and it is known.
    pub by: Option<String>,
    /// So many failed runs in a row have paused it; none if somebody asked.
    pub failures: Option<u32>,
}

impl From<&Paused> for Pause {
    fn from(paused: &Paused) -> Self {
        let (by, failures) = match &paused.why {
            PauseReason::Asked(actor) => (actor.as_deref().map(str::to_owned), None),
            PauseReason::Failures(failures) => (None, Some(*failures)),
        };
        Self {
            since: Time(paused.since),
            by,
            failures,
        }
    }
}
