//! Runs that are on record before their time: armed ahead of it, or held back until it.

use super::*;

/// By an engine that arms a second ahead, run 1 is armed for 06:01:00.
fn armed(job: Job) -> World {
    let recovery = Recovery {
        next_run: 1,
        ..Recovery::default()
    };
    let engine = Engine::new().with_lead(Duration::from_secs(1));
    let mut world = World::of(engine, at("06:00:30"), recovery, [job]);
    world.take();
    world.wake("06:00:59");
    let starts = |record: &Record| match record {
        Record::AttemptStarted { run, starts_at, .. } => Some((run.0, *starts_at)),
        _ => None,
    };
    let starts: Vec<_> = world.records.iter().filter_map(starts).collect();
    assert_eq!(starts, [(1, at("06:01:00"))]);
    assert_eq!(watermarks(&world), []);
    assert_eq!(world.started(), []);
    world
}

fn watermarks(world: &World) -> Vec<Timestamp> {
    let to = |record: &Record| match record {
        Record::Watermark { to, .. } => Some(*to),
        _ => None,
    };
    world.records.iter().filter_map(to).collect()
}

fn is_withdrawn(world: &World) -> bool {
    let gone = Record::RunWithdrawn { run: RunId(1) };
    world.records.contains(&gone)
}

/// The run that a store knows: of the job `a`, for 06:01:00.
fn stored(not_before: Option<Timestamp>, state: StoredState) -> Recovery {
    let mut recovery = recovery(interrupted_run(0, at("06:01:00")));
    let run = &mut recovery.runs[0];
    run.new = Arc::new(NewRun {
        cause: Cause::Time(at("06:01:00")),
        nominal: at("06:01:00"),
        not_before,
        ..NewRun::clone(&run.new)
    });
    run.state = state;
    run.last_attempt = u32::from(state != StoredState::Queued);
    run.attempted = false;
    recovery
}

#[test]
fn it_starts_on_the_dot_and_the_watermark_moves_then() {
    let mut world = armed(job("a"));
    world.wake("06:01:00");
    assert_eq!(watermarks(&world), [at("06:01:00")]);
    assert_eq!(world.started(), [(1, 1)]);
}

#[test]
fn a_start_that_is_not_on_disk_at_its_time_waits_for_it() {
    let mut world = armed(job("a"));
    world.wake("06:01:00");
    world.succeed(1, 1);
    world.take();
    world.flushes = false;
    world.wake("06:01:59");
    world.wake("06:02:00");
    assert_eq!(world.started(), []);
    world.flush();
    assert_eq!(world.started(), [(2, 1)]);
}

#[test]
fn a_cancel_ends_it_and_its_instant_is_due_to_nobody() {
    let mut world = armed(job("a"));
    world.cancel(1, false);
    assert_eq!(world.ends(), [(1, RunEnd::Cancelled)]);
    world.wake("06:01:00");
    assert_eq!((world.started(), world.skips()), (vec![], vec![]));
    world.wake("06:02:00");
    assert_eq!(world.started(), [(2, 1)]);
}

#[test]
fn a_request_withdraws_it_and_its_instant_meets_the_run() {
    let mut world = armed(job("a"));
    world.trigger("a", 1);
    assert!(is_withdrawn(&world));
    assert_eq!(world.started(), [(2, 1)]);
    world.wake("06:01:00");
    let minute = at("06:01:00");
    assert_eq!(world.skips(), [(SkipReason::Overlap, minute, minute, 1)]);
}

#[test]
fn an_edit_a_pause_and_a_stop_withdraw_it() {
    let edit = Event::PlanReplaced(plan([Job {
        params: "[1]".into(),
        ..job("a")
    }]));
    let pause = Event::PauseRequested(PauseRequest {
        id: RequestId(1),
        jobs: Jobs::All,
        actor: None,
    });
    for event in [edit, pause, Event::ShutdownRequested] {
        let mut world = armed(job("a"));
        world.event(event.clone());
        assert!(is_withdrawn(&world), "{event:?}");
        let mut open = world.engine.open_runs();
        // An edit's own definition may be armed in its place.
        assert!(open.all(|run| run.new.run != RunId(1)), "{event:?}");
    }
}

#[test]
fn a_daemon_that_died_after_its_time_leaves_one_run() {
    let state = StoredState::Running {
        starts_at: at("06:01:00"),
        recorded_at: at("06:00:59"),
    };
    let mut world = World::new("06:01:20", stored(None, state), [job("a")]);
    let claimed = Record::Claimed {
        job: name("a"),
        at: at("06:01:00"),
    };
    assert!(world.records.contains(&claimed));
    assert_eq!(watermarks(&world), [at("06:01:00")]);
    assert_eq!((world.started(), world.skips()), (vec![], vec![]));
    world.wake("06:01:25");
    assert_eq!(world.started(), [(41, 2)]);
}

#[test]
fn what_is_late_is_held_back_once() {
    let mut late = job("a");
    late.schedule.jitter = Duration::from_secs(30);
    late.catch_up.grace = Duration::from_secs(1);
    let mut idle = stored(None, StoredState::Queued);
    idle.runs.clear();
    let world = World::new("06:10:10", idle, [late.clone()]);
    let held = world.records.iter().find_map(|record| match record {
        Record::RunQueued(new) => new.not_before,
        _ => None,
    });
    let held = held.unwrap();
    assert!(at("06:10:10") <= held && held < at("06:10:40"), "{held}");

    // A restart does not put it off again, and then it meets what is open.
    let waits = stored(Some(at("06:10:20")), StoredState::Queued);
    let mut world = World::new("06:10:15", waits, [late]);
    assert_eq!(world.started(), []);
    world.trigger("a", 1);
    assert_eq!(world.started().len(), 1);
    world.wake("06:10:20");
    assert!(
        world
            .ends()
            .contains(&(41, RunEnd::Skipped(SkipReason::Overlap)))
    );
}

#[test]
fn a_catch_up_that_is_put_off_goes_oldest_first() {
    let mut late = job("a");
    let hour = Every::new(Duration::from_hours(1), Duration::ZERO).unwrap();
    late.schedule = Trigger::Every(hour).into();
    late.schedule.jitter = Duration::from_mins(30);
    late.catch_up.mode = CatchUpMode::All;
    let mut world = World::fresh([late]);
    world.wake("16:10:00");
    let held = world.records.iter().filter_map(|record| match record {
        Record::RunQueued(new) => new.not_before,
        _ => None,
    });
    let held: Vec<_> = held.collect();
    assert_eq!(held.len(), 10);
    assert!(!held.is_sorted(), "each is put off by a part of its own");
    let mut order = Vec::new();
    for until in BTreeSet::from_iter(held) {
        world.now = until;
        world.event(Event::Woke);
        while let [(run, attempt)] = world.started()[..] {
            order.push(run);
            world.succeed(run, attempt);
        }
    }
    assert_eq!(order, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
}

#[test]
fn to_be_put_off_makes_nothing_too_late() {
    let mut daily = job("a");
    let day = Every::new(Duration::from_hours(24), Duration::ZERO).unwrap();
    daily.schedule = Trigger::Every(day).into();
    daily.schedule.jitter = Duration::from_hours(2);
    daily.catch_up.window = Duration::from_hours(6);
    let mut world = World::fresh([daily]);
    let due = world.engine.next_due().unwrap().0;
    world.now = due + Duration::from_hours(6) - Duration::from_mins(10);
    world.event(Event::Woke);
    let held = world.records.iter().find_map(|record| match record {
        Record::RunQueued(new) => new.not_before,
        _ => None,
    });
    let held = held.unwrap();
    assert!(held <= world.now + Duration::from_mins(5), "{held}");
    world.now = held;
    world.event(Event::Woke);
    assert_eq!(world.started(), [(1, 1)]);
}
