//! Pauses: a job that is paused or disabled is left alone, and nothing of it is lost.

use std::collections::BTreeMap;

use cronlet_core::{
    engine::{Event, PauseRequest},
    name::JobName,
    pause::PauseReason,
    record::Record,
    run::{Cause, RunEnd, RunId, SkipReason},
};

use super::{
    Check,
    ends::{of_run, records},
    ensure,
};
use crate::{
    oracle::next_after,
    tables::RunRow,
    watch::{Step, Watch},
};

/// While a job is paused or disabled no instant of its trigger is an occurrence, and its watermark does
/// not go from one to the next.
pub(super) fn a_halted_job_is_not_due(watch: &Watch, _: &Step, record: &Record) -> Check {
    let job = match record {
        Record::RunQueued(new) if is_by_itself(new.cause) => &new.job,
        Record::Watermark { job, .. } | Record::Skipped { job, .. } => job,
        _ => return Ok(()),
    };
    ensure(!watch.halted(job), || {
        format!("{record:?}: {:?}", watch.view.jobs.get(job))
    })
}

/// A job of the plan that is not paused is paused because somebody asks for it now, or because one of
/// its runs failed in this step.
pub(super) fn pauses_have_a_reason(watch: &Watch, step: &Step, record: &Record) -> Check {
    let Record::JobPaused { job, why } = record else {
        return Ok(());
    };
    let row = watch.view.jobs.get(job).ok_or("it is not stored")?;
    let may = row.paused.is_none() && watch.job(job).is_some();
    let has_reason = match (why, step.event) {
        (PauseReason::Asked(actor), Event::PauseRequested(request)) => {
            *actor == request.actor && watch.named(&request.jobs).contains(job)
        }
        (PauseReason::Failures(_), _) => records(step).any(|record| match record {
            Record::RunEnded {
                run,
                end: RunEnd::Failed(_),
                ..
            } => watch
                .view
                .runs
                .get(*run)
                .is_some_and(|row| row.new.job == *job),
            _ => false,
        }),
        _ => false,
    };
    ensure(may && has_reason, || format!("{record:?}: {row:?}"))
}

/// When a job is paused, or is due at other times than before, what was due before is accounted for. An
/// edit that was made while the daemon was down is seen too late for that.
pub(super) fn what_was_due_comes_first(watch: &Watch, step: &Step, record: &Record) -> Check {
    let job = match record {
        Record::JobPaused { job, .. } => job,
        Record::JobAccepted { job, .. } if !matches!(step.event, Event::Started { .. }) => job,
        _ => return Ok(()),
    };
    let row = watch.view.jobs.get(job);
    let row = row.filter(|row| row.removed_at.is_none() && !row.fingerprint.is_empty());
    let Some(row) = row.filter(|_| watch.clock_is_set && !watch.halted(job)) else {
        return Ok(());
    };
    let due = watch
        .standing(job)
        .and_then(|job| next_after(&job.schedule, row.watermark));
    ensure(due.is_none_or(|due| due > step.now), || {
        format!("{record:?}: {due:?} was due, {row:?}")
    })
}

/// A pause ends because somebody asks for it, and the watermark is now: what the job missed is no
/// occurrence. One that was removed for an hour and more is another job, which is not paused.
pub(super) fn a_resume_begins_now(watch: &Watch, step: &Step, record: &Record) -> Check {
    let Record::JobResumed {
        job,
        watermark,
        actor,
    } = record
    else {
        return Ok(());
    };
    let row = watch.view.jobs.get(job).ok_or("it is not stored")?;
    let expected = row.watermark.max(step.now);
    ensure(*watermark == expected, || {
        format!("{record:?}: expected {expected}, it was {row:?}")
    })?;
    let asked = match step.event {
        Event::ResumeRequested(request) => {
            row.paused.is_some()
                && *actor == request.actor
                && watch.named(&request.jobs).contains(job)
        }
        Event::Started { .. } | Event::PlanReplaced(_) => {
            let old = watch.before.jobs.get(job);
            actor.is_none() && old.is_some_and(|old| !old.is_of_now(step.now))
        }
        _ => false,
    };
    ensure(asked, || format!("{record:?} at {:?}", step.event))
}

/// Only a run that nobody asked for, and that never had an attempt, is skipped because its job is paused
/// or disabled.
pub(super) fn only_a_halt_disables(watch: &Watch, _: &Step, record: &Record) -> Check {
    let Record::RunEnded {
        run,
        end: RunEnd::Skipped(SkipReason::Disabled),
        ..
    } = record
    else {
        return Ok(());
    };
    let row = watch.view.runs.get(*run).ok_or("there is no such run")?;
    let started = watch.started.contains(&(*run, row.last_attempt));
    let halted = watch
        .view
        .jobs
        .get(&row.new.job)
        .is_some_and(|row| row.paused.is_some())
        || watch.job(&row.new.job).is_some_and(|job| !job.enabled);
    let may = halted && is_by_itself(row.new.cause) && !row.attempted() && !started;
    ensure(may, || format!("{row:?} is skipped, halted: {halted}"))
}

/// What is asked for is done in the same step, for each job of the plan that it is about. It ends no run
/// that had an attempt, and none that a person asked for.
pub(super) fn pauses_have_their_effect(watch: &Watch, step: &Step) -> Check {
    let (request, pauses) = match step.event {
        Event::PauseRequested(request) => (request, true),
        Event::ResumeRequested(request) => (request, false),
        _ => return Ok(()),
    };
    for job in watch.named(&request.jobs) {
        let (before, row) = (watch.before.jobs.get(&job), watch.view.jobs.get(&job));
        let (before, row) = before.zip(row).ok_or("it is not stored")?;
        let expected = if watch.serves() {
            pauses
        } else {
            before.paused.is_some()
        };
        ensure(row.paused.is_some() == expected, || {
            format!("{job}: {:?} has left {row:?}", step.event)
        })?;
        // Nobody knows when it is due again until the clock is set.
        let dateless = !pauses && before.paused.is_some() && watch.serves() && !watch.clock_is_set;
        ensure(!dateless || row.fingerprint.is_empty(), || {
            format!("{job}: {row:?}")
        })?;
        let turns = before.turns + u64::from(before.paused.is_some() != expected);
        ensure(row.turns == turns, || {
            format!("{job}: {before:?} became {row:?}")
        })?;
    }
    a_pause_lets_finish(watch, step, request)
}

fn a_pause_lets_finish(watch: &Watch, step: &Step, request: &PauseRequest) -> Check {
    for (run, row) in watch.before.open.iter() {
        // What was due and not looked at yet comes first, and may have had the run cancelled.
        let made_way = records(step).any(|record| match record {
            Record::RunQueued(new) => new.job == row.new.job,
            Record::RunArrived { run, .. } => watch
                .view
                .runs
                .get(*run)
                .is_some_and(|arrived| arrived.new.job == row.new.job),
            _ => false,
        });
        let started = watch.before.started.contains(&(*run, row.last_attempt));
        let stays = row.attempted() || started || !is_by_itself(row.new.cause);
        let ended = of_run(step, *run).find(|record| {
            matches!(
                record,
                Record::RunEnded { .. } | Record::AttemptDisarmed { .. }
            )
        });
        ensure(!stays || made_way || ended.is_none(), || {
            format!("{request:?} does {ended:?} to {row:?}")
        })?;
    }
    Ok(())
}

/// After a step, a run of a job that is paused or disabled has had an attempt, or somebody asked for it.
pub(super) fn nothing_waits_for_a_halted_job(watch: &Watch, _: &Step) -> Check {
    let halted = |job: &JobName| {
        let row = watch.view.jobs.get(job);
        let paused = row.is_some_and(|row| row.paused.is_some() && row.removed_at.is_none());
        paused || watch.job(job).is_some_and(|job| !job.enabled)
    };
    let waits = |row: &&RunRow| {
        let started = watch.started.contains(&(row.new.run, row.last_attempt));
        is_by_itself(row.new.cause) && !row.attempted() && !started
    };
    let mut open = watch.view.open_runs().filter(waits);
    let vain = open.find(|row| halted(&row.new.job));
    ensure(vain.is_none(), || format!("{vain:?} waits"))
}

/// What the rule makes of a job, record by record.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Count {
    failures: u32,
    paused: bool,
}

/// The failures in a row of a job that has `disable_after` and is not critical are counted while it is
/// neither paused nor disabled, over the runs that nobody asked for; as many as that pause it. A success
/// forgets them, and so does a resume.
pub(super) fn failures_are_counted(watch: &Watch, step: &Step) -> Check {
    let mut counts: BTreeMap<JobName, Count> = BTreeMap::new();
    for (job, row) in watch.before.jobs.iter() {
        let count = Count {
            failures: row.failures,
            paused: row.paused.is_some(),
        };
        let kept = row.is_of_now(step.now) || watch.job(job).is_none();
        counts.insert(job.clone(), if kept { count } else { Count::default() });
    }
    for record in records(step) {
        match record {
            Record::RunEnded { run, end, .. } => count_end(watch, &mut counts, *run, *end),
            Record::JobPaused { job, .. } => {
                let count = counts.entry(job.clone()).or_default();
                count.paused = true;
            }
            Record::JobResumed { job, .. } => drop(counts.insert(job.clone(), Count::default())),
            _ => {}
        }
    }
    for (job, count) in counts {
        let Some(row) = watch.view.jobs.get(&job) else {
            continue;
        };
        let said = Count {
            failures: row.failures,
            paused: row.paused.is_some(),
        };
        ensure(said == count, || {
            format!("{job}: {said:?}, expected {count:?}")
        })?;
    }
    Ok(())
}

fn count_end(watch: &Watch, counts: &mut BTreeMap<JobName, Count>, run: RunId, end: RunEnd) {
    let Some(row) = watch
        .view
        .runs
        .get(run)
        .filter(|row| is_by_itself(row.new.cause))
    else {
        return;
    };
    let name = &row.new.job;
    let Some(job) = watch.job(name).filter(|job| job.enabled) else {
        return;
    };
    let count = counts.entry(name.clone()).or_default();
    let limit = job.disable_after.filter(|_| !job.critical);
    match (end, limit) {
        _ if count.paused => {}
        (RunEnd::Failed(_), Some(limit)) => {
            count.failures += 1;
            count.paused = count.failures >= limit.get();
        }
        (RunEnd::Failed(_), None) | (RunEnd::Succeeded, _) => count.failures = 0,
        (RunEnd::Cancelled | RunEnd::Skipped(_), _) => {}
    }
}

/// Whether nobody asked for the run.
fn is_by_itself(cause: Cause) -> bool {
    match cause {
        Cause::Time(_) | Cause::After(_) => true,
        Cause::Manual(_) | Cause::Backfill(..) => false,
    }
}
