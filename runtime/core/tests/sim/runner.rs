//! The model sandbox: guests that take their time, fail in every way, and end when they
//! are asked to, or do not.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use cronlet_core::{
    engine::{Event, Start},
    job::Component,
    name::JobName,
    report::{AttemptReport, ErrorKind, Failure, Outcome, Usage, Verdict},
    run::{FailReason, RunId},
    state::Entries,
};
use jiff::Timestamp;

use crate::{
    deeds::{self, Deed},
    options::{Millis, Options},
    prng::Prng,
    tables::Tables,
};

/// The name of an attempt.
pub(crate) type AttemptKey = (RunId, u32);

#[derive(Debug)]
struct Guest {
    started: Millis,
    started_at: Timestamp,
    /// When it ends; an older promise than this one does not count.
    ends: Millis,
    verdict: Verdict,
    job: JobName,
    max_state: u64,
    /// What it has read of its job's state; none if it reads late, as one that waits for its place.
    there: Option<Entries>,
    /// When it is stopped.
    deadline: Option<Millis>,
}

pub(crate) struct Runner {
    rng: Prng,
    longest: Millis,
    /// How many of a hundred attempts fail.
    pub(crate) failing: u64,
    cooperative: u64,
    guests: BTreeMap<AttemptKey, Guest>,
    /// Every attempt whose guest ever ran, in all lives of the daemon.
    pub(crate) ever: BTreeSet<AttemptKey>,
    /// What each of them did to its job's state.
    pub(crate) deeds: BTreeMap<AttemptKey, Vec<Deed>>,
}

impl Runner {
    pub(crate) fn new(rng: Prng, options: &Options) -> Self {
        Self {
            rng,
            longest: options.longest,
            failing: options.failing,
            cooperative: options.cooperative,
            guests: BTreeMap::new(),
            ever: BTreeSet::new(),
            deeds: BTreeMap::new(),
        }
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.guests.is_empty()
    }

    /// Starts a guest, and says when it will end.
    pub(crate) fn start(
        &mut self,
        start: &Start,
        mono: Millis,
        now: Timestamp,
        disk: &Tables,
    ) -> Millis {
        let unusable = matches!(start.job.component, Component::Unusable(_));
        let takes = if unusable || self.rng.percent(10) {
            0
        } else {
            self.rng.between(1, self.longest)
        };
        let verdict = if unusable {
            failed(FailReason::Load)
        } else {
            self.verdict()
        };
        let guest = Guest {
            started: mono,
            started_at: now,
            ends: mono + takes,
            verdict,
            there: (!self.rng.percent(30)).then(|| disk.remembered(&start.job.name)),
            job: start.job.name.clone(),
            max_state: start.job.limits.max_state,
            deadline: None,
        };
        let key = (start.run.run, start.attempt);
        self.guests.insert(key, guest);
        self.ever.insert(key);
        mono + takes
    }

    /// Asks a guest to end, and says when it will, if it still runs.
    pub(crate) fn cancel(
        &mut self,
        key: AttemptKey,
        grace: Duration,
        mono: Millis,
    ) -> Option<Millis> {
        let guest = self.guests.get_mut(&key)?;
        let grace = Millis::try_from(grace.as_millis()).expect("a grace is short");
        let deadline = guest.deadline.unwrap_or(Millis::MAX).min(mono + grace);
        let first = guest.deadline.is_none();
        guest.deadline = Some(deadline);
        if first && grace > 0 && self.rng.percent(self.cooperative) {
            let soon = mono + self.rng.between(1, grace);
            if soon < guest.ends {
                guest.ends = soon;
                guest.verdict = match self.rng.below(3) {
                    0 => Verdict::Succeeded(Outcome::default()),
                    1 => error(ErrorKind::Cancelled),
                    _ => error(ErrorKind::Retryable),
                };
            }
        }
        if deadline < guest.ends {
            guest.ends = deadline;
            guest.verdict = Verdict::Stopped;
        }
        Some(guest.ends)
    }

    /// A promise has come due: the end of the guest, unless the promise is an old one.
    pub(crate) fn end(
        &mut self,
        key: AttemptKey,
        mono: Millis,
        now: Timestamp,
        disk: &Tables,
    ) -> Option<Event> {
        if self.guests.get(&key)?.ends != mono {
            return None;
        }
        let guest = self.guests.remove(&key)?;
        let there = guest.there.unwrap_or_else(|| disk.remembered(&guest.job));
        let deeds = deeds::live(&mut self.rng, &there, guest.max_state);
        let state = deeds::changes(&there, &deeds);
        self.deeds.insert(key, deeds);
        Some(Event::AttemptEnded {
            run: key.0,
            attempt: key.1,
            report: Arc::new(AttemptReport {
                started_at: Some(guest.started_at),
                ended_at: now,
                duration: Duration::from_millis(mono - guest.started),
                verdict: guest.verdict,
                usage: Usage::default(),
                log: Vec::new(),
                state,
            }),
        })
    }

    /// The daemon died, and its guests with it.
    pub(crate) fn crash(&mut self) {
        self.guests.clear();
    }

    fn verdict(&mut self) -> Verdict {
        if !self.rng.percent(self.failing) {
            return Verdict::Succeeded(Outcome::default());
        }
        let after = self.rng.one_of([0, 1_000, 90_000, 30 * 86_400_000]);
        match self.rng.below(12) {
            0..=2 => error(ErrorKind::Retryable),
            3 | 4 => error(ErrorKind::RetryAfter(Duration::from_millis(after))),
            5 => error(ErrorKind::Permanent),
            6 => error(ErrorKind::Cancelled),
            7 | 8 => failed(FailReason::Trap),
            9 => failed(FailReason::Timeout),
            10 => failed(FailReason::Memory),
            _ => failed(FailReason::Output),
        }
    }
}

fn error(kind: ErrorKind) -> Verdict {
    Verdict::Error {
        kind,
        failure: Failure::default(),
    }
}

fn failed(reason: FailReason) -> Verdict {
    Verdict::Failed {
        reason,
        failure: Failure::default(),
    }
}
