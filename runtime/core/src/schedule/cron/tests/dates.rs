//! The calendar: leap years, month ends, the two day fields, the ends of time.

use jiff::Timestamp;

use super::{at, cron, following};

#[test]
fn seconds_are_whole_and_strictly_after() {
    let every_second = cron("* * * * * *");
    let cases = [
        ("2026-01-01T12:00:00.5Z", "2026-01-01T12:00:01Z"),
        ("2026-01-01T12:00:00Z", "2026-01-01T12:00:01Z"),
        ("2026-01-01T12:00:00.999999999Z", "2026-01-01T12:00:01Z"),
        ("2026-12-31T23:59:59.000000001Z", "2027-01-01T00:00:00Z"),
    ];
    for (after, next) in cases {
        assert_eq!(
            every_second.next_after(at(after)),
            Some(at(next)),
            "{after}"
        );
    }
    let noon = cron("0 12 * * *");
    assert_eq!(
        noon.next_after(at("2026-01-01T11:59:59.9Z")),
        Some(at("2026-01-01T12:00:00Z"))
    );
    assert_eq!(
        noon.next_after(at("2026-01-01T12:00:00Z")),
        Some(at("2026-01-02T12:00:00Z"))
    );
    let latest = |t: &str| noon.latest_at_or_before(at(t));
    assert_eq!(
        latest("2026-01-01T12:00:00Z"),
        Some(at("2026-01-01T12:00:00Z"))
    );
    assert_eq!(
        latest("2026-01-01T11:59:59.9Z"),
        Some(at("2025-12-31T12:00:00Z"))
    );
}

/// The minute and the hour match, and the second or minute does not yet.
#[test]
fn latest_before_the_first_of_an_hour_or_minute_goes_back_a_whole_one() {
    let cases = [
        (
            "30 * * * * *",
            "2026-01-01T12:05:10Z",
            "2026-01-01T12:04:30Z",
        ),
        (
            "30 5 * * * *",
            "2026-01-01T12:05:10Z",
            "2026-01-01T11:05:30Z",
        ),
        (
            "30 5 12 * * *",
            "2026-01-01T12:05:10Z",
            "2025-12-31T12:05:30Z",
        ),
        (
            "30 5 12 * * *",
            "2026-01-01T12:05:30Z",
            "2026-01-01T12:05:30Z",
        ),
        (
            "30 50 * * * *",
            "2026-01-01T12:05:10Z",
            "2026-01-01T11:50:30Z",
        ),
    ];
    for (expression, t, latest) in cases {
        let found = cron(expression).latest_at_or_before(at(t));
        assert_eq!(found, Some(at(latest)), "`{expression}` at {t}");
    }
}

#[test]
fn leap_days_skip_the_years_that_lack_them() {
    let found = following("0 0 29 2 *", "2095-01-01T00:00:00Z", 3);
    let expected = ["2096-02-29", "2104-02-29", "2108-02-29"].map(|day| format!("{day}T00:00:00Z"));
    assert_eq!(found, expected);
    let found = following("0 0 29 2 *", "1999-01-01T00:00:00Z", 1);
    assert_eq!(found, ["2000-02-29T00:00:00Z"]);
    let found = following("0 0 0 29 2 * 2096-2104", "1970-01-01T00:00:00Z", 3);
    assert_eq!(found, ["2096-02-29T00:00:00Z", "2104-02-29T00:00:00Z"]);
}

#[test]
fn the_31st_skips_short_months() {
    let found = following("0 0 31 * *", "2026-01-31T00:00:00Z", 3);
    let expected = ["2026-03-31", "2026-05-31", "2026-07-31"].map(|day| format!("{day}T00:00:00Z"));
    assert_eq!(found, expected);
}

#[test]
fn both_day_fields_restricted_means_either() {
    // May 2026 begins on a Friday.
    let found = following("0 0 13 * FRI", "2026-05-01T00:00:00Z", 5);
    let expected = [8, 13, 15, 22, 29].map(|day| format!("2026-05-{day:02}T00:00:00Z"));
    assert_eq!(found, expected);
}

#[test]
fn a_day_field_that_matches_every_value_is_unrestricted() {
    let fridays = following("0 0 * * FRI", "2026-05-01T00:00:00Z", 20);
    for day in ["*/1", "1-31", "1-31/1", "1-15,16-31", "*,5"] {
        let expression = format!("0 0 {day} * FRI");
        assert_eq!(
            following(&expression, "2026-05-01T00:00:00Z", 20),
            fridays,
            "{day}"
        );
    }
    let thirteenths = following("0 0 13 * *", "2026-05-01T00:00:00Z", 20);
    for weekday in ["*/1", "0-6", "1-7", "0-7", "SUN-SAT", "MON-SUN"] {
        let expression = format!("0 0 13 * {weekday}");
        assert_eq!(
            following(&expression, "2026-05-01T00:00:00Z", 20),
            thirteenths,
            "{weekday}"
        );
    }
}

#[test]
fn a_step_over_days_is_restricted() {
    let found = following("0 0 */10 * FRI", "2026-05-01T00:00:00Z", 7);
    let expected = [8, 11, 15, 21, 22, 29, 31].map(|day| format!("2026-05-{day:02}T00:00:00Z"));
    assert_eq!(found, expected);
}

/// The first dates of 2026 at midnight.
fn dates(expression: &str, n: usize) -> Vec<String> {
    let found = following(expression, "2025-12-31T23:59:59Z", n);
    found.iter().map(|t| t.replace("T00:00:00Z", "")).collect()
}

#[test]
fn the_last_days_of_months() {
    assert_eq!(
        dates("0 0 L * *", 3),
        ["2026-01-31", "2026-02-28", "2026-03-31"]
    );
    assert_eq!(dates("0 0 L-3 * *", 2), ["2026-01-28", "2026-02-25"]);
    // A month that lacks the day is skipped.
    assert_eq!(
        dates("0 0 L-30 * *", 3),
        ["2026-01-01", "2026-03-01", "2026-05-01"]
    );
    assert_eq!(dates("0 0 L-28 2 *", 1), ["2028-02-01"]);
    assert_eq!(
        dates("0 0 1,L * *", 4),
        ["2026-01-01", "2026-01-31", "2026-02-01", "2026-02-28"]
    );
}

#[test]
fn working_days_stay_within_their_month() {
    // 15 February 2026 is a Sunday, 15 August a Saturday.
    assert_eq!(dates("0 0 15W 2 *", 1), ["2026-02-16"]);
    assert_eq!(dates("0 0 15W 8 *", 1), ["2026-08-14"]);
    // 1 August is a Saturday, 31 May a Sunday, 31 January a Saturday.
    assert_eq!(dates("0 0 1W 8 *", 1), ["2026-08-03"]);
    assert_eq!(dates("0 0 31W 5 *", 1), ["2026-05-29"]);
    assert_eq!(
        dates("0 0 LW * *", 5),
        [
            "2026-01-30",
            "2026-02-27",
            "2026-03-31",
            "2026-04-30",
            "2026-05-29"
        ]
    );
    assert_eq!(dates("0 0 30W 2-4 *", 2), ["2026-03-30", "2026-04-30"]);
}

#[test]
fn weekdays_are_counted_within_the_month() {
    assert_eq!(
        dates("0 0 * * FRIL", 3),
        ["2026-01-30", "2026-02-27", "2026-03-27"]
    );
    assert_eq!(
        dates("0 0 * * FRI#2", 3),
        ["2026-01-09", "2026-02-13", "2026-03-13"]
    );
    assert_eq!(
        dates("0 0 * * 7#1,SUNL", 4),
        ["2026-01-04", "2026-01-25", "2026-02-01", "2026-02-22"]
    );
    // A month without a fifth Friday is skipped.
    assert_eq!(
        dates("0 0 * * 5#5", 3),
        ["2026-01-30", "2026-05-29", "2026-07-31"]
    );
    // Beside a day of the month either is enough, and with a `+` both are needed.
    assert_eq!(
        dates("0 0 1 * FRI#1", 4),
        ["2026-01-01", "2026-01-02", "2026-02-01", "2026-02-06"]
    );
}

#[test]
fn a_plus_asks_for_both_days() {
    assert_eq!(
        dates("0 0 13 * +FRI", 3),
        ["2026-02-13", "2026-03-13", "2026-11-13"]
    );
    assert_eq!(
        dates("0 0 1-7 * +MON", 3),
        ["2026-01-05", "2026-02-02", "2026-03-02"]
    );
    assert_eq!(
        dates("0 0 */2 * +MON", 3),
        ["2026-01-05", "2026-01-19", "2026-02-09"]
    );
    assert_eq!(dates("0 0 * * +FRI", 2), dates("0 0 * * FRI", 2));
}

#[test]
fn the_ends_of_time_are_none_or_right() {
    let (first, last) = (at("1970-01-01T00:00:00Z"), at("2199-12-31T23:59:59Z"));
    let all = cron("* * * * * *");
    for before in [
        Timestamp::MIN,
        at("-005000-01-01T00:00:00Z"),
        at("1969-12-31T23:59:59.9Z"),
    ] {
        assert_eq!(all.next_after(before), Some(first), "{before}");
        assert_eq!(all.latest_at_or_before(before), None, "{before}");
    }
    for after in [
        last,
        at("2199-12-31T23:59:59.9Z"),
        at("2200-01-01T00:00:00Z"),
        Timestamp::MAX,
    ] {
        assert_eq!(all.next_after(after), None, "{after}");
        assert_eq!(all.latest_at_or_before(after), Some(last), "{after}");
    }
    let seconds = u64::try_from(last.as_second() + 1).unwrap();
    assert_eq!(all.count_in(Timestamp::MIN, Timestamp::MAX), seconds);
    assert_eq!(all.count_in(Timestamp::MIN, first), 1);
    assert_eq!(all.count_in(first, Timestamp::MAX), seconds - 1);
    assert_eq!(all.count_in(last, Timestamp::MAX), 0);
    assert_eq!(all.count_in(Timestamp::MIN, at("1969-12-31T23:59:59Z")), 0);
}

#[test]
fn counts_over_years_and_within_a_second() {
    let count = |expression: &str, after: &str, through: &str| {
        cron(expression).count_in(at(after), at(through))
    };
    let (new_year, next) = ("2025-12-31T23:59:59Z", "2026-12-31T23:59:59Z");
    assert_eq!(count("* * * * * *", new_year, next), 31_536_000);
    assert_eq!(count("*/5 * * * *", new_year, next), 105_120);
    assert_eq!(
        count("0 0 29 2 *", "2000-01-01T00:00:00Z", "2100-12-31T00:00:00Z"),
        25
    );
    assert_eq!(
        count(
            "* * * * * *",
            "2026-01-01T00:00:00.2Z",
            "2026-01-01T00:00:00.9Z"
        ),
        0
    );
    assert_eq!(
        count(
            "* * * * * *",
            "2026-01-01T00:00:00.2Z",
            "2026-01-01T00:00:01Z"
        ),
        1
    );
}
