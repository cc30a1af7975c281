//! What others may ask of a running engine.

use std::{
    collections::BTreeSet,
    num::NonZeroU32,
    sync::{Arc, mpsc},
};

use cronlet_core::{
    digest::Digest,
    engine::{
        Answer, BackfillRequest, BackfillStopRequest, CancelRequest, Event, Jobs, PauseRequest,
        RunRequest,
    },
    job::Job,
    name::JobName,
    plan::Plan,
    record::Batch,
    run::{RequestId, RunId},
};
use jiff::Timestamp;
use tokio::sync::{broadcast, oneshot, watch};

use super::{
    Finish, Status,
    backfill::{Chosen, Unfit, Wish, choose},
    changes::Changes,
    noted::Noted,
    reload::{Outcome, Requests},
    status::Refusal,
};
use crate::{
    sandbox,
    store::{
        self, History, Pruner, StoreError,
        history::{AttemptLog, BackfillRow, RunRow},
        pruner::{Granted, Wish as Prune},
    },
};

/// Everything that reaches the engine's thread.
pub(super) enum Message {
    /// Something happened.
    Event(Event),
    /// Somebody asks for something, and waits for the answer.
    Ask(Event, RequestId, oneshot::Sender<Answer>),
    /// The store's writer has something to say.
    Store(store::Notice),
    /// The schedules file was saved.
    Config(News),
    /// Somebody wants to know how it goes.
    Status(oneshot::Sender<Status>),
    /// Somebody wants to know what a job is, and the time.
    Job(JobName, oneshot::Sender<(Option<Arc<Job>>, Timestamp)>),
    /// Somebody wants to know which components attempts in flight still need.
    InUse(mpsc::Sender<BTreeSet<Digest>>),
    /// Somebody wants to look on while a run's guest works.
    Watch(RunId, oneshot::Sender<Option<Watched>>),
}

/// The attempt that runs, and the eyes of who looks on.
pub(super) struct Watched {
    pub(super) attempt: u32,
    pub(super) watcher: sandbox::Watcher,
}

/// What became of a saved schedules file.
pub(super) enum News {
    /// It is being read, and its components loaded.
    Loading,
    /// It says what the plan already is.
    Unchanged(Noted),
    /// It has problems: nothing changes.
    Refused(Refusal),
    /// It is the plan now.
    Live(Arc<Plan>, Noted),
    /// Nobody reads it any more, which is a bug.
    Unfollowed,
}

/// What a person or a program wants to run.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Which job.
    pub job: JobName,
    /// None is now.
    pub nominal: Option<Timestamp>,
    /// JSON text that takes the place of the job's params.
    pub params: Option<Arc<str>>,
    /// The run whose output the guest gets.
    pub input_of: Option<RunId>,
    /// Who asks.
    pub actor: Option<Arc<str>>,
}

/// What became of a wish for a backfill.
#[derive(Clone, Debug)]
pub struct Backfilled {
    pub chosen: Chosen,
    /// Its name; none if there was nothing to do.
    pub id: Option<RequestId>,
}

/// Why there is no such backfill.
#[derive(Debug)]
pub enum NotBackfilled {
    /// It makes no sense.
    Unfit(Unfit),
    /// It is not known what ran already.
    Unread(StoreError),
    /// The engine refuses.
    Refused(Answer),
}

/// A running engine. Cloning is cheap; dropping it stops nothing.
#[derive(Clone)]
pub struct Handle {
    inbox: mpsc::Sender<Message>,
    history: Arc<dyn History>,
    pruner: Arc<Pruner>,
    records: broadcast::Sender<Arc<Batch>>,
    finished: watch::Receiver<Option<Finish>>,
    reload: Requests,
}

impl Handle {
    pub(super) fn new(
        inbox: mpsc::Sender<Message>,
        pruner: Arc<Pruner>,
        records: broadcast::Sender<Arc<Batch>>,
        finished: watch::Receiver<Option<Finish>>,
        reload: Requests,
    ) -> Self {
        Self {
            inbox,
            history: pruner.history(),
            pruner,
            records,
            finished,
            reload,
        }
    }

    /// Asks for a run. What the answer says is on disk.
    pub async fn request_run(&self, wanted: Wanted) -> Answer {
        let id = draw();
        let event = Event::RunRequested(RunRequest {
            id,
            job: wanted.job,
            nominal: wanted.nominal,
            params: wanted.params,
            input_of: wanted.input_of,
            actor: wanted.actor,
        });
        self.ask(event, id).await
    }

    /// Asks for the end of a run.
    pub async fn cancel(&self, run: RunId, kill: bool, actor: Option<Arc<str>>) -> Answer {
        let id = draw();
        let event = Event::CancelRequested(CancelRequest {
            id,
            run,
            kill,
            actor,
        });
        self.ask(event, id).await
    }

    /// Asks for a part of the past, of which so many runs may be open at one time, the newest first if the
    /// flag says so.
    ///
    /// What became a run since it was looked at runs again: nobody waits for anybody here, and who asks for
    /// what is so young expects it.
    pub async fn backfill(
        &self,
        job: JobName,
        wish: Wish,
        (max_concurrent, reverse): (NonZeroU32, bool),
        actor: Option<Arc<str>>,
    ) -> Result<Backfilled, NotBackfilled> {
        let (sender, definition) = oneshot::channel();
        self.tell(Message::Job(job.clone(), sender));
        let (definition, now) = definition
            .await
            .map_err(|_| NotBackfilled::Refused(Answer::Stopping))?;
        let definition = definition.ok_or(NotBackfilled::Refused(Answer::NoSuchJob))?;
        let chosen = self.read(move |history| choose(&definition, &wish, now, Some(history)));
        let chosen = chosen.await.map_err(NotBackfilled::Unread)?;
        let chosen = chosen.map_err(NotBackfilled::Unfit)?;
        if chosen.instants.count() == 0 {
            return Ok(Backfilled { chosen, id: None });
        }
        let id = draw();
        let event = Event::BackfillRequested(BackfillRequest {
            id,
            job,
            instants: chosen.instants.clone(),
            max_concurrent,
            reverse,
            actor,
        });
        match self.ask(event, id).await {
            Answer::BackfillCreated => Ok(Backfilled {
                chosen,
                id: Some(id),
            }),
            other => Err(NotBackfilled::Refused(other)),
        }
    }

    /// Has the backfills of a job make no more runs.
    pub async fn stop_backfills(&self, job: JobName, actor: Option<Arc<str>>) -> Answer {
        let id = draw();
        let event = Event::BackfillStopRequested(BackfillStopRequest { id, job, actor });
        self.ask(event, id).await
    }

    /// What is stored of a backfill.
    pub async fn stored_backfill(&self, id: RequestId) -> Result<Option<BackfillRow>, StoreError> {
        self.read(move |history| history.backfill(id)).await
    }

    /// Has nothing make the jobs due any more. What the answer says is on disk.
    pub async fn pause(&self, jobs: Jobs, actor: Option<Arc<str>>) -> Answer {
        let id = draw();
        let event = Event::PauseRequested(PauseRequest { id, jobs, actor });
        self.ask(event, id).await
    }

    /// Ends the pauses of the jobs. What the answer says is on disk.
    pub async fn resume(&self, jobs: Jobs, actor: Option<Arc<str>>) -> Answer {
        let id = draw();
        let event = Event::ResumeRequested(PauseRequest { id, jobs, actor });
        self.ask(event, id).await
    }

    async fn ask(&self, event: Event, id: RequestId) -> Answer {
        let (sender, answer) = oneshot::channel();
        let asked = self.inbox.send(Message::Ask(event, id, sender));
        match asked {
            Ok(()) => answer.await.unwrap_or(Answer::Stopping),
            Err(_) => Answer::Stopping,
        }
    }

    /// How it goes; none when the engine has stopped.
    pub async fn status(&self) -> Option<Status> {
        let (sender, status) = oneshot::channel();
        self.inbox.send(Message::Status(sender)).ok()?;
        status.await.ok()
    }

    /// What happened, batch by batch, from now on and once it is on disk.
    pub fn records(&self) -> broadcast::Receiver<Arc<Batch>> {
        self.records.subscribe()
    }

    /// What is stored of a run.
    pub async fn run(&self, run: RunId) -> Result<Option<RunRow>, StoreError> {
        self.read(move |history| history.run(run)).await
    }

    /// What is stored of a run's log, see [`History::log`].
    pub(super) async fn stored_log(
        &self,
        run: RunId,
        attempt: Option<u32>,
    ) -> Result<Vec<AttemptLog>, StoreError> {
        self.read(move |history| history.log(run, attempt)).await
    }

    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&dyn History) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let history = self.history.clone();
        elsewhere("read the history", move || read(&*history)).await
    }

    /// Deletes old history, and says how much; none if nothing is stored of the job.
    pub async fn prune(&self, wish: Prune) -> Result<Option<Granted>, StoreError> {
        let pruner = self.pruner.clone();
        elsewhere("delete old history", move || pruner.prune(&wish)).await
    }

    /// What is stored of a run when it is final, or when the engine stops before that; none if there
    /// is no such run.
    pub async fn wait_final(&self, run: RunId) -> Result<Option<RunRow>, StoreError> {
        let mut changes = Changes::of(self, run);
        loop {
            let (row, over) = changes.row().await?;
            let open = row.as_ref().is_some_and(|row| !row.status.is_final());
            if !open || over {
                return Ok(row);
            }
            changes.wait().await;
        }
    }

    /// Looks on while the run's guest works, if one does.
    pub(super) async fn watch(&self, run: RunId) -> Option<Watched> {
        let (sender, watched) = oneshot::channel();
        self.inbox.send(Message::Watch(run, sender)).ok()?;
        watched.await.ok().flatten()
    }

    /// Has the schedules file and its components read again.
    pub fn reload(&self) {
        self.reload.ask();
    }

    /// The same, and what becomes of it; none if the engine stops before that is known, or if nobody
    /// follows the file any more.
    pub async fn reload_and_wait(&self) -> Option<Outcome> {
        let outcome = self.reload.ask_and_wait();
        tokio::select! {
            outcome = outcome => outcome.ok(),
            _ = self.finished() => None,
        }
    }

    /// Starts nothing any more, and ends what runs.
    pub fn shutdown(&self) {
        self.tell(Message::Event(Event::ShutdownRequested));
    }

    /// Waits for the engine's end.
    pub async fn finished(&self) -> Finish {
        let mut finished = self.finished.clone();
        match finished.wait_for(Option::is_some).await {
            Ok(finish) => finish.unwrap_or(Finish::Died),
            // The thread is gone without a word.
            Err(_) => Finish::Died,
        }
    }

    /// Whether the engine has come to its end, with or without a word.
    pub(super) fn has_finished(&self) -> bool {
        self.finished.borrow().is_some() || self.finished.has_changed().is_err()
    }

    pub(super) fn tell_config(&self, news: News) {
        self.tell(Message::Config(news));
    }

    /// How often the schedules file was to be read again.
    #[cfg(test)]
    pub(crate) fn reloads_asked_for(&self) -> u64 {
        self.reload.asked_for()
    }

    /// The components that attempts in flight need, after all that was told before; none when the engine
    /// has come to its end.
    pub(super) fn components_in_use(&self) -> Option<BTreeSet<Digest>> {
        let (sender, in_use) = mpsc::channel();
        self.tell(Message::InUse(sender));
        in_use.recv().ok()
    }

    fn tell(&self, message: Message) {
        // An engine that has stopped listens no more, and nothing is lost by that.
        let _ = self.inbox.send(message);
    }
}

/// Does what may take long where it keeps nobody waiting.
async fn elsewhere<T: Send + 'static>(
    doing: &'static str,
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|panic| Err(StoreError::while_(doing)(panic)))
}

/// A number that nobody else has.
fn draw() -> RequestId {
    RequestId(getrandom::u64().expect("the system has randomness: std's hash maps need it too"))
}
