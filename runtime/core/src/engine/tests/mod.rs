//! Small stories, one rule each. The simulation in `tests/sim` covers their combinations.

mod ahead;
mod attempts;
mod backfills;
mod chains;
mod clock;
mod due;
mod health;
mod interplay;
mod overlap;
mod pauses;
mod plans;
mod requests;
mod restarts;
mod state;
mod storing;

use std::{num::NonZeroU32, sync::Arc};

use jiff::Timestamp;

use super::*;
use crate::{
    digest::Digest,
    health::{Failing, JobHealth},
    job::{Component, Job},
    plan::{Plan, Settings},
    policy::{Backoff, CatchUpMode, OnCrash, Overlap, Retry},
    record::{NewRun, Recovery, StoredJob, StoredRun, StoredState},
    report::{AttemptReport, ErrorKind, Failure, Outcome, Usage, Verdict},
    run::{AttemptStatus, Cause, FailReason, Origin, RequestId, RunEnd, SkipReason, Turn},
    schedule::{Calendar, Every, Schedule, Trigger, Triggers, Zone},
};

/// An engine whose disk is instant, unless a story says otherwise.
struct World {
    engine: Engine,
    now: Timestamp,
    /// Whether batches reach the disk by themselves.
    flushes: bool,
    records: Vec<Record>,
    effects: Vec<Effect>,
}

fn at(text: &str) -> Timestamp {
    format!("2026-03-01T{text}Z").parse().unwrap()
}

fn name(text: &str) -> JobName {
    JobName::new(text).unwrap()
}

/// Every minute.
fn job(text: &str) -> Job {
    let minute = Every::new(Duration::from_mins(1), Duration::ZERO).unwrap();
    Job {
        schedule: Trigger::Every(minute).into(),
        retry: Retry {
            backoff: Backoff::Fixed,
            jitter: false,
            ..Retry::default()
        },
        ..Job::new(name(text), Component::Ready(Digest::of(b"component")))
    }
}

fn plan(jobs: impl IntoIterator<Item = Job>) -> Arc<Plan> {
    Arc::new(Plan {
        digest: Digest::of(b"plan"),
        settings: Settings::default(),
        jobs: jobs
            .into_iter()
            .map(|job| (job.name.clone(), Arc::new(job)))
            .collect(),
    })
}

fn failed() -> Verdict {
    Verdict::Error {
        kind: ErrorKind::Retryable,
        failure: Failure::default(),
    }
}

impl World {
    fn new(now: &str, recovery: Recovery, jobs: impl IntoIterator<Item = Job>) -> Self {
        Self::of(Engine::new(), at(now), recovery, jobs)
    }

    fn of(
        engine: Engine,
        now: Timestamp,
        recovery: Recovery,
        jobs: impl IntoIterator<Item = Job>,
    ) -> Self {
        let mut world = Self {
            engine,
            now,
            flushes: true,
            records: Vec::new(),
            effects: Vec::new(),
        };
        world.event(Event::Started {
            recovery,
            plan: plan(jobs),
        });
        world
    }

    fn fresh(jobs: impl IntoIterator<Item = Job>) -> Self {
        let mut world = Self::new(
            "06:00:00",
            Recovery {
                next_run: 1,
                ..Recovery::default()
            },
            jobs,
        );
        world.take();
        world
    }

    fn event(&mut self, event: Event) {
        let mut events = vec![event];
        while let Some(event) = events.pop() {
            for effect in self.engine.step(self.now, event) {
                if let Effect::Commit(batch) = effect {
                    self.records.extend(batch.records);
                    if self.flushes {
                        events.push(Event::Stored { through: batch.seq });
                    }
                } else {
                    self.effects.push(effect);
                }
            }
        }
    }

    fn wake(&mut self, now: &str) {
        self.now = at(now);
        self.event(Event::Woke);
    }

    fn flush(&mut self) {
        let through = self.engine.emitted;
        self.event(Event::Stored { through });
    }

    fn end(&mut self, run: u64, attempt: u32, verdict: Verdict) {
        let report = AttemptReport {
            started_at: Some(self.now),
            ended_at: self.now,
            duration: Duration::ZERO,
            verdict,
            usage: Usage::default(),
            log: Vec::new(),
            state: None,
        };
        self.event(Event::AttemptEnded {
            run: RunId(run),
            attempt,
            report: report.into(),
        });
    }

    fn succeed(&mut self, run: u64, attempt: u32) {
        self.end(run, attempt, Verdict::Succeeded(Outcome::default()));
    }

    fn trigger(&mut self, job: &str, id: u64) {
        self.event(Event::RunRequested(RunRequest {
            id: RequestId(id),
            job: name(job),
            nominal: None,
            params: None,
            input_of: None,
            actor: None,
        }));
    }

    fn cancel(&mut self, run: u64, kill: bool) {
        let id = RequestId(99);
        self.event(Event::CancelRequested(CancelRequest {
            id,
            run: RunId(run),
            kill,
            actor: None,
        }));
    }

    /// What happened since the last look: (records, effects).
    fn take(&mut self) -> (Vec<Record>, Vec<Effect>) {
        (
            std::mem::take(&mut self.records),
            std::mem::take(&mut self.effects),
        )
    }

    /// The runs and attempts that were started since the last look.
    fn started(&mut self) -> Vec<(u64, u32)> {
        let (_, effects) = self.take();
        let start = |effect: &Effect| match effect {
            Effect::Start(start) => Some((start.run.run.0, start.attempt)),
            _ => None,
        };
        effects.iter().filter_map(start).collect()
    }

    fn ends(&self) -> Vec<(u64, RunEnd)> {
        let end = |record: &Record| match record {
            Record::RunEnded { run, end, .. } => Some((run.0, *end)),
            _ => None,
        };
        self.records.iter().filter_map(end).collect()
    }

    fn skips(&self) -> Vec<(SkipReason, Timestamp, Timestamp, u64)> {
        let skip = |record: &Record| match record {
            Record::Skipped {
                reason,
                first,
                last,
                count,
                ..
            } => Some((*reason, *first, *last, *count)),
            _ => None,
        };
        self.records.iter().filter_map(skip).collect()
    }
}

/// The runs that a step skipped or cancelled for others, and why.
fn ended(records: &[Record]) -> Vec<(u64, RunEnd)> {
    let ended = records.iter().filter_map(|record| match record {
        Record::RunEnded { run, end, .. } => Some((run.0, *end)),
        _ => None,
    });
    ended.collect()
}

/// A run of `a` as a store knows it whose engine died while attempt 1 ran.
fn interrupted_run(crashes: u32, starts_at: Timestamp) -> StoredRun {
    StoredRun {
        new: Arc::new(NewRun {
            run: RunId(41),
            job: name("a"),
            cause: Cause::Time(at("06:00:00")),
            nominal: at("06:00:00"),
            origin: Origin::Schedule,
            actor: None,
            params: None,
            input_of: None,
            queued_at: at("06:00:00"),
            not_before: None,
            turn: Turn::Now,
        }),
        state: StoredState::Running {
            starts_at,
            recorded_at: at("06:00:00"),
        },
        last_attempt: crashes + 1,
        failures: 0,
        crashes,
        attempted: true,
        last_failure: None,
        cancel_requested: false,
    }
}

fn recovery(run: StoredRun) -> Recovery {
    let stored = StoredJob {
        health: JobHealth::default(),
        paused: None,
        failures: 0,
        job: name("a"),
        watermark: at("06:00:00"),
        fingerprint: job("a").fingerprint(),
        removed_at: None,
    };
    Recovery {
        next_run: 42,
        jobs: vec![stored],
        runs: vec![run],
        ..Recovery::default()
    }
}
