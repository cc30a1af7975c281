//! Instants: what is due is accounted for, exactly once and as `catch_up` says.

use std::{collections::BTreeSet, time::Duration};

use cronlet_core::{
    engine::{Effect, Event},
    job::Job,
    name::JobName,
    policy::{CatchUp, CatchUpMode, Overlap},
    record::Record,
    run::{Cause, RunEnd, SkipReason},
};
use jiff::{SignedDuration, Timestamp};

use super::{Check, ensure};
use crate::{
    calendar::excludes,
    oracle::{after, before, instants, next_after, start},
    tables::RunRow,
    watch::{Account, Step, Watch},
};

/// A watermark never moves back, never beyond now, and only to an instant of the job's trigger.
pub(super) fn watermarks_move_forward(watch: &Watch, step: &Step, record: &Record) -> Check {
    match record {
        Record::Watermark { job, to } => {
            let from = watch.view.jobs.get(job).map(|row| row.watermark);
            ensure(from.is_some_and(|from| from < *to), || {
                format!("{job}: from {from:?} to {to}")
            })?;
            ensure(*to <= step.now, || {
                format!("{job}: to {to}, now is {}", step.now)
            })?;
            let next = watch.schedule(job).and_then(|s| next_after(s, before(*to)));
            ensure(next == Some(*to), || {
                format!("{job}: {to} is not an instant, {next:?} is")
            })
        }
        Record::JobAccepted { job, watermark, .. } => {
            let from = watch.view.jobs.get(job).map(|row| row.watermark);
            ensure(from.is_none_or(|from| from <= *watermark), || {
                format!("{job}: accepted at {watermark}, accounted for up to {from:?}")
            })
        }
        _ => Ok(()),
    }
}

/// Every due instant that has no run yet, between the old watermark and the new one is one run or in one range of skips,
/// and no other instant is. A step that moves no watermark accounts for none.
pub(super) fn every_instant_is_accounted_for_once(watch: &Watch, _: &Step) -> Check {
    for job in touched(watch) {
        let (from, to) = way(watch, &job)?;
        let due = instants_of(watch, &job, from, to);
        let mut accounted = Vec::new();
        for account in accounts(watch, &job) {
            let schedule = watch.schedule(&job).ok_or("it is not there")?;
            let part = instants(schedule, before(account.first), account.last);
            ensure(part.len() as u64 == account.count, || {
                format!("{job}: {account:?} has {} instants", part.len())
            })?;
            accounted.extend(part);
        }
        accounted.sort_unstable();
        ensure(accounted == due, || {
            format!("{job}: ({from}, {to}] has {due:?}, accounted for are {accounted:?}")
        })?;
    }
    Ok(())
}

/// What the calendar excludes is skipped for that. With `latest` and `none`, the newest of the others runs
/// if it is young enough; with `all`, as many of the newest as are young enough and may. Every other one is
/// `missed`. One instant alone that is on time, and any but with `all`, meets overlap; the others wait for
/// one another.
pub(super) fn catch_up_is_respected(watch: &Watch, step: &Step) -> Check {
    for name in touched(watch) {
        let job = watch.standing(&name).ok_or("a job that is gone is due")?;
        let (from, through) = way(watch, &name)?;
        let mut due = instants_of(watch, &name, from, step.now.max(through));
        // What is put off when its job's definition is replaced is held back until its start.
        due.retain(|at| start(job, *at) <= step.now);
        let left = due.iter().find(|at| **at > through);
        let ends_early = watch.wish.is_some_and(|wish| wish <= step.now) && is_much(watch, &name);
        ensure(left.is_none() || ends_early, || {
            format!("{name}: {left:?} is newer than {through}")
        })?;
        if left.is_some() {
            watch.ends_early.set(true);
        }

        let young = young_enough(watch, job, step.now, due);
        let is_late = |at: &Timestamp| is_late(job, step.now, *at);
        let late = young.len() > 1 || young.iter().any(is_late);
        let catches_up = job.catch_up.mode == CatchUpMode::All && late;
        for account in accounts(watch, &name) {
            let excluded = excludes(&job.schedule.calendar, account.last);
            let put_off = start(job, account.last) > step.now;
            let held_back = late && !job.schedule.jitter.is_zero();
            let expected = if excluded.is_some() {
                excluded
            } else if put_off {
                (!watch.serves()).then_some(SkipReason::Missed)
            } else if !young.contains(&account.last) {
                Some(SkipReason::Missed)
            } else if catches_up || held_back {
                None
            } else {
                meets(job, account)
            };
            ensure(account.skip == expected, || {
                format!("{name}: {account:?} should be {expected:?}, of {young:?}")
            })?;
        }
    }
    Ok(())
}

/// Whether a step has accounted for so much of one job that the rest may be for the next, which is at once:
/// thousands of instants, or hundreds of runs, ranges, and instants that ran before.
fn is_much(watch: &Watch, job: &JobName) -> bool {
    let instants: u64 = accounts(watch, job).map(|it| it.count).sum();
    let ran = watch.moves.get(job).map_or(0, |(from, to)| {
        let of_job = |at| (job.clone(), at);
        let begin = of_job(after(*from));
        watch.view.ahead.range(begin..=of_job(*to)).count()
    });
    instants >= 3_000 || accounts(watch, job).count() + ran >= 250
}

/// The instants of a look that are to run.
fn young_enough(
    watch: &Watch,
    job: &Job,
    now: Timestamp,
    mut due: Vec<Timestamp>,
) -> Vec<Timestamp> {
    let most = match job.catch_up.mode {
        _ if !watch.serves() => 0,
        CatchUpMode::Latest | CatchUpMode::None => 1,
        CatchUpMode::All => job.catch_up.max.get() as usize,
    };
    due.retain(|at| excludes(&job.schedule.calendar, *at).is_none());
    due.reverse();
    due.truncate(most);
    due.retain(|at| now.duration_since(start(job, *at)) < latest(&job.catch_up));
    due
}

/// Whether it is too late for an instant to be on time.
pub(super) fn is_late(job: &Job, now: Timestamp, nominal: Timestamp) -> bool {
    span(job.catch_up.grace) <= now.duration_since(start(job, nominal))
}

/// What overlap does to one instant.
fn meets(job: &Job, account: &Account) -> Option<SkipReason> {
    match job.overlap {
        Overlap::Skip if account.open => Some(SkipReason::Overlap),
        Overlap::QueueAll { max } if account.open && account.queued >= max.get() as usize => {
            Some(SkipReason::QueueFull)
        }
        _ => None,
    }
}

/// The instants of a job that are due, one by one: those that have a run already are not.
fn instants_of(
    watch: &Watch,
    job: &JobName,
    after: Timestamp,
    through: Timestamp,
) -> Vec<Timestamp> {
    let schedule = watch.schedule(job);
    let mut due = schedule.map_or_else(Vec::new, |schedule| instants(schedule, after, through));
    due.retain(|at| !watch.view.ahead.contains(&(job.clone(), *at)));
    due
}

pub(super) fn span(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).expect("a policy's spans are short")
}

/// A run is only missed when the store has recovered: a newer instant is due then, or it is too late
/// for this one.
pub(super) fn only_an_outage_makes_a_run_missed(
    watch: &Watch,
    step: &Step,
    record: &Record,
) -> Check {
    let Record::RunEnded {
        run,
        end: RunEnd::Skipped(SkipReason::Missed),
        ..
    } = record
    else {
        return Ok(());
    };
    let row = watch.before.open.get(run).ok_or("it was not open")?;
    ensure(matches!(step.event, Event::StoreRecovered), || {
        format!("{record:?} at {:?}", step.event)
    })?;
    ensure(outlived(watch, step, row)?, || {
        format!("{row:?} was not late")
    })
}

/// What an outage held back starts after it only as it would after downtime.
pub(super) fn an_outage_leaves_nothing_late(watch: &Watch, step: &Step, effect: &Effect) -> Check {
    let (Effect::Start(start), Event::StoreRecovered) = (effect, step.event) else {
        return Ok(());
    };
    let row = watch.before.open.get(&start.run.run);
    let row = row.ok_or("it was not open")?;
    ensure(!outlived(watch, step, row)?, || {
        format!("{start:?} starts at {}", step.now)
    })
}

/// Whether downtime up to now would have left a run behind.
fn outlived(watch: &Watch, step: &Step, row: &RunRow) -> Result<bool, String> {
    let name = &row.new.job;
    let Cause::Time(instant) = row.new.cause else {
        return Ok(false);
    };
    let Some(job) = watch.job(name).filter(|_| !row.attempted()) else {
        return Ok(false);
    };
    let from = watch.before.jobs.get(name).ok_or("its job is not stored")?;
    let newer = instants(&job.schedule, from.watermark.max(instant), step.now).into_iter();
    let newer = newer
        .filter(|at| start(job, *at) <= step.now)
        .any(|at| excludes(&job.schedule.calendar, at).is_none());
    let newer = newer && job.catch_up.mode != CatchUpMode::All;
    // An instant that a clock was set back before is no younger than one that has just come.
    let age = step.now.duration_since(start(job, instant));
    Ok(newer || age.max(SignedDuration::ZERO) >= latest(&job.catch_up))
}

/// From this age on the newest instant does not run.
fn latest(catch_up: &CatchUp) -> SignedDuration {
    match catch_up.mode {
        CatchUpMode::Latest | CatchUpMode::All => span(catch_up.window),
        CatchUpMode::None => span(catch_up.grace.min(catch_up.window)),
    }
}

/// What the calendar excludes never runs, and is skipped for the reason that it has; nothing else is.
pub(super) fn the_calendar_is_respected(watch: &Watch, _: &Step) -> Check {
    for name in touched(watch) {
        let job = watch.standing(&name).ok_or("a job that is gone is due")?;
        for account in accounts(watch, &name) {
            for at in instants(&job.schedule, before(account.first), account.last) {
                let excluded = excludes(&job.schedule.calendar, at);
                let by_calendar = |reason: &SkipReason| {
                    matches!(reason, SkipReason::OutsideHours | SkipReason::Blackout)
                };
                ensure(account.skip.filter(by_calendar) == excluded, || {
                    format!("{name}: {at} in {account:?} is excluded: {excluded:?}")
                })?;
            }
        }
    }
    Ok(())
}

/// A range of skips grows when the next instant is skipped for the same reason, and only then.
pub(super) fn ranges_grow(watch: &Watch, _: &Step) -> Check {
    for job in touched(watch) {
        let mut last = watch.last_skip.get(&job).copied();
        for (nth, account) in accounts(watch, &job).enumerate() {
            if watch.begun_anew.get(&job) == Some(&nth) {
                last = None;
            }
            let follows = last.is_some_and(|(reason, at)| {
                Some(reason) == account.skip
                    && watch.schedule(&job).and_then(|s| next_after(s, at)) == Some(account.first)
            });
            ensure(follows == account.grown, || {
                format!("{job}: {account:?} after {last:?}")
            })?;
            last = account.skip.map(|reason| (reason, account.last));
        }
    }
    Ok(())
}

/// After a step, what is due is accounted for, or the engine has asked to be woken in time for it.
pub(super) fn nothing_due_is_left(watch: &Watch, step: &Step) -> Check {
    let Some(plan) = watch.plan.as_ref().filter(|_| watch.serves()) else {
        return Ok(());
    };
    if !watch.clock_is_set {
        let wakes = watch.wish.is_some_and(|wish| wish <= step.built);
        return ensure(wakes, || {
            "it does not look when the clock is right".to_owned()
        });
    }
    for job in plan.jobs.values() {
        let row = watch.view.jobs.get(&job.name);
        let row = row.filter(|row| job.enabled && row.paused.is_none());
        let from = row.map(|row| row.watermark);
        let due = from.and_then(|from| next_after(&job.schedule, from));
        let Some(due) = due.map(|due| start(job, due)) else {
            continue;
        };
        let by = due.max(step.now);
        ensure(watch.wish.is_some_and(|wish| wish <= by), || {
            let (name, wish) = (&job.name, watch.wish);
            format!("{name} is due at {due}, the wake is at {wish:?}")
        })?;
    }
    Ok(())
}

/// The jobs whose instants this step accounted for, or whose watermark it moved.
fn touched(watch: &Watch) -> BTreeSet<JobName> {
    let accounted = watch.accounts.iter().map(|account| &account.job);
    watch.moves.keys().chain(accounted).cloned().collect()
}

/// From where to where the step moved the watermark of a job.
fn way(watch: &Watch, job: &JobName) -> Result<(Timestamp, Timestamp), String> {
    let way = watch.moves.get(job).copied();
    way.ok_or_else(|| format!("{job}: its watermark stays"))
}

fn accounts<'a>(watch: &'a Watch, job: &'a JobName) -> impl Iterator<Item = &'a Account> {
    watch.accounts.iter().filter(move |a| a.job == *job)
}
