//! The engine's hands: one small function for each effect. None of them waits.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, mpsc},
    time::Duration,
};

use cronlet_core::{
    engine::{Answer, Effect, Event, Start},
    job::Component,
    record::{Batch, Seq},
    run::{RequestId, RunId},
};
use jiff::Timestamp;
use tokio::sync::{broadcast, oneshot};

use super::{
    Finish,
    handle::Message,
    status::{Board, Status},
    trace::Trace,
};
use crate::{
    sandbox::{self, Attempt, Facts, Runner, control},
    store::{Notice, Writer},
};

/// What the engine's thread acts with.
pub(super) struct Hands {
    writer: Option<Writer>,
    runner: Arc<dyn Runner>,
    voices: Voices,
    /// Batches that are not on disk yet.
    unsaved: VecDeque<Arc<Batch>>,
    /// The guests.
    running: BTreeMap<(RunId, u32), sandbox::Handle>,
    /// Those who wait for an answer.
    asking: BTreeMap<RequestId, oneshot::Sender<Answer>>,
    wake_at: Option<Timestamp>,
    stopped: bool,
    board: Board,
}

/// Who hears of what happens.
pub(super) struct Voices {
    /// The engine's own inbox, for what ends later.
    pub(super) inbox: mpsc::Sender<Message>,
    /// Those who want to see every batch once it is on disk.
    pub(super) listeners: broadcast::Sender<Arc<Batch>>,
    /// Those who read the log.
    pub(super) trace: Trace,
}

impl Hands {
    pub(super) fn new(
        writer: Writer,
        runner: Arc<dyn Runner>,
        board: Board,
        voices: Voices,
    ) -> Self {
        Self {
            writer: Some(writer),
            runner,
            voices,
            unsaved: VecDeque::new(),
            running: BTreeMap::new(),
            asking: BTreeMap::new(),
            wake_at: None,
            stopped: false,
            board,
        }
    }

    pub(super) fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Commit(batch) => self.commit(batch),
            Effect::Start(start) => self.start(&start),
            Effect::Cancel {
                run,
                attempt,
                grace,
            } => self.cancel(run, attempt, grace),
            Effect::WakeAt(at) => self.wake_at = Some(at),
            Effect::Reply { request, answer } => self.reply(request, answer),
            Effect::Stop => self.stopped = true,
        }
    }

    fn commit(&mut self, batch: Batch) {
        self.board.saw(&batch);
        self.unsaved.push_back(Arc::new(batch.clone()));
        if let Some(writer) = &self.writer {
            writer.submit(batch);
        }
    }

    fn start(&mut self, start: &Start) {
        let (handle, control) = control::pair();
        let (run, attempt) = (start.run.run, start.attempt);
        self.running.insert((run, attempt), handle);
        let inbox = self.voices.inbox.clone();
        let done = Box::new(move |report| {
            let event = Event::AttemptEnded {
                run,
                attempt,
                report: Arc::new(report),
            };
            // An engine that has left asks no more how its guests ended.
            let _ = inbox.send(Message::Event(event));
        });
        self.runner.start(attempt_of(start), control, done);
    }

    fn cancel(&mut self, run: RunId, attempt: u32, grace: Duration) {
        if let Some(handle) = self.running.get(&(run, attempt)) {
            handle.stop_within(grace);
        }
    }

    fn reply(&mut self, request: RequestId, answer: Answer) {
        if let Some(asking) = self.asking.remove(&request) {
            // Who asked may have left.
            let _ = asking.send(answer);
        }
    }

    /// The guest is no more.
    pub(super) fn ended(&mut self, run: RunId, attempt: u32) {
        self.running.remove(&(run, attempt));
    }

    pub(super) fn expect_answer(&mut self, request: RequestId, asking: oneshot::Sender<Answer>) {
        self.asking.insert(request, asking);
    }

    /// What the store's writer says, as an event.
    pub(super) fn store_said(&mut self, notice: Notice, now: Timestamp) -> Event {
        match notice {
            Notice::Stored { through } => {
                self.publish(through);
                Event::Stored { through }
            }
            Notice::Failed(error) => {
                self.board.store_failed(&error, now);
                Event::StoreFailed
            }
            Notice::Recovered => {
                self.board.store_recovered(now);
                Event::StoreRecovered
            }
        }
    }

    /// Shows what is on disk to those who listen.
    fn publish(&mut self, through: Seq) {
        while let Some(batch) = self.unsaved.pop_front_if(|batch| batch.seq <= through) {
            self.voices.trace.show(&batch);
            // Without listeners there is nobody to tell.
            let _ = self.voices.listeners.send(batch);
        }
    }

    /// When the core wants to be woken.
    pub(super) fn wake_at(&self) -> Option<Timestamp> {
        self.wake_at
    }

    /// The core is being woken: the wish is fulfilled.
    pub(super) fn woken(&mut self) {
        self.wake_at = None;
    }

    pub(super) fn stopped(&self) -> bool {
        self.stopped
    }

    pub(super) fn board(&self) -> &Board {
        &self.board
    }

    pub(super) fn board_mut(&mut self) -> &mut Board {
        &mut self.board
    }

    pub(super) fn status(&self, core: &cronlet_core::engine::Engine, now: Timestamp) -> Status {
        let progress = |run, attempt| self.running.get(&(run, attempt))?.progress();
        self.board.status(core, progress, now)
    }

    /// Closes the history, if it can be closed within `patience`.
    pub(super) fn close(&mut self, patience: Duration, now: Timestamp) {
        let Some(writer) = self.writer.take() else {
            return;
        };
        let (closed, wait) = mpsc::channel();
        std::thread::spawn(move || {
            // Nobody waits any more for a store that took too long.
            let _ = closed.send(writer.close());
        });
        if let Ok(Err(error)) = wait.recv_timeout(patience) {
            self.board.store_failed(&error, now);
        }
    }

    /// Looks back, when there is nothing more to do.
    pub(super) fn finish(&mut self) -> Finish {
        // Its thread may be stuck in a write; the process ends with it.
        std::mem::forget(self.writer.take());
        if self.unsaved.is_empty() && self.running.is_empty() {
            return Finish::Clean;
        }
        let why = self.board.store_error().unwrap_or("it took too long");
        tracing::error!(
            batches = self.unsaved.len(),
            guests = self.running.len(),
            "the end of the history is not written: {why}; the next start will find a crash"
        );
        Finish::Unsaved
    }
}

/// What the sandbox must know.
fn attempt_of(start: &Start) -> Attempt {
    Attempt {
        component: match &start.job.component {
            Component::Ready(digest) => Ok(*digest),
            Component::Unusable(why) => Err(why.clone()),
        },
        limits: start.job.limits.clone(),
        params: start.params.clone(),
        facts: Facts {
            job: start.run.job.clone(),
            run: start.run.run.to_string(),
            attempt: start.attempt,
            max_attempts: start.max_attempts,
            origin: start.run.origin,
            nominal: start.run.nominal,
            input: None,
        },
    }
}
