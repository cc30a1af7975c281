//! The search: which civil date-times match, by bitset and never by stepping.
//!
//! A [`Pattern`] holds one bit a value for each field. A question first decides
//! the day, month by month (a month's matching days are one 32-bit word), then
//! the time of day, which is independent of the day. It knows no zone and no
//! instant: it takes and gives civil date-times, and reads their whole seconds
//! only. It never looks outside [`FIRST_YEAR`] to [`LAST_YEAR`], so the longest
//! search ends after 2760 months.

use jiff::civil::{Date, DateTime, Time, date, time};

use super::month::{Month, Moving};

/// The first year an expression can name.
pub(in crate::schedule) const FIRST_YEAR: u32 = 1970;
/// The last year an expression can name.
pub(in crate::schedule) const LAST_YEAR: u32 = 2199;

/// The last second before the first year: the search's place "before all".
const BEFORE_ALL: DateTime = date(1969, 12, 31).at(23, 59, 59, 0);
/// The last second of the last year.
const LAST: DateTime = date(2199, 12, 31).at(23, 59, 59, 0);

pub(super) const ALL_DAYS: u64 = 0xffff_fffe;
pub(super) const ALL_WEEKDAYS: u64 = 0x7f;

/// The values each field matches, one bit a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::schedule) struct Pattern {
    pub(super) seconds: u64,
    pub(super) minutes: u64,
    pub(super) hours: u64,
    /// Bits 1 to 31.
    pub(super) days: u64,
    /// Bits 1 to 12.
    pub(super) months: u64,
    /// Bits 0 (Sunday) to 6.
    pub(super) weekdays: u64,
    /// What both day fields name besides, if they do.
    pub(super) moving: Option<Moving>,
    /// Whether a day must match both day fields, and not either.
    pub(super) both: bool,
    pub(super) years: Years,
}

/// The years of an expression, bit 0 of the first word standing for 1969, which
/// never matches: the search may stand before the first year.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Years([u64; 4]);

impl Pattern {
    /// The first match after the second that `wall` is in.
    pub(in crate::schedule) fn next_after(&self, wall: DateTime) -> Option<DateTime> {
        let wall = wall.clamp(BEFORE_ALL, LAST);
        if self.matches_day(wall.date())
            && let Some(time) = self.time_after(wall.time())
        {
            return Some(wall.date().to_datetime(time));
        }
        let day = self.day_after(wall.date())?;
        Some(day.to_datetime(self.first_time()))
    }

    /// The newest match that is not after the second that `wall` is in.
    pub(in crate::schedule) fn latest_at_or_before(&self, wall: DateTime) -> Option<DateTime> {
        let wall = wall.clamp(BEFORE_ALL, LAST);
        if self.matches_day(wall.date())
            && let Some(time) = self.time_at_or_before(wall.time())
        {
            return Some(wall.date().to_datetime(time));
        }
        let day = self.day_before(wall.date())?;
        Some(day.to_datetime(self.last_time()))
    }

    /// How many matches are after the second that `after` is in and not after
    /// the one that `through` is in; `after` is not later than `through`.
    pub(in crate::schedule) fn count_in(&self, after: DateTime, through: DateTime) -> u64 {
        let after = after.clamp(BEFORE_ALL, LAST);
        let through = through.clamp(BEFORE_ALL, LAST);
        let each_day = count(self.hours) * count(self.minutes) * count(self.seconds);
        let whole_days = each_day * self.days_between(after.date(), through.date());
        whole_days + self.count_on_day_through(through) - self.count_on_day_through(after)
    }

    /// Whether one of the day fields is enough: a field that matches every value
    /// is no restriction.
    pub(super) fn takes_either(&self) -> bool {
        !self.both && self.days != ALL_DAYS && self.weekdays != ALL_WEEKDAYS
    }

    /// Whether nothing matches in any year.
    pub(super) fn is_empty(&self) -> bool {
        self.next_after(BEFORE_ALL).is_none()
    }

    /// A day that each of the months has in each of the years.
    pub(super) fn days_in_shortest_month(&self) -> u32 {
        // 1970 is no leap year.
        (1..=12)
            .filter(|month| has(self.months, *month))
            .map(|month| {
                Month {
                    year: FIRST_YEAR,
                    month,
                }
                .length()
            })
            .min()
            .unwrap_or(28)
    }

    /// How many matches the day of `wall` has up to and including its second.
    fn count_on_day_through(&self, wall: DateTime) -> u64 {
        if !self.matches_day(wall.date()) {
            return 0;
        }
        let (hour, minute, second) = parts(wall.time());
        let mut minutes = count(self.hours & below(hour)) * count(self.minutes);
        let mut seconds = 0;
        if has(self.hours, hour) {
            minutes += count(self.minutes & below(minute));
            if has(self.minutes, minute) {
                seconds = count(self.seconds & !above(second));
            }
        }
        minutes * count(self.seconds) + seconds
    }

    /// How many days match from `first` up to but without `end`.
    fn days_between(&self, first: Date, end: Date) -> u64 {
        let (start, stop) = (Month::of(first), Month::of(end));
        // What the walk counts too much at both ends is taken off after it.
        let mut days = count(self.days_of(stop) & below(day(end)));
        let skipped = count(self.days_of(start) & below(day(first)));
        let mut month = Some(start);
        while let Some(here) = month.filter(|here| *here < stop) {
            days += count(self.days_of(here));
            month = self.month_after(here);
        }
        days - skipped
    }

    fn matches_day(&self, date: Date) -> bool {
        has(self.days_of(Month::of(date)), day(date))
    }

    fn day_after(&self, date: Date) -> Option<Date> {
        let mut month = Month::of(date);
        let mut days = self.days_of(month) & above(day(date));
        while days == 0 {
            month = self.month_after(month)?;
            days = self.days_of(month);
        }
        month.day(lowest(days))
    }

    fn day_before(&self, date: Date) -> Option<Date> {
        let mut month = Month::of(date);
        let mut days = self.days_of(month) & below(day(date));
        while days == 0 {
            month = self.month_before(month)?;
            days = self.days_of(month);
        }
        month.day(highest(days))
    }

    /// The matching days of one month, bits 1 to 31: the only place where the
    /// two day fields meet the calendar.
    fn days_of(&self, month: Month) -> u64 {
        if !has(self.months, month.month) || !self.years.has(month.year) {
            return 0;
        }
        // The week's seven bits six times over, from the month's first weekday on.
        let weeks = self.weekdays * 0x0008_1020_4081;
        let mut by_weekday = (weeks >> month.first_weekday()) << 1;
        let mut by_day = self.days;
        if let Some(moving) = &self.moving {
            by_day |= moving.days_of(month);
            by_weekday |= moving.weekdays_of(month);
        }
        let chosen = if self.takes_either() {
            by_day | by_weekday
        } else {
            by_day & by_weekday
        };
        chosen & ALL_DAYS & below(month.length() + 1)
    }

    /// The next month that may have matching days. A year that does not match
    /// is left at its end, and none is entered.
    fn month_after(&self, at: Month) -> Option<Month> {
        let later = self.months & above(at.month);
        if later != 0 {
            let month = lowest(later);
            return Some(Month { month, ..at });
        }
        let year = self.years.after(at.year)?;
        let month = lowest(self.months);
        Some(Month { year, month })
    }

    /// The last month before `at` that may have matching days.
    fn month_before(&self, at: Month) -> Option<Month> {
        let earlier = self.months & below(at.month);
        if earlier != 0 {
            let month = highest(earlier);
            return Some(Month { month, ..at });
        }
        let year = self.years.before(at.year)?;
        let month = highest(self.months);
        Some(Month { year, month })
    }

    fn time_after(&self, time: Time) -> Option<Time> {
        let (hour, minute, second) = parts(time);
        if has(self.hours, hour) {
            let seconds = self.seconds & above(second);
            if has(self.minutes, minute) && seconds != 0 {
                return Some(clock(hour, minute, lowest(seconds)));
            }
            let minutes = self.minutes & above(minute);
            if minutes != 0 {
                return Some(clock(hour, lowest(minutes), lowest(self.seconds)));
            }
        }
        let hours = self.hours & above(hour);
        (hours != 0).then(|| clock(lowest(hours), lowest(self.minutes), lowest(self.seconds)))
    }

    fn time_at_or_before(&self, time: Time) -> Option<Time> {
        let (hour, minute, second) = parts(time);
        if has(self.hours, hour) {
            let seconds = self.seconds & !above(second);
            if has(self.minutes, minute) && seconds != 0 {
                return Some(clock(hour, minute, highest(seconds)));
            }
            let minutes = self.minutes & below(minute);
            if minutes != 0 {
                return Some(clock(hour, highest(minutes), highest(self.seconds)));
            }
        }
        let hours = self.hours & below(hour);
        (hours != 0).then(|| clock(highest(hours), highest(self.minutes), highest(self.seconds)))
    }

    fn first_time(&self) -> Time {
        let (hours, minutes) = (lowest(self.hours), lowest(self.minutes));
        clock(hours, minutes, lowest(self.seconds))
    }

    fn last_time(&self) -> Time {
        let (hours, minutes) = (highest(self.hours), highest(self.minutes));
        clock(hours, minutes, highest(self.seconds))
    }
}

impl Years {
    /// Every year.
    pub(super) const ALL: Self = Self([!1, u64::MAX, u64::MAX, (1 << 39) - 1]);

    pub(super) fn insert(&mut self, year: u32) {
        let (word, bit) = Self::place(year);
        self.0[word] |= 1 << bit;
    }

    fn has(self, year: u32) -> bool {
        let (word, bit) = Self::place(year);
        has(self.0[word], bit)
    }

    fn after(self, year: u32) -> Option<u32> {
        let (mut word, bit) = Self::place(year);
        let mut bits = self.0[word] & above(bit);
        while bits == 0 {
            word += 1;
            bits = *self.0.get(word)?;
        }
        Some(Self::year(word, lowest(bits)))
    }

    fn before(self, year: u32) -> Option<u32> {
        let (mut word, bit) = Self::place(year);
        let mut bits = self.0[word] & below(bit);
        while bits == 0 {
            word = word.checked_sub(1)?;
            bits = self.0[word];
        }
        Some(Self::year(word, highest(bits)))
    }

    fn place(year: u32) -> (usize, u32) {
        let index = year - (FIRST_YEAR - 1);
        (index as usize / 64, index % 64)
    }

    fn year(word: usize, bit: u32) -> u32 {
        let words = u32::try_from(word).expect("there are four words");
        FIRST_YEAR - 1 + words * 64 + bit
    }
}

fn day(date: Date) -> u32 {
    u32::from(date.day().unsigned_abs())
}

/// Hour, minute and second.
fn parts(time: Time) -> (u32, u32, u32) {
    let [hour, minute, second] =
        [time.hour(), time.minute(), time.second()].map(|part| u32::from(part.unsigned_abs()));
    (hour, minute, second)
}

fn clock(hour: u32, minute: u32, second: u32) -> Time {
    time(small(hour), small(minute), small(second), 0)
}

pub(super) fn small(field: u32) -> i8 {
    i8::try_from(field).expect("a month, day, hour, minute or second is below 64")
}

pub(super) fn has(bits: u64, value: u32) -> bool {
    bits >> value & 1 == 1
}

/// All values greater than `value`, which is below 64.
fn above(value: u32) -> u64 {
    u64::MAX << value << 1
}

/// All values less than `value`, which is below 64.
fn below(value: u32) -> u64 {
    (1 << value) - 1
}

/// The lowest value of a set that is not empty.
fn lowest(bits: u64) -> u32 {
    bits.trailing_zeros()
}

/// The highest value of a set that is not empty.
fn highest(bits: u64) -> u32 {
    bits.ilog2()
}

fn count(bits: u64) -> u64 {
    u64::from(bits.count_ones())
}
