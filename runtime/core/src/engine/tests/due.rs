//! What is due, what is late, and how much of it a step looks at.

use super::*;

#[test]
fn the_wish_to_wake_is_the_next_due_instant() {
    let mut world = World::new("06:00:30", Recovery::default(), [job("a")]);
    assert_eq!(world.take().1, [Effect::WakeAt(at("06:01:00"))]);
    world.wake("06:00:40");
    assert_eq!(world.take().1, [Effect::WakeAt(at("06:01:00"))]);
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
