//! The one thread that writes, with group commit.
//!
//! Whoever submits never waits. The thread takes every batch that is waiting, up to
//! [`MAX_BATCHES`] or [`MAX_BYTES`], and writes them in one transaction; while it waits for
//! the disk the next group gathers. So a slow disk makes larger groups, not a longer queue.
//!
//! A store that fails is an *outage*. Its first failure is told, and each that has another
//! reason than the last; what was submitted stays where it is, in order, and the same group is
//! tried again after 50 ms, then twice as long each time up to 2 s, whatever is submitted
//! meanwhile. Nothing is given up until the writer is closed.
//!
//! Old history goes out by the same door, see [`Door`]: a step is taken when no batch waits, or when
//! [`GROUPS`] were written since the last one.
//!
//! An error that lasts is no outage: what it was about is never written, nor anything after it,
//! for what is on disk is a prefix of what was decided. What came before it still is. Then the
//! writer says that it has given up, and waits to be closed. A panic of the store's is the same.

use std::{
    collections::VecDeque,
    mem,
    panic::{self, AssertUnwindSafe},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        mpsc::{self, Receiver, RecvTimeoutError},
    },
    thread::Builder,
    time::{Duration, Instant},
};

use cronlet_core::{
    record::{Batch, Record, Seq},
    report::{AttemptReport, Verdict},
};

use super::{Store, StoreError};

mod door;
#[cfg(test)]
mod tests;

pub use door::Door;
use door::Removal;

/// At most so many batches are written in one transaction.
const MAX_BATCHES: usize = 1_000;

/// No batch joins a transaction that has this many bytes already.
const MAX_BYTES: usize = 8 << 20;

/// Under load, old history waits for so many groups at most.
const GROUPS: u32 = 4;

/// How long the first retry of an outage waits.
const FIRST_RETRY: Duration = Duration::from_millis(50);

/// How long a retry waits at most.
const LAST_RETRY: Duration = Duration::from_secs(2);

/// How long it may take to write what is left by a writer that is dropped.
const DROPPED: Duration = Duration::from_secs(2);

/// The thread that has the store. Dropping it does what [`Writer::close`] does, for a short time, and
/// tells nobody how it went.
#[derive(Debug)]
pub struct Writer {
    queue: Arc<Queue>,
    /// The thread's last word; none once it was waited for.
    ended: Option<Receiver<Result<(), StoreError>>>,
}

/// What the writer has to say, in order.
#[derive(Debug)]
pub enum Notice {
    /// All batches up to this one are on disk.
    Stored {
        /// The last of them.
        through: Seq,
    },
    /// The store cannot write. Said once an outage, and again when the reason is another.
    Failed(StoreError),
    /// The store will never write again. Nothing is said after it.
    GivenUp(StoreError),
    /// The store can write again, and has written everything it was given. Said once an outage,
    /// after the last of its [`Notice::Stored`].
    Recovered,
}

/// What is between those who submit and the thread.
#[derive(Debug, Default)]
struct Queue {
    waiting: Mutex<Waiting>,
    /// Something was submitted or asked for, or the writer is being closed.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    batches: VecDeque<Batch>,
    removals: VecDeque<Removal>,
    /// Why nothing can be removed now.
    locked: Option<String>,
    closing: bool,
}

impl Writer {
    /// Starts the thread. It says `notify` what becomes of what is submitted; `notify` runs on it,
    /// and must not wait for long.
    ///
    /// # Panics
    ///
    /// If the system has no thread to give.
    pub fn spawn(store: impl Store, notify: impl FnMut(Notice) + Send + 'static) -> Self {
        let queue = Arc::new(Queue::default());
        let mut work = Work {
            store,
            notify,
            queue: queue.clone(),
            group: Vec::new(),
            most: MAX_BATCHES,
            trouble: None,
            since_removal: 0,
        };
        let (ending, ended) = mpsc::channel();
        Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || {
                let run = panic::catch_unwind(AssertUnwindSafe(|| work.run()));
                let end = run.unwrap_or_else(|_| {
                    (work.notify)(Notice::GivenUp(panicked()));
                    Err(panicked())
                });
                work.queue.lock_door("the history is closed");
                // Whoever hears of the end may open the store again.
                drop(work);
                // Nobody waits any more for a store that took too long.
                let _ = ending.send(end);
            })
            .expect("a process that cannot have one more thread cannot start");
        Self {
            queue,
            ended: Some(ended),
        }
    }

    /// Where old history goes out.
    pub fn door(&self) -> Door {
        Door::new(self.queue.clone())
    }

    /// Hands a batch to the thread, and returns at once.
    pub fn submit(&self, batch: Batch) {
        self.queue.lock().batches.push_back(batch);
        self.queue.changed.notify_one();
    }

    /// Writes what is left, once more if there is an outage, ends the thread and closes the store.
    /// An error says that not everything was written, and why. None if that takes longer than
    /// `patience`: then the thread is left alone with it, for it may be stuck in a write.
    pub fn close(mut self, patience: Duration) -> Option<Result<(), StoreError>> {
        self.finish(patience)
    }

    fn finish(&mut self, patience: Duration) -> Option<Result<(), StoreError>> {
        let ended = self.ended.take()?;
        self.queue.lock().closing = true;
        self.queue.lock_door("the history is closed");
        self.queue.changed.notify_one();
        match ended.recv_timeout(patience) {
            Ok(end) => Some(end),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => Some(Err(panicked())),
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // Whoever wants to know closes it.
        let _ = self.finish(DROPPED);
    }
}

impl Queue {
    /// The lock is never held while anything can panic, so a poisoned one is as good.
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nothing is removed for now, and whoever waits for it hears why.
    fn lock_door(&self, why: &str) {
        let mut waiting = self.lock();
        waiting.locked = Some(why.to_owned());
        for removal in waiting.removals.drain(..) {
            removal.refuse(why);
        }
    }
}

impl Waiting {
    fn is_empty(&self) -> bool {
        self.batches.is_empty() && self.removals.is_empty()
    }
}

/// The thread's side.
struct Work<S, N> {
    store: S,
    notify: N,
    queue: Arc<Queue>,
    /// Taken from the queue and not yet written, in order.
    group: Vec<Batch>,
    /// So many batches are written in one transaction.
    most: usize,
    trouble: Option<Trouble>,
    /// Groups that were written since old history was last deleted.
    since_removal: u32,
}

/// Why the last group is not written.
enum Trouble {
    /// The store failed.
    Outage {
        /// How long the next retry waits.
        delay: Duration,
        /// What was told.
        reason: String,
    },
    /// No other try would be better.
    Lasting,
}

impl<S: Store, N: FnMut(Notice)> Work<S, N> {
    fn run(&mut self) -> Result<(), StoreError> {
        loop {
            let last_try = self.wait_for_work();
            if let Some(removal) = self.next_removal() {
                removal.answer(&mut self.store);
                continue;
            }
            if self.group.is_empty() {
                return Ok(());
            }
            match self.store.commit(&self.group) {
                Ok(()) => self.written(),
                Err(error) if error.is_lasting() && self.group.len() > 1 => self.set_aside(),
                Err(error) if last_try => return Err(error),
                Err(error) => self.failed(error),
            }
        }
    }

    /// Waits until there is a group to be written; none is left once the writer is closed. Says
    /// whether it is being closed.
    fn wait_for_work(&mut self) -> bool {
        if !self.group.is_empty() {
            match self.trouble {
                Some(Trouble::Outage { delay, .. }) => return self.wait_for_retry(delay),
                Some(Trouble::Lasting) => return self.wait_for_close(),
                None => {}
            }
        }
        let mut waiting = self.queue.lock();
        while self.group.is_empty() && waiting.is_empty() && !waiting.closing {
            waiting = self
                .queue
                .changed
                .wait(waiting)
                .unwrap_or_else(PoisonError::into_inner);
        }
        take_group(&mut waiting.batches, &mut self.group, self.most);
        waiting.closing
    }

    /// Old history that may be deleted now.
    fn next_removal(&mut self) -> Option<Removal> {
        if self.trouble.is_some() || !(self.group.is_empty() || self.since_removal >= GROUPS) {
            return None;
        }
        self.since_removal = 0;
        self.queue.lock().removals.pop_front()
    }

    /// Waits this long, unless the writer is closed. What is submitted meanwhile does not hurry it.
    fn wait_for_retry(&self, delay: Duration) -> bool {
        let until = Instant::now() + delay;
        let mut waiting = self.queue.lock();
        while !waiting.closing {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            waiting = self
                .queue
                .changed
                .wait_timeout(waiting, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        waiting.closing
    }

    fn wait_for_close(&self) -> bool {
        let mut waiting = self.queue.lock();
        while !waiting.closing {
            waiting = self
                .queue
                .changed
                .wait(waiting)
                .unwrap_or_else(PoisonError::into_inner);
        }
        true
    }

    fn written(&mut self) {
        let group = mem::take(&mut self.group);
        self.since_removal += 1;
        if let Some(last) = group.last() {
            (self.notify)(Notice::Stored { through: last.seq });
        }
        if self.trouble.is_some() && self.queue.lock().batches.is_empty() {
            self.trouble = None;
            self.queue.lock().locked = None;
            (self.notify)(Notice::Recovered);
        }
    }

    /// One batch of the group is refused: from now on each is written by itself, so that those
    /// before it are.
    fn set_aside(&mut self) {
        self.most = 1;
        let mut waiting = self.queue.lock();
        for batch in self.group.drain(..).rev() {
            waiting.batches.push_front(batch);
        }
    }

    fn failed(&mut self, error: StoreError) {
        self.queue.lock_door(&error.to_string());
        if error.is_lasting() {
            self.trouble = Some(Trouble::Lasting);
            (self.notify)(Notice::GivenUp(error));
            return;
        }
        let reason = error.to_string();
        let (last, told) = match self.trouble.take() {
            Some(Trouble::Outage { delay, reason }) => (Some(delay), Some(reason)),
            Some(Trouble::Lasting) | None => (None, None),
        };
        if told.as_ref() != Some(&reason) {
            (self.notify)(Notice::Failed(error));
        }
        let delay = next_delay(last);
        self.trouble = Some(Trouble::Outage { delay, reason });
    }
}

/// How long the next retry waits, after one that waited this long.
fn next_delay(last: Option<Duration>) -> Duration {
    last.map_or(FIRST_RETRY, |last| (last * 2).min(LAST_RETRY))
}

fn panicked() -> StoreError {
    StoreError::while_("write the history")("its thread panicked")
}

/// Moves the first batches to `group`: as many as one transaction may have, and at least one.
fn take_group(waiting: &mut VecDeque<Batch>, group: &mut Vec<Batch>, most: usize) {
    let mut bytes = 0;
    while group.len() < most && bytes < MAX_BYTES {
        let Some(batch) = waiting.pop_front() else {
            return;
        };
        bytes += size(&batch);
        group.push(batch);
    }
}

/// About how many bytes a batch takes. Only what guests say can be large.
fn size(batch: &Batch) -> usize {
    let said = batch.records.iter().map(|record| match record {
        Record::AttemptEnded { report, .. } => report.as_deref().map_or(0, report_size),
        Record::StateWritten { changes, .. } => usize::try_from(changes.written()).unwrap_or(0),
        _ => 0,
    });
    batch.records.len() * 100 + said.sum::<usize>()
}

fn report_size(report: &AttemptReport) -> usize {
    let said = match &report.verdict {
        Verdict::Succeeded(outcome) => outcome.output.as_ref().map_or(0, String::len),
        Verdict::Error { failure, .. } | Verdict::Failed { failure, .. } => {
            failure.message.len() + failure.backtrace.as_ref().map_or(0, String::len)
        }
        Verdict::Stopped => 0,
    };
    let log = report.log.iter().map(|line| line.message.len() + 50);
    said + log.sum::<usize>()
}
