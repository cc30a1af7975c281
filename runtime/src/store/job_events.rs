//! What became of jobs, and not of their runs: accepted, removed, paused, resumed.
//!
//! It is kept as long as runs are, and the newest of each kind always, so that it is known how a job
//! stands and since when.

use std::{fmt, sync::Arc};

use cronlet_core::{
    name::JobName,
    pause::{PauseReason, Paused},
    record::Record,
};
use jiff::Timestamp;

use super::{REMOVED_JOBS_STAY, precision::cut};

/// Something that became of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobEvent {
    /// When.
    pub at: Timestamp,
    /// What.
    pub turn: JobTurn,
}

/// See [`JobEvent::turn`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobTurn {
    /// It was new, or due at other times than before.
    Accepted {
        /// Up to here nothing was due by this definition.
        watermark: Timestamp,
        /// When it is due, see [`cronlet_core::job::Job::fingerprint`].
        fingerprint: String,
    },
    /// It was in the file no more.
    Removed,
    /// Nothing made it due any more.
    Paused(PauseReason),
    /// The pause was over.
    Resumed {
        /// Up to here nothing was due but what was due before the pause.
        watermark: Timestamp,
        /// Who ended it.
        actor: Option<Arc<str>>,
    },
}

/// The kinds of event, in the words of the database.
pub(super) const ACCEPTED: &str = "accepted";
pub(super) const REMOVED: &str = "removed";
pub(super) const PAUSED: &str = "paused";
pub(super) const RESUMED: &str = "resumed";

impl JobTurn {
    /// Its kind, in a word.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Accepted { .. } => ACCEPTED,
            Self::Removed => REMOVED,
            Self::Paused(_) => PAUSED,
            Self::Resumed { .. } => RESUMED,
        }
    }

    /// What a record says of a job, if it says something of one, as a store keeps it.
    pub(super) fn of(record: &Record) -> Option<(&JobName, Self)> {
        Some(match record {
            Record::JobAccepted {
                job,
                watermark,
                fingerprint,
            } => {
                let (watermark, fingerprint) = (cut(*watermark), fingerprint.clone());
                let accepted = Self::Accepted {
                    watermark,
                    fingerprint,
                };
                (job, accepted)
            }
            Record::JobRemoved { job } => (job, Self::Removed),
            Record::JobPaused { job, why } => (job, Self::Paused(why.clone())),
            Record::JobResumed {
                job,
                watermark,
                actor,
            } => {
                let (watermark, actor) = (cut(*watermark), actor.clone());
                (job, Self::Resumed { watermark, actor })
            }
            _ => return None,
        })
    }
}

impl fmt::Display for JobTurn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How a job stood at some time, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobStand {
    /// Since when it was due as it was, from when on, and how.
    pub accepted: Option<Accepted>,
    /// Since when it was in the file no more.
    pub removed: Option<Timestamp>,
    /// Its pause.
    pub paused: Option<Paused>,
}

/// See [`JobStand::accepted`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    pub at: Timestamp,
    /// Up to here nothing was due by this definition, nor during a pause.
    pub watermark: Timestamp,
    pub fingerprint: String,
}

impl JobStand {
    /// How a job stands after all that became of it, the oldest first.
    pub fn after(events: &[JobEvent]) -> Self {
        let mut stand = Self::default();
        for event in events {
            stand.take(event);
        }
        stand
    }

    fn take(&mut self, event: &JobEvent) {
        let at = event.at;
        match &event.turn {
            JobTurn::Accepted {
                watermark,
                fingerprint,
            } => {
                // After an hour it is another job of the same name.
                let gone = |removed| at.duration_since(removed) >= REMOVED_JOBS_STAY;
                if self.removed.take().is_some_and(gone) {
                    self.paused = None;
                }
                self.accepted = Some(Accepted {
                    at,
                    watermark: *watermark,
                    fingerprint: fingerprint.clone(),
                });
            }
            JobTurn::Removed => self.removed = Some(at),
            JobTurn::Paused(why) => {
                let why = why.clone();
                self.paused = Some(Paused { since: at, why });
            }
            JobTurn::Resumed { watermark, .. } => {
                self.paused = None;
                if let Some(accepted) = &mut self.accepted {
                    accepted.watermark = *watermark;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(minute * 60).unwrap()
    }

    fn event(minute: i64, turn: JobTurn) -> JobEvent {
        let at = at(minute);
        JobEvent { at, turn }
    }

    fn accepted(minute: i64) -> JobEvent {
        let (watermark, fingerprint) = (at(minute), "every 60s".to_owned());
        event(
            minute,
            JobTurn::Accepted {
                watermark,
                fingerprint,
            },
        )
    }

    fn paused(minute: i64) -> JobEvent {
        event(minute, JobTurn::Paused(PauseReason::Failures(3)))
    }

    #[test]
    fn a_resume_ends_a_pause_and_moves_the_watermark() {
        let (watermark, actor) = (at(9), None);
        let resumed = event(9, JobTurn::Resumed { watermark, actor });
        let events = [accepted(1), paused(5), resumed];
        let stand = JobStand::after(&events[..2]);
        assert_eq!(stand.paused.map(|paused| paused.since), Some(at(5)));
        let stand = JobStand::after(&events);
        assert_eq!(stand.paused, None);
        let accepted = stand.accepted.unwrap();
        assert_eq!((accepted.at, accepted.watermark), (at(1), at(9)));
    }

    #[test]
    fn a_job_that_is_put_back_keeps_its_pause_for_an_hour() {
        for (back, kept) in [(69, true), (70, false)] {
            let events = [
                accepted(1),
                paused(5),
                event(10, JobTurn::Removed),
                accepted(back),
            ];
            let gone = JobStand::after(&events[..3]);
            assert_eq!(gone.removed, Some(at(10)));
            let stand = JobStand::after(&events);
            assert_eq!((stand.removed, stand.paused.is_some()), (None, kept));
        }
    }
}
