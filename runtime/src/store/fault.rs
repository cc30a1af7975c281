//! What is wrong with a disk or a database, in words of ours.

use thiserror::Error;

/// Why a store cannot do something now. It comes as the source of a [`StoreError`](super::StoreError).
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{words}")]
pub struct Fault {
    /// Lower case, without a final period.
    pub words: String,
    /// What to do.
    pub help: Option<&'static str>,
    /// Whether another process is in the way.
    pub conflict: bool,
}

/// What was written is not there any more: the store must be opened anew, and goes on from what is. It
/// comes as the source of a [`StoreError`](super::StoreError).
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the log beside the database (`-wal`) was cut short while it was in use")]
pub struct Lost;
