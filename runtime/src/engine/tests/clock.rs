//! Clocks that lie, and what the shell makes of them.

use super::*;
use crate::store::history::ClockJump;

const TEN_YEARS: SignedDuration = SignedDuration::from_hours(10 * 365 * 24);

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn a_clock_that_was_years_ahead_silences_nobody() {
    let bench = Bench::new(&plan([job("a", "1", 10)]));
    bench.clock.set_by(TEN_YEARS);
    bench.status();
    let guest = bench.guest();
    let run = guest.run();
    guest.succeed();
    let far = bench.wait_final(run).nominal;
    assert_eq!(far, time("2026-03-01T00:00:00Z") + TEN_YEARS);

    bench.clock.set_by(-TEN_YEARS);
    bench.until(|status| status.next.as_ref().is_some_and(|(at, _)| *at < far));
    bench.pass(10);
    let guest = bench.guest();
    let run = guest.run();
    guest.succeed();
    let due = time("2026-03-01T00:00:10Z");
    assert_eq!(bench.wait_final(run).nominal, due);
    // What was skipped on the way there was not: it is still to come.
    let entries = bench.history.entries(&Query::default()).unwrap();
    let skips = entries
        .iter()
        .filter(|entry| matches!(entry, Entry::Skips(_)));
    assert_eq!((entries.len(), skips.count()), (2, 0));

    let jump = |at, by| ClockJump { at, by };
    let begin = time("2026-03-01T00:00:00Z");
    let jumps = [jump(begin, -TEN_YEARS), jump(begin + TEN_YEARS, TEN_YEARS)];
    assert_eq!(bench.history.clock_jumps(9).unwrap(), jumps);
    assert_eq!(bench.status().clock.last_jump, Some(jumps[0]));
    assert!(bench.status().degraded.is_empty(), "it is mended");
    assert_eq!(bench.finish(), Finish::Clean);
}

#[test]
fn a_clock_that_nobody_has_set_makes_nothing_due() {
    let built = time("2026-06-01T00:00:00Z");
    let plan = plan([job("a", "1", 10), job("b", "1", 0)]);
    let bench = Bench::of(&plan, built, Requests::new(|_| {}));
    let status = bench.status();
    assert!(!status.clock.is_set);
    let reason = &status.degraded[0];
    assert!(
        reason.contains("the wall clock shows 2026-03-01T00:00:00Z"),
        "{reason}"
    );
    assert_eq!(status.next, None);
    bench.pass(60);
    bench.no_guest();
    bench.request("b");
    let guest = bench.guest();
    assert_eq!(guest.attempt.facts.job, job_name("b"));
    guest.succeed();

    // It was never accepted by a clock that was right, so it has missed nothing.
    bench.clock.set_by(SignedDuration::from_hours(100 * 24));
    let status = bench.until(|status| status.clock.is_set);
    assert!(status.degraded.is_empty());
    bench.no_guest();
    bench.pass(10);
    assert_eq!(bench.guest().attempt.facts.job, job_name("a"));
    let entries = bench.history.entries(&Query::default()).unwrap();
    let skips = |entry: &Entry| matches!(entry, Entry::Skips(_));
    assert!(!entries.iter().any(skips), "{entries:?}");
}

#[test]
fn a_write_is_slow_by_the_time_that_passes_and_not_by_what_the_clock_shows() {
    let bench = Bench::new(&plan([job("a", "1", 10)]));
    bench.request("nobody");
    bench.faults.set(|fault| fault.holds = true);
    bench.pass(10);
    bench.faults.wait_for_a_held_commit();
    bench.clock.set_by(TEN_YEARS);
    let status = bench.status();
    assert!(
        matches!(status.store, StoreStatus::Ok),
        "{:?}",
        status.store
    );
    let begun = bench.clock.now();
    bench.pass(3);
    match bench.status().store {
        StoreStatus::Slow { since } => assert_eq!(since, begun),
        other => panic!("{other:?}"),
    }
    bench.faults.set(|fault| fault.holds = false);
}

#[test]
fn the_core_hears_of_a_jump_before_anything_else() {
    let bench = Bench::new(&plan([job("a", "1", 0)]));
    bench.clock.set_by(TEN_YEARS);
    bench.request("a");
    let run = bench.guest().run();
    let jump = bench.history.clock_jumps(1).unwrap()[0];
    assert_eq!(bench.row(run).queued_at, jump.at);
}
