//! The model store: a queue of batches, and what is on disk.
//!
//! What waits in the queue is lost when the daemon dies. What reaches the disk are whole
//! batches in order.

use std::collections::VecDeque;

use cronlet_core::{
    engine::Event,
    record::{Batch, Seq},
};

use crate::tables::Tables;

#[derive(Debug, Default)]
pub(crate) struct Disk {
    /// What is on disk.
    pub(crate) tables: Tables,
    queue: VecDeque<Batch>,
    /// Nothing can be written.
    pub(crate) broken: bool,
    /// The engine was told so, or will be.
    reported: bool,
}

impl Disk {
    /// Takes a batch. True if nothing was waiting: somebody must flush.
    pub(crate) fn submit(&mut self, batch: Batch) -> bool {
        self.queue.push_back(batch);
        self.queue.len() == 1
    }

    pub(crate) fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// Writes the oldest `count` batches, if it can, and says what the engine is to be told.
    pub(crate) fn flush(&mut self, count: usize) -> Option<Event> {
        if self.queue.is_empty() {
            return None;
        }
        if self.broken {
            let first = !self.reported;
            self.reported = true;
            return first.then_some(Event::StoreFailed);
        }
        self.write(count).map(|through| Event::Stored { through })
    }

    /// The trouble is over: writes everything, and says what the engine is to be told.
    pub(crate) fn heal(&mut self) -> Vec<Event> {
        self.broken = false;
        if !self.reported {
            return Vec::new();
        }
        self.reported = false;
        let stored = self.write(self.queue.len());
        stored
            .map(|through| Event::Stored { through })
            .into_iter()
            .chain([Event::StoreRecovered])
            .collect()
    }

    /// The daemon died while `count` batches were being written.
    pub(crate) fn crash(&mut self, count: usize) {
        if !self.broken {
            self.write(count);
        }
        self.queue.clear();
        self.reported = false;
    }

    fn write(&mut self, count: usize) -> Option<Seq> {
        let mut through = None;
        for batch in self.queue.drain(..count.min(self.queue.len())) {
            self.tables.apply_batch(&batch);
            through = Some(batch.seq);
        }
        through
    }
}
