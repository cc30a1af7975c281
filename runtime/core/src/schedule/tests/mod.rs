//! The trigger as its callers see it: `every`, `at`, and what all three kinds
//! promise together.

use std::time::Duration;

use jiff::Timestamp;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;

mod several;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn cron(expression: &str) -> Trigger {
    Trigger::Cron(Cron::parse(expression).unwrap())
}

fn every(period: &str, offset: &str) -> Trigger {
    let parse = |text| crate::units::parse_duration(text).unwrap();
    Trigger::Every(Every::new(parse(period), parse(offset)).unwrap())
}

fn instants(texts: &[&str]) -> Trigger {
    Trigger::At(At::new(texts.iter().map(|text| at(text)).collect()).unwrap())
}

/// The longest period.
const LONGEST: Duration = Duration::from_secs(u64::MAX);

#[test]
fn every_is_anchored_to_the_epoch() {
    let cases = [
        (
            "30s",
            "0s",
            "2026-05-01T10:00:29.9Z",
            "2026-05-01T10:00:30Z",
        ),
        ("30s", "0s", "2026-05-01T10:00:30Z", "2026-05-01T10:01:00Z"),
        ("1h", "5m", "2026-05-01T10:05:00Z", "2026-05-01T11:05:00Z"),
        (
            "1h",
            "5m",
            "2026-05-01T10:04:59.999999999Z",
            "2026-05-01T10:05:00Z",
        ),
        (
            "1s500ms",
            "0s",
            "1970-01-01T00:00:00Z",
            "1970-01-01T00:00:01.5Z",
        ),
        // Twelve days do not divide a year; the epoch is their anchor.
        ("12d", "0s", "1970-01-01T00:00:00Z", "1970-01-13T00:00:00Z"),
        ("7d", "4d", "2026-05-01T00:00:00Z", "2026-05-04T00:00:00Z"),
        // Before the epoch as after it.
        ("1h", "5m", "1969-12-31T22:10:00Z", "1969-12-31T23:05:00Z"),
    ];
    for (period, offset, after, next) in cases {
        let found = every(period, offset).next_after(at(after));
        assert_eq!(
            found,
            Some(at(next)),
            "every {period} offset {offset} after {after}"
        );
    }
}

#[test]
fn every_is_counted_without_stepping() {
    let second = every("1s", "0s");
    let (start, end) = (at("2000-01-01T00:00:00Z"), at("2100-01-01T00:00:00Z"));
    assert_eq!(second.count_in(start, end), 3_155_760_000);
    assert_eq!(second.count_in(end, start), 0);
    let all = second.count_in(Timestamp::MIN, Timestamp::MAX);
    let seconds = Timestamp::MAX.as_second() - Timestamp::MIN.as_second();
    assert_eq!(all, u64::try_from(seconds).unwrap());
}

#[test]
fn every_refuses_what_it_cannot_keep() {
    let (second, short) = (Duration::from_secs(1), Duration::from_millis(999));
    let error = Every::new(short, Duration::ZERO).unwrap_err();
    assert_eq!(error, EveryError::TooShort { period: short });
    assert_eq!(error.to_string(), "period `999ms` is shorter than `1s`");
    let error = Every::new(second, second).unwrap_err();
    assert_eq!(
        error,
        EveryError::OffsetTooLong {
            offset: second,
            period: second
        }
    );
    assert_eq!(
        error.to_string(),
        "offset `1s` is not shorter than the period `1s`"
    );
    Every::new(second, short).unwrap();
    Every::new(LONGEST, Duration::ZERO).unwrap();
    let fine = Duration::from_nanos(1_500_000_001);
    assert_eq!(
        Every::new(fine, Duration::ZERO),
        Err(EveryError::TooFine { length: fine })
    );
    assert_eq!(
        Every::new(fine * 2, fine).unwrap_err().to_string(),
        "`3s2ns` is not a whole number of microseconds"
    );
}

#[test]
fn at_sorts_and_names_each_instant_once() {
    let (one, two) = ("2026-05-01T08:00:00.25Z", "2026-06-01T08:00:00Z");
    let trigger = instants(&[two, one, two]);
    assert_eq!(trigger, instants(&[one, two]));
    assert_eq!(trigger.fingerprint(), instants(&[one, two]).fingerprint());
    assert_eq!(
        trigger.next_after(at("2026-01-01T00:00:00Z")),
        Some(at(one))
    );
    assert_eq!(trigger.next_after(at(one)), Some(at(two)));
    assert_eq!(trigger.next_after(at(two)), None);
    assert_eq!(trigger.latest_in(at(one), at(two)), Some(at(two)));
    assert_eq!(trigger.latest_in(at(two), Timestamp::MAX), None);
    assert_eq!(trigger.count_in(Timestamp::MIN, at(one)), 1);
    assert_eq!(trigger.count_in(at(one), Timestamp::MAX), 1);
    assert_eq!(At::new(Vec::new()), Err(AtError::Empty));
    let fine = at("2026-05-01T08:00:00.0000001Z");
    let error = At::new(vec![at(two), fine]).unwrap_err();
    assert_eq!(error, AtError::TooFine { instant: fine });
}

#[test]
fn the_short_form_is_for_a_table() {
    let cases = [
        (cron(" 0  6 * * Mon-Fri"), "0 6 * * Mon-Fri"),
        (every("30s", "0s"), "every 30s"),
        (every("90m", "5m"), "every 1h30m offset 5m"),
        (
            instants(&["2026-05-01T08:00:00Z"]),
            "at 2026-05-01T08:00:00Z",
        ),
        (
            instants(&[
                "2026-05-01T08:00:00Z",
                "2026-05-02T08:00:00Z",
                "2026-05-03T08:00:00Z",
            ]),
            "at 2026-05-01T08:00:00Z (+2 more)",
        ),
    ];
    for (trigger, text) in cases {
        assert_eq!(trigger.to_string(), text);
    }
}

#[test]
fn fingerprints_are_frozen() {
    let cases = [
        (cron("0 6 * * Mon-Fri"), "cron 0 0 6 * * 1-5 *"),
        (cron("@daily"), "cron 0 0 0 * * * *"),
        (
            cron("*/5 0 9-17/2 1,15 JAN,12 7 2026-2030"),
            "cron */5 0 9-17/2 1,15 1,12 0 2026-2030",
        ),
        (
            every("30s", "5s"),
            "every 30000000000ns offset 5000000000ns",
        ),
        (
            instants(&["2026-05-01T08:00:00.25Z", "2026-06-01T08:00:00Z"]),
            "at 2026-05-01T08:00:00.25Z 2026-06-01T08:00:00Z",
        ),
    ];
    for (trigger, fingerprint) in cases {
        assert_eq!(trigger.fingerprint(), fingerprint);
    }
    assert_ne!(
        every("30s", "5s").fingerprint(),
        every("30s", "6s").fingerprint()
    );
    assert_ne!(
        every("30s", "5s").fingerprint(),
        every("31s", "5s").fingerprint()
    );
    assert_eq!(
        every("60m", "0s").fingerprint(),
        every("1h", "0s").fingerprint()
    );
}

#[test]
fn the_ends_of_time_do_not_panic() {
    let triggers = [
        cron("* * * * * *"),
        cron("0 0 29 2 *"),
        cron("59 59 23 31 12 * 2199"),
        every("1s", "999ms"),
        Trigger::Every(Every::new(LONGEST, Duration::ZERO).unwrap()),
        Trigger::Every(Every::new(LONGEST, Duration::from_secs(u64::MAX - 1)).unwrap()),
        Trigger::At(At::new(vec![Timestamp::MIN, at("9999-12-30T22:00:00.999999Z")]).unwrap()),
    ];
    let ends = [
        Timestamp::MIN,
        Timestamp::UNIX_EPOCH,
        at("2200-01-01T00:00:00Z"),
        Timestamp::MAX,
    ];
    for trigger in &triggers {
        for from in ends {
            assert!(
                trigger.next_after(from).is_none_or(|next| next > from),
                "{trigger}"
            );
            for to in ends {
                let latest = trigger.latest_in(from, to);
                let count = trigger.count_in(from, to);
                assert_eq!(latest.is_some(), count > 0, "{trigger} in ({from}, {to}]");
            }
        }
        assert_eq!(trigger.next_after(Timestamp::MAX), None, "{trigger}");
    }
}

fn trigger() -> impl Strategy<Value = Trigger> {
    let expressions = vec![
        "* * * * * *",
        "*/7 * * * * *",
        "* * * * *",
        "*/5 9-17 * * Mon-Fri",
        "0 3 * * *",
        "@hourly",
        "@weekly",
        "0 0 1 * *",
        "0 0 13 * FRI",
        "0 0 29 2 *",
        "0 0 31 12 *",
        "15,45 30 */6 */2 * *",
        "0 0 0 1 1 * 2025-2027",
    ];
    prop_oneof![
        select(expressions).prop_map(cron),
        (1_000..10_000_000u64, any::<u64>()).prop_map(|(period, offset)| {
            let offset = Duration::from_millis(offset % period);
            Trigger::Every(Every::new(Duration::from_millis(period), offset).unwrap())
        }),
        proptest::collection::vec(instant(), 1..20)
            .prop_map(|instants| Trigger::At(At::new(instants).unwrap())),
    ]
}

fn instant() -> impl Strategy<Value = Timestamp> {
    // Three years around 2026, at millisecond steps.
    (1_735_689_600_000..1_830_297_600_000i64)
        .prop_map(|ms| Timestamp::from_millisecond(ms).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1000) })]

    /// `latest_in` and `count_in` say of an interval what walking through it says.
    #[test]
    fn the_three_questions_agree(trigger in trigger(), after in instant(), steps in 0..200usize, more in 0..999i64) {
        let walk: Vec<Timestamp> =
            std::iter::successors(trigger.next_after(after), |t| trigger.next_after(*t)).take(steps).collect();
        prop_assert!(walk.is_sorted_by(|a, b| a < b));
        prop_assert!(walk.first().is_none_or(|first| *first > after));
        let last = walk.last().copied();
        let through = last.unwrap_or(after);
        prop_assert_eq!(trigger.latest_in(after, through), last);
        prop_assert_eq!(trigger.count_in(after, through), walk.len() as u64);
        // Between an instant and the next there is nothing.
        let later = Timestamp::from_nanosecond(through.as_nanosecond() + i128::from(more) * 1_000_000).unwrap();
        let later = trigger.next_after(through).filter(|next| *next <= later).map_or(later, |_| through);
        prop_assert_eq!(trigger.latest_in(after, later), last);
        prop_assert_eq!(trigger.count_in(after, later), walk.len() as u64);
        prop_assert_eq!(trigger.latest_in(later, after), None);
        prop_assert_eq!(trigger.count_in(later, after), 0);
    }
}
