//! Runs that are on record before their time: armed ahead of it, or held back until it.

use std::sync::Arc;

use cronlet_core::{
    record::{NewRun, Record},
    run::{AttemptStatus, RunEnd, RunId, Turn},
};

use super::*;

for_each_store! {
    a_withdrawn_run_was_never_there,
    a_run_whose_attempt_has_ended_is_not_withdrawn,
    what_is_claimed_is_until_the_watermark_has_passed,
    a_run_that_is_held_back_is_until_it_arrives,
}

fn withdrawn(run: u64) -> Record {
    Record::RunWithdrawn { run: RunId(run) }
}

fn a_withdrawn_run_was_never_there<S: Subject>() {
    let mut subject = S::new();
    subject.write(at(0), vec![queued(1, "a"), started(1, 1, at(1))]);
    subject.write(at(0), vec![withdrawn(1)]);
    assert_eq!(subject.entries(), []);
    assert_eq!(subject.recovery().runs, []);
    assert_eq!(subject.history().log(RunId(1), None).unwrap(), []);

    // Its number is not used again, its occurrence may be another run.
    let again = subject.try_write(at(1), vec![queued(1, "a")]);
    assert!(again.is_err());
    let new = NewRun {
        run: RunId(2),
        ..new_run(1, "a")
    };
    subject.write(at(1), vec![Record::RunQueued(Arc::new(new.clone()))]);
    subject.restart();
    assert_eq!(*subject.recovery().runs[0].new, new);
    assert_eq!(subject.recovery().next_run, 3);
}

fn a_run_whose_attempt_has_ended_is_not_withdrawn<S: Subject>() {
    let mut subject = S::new();
    let report = report(at(1));
    subject.write(
        at(2),
        vec![
            queued(1, "a"),
            started(1, 1, at(1)),
            ended(1, 1, AttemptStatus::Interrupted, report),
            Record::RunRequeued { run: RunId(1) },
        ],
    );
    for run in [1, 7] {
        let refused = subject.try_write(at(3), vec![withdrawn(run)]).unwrap_err();
        assert!(refused.to_string().contains("is not open"), "{refused}");
    }
    subject.write(at(3), vec![finished(1, RunEnd::Cancelled)]);
    assert!(subject.try_write(at(4), vec![withdrawn(1)]).is_err());
    assert_eq!(subject.entries().len(), 1);
}

fn what_is_claimed_is_until_the_watermark_has_passed<S: Subject>() {
    let mut subject = S::new();
    let claimed = |seconds| Record::Claimed {
        job: job("a"),
        at: at(seconds),
    };
    let records = vec![accepted("a", at(0)), claimed(60), claimed(60), claimed(120)];
    subject.write(at(1), records);
    subject.restart();
    let ahead = subject.recovery().ahead.remove(&job("a")).unwrap();
    assert_eq!(ahead, [at(60), at(120)].into());
    subject.write(
        at(61),
        vec![Record::Watermark {
            job: job("a"),
            to: at(60),
        }],
    );
    let ahead = subject.recovery().ahead.remove(&job("a")).unwrap();
    assert_eq!(ahead, [at(120)].into());
}

fn a_run_that_is_held_back_is_until_it_arrives<S: Subject>() {
    let mut subject = S::new();
    let new = NewRun {
        not_before: Some(at(30)),
        ..new_run(1, "a")
    };
    subject.write(at(2), vec![Record::RunQueued(Arc::new(new.clone()))]);
    subject.restart();
    assert_eq!(*subject.recovery().runs[0].new, new);
    let row = subject.history().run(RunId(1)).unwrap().unwrap();
    assert_eq!(row.not_before, Some(at(30)));

    let arrived = Record::RunArrived {
        run: RunId(1),
        turn: Turn::Queue,
    };
    subject.write(at(30), vec![arrived.clone()]);
    let arrived_run = NewRun {
        not_before: None,
        turn: Turn::Queue,
        ..new
    };
    assert_eq!(*subject.recovery().runs[0].new, arrived_run);
    subject.write(at(31), vec![finished(1, RunEnd::Cancelled)]);
    assert!(subject.try_write(at(32), vec![arrived]).is_err());
}
