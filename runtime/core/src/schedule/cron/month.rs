//! The calendar: how long a month is, on which weekday it begins, and which of
//! its days are the last Friday or the working day nearest to the 15th.

use jiff::civil::Date;

use super::search::{has, small};

/// A month of a year, the step of every search for a day.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Month {
    pub(super) year: u32,
    /// 1 to 12.
    pub(super) month: u32,
}

/// Days that each month has elsewhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Moving {
    /// `L-n`: bit n is the day n days before the last; bit 0 is `L`.
    pub(super) from_end: u32,
    /// `nW`: bits 1 to 31 are the days that a working day is to be near to.
    pub(super) near: u32,
    /// `LW`.
    pub(super) last_workday: bool,
    /// `nL`: bits 0 (Sunday) to 6 are the weekdays whose last one it is.
    pub(super) last: u32,
    /// `n#k`: for each k from 1, the weekdays whose kth one it is.
    pub(super) nth: [u32; 5],
}

/// Saturday and Sunday, by number.
const SATURDAY: u32 = 6;
const SUNDAY: u32 = 0;

impl Month {
    pub(super) fn of(date: Date) -> Self {
        Self {
            year: u32::from(date.year().unsigned_abs()),
            month: u32::from(date.month().unsigned_abs()),
        }
    }

    pub(super) fn day(self, day: u32) -> Option<Date> {
        let year = i16::try_from(self.year).expect("a year ends at 2199");
        Date::new(year, small(self.month), small(day)).ok()
    }

    pub(super) fn length(self) -> u32 {
        match self.month {
            2 if self.is_in_leap_year() => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        }
    }

    fn is_in_leap_year(self) -> bool {
        let year = self.year;
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    }

    /// The weekday of day 1, Sunday being 0 (Sakamoto's congruence: a year is
    /// counted from March, so that a leap day is at its end).
    pub(super) fn first_weekday(self) -> u32 {
        const SHIFT: [u32; 12] = [0, 3, 2, 5, 0, 3, 5, 1, 4, 6, 2, 4];
        let year = self.year - u32::from(self.month < 3);
        (year + year / 4 - year / 100 + year / 400 + SHIFT[self.month as usize - 1] + 1) % 7
    }

    fn weekday(self, day: u32) -> u32 {
        (self.first_weekday() + day - 1) % 7
    }

    /// The working day nearest to `day`, which the month has, within the month.
    fn workday(self, day: u32) -> u32 {
        match self.weekday(day) {
            SATURDAY if day == 1 => 3,
            SATURDAY => day - 1,
            SUNDAY if day == self.length() => day - 2,
            SUNDAY => day + 1,
            _ => day,
        }
    }

    fn last_workday(self) -> u32 {
        let last = self.length();
        match self.weekday(last) {
            SATURDAY => last - 1,
            SUNDAY => last - 2,
            _ => last,
        }
    }
}

impl Moving {
    /// The days of `month` that the day-of-month field names, bits 1 to 31.
    pub(super) fn days_of(&self, month: Month) -> u64 {
        let length = month.length();
        let mut days = 0;
        for before in ones(self.from_end).filter(|before| *before < length) {
            days |= 1 << (length - before);
        }
        for day in ones(self.near).filter(|day| *day <= length) {
            days |= 1 << month.workday(day);
        }
        if self.last_workday {
            days |= 1 << month.last_workday();
        }
        days
    }

    /// The days of `month` that the day-of-week field names, bits 1 to 31.
    pub(super) fn weekdays_of(&self, month: Month) -> u64 {
        let (first, length) = (month.first_weekday(), month.length());
        // The first day of the month that is this day of the week.
        let first_of = |weekday: u32| 1 + (weekday + 7 - first) % 7;
        let mut days = 0;
        for weekday in ones(self.last) {
            let first = first_of(weekday);
            days |= 1 << (first + (length - first) / 7 * 7);
        }
        for (week, weekdays) in (0..).zip(self.nth) {
            for weekday in ones(weekdays) {
                let day = first_of(weekday) + week * 7;
                if day <= length {
                    days |= 1 << day;
                }
            }
        }
        days
    }
}

/// The values of a set.
fn ones(bits: u32) -> impl Iterator<Item = u32> {
    (0..u32::BITS).filter(move |value| has(bits.into(), *value))
}
