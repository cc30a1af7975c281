//! History: what was due, what ran, and what came of it.
//!
//! One write door, [`Store::commit`], and one thread behind it, the [`Writer`]. The
//! thread takes every batch that is waiting and writes them in one transaction (group
//! commit), so the cost of a flush is shared. A batch is never refused in part. Nothing
//! else writes. Reading is a [`History`] with connections of its own.
//!
//! What is on disk when:
//!
//! - When [`Store::commit`] returns `Ok`, everything in its batches survives a crash of the
//!   process and a loss of power; [`Notice::Stored`] is said after that. When it returns an
//!   error, nothing of them is there: a transaction holds whole batches, all or none.
//! - Batches are written in the order they were submitted. What is on disk is always a
//!   prefix of what the engine decided.
//! - A record that contradicts what is stored (a second run for one occurrence, the end of
//!   an attempt that is not open) is [`Refused`], and with it its whole transaction.
//! - What is over and old is deleted in small steps between the commits, see [`retention`].
//! - A failing disk may work again, so what it did not take is tried again, see [`fault`]. A refusal,
//!   an owner that is [`Stale`], and a log that is [`Lost`] will be the same at every try: see
//!   [`StoreError::is_lasting`].
//!
//! There are two kinds of store, held to one conformance suite: [`sqlite`], and [`memory`]
//! for tests. Both keep times to the microsecond, see [`precision`].
//!
//! This is the only room that knows SQL.

use std::error::Error;

use cronlet_core::{
    name::JobName,
    record::{Batch, Recovery},
    run::{Cause, RequestId, RunId},
};
use jiff::SignedDuration;
use thiserror::Error;

#[cfg(test)]
mod conformance;
pub mod fault;
pub mod history;
pub mod job_events;
pub mod memory;
pub mod precision;
pub mod pruner;
pub mod retention;
pub mod sqlite;
mod told;
mod writer;

use fault::{Fault, Lost};
pub use history::History;
pub use pruner::Pruner;
pub use retention::{Limit, Old, Removed};
pub use writer::{Door, Notice, Writer};

/// What is stored of a removed job is kept this long. Then the next plan that is accepted deletes it, if its
/// watermark is not in the future and nothing of it is in the history: else it could be due again for what
/// is there, if a clock that is wrong now is set back.
const REMOVED_JOBS_STAY: SignedDuration = SignedDuration::from_hours(1);

/// So many jumps of the clock are kept.
pub(crate) const JUMPS: usize = 1_000;

/// The write door. Whoever has it owns the database: the lease is taken when it is opened.
pub trait Store: Send + 'static {
    /// What an engine must know to go on where the last one stopped.
    fn recover(&mut self) -> Result<Recovery, StoreError>;

    /// Writes all of `batches` in one transaction, or nothing. When it returns, they are on disk.
    fn commit(&mut self, batches: &[Batch]) -> Result<(), StoreError>;

    /// Deletes `old` in one transaction, or nothing, and says what of it was there. What is not over
    /// stays, so does what such a run gets as its input, and so does a range that has grown since it was looked at.
    fn remove(&mut self, old: &Old) -> Result<Removed, StoreError>;
}

/// The store could not do something.
#[derive(Debug, Error)]
#[error("cannot {doing}: {source}")]
pub struct StoreError {
    /// What was being done, in the infinitive: "write the history".
    pub doing: &'static str,
    /// Why it could not be.
    pub source: Box<dyn Error + Send + Sync>,
}

/// A record contradicts what is stored. It comes as the source of a [`StoreError`], and it is a
/// defect of the engine: the records of its steps never do.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refused {
    /// Run numbers rise, and none is given out twice.
    #[error("run {run}: this number is not free, the next one is {next}")]
    Number {
        /// The number that was to be used.
        run: RunId,
        /// The lowest that may be.
        next: u64,
    },
    /// `(job, cause)` is unique.
    #[error("run {run}: `{job}` already has a run for `{cause}`")]
    Occurrence {
        /// The second run.
        run: RunId,
        /// Its job.
        job: JobName,
        /// Its cause.
        cause: Cause,
    },
    /// There is no such run, or it is final.
    #[error("run {0} is not open")]
    NotOpen(RunId),
    /// The run is final, there is no such run, or its attempts already came as far as this number.
    #[error("run {run} cannot start attempt {attempt}")]
    Attempt {
        /// The run.
        run: RunId,
        /// The attempt that was to start.
        attempt: u32,
    },
    /// There is no such attempt, or it is over.
    #[error("run {run} has no open attempt {attempt}")]
    NoAttempt {
        /// The run.
        run: RunId,
        /// The attempt that was to end or to be withdrawn.
        attempt: u32,
    },
    /// There is no such backfill, it is over, or there is one already.
    #[error("backfill {0} cannot be what it is said to be")]
    Backfill(RequestId),
    /// Nothing is stored of the job.
    #[error("nothing is stored of the job `{0}`")]
    UnknownJob(JobName),
}

/// Another engine owns the database now. It comes as the source of a [`StoreError`].
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("another engine took the database over (its epoch is {theirs}, this one's is {ours})")]
pub struct Stale {
    /// The number of the owner that wanted to write.
    pub ours: i64,
    /// The number of the one that may.
    pub theirs: i64,
}

impl StoreError {
    /// Whether it would be the same at every other try.
    pub fn is_lasting(&self) -> bool {
        self.source.is::<Refused>() || self.is_loss()
    }

    /// Whether somebody took the database, or what was written in it, from its owner.
    pub fn is_loss(&self) -> bool {
        self.source.is::<Stale>() || self.source.is::<Lost>()
    }

    /// Whether another process is in the way.
    pub fn is_conflict(&self) -> bool {
        let fault = self.source.downcast_ref::<Fault>();
        fault.is_some_and(|fault| fault.conflict)
    }

    /// What to do about it.
    pub fn help(&self) -> Option<&'static str> {
        self.source.downcast_ref::<Fault>()?.help
    }

    /// An error that happened while `doing` something, for `map_err`.
    pub(crate) fn while_<E>(doing: &'static str) -> impl Fn(E) -> Self
    where
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        move |source| Self {
            doing,
            source: source.into(),
        }
    }
}
