//! The engine's hands: one small function for each effect. None of them waits.

use std::{
    collections::BTreeMap,
    sync::{Arc, mpsc},
    time::Duration,
};

use cronlet_core::{
    engine::{Answer, Effect, Event, Start},
    job::Component,
    record::{Batch, Seq},
    retention::Retention,
    run::{RequestId, RunId},
};
use jiff::Timestamp;
use tokio::sync::oneshot;

use super::{
    Finish,
    disk::Disk,
    handle::{Message, Watched},
    recall::Recaller,
    state::OnDisk,
    status::{Board, Status},
};
use crate::{
    sandbox::{self, Attempt, Facts, InputSource, Runner, control},
    store::StoreError,
};

/// What the engine's thread acts with.
pub(super) struct Hands {
    disk: Disk,
    runner: Arc<dyn Runner>,
    /// What jobs remember and what runs have left, for the guests.
    kept: Arc<OnDisk>,
    /// The engine's own inbox, for what ends later.
    inbox: mpsc::Sender<Message>,
    /// The guests.
    running: BTreeMap<(RunId, u32), sandbox::Handle>,
    /// Those who wait for an answer.
    asking: BTreeMap<RequestId, oneshot::Sender<Answer>>,
    wake_at: Option<Timestamp>,
    stopped: bool,
    board: Board,
    recaller: Recaller,
}

impl Hands {
    pub(super) fn new(
        disk: Disk,
        (runner, kept): (Arc<dyn Runner>, Arc<OnDisk>),
        (board, recaller): (Board, Recaller),
        inbox: mpsc::Sender<Message>,
    ) -> Self {
        Self {
            disk,
            runner,
            kept,
            inbox,
            running: BTreeMap::new(),
            asking: BTreeMap::new(),
            wake_at: None,
            stopped: false,
            board,
            recaller,
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
            Effect::Recall(recall) => self.recaller.ask(recall),
            Effect::Reply { request, answer } => self.reply(request, answer),
            Effect::Stop => self.stopped = true,
        }
    }

    fn commit(&mut self, batch: Batch) {
        self.board.saw(&batch);
        self.disk.submit(batch);
    }

    fn start(&mut self, start: &Start) {
        let (handle, control) = control::pair();
        let (run, attempt) = (start.run.run, start.attempt);
        self.running.insert((run, attempt), handle);
        self.board.lacking.started(run, attempt, &start.run.job);
        let inbox = self.inbox.clone();
        let done = Box::new(move |report| {
            let event = Event::AttemptEnded {
                run,
                attempt,
                report: Arc::new(report),
            };
            // An engine that has left asks no more how its guests ended.
            let _ = inbox.send(Message::Event(event));
        });
        let attempt = attempt_of(start, self.kept.clone());
        self.runner.start(attempt, control, done);
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

    /// All batches up to this one are on disk.
    pub(super) fn stored(&mut self, through: Seq) {
        if let Some(took) = self.disk.waiting() {
            self.board.store().stored(took);
        }
        self.disk.stored(through);
    }

    /// From now on so much history is kept.
    pub(super) fn keep(&self, keep: Retention) {
        self.disk.keep(keep);
    }

    /// Nothing more will be on disk: who waits for that waits in vain.
    pub(super) fn store_gave_up(&mut self, error: &StoreError, now: Timestamp) {
        self.board.store_mut().given_up(error, now);
        for (_, asking) in std::mem::take(&mut self.asking) {
            // Who asked may have left.
            let _ = asking.send(Answer::StoreFailed);
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
        self.board.status(core, progress, self.disk.waiting(), now)
    }

    /// Looks on while this run's guest works.
    pub(super) fn watch(&self, run: RunId) -> Option<Watched> {
        let mut attempts = self.running.range((run, 0)..=(run, u32::MAX));
        let (&(_, attempt), handle) = attempts.next_back()?;
        let watcher = handle.watch()?;
        Some(Watched { attempt, watcher })
    }

    /// Closes the history, if it can be closed within `patience`.
    pub(super) fn close(&mut self, patience: Duration, now: Timestamp) {
        if let Some(Err(error)) = self.disk.close(patience) {
            self.board.store_mut().failed(&error, now);
        }
    }

    /// Looks back, when there is nothing more to do.
    pub(super) fn finish(&mut self) -> Finish {
        self.disk.abandon();
        let (batches, guests) = (self.disk.unsaved(), self.running.len());
        if batches == 0 && guests == 0 {
            return Finish::Clean;
        }
        let store = self.board.store();
        let why = store.error().unwrap_or("it took too long");
        tracing::error!(
            batches,
            guests,
            "the end of the history is not written: {why}; the next start will find a crash"
        );
        match store.gave_up() {
            true if store.is_bug() => Finish::Died,
            true => Finish::Ousted,
            false => Finish::Unsaved,
        }
    }
}

/// What the sandbox must know.
fn attempt_of(start: &Start, kept: Arc<OnDisk>) -> Attempt {
    let input_of = start.run.input_of;
    Attempt {
        component: match &start.job.component {
            Component::Ready(digest) | Component::LastGood(digest, _) => Ok(*digest),
            Component::Unusable(why) => Err(why.clone()),
        },
        limits: start.job.limits.clone(),
        allow: start.job.allow.clone(),
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
        input_of: input_of.map(|run| (run, kept.clone() as Arc<dyn InputSource>)),
        state: Some(kept),
    }
}
