//! How it goes, as plain data.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use cronlet_core::{
    digest::Digest,
    engine::Engine,
    job::{Component, Job},
    name::JobName,
    pause::Paused,
    plan::Plan,
    record::{Batch, Record},
    run::{RunId, RunStatus},
};
use jiff::Timestamp;

pub use super::noted::Troubled;
use super::{
    ailing::Ailments,
    backfill,
    handle::News,
    health::StoreHealth,
    noted::{Lacking, Noted},
    wall::WallClock,
};
use crate::{
    config::{Problem, Problems, Severity},
    sandbox::Progress,
    store::history::{BackfillRow, ClockJump},
};

/// The plan stays as it is.
const UNFOLLOWED: &str = "the schedules file is not followed any more, restart cronlet";

/// How it goes.
#[derive(Clone, Debug)]
pub struct Status {
    /// Of this process.
    pub pid: u32,
    /// Of this binary.
    pub version: &'static str,
    pub started_at: Timestamp,
    pub uptime: Duration,
    /// Whether its first plan is on disk: whoever asks the history finds the jobs.
    pub ready: bool,
    /// Whether it was told to stop.
    pub stopping: bool,
    pub config: ConfigStatus,
    pub store: StoreStatus,
    pub clock: ClockStatus,
    /// By run.
    pub running: Vec<RunningAttempt>,
    /// Runs that wait for capacity, or for the record of their start to be on disk.
    pub queued: usize,
    /// Runs that wait for their backoff.
    pub retrying: usize,
    /// Those that are not over.
    pub backfills: Vec<BackfillRow>,
    /// Jobs of the plan.
    pub jobs: usize,
    /// Those whose components cannot be used.
    pub troubled: Vec<Troubled>,
    /// Jobs of the plan that are paused.
    pub paused: Vec<(JobName, Paused)>,
    /// The job that is due next, and when.
    pub next: Option<(Timestamp, JobName)>,
    /// What must not be, in sentences.
    pub unhealthy: Vec<String>,
    /// What is not as it should be, in sentences; with both empty it is healthy.
    pub degraded: Vec<String>,
}

/// The schedules file.
#[derive(Clone, Debug)]
pub struct ConfigStatus {
    pub path: PathBuf,
    /// Of the text that the plan came from.
    pub digest: Digest,
    /// Since when it is the plan.
    pub live_since: Timestamp,
    pub state: ConfigState,
    /// Changes that wait for a restart.
    pub warnings: Vec<Warning>,
}

/// What stands in the schedules file.
#[derive(Clone, Debug)]
pub enum ConfigState {
    /// The plan.
    Live,
    /// A newer text, which is being read.
    Reloading,
    /// A newer text, which has problems: the plan stays.
    Refused(Refusal),
}

/// Why a saved file did not become the plan.
#[derive(Clone, Debug)]
pub struct Refusal {
    pub at: Timestamp,
    pub problems: Problems,
}

/// A change that does not take effect before a restart.
pub type Warning = Problem;

/// Whether the history can be written.
#[derive(Clone, Debug)]
pub enum StoreStatus {
    Ok,
    /// What was decided then is still being written.
    Slow {
        since: Timestamp,
    },
    /// It is tried again and again; nothing starts meanwhile.
    Failing {
        since: Timestamp,
        message: String,
        /// What to do about it.
        help: Option<&'static str>,
    },
}

/// The wall clock.
#[derive(Clone, Copy, Debug)]
pub struct ClockStatus {
    /// Whether what it shows can be the time; else nothing is due.
    pub is_set: bool,
    /// When it jumped last, as far as that is known, and how far.
    pub last_jump: Option<ClockJump>,
}

/// A guest.
#[derive(Clone, Debug)]
pub struct RunningAttempt {
    pub run: RunId,
    pub job: JobName,
    pub attempt: u32,
    pub started_at: Timestamp,
    pub cancel_requested: bool,
    pub progress: Option<Progress>,
}

/// What the shell knows that the core does not.
pub(super) struct Board {
    started_at: Timestamp,
    stopping: bool,
    path: PathBuf,
    plan: Arc<Plan>,
    live_since: Timestamp,
    reader: Reader,
    refused: Option<Refusal>,
    warnings: Vec<Warning>,
    store: StoreHealth,
    wall: WallClock,
    /// The components of attempts that are under way or about to start.
    in_use: BTreeMap<(RunId, u32), Digest>,
    pub(super) lacking: Lacking,
}

/// Who reads the schedules file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reader {
    /// There is nothing to read.
    Waits,
    Reads,
    Gone,
}

impl Board {
    pub(super) fn new(path: PathBuf, plan: &Arc<Plan>, wall: WallClock, now: Timestamp) -> Self {
        Self {
            started_at: now,
            stopping: false,
            path,
            plan: plan.clone(),
            live_since: now,
            reader: Reader::Waits,
            refused: None,
            warnings: Vec::new(),
            store: StoreHealth::default(),
            wall,
            in_use: BTreeMap::new(),
            lacking: Lacking::default(),
        }
    }

    /// Something is about to be written.
    pub(super) fn saw(&mut self, batch: &Batch) {
        for record in &batch.records {
            self.lacking.saw(record);
            match record {
                Record::AttemptStarted {
                    run,
                    attempt,
                    component: Some(component),
                    ..
                } => {
                    self.in_use.insert((*run, *attempt), *component);
                }
                Record::AttemptEnded { run, attempt, .. }
                | Record::AttemptDisarmed { run, attempt } => {
                    self.in_use.remove(&(*run, *attempt));
                }
                Record::RunWithdrawn { run } => {
                    self.in_use.retain(|(armed, _), _| armed != run);
                }
                _ => {}
            }
        }
    }

    /// The components that attempts in flight need, whatever the plan says.
    pub(super) fn components_in_use(&self) -> BTreeSet<Digest> {
        self.in_use.values().copied().collect()
    }

    /// What the plan says of a job.
    pub(super) fn job(&self, name: &JobName) -> Option<Arc<Job>> {
        self.plan.jobs.get(name).cloned()
    }

    pub(super) fn shutdown_grace(&self) -> Duration {
        self.plan.settings.shutdown_grace
    }

    pub(super) fn stopping(&mut self) {
        self.stopping = true;
    }

    pub(super) fn config_said(&mut self, news: &News, now: Timestamp) {
        self.reader = match news {
            News::Loading => Reader::Reads,
            News::Unfollowed => Reader::Gone,
            News::Unchanged(_) | News::Refused(_) | News::Live(..) => Reader::Waits,
        };
        match news {
            News::Loading => {}
            News::Unfollowed => tracing::error!("this is a bug: {UNFOLLOWED}"),
            News::Refused(refusal) => self.refused = Some(refusal.clone()),
            News::Unchanged(noted) => self.note(noted),
            News::Live(plan, noted) => {
                self.note(noted);
                self.plan = plan.clone();
                self.live_since = now;
            }
        }
    }

    fn note(&mut self, noted: &Noted) {
        self.refused = None;
        self.warnings.clone_from(&noted.warnings);
        self.lacking.noted(&noted.lacking);
    }

    pub(super) fn store(&self) -> &StoreHealth {
        &self.store
    }

    pub(super) fn store_mut(&mut self) -> &mut StoreHealth {
        &mut self.store
    }

    pub(super) fn wall_mut(&mut self) -> &mut WallClock {
        &mut self.wall
    }

    /// How it goes. `progress` knows how far an attempt has come; `waiting` is for how long the oldest of
    /// what is not on disk has waited.
    pub(super) fn status(
        &self,
        core: &Engine,
        progress: impl Fn(RunId, u32) -> Option<Progress>,
        waiting: Option<Duration>,
        now: Timestamp,
    ) -> Status {
        let (mut running, mut queued, mut retrying) = (Vec::new(), 0, 0);
        for open in core.open_runs() {
            match (open.status, open.started_at) {
                (RunStatus::Retrying, _) => retrying += 1,
                (_, Some(started_at)) => running.push(RunningAttempt {
                    run: open.new.run,
                    job: open.new.job.clone(),
                    attempt: open.attempt,
                    started_at,
                    cancel_requested: open.cancel_requested,
                    progress: progress(open.new.run, open.attempt),
                }),
                // Without a guest yet: the record of its start is on its way to the disk.
                (_, None) => queued += 1,
            }
        }
        let store = self.store.status(waiting, now);
        let ailments = Ailments::of(core, now);
        let degraded = [self.degraded(core, &store, now), ailments.degraded].concat();
        Status {
            pid: std::process::id(),
            version: env!("CARGO_PKG_VERSION"),
            started_at: self.started_at,
            uptime: Duration::try_from(now.duration_since(self.started_at)).unwrap_or_default(),
            ready: core.has_taken_over(),
            stopping: self.stopping,
            config: self.config(),
            running,
            queued,
            retrying,
            backfills: core
                .open_backfills()
                .map(|open| backfill::row(&open))
                .collect(),
            jobs: self.plan.jobs.len(),
            troubled: self.troubled().collect(),
            paused: core
                .paused_jobs()
                .map(|(job, paused)| (job.clone(), paused.clone()))
                .collect(),
            next: core.next_due().map(|(at, job)| (at, job.clone())),
            clock: self.wall.status(),
            unhealthy: ailments.unhealthy,
            degraded,
            store,
        }
    }

    fn config(&self) -> ConfigStatus {
        let state = match &self.refused {
            _ if self.reader == Reader::Reads => ConfigState::Reloading,
            Some(refusal) => ConfigState::Refused(refusal.clone()),
            None => ConfigState::Live,
        };
        ConfigStatus {
            path: self.path.clone(),
            digest: self.plan.digest,
            live_since: self.live_since,
            state,
            warnings: self.warnings.clone(),
        }
    }

    /// Without the jobs that are overdue.
    fn degraded(&self, core: &Engine, store: &StoreStatus, now: Timestamp) -> Vec<String> {
        let store = self.store.reason(store, now);
        let refused =
            self.refused
                .as_ref()
                .map(|refusal| match refusal.problems.count(Severity::Error) {
                    1 => "the schedules file is refused, it has a problem".to_owned(),
                    problems => {
                        format!("the schedules file is refused, it has {problems} problems")
                    }
                });
        let unusable = self.troubled().map(|it| it.to_string());
        let unfollowed = (self.reader == Reader::Gone).then(|| UNFOLLOWED.to_owned());
        let wall = self.wall.reason(now);
        let whole = [store, wall, unfollowed, refused];
        let paused = core.paused_jobs().filter_map(|(job, paused)| {
            let why = &paused.why;
            why.is_by_failures()
                .then(|| format!("job `{job}` is paused {why}"))
        });
        let jobs = unusable.chain(paused);
        whole.into_iter().flatten().chain(jobs).collect()
    }

    fn troubled(&self) -> impl Iterator<Item = Troubled> {
        self.plan.jobs.values().filter_map(|job| {
            let (why, last_good) = match &job.component {
                Component::Ready(_) => (self.lacking.why(&job.name)?, false),
                Component::LastGood(_, why) => (why, true),
                Component::Unusable(why) => (why, false),
            };
            Some(Troubled {
                job: job.name.clone(),
                why: why.clone(),
                last_good,
            })
        })
    }
}
