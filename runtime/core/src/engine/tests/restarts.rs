//! Stops, crashes, and what the next start makes of them.

use super::*;

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

/// Run 41 was armed ahead of 06:00 and crashed; run 42 is armed ahead of 06:01, and put off.
#[test]
fn a_crash_that_pauses_a_job_finds_what_was_armed_ahead_withdrawn() {
    let mut fragile = job("a");
    fragile.on_crash = OnCrash::Fail;
    fragile.disable_after = NonZeroU32::new(1);
    fragile.schedule.jitter = Duration::from_mins(1);
    let starts_at = fragile.schedule.starts_at(&fragile.name, at("06:01:00"));
    let mut crashed = interrupted_run(0, at("06:00:00"));
    crashed.state = StoredState::Running {
        starts_at: at("06:00:00"),
        recorded_at: at("05:59:59"),
    };
    let armed = StoredRun {
        new: Arc::new(NewRun {
            run: RunId(42),
            cause: Cause::Time(at("06:01:00")),
            nominal: at("06:01:00"),
            ..NewRun::clone(&crashed.new)
        }),
        state: StoredState::Running {
            starts_at,
            recorded_at: at("06:00:30"),
        },
        attempted: false,
        ..crashed.clone()
    };
    let mut recovery = recovery(crashed);
    recovery.runs.push(armed);
    recovery.next_run = 43;
    let mut world = World::new("06:01:00", recovery, [fragile]);
    let (records, _) = world.take();
    let place = |wanted: &dyn Fn(&Record) -> bool| records.iter().position(wanted);
    let withdrawn = place(&|it| *it == Record::RunWithdrawn { run: RunId(42) });
    let again = place(&|it| matches!(it, Record::RunQueued(new) if new.run == RunId(43)));
    assert!(withdrawn.is_some() && withdrawn < again, "{records:?}");
    let disabled = RunEnd::Skipped(SkipReason::Disabled);
    assert!(ended(&records).contains(&(43, disabled)));
}

#[test]
fn a_run_that_was_to_be_cancelled_ends_so_after_a_crash_too() {
    let mut run = interrupted_run(0, at("06:00:00"));
    run.cancel_requested = true;
    let world = World::new("06:00:30", recovery(run), [job("a")]);
    assert_eq!(world.ends(), [(41, RunEnd::Cancelled)]);
}
