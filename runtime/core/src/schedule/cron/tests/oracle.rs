//! The search against a scan that looks at every day, and every second of a
//! matching one. The scan has its own idea of each item, and the calendar of
//! jiff: it shares no code with the search.

use jiff::civil::{Date, Weekday, date};
use jiff::{Timestamp, ToSpan as _, tz::TimeZone};
use proptest::prelude::*;
use proptest::sample::select;

use super::cron;

/// Text and, for each value below 2200, whether it matches.
#[derive(Clone, Debug)]
struct Naive {
    text: String,
    matches: Vec<bool>,
    moving: Vec<Moving>,
}

/// A day that each month has elsewhere.
#[derive(Clone, Copy, Debug)]
enum Moving {
    FromEnd(i8),
    Near(i8),
    LastWorkday,
    Last(Weekday),
    Nth(i8, Weekday),
}

#[derive(Clone, Debug)]
struct Expression {
    text: String,
    /// Second to year.
    fields: Vec<Naive>,
    /// Whether there is a `+` before the day-of-week.
    both: bool,
}

fn item(min: usize, max: usize) -> impl Strategy<Value = Naive> {
    // Years do not wrap around.
    let forms = if min == 1970 { 6 } else { 8 };
    (0..forms, min..=max, min..=max, 1..=(max - min + 2)).prop_map(move |(form, one, two, step)| {
        let (low, high) = (one.min(two), one.max(two));
        let wraps = move |v: usize| low < high && v >= min && (v >= high || v <= low);
        let size = max - min + 1;
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
            4 => (
                format!("{one}/{step}"),
                Box::new(move |v| v >= one && (v - one).is_multiple_of(step)),
            ),
            // From the higher one over the end to the lower one.
            6 => (
                format!("{high}-{low}"),
                Box::new(move |v| wraps(v) || v == low && low == high),
            ),
            7 => (
                format!("{high}-{low}/{step}"),
                Box::new(move |v| {
                    let there = wraps(v) || v == low && low == high;
                    there && (v + size - high).rem_euclid(size).is_multiple_of(step)
                }),
            ),
            _ => (
                format!("{low}-{high}/{step}"),
                Box::new(move |v| v >= low && v <= high && (v - low).is_multiple_of(step)),
            ),
        };
        let matches = (0..=max).map(matches).collect();
        Naive {
            text,
            matches,
            moving: Vec::new(),
        }
    })
}

fn list(items: &[Naive]) -> Naive {
    let texts: Vec<_> = items.iter().map(|i| i.text.as_str()).collect();
    Naive {
        text: texts.join(","),
        matches: (0..items[0].matches.len())
            .map(|v| items.iter().any(|i| i.matches[v]))
            .collect(),
        moving: items.iter().flat_map(|i| i.moving.clone()).collect(),
    }
}

/// Days that move, and now and then a day that does not.
fn moving_days(min: usize, max: usize) -> impl Strategy<Value = Naive> {
    let rule = move |(form, n, nth): (u8, i8, i8)| {
        let weekday = Weekday::from_sunday_zero_offset(n % 7).unwrap();
        let (text, rule) = match (min, form) {
            (1, 0) => ("L".to_owned(), Moving::FromEnd(0)),
            (1, 1) => (format!("L-{n}"), Moving::FromEnd(n)),
            (1, 2) => ("LW".to_owned(), Moving::LastWorkday),
            (1, _) => (format!("{n}W"), Moving::Near(n)),
            (_, 0 | 1) => (format!("{}L", n % 7), Moving::Last(weekday)),
            (_, _) => (format!("{}#{nth}", n % 7), Moving::Nth(nth, weekday)),
        };
        Naive {
            text,
            matches: vec![false; max + 1],
            moving: vec![rule],
        }
    };
    let moving = (0..4u8, 1..31i8, 1..6i8).prop_map(rule);
    let items = prop_oneof![3 => moving, 1 => item(min, max)];
    proptest::collection::vec(items, 1..4).prop_map(|items| list(&items))
}

/// One of the two day fields.
fn day_field(min: usize, max: usize) -> impl Strategy<Value = Naive> {
    let any = field(min, max).prop_map(move |mut all| {
        if all.text == "*" && all.matches.len().is_multiple_of(2) {
            all.text = "?".into();
        }
        all
    });
    prop_oneof![2 => any, 1 => moving_days(min, max)]
}

fn field(min: usize, max: usize) -> impl Strategy<Value = Naive> {
    let list = proptest::collection::vec(item(min, max), 1..4).prop_map(|items| list(&items));
    // Most fields of real expressions are `*`.
    prop_oneof![
        item(min, max),
        list,
        item(min, max).prop_map(move |mut all| {
            all.text = "*".into();
            all.moving.clear();
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
        day_field(1, 31),
        field(1, 12),
        day_field(0, 6),
        field(1970, 2199),
    );
    let both = prop_oneof![3 => Just(false), 1 => Just(true)];
    (fields, 5..=7usize, both).prop_map(|((s, m, h, dom, month, mut dow, year), n, both)| {
        if both {
            dow.text.insert(0, '+');
        }
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
        Expression { text, fields, both }
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

impl Moving {
    fn is(self, day: Date) -> bool {
        let works = |day: &Date| day.weekday().to_monday_zero_offset() < 5;
        let days = || {
            day.first_of_month()
                .series(1.day())
                .take_while(|d| d.month() == day.month())
        };
        match self {
            Self::FromEnd(before) => day.last_of_month().day() - before == day.day(),
            Self::Near(to) => {
                let nearest = days().filter(works).min_by_key(|d| (d.day() - to).abs());
                to <= day.days_in_month() && nearest == Some(day)
            }
            Self::LastWorkday => days().filter(works).last() == Some(day),
            Self::Last(weekday) => day.nth_weekday_of_month(-1, weekday).unwrap() == day,
            Self::Nth(nth, weekday) => day
                .nth_weekday_of_month(nth, weekday)
                .is_ok_and(|it| it == day),
        }
    }
}

impl Expression {
    fn matches_day(&self, day: Date) -> bool {
        let year = usize::from(day.year().unsigned_abs());
        let number = usize::from(day.day().unsigned_abs());
        let weekday = usize::from(day.weekday().to_sunday_zero_offset().unsigned_abs());
        let moves = |field: usize| self.fields[field].moving.iter().any(|rule| rule.is(day));
        let by_day = self.fields[3].matches[number] || moves(3);
        let by_weekday = self.fields[5].matches[weekday] || moves(5);
        let restricted =
            |field: usize, min: usize| self.fields[field].matches[min..].contains(&false);
        let day_matches = if !self.both && restricted(3, 1) && restricted(5, 0) {
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
