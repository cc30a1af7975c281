//! What people write who know their schedules from elsewhere: a whole line of a crontab, an expression
//! with its quotes, a time of the day, a length of time. What they meant can often be told, and then the
//! error says how that is written here.

use super::error::CronError;
use super::field::{DAY_OF_WEEK, MONTH, YEAR};
use super::parse::{self, Piece, join};
use crate::units::{format_duration, parse_duration};

/// The error of an expression, or a better one if it can be told what was meant. `is_sound` says whether
/// another text is an expression.
pub(super) fn explained(
    expression: &str,
    error: CronError,
    is_sound: impl Fn(&str) -> bool,
) -> CronError {
    let written = parse::pieces(expression);
    odd_character(expression, &is_sound)
        .or_else(|| zone_in_front(&written))
        .or_else(|| blank_beside_mark(expression, &written, &is_sound))
        .or_else(|| command(expression, &written, &is_sound))
        .or_else(|| {
            let help = sixth_field(expression, &written, &is_sound)
                .or_else(|| no_fields(expression, &written))?;
            Some(error.clone().help(help))
        })
        .unwrap_or(error)
}

/// What a character was meant to be that only looks like one of an expression; quotes are nothing.
fn meant(c: char) -> Option<&'static str> {
    Some(match c {
        '\u{2010}'..='\u{2015}' | '\u{2212}' => "-",
        '\u{2217}' | '\u{204e}' | '\u{ff0a}' | '\u{d7}' => "*",
        '"'
        | '\''
        | '`'
        | '\u{2018}'..='\u{201f}'
        | '\u{ab}'
        | '\u{bb}'
        | '\u{200b}'
        | '\u{feff}' => "",
        c if c.is_whitespace() && !c.is_ascii() => " ",
        _ => return None,
    })
}

fn odd_character(expression: &str, is_sound: impl Fn(&str) -> bool) -> Option<CronError> {
    let (at, odd) = expression
        .char_indices()
        .find(|(_, c)| meant(*c).is_some())?;
    let mut text = String::with_capacity(expression.len());
    for c in expression.chars() {
        match meant(c) {
            Some(meant) => text.push_str(meant),
            None => text.push(c),
        }
    }
    let text = join(&parse::pieces(&text));
    if !is_sound(&text) {
        return None;
    }
    let shown = if odd.is_whitespace() || matches!(odd, '\u{200b}' | '\u{feff}') {
        format!("the character U+{:04X}", u32::from(odd))
    } else {
        format!("`{odd}`")
    };
    let label = match meant(odd)? {
        "" => "expected the fields alone".to_owned(),
        " " => "expected a blank".to_owned(),
        meant => format!("expected `{meant}`"),
    };
    let message = format!("{shown} means nothing in a cron expression");
    let error = CronError::new(at..at + odd.len_utf8(), message, label);
    Some(error.help(format!("write `{text}`")))
}

/// `CRON_TZ=Europe/Berlin 0 6 * * *`
fn zone_in_front(written: &[Piece<'_>]) -> Option<CronError> {
    let (first, rest) = written.split_first()?;
    let (name, zone) = first.text.split_once('=')?;
    let is_zone = ["TZ", "CRON_TZ"].contains(&name.to_ascii_uppercase().as_str());
    (is_zone && !rest.is_empty()).then(|| {
        let error = CronError::new(
            first.span(),
            format!("`{}` is no field", first.text),
            "expected the fields alone",
        );
        let fields = join(rest);
        error.help(format!(
            "write `{fields}`, and the zone as `timezone = \"{zone}\"`"
        ))
    })
}

/// `0 6 * * Mon - Fri`, `0 6 * * Mon, Fri`
fn blank_beside_mark(
    expression: &str,
    written: &[Piece<'_>],
    is_sound: impl Fn(&str) -> bool,
) -> Option<CronError> {
    let text = join(written);
    let mut tight = text.clone();
    for mark in ["-", ","] {
        tight = tight.replace(&format!(" {mark}"), mark);
        tight = tight.replace(&format!("{mark} "), mark);
    }
    if tight == text || !is_sound(&tight) {
        return None;
    }
    let marks = ['-', ','];
    let (before, after) = written.windows(2).find_map(|pair| {
        let [before, after] = pair else { return None };
        let apart = before.text.ends_with(marks) || after.text.starts_with(marks);
        apart.then_some((before, after))
    })?;
    let mark = &expression[if before.text.ends_with(marks) {
        before.span().end - 1..before.span().end
    } else {
        after.at..after.at + 1
    }];
    let error = CronError::new(
        before.span().end..after.at,
        format!("cron expression has a blank beside `{mark}`"),
        "expected no blank within a field",
    );
    Some(error.help(format!("write `{tight}`")))
}

/// `0 6 * * * /usr/bin/backup --all`, with the name of a user before it or not, and comments.
fn command(
    expression: &str,
    written: &[Piece<'_>],
    is_sound: impl Fn(&str) -> bool,
) -> Option<CronError> {
    let (fields, rest) = [7, 6, 5].into_iter().find_map(|count| {
        let (fields, rest) = written.split_at_checked(count)?;
        let fields = &expression[Piece::cover(fields)];
        (!rest.is_empty() && is_sound(fields)).then_some((fields, rest))
    })?;
    let (what, help) = match rest[0].text {
        text if text.starts_with('#') => (
            "comment",
            format!("write `{fields}`, and the comment behind the closing quote"),
        ),
        text if is_word(text) => (
            "command",
            format!("write `{fields}`: what is run is the job's `plugin`"),
        ),
        _ => return None,
    };
    let error = CronError::new(
        Piece::cover(rest),
        format!("cron expression has a {what} after its fields"),
        "expected nothing after the last field",
    );
    Some(error.help(help))
}

/// Whether it begins like a command, and like nothing that a field may hold.
fn is_word(text: &str) -> bool {
    if text.starts_with(['/', '.', '~', '$', '[', '(']) {
        return !text[1..].starts_with(|c: char| c.is_ascii_digit());
    }
    let letters = text.bytes().take_while(u8::is_ascii_alphabetic).count();
    let letters = &text[..letters];
    // `FRIL` is a day too.
    let name = letters.strip_suffix(['L', 'l']).unwrap_or(letters);
    let is_name = [&MONTH, &DAY_OF_WEEK]
        .iter()
        .any(|field| field.full_name(letters).or(field.full_name(name)).is_some());
    letters.len() > 1 && !is_name && !letters.eq_ignore_ascii_case("LW")
}

/// What to write in place of six fields of which the last is a year, as in some other crons.
fn sixth_field(
    expression: &str,
    written: &[Piece<'_>],
    is_sound: impl Fn(&str) -> bool,
) -> Option<String> {
    let [five @ .., year] = written else {
        return None;
    };
    let five = (five.len() == 5).then(|| &expression[Piece::cover(five)])?;
    let years = YEAR.min..=YEAR.max;
    let is_year = year.number().is_some_and(|number| years.contains(&number));
    match year.text {
        _ if !is_sound(five) => None,
        "*" => Some(format!(
            "write `{five}`: of six fields the first is the second"
        )),
        text if is_year => Some(format!(
            "write `0 {five} {text}`: the year is the last of seven fields, and the second the first"
        )),
        _ => None,
    }
}

/// What to write in place of words that are no fields at all.
fn no_fields(expression: &str, written: &[Piece<'_>]) -> Option<String> {
    let text = join(written).to_ascii_lowercase();
    if !(1..5).contains(&written.len()) {
        return None;
    }
    match text.as_str() {
        "hourly" | "daily" | "midnight" | "weekly" | "monthly" | "yearly" | "annually" => {
            return Some(format!("write `@{text}`"));
        }
        "@minutely" | "minutely" | "@every_minute" | "every minute" => {
            return Some("write `* * * * *`".to_owned());
        }
        "@secondly" | "secondly" | "@every_second" | "every second" => {
            return Some("write `* * * * * *`".to_owned());
        }
        _ => {}
    }
    if let Some((hour, minute)) = clock(&text) {
        return Some(format!(
            "write `{minute} {hour} * * *` for {hour:02}:{minute:02} every day"
        ));
    }
    let length = text.strip_prefix("@every ").or(text.strip_prefix("every "));
    let length = duration(length.unwrap_or(&text))?;
    let is_bare = expression.bytes().all(|b| !b.is_ascii_alphabetic());
    (!is_bare).then(|| format!("write `every = \"{length}\"` in place of `cron`"))
}

/// `06:00`, `6am`, `6:30 pm`, `24:00`
fn clock(text: &str) -> Option<(u32, u32)> {
    let (time, later) = match (text.strip_suffix("am"), text.strip_suffix("pm")) {
        (Some(time), _) => (time, Some(0)),
        (_, Some(time)) => (time, Some(12)),
        _ => (text, None),
    };
    let time = time.trim_end();
    let (hour, minute) = match time.split_once(':') {
        Some((hour, minute)) => (hour, minute),
        None if later.is_some() => (time, "00"),
        None => return None,
    };
    let number = |text: &str| Piece { at: 0, text }.number();
    let (hour, minute) = (number(hour)?, number(minute)?);
    let hour = match (later, hour) {
        (Some(later), 1..=12) => hour % 12 + later,
        (None, 0..=23) => hour,
        (None, 24) if minute == 0 => 0,
        _ => return None,
    };
    (minute < 60).then_some((hour, minute))
}

/// `5m`, `5 minutes`, as it is to be written.
fn duration(text: &str) -> Option<String> {
    let written = match parse_duration(text) {
        Ok(duration) => return Some(format_duration(duration)),
        Err(error) => error.help?,
    };
    let (written, _) = written.strip_prefix("write `")?.split_once('`')?;
    parse_duration(written).ok().map(format_duration)
}
