//! The records that the cases write, and the values in them.

use std::sync::Arc;

use cronlet_core::{
    digest::Digest,
    name::JobName,
    record::{NewRun, Record},
    report::{AttemptReport, ErrorKind, Failure, Outcome, Usage, Verdict},
    run::{AttemptStatus, Cause, FailReason, Origin, RequestId, RunEnd, RunId, SkipReason, Turn},
};
use jiff::Timestamp;

/// So many seconds after a morning in 2026.
pub(super) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_767_250_800 + seconds).unwrap()
}

pub(super) fn job(name: &str) -> JobName {
    JobName::new(name).unwrap()
}

pub(super) fn accepted(name: &str, watermark: Timestamp) -> Record {
    Record::JobAccepted {
        job: job(name),
        watermark,
        fingerprint: format!("print of {name}"),
    }
}

/// Run `run` of the job `name`, for the instant `run` seconds after that morning.
pub(super) fn new_run(run: u64, name: &str) -> NewRun {
    let nominal = at(i64::try_from(run).unwrap());
    NewRun {
        run: RunId(run),
        job: job(name),
        cause: Cause::Time(nominal),
        nominal,
        origin: Origin::Schedule,
        actor: None,
        params: None,
        input_of: None,
        queued_at: nominal,
        not_before: None,
        turn: Turn::Now,
    }
}

pub(super) fn queued(run: u64, name: &str) -> Record {
    Record::RunQueued(Arc::new(new_run(run, name)))
}

pub(super) fn manual(run: u64, name: &str, request: u64) -> Record {
    Record::RunQueued(Arc::new(NewRun {
        cause: Cause::Manual(RequestId(request)),
        origin: Origin::Manual,
        actor: Some("ada".into()),
        params: Some(r#"{"n": 1}"#.into()),
        ..new_run(run, name)
    }))
}

pub(super) fn started(run: u64, attempt: u32, starts_at: Timestamp) -> Record {
    Record::AttemptStarted {
        run: RunId(run),
        attempt,
        component: Some(Digest::of(b"component")),
        starts_at,
    }
}

pub(super) fn disarmed(run: u64, attempt: u32) -> Record {
    Record::AttemptDisarmed {
        run: RunId(run),
        attempt,
    }
}

pub(super) fn ended(
    run: u64,
    attempt: u32,
    status: AttemptStatus,
    report: AttemptReport,
) -> Record {
    Record::AttemptEnded {
        run: RunId(run),
        attempt,
        status,
        reason: None,
        report: Some(Arc::new(report)),
    }
}

pub(super) fn finished(run: u64, end: RunEnd) -> Record {
    Record::RunEnded {
        run: RunId(run),
        end,
        message: None,
    }
}

/// A guest ran for a second from `from` on, and all was well.
pub(super) fn report(from: Timestamp) -> AttemptReport {
    AttemptReport {
        started_at: Some(from),
        ended_at: from + std::time::Duration::from_secs(1),
        duration: std::time::Duration::from_secs(1),
        verdict: Verdict::Succeeded(Outcome::default()),
        usage: Usage::default(),
        log: Vec::new(),
        state: None,
    }
}

/// What a guest says that fails.
pub(super) fn failure() -> Failure {
    Failure {
        code: "E7".to_owned(),
        message: "no more paper".to_owned(),
        backtrace: Some("main\nprint".to_owned()),
        attributes: vec![("tray".to_owned(), "2".to_owned())],
    }
}

pub(super) fn failed(run: u64, attempt: u32, reason: FailReason, report: AttemptReport) -> Record {
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

pub(super) fn crashed(run: u64, attempt: u32) -> Record {
    Record::AttemptEnded {
        run: RunId(run),
        attempt,
        status: AttemptStatus::Crashed,
        reason: None,
        report: None,
    }
}

pub(super) fn retrying(run: u64, until: Timestamp) -> Record {
    let run = RunId(run);
    Record::RunRetrying { run, until }
}

pub(super) fn requeued(run: u64) -> Record {
    Record::RunRequeued { run: RunId(run) }
}

/// A range of one instant each second, from `first` to `last`, that were missed.
pub(super) fn skipped(name: &str, first: i64, last: i64) -> Record {
    Record::Skipped {
        job: job(name),
        reason: SkipReason::Missed,
        first: at(first),
        last: at(last),
        count: u64::try_from(last - first + 1).unwrap(),
    }
}
