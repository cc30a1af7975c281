//! The words of an instant that was skipped, or would be.

use cronlet_core::{
    policy::{CatchUpMode, Overlap},
    run::{SkipReason, Turn},
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
    store::history::{RunRow, SkipRow},
};

/// An instant of a range.
pub(super) fn of_range(facts: &Facts, range: &SkipRow) -> Told {
    let head = match facts.is_due() {
        Some(true) => answer::head(facts),
        // The schedule was another then, or cannot be read: that it is in the range is all we know.
        _ => format!("at {}", when::second(facts.at, &facts.zone)),
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
    };
    let mut told = Told::new(Kind::Skipped, format!("{head}: {why}"));
    let number = |run: &Option<RunRow>| run.as_ref().map(|run| run.run);
    match reason {
        SkipReason::Overlap => told.in_the_way = number(&facts.beside.open),
        SkipReason::Missed | SkipReason::Superseded => {
            told.instead = number(&facts.beside.queued);
        }
        SkipReason::Expired | SkipReason::Removed | SkipReason::QueueFull => {}
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

fn missed(facts: &Facts, recorded: Timestamp) -> String {
    let late = facts.at.duration_until(recorded).unsigned_abs();
    let found = format!(
        "found at {}, {} late",
        facts.clock(recorded),
        when::took(late)
    );
    if let Some(instead) = &facts.beside.queued {
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
        _ => found,
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

fn queue_full(facts: &Facts) -> String {
    match facts.defined().map(|job| job.overlap) {
        Some(Overlap::QueueAll { max }) => {
            format!("as many as may wait did (`overlap = \"queue-all\"`, `max_queued = {max}`)")
        }
        _ => "as many as may wait did (`max_queued`)".to_owned(),
    }
}
