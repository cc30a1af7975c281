//! The search against a scan that looks at every day, and every second of a
//! matching one. The scan has its own idea of each item, and the calendar of
//! jiff: it shares no code with the search.

use jiff::civil::{Date, date};
use jiff::{Timestamp, tz::TimeZone};
use proptest::prelude::*;
use proptest::sample::select;

use super::cron;

/// Text and, for each value below 2200, whether it matches.
#[derive(Clone, Debug)]
struct Naive {
    text: String,
    matches: Vec<bool>,
}

#[derive(Clone, Debug)]
struct Expression {
    text: String,
    /// Second to year.
    fields: Vec<Naive>,
}

fn item(min: usize, max: usize) -> impl Strategy<Value = Naive> {
    (0..5usize, min..=max, min..=max, 1..=(max - min + 2)).prop_map(
        move |(form, one, two, step)| {
            let (low, high) = (one.min(two), one.max(two));
            let (text, matches): (_, Box<dyn Fn(usize) -> bool>) = match form {
                0 => ("*".into(), Box::new(move |v| v >= min)),
                1 => (
                    format!("*/{step}"),
                    Box::new(move |v| v >= min && (v - min).is_multiple_of(step)),
                ),
                2 => (format!("{one}"), Box::new(move |v| v == one)),
                3 => (
                    format!("{low}-{high}"),
                    Box::new(move |v| v >= low && v <= high),
                ),
                _ => (
                    format!("{low}-{high}/{step}"),
                    Box::new(move |v| v >= low && v <= high && (v - low).is_multiple_of(step)),
                ),
            };
            let matches = (0..=max).map(matches).collect();
            Naive { text, matches }
        },
    )
}

fn field(min: usize, max: usize) -> impl Strategy<Value = Naive> {
    let list = proptest::collection::vec(item(min, max), 1..4).prop_map(|items| Naive {
        text: items
            .iter()
            .map(|i| i.text.as_str())
            .collect::<Vec<_>>()
            .join(","),
        matches: (0..items[0].matches.len())
            .map(|v| items.iter().any(|i| i.matches[v]))
            .collect(),
    });
    // Most fields of real expressions are `*`.
    prop_oneof![
        item(min, max),
        list,
        item(min, max).prop_map(move |mut all| {
            all.text = "*".into();
            all.matches = (0..=max).map(|v| v >= min).collect();
            all
        })
    ]
}

fn expression() -> impl Strategy<Value = Expression> {
    let fields = (
        field(0, 59),
        field(0, 59),
        field(0, 23),
        field(1, 31),
        field(1, 12),
        field(0, 6),
        field(1970, 2199),
    );
    (fields, 5..=7usize).prop_map(|((s, m, h, dom, month, dow, year), n)| {
        let mut fields = vec![s, m, h, dom, month, dow, year];
        if n < 7 {
            fields[6].matches = vec![true; 2200];
        }
        if n < 6 {
            fields[0].matches = (0..60).map(|second| second == 0).collect();
        }
        let written = &fields[usize::from(n < 6)..if n < 7 { 6 } else { 7 }];
        let text = written
            .iter()
            .map(|f| f.text.as_str())
            .collect::<Vec<_>>()
            .join(" ");
        Expression { text, fields }
    })
}

/// Any instant, and often one near a boundary of a day, a year or the range.
fn instant() -> impl Strategy<Value = Timestamp> {
    let second = prop_oneof![
        4 => 0..7_258_118_400i64,
        1 => (0..84_006i64, -2..3i64).prop_map(|(day, by)| day * 86_400 + by),
        1 => (select(vec![1970i16, 1972, 2000, 2024, 2100, 2199, 2200]), -2..3i64).prop_map(
            |(year, by)| utc(date(year, 1, 1)).as_second() + by
        ),
        1 => (select(vec![1972i16, 2000, 2023, 2024, 2100]), -2..90_000i64).prop_map(
            |(year, by)| utc(date(year, 2, 28)).as_second() + by
        ),
    ];
    (
        second,
        prop_oneof![Just(0), Just(999_999_999), 0..1_000_000_000i32],
    )
        .prop_map(|(second, nanos)| Timestamp::new(second, nanos).unwrap())
}

fn utc(day: Date) -> Timestamp {
    day.to_zoned(TimeZone::UTC).unwrap().timestamp()
}

/// Seldom far away, so that it often stays within the minute or the hour.
fn shifted(t: Timestamp, by: i64) -> Timestamp {
    let by = if by % 3 == 0 { by } else { by % 70 };
    Timestamp::from_second(t.as_second() + by).unwrap()
}

fn date_of(t: Timestamp) -> Date {
    t.to_zoned(TimeZone::UTC).date()
}

impl Expression {
    fn matches_day(&self, day: Date) -> bool {
        let year = usize::from(day.year().unsigned_abs());
        let number = usize::from(day.day().unsigned_abs());
        let weekday = usize::from(day.weekday().to_sunday_zero_offset().unsigned_abs());
        let by_day = self.fields[3].matches[number];
        let by_weekday = self.fields[5].matches[weekday];
        let restricted =
            |field: usize, min: usize| self.fields[field].matches[min..].contains(&false);
        let day_matches = if restricted(3, 1) && restricted(5, 0) {
            by_day || by_weekday
        } else {
            by_day && by_weekday
        };
        (1970..2200).contains(&year)
            && self.fields[6].matches[year]
            && self.fields[4].matches[usize::from(day.month().unsigned_abs())]
            && day_matches
    }

    /// The instants of one day, second by second.
    fn on(&self, day: Date) -> impl DoubleEndedIterator<Item = Timestamp> {
        let start = utc(day).as_second();
        let seconds = if self.matches_day(day) { 86_400 } else { 0 };
        (0..seconds)
            .filter(|second: &usize| {
                self.fields[2].matches[second / 3600]
                    && self.fields[1].matches[second / 60 % 60]
                    && self.fields[0].matches[second % 60]
            })
            .map(move |second| {
                Timestamp::from_second(start + i64::try_from(second).unwrap()).unwrap()
            })
    }

    fn next_after(&self, t: Timestamp) -> Option<Timestamp> {
        let mut day = date_of(t);
        while day.year() < 2200 {
            if let Some(found) = self.on(day).find(|found| *found > t) {
                return Some(found);
            }
            day = day.tomorrow().unwrap();
        }
        None
    }

    fn latest_at_or_before(&self, t: Timestamp) -> Option<Timestamp> {
        let mut day = date_of(t);
        while day.year() >= 1970 {
            if let Some(found) = self.on(day).rfind(|found| *found <= t) {
                return Some(found);
            }
            day = day.yesterday().unwrap();
        }
        None
    }

    fn count_in(&self, after: Timestamp, through: Timestamp) -> usize {
        let mut count = 0;
        let mut day = date_of(after);
        while day <= date_of(through) {
            count += self.on(day).filter(|t| *t > after && *t <= through).count();
            day = day.tomorrow().unwrap();
        }
        count
    }

    /// Whether any day at all matches; a time of day always does.
    fn names_a_day(&self) -> bool {
        let mut day = date(1970, 1, 1);
        while day.year() < 2200 {
            if self.matches_day(day) {
                return true;
            }
            day = day.tomorrow().unwrap();
        }
        false
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn next_is_what_the_scan_finds(naive in expression(), t in instant(), near in -5000..5000i64) {
        prop_assume!(naive.names_a_day());
        let cron = cron(&naive.text);
        let scan = naive.next_after(t);
        prop_assert_eq!(cron.next_after(t), scan, "`{}` after {}", naive.text, t);
        // And once more beside an instant, where hours, minutes and seconds part.
        let t = shifted(scan.unwrap_or(t), near);
        prop_assert_eq!(cron.next_after(t), naive.next_after(t), "`{}` after {}", naive.text, t);
    }

    #[test]
    fn latest_is_what_the_scan_finds(naive in expression(), t in instant(), near in -5000..5000i64) {
        prop_assume!(naive.names_a_day());
        let cron = cron(&naive.text);
        let scan = naive.latest_at_or_before(t);
        prop_assert_eq!(cron.latest_at_or_before(t), scan, "`{}` to {}", naive.text, t);
        let t = shifted(scan.unwrap_or(t), near);
        let scan = naive.latest_at_or_before(t);
        prop_assert_eq!(cron.latest_at_or_before(t), scan, "`{}` to {}", naive.text, t);
    }

    #[test]
    fn the_count_is_that_of_the_scan(
        naive in expression(),
        after in instant(),
        length in prop_oneof![0..100i64, 0..100_000i64, 0..6_000_000i64],
    ) {
        prop_assume!(naive.names_a_day());
        let through = Timestamp::from_second(after.as_second() + length).unwrap().max(after);
        let count = cron(&naive.text).count_in(after, through);
        let scan = naive.count_in(after, through) as u64;
        prop_assert_eq!(count, scan, "`{}` in ({}, {}]", naive.text, after, through);
    }

    #[test]
    fn what_names_no_day_is_refused(naive in expression()) {
        let refused = super::Cron::parse(&naive.text).is_err();
        prop_assert_eq!(refused, !naive.names_a_day(), "`{}`", naive.text);
    }
}
