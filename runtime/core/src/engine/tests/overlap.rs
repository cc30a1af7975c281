//! Occurrences that meet an open run, and runs that wait for their turn or a place.

use super::*;

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

fn overlapping(overlap: Overlap) -> Job {
    Job {
        overlap,
        ..job("a")
    }
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
fn the_first_who_cancels_a_run_is_the_reason_for_its_end() {
    let mut world = World::fresh([overlapping(Overlap::CancelRunning { kill: true })]);
    world.wake("06:01:00");
    world.event(Event::CancelRequested(CancelRequest {
        id: RequestId(1),
        run: RunId(1),
        kill: false,
        actor: Some("ada".into()),
    }));
    world.take();
    world.wake("06:02:00");
    // Whoever asked, the guest is killed now.
    assert!(world.effects.contains(&Effect::Cancel {
        run: RunId(1),
        attempt: 1,
        grace: Duration::ZERO,
    }));
    world.end(1, 1, Verdict::Stopped);
    assert!(world.records.contains(&Record::RunEnded {
        run: RunId(1),
        end: RunEnd::Cancelled,
        message: Some("cancelled by ada".to_owned()),
    }));
}
