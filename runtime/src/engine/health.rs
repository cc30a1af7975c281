//! Whether the history can be written, and what is said about it: one line of the log when it cannot
//! any more, one when the reason is another, one when it can again.

use std::time::Duration;

use cronlet_core::units::format_duration;
use jiff::Timestamp;

use super::status::StoreStatus;
use crate::store::StoreError;

/// What takes longer to be on disk is worth a word.
const SLOW: Duration = Duration::from_secs(2);

/// How the store is.
#[derive(Default)]
pub(super) struct StoreHealth {
    outage: Option<Outage>,
    /// Whether the store will never write again.
    gave_up: bool,
    /// Whether that is nobody's fault but ours.
    bug: bool,
}

struct Outage {
    since: Timestamp,
    message: String,
    help: Option<&'static str>,
}

impl StoreHealth {
    pub(super) fn failed(&mut self, error: &StoreError, now: Timestamp) {
        let message = error.to_string();
        match &self.outage {
            None => {
                let help = error.help();
                tracing::error!(
                    help,
                    "the store fails: {message}; nothing starts until it can write"
                );
            }
            Some(outage) if outage.message != message => {
                tracing::error!(help = error.help(), "the store still fails: {message}");
            }
            Some(_) => {}
        }
        self.begin(error, now);
    }

    /// It will never write again.
    pub(super) fn given_up(&mut self, error: &StoreError, now: Timestamp) {
        self.gave_up = true;
        self.bug = !error.is_loss();
        let what = if self.bug {
            "this is a bug, and no other try would be better"
        } else {
            "the database is not what it was"
        };
        tracing::error!(
            "{what}: {error}; cronlet stops, and its next start goes on from what is written"
        );
        self.begin(error, now);
    }

    pub(super) fn recovered(&mut self, now: Timestamp) {
        if let Some(outage) = self.outage.take() {
            let seconds = now.duration_since(outage.since).as_secs();
            tracing::info!("the store writes again, after {seconds} s");
        }
    }

    /// Something is on disk, and took so long.
    pub(super) fn stored(&self, took: Duration) {
        if self.outage.is_none() && took > SLOW {
            tracing::warn!("the store is slow: it took {} s to write", took.as_secs());
        }
    }

    pub(super) fn gave_up(&self) -> bool {
        self.gave_up
    }

    /// Whether it gave up because of a bug.
    pub(super) fn is_bug(&self) -> bool {
        self.bug
    }

    /// Why the store cannot write, while it cannot.
    pub(super) fn error(&self) -> Option<&str> {
        self.outage.as_ref().map(|outage| &*outage.message)
    }

    /// `waiting` is for how long the oldest of what is not on disk has waited.
    pub(super) fn status(&self, waiting: Option<Duration>, now: Timestamp) -> StoreStatus {
        match (&self.outage, waiting) {
            (Some(outage), _) => StoreStatus::Failing {
                since: outage.since,
                message: outage.message.clone(),
                help: outage.help,
            },
            (None, Some(long)) if long > SLOW => StoreStatus::Slow {
                since: now.checked_sub(long).unwrap_or(now),
            },
            (None, _) => StoreStatus::Ok,
        }
    }

    /// What is not as it should be, in a sentence.
    pub(super) fn reason(&self, status: &StoreStatus, now: Timestamp) -> Option<String> {
        match status {
            StoreStatus::Failing { message, .. } if self.gave_up => Some(format!(
                "the store has given up, and the daemon stops: {message}"
            )),
            StoreStatus::Failing { since, message, .. } => {
                let long = for_long(*since, now);
                Some(format!("the store fails, for {long} now: {message}"))
            }
            StoreStatus::Slow { since } => {
                let long = for_long(*since, now);
                Some(format!("the store is slow: it has been writing for {long}"))
            }
            StoreStatus::Ok => None,
        }
    }

    /// What was told first is since when.
    fn begin(&mut self, error: &StoreError, now: Timestamp) {
        let since = self.outage.as_ref().map_or(now, |outage| outage.since);
        self.outage = Some(Outage {
            since,
            message: error.to_string(),
            help: error.help(),
        });
    }
}

/// In whole seconds.
pub(super) fn for_long(since: Timestamp, now: Timestamp) -> String {
    let seconds = now.duration_since(since).as_secs();
    format_duration(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
}
