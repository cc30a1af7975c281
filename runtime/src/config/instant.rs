//! An instant: RFC 3339, or what the clocks of the job's zone show.

use std::{fmt::Write as _, ops::Range};

use cronlet_core::schedule::{Local, Zone, meant_day, meant_time};
use jiff::{Timestamp, civil};
use toml::de::DeValue;

use super::{
    problem::Problem,
    table::{Field, Kind, Walk, shorten},
    text::Text,
};

/// What an instant is for.
pub(super) struct Instant {
    pub(super) kind: Kind,
    /// Of the problems with it.
    code: &'static str,
}

impl Instant {
    pub(super) const fn new(name: &'static str, code: &'static str) -> Self {
        Self {
            kind: Kind::quoted(name, "\"2030-01-31T08:00:00Z\""),
            code,
        }
    }
}

/// An instant, as a string or as one of TOML's own: with an offset, or in the job's zone.
pub(super) fn read<'a>(
    walk: &mut Walk<'a>,
    field: &Field<'a>,
    wanted: &Instant,
    zone: &Zone,
) -> Option<Timestamp> {
    let (kind, code) = (&wanted.kind, wanted.code);
    let (written, span) = match field.value {
        DeValue::String(_) => {
            let text = walk.string(field, kind)?;
            // A zone in brackets would be read over, and it may contradict the offset.
            if let Some(zone) = text.value.find('[') {
                walk.push(zone_beside_offset(&text, zone, code));
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
        Some(instant) => too_fine(instant, code),
        None => no_instant(&written, code),
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

fn zone_beside_offset(text: &Text<'_>, zone: usize, code: &'static str) -> Problem {
    let message = format!("`{}` has a zone in brackets", shorten(text.value));
    Problem::error(code, message)
        .at(text.part(zone..text.value.len()))
        .label("expected nothing after the offset")
        .help(format!("write `{}`", shorten(&text.value[..zone])))
}

/// What is wrong with one that the history could not keep.
fn too_fine(instant: Timestamp, code: &'static str) -> Problem {
    Problem::error(code, format!("`{instant}` is too fine"))
        .label("expected whole microseconds")
        .help(format!("write `{instant:.6}`"))
}

/// What is wrong with one that is not an instant.
fn no_instant(text: &str, code: &'static str) -> Problem {
    let is_trigger = code == "schedule::at";
    let (what, label, help) = if let Some(day) = meant_day(text) {
        let help = if is_trigger {
            format!("write `{day}T08:00:00` for 8 o'clock in the job's zone")
        } else {
            format!("write `{day}T00:00:00` for the midnight before it in the job's zone")
        };
        ("has no time of day", "expected a date and a time", help)
    } else if let Some(time) = text.parse::<civil::Time>().ok().filter(|_| is_trigger) {
        (
            "has no date",
            "expected a date and a time",
            format!(
                "write `cron = \"{} {} * * *\"` for every day",
                time.minute(),
                time.hour()
            ),
        )
    } else if let Some(meant) = meant_time(text).filter(|meant| meant != text) {
        (
            "is not an instant",
            "expected a date and a time",
            format!("write `{meant}`"),
        )
    } else {
        (
            "is not an instant",
            "expected a date and a time",
            "write it as `2030-01-31T08:00:00`, in the job's zone, or as `2030-01-31T08:00:00+02:00`".to_owned(),
        )
    };
    Problem::error(code, format!("`{}` {what}", shorten(text)))
        .label(label)
        .help(help)
}
