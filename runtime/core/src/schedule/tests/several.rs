//! Schedules: several triggers, a start and an end, the calendar, the jitter.

use std::collections::BTreeSet;

use super::*;

fn triggers(list: Vec<Trigger>) -> Triggers {
    Triggers::new(list).unwrap()
}

/// No bound at all.
const ALL: usize = usize::MAX;

#[test]
fn equal_instants_are_one() {
    let both = triggers(vec![
        cron("0 * * * *"),
        every("30m", "0s"),
        cron("0 */2 * * *"),
    ]);
    let (after, through) = (at("2026-05-01T00:00:00Z"), at("2026-05-01T06:00:00Z"));
    assert_eq!(both.count_in(after, through, ALL).instants, 12);
    assert_eq!(both.next_after(after), Some(at("2026-05-01T00:30:00Z")));
    assert_eq!(both.latest_in(after, through), Some(through));
    assert_eq!(triggers(vec![cron("0 * * * *"); 32]).as_slice().len(), 1);
    let error = Triggers::new(vec![cron("0 * * * *"); 33]).unwrap_err();
    assert_eq!(error.to_string(), "33 triggers are more than 32");
}

#[test]
fn none_is_never_due() {
    let none = Schedule::default();
    assert!(none.is_manual());
    assert_eq!(none.next_after(Timestamp::MIN), None);
    assert_eq!(none.next_allowed_after(Timestamp::MIN), None);
    assert_eq!(none.latest_in(Timestamp::MIN, Timestamp::MAX), None);
    let count = none.count_in(Timestamp::MIN, Timestamp::MAX, ALL);
    assert_eq!((count.instants, count.through), (0, Timestamp::MAX));
    assert_eq!(none.fingerprint(), None);
}

#[test]
fn what_takes_too_long_is_counted_in_part() {
    let both = triggers(vec![
        every("1s", "0s"),
        every("7s", "500ms"),
        every("3s", "0s"),
    ]);
    let (after, through) = (at("2026-05-01T00:00:00Z"), at("2026-05-01T00:10:00Z"));
    let whole = both.count_in(after, through, ALL);
    assert_eq!((whole.instants, whole.through), (600 + 86, through));
    // The three seconds are always those of the densest, and cost steps all the same.
    assert_eq!(whole.steps, 86 + 200);
    let mut from = after;
    let (mut sum, mut parts) = (0, 0);
    while from < through {
        let part = both.count_in(from, through, 50);
        assert!(part.steps <= 51, "{part:?}");
        assert!(part.through > from, "{part:?}");
        assert_eq!(
            both.count_in(from, part.through, ALL).instants,
            part.instants
        );
        (from, sum, parts) = (part.through, sum + part.instants, parts + 1);
    }
    assert_eq!((sum, parts), (686, 6));
    // However few steps it may take, it gets on.
    let part = both.count_in(after, through, 0);
    assert!(part.instants > 0 && part.through > after, "{part:?}");
    // One alone needs none.
    let second = triggers(vec![every("1s", "0s")]);
    let (start, end) = (at("2000-01-01T00:00:00Z"), at("2100-01-01T00:00:00Z"));
    let count = second.count_in(start, end, 0);
    assert_eq!(
        (count.instants, count.through, count.steps),
        (3_155_760_000, end, 0)
    );
}

#[test]
fn the_start_is_included_and_the_end_is_not() {
    let hourly = Schedule {
        start: Some(at("2026-05-01T10:00:00Z")),
        end: Some(at("2026-05-01T13:00:00Z")),
        ..cron("0 * * * *").into()
    };
    let (first, last) = (at("2026-05-01T10:00:00Z"), at("2026-05-01T12:00:00Z"));
    assert_eq!(hourly.next_after(Timestamp::MIN), Some(first));
    assert_eq!(hourly.next_after(first), Some(at("2026-05-01T11:00:00Z")));
    assert_eq!(hourly.next_after(last), None);
    assert_eq!(hourly.latest_in(Timestamp::MIN, Timestamp::MAX), Some(last));
    assert_eq!(hourly.latest_in(Timestamp::MIN, first), Some(first));
    assert_eq!(hourly.latest_in(last, Timestamp::MAX), None);
    let count = hourly.count_in(Timestamp::MIN, Timestamp::MAX, ALL);
    assert_eq!((count.instants, count.through), (3, Timestamp::MAX));
    assert_eq!(hourly.count_in(first, last, ALL).instants, 2);
    let never = Schedule {
        end: Some(first),
        ..hourly
    };
    assert_eq!(never.next_after(Timestamp::MIN), None);
    assert_eq!(
        never.count_in(Timestamp::MIN, Timestamp::MAX, ALL).instants,
        0
    );
}

#[test]
fn the_short_form_of_several() {
    let some = triggers(vec![cron("0 6 * * *"), every("1h", "5m")]);
    assert_eq!(some.to_string(), "0 6 * * * | every 1h offset 5m");
    let more = (1..=5)
        .map(|hours| every(&format!("{hours}h"), "0s"))
        .collect();
    let more = triggers(more).to_string();
    assert_eq!(more, "every 1h | every 2h | every 3h (+2 more)");
}

#[test]
fn fingerprints_of_schedules_are_frozen() {
    let (six, half) = (cron("0 6 * * *"), every("30m", "0s"));
    let one: Schedule = six.clone().into();
    assert_eq!(one.fingerprint().unwrap(), "cron 0 0 6 * * * *");
    let both = |list: Vec<Trigger>| Schedule {
        triggers: triggers(list),
        start: Some(at("2026-05-01T00:00:00Z")),
        end: Some(at("2027-05-01T00:00:00.5Z")),
        ..Schedule::default()
    };
    let text = "cron 0 0 6 * * * * | every 1800000000000ns offset 0ns \
                start 2026-05-01T00:00:00Z end 2027-05-01T00:00:00.5Z";
    assert_eq!(
        both(vec![six.clone(), half.clone()]).fingerprint().unwrap(),
        text
    );
    let again = both(vec![half.clone(), cron("0 0 6 * * *"), six]).fingerprint();
    assert_eq!(again.unwrap(), text);
    let other = Schedule {
        calendar: Calendar::new(Zone::UTC, vec!["06:00-22:00".parse().unwrap()], Vec::new()),
        jitter: Duration::from_secs(30),
        ..half.clone().into()
    };
    assert_eq!(other.fingerprint(), Schedule::from(half).fingerprint());
}

#[test]
fn wall_times_of_all_triggers_are_told_once() {
    let zone = Zone::named("Europe/Berlin").unwrap();
    let local = |text: &str| Trigger::Cron(Cron::parse(text).unwrap().in_zone(zone.clone()));
    let night = triggers(vec![
        local("30 2 * * *"),
        local("15,30 2 * * *"),
        every("1h", "0s"),
    ]);
    let end = at("2026-03-29T01:00:00Z");
    let walls: Vec<_> = night
        .stands_for(end)
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(walls, ["2026-03-29T02:15:00", "2026-03-29T02:30:00"]);
}

#[test]
fn what_is_excluded_is_passed_over() {
    let hours = |hours: &str| Schedule {
        calendar: Calendar::new(Zone::UTC, vec![hours.parse().unwrap()], Vec::new()),
        ..every("1s", "0s").into()
    };
    let office = hours("Mon-Fri 08:00-17:00");
    let friday = at("2026-05-01T16:59:59Z");
    assert_eq!(office.next_after(friday), Some(at("2026-05-01T17:00:00Z")));
    let monday = at("2026-05-04T08:00:00Z");
    assert_eq!(office.next_allowed_after(friday), Some(monday));
    assert_eq!(office.first_allowed_in(friday, monday), Some(monday));
    assert_eq!(office.first_allowed_in(friday, before(monday)), None);
    // None is found, and the search ends.
    let never = Schedule {
        triggers: cron("0 3 * * *").into(),
        ..hours("06:00-22:00")
    };
    assert_eq!(never.next_allowed_after(friday), None);
}

/// Frozen: a release that moved them would move the starts of everybody's jobs.
#[test]
fn jitter_is_frozen() {
    let name = |text: &str| JobName::new(text).unwrap();
    let daily = Schedule {
        jitter: Duration::from_secs(30),
        ..cron("0 6 * * *").into()
    };
    let cases = JITTER_VECTORS;
    for (job, nominal, starts) in cases {
        let found = daily.starts_at(&name(job), at(nominal)).to_string();
        assert_eq!(found, starts, "{job} {nominal}");
    }
}

const JITTER_VECTORS: [(&str, &str, &str); 4] = [
    ("a", "2026-05-01T06:00:00Z", "2026-05-01T06:00:13.914423Z"),
    ("a", "2026-05-02T06:00:00Z", "2026-05-02T06:00:13.384762Z"),
    ("b", "2026-05-01T06:00:00Z", "2026-05-01T06:00:16.362663Z"),
    (
        "a",
        "1969-12-31T06:00:00.000001Z",
        "1969-12-31T06:00:12.986321Z",
    ),
];

#[test]
fn jitter_ends_before_the_next_instant() {
    let name = JobName::new("a").unwrap();
    let dense = Schedule {
        jitter: Duration::from_secs(u64::MAX),
        ..every("2s", "0s").into()
    };
    let mut starts = BTreeSet::new();
    for n in 0..1_000 {
        let nominal = Timestamp::from_second(1_800_000_000 + 2 * n).unwrap();
        let at = dense.starts_at(&name, nominal);
        assert!(
            at >= nominal && at < nominal + Duration::from_secs(2),
            "{at}"
        );
        assert_eq!(at.subsec_nanosecond() % 1_000, 0);
        starts.insert(at.duration_since(nominal).as_millis() / 100);
    }
    // All over the two seconds.
    assert_eq!(starts.len(), 20);
    let last = Schedule {
        jitter: Duration::from_mins(1),
        ..instants(&["2026-05-01T00:00:00Z"]).into()
    };
    let nominal = at("2026-05-01T00:00:00Z");
    let put_off = last.starts_at(&name, nominal).duration_since(nominal);
    assert!(put_off.as_secs() < 60, "{put_off}");
    let none: Schedule = every("2s", "0s").into();
    assert_eq!(none.starts_at(&name, nominal), nominal);
    let end = last.starts_at(&name, Timestamp::MAX);
    assert_eq!(end, Timestamp::MAX);
}

fn schedule() -> impl Strategy<Value = Schedule> {
    let bound = || proptest::option::weighted(0.3, instant());
    (proptest::collection::vec(trigger(), 0..5), bound(), bound()).prop_map(|(list, start, end)| {
        Schedule {
            triggers: triggers(list),
            start,
            end,
            ..Schedule::default()
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    /// A schedule's answers are those of one heap into which every trigger throws its instants.
    #[test]
    fn a_schedule_is_the_union_of_its_triggers(schedule in schedule(), after in instant(), hours in 0..40i64, most in 1..60usize) {
        let through = after + jiff::SignedDuration::from_hours(hours);
        let mut heap = BTreeSet::new();
        for trigger in schedule.triggers.as_slice() {
            // A trigger of every second has too many to walk through.
            let walk = std::iter::successors(trigger.next_after(after), |t| trigger.next_after(*t));
            heap.extend(walk.take_while(|t| *t <= through).take(20_000));
            prop_assume!(trigger.count_in(after, through) < 20_000);
        }
        heap.retain(|t| schedule.start.is_none_or(|start| start <= *t) && schedule.end.is_none_or(|end| *t < end));
        prop_assert_eq!(schedule.next_after(after).filter(|t| *t <= through), heap.first().copied());
        prop_assert_eq!(schedule.latest_in(after, through), heap.last().copied());
        let count = schedule.count_in(after, through, usize::MAX);
        prop_assert_eq!((count.instants, count.through), (heap.len() as u64, through));
        let part = schedule.count_in(after, through, most);
        prop_assert_eq!(heap.range(..=part.through).count() as u64, part.instants);
        prop_assert!(part.through == through || part.instants > 0);
    }
}
