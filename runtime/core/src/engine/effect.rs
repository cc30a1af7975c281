//! Everything the engine may ask of the world.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use jiff::Timestamp;

use crate::{
    job::Job,
    name::JobName,
    record::{Batch, NewRun},
    run::{RequestId, RunId, SkipReason},
};

/// Something to do. Performing one never waits: if it needs a reply, the reply is
/// an [`Event`](super::Event).
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Write this; say [`Stored`](super::Event::Stored) when it is on disk. At most one a step,
    /// and before the step's other effects.
    Commit(Batch),
    /// Start a guest; say [`AttemptEnded`](super::Event::AttemptEnded) when it is no more. The
    /// record of its start is on disk.
    Start(Start),
    /// Tell a guest to end, and stop it if it has not within `grace`. It still ends with
    /// [`AttemptEnded`](super::Event::AttemptEnded). A later one for the same attempt may shorten
    /// the grace, never lengthen it.
    Cancel {
        /// Of this run.
        run: RunId,
        /// Its number.
        attempt: u32,
        /// From now; zero stops it at once.
        grace: Duration,
    },
    /// Say [`Woke`](super::Event::Woke) at this time, which takes the place of any earlier wish.
    /// A time that has passed means at once, after what is already waiting.
    WakeAt(Timestamp),
    /// Read what the store knows of these jobs beyond a time, and say
    /// [`Recalled`](super::Event::Recalled). All that it is about is on disk.
    Recall(Recall),
    /// Answer a request. What the answer says is on disk.
    Reply {
        /// Whose.
        request: RequestId,
        /// What became of it.
        answer: Answer,
    },
    /// The last effect: nothing runs and all that can be written is written.
    Stop,
}

/// See [`Effect::Start`].
#[derive(Clone, Debug, PartialEq)]
pub struct Start {
    /// What the attempt is for. If it has an `input_of`, the end of that run is on disk.
    pub run: Arc<NewRun>,
    /// Its number.
    pub attempt: u32,
    /// The number of the last attempt that the job's `retry` allows, if all of them fail.
    pub max_attempts: NonZeroU32,
    /// The definition it keeps to its end, whatever a reload changes.
    pub job: Arc<Job>,
    /// What the guest gets, as JSON text.
    pub params: Arc<str>,
}

/// See [`Effect::Recall`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recall {
    /// Of this question; a later one takes its place.
    pub number: u64,
    /// What lies after this.
    pub after: Timestamp,
    /// Which jobs, and where the watermark of each is.
    pub jobs: Arc<[(JobName, Timestamp)]>,
}

/// What a stop of the backfills of a job found and did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BackfillsStopped {
    /// How many make no more runs from now on.
    pub stopped: u32,
    /// How many made none before, and are not over.
    pub already: u32,
    /// How many of their runs waited, and are cancelled.
    pub cancelled: u32,
    /// How many of their runs go on.
    pub running: u32,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The request is this run now, `queued`.
    Queued(RunId),
    /// The request is this run, which is over: the job's policy skipped it.
    Skipped(RunId, SkipReason),
    /// The run is cancelled.
    Cancelled,
    /// The run's guest has been told to end, and will be stopped if it does not.
    Cancelling,
    /// The backfill is under way, or over if there was nothing to do.
    BackfillCreated,
    /// The backfills of a job make no more runs; their guests that run are left alone.
    BackfillsStopped(BackfillsStopped),
    /// As many backfills as may be are under way.
    TooManyBackfills,
    /// The jobs are paused.
    Paused {
        /// How many the request has paused.
        jobs: usize,
        /// How many were paused before.
        already: usize,
    },
    /// The jobs are not paused.
    Resumed {
        /// How many the request has resumed.
        jobs: usize,
        /// How many were not paused.
        already: usize,
    },
    /// There is no such job.
    NoSuchJob,
    /// There is no such run, or it is over; or the job has no backfill under way.
    NotOpen,
    /// The store cannot write.
    StoreFailed,
    /// The daemon is stopping.
    Stopping,
}
