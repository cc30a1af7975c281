//! `cron`, `every` with its `offset`, and `at`: at most one of them.

use std::time::Duration;

use cronlet_core::{
    schedule::{At, Cron, Every, EveryError, Trigger},
    units::{format_duration, parse_duration},
};
use jiff::{Timestamp, civil};
use toml::de::DeValue;

use super::{
    problem::Problem,
    scalar::unit_problem,
    suggest::all_of,
    table::{Field, Kind, Marked, Table, Walk, shorten},
    text::Text,
};

const CRON: Kind = Kind::quoted("a cron expression", "\"0 6 * * *\"");
const EVERY: Kind = Kind::quoted("a duration", "\"30s\"").unit("s");
const OFFSET: Kind = Kind::quoted("a duration", "\"5m\"").unit("s");
const AT: Kind = Kind::quoted("an instant or a list of them", "\"2030-01-31T08:00:00Z\"");

/// Reads the trigger of a job; none is a job that only people start.
pub(super) fn read<'a>(walk: &mut Walk<'a>, table: &mut Table<'a>) -> Option<Marked<Trigger>> {
    let (cron, every) = (table.take("cron"), table.take("every"));
    let (offset, at) = (table.take("offset"), table.take("at"));
    let mut written: Vec<_> = [&cron, &every, &at].into_iter().flatten().collect();
    written.sort_by_key(|field| field.key_span.start);
    if let [first, second, ..] = written[..] {
        several(walk, table, first, second);
    }
    if let (Some(offset), None) = (&offset, &every) {
        lonely_offset(walk, offset);
    }
    let cron = cron.and_then(|field| self::cron(walk, &field));
    let every = every.and_then(|field| self::every(walk, &field, offset.as_ref()));
    let at = at.and_then(|field| self::at(walk, &field));
    cron.or(every).or(at)
}

fn several(walk: &mut Walk<'_>, table: &Table<'_>, first: &Field<'_>, second: &Field<'_>) {
    let problem = Problem::error(
        "schedule::several",
        format!("{} has two triggers", table.title),
    )
    .at(second.key_span.clone())
    .label("and this is another")
    .related(first.key_span.clone(), "this is a trigger")
    .help(format!(
        "keep one of {}, or make it two jobs",
        all_of(&[first.key, second.key])
    ));
    walk.push(problem);
}

fn lonely_offset(walk: &mut Walk<'_>, offset: &Field<'_>) {
    let problem = Problem::error("schedule::offset", "`offset` has no `every` to go with")
        .at(offset.key_span.clone())
        .label("only moves the instants of `every`")
        .help("write `every = \"1h\"` beside it, or leave it out");
    walk.push(problem);
}

fn cron<'a>(walk: &mut Walk<'a>, field: &Field<'a>) -> Option<Marked<Trigger>> {
    let text = walk.string(field, &CRON)?;
    match Cron::parse(text.value) {
        Ok(cron) => Some(marked(Trigger::Cron(cron), field)),
        Err(error) => {
            let problem = Problem::error("schedule::cron", error.message)
                .at(text.part(error.span))
                .label(error.label)
                .maybe_help(error.help);
            walk.push(problem);
            None
        }
    }
}

fn every<'a>(
    walk: &mut Walk<'a>,
    field: &Field<'a>,
    offset: Option<&Field<'a>>,
) -> Option<Marked<Trigger>> {
    let period = duration(walk, field, &EVERY);
    let after = match offset {
        Some(offset) => duration(walk, offset, &OFFSET)?,
        None => Duration::ZERO,
    };
    let error = match Every::new(period?, after) {
        Ok(every) => return Some(marked(Trigger::Every(every), field)),
        Err(error) => error,
    };
    let problem = Problem::error("schedule::every", error.to_string());
    let problem = match (error, offset) {
        (EveryError::OffsetTooLong { period, .. }, Some(offset)) => problem
            .at(offset.span.clone())
            .label(format!("expected less than {}", format_duration(period))),
        (EveryError::TooFine { length }, offset) => problem
            .at(match offset {
                Some(offset) if length == after => offset.span.clone(),
                _ => field.span.clone(),
            })
            .label("expected whole microseconds"),
        _ => problem
            .at(field.span.clone())
            .label("expected at least 1s")
            .help("write `every = \"1s\"`"),
    };
    walk.push(problem);
    None
}

fn duration<'a>(walk: &mut Walk<'a>, field: &Field<'a>, kind: &Kind) -> Option<Duration> {
    let text = walk.string(field, kind)?;
    let error = match parse_duration(text.value) {
        Ok(duration) => return Some(duration),
        Err(error) => error,
    };
    walk.push(unit_problem("schedule::every", error, |part| {
        text.part(part)
    }));
    None
}

fn at<'a>(walk: &mut Walk<'a>, field: &Field<'a>) -> Option<Marked<Trigger>> {
    let DeValue::Array(list) = field.value else {
        let instant = instant(walk, field)?;
        return Some(marked(Trigger::At(At::new(vec![instant]).ok()?), field));
    };
    let instants: Vec<_> = list
        .iter()
        .map(|value| {
            let mut item = field.clone();
            (item.value, item.span) = (value.get_ref(), value.span());
            instant(walk, &item)
        })
        .collect();
    // Each instant, so that all wrong ones are reported, and only then all or none.
    match At::new(instants.into_iter().collect::<Option<_>>()?) {
        Ok(at) => Some(marked(Trigger::At(at), field)),
        Err(error) => {
            let problem = Problem::error("schedule::at", error.to_string())
                .at(field.span.clone())
                .label("expected at least one")
                .help(format!("write `at = {}`, or leave it out", AT.example));
            walk.push(problem);
            None
        }
    }
}

/// An instant, as a string or as one of TOML's own.
fn instant<'a>(walk: &mut Walk<'a>, field: &Field<'a>) -> Option<Timestamp> {
    let (text, span) = match field.value {
        DeValue::String(_) => {
            let Text { value, span, .. } = walk.string(field, &AT)?;
            (value.to_owned(), span)
        }
        DeValue::Datetime(datetime) => (datetime.to_string(), field.span.clone()),
        _ => return walk.wrong_type(field, &AT),
    };
    // A zone in brackets would be read over, and it may contradict the offset.
    let problem = match text.parse::<Timestamp>() {
        Ok(instant) if !text.contains('[') && instant.subsec_nanosecond() % 1_000 == 0 => {
            return Some(instant);
        }
        Ok(instant) if !text.contains('[') => too_fine(instant),
        _ => no_instant(&text),
    };
    walk.push(problem.at(span));
    None
}

/// What is wrong with an `at` that the history could not keep.
fn too_fine(instant: Timestamp) -> Problem {
    Problem::error("schedule::at", format!("`{instant}` is too fine"))
        .label("expected whole microseconds")
        .help(format!("write `{instant:.6}`"))
}

/// What is wrong with an `at` that is not an instant.
fn no_instant(text: &str) -> Problem {
    let shown = shorten(text);
    let (what, label, help) = if let Ok(local) = text.parse::<civil::DateTime>() {
        (
            "has no offset from UTC",
            "expected `Z` or an offset such as `+02:00` at its end",
            format!("write `{local}Z` for UTC"),
        )
    } else if let Ok(date) = text.parse::<civil::Date>() {
        (
            "has no time of day",
            "expected a date, a time and an offset",
            format!("write `{date}T08:00:00Z`"),
        )
    } else if let Ok(time) = text.parse::<civil::Time>() {
        (
            "has no date",
            "expected a date, a time and an offset",
            format!(
                "write `cron = \"{} {} * * *\"` for every day",
                time.minute(),
                time.hour()
            ),
        )
    } else {
        (
            "is not an instant",
            "expected a date, a time and an offset",
            "write it as `2030-01-31T08:00:00Z` or `2030-01-31T08:00:00+02:00`".to_owned(),
        )
    };
    Problem::error("schedule::at", format!("`{shown}` {what}"))
        .label(label)
        .help(help)
}

fn marked(trigger: Trigger, field: &Field<'_>) -> Marked<Trigger> {
    Marked {
        value: trigger,
        span: field.span.clone(),
    }
}
