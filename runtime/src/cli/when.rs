//! Times and lengths of time as people read them. Times are on the clocks of a job's zone.

use std::time::Duration;

use cronlet_core::schedule::Zone;
use jiff::{Timestamp, tz::TimeZone};

pub use cronlet_core::units::took;

/// `2026-03-29 03:00:00 +02:00`, to the second.
pub fn second(t: Timestamp, zone: &Zone) -> String {
    shown(t, zone, "%Y-%m-%d %H:%M:%S %:z")
}

/// The same, with the part of a second if there is one.
pub fn exact(t: Timestamp, zone: &Zone) -> String {
    if t.subsec_nanosecond() == 0 {
        second(t, zone)
    } else {
        shown(t, zone, "%Y-%m-%d %H:%M:%S%.f %:z")
    }
}

/// `03-29 03:00 +02`, where there is no room. Without the offset it would be on nobody knows whose clocks,
/// and the same twice on the night on which they go back.
pub fn brief(t: Timestamp, zone: &Zone) -> String {
    let whole_hours = zone.offset(t).seconds() % 3600 == 0;
    let time = shown(t, zone, "%m-%d %H:%M %:z");
    match time.strip_suffix(":00") {
        Some(short) if whole_hours => short.to_owned(),
        _ => time,
    }
}

/// `2026-03-29 03:00:00 +02:00 (5m ago)`
pub fn with_hint(now: Timestamp, t: Timestamp, zone: &Zone) -> String {
    format!("{} ({})", second(t, zone), relative(now, t))
}

/// The same of a time that follows another on a line: only its clock, if the day is the same.
pub fn after(before: Timestamp, t: Timestamp, zone: &Zone) -> String {
    let day = |t| (zone.datetime(t).date(), zone.offset(t));
    if day(before) == day(t) {
        shown(t, zone, "%H:%M:%S")
    } else {
        second(t, zone)
    }
}

/// `2026-03-29T03:00:00.123+02:00`, for a line of a log.
pub fn milli(t: Timestamp, zone: &Zone) -> String {
    shown(t, zone, "%Y-%m-%dT%H:%M:%S.%3f%:z")
}

fn shown(t: Timestamp, zone: &Zone, format: &str) -> String {
    let zoned = t.to_zoned(TimeZone::fixed(zone.offset(t)));
    zoned.strftime(format).to_string()
}

/// `2026-03-29T03:00:00+02:00`: RFC 3339 with the zone's offset; a fraction only where there is one.
pub fn with_offset(t: Timestamp, zone: &Zone) -> String {
    t.display_with_offset(zone.offset(t)).to_string()
}

/// `in 5m`, `3s ago`, `now`: how far `t` is from `now`, roughly.
pub fn relative(now: Timestamp, t: Timestamp) -> String {
    let apart = now.duration_until(t).unsigned_abs();
    if apart < Duration::from_millis(500) {
        "now".to_owned()
    } else if t > now {
        // A time to come is rounded up, so that `in 1s` is never shown for ever.
        format!("in {}", rough(apart + Duration::from_millis(999)))
    } else {
        format!("{} ago", rough(apart.max(Duration::from_secs(1))))
    }
}

/// The largest unit, and the next one where it still says much.
fn rough(d: Duration) -> String {
    let s = d.as_secs();
    match s {
        0..60 => format!("{s}s"),
        60..3600 => format!("{}m", s / 60),
        3600..86_400 => two(s / 3600, "h", s / 60 % 60, "m"),
        86_400..864_000 => two(s / 86_400, "d", s / 3600 % 24, "h"),
        _ => format!("{}d", s / 86_400),
    }
}

fn two(high: u64, high_unit: &str, low: u64, low_unit: &str) -> String {
    if low == 0 {
        format!("{high}{high_unit}")
    } else {
        format!("{high}{high_unit}{low}{low_unit}")
    }
}

fn rounded_tenths(n: u64, divisor: u128) -> u128 {
    (u128::from(n) * 10 + divisor / 2) / divisor
}

/// `1.5 MiB`: how much memory.
pub fn bytes(n: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if n < 1024 {
        return format!("{n} B");
    }
    let (mut divisor, mut unit) = (1, "B");
    for larger in UNITS {
        if rounded_tenths(n, divisor) < 10_240 {
            break;
        }
        divisor *= 1024;
        unit = larger;
    }
    let tenths = rounded_tenths(n, divisor);
    match tenths % 10 {
        0 => format!("{} {unit}", tenths / 10),
        tenth => format!("{}.{tenth} {unit}", tenths / 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn times() {
        let berlin = &Zone::named("Europe/Berlin").unwrap();
        let t = at("2026-03-29T03:00:05.120Z");
        assert_eq!(second(t, &Zone::UTC), "2026-03-29 03:00:05 +00:00");
        assert_eq!(second(t, berlin), "2026-03-29 05:00:05 +02:00");
        assert_eq!(brief(t, berlin), "03-29 05:00 +02");
        assert_eq!(brief(t, &Zone::UTC), "03-29 03:00 +00");
        let india = Zone::named("Asia/Kolkata").unwrap();
        assert_eq!(brief(t, &india), "03-29 08:30 +05:30");
        assert_eq!(exact(t, berlin), "2026-03-29 05:00:05.12 +02:00");
        assert_eq!(
            exact(at("2026-03-29T03:00:05Z"), berlin),
            "2026-03-29 05:00:05 +02:00"
        );
        assert_eq!(milli(t, berlin), "2026-03-29T05:00:05.120+02:00");
        let hint = with_hint(at("2026-03-29T00:00:05Z"), t, berlin);
        assert_eq!(hint, "2026-03-29 05:00:05 +02:00 (in 3h)");
        assert_eq!(with_offset(t, &Zone::UTC), "2026-03-29T03:00:05.12+00:00");
        assert_eq!(
            with_offset(at("2026-03-29T03:00:05Z"), berlin),
            "2026-03-29T05:00:05+02:00"
        );
        assert_eq!(after(t, at("2026-03-29T04:00:00Z"), berlin), "06:00:00");
        // The clocks went forward between them.
        let before = at("2026-03-29T00:30:00Z");
        assert_eq!(after(before, t, berlin), "2026-03-29 05:00:05 +02:00");
    }

    #[test]
    fn distances() {
        let now = at("2026-03-29T03:00:00Z");
        for (t, expected) in [
            ("2026-03-29T03:00:00.2Z", "now"),
            ("2026-03-29T03:00:00.7Z", "in 1s"),
            ("2026-03-29T03:00:59Z", "in 59s"),
            ("2026-03-29T03:01:00Z", "in 1m"),
            ("2026-03-29T04:30:00Z", "in 1h30m"),
            ("2026-03-29T05:00:00Z", "in 2h"),
            ("2026-03-31T06:00:00Z", "in 2d3h"),
            ("2027-03-29T03:00:00Z", "in 365d"),
            ("2026-03-29T02:59:59.3Z", "1s ago"),
            ("2026-03-29T02:58:01Z", "1m ago"),
            ("2026-03-28T03:00:00Z", "1d ago"),
        ] {
            assert_eq!(relative(now, at(t)), expected, "{t}");
        }
    }

    #[test]
    fn amounts() {
        for (n, expected) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1 KiB"),
            (1_572_864, "1.5 MiB"),
            (1_245_184, "1.2 MiB"),
            (1_048_575, "1 MiB"),
            (64 << 20, "64 MiB"),
            (u64::MAX, "16777216 TiB"),
        ] {
            assert_eq!(bytes(n), expected);
        }
    }
}
