//! What is stored of one run, each time that may have changed: for those who wait for it.

use std::sync::Arc;

use cronlet_core::{
    record::{Batch, Record},
    run::RunId,
};
use tokio::sync::broadcast;

use super::Handle;
use crate::store::{StoreError, history::RunRow};

/// What is stored of a run, each time that may have changed.
pub(super) struct Changes {
    engine: Handle,
    run: RunId,
    records: broadcast::Receiver<Arc<Batch>>,
}

impl Changes {
    /// From now on.
    pub(super) fn of(engine: &Handle, run: RunId) -> Self {
        Self {
            engine: engine.clone(),
            run,
            records: engine.records(),
        }
    }

    /// What is stored of it now, and whether that is the last word because the engine has stopped.
    pub(super) async fn row(&self) -> Result<(Option<RunRow>, bool), StoreError> {
        let over = self.engine.has_finished();
        Ok((self.engine.run(self.run).await?, over))
    }

    /// Waits until something about it may have changed.
    pub(super) async fn wait(&mut self) {
        let engine = self.engine.clone();
        tokio::select! {
            () = self.recorded() => {}
            _ = engine.finished() => {}
        }
    }

    /// Until a record says something of the run, or some records were missed.
    async fn recorded(&mut self) {
        loop {
            match self.records.recv().await {
                Ok(batch) if batch.records.iter().any(|record| self.is_told(record)) => return,
                Ok(_) => {}
                Err(broadcast::error::RecvError::Lagged(_)) => return,
                // The engine stops; its end is waited for elsewhere.
                Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
            }
        }
    }

    fn is_told(&self, record: &Record) -> bool {
        let of = match record {
            Record::RunQueued(new) => new.run,
            Record::AttemptStarted { run, .. }
            | Record::AttemptDisarmed { run, .. }
            | Record::AttemptEnded { run, .. }
            | Record::RunWithdrawn { run }
            | Record::RunArrived { run, .. }
            | Record::RunRequeued { run }
            | Record::RunRetrying { run, .. }
            | Record::CancelRequested { run, .. }
            | Record::RunEnded { run, .. } => *run,
            _ => return false,
        };
        of == self.run
    }
}
