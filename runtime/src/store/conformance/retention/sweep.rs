//! Step by step: what a look finds, and what a sweep of all of it takes.

use std::time::Duration;

use cronlet_core::retention::Retention;

use super::*;
use crate::store::retention::{OldSkips, STEP, Step, count, sweep};

for_each_store! {
    a_step_is_as_large_as_it_may_be,
    what_is_gone_already_is_not_counted,
    a_sweep_takes_all_and_only_what_was_counted,
    a_sweep_of_one_job_lets_the_others_be,
    what_an_engine_must_know_is_never_old,
    every_name_is_known,
}

fn swept(subject: &mut impl Subject, name: Option<&str>, limit: &Limit) -> Removed {
    let name = name.map(job);
    let mut steps = Vec::new();
    let counted = count(subject.history(), name.as_ref(), limit).unwrap();
    // What a sweep finds is what is there at each step, so the steps are taken one by one.
    loop {
        let mut next = None;
        let all = sweep(subject.history(), name.as_ref(), limit, |old| {
            next.get_or_insert(old);
            Ok(Removed::default())
        });
        assert!(all.unwrap().is_nothing());
        let Some(old) = next else { break };
        steps.push(subject.store().remove(&old).unwrap());
    }
    let mut all = Removed::default();
    for step in steps {
        all += step;
    }
    assert_eq!(counted, all);
    all
}

fn a_step_is_as_large_as_it_may_be<S: Subject>() {
    let mut subject = with_runs::<S>(1..=30, &[]);
    subject.write(at(0), vec![skipped("a", 0), skipped("a", 1)]);
    let old = |rows| {
        let step = Step { rows, ..STEP };
        let history = subject.history();
        let old = history.old_runs(&job("a"), &by_age(1_000), step).unwrap();
        (old.runs.len(), old.skips.len())
    };
    assert_eq!(old(3), (3, 0));
    assert_eq!(old(11), (10, 1));
    assert_eq!(old(12), (10, 2));
    let step = Step { rows: 2, ..STEP };
    let subject = with_logs::<S>();
    let old = subject.history().old_logs(None, &logs_before(1_000), step);
    assert_eq!(old.unwrap().logs.len(), 2);
}

fn what_is_gone_already_is_not_counted<S: Subject>() {
    let mut subject = with_runs::<S>(1..=30, &[]);
    let old = Old {
        runs: vec![RunId(1), RunId(2), RunId(99)],
        logs: vec![(RunId(1), 1), (RunId(77), 3)],
        skips: vec![OldSkips {
            job: job("a"),
            first: at(5),
            recorded_at: at(5),
        }],
        backfills: Vec::new(),
        events: vec![99],
    };
    let two = Removed {
        runs: 2,
        ..Removed::default()
    };
    assert_eq!(subject.store().remove(&old).unwrap(), two);
    assert!(subject.store().remove(&old).unwrap().is_nothing());
}

fn a_sweep_takes_all_and_only_what_was_counted<S: Subject>() {
    let mut subject = with_runs::<S>(1..=350, &[7]);
    subject.write(at(0), vec![skipped("a", 0), skipped("b", 1)]);
    let expected = Removed {
        runs: 329,
        skips: 2,
        ..Removed::default()
    };
    assert_eq!(swept(&mut subject, None, &by_age(1_000)), expected);
    let mut kept = vec![7];
    kept.extend(331..=350);
    assert_eq!(runs(&subject), kept);
    assert!(swept(&mut subject, None, &by_age(1_000)).is_nothing());
    let logs = swept(&mut with_logs::<S>(), None, &logs_before(1_000));
    assert_eq!((logs.logs, logs.runs), (3, 0));
}

fn a_sweep_of_one_job_lets_the_others_be<S: Subject>() {
    let mut subject = with_logs::<S>();
    let limit = limit(
        Retention {
            keep: Duration::ZERO,
            keep_logs: Duration::ZERO,
            ..all()
        },
        100_000,
    );
    subject.write(at(10), vec![Record::JobRemoved { job: job("b") }]);
    subject.write(at(10), vec![Record::JobRemoved { job: job("a") }]);
    let removed = swept(&mut subject, Some("b"), &limit);
    assert_eq!((removed.runs, removed.logs), (2, 1));
    assert_eq!(runs(&subject), [1, 2]);
    assert_eq!(log(&subject, 1), (1, false));
}

fn what_an_engine_must_know_is_never_old<S: Subject>() {
    let mut subject = with_runs::<S>(1..=30, &[]);
    let records = vec![queued(31, "a"), queued(32, "gone")];
    subject.write(at(31), records);
    subject.write(
        at(31),
        vec![Record::Watermark {
            job: job("a"),
            to: at(31),
        }],
    );
    let before = subject.recovery();
    let now = limit(
        Retention {
            keep: Duration::ZERO,
            keep_runs: 0,
            keep_logs: Duration::ZERO,
        },
        1_000_000,
    );
    assert_eq!(swept(&mut subject, None, &now).runs, 11);
    assert_eq!(subject.recovery(), before);
    subject.restart();
    assert_eq!(subject.recovery(), before);
}

fn every_name_is_known<S: Subject>() {
    let mut subject = S::new();
    assert_eq!(subject.history().names().unwrap(), []);
    subject.write(
        at(1),
        vec![
            accepted("idle", at(0)),
            queued(1, "ran"),
            queued(2, "again"),
            queued(3, "ran"),
            skipped("late", 1),
            skipped("late", 2),
            skipped("ran", 3),
        ],
    );
    let names = subject.history().names().unwrap();
    let names: Vec<_> = names.iter().map(JobName::as_str).collect();
    assert_eq!(names, ["again", "idle", "late", "ran"]);
}
