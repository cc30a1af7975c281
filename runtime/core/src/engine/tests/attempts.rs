//! Attempts: when their guest starts, and what follows their end.

use super::*;

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
fn a_guest_may_not_ask_for_a_shorter_delay() {
    let mut stubborn = job("a");
    stubborn.retry.max = 1;
    let mut world = World::fresh([stubborn]);
    world.wake("06:01:00");
    let kind = ErrorKind::RetryAfter(Duration::from_secs(1));
    let failure = Failure::default();
    world.end(1, 1, Verdict::Error { kind, failure });
    let until = at("06:01:05");
    let run = RunId(1);
    assert!(world.records.contains(&Record::RunRetrying { run, until }));
}

#[test]
fn a_guest_that_says_cancelled_ends_its_run_unless_the_daemon_told_it_to_end() {
    let said = || Verdict::Error {
        kind: ErrorKind::Cancelled,
        failure: Failure::default(),
    };
    let mut stubborn = job("a");
    stubborn.retry.max = 1;
    let mut world = World::fresh([stubborn]);
    world.wake("06:01:00");
    world.end(1, 1, said());
    assert_eq!(world.ends(), [(1, RunEnd::Cancelled)]);
    world.wake("06:02:00");
    world.event(Event::ShutdownRequested);
    world.take();
    world.end(2, 1, said());
    let again = Record::RunRequeued { run: RunId(2) };
    assert!(world.records.contains(&again));
}

#[test]
fn a_guest_that_is_stopped_though_nobody_asked_has_failed() {
    let mut world = World::fresh([job("a")]);
    world.wake("06:01:00");
    world.end(1, 1, Verdict::Stopped);
    assert_eq!(world.ends(), [(1, RunEnd::Failed(FailReason::Trap))]);
}
