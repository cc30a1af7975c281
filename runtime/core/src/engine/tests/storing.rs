//! A store that fails for a while: that is downtime, and what becomes of starts that were on their way.

use super::*;

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
