//! One test for each promise.

use std::{collections::BTreeMap, time::Duration};

use cronlet_core::{
    record::{StoredJob, StoredRun, StoredState},
    report::{ErrorKind, Failure, Level, LogLine},
    run::{FailReason, RunStatus, SkipReason, Turn},
    state::{Key, StateChanges, Value, Write},
};

use super::*;
use crate::store::history::{AttemptLog, AttemptRow, ErrorRow, JobRow, RunRow, SkipRow};

for_each_store! {
    a_new_store_is_empty,
    a_job_is_remembered_as_it_was_last_said,
    a_removed_job_is_remembered_for_an_hour,
    a_removed_job_is_remembered_until_its_watermark_has_passed,
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
    a_range_of_skips_grows,
    entries_are_newest_first,
    entries_are_limited,
    entries_are_filtered,
    jobs_come_with_their_last_run,
    a_run_that_does_not_exist_is_none,
    run_numbers_are_never_used_twice,
    an_occurrence_is_one_run,
    what_contradicts_the_store_is_refused,
    a_group_is_written_whole_or_not_at_all,
    a_group_may_use_what_it_made,
    everything_survives_a_restart,
    text_is_kept_as_it_is,
    times_are_kept_to_the_microsecond,
    what_a_job_remembers_is_kept_as_it_was_last_written,
    what_a_job_remembers_comes_and_goes_with_its_batch,
    what_a_job_remembers_outlives_it,
    large_values_are_kept,
}

fn one(mut runs: Vec<StoredRun>) -> StoredRun {
    assert_eq!(runs.len(), 1, "{runs:?}");
    runs.remove(0)
}

fn run(subject: &impl Subject, run: u64) -> RunRow {
    subject.history().run(RunId(run)).unwrap().unwrap()
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

fn failure() -> Failure {
    Failure {
        code: "E7".to_owned(),
        message: "no more paper".to_owned(),
        backtrace: Some("main\nprint".to_owned()),
        attributes: vec![("tray".to_owned(), "2".to_owned())],
    }
}

fn failed(run: u64, attempt: u32, reason: FailReason, report: AttemptReport) -> Record {
    let kind = ErrorKind::Retryable;
    let verdict = match reason {
        FailReason::Error => Verdict::Error {
            kind,
            failure: failure(),
        },
        reason => Verdict::Failed {
            reason,
            failure: failure(),
        },
    };
    Record::AttemptEnded {
        run: RunId(run),
        attempt,
        status: AttemptStatus::Failed,
        reason: Some(reason),
        report: Some(Arc::new(AttemptReport { verdict, ..report })),
    }
}

fn crashed(run: u64, attempt: u32) -> Record {
    Record::AttemptEnded {
        run: RunId(run),
        attempt,
        status: AttemptStatus::Crashed,
        reason: None,
        report: None,
    }
}

fn retrying(run: u64, until: Timestamp) -> Record {
    let run = RunId(run);
    Record::RunRetrying { run, until }
}

fn requeued(run: u64) -> Record {
    Record::RunRequeued { run: RunId(run) }
}

fn skipped(name: &str, first: i64, last: i64) -> Record {
    Record::Skipped {
        job: job(name),
        reason: SkipReason::Missed,
        first: at(first),
        last: at(last),
        count: u64::try_from(last - first + 1).unwrap(),
    }
}

fn refusal(result: Result<(), StoreError>) -> String {
    let error = result.unwrap_err();
    assert_eq!(error.doing, "write the history");
    assert!(error.is_lasting(), "no other try would be better");
    error.source.to_string()
}

fn a_new_store_is_empty<S: Subject>() {
    let mut subject = S::new();
    let recovery = Recovery {
        next_run: 1,
        ..Recovery::default()
    };
    assert_eq!(subject.recovery(), recovery);
    assert_eq!(subject.entries(), []);
    assert_eq!(subject.history().jobs().unwrap(), []);
}

fn a_job_is_remembered_as_it_was_last_said<S: Subject>() {
    let mut subject = S::new();
    subject.write(at(0), vec![accepted("b", at(0)), accepted("a", at(1))]);
    let to = at(60);
    let job = job("b");
    subject.write(at(60), vec![Record::Watermark { job, to }]);
    let stored = |name: &str, watermark| StoredJob {
        job: super::job(name),
        watermark,
        fingerprint: format!("print of {name}"),
        removed_at: None,
        paused: None,
        failures: 0,
    };
    let jobs = subject.recovery().jobs;
    assert_eq!(jobs, [stored("a", at(1)), stored("b", at(60))]);
    let changed = Record::JobAccepted {
        job: super::job("b"),
        watermark: at(30),
        fingerprint: "new".to_owned(),
    };
    subject.write(at(61), vec![changed]);
    let jobs = subject.recovery().jobs;
    assert_eq!((jobs[1].watermark, &*jobs[1].fingerprint), (at(30), "new"));
}

fn a_removed_job_is_remembered_for_an_hour<S: Subject>() {
    let mut subject = S::new();
    let plan = || Record::PlanAccepted {
        digest: Digest::of(b"plan"),
    };
    let removed = |name| Record::JobRemoved { job: job(name) };
    subject.write(at(0), vec![accepted("a", at(0)), accepted("b", at(0))]);
    subject.write(at(10), vec![removed("a")]);
    subject.write(at(20), vec![removed("b")]);
    let jobs = subject.recovery().jobs;
    assert_eq!(
        [jobs[0].removed_at, jobs[1].removed_at],
        [Some(at(10)), Some(at(20))]
    );
    assert_eq!(subject.history().jobs().unwrap(), []);
    subject.write(at(30), vec![accepted("b", at(20))]);
    assert_eq!(subject.recovery().jobs[1].removed_at, None);
    assert_eq!(subject.history().jobs().unwrap().len(), 1);
    subject.write(at(3610), vec![plan()]);
    assert_eq!(subject.recovery().jobs.len(), 2);
    subject.write(at(3611), vec![plan()]);
    assert_eq!(one_name(&subject.recovery().jobs), "b");
}

fn a_removed_job_is_remembered_until_its_watermark_has_passed<S: Subject>() {
    let mut subject = S::new();
    let plan = || Record::PlanAccepted {
        digest: Digest::of(b"plan"),
    };
    // The clock was a day ahead when the job was last due.
    subject.write(at(0), vec![accepted("a", at(86_400))]);
    subject.write(at(10), vec![Record::JobRemoved { job: job("a") }]);
    subject.write(at(86_399), vec![plan()]);
    assert_eq!(subject.recovery().jobs[0].watermark, at(86_400));
    subject.write(at(86_400), vec![plan()]);
    assert_eq!(subject.recovery().jobs, []);
}

fn one_name(jobs: &[StoredJob]) -> &str {
    assert_eq!(jobs.len(), 1);
    jobs[0].job.as_str()
}

fn a_new_run_is_queued<S: Subject>() {
    let mut subject = S::new();
    subject.write(at(5), vec![queued(1, "a"), manual(2, "a", 77)]);
    let by_hand = NewRun {
        cause: Cause::Manual(RequestId(77)),
        origin: Origin::Manual,
        actor: Some("ada".into()),
        params: Some(r#"{"n": 1}"#.into()),
        ..new_run(2, "a")
    };
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

fn a_mixed_history<S: Subject>() -> S {
    let mut subject = S::new();
    subject.write(at(1), vec![skipped("a", 1, 1)]);
    subject.write(at(2), vec![queued(1, "a"), skipped("a", 2, 2)]);
    subject.write(at(3), vec![skipped("b", 3, 3), queued(2, "b")]);
    // The clock was set back, which does not change what was recorded after what.
    subject.write(at(0), vec![queued(3, "a"), skipped("b", 5, 5)]);
    // This one grows, and is the newest now.
    subject.write(at(0), vec![skipped("a", 1, 9)]);
    subject.write(at(0), vec![finished(3, RunEnd::Cancelled)]);
    subject
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

fn run_numbers_are_never_used_twice<S: Subject>() {
    let mut subject = S::new();
    subject.write(at(5), vec![queued(5, "a")]);
    assert_eq!(subject.recovery().next_run, 6);
    subject.restart();
    assert_eq!(subject.recovery().next_run, 6);
    for used in [0, 1, 4, 5] {
        let message = refusal(subject.try_write(at(6), vec![manual(used, "b", used)]));
        let expected = format!("run {used}: this number is not free, the next one is 6");
        assert_eq!(message, expected);
    }
    // A number that was given out by a batch that was refused is free.
    let batch = vec![manual(6, "a", 1), finished(9, RunEnd::Cancelled)];
    assert_eq!(
        refusal(subject.try_write(at(6), batch)),
        "run 9 is not open"
    );
    assert_eq!(subject.recovery().next_run, 6);
    subject.write(at(7), vec![manual(6, "a", 1)]);
    assert_eq!(subject.recovery().next_run, 7);
}

fn an_occurrence_is_one_run<S: Subject>() {
    let mut subject = S::new();
    subject.write(at(5), vec![queued(1, "a"), finished(1, RunEnd::Cancelled)]);
    let again = |run: u64, name| {
        Record::RunQueued(Arc::new(NewRun {
            run: RunId(run),
            ..new_run(1, name)
        }))
    };
    let message = refusal(subject.try_write(at(6), vec![queued(2, "a"), again(3, "a")]));
    let cause = Cause::Time(at(1));
    assert_eq!(
        message,
        format!("run 3: `a` already has a run for `{cause}`")
    );
    assert_eq!(subject.recovery().runs, [], "run 2 went with it");
    assert_eq!(subject.recovery().next_run, 2);
    subject.write(at(7), vec![again(2, "b"), manual(3, "a", 1)]);
    subject.write(at(7), vec![manual(4, "b", 1)]);
    assert_eq!(subject.recovery().runs.len(), 3);
}

fn what_contradicts_the_store_is_refused<S: Subject>() {
    let mut subject = S::new();
    subject.write(
        at(5),
        vec![
            queued(1, "a"),
            started(1, 2, at(5)),
            queued(2, "a"),
            started(2, 1, at(5)),
            ended(2, 1, AttemptStatus::Succeeded, report(at(5))),
            finished(2, RunEnd::Succeeded),
        ],
    );
    let cancel = |run| Record::CancelRequested {
        run: RunId(run),
        actor: None,
    };
    let to = at(9);
    let wrong = [
        (started(1, 2, to), "run 1 cannot start attempt 2"),
        (started(2, 2, to), "run 2 cannot start attempt 2"),
        (started(3, 1, to), "run 3 cannot start attempt 1"),
        (disarmed(1, 1), "run 1 has no open attempt 1"),
        (disarmed(2, 1), "run 2 has no open attempt 1"),
        (crashed(2, 1), "run 2 has no open attempt 1"),
        (crashed(3, 1), "run 3 has no open attempt 1"),
        (
            ended(1, 1, AttemptStatus::Succeeded, report(to)),
            "run 1 has no open attempt 1",
        ),
        (requeued(2), "run 2 is not open"),
        (retrying(2, to), "run 2 is not open"),
        (cancel(2), "run 2 is not open"),
        (cancel(3), "run 3 is not open"),
        (finished(2, RunEnd::Cancelled), "run 2 is not open"),
        (
            Record::Watermark { job: job("z"), to },
            "nothing is stored of the job `z`",
        ),
        (
            Record::JobRemoved { job: job("z") },
            "nothing is stored of the job `z`",
        ),
    ];
    let before = (subject.recovery(), subject.entries());
    for (record, expected) in wrong {
        assert_eq!(refusal(subject.try_write(at(9), vec![record])), expected);
    }
    assert_eq!((subject.recovery(), subject.entries()), before);
}

fn batches(all: Vec<Vec<Record>>) -> Vec<Batch> {
    (1..)
        .zip(all)
        .map(|(seq, records)| Batch {
            seq: Seq(seq),
            at: at(i64::try_from(seq).unwrap()),
            records,
        })
        .collect()
}

fn a_group_is_written_whole_or_not_at_all<S: Subject>() {
    let mut subject = S::new();
    let good = || {
        vec![
            vec![queued(1, "a")],
            vec![queued(2, "a"), skipped("a", 1, 2)],
        ]
    };
    let mut bad = good();
    bad.push(vec![accepted("a", at(3)), requeued(7)]);
    bad.push(vec![queued(3, "a")]);
    let result = subject.store().commit(&batches(bad));
    assert_eq!(refusal(result), "run 7 is not open");
    assert_eq!(subject.entries(), []);
    assert_eq!(subject.recovery().jobs, []);
    subject.store().commit(&batches(good())).unwrap();
    assert_eq!(subject.entries().len(), 3);
    subject.store().commit(&[]).unwrap();
}

fn a_group_may_use_what_it_made<S: Subject>() {
    let mut subject = S::new();
    let group = vec![
        vec![accepted("a", at(0)), queued(1, "a"), started(1, 1, at(1))],
        vec![Record::Watermark {
            job: job("a"),
            to: at(1),
        }],
        vec![
            ended(1, 1, AttemptStatus::Succeeded, report(at(1))),
            finished(1, RunEnd::Succeeded),
        ],
    ];
    subject.store().commit(&batches(group)).unwrap();
    assert_eq!(subject.recovery().jobs[0].watermark, at(1));
    assert_eq!(run(&subject, 1).ended_at, Some(at(3)));
}

fn everything_survives_a_restart<S: Subject>() {
    let mut subject = a_mixed_history::<S>();
    subject.write(
        at(50),
        vec![
            accepted("a", at(50)),
            started(1, 1, at(50)),
            started(2, 1, at(60)),
            retrying(2, at(90)),
        ],
    );
    let seen = |subject: &mut S| {
        let history = subject.history();
        let jobs = history.jobs().unwrap();
        let log = history.log(RunId(1), None).unwrap();
        (jobs, log, subject.entries(), subject.recovery())
    };
    let before = seen(&mut subject);
    subject.restart();
    assert_eq!(seen(&mut subject), before);
    subject.write(at(70), vec![crashed(1, 1), finished(1, RunEnd::Cancelled)]);
    assert_eq!(run(&subject, 1).status, RunStatus::Cancelled);
}

fn wrote(name: &str, writes: &[(&str, Option<&[u8]>)], total: u64) -> Record {
    let writes = writes.iter().map(|(key, value)| {
        let value = value.map(|bytes| Value::new(bytes.into()));
        (Key::from(*key), Write { value, replaced: 0 })
    });
    Record::StateWritten {
        run: RunId(1),
        job: job(name),
        changes: Arc::new(StateChanges::new(writes.collect(), BTreeMap::new())),
        total,
    }
}

fn remembered(subject: &impl Subject, name: &str) -> Vec<(String, Vec<u8>)> {
    let entries = subject.history().state(&job(name)).unwrap().into_iter();
    entries
        .map(|(key, value)| (key.to_string(), value.to_vec()))
        .collect()
}

fn what_a_job_remembers_is_kept_as_it_was_last_written<S: Subject>() {
    let mut subject = S::new();
    assert_eq!(remembered(&subject, "a"), []);
    let large = vec![0xff; 1 << 20];
    let first: [(_, Option<&[u8]>); 5] = [
        ("k", Some(b"1")),
        ("k\0", Some(b"\0\xff")),
        ("é", Some(b"")),
        ("Z", Some(&large)),
        ("'", None),
    ];
    subject.write(
        at(0),
        vec![wrote("a", &first, 7), wrote("b", &first[..1], 1)],
    );
    let pair = |key: &str, value: &[u8]| (key.to_owned(), value.to_vec());
    let all = [
        pair("Z", &large),
        pair("k", b"1"),
        pair("k\0", b"\0\xff"),
        pair("é", b""),
    ];
    assert_eq!(remembered(&subject, "a"), all);
    assert_eq!(
        subject.recovery().states,
        [(job("a"), 7), (job("b"), 1)].into()
    );
    subject.write(
        at(1),
        vec![wrote(
            "a",
            &[("k", None), ("Z", Some(b"")), ("none", None)],
            3,
        )],
    );
    let left = [pair("Z", b""), pair("k\0", b"\0\xff"), pair("é", b"")];
    assert_eq!(remembered(&subject, "a"), left);
    subject.restart();
    assert_eq!(remembered(&subject, "a"), left);
    assert_eq!(remembered(&subject, "b"), [pair("k", b"1")]);
    assert_eq!(
        subject.recovery().states,
        [(job("a"), 3), (job("b"), 1)].into()
    );
    subject.write(at(2), vec![wrote("b", &[("k", None)], 0)]);
    assert_eq!(subject.recovery().states, [(job("a"), 3)].into());
}

fn what_a_job_remembers_comes_and_goes_with_its_batch<S: Subject>() {
    let mut subject = S::new();
    subject.write(at(0), vec![queued(1, "a"), started(1, 1, at(0))]);
    let end = || ended(1, 1, AttemptStatus::Succeeded, report(at(0)));
    let wrote = || wrote("a", &[("k", Some(b"1"))], 66);
    let twice = subject.try_write(at(1), vec![wrote(), end(), end()]);
    assert_eq!(refusal(twice), "run 1 has no open attempt 1");
    assert_eq!(remembered(&subject, "a"), []);
    assert!(subject.recovery().states.is_empty());
    subject.write(at(1), vec![wrote(), end()]);
    assert_eq!(remembered(&subject, "a").len(), 1);
}

fn what_a_job_remembers_outlives_it<S: Subject>() {
    let mut subject = S::new();
    subject.write(
        at(0),
        vec![accepted("a", at(0)), wrote("a", &[("k", Some(b""))], 65)],
    );
    subject.write(at(1), vec![Record::JobRemoved { job: job("a") }]);
    let digest = Digest::of(b"plan");
    subject.write(at(90_000), vec![Record::PlanAccepted { digest }]);
    let recovery = subject.recovery();
    assert_eq!(
        (recovery.jobs, recovery.states),
        (vec![], [(job("a"), 65)].into())
    );
    assert_eq!(remembered(&subject, "a").len(), 1);
}

fn text_is_kept_as_it_is<S: Subject>() {
    let mut subject = S::new();
    let texts = [
        "",
        "ü → 🦀",
        "a\0b",
        "'; DROP TABLE runs; --",
        "\"\\\r\n\u{2028}",
    ];
    for (id, text) in (1..).zip(texts) {
        let new = NewRun {
            actor: Some(text.into()),
            params: Some(text.into()),
            ..new_run(id, "a")
        };
        let pair = (text.to_owned(), text.to_owned());
        let line = LogLine {
            at: at(0),
            level: Level::Stdout,
            message: text.to_owned(),
            fields: vec![pair.clone()],
        };
        let outcome = Outcome {
            summary: text.to_owned(),
            output: Some(text.to_owned()),
            attributes: vec![pair.clone()],
        };
        let report = AttemptReport {
            verdict: Verdict::Succeeded(outcome),
            log: vec![line.clone()],
            ..report(at(5))
        };
        let end = Record::RunEnded {
            run: RunId(id),
            end: RunEnd::Succeeded,
            message: Some(text.to_owned()),
        };
        subject.write(
            at(5),
            vec![
                Record::RunQueued(Arc::new(new)),
                started(id, 1, at(5)),
                ended(id, 1, AttemptStatus::Succeeded, report),
                end,
            ],
        );
        let row = run(&subject, id);
        let attempt = &row.attempts[0];
        let all = [&row.actor, &row.params, &row.message, &attempt.output];
        assert_eq!(all.map(Option::as_deref), [Some(text); 4]);
        assert_eq!(attempt.summary.as_deref().unwrap_or_default(), text);
        assert_eq!(attempt.attributes, [pair]);
        assert_eq!(
            subject.history().log(RunId(id), Some(1)).unwrap()[0].lines,
            [line]
        );
    }
}

fn times_are_kept_to_the_microsecond<S: Subject>() {
    let mut subject = S::new();
    let fine = Timestamp::new(at(3).as_second(), 123_456_789).unwrap();
    let kept = Timestamp::new(at(3).as_second(), 123_456_000).unwrap();
    let new = NewRun {
        cause: Cause::Time(fine),
        nominal: fine,
        queued_at: fine,
        ..new_run(1, "a")
    };
    subject.write(
        fine,
        vec![accepted("a", fine), Record::RunQueued(Arc::new(new))],
    );
    let recovery = subject.recovery();
    let new = &recovery.runs[0].new;
    assert_eq!(recovery.jobs[0].watermark, kept);
    assert_eq!((new.cause, new.nominal), (Cause::Time(kept), kept));
    assert_eq!(run(&subject, 1).queued_at, kept);
    subject.write(fine, vec![started(1, 1, fine)]);
    let running = StoredState::Running {
        starts_at: kept,
        recorded_at: kept,
    };
    assert_eq!(one(subject.recovery().runs).state, running);
    assert_eq!(run(&subject, 1).attempts[0].started_at, kept);
}

fn large_values_are_kept<S: Subject>() {
    let mut subject = S::new();
    let long = "ü".repeat(1 << 20);
    let usage = Usage {
        cpu: Duration::MAX,
        memory_peak: u64::MAX,
        log_lines: i64::MAX.cast_unsigned(),
        log_dropped: 1 << 40,
    };
    let report = AttemptReport {
        verdict: Verdict::Succeeded(Outcome {
            output: Some(long.clone()),
            ..Outcome::default()
        }),
        usage,
        duration: Duration::MAX,
        ..report(Timestamp::MIN)
    };
    let last = i64::MAX.cast_unsigned();
    let new = NewRun {
        run: RunId(last),
        nominal: Timestamp::MAX,
        queued_at: Timestamp::MIN,
        cause: Cause::Manual(RequestId(u64::MAX)),
        ..new_run(1, "a")
    };
    subject.write(
        at(5),
        vec![
            Record::RunQueued(Arc::new(new)),
            started(last, u32::MAX, at(5)),
            ended(last, u32::MAX, AttemptStatus::Succeeded, report),
        ],
    );
    let row = run(&subject, last);
    let attempt = &row.attempts[0];
    assert_eq!(row.cause, Cause::Manual(RequestId(u64::MAX)));
    assert_eq!(attempt.output, Some(long));
    assert_eq!(attempt.number, u32::MAX);
    let kept = attempt.usage.unwrap();
    assert_eq!(kept.memory_peak, i64::MAX.cast_unsigned(), "the largest");
    assert_eq!(kept.log_lines, usage.log_lines);
    assert_eq!(kept.log_dropped, usage.log_dropped);
    let message = refusal(subject.try_write(at(6), vec![manual_numbered(last + 1)]));
    let next = last + 1;
    let expected = format!("run {next}: this number is not free, the next one is {next}");
    assert_eq!(message, expected);
}

fn manual_numbered(run: u64) -> Record {
    Record::RunQueued(Arc::new(NewRun {
        run: RunId(run),
        ..new_run(1, "a")
    }))
}
