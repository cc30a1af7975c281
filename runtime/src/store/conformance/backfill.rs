//! Backfills: how far they have come, and what stands for their instants already.

use std::num::NonZeroU32;

use cronlet_core::{
    backfill::{Instants, NewBackfill, Tally},
    record::StoredBackfill,
    run::{BackfillEnd, FailReason, RunStatus, SkipReason},
};

use super::*;
use crate::store::{
    Refused,
    history::BackfillRow,
    retention::{STEP, count, sweep},
};

for_each_store! {
    a_backfill_is_remembered_with_its_instants,
    a_backfill_comes_no_further_than_its_batch,
    a_backfill_that_is_stopped_is_not_over,
    a_backfill_that_is_over_is_not_recovered,
    many_instants_are_kept,
    what_contradicts_a_backfill_is_refused,
    the_newest_run_stands_for_its_instant,
    what_never_ran_stands_for_nothing,
    only_the_runs_of_that_time_stand,
    what_is_over_and_old_goes,
}

fn instants(seconds: impl IntoIterator<Item = i64>) -> Instants {
    Instants::new(seconds.into_iter().map(at).collect()).unwrap()
}

fn new(id: u64, name: &str) -> NewBackfill {
    NewBackfill {
        id: RequestId(id),
        job: job(name),
        instants: instants([10, 20, 30]),
        max_concurrent: NonZeroU32::new(2).unwrap(),
        reverse: true,
        actor: Some("ada".into()),
        created_at: at(100),
    }
}

fn created(new: NewBackfill) -> Record {
    Record::BackfillCreated(Arc::new(new))
}

fn moved(id: u64, made: u32, succeeded: u32) -> Record {
    let id = RequestId(id);
    let tally = Tally {
        succeeded,
        failed: 1,
        cancelled: 2,
        skipped: 3,
    };
    Record::BackfillMoved { id, made, tally }
}

fn stopped(id: u64) -> Record {
    Record::BackfillStopped {
        id: RequestId(id),
        why: BackfillEnd::Stopped,
        actor: Some("ben".into()),
    }
}

fn over(id: u64, how: BackfillEnd) -> Record {
    let id = RequestId(id);
    Record::BackfillEnded { id, how }
}

fn backfill(subject: &impl Subject, id: u64) -> BackfillRow {
    let row = subject.history().backfill(RequestId(id)).unwrap();
    row.unwrap()
}

fn a_backfill_is_remembered_with_its_instants<S: Subject>() {
    let mut subject = S::new();
    assert_eq!(subject.history().backfill(RequestId(7)).unwrap(), None);
    let none = NewBackfill {
        instants: Instants::default(),
        actor: None,
        ..new(3, "b")
    };
    subject.write(at(100), vec![created(new(7, "a")), created(none.clone())]);
    let stored = |new| StoredBackfill {
        new: Arc::new(new),
        made: 0,
        tally: Tally::default(),
        stopped: None,
    };
    let expected = [stored(none), stored(new(7, "a"))];
    assert_eq!(subject.recovery().backfills, expected);
    subject.restart();
    assert_eq!(subject.recovery().backfills, expected);
    let row = BackfillRow {
        id: RequestId(7),
        job: job("a"),
        created_at: at(100),
        actor: Some("ada".to_owned()),
        instants: 3,
        first: Some(at(10)),
        last: Some(at(30)),
        max_concurrent: NonZeroU32::new(2).unwrap(),
        reverse: true,
        made: 0,
        tally: Tally::default(),
        stopped: None,
        ended: None,
        ended_at: None,
    };
    assert_eq!(backfill(&subject, 7), row);
    assert_eq!(backfill(&subject, 3).first, None);
    assert_eq!(subject.history().backfills().unwrap()[1], row);
}

fn a_backfill_comes_no_further_than_its_batch<S: Subject>() {
    let mut subject = S::new();
    subject.write(at(0), vec![created(new(7, "a"))]);
    subject.write(at(1), vec![queued(1, "a"), moved(7, 1, 0)]);
    let wrong = vec![queued(2, "a"), moved(7, 2, 1), queued(2, "a")];
    subject.try_write(at(2), wrong).unwrap_err();
    let stored = subject.recovery().backfills;
    assert_eq!((stored[0].made, stored[0].tally.succeeded), (1, 0));
    subject.write(at(2), vec![queued(2, "a"), moved(7, 2, 1)]);
    let stored = subject.recovery().backfills;
    let tally = Tally {
        succeeded: 1,
        failed: 1,
        cancelled: 2,
        skipped: 3,
    };
    assert_eq!((stored[0].made, stored[0].tally), (2, tally));
    assert_eq!(backfill(&subject, 7).tally, tally);
}

fn a_backfill_that_is_stopped_is_not_over<S: Subject>() {
    let mut subject = S::new();
    subject.write(at(0), vec![created(new(7, "a")), stopped(7)]);
    let stored = subject.recovery().backfills;
    assert_eq!(stored[0].stopped, Some(BackfillEnd::Stopped));
    let row = backfill(&subject, 7);
    assert_eq!((row.stopped, row.ended), (stored[0].stopped, None));
    assert_eq!(subject.history().backfills().unwrap(), [row]);
}

fn a_backfill_that_is_over_is_not_recovered<S: Subject>() {
    let mut subject = S::new();
    let ended = over(7, BackfillEnd::Removed);
    subject.write(at(0), vec![created(new(7, "a"))]);
    subject.write(at(5), vec![ended]);
    assert_eq!(subject.recovery().backfills, []);
    assert_eq!(subject.history().backfills().unwrap(), []);
    let row = backfill(&subject, 7);
    let end = (row.ended, row.ended_at, row.last);
    assert_eq!(end, (Some(BackfillEnd::Removed), Some(at(5)), Some(at(30))));
}

fn many_instants_are_kept<S: Subject>() {
    let mut subject = S::new();
    let many = NewBackfill {
        instants: instants(-50_000..50_000),
        ..new(u64::MAX, "a")
    };
    subject.write(at(100), vec![created(many.clone())]);
    let stored = subject.recovery().backfills;
    assert_eq!(*stored[0].new, many);
}

fn what_contradicts_a_backfill_is_refused<S: Subject>() {
    let mut subject = S::new();
    let ended = || over(7, BackfillEnd::Done);
    subject.write(at(0), vec![created(new(7, "a")), ended()]);
    for (id, wrong) in [
        (7, created(new(7, "b"))),
        (7, moved(7, 1, 1)),
        (7, stopped(7)),
        (7, ended()),
        (8, moved(8, 1, 1)),
        (8, stopped(8)),
        (8, over(8, BackfillEnd::Done)),
    ] {
        let error = subject.try_write(at(1), vec![wrong.clone()]).unwrap_err();
        assert!(error.is_lasting());
        let refused = error.source.downcast_ref::<Refused>();
        assert_eq!(
            refused,
            Some(&Refused::Backfill(RequestId(id))),
            "{wrong:?}"
        );
    }
    assert_eq!(backfill(&subject, 7).job, job("a"));
}

/// A run for the instant `nominal`, which ends so.
fn ran(run: u64, nominal: i64, status: AttemptStatus, end: RunEnd) -> Vec<Record> {
    let new = NewRun {
        nominal: at(nominal),
        cause: Cause::Backfill(RequestId(run), at(nominal)),
        origin: Origin::Backfill,
        ..new_run(run, "a")
    };
    vec![
        Record::RunQueued(Arc::new(new)),
        started(run, 1, at(1)),
        ended(run, 1, status, report(at(1))),
        finished(run, end),
    ]
}

fn standing(subject: &impl Subject, from: i64, to: i64) -> Vec<(Timestamp, RunStatus)> {
    let (from, to) = (at(from), at(to));
    let standing = subject.history().standing(&job("a"), from, to).unwrap();
    standing.into_iter().collect()
}

fn the_newest_run_stands_for_its_instant<S: Subject>() {
    let mut subject = S::new();
    let failed = RunEnd::Failed(FailReason::Error);
    let succeeded = || ran(1, 10, AttemptStatus::Succeeded, RunEnd::Succeeded);
    subject.write(at(0), succeeded());
    subject.write(at(0), ran(2, 20, AttemptStatus::Failed, failed));
    subject.write(at(0), ran(3, 10, AttemptStatus::Failed, failed));
    subject.write(
        at(0),
        ran(4, 20, AttemptStatus::Succeeded, RunEnd::Succeeded),
    );
    let expected = [(at(10), RunStatus::Failed), (at(20), RunStatus::Succeeded)];
    assert_eq!(standing(&subject, 0, 100), expected);
    // One that has not even begun stands for it already.
    subject.write(at(0), vec![queued(20, "a")]);
    assert_eq!(standing(&subject, 20, 21), [(at(20), RunStatus::Queued)]);
}

fn what_never_ran_stands_for_nothing<S: Subject>() {
    let mut subject = S::new();
    let skipped = RunEnd::Skipped(SkipReason::Overlap);
    subject.write(at(0), vec![queued(10, "a"), finished(10, skipped)]);
    subject.write(
        at(0),
        vec![queued(20, "a"), finished(20, RunEnd::Cancelled)],
    );
    let withdrawn = vec![
        queued(30, "a"),
        started(30, 1, at(30)),
        disarmed(30, 1),
        finished(30, RunEnd::Cancelled),
    ];
    subject.write(at(0), withdrawn);
    assert_eq!(standing(&subject, 0, 100), []);
    subject.write(
        at(0),
        ran(40, 40, AttemptStatus::Cancelled, RunEnd::Cancelled),
    );
    assert_eq!(standing(&subject, 0, 100), [(at(40), RunStatus::Cancelled)]);
    // What stood for it before still does.
    subject.write(
        at(0),
        ran(41, 10, AttemptStatus::Succeeded, RunEnd::Succeeded),
    );
    let also = NewRun {
        nominal: at(10),
        ..new_run(42, "a")
    };
    let also = vec![Record::RunQueued(Arc::new(also)), finished(42, skipped)];
    subject.write(at(0), also);
    assert_eq!(standing(&subject, 0, 20), [(at(10), RunStatus::Succeeded)]);
}

fn only_the_runs_of_that_time_stand<S: Subject>() {
    let mut subject = S::new();
    subject.write(
        at(0),
        vec![queued(10, "a"), queued(20, "b"), queued(30, "a")],
    );
    assert_eq!(standing(&subject, 10, 30), [(at(10), RunStatus::Queued)]);
    assert_eq!(standing(&subject, 11, 30), []);
}

fn what_is_over_and_old_goes<S: Subject>() {
    let mut subject = S::new();
    let old = |id| vec![created(new(id, "a")), over(id, BackfillEnd::Done)];
    subject.write(at(0), old(1));
    subject.write(at(10), old(2));
    subject.write(at(20), vec![created(new(3, "a"))]);
    let limit = Limit {
        before: at(10),
        logs_before: at(10),
        keep_runs: 0,
        gone_before: at(10),
    };
    let found = subject.history().old_runs(&job("a"), &limit, STEP).unwrap();
    assert_eq!(found.backfills, [RequestId(1)]);
    assert_eq!(subject.history().names().unwrap(), [job("a")]);
    let later = Limit {
        before: at(1_000),
        ..limit
    };
    let counted = count(subject.history(), None, &later).unwrap();
    assert_eq!(counted.backfills, 2);
    // What was found may have changed meanwhile: what is not over stays.
    let wrong = Old {
        backfills: vec![RequestId(3)],
        ..Old::default()
    };
    assert!(subject.store().remove(&wrong).unwrap().is_nothing());
    let mut swept = Vec::new();
    while let old = subject.history().old_runs(&job("a"), &later, STEP).unwrap()
        && !old.is_empty()
    {
        swept.extend(old.backfills.clone());
        subject.store().remove(&old).unwrap();
    }
    assert_eq!(swept, [RequestId(1), RequestId(2)]);
    assert_eq!(subject.history().backfill(RequestId(1)).unwrap(), None);
    assert_eq!(subject.recovery().backfills.len(), 1);
    let nothing = sweep(subject.history(), None, &later, |_| unreachable!());
    assert!(nothing.unwrap().is_nothing());
}
