//! Following one run: what it says while it says it, through its retries, until it is final.
//!
//! What is over comes from the store, what runs from its guest's control. A follower who reads
//! slowly is waited for with nothing but a place in the log, and hears how much he missed.

use std::time::Duration;

use cronlet_core::{report::LogLine, run::RunId};
use tokio::{
    sync::mpsc,
    time::{MissedTickBehavior, interval},
};

use super::{Handle, changes::Changes, handle::Watched};
use crate::{
    sandbox::{Progress, Watcher},
    store::{
        StoreError,
        history::{AttemptLog, RunRow},
    },
};

#[cfg(test)]
mod tests;

/// How often progress is looked at.
const TICK: Duration = Duration::from_millis(100);

/// What a follower hears.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// The run, at the beginning and whenever something about it has changed. The last step has it
    /// final, unless the engine stopped before that.
    Run(Box<RunRow>),
    /// What an attempt said. Lines that nobody sees any more are counted in a line of the host's.
    Log { attempt: u32, lines: Vec<LogLine> },
    /// How far an attempt has come.
    Progress { attempt: u32, progress: Progress },
}

/// Follows a run until it is final, the engine stops, or the receiver is dropped. None if there is no
/// such run.
pub async fn follow(
    engine: &Handle,
    run: RunId,
) -> Result<Option<mpsc::Receiver<Step>>, StoreError> {
    let changes = Changes::of(engine, run);
    let (Some(row), over) = changes.row().await? else {
        return Ok(None);
    };
    // One step waits to be read while the next one is made.
    let (steps, receiver) = mpsc::channel(1);
    let follower = Follower {
        engine: engine.clone(),
        run,
        steps,
        shown: 0,
        told: None,
    };
    tokio::spawn(async move {
        if let Err(error) = follower.follow(changes, row, over).await {
            tracing::error!("run {run} cannot be followed any more: {error}");
        }
    });
    Ok(Some(receiver))
}

/// What a run has said so far: what is stored, and what the guest that runs has said since.
pub async fn log(engine: &Handle, run: RunId) -> Result<Vec<Step>, StoreError> {
    // First, as what it has then is either still here or stored by the time it is looked for.
    let watched = engine.watch(run).await;
    let mut steps = Vec::new();
    for log in engine.stored_log(run, None).await? {
        if watched.as_ref().is_none_or(|it| it.attempt != log.attempt) {
            steps.push(log.into());
        }
    }
    if let Some(Watched { attempt, watcher }) = watched {
        let lines = watcher.said_so_far();
        if !lines.is_empty() {
            steps.push(Step::Log { attempt, lines });
        }
    }
    Ok(steps)
}

struct Follower {
    engine: Handle,
    run: RunId,
    steps: mpsc::Sender<Step>,
    /// The logs of attempts up to this one are told.
    shown: u32,
    told: Option<Box<RunRow>>,
}

/// The follower is gone.
struct Left;

impl Follower {
    async fn follow(
        mut self,
        mut changes: Changes,
        mut row: RunRow,
        mut over: bool,
    ) -> Result<(), StoreError> {
        loop {
            let is_final = row.status.is_final();
            if self.tell(row).await?.is_err() || is_final || over {
                return Ok(());
            }
            let watched = self.engine.watch(self.run).await;
            if let Some(watched) = watched.filter(|it| it.attempt > self.shown)
                && self.listen(watched).await.is_err()
            {
                return Ok(());
            }
            tokio::select! {
                () = changes.wait() => {}
                () = self.steps.closed() => return Ok(()),
            }
            let (next, last) = changes.row().await?;
            let Some(next) = next else { return Ok(()) };
            (row, over) = (next, last);
        }
    }

    /// Tells what attempts said that are over, and then how the run stands.
    async fn tell(&mut self, row: RunRow) -> Result<Result<(), Left>, StoreError> {
        let ended = row.attempts.iter().filter(|it| it.status.is_some());
        let untold: Vec<u32> = ended
            .map(|attempt| attempt.number)
            .filter(|number| *number > self.shown)
            .collect();
        for attempt in untold {
            for log in self.engine.stored_log(self.run, Some(attempt)).await? {
                if !log.lines.is_empty() && self.say(log.into()).await.is_err() {
                    return Ok(Err(Left));
                }
            }
            self.shown = attempt;
        }
        let row = Box::new(row);
        if self.told.as_ref() == Some(&row) {
            return Ok(Ok(()));
        }
        self.told = Some(row.clone());
        Ok(self.say(Step::Run(row)).await)
    }

    /// Tells what the guest says, to its last word.
    async fn listen(&mut self, watched: Watched) -> Result<(), Left> {
        let Watched {
            attempt,
            mut watcher,
        } = watched;
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut told = None;
        loop {
            tokio::select! {
                () = watcher.changed() => {}
                _ = ticks.tick() => {
                    self.tell_progress(attempt, &watcher, &mut told).await?;
                    continue;
                }
                () = self.steps.closed() => return Err(Left),
            }
            let news = watcher.look();
            let over = news.over;
            let lines = news.into_lines();
            if !lines.is_empty() {
                self.say(Step::Log { attempt, lines }).await?;
            }
            if over {
                self.shown = attempt;
                return self.tell_progress(attempt, &watcher, &mut told).await;
            }
        }
    }

    async fn tell_progress(
        &self,
        attempt: u32,
        watcher: &Watcher,
        told: &mut Option<Progress>,
    ) -> Result<(), Left> {
        let now = watcher.progress();
        if now != *told
            && let Some(progress) = &now
        {
            let progress = progress.clone();
            self.say(Step::Progress { attempt, progress }).await?;
            *told = now;
        }
        Ok(())
    }

    async fn say(&self, step: Step) -> Result<(), Left> {
        self.steps.send(step).await.map_err(|_| Left)
    }
}

impl From<AttemptLog> for Step {
    fn from(log: AttemptLog) -> Self {
        let AttemptLog { attempt, lines, .. } = log;
        Self::Log { attempt, lines }
    }
}
