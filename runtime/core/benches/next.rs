//! What a question to a trigger costs: parsing, the next instant, the newest
//! one in an interval, and counting years of them.

use std::time::Duration;

use cronlet_core::schedule::{Cron, Every, Trigger};
use divan::{Bencher, black_box};
use jiff::Timestamp;

const EXPRESSIONS: [&str; 8] = [
    "* * * * * *",
    "*/5 * * * *",
    "0 6 * * Mon-Fri",
    "@monthly",
    "*/15 9-17 1,15 * FRI",
    "0 0 29 2 *",
    "0 0 1 1 * ",
    "30 15 10 1-7/2 JAN-MAR MON 2026-2199/3",
];

fn main() {
    divan::main();
}

fn cron(expression: &str) -> Trigger {
    Trigger::Cron(Cron::parse(expression).expect("the expressions are valid"))
}

/// A Friday evening in spring, so that most expressions cross a day.
fn evening() -> Timestamp {
    "2026-05-01T18:30:15.25Z".parse().expect("an instant")
}

#[divan::bench(args = EXPRESSIONS)]
fn parse(expression: &str) -> Cron {
    Cron::parse(black_box(expression)).expect("the expressions are valid")
}

#[divan::bench(args = EXPRESSIONS)]
fn next_after(bencher: Bencher<'_, '_>, expression: &str) {
    let (trigger, t) = (cron(expression), evening());
    bencher.bench(|| black_box(&trigger).next_after(black_box(t)));
}

/// Each instant asked for with the one before it.
#[divan::bench(args = EXPRESSIONS)]
fn next_after_walked(bencher: Bencher<'_, '_>, expression: &str) {
    let trigger = cron(expression);
    let mut t = evening();
    bencher.bench_local(|| {
        t = trigger.next_after(t).unwrap_or_else(evening);
        t
    });
}

#[divan::bench(args = EXPRESSIONS)]
fn latest_in_a_year(bencher: Bencher<'_, '_>, expression: &str) {
    let trigger = cron(expression);
    let (after, through) = years_to_evening(1);
    bencher.bench(|| black_box(&trigger).latest_in(black_box(after), black_box(through)));
}

#[divan::bench(args = [1, 10, 50])]
fn count_every_second_of_years(bencher: Bencher<'_, '_>, years: i64) {
    let trigger = cron("* * * * * *");
    let (after, through) = years_to_evening(years);
    bencher.bench(|| black_box(&trigger).count_in(black_box(after), black_box(through)));
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
