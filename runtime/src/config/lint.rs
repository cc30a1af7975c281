//! What is to be said about when a job is due, and is hardly meant.

use cronlet_core::schedule::Trigger;
use jiff::Timestamp;

use super::{cron, job::JobDraft, problem::Problem, table::Marked};

/// All of it, when the file is read at `now`.
pub(super) fn of_times(job: &JobDraft, now: Timestamp) -> Vec<Problem> {
    let mut problems = Vec::new();
    match job.times.triggers.first() {
        // The ends of another job make it due, too.
        _ if job.after.is_some() => {}
        Some(first) => {
            problems.extend(past(job, first, now).or_else(|| excluded(job, first, now)));
        }
        None => problems.extend(without_effect(job)),
    }
    let crowds = job.times.triggers.iter().filter_map(|it| crowd(it, now));
    problems.extend(crowds);
    problems
}

/// Says that the job is never due again, and why.
fn past(job: &JobDraft, first: &Marked<Trigger>, now: Timestamp) -> Option<Problem> {
    let (schedule, times) = (job.schedule(), &job.times);
    if schedule.next_after(now).is_some() {
        return None;
    }
    let later = schedule.triggers.next_after(now).is_some();
    let end = times.end.as_ref();
    let (span, label, help) = match end.filter(|end| later && end.value > now) {
        Some(end) => (
            end.span.clone(),
            "nothing is due before this",
            "write an `end` that comes after an instant, or leave it out",
        ),
        None => match end.filter(|_| later) {
            Some(end) => (
                end.span.clone(),
                "its end is in the past",
                "write an `end` to come, or leave it out",
            ),
            None => (
                first.span.clone(),
                if times.triggers.len() > 1 {
                    "all its instants are in the past, and those of the others"
                } else {
                    "all its instants are in the past"
                },
                "write an instant to come, or leave the trigger out and run it by hand",
            ),
        },
    };
    let problem = Problem::warning(
        "schedule::past",
        format!("job `{}` is never due again", job.name),
    );
    Some(problem.at(span).label(label).help(help))
}

/// Says that whenever the job is due, it does not run.
fn excluded(job: &JobDraft, first: &Marked<Trigger>, now: Timestamp) -> Option<Problem> {
    let schedule = job.schedule();
    if schedule.next_allowed_after(now).is_some() {
        return None;
    }
    let next = schedule.next_after(now)?;
    let zone = &job.policy.zone;
    let problem = Problem::warning(
        "schedule::excluded",
        format!(
            "job `{}` never runs: whenever it is due, it is not in its `active_hours`, or in a `blackout`",
            job.name
        ),
    );
    let label = format!(
        "is due next at {}",
        next.display_with_offset(zone.offset(next))
    );
    let help = format!("write `active_hours` that hold this time, on the clocks of {zone}");
    Some(problem.at(first.span.clone()).label(label).help(help))
}

/// Says which of a job's own keys nothing reads, as no time makes it due.
fn without_effect(job: &JobDraft) -> impl Iterator<Item = Problem> {
    let times = &job.times;
    let bounds = [("start", &times.start), ("end", &times.end)];
    let bounds = bounds
        .into_iter()
        .filter_map(|(key, bound)| Some((key, bound.as_ref()?.span.clone())));
    let own = job.policy.reserve.own.iter().cloned();
    bounds.chain(own).map(|(key, span)| {
        Problem::warning(
            "config::no-effect",
            format!("`{key}` has no effect in a job that no time makes due"),
        )
        .at(span)
        .label("only `cron`, `every`, `at` and `triggers` read it")
        .help(format!("write one of these, or leave `{key}` out"))
    })
}

/// What is to be said about the times of a trigger that the clocks jump over, or show twice.
fn crowd(trigger: &Marked<Trigger>, now: Timestamp) -> Option<Problem> {
    let Trigger::Cron(cron) = &trigger.value else {
        return None;
    };
    Some(cron::crowd(cron, now)?.at(trigger.span.clone()))
}
