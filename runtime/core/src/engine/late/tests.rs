//! Looks, held against a walk from instant to instant.

use std::{num::NonZeroU32, time::Duration};

use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::{
    digest::Digest,
    job::Component,
    name::JobName,
    schedule::{Calendar, Cron, Every, Schedule, Trigger, Triggers, Zone},
};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn cron(expression: &str) -> Trigger {
    Trigger::Cron(Cron::parse(expression).unwrap())
}

fn every(period: Duration) -> Trigger {
    Trigger::Every(Every::new(period, Duration::ZERO).unwrap())
}

fn job(triggers: Vec<Trigger>, hours: &[&str], blackouts: &[&str], mode: CatchUpMode) -> Job {
    let mut job = Job::new(
        JobName::new("a").unwrap(),
        Component::Ready(Digest::of(b"a")),
    );
    job.schedule = Schedule {
        triggers: Triggers::new(triggers).unwrap(),
        calendar: Calendar::new(
            Zone::UTC,
            hours.iter().map(|text| text.parse().unwrap()).collect(),
            blackouts.iter().map(|text| text.parse().unwrap()).collect(),
        ),
        ..Schedule::default()
    };
    job.catch_up.mode = mode;
    job
}

/// The parts of a look, one a line.
fn told(look: &Look) -> Vec<String> {
    let part = |part: &Part| match part {
        Part::Runs(at) => format!("{at} runs"),
        Part::Ran(at) => format!("{at} ran"),
        Part::Skips(range) => {
            let SkipRange {
                reason,
                first,
                last,
                count,
            } = range;
            format!("{first} to {last}: {count} {reason}")
        }
    };
    look.parts.iter().map(part).collect()
}

#[test]
fn catch_up_sees_what_the_calendar_leaves() {
    let (friday, monday) = (at("2026-05-01T15:30:00Z"), at("2026-05-04T05:30:00Z"));
    let hours = ["Mon-Fri 08:00-17:00"];
    let hourly = |mode| {
        let mut job = job(vec![cron("0 * * * *")], &hours, &["2026-05-02"], mode);
        job.catch_up.window = Duration::from_hours(24 * 7);
        job
    };
    let look = Look::at(&hourly(CatchUpMode::Latest), friday, monday, true).unwrap();
    assert_eq!(
        told(&look),
        [
            "2026-05-01T16:00:00Z runs",
            "2026-05-01T17:00:00Z to 2026-05-01T23:00:00Z: 7 outside-hours",
            "2026-05-02T00:00:00Z to 2026-05-02T23:00:00Z: 24 blackout",
            "2026-05-03T00:00:00Z to 2026-05-04T05:00:00Z: 30 outside-hours",
        ]
    );
    assert!(!look.catches_up && !look.is_partial);
    assert_eq!(look.through, at("2026-05-04T05:00:00Z"));

    let job = hourly(CatchUpMode::All);
    let look = Look::at(&job, friday, monday, false).unwrap();
    assert_eq!(
        told(&look)[0],
        "2026-05-01T16:00:00Z to 2026-05-01T16:00:00Z: 1 missed"
    );
    let look = Look::at(
        &job,
        at("2026-05-01T13:30:00Z"),
        at("2026-05-04T09:00:00Z"),
        true,
    )
    .unwrap();
    let runs: Vec<_> = look.runs().map(|at| at.to_string()).collect();
    assert_eq!(
        runs,
        [
            "2026-05-01T14:00:00Z",
            "2026-05-01T15:00:00Z",
            "2026-05-01T16:00:00Z",
            "2026-05-04T08:00:00Z",
            "2026-05-04T09:00:00Z",
        ]
    );
    assert!(look.catches_up);

    let look = Look::at(&hourly(CatchUpMode::None), friday, monday, true).unwrap();
    assert_eq!(look.runs().count(), 0);
    assert_eq!(
        Look::at(&hourly(CatchUpMode::None), monday, monday, true),
        None
    );
}

#[test]
fn ten_years_of_hours_are_many_looks() {
    let job = job(
        vec![every(Duration::from_secs(1))],
        &["Mon-Fri 08:00-17:00"],
        &[],
        CatchUpMode::Latest,
    );
    let (from, now) = (at("2016-01-01T00:00:00Z"), at("2026-01-02T09:00:00Z"));
    let (mut count, mut looks, mut watermark) = (0, 0, from);
    for look in Look::all(&BTreeSet::new(), &job, from, now) {
        assert!(look.parts.len() <= PARTS && look.through > watermark);
        assert_eq!(look.runs().count(), usize::from(!look.is_partial));
        count += look.skips().map(|range| range.count).sum::<u64>();
        (looks, watermark) = (looks + 1, look.through);
    }
    assert_eq!(watermark, now);
    let seconds = u64::try_from(now.as_second() - from.as_second()).unwrap();
    assert_eq!((count, looks), (seconds - 1, 21));
}

#[test]
fn years_of_two_dense_triggers_are_many_looks() {
    let both = vec![cron("*/2 * * * * *"), every(Duration::from_secs(3))];
    let job = job(both, &[], &[], CatchUpMode::All);
    let (from, now) = (at("2026-01-01T00:00:00Z"), at("2026-01-08T00:00:00Z"));
    let looks: Vec<_> = Look::all(&BTreeSet::new(), &job, from, now).collect();
    let week = 7 * 86_400;
    assert_eq!(looks.len(), week / 3 / STEPS + 1);
    assert!(
        looks
            .iter()
            .all(|look| look.effort < 2 * STEPS / STEPS_A_JOB + PARTS)
    );
    let (last, partial) = looks.split_last().unwrap();
    assert!(
        partial
            .iter()
            .all(|look| look.is_partial && look.runs().count() == 0)
    );
    assert_eq!(last.runs().count(), 100);
    let skipped = looks
        .iter()
        .flat_map(Look::skips)
        .map(|range| range.count)
        .sum::<u64>();
    assert_eq!(skipped, u64::try_from(week / 6 * 4 - 100).unwrap());
}

#[test]
fn a_search_that_finds_nothing_ends() {
    let mut job = job(
        vec![cron("30 3 * * *")],
        &["06:00-22:00"],
        &[],
        CatchUpMode::All,
    );
    job.catch_up.window = Duration::from_hours(24 * 365 * 200);
    let look = Look::at(
        &job,
        at("1971-01-01T00:00:00Z"),
        at("2199-01-01T00:00:00Z"),
        true,
    );
    let look = look.unwrap();
    assert_eq!(look.parts.len(), 1);
    assert_eq!(
        look.skips().next().unwrap().reason,
        SkipReason::OutsideHours
    );
}

#[test]
fn what_ran_already_is_passed_over() {
    let job = job(
        vec![cron("0 * * * *")],
        &["06:00-22:00"],
        &[],
        CatchUpMode::Latest,
    );
    let (from, now) = (at("2026-05-01T02:30:00Z"), at("2026-05-01T09:30:00Z"));
    let ran = ["2026-05-01T04:00:00Z", "2026-05-01T09:00:00Z"].map(at);
    let look = Look::beside(&ran.into(), &job, from, now, true).unwrap();
    assert_eq!(
        told(&look),
        [
            "2026-05-01T03:00:00Z to 2026-05-01T03:00:00Z: 1 outside-hours",
            "2026-05-01T04:00:00Z ran",
            "2026-05-01T05:00:00Z to 2026-05-01T05:00:00Z: 1 outside-hours",
            "2026-05-01T06:00:00Z to 2026-05-01T07:00:00Z: 2 missed",
            "2026-05-01T08:00:00Z runs",
            "2026-05-01T09:00:00Z ran",
        ]
    );
}

fn some_job() -> impl Strategy<Value = Job> {
    let triggers = select(vec![
        "*/7 * * * *",
        "0 * * * *",
        "30 3 * * *",
        "15,45 */6 * * Mon-Fri",
    ]);
    let triggers = triggers.prop_map(cron);
    let hours = select(vec![
        "06:00-22:00",
        "Mon-Fri 22:00-02:00",
        "Sat 00:00-24:00",
        "03:00-03:40",
    ]);
    let blackouts = select(vec![
        "2026-05-02",
        "2026-05-02T03:10..2026-05-03T17:00",
        "2026-05-05..2026-05-06",
    ]);
    let modes = select(vec![
        CatchUpMode::Latest,
        CatchUpMode::None,
        CatchUpMode::All,
    ]);
    (
        proptest::collection::vec(triggers, 1..4),
        proptest::collection::vec(hours, 0..3),
        proptest::collection::vec(blackouts, 0..3),
        modes,
        (1..20u32, 0..100u64),
    )
        .prop_map(|(triggers, hours, blackouts, mode, (max, window))| {
            let mut job = job(triggers, &hours, &blackouts, mode);
            job.catch_up.max = NonZeroU32::new(max).unwrap();
            job.catch_up.window = Duration::from_hours(window);
            job
        })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    /// Each instant is in the look once, and what becomes of it is what a walk from one to the next finds.
    #[test]
    fn a_look_says_what_a_walk_says(job in some_job(), from in 0..200_000i64, length in 0..600_000i64) {
        let from = Timestamp::from_second(1_777_600_000 + from).unwrap();
        let now = from + jiff::SignedDuration::from_secs(length);
        let walk = std::iter::successors(job.schedule.next_after(from), |t| job.schedule.next_after(*t));
        let walk: Vec<_> = walk.take_while(|t| *t <= now).collect();
        let excludes = |t: &Timestamp| job.schedule.calendar.excludes(*t);
        let most = match job.catch_up.mode {
            CatchUpMode::All => job.catch_up.max.get() as usize,
            _ => 1,
        };
        let grace = match job.catch_up.mode {
            CatchUpMode::None => job.catch_up.grace.min(job.catch_up.window),
            _ => job.catch_up.window,
        };
        let allowed = walk.iter().rev().filter(|t| excludes(t).is_none()).take(most);
        let runs: Vec<_> = allowed.filter(|t| age(now, **t) < grace).collect();
        let mut expected: Vec<(Option<SkipReason>, Timestamp, Timestamp, u64)> = Vec::new();
        for t in &walk {
            let reason = if runs.contains(&t) {
                None
            } else {
                Some(excludes(t).map_or(SkipReason::Missed, Into::into))
            };
            match expected.last_mut().filter(|last| reason.is_some() && last.0 == reason) {
                Some(last) => (last.2, last.3) = (*t, last.3 + 1),
                None => expected.push((reason, *t, *t, 1)),
            }
        }
        let look = Look::at(&job, from, now, true);
        prop_assert_eq!(look.as_ref().map(|look| look.through), walk.last().copied());
        let parts = look.into_iter().flat_map(|look| look.parts);
        let found: Vec<_> = parts.map(|part| match part {
            Part::Runs(at) | Part::Ran(at) => (None, at, at, 1),
            Part::Skips(range) => (Some(range.reason), range.first, range.last, range.count),
        }).collect();
        prop_assert_eq!(found, expected);
    }
}
