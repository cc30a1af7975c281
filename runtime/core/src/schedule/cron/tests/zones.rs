//! Known transitions, one by one: what fixed and interval-like expressions name at each.

use jiff::Timestamp;

use super::super::super::zone::Zone;
use super::{Cron, at, cron};

fn in_zone(expression: &str, zone: &str) -> Cron {
    cron(expression).in_zone(Zone::named(zone).unwrap())
}

/// The instants in `(after, through]` as they are shown in the zone.
fn shown(expression: &str, zone: &str, after: &str, through: &str) -> Vec<String> {
    let cron = in_zone(expression, zone);
    let (after, through) = (at(after), at(through));
    let found: Vec<Timestamp> =
        std::iter::successors(cron.next_after(after), |t| cron.next_after(*t))
            .take_while(|t| *t <= through)
            .collect();
    // The other two questions agree with the walk.
    assert_eq!(cron.count_in(after, through), found.len() as u64);
    let latest = cron.latest_at_or_before(through).filter(|t| *t > after);
    assert_eq!(latest, found.last().copied());
    let shown = |t: &Timestamp| t.display_with_offset(cron.zone().offset(*t)).to_string();
    found.iter().map(shown).collect()
}

/// Expression, zone, from, to (both in UTC), and what is due between them.
const CASES: &[(&str, &str, &str, &str, &[&str])] = &[
    // Berlin, 29 March 2026: 02:00 to 03:00 is a gap.
    (
        "30 2 * * *",
        "Europe/Berlin",
        "2026-03-28T00:00:00Z",
        "2026-03-30T12:00:00Z",
        &[
            "2026-03-28T02:30:00+01:00",
            "2026-03-29T03:00:00+02:00",
            "2026-03-30T02:30:00+02:00",
        ],
    ),
    // Many times in the gap, and the one at its end, are one.
    (
        "0,15,45 2,3 * * *",
        "Europe/Berlin",
        "2026-03-29T00:00:00Z",
        "2026-03-29T12:00:00Z",
        &[
            "2026-03-29T03:00:00+02:00",
            "2026-03-29T03:15:00+02:00",
            "2026-03-29T03:45:00+02:00",
        ],
    ),
    (
        "*/30 1-3 * * *",
        "Europe/Berlin",
        "2026-03-28T23:59:59Z",
        "2026-03-29T12:00:00Z",
        &[
            "2026-03-29T01:00:00+01:00",
            "2026-03-29T01:30:00+01:00",
            "2026-03-29T03:00:00+02:00",
            "2026-03-29T03:30:00+02:00",
        ],
    ),
    // The second does not count: this names a time of the day.
    (
        "*/30 30 2 * * *",
        "Europe/Berlin",
        "2026-03-28T12:00:00Z",
        "2026-03-29T12:00:00Z",
        &["2026-03-29T03:00:00+02:00"],
    ),
    // Berlin, 25 October 2026: 02:00 to 03:00 comes twice.
    (
        "30 2 * * *",
        "Europe/Berlin",
        "2026-10-24T12:00:00Z",
        "2026-10-25T12:00:00Z",
        &["2026-10-25T02:30:00+02:00"],
    ),
    (
        "*/30 2 * * *",
        "Europe/Berlin",
        "2026-10-24T12:00:00Z",
        "2026-10-25T12:00:00Z",
        &[
            "2026-10-25T02:00:00+02:00",
            "2026-10-25T02:30:00+02:00",
            "2026-10-25T02:00:00+01:00",
            "2026-10-25T02:30:00+01:00",
        ],
    ),
    (
        "30 * * * *",
        "Europe/Berlin",
        "2026-10-24T23:00:00Z",
        "2026-10-25T03:00:00Z",
        &[
            "2026-10-25T01:30:00+02:00",
            "2026-10-25T02:30:00+02:00",
            "2026-10-25T02:30:00+01:00",
            "2026-10-25T03:30:00+01:00",
        ],
    ),
    // Asked in the second pass, a fixed one waits for the next day.
    (
        "30 2 * * *",
        "Europe/Berlin",
        "2026-10-25T01:10:00Z",
        "2026-10-26T12:00:00Z",
        &["2026-10-26T02:30:00+01:00"],
    ),
    // A year that ends in the second pass.
    (
        "0 */20 2 25 10 * 2026",
        "Europe/Berlin",
        "2026-10-25T00:40:00Z",
        "2027-10-25T00:00:00Z",
        &[
            "2026-10-25T02:00:00+01:00",
            "2026-10-25T02:20:00+01:00",
            "2026-10-25T02:40:00+01:00",
        ],
    ),
    // Cairo, 24 April 2026: midnight does not exist.
    (
        "0 0 * * *",
        "Africa/Cairo",
        "2026-04-22T23:00:00Z",
        "2026-04-25T00:00:00Z",
        &["2026-04-24T01:00:00+03:00", "2026-04-25T00:00:00+03:00"],
    ),
    (
        "@daily",
        "Asia/Amman",
        "2021-03-25T00:00:00Z",
        "2021-03-27T00:00:00Z",
        &["2021-03-26T01:00:00+03:00", "2021-03-27T00:00:00+03:00"],
    ),
    // Lord Howe: half an hour, in October forward and in April back.
    (
        "15 2 * * *",
        "Australia/Lord_Howe",
        "2026-10-02T12:00:00Z",
        "2026-10-04T12:00:00Z",
        &["2026-10-03T02:15:00+10:30", "2026-10-04T02:30:00+11:00"],
    ),
    (
        "45 1 * * *",
        "Australia/Lord_Howe",
        "2026-04-04T00:00:00Z",
        "2026-04-05T12:00:00Z",
        &["2026-04-05T01:45:00+11:00"],
    ),
    (
        "*/15 1 * * *",
        "Australia/Lord_Howe",
        "2026-04-04T14:00:00Z",
        "2026-04-05T12:00:00Z",
        &[
            "2026-04-05T01:15:00+11:00",
            "2026-04-05T01:30:00+11:00",
            "2026-04-05T01:45:00+11:00",
            "2026-04-05T01:30:00+10:30",
            "2026-04-05T01:45:00+10:30",
        ],
    ),
    // Apia had no 30 December 2011.
    (
        "30 12 * * *",
        "Pacific/Apia",
        "2011-12-29T00:00:00Z",
        "2011-12-31T12:00:00Z",
        &[
            "2011-12-29T12:30:00-10:00",
            "2011-12-31T00:00:00+14:00",
            "2011-12-31T12:30:00+14:00",
        ],
    ),
    (
        "0 */6 * * *",
        "Pacific/Apia",
        "2011-12-30T04:00:00Z",
        "2011-12-30T16:00:00Z",
        &["2011-12-31T00:00:00+14:00", "2011-12-31T06:00:00+14:00"],
    ),
    // Kwajalein had no 21 August 1993: what is due on it is due on the 22nd.
    (
        "0 9 21 8 *",
        "Pacific/Kwajalein",
        "1993-01-01T00:00:00Z",
        "1994-01-01T00:00:00Z",
        &["1993-08-22T00:00:00+12:00"],
    ),
    // Indiana's Winamac went from Central to Eastern and to summer time at once.
    (
        "30 2,3 * * *",
        "America/Indiana/Winamac",
        "2007-03-10T12:00:00Z",
        "2007-03-11T12:00:00Z",
        &["2007-03-11T04:00:00-04:00"],
    ),
    // Nuuk had summer time for good, and moved no clock in that autumn.
    (
        "30 22,23 * * *",
        "America/Nuuk",
        "2023-10-28T12:00:00Z",
        "2023-10-29T12:00:00Z",
        &["2023-10-28T22:30:00-02:00", "2023-10-28T23:30:00-02:00"],
    ),
    // Liberia was 44 minutes and a half behind.
    (
        "0 0 * * *",
        "Africa/Monrovia",
        "1972-01-06T00:00:00Z",
        "1972-01-07T12:00:00Z",
        &["1972-01-06T00:00:00-00:45", "1972-01-07T00:44:30+00:00"],
    ),
];

#[test]
fn each_kind_of_transition() {
    for (expression, zone, after, through, due) in CASES {
        let found = shown(expression, zone, after, through);
        assert_eq!(found, *due, "`{expression}` in {zone} after {after}");
    }
}

/// A rhythm stands for itself, also where it is due at the moment at which a gap ends.
#[test]
fn a_rhythm_stands_for_no_time_that_does_not_exist() {
    let (before, end) = (at("2026-03-29T00:59:59Z"), at("2026-03-29T01:00:00Z"));
    let due = |expression: &str| {
        let cron = in_zone(expression, "Europe/Berlin");
        assert_eq!(cron.next_after(before), Some(end), "{expression}");
        cron.stands_for(end).len()
    };
    assert_eq!(due("0,30 2,3 * * *"), 2);
    assert_eq!(due("*/30 2,3 * * *"), 0);
}
