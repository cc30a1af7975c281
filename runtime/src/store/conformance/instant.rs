//! What became of one instant, and what was beside it.

use cronlet_core::run::SkipReason;

use super::*;
use crate::store::history::{Beside, Instant};

for_each_store! {
    nothing_is_known_of_a_job_that_never_was,
    an_instant_is_its_run,
    what_somebody_had_run_for_it_is_beside_it,
    an_instant_is_a_part_of_a_range,
    a_job_that_was_removed_is_known,
    a_run_is_open_until_it_is_over,
    one_that_runs_was_more_in_the_way_than_one_that_waited,
    what_was_skipped_was_in_nobodys_way,
    what_became_a_run_at_that_moment_is_found,
}

fn instant(subject: &impl Subject, seconds: i64) -> Instant {
    let history = subject.history();
    history.instant(&job("a"), at(seconds)).unwrap()
}

fn beside(subject: &impl Subject, run: Option<u64>, moment: i64) -> [Option<u64>; 2] {
    let history = subject.history();
    let Beside { open, queued } = history
        .beside(&job("a"), run.map(RunId), at(moment))
        .unwrap();
    [open, queued].map(|run| run.map(|row| row.run.0))
}

fn skipped(name: &str, first: i64, last: i64) -> Record {
    Record::Skipped {
        job: job(name),
        reason: SkipReason::Overlap,
        first: at(first),
        last: at(last),
        count: 3,
    }
}

/// A run of `a` that becomes one at that time.
fn queued_at(run: u64, seconds: i64) -> Record {
    Record::RunQueued(Arc::new(NewRun {
        queued_at: at(seconds),
        ..new_run(run, "a")
    }))
}

fn nothing_is_known_of_a_job_that_never_was<S: Subject>() {
    let mut subject = S::new();
    subject.write(
        at(0),
        vec![accepted("b", at(0)), queued(1, "b"), skipped("b", 2, 4)],
    );
    let nothing = Instant {
        job: None,
        run: None,
        others: Vec::new(),
        skips: None,
    };
    assert_eq!(instant(&subject, 1), nothing);
    assert_eq!(instant(&subject, 3), nothing);
    assert_eq!(beside(&subject, None, 1), [None, None]);
}

fn an_instant_is_its_run<S: Subject>() {
    let mut subject = S::new();
    let records = vec![accepted("a", at(0)), queued(1, "a"), started(1, 1, at(1))];
    subject.write(at(1), records);
    let found = instant(&subject, 1);
    let run = found.run.unwrap();
    assert_eq!((run.run, run.attempts.len()), (RunId(1), 1));
    assert_eq!(found.others, []);
    assert_eq!(found.job.unwrap().fingerprint, "print of a");
    assert_eq!(instant(&subject, 2).run, None);
}

fn what_somebody_had_run_for_it_is_beside_it<S: Subject>() {
    let mut subject = S::new();
    let again = |run: u64| {
        Record::RunQueued(Arc::new(NewRun {
            run: RunId(run),
            cause: Cause::Manual(RequestId(run)),
            origin: Origin::Manual,
            ..new_run(1, "a")
        }))
    };
    subject.write(at(1), vec![queued(1, "a")]);
    subject.write(at(9), (2..=14).map(again).collect());
    let found = instant(&subject, 1);
    assert_eq!(found.run.unwrap().run, RunId(1));
    let others: Vec<u64> = found.others.iter().map(|row| row.run.0).collect();
    assert_eq!(others, (5..=14).rev().collect::<Vec<_>>());
}

fn an_instant_is_a_part_of_a_range<S: Subject>() {
    let mut subject = S::new();
    subject.write(at(9), vec![skipped("a", 2, 4), skipped("a", 6, 8)]);
    let first = |seconds| instant(&subject, seconds).skips.map(|range| range.first);
    assert_eq!(first(1), None);
    assert_eq!(first(2), Some(at(2)));
    assert_eq!(first(4), Some(at(2)));
    assert_eq!(first(5), None);
    assert_eq!(first(7), Some(at(6)));
    assert_eq!(first(9), None);
}

fn a_job_that_was_removed_is_known<S: Subject>() {
    let mut subject = S::new();
    subject.write(at(0), vec![accepted("a", at(0))]);
    subject.write(at(5), vec![Record::JobRemoved { job: job("a") }]);
    assert_eq!(instant(&subject, 1).job.unwrap().removed_at, Some(at(5)));
}

fn a_run_is_open_until_it_is_over<S: Subject>() {
    let mut subject = S::new();
    subject.write(at(2), vec![queued_at(1, 2), started(1, 1, at(2))]);
    subject.write(at(6), vec![finished(1, RunEnd::Succeeded)]);
    let open = |moment| beside(&subject, None, moment)[0];
    assert_eq!(open(1), None);
    assert_eq!(open(2), Some(1));
    assert_eq!(open(5), Some(1));
    assert_eq!(open(6), None, "what was over was in nobody's way");
    assert_eq!(beside(&subject, Some(1), 5)[0], None, "not in its own");
}

fn one_that_runs_was_more_in_the_way_than_one_that_waited<S: Subject>() {
    let mut subject = S::new();
    let records = vec![queued_at(1, 2), queued_at(2, 2), started(2, 1, at(2))];
    subject.write(at(2), records);
    assert_eq!(beside(&subject, None, 3)[0], Some(2));
    subject.write(at(4), vec![started(1, 1, at(4))]);
    assert_eq!(beside(&subject, None, 5)[0], Some(1), "the older one");
}

fn what_was_skipped_was_in_nobodys_way<S: Subject>() {
    let mut subject = S::new();
    subject.write(at(2), vec![queued_at(1, 2)]);
    let end = RunEnd::Skipped(SkipReason::Superseded);
    subject.write(at(6), vec![finished(1, end)]);
    assert_eq!(beside(&subject, None, 3)[0], None);
}

fn what_became_a_run_at_that_moment_is_found<S: Subject>() {
    let mut subject = S::new();
    subject.write(at(2), vec![queued_at(1, 2)]);
    subject.write(at(6), vec![queued_at(2, 6), queued_at(3, 6)]);
    let queued = |run, moment| beside(&subject, run, moment)[1];
    assert_eq!(queued(None, 6), Some(2));
    assert_eq!(queued(Some(1), 6), Some(2));
    assert_eq!(queued(Some(2), 6), Some(3), "only what came after it");
    assert_eq!(queued(None, 5), None);
}
