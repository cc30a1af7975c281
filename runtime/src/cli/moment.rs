//! A time as somebody types it: an instant, what a clock shows, or how long ago.

use cronlet_core::schedule::{Local, Zone, meant_day, meant_time};
use jiff::{
    Span, SpanRelativeTo, Timestamp, ToSpan as _,
    civil::{DateTime, Time},
};

/// What was typed. Most of it says nothing without a clock and a zone.
#[derive(Clone, Debug)]
pub struct Moment {
    text: String,
    meant: Meant,
}

#[derive(Clone, Debug)]
enum Meant {
    Instant(Timestamp),
    /// What the clock on the wall shows.
    Wall(DateTime),
    /// The same of today.
    Clock(Time),
    /// So many midnights ago; 0 is the last one, and -1 the next.
    Midnight(i64),
    Ago(Span),
    Now,
}

/// What may be typed.
pub const FORMS: &str = "`2h` or `3d ago`, `06:00`, `yesterday`, `2026-03-29`, \
    `2026-03-29 06:00` or `2026-03-29T06:00:00Z`";

/// What was typed, if it is a time.
pub fn parse(text: &str) -> Result<Moment, String> {
    let meant = meant(text.trim()).ok_or_else(|| {
        let day = meant_day(text).map(|day| day.to_string());
        let help = match day.or_else(|| meant_time(text)) {
            Some(meant) => format!("`{meant}`"),
            None => FORMS.to_owned(),
        };
        format!("it is no time\n\nhelp: write {help}")
    })?;
    Ok(Moment {
        text: text.to_owned(),
        meant,
    })
}

fn meant(text: &str) -> Option<Meant> {
    match text.to_ascii_lowercase().as_str() {
        "now" => return Some(Meant::Now),
        "today" => return Some(Meant::Midnight(0)),
        "yesterday" => return Some(Meant::Midnight(1)),
        "tomorrow" => return Some(Meant::Midnight(-1)),
        _ => {}
    }
    if let Ok(instant) = joined(text).parse() {
        return Some(Meant::Instant(instant));
    }
    if let Ok(wall) = text.parse() {
        return Some(Meant::Wall(wall));
    }
    // A date is the moment it begins, but what has no date is not one.
    if let (true, Ok(clock)) = (text.contains(':'), text.parse()) {
        return Some(Meant::Clock(clock));
    }
    let span: Span = text.parse().ok()?;
    let calendar = span.get_years() != 0 || span.get_months() != 0;
    (!calendar && !text.starts_with(['-', '+'])).then(|| Meant::Ago(span.abs()))
}

/// As we show times there is a blank before the offset, and RFC 3339 has none.
fn joined(text: &str) -> String {
    match text.rsplit_once(' ') {
        Some((time, offset)) if offset.starts_with(['+', '-']) => format!("{time}{offset}"),
        _ => text.to_owned(),
    }
}

impl Moment {
    /// The instant that is meant on the clocks of `zone`.
    pub fn resolve(&self, now: Timestamp, zone: &Zone) -> Result<Timestamp, String> {
        let instant = match &self.meant {
            Meant::Now => Some(now),
            Meant::Instant(instant) => Some(*instant),
            Meant::Ago(span) => ago(now, span),
            Meant::Wall(_) | Meant::Clock(_) | Meant::Midnight(_) => {
                let wall = self.wall(now, zone);
                wall.and_then(|wall| local(zone, wall))
            }
        };
        instant.ok_or_else(|| format!("`{}` is beyond the end of time", self.text))
    }

    /// Whether it is reckoned from now, to the part of a second.
    pub fn is_relative(&self) -> bool {
        matches!(self.meant, Meant::Ago(_) | Meant::Now)
    }

    /// What the clocks of `zone` show then, where that is what was typed: they may jump over it, or
    /// show it twice.
    pub fn wall(&self, now: Timestamp, zone: &Zone) -> Option<DateTime> {
        let today = zone.datetime(now).date();
        match &self.meant {
            Meant::Wall(wall) => Some(*wall),
            Meant::Clock(clock) => Some(today.to_datetime(*clock)),
            Meant::Midnight(days) => Some(today.checked_sub(days.days()).ok()?.at(0, 0, 0, 0)),
            Meant::Instant(_) | Meant::Ago(_) | Meant::Now => None,
        }
    }
}

/// What a clock shows twice is the first of both, what it jumps over is the end of the jump.
fn local(zone: &Zone, wall: DateTime) -> Option<Timestamp> {
    Some(match zone.local(wall)? {
        Local::Once(t) | Local::Skipped { after: t } | Local::Twice { first: t, .. } => t,
    })
}

/// A day is 24 hours.
fn ago(now: Timestamp, span: &Span) -> Option<Timestamp> {
    let length = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
    now.checked_sub(length).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(text: &str, zone: &str) -> Result<String, String> {
        let now = "2026-03-29T12:30:00Z".parse().unwrap();
        let zone = Zone::named(zone).unwrap();
        let instant = parse(text)?.resolve(now, &zone)?;
        Ok(instant.to_string())
    }

    #[test]
    fn times_are_read_as_people_write_them() {
        for (text, expected) in [
            ("2026-03-01T06:00:00Z", "2026-03-01T06:00:00Z"),
            ("2026-03-01T06:00:00.5+02:00", "2026-03-01T04:00:00.5Z"),
            // As we show it.
            ("2026-03-01 06:00:00 +01:00", "2026-03-01T05:00:00Z"),
            ("2026-03-01 06:00", "2026-03-01T05:00:00Z"),
            ("2026-03-01T06:00:07", "2026-03-01T05:00:07Z"),
            ("2026-03-01", "2026-02-28T23:00:00Z"),
            ("06:00", "2026-03-29T04:00:00Z"),
            ("now", "2026-03-29T12:30:00Z"),
            ("today", "2026-03-28T23:00:00Z"),
            ("Yesterday", "2026-03-27T23:00:00Z"),
            ("tomorrow", "2026-03-29T22:00:00Z"),
            ("2h", "2026-03-29T10:30:00Z"),
            ("1h30m", "2026-03-29T11:00:00Z"),
            ("90s ago", "2026-03-29T12:28:30Z"),
            (" 1d ago ", "2026-03-28T12:30:00Z"),
            ("2 weeks", "2026-03-15T12:30:00Z"),
            ("1 day 2 hours ago", "2026-03-28T10:30:00Z"),
            // The clocks jump over it.
            ("2026-03-29 02:30", "2026-03-29T01:00:00Z"),
            // They show it twice.
            ("2026-10-25 02:30", "2026-10-25T00:30:00Z"),
        ] {
            let said = resolve(text, "Europe/Berlin");
            assert_eq!(said.as_deref(), Ok(expected), "{text}");
        }
        assert_eq!(resolve("06:00", "UTC").unwrap(), "2026-03-29T06:00:00Z");
    }

    #[test]
    fn what_is_no_time_is_an_error() {
        for text in [
            "",
            "soon",
            "2",
            "-2h",
            "+2h",
            "2026-13-01",
            "25:00",
            "2026-03",
            "1 month",
            "1y",
            "2026-03-01T06:00:00+99:00",
            "2h 3x",
            "日",
        ] {
            let said = resolve(text, "UTC");
            assert!(
                said.as_ref().is_err_and(|it| it.contains("help: write")),
                "{text}: {said:?}"
            );
        }
        for (text, meant) in [
            ("2026/03/29", "2026-03-29"),
            ("29.03.2026", "2026-03-29"),
            ("2026-03-29 24:00", "2026-03-30T00:00"),
            ("2026/03/29 06:00", "2026-03-29T06:00"),
        ] {
            let said = resolve(text, "UTC").unwrap_err();
            assert_eq!(said, format!("it is no time\n\nhelp: write `{meant}`"));
        }
        for text in ["9999999999999h", "900000w"] {
            assert!(resolve(text, "UTC").is_err(), "{text}");
        }
    }
}
