//! The way of a batch to the disk, and from there to those who listen.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use cronlet_core::{
    record::{Batch, Record, Seq},
    retention::Retention,
};
use tokio::sync::broadcast;

use super::{clock::Clock, trace::Trace};
use crate::store::{Pruner, StoreError, Writer};

/// Batches on their way.
pub(super) struct Disk {
    /// None once the history is closed.
    writer: Option<Writer>,
    /// Deletes what is old.
    pruner: Arc<Pruner>,
    /// What is not on disk yet, in order, and by the monotonic clock since when.
    unsaved: VecDeque<(Duration, Arc<Batch>)>,
    clock: Arc<dyn Clock>,
    /// Those who want to see every batch once it is on disk.
    listeners: broadcast::Sender<Arc<Batch>>,
    /// Those who read the log.
    trace: Trace,
}

impl Disk {
    pub(super) fn new(
        writer: Writer,
        pruner: Arc<Pruner>,
        listeners: broadcast::Sender<Arc<Batch>>,
        trace: Trace,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            writer: Some(writer),
            pruner,
            unsaved: VecDeque::new(),
            clock,
            listeners,
            trace,
        }
    }

    /// Hands a batch to the writer, which says when it is on disk.
    pub(super) fn submit(&mut self, batch: Batch) {
        let since = self.clock.monotonic();
        self.unsaved.push_back((since, Arc::new(batch.clone())));
        if let Some(writer) = &self.writer {
            writer.submit(batch);
        }
    }

    /// Shows what is on disk to those who listen.
    pub(super) fn stored(&mut self, through: Seq) {
        let is_stored = |(_, batch): &mut (Duration, Arc<Batch>)| batch.seq <= through;
        while let Some((_, batch)) = self.unsaved.pop_front_if(is_stored) {
            self.trace.show(&batch);
            // Without listeners there is nobody to tell.
            let _ = self.listeners.send(told(batch));
        }
    }

    /// From now on so much history is kept.
    pub(super) fn keep(&self, keep: Retention) {
        self.pruner.keep(keep);
    }

    /// For how long the oldest of what is not on disk has waited.
    pub(super) fn waiting(&self) -> Option<Duration> {
        let (since, _) = self.unsaved.front()?;
        Some(self.clock.monotonic().saturating_sub(*since))
    }

    /// How many batches are not on disk.
    pub(super) fn unsaved(&self) -> usize {
        self.unsaved.len()
    }

    /// Closes the history. None if that takes longer than `patience`.
    pub(super) fn close(&mut self, patience: Duration) -> Option<Result<(), StoreError>> {
        self.pruner.close();
        self.writer.take()?.close(patience)
    }

    /// Leaves the writer alone: its thread may be stuck in a write, and ends with the process.
    pub(super) fn abandon(&mut self) {
        self.pruner.close();
        std::mem::forget(self.writer.take());
    }
}

/// A batch as listeners see it: what a job remembers is nobody else's business, and a listener that falls
/// behind would hold megabytes of it.
fn told(batch: Arc<Batch>) -> Arc<Batch> {
    let is_told = |record: &Record| !matches!(record, Record::StateWritten { .. });
    if batch.records.iter().all(is_told) {
        return batch;
    }
    let mut batch = Arc::unwrap_or_clone(batch);
    batch.records.retain(is_told);
    Arc::new(batch)
}

#[cfg(test)]
mod tests {
    use cronlet_core::{name::JobName, run::RunId};
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn what_a_job_remembers_is_not_told() {
        let written = Record::StateWritten {
            run: RunId(1),
            job: JobName::new("a").unwrap(),
            changes: Arc::default(),
            total: 0,
        };
        let batch = |records| {
            Arc::new(Batch {
                seq: Seq(7),
                at: Timestamp::UNIX_EPOCH,
                records,
            })
        };
        let requeued = || Record::RunRequeued { run: RunId(1) };
        let expected = batch(vec![requeued(), Record::Stopped]);
        let all = batch(vec![requeued(), written, Record::Stopped]);
        assert_eq!(told(all.clone()), expected);
        drop(all);
        let told = told(expected.clone());
        assert!(Arc::ptr_eq(&told, &expected), "what has none is not copied");
    }
}
