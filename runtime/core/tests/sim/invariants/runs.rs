//! Runs and attempts: their names, their states, and the legal moves.

use cronlet_core::{
    engine::Event,
    policy::Overlap,
    record::{NewRun, Record},
    run::{Cause, Origin, RunEnd, RunStatus, SkipReason},
};
use jiff::SignedDuration;

use super::{Check, ensure};
use crate::{
    tables::{RunRow, run_of},
    watch::{Step, Watch},
};

/// A run's status moves only as `may_become` says; a final run stays as it is. A run whose attempt is
/// withdrawn goes on as if the attempt had never been created.
pub(super) fn moves_are_legal(watch: &Watch, _: &Step, record: &Record) -> Check {
    let Some(run) = run_of(record) else {
        return Ok(());
    };
    let row = watch.view.runs.get(&run);
    let row = row.ok_or_else(|| format!("{record:?}: there is no such run"))?;
    let next = match record {
        Record::AttemptStarted { .. } => RunStatus::Running,
        Record::RunRequeued { .. } => RunStatus::Queued,
        Record::RunRetrying { .. } => RunStatus::Retrying,
        Record::RunEnded { end, .. } => end.status(),
        Record::AttemptDisarmed { .. }
        | Record::StateWritten { .. }
        | Record::AttemptEnded { .. }
        | Record::CancelRequested { .. } => {
            return ensure(row.status == RunStatus::Running, || {
                format!("{record:?}: it is {}", row.status)
            });
        }
        _ => return Ok(()),
    };
    let limbo = watch.limbo.filter(|limbo| limbo.run == run);
    let withdrawn = limbo.is_some_and(|limbo| limbo.withdrawn.is_some());
    let may = row.status.may_become(next) || withdrawn && RunStatus::Queued.may_become(next);
    ensure(may && row.live.is_none(), || {
        format!("{record:?}: it is {}, {:?}", row.status, row.live)
    })
}

/// Each run has a number higher than all before it.
pub(super) fn run_numbers_rise(watch: &Watch, _: &Step, record: &Record) -> Check {
    let (Record::RunQueued(new), Some((last, _))) = (record, watch.view.runs.last_key_value())
    else {
        return Ok(());
    };
    ensure(new.run > *last, || format!("{:?} after {last:?}", new.run))
}

/// A job's cause makes one run, ever.
pub(super) fn causes_are_unique(watch: &Watch, _: &Step, record: &Record) -> Check {
    let Record::RunQueued(new) = record else {
        return Ok(());
    };
    let key = (new.job.clone(), new.cause);
    ensure(!watch.view.causes.contains(&key), || {
        format!("{} has {} already", new.job, new.cause)
    })
}

/// A run says truly what made it, when, and who asked.
pub(super) fn new_runs_are_as_described(watch: &Watch, step: &Step, record: &Record) -> Check {
    let Record::RunQueued(new) = record else {
        return Ok(());
    };
    let expected = match (new.cause, step.event) {
        (Cause::Time(at), _) => {
            let job = watch.standing(&new.job).ok_or("its job is gone")?;
            let grace = SignedDuration::try_from(job.catch_up.grace).expect("a grace is short");
            let on_time = step.now.duration_since(at) < grace;
            NewRun {
                nominal: at,
                origin: if on_time {
                    Origin::Schedule
                } else {
                    Origin::CatchUp
                },
                actor: None,
                params: None,
                queued_at: step.now,
                ..NewRun::clone(new)
            }
        }
        (Cause::Manual(id), Event::RunRequested(request)) if request.id == id => NewRun {
            run: new.run,
            job: request.job.clone(),
            cause: new.cause,
            nominal: request.nominal.unwrap_or(step.now),
            origin: Origin::Manual,
            actor: request.actor.clone(),
            params: request.params.clone(),
            queued_at: step.now,
        },
        (Cause::Manual(_), _) => return Err(format!("{new:?}: nobody asked")),
    };
    ensure(**new == expected, || format!("{new:?}, not {expected:?}"))
}

/// With `overlap = "skip"`, an occurrence that meets an open run is skipped, and only then.
pub(super) fn overlap_is_respected(watch: &Watch, _: &Step, record: &Record) -> Check {
    match record {
        Record::RunQueued(new) if matches!(new.cause, Cause::Time(_)) => {
            ensure(!overlaps(watch, new), || {
                format!("{new:?}: its job has an open run")
            })
        }
        Record::RunEnded {
            run,
            end: RunEnd::Skipped(SkipReason::Overlap),
            ..
        } => {
            let row = watch.view.runs.get(run).ok_or("there is no such run")?;
            let others = watch.view.open_runs();
            let other = others
                .filter(|other| other.new.job == row.new.job)
                .any(|other| other.new.run < *run);
            let skips = watch.job(&row.new.job).map(|job| job.overlap) == Some(Overlap::Skip);
            ensure(other && skips, || format!("{row:?} met nothing"))
        }
        _ => Ok(()),
    }
}

fn overlaps(watch: &Watch, new: &NewRun) -> bool {
    let policy = watch.standing(&new.job).map(|job| job.overlap);
    policy == Some(Overlap::Skip) && watch.view.has_open(&new.job)
}

/// An attempt's number is one more than that of the run's last attempt, withdrawn ones included.
pub(super) fn attempt_numbers_rise(watch: &Watch, _: &Step, record: &Record) -> Check {
    let Record::AttemptStarted { run, attempt, .. } = record else {
        return Ok(());
    };
    let last = watch.view.runs.get(run).map_or(0, |row| row.last_attempt);
    ensure(*attempt == last + 1, || format!("{record:?} after {last}"))
}

/// Only the attempt that is there ends or is withdrawn, and only one whose guest has not started is
/// withdrawn.
pub(super) fn attempts_are_closed_once(watch: &Watch, step: &Step, record: &Record) -> Check {
    let (run, attempt) = match record {
        Record::AttemptEnded { run, attempt, .. } | Record::AttemptDisarmed { run, attempt } => {
            (*run, *attempt)
        }
        _ => return Ok(()),
    };
    let live = watch.view.runs.get(&run).and_then(|row| row.live);
    let there = live.filter(|live| live.attempt == attempt);
    let there = there.ok_or_else(|| format!("{record:?}: {live:?} is there"))?;
    if matches!(record, Record::AttemptEnded { .. }) {
        return Ok(());
    }
    // After a restart the clock decides: an attempt whose time has not come has not run.
    let ahead = there.starts_at > there.recorded_at;
    let not_yet =
        matches!(step.event, Event::Started { .. }) && ahead && there.starts_at > step.now;
    ensure(not_yet || !step.ever.contains(&(run, attempt)), || {
        format!("{record:?}: its guest has started")
    })
}

/// What becomes of a run is in the record right after the one that ends or withdraws its attempt.
pub(super) fn what_follows_an_attempt_is_said_at_once(
    watch: &Watch,
    _: &Step,
    record: &Record,
) -> Check {
    let follows = matches!(
        record,
        Record::RunRequeued { .. } | Record::RunRetrying { .. } | Record::RunEnded { .. }
    );
    ensure(
        watch
            .limbo
            .is_none_or(|limbo| follows && run_of(record) == Some(limbo.run)),
        || {
            format!(
                "{record:?} after the end of an attempt of {:?}",
                watch.limbo
            )
        },
    )
}

/// A run whose attempt is withdrawn waits again as it did before. After a restart it is not known any
/// more that its backoff is over.
pub(super) fn a_withdrawn_attempt_changes_nothing(
    watch: &Watch,
    step: &Step,
    record: &Record,
) -> Check {
    let Some(withdrawn) = watch.limbo.and_then(|limbo| limbo.withdrawn) else {
        return Ok(());
    };
    let unchanged = match record {
        Record::RunRequeued { .. } => {
            withdrawn.retried.is_none() || matches!(step.event, Event::Started { .. })
        }
        Record::RunRetrying { until, .. } => withdrawn.retried == Some(*until),
        _ => true,
    };
    ensure(unchanged, || format!("{record:?} after {withdrawn:?}"))
}

/// A run that had an attempt is never skipped.
pub(super) fn skipped_runs_had_no_attempt(watch: &Watch, step: &Step, record: &Record) -> Check {
    let Record::RunEnded {
        run,
        end: RunEnd::Skipped(_),
        ..
    } = record
    else {
        return Ok(());
    };
    let attempted = watch.view.runs.get(run).is_some_and(RunRow::attempted);
    ensure(!attempted, || format!("{record:?}"))?;
    let not_yet = matches!(step.event, Event::Started { .. });
    let ran = step.ever.range((*run, 0)..=(*run, u32::MAX)).next();
    ensure(not_yet || ran.is_none(), || {
        format!("{record:?}: {ran:?} has run")
    })
}

/// A run that somebody cancelled while its guest ran ends `cancelled`, whatever the guest said.
pub(super) fn cancel_wins(watch: &Watch, _: &Step, record: &Record) -> Check {
    let Some(row) = run_of(record).and_then(|run| watch.view.runs.get(&run)) else {
        return Ok(());
    };
    let loses = match record {
        Record::RunEnded { end, .. } => *end != RunEnd::Cancelled,
        Record::RunRequeued { .. } | Record::RunRetrying { .. } | Record::AttemptStarted { .. } => {
            true
        }
        _ => false,
    };
    ensure(!(row.cancel_requested && loses), || format!("{record:?}"))
}
