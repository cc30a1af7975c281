//! Following one run: what it says while it says it, through its retries, until it is final.
//!
//! What is over comes from the store, what runs from its guest's control. A follower who reads
//! slowly is waited for with nothing but a place in the log, and hears how much he missed.

use std::{sync::Arc, time::Duration};

use cronlet_core::{
    record::{Batch, Record},
    report::LogLine,
    run::RunId,
};
use tokio::{
    sync::{broadcast, mpsc},
    time::{MissedTickBehavior, interval},
};

use super::{Handle, handle::Watched};
use crate::{
    sandbox::{Progress, Watcher},
    store::{
        StoreError,
        history::{AttemptLog, RunRow},
    },
};

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

#[cfg(test)]
mod tests {
    use cronlet_core::{policy::Retry, report::Level, run::RunStatus};

    use super::*;
    use crate::engine::bench::{Bench, Guest, job, plan};

    /// A follower, and what he has heard.
    struct Ears(mpsc::Receiver<Step>);

    impl Ears {
        fn of(bench: &Bench, run: RunId) -> Self {
            Self(bench.wait(follow(&bench.engine, run)).unwrap().unwrap())
        }

        /// The next thing: a line, or where the run stands; `over` when there is nothing more.
        fn next(&mut self, bench: &Bench) -> Vec<String> {
            match bench.wait(self.0.recv()) {
                None => vec!["over".to_owned()],
                Some(Step::Run(row)) => vec![format!("{}", row.status)],
                Some(Step::Log { attempt, lines }) => {
                    let lines = lines.into_iter();
                    lines
                        .map(|line| format!("{attempt}: {}", line.message))
                        .collect()
                }
                Some(Step::Progress { attempt, progress }) => {
                    vec![format!("{attempt}: {}", progress.done)]
                }
            }
        }

        /// Everything up to `last`.
        fn until(&mut self, bench: &Bench, last: &str) -> Vec<String> {
            let mut heard = Vec::new();
            while heard.last().map(String::as_str) != Some(last) {
                let next = self.next(bench);
                assert_ne!(next, ["over"], "{heard:?}");
                heard.extend(next);
            }
            heard
        }
    }

    /// A run whose first attempt works.
    fn started(retries: u32) -> (Bench, Guest) {
        let mut job = job("a", "1", 0);
        job.retry = Retry {
            max: retries,
            delay: Duration::from_secs(5),
            jitter: false,
            ..Retry::default()
        };
        let bench = Bench::new(&plan([job]));
        bench.request("a");
        let guest = bench.guest();
        (bench, guest)
    }

    /// Until the history says so.
    fn until_retrying(bench: &Bench, run: RunId) {
        while bench.row(run).status != RunStatus::Retrying {
            std::thread::yield_now();
        }
    }

    #[test]
    fn a_follower_hears_what_was_said_and_what_is_said_through_retries() {
        let (bench, guest) = started(1);
        guest.say("before");
        let mut ears = Ears::of(&bench, guest.run());
        assert_eq!(ears.until(&bench, "1: before"), ["running", "1: before"]);
        guest.say("after");
        assert_eq!(ears.next(&bench), ["1: after"]);
        guest.trap();
        assert_eq!(ears.next(&bench), ["retrying"]);
        bench.pass(5);
        let guest = bench.guest();
        guest.say("again");
        assert_eq!(ears.until(&bench, "2: again"), ["running", "2: again"]);
        guest.succeed();
        assert_eq!(ears.next(&bench), ["succeeded"]);
        assert_eq!(ears.next(&bench), ["over"]);
    }

    #[test]
    fn who_comes_late_hears_all_of_it() {
        let (bench, guest) = started(1);
        let run = guest.run();
        guest.say("one");
        guest.trap();
        until_retrying(&bench, run);
        let mut ears = Ears::of(&bench, run);
        assert_eq!(ears.until(&bench, "retrying"), ["1: one", "retrying"]);
        bench.pass(5);
        let guest = bench.guest();
        guest.say("two");
        guest.succeed();
        bench.wait_final(run);
        assert_eq!(ears.until(&bench, "succeeded").last().unwrap(), "succeeded");
        let mut later = Ears::of(&bench, run);
        let all = later.until(&bench, "succeeded");
        assert_eq!(all, ["1: one", "2: two", "succeeded"]);
        assert_eq!(later.next(&bench), ["over"]);
    }

    #[test]
    fn a_run_that_waits_is_followed_from_its_first_word() {
        let (bench, guest) = started(1);
        let run = guest.run();
        guest.trap();
        until_retrying(&bench, run);
        let mut ears = Ears::of(&bench, run);
        assert_eq!(ears.next(&bench), ["retrying"]);
        bench.cancel(run);
        assert_eq!(ears.next(&bench), ["cancelled"]);
        assert_eq!(ears.next(&bench), ["over"]);
    }

    #[test]
    fn a_follower_hears_how_far_it_has_come() {
        let (bench, guest) = started(0);
        let mut ears = Ears::of(&bench, guest.run());
        guest.control.set_progress(Progress {
            done: 3,
            total: None,
            message: None,
        });
        ears.until(&bench, "1: 3");
        guest.succeed();
        assert_eq!(ears.next(&bench), ["succeeded"]);
    }

    #[test]
    fn who_reads_nothing_holds_nobody_and_hears_what_he_missed() {
        let (bench, guest) = started(0);
        let mut ears = Ears::of(&bench, guest.run());
        for n in 0..20_000 {
            guest.say(&n.to_string());
        }
        let mut lines = 0;
        let mut missed = 0;
        while lines + missed < 20_000 {
            for heard in ears.next(&bench) {
                match heard.strip_suffix(" lines were dropped here") {
                    Some(n) => missed += n.strip_prefix("1: ").unwrap().parse::<u64>().unwrap(),
                    None if heard.starts_with("1: ") => lines += 1,
                    None => assert_eq!(heard, "running"),
                }
            }
        }
        assert!(missed > 10_000, "{missed}");
        guest.succeed();
        assert_eq!(ears.next(&bench), ["succeeded"]);
    }

    #[test]
    fn a_guest_that_never_stops_talking_has_a_log_all_the_same() {
        let (bench, guest) = started(0);
        let control = guest.control.clone();
        let (over, is_over) = std::sync::mpsc::channel::<()>();
        let (begun, has_begun) = std::sync::mpsc::channel();
        let talking = std::thread::spawn(move || {
            let mut said = 0_u64;
            while is_over.try_recv() == Err(std::sync::mpsc::TryRecvError::Empty) {
                control.say(LogLine {
                    at: jiff::Timestamp::UNIX_EPOCH,
                    level: Level::Info,
                    message: said.to_string(),
                    fields: Vec::new(),
                });
                said += 1;
                if said == 10_000 {
                    begun.send(()).unwrap();
                }
            }
        });
        has_begun.recv().unwrap();
        let steps = bench.wait(log(&bench.engine, guest.run())).unwrap();
        over.send(()).unwrap();
        talking.join().unwrap();
        let [Step::Log { attempt: 1, lines }] = &*steps else {
            panic!("{} steps", steps.len());
        };
        assert_eq!(lines[0].message, "0");
        let dropped = lines.iter().filter(|line| line.level == Level::Host);
        assert_eq!(dropped.count(), 1, "it is said once that some are missing");
        guest.succeed();
    }

    #[test]
    fn a_follower_hears_when_the_engine_stops() {
        let (bench, guest) = started(0);
        let mut ears = Ears::of(&bench, guest.run());
        ears.until(&bench, "running");
        bench.engine.shutdown();
        guest.say("last words");
        assert_eq!(ears.next(&bench), ["1: last words"]);
        guest.end(cronlet_core::report::Verdict::Stopped);
        assert_eq!(ears.next(&bench), ["queued"]);
        assert_eq!(ears.next(&bench), ["over"]);
    }

    #[test]
    fn what_a_run_has_said_so_far() {
        let (bench, guest) = started(1);
        let run = guest.run();
        guest.say("one");
        guest.trap();
        until_retrying(&bench, run);
        bench.pass(5);
        let guest = bench.guest();
        guest.say("two");
        let said = |bench: &Bench| -> Vec<(u32, String)> {
            let steps = bench.wait(log(&bench.engine, run)).unwrap();
            let lines = steps.into_iter().flat_map(|step| match step {
                Step::Log { attempt, lines } => {
                    let of = |line: LogLine| (attempt, line.message);
                    lines.into_iter().map(of).collect()
                }
                _ => Vec::new(),
            });
            lines.collect()
        };
        let both = [(1, "one".to_owned()), (2, "two".to_owned())];
        assert_eq!(said(&bench), both);
        guest.succeed();
        assert_eq!(bench.wait_final(run).status, RunStatus::Succeeded);
        assert_eq!(said(&bench), both);
        assert!(
            bench
                .wait(follow(&bench.engine, RunId(9)))
                .unwrap()
                .is_none()
        );
    }
}
