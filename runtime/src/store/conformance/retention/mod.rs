//! What goes when history is old, and what stays.

use std::time::Duration;

use cronlet_core::{
    report::{Level, LogLine},
    retention::{ALWAYS_KEPT, Retention},
    run::{AttemptStatus, FailReason, SkipReason},
};

use super::*;
use crate::store::retention::{OldSkips, STEP, count};

mod logs;
mod sweep;

for_each_store! {
    old_runs_go_and_the_last_twenty_stay,
    runs_beyond_the_number_go,
    where_nobody_knows_the_time_only_numbers_count,
    the_last_failure_stays,
    what_is_not_over_stays,
    what_an_open_run_gets_as_its_input_stays,
    a_job_that_is_gone_keeps_nothing_old,
    a_job_that_was_just_removed_is_not_gone,
    ranges_go_by_age,
    ranges_go_with_the_runs_of_their_time,
    a_range_that_has_grown_stays,
}

const NONE: [u64; 0] = [];

const FOREVER: Duration = Duration::from_hours(24 * 36_500);

/// So long that nothing is old, so that a case names what is.
fn all() -> Retention {
    Retention {
        keep: FOREVER,
        keep_runs: u32::MAX,
        keep_logs: FOREVER,
    }
}

/// What `keep` means so many seconds after that morning.
fn limit(keep: Retention, now: i64) -> Limit {
    Limit::new(&keep, at(now))
}

/// Nothing that is over at `now` is young.
fn by_age(now: i64) -> Limit {
    let keep = Duration::ZERO;
    limit(Retention { keep, ..all() }, now)
}

fn by_number(keep_runs: u32) -> Limit {
    limit(Retention { keep_runs, ..all() }, 0)
}

/// A run that was queued, started and over within its second.
fn whole(run: u64, name: &str, end: RunEnd) -> Vec<Record> {
    let second = at(i64::try_from(run).unwrap());
    let status = match end {
        RunEnd::Failed(_) => AttemptStatus::Failed,
        _ => AttemptStatus::Succeeded,
    };
    vec![
        queued(run, name),
        started(run, 1, second),
        ended(run, 1, status, report(second)),
        finished(run, end),
    ]
}

/// A job `a` with these runs, of which some failed.
fn with_runs<S: Subject>(runs: std::ops::RangeInclusive<u64>, failed: &[u64]) -> S {
    let mut subject = S::new();
    subject.write(at(0), vec![accepted("a", at(0))]);
    for run in runs {
        let end = if failed.contains(&run) {
            RunEnd::Failed(FailReason::Error)
        } else {
            RunEnd::Succeeded
        };
        subject.write(at(i64::try_from(run).unwrap()), whole(run, "a", end));
    }
    subject
}

fn old_runs(subject: &impl Subject, name: &str, limit: &Limit) -> Vec<u64> {
    let old = subject.history().old_runs(&job(name), limit, STEP).unwrap();
    assert_eq!(old.logs, []);
    old.runs.iter().map(|run| run.0).collect()
}

fn runs(subject: &impl Subject) -> Vec<u64> {
    let mut runs: Vec<_> = subject
        .entries()
        .iter()
        .filter_map(|entry| match entry {
            Entry::Run(run) => Some(run.run.0),
            Entry::Skips(_) => None,
        })
        .collect();
    runs.reverse();
    runs
}

fn skips(subject: &impl Subject, limit: &Limit) -> Vec<i64> {
    let old = subject.history().old_runs(&job("a"), limit, STEP).unwrap();
    let first = |skips: &OldSkips| skips.first.duration_since(at(0)).as_secs();
    old.skips.iter().map(first).collect()
}

fn skipped(name: &str, second: i64) -> Record {
    Record::Skipped {
        job: job(name),
        reason: SkipReason::Overlap,
        first: at(second),
        last: at(second),
        count: 1,
    }
}

fn to(runs: std::ops::RangeInclusive<u64>) -> Vec<u64> {
    runs.collect()
}

fn where_nobody_knows_the_time_only_numbers_count<S: Subject>() {
    let mut subject = with_runs::<S>(1..=30, &[]);
    let removed = Record::JobRemoved { job: job("a") };
    subject.write(at(40), vec![skipped("a", 31), removed]);
    let keep = |keep_runs| Retention {
        keep: Duration::ZERO,
        keep_runs,
        keep_logs: Duration::ZERO,
    };
    let limit = Limit::of_numbers(&keep(30));
    assert_eq!(
        count(subject.history(), None, &limit).unwrap(),
        Removed::default()
    );
    let limit = Limit::of_numbers(&keep(25));
    assert_eq!(old_runs(&subject, "a", &limit), to(1..=5));
}

fn old_runs_go_and_the_last_twenty_stay<S: Subject>() {
    let mut subject = with_runs::<S>(1..=30, &[]);
    assert_eq!(old_runs(&subject, "a", &by_age(6)), to(1..=5));
    let old = subject.history().old_runs(&job("a"), &by_age(1_000), STEP);
    let old = old.unwrap();
    let removed = subject.store().remove(&old).unwrap();
    assert_eq!(removed.runs, 10);
    assert_eq!(runs(&subject), to(11..=30));
    assert_eq!(old_runs(&subject, "a", &by_age(1_000)), NONE);
}

fn runs_beyond_the_number_go<S: Subject>() {
    let subject = with_runs::<S>(1..=30, &[]);
    assert_eq!(old_runs(&subject, "a", &by_number(30)), NONE);
    assert_eq!(old_runs(&subject, "a", &by_number(25)), to(1..=5));
    for fewer in [0, 1, ALWAYS_KEPT] {
        assert_eq!(old_runs(&subject, "a", &by_number(fewer)), to(1..=10));
    }
}

fn the_last_failure_stays<S: Subject>() {
    let subject = with_runs::<S>(1..=30, &[2, 4]);
    let but_the_last = [1, 2, 3, 5, 6, 7, 8, 9, 10];
    assert_eq!(old_runs(&subject, "a", &by_age(1_000)), but_the_last);
    assert_eq!(old_runs(&subject, "a", &by_number(1)), but_the_last);
    let subject = with_runs::<S>(1..=30, &[4, 29]);
    assert_eq!(old_runs(&subject, "a", &by_age(1_000)), to(1..=10));
}

fn what_is_not_over_stays<S: Subject>() {
    let mut subject = S::new();
    subject.write(
        at(1),
        vec![
            accepted("a", at(0)),
            queued(1, "a"),
            queued(2, "a"),
            started(2, 1, at(2)),
            queued(3, "a"),
            started(3, 1, at(3)),
            ended(3, 1, AttemptStatus::Failed, report(at(3))),
            Record::RunRetrying {
                run: RunId(3),
                until: at(9),
            },
        ],
    );
    for run in 4..=30 {
        subject.write(at(4), whole(run, "a", RunEnd::Succeeded));
    }
    let old = Old {
        runs: vec![RunId(1), RunId(2), RunId(3)],
        ..Old::default()
    };
    assert_eq!(old_runs(&subject, "a", &by_age(1_000)), to(4..=10));
    assert_eq!(old_runs(&subject, "a", &by_number(1)), to(4..=10));
    let removed = subject.store().remove(&old).unwrap();
    assert!(removed.is_nothing(), "{removed:?}");
    assert_eq!(runs(&subject).len(), 30);
}

fn what_an_open_run_gets_as_its_input_stays<S: Subject>() {
    let mut subject = with_runs::<S>(1..=30, &[]);
    let after = |run: u64, upstream: u64| {
        Record::RunQueued(Arc::new(NewRun {
            cause: Cause::After(RunId(upstream)),
            origin: Origin::After,
            input_of: Some(RunId(upstream)),
            ..new_run(run, "b")
        }))
    };
    // One waits, and the other is over.
    subject.write(at(31), vec![after(31, 2), after(32, 3)]);
    subject.write(at(32), vec![finished(32, RunEnd::Cancelled)]);
    assert_eq!(old_runs(&subject, "a", &by_age(6)), [1, 3, 4, 5]);
    assert_eq!(old_runs(&subject, "a", &by_number(25)), [1, 3, 4, 5]);
    // Somebody may come to need one after it was looked at.
    let old = Old {
        runs: vec![RunId(1), RunId(2)],
        ..Old::default()
    };
    let removed = subject.store().remove(&old).unwrap();
    assert_eq!(removed.runs, 1);
    assert_eq!(runs(&subject)[..2], [2, 3]);
    subject.write(at(40), vec![finished(31, RunEnd::Cancelled)]);
    assert_eq!(old_runs(&subject, "a", &by_age(6)), to(2..=5));
}

fn a_job_that_is_gone_keeps_nothing_old<S: Subject>() {
    let mut subject = with_runs::<S>(1..=5, &[3]);
    assert_eq!(old_runs(&subject, "a", &by_age(10_000)), NONE);
    subject.write(at(10), vec![Record::JobRemoved { job: job("a") }]);
    assert_eq!(old_runs(&subject, "a", &by_age(10_000)), to(1..=5));
    assert_eq!(old_runs(&subject, "a", &by_age(3)), NONE);
    let two = Retention {
        keep_runs: 2,
        ..all()
    };
    assert_eq!(old_runs(&subject, "a", &limit(two, 10_000)), to(1..=3));
    let digest = Digest::of(b"");
    subject.write(at(9_000), vec![Record::PlanAccepted { digest }]);
    assert_eq!(old_runs(&subject, "a", &by_age(10_000)), to(1..=5));
    assert_eq!(old_runs(&subject, "nobody", &by_age(10_000)), NONE);
}

fn a_job_that_was_just_removed_is_not_gone<S: Subject>() {
    let mut subject = with_runs::<S>(1..=5, &[]);
    subject.write(at(10), vec![Record::JobRemoved { job: job("a") }]);
    assert_eq!(old_runs(&subject, "a", &by_age(3_610)), NONE);
    assert_eq!(old_runs(&subject, "a", &by_age(3_611)), to(1..=5));
}

fn ranges_go_by_age<S: Subject>() {
    let mut subject = S::new();
    for second in 1..=3 {
        subject.write(at(second), vec![skipped("a", second), skipped("b", second)]);
    }
    assert_eq!(skips(&subject, &by_age(3)), [1, 2]);
    let old = subject.history().old_runs(&job("a"), &by_age(3), STEP);
    let removed = subject.store().remove(&old.unwrap()).unwrap();
    assert_eq!(removed.skips, 2);
    assert_eq!(skips(&subject, &by_age(1_000)), [3]);
    assert_eq!(subject.entries().len(), 4);
}

fn ranges_go_with_the_runs_of_their_time<S: Subject>() {
    let mut subject = S::new();
    subject.write(at(0), vec![accepted("a", at(0)), skipped("a", 0)]);
    for run in 1..=30 {
        let second = i64::try_from(run).unwrap();
        subject.write(at(second), whole(run, "a", RunEnd::Succeeded));
        subject.write(at(second), vec![skipped("a", 100 + second)]);
    }
    assert_eq!(skips(&subject, &by_number(31)), [0_i64; 0]);
    assert_eq!(skips(&subject, &by_number(30)), [0]);
    assert_eq!(skips(&subject, &by_number(28)), [0, 101, 102]);
    assert_eq!(skips(&subject, &by_number(1)).len(), 11);
}

fn a_range_that_has_grown_stays<S: Subject>() {
    let mut subject = S::new();
    subject.write(at(1), vec![skipped("a", 1)]);
    let old = subject.history().old_runs(&job("a"), &by_age(100), STEP);
    subject.write(at(50), vec![skipped("a", 1)]);
    let removed = subject.store().remove(&old.unwrap()).unwrap();
    assert!(removed.is_nothing(), "{removed:?}");
    assert_eq!(subject.entries().len(), 1);
}

fn talking(run: u64, from: i64) -> AttemptReport {
    let line = LogLine {
        at: at(from),
        level: Level::Info,
        message: format!("run {run}"),
        fields: Vec::new(),
    };
    AttemptReport {
        usage: Usage {
            log_lines: 1,
            ..Usage::default()
        },
        log: vec![line],
        ..report(at(from))
    }
}

/// Runs 1 and 2 of `a`, and 3 of `b`, which say something; run 4 says nothing.
fn with_logs<S: Subject>() -> S {
    let mut subject = S::new();
    for (run, name) in [(1, "a"), (2, "a"), (3, "b"), (4, "b")] {
        let second = i64::try_from(run).unwrap();
        let report = if run < 4 {
            talking(run, second)
        } else {
            report(at(second))
        };
        subject.write(
            at(second),
            vec![
                accepted(name, at(0)),
                queued(run, name),
                started(run, 1, at(second)),
                ended(run, 1, AttemptStatus::Succeeded, report),
                finished(run, RunEnd::Succeeded),
            ],
        );
    }
    subject
}

fn logs_before(now: i64) -> Limit {
    let keep_logs = Duration::ZERO;
    limit(Retention { keep_logs, ..all() }, now)
}

/// How many lines the run's one log has, and whether it was pruned.
fn log(subject: &impl Subject, run: u64) -> (usize, bool) {
    let logs = subject.history().log(RunId(run), None).unwrap();
    assert_eq!(logs.len(), 1);
    (logs[0].lines.len(), logs[0].pruned)
}
