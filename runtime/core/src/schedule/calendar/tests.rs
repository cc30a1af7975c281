//! The calendar, held against a reading of the wall clock minute by minute.

use jiff::civil::DateTime;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn calendar(zone: &str, hours: &[&str], blackouts: &[&str]) -> Calendar {
    Calendar::new(
        Zone::named(zone).unwrap(),
        hours.iter().map(|text| text.parse().unwrap()).collect(),
        blackouts.iter().map(|text| text.parse().unwrap()).collect(),
    )
}

/// Active hours as anybody would note them: days from Monday, the first minute, the one after the last.
type Hours = (&'static [u8], i64, i64);

const ALL: &[u8] = &[0, 1, 2, 3, 4, 5, 6];

/// A blackout as anybody would note it: the first thing that the clock shows in it, and after it.
type Dark = (&'static str, &'static str);

/// A calendar: each entry as it is written, and as anybody would note it.
struct Sample {
    hours: &'static [(&'static str, Hours)],
    blackouts: &'static [(&'static str, Dark)],
}

const SAMPLES: &[Sample] = &[
    Sample {
        hours: &[],
        blackouts: &[],
    },
    Sample {
        hours: &[("06:00-22:00", (ALL, 360, 1320))],
        blackouts: &[],
    },
    Sample {
        hours: &[("22:00-02:30", (ALL, 1320, 150))],
        blackouts: &[],
    },
    Sample {
        hours: &[
            ("Mon-Fri 06:00-22:00", (&[0, 1, 2, 3, 4], 360, 1320)),
            ("Sat 08:00-24:00", (&[5], 480, 1440)),
            ("Sun 23:15-00:45", (&[6], 1395, 45)),
        ],
        blackouts: &[],
    },
    Sample {
        hours: &[
            ("Fri-Mon 01:00-03:00", (&[4, 5, 6, 0], 60, 180)),
            ("02:00-02:30", (ALL, 120, 150)),
            ("sun,WED 00:00-24:00", (&[6, 2], 0, 1440)),
        ],
        blackouts: &[
            (
                "2011-12-29..2011-12-31",
                ("2011-12-29T00:00", "2012-01-01T00:00"),
            ),
            (
                "2026-03-29T02:15..2026-03-29T03:20",
                ("2026-03-29T02:15", "2026-03-29T03:20"),
            ),
        ],
    },
    Sample {
        hours: &[],
        blackouts: &[
            ("2026-10-25", ("2026-10-25T00:00", "2026-10-26T00:00")),
            (
                "2026-10-24T23:00:30..2026-10-25T02:30",
                ("2026-10-24T23:00:30", "2026-10-25T02:30"),
            ),
            (
                "2026-04-05T01:45..2026-04-05",
                ("2026-04-05T01:45", "2026-04-06T00:00"),
            ),
        ],
    },
];

impl Sample {
    fn calendar(&self, zone: &str) -> Calendar {
        let hours: Vec<_> = self.hours.iter().map(|(text, _)| *text).collect();
        let blackouts: Vec<_> = self.blackouts.iter().map(|(text, _)| *text).collect();
        calendar(zone, &hours, &blackouts)
    }

    /// What the wall clock shows, looked up in each entry.
    fn excludes(&self, wall: DateTime) -> Option<Exclusion> {
        let time = |text: &str| text.parse::<DateTime>().unwrap();
        let dark = |from, to| time(from) <= wall && wall < time(to);
        if self.blackouts.iter().any(|&(_, (from, to))| dark(from, to)) {
            return Some(Exclusion::Blackout);
        }
        let minute = i64::from(wall.hour()) * 60 + i64::from(wall.minute());
        let today = u8::try_from(wall.weekday().to_monday_zero_offset()).unwrap();
        let yesterday = (today + 6) % 7;
        let open = self.hours.iter().any(|&(_, (days, from, to))| {
            let (today, yesterday) = (days.contains(&today), days.contains(&yesterday));
            if from < to {
                today && (from..to).contains(&minute)
            } else {
                today && minute >= from || yesterday && minute < to
            }
        });
        (!open && !self.hours.is_empty()).then_some(Exclusion::OutsideHours)
    }
}

const ZONES: [&str; 7] = [
    "UTC",
    "Europe/Berlin",
    // Half an hour.
    "Australia/Lord_Howe",
    // At midnight.
    "Africa/Cairo",
    // A whole day in 2011.
    "Pacific/Apia",
    "America/St_Johns",
    "Asia/Kathmandu",
];

/// Moments at which something happens to clocks or calendars.
fn moments() -> [Timestamp; 8] {
    [
        at("2011-12-30T10:00:00Z"),
        at("2023-04-27T22:00:00Z"),
        at("2023-10-26T21:00:00Z"),
        at("2026-03-08T05:30:00Z"),
        at("2026-03-29T01:00:00Z"),
        at("2026-04-04T15:00:00Z"),
        at("2026-10-25T01:00:00Z"),
        at("1969-12-31T23:59:00Z"),
    ]
}

#[test]
fn it_says_what_a_scan_of_the_minutes_says() {
    for zone in ZONES {
        let clocks = Zone::named(zone).unwrap();
        for (n, sample) in SAMPLES.iter().enumerate() {
            let calendar = sample.calendar(zone);
            for moment in moments() {
                let first = moment.as_second() - 2 * DAY;
                // Half minutes, as some entries begin there.
                for second in (first..first + 4 * DAY).step_by(30) {
                    let t = Timestamp::from_second(second).unwrap();
                    let wall = clocks.datetime(t);
                    let expected = sample.excludes(wall);
                    let found = calendar.excludes(t);
                    assert_eq!(found, expected, "{zone}, sample {n}, {t} {wall}");
                }
            }
        }
    }
}

#[test]
fn stretches_are_long_and_follow_one_another() {
    for zone in ZONES {
        for (n, sample) in SAMPLES.iter().enumerate() {
            let calendar = sample.calendar(zone);
            for moment in moments() {
                let mut t = moment - jiff::SignedDuration::from_hours(48);
                let mut count = 0;
                while t < moment + jiff::SignedDuration::from_hours(48) {
                    let stretch = calendar.stretch(t);
                    assert!(stretch.first <= t && t < stretch.end, "{stretch:?} at {t}");
                    // The last moment of a stretch is of the same one.
                    let last = crate::schedule::before(stretch.end);
                    assert_eq!(calendar.stretch(last), stretch);
                    assert_eq!(calendar.stretch(stretch.first), stretch);
                    t = stretch.end;
                    count += 1;
                }
                assert!(count < 50, "{zone}, sample {n}: {count} stretches");
            }
        }
    }
}

#[test]
fn a_blackout_goes_before_hours() {
    let calendar = calendar("UTC", &["06:00-22:00"], &["2026-12-24..2026-12-27"]);
    let cases = [
        ("2026-12-23T21:59:59Z", None),
        ("2026-12-23T22:00:00Z", Some(Exclusion::OutsideHours)),
        ("2026-12-24T00:00:00Z", Some(Exclusion::Blackout)),
        ("2026-12-27T23:59:59.999Z", Some(Exclusion::Blackout)),
        ("2026-12-28T00:00:00Z", Some(Exclusion::OutsideHours)),
        ("2026-12-28T06:00:00Z", None),
    ];
    for (t, expected) in cases {
        assert_eq!(calendar.excludes(at(t)), expected, "{t}");
    }
}

#[test]
fn what_excludes_nothing_is_one_stretch() {
    let whole = |from: &str| calendar("UTC", &[from], &[]);
    let none = Calendar::default().stretch(at("2026-01-01T00:00:00Z"));
    assert_eq!((none.first, none.excludes), (Timestamp::MIN, None));
    assert_eq!(none.end, Timestamp::MAX);
    assert_eq!(calendar("Europe/Berlin", &[], &[]), Calendar::default());
    for hours in ["00:00-24:00", "00:00-00:01", "23:59-00:00"] {
        for t in [Timestamp::MIN, Timestamp::MAX] {
            let stretch = whole(hours).stretch(t);
            assert!(stretch.first <= t && t <= stretch.end, "{hours} at {t}");
        }
    }
    assert_eq!(whole("00:00-24:00").excludes(Timestamp::MAX), None);
}

#[test]
fn hours_are_read_and_written() {
    let cases = [
        ("06:00-22:00", "06:00-22:00"),
        ("Mon-Fri  06:00-22:00", "Mon,Tue,Wed,Thu,Fri 06:00-22:00"),
        ("sat,SUN 22:00-02:00", "Sat,Sun 22:00-02:00"),
        ("Sat-Mon 08:00-24:00", "Mon,Sat,Sun 08:00-24:00"),
        ("Mon-Sun 00:00-24:00", "00:00-24:00"),
        ("Wed-Wed 00:00-00:01", "Wed 00:00-00:01"),
        ("Mon,Mon,Tue-Mon 10:00-11:00", "10:00-11:00"),
    ];
    for (text, written) in cases {
        let hours: ActiveHours = text.parse().unwrap();
        assert_eq!(hours.to_string(), written);
        assert_eq!(written.parse(), Ok(hours));
    }
}

/// A text, where and what is wrong with it, and what to type.
const WRONG_HOURS: &[(&str, &str, &str)] = &[
    (
        "",
        "0..0 `` are no active hours",
        "write `06:00-22:00`, or `Mon-Fri 06:00-22:00`",
    ),
    (
        "6:00-22:00",
        "0..4 `6:00` is not written as hours and minutes",
        "write `06:00-22:00`",
    ),
    (
        "06-22:00",
        "0..2 `06` is not written as hours and minutes",
        "write `06:00-22:00`",
    ),
    (
        "06:00-24:01",
        "6..11 `24:01` is not a time of the day",
        "write a time from `00:00` to `24:00`",
    ),
    (
        "06:60-22:00",
        "0..5 `06:60` is not a time of the day",
        "write a time from `00:00` to `24:00`",
    ),
    (
        "06:00-10pm",
        "6..10 `10pm` is not a time of the day",
        "write `06:00-22:00`",
    ),
    (
        "06:00-",
        "6..6 `` is not a time of the day",
        "write it as `06:00`, from `00:00` to `24:00`",
    ),
    (
        "Mon 06:00-06:00",
        "4..15 active hours `Mon 06:00-06:00` hold no time",
        "write `00:00-24:00` for the whole day",
    ),
    (
        "24:00-06:00",
        "0..5 a day has no hour 24 to begin with",
        "write `00:00` for the midnight at which a day begins",
    ),
    (
        "Mon-Fri",
        "0..7 active hours `Mon-Fri` have no beginning and end",
        "write `Mon-Fri 00:00-24:00` for whole days",
    ),
    (
        "Sat",
        "0..3 active hours `Sat` have no beginning and end",
        "write `Sat 00:00-24:00` for whole days",
    ),
    (
        "06:00",
        "0..5 active hours `06:00` have no beginning and end",
        "write `06:00-22:00`, or `Mon-Fri 06:00-22:00`",
    ),
    (
        "Monday 06:00-22:00",
        "0..6 `Monday` is not a day of the week",
        "write `Mon 06:00-22:00`",
    ),
    (
        "Mon-Friday 06:00-22:00",
        "4..10 `Friday` is not a day of the week",
        "write `Mon-Fri 06:00-22:00`",
    ),
    (
        "Mon,,Tue 06:00-22:00",
        "4..4 `` is not a day of the week",
        "write days such as `Mon-Fri` or `Sat,Sun`",
    ),
    (
        "1-5 06:00-22:00",
        "0..1 `1` is not a day of the week",
        "write hours such as `Mon-Fri 06:00-22:00`",
    ),
    (
        "Mon - Fri 06:00 - 22:00",
        "0..23 `Mon - Fri 06:00 - 22:00` are no active hours",
        "write `Mon-Fri 06:00-22:00`",
    ),
    (
        "Mon, Tue 06:00-22:00",
        "0..20 `Mon, Tue 06:00-22:00` are no active hours",
        "write `Mon,Tue 06:00-22:00`",
    ),
    (
        "09:00-17:00 weekdays",
        "0..5 `09:00` is not a day of the week",
        "write `Mon-Fri 09:00-17:00`",
    ),
    (
        "Mon–Fri 9am–5.30pm",
        "0..9 `Mon–Fri` is not a day of the week",
        "write `Mon-Fri 09:00-17:30`",
    ),
    (
        "0900-1700",
        "0..4 `0900` is not a time of the day",
        "write `09:00-17:00`",
    ),
    (
        "9-17",
        "0..1 `9` is not written as hours and minutes",
        "write `09:00-17:00`",
    ),
    // At five in the morning, or in the afternoon?
    (
        "9-5",
        "0..1 `9` is not written as hours and minutes",
        "write `09:00`",
    ),
    (
        "9-5pm",
        "0..1 `9` is not written as hours and minutes",
        "write `09:00`",
    ),
    (
        "Mon-Fri 09:00-12:00, 13:00-17:00",
        "0..32 `Mon-Fri 09:00-12:00, 13:00-17:00` are no active hours",
        "write them as a list: `[\"Mon-Fri 09:00-12:00\", \"Mon-Fri 13:00-17:00\"]`",
    ),
    (
        "Monday 06:00-22:00 Europe/Berlin",
        "0..32 `Monday 06:00-22:00 Europe/Berlin` are no active hours",
        "write `06:00-22:00`, or `Mon-Fri 06:00-22:00`",
    ),
    (
        "Möntag 06:00-22:00",
        "0..7 `Möntag` is not a day of the week",
        "write hours such as `Mon-Fri 06:00-22:00`",
    ),
];

#[test]
fn wrong_hours_say_what_to_type() {
    for &(text, message, help) in WRONG_HOURS {
        let error = text.parse::<ActiveHours>().unwrap_err();
        assert_eq!(format!("{:?} {error}", error.span), message, "{text}");
        assert_eq!(error.help.as_deref(), Some(help), "{text}");
    }
}

#[test]
fn blackouts_are_read_and_written() {
    let cases = [
        (
            "2026-12-24",
            "2026-12-24",
            "2026-12-24T00:00:00",
            "2026-12-25T00:00:00",
        ),
        (
            "2026-12-24..2026-12-24",
            "2026-12-24",
            "2026-12-24T00:00:00",
            "2026-12-25T00:00:00",
        ),
        (
            "2026-12-24..2026-12-27",
            "2026-12-24..2026-12-27",
            "2026-12-24T00:00:00",
            "2026-12-28T00:00:00",
        ),
        (
            "2026-12-24T18:00..2026-12-26T06:00",
            "2026-12-24T18:00:00..2026-12-26T06:00:00",
            "2026-12-24T18:00:00",
            "2026-12-26T06:00:00",
        ),
        (
            "2026-12-24 18:00:30..2026-12-25",
            "2026-12-24T18:00:30..2026-12-25",
            "2026-12-24T18:00:30",
            "2026-12-26T00:00:00",
        ),
    ];
    for (text, written, from, to) in cases {
        let blackout: Blackout = text.parse().unwrap();
        assert_eq!(blackout.to_string(), written);
        assert_eq!(blackout.from().to_string(), from);
        assert_eq!(blackout.to().unwrap().to_string(), to);
    }
    let last: Blackout = "2026-12-24..9999-12-31".parse().unwrap();
    assert_eq!(last.to(), None);
    let calendar = Calendar::new(Zone::UTC, Vec::new(), vec![last]);
    assert_eq!(calendar.excludes(Timestamp::MAX), Some(Exclusion::Blackout));
}

const ANY: &str =
    "write `2026-12-24`, `2026-12-24..2026-12-27`, or `2026-12-24T18:00..2026-12-26T06:00`";

/// A text, where and what is wrong with it, and what to type.
const WRONG_BLACKOUTS: &[(&str, &str, &str)] = &[
    ("", "0..0 `` is not a date", ANY),
    ("12-24", "0..5 `12-24` is not a date", ANY),
    ("11/12/2026", "0..10 `11/12/2026` is not a date", ANY),
    (
        "24.12.2026",
        "0..10 `24.12.2026` is not a date",
        "write `2026-12-24`",
    ),
    (
        "12/24/2026",
        "0..10 `12/24/2026` is not a date",
        "write `2026-12-24`",
    ),
    (
        "2026/12/24 - 2026/12/27",
        "0..23 `2026/12/24 - 2026/12/27` has an offset",
        "write `2026-12-24..2026-12-27`",
    ),
    (
        "2026-12-24…2026-12-27",
        "0..23 `2026-12-24…2026-12-27` is not a date",
        "write `2026-12-24..2026-12-27`",
    ),
    (
        "2026-12-24T18:00..2026-12-24T24:00",
        "18..34 `2026-12-24T24:00` is not a date and a time",
        "write `2026-12-24T18:00..2026-12-25T00:00`",
    ),
    (
        "Sat,Sun",
        "0..7 `Sat,Sun` is not a date and a time",
        "a blackout has dates: say with `active_hours` when it may run",
    ),
    (
        "22:00-06:00",
        "0..11 `22:00-06:00` is not a date",
        "a blackout has dates: say with `active_hours` when it may run",
    ),
    ("2026-12-24..", "12..12 `` is not a date", ANY),
    (
        "2026-12-24...2026-12-27",
        "12..23 `.2026-12-27` is not a date",
        "write `2026-12-24..2026-12-27`",
    ),
    ("2026-02-30", "0..10 `2026-02-30` is not a date", ANY),
    (
        "2026-12-24Tnoon..2026-12-25",
        "0..15 `2026-12-24Tnoon` is not a date and a time",
        ANY,
    ),
    (
        "2026-12-27..2026-12-24",
        "0..22 blackout `2026-12-27..2026-12-24` ends before it begins",
        "write `2026-12-24..2026-12-27`",
    ),
    (
        "2026-12-24T18:00..2026-12-24T18:00",
        "0..34 blackout `2026-12-24T18:00..2026-12-24T18:00` ends before it begins",
        "write `2026-12-24` for the whole day",
    ),
    (
        "2026-12-24T18:00",
        "0..16 blackout `2026-12-24T18:00` has no end",
        "write `2026-12-24` for the day, or `2026-12-24T18:00..2026-12-24` for the rest of it",
    ),
    (
        "2026-12-24 .. 2026-12-27",
        "0..11 `2026-12-24 ` has a blank",
        "write `2026-12-24..2026-12-27`",
    ),
    (
        "2026-12-24T18:00Z..2026-12-27",
        "0..17 `2026-12-24T18:00Z` has an offset",
        "write `2026-12-24T18:00`, in the job's zone",
    ),
    (
        "2026-12-24..2026-12-27T00:00+01:00",
        "12..34 `2026-12-27T00:00+01:00` has an offset",
        "write `2026-12-27T00:00`, in the job's zone",
    ),
    (
        "2026-12-24T18:00:00.5..2026-12-27",
        "0..21 `2026-12-24T18:00:00.5` is too fine",
        "write `2026-12-24T18:00:00`",
    ),
];

#[test]
fn wrong_blackouts_say_what_to_type() {
    for &(text, message, help) in WRONG_BLACKOUTS {
        let error = text.parse::<Blackout>().unwrap_err();
        assert_eq!(format!("{:?} {error}", error.span), message, "{text}");
        assert_eq!(error.help.as_deref(), Some(help), "{text}");
    }
}

fn clock() -> impl Strategy<Value = String> {
    (0..1440u32).prop_map(|minute| format!("{:02}:{:02}", minute / 60, minute % 60))
}

fn some_calendar() -> impl Strategy<Value = Calendar> {
    let days = vec!["", "Mon-Fri ", "Sat,Sun ", "Sun-Tue ", "Wed "];
    let hours = (select(days), clock(), clock())
        .prop_filter_map("holds time", |(days, from, to)| {
            format!("{days}{from}-{to}").parse::<ActiveHours>().ok()
        });
    let second = |s: i64| Zone::UTC.datetime(Timestamp::from_second(s).unwrap());
    let blackouts = (1_760_000_000..1_780_000_000i64, 1..2_000_000i64)
        .prop_map(move |(from, length)| format!("{}..{}", second(from), second(from + length)))
        .prop_map(|text| text.parse::<Blackout>().unwrap());
    let zones = select(ZONES.to_vec()).prop_map(|zone| Zone::named(zone).unwrap());
    (
        zones,
        proptest::collection::vec(hours, 0..4),
        proptest::collection::vec(blackouts, 0..4),
    )
        .prop_map(|(zone, hours, blackouts)| Calendar::new(zone, hours, blackouts))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

    /// Everything in a stretch is judged alike, whatever the calendar.
    #[test]
    fn a_stretch_says_one_thing(calendar in some_calendar(), t in 1_759_000_000..1_783_000_000i64, parts in proptest::collection::vec(0..1_000i128, 8)) {
        let t = Timestamp::from_second(t).unwrap();
        let stretch = calendar.stretch(t);
        prop_assert!(stretch.first <= t && t < stretch.end);
        let (first, end) = (stretch.first.as_nanosecond(), stretch.end.as_nanosecond());
        for part in parts {
            let inside = Timestamp::from_nanosecond(first + (end - first) * part / 1_000).unwrap();
            prop_assert_eq!(calendar.stretch(inside), stretch, "at {}", inside);
        }
    }

    /// No text makes the readers panic, and spans are within it and between characters.
    #[test]
    fn any_text_is_hours_or_an_error(text in "(Mon|Fri|[0-9:,. -]|\\PC){0,12}") {
        if let Err(error) = text.parse::<ActiveHours>() {
            prop_assert!(text.get(error.span).is_some());
        }
        if let Err(error) = text.parse::<Blackout>() {
            prop_assert!(text.get(error.span).is_some());
        }
    }
}
