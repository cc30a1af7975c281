//! Health: which jobs are overdue, and which critical ones fail.

use cronlet_core::{job::Job, name::JobName, record::Record};
use jiff::{SignedDuration, Timestamp};

use super::{Check, ensure};
use crate::{
    tables::JobRow,
    watch::{Ailing, Step, Watch},
};

/// A job is said to be overdue once, when its time is up, and with since when nothing has succeeded; it
/// is said to be so no more only if it was, and if its time is not up.
pub(super) fn only_who_waits_too_long_is_overdue(
    watch: &Watch,
    step: &Step,
    record: &Record,
) -> Check {
    let (Record::JobOverdue { job, .. } | Record::JobNotOverdue { job }) = record else {
        return Ok(());
    };
    let row = watch.view.jobs.get(job);
    let row = row.ok_or_else(|| format!("{record:?}: nothing is stored of it"))?;
    let is_up = time(watch, job, row).is_some_and(|at| at <= step.now);
    let holds = match record {
        Record::JobOverdue { since, .. } => {
            let expected = watch.job(job).map(|job| waits_since(job, row));
            !row.overdue
                && is_up
                && Some(*since) == expected
                && watch.serves()
                && watch.clock_is_set
        }
        _ => row.overdue && !is_up,
    };
    ensure(holds, || format!("{record:?} at {}: {row:?}", step.now))
}

/// After a step, each job whose time is up is overdue, or the engine has asked to be woken in time to say
/// so; and one is overdue only if its time was up at some time, and not only by a clock that was set back since.
pub(super) fn who_waits_too_long_is_overdue(watch: &Watch, step: &Step) -> Check {
    for (name, row) in watch.view.jobs.iter() {
        let at = time(watch, name, row);
        if row.overdue {
            let by_now = |at| at <= watch.latest && (at <= step.now || !watch.looks());
            ensure(at.is_some_and(by_now), || {
                format!("{name} is overdue at {}: {row:?}", step.now)
            })?;
        } else if let Some(at) = at.filter(|_| watch.serves() && watch.clock_is_set) {
            let by = at.max(step.now);
            ensure(watch.wish.is_some_and(|wish| wish <= by), || {
                let wish = watch.wish;
                format!("{name} is overdue at {at}, the wake is at {wish:?}: {row:?}")
            })?;
        }
    }
    Ok(())
}

/// The engine says of those jobs of the plan that they do not go well that are overdue, or critical, not
/// halted, and failed last, and of no others.
pub(super) fn jobs_ail_as_history_tells(watch: &Watch, step: &Step) -> Check {
    let jobs = watch.plan.iter().flat_map(|plan| plan.jobs.values());
    let expected: Vec<_> = jobs
        .filter_map(|job| {
            let row = watch.view.jobs.get(&job.name)?;
            let overdue = row.overdue.then(|| waits_since(job, row));
            let failing = row.failing.filter(|_| job.critical && !is_halted(job, row));
            (overdue.is_some() || failing.is_some()).then(|| Ailing {
                job: job.name.clone(),
                overdue,
                failing,
            })
        })
        .collect();
    ensure(expected == step.ailing, || {
        format!("{:?}, expected {expected:?}", step.ailing)
    })
}

/// When a job of the plan is overdue if nothing succeeds. At its end and later it never is, and while it
/// is paused or disabled.
fn time(watch: &Watch, job: &JobName, row: &JobRow) -> Option<Timestamp> {
    let job = watch.job(job).filter(|job| !is_halted(job, row))?;
    let after = SignedDuration::try_from(job.overdue_after?).expect("it is short");
    let at = waits_since(job, row) + after;
    let over = job.schedule.end.is_some_and(|end| end <= at);
    (!over).then_some(at)
}

fn is_halted(job: &Job, row: &JobRow) -> bool {
    row.paused.is_some() || !job.enabled
}

fn waits_since(job: &Job, row: &JobRow) -> Timestamp {
    let later = [row.last_success, job.schedule.start];
    later
        .into_iter()
        .flatten()
        .fold(row.watched_since, Timestamp::max)
}
