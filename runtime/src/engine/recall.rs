//! Reads for the engine what the store knows of jobs whose watermark is in the future.
//!
//! It happens when a clock was wrong, and then for many jobs at once, so it is done on a thread of its
//! own. What cannot be read is tried again until it can be, or until the engine asks anew.

use std::{
    sync::{
        Arc,
        mpsc::{self, Receiver, RecvTimeoutError},
    },
    thread,
    time::Duration,
};

use cronlet_core::engine::{Event, Recall, Recalled, Remembered};

use super::handle::Message;
use crate::store::{History, StoreError};

/// What could not be read is tried again after this.
const AGAIN: Duration = Duration::from_secs(5);

/// The thread that reads. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct Recaller(mpsc::Sender<Recall>);

impl Recaller {
    /// Starts the thread, which answers into the engine's inbox.
    pub(super) fn spawn(
        history: Arc<dyn History>,
        inbox: mpsc::Sender<Message>,
    ) -> std::io::Result<Self> {
        let (ask, asked) = mpsc::channel();
        thread::Builder::new()
            .name("recall".to_owned())
            .spawn(move || {
                while let Some(recalled) = next(&*history, &asked) {
                    // An engine that has left wants to know nothing.
                    let _ = inbox.send(Message::Event(Event::Recalled(recalled)));
                }
            })?;
        Ok(Self(ask))
    }

    /// Has it read. The engine hears of it as an event.
    pub(super) fn ask(&self, recall: Recall) {
        // The thread lives as long as somebody can ask.
        let _ = self.0.send(recall);
    }
}

/// The answer to the last question, when there is one; none when nobody asks any more.
fn next(history: &dyn History, asked: &Receiver<Recall>) -> Option<Recalled> {
    let mut wanted = asked.recv().ok()?;
    loop {
        wanted = asked.try_iter().last().unwrap_or(wanted);
        match read(history, &wanted) {
            Ok(recalled) => return Some(recalled),
            Err(error) => {
                let jobs = wanted.jobs.len();
                tracing::warn!(
                    jobs,
                    "jobs that a wrong clock made silent stay so for now: {error}"
                );
            }
        }
        match asked.recv_timeout(AGAIN) {
            Ok(newer) => wanted = newer,
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return None,
        }
    }
}

fn read(history: &dyn History, recall: &Recall) -> Result<Recalled, StoreError> {
    let jobs = recall.jobs.iter().map(|(job, watermark)| {
        let beyond = history.beyond(job, recall.after)?;
        Ok(Remembered {
            job: job.clone(),
            watermark: *watermark,
            ran: beyond.ran,
            skips: beyond.skips,
        })
    });
    Ok(Recalled {
        number: recall.number,
        after: recall.after,
        jobs: jobs.collect::<Result<_, _>>()?,
    })
}
