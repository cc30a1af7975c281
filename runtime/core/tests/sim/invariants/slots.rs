//! Slots: who may start, and that whoever may does.

use cronlet_core::{
    engine::{Effect, Event},
    record::Record,
    run::{Cause, RunEnd, RunStatus, SkipReason},
};
use jiff::{SignedDuration, Timestamp};

use super::{Check, ensure};
use crate::{
    tables::RunRow,
    watch::{Step, Watch},
};

/// The run that a record starts an attempt of.
fn starting<'a>(watch: &'a Watch, record: &Record) -> Option<&'a RunRow> {
    match record {
        Record::AttemptStarted { run, .. } => watch.view.runs.get(run),
        _ => None,
    }
}

/// `max_concurrent_runs` counts every attempt that is armed or running.
pub(super) fn slots_are_respected(watch: &Watch, _: &Step, record: &Record) -> Check {
    if starting(watch, record).is_none() {
        return Ok(());
    }
    ensure(has_free_slot(watch), || {
        format!("{} attempts have a slot already", watch.holders().count())
    })
}

/// `max_instances` counts every attempt of the job that is armed or running.
pub(super) fn instances_are_respected(watch: &Watch, _: &Step, record: &Record) -> Check {
    let Some(row) = starting(watch, record) else {
        return Ok(());
    };
    ensure(has_free_instance(watch, row), || {
        format!("{} is at its cap", row.new.job)
    })
}

/// Of the runs that may start, the one with the lowest number does. When a crowd keeps the engine from
/// looking at every backoff in one step, those it has not looked at do not count yet.
pub(super) fn the_oldest_starts_first(watch: &Watch, step: &Step, record: &Record) -> Check {
    let Some(row) = starting(watch, record) else {
        return Ok(());
    };
    let older = watch
        .view
        .open_runs()
        .take_while(|older| older.new.run < row.new.run)
        .filter(|older| older.status == RunStatus::Queued || !is_unfinished(step))
        .find(|older| waits(older, step.now) && has_free_instance(watch, older));
    ensure(older.is_none(), || {
        format!("{:?} starts, {older:?} is older", row.new.run)
    })
}

/// While the store cannot write, and while the engine stops, nothing is created and nothing starts.
pub(super) fn nothing_is_admitted_while_stopping_or_failing(
    watch: &Watch,
    step: &Step,
    record: &Record,
) -> Check {
    // A definition that is replaced meanwhile leaves what it was due for as missed.
    let replaces = matches!(step.event, Event::PlanReplaced(_)) && !watch.stopping();
    let missed = match record {
        Record::Skipped { reason, .. } => *reason == SkipReason::Missed,
        Record::Watermark { .. } => true,
        _ => false,
    };
    if replaces && missed {
        return Ok(());
    }
    let admits = matches!(
        record,
        Record::RunQueued(_)
            | Record::AttemptStarted { .. }
            | Record::Watermark { .. }
            | Record::Skipped { .. }
    );
    ensure(!admits || watch.serves(), || {
        format!(
            "{record:?}, stopping: {}, store fails: {}",
            watch.stopping(),
            watch.store_fails
        )
    })
}

/// A run that its trigger made and that never had an attempt starts only while it is younger than
/// `catch_up_window`, and expires only when it is not.
pub(super) fn expired_runs_do_not_start(watch: &Watch, step: &Step, record: &Record) -> Check {
    let (run, expires) = match record {
        Record::AttemptStarted { run, .. } => (run, false),
        Record::RunEnded {
            run,
            end: RunEnd::Skipped(SkipReason::Expired),
            ..
        } => (run, true),
        _ => return Ok(()),
    };
    let Some(row) = watch.view.runs.get(run) else {
        return Ok(());
    };
    let job = watch.job(&row.new.job).ok_or("its job is gone")?;
    let window = SignedDuration::try_from(job.catch_up.window).expect("a window is short");
    let late = matches!(row.new.cause, Cause::Time(_))
        && !row.attempted()
        && step.now.duration_since(row.new.nominal) >= window;
    ensure(late == expires, || {
        format!("{record:?}: nominal {}, window {window:?}", row.new.nominal)
    })
}

/// Nothing starts before its nominal time or before its backoff is over.
pub(super) fn nothing_starts_early(watch: &Watch, step: &Step, record: &Record) -> Check {
    let (Some(row), Record::AttemptStarted { starts_at, .. }) = (starting(watch, record), record)
    else {
        return Ok(());
    };
    ensure(*starts_at == step.now, || {
        format!("{record:?} is not for now")
    })?;
    if let Cause::Time(at) = row.new.cause {
        ensure(at <= watch.latest, || format!("{record:?} is for {at}"))?;
    }
    ensure(row.until.is_none_or(|until| until <= watch.latest), || {
        format!("{record:?} waits until {:?}", row.until)
    })
}

/// A job that the plan does not have gets no run and no attempt.
pub(super) fn a_removed_job_starts_nothing(watch: &Watch, _: &Step, record: &Record) -> Check {
    let there = match record {
        Record::RunQueued(new) => watch.standing(&new.job).is_some(),
        Record::Watermark { job, .. } | Record::Skipped { job, .. } => {
            watch.standing(job).is_some()
        }
        _ => starting(watch, record).is_none_or(|row| watch.job(&row.new.job).is_some()),
    };
    ensure(there, || format!("{record:?}"))
}

/// After a step, no run waits that could start, unless the engine asked to be woken at once.
pub(super) fn no_slot_is_idle(watch: &Watch, step: &Step) -> Check {
    let awake = watch.wish.is_some_and(|wish| wish <= step.now);
    if !watch.serves() || awake || !has_free_slot(watch) {
        return Ok(());
    }
    let idle = watch
        .view
        .open_runs()
        .find(|row| waits(row, step.now) && has_free_instance(watch, row));
    ensure(idle.is_none(), || format!("{idle:?} could start"))
}

/// After a step, the engine has asked to be woken when the first backoff is over. One that was over
/// before the clock was set back may count as over.
pub(super) fn retries_are_not_forgotten(watch: &Watch, _: &Step) -> Check {
    if !watch.serves() {
        return Ok(());
    }
    let retrying = watch.view.open_runs();
    let retrying = retrying.filter(|row| row.status == RunStatus::Retrying);
    let ends = retrying.filter_map(|row| row.until);
    let first = ends.filter(|until| *until > watch.latest).min();
    ensure(
        first.is_none_or(|until| watch.wish.is_some_and(|wish| wish <= until)),
        || {
            format!(
                "a backoff ends at {first:?}, the wake is at {:?}",
                watch.wish
            )
        },
    )
}

/// Whether the engine asks to be woken at once.
fn is_unfinished(step: &Step) -> bool {
    let mut effects = step.effects.iter();
    effects.any(|effect| matches!(effect, Effect::WakeAt(at) if *at <= step.now))
}

/// Whether a run waits for nothing but a slot.
fn waits(row: &RunRow, now: Timestamp) -> bool {
    match row.status {
        RunStatus::Queued => true,
        RunStatus::Retrying => row.until.is_some_and(|until| until <= now),
        _ => false,
    }
}

fn has_free_slot(watch: &Watch) -> bool {
    let cap = watch.plan.as_ref().map(|p| p.settings.max_concurrent_runs);
    cap.is_some_and(|cap| watch.holders().count() < cap.get() as usize)
}

fn has_free_instance(watch: &Watch, row: &RunRow) -> bool {
    let job = &row.new.job;
    let used = watch.holders().filter(|row| row.new.job == *job).count();
    watch.job(job).is_some_and(|job| {
        job.max_instances
            .is_none_or(|cap| used < cap.get() as usize)
    })
}
