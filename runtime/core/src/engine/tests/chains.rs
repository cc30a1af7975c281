//! Jobs that run after others.

use super::*;
use crate::{
    after::{After, On},
    schedule::{Calendar, Zone},
};

/// A job that nothing but the end of another one makes due.
fn after(text: &str, upstream: &str, on: On) -> Job {
    Job {
        schedule: Schedule::default(),
        after: Some(After {
            job: name(upstream),
            on,
        }),
        ..job(text)
    }
}

impl World {
    /// The runs that ends made since the last look: of which job, of which run, and how it ended already.
    fn caused(&mut self) -> Vec<(String, u64, Option<RunEnd>)> {
        let (records, _) = self.take();
        let ended = |run: RunId| {
            records.iter().find_map(|record| match record {
                Record::RunEnded { run: it, end, .. } if *it == run => Some(*end),
                _ => None,
            })
        };
        let caused = |record: &Record| match record {
            Record::RunQueued(new) => match new.cause {
                Cause::After(upstream) => {
                    assert_eq!(new.origin, Origin::After);
                    assert_eq!(new.input_of, Some(upstream));
                    Some((new.job.to_string(), upstream.0, ended(new.run)))
                }
                _ => None,
            },
            _ => None,
        };
        records.iter().filter_map(caused).collect()
    }
}

const UNFIT: Option<RunEnd> = Some(RunEnd::Skipped(SkipReason::DependencyFailed));

/// One job for each kind of end.
fn family() -> [Job; 4] {
    [
        job("a"),
        after("ended", "a", On::End),
        after("failed", "a", On::Failure),
        after("succeeded", "a", On::Success),
    ]
}

fn heard(run: u64, fits: [bool; 3]) -> Vec<(String, u64, Option<RunEnd>)> {
    let names = ["ended", "failed", "succeeded"].into_iter().zip(fits);
    names
        .map(|(name, fits)| (name.to_owned(), run, if fits { None } else { UNFIT }))
        .collect()
}

#[test]
fn each_dependent_hears_of_an_end_in_its_batch_and_starts_when_it_is_on_disk() {
    let mut world = World::fresh(family());
    world.wake("06:01:00");
    world.take();
    world.flushes = false;
    world.succeed(1, 1);
    let (records, effects) = world.take();
    assert!(!effects.iter().any(|e| matches!(e, Effect::Start(_))));
    let started = |run| {
        let starts =
            |r: &Record| matches!(r, Record::AttemptStarted { run: it, .. } if it.0 == run);
        records.iter().any(starts)
    };
    assert!(started(2) && started(4) && !started(3));
    let why = records.iter().find_map(|record| match record {
        Record::RunEnded { run, message, .. } if run.0 == 3 => message.clone(),
        _ => None,
    });
    assert_eq!(why.as_deref(), Some("run 1 of `a` succeeded"));
    world.records = records;
    assert_eq!(world.caused(), heard(1, [true, false, true]));
    world.flush();
    let nominal = world.effects.iter().map(|effect| match effect {
        Effect::Start(start) => start.run.nominal,
        other => panic!("{other:?}"),
    });
    assert!(nominal.eq([at("06:01:00"); 2]), "that of the upstream");
    assert_eq!(world.started(), [(2, 1), (4, 1)]);
}

#[test]
fn who_is_for_other_ends_is_skipped() {
    let mut world = World::fresh(family());
    world.wake("06:01:00");
    world.take();
    world.end(1, 1, failed());
    assert_eq!(world.caused(), heard(1, [true, true, false]));
    world.trigger("a", 7);
    world.take();
    world.cancel(5, false);
    world.end(5, 1, Verdict::Stopped);
    // The one that is for any end still runs, and its policy is `skip`.
    let overlap = Some(RunEnd::Skipped(SkipReason::Overlap));
    let mut expected = heard(5, [true, false, false]);
    expected[0].2 = overlap;
    assert_eq!(world.caused(), expected);
}

#[test]
fn a_skip_and_what_is_tried_again_end_nothing() {
    let mut stubborn = job("a");
    stubborn.retry.max = 1;
    let mut world = World::fresh([stubborn, after("b", "a", On::End)]);
    world.wake("06:01:00");
    world.trigger("a", 7);
    world.wake("06:01:10");
    world.end(1, 1, failed());
    assert_eq!(world.caused(), []);
    world.wake("06:01:30");
    world.end(1, 2, failed());
    assert_eq!(world.caused(), [("b".to_owned(), 1, None)]);
}

#[test]
fn a_chain_goes_on_to_its_end() {
    let mut world = World::fresh([
        job("a"),
        after("b", "a", On::Success),
        after("c", "b", On::Failure),
        after("d", "c", On::End),
    ]);
    world.wake("06:01:00");
    world.succeed(1, 1);
    world.end(2, 1, failed());
    world.succeed(3, 1);
    let caused = world.caused();
    let upstreams: Vec<_> = caused.iter().map(|(job, run, _)| (&**job, *run)).collect();
    assert_eq!(upstreams, [("b", 1), ("c", 2), ("d", 3)]);
}

#[test]
fn a_run_that_is_cancelled_for_a_newer_one_is_an_end_too() {
    let mut newest = after("b", "a", On::End);
    newest.overlap = Overlap::CancelRunning { kill: false };
    let mut one = job("a");
    one.overlap = Overlap::Allow;
    let mut world = World::fresh([one, newest, after("c", "b", On::End)]);
    world.wake("06:01:00");
    world.wake("06:02:00");
    world.take();
    world.flushes = false;
    world.succeed(1, 1);
    assert_eq!(world.caused(), [("b".to_owned(), 1, None)]);
    // The first of b is not on disk, so it has no guest: it ends at once, and c hears of it.
    world.succeed(2, 1);
    let expected = [("b".to_owned(), 2, None), ("c".to_owned(), 3, None)];
    assert_eq!(world.caused(), expected);
}

#[test]
fn an_end_while_the_daemon_stops_waits_for_the_next_one() {
    let mut world = World::fresh([job("a"), after("b", "a", On::Success)]);
    world.wake("06:01:00");
    world.take();
    world.event(Event::ShutdownRequested);
    world.succeed(1, 1);
    let (records, effects) = world.take();
    assert!(matches!(records[2], Record::RunQueued(_)), "{records:?}");
    assert_eq!(records[3..], [Record::Stopped]);
    assert_eq!(effects.last(), Some(&Effect::Stop));
}

#[test]
fn an_end_while_the_store_fails_starts_nothing_before_it_writes() {
    let mut world = World::fresh([job("a"), after("b", "a", On::Success)]);
    world.wake("06:01:00");
    world.take();
    world.flushes = false;
    world.event(Event::StoreFailed);
    world.succeed(1, 1);
    assert_eq!(world.caused(), [("b".to_owned(), 1, None)]);
    world.flush();
    assert_eq!(world.started(), []);
    world.flushes = true;
    world.event(Event::StoreRecovered);
    assert_eq!(world.started(), [(2, 1)]);
}

#[test]
fn a_crash_that_ends_a_run_is_heard_of_by_the_jobs_of_the_new_plan() {
    let run = interrupted_run(1, at("06:00:00"));
    let jobs = [job("a"), after("b", "a", On::Failure)];
    let mut world = World::new("06:00:30", recovery(run.clone()), jobs);
    assert_eq!(world.caused(), [("b".to_owned(), 41, None)]);
    // It is retried: no end.
    let jobs = [job("a"), after("b", "a", On::Failure)];
    let mut world = World::new(
        "06:00:30",
        recovery(interrupted_run(0, run.new.nominal)),
        jobs,
    );
    assert_eq!(world.caused(), []);
}

#[test]
fn what_waits_after_a_crash_goes_on() {
    let mut waiting = interrupted_run(0, at("06:00:00"));
    waiting.state = StoredState::Queued;
    waiting.attempted = false;
    waiting.last_attempt = 0;
    waiting.new = Arc::new(NewRun {
        cause: Cause::After(RunId(40)),
        origin: Origin::After,
        input_of: Some(RunId(40)),
        ..NewRun::clone(&waiting.new)
    });
    let mut idle = after("a", "z", On::Success);
    idle.catch_up.window = Duration::from_secs(1);
    let mut world = World::new("09:00:00", recovery(waiting), [idle]);
    assert_eq!(world.started(), [(41, 1)], "it is never too late for it");
}

#[test]
fn a_reload_is_heard_of_by_the_jobs_that_are_left() {
    let mut stubborn = job("a");
    stubborn.retry.max = 1;
    let jobs = || {
        [
            after("old", "a", On::Failure),
            after("other", "x", On::Failure),
        ]
    };
    let mut world = World::fresh([stubborn].into_iter().chain(jobs()));
    world.wake("06:01:00");
    world.end(1, 1, failed());
    world.take();
    // The run that waits for its retry ends with its job. No sound file has a job after one that is gone.
    let [_, other] = jobs();
    let new = after("new", "a", On::Failure);
    world.event(Event::PlanReplaced(plan([new, other])));
    assert_eq!(world.caused(), [("new".to_owned(), 1, None)]);
}

#[test]
fn another_upstream_is_no_other_time() {
    let mut world = World::fresh([job("a"), job("z"), after("b", "a", On::End)]);
    world.wake("06:01:00");
    world.take();
    let next = [job("a"), job("z"), after("b", "z", On::End)];
    world.event(Event::PlanReplaced(plan(next)));
    let (records, _) = world.take();
    assert!(
        !records
            .iter()
            .any(|r| matches!(r, Record::JobAccepted { .. })),
        "{records:?}"
    );
    world.succeed(1, 1);
    assert_eq!(world.caused(), []);
    world.succeed(2, 1);
    assert_eq!(world.caused(), [("b".to_owned(), 2, None)]);
}

#[test]
fn jobs_that_go_round_in_circles_cause_nothing() {
    let mut jobs = [after("a", "b", On::End), after("b", "a", On::End)];
    for job in &mut jobs {
        job.overlap = Overlap::CancelRunning { kill: true };
    }
    let mut world = World::fresh(jobs.into_iter().chain([after("c", "b", On::End)]));
    world.trigger("a", 1);
    world.trigger("b", 2);
    world.take();
    world.succeed(1, 1);
    world.succeed(2, 1);
    assert_eq!(world.caused(), [("c".to_owned(), 2, None)]);
}

#[test]
fn an_end_may_be_the_end_of_others_all_the_way_down() {
    let newest = |n: u32| {
        let mut job = after(
            &format!("job-{n:03}"),
            &format!("job-{:03}", n - 1),
            On::End,
        );
        job.overlap = Overlap::CancelRunning { kill: true };
        job
    };
    let mut first = job("job-000");
    first.overlap = Overlap::CancelRunning { kill: true };
    let mut world = World::fresh([first].into_iter().chain((1..200).map(newest)));
    world.flushes = false;
    // Nothing has a guest yet, so each request ends the run before it, and so on at every link that has one.
    for request in 0..200 {
        world.take();
        world.trigger("job-000", request);
    }
    let links: Vec<_> = world.caused().into_iter().map(|(job, ..)| job).collect();
    let all: Vec<_> = (1..200).map(|n| format!("job-{n:03}")).collect();
    assert_eq!(links, all);
}

#[test]
fn many_dependents_are_one_step() {
    let many = (0..3 * DUE_PER_STEP).map(|n| after(&format!("b-{n}"), "a", On::Success));
    let mut world = World::fresh([job("a")].into_iter().chain(many));
    world.wake("06:01:00");
    world.take();
    world.flushes = false;
    world.succeed(1, 1);
    assert_eq!(world.caused().len(), 3 * DUE_PER_STEP);
}

#[test]
fn the_calendar_and_the_bounds_are_those_of_the_moment_of_the_end() {
    let limited = |start, end| {
        let mut job = after("b", "a", On::Success);
        job.schedule.start = start;
        job.schedule.end = end;
        job.schedule.calendar = Calendar::new(
            Zone::UTC,
            vec!["06:00-06:10".parse().unwrap()],
            vec!["2026-03-01T06:05:00..2026-03-01T06:06:00".parse().unwrap()],
        );
        job
    };
    let caused = |job: Job, end: &str| {
        let mut world = World::fresh([self::job("a"), job]);
        world.wake("06:01:00");
        world.take();
        world.now = at(end);
        world.succeed(1, 1);
        let caused = world.caused();
        caused.into_iter().map(|(.., end)| end).next()
    };
    let skipped = |reason| Some(Some(RunEnd::Skipped(reason)));
    let any = || limited(None, None);
    assert_eq!(caused(any(), "06:04:59"), Some(None));
    assert_eq!(caused(any(), "06:05:00"), skipped(SkipReason::Blackout));
    assert_eq!(caused(any(), "06:10:00"), skipped(SkipReason::OutsideHours));
    let bound = |text| Some(at(text));
    assert_eq!(
        caused(limited(bound("06:04:00"), None), "06:04:00"),
        Some(None)
    );
    assert_eq!(caused(limited(bound("06:04:01"), None), "06:04:00"), None);
    assert_eq!(
        caused(limited(None, bound("06:04:01")), "06:04:00"),
        Some(None)
    );
    assert_eq!(caused(limited(None, bound("06:04:00")), "06:04:00"), None);
}
