//! Reading the history.
//!
//! Order is the order of recording, not of clocks: runs by number, and each range of skips
//! after the last run that existed when it was recorded or last grew. So a clock that was
//! set back does not shuffle what is read.

use std::{collections::BTreeMap, num::NonZeroU32};

pub use super::job_events::{JobEvent, JobStand, JobTurn};
use cronlet_core::{
    backfill::Tally,
    digest::Digest,
    health::JobHealth,
    name::JobName,
    pause::Paused,
    record::{Span, StoredJob},
    report::{LogLine, Usage},
    run::{
        AttemptStatus, BackfillEnd, Cause, Origin, RequestId, RunId, RunStatus, SkipReason, Turn,
    },
    state::Entries,
};
use jiff::{SignedDuration, Timestamp};

use super::{
    StoreError,
    retention::{Limit, Old, Step},
};

/// Reads a store, beside its writer or without one. Every call sees one consistent state.
pub trait History: Send + Sync + 'static {
    /// Runs and recorded ranges of skips, newest first.
    fn entries(&self, query: &Query) -> Result<Vec<Entry>, StoreError>;

    /// One run.
    fn run(&self, run: RunId) -> Result<Option<RunRow>, StoreError>;

    /// The log of one run, one entry for each of its attempts in order, also for those that said
    /// nothing; only one attempt's where a number is given.
    fn log(&self, run: RunId, attempt: Option<u32>) -> Result<Vec<AttemptLog>, StoreError>;

    /// Every job that has a watermark and was not removed, by name, with its last run.
    fn jobs(&self) -> Result<Vec<JobRow>, StoreError>;

    /// What became of a job up to a time, the oldest first.
    fn job_events(&self, job: &JobName, through: Timestamp) -> Result<Vec<JobEvent>, StoreError>;

    /// Every job of which anything is stored, by name, removed ones included.
    fn names(&self) -> Result<Vec<JobName>, StoreError>;

    /// What an engine that starts now would find of the jobs, removed ones included, by name.
    fn stored_jobs(&self) -> Result<Vec<StoredJob>, StoreError>;

    /// What became of one instant of a job.
    fn instant(&self, job: &JobName, at: Timestamp) -> Result<Instant, StoreError>;

    /// What else the job did at the moment at which something became of `run`, or of an instant that
    /// never became one.
    fn beside(
        &self,
        job: &JobName,
        run: Option<RunId>,
        moment: Timestamp,
    ) -> Result<Beside, StoreError>;

    /// The oldest runs, ranges of skips, backfills and events of `job` that are beyond `limit`, as much as
    /// one step
    /// may delete; only their numbers are looked at, and the clock is taken to rise.
    fn old_runs(&self, job: &JobName, limit: &Limit, step: Step) -> Result<Old, StoreError>;

    /// The oldest logs that are beyond `limit`, of one job or of all, as much as one step may delete.
    /// Those of runs that are not over stay.
    fn old_logs(&self, job: Option<&JobName>, limit: &Limit, step: Step)
    -> Result<Old, StoreError>;

    /// How the newest run went or goes that stands for each instant of a job in `[from, to)`. A run
    /// stands for its nominal time, whatever made it but the end of another job's run, unless it never
    /// had an attempt and is over.
    fn standing(
        &self,
        job: &JobName,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<BTreeMap<Timestamp, RunStatus>, StoreError>;

    /// One backfill, whether it is over or not.
    fn backfill(&self, id: RequestId) -> Result<Option<BackfillRow>, StoreError>;

    /// The backfills that are not over, by their names.
    fn backfills(&self) -> Result<Vec<BackfillRow>, StoreError>;

    /// What is accounted for after `after` of a job, as it was before a watermark is pulled back to there.
    fn beyond(&self, job: &JobName, after: Timestamp) -> Result<Beyond, StoreError>;

    /// How far the wall clock jumped, newest first, at most so many.
    fn clock_jumps(&self, most: usize) -> Result<Vec<ClockJump>, StoreError>;

    /// When there were daemons, the oldest first, as far as is remembered and but for one that goes on.
    fn lives(&self) -> Result<Vec<Life>, StoreError>;

    /// All that a job remembers, whether there is such a job or not.
    fn state(&self, job: &JobName) -> Result<Entries, StoreError>;
}

/// Which entries, see [`History::entries`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// Only of this job.
    pub job: Option<JobName>,
    /// Only in one of these states; empty is all. A range of skips is `skipped`.
    pub statuses: Vec<RunStatus>,
    /// Only runs queued, and ranges of skips last extended, at this time or later.
    pub since: Option<Timestamp>,
    /// Only runs queued, and ranges of skips last extended, before this time.
    pub until: Option<Timestamp>,
    /// At most so many.
    pub limit: usize,
}

/// Everything.
impl Default for Query {
    fn default() -> Self {
        Self {
            job: None,
            statuses: Vec::new(),
            since: None,
            until: None,
            limit: usize::MAX,
        }
    }
}

/// A daemon that is no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Life {
    /// How many there were, this one included.
    pub epoch: u64,
    /// When it started, as the clock showed it.
    pub from: Timestamp,
    /// When it stopped; if it died, what it recorded last.
    pub to: Timestamp,
}

/// One line of the history.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry {
    /// A run.
    Run(Box<RunRow>),
    /// A range of instants that were skipped on arrival.
    Skips(SkipRow),
}

/// One run with its attempts.
#[derive(Clone, Debug, PartialEq)]
pub struct RunRow {
    pub run: RunId,
    pub job: JobName,
    pub cause: Cause,
    pub nominal: Timestamp,
    pub origin: Origin,
    pub actor: Option<String>,
    /// JSON text that took the place of the job's params.
    pub params: Option<String>,
    /// The run whose output the guest gets.
    pub input_of: Option<RunId>,
    pub status: RunStatus,
    /// Of the failure or the skip.
    pub reason: Option<String>,
    /// A sentence that the attempts do not have.
    pub message: Option<String>,
    pub queued_at: Timestamp,
    /// Before this it is held back: the jitter of a run that is late.
    pub not_before: Option<Timestamp>,
    /// What it waits for before it waits for capacity.
    pub turn: Turn,
    /// When the next attempt may start, while the run is `retrying`.
    pub retry_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    pub cancel_requested_at: Option<Timestamp>,
    /// By number.
    pub attempts: Vec<AttemptRow>,
}

/// One attempt.
#[derive(Clone, Debug, PartialEq)]
pub struct AttemptRow {
    pub number: u32,
    /// None while it runs.
    pub status: Option<AttemptStatus>,
    pub reason: Option<String>,
    /// When the guest started; while it runs, when its start was recorded.
    pub started_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    pub duration: Option<std::time::Duration>,
    pub component: Option<Digest>,
    /// The outcome's line for people.
    pub summary: Option<String>,
    /// The outcome's output, JSON text.
    pub output: Option<String>,
    pub error: Option<ErrorRow>,
    pub attributes: Vec<(String, String)>,
    pub usage: Option<Usage>,
}

/// What went wrong in an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorRow {
    pub code: String,
    pub message: String,
    pub backtrace: Option<String>,
}

/// A range of instants that were skipped on arrival.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkipRow {
    pub job: JobName,
    pub reason: SkipReason,
    pub first: Timestamp,
    pub last: Timestamp,
    pub count: u64,
    /// When it was last extended.
    pub recorded_at: Timestamp,
}

/// A backfill, and how far it has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackfillRow {
    pub id: RequestId,
    pub job: JobName,
    pub created_at: Timestamp,
    pub actor: Option<String>,
    /// How many instants it is for.
    pub instants: u32,
    /// The oldest of them.
    pub first: Option<Timestamp>,
    /// The newest.
    pub last: Option<Timestamp>,
    pub max_concurrent: NonZeroU32,
    /// The newest instant first.
    pub reverse: bool,
    /// How many of the instants have a run.
    pub made: u32,
    /// What became of the runs that are over.
    pub tally: Tally,
    /// Why it makes no more runs though some instants have none.
    pub stopped: Option<BackfillEnd>,
    /// How it ended.
    pub ended: Option<BackfillEnd>,
    pub ended_at: Option<Timestamp>,
}

/// The log of one attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptLog {
    pub attempt: u32,
    /// Whether it said something that is kept no more.
    pub pruned: bool,
    pub lines: Vec<LogLine>,
}

/// See [`History::beyond`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Beyond {
    /// The instants after that time that became runs, in order.
    pub ran: Vec<Timestamp>,
    /// The ranges of skips that begin at that time or before, and end after it.
    pub skips: Vec<Span>,
}

/// Somebody set the wall clock, or the machine slept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockJump {
    /// The time after it.
    pub at: Timestamp,
    /// Forward is positive.
    pub by: SignedDuration,
}

/// What the store knows of a job.
#[derive(Clone, Debug, PartialEq)]
pub struct JobRow {
    pub job: JobName,
    pub watermark: Timestamp,
    /// Its pause, if it is paused.
    pub paused: Option<Paused>,
    pub last_run: Option<RunRow>,
    pub health: JobHealth,
}

/// Everything that is kept of one instant of a job, see [`History::instant`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Instant {
    /// What is stored of the job, also if it was removed; none if it is not known (any more).
    pub job: Option<StoredJob>,
    /// The run that the job's trigger made of it.
    pub run: Option<RunRow>,
    /// Other runs for it, the newest first, at most [`Instant::MOST`].
    pub others: Vec<RunRow>,
    /// The range of skips that it lies in. A range says nothing of what is no instant of the job.
    pub skips: Option<SkipRow>,
    /// The oldest run that time made of what is newer than that range, and was due when it was last
    /// extended: found together with it, it took the place of what was missed.
    pub newer: Option<RunRow>,
}

impl Instant {
    /// See [`Instant::others`].
    pub const MOST: u32 = 10;
}

/// Runs of a job at a moment, see [`History::beside`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Beside {
    /// One that was not over: of several the oldest, but one that had an attempt before one that
    /// waited.
    pub open: Option<RunRow>,
    /// The first that became one at just that time, after the run that is asked about.
    pub queued: Option<RunRow>,
}
