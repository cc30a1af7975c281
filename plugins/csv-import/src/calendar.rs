//! Days and instants, as far as it takes to know whether there is such a one.

use crate::params::DateFormat;

/// The day that a text says, as `YYYY-MM-DD`.
pub(crate) fn date(text: &str, format: DateFormat) -> Option<String> {
    let (separator, order, widths) = match format {
        DateFormat::Iso => ('-', [0, 1, 2], [4, 2, 2]),
        DateFormat::Dots => ('.', [2, 1, 0], [2, 2, 4]),
        DateFormat::DayFirst => ('/', [2, 1, 0], [2, 2, 4]),
        DateFormat::MonthFirst => ('/', [2, 0, 1], [2, 2, 4]),
    };
    let mut parts = [0; 3];
    let mut written = text.split(separator);
    for (part, width) in parts.iter_mut().zip(widths) {
        // `1.2.2026` is how people write it; a year has four digits everywhere.
        let shorter = width == 2 && format != DateFormat::Iso;
        let digits = written.next()?;
        *part = number(
            digits,
            if shorter {
                digits.len().clamp(1, 2)
            } else {
                width
            },
        )?;
    }
    if written.next().is_some() {
        return None;
    }
    let [year, month, day] = order.map(|index| parts[index]);
    is_day(year, month, day).then(|| format!("{year:04}-{month:02}-{day:02}"))
}

/// The instant that a text says, with the offset that it has, as RFC 3339.
pub(crate) fn timestamp(text: &str) -> Option<String> {
    let (day, rest) = text.split_at_checked(10)?;
    let day = date(day, DateFormat::Iso)?;
    let rest = rest.strip_prefix(['T', 't', ' '])?;
    let offset = rest.find(['Z', 'z', '+', '-'])?;
    let (time, offset) = rest.split_at(offset);
    let time = self::time(time)?;
    let offset = self::offset(offset)?;
    Some(format!("{day}T{time}{offset}"))
}

/// `HH:MM`, or with seconds, or with a fraction of at most nine digits.
fn time(text: &str) -> Option<String> {
    let (text, fraction) = match text.split_once('.') {
        Some((text, digits)) => (text, Some(digits)),
        None => (text, None),
    };
    let mut parts = text.split(':');
    let hour = number(parts.next()?, 2).filter(|hour| *hour < 24)?;
    let minute = number(parts.next()?, 2).filter(|minute| *minute < 60)?;
    let second = match parts.next() {
        Some(second) => number(second, 2).filter(|second| *second < 60)?,
        None if fraction.is_some() => return None,
        None => 0,
    };
    if parts.next().is_some() {
        return None;
    }
    let fraction = match fraction {
        None => String::new(),
        Some(digits) => {
            let fits = (1..=9).contains(&digits.len());
            let sound = fits && digits.bytes().all(|byte| byte.is_ascii_digit());
            sound.then(|| format!(".{digits}"))?
        }
    };
    Some(format!("{hour:02}:{minute:02}:{second:02}{fraction}"))
}

fn offset(text: &str) -> Option<String> {
    if text.eq_ignore_ascii_case("z") {
        return Some("Z".to_owned());
    }
    let (sign, rest) = text.split_at_checked(1)?;
    let (hours, minutes) = rest.split_once(':')?;
    let hours = number(hours, 2).filter(|hours| *hours < 24)?;
    let minutes = number(minutes, 2).filter(|minutes| *minutes < 60)?;
    Some(format!("{sign}{hours:02}:{minutes:02}"))
}

/// A number of exactly so many digits.
fn number(text: &str, width: usize) -> Option<u32> {
    let digits = text.len() == width && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

fn is_day(year: u32, month: u32, day: u32) -> bool {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        1..=12 => 31,
        _ => return false,
    };
    (1..=days).contains(&day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        for (text, format, expected) in [
            ("2026-02-28", DateFormat::Iso, Some("2026-02-28")),
            ("2026-02-29", DateFormat::Iso, None),
            ("2024-02-29", DateFormat::Iso, Some("2024-02-29")),
            ("2100-02-29", DateFormat::Iso, None),
            ("2026-2-28", DateFormat::Iso, None),
            ("2026-04-31", DateFormat::Iso, None),
            ("2026-13-01", DateFormat::Iso, None),
            ("2026-00-01", DateFormat::Iso, None),
            ("2026-01-00", DateFormat::Iso, None),
            ("2026-01-01-", DateFormat::Iso, None),
            ("2026", DateFormat::Iso, None),
            ("+026-01-01", DateFormat::Iso, None),
            ("31.12.2026", DateFormat::Dots, Some("2026-12-31")),
            ("1.2.2026", DateFormat::Dots, Some("2026-02-01")),
            ("1.2.26", DateFormat::Dots, None),
            ("..2026", DateFormat::Dots, None),
            ("02/03/2026", DateFormat::DayFirst, Some("2026-03-02")),
            ("02/03/2026", DateFormat::MonthFirst, Some("2026-02-03")),
            ("13/01/2026", DateFormat::MonthFirst, None),
            ("٢٠٢٦-01-01", DateFormat::Iso, None),
        ] {
            assert_eq!(date(text, format).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn instants_have_an_offset() {
        for (text, expected) in [
            ("2026-03-01T06:00:00Z", Some("2026-03-01T06:00:00Z")),
            ("2026-03-01 06:00z", Some("2026-03-01T06:00:00Z")),
            (
                "2026-03-01t06:00:00.125+02:00",
                Some("2026-03-01T06:00:00.125+02:00"),
            ),
            (
                "2026-03-01T06:00:00-11:30",
                Some("2026-03-01T06:00:00-11:30"),
            ),
            ("2026-03-01T06:00:00", None),
            ("2026-03-01", None),
            ("2026-03-01T24:00:00Z", None),
            ("2026-03-01T06:60:00Z", None),
            ("2026-03-01T06:00:60Z", None),
            ("2026-03-01T06:00:00.Z", None),
            ("2026-03-01T06:00.5Z", None),
            ("2026-03-01T06:00:00:00Z", None),
            ("2026-03-01T06:00:00+0200", None),
            ("2026-03-01T06:00:00Zulu", None),
            ("2026-02-30T06:00:00Z", None),
            ("2026-03-0é", None),
            ("", None),
        ] {
            assert_eq!(timestamp(text).as_deref(), expected, "{text}");
        }
    }
}
