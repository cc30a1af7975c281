//! The one stream of what happened. The store writes it, the API streams it, logs
//! and metrics are made from it.

mod stored;

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

pub use stored::{Recovery, StoredBackfill, StoredJob, StoredRun, StoredState};

use crate::{
    backfill::{NewBackfill, Tally},
    digest::Digest,
    name::JobName,
    pause::PauseReason,
    report::AttemptReport,
    run::{
        AttemptStatus, BackfillEnd, Cause, FailReason, Origin, RequestId, RunEnd, RunId,
        SkipReason, Turn,
    },
    state::StateChanges,
};

/// The number of a batch. It rises by one, from 1 at the start of each engine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seq(pub u64);

/// The records of one step. A transaction holds whole batches.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// Its number.
    pub seq: Seq,
    /// When the step was.
    pub at: Timestamp,
    /// In the order they happened; never empty.
    pub records: Vec<Record>,
}

/// Something that happened. Its time is its batch's.
#[derive(Clone, Debug, PartialEq)]
pub enum Record {
    /// A plan took effect.
    PlanAccepted {
        /// Of the file's text.
        digest: Digest,
    },
    /// A job is new, or is due at other times than before.
    JobAccepted {
        /// Which.
        job: JobName,
        /// Everything up to here is accounted for.
        watermark: Timestamp,
        /// See [`crate::job::Job::fingerprint`].
        fingerprint: String,
    },
    /// A job is gone. Its watermark is kept for an hour.
    JobRemoved {
        /// Which.
        job: JobName,
    },
    /// Nothing has succeeded for the job's `overdue_after`.
    JobOverdue {
        /// Which.
        job: JobName,
        /// Its last success, or when it was accepted or resumed or its `start` if that is later.
        since: Timestamp,
    },
    /// A job that was overdue is so no more: a run of it has succeeded, the plan has changed, or it is paused.
    JobNotOverdue {
        /// Which.
        job: JobName,
    },
    /// Nothing makes a job due any more: what was due is accounted for.
    JobPaused {
        /// Which.
        job: JobName,
        /// What paused it; if its failures did, so many are counted.
        why: PauseReason,
    },
    /// The pause of a job is over, and its failures are forgotten.
    JobResumed {
        /// Which.
        job: JobName,
        /// Nothing up to here is an occurrence but what was one before the pause.
        watermark: Timestamp,
        /// Who ended it; none also if the job is another than the one that was paused.
        actor: Option<Arc<str>>,
    },
    /// So many runs of a job have failed in a row. Only a job that has `disable_after` counts them.
    FailuresCounted {
        /// Which job's.
        job: JobName,
        /// How many; zero when one succeeded.
        failures: u32,
    },
    /// Everything up to `to` is accounted for by the records beside this one.
    Watermark {
        /// Of this job.
        job: JobName,
        /// The nominal time.
        to: Timestamp,
    },
    /// The clock had shown a time that is still to come, and with it the watermark of this job. It is
    /// back where the clock is. The recorded ranges of skips that begin after `to` are gone, and those
    /// that ended after it are cut.
    WatermarkPulledBack {
        /// Of this job.
        job: JobName,
        /// From where.
        from: Timestamp,
        /// Everything up to here is accounted for.
        to: Timestamp,
        /// The instants after `to` that have a run: they stay accounted for.
        ran: Arc<[Timestamp]>,
        /// What is left of the ranges that were cut, by their first instant.
        cuts: Vec<Span>,
    },
    /// The clock had shown a time that is still to come. What was noted of jobs by it is as if it had been
    /// noted at `to`: when one was accepted, resumed or removed, and when it last succeeded or failed.
    TimesPulledBack {
        /// Now.
        to: Timestamp,
    },
    /// An instant of a job beyond its watermark has its run already, and is not due again.
    Claimed {
        /// Which job's.
        job: JobName,
        /// The instant.
        at: Timestamp,
    },
    /// Somebody has set the wall clock, or the machine slept. The batch has the time after it.
    ClockJumped {
        /// Forward is positive.
        by: SignedDuration,
    },
    /// A range of instants of a job's trigger was skipped on arrival. A later record with the
    /// same `job` and `first` says that the range has grown, and replaces this one.
    Skipped {
        /// Which job's.
        job: JobName,
        /// Why.
        reason: SkipReason,
        /// The first instant.
        first: Timestamp,
        /// The last instant, inclusive.
        last: Timestamp,
        /// How many instants.
        count: u64,
    },
    /// An occurrence became a run, which is `queued`.
    RunQueued(Arc<NewRun>),
    /// An attempt is about to start; the run is `running`. The guest starts when this is on
    /// disk, not before.
    AttemptStarted {
        /// Of this run.
        run: RunId,
        /// Its number.
        attempt: u32,
        /// What it runs; none if the component is unusable.
        component: Option<Digest>,
        /// When it is to start: now, or later if it is armed ahead of its time.
        starts_at: Timestamp,
    },
    /// The attempt is withdrawn as if it had never been created: its guest has not started. What
    /// becomes of the run is in the record that follows.
    AttemptDisarmed {
        /// Of this run.
        run: RunId,
        /// Its number, which is not used again.
        attempt: u32,
    },
    /// The run is withdrawn as if it had never been created, and its attempt with it: both were
    /// recorded ahead of their time, and something came in between. Its number is not used again.
    RunWithdrawn {
        /// Which.
        run: RunId,
    },
    /// The start of a run that was held back has come, and overlap has let it through.
    RunArrived {
        /// Which.
        run: RunId,
        /// What it waits for now.
        turn: Turn,
    },
    /// An attempt has changed what its job remembers. The record that follows says that it succeeded.
    StateWritten {
        /// Of this run.
        run: RunId,
        /// Its job.
        job: JobName,
        /// What becomes of which key. What was found has been checked, so a store only writes.
        changes: Arc<StateChanges>,
        /// What the whole state of the job counts for now, see [`crate::state::size`].
        total: u64,
    },
    /// An attempt is over. What becomes of the run is in the record that follows.
    AttemptEnded {
        /// Of this run.
        run: RunId,
        /// Its number.
        attempt: u32,
        /// How.
        status: AttemptStatus,
        /// Why, if it failed.
        reason: Option<FailReason>,
        /// What it left, but for what it did to its job's state; none if the daemon died with it.
        report: Option<Arc<AttemptReport>>,
    },
    /// The run is `queued` again, its attempt was interrupted or disarmed.
    RunRequeued {
        /// Which.
        run: RunId,
    },
    /// The run is `retrying`.
    RunRetrying {
        /// Which.
        run: RunId,
        /// Not before this.
        until: Timestamp,
    },
    /// Somebody wants the run to end, and its guest is still running.
    CancelRequested {
        /// Which.
        run: RunId,
        /// Who.
        actor: Option<Arc<str>>,
    },
    /// The run is final.
    RunEnded {
        /// Which.
        run: RunId,
        /// How.
        end: RunEnd,
        /// A sentence that its attempts do not already have.
        message: Option<String>,
    },
    /// Somebody wants a part of the past to run.
    BackfillCreated(Arc<NewBackfill>),
    /// A backfill has made a run, or one of its runs is over: the record before this one says which.
    BackfillMoved {
        /// Which.
        id: RequestId,
        /// How many runs it has made, which are those of its first instants.
        made: u32,
        /// What became of those that are over.
        tally: Tally,
    },
    /// A backfill makes no more runs, though some of its instants have none.
    BackfillStopped {
        /// Which.
        id: RequestId,
        /// Why.
        why: BackfillEnd,
        /// Who stopped it, if somebody did.
        actor: Option<Arc<str>>,
    },
    /// A backfill is over: it makes no more runs, and none of them is open.
    BackfillEnded {
        /// Which.
        id: RequestId,
        /// How.
        how: BackfillEnd,
    },
    /// The engine stopped gracefully: nothing is running.
    Stopped,
}

/// A part of a recorded range of skips.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The first instant.
    pub first: Timestamp,
    /// The last instant, inclusive.
    pub last: Timestamp,
    /// How many instants.
    pub count: u64,
}

/// An occurrence that became a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRun {
    /// Its number.
    pub run: RunId,
    /// Of this job.
    pub job: JobName,
    /// Why there is one; unique for the job.
    pub cause: Cause,
    /// The instant it is for.
    pub nominal: Timestamp,
    /// What made it.
    pub origin: Origin,
    /// Who asked, if somebody did.
    pub actor: Option<Arc<str>>,
    /// JSON text that takes the place of the job's params.
    pub params: Option<Arc<str>>,
    /// The run whose output its guest gets.
    pub input_of: Option<RunId>,
    /// When it became a run.
    pub queued_at: Timestamp,
    /// Before this it is held back, and overlap does not know it: the jitter of a run that is late.
    /// None if it is not.
    pub not_before: Option<Timestamp>,
    /// What it waits for before it waits for capacity.
    pub turn: Turn,
}
