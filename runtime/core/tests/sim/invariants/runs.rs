//! Runs and attempts: their names, their states, and the legal moves.

use cronlet_core::{
    engine::Event,
    policy::{CatchUpMode, Overlap},
    record::{NewRun, Record},
    run::{Cause, Origin, RunEnd, RunStatus, SkipReason, Turn},
};
use jiff::SignedDuration;

use super::{Check, ends::records, ensure};
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
            turn: new.turn,
        },
        (Cause::Manual(_), _) => return Err(format!("{new:?}: nobody asked")),
        (Cause::Backfill(id, at), _) => {
            let backfill = watch.view.backfills.get(&id).ok_or("nobody asked")?;
            NewRun {
                run: new.run,
                job: backfill.new.job.clone(),
                cause: new.cause,
                nominal: at,
                origin: Origin::Backfill,
                actor: backfill.new.actor.clone(),
                params: None,
                queued_at: step.now,
                turn: Turn::Now,
            }
        }
    };
    ensure(**new == expected, || format!("{new:?}, not {expected:?}"))
}

/// An occurrence that meets an open run is skipped, waits, or starts beside it or after it, as the
/// policy says; the runs of a catch-up wait for one another and meet nobody.
pub(super) fn overlap_is_respected(watch: &Watch, step: &Step, record: &Record) -> Check {
    match record {
        Record::RunQueued(new) => a_new_run_gets_its_turn(watch, step, new),
        Record::RunEnded {
            run,
            end: RunEnd::Skipped(reason @ (SkipReason::Overlap | SkipReason::QueueFull)),
            ..
        } => {
            let row = watch.view.runs.get(run).ok_or("there is no such run")?;
            let mut others = watch.open_of(&row.new.job);
            let other = others.any(|other| other.new.run < *run);
            let skips = match watch.job(&row.new.job).map(|job| job.overlap) {
                Some(Overlap::Skip) => *reason == SkipReason::Overlap,
                Some(Overlap::QueueAll { max }) => {
                    let full = watch.queued(&row.new.job) >= max.get() as usize;
                    *reason == SkipReason::QueueFull && full
                }
                _ => false,
            };
            ensure(other && skips, || format!("{row:?} met nothing"))
        }
        Record::RunEnded {
            run,
            end: RunEnd::Skipped(SkipReason::Superseded),
            ..
        } => {
            let row = watch.view.runs.get(run).ok_or("there is no such run")?;
            let waits = row.new.turn == Turn::Queue && !watch.open.contains(run);
            let newer = records(step).any(
                |record| matches!(record, Record::RunQueued(new) if new.job == row.new.job && new.run > *run),
            );
            ensure(waits && newer, || format!("{row:?} gives way to nothing"))
        }
        _ => Ok(()),
    }
}

fn a_new_run_gets_its_turn(watch: &Watch, step: &Step, new: &NewRun) -> Check {
    let job = watch.standing(&new.job).ok_or("its job is gone")?;
    if matches!(new.cause, Cause::Backfill(..)) {
        return ensure(new.turn == Turn::Now, || format!("{new:?} waits"));
    }
    if new.turn == Turn::CatchUp {
        let catches_up =
            matches!(new.cause, Cause::Time(_)) && job.catch_up.mode == CatchUpMode::All;
        return ensure(catches_up, || format!("{new:?} is no catch-up"));
    }
    let meets = watch.has_open(&new.job);
    let is_skipped = records(step).any(|record| {
        matches!(record, Record::RunEnded {
            run,
            end: RunEnd::Skipped(SkipReason::Overlap | SkipReason::QueueFull),
            ..
        } if *run == new.run)
    });
    let queued = watch.queued(&new.job);
    let holds = match job.overlap {
        _ if is_skipped => meets && new.turn == Turn::Now,
        _ if !meets => new.turn == Turn::Now,
        Overlap::Skip => false,
        Overlap::Allow => new.turn == Turn::Now,
        Overlap::QueueOne => new.turn == Turn::Queue && queued == 0,
        Overlap::QueueAll { max } => new.turn == Turn::Queue && queued < max.get() as usize,
        Overlap::CancelRunning { .. } => {
            let mut open = watch.open_of(&new.job);
            let told = open.all(|row| row.cancel_requested || row.new.turn == Turn::CatchUp);
            new.turn == Turn::Queue && queued == 0 && told
        }
    };
    ensure(holds, || {
        format!(
            "{new:?}: meets an open run: {meets}, {queued} wait, {:?}",
            job.overlap
        )
    })
}

/// Only a run whose turn has come starts.
pub(super) fn nobody_jumps_the_queue(watch: &Watch, _: &Step, record: &Record) -> Check {
    let Record::AttemptStarted { run, .. } = record else {
        return Ok(());
    };
    ensure(watch.open.contains(run), || {
        format!("{run:?} is not open: {:?}", watch.view.runs.get(run))
    })
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
