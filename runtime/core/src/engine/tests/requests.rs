//! What somebody asks for: a run, and its end.

use super::*;

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
