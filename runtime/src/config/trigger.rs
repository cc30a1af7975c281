//! `cron`, `every` with its `offset`, and `at`: at most one of them.

use std::{fmt::Write as _, ops::Range, time::Duration};

use cronlet_core::{
    schedule::{At, Every, EveryError, Local, Trigger, Zone},
    units::{format_duration, parse_duration},
};
use jiff::{Timestamp, civil};
use toml::de::DeValue;

use super::{
    cron,
    problem::Problem,
    suggest::all_of,
    table::{Field, Kind, Marked, Table, Walk, shorten},
    text::Text,
};

const EVERY: Kind = Kind::measure("a duration", "\"30s\"", "s");
const OFFSET: Kind = Kind::measure("a duration", "\"5m\"", "s");
const INSTANT: Kind = Kind::quoted("an instant", "\"2030-01-31T08:00:00Z\"");
const AT: Kind = Kind::quoted("an instant or a list of them", "\"2030-01-31T08:00:00Z\"");

/// Reads the trigger of the job called `job`, whose zone is `zone`; none is a job that only people
/// start.
pub(super) fn read<'a>(
    walk: &mut Walk<'a>,
    table: &mut Table<'a>,
    job: &str,
    zone: &Zone,
) -> Option<Marked<Trigger>> {
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
    let cron = cron.and_then(|field| cron::read(walk, &field, job, zone));
    let every = every.and_then(|field| self::every(walk, &field, offset.as_ref()));
    let at = at.and_then(|field| self::at(walk, &field, zone));
    cron.or(every).or(at)
}

fn several(walk: &mut Walk<'_>, table: &Table<'_>, first: &Field<'_>, second: &Field<'_>) {
    let problem = Problem::error(
        "schedule::several",
        format!("{} has two triggers", table.title),
    )
    .at(second.key_span.clone())
    .label("the second one")
    .related(first.key_span.clone(), "the first one")
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
    walk.measure(&text, kind, "schedule::every", parse_duration)
}

fn at<'a>(walk: &mut Walk<'a>, field: &Field<'a>, zone: &Zone) -> Option<Marked<Trigger>> {
    let DeValue::Array(list) = field.value else {
        let instant = instant(walk, field, &AT, zone)?;
        return Some(marked(Trigger::At(At::new(vec![instant]).ok()?), field));
    };
    let instants: Vec<_> = list
        .iter()
        .map(|value| instant(walk, &field.item(value), &INSTANT, zone))
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

/// An instant, as a string or as one of TOML's own: with an offset, or in the job's zone.
fn instant<'a>(
    walk: &mut Walk<'a>,
    field: &Field<'a>,
    kind: &Kind,
    zone: &Zone,
) -> Option<Timestamp> {
    let (written, span) = match field.value {
        DeValue::String(_) => {
            let text = walk.string(field, kind)?;
            // A zone in brackets would be read over, and it may contradict the offset.
            if let Some(zone) = text.value.find('[') {
                walk.push(zone_beside_offset(&text, zone));
                return None;
            }
            (text.value.to_owned(), text.span)
        }
        DeValue::Datetime(datetime) => (datetime.to_string(), field.span.clone()),
        _ => return walk.wrong_type(field, kind),
    };
    let read = match local_time(&written) {
        Some(shown) => local(walk, shown, zone, &span),
        None => written.parse().ok(),
    };
    let problem = match read {
        Some(instant) if instant.subsec_nanosecond() % 1_000 == 0 => return Some(instant),
        Some(instant) => too_fine(instant),
        None => no_instant(&written),
    };
    walk.push(problem.at(span));
    None
}

/// A date and a time without an offset.
fn local_time(text: &str) -> Option<civil::DateTime> {
    let (_, time) = text.split_once(['T', 't', ' '])?;
    let has_offset = time.contains(['+', '-', 'Z', 'z']);
    text.parse().ok().filter(|_| !has_offset)
}

/// When the clocks of `zone` show `shown`. As with a time of the day in `cron`: where they jump over it
/// it is the end of the jump, and where they show it twice it is the first time.
fn local(
    walk: &mut Walk<'_>,
    shown: civil::DateTime,
    zone: &Zone,
    span: &Range<usize>,
) -> Option<Timestamp> {
    let (instant, message, others) = match zone.local(shown)? {
        Local::Once(instant) => return Some(instant),
        Local::Skipped { after } => (after, "does not exist: the clocks jump over it", None),
        Local::Twice { first, second } => (first, "comes twice: the clocks go back", Some(second)),
    };
    let written = |t: Timestamp| t.display_with_offset(zone.offset(t)).to_string();
    let mut help = format!("write `{}`", written(instant));
    if let Some(second) = others {
        let _ = write!(help, ", or `{}` for the second time", written(second));
    }
    let lint = Problem::warning(
        "schedule::transition",
        format!("`{shown}` {message} in {zone}"),
    )
    .at(span.clone())
    .label(format!("is {}", written(instant)))
    .help(help);
    walk.lints.push(lint);
    Some(instant)
}

fn zone_beside_offset(text: &Text<'_>, zone: usize) -> Problem {
    let message = format!("`{}` has a zone in brackets", shorten(text.value));
    Problem::error("schedule::at", message)
        .at(text.part(zone..text.value.len()))
        .label("expected nothing after the offset")
        .help(format!("write `{}`", shorten(&text.value[..zone])))
}

/// What is wrong with an `at` that the history could not keep.
fn too_fine(instant: Timestamp) -> Problem {
    Problem::error("schedule::at", format!("`{instant}` is too fine"))
        .label("expected whole microseconds")
        .help(format!("write `{instant:.6}`"))
}

/// What is wrong with an `at` that is not an instant.
fn no_instant(text: &str) -> Problem {
    let (what, label, help) = if !text.contains(':') && text.parse::<civil::Date>().is_ok() {
        (
            "has no time of day",
            "expected a date and a time",
            format!("write `{text}T08:00:00` for 8 o'clock in the job's zone"),
        )
    } else if let Ok(time) = text.parse::<civil::Time>() {
        (
            "has no date",
            "expected a date and a time",
            format!(
                "write `cron = \"{} {} * * *\"` for every day",
                time.minute(),
                time.hour()
            ),
        )
    } else {
        (
            "is not an instant",
            "expected a date and a time",
            "write it as `2030-01-31T08:00:00`, in the job's zone, or as `2030-01-31T08:00:00+02:00`".to_owned(),
        )
    };
    Problem::error("schedule::at", format!("`{}` {what}", shorten(text)))
        .label(label)
        .help(help)
}

pub(super) fn marked(trigger: Trigger, field: &Field<'_>) -> Marked<Trigger> {
    Marked {
        value: trigger,
        span: field.span.clone(),
    }
}
