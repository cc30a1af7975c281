//! Durations: whole numbers with units, from the longest unit to the shortest.

use std::time::Duration;

use super::{UnitError, digits_end, unit_end};

const SECOND: u128 = 1_000_000_000;

/// The units, longest first, in nanoseconds.
const UNITS: [(&str, u128); 7] = [
    ("d", 86_400 * SECOND),
    ("h", 3_600 * SECOND),
    ("m", 60 * SECOND),
    ("s", SECOND),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

/// Other words for a unit, and for none: only good for advice.
const ALIASES: [(&str, &str); 16] = [
    ("day", "d"),
    ("days", "d"),
    ("hr", "h"),
    ("hrs", "h"),
    ("hour", "h"),
    ("hours", "h"),
    ("min", "m"),
    ("mins", "m"),
    ("minute", "m"),
    ("minutes", "m"),
    ("sec", "s"),
    ("secs", "s"),
    ("second", "s"),
    ("seconds", "s"),
    ("msec", "ms"),
    ("millis", "ms"),
];

/// Reads `500ms`, `90s`, `5m`, `1h30m`, `7d`.
///
/// The units are `d` (24 hours), `h`, `m`, `s`, `ms`, `us` and `ns`, each at
/// most once, longer before shorter. The longest duration is that of
/// [`Duration::MAX`]; more is an error.
pub fn parse_duration(text: &str) -> Result<Duration, UnitError> {
    if text.is_empty() {
        let error = UnitError::new(0..0, "duration is empty", "expected a number and a unit");
        return Err(error.help("write a duration such as `30s`"));
    }
    if let Some((at, stray)) = text.char_indices().find(|(_, c)| !c.is_alphanumeric()) {
        return Err(stray_character(text, at, stray));
    }
    let mut total = 0u128;
    let mut last_unit = None;
    let mut at = 0;
    while at < text.len() {
        let unit_at = digits_end(text, at);
        let end = unit_end(text, unit_at);
        if unit_at == at || unit_at == end {
            return Err(half_missing(text, at, unit_at, end));
        }
        let (number, unit) = (&text[at..unit_at], &text[unit_at..end]);
        let Some(index) = UNITS.iter().position(|(name, _)| *name == unit) else {
            return Err(unknown_unit(text, at, unit_at, end));
        };
        if last_unit.is_some_and(|last| index <= last) {
            return Err(out_of_order(text, at, end, last_unit == Some(index)));
        }
        last_unit = Some(index);
        total = number
            .parse::<u128>()
            .ok()
            .and_then(|n| n.checked_mul(UNITS[index].1))
            .and_then(|nanos| nanos.checked_add(total))
            .filter(|nanos| *nanos <= Duration::MAX.as_nanos())
            .ok_or_else(|| too_long(text, at, end))?;
        at = end;
    }
    Ok(from_nanos(total))
}

/// Writes a duration exactly, in the units of [`parse_duration`], leaving out
/// those that are zero: `1h30m`, `5m`, `500ms`; zero is `0s`.
pub fn format_duration(duration: Duration) -> String {
    let mut rest = duration.as_nanos();
    let mut text = String::new();
    for (unit, nanos) in UNITS {
        let number = rest / nanos;
        rest %= nanos;
        if number > 0 {
            text.push_str(&number.to_string());
            text.push_str(unit);
        }
    }
    if text.is_empty() {
        text.push_str("0s");
    }
    text
}

/// `nanos` is at most that of [`Duration::MAX`].
fn from_nanos(nanos: u128) -> Duration {
    let seconds = u64::try_from(nanos / SECOND).unwrap_or(u64::MAX);
    let nanos = u32::try_from(nanos % SECOND).unwrap_or(0);
    Duration::new(seconds, nanos)
}

fn stray_character(text: &str, at: usize, stray: char) -> UnitError {
    let close: String = text.chars().filter(|c| c.is_alphanumeric()).collect();
    let (what, label, help) = match stray {
        '.' | ',' => ("has a fraction", "expected whole numbers", None),
        '-' | '+' => ("has a sign", "expected a number and a unit", Some(close)),
        c if c.is_whitespace() => ("has a blank", "expected no blank", Some(close)),
        _ => ("is not one", "expected a number and a unit", None),
    };
    let help = match help.filter(|close| !close.is_empty()) {
        // `5 minutes` without its blank is wrong in another way.
        Some(close) => match parse_duration(&close) {
            Err(UnitError {
                help: Some(help), ..
            }) => help,
            _ => format!("write `{close}`"),
        },
        None => "write whole numbers with units, such as `1h30m`".into(),
    };
    let span = at..at + stray.len_utf8();
    UnitError::new(span, format!("duration `{text}` {what}"), label).help(help)
}

/// A part that is a number without a unit, or a unit without a number.
fn half_missing(text: &str, at: usize, unit_at: usize, end: usize) -> UnitError {
    if at < unit_at {
        let error = UnitError::new(
            at..end,
            format!("duration `{text}` has no unit"),
            "expected a unit after the number",
        );
        return if at == 0 {
            error.help(format!("write `{text}s`"))
        } else {
            error.help("write a unit after each number, such as `1h30m`")
        };
    }
    UnitError::new(
        at..end,
        format!("duration `{text}` has no number"),
        "expected a number before the unit",
    )
    .help("write a number with a unit, such as `30s`")
}

fn unknown_unit(text: &str, at: usize, unit_at: usize, end: usize) -> UnitError {
    let unit = &text[unit_at..end];
    let error = UnitError::new(
        unit_at..end,
        format!("`{unit}` is not a unit of time"),
        "expected d, h, m, s, ms, us or ns",
    );
    let lower = unit.to_lowercase();
    let known = UNITS.iter().map(|(name, _)| (*name, *name)).chain(ALIASES);
    match known.into_iter().find(|(alias, _)| *alias == lower) {
        Some((_, name)) => error.help(format!("write `{}{name}`", &text[at..unit_at])),
        None => error,
    }
}

fn out_of_order(text: &str, at: usize, end: usize, twice: bool) -> UnitError {
    let what = if twice {
        "names a unit twice"
    } else {
        "has a longer unit after a shorter one"
    };
    UnitError::new(
        at..end,
        format!("duration `{text}` {what}"),
        "expected each unit once, the longest first",
    )
    .help("write a duration such as `1h30m`")
}

fn too_long(text: &str, at: usize, end: usize) -> UnitError {
    UnitError::new(
        at..end,
        format!("duration `{text}` is too long"),
        format!(
            "expected at most {}",
            format_duration(Duration::from_secs(u64::MAX))
        ),
    )
}
