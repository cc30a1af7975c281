//! The history as it is read: which entries, and in which order.

use cronlet_core::{
    health::JobHealth,
    run::{RunStatus, SkipReason},
};

use super::*;
use crate::store::history::{JobRow, SkipRow};

for_each_store! {
    a_range_of_skips_grows,
    entries_are_newest_first,
    entries_are_limited,
    entries_are_filtered,
    jobs_come_with_their_last_run,
    a_run_that_does_not_exist_is_none,
}

/// Runs as `7`, ranges of skips as `a1` for job and first instant.
fn order(entries: &[Entry]) -> Vec<String> {
    let name = |entry: &Entry| match entry {
        Entry::Run(run) => run.run.to_string(),
        Entry::Skips(skips) => {
            let first = skips.first.duration_since(at(0)).as_secs();
            format!("{}{first}", skips.job)
        }
    };
    entries.iter().map(name).collect()
}

fn a_range_of_skips_grows<S: Subject>() {
    let mut subject = S::new();
    subject.write(at(10), vec![skipped("a", 1, 5)]);
    subject.write(at(20), vec![skipped("a", 1, 15), skipped("b", 1, 2)]);
    let row = |name, last, count, recorded_at| {
        Entry::Skips(SkipRow {
            job: job(name),
            reason: SkipReason::Missed,
            first: at(1),
            last: at(last),
            count,
            recorded_at,
        })
    };
    assert_eq!(
        subject.entries(),
        [row("b", 2, 2, at(20)), row("a", 15, 15, at(20))]
    );
}

fn entries_are_newest_first<S: Subject>() {
    let subject = a_mixed_history::<S>();
    assert_eq!(
        order(&subject.entries()),
        ["b5", "a1", "3", "2", "b3", "a2", "1"]
    );
}

fn entries_are_limited<S: Subject>() {
    let subject = a_mixed_history::<S>();
    let all = subject.entries();
    for limit in 0..=all.len() + 1 {
        let query = Query {
            limit,
            ..Query::default()
        };
        let some = subject.history().entries(&query).unwrap();
        assert_eq!(some, all[..limit.min(all.len())]);
    }
}

fn entries_are_filtered<S: Subject>() {
    let subject = a_mixed_history::<S>();
    let found = |query: Query| order(&subject.history().entries(&query).unwrap());
    let of = |name, limit| {
        found(Query {
            job: Some(job(name)),
            limit,
            ..Query::default()
        })
    };
    assert_eq!(of("a", 9), ["a1", "3", "a2", "1"]);
    assert_eq!(of("a", 2), ["a1", "3"]);
    assert_eq!(of("b", 9), ["b5", "2", "b3"]);
    assert_eq!(of("c", 9), [""; 0]);
    let with = |statuses: &[RunStatus]| {
        found(Query {
            statuses: statuses.to_vec(),
            ..Query::default()
        })
    };
    assert_eq!(with(&[RunStatus::Cancelled]), ["3"]);
    assert_eq!(
        with(&[RunStatus::Cancelled, RunStatus::Queued]),
        ["3", "2", "1"]
    );
    assert_eq!(with(&[RunStatus::Skipped]), ["b5", "a1", "b3", "a2"]);
    // Run 1 was queued at 1, run 2 at 2, run 3 at 3.
    let between = |since, until| {
        found(Query {
            since: Some(at(since)),
            until: Some(at(until)),
            ..Query::default()
        })
    };
    assert_eq!(between(2, 3), ["2", "a2"]);
    assert_eq!(between(3, 4), ["3", "b3"]);
    assert_eq!(between(0, 1), ["b5", "a1"]);
}

fn jobs_come_with_their_last_run<S: Subject>() {
    let mut subject = S::new();
    subject.write(
        at(5),
        vec![
            accepted("b", at(0)),
            accepted("a", at(1)),
            queued(1, "b"),
            queued(2, "b"),
            started(2, 1, at(5)),
            queued(3, "gone"),
        ],
    );
    let jobs = subject.history().jobs().unwrap();
    let row = |name, watermark, last_run| JobRow {
        paused: None,
        job: job(name),
        watermark,
        last_run,
        health: JobHealth::new(at(5)),
    };
    let last = run(&subject, 2);
    assert_eq!(last.attempts.len(), 1);
    assert_eq!(jobs, [row("a", at(1), None), row("b", at(0), Some(last))]);
}

fn a_run_that_does_not_exist_is_none<S: Subject>() {
    let subject = S::new();
    for run in [0, 1, u64::MAX] {
        assert_eq!(subject.history().run(RunId(run)).unwrap(), None);
        assert_eq!(subject.history().log(RunId(run), None).unwrap(), []);
    }
}
