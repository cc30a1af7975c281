//! Rules that meet: what an operator finds who uses several of them, reloads, restarts and cancels.

use super::*;
use crate::name::GroupName;

fn retries(job: Job) -> Job {
    let retry = Retry {
        max: 2,
        ..job.retry
    };
    Job { retry, ..job }
}

fn overlapping(overlap: Overlap) -> Job {
    Job {
        overlap,
        ..job("a")
    }
}

fn starts(world: &mut World) -> Vec<u64> {
    world.started().into_iter().map(|(run, _)| run).collect()
}

#[test]
fn who_waits_behind_a_retry_is_let_in_by_a_reload_that_allows_it() {
    let queue = retries(overlapping(Overlap::QueueOne));
    let mut world = World::fresh([queue.clone()]);
    world.wake("06:01:00");
    world.end(1, 1, failed());
    world.wake("06:01:01");
    world.trigger("a", 1);
    world.take();

    // A policy that lets nobody beside keeps him waiting, and does not skip him.
    let skip = Job {
        overlap: Overlap::Skip,
        ..queue.clone()
    };
    world.event(Event::PlanReplaced(plan([skip])));
    assert_eq!((world.ends(), starts(&mut world)), (vec![], vec![]));
    let allow = Job {
        overlap: Overlap::Allow,
        ..queue
    };
    world.event(Event::PlanReplaced(plan([allow])));
    assert_eq!(starts(&mut world), [2]);
    world.wake("06:01:05");
    assert_eq!(world.started(), [(1, 2)], "the retry is still to come");
}

#[test]
fn a_newer_occurrence_ends_a_retry_that_waits_and_starts_at_once() {
    for kill in [false, true] {
        let mut job = retries(overlapping(Overlap::CancelRunning { kill }));
        job.retry.delay = Duration::from_mins(5);
        let mut world = World::fresh([job]);
        world.wake("06:01:00");
        world.end(1, 1, failed());
        world.take();
        world.wake("06:02:00");
        assert_eq!(world.ends(), [(1, RunEnd::Cancelled)]);
        assert_eq!(starts(&mut world), [2]);
        world.wake("06:06:00");
        assert!(!starts(&mut world).contains(&1), "it has no retry left");
    }
}

/// Caught up on from 06:01 to 06:03: runs 1 to 3.
fn catching_up(job: Job) -> World {
    let mut job = job;
    job.catch_up.mode = CatchUpMode::All;
    let mut world = World::fresh([job]);
    world.wake("06:03:30");
    world
}

#[test]
fn the_runs_of_a_catch_up_do_not_cancel_one_another_and_a_newer_one_cancels_only_the_open_one() {
    let job = overlapping(Overlap::CancelRunning { kill: false });
    let mut world = catching_up(job);
    assert_eq!(world.ends(), []);
    assert_eq!(starts(&mut world), [1]);
    world.succeed(1, 1);
    assert_eq!(starts(&mut world), [2]);

    world.wake("06:04:00");
    world.end(2, 1, Verdict::Stopped);
    assert_eq!(world.ends(), [(2, RunEnd::Cancelled)]);
    assert_eq!(starts(&mut world), [3], "the older first");
    world.succeed(3, 1);
    assert_eq!(starts(&mut world), [4]);
}

#[test]
fn a_catch_up_waits_for_the_retries_of_its_runs() {
    let mut world = catching_up(retries(job("a")));
    assert_eq!(starts(&mut world), [1]);
    world.end(1, 1, failed());
    assert_eq!(starts(&mut world), [0; 0]);
    world.wake("06:03:35");
    assert_eq!(world.started(), [(1, 2)]);
    let permanent = Verdict::Error {
        kind: ErrorKind::Permanent,
        failure: Failure::default(),
    };
    world.end(1, 2, permanent);
    assert_eq!(starts(&mut world), [2]);
}

#[test]
fn failures_of_a_catch_up_count_and_end_the_rest_of_it() {
    let mut fragile = job("a");
    fragile.disable_after = NonZeroU32::new(2);
    let mut world = catching_up(fragile);
    world.end(1, 1, failed());
    world.end(2, 1, failed());
    let disabled = RunEnd::Skipped(SkipReason::Disabled);
    let failed = RunEnd::Failed(FailReason::Error);
    assert_eq!(world.ends(), [(1, failed), (2, failed), (3, disabled)]);
    assert_eq!(starts(&mut world), [1, 2]);
    assert_eq!(world.engine.next_due(), None);
}

fn group(name: &str) -> GroupName {
    GroupName::new(name).unwrap()
}

/// Jobs of a group in which one attempt may run.
fn grouped(jobs: impl IntoIterator<Item = Job>) -> Arc<Plan> {
    let one = NonZeroU32::MIN;
    let jobs = jobs.into_iter().map(|job| Job {
        group: Some(group("db")),
        ..job
    });
    let mut plan = Plan::clone(&plan(jobs));
    plan.settings.groups.insert(group("db"), one);
    Arc::new(plan)
}

fn by_hand(name: &str) -> Job {
    Job {
        schedule: Schedule::default(),
        ..job(name)
    }
}

#[test]
fn who_waits_for_his_group_for_too_long_expires() {
    let mut late = job("b");
    late.catch_up.window = Duration::from_mins(5);
    let mut world = World::fresh([]);
    world.event(Event::PlanReplaced(grouped([by_hand("a"), late])));
    world.trigger("a", 1);
    world.wake("06:01:00");
    assert_eq!(starts(&mut world), [1]);
    world.wake("06:06:00");
    world.take();
    world.succeed(1, 1);
    assert_eq!(
        world.ends(),
        [
            (1, RunEnd::Succeeded),
            (2, RunEnd::Skipped(SkipReason::Expired))
        ]
    );
}

#[test]
fn a_group_that_goes_lets_in_who_waits_for_it() {
    let jobs = || [by_hand("a"), by_hand("b"), by_hand("c")];
    let mut world = World::fresh([]);
    world.event(Event::PlanReplaced(grouped(jobs())));
    for (request, job) in [(1, "a"), (2, "b"), (3, "c")] {
        world.trigger(job, request);
    }
    assert_eq!(starts(&mut world), [1]);
    world.event(Event::PlanReplaced(plan(jobs())));
    assert_eq!(starts(&mut world), [2, 3]);
    // What has started in it counts for it, should it come back.
    world.event(Event::PlanReplaced(grouped(jobs())));
    for run in 1..=3 {
        world.succeed(run, 1);
    }
    for (request, job) in [(4, "a"), (5, "b")] {
        world.trigger(job, request);
    }
    assert_eq!(starts(&mut world), [4]);
}

#[test]
fn a_cap_that_is_lowered_stops_nobody_and_lets_nobody_in_until_it_holds() {
    let wide = |max| Job {
        overlap: Overlap::Allow,
        max_instances: NonZeroU32::new(max),
        ..by_hand("a")
    };
    let mut world = World::fresh([wide(3)]);
    for request in 1..=5 {
        world.trigger("a", request);
    }
    assert_eq!(starts(&mut world), [1, 2, 3]);
    world.event(Event::PlanReplaced(plan([wide(1)])));
    let (_, effects) = world.take();
    assert!(!effects.iter().any(|it| matches!(it, Effect::Cancel { .. })));
    for run in 1..=2 {
        world.succeed(run, 1);
        assert_eq!(starts(&mut world), [0; 0]);
    }
    world.succeed(3, 1);
    assert_eq!(starts(&mut world), [4]);
}

#[test]
fn who_has_waited_longer_has_done_so_before_the_restart_too() {
    let one = || {
        let mut plan = Plan::clone(&plan([
            by_hand("a"),
            by_hand("b"),
            Job {
                priority: 30,
                ..by_hand("c")
            },
        ]));
        plan.settings.max_concurrent_runs = NonZeroU32::MIN;
        Arc::new(plan)
    };
    let waits = |run: u64, job: &str, since: &str| {
        let stored = interrupted_run(0, at("05:00:00"));
        StoredRun {
            new: Arc::new(NewRun {
                run: RunId(run),
                job: name(job),
                cause: Cause::Manual(RequestId(run)),
                queued_at: at(since),
                ..NewRun::clone(&stored.new)
            }),
            state: StoredState::Queued,
            attempted: false,
            last_attempt: 0,
            ..stored
        }
    };
    // Half an hour ahead, `c` is between the two.
    let mut world = World::fresh([]);
    world.engine = Engine::new();
    world.event(Event::Started {
        recovery: Recovery {
            next_run: 44,
            runs: vec![
                waits(41, "a", "05:00:00"),
                waits(42, "b", "04:00:00"),
                waits(43, "c", "05:15:00"),
            ],
            ..Recovery::default()
        },
        plan: one(),
    });
    let mut order = Vec::new();
    while let [run] = starts(&mut world)[..] {
        order.push(run);
        world.succeed(run, 1);
    }
    assert_eq!(order, [42, 43, 41]);
}

#[test]
fn a_cancel_ends_what_is_held_back() {
    let mut late = job("a");
    let hour = Every::new(Duration::from_hours(1), Duration::ZERO).unwrap();
    late.schedule = Trigger::Every(hour).into();
    late.schedule.jitter = Duration::from_mins(30);
    let mut world = World::fresh([late]);
    world.wake("09:10:00");
    assert_eq!(starts(&mut world), [0; 0]);
    world.cancel(1, false);
    assert_eq!(world.ends(), [(1, RunEnd::Cancelled)]);
    world.wake("09:59:00");
    assert_eq!(starts(&mut world), [0; 0]);
}

#[test]
fn a_retry_is_never_too_late() {
    let mut patient = retries(job("a"));
    patient.catch_up.window = Duration::from_mins(5);
    let mut world = World::fresh([patient]);
    world.wake("06:01:00");
    let kind = ErrorKind::RetryAfter(Duration::from_hours(2));
    let failure = Failure::default();
    world.end(1, 1, Verdict::Error { kind, failure });
    world.take();
    world.wake("08:01:00");
    assert_eq!(world.started(), [(1, 2)]);
}

#[test]
fn who_may_be_retried_goes_on_after_a_stop_though_a_crash_would_end_it() {
    let mut job = retries(job("a"));
    job.on_crash = OnCrash::Fail;
    let mut world = World::fresh([job]);
    world.wake("06:01:00");
    world.event(Event::ShutdownRequested);
    world.take();
    world.end(1, 1, Verdict::Stopped);
    let again = Record::RunRequeued { run: RunId(1) };
    assert!(world.records.contains(&again));
    assert_eq!(world.ends(), []);
}

#[test]
fn a_cancel_while_the_daemon_stops_ends_the_run() {
    let mut world = World::fresh([job("a")]);
    world.wake("06:01:00");
    world.event(Event::ShutdownRequested);
    world.cancel(1, false);
    world.end(1, 1, Verdict::Stopped);
    assert_eq!(world.ends(), [(1, RunEnd::Cancelled)]);
}

#[test]
fn a_run_that_is_cancelled_is_neither_caught_up_on_nor_counted() {
    let mut fragile = retries(job("a"));
    fragile.disable_after = NonZeroU32::new(1);
    let mut world = World::fresh([fragile]);
    world.wake("06:01:00");
    world.cancel(1, true);
    world.end(1, 1, failed());
    world.wake("06:01:30");
    assert_eq!(world.ends(), [(1, RunEnd::Cancelled)]);
    assert_eq!(starts(&mut world), [1]);
    assert_eq!(
        world.engine.next_due(),
        Some((at("06:02:00"), &name("a"))),
        "it is not paused"
    );
}
