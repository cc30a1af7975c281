//! Health: which jobs are overdue, and which critical ones fail.

use cronlet_core::{name::JobName, record::Record};
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
            !row.overdue && is_up && *since == waits_since(row) && watch.serves()
        }
        _ => row.overdue && !is_up,
    };
    ensure(holds, || format!("{record:?} at {}: {row:?}", step.now))
}

/// After a step, each job whose time is up is overdue, or the engine has asked to be woken in time to say
/// so; and one is overdue only if its time was up at some time.
pub(super) fn who_waits_too_long_is_overdue(watch: &Watch, step: &Step) -> Check {
    for (name, row) in &watch.view.jobs {
        let at = time(watch, name, row);
        if row.overdue {
            ensure(at.is_some_and(|at| at <= watch.latest), || {
                format!("{name} is overdue at {}: {row:?}", step.now)
            })?;
        } else if let Some(at) = at.filter(|_| watch.serves()) {
            let by = at.max(step.now);
            ensure(watch.wish.is_some_and(|wish| wish <= by), || {
                let wish = watch.wish;
                format!("{name} is overdue at {at}, the wake is at {wish:?}: {row:?}")
            })?;
        }
    }
    Ok(())
}

/// The engine says of those jobs of the plan that they do not go well that are overdue, or critical and
/// failed last, and of no others.
pub(super) fn jobs_ail_as_history_tells(watch: &Watch, step: &Step) -> Check {
    let jobs = watch.plan.iter().flat_map(|plan| plan.jobs.values());
    let expected: Vec<_> = jobs
        .filter_map(|job| {
            let row = watch.view.jobs.get(&job.name)?;
            let overdue = row.overdue.then(|| waits_since(row));
            let failing = if job.critical { row.failing } else { None };
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

/// When a job of the plan is overdue if nothing succeeds.
fn time(watch: &Watch, job: &JobName, row: &JobRow) -> Option<Timestamp> {
    let after = watch.job(job)?.overdue_after?;
    Some(waits_since(row) + SignedDuration::try_from(after).expect("it is short"))
}

fn waits_since(row: &JobRow) -> Timestamp {
    let times = row.last_success.into_iter().chain([row.accepted_at]);
    times.max().unwrap_or(row.accepted_at)
}
