//! What the shell promises, with a clock that only the test moves.

mod clock;

use std::{
    num::NonZeroU32,
    sync::{Arc, mpsc},
    time::Duration,
};

use cronlet_core::{
    digest::Digest,
    engine::Answer,
    job::{Component, Job},
    plan::Settings,
    policy::{Backoff, Retry},
    report::Verdict,
    run::{AttemptStatus, RunId, RunStatus},
};
use jiff::{SignedDuration, Timestamp};

use super::{
    BURST, Clock, Finish, LEAVE_AFTER,
    bench::{Bench, Hopeless, TestClock, job, job_name, plan},
    clock::{JumpWatch, SystemClock},
    handle::News,
    reload::Requests,
    status::StoreStatus,
};
use crate::store::{
    History,
    history::{Entry, Query},
};

#[test]
fn an_engine_with_nothing_to_do_answers_and_stops() {
    let bench = Bench::new(&plan([]));
    let status = bench.status();
    assert_eq!(
        (status.jobs, status.next, status.degraded.len()),
        (0, None, 0)
    );
    assert_eq!(bench.request("a"), Answer::NoSuchJob);
    assert_eq!(bench.cancel(RunId(1)), Answer::NotOpen);
    assert_eq!(bench.finish(), Finish::Clean);
    assert!(bench.wait(bench.engine.status()).is_none());
    assert_eq!(bench.request("a"), Answer::Stopping);
}

#[test]
fn a_start_is_in_the_history_before_the_guest_runs() {
    let bench = Bench::new(&plan([job("a", "1", 10)]));
    bench.pass(9);
    bench.no_guest();
    bench.pass(1);
    let guest = bench.guest();
    let run = guest.run();
    let row = bench.row(run);
    assert_eq!((row.status, row.attempts.len()), (RunStatus::Running, 1));
    assert_eq!(row.attempts[0].status, None);
    let status = bench.until(|status| !status.running.is_empty());
    assert_eq!((status.running[0].run, status.running[0].attempt), (run, 1));
    guest.succeed();
    assert_eq!(bench.wait_final(run).status, RunStatus::Succeeded);
    assert_eq!(bench.finish(), Finish::Clean);
}

#[test]
fn a_guest_waits_for_a_late_disk() {
    let bench = Bench::new(&plan([job("a", "1", 10)]));
    bench.request("nobody");
    bench.faults.set(|fault| fault.holds = true);
    bench.pass(10);
    bench.faults.wait_for_a_held_commit();
    bench.no_guest();
    bench.faults.set(|fault| fault.holds = false);
    bench.guest().succeed();
    assert_eq!(bench.finish(), Finish::Clean);
}

#[test]
fn a_requested_run_knows_who_asked() {
    let bench = Bench::new(&plan([job("a", "1", 0)]));
    let Answer::Queued(run) = bench.request("a") else {
        panic!("it is queued");
    };
    assert_eq!(bench.row(run).actor.as_deref(), Some("uid:7"));
    let guest = bench.guest();
    assert_eq!(guest.run(), run);
    let Answer::Skipped(skipped, _) = bench.request("a") else {
        panic!("another one is open");
    };
    assert_eq!(bench.wait_final(skipped).status, RunStatus::Skipped);
    guest.succeed();
    assert_eq!(bench.wait_final(run).status, RunStatus::Succeeded);
}

#[test]
fn a_cancelled_guest_is_asked_to_end() {
    let bench = Bench::new(&plan([job("a", "1", 0)]));
    bench.request("a");
    let guest = bench.guest();
    let run = guest.run();
    assert!(!guest.control.stop_requested());
    assert_eq!(bench.cancel(run), Answer::Cancelling);
    assert!(guest.control.stop_requested());
    assert!(bench.status().running[0].cancel_requested);
    guest.end(Verdict::Stopped);
    assert_eq!(bench.wait_final(run).status, RunStatus::Cancelled);
    assert_eq!(bench.cancel(run), Answer::NotOpen);
}

#[test]
fn a_shutdown_interrupts_what_runs() {
    let bench = Bench::new(&plan([job("a", "1", 0)]));
    bench.request("a");
    let guest = bench.guest();
    let run = guest.run();
    bench.engine.shutdown();
    assert!(bench.status().stopping);
    assert!(guest.control.stop_requested());
    assert_eq!(bench.request("a"), Answer::Stopping);
    guest.end(Verdict::Stopped);
    assert_eq!(bench.wait(bench.engine.finished()), Finish::Clean);
    let row = bench.wait_final(run);
    assert_eq!(row.status, RunStatus::Queued, "nothing is charged");
    assert_eq!(row.attempts[0].status, Some(AttemptStatus::Interrupted));
}

#[test]
fn a_store_that_fails_stops_the_starts_until_it_writes() {
    let bench = Bench::new(&plan([job("a", "1", 10), job("b", "1", 0)]));
    bench.request("nobody");
    bench.faults.set(|fault| fault.fails = true);
    bench.pass(10);
    let status = bench.until(|status| matches!(status.store, StoreStatus::Failing { .. }));
    let StoreStatus::Failing { message, .. } = &status.store else {
        unreachable!()
    };
    assert!(message.contains("the disk is full"), "{message}");
    assert!(status.degraded[0].contains("the disk is full"));
    assert_eq!(bench.request("b"), Answer::StoreFailed);
    bench.no_guest();
    bench.faults.set(|fault| fault.fails = false);
    let guest = bench.guest();
    assert_eq!(guest.attempt.facts.job, job_name("a"));
    let status = bench.until(|status| matches!(status.store, StoreStatus::Ok));
    assert!(status.degraded.is_empty());
    guest.succeed();
    assert_eq!(bench.finish(), Finish::Clean);
}

#[test]
fn what_ends_while_the_store_fails_is_written_later() {
    let bench = Bench::new(&plan([job("a", "1", 0)]));
    bench.request("a");
    let guest = bench.guest();
    let run = guest.run();
    bench.faults.set(|fault| fault.fails = true);
    guest.succeed();
    bench.until(|status| matches!(status.store, StoreStatus::Failing { .. }));
    assert_eq!(bench.row(run).status, RunStatus::Running);
    bench.faults.set(|fault| fault.fails = false);
    assert_eq!(bench.wait_final(run).status, RunStatus::Succeeded);
}

#[test]
fn a_shutdown_does_not_wait_for_a_store_that_fails() {
    let bench = Bench::new(&plan([job("a", "1", 0)]));
    bench.request("a");
    let guest = bench.guest();
    bench.faults.set(|fault| fault.fails = true);
    guest.succeed();
    bench.until(|status| matches!(status.store, StoreStatus::Failing { .. }));
    assert_eq!(bench.finish(), Finish::Unsaved);
}

#[test]
fn a_shutdown_does_not_wait_for_ever_for_a_store_that_hangs() {
    let bench = Bench::new(&plan([job("a", "1", 0)]));
    bench.request("a");
    let guest = bench.guest();
    bench.faults.set(|fault| fault.holds = true);
    guest.succeed();
    bench.faults.wait_for_a_held_commit();
    bench.engine.shutdown();
    assert!(bench.status().stopping);
    let grace = Settings::default().shutdown_grace + LEAVE_AFTER;
    bench.clock.pass(grace);
    let _ = bench.wait(bench.engine.status());
    assert_eq!(bench.wait(bench.engine.finished()), Finish::Unsaved);
    bench.faults.set(|fault| fault.holds = false);
}

#[test]
fn an_engine_whose_store_gives_up_says_so_and_leaves() {
    let refused = (Hopeless::Refused, "run 7 is not open");
    for (hopeless, why) in [refused, (Hopeless::Panic, "panicked")] {
        let bench = Bench::new(&plan([job("a", "1", 0), job("b", "1", 0)]));
        bench.request("a");
        let guest = bench.guest();
        bench.faults.set(|fault| fault.hopeless = Some(hopeless));
        assert_eq!(bench.request("b"), Answer::StoreFailed);
        let status = bench.until(|status| status.stopping);
        let reason = &status.degraded[0];
        assert!(reason.contains("given up"), "{reason}");
        assert!(reason.contains(why), "{reason}");
        assert!(guest.control.stop_requested(), "guests end in order");
        bench.no_guest();
        let run = guest.run();
        guest.end(Verdict::Stopped);
        assert_eq!(bench.wait(bench.engine.finished()), Finish::Died);
        assert_eq!(bench.row(run).status, RunStatus::Running, "to be recovered");
    }
}

#[test]
fn a_running_attempt_keeps_its_definition_and_the_next_takes_the_new_one() {
    let retry = Retry {
        max: 1,
        backoff: Backoff::Fixed,
        delay: Duration::from_secs(1),
        jitter: false,
        ..Retry::default()
    };
    let old = Job {
        retry: retry.clone(),
        ..job("a", "old", 0)
    };
    let new = Job {
        retry,
        ..job("a", "new", 0)
    };
    let bench = Bench::new(&plan([old]));
    bench.request("a");
    let first = bench.guest();
    let run = first.run();
    let in_use = bench.replace(plan([new]));
    assert_eq!(in_use, [Digest::of(b"old")].into(), "a guest runs on it");
    assert_eq!(first.attempt.component, Ok(Digest::of(b"old")));
    first.trap();
    bench.until(|status| status.retrying == 1);
    bench.pass(1);
    let second = bench.guest();
    assert_eq!(second.attempt.component, Ok(Digest::of(b"new")));
    second.succeed();
    let row = bench.wait_final(run);
    let digests: Vec<_> = row.attempts.iter().map(|row| row.component).collect();
    assert_eq!(
        digests,
        [b"old", b"new"].map(|bytes| Some(Digest::of(bytes)))
    );
    assert!(
        bench.replace(plan([])).is_empty(),
        "nobody needs it any more"
    );
}

#[test]
fn an_unusable_component_fails_its_own_job_alone() {
    let broken = Job {
        component: Component::Unusable("it is not there".to_owned()),
        ..job("broken", "", 0)
    };
    let bench = Bench::new(&plan([broken, job("fine", "1", 0)]));
    assert!(bench.status().degraded[0].contains("it is not there"));
    bench.request("broken");
    let guest = bench.guest();
    assert_eq!(guest.attempt.component, Err("it is not there".to_owned()));
    bench.request("fine");
    assert_eq!(bench.guest().attempt.component, Ok(Digest::of(b"1")));
}

#[test]
fn a_clock_that_jumps_forward_is_downtime() {
    let bench = Bench::new(&plan([job("a", "1", 10)]));
    bench.clock.set_by(SignedDuration::from_hours(1));
    bench.status();
    let guest = bench.guest();
    let run = guest.run();
    guest.succeed();
    let row = bench.wait_final(run);
    assert_eq!(row.nominal, "2026-03-01T01:00:00Z".parse().unwrap());
    let entries = bench.history.entries(&Query::default()).unwrap();
    let skipped = entries.iter().map(|entry| match entry {
        Entry::Skips(skips) => skips.count,
        Entry::Run(_) => 0,
    });
    assert_eq!((entries.len(), skipped.sum::<u64>()), (2, 359));
}

#[test]
fn a_jump_is_told_from_time_that_passes() {
    let clock = TestClock::new();
    let mut jumps = JumpWatch::new(&*clock);
    clock.pass(Duration::from_hours(1));
    assert_eq!(jumps.look(&*clock), None);
    clock.set_by(SignedDuration::from_secs(2));
    assert_eq!(jumps.look(&*clock), None, "clocks drift");
    clock.set_by(SignedDuration::from_secs(-3));
    assert_eq!(jumps.look(&*clock), Some(SignedDuration::from_secs(-3)));
    assert_eq!(jumps.look(&*clock), None, "it is told once");
}

#[test]
fn the_system_clock_waits_until_then_and_no_longer() {
    let clock = SystemClock::new();
    assert_eq!(clock.wait_for(Timestamp::UNIX_EPOCH), Duration::ZERO);
    let wait = clock.wait_for(clock.now() + Duration::from_mins(1));
    assert!(wait <= Duration::from_mins(1) && !wait.is_zero());
}

#[test]
fn a_crowd_of_requests_does_not_keep_a_due_job_waiting() {
    let mut jobs: Vec<_> = (0..4).map(|n| job(&format!("m{n}"), "1", 0)).collect();
    jobs.push(job("due", "1", 10));
    let bench = Bench::new(&plan(jobs));
    bench.clock.pass(Duration::from_secs(10));
    for _ in 0..2 * BURST {
        bench.engine.tell_config(News::Loading);
    }
    assert_eq!(bench.guest().attempt.facts.job, job_name("due"));
}

#[test]
fn who_waits_for_a_run_hears_when_the_engine_dies() {
    let mut bench = Bench::new(&plan([job("a", "1", 0)]));
    // Nobody takes the guest, so the engine panics when it starts it.
    bench.guests = mpsc::channel().1;
    bench.request("a");
    assert_eq!(bench.wait(bench.engine.finished()), Finish::Died);
    let row = bench.wait(bench.engine.wait_final(RunId(1)));
    assert_eq!(row.unwrap().unwrap().status, RunStatus::Running);
}

#[test]
fn who_waits_for_a_run_hears_when_the_engine_stops() {
    let most = Settings {
        max_concurrent_runs: NonZeroU32::MIN,
        ..Settings::default()
    };
    let mut two = Arc::unwrap_or_clone(plan([job("a", "1", 0), job("b", "1", 0)]));
    two.settings = most;
    let bench = Bench::new(&Arc::new(two));
    bench.request("a");
    let guest = bench.guest();
    let Answer::Queued(waiting) = bench.request("b") else {
        panic!("it is queued");
    };
    assert_eq!(bench.status().queued, 1);
    let waited = {
        let engine = bench.engine.clone();
        bench
            .runtime
            .spawn(async move { engine.wait_final(waiting).await })
    };
    bench.engine.shutdown();
    guest.end(Verdict::Stopped);
    let row = bench.wait(waited).unwrap().unwrap().unwrap();
    assert_eq!(row.status, RunStatus::Queued);
}
