//! The words of an instant that was skipped, or would be.

use std::{collections::BTreeSet, time::Duration};

use cronlet_core::{
    engine::late::{Look, Part},
    job::Job,
    pause::Paused,
    policy::{CatchUpMode, Overlap},
    run::{SkipReason, Turn},
    schedule::{Blackout, Calendar, Exclusion},
    units::format_duration,
};
use jiff::Timestamp;

use super::{
    answer::{self, Kind, Told},
    facts::Facts,
    runs,
};
use crate::{
    cli::when,
    store::{
        history::{RunRow, SkipRow},
        sqlite::Downtime,
    },
};

/// Each of them looks at as many instants as one step of the engine does.
const LOOKS: usize = 100;

/// An instant of a range.
pub(super) fn of_range(facts: &Facts, range: &SkipRow) -> Told {
    let head = match facts.is_due() {
        Some(true) => answer::head(facts),
        // The schedule was another then, or cannot be read: that it is in the range is all we know.
        _ => format!("at {}", when::exact(facts.at, &facts.zone)),
    };
    let others = match range.count {
        1 => String::new(),
        count => format!(
            " as one of {count} instants from {} to {}",
            facts.clock(range.first),
            facts.clock(range.last)
        ),
    };
    because(
        facts,
        range.reason,
        range.recorded_at,
        &format!("{head}, skipped{others}"),
    )
}

/// A run without an attempt.
pub(super) fn of_run(facts: &Facts, run: &RunRow, head: &str) -> Told {
    let head = format!("{head}: run {} was skipped", run.run);
    let reason = run.reason.as_deref().and_then(|reason| reason.parse().ok());
    match reason {
        Some(reason) => because(facts, reason, run.ended_at.unwrap_or(facts.now), &head),
        None => Told::new(Kind::Skipped, head),
    }
}

/// The sentence that begins with `head`, and goes on with why.
fn because(facts: &Facts, reason: SkipReason, recorded: Timestamp, head: &str) -> Told {
    let why = match reason {
        SkipReason::Overlap => overlap(facts),
        SkipReason::Missed => missed(facts, recorded),
        SkipReason::Expired => expired(facts, recorded),
        SkipReason::Removed => "the job was removed from the file before it started".to_owned(),
        SkipReason::Superseded => superseded(facts),
        SkipReason::QueueFull => queue_full(facts),
        SkipReason::OutsideHours => outside_hours(facts),
        SkipReason::Blackout => blackout(facts),
        SkipReason::Disabled => disabled(facts, recorded),
        SkipReason::DependencyFailed => dependency_failed(facts),
    };
    let mut told = Told::new(Kind::Skipped, format!("{head}: {why}"));
    let number = |run: Option<&RunRow>| run.map(|run| run.run);
    match reason {
        SkipReason::Overlap => told.in_the_way = number(facts.beside.open.as_ref()),
        SkipReason::Missed => told.instead = number(newer(facts)),
        SkipReason::Superseded => told.instead = number(facts.beside.queued.as_ref()),
        _ => {}
    }
    told
}

fn overlap(facts: &Facts) -> String {
    let policy = "overlap = \"skip\"";
    match &facts.beside.open {
        Some(open) => {
            let until = open
                .ended_at
                .map(|ended| format!(" until {}", facts.clock(ended)));
            let what = doing(open, facts.at);
            format!(
                "run {} was {what}{} (`{policy}`)",
                open.run,
                until.unwrap_or_default()
            )
        }
        None => format!("another run of it was still open (`{policy}`)"),
    }
}

/// What an open run was doing at a time.
fn doing(run: &RunRow, at: Timestamp) -> &'static str {
    let begun = run
        .attempts
        .iter()
        .rfind(|attempt| attempt.started_at <= at);
    match begun {
        None if run.attempts.is_empty() => "still waiting",
        // Of attempts of one moment clocks do not say more.
        None => "still open",
        Some(last) if last.ended_at.is_none_or(|ended| ended > at) => "still running",
        Some(_) => "still to be tried again",
    }
}

fn dependency_failed(facts: &Facts) -> String {
    let told = facts.run.as_ref().and_then(|run| run.message.clone());
    told.unwrap_or_else(|| "the run that it is after did not end as it is for".to_owned())
}

/// The run that what was missed was folded into.
fn newer(facts: &Facts) -> Option<&RunRow> {
    match facts.run {
        Some(_) => facts.beside.queued.as_ref(),
        None => facts.known.newer.as_ref(),
    }
}

fn missed(facts: &Facts, recorded: Timestamp) -> String {
    let late = facts.at.duration_until(recorded).unsigned_abs();
    let found = found(facts, recorded, late);
    if let Some(instead) = newer(facts) {
        let (run, then) = (instead.run, facts.clock(instead.nominal));
        return match instead.turn {
            Turn::CatchUp => format!(
                "{found}, with more than `catch_up_max` newer ones, of which run {run} for {then} \
                 is the oldest"
            ),
            Turn::Now | Turn::Queue => {
                format!("{found}, and folded into run {run} for {then} (`catch_up = \"latest\"`)")
            }
        };
    }
    let policy = facts.defined().map(|job| &job.catch_up);
    match policy {
        Some(policy) if late >= policy.window => {
            format!(
                "{found} (`catch_up_window = \"{}\"`)",
                format_duration(policy.window)
            )
        }
        Some(policy) if policy.mode == CatchUpMode::None && late >= policy.grace => {
            let grace = format_duration(policy.grace);
            format!("{found} (`catch_up = \"none\"`, `catch_up_grace = \"{grace}\"`)")
        }
        Some(policy) if policy.mode == CatchUpMode::Latest => {
            format!("{found}; of several only the newest runs (`catch_up = \"latest\"`)")
        }
        _ => found,
    }
}

/// Why nobody looked at it in time, as far as that is known, and when somebody did.
fn found(facts: &Facts, recorded: Timestamp, late: Duration) -> String {
    let late = when::took(late);
    match &facts.downtime {
        Some(Downtime {
            from,
            died,
            to: Some(to),
        }) => {
            let (from, to) = (facts.clock(*from), facts.clock(*to));
            if *died {
                format!(
                    "the daemon died after {from}, and there was none until {to}; found {late} late"
                )
            } else {
                format!("no daemon was running from {from} to {to}; found {late} late")
            }
        }
        _ => match facts.jump {
            Some(jump) => {
                let (at, by) = (facts.clock(jump.at), when::took(jump.by.unsigned_abs()));
                format!("the clock jumped forward by {by} to {at}; found {late} late")
            }
            None => format!("found at {}, {late} late", facts.clock(recorded)),
        },
    }
}

fn outside_hours(facts: &Facts) -> String {
    let hours = facts
        .defined()
        .map_or(&[][..], |job| job.schedule.calendar.active_hours());
    let hours: Vec<String> = hours.iter().map(ToString::to_string).collect();
    match &hours[..] {
        [] => "it is outside `active_hours`".to_owned(),
        hours => format!("it is outside `active_hours` ({})", hours.join("; ")),
    }
}

fn blackout(facts: &Facts) -> String {
    let calendar = facts.defined().map(|job| &job.schedule.calendar);
    let wall = calendar.map(|calendar| calendar.zone().datetime(facts.at));
    let blackouts = calendar.map_or(&[][..], Calendar::blackouts);
    let holds = |blackout: &&Blackout| {
        let (from, to) = (blackout.from(), blackout.to());
        wall.is_some_and(|wall| from <= wall && to.is_none_or(|to| wall < to))
    };
    match blackouts.iter().find(holds) {
        Some(blackout) => format!("it is in the blackout `{blackout}`"),
        None => "it is in a blackout".to_owned(),
    }
}

/// Why an instant that is to come will not run, if the calendar says so.
pub(super) fn excluded(facts: &Facts) -> Option<String> {
    let exclusion = facts.defined()?.schedule.calendar.excludes(facts.at)?;
    Some(match exclusion {
        Exclusion::OutsideHours => outside_hours(facts),
        Exclusion::Blackout => blackout(facts),
    })
}

/// What would become of an instant that nobody has looked at, if a daemon started now.
pub(super) fn late(facts: &Facts, job: &Job, watermark: Timestamp) -> String {
    let none = BTreeSet::new();
    let looks = Look::all(&none, job, watermark, facts.now);
    let looks: Vec<Look> = looks.take(LOOKS).collect();
    let parts = || looks.iter().flat_map(|look| &look.parts);
    let part = parts().find(|part| match part {
        Part::Runs(at) | Part::Ran(at) => *at == facts.at,
        Part::Skips(range) => range.first <= facts.at && facts.at <= range.last,
    });
    let newer = parts().find_map(|part| match part {
        Part::Runs(at) if *at > facts.at => Some(*at),
        _ => None,
    });
    let start = "a start now would";
    match (part, newer) {
        (Some(Part::Runs(_)), _) => {
            let alone = looks.iter().any(|look| look.catches_up) || job.overlap != Overlap::Skip;
            match facts.beside.open.as_ref().filter(|_| !alone) {
                Some(open) => format!(
                    "{start} run it, unless run {} is still open then (`{}`)",
                    open.run,
                    runs::overlap(job.overlap)
                ),
                None => format!("{start} run it"),
            }
        }
        (Some(Part::Skips(range)), _) if range.reason != SkipReason::Missed => {
            let why = excluded(facts).unwrap_or_default();
            format!("{start} skip it: {why}")
        }
        (Some(Part::Skips(_)), Some(newer)) => {
            let then = facts.clock(newer);
            format!("{start} fold it into the run for {then}")
        }
        (Some(Part::Skips(_)), None) => format!("{start} skip it: it is too late"),
        (Some(Part::Ran(_)) | None, _) => format!("{start} look at it"),
    }
}

fn expired(facts: &Facts, recorded: Timestamp) -> String {
    let window = facts.defined().map(|job| job.catch_up.window);
    let window = window.map_or(String::new(), |window| {
        format!(" = \"{}\"", format_duration(window))
    });
    let turn = facts.clock(recorded);
    format!("its turn came at {turn}, when it was too late (`catch_up_window{window}`)")
}

fn superseded(facts: &Facts) -> String {
    let policy = match facts.defined().map(|job| job.overlap) {
        Some(policy @ (Overlap::QueueOne | Overlap::CancelRunning { .. })) => {
            format!(" (`{}`)", runs::overlap(policy))
        }
        _ => String::new(),
    };
    match &facts.beside.queued {
        Some(newer) => {
            let (run, then) = (newer.run, facts.clock(newer.nominal));
            format!("run {run} for {then} took its place in the queue{policy}")
        }
        None => format!("a newer one took its place in the queue{policy}"),
    }
}

fn disabled(facts: &Facts, recorded: Timestamp) -> String {
    match facts.stand(recorded).paused {
        Some(Paused { since, why }) => {
            let since = facts.clock(since);
            format!("the job was paused {why} at {since}, before it started")
        }
        None => "the job was disabled before it started".to_owned(),
    }
}

fn queue_full(facts: &Facts) -> String {
    match facts.defined().map(|job| job.overlap) {
        Some(Overlap::QueueAll { max }) => {
            format!("as many as may wait did (`overlap = \"queue-all\"`, `max_queued = {max}`)")
        }
        _ => "as many as may wait did (`max_queued`)".to_owned(),
    }
}
