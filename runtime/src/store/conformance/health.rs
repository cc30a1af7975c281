//! How jobs are doing.

use cronlet_core::{
    health::{Failing, JobHealth},
    run::{FailReason, SkipReason},
};

use super::*;

for_each_store! {
    a_job_has_its_last_success_and_what_it_fails_with,
    the_ends_of_one_transaction_count_in_their_order,
    who_asked_for_a_failure_has_seen_it,
    what_does_not_come_to_the_disk_counts_for_nothing,
    a_job_is_overdue_until_it_is_not,
    a_job_that_was_away_for_an_hour_is_another_one,
    what_is_deleted_of_the_history_stays_known,
    a_restart_knows_whose_runs_are_open,
}

const FAILED: RunEnd = RunEnd::Failed(FailReason::Trap);

fn failing(run: u64, at: Timestamp) -> Failing {
    let run = RunId(run);
    Failing { run, at }
}

/// What an engine and a person are told of the only job.
fn health(subject: &mut impl Subject) -> JobHealth {
    let told = subject.recovery().jobs.remove(0).health;
    for row in subject.history().jobs().unwrap() {
        assert_eq!(row.health, told);
    }
    told
}

/// A store with one job, and runs of it from 1 on.
fn with_runs<S: Subject>(runs: u64) -> S {
    let mut subject = S::new();
    let runs = (1..=runs).map(|run| queued(run, "a"));
    let records = [accepted("a", at(0))].into_iter().chain(runs);
    subject.write(at(0), records.collect());
    subject
}

fn a_job_has_its_last_success_and_what_it_fails_with<S: Subject>() {
    let mut subject = with_runs::<S>(5);
    assert_eq!(health(&mut subject), JobHealth::new(at(0)));
    subject.write(at(1), vec![finished(1, FAILED)]);
    assert_eq!(health(&mut subject).failing, Some(failing(1, at(1))));
    subject.write(at(2), vec![finished(2, RunEnd::Succeeded)]);
    let succeeded = JobHealth {
        last_success: Some(at(2)),
        ..JobHealth::new(at(0))
    };
    assert_eq!(health(&mut subject), succeeded);
    subject.write(at(3), vec![finished(3, RunEnd::Cancelled)]);
    let skipped = RunEnd::Skipped(SkipReason::Superseded);
    subject.write(at(4), vec![finished(4, skipped)]);
    assert_eq!(health(&mut subject), succeeded);
    subject.write(at(5), vec![finished(5, FAILED)]);
    let failed = JobHealth {
        failing: Some(failing(5, at(5))),
        ..succeeded
    };
    assert_eq!(health(&mut subject), failed);
}

fn the_ends_of_one_transaction_count_in_their_order<S: Subject>() {
    let mut subject = with_runs::<S>(6);
    let batch = |second, records| Batch {
        seq: Seq(1),
        at: at(second),
        records,
    };
    let group = [
        batch(1, vec![finished(1, FAILED), finished(2, RunEnd::Succeeded)]),
        batch(2, vec![finished(4, FAILED), finished(3, FAILED)]),
    ];
    subject.store().commit(&group).unwrap();
    let expected = JobHealth {
        last_success: Some(at(1)),
        failing: Some(failing(3, at(2))),
        ..JobHealth::new(at(0))
    };
    assert_eq!(health(&mut subject), expected);
    let group = [
        batch(3, vec![finished(5, FAILED)]),
        batch(4, vec![queued(7, "a"), finished(7, RunEnd::Succeeded)]),
    ];
    subject.store().commit(&group).unwrap();
    let expected = JobHealth {
        last_success: Some(at(4)),
        ..JobHealth::new(at(0))
    };
    assert_eq!(health(&mut subject), expected);
}

fn who_asked_for_a_failure_has_seen_it<S: Subject>() {
    let mut subject = with_runs::<S>(1);
    subject.write(at(1), vec![finished(1, FAILED)]);
    subject.write(at(2), vec![manual(2, "a", 7), finished(2, FAILED)]);
    assert_eq!(health(&mut subject).failing, Some(failing(1, at(1))));
    subject.write(
        at(3),
        vec![manual(3, "a", 8), finished(3, RunEnd::Succeeded)],
    );
    let expected = JobHealth {
        last_success: Some(at(3)),
        ..JobHealth::new(at(0))
    };
    assert_eq!(health(&mut subject), expected);
}

fn what_does_not_come_to_the_disk_counts_for_nothing<S: Subject>() {
    let mut subject = with_runs::<S>(2);
    let wrong = vec![finished(1, FAILED), finished(99, FAILED)];
    subject.try_write(at(1), wrong).unwrap_err();
    assert_eq!(health(&mut subject), JobHealth::new(at(0)));
    subject.write(at(2), vec![finished(2, FAILED)]);
    assert_eq!(health(&mut subject).failing, Some(failing(2, at(2))));
    subject.write(at(3), vec![finished(1, RunEnd::Succeeded)]);
    assert_eq!(health(&mut subject).last_success, Some(at(3)));
}

fn a_job_is_overdue_until_it_is_not<S: Subject>() {
    let mut subject = with_runs::<S>(1);
    let overdue = |name: &str| Record::JobOverdue {
        job: job(name),
        since: at(0),
    };
    subject.write(at(1), vec![overdue("a")]);
    assert!(health(&mut subject).overdue);
    subject.write(at(2), vec![finished(1, FAILED), accepted("a", at(2))]);
    assert!(health(&mut subject).overdue, "until it is said");
    let not = Record::JobNotOverdue { job: job("a") };
    subject.write(at(3), vec![not]);
    let expected = JobHealth {
        failing: Some(failing(1, at(2))),
        ..JobHealth::new(at(2))
    };
    assert_eq!(health(&mut subject), expected);
    let error = subject.try_write(at(4), vec![overdue("b")]).unwrap_err();
    assert!(error.is_lasting(), "{error}");
}

fn a_job_that_was_away_for_an_hour_is_another_one<S: Subject>() {
    let mut subject = with_runs::<S>(2);
    let removed = || Record::JobRemoved { job: job("a") };
    let known = vec![finished(1, RunEnd::Succeeded), finished(2, FAILED)];
    subject.write(at(1), known);
    subject.write(at(10), vec![removed()]);
    subject.write(at(3609), vec![accepted("a", at(0))]);
    let expected = JobHealth {
        last_success: Some(at(1)),
        failing: Some(failing(2, at(1))),
        ..JobHealth::new(at(3609))
    };
    assert_eq!(health(&mut subject), expected);
    subject.write(at(4000), vec![removed()]);
    subject.write(at(7600), vec![accepted("a", at(0))]);
    assert_eq!(health(&mut subject), JobHealth::new(at(7600)));
}

fn what_is_deleted_of_the_history_stays_known<S: Subject>() {
    let mut subject = with_runs::<S>(2);
    let known = vec![finished(1, RunEnd::Succeeded), finished(2, FAILED)];
    subject.write(at(1), known);
    let before = health(&mut subject);
    let old = Old {
        runs: vec![RunId(1), RunId(2)],
        ..Old::default()
    };
    subject.store().remove(&old).unwrap();
    assert_eq!(subject.entries(), []);
    assert_eq!(health(&mut subject), before);
}

fn a_restart_knows_whose_runs_are_open<S: Subject>() {
    let mut subject = with_runs::<S>(2);
    subject.write(at(1), vec![finished(1, FAILED)]);
    subject.restart();
    assert_eq!(health(&mut subject).failing, Some(failing(1, at(1))));
    subject.write(at(2), vec![finished(2, RunEnd::Succeeded)]);
    let expected = JobHealth {
        last_success: Some(at(2)),
        ..JobHealth::new(at(0))
    };
    assert_eq!(health(&mut subject), expected);
}
