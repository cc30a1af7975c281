//! What the engine knows of a job and of an open run.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;

use super::{late::SkipRange, ledger::Terms};
use crate::{
    health::JobHealth,
    job::Job,
    pause::Paused,
    record::NewRun,
    run::{FailReason, RunId, RunStatus, Turn},
};

/// A job, or what is left of one.
#[derive(Debug)]
pub(super) struct JobState {
    /// What the plan says; none if the job was removed.
    pub(super) job: Option<Arc<Job>>,
    /// Everything up to here is accounted for.
    pub(super) watermark: Timestamp,
    /// Instants after the watermark that have a run already.
    pub(super) ran: BTreeSet<Timestamp>,
    /// Empty if it was accepted by a clock that is not believed.
    pub(super) fingerprint: String,
    pub(super) removed_at: Option<Timestamp>,
    pub(super) health: JobHealth,
    pub(super) paused: Option<Paused>,
    /// Its runs in a row that failed, as far as `disable_after` counts them.
    pub(super) failures: u32,
    /// Its entry in the engine's `due`.
    pub(super) due: Option<Timestamp>,
    /// The next of its instants that its calendar lets run.
    pub(super) allowed: Allowed,
    /// Its entry in the engine's `arms`.
    pub(super) arms: Option<Timestamp>,
    /// Its run that is armed ahead of its time.
    pub(super) ahead: Option<RunId>,
    /// Its entry in the engine's `overdue`.
    pub(super) overdue_at: Option<Timestamp>,
    /// Its open runs.
    pub(super) open: BTreeMap<RunId, Turn>,
    /// Its runs that are not open yet, see `overlap`.
    pub(super) behind: BTreeMap<RunId, Turn>,
    /// The runs of its backfills that are not final. Overlap does not know them, see `backfills`.
    pub(super) lane: BTreeSet<RunId>,
    /// Its runs that are held back, see `held`.
    pub(super) held: BTreeMap<RunId, Turn>,
    /// The range of skips that the next instant would extend.
    pub(super) skips: Option<SkipRange>,
}

/// What is known of the next instant of a job that its calendar lets run. To find it may be much work, and
/// it stays the same over all the instants before it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Allowed {
    /// Nothing: the job or its watermark is another than before.
    #[default]
    Unknown,
    /// When it is, unless the watermark has passed it.
    At(Timestamp),
    /// There is none.
    Never,
}

/// A run that is not final.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) new: Arc<NewRun>,
    pub(super) phase: RunPhase,
    /// When it was queued, or what a clock showed since that was set back.
    pub(super) waits_since: Timestamp,
    /// The number of its last attempt, withdrawn ones included.
    pub(super) last_attempt: u32,
    /// Attempts that count as failures of its own.
    pub(super) failures: u32,
    /// Attempts that the daemon died with.
    pub(super) crashes: u32,
    /// Whether it had an attempt that was not withdrawn.
    pub(super) attempted: bool,
    pub(super) last_failure: Option<FailReason>,
    pub(super) cancel_requested: bool,
    /// Who or what wants that, in a sentence, as far as this engine was told.
    pub(super) cancel_reason: Option<String>,
}

/// What a run is doing.
#[derive(Clone, Debug)]
pub(super) enum RunPhase {
    /// It was recorded ahead of its time, with its attempt, and is not open; see `ahead`.
    Ahead {
        job: Arc<Job>,
        /// Whether that is on disk.
        written: bool,
    },
    /// It waits in its job's `held` and in `held_back`, and is not open.
    Held { until: Timestamp },
    /// It waits in its job's `behind`, and is not open.
    Behind,
    /// It waits in `slots`. It is `retrying` if it has a retry time that has passed, else `queued`.
    Waiting { retried: Option<Timestamp> },
    /// It waits in `backoffs`.
    BackingOff { until: Timestamp },
    /// Its attempt's start is recorded and maybe not yet on disk.
    Armed {
        job: Arc<Job>,
        terms: Terms,
        /// As in `Waiting`: where the run goes back to when it is disarmed.
        retried: Option<Timestamp>,
    },
    /// Its guest was started.
    Running {
        started_at: Timestamp,
        /// How long it has to end when it is cancelled, by the definition that it keeps.
        grace: Duration,
        terms: Terms,
    },
}

/// An open run, for those who ask what is going on.
#[derive(Clone, Copy, Debug)]
pub struct OpenRun<'a> {
    /// As it was created.
    pub new: &'a Arc<NewRun>,
    /// Where it stands.
    pub status: RunStatus,
    /// The number of its last attempt; 0 for none.
    pub attempt: u32,
    /// When its guest was started, if one runs.
    pub started_at: Option<Timestamp>,
    /// Not before this, if it is `retrying`.
    pub retry_at: Option<Timestamp>,
    /// Whether somebody wants it to end.
    pub cancel_requested: bool,
}

impl JobState {
    /// A job of which nothing is known but its watermark.
    pub(super) fn absent(watermark: Timestamp, removed_at: Option<Timestamp>) -> Self {
        Self {
            job: None,
            watermark,
            fingerprint: String::new(),
            removed_at,
            health: JobHealth::default(),
            paused: None,
            failures: 0,
            due: None,
            allowed: Allowed::Unknown,
            arms: None,
            ahead: None,
            overdue_at: None,
            open: BTreeMap::new(),
            behind: BTreeMap::new(),
            lane: BTreeSet::new(),
            held: BTreeMap::new(),
            skips: None,
            ran: BTreeSet::new(),
        }
    }

    /// Its runs that are not final, but for one that is armed ahead of its time.
    pub(super) fn runs(&self) -> impl Iterator<Item = RunId> {
        let known = self.open.keys().chain(self.behind.keys());
        let known = known.chain(self.held.keys());
        known.chain(&self.lane).copied()
    }

    /// Moves the watermark on.
    pub(super) fn pass(&mut self, to: Timestamp) {
        while self.ran.first().is_some_and(|at| *at <= to) {
            self.ran.pop_first();
        }
        self.watermark = to;
    }

    /// Looks for the next of its instants that its calendar lets run, if that is not known.
    pub(super) fn look_ahead(&mut self) {
        let Some(job) = &self.job else { return };
        let is_known = match self.allowed {
            Allowed::Unknown => false,
            Allowed::At(at) => at > self.watermark,
            Allowed::Never => true,
        };
        if !is_known {
            let next = job.schedule.next_allowed_after(self.watermark);
            self.allowed = next.map_or(Allowed::Never, Allowed::At);
        }
    }

    /// When the next of its instants starts that its calendar lets run.
    pub(super) fn runs_next(&self) -> Option<Timestamp> {
        let job = self.job.as_ref()?;
        match self.allowed {
            Allowed::At(nominal) => Some(job.schedule.starts_at(&job.name, nominal)),
            Allowed::Unknown | Allowed::Never => None,
        }
    }

    /// Whether it has a run that is not final.
    pub(super) fn has_runs(&self) -> bool {
        self.ahead.is_some() || self.runs().next().is_some()
    }
}

impl Run {
    pub(super) fn new(new: Arc<NewRun>, phase: RunPhase) -> Self {
        Self {
            waits_since: new.queued_at,
            new,
            phase,
            last_attempt: 0,
            failures: 0,
            crashes: 0,
            attempted: false,
            last_failure: None,
            cancel_requested: false,
            cancel_reason: None,
        }
    }

    /// What its attempt's changes of state are held against, if one is under way.
    pub(super) fn terms(&self) -> Option<Terms> {
        match self.phase {
            RunPhase::Armed { terms, .. } | RunPhase::Running { terms, .. } => Some(terms),
            RunPhase::Ahead { .. }
            | RunPhase::Held { .. }
            | RunPhase::Behind
            | RunPhase::Waiting { .. }
            | RunPhase::BackingOff { .. } => None,
        }
    }

    pub(super) fn view(&self) -> OpenRun<'_> {
        let (status, started_at, retry_at) = match self.phase {
            RunPhase::Held { .. } | RunPhase::Behind | RunPhase::Waiting { retried: None } => {
                (RunStatus::Queued, None, None)
            }
            RunPhase::Waiting { retried: until } => (RunStatus::Retrying, None, until),
            RunPhase::BackingOff { until } => (RunStatus::Retrying, None, Some(until)),
            RunPhase::Ahead { .. } | RunPhase::Armed { .. } => (RunStatus::Running, None, None),
            RunPhase::Running { started_at, .. } => (RunStatus::Running, Some(started_at), None),
        };
        OpenRun {
            new: &self.new,
            status,
            attempt: self.last_attempt,
            started_at,
            retry_at,
            cancel_requested: self.cancel_requested,
        }
    }
}
