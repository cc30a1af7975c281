//! `cron`: an expression of a job, and what is to be said about a sound one.

use cronlet_core::schedule::{Cron, CronError, Crowd, Jump, Trigger, Zone};
use jiff::{SignedDuration, Timestamp};
use toml::de::DeValue;

use super::{
    problem::Problem,
    table::{Field, Kind, Marked, Walk},
    trigger::marked,
};

const CRON: Kind = Kind::quoted("a cron expression", "\"0 6 * * *\"");

/// How far ahead transitions are looked at: zones that change their clocks do so twice a year.
const AHEAD: SignedDuration = SignedDuration::from_hours(2 * 366 * 24);

/// Reads the expression of the job called `job`, whose zone is `zone`.
pub(super) fn read<'a>(
    walk: &mut Walk<'a>,
    field: &Field<'a>,
    job: &str,
    zone: &Zone,
) -> Option<Marked<Trigger>> {
    if let DeValue::Array(list) = field.value {
        walk.push(several(field, list.len()));
        return None;
    }
    let text = walk.string(field, &CRON)?;
    let cron = match Cron::parse_for(text.value, job) {
        Ok(cron) => cron.in_zone(zone.clone()),
        Err(error) => {
            let span = text.part(error.span.clone());
            walk.push(problem(error).at(span));
            return None;
        }
    };
    for lint in cron.lints(text.value) {
        let problem = Problem::warning("schedule::vixie", lint.message)
            .at(text.part(lint.span))
            .label(lint.label)
            .help(lint.help);
        walk.lints.push(problem);
    }
    let trigger = Trigger::Cron(cron);
    if trigger.next_after(Timestamp::MIN).is_none() {
        walk.push(never_shown(zone).at(text.span));
        return None;
    }
    Some(marked(trigger, field))
}

fn several(field: &Field<'_>, count: usize) -> Problem {
    let help = match count {
        0 | 1 => "write the expression without brackets",
        _ => "write one expression here, or `triggers = [{ cron = … }, { cron = … }]`",
    };
    let message = format!("{} must be a cron expression", field.title());
    Problem::error("config::type", message)
        .at(field.span.clone())
        .label("found a list")
        .help(help)
}

/// An expression that is none, as a problem without a place.
pub fn problem(error: CronError) -> Problem {
    Problem::error("schedule::cron", error.message)
        .label(error.label)
        .maybe_help(error.help)
}

fn never_shown(zone: &Zone) -> Problem {
    let message = format!("cron expression names no time that the clocks of {zone} ever show");
    Problem::error("schedule::cron", message)
        .label("all its times are in hours that the clocks jump over")
        .help("begin neither the minute nor the hour with `*`: then it is due when the jump ends")
}

/// What is to be said about `cron` when it is read at `now`, without its place.
pub(super) fn crowd(cron: &Cron, now: Timestamp) -> Option<Problem> {
    let crowd = cron.crowd_in(now, now.checked_add(AHEAD).ok()?)?;
    let Crowd {
        at,
        jump,
        count,
        first,
        last,
    } = crowd;
    let zone = cron.zone();
    let (message, label) = match jump {
        Jump::Forward => (
            format!("the clocks of {zone} jump over {count} of its times at once"),
            format!(
                "{first} to {last} become one, at {}",
                at.display_with_offset(zone.offset(at))
            ),
        ),
        Jump::Back => (
            format!("the clocks of {zone} show {count} of its times twice in a row"),
            format!("{first} to {last} are due the first time only"),
        ),
    };
    let problem = Problem::warning("schedule::transition", message)
        .label(label)
        .help(
            "begin the minute or the hour with `*` for a rhythm that goes on when clocks change, \
             as in `*/10 2-4 * * *`",
        );
    Some(problem)
}
