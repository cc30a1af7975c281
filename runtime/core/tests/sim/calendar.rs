//! Calendars: whoever writes them, and a reading of them that shares no code with the engine.

use cronlet_core::{
    run::SkipReason,
    schedule::{ActiveHours, Blackout, Calendar, Zone},
};
use jiff::{SignedDuration, Timestamp, civil::DateTime};

use crate::{options::Millis, oracle, prng::Prng};

const MINUTES: u64 = 24 * 60;

/// A calendar in which something of the time from `epoch` on is excluded, and something is not.
pub(crate) fn write(rng: &mut Prng, zone: &Zone, epoch: Timestamp, length: Millis) -> Calendar {
    let begin = oracle::wall(zone, epoch);
    let kind = rng.below(4);
    let hours = if kind == 0 { 0 } else { rng.between(1, 3) };
    let blackouts = if kind == 1 { 0 } else { rng.between(1, 3) };
    let hours = (0..hours).map(|_| active_hours(rng, begin, length));
    let hours = hours.collect();
    let blackouts = (0..blackouts).map(|_| blackout(rng, begin, length));
    Calendar::new(zone.clone(), hours, blackouts.collect())
}

fn active_hours(rng: &mut Prng, begin: DateTime, length: Millis) -> ActiveHours {
    let span = (length / 60_000).clamp(3, MINUTES - 1);
    let clock = |minute: u64| {
        let minute = minute % MINUTES;
        format!("{:02}:{:02}", minute / 60, minute % 60)
    };
    let now = u64::try_from(minute(begin)).expect("it is not negative");
    let from = now + rng.below(span);
    let to = from + rng.between(1, span);
    let days = rng.one_of(["", "", "", "Mon-Fri ", "Sun,Sat ", "Sat-Mon ", "Fri,Thu "]);
    let text = format!("{days}{}-{}", clock(from), clock(to));
    text.parse().expect("these are hours")
}

fn blackout(rng: &mut Prng, begin: DateTime, length: Millis) -> Blackout {
    if rng.percent(10) {
        let day = begin.date().tomorrow().expect("there is another day");
        return day.to_string().parse().expect("it is a day");
    }
    let seconds = |n: u64| SignedDuration::from_secs(i64::try_from(n).expect("it is small"));
    let length = length / 1_000;
    let from = begin + seconds(rng.below(length));
    let to = from + seconds(rng.between(1, 1 + length / 3));
    let text = format!("{from:.0}..{to:.0}");
    text.parse().expect("it is a blackout")
}

/// Why an instant does not run: its second is looked up in each entry.
pub(crate) fn excludes(calendar: &Calendar, at: Timestamp) -> Option<SkipReason> {
    let wall = oracle::wall(calendar.zone(), at);
    let dark = |span: &Blackout| span.from() <= wall && span.to().is_none_or(|to| wall < to);
    if calendar.blackouts().iter().any(dark) {
        return Some(SkipReason::Blackout);
    }
    let today = day(wall);
    let yesterday = (today + 6) % 7;
    let minute = minute(wall);
    let open = |hours: &ActiveHours| {
        let (from, to) = (hours.from(), hours.to());
        if from < to {
            hours.begin_on(today) && from <= minute && minute < to
        } else {
            hours.begin_on(today) && from <= minute || hours.begin_on(yesterday) && minute < to
        }
    };
    let hours = calendar.active_hours();
    (!hours.is_empty() && !hours.iter().any(open)).then_some(SkipReason::OutsideHours)
}

fn minute(wall: DateTime) -> i64 {
    i64::from(wall.hour()) * 60 + i64::from(wall.minute())
}

/// Monday is 0.
fn day(wall: DateTime) -> u8 {
    let day = wall.weekday().to_monday_zero_offset();
    u8::try_from(day).expect("it is a day of the week")
}
