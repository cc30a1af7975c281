//! The two ends of a running attempt: what the host asks of it, and what it shows meanwhile.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use cronlet_core::report::LogLine;
use tokio::{
    sync::{Notify, watch},
    time::Instant,
};

use super::transcript::{Finished, Kept, News};

/// The attempt's end.
#[derive(Clone, Debug)]
pub struct Control {
    stop: watch::Receiver<Stop>,
    live: Arc<Live>,
}

/// The engine's end. Dropping it asks for nothing.
#[derive(Clone, Debug)]
pub struct Handle {
    stop: Arc<watch::Sender<Stop>>,
    live: Arc<Live>,
}

/// Somebody who looks on. He keeps the attempt from nothing, and costs what the log's budget is.
#[derive(Debug)]
pub struct Watcher {
    live: Arc<Live>,
    /// The number of the next line.
    next: u64,
}

/// How far the guest says it has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// In the guest's own unit.
    pub done: u64,
    /// None is not known.
    pub total: Option<u64>,
    /// For people.
    pub message: Option<String>,
}

/// Whether the guest should stop, and when it is stopped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stop {
    #[default]
    No,
    By(Instant),
}

type LogListener = Box<dyn Fn(&LogLine) + Send + Sync>;

#[derive(Default)]
struct Live {
    progress: Mutex<Option<Progress>>,
    log: Mutex<Kept>,
    /// A line was said, or the last one was.
    said: Notify,
    on_log: Option<LogListener>,
}

impl Live {
    fn progress(&self) -> MutexGuard<'_, Option<Progress>> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn log(&self) -> MutexGuard<'_, Kept> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Live {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Live")
            .field("progress", &self.progress)
            .finish_non_exhaustive()
    }
}

/// The two ends of one attempt.
pub fn pair() -> (Handle, Control) {
    connect(Live::default())
}

/// The same, with a listener that sees every line of the log as it is said. It must not block.
pub fn pair_with_log(on_log: impl Fn(&LogLine) + Send + Sync + 'static) -> (Handle, Control) {
    connect(Live {
        on_log: Some(Box::new(on_log)),
        ..Live::default()
    })
}

fn connect(live: Live) -> (Handle, Control) {
    let (sender, receiver) = watch::channel(Stop::No);
    let live = Arc::new(live);
    let handle = Handle {
        stop: Arc::new(sender),
        live: live.clone(),
    };
    (
        handle,
        Control {
            stop: receiver,
            live,
        },
    )
}

impl Handle {
    /// Asks the guest to end, and stops it if it has not within `grace`. A later call may shorten
    /// the grace, never lengthen it.
    pub fn stop_within(&self, grace: Duration) {
        let by = Instant::now().checked_add(grace);
        self.stop.send_if_modified(|stop| match (*stop, by) {
            (Stop::No, Some(by)) => {
                *stop = Stop::By(by);
                true
            }
            (Stop::By(before), Some(by)) if by < before => {
                *stop = Stop::By(by);
                true
            }
            _ => false,
        });
    }

    /// The guest's last word about it.
    pub fn progress(&self) -> Option<Progress> {
        self.live.progress().clone()
    }

    /// Looks on, from the guest's first word. None once it has said its last: then the log is in
    /// its report.
    pub fn watch(&self) -> Option<Watcher> {
        self.live.log().watch().then(|| Watcher {
            live: self.live.clone(),
            next: 0,
        })
    }
}

impl Watcher {
    /// What was said since the last look, as much of it as is handed out at once.
    pub fn look(&mut self) -> News {
        let (news, next) = self.live.log().since(self.next);
        self.next = next;
        news
    }

    /// All that was said until now, as a report would have it. It is one moment's: to look again until
    /// there is nothing new would have no end while a guest talks.
    pub fn said_so_far(&self) -> Vec<LogLine> {
        self.live.log().clone().finished().log
    }

    /// Waits until there is something to look at.
    pub async fn changed(&self) {
        // Before the look, so that what is said after it is heard.
        let said = self.live.said.notified();
        if !self.live.log().has_news(self.next) {
            said.await;
        }
    }

    /// The guest's last word about how far it has come.
    pub fn progress(&self) -> Option<Progress> {
        self.live.progress().clone()
    }
}

impl Control {
    /// Whether the guest should end.
    pub fn stop_requested(&self) -> bool {
        *self.stop.borrow() != Stop::No
    }

    /// Waits until the guest is to be stopped, for ever if it never is.
    pub async fn stopped(&self) {
        let mut stop = self.stop.clone();
        loop {
            let now = *stop.borrow_and_update();
            match now {
                Stop::By(at) => tokio::select! {
                    () = tokio::time::sleep_until(at) => return,
                    changed = stop.changed() => if changed.is_err() {
                        tokio::time::sleep_until(at).await;
                        return;
                    },
                },
                Stop::No => {
                    if stop.changed().await.is_err() {
                        std::future::pending::<()>().await;
                    }
                }
            }
        }
    }

    /// Shows how far the guest has come.
    pub fn set_progress(&self, progress: Progress) {
        *self.live.progress() = Some(progress);
    }

    /// Adds a line to the log, and shows it to who looks on.
    pub fn say(&self, line: LogLine) {
        if let Some(listener) = &self.live.on_log {
            listener(&line);
        }
        if self.live.log().push(line) {
            self.live.said.notify_waiters();
        }
    }

    /// Takes the log: nothing is said any more.
    pub(crate) fn finish_log(&self) -> Finished {
        let finished = self.live.log().finish();
        self.live.said.notify_waiters();
        finished
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_grace_is_shortened_and_never_lengthened() {
        let (handle, control) = pair();
        assert!(!control.stop_requested());
        let begin = Instant::now();
        handle.stop_within(Duration::from_secs(10));
        handle.stop_within(Duration::from_secs(2));
        handle.stop_within(Duration::from_secs(20));
        assert!(control.stop_requested());
        control.stopped().await;
        assert_eq!(begin.elapsed(), Duration::from_secs(2));
    }

    #[tokio::test(start_paused = true)]
    async fn a_grace_is_shortened_while_waiting() {
        let (handle, control) = pair();
        let begin = Instant::now();
        let waiting = tokio::spawn(async move { control.stopped().await });
        tokio::task::yield_now().await;
        handle.stop_within(Duration::from_secs(10));
        tokio::task::yield_now().await;
        handle.stop_within(Duration::ZERO);
        waiting.await.unwrap();
        assert_eq!(begin.elapsed(), Duration::ZERO);
    }

    fn line(text: &str) -> LogLine {
        LogLine {
            at: jiff::Timestamp::UNIX_EPOCH,
            level: cronlet_core::report::Level::Info,
            message: text.to_owned(),
            fields: Vec::new(),
        }
    }

    #[tokio::test]
    async fn who_looks_on_hears_every_line_and_the_end() {
        let (handle, control) = pair();
        control.say(line("before"));
        let mut watcher = handle.watch().unwrap();
        let listening = tokio::spawn(async move {
            let mut heard = Vec::new();
            loop {
                watcher.changed().await;
                let news = watcher.look();
                heard.extend(news.lines.into_iter().map(|line| line.message));
                if news.over {
                    return heard;
                }
            }
        });
        for n in 0..100 {
            control.say(line(&n.to_string()));
            tokio::task::yield_now().await;
        }
        assert_eq!(control.finish_log().lines, 101);
        let heard = listening.await.unwrap();
        assert_eq!((heard[0].as_str(), heard.len()), ("before", 101));
        // It stays for as long as somebody may look, and who comes now sees it too.
        assert!(handle.watch().is_some());
        drop(control);
    }

    #[tokio::test]
    async fn what_nobody_looked_at_is_not_kept() {
        let (handle, control) = pair();
        control.say(line("a"));
        assert_eq!(control.finish_log().log, [line("a")]);
        assert!(handle.watch().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_left_to_ask_is_no_request() {
        let (handle, control) = pair();
        drop(handle);
        let waited = tokio::time::timeout(Duration::from_hours(1), control.stopped()).await;
        assert!(waited.is_err());
    }
}
