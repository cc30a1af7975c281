//! History: what was due, what ran, and what came of it.
//!
//! One write door, [`Store::commit`], and one thread behind it, the [`Writer`]. The
//! thread takes every batch that is waiting and writes them in one transaction (group
//! commit), so the cost of a flush is shared. A batch is never refused in part. Nothing
//! else writes. Reading is a [`History`] with connections of its own.
//!
//! This is the only room that knows SQL.

use cronlet_core::record::{Batch, Recovery};
use thiserror::Error;

pub mod history;

pub use history::History;

/// The write door. Whoever has it owns the database: the lease is taken when it is opened.
pub trait Store: Send + 'static {
    /// What an engine must know to go on where the last one stopped.
    fn recover(&mut self) -> Result<Recovery, StoreError>;

    /// Writes all of `batches` in one transaction, or nothing. When it returns, they are on disk.
    fn commit(&mut self, batches: &[Batch]) -> Result<(), StoreError>;
}

/// The store could not do something.
#[derive(Debug, Error)]
#[error("cannot {doing}: {source}")]
pub struct StoreError {
    /// What was being done, in the infinitive: "write the history".
    pub doing: &'static str,
    /// Why it could not be.
    pub source: Box<dyn std::error::Error + Send + Sync>,
}
