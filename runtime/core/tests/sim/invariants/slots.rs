//! Slots: who may start, and that whoever may does.

use std::collections::BTreeMap;

use cronlet_core::{
    engine::{Effect, Event},
    name::{GroupName, JobName},
    policy::Overlap,
    record::Record,
    run::{Cause, RunEnd, RunId, RunStatus, SkipReason},
};
use jiff::{SignedDuration, Timestamp};

use super::{Check, ends::records, ensure};
use crate::{
    calendar::excludes,
    oracle::{next_after, start},
    tables::RunRow,
    watch::{Step, Watch},
};

/// The run that a record starts an attempt of.
fn starting<'a>(watch: &'a Watch, record: &Record) -> Option<&'a RunRow> {
    match record {
        Record::AttemptStarted { run, .. } => watch.view.runs.get(*run),
        _ => None,
    }
}

/// `max_concurrent_runs` counts every attempt that is armed or running; one that is armed ahead of its
/// time from then on.
pub(super) fn slots_are_respected(watch: &Watch, step: &Step, record: &Record) -> Check {
    let takes = starts_now(watch, step, record).is_some() || fires(watch, record).is_some();
    ensure(!takes || has_free_slot(watch), || {
        format!("{} attempts have a slot already", watch.in_slots().count())
    })
}

/// The run that a record starts an attempt of whose time has come.
fn starts_now<'a>(watch: &'a Watch, step: &Step, record: &Record) -> Option<&'a RunRow> {
    match record {
        Record::AttemptStarted { starts_at, .. } if *starts_at > step.now => None,
        _ => starting(watch, record),
    }
}

/// The run that was armed ahead of its time, and whose time comes with a record.
fn fires<'a>(watch: &'a Watch, record: &Record) -> Option<&'a RunRow> {
    let Record::Watermark { job, to } = record else {
        return None;
    };
    watch.fires(job, *to)
}

/// An occurrence is armed ahead of its time only within the lead, only as the next one of its job, only if
/// it may run and be on time, and only if no run of the job is open, unless they may overlap, or waits; those
/// of its backfills do not count.
pub(super) fn arming_is_for_the_next_time(watch: &Watch, step: &Step, record: &Record) -> Check {
    let (Some(row), Record::AttemptStarted { starts_at, .. }) = (starting(watch, record), record)
    else {
        return Ok(());
    };
    if *starts_at <= step.now {
        return Ok(());
    }
    let name = &row.new.job;
    let job = watch.job(name).ok_or("its job is gone")?;
    let watermark = watch.view.jobs.get(name).map(|row| row.watermark);
    let next = watermark.and_then(|from| next_after(&job.schedule, from));
    let soon = *starts_at <= step.now + step.lead;
    let others = watch
        .view
        .open_runs()
        .filter(|other| other.new.run != row.new.run);
    let mut others = others.filter(|other| other.new.job == *name && other.backfill().is_none());
    let alone = if job.overlap == Overlap::Allow {
        others.all(|other| watch.open.contains(&other.new.run))
    } else {
        others.next().is_none()
    };
    let is_it = next == Some(row.new.nominal) && row.new.cause == Cause::Time(row.new.nominal);
    let may_run = excludes(&job.schedule.calendar, row.new.nominal).is_none();
    let may_run = may_run && !job.catch_up.grace.is_zero();
    ensure(
        soon && is_it && may_run && alone && row.last_attempt == 0,
        || format!("{record:?} at {}: {row:?}, next is {next:?}", step.now),
    )
}

/// What is armed ahead of its time takes a place of its job and of its group, and so only one that nobody
/// waits for.
pub(super) fn arming_takes_nobodys_place(watch: &Watch, step: &Step, record: &Record) -> Check {
    let (Some(row), Record::AttemptStarted { starts_at, .. }) = (starting(watch, record), record)
    else {
        return Ok(());
    };
    if *starts_at <= step.now {
        return Ok(());
    }
    let caps = watch.plan.as_ref().map(|plan| &plan.settings.groups);
    let capped = |group: &&GroupName| caps.is_some_and(|caps| caps.contains_key(*group));
    let group = |row: &RunRow| watch.job(&row.new.job)?.group.as_ref().filter(capped);
    let (job, mine, room) = (&row.new.job, group(row), Room::of(watch));
    let mut others = watch.view.open_runs().filter(|other| {
        let looked_at = other.status == RunStatus::Queued || !is_unfinished(step);
        let here = other.new.job == *job || mine.is_some() && group(other) == mine;
        here && looked_at && waits(other, step.now) && watch.open.contains(&other.new.run)
    });
    let waits = others.find(|other| other.new.job == *job || room.of_job(other));
    ensure(waits.is_none(), || format!("{row:?} is before {waits:?}"))
}

/// After a step, what is armed ahead of its time is what the plan has: an edit withdraws it.
pub(super) fn what_is_armed_ahead_is_of_the_plan(watch: &Watch, _: &Step) -> Check {
    if watch.stopping() {
        return Ok(());
    }
    for run in &watch.ahead {
        let row = watch.view.runs.get(*run).ok_or("there is no such run")?;
        let armed = watch.armed.get(&(*run, row.last_attempt));
        ensure(armed == watch.job(&row.new.job), || {
            format!("{row:?} is armed with {armed:?}")
        })?;
    }
    Ok(())
}

/// An armed run whose time comes meets the same rules as one that was not armed: nothing of its job is
/// open, unless they may overlap, and nobody waits for the slot that it takes. Who starts in the same step
/// did not wait for it.
pub(super) fn an_armed_run_overtakes_nobody(watch: &Watch, step: &Step, record: &Record) -> Check {
    let Some(row) = fires(watch, record) else {
        return Ok(());
    };
    let job = watch.standing(&row.new.job).ok_or("its job is gone")?;
    let free = !watch.has_open(&row.new.job) || job.overlap == Overlap::Allow;
    ensure(free, || format!("{row:?} meets an open run"))?;
    // What was due before an edit or a pause is handled first of all in its step, by what stood before it.
    if matches!(
        step.event,
        Event::PlanReplaced(_) | Event::PauseRequested(_)
    ) {
        return Ok(());
    }
    let room = Room::of(watch);
    let mut waiting = watch.view.open_runs();
    let first = waiting.find(|other| {
        let looked_at = other.status == RunStatus::Queued || !is_unfinished(step);
        let starts = |record: &Record| match record {
            Record::AttemptStarted { run, .. } => *run == other.new.run,
            _ => false,
        };
        looked_at && may_start(watch, &room, other, step.now) && !records(step).any(starts)
    });
    ensure(first.is_none(), || {
        format!("{row:?} starts, {first:?} waits")
    })
}

/// What comes to a job, and is not turned away before it meets anything, withdraws what is armed ahead of its time
/// there: nothing stays armed beside it.
pub(super) fn what_comes_disarms_what_is_ahead(
    watch: &Watch,
    step: &Step,
    record: &Record,
) -> Check {
    let Record::RunQueued(new) = record else {
        return Ok(());
    };
    let turned_away = records(step).any(|record| match record {
        Record::RunEnded {
            run,
            end: RunEnd::Skipped(reason),
            ..
        } => {
            let early = [
                SkipReason::DependencyFailed,
                SkipReason::OutsideHours,
                SkipReason::Blackout,
            ];
            *run == new.run && early.contains(reason)
        }
        _ => false,
    });
    if turned_away || matches!(new.cause, Cause::Backfill(..)) {
        return Ok(());
    }
    let mut ahead = watch
        .ahead
        .iter()
        .filter_map(|run| watch.view.runs.get(*run));
    let armed = ahead.find(|row| row.new.job == new.job);
    ensure(armed.is_none(), || format!("{armed:?} beside {new:?}"))
}

/// `max_instances` counts every attempt of the job that is armed or running.
pub(super) fn instances_are_respected(watch: &Watch, _: &Step, record: &Record) -> Check {
    let Some(row) = starting(watch, record) else {
        return Ok(());
    };
    ensure(Room::of(watch).of_job(row), || {
        format!("{} is at its cap", row.new.job)
    })
}

/// A group's `max` counts every attempt of its jobs that is armed or running, by the definition that
/// the attempt keeps.
pub(super) fn groups_are_respected(watch: &Watch, _: &Step, record: &Record) -> Check {
    let Some(row) = starting(watch, record) else {
        return Ok(());
    };
    ensure(Room::of(watch).of_group(row), || {
        format!("the group of {} is at its cap", row.new.job)
    })
}

/// Of the runs that may start, the one that has waited longest does, a point of priority counting for a
/// minute; of equals the one with the lowest number. When a crowd keeps the engine from looking at
/// every backoff in one step, those it has not looked at do not count yet.
pub(super) fn the_first_in_line_starts_first(watch: &Watch, step: &Step, record: &Record) -> Check {
    let Some(row) = starts_now(watch, step, record) else {
        return Ok(());
    };
    let room = Room::of(watch);
    let here = place(watch, row);
    let before = watch
        .view
        .open_runs()
        .filter(|other| place(watch, other) < here)
        .filter(|other| other.status == RunStatus::Queued || !is_unfinished(step))
        .find(|other| may_start(watch, &room, other, step.now));
    ensure(before.is_none(), || {
        format!("{:?} starts, {before:?} is before it", row.new.run)
    })
}

/// While the store cannot write, and while the engine stops, nothing is created and nothing starts. What
/// an end causes is one with the end, and waits.
pub(super) fn nothing_is_admitted_while_stopping_or_failing(
    watch: &Watch,
    step: &Step,
    record: &Record,
) -> Check {
    // A definition that is replaced meanwhile leaves what it was due for as missed, or as excluded.
    let replaces = matches!(step.event, Event::PlanReplaced(_)) && !watch.stopping();
    let left = match record {
        Record::Skipped { reason, .. } => matches!(
            reason,
            SkipReason::Missed | SkipReason::OutsideHours | SkipReason::Blackout
        ),
        Record::Watermark { .. } => true,
        _ => false,
    };
    // So does a job that fails once too often.
    let pauses = records(step).any(|record| matches!(record, Record::JobPaused { .. }));
    if (replaces || pauses) && left {
        return Ok(());
    }
    let admits = match record {
        Record::RunQueued(new) => !matches!(new.cause, Cause::After(_)),
        Record::AttemptStarted { .. } | Record::Watermark { .. } | Record::Skipped { .. } => true,
        _ => false,
    };
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
    let Some(row) = watch.view.runs.get(*run) else {
        return Ok(());
    };
    let job = watch.job(&row.new.job).ok_or("its job is gone")?;
    let window = SignedDuration::try_from(job.catch_up.window).expect("a window is short");
    let late = matches!(row.new.cause, Cause::Time(_))
        && !row.attempted()
        && step.now.duration_since(start(job, row.new.nominal)) >= window;
    ensure(late == expires, || {
        format!("{record:?}: nominal {}, window {window:?}", row.new.nominal)
    })
}

/// Nothing starts before its nominal time or before its backoff is over. What is armed ahead starts at
/// its nominal time.
pub(super) fn nothing_starts_early(watch: &Watch, step: &Step, record: &Record) -> Check {
    let (Some(row), Record::AttemptStarted { starts_at, .. }) = (starting(watch, record), record)
    else {
        return Ok(());
    };
    if *starts_at != step.now {
        let start = watch
            .job(&row.new.job)
            .map(|job| start(job, row.new.nominal));
        return ensure(*starts_at > step.now && start == Some(*starts_at), || {
            format!("{record:?} is for {start:?}")
        });
    }
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
    let room = Room::of(watch);
    let idle = watch
        .view
        .open_runs()
        .find(|row| may_start(watch, &room, row, step.now));
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

/// A run that is held back arrives when its time has come, and not before; the engine has asked to be
/// woken for it.
pub(super) fn held_runs_arrive_in_time(watch: &Watch, step: &Step) -> Check {
    if !watch.serves() || !watch.clock_is_set {
        return Ok(());
    }
    let held = watch.view.open_runs();
    let held = held.filter_map(|row| row.new.not_before.map(|at| (at, row)));
    for (at, row) in held {
        let by = at.max(step.now);
        ensure(watch.wish.is_some_and(|wish| wish <= by), || {
            format!("{row:?} arrives, the wake is at {:?}", watch.wish)
        })?;
    }
    Ok(())
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

/// Where a run stands in line: microseconds, then its number.
fn place(watch: &Watch, row: &RunRow) -> (i64, RunId) {
    let waits = watch.waits.get(&row.new.run).copied();
    let since = waits.unwrap_or_else(|| row.until.unwrap_or(row.new.queued_at));
    let since = since.as_microsecond();
    let priority = watch
        .job(&row.new.job)
        .map_or(0, |job| i64::from(job.priority));
    (since - priority * 60_000_000, row.new.run)
}

/// Whether nothing keeps a run from starting, given that there is a slot.
fn may_start(watch: &Watch, room: &Room, row: &RunRow, now: Timestamp) -> bool {
    waits(row, now) && watch.open.contains(&row.new.run) && room.of_job(row) && room.of_group(row)
}

fn has_free_slot(watch: &Watch) -> bool {
    let cap = watch.plan.as_ref().map(|p| p.settings.max_concurrent_runs);
    cap.is_some_and(|cap| watch.in_slots().count() < cap.get() as usize)
}

/// How many attempts have a slot, by what caps count.
struct Room<'a> {
    watch: &'a Watch,
    jobs: BTreeMap<&'a JobName, usize>,
    groups: BTreeMap<&'a GroupName, usize>,
}

impl<'a> Room<'a> {
    fn of(watch: &'a Watch) -> Self {
        let (mut jobs, mut groups) = (BTreeMap::new(), BTreeMap::new());
        for row in watch.holders() {
            *jobs.entry(&row.new.job).or_default() += 1;
            let live = row.live.map(|live| (row.new.run, live.attempt));
            let armed = live.and_then(|key| watch.armed.get(&key));
            if let Some(group) = armed.and_then(|job| job.group.as_ref()) {
                *groups.entry(group).or_default() += 1;
            }
        }
        Self {
            watch,
            jobs,
            groups,
        }
    }

    fn of_job(&self, row: &RunRow) -> bool {
        let used = self.jobs.get(&row.new.job).copied().unwrap_or(0);
        self.watch.job(&row.new.job).is_some_and(|job| {
            job.max_instances
                .is_none_or(|cap| used < cap.get() as usize)
        })
    }

    fn of_group(&self, row: &RunRow) -> bool {
        let group = self
            .watch
            .job(&row.new.job)
            .and_then(|job| job.group.as_ref());
        let Some(group) = group else { return true };
        let used = self.groups.get(group).copied().unwrap_or(0);
        let caps = self.watch.plan.as_ref().map(|plan| &plan.settings.groups);
        let cap = caps.and_then(|caps| caps.get(group));
        cap.is_none_or(|cap| used < cap.get() as usize)
    }
}
