//! Plans: reloads, restarts, and the stop.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use cronlet_core::{
    engine::Event,
    job::Job,
    name::JobName,
    plan::Plan,
    policy::OnCrash,
    record::{Record, StoredState},
    run::{AttemptStatus, FailReason, RunEnd, RunStatus, SkipReason},
};

use super::{
    Check,
    ends::{Follows, backoff, ensure_follows, of_run, records},
    ensure,
};
use crate::{
    tables::{JobRow, KEPT, RunRow},
    watch::{Step, Watch},
};

/// A job is accepted only if it is in the plan and is new or due at other times than before; its
/// watermark is the old one if it was there within the hour and is due at the same times, else now,
/// and never earlier than the old one. By a clock that is not believed it is accepted for the time being:
/// without a fingerprint; and so is a job that is resumed by such a clock.
pub(super) fn only_changes_are_accepted(watch: &Watch, step: &Step, record: &Record) -> Check {
    match record {
        Record::JobAccepted {
            job,
            watermark,
            fingerprint,
        } => {
            if resumed_for_the_time_being(watch, step, job) {
                return ensure(fingerprint.is_empty(), || format!("{record:?}"));
            }
            let planned = watch.job(job).map(|job| job.fingerprint());
            let old = watch.before.jobs.get(job);
            let same = old.filter(|old| Some(&old.fingerprint) == planned.as_ref());
            let keeps = same.filter(|old| {
                let removed = old.removed_at;
                removed.is_some_and(|at| step.now.duration_since(at) < KEPT)
            });
            let said = if watch.clock_is_set || keeps.is_some() {
                planned
            } else {
                Some(String::new())
            };
            ensure(said.as_ref() == Some(fingerprint), || {
                format!("{record:?}: it should be {said:?}")
            })?;
            let resumes = !watch.clock_is_set && matches!(step.event, Event::ResumeRequested(_));
            let changes = same.is_none_or(|old| old.removed_at.is_some());
            ensure(changes || resumes, || {
                format!("{record:?}: nothing has changed")
            })?;
            let floor = old.map_or(step.now, |old| old.watermark.max(step.now));
            let expected = keeps.map_or(floor, |old| old.watermark);
            ensure(*watermark == expected, || {
                format!("{record:?}: expected {expected}, it was {old:?}")
            })
        }
        Record::JobRemoved { job } => {
            let row = watch.view.jobs.get(job);
            let there = row.is_some_and(|row| row.removed_at.is_none());
            ensure(there && watch.job(job).is_none(), || format!("{record:?}"))
        }
        _ => Ok(()),
    }
}

/// Whether a job's pause is over by a clock that is not believed.
fn resumed_for_the_time_being(watch: &Watch, step: &Step, job: &JobName) -> bool {
    let Event::ResumeRequested(request) = step.event else {
        return false;
    };
    let paused = |row: &JobRow| row.paused.is_some() && !row.fingerprint.is_empty();
    let was_paused = watch.before.jobs.get(job).is_some_and(paused);
    !watch.clock_is_set && was_paused && watch.named(&request.jobs).contains(job)
}

/// After a reload or a restart the plan's jobs are the ones that are stored, each with its definition
/// of when it is due.
pub(super) fn plans_are_taken_over(watch: &Watch, step: &Step) -> Check {
    let plan = match step.event {
        Event::Started { plan, .. } => plan,
        Event::PlanReplaced(plan) if !watch.stopping() => plan,
        _ => return no_plan_is_taken(watch, step),
    };
    let digest = watch.view.plan;
    ensure(digest == Some(plan.digest), || {
        format!("{digest:?} is accepted, not {:?}", plan.digest)
    })?;
    for job in plan.jobs.values() {
        let row = watch.view.jobs.get(&job.name);
        ensure(
            row.is_some_and(|row| {
                let waits = !watch.clock_is_set && row.fingerprint.is_empty();
                row.removed_at.is_none() && (waits || row.fingerprint == job.fingerprint())
            }),
            || format!("{} is stored as {row:?}", job.name),
        )?;
    }
    let stored = watch.view.jobs.iter();
    let stale = stored
        .filter(|(_, row)| row.removed_at.is_none())
        .find(|(job, _)| !plan.jobs.contains_key(*job));
    ensure(stale.is_none(), || format!("{stale:?} is not in the plan"))
}

/// Two jobs have one fingerprint if they are due at the same times however that is spelled, and only then.
pub(super) fn a_fingerprint_is_that_of_one_definition(watch: &Watch, step: &Step) -> Check {
    if !matches!(step.event, Event::Started { .. } | Event::PlanReplaced(_)) {
        return Ok(());
    }
    let all = &watch.definitions;
    let definitions: BTreeSet<_> = all.iter().map(|(it, _)| it).collect();
    let fingerprints: BTreeSet<_> = all.iter().map(|(_, of)| of).collect();
    let one_each = definitions.len() == all.len() && fingerprints.len() == all.len();
    ensure(one_each, || format!("{all:?}"))
}

/// Nothing but a reload and a restart accepts or removes jobs, and a clock that is believed again:
/// it accepts all that was accepted for the time being.
fn no_plan_is_taken(watch: &Watch, step: &Step) -> Check {
    let waited = |job| {
        let row = watch.before.jobs.get(job);
        row.is_some_and(|row| row.fingerprint.is_empty())
    };
    let found = records(step).find(|record| match record {
        Record::JobAccepted { job, .. } => {
            let resumed = resumed_for_the_time_being(watch, step, job);
            !(resumed || watch.clock_is_set && waited(job))
        }
        record => matches!(
            record,
            Record::PlanAccepted { .. } | Record::JobRemoved { .. }
        ),
    });
    ensure(found.is_none(), || format!("{found:?}"))?;
    let early = records(step).find(|record| match record {
        Record::JobResumed { job, .. } if !watch.clock_is_set => {
            let row = watch.view.jobs.get(job);
            row.is_none_or(|row| !row.fingerprint.is_empty())
        }
        _ => false,
    });
    ensure(early.is_none(), || format!("{early:?}: nobody knows when"))?;
    let Some(plan) = watch.plan.as_ref().filter(|_| watch.looks()) else {
        return Ok(());
    };
    let waits = |job: &&JobName| {
        let row = watch.view.jobs.get(*job);
        row.is_some_and(|row| row.fingerprint.is_empty())
    };
    let waiting = plan.jobs.keys().find(waits);
    ensure(waiting.is_none(), || format!("{waiting:?} still waits"))
}

/// After a step, no run of a job that is gone waits, and none is armed: those that had no attempt are
/// skipped, the others end with the failure they have, or cancelled. Guests that run finish.
pub(super) fn removed_jobs_have_no_waiting_runs(watch: &Watch, step: &Step) -> Check {
    let (Some(plan), false) = (&watch.plan, watch.stopping()) else {
        return Ok(());
    };
    for row in watch.view.open_runs() {
        let runs = watch.started.contains(&(row.new.run, row.last_attempt));
        ensure(runs || plan.jobs.contains_key(&row.new.job), || {
            format!("{row:?} is open")
        })?;
    }
    if !matches!(step.event, Event::PlanReplaced(_)) {
        return Ok(());
    }
    let ended = watch.before.open.values().filter(|row| {
        !plan.jobs.contains_key(&row.new.job) && !watch.view.runs.open.contains_key(&row.new.run)
    });
    for row in ended {
        let Some(ended) = watch.view.runs.get(row.new.run) else {
            // It was armed ahead of its time, and was withdrawn.
            continue;
        };
        let (end, expected) = (ended.end, end_of_removed(row));
        // What the job was due for before it was removed comes first.
        let made_way = matches!(
            end,
            Some(RunEnd::Cancelled | RunEnd::Skipped(SkipReason::Superseded))
        ) && records(step)
            .any(|record| matches!(record, Record::RunQueued(new) if new.job == row.new.job));
        ensure(made_way || end == Some(expected), || {
            format!("{row:?} ended {end:?}, not {expected:?}")
        })?;
    }
    Ok(())
}

fn end_of_removed(row: &RunRow) -> RunEnd {
    match row.last_failure {
        _ if !row.attempted() => RunEnd::Skipped(SkipReason::Removed),
        Some(reason) => RunEnd::Failed(reason),
        None => RunEnd::Cancelled,
    }
}

/// After a restart no attempt of an earlier life is left: one whose time had come is `crashed`, another
/// is withdrawn; its run ends if somebody wanted that, if its job is gone, or if the daemon died with
/// it once before, and is retried else.
pub(super) fn recovery_closes_every_attempt(watch: &Watch, step: &Step) -> Check {
    let Event::Started { recovery, plan } = step.event else {
        let crashed = records(step).find(|record| {
            matches!(record, Record::AttemptEnded { status, .. } if *status == AttemptStatus::Crashed)
        });
        return ensure(crashed.is_none(), || format!("{crashed:?}"));
    };
    for stored in &recovery.runs {
        let StoredState::Running {
            starts_at,
            recorded_at,
        } = stored.state
        else {
            continue;
        };
        let run = stored.new.run;
        let row = watch.before.open.get(&run).ok_or("it is not open")?;
        let mut records = of_run(step, run);
        // The watermark moves when its time has come.
        let ahead = step.disk.armed_ahead().any(|ahead| ahead == run);
        let disarmed = ahead && starts_at > step.now && starts_at > recorded_at;
        let first = records.next();
        let closed = match first {
            Some(Record::RunWithdrawn { .. }) => disarmed,
            Some(Record::AttemptEnded {
                status: AttemptStatus::Crashed,
                report: None,
                ..
            }) => !disarmed,
            _ => false,
        };
        ensure(closed, || format!("{first:?} closes {row:?}"))?;
        if !disarmed {
            let follows = after_recovery(row, plan);
            ensure_follows(step.now, records.next(), &follows)?;
        }
    }
    ended_with_their_jobs(watch, plan)
}

fn after_recovery(row: &RunRow, plan: &Plan) -> Follows {
    let job = plan.jobs.get(&row.new.job).map(Arc::as_ref);
    match job {
        _ if row.cancel_requested => Follows::Ended(RunEnd::Cancelled),
        Some(job) if row.crashes == 0 && job.on_crash == OnCrash::Retry => crash_backoff(job),
        _ => Follows::Ended(RunEnd::Failed(FailReason::Crash)),
    }
}

fn crash_backoff(job: &Job) -> Follows {
    let (low, high): (Duration, Duration) = backoff(&job.retry, 1);
    Follows::Retrying(low, high)
}

/// The runs that waited for a job that is gone after a restart have ended.
fn ended_with_their_jobs(watch: &Watch, plan: &Plan) -> Check {
    for row in watch.before.open.values() {
        if row.status == RunStatus::Running || plan.jobs.contains_key(&row.new.job) {
            continue;
        }
        let end = watch.view.runs.get(row.new.run).and_then(|row| row.end);
        let expected = end_of_removed(row);
        ensure(end == Some(expected), || {
            format!("{row:?} ended {end:?}, not {expected:?}")
        })?;
    }
    Ok(())
}

/// The stop withdraws what is armed and tells every guest to end.
pub(super) fn shutdown_ends_what_is_armed(watch: &Watch, step: &Step) -> Check {
    if !matches!(step.event, Event::ShutdownRequested) {
        return Ok(());
    }
    let armed = watch
        .holders()
        .find(|row| !watch.started.contains(&(row.new.run, row.last_attempt)));
    ensure(armed.is_none(), || format!("{armed:?} is armed"))?;
    let deaf = watch
        .started
        .iter()
        .find(|(run, _)| !watch.told.contains(run));
    ensure(deaf.is_none(), || format!("{deaf:?} was not told"))
}
