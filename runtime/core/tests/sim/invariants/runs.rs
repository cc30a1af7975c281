//! Runs and attempts: their names, their states, and the legal moves.

use std::time::Duration;

use cronlet_core::{
    engine::Event,
    policy::{CatchUpMode, Overlap},
    record::{NewRun, Record},
    run::{Cause, Origin, RunEnd, RunId, RunStatus, SkipReason, Turn},
};
use jiff::Timestamp;

use super::{
    Check,
    due::{is_late, span},
    ends::records,
    ensure,
};
use crate::{
    oracle::{put_off, start},
    tables::{RunRow, run_of},
    watch::{Step, Watch},
};

/// A run's status moves only as `may_become` says; a final run stays as it is. A run whose attempt is
/// withdrawn goes on as if the attempt had never been created. One that waits for its backoff may be
/// told an earlier end of it, when the clock was wrong.
pub(super) fn moves_are_legal(watch: &Watch, step: &Step, record: &Record) -> Check {
    let Some(run) = run_of(record) else {
        return Ok(());
    };
    let row = watch.view.runs.get(run);
    let row = row.ok_or_else(|| format!("{record:?}: there is no such run"))?;
    let next = match record {
        Record::AttemptStarted { .. } => RunStatus::Running,
        Record::RunRequeued { .. } => RunStatus::Queued,
        Record::RunRetrying { .. } => RunStatus::Retrying,
        Record::RunEnded { end, .. } => end.status(),
        Record::AttemptDisarmed { .. }
        | Record::RunWithdrawn { .. }
        | Record::StateWritten { .. }
        | Record::AttemptEnded { .. }
        | Record::CancelRequested { .. } => {
            return ensure(row.status == RunStatus::Running, || {
                format!("{record:?}: it is {}", row.status)
            });
        }
        _ => return Ok(()),
    };
    let sooner = |until: &Timestamp| row.until.is_some_and(|before| *until < before);
    let goes_on = match (record, step.event) {
        (Record::RunRetrying { until, .. }, Event::ClockJumped { .. } | Event::Started { .. }) => {
            row.status == RunStatus::Retrying && sooner(until)
        }
        _ => false,
    };
    let limbo = watch.limbo.filter(|limbo| limbo.run == run);
    let withdrawn = limbo.is_some_and(|limbo| limbo.withdrawn.is_some());
    let may = row.status.may_become(next) || withdrawn && RunStatus::Queued.may_become(next);
    ensure((may || goes_on) && row.live.is_none(), || {
        format!("{record:?}: it is {}, {:?}", row.status, row.live)
    })
}

/// Each run has a number higher than all before it.
pub(super) fn run_numbers_rise(watch: &Watch, _: &Step, record: &Record) -> Check {
    let Record::RunQueued(new) = record else {
        return Ok(());
    };
    let last = watch.view.last_number();
    ensure(new.run.0 > last, || format!("{:?} after {last}", new.run))
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

/// What the run of an instant is to be.
fn of_an_instant(
    watch: &Watch,
    step: &Step,
    new: &NewRun,
    at: Timestamp,
) -> Result<NewRun, String> {
    let job = watch.standing(&new.job).ok_or("its job is gone")?;
    let late = is_late(job, step.now, at);
    let start = start(job, at);
    let ahead = step.arms_ahead(new.run);
    Ok(NewRun {
        nominal: at,
        origin: if late {
            Origin::CatchUp
        } else {
            Origin::Schedule
        },
        not_before: if late && !job.schedule.jitter.is_zero() {
            let left = span(job.catch_up.window) - step.now.duration_since(start);
            let most = Duration::try_from(left).map_err(|_| "it is too late")? / 2;
            Some(put_off(job, at, step.now, most))
        } else {
            Some(start).filter(|start| !ahead && *start > step.now)
        },
        actor: None,
        params: None,
        input_of: None,
        queued_at: step.now,
        ..NewRun::clone(new)
    })
}

/// A run says truly what made it, when, and who asked.
pub(super) fn new_runs_are_as_described(watch: &Watch, step: &Step, record: &Record) -> Check {
    let Record::RunQueued(new) = record else {
        return Ok(());
    };
    let expected = match (new.cause, step.event) {
        (Cause::Time(at), _) => of_an_instant(watch, step, new, at)?,
        (Cause::Manual(id), Event::RunRequested(request)) if request.id == id => NewRun {
            run: new.run,
            job: request.job.clone(),
            cause: new.cause,
            nominal: request.nominal.unwrap_or(step.now),
            origin: Origin::Manual,
            actor: request.actor.clone(),
            params: request.params.clone(),
            input_of: request.input_of,
            queued_at: step.now,
            not_before: None,
            turn: new.turn,
        },
        (Cause::After(run), _) => {
            let upstream = watch.view.runs.get(run).ok_or("there is no such run")?;
            NewRun {
                run: new.run,
                job: new.job.clone(),
                cause: new.cause,
                nominal: upstream.new.nominal,
                origin: Origin::After,
                actor: None,
                params: None,
                input_of: Some(run),
                queued_at: step.now,
                not_before: None,
                turn: new.turn,
            }
        }
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
                input_of: None,
                queued_at: step.now,
                not_before: None,
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
            let row = watch.view.runs.get(*run).ok_or("there is no such run")?;
            let mut others = watch.open_of(&row.new.job);
            let other = others.any(|other| other.new.run != *run);
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
            let row = watch.view.runs.get(*run).ok_or("there is no such run")?;
            let waits = row.new.turn == Turn::Queue && !watch.open.contains(run);
            let newer = records(step).any(|record| match record {
                Record::RunQueued(new) => new.job == row.new.job && new.run > *run,
                Record::RunArrived { run: arrived, .. } => arrived != run,
                _ => false,
            });
            ensure(waits && newer, || format!("{row:?} gives way to nothing"))
        }
        _ => Ok(()),
    }
}

/// A run that was held back arrives at its time, and meets its job's other runs then.
pub(super) fn held_runs_meet_when_they_arrive(
    watch: &Watch,
    step: &Step,
    record: &Record,
) -> Check {
    let Record::RunArrived { run, turn } = record else {
        return Ok(());
    };
    let row = watch.view.runs.get(*run).ok_or("there is no such run")?;
    let jitter = watch.job(&row.new.job).map(|job| span(job.schedule.jitter));
    let due = row.new.not_before.is_some_and(|at| {
        // No run waits for longer than that, whatever the clock has shown meanwhile.
        let least = watch
            .waits
            .get(run)
            .map_or(step.now, |at| step.now.min(*at));
        at <= watch.latest || Some(at.duration_since(least)) > jitter
    });
    ensure(due && row.status == RunStatus::Queued, || {
        format!("{row:?} arrives")
    })?;
    if row.new.turn == Turn::CatchUp || *turn == Turn::CatchUp {
        return ensure(row.new.turn == *turn, || format!("{record:?}: {row:?}"));
    }
    let arrived = NewRun {
        turn: *turn,
        not_before: None,
        ..NewRun::clone(&row.new)
    };
    a_new_run_gets_its_turn(watch, step, &arrived)
}

fn a_new_run_gets_its_turn(watch: &Watch, step: &Step, new: &NewRun) -> Check {
    let job = match new.cause {
        Cause::Time(_) => watch.standing(&new.job),
        // What a definition that was replaced was due for comes first.
        _ => watch.job(&new.job),
    };
    let job = job.ok_or("its job is gone")?;
    if matches!(new.cause, Cause::Backfill(..)) {
        return ensure(new.turn == Turn::Now, || format!("{new:?} waits"));
    }
    if new.turn == Turn::CatchUp {
        let catches_up =
            matches!(new.cause, Cause::Time(_)) && job.catch_up.mode == CatchUpMode::All;
        return ensure(catches_up, || format!("{new:?} is no catch-up"));
    }
    if new.not_before.is_some() {
        return ensure(new.turn == Turn::Now, || format!("{new:?} met somebody"));
    }
    let meets = watch.has_open(&new.job);
    if matches!(new.cause, Cause::After(_)) && skipped_at_once(step, new.run) {
        return ensure(new.turn == Turn::Now, || format!("{new:?} waits in vain"));
    }
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

/// Whether a run is skipped though it has met no other.
fn skipped_at_once(step: &Step, run: RunId) -> bool {
    use SkipReason::{Blackout, DependencyFailed, OutsideHours};
    records(step).any(|record| {
        matches!(record, Record::RunEnded {
            run: ended,
            end: RunEnd::Skipped(DependencyFailed | OutsideHours | Blackout),
            ..
        } if *ended == run)
    })
}

/// Only a run whose turn has come starts.
pub(super) fn nobody_jumps_the_queue(watch: &Watch, step: &Step, record: &Record) -> Check {
    let Record::AttemptStarted { run, starts_at, .. } = record else {
        return Ok(());
    };
    let ahead = *starts_at > step.now && watch.ahead.contains(run);
    ensure(ahead || watch.open.contains(run), || {
        format!("{run:?} is not open: {:?}", watch.view.runs.get(*run))
    })
}

/// An attempt's number is one more than that of the run's last attempt, withdrawn ones included.
pub(super) fn attempt_numbers_rise(watch: &Watch, _: &Step, record: &Record) -> Check {
    let Record::AttemptStarted { run, attempt, .. } = record else {
        return Ok(());
    };
    let last = watch.view.runs.get(*run).map_or(0, |row| row.last_attempt);
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
    let live = watch.view.runs.get(run).and_then(|row| row.live);
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

/// A run whose attempt is withdrawn waits again as it did before, or since what any clock has shown since
/// then. After a restart it is not known any more that its backoff is over.
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
        Record::RunRetrying { run, until } => {
            withdrawn.retried.is_some() && watch.waits.get(run) == Some(until)
        }
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
    let attempted = watch.view.runs.get(*run).is_some_and(RunRow::attempted);
    ensure(!attempted, || format!("{record:?}"))?;
    let not_yet = matches!(step.event, Event::Started { .. });
    let ran = step.ever.range((*run, 0)..=(*run, u32::MAX)).next();
    ensure(not_yet || ran.is_none(), || {
        format!("{record:?}: {ran:?} has run")
    })
}

/// A run that somebody cancelled while its guest ran ends `cancelled`, whatever the guest said.
pub(super) fn cancel_wins(watch: &Watch, _: &Step, record: &Record) -> Check {
    let Some(row) = run_of(record).and_then(|run| watch.view.runs.get(run)) else {
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
