//! Runs and their attempts, from the queue to the end.

use std::time::Duration;

use cronlet_core::{
    record::{StoredRun, StoredState},
    report::{Level, LogLine},
    run::{FailReason, RunStatus, SkipReason, Turn},
};

use super::*;
use crate::store::history::{AttemptLog, AttemptRow, ErrorRow, RunRow};

for_each_store! {
    a_new_run_is_queued,
    an_attempt_that_starts_makes_its_run_running,
    an_attempt_that_succeeds_leaves_everything,
    an_attempt_that_fails_leaves_its_error,
    an_attempt_that_the_host_stopped_leaves_no_words,
    a_guest_that_never_started_keeps_the_recorded_start,
    an_attempt_that_the_daemon_died_with_has_no_report,
    a_withdrawn_attempt_leaves_only_its_number,
    a_retry_is_waited_for,
    an_interrupted_run_waits_again_and_keeps_its_failure,
    a_cancel_is_remembered,
    a_run_ends_with_status_reason_and_message,
    a_final_run_is_not_recovered,
    logs_are_kept_by_attempt,
}

/// How a run stands that was just queued.
fn stored(new: NewRun) -> StoredRun {
    StoredRun {
        new: Arc::new(new),
        state: StoredState::Queued,
        last_attempt: 0,
        failures: 0,
        crashes: 0,
        attempted: false,
        last_failure: None,
        cancel_requested: false,
    }
}

fn a_new_run_is_queued<S: Subject>() {
    let mut subject = S::new();
    let by_hand = NewRun {
        cause: Cause::Manual(RequestId(77)),
        origin: Origin::Manual,
        actor: Some("ada".into()),
        params: Some(r#"{"n": 1}"#.into()),
        input_of: Some(RunId(1)),
        ..new_run(2, "a")
    };
    let again = Record::RunQueued(Arc::new(by_hand.clone()));
    subject.write(at(5), vec![queued(1, "a"), again]);
    let recovery = subject.recovery();
    assert_eq!(recovery.next_run, 3);
    assert_eq!(recovery.runs, [stored(new_run(1, "a")), stored(by_hand)]);
    assert_eq!(
        run(&subject, 2),
        RunRow {
            run: RunId(2),
            job: job("a"),
            cause: Cause::Manual(RequestId(77)),
            nominal: at(2),
            origin: Origin::Manual,
            actor: Some("ada".to_owned()),
            params: Some(r#"{"n": 1}"#.to_owned()),
            input_of: Some(RunId(1)),
            status: RunStatus::Queued,
            reason: None,
            message: None,
            queued_at: at(2),
            not_before: None,
            turn: Turn::Now,
            retry_at: None,
            ended_at: None,
            cancel_requested_at: None,
            attempts: vec![],
        }
    );
}

fn an_attempt_that_starts_makes_its_run_running<S: Subject>() {
    let mut subject = S::new();
    subject.write(at(5), vec![queued(1, "a"), started(1, 1, at(9))]);
    let expected = StoredRun {
        state: StoredState::Running {
            starts_at: at(9),
            recorded_at: at(5),
        },
        last_attempt: 1,
        ..stored(new_run(1, "a"))
    };
    assert_eq!(one(subject.recovery().runs), expected);
    let row = run(&subject, 1);
    assert_eq!(row.status, RunStatus::Running);
    assert_eq!(
        row.attempts,
        [AttemptRow {
            number: 1,
            status: None,
            reason: None,
            started_at: at(5),
            ended_at: None,
            duration: None,
            component: Some(Digest::of(b"component")),
            summary: None,
            output: None,
            error: None,
            attributes: vec![],
            usage: None,
        }]
    );
}

fn an_attempt_that_succeeds_leaves_everything<S: Subject>() {
    let mut subject = S::new();
    let usage = Usage {
        cpu: Duration::from_micros(12_345),
        memory_peak: 1 << 20,
        log_lines: 3,
        log_dropped: 1,
    };
    let report = AttemptReport {
        verdict: Verdict::Succeeded(Outcome {
            summary: "12 papers".to_owned(),
            output: Some("[1, 2]".to_owned()),
            attributes: vec![
                ("k".to_owned(), "v".to_owned()),
                ("k".to_owned(), String::new()),
            ],
        }),
        usage,
        ..report(at(6))
    };
    subject.write(at(5), vec![queued(1, "a"), started(1, 1, at(5))]);
    subject.write(
        at(8),
        vec![
            ended(1, 1, AttemptStatus::Succeeded, report),
            finished(1, RunEnd::Succeeded),
        ],
    );
    let row = run(&subject, 1);
    assert_eq!(
        (row.status, row.ended_at),
        (RunStatus::Succeeded, Some(at(8)))
    );
    let expected = AttemptRow {
        number: 1,
        status: Some(AttemptStatus::Succeeded),
        reason: None,
        started_at: at(6),
        ended_at: Some(at(7)),
        duration: Some(Duration::from_secs(1)),
        component: Some(Digest::of(b"component")),
        summary: Some("12 papers".to_owned()),
        output: Some("[1, 2]".to_owned()),
        error: None,
        attributes: vec![
            ("k".to_owned(), "v".to_owned()),
            ("k".to_owned(), String::new()),
        ],
        usage: Some(usage),
    };
    assert_eq!(row.attempts, [expected]);
}

fn an_attempt_that_fails_leaves_its_error<S: Subject>() {
    let mut subject = S::new();
    for (id, reason) in [(1, FailReason::Error), (2, FailReason::Timeout)] {
        subject.write(
            at(5),
            vec![
                queued(id, "a"),
                started(id, 1, at(5)),
                failed(id, 1, reason, report(at(5))),
                finished(id, RunEnd::Failed(reason)),
            ],
        );
        let row = run(&subject, id);
        let attempt = &row.attempts[0];
        assert_eq!(row.reason.as_deref(), Some(reason.as_str()));
        assert_eq!(attempt.reason.as_deref(), Some(reason.as_str()));
        assert_eq!(attempt.status, Some(AttemptStatus::Failed));
        let error = ErrorRow {
            code: "E7".to_owned(),
            message: "no more paper".to_owned(),
            backtrace: Some("main\nprint".to_owned()),
        };
        assert_eq!(attempt.error, Some(error));
        assert_eq!(attempt.attributes, failure().attributes);
        assert_eq!((&attempt.summary, &attempt.output), (&None, &None));
    }
}

fn an_attempt_that_the_host_stopped_leaves_no_words<S: Subject>() {
    let mut subject = S::new();
    let report = AttemptReport {
        verdict: Verdict::Stopped,
        ..report(at(5))
    };
    subject.write(
        at(5),
        vec![
            queued(1, "a"),
            started(1, 1, at(5)),
            ended(1, 1, AttemptStatus::Cancelled, report),
            finished(1, RunEnd::Cancelled),
        ],
    );
    let attempt = &run(&subject, 1).attempts[0];
    assert_eq!(attempt.status, Some(AttemptStatus::Cancelled));
    assert_eq!((&attempt.error, &attempt.summary), (&None, &None));
    assert_eq!(attempt.usage, Some(Usage::default()));
}

fn a_guest_that_never_started_keeps_the_recorded_start<S: Subject>() {
    let mut subject = S::new();
    let report = AttemptReport {
        started_at: None,
        ..report(at(8))
    };
    let component = Record::AttemptStarted {
        run: RunId(1),
        attempt: 1,
        component: None,
        starts_at: at(6),
    };
    subject.write(at(5), vec![queued(1, "a"), component]);
    subject.write(at(9), vec![failed(1, 1, FailReason::Load, report)]);
    let attempt = &run(&subject, 1).attempts[0];
    assert_eq!((attempt.started_at, attempt.ended_at), (at(5), Some(at(9))));
    assert_eq!(attempt.component, None);
}

fn an_attempt_that_the_daemon_died_with_has_no_report<S: Subject>() {
    let mut subject = S::new();
    subject.write(at(5), vec![queued(1, "a"), started(1, 1, at(5))]);
    subject.restart();
    subject.write(at(60), vec![crashed(1, 1), retrying(1, at(70))]);
    let expected = StoredRun {
        state: StoredState::Retrying { until: at(70) },
        last_attempt: 1,
        crashes: 1,
        attempted: true,
        last_failure: Some(FailReason::Crash),
        ..stored(new_run(1, "a"))
    };
    assert_eq!(one(subject.recovery().runs), expected);
    let attempt = &run(&subject, 1).attempts[0];
    assert_eq!(attempt.status, Some(AttemptStatus::Crashed));
    assert_eq!((attempt.ended_at, attempt.duration), (Some(at(60)), None));
    assert_eq!((attempt.usage, &attempt.error), (None, &None));
}

fn a_withdrawn_attempt_leaves_only_its_number<S: Subject>() {
    let mut subject = S::new();
    subject.write(at(5), vec![queued(1, "a"), started(1, 1, at(9))]);
    subject.write(at(6), vec![disarmed(1, 1), requeued(1)]);
    let expected = StoredRun {
        last_attempt: 1,
        ..stored(new_run(1, "a"))
    };
    assert_eq!(one(subject.recovery().runs), expected);
    assert_eq!(run(&subject, 1).attempts, []);
    assert_eq!(run(&subject, 1).status, RunStatus::Queued);
    let message = refusal(subject.try_write(at(7), vec![started(1, 1, at(7))]));
    assert_eq!(message, "run 1 cannot start attempt 1");
    subject.write(at(7), vec![started(1, 2, at(7))]);
    assert_eq!(one(subject.recovery().runs).last_attempt, 2);
}

fn a_retry_is_waited_for<S: Subject>() {
    let mut subject = S::new();
    subject.write(at(5), vec![queued(1, "a"), started(1, 1, at(5))]);
    subject.write(
        at(8),
        vec![
            failed(1, 1, FailReason::Trap, report(at(5))),
            retrying(1, at(90)),
        ],
    );
    let expected = StoredRun {
        state: StoredState::Retrying { until: at(90) },
        last_attempt: 1,
        failures: 1,
        attempted: true,
        last_failure: Some(FailReason::Trap),
        ..stored(new_run(1, "a"))
    };
    assert_eq!(one(subject.recovery().runs), expected);
    let row = run(&subject, 1);
    assert_eq!(
        (row.status, row.retry_at),
        (RunStatus::Retrying, Some(at(90)))
    );
    subject.write(at(90), vec![started(1, 2, at(90))]);
    let expected = StoredRun {
        state: StoredState::Running {
            starts_at: at(90),
            recorded_at: at(90),
        },
        last_attempt: 2,
        ..expected
    };
    assert_eq!(one(subject.recovery().runs), expected);
    assert_eq!(run(&subject, 1).retry_at, None);
}

fn an_interrupted_run_waits_again_and_keeps_its_failure<S: Subject>() {
    let mut subject = S::new();
    subject.write(
        at(5),
        vec![
            queued(1, "a"),
            started(1, 1, at(5)),
            failed(1, 1, FailReason::Memory, report(at(5))),
            retrying(1, at(6)),
            started(1, 2, at(6)),
        ],
    );
    let stopped = AttemptReport {
        verdict: Verdict::Stopped,
        ..report(at(6))
    };
    subject.write(
        at(9),
        vec![
            ended(1, 2, AttemptStatus::Interrupted, stopped),
            requeued(1),
            Record::Stopped,
        ],
    );
    subject.restart();
    let expected = StoredRun {
        last_attempt: 2,
        failures: 1,
        attempted: true,
        last_failure: Some(FailReason::Memory),
        ..stored(new_run(1, "a"))
    };
    assert_eq!(one(subject.recovery().runs), expected);
    let statuses: Vec<_> = run(&subject, 1)
        .attempts
        .iter()
        .map(|attempt| attempt.status)
        .collect();
    let both = [AttemptStatus::Failed, AttemptStatus::Interrupted];
    assert_eq!(statuses, both.map(Some));
}

fn a_cancel_is_remembered<S: Subject>() {
    let mut subject = S::new();
    let cancel = || Record::CancelRequested {
        run: RunId(1),
        actor: Some("ada".into()),
    };
    subject.write(at(5), vec![queued(1, "a"), started(1, 1, at(5))]);
    subject.write(at(6), vec![cancel()]);
    subject.write(at(7), vec![cancel()]);
    assert!(one(subject.recovery().runs).cancel_requested);
    assert_eq!(run(&subject, 1).cancel_requested_at, Some(at(6)));
    assert_eq!(run(&subject, 1).status, RunStatus::Running);
}

fn a_run_ends_with_status_reason_and_message<S: Subject>() {
    let mut subject = S::new();
    let ends = [
        (RunEnd::Succeeded, RunStatus::Succeeded, None),
        (
            RunEnd::Failed(FailReason::Crash),
            RunStatus::Failed,
            Some("crash"),
        ),
        (RunEnd::Cancelled, RunStatus::Cancelled, None),
        (
            RunEnd::Skipped(SkipReason::Expired),
            RunStatus::Skipped,
            Some("expired"),
        ),
    ];
    for (id, (end, status, reason)) in (1..).zip(ends) {
        let end = Record::RunEnded {
            run: RunId(id),
            end,
            message: Some(format!("message {id}")),
        };
        subject.write(at(50), vec![queued(id, "a"), end]);
        let row = run(&subject, id);
        assert_eq!((row.status, row.reason.as_deref()), (status, reason));
        assert_eq!(row.message, Some(format!("message {id}")));
        assert_eq!(row.ended_at, Some(at(50)));
    }
}

fn a_final_run_is_not_recovered<S: Subject>() {
    let mut subject = S::new();
    let skip = RunEnd::Skipped(SkipReason::Overlap);
    subject.write(
        at(5),
        vec![
            queued(1, "a"),
            queued(2, "a"),
            finished(2, skip),
            queued(3, "a"),
        ],
    );
    let open: Vec<_> = subject
        .recovery()
        .runs
        .iter()
        .map(|run| run.new.run)
        .collect();
    assert_eq!(open, [RunId(1), RunId(3)]);
}

fn logs_are_kept_by_attempt<S: Subject>() {
    let mut subject = S::new();
    let lines: Vec<LogLine> = (0..)
        .zip(Level::ALL)
        .map(|(i, level)| LogLine {
            at: at(i),
            level,
            message: format!("line {i}"),
            fields: vec![("i".to_owned(), i.to_string()); usize::try_from(i % 3).unwrap()],
        })
        .collect();
    let talks = AttemptReport {
        log: lines.clone(),
        ..report(at(5))
    };
    subject.write(
        at(5),
        vec![
            queued(1, "a"),
            started(1, 1, at(5)),
            failed(1, 1, FailReason::Error, report(at(5))),
            retrying(1, at(6)),
            started(1, 3, at(6)),
            failed(1, 3, FailReason::Error, talks),
            requeued(1),
            started(1, 4, at(7)),
        ],
    );
    let log = |attempt, lines: &[LogLine]| AttemptLog {
        attempt,
        pruned: false,
        lines: lines.to_vec(),
    };
    let history = subject.history();
    assert_eq!(
        history.log(RunId(1), None).unwrap(),
        [log(1, &[]), log(3, &lines), log(4, &[])]
    );
    assert_eq!(history.log(RunId(1), Some(3)).unwrap(), [log(3, &lines)]);
    assert_eq!(history.log(RunId(1), Some(2)).unwrap(), []);
    assert_eq!(history.log(RunId(2), None).unwrap(), []);
}
