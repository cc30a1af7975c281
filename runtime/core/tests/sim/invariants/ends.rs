//! Ends: what an attempt's end means for its run, and what a person's wish does.

use std::time::Duration;

use cronlet_core::{
    backoff::MAX_RETRY_AFTER,
    engine::{Answer, CancelRequest, Effect, Event, RunRequest},
    policy::{Backoff, OnCrash, Overlap, Retry},
    record::Record,
    report::{AttemptReport, ErrorKind, Failure, Verdict},
    run::{AttemptStatus, Cause, FailReason, RunEnd, RunId, SkipReason, Turn},
};
use jiff::{SignedDuration, Timestamp};

use super::{
    Check, ensure,
    state::{Fate, fate},
};
use crate::{
    tables::{RunRow, run_of},
    watch::{Step, Watch},
};

/// What is to become of a run whose attempt is over.
#[derive(Debug, PartialEq)]
pub(super) enum Follows {
    Requeued,
    /// Not before something in this interval.
    Retrying(Duration, Duration),
    Ended(RunEnd),
}

/// An attempt ends as its guest did, unless somebody cancelled the run; a failure is retried if
/// `retry`, the plan and the guest allow it; an interruption is not charged.
pub(super) fn an_attempt_ends_as_its_verdict_says(watch: &Watch, step: &Step) -> Check {
    let Event::AttemptEnded {
        run,
        attempt,
        report,
    } = step.event
    else {
        let ended = records(step).find(|record| {
            matches!(record, Record::AttemptEnded { status, .. } if *status != AttemptStatus::Crashed)
        });
        return ensure(ended.is_none(), || format!("{ended:?}: no guest ended"));
    };
    let row = watch.before.open.get(run).ok_or("the run is not open")?;
    let mut records = of_run(step, *run);
    let fate = fate(watch, row, report);
    if let (Fate::Kept(total), Some(changes)) = (&fate, &report.state) {
        let written = Record::StateWritten {
            run: *run,
            job: row.new.job.clone(),
            changes: changes.clone(),
            total: *total,
        };
        let first = records.next();
        ensure(first == Some(&written), || {
            format!("{first:?}, not {written:?}")
        })?;
    }
    let end = records.next();
    let mut expected_report = AttemptReport {
        state: None,
        ..AttemptReport::clone(report)
    };
    if let Fate::Lost(code) = fate {
        expected_report.verdict = lost(code, end);
    }
    let (status, reason, follows) = expected(watch, row, &expected_report.verdict);
    let expected = Record::AttemptEnded {
        run: *run,
        attempt: *attempt,
        status,
        reason,
        report: Some(expected_report.into()),
    };
    ensure(end == Some(&expected), || {
        format!("{end:?}, not {expected:?}")
    })?;
    ensure_follows(step.now, records.next(), &follows)
}

/// An error of this code that may be tried again, in the words of the record.
fn lost(code: &str, end: Option<&Record>) -> Verdict {
    let said = match end {
        Some(Record::AttemptEnded {
            report: Some(report),
            ..
        }) => match &report.verdict {
            Verdict::Error { failure, .. } => failure.message.clone(),
            _ => String::new(),
        },
        _ => String::new(),
    };
    Verdict::Error {
        kind: ErrorKind::Retryable,
        failure: Failure {
            code: code.to_owned(),
            message: said,
            ..Failure::default()
        },
    }
}

fn expected(
    watch: &Watch,
    row: &RunRow,
    verdict: &Verdict,
) -> (AttemptStatus, Option<FailReason>, Follows) {
    let cancelled = (
        AttemptStatus::Cancelled,
        None,
        Follows::Ended(RunEnd::Cancelled),
    );
    let once = watch
        .job(&row.new.job)
        .is_some_and(|job| job.on_crash == OnCrash::Fail && job.retry.max == 0);
    let after = if once {
        Follows::Ended(RunEnd::Failed(FailReason::Crash))
    } else {
        Follows::Requeued
    };
    let interrupted = (AttemptStatus::Interrupted, None, after);
    let (reason, kind) = match verdict {
        _ if row.cancel_requested => return cancelled,
        Verdict::Stopped => return interrupted,
        Verdict::Succeeded(_) => {
            let end = Follows::Ended(RunEnd::Succeeded);
            return (AttemptStatus::Succeeded, None, end);
        }
        Verdict::Error {
            kind: ErrorKind::Cancelled,
            ..
        } if watch.stopping() => return interrupted,
        Verdict::Error {
            kind: ErrorKind::Cancelled,
            ..
        } => return cancelled,
        Verdict::Error { kind, .. } => (FailReason::Error, *kind),
        Verdict::Failed { reason, .. } => (*reason, ErrorKind::Retryable),
    };
    let charged = row.failures + 1;
    let retry = watch.job(&row.new.job).map(|job| &job.retry);
    let follows = match retry {
        Some(retry)
            if kind != ErrorKind::Permanent
                && retry.on.contains(&reason)
                && charged <= retry.max =>
        {
            let (low, high) = backoff(retry, charged);
            let asked = match kind {
                ErrorKind::RetryAfter(asked) => asked.min(MAX_RETRY_AFTER),
                _ => Duration::ZERO,
            };
            Follows::Retrying(low.max(asked), high.max(asked))
        }
        _ => Follows::Ended(RunEnd::Failed(reason)),
    };
    (AttemptStatus::Failed, Some(reason), follows)
}

/// How short and how long the wait after the `failures`-th failure may be.
pub(super) fn backoff(retry: &Retry, failures: u32) -> (Duration, Duration) {
    let full = match retry.backoff {
        Backoff::Fixed => retry.delay,
        Backoff::Exponential { factor } => {
            (1..failures).fold(retry.delay, |delay, _| delay.mul_f64(factor))
        }
    };
    let full = full.min(retry.max_delay);
    let low = if retry.jitter { full / 2 } else { full };
    (low, full)
}

/// Whether `record` says what is expected to follow an attempt.
pub(super) fn ensure_follows(now: Timestamp, record: Option<&Record>, follows: &Follows) -> Check {
    let holds = match (record, follows) {
        (Some(Record::RunRequeued { .. }), Follows::Requeued) => true,
        (Some(Record::RunEnded { end, .. }), Follows::Ended(expected)) => end == expected,
        (Some(Record::RunRetrying { until, .. }), Follows::Retrying(low, high)) => {
            let rounding = SignedDuration::from_micros(1);
            let waits = until.duration_since(now);
            let [low, high] =
                [*low, *high].map(|d| SignedDuration::try_from(d).expect("a backoff is short"));
            (low - rounding..=high + rounding).contains(&waits)
        }
        _ => false,
    };
    ensure(holds, || {
        format!("{record:?} at {now}, expected {follows:?}")
    })
}

/// A run that is asked for is created in the same step if it may be; a cancel ends a run that waits in
/// the same step, and tells a guest that runs.
pub(super) fn requests_have_their_effect(watch: &Watch, step: &Step) -> Check {
    match step.event {
        Event::RunRequested(request) => run_request_has_its_effect(watch, step, request),
        Event::CancelRequested(request) => cancel_has_its_effect(watch, step, request),
        _ => Ok(()),
    }
}

fn run_request_has_its_effect(watch: &Watch, step: &Step, request: &RunRequest) -> Check {
    let job = watch.job(&request.job).filter(|_| watch.serves());
    let created = records(step).find_map(|record| match record {
        Record::RunQueued(new) if new.cause == Cause::Manual(request.id) => Some(new.run),
        _ => None,
    });
    ensure(created.is_some() == job.is_some(), || {
        format!("{request:?}: {created:?} is created for {job:?}")
    })?;
    let (Some(run), Some(job)) = (created, job) else {
        return Ok(());
    };
    let before = || {
        watch
            .before
            .open
            .values()
            .filter(|row| row.new.job == job.name && row.backfill().is_none())
    };
    let (open, behind): (Vec<_>, Vec<_>) =
        before().partition(|row| watch.before.admitted.contains(&row.new.run));
    let queued = behind.iter().filter(|row| row.new.turn == Turn::Queue);
    let expected = match job.overlap {
        _ if open.is_empty() => None,
        Overlap::Skip => Some(SkipReason::Overlap),
        Overlap::QueueAll { max } if queued.count() >= max.get() as usize => {
            Some(SkipReason::QueueFull)
        }
        _ => None,
    };
    let end = watch.view.runs.get(run).and_then(|row| row.end);
    let skipped = match end {
        Some(RunEnd::Skipped(reason @ (SkipReason::Overlap | SkipReason::QueueFull))) => {
            Some(reason)
        }
        _ => None,
    };
    ensure(skipped == expected, || {
        format!("{request:?}: {run:?} ended {end:?}, met {open:?}, behind them {behind:?}")
    })
}

fn cancel_has_its_effect(watch: &Watch, step: &Step, request: &CancelRequest) -> Check {
    let refusal = Effect::Reply {
        request: request.id,
        answer: Answer::Stopping,
    };
    let row = watch.before.open.get(&request.run);
    let Some(row) = row.filter(|_| !step.effects.contains(&refusal)) else {
        let cancels = of_run(step, request.run).find(|record| {
            let ends = matches!(record, Record::RunEnded { end, .. } if *end == RunEnd::Cancelled);
            ends || matches!(record, Record::CancelRequested { .. })
        });
        return ensure(cancels.is_none(), || {
            format!("{request:?}: it is not open, or it was refused")
        });
    };
    let key = (request.run, row.last_attempt);
    if !watch.before.started.contains(&key) {
        let end = watch.view.runs.get(request.run).and_then(|row| row.end);
        return ensure(end == Some(RunEnd::Cancelled), || {
            format!("{request:?}: it waited, and ended {end:?}")
        });
    }
    let recorded = watch.view.runs.get(request.run);
    ensure(recorded.is_some_and(|row| row.cancel_requested), || {
        format!("{request:?} is not recorded")
    })?;
    let own = watch
        .armed
        .get(&key)
        .map(|job| job.grace)
        .ok_or("it was never armed")?;
    let told = step.effects.iter().any(|effect| {
        matches!(effect, Effect::Cancel { run, attempt, grace }
            if (*run, *attempt) == key && *grace == if request.kill { Duration::ZERO } else { own })
    });
    ensure(told, || format!("{request:?}: its guest was not told"))
}

/// Where a newer occurrence cancels those that run, each of their guests is told to end at once if the job
/// says so; else it is asked once, however many are newer.
pub(super) fn what_is_newer_cancels_what_runs(watch: &Watch, step: &Step) -> Check {
    if matches!(step.event, Event::PlanReplaced(_)) {
        return Ok(());
    }
    for record in records(step) {
        let newer = match record {
            Record::RunQueued(new) if new.turn == Turn::Queue => Some(new.run),
            Record::RunArrived {
                run,
                turn: Turn::Queue,
            } => Some(*run),
            _ => None,
        };
        let newer = newer.and_then(|run| watch.view.runs.get(run));
        let job = newer.and_then(|row| watch.job(&row.new.job));
        let Some((job, Overlap::CancelRunning { kill })) = job.map(|job| (job, job.overlap)) else {
            continue;
        };
        let before = watch.before.open.values().filter(|row| {
            let met = row.new.job == job.name && row.backfill().is_none();
            met && watch.before.admitted.contains(&row.new.run)
        });
        for row in before {
            let key = (row.new.run, row.last_attempt);
            let Some(own) = watch
                .armed
                .get(&key)
                .filter(|_| watch.started.contains(&key))
            else {
                continue;
            };
            let grace = if kill { Duration::ZERO } else { own.grace };
            let told = step.effects.iter().filter(|effect| {
                matches!(effect, Effect::Cancel { run, grace: it, .. } if *run == key.0 && *it == grace)
            });
            let told = told.count();
            if matches!(step.event, Event::CancelRequested(request) if request.run == key.0) {
                continue;
            }
            let asked = row.cancel_requested && !kill;
            ensure((told > 0) != asked && (kill || told < 2), || {
                format!("{record:?}: {row:?} was told {told} times")
            })?;
        }
    }
    Ok(())
}

/// A batch says of each attempt that is over what becomes of its run.
pub(super) fn nothing_is_left_in_between(watch: &Watch, _: &Step) -> Check {
    ensure(watch.limbo.is_none(), || {
        format!("what becomes of {:?}?", watch.limbo)
    })
}

/// The records of the step.
pub(super) fn records<'a>(step: &Step<'a>) -> impl Iterator<Item = &'a Record> + use<'a> {
    let batch = step.effects.first().and_then(|effect| match effect {
        Effect::Commit(batch) => Some(batch),
        _ => None,
    });
    batch.into_iter().flat_map(|batch| &batch.records)
}

/// The records of the step that are about an existing run.
pub(super) fn of_run<'a>(
    step: &Step<'a>,
    run: RunId,
) -> impl Iterator<Item = &'a Record> + use<'a> {
    records(step).filter(move |record| run_of(record) == Some(run))
}
