//! Where the calendar meets the clocks on the walls: a pure function of expression, zone and instant.
//!
//! Twice a year the clocks of many places jump, and a line such as `30 2 * * *` names a time that
//! does not exist, or exists twice. What that means depends on how the line was written:
//!
//! - A *fixed* expression names times of the day. Each wall time is due at the first instant at which
//!   the wall clock **has reached** it. So a time in a gap is due when the gap ends, all times in one
//!   gap are due once, and a time that comes twice is due the first time.
//! - An *interval-like* one (its minute or hour begins with `*` or `H/`) names a rhythm. It is due
//!   whenever the wall clock **shows** a matching time: twice where it comes twice, and never in a gap.
//!
//! What the wall clock has reached never goes back ([`Zone::reached`]), and that is the whole proof
//! that fixed occurrences are in order and that `next_after` moves on. Every walk here goes over the
//! periods of a zone, of which there are a few hundred, in one direction.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

use super::cron::Pattern;
use super::zone::{FAR_OFF, LONG_AGO, Zone};

/// A pattern, read on the clocks of a zone.
pub(super) struct Clocks<'a> {
    pub(super) pattern: &'a Pattern,
    pub(super) zone: &'a Zone,
    /// Whether it names a rhythm and not times of the day.
    pub(super) interval_like: bool,
}

/// Times of the day of one expression that one transition hits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crowd {
    /// When the clocks jump.
    pub at: Timestamp,
    /// Which way.
    pub jump: Jump,
    /// How many there are.
    pub count: u64,
    /// The first of them.
    pub first: DateTime,
    /// The last of them.
    pub last: DateTime,
}

/// Which way clocks jump.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Jump {
    /// Over times that do not exist then, all of which are due at once.
    Forward,
    /// To times that have been already, which are not due again.
    Back,
}

impl Clocks<'_> {
    /// The first instant strictly after `t`.
    pub(super) fn next_after(&self, t: Timestamp) -> Option<Timestamp> {
        let t = second(t);
        let next = if self.interval_like {
            self.next_shown(t)
        } else {
            let wall = self.match_after(self.zone.reached(t));
            wall.map(|wall| self.zone.reaches(wall))
        };
        next.and_then(instant)
    }

    /// The newest instant at or before `t`.
    pub(super) fn latest_at_or_before(&self, t: Timestamp) -> Option<Timestamp> {
        let t = second(t);
        let latest = if self.interval_like {
            self.latest_shown(t)
        } else {
            let wall = self.match_at_or_before(self.zone.reached(t));
            wall.map(|wall| self.zone.reaches(wall))
        };
        latest.and_then(instant)
    }

    /// How many instants `(after, through]` holds; `after` is not later than `through`.
    pub(super) fn count_in(&self, after: Timestamp, through: Timestamp) -> u64 {
        let (after, through) = (second(after), second(through));
        if self.interval_like {
            self.count_shown(after, through)
        } else {
            self.count_reached(after, through)
        }
    }

    /// The wall times in the gap that ends at `t`, all of which are due at `t`; none if it is
    /// interval-like, or if no gap ends there.
    pub(super) fn stands_for(&self, t: Timestamp) -> impl Iterator<Item = DateTime> {
        let gap = self.zone.gap_before(second(t));
        gap.filter(|_| !self.interval_like)
            .into_iter()
            .flat_map(|(first, shown)| {
                std::iter::successors(self.match_after(first - 1), |wall| self.match_after(*wall))
                    .take_while(move |wall| *wall < shown)
            })
            .map(civil)
    }

    /// The first transition in `(after, through]` that hits more than one time of
    /// the day; none for a rhythm.
    pub(super) fn crowd_in(&self, after: Timestamp, through: Timestamp) -> Option<Crowd> {
        if self.interval_like {
            return None;
        }
        let (from, to) = (second(after), second(through).max(second(after)));
        let (from, to) = (self.zone.period_at(from), self.zone.period_at(to));
        self.zone.periods()[from + 1..=to]
            .iter()
            .find_map(|period| {
                let shown = period.start + period.offset;
                let (begin, end) = (shown.min(period.high), shown.max(period.high));
                let count = self.matches_in(begin - 1, end - 1);
                (count > 1).then_some(Crowd {
                    at: instant(period.start)?,
                    jump: if period.high < shown {
                        Jump::Forward
                    } else {
                        Jump::Back
                    },
                    count,
                    first: civil(self.match_after(begin - 1)?),
                    last: civil(self.match_at_or_before(end - 1)?),
                })
            })
    }

    fn next_shown(&self, t: i64) -> Option<i64> {
        let first = self.zone.period_at(t);
        let periods = self.zone.periods();
        // Nothing matches between `from` and `found`.
        let mut from = t + periods[first].offset;
        let mut found = self.match_after(from).unwrap_or(FAR_OFF);
        for (n, period) in periods.iter().enumerate().skip(first) {
            let begin = period.start + period.offset;
            if n > first && (begin <= from || found < begin) {
                from = begin - 1;
                found = self.match_after(from).unwrap_or(FAR_OFF);
            }
            if found < self.zone.end_of(n).saturating_add(period.offset) && found != FAR_OFF {
                return Some(found - period.offset);
            }
        }
        None
    }

    fn latest_shown(&self, t: i64) -> Option<i64> {
        let last = self.zone.period_at(t);
        let periods = self.zone.periods();
        // Nothing matches between `found` and `to`.
        let mut to = t + periods[last].offset;
        let mut found = self.match_at_or_before(to).unwrap_or(i64::MIN);
        for (n, period) in periods.iter().enumerate().take(last + 1).rev() {
            let end = self.zone.end_of(n).saturating_add(period.offset) - 1;
            if n < last && (end > to || found > end) {
                to = end;
                found = self.match_at_or_before(to).unwrap_or(i64::MIN);
            }
            if found >= period.start + period.offset {
                return Some(found - period.offset);
            }
        }
        None
    }

    fn count_shown(&self, after: i64, through: i64) -> u64 {
        let (first, last) = (self.zone.period_at(after), self.zone.period_at(through));
        (first..=last)
            .map(|n| {
                let period = self.zone.periods()[n];
                let from = after.max(period.start - 1) + period.offset;
                let to = through.min(self.zone.end_of(n) - 1) + period.offset;
                self.matches_in(from, to)
            })
            .sum()
    }

    fn count_reached(&self, after: i64, through: i64) -> u64 {
        let walls = self.matches_in(self.zone.reached(after), self.zone.reached(through));
        let periods = self.zone.periods();
        let (first, last) = (self.zone.period_at(after), self.zone.period_at(through));
        // The wall times of a gap, and that at its end, are one instant.
        let merged = periods[first + 1..=last].iter().map(|period| {
            let shown = period.start + period.offset;
            if period.high > shown {
                return 0;
            }
            self.matches_in(period.high - 1, shown).saturating_sub(1)
        });
        walls - merged.sum::<u64>()
    }

    fn match_after(&self, wall: i64) -> Option<i64> {
        self.pattern.next_after(civil(wall)).map(wall_second)
    }

    fn match_at_or_before(&self, wall: i64) -> Option<i64> {
        let latest = self.pattern.latest_at_or_before(civil(wall));
        latest.map(wall_second)
    }

    /// How many wall times match in `(after, through]`.
    fn matches_in(&self, after: i64, through: i64) -> u64 {
        if through <= after {
            return 0;
        }
        self.pattern.count_in(civil(after), civil(through))
    }
}

impl Zone {
    /// The gap that ends at a second: the first wall second in it, and the one that the clock shows
    /// at its end.
    fn gap_before(&self, end: i64) -> Option<(i64, i64)> {
        let period = self.periods()[self.period_at(end)];
        let shown = period.start + period.offset;
        (period.start == end && period.high < shown && end > LONG_AGO)
            .then_some((period.high, shown))
    }
}

/// The second that `t` is in.
pub(super) fn second(t: Timestamp) -> i64 {
    // Before 1970 the fraction is negative.
    t.as_second() - i64::from(t.subsec_nanosecond() < 0)
}

fn instant(second: i64) -> Option<Timestamp> {
    Timestamp::from_second(second).ok()
}

/// A wall clock's second as date and time; beyond the ends of time, their ends.
fn civil(wall: i64) -> DateTime {
    let wall = wall.clamp(Timestamp::MIN.as_second(), Timestamp::MAX.as_second());
    let wall = Timestamp::from_second(wall).unwrap_or(Timestamp::UNIX_EPOCH);
    Offset::UTC.to_datetime(wall)
}

pub(super) fn wall_second(wall: DateTime) -> i64 {
    let second = Offset::UTC.to_timestamp(wall);
    second.map_or(FAR_OFF, Timestamp::as_second)
}
