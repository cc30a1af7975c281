//! Everything that can happen to the engine.

use std::{num::NonZeroU32, sync::Arc};

use jiff::{SignedDuration, Timestamp};

use crate::{
    backfill::Instants,
    name::JobName,
    plan::Plan,
    record::{Recovery, Seq, Span},
    report::AttemptReport,
    run::{RequestId, RunId},
};

/// Something happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// The first event: the engine owns the store, which knew this, and a plan is ready.
    Started {
        /// What was stored.
        recovery: Recovery,
        /// What is to be done from now on.
        plan: Arc<Plan>,
    },
    /// Time has passed.
    Woke,
    /// The file or a component was replaced, and everything in it is usable.
    PlanReplaced(Arc<Plan>),
    /// A guest is no more.
    AttemptEnded {
        /// Of this run.
        run: RunId,
        /// Its number.
        attempt: u32,
        /// What it left.
        report: Arc<AttemptReport>,
    },
    /// Somebody wants a run now.
    RunRequested(RunRequest),
    /// Somebody wants a run to end.
    CancelRequested(CancelRequest),
    /// Somebody wants a part of the past to run.
    BackfillRequested(BackfillRequest),
    /// Somebody wants the backfills of a job to make no more runs.
    BackfillStopRequested(BackfillStopRequest),
    /// The wall clock moved by more than 2 s against the monotonic one: somebody has set it, or the
    /// machine slept. Whoever says so does before anything else is said by the new time.
    ClockJumped {
        /// Forward is positive.
        by: SignedDuration,
    },
    /// What the engine asked for with [`Effect::Recall`](super::Effect::Recall).
    Recalled(Recalled),
    /// Somebody wants one job or all to be due no more.
    PauseRequested(PauseRequest),
    /// Somebody wants one job or all to be due again.
    ResumeRequested(PauseRequest),
    /// All batches up to this one are on disk.
    Stored {
        /// The last of them.
        through: Seq,
    },
    /// The store cannot write. It keeps what it was given and tries again.
    StoreFailed,
    /// The store can write again, and has written everything it was given.
    StoreRecovered,
    /// The daemon is to stop.
    ShutdownRequested,
}

/// See [`Event::Recalled`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recalled {
    /// The number of the question.
    pub number: u64,
    /// The time that it was asked for.
    pub after: Timestamp,
    /// Each job that it was asked for.
    pub jobs: Vec<Remembered>,
}

/// What a store knows of a job beyond a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remembered {
    /// Which.
    pub job: JobName,
    /// Its watermark, as it was asked for.
    pub watermark: Timestamp,
    /// The instants after that time that became runs.
    pub ran: Vec<Timestamp>,
    /// The ranges of skips that begin at that time or before, and end after it.
    pub skips: Vec<Span>,
}

/// See [`Event::RunRequested`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunRequest {
    /// Names the answer, and the occurrence.
    pub id: RequestId,
    /// What to run.
    pub job: JobName,
    /// The nominal time; none is now.
    pub nominal: Option<Timestamp>,
    /// JSON text that takes the place of the job's params.
    pub params: Option<Arc<str>>,
    /// The run whose output the guest gets, as that of an earlier run did.
    pub input_of: Option<RunId>,
    /// Who asks.
    pub actor: Option<Arc<str>>,
}

/// See [`Event::CancelRequested`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CancelRequest {
    /// Names the answer.
    pub id: RequestId,
    /// What to cancel.
    pub run: RunId,
    /// At once, without asking the guest first.
    pub kill: bool,
    /// Who asks.
    pub actor: Option<Arc<str>>,
}

/// See [`Event::BackfillRequested`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackfillRequest {
    /// Names the answer, and the backfill.
    pub id: RequestId,
    /// What to run.
    pub job: JobName,
    /// For which instants.
    pub instants: Instants,
    /// So many of its runs may be open at one time.
    pub max_concurrent: NonZeroU32,
    /// The newest instant first.
    pub reverse: bool,
    /// Who asks.
    pub actor: Option<Arc<str>>,
}

/// See [`Event::BackfillStopRequested`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackfillStopRequest {
    /// Names the answer.
    pub id: RequestId,
    /// Whose backfills.
    pub job: JobName,
    /// Who asks.
    pub actor: Option<Arc<str>>,
}

/// See [`Event::PauseRequested`] and [`Event::ResumeRequested`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PauseRequest {
    /// Names the answer.
    pub id: RequestId,
    /// What to pause or to resume.
    pub jobs: Jobs,
    /// Who asks.
    pub actor: Option<Arc<str>>,
}

/// One job, or every job of the plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Jobs {
    /// This one.
    One(JobName),
    /// Every one that the plan has now; one that is added later is not among them.
    All,
}
