//! Small stories, one rule each. The simulation in `tests/sim` covers their combinations.

mod ahead;
mod backfills;
mod chains;
mod clock;
mod health;
mod pauses;
mod state;

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

#[test]
fn a_guest_starts_when_the_record_of_its_start_is_on_disk() {
    let mut world = World::fresh([job("a")]);
    world.flushes = false;
    world.wake("06:01:00");
    let (records, effects) = world.take();
    assert!(
        records
            .iter()
            .any(|r| matches!(r, Record::AttemptStarted { .. }))
    );
    assert!(!effects.iter().any(|e| matches!(e, Effect::Start(_))));
    world.flush();
    assert_eq!(world.started(), [(1, 1)]);
    world.flush();
    assert_eq!(world.started(), [], "once");
}

#[test]
fn the_wish_to_wake_is_the_next_due_instant() {
    let mut world = World::new("06:00:30", Recovery::default(), [job("a")]);
    assert_eq!(world.take().1, [Effect::WakeAt(at("06:01:00"))]);
    world.wake("06:00:40");
    assert_eq!(world.take().1, [Effect::WakeAt(at("06:01:00"))]);
}

#[test]
fn an_open_run_skips_the_next_ones_as_one_range() {
    let mut world = World::fresh([job("a")]);
    world.wake("06:01:00");
    world.take();
    world.wake("06:02:00");
    world.wake("06:03:00");
    assert_eq!(
        world.skips(),
        [
            (SkipReason::Overlap, at("06:02:00"), at("06:02:00"), 1),
            (SkipReason::Overlap, at("06:02:00"), at("06:03:00"), 2),
        ]
    );
    world.succeed(1, 1);
    world.take();
    world.wake("06:04:00");
    assert_eq!(world.started(), [(2, 1)]);
    world.wake("06:05:00");
    assert_eq!(
        world.skips(),
        [(SkipReason::Overlap, at("06:05:00"), at("06:05:00"), 1)]
    );
}

#[test]
fn a_long_absence_is_one_run_and_one_range() {
    let mut world = World::fresh([job("a")]);
    world.wake("09:00:30");
    assert_eq!(
        world.skips(),
        [(SkipReason::Missed, at("06:01:00"), at("08:59:00"), 179)]
    );
    let queued = world.records.iter().find_map(|record| match record {
        Record::RunQueued(new) => Some((new.nominal, new.origin)),
        _ => None,
    });
    assert_eq!(
        queued,
        Some((at("09:00:00"), Origin::Schedule)),
        "30 s late is on time"
    );
    assert_eq!(world.started(), [(1, 1)]);
}

#[test]
fn catch_up_none_wants_it_on_time() {
    let mut quiet = job("a");
    quiet.catch_up.mode = CatchUpMode::None;
    quiet.catch_up.grace = Duration::from_secs(10);
    let mut world = World::fresh([quiet]);
    world.wake("06:02:10");
    assert_eq!(
        world.skips(),
        [(SkipReason::Missed, at("06:01:00"), at("06:02:00"), 2)]
    );
    assert_eq!(world.started(), []);
    world.wake("06:03:09");
    assert_eq!(world.started(), [(1, 1)]);
}

#[test]
fn nothing_older_than_the_window_runs() {
    let mut daily = job("a");
    let day = Every::new(Duration::from_hours(48), Duration::ZERO).unwrap();
    daily.schedule = Trigger::Every(day).into();
    let mut world = World::fresh([daily]);
    let due = world.engine.next_due().unwrap().0;
    world.now = due.checked_add(Duration::from_hours(24)).unwrap();
    world.event(Event::Woke);
    assert_eq!(world.skips(), [(SkipReason::Missed, due, due, 1)]);
    assert_eq!(world.started(), []);
}

#[test]
fn allow_runs_up_to_max_instances_and_the_others_wait_their_turn() {
    let mut wide = job("a");
    wide.overlap = Overlap::Allow;
    wide.max_instances = NonZeroU32::new(2);
    let mut world = World::fresh([wide]);
    for now in ["06:01:00", "06:02:00", "06:03:00", "06:04:00"] {
        world.wake(now);
    }
    assert_eq!(world.started(), [(1, 1), (2, 1)]);
    world.succeed(2, 1);
    assert_eq!(world.started(), [(3, 1)]);
    world.succeed(1, 1);
    assert_eq!(world.started(), [(4, 1)]);
}

#[test]
fn a_run_whose_turn_comes_too_late_expires() {
    let mut wide = job("a");
    wide.overlap = Overlap::Allow;
    wide.max_instances = NonZeroU32::new(1);
    wide.catch_up.window = Duration::from_mins(5);
    let mut world = World::fresh([wide]);
    world.wake("06:01:00");
    world.wake("06:02:00");
    world.wake("06:07:00");
    world.take();
    world.succeed(1, 1);
    assert_eq!(
        world.ends(),
        [
            (1, RunEnd::Succeeded),
            (2, RunEnd::Skipped(SkipReason::Expired))
        ]
    );
    assert_eq!(world.started(), [(3, 1)]);
}

#[test]
fn a_failure_is_retried_until_the_attempts_are_used_up() {
    let mut stubborn = job("a");
    stubborn.retry.max = 1;
    let mut world = World::fresh([stubborn]);
    world.wake("06:01:00");
    world.take();
    world.end(1, 1, failed());
    let (records, effects) = world.take();
    assert!(records.contains(&Record::RunRetrying {
        run: RunId(1),
        until: at("06:01:05")
    }));
    assert_eq!(effects, [Effect::WakeAt(at("06:01:05"))]);
    world.wake("06:01:05");
    assert_eq!(world.started(), [(1, 2)]);
    world.end(1, 2, failed());
    assert_eq!(world.ends(), [(1, RunEnd::Failed(FailReason::Error))]);
}

#[test]
fn a_guest_may_ask_for_a_longer_delay_but_not_for_ever() {
    let mut stubborn = job("a");
    stubborn.retry.max = 2;
    let mut world = World::fresh([stubborn]);
    world.wake("06:01:00");
    for (asked, attempt, delay) in [
        (Duration::from_hours(1), 1, Duration::from_hours(1)),
        (Duration::MAX, 2, crate::backoff::MAX_RETRY_AFTER),
    ] {
        world.take();
        let kind = ErrorKind::RetryAfter(asked);
        world.end(
            1,
            attempt,
            Verdict::Error {
                kind,
                failure: Failure::default(),
            },
        );
        let until = world.now.checked_add(delay).unwrap();
        assert!(world.records.contains(&Record::RunRetrying {
            run: RunId(1),
            until
        }));
        world.now = until;
        world.event(Event::Woke);
    }
}

#[test]
fn permanent_and_unlisted_reasons_are_not_retried() {
    let mut choosy = job("a");
    choosy.retry.max = 5;
    choosy.retry.on = [FailReason::Error].into();
    let mut world = World::fresh([choosy]);
    for (run, now, verdict, reason) in [
        (
            1,
            "06:01:00",
            Verdict::Error {
                kind: ErrorKind::Permanent,
                failure: Failure::default(),
            },
            FailReason::Error,
        ),
        (
            2,
            "06:02:00",
            Verdict::Failed {
                reason: FailReason::Timeout,
                failure: Failure::default(),
            },
            FailReason::Timeout,
        ),
    ] {
        world.wake(now);
        world.take();
        world.end(run, 1, verdict);
        assert_eq!(world.ends(), [(run, RunEnd::Failed(reason))]);
    }
}

#[test]
fn a_manual_run_meets_the_same_policy() {
    let mut world = World::fresh([job("a")]);
    world.trigger("a", 7);
    assert!(world.take().1.contains(&Effect::Reply {
        request: RequestId(7),
        answer: Answer::Queued(RunId(1)),
    }));
    world.trigger("a", 8);
    assert_eq!(world.ends(), [(2, RunEnd::Skipped(SkipReason::Overlap))]);
    let skipped = Answer::Skipped(RunId(2), SkipReason::Overlap);
    assert_eq!(
        world.take().1,
        [Effect::Reply {
            request: RequestId(8),
            answer: skipped
        }]
    );
    world.trigger("b", 9);
    assert_eq!(
        world.take().1,
        [Effect::Reply {
            request: RequestId(9),
            answer: Answer::NoSuchJob
        }]
    );
}

#[test]
fn a_cancelled_run_ends_cancelled_whatever_its_guest_returns() {
    let mut world = World::fresh([job("a")]);
    world.trigger("a", 1);
    world.take();
    world.cancel(1, false);
    let (_, effects) = world.take();
    let grace = Duration::from_secs(10);
    assert!(effects.contains(&Effect::Cancel {
        run: RunId(1),
        attempt: 1,
        grace
    }));
    world.cancel(1, true);
    let (_, effects) = world.take();
    let grace = Duration::ZERO;
    assert!(effects.contains(&Effect::Cancel {
        run: RunId(1),
        attempt: 1,
        grace
    }));
    world.succeed(1, 1);
    assert_eq!(world.ends(), [(1, RunEnd::Cancelled)]);
    world.take();
    world.cancel(1, false);
    let gone = Effect::Reply {
        request: RequestId(99),
        answer: Answer::NotOpen,
    };
    assert_eq!(world.take().1, [gone]);
}

#[test]
fn a_cancel_disarms_what_has_not_started() {
    let mut world = World::fresh([job("a")]);
    world.flushes = false;
    world.trigger("a", 1);
    world.cancel(1, false);
    assert!(world.records.contains(&Record::AttemptDisarmed {
        run: RunId(1),
        attempt: 1
    }));
    assert_eq!(world.ends(), [(1, RunEnd::Cancelled)]);
    world.flush();
    assert_eq!(world.started(), []);
}

#[test]
fn an_attempt_keeps_its_definition_and_the_next_takes_the_new_one() {
    let mut old = job("a");
    old.retry.max = 3;
    let new = Job {
        params: "{\"new\":true}".into(),
        ..old.clone()
    };
    let mut world = World::fresh([old]);
    world.wake("06:01:00");
    world.take();
    world.event(Event::PlanReplaced(plan([new.clone()])));
    assert_eq!(world.started(), []);
    world.end(1, 1, failed());
    world.wake("06:01:05");
    let start = world.effects.iter().find_map(|effect| match effect {
        Effect::Start(start) => Some(start.params.clone()),
        _ => None,
    });
    assert_eq!(start, Some(new.params));
}

#[test]
fn a_removed_job_ends_what_waits_and_lets_its_guest_finish() {
    let mut wide = job("a");
    wide.overlap = Overlap::Allow;
    wide.max_instances = NonZeroU32::new(1);
    wide.retry.max = 3;
    let mut world = World::fresh([wide]);
    world.wake("06:01:00");
    world.wake("06:02:00");
    world.take();
    world.event(Event::PlanReplaced(plan([])));
    assert_eq!(world.ends(), [(2, RunEnd::Skipped(SkipReason::Removed))]);
    world.take();
    world.end(1, 1, failed());
    assert_eq!(
        world.ends(),
        [(1, RunEnd::Failed(FailReason::Error))],
        "and no retry"
    );
    world.wake("06:03:00");
    assert_eq!(world.started(), []);
}

#[test]
fn a_job_put_back_within_the_hour_keeps_its_watermark() {
    let mut world = World::fresh([job("a")]);
    world.event(Event::PlanReplaced(plan([])));
    world.now = at("06:59:59");
    world.event(Event::PlanReplaced(plan([job("a")])));
    assert_eq!(
        world.skips(),
        [(SkipReason::Missed, at("06:01:00"), at("06:58:00"), 58)]
    );
    assert_eq!(world.started(), [(1, 1)]);
    world.succeed(1, 1);
    world.event(Event::PlanReplaced(plan([])));
    world.now = at("07:59:59");
    world.take();
    world.event(Event::PlanReplaced(plan([job("a")])));
    assert_eq!((world.skips(), world.started()), (vec![], vec![]));
}

#[test]
fn a_change_of_the_trigger_starts_afresh_and_another_change_does_not() {
    let mut world = World::fresh([job("a")]);
    world.now = at("06:01:30");
    let described = Job {
        description: Some("new".into()),
        ..job("a")
    };
    world.event(Event::PlanReplaced(plan([described])));
    assert_eq!(world.started(), [(1, 1)], "06:01 is still due");
    world.succeed(1, 1);
    world.take();
    let mut hourly = job("a");
    let hour = Every::new(Duration::from_hours(1), Duration::ZERO).unwrap();
    hourly.schedule = Trigger::Every(hour).into();
    world.now = at("06:02:30");
    world.event(Event::PlanReplaced(plan([hourly])));
    let (records, _) = world.take();
    assert!(records.iter().any(|record| matches!(
        record,
        Record::JobAccepted { watermark, .. } if *watermark == at("06:02:30")
    )));
    assert_eq!(world.engine.next_due().unwrap().0, at("07:00:00"));
}

#[test]
fn what_the_calendar_excludes_is_skipped_and_not_next() {
    let mut office = job("a");
    let hours = "06:00-06:02".parse().unwrap();
    office.schedule.calendar = Calendar::new(Zone::UTC, vec![hours], Vec::new());
    let mut world = World::fresh([office]);
    assert_eq!(world.engine.next_due().unwrap().0, at("06:01:00"));
    world.wake("06:01:00");
    assert_eq!(world.started(), [(1, 1)]);
    world.wake("06:03:00");
    assert_eq!(
        world.skips(),
        [(SkipReason::OutsideHours, at("06:02:00"), at("06:03:00"), 2)]
    );
    let tomorrow = at("06:00:00") + Duration::from_hours(24);
    assert_eq!(world.engine.next_due().unwrap().0, tomorrow);
    world.take();
    world.wake("06:04:00");
    assert_eq!(
        world.skips(),
        [(SkipReason::OutsideHours, at("06:02:00"), at("06:04:00"), 3)]
    );
}

/// Every minute, and at these hours only.
fn office(text: &str, hours: &str) -> Job {
    let mut job = job(text);
    let hours = hours.parse().unwrap();
    job.schedule.calendar = Calendar::new(Zone::UTC, vec![hours], Vec::new());
    job
}

#[test]
fn what_is_next_is_found_behind_any_number_that_rest() {
    let resting = (0..1_000).map(|number| office(&format!("rests-{number}"), "20:00-21:00"));
    let mut hourly = job("b");
    let hour = Every::new(Duration::from_hours(1), Duration::ZERO).unwrap();
    hourly.schedule = Trigger::Every(hour).into();
    let mut world = World::fresh(resting.chain([hourly]));
    assert_eq!(world.engine.next_due(), Some((at("07:00:00"), &name("b"))));
    world.wake("06:30:00");
    assert_eq!(world.engine.next_due(), Some((at("07:00:00"), &name("b"))));
}

#[test]
fn what_is_next_is_looked_for_anew_by_another_calendar() {
    let mut world = World::fresh([office("a", "20:00-21:00")]);
    let next = |world: &World| world.engine.next_due().map(|(at, _)| at);
    assert_eq!(next(&world), Some(at("20:00:00")));
    world.event(Event::PlanReplaced(plan([office("a", "08:00-21:00")])));
    assert_eq!(next(&world), Some(at("08:00:00")));
    world.wake("08:00:00");
    assert_eq!(next(&world), Some(at("08:01:00")));
}

#[test]
fn a_long_downtime_is_looked_at_in_many_steps_and_is_one_range() {
    let mut dense = job("a");
    let (two, three) = (Duration::from_secs(2), Duration::from_secs(3));
    let every = |period| Trigger::Every(Every::new(period, Duration::ZERO).unwrap());
    dense.schedule.triggers = Triggers::new(vec![every(two), every(three)]).unwrap();
    let mut world = World::fresh([dense, job("b")]);
    let begin = world.now;
    world.now = begin + Duration::from_hours(24 * 7);
    world.flushes = false;
    let mut steps = 0;
    let mut begins = BTreeSet::new();
    while world
        .engine
        .next_due()
        .is_some_and(|(due, _)| due <= world.now)
    {
        world.event(Event::Woke);
        let (records, effects) = world.take();
        steps += 1;
        // Nobody waits for the rest of them.
        if steps == 1 {
            assert!(effects.contains(&Effect::WakeAt(world.now)));
        }
        for record in records {
            if let Record::Skipped { job, first, .. } = record {
                begins.insert((job, first));
            }
        }
    }
    assert!((5..30).contains(&steps), "{steps} steps");
    let first = |job: &str, second| (name(job), begin + Duration::from_secs(second));
    assert_eq!(begins, [first("a", 2), first("b", 60)].into());
}

#[test]
fn while_the_store_fails_nothing_starts_and_that_was_downtime() {
    let mut world = World::fresh([job("a")]);
    world.event(Event::StoreFailed);
    world.wake("06:03:00");
    world.trigger("a", 1);
    let (records, effects) = world.take();
    assert_eq!(records, []);
    let refused = Effect::Reply {
        request: RequestId(1),
        answer: Answer::StoreFailed,
    };
    assert_eq!(effects, [refused]);
    world.event(Event::StoreRecovered);
    assert_eq!(
        world.skips(),
        [(SkipReason::Missed, at("06:01:00"), at("06:02:00"), 2)]
    );
    assert_eq!(world.started(), [(1, 1)]);
}

/// A run is queued at 06:01:00, and then the store fails.
fn with_a_start_on_its_way(job: Job) -> World {
    let mut world = World::fresh([job]);
    world.flushes = false;
    world.wake("06:01:00");
    assert_eq!(world.started(), []);
    world.event(Event::StoreFailed);
    world
}

fn all_is_stored(world: &mut World) {
    let through = world.engine.emitted;
    world.event(Event::Stored { through });
    assert_eq!(world.started(), [], "it may fail again at once");
    world.flushes = true;
    world.event(Event::StoreRecovered);
}

#[test]
fn a_start_that_an_outage_held_back_gives_way_to_a_newer_instant() {
    let mut world = with_a_start_on_its_way(job("a"));
    world.wake("06:05:20");
    all_is_stored(&mut world);
    assert_eq!(world.ends(), [(1, RunEnd::Skipped(SkipReason::Missed))]);
    assert_eq!(
        world.skips(),
        [(SkipReason::Missed, at("06:02:00"), at("06:04:00"), 3)]
    );
    assert_eq!(world.started(), [(2, 1)]);
}

#[test]
fn a_start_that_an_outage_held_back_for_a_moment_is_made_up_for() {
    let mut world = with_a_start_on_its_way(job("a"));
    world.wake("06:01:59");
    all_is_stored(&mut world);
    assert_eq!((world.ends(), world.skips()), (vec![], vec![]));
    assert_eq!(world.started(), [(1, 1)]);
}

#[test]
fn what_an_outage_made_too_late_does_not_start() {
    let mut late = job("a");
    late.catch_up.mode = CatchUpMode::None;
    late.catch_up.grace = Duration::from_secs(10);
    let mut world = with_a_start_on_its_way(late);
    world.wake("06:01:10");
    all_is_stored(&mut world);
    assert_eq!(world.ends(), [(1, RunEnd::Skipped(SkipReason::Missed))]);
    assert_eq!(world.started(), []);
}

#[test]
fn what_somebody_asked_for_outlives_an_outage() {
    let mut world = World::fresh([job("a")]);
    world.flushes = false;
    world.trigger("a", 1);
    world.event(Event::StoreFailed);
    world.wake("06:05:20");
    all_is_stored(&mut world);
    assert_eq!(
        world.skips(),
        [
            (SkipReason::Missed, at("06:01:00"), at("06:04:00"), 4),
            (SkipReason::Overlap, at("06:05:00"), at("06:05:00"), 1),
        ]
    );
    assert_eq!(world.started(), [(1, 1)]);
}

#[test]
fn what_was_cancelled_in_an_outage_does_not_start_after_it() {
    let mut world = with_a_start_on_its_way(job("a"));
    world.event(Event::Stored {
        through: world.engine.emitted,
    });
    world.cancel(1, false);
    assert_eq!(world.ends(), [(1, RunEnd::Cancelled)]);
    all_is_stored(&mut world);
    assert_eq!(world.started(), []);
}

#[test]
fn a_stop_interrupts_guests_and_charges_nothing() {
    let mut world = World::fresh([job("a")]);
    world.wake("06:01:00");
    world.take();
    world.event(Event::ShutdownRequested);
    let grace = Duration::from_secs(30);
    assert_eq!(
        world.take().1,
        [Effect::Cancel {
            run: RunId(1),
            attempt: 1,
            grace
        }]
    );
    world.wake("06:02:00");
    assert_eq!(world.take(), (vec![], vec![]));
    world.end(1, 1, Verdict::Stopped);
    let (records, effects) = world.take();
    assert!(matches!(
        records[..],
        [
            Record::AttemptEnded {
                status: AttemptStatus::Interrupted,
                reason: None,
                ..
            },
            Record::RunRequeued { run: RunId(1) },
            Record::Stopped,
        ]
    ));
    assert_eq!(effects, [Effect::Stop]);
}

#[test]
fn a_stop_disarms_what_has_not_started_and_waits_for_the_disk() {
    let mut world = World::fresh([job("a")]);
    world.flushes = false;
    world.wake("06:01:00");
    world.event(Event::ShutdownRequested);
    let (records, effects) = world.take();
    assert!(records.contains(&Record::AttemptDisarmed {
        run: RunId(1),
        attempt: 1
    }));
    assert!(!effects.contains(&Effect::Stop));
    world.flush();
    assert_eq!(world.take().1, [Effect::Stop]);
}

fn overlapping(overlap: Overlap) -> Job {
    Job {
        overlap,
        ..job("a")
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

fn starts(effects: &[Effect]) -> Vec<u64> {
    let starts = effects.iter().filter_map(|effect| match effect {
        Effect::Start(start) => Some(start.run.run.0),
        _ => None,
    });
    starts.collect()
}

#[test]
fn queue_one_keeps_the_newest_waiting() {
    let mut world = World::fresh([overlapping(Overlap::QueueOne)]);
    for minute in ["06:01:00", "06:02:00", "06:03:00"] {
        world.wake(minute);
    }
    let (records, effects) = world.take();
    let superseded = RunEnd::Skipped(SkipReason::Superseded);
    assert_eq!(ended(&records), [(2, superseded)]);
    assert_eq!(starts(&effects), [1]);
    world.succeed(1, 1);
    assert_eq!(starts(&world.take().1), [3]);
}

#[test]
fn queue_all_keeps_as_many_waiting_as_may() {
    let max = NonZeroU32::new(2).unwrap();
    let mut world = World::fresh([overlapping(Overlap::QueueAll { max })]);
    for minute in ["06:01:00", "06:02:00", "06:03:00", "06:04:00"] {
        world.wake(minute);
    }
    let (records, effects) = world.take();
    assert!(records.contains(&Record::Skipped {
        job: name("a"),
        reason: SkipReason::QueueFull,
        first: at("06:04:00"),
        last: at("06:04:00"),
        count: 1,
    }));
    assert_eq!(starts(&effects), [1]);
    world.succeed(1, 1);
    assert_eq!(starts(&world.take().1), [2]);
    world.succeed(2, 1);
    assert_eq!(starts(&world.take().1), [3]);
}

#[test]
fn a_newer_occurrence_cancels_what_runs_and_starts_when_that_is_closed() {
    for kill in [false, true] {
        let mut world = World::fresh([overlapping(Overlap::CancelRunning { kill })]);
        world.wake("06:01:00");
        world.take();
        world.wake("06:02:00");
        let grace = if kill {
            Duration::ZERO
        } else {
            Duration::from_secs(10)
        };
        let (_, effects) = world.take();
        assert!(effects.contains(&Effect::Cancel {
            run: RunId(1),
            attempt: 1,
            grace,
        }));
        assert_eq!(starts(&effects), [0; 0]);
        world.end(1, 1, Verdict::Stopped);
        let (records, effects) = world.take();
        assert!(records.contains(&Record::RunEnded {
            run: RunId(1),
            end: RunEnd::Cancelled,
            message: Some("cancelled by a newer occurrence".to_owned()),
        }));
        assert_eq!(starts(&effects), [2]);
    }
}

#[test]
fn catch_up_all_runs_one_after_the_other_whatever_overlap_says() {
    for overlap in [Overlap::Skip, Overlap::Allow] {
        let mut late = overlapping(overlap);
        late.catch_up.mode = CatchUpMode::All;
        late.catch_up.max = NonZeroU32::new(3).unwrap();
        let mut world = World::fresh([late]);
        world.wake("06:05:00");
        let (records, effects) = world.take();
        assert!(records.contains(&Record::Skipped {
            job: name("a"),
            reason: SkipReason::Missed,
            first: at("06:01:00"),
            last: at("06:02:00"),
            count: 2,
        }));
        assert_eq!(starts(&effects), [1]);
        for run in 1..=2 {
            world.succeed(run, 1);
            assert_eq!(starts(&world.take().1), [run + 1]);
        }
        world.wake("06:06:00");
        let beside = if overlap == Overlap::Allow {
            vec![4]
        } else {
            vec![]
        };
        assert_eq!(starts(&world.take().1), beside);
    }
}

#[test]
fn who_waits_for_his_turn_does_so_after_a_restart_too() {
    let mut waiting = interrupted_run(0, at("06:00:00"));
    waiting.state = StoredState::Queued;
    waiting.attempted = false;
    waiting.last_attempt = 0;
    waiting.new = Arc::new(NewRun {
        run: RunId(42),
        cause: Cause::Time(at("06:00:30")),
        turn: Turn::Queue,
        ..NewRun::clone(&waiting.new)
    });
    let mut recovery = recovery(interrupted_run(0, at("06:00:00")));
    recovery.runs.push(waiting);
    let mut world = World::new("06:00:40", recovery, [overlapping(Overlap::QueueOne)]);
    assert_eq!(starts(&world.take().1), [0; 0]);
    world.wake("06:00:45");
    assert_eq!(starts(&world.take().1), [41]);
    world.succeed(41, 2);
    assert_eq!(starts(&world.take().1), [42]);
}

#[test]
fn at_most_once_means_that_nothing_starts_again() {
    let once = || Job {
        on_crash: OnCrash::Fail,
        ..job("a")
    };
    let run = interrupted_run(0, at("06:00:00"));
    let mut world = World::new("06:00:40", recovery(run), [once()]);
    let crashed = RunEnd::Failed(FailReason::Crash);
    assert_eq!(ended(&world.take().0), [(41, crashed)]);

    let mut world = World::fresh([once()]);
    world.wake("06:01:00");
    world.event(Event::ShutdownRequested);
    world.end(1, 1, Verdict::Stopped);
    let (records, _) = world.take();
    assert!(records.contains(&Record::RunEnded {
        run: RunId(1),
        end: crashed,
        message: Some("stopped".to_owned()),
    }));
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

#[test]
fn a_crashed_attempt_is_tried_once_more_and_not_twice() {
    let run = interrupted_run(0, at("06:00:00"));
    let mut world = World::new("06:00:30", recovery(run), [job("a")]);
    assert!(world.records.contains(&Record::RunRetrying {
        run: RunId(41),
        until: at("06:00:35")
    }));
    world.wake("06:00:35");
    assert_eq!(world.started(), [(41, 2)]);

    let run = interrupted_run(1, at("06:00:00"));
    let world = World::new("06:00:30", recovery(run), [job("a")]);
    assert_eq!(world.ends(), [(41, RunEnd::Failed(FailReason::Crash))]);
}

#[test]
fn an_attempt_whose_time_had_not_come_is_withdrawn() {
    let mut run = interrupted_run(0, at("06:01:00"));
    run.new = Arc::new(NewRun {
        cause: Cause::Time(at("06:01:00")),
        nominal: at("06:01:00"),
        ..NewRun::clone(&run.new)
    });
    run.attempted = false;
    let mut world = World::new("06:00:59", recovery(run), [job("a")]);
    assert!(
        world
            .records
            .contains(&Record::RunWithdrawn { run: RunId(41) })
    );
    assert_eq!(world.started(), []);
    world.wake("06:01:00");
    assert_eq!(world.started(), [(42, 1)]);
}

#[test]
fn what_changed_while_the_daemon_was_down_is_seen() {
    let run = interrupted_run(0, at("06:00:00"));
    let world = World::new("06:10:00", recovery(run.clone()), []);
    assert!(
        world
            .records
            .contains(&Record::JobRemoved { job: name("a") })
    );
    assert_eq!(world.ends(), [(41, RunEnd::Failed(FailReason::Crash))]);

    let mut hourly = job("a");
    hourly.schedule = Schedule::default();
    let world = World::new("06:10:00", recovery(run), [hourly]);
    assert!(world.records.iter().any(|record| matches!(
        record,
        Record::JobAccepted { watermark, .. } if *watermark == at("06:10:00")
    )));
    assert_eq!(world.skips(), []);
}

#[test]
fn a_crowd_is_handled_in_steps() {
    let crowd = (0..1000).map(|n| job(&format!("job-{n}")));
    let mut world = World::fresh(crowd);
    world.flushes = false;
    world.now = at("06:01:00");
    let mut steps = 0;
    loop {
        world.event(Event::Woke);
        steps += 1;
        let (records, effects) = world.take();
        let queued = records
            .iter()
            .filter(|r| matches!(r, Record::RunQueued(_)))
            .count();
        assert!(queued <= DUE_PER_STEP, "{queued} in one step");
        if !effects.contains(&Effect::WakeAt(world.now)) {
            break;
        }
    }
    assert_eq!(world.engine.open_runs().count(), 1000);
    assert!(steps >= 1000 / DUE_PER_STEP, "{steps}");
}

#[test]
fn once_it_closes_a_cancel_comes_too_late() {
    let mut wide = job("a");
    wide.overlap = Overlap::Allow;
    wide.max_instances = NonZeroU32::new(1);
    let mut world = World::fresh([wide]);
    world.wake("06:01:00");
    world.wake("06:02:00");
    world.flushes = false;
    world.event(Event::ShutdownRequested);
    world.succeed(1, 1);
    assert_eq!(world.take().0.last(), Some(&Record::Stopped));
    world.cancel(2, false);
    let late = Effect::Reply {
        request: RequestId(99),
        answer: Answer::Stopping,
    };
    assert_eq!(world.take(), (vec![], vec![late]));
}

#[test]
fn a_guest_knows_its_last_attempt_though_another_was_interrupted() {
    let mut stored = interrupted_run(0, at("06:00:00"));
    stored.state = StoredState::Queued;
    stored.last_attempt = 3;
    stored.failures = 1;
    let mut stubborn = job("a");
    stubborn.retry.max = 2;
    let mut world = World::new("06:00:30", recovery(stored), [stubborn]);
    let start = world.effects.iter().find_map(|effect| match effect {
        Effect::Start(start) => Some((start.attempt, start.max_attempts.get())),
        _ => None,
    });
    assert_eq!(start, Some((4, 5)), "one more failure is allowed");
    world.take();
}

#[test]
fn a_clock_that_was_set_back_undoes_nothing() {
    let mut world = World::fresh([job("a")]);
    world.wake("06:01:00");
    world.succeed(1, 1);
    world.take();
    world.now = at("06:00:30");
    let mut often = job("a");
    let half = Every::new(Duration::from_secs(30), Duration::ZERO).unwrap();
    often.schedule = Trigger::Every(half).into();
    world.event(Event::PlanReplaced(plan([often])));
    world.wake("06:01:00");
    assert_eq!(world.started(), [], "06:01 has its run");
    world.wake("06:01:30");
    assert_eq!(world.started(), [(2, 1)]);
}

#[test]
fn a_crash_is_charged_though_the_clock_is_behind() {
    let mut run = interrupted_run(0, at("06:00:00"));
    run.state = StoredState::Running {
        starts_at: at("06:00:00"),
        recorded_at: at("06:00:00"),
    };
    let world = World::new("05:20:00", recovery(run), [job("a")]);
    let ended = world.records.iter().find_map(|record| match record {
        Record::AttemptEnded { status, .. } => Some(*status),
        _ => None,
    });
    assert_eq!(ended, Some(AttemptStatus::Crashed));
}

#[test]
fn what_was_due_before_a_reload_is_accounted_for_by_the_old_definition() {
    let mut hourly = job("a");
    let hour = Every::new(Duration::from_hours(1), Duration::ZERO).unwrap();
    hourly.schedule = Trigger::Every(hour).into();

    let mut world = World::fresh([job("a")]);
    world.now = at("06:01:00");
    world.event(Event::PlanReplaced(plan([hourly.clone()])));
    assert_eq!(world.started(), [(1, 1)]);

    let mut world = World::fresh([job("a")]);
    world.event(Event::StoreFailed);
    world.now = at("06:03:00");
    world.event(Event::PlanReplaced(plan([hourly])));
    assert_eq!(
        world.skips(),
        [(SkipReason::Missed, at("06:01:00"), at("06:03:00"), 3)]
    );

    let mut world = World::fresh([job("a")]);
    world.now = at("06:01:00");
    world.event(Event::PlanReplaced(plan([])));
    assert_eq!(world.ends(), [(1, RunEnd::Skipped(SkipReason::Removed))]);
}
