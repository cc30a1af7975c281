//! Reloads: what a new plan changes, and what it leaves alone.

use super::*;

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
