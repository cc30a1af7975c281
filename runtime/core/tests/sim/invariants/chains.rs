//! Chains: jobs that run after others.

use cronlet_core::{
    after::On,
    engine::Effect,
    job::Job,
    name::JobName,
    record::{NewRun, Record},
    run::{Cause, RunEnd, RunId, SkipReason},
    schedule::Schedule,
};
use jiff::Timestamp;

use super::{Check, ends::records, ensure};
use crate::{
    calendar::excludes,
    tables::Tables,
    watch::{Step, Watch},
};

/// In the step that ends a run and does not skip it, unless it is of a backfill, each job that is after its job has one occurrence, as
/// the plan stands after the step, unless it is halted, or its schedule has not begun or is over; there is none for anything
/// else.
pub(super) fn each_end_is_one_occurrence_of_each_dependent(watch: &Watch, step: &Step) -> Check {
    let Some(plan) = &watch.plan else {
        return Ok(());
    };
    let mut expected: Vec<(JobName, RunId)> = Vec::new();
    for (run, _) in ends(step) {
        let row = watch.view.runs.get(run).ok_or("there is no such run")?;
        if row.backfill().is_some() {
            continue;
        }
        let jobs = plan.jobs.values();
        let jobs = jobs.filter(|job| !watch.halted(&job.name));
        let dependents = jobs.filter(|job| depends(watch, job, &row.new.job, step.now));
        expected.extend(dependents.map(|job| (job.name.clone(), run)));
    }
    let mut found: Vec<_> = caused(step)
        .map(|(new, upstream)| (new.job.clone(), upstream))
        .collect();
    expected.sort();
    found.sort();
    ensure(found == expected, || {
        format!("{found:?} came of the ends, not {expected:?}")
    })
}

/// An occurrence that an upstream's end made is skipped for that end if the job is for other ends, else for
/// what the calendar says of the moment, and no other run is skipped for either.
pub(super) fn an_end_that_does_not_fit_is_skipped(watch: &Watch, step: &Step) -> Check {
    for (new, upstream) in caused(step) {
        let end = ends(step).find(|(run, _)| *run == upstream);
        let end = end.map(|(_, end)| end).ok_or("its upstream goes on")?;
        let after = watch.job(&new.job).and_then(|job| job.after.as_ref());
        let fits = match after.ok_or("it is after nothing")?.on {
            On::Success => end == RunEnd::Succeeded,
            On::Failure => matches!(end, RunEnd::Failed(_)),
            On::End => true,
        };
        let became = watch.view.runs.get(new.run).and_then(|row| row.end);
        let job = watch.job(&new.job).ok_or("its job is gone")?;
        let expected = match excludes(&job.schedule.calendar, step.now) {
            _ if !fits => Some(SkipReason::DependencyFailed),
            excluded => excluded.filter(|_| watch.clock_is_set),
        };
        let skipped = match became {
            Some(RunEnd::Skipped(reason)) if is_at_once(reason) => Some(reason),
            _ => None,
        };
        ensure(skipped == expected, || {
            format!("{new:?} became {became:?}, not {expected:?}, after {end:?}")
        })?;
    }
    let wrong = records(step).find(|record| {
        let Record::RunEnded { run, end, .. } = record else {
            return false;
        };
        let at_once = matches!(end, RunEnd::Skipped(reason) if is_at_once(*reason));
        at_once && !caused(step).any(|(new, _)| new.run == *run)
    });
    ensure(wrong.is_none(), || format!("{wrong:?}"))
}

/// The run whose output a guest gets is the one that was recorded, and that run's end is on disk. What
/// somebody asks for again is taken at his word.
pub(super) fn what_a_guest_gets_as_input_is_on_disk(
    watch: &Watch,
    step: &Step,
    effect: &Effect,
) -> Check {
    let Effect::Start(start) = effect else {
        return Ok(());
    };
    let (run, input_of) = (start.run.run, start.run.input_of);
    let row = watch.view.runs.get(run).ok_or("there is no such run")?;
    ensure(input_of == row.new.input_of, || format!("{start:?}"))?;
    if !matches!(row.new.cause, Cause::After(_)) {
        return Ok(());
    }
    let upstream = input_of.and_then(|run| step.disk.runs.get(run));
    ensure(upstream.is_some_and(|row| row.end.is_some()), || {
        format!("{start:?}: on disk is {upstream:?}")
    })
}

/// What is on disk of an upstream and what came of it is whole, however the daemon died: the end and all
/// the occurrences that the plan of that moment wanted.
pub(super) fn ends_and_what_they_caused(watch: &Watch, disk: &Tables) -> Check {
    for row in disk.runs.values() {
        if let Cause::After(run) = row.new.cause {
            let upstream = disk.runs.get(run).and_then(|upstream| upstream.end);
            ensure(upstream.is_some_and(|end| !skips(end)), || {
                format!("{row:?} after {upstream:?}")
            })?;
        }
        // A run for the past is nobody's upstream.
        let ended = row.backfill().is_none() && row.end.is_some_and(|end| !skips(end));
        let end = disk.ends.get(&row.new.run).filter(|_| ended);
        let Some((end, plan)) = end.and_then(|end| Some((end, watch.plans.get(&end.plan)?))) else {
            continue;
        };
        for job in plan.jobs.values() {
            let halted = end.paused.contains(&job.name) || !job.enabled;
            let depends = !halted && depends(watch, job, &row.new.job, end.at);
            let cause = (job.name.clone(), Cause::After(row.new.run));
            ensure(disk.causes.contains(&cause) == depends, || {
                format!("{row:?}: {cause:?}, but {:?}", job.after)
            })?;
        }
    }
    Ok(())
}

/// The runs that the step ends and does not skip.
fn ends<'a>(step: &Step<'a>) -> impl Iterator<Item = (RunId, RunEnd)> + use<'a> {
    records(step).filter_map(|record| match record {
        Record::RunEnded { run, end, .. } if !skips(*end) => Some((*run, *end)),
        _ => None,
    })
}

/// The runs that the step makes of upstreams' ends.
fn caused<'a>(step: &Step<'a>) -> impl Iterator<Item = (&'a NewRun, RunId)> + use<'a> {
    records(step).filter_map(|record| match record {
        Record::RunQueued(new) => match new.cause {
            Cause::After(upstream) => Some((&**new, upstream)),
            _ => None,
        },
        _ => None,
    })
}

/// Whether a run of `upstream` that ends now makes the job due.
fn depends(watch: &Watch, job: &Job, upstream: &JobName, now: Timestamp) -> bool {
    let Schedule { start, end, .. } = job.schedule;
    let begun = start.is_none_or(|start| start <= now);
    let over = end.is_some_and(|end| end <= now);
    // Before the engine was built nobody knows what time it is.
    let in_force = now < watch.built || begun && !over;
    job.after.as_ref().is_some_and(|it| it.job == *upstream) && in_force
}

/// Whether a run is skipped for this in the step that makes it, without meeting another one.
fn is_at_once(reason: SkipReason) -> bool {
    use SkipReason::{Blackout, DependencyFailed, OutsideHours};
    matches!(reason, DependencyFailed | OutsideHours | Blackout)
}

fn skips(end: RunEnd) -> bool {
    matches!(end, RunEnd::Skipped(_))
}
