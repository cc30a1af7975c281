//! What a question to a trigger costs: parsing, the next instant, the newest
//! one in an interval, and counting years of them; in UTC and on clocks that jump.

use std::time::Duration;

use cronlet_core::schedule::{Cron, Every, Trigger, Zone};
use divan::{Bencher, black_box};
use jiff::Timestamp;

/// What most crontabs are made of.
const COMMON: [&str; 7] = [
    "* * * * *",
    "*/5 * * * *",
    "0 * * * *",
    "30 2 * * *",
    "0 6 * * Mon-Fri",
    "0 9-17/2 * * *",
    "@monthly",
];

/// What makes a search go far, or look closely.
const AWKWARD: [&str; 9] = [
    "*/15 9-17 1,15 * FRI",
    "30 15 10 1-7/2 JAN-MAR MON 2026-2199/3",
    "0 0 29 2 *",
    "*/10 2 29 2 *",
    "0 0 LW * *",
    "0 0 * * FRI#5",
    "0 0 13 * +FRI",
    "0 0 29 2 +MON",
    "0 0 0 31W 12 SUNL 2199",
];

fn main() {
    divan::main();
}

fn cron(expression: &str, zone: &str) -> Trigger {
    let cron = Cron::parse(expression).expect("the expressions are valid");
    Trigger::Cron(cron.in_zone(Zone::named(zone).expect("the zone is there")))
}

/// A Friday evening in spring, so that most expressions cross a day.
fn evening() -> Timestamp {
    "2026-05-01T18:30:15.25Z".parse().expect("an instant")
}

#[divan::bench(args = COMMON)]
fn parse_common(expression: &str) -> Cron {
    Cron::parse(black_box(expression)).expect("the expressions are valid")
}

#[divan::bench(args = AWKWARD)]
fn parse_awkward(expression: &str) -> Cron {
    Cron::parse(black_box(expression)).expect("the expressions are valid")
}

#[divan::bench(args = COMMON)]
fn next_common_utc(bencher: Bencher<'_, '_>, expression: &str) {
    let (trigger, t) = (cron(expression, "UTC"), evening());
    bencher.bench(|| black_box(&trigger).next_after(black_box(t)));
}

#[divan::bench(args = COMMON)]
fn next_common_berlin(bencher: Bencher<'_, '_>, expression: &str) {
    let (trigger, t) = (cron(expression, "Europe/Berlin"), evening());
    bencher.bench(|| black_box(&trigger).next_after(black_box(t)));
}

#[divan::bench(args = AWKWARD)]
fn next_awkward_berlin(bencher: Bencher<'_, '_>, expression: &str) {
    let (trigger, t) = (cron(expression, "Europe/Berlin"), evening());
    bencher.bench(|| black_box(&trigger).next_after(black_box(t)));
}

/// Each instant asked for with the one before it.
#[divan::bench(args = COMMON)]
fn next_walked_berlin(bencher: Bencher<'_, '_>, expression: &str) {
    let trigger = cron(expression, "Europe/Berlin");
    let mut t = evening();
    bencher.bench_local(|| {
        t = trigger.next_after(t).unwrap_or_else(evening);
        t
    });
}

/// In the hour before the clocks go back, and in the one that comes twice.
#[divan::bench(args = ["2026-10-24T23:30:00Z", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"])]
fn next_at_a_transition(bencher: Bencher<'_, '_>, t: &str) {
    let trigger = cron("*/45 2 * * *", "Europe/Berlin");
    let t: Timestamp = t.parse().expect("an instant");
    bencher.bench(|| black_box(&trigger).next_after(black_box(t)));
}

#[divan::bench(args = COMMON)]
fn latest_in_a_year(bencher: Bencher<'_, '_>, expression: &str) {
    let trigger = cron(expression, "Europe/Berlin");
    let (after, through) = years_to_evening(1);
    bencher.bench(|| black_box(&trigger).latest_in(black_box(after), black_box(through)));
}

#[divan::bench(args = [1, 10, 50])]
fn count_every_second_of_years(bencher: Bencher<'_, '_>, years: i64) {
    let trigger = cron("* * * * * *", "Europe/Berlin");
    let (after, through) = years_to_evening(years);
    bencher.bench(|| black_box(&trigger).count_in(black_box(after), black_box(through)));
}

/// The table of a zone's periods is built once a file.
#[divan::bench]
fn zone_named() -> Zone {
    Zone::named(black_box("Europe/Berlin")).expect("the zone is there")
}

#[divan::bench]
fn every_next_after(bencher: Bencher<'_, '_>) {
    let period = Every::new(Duration::from_secs(30), Duration::from_secs(5));
    let trigger = Trigger::Every(period.expect("the period is valid"));
    let t = evening();
    bencher.bench(|| black_box(&trigger).next_after(black_box(t)));
}

fn years_to_evening(years: i64) -> (Timestamp, Timestamp) {
    let through = evening();
    let seconds = through.as_second() - years * 31_557_600;
    let after = Timestamp::from_second(seconds).expect("within time");
    (after, through)
}
