//! Active hours: `06:00-22:00`, `Mon-Fri 06:00-22:00`, `Fri,Sat 22:00-02:00`.

use std::{fmt, str::FromStr};

use super::{CalendarError, DAY, WEEK, foreign};

/// Hours of some days of the week. Those that go on after midnight belong to the day they begin on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActiveHours {
    /// One bit a day; Monday is the first.
    days: u8,
    /// The first minute of the day.
    from: i64,
    /// The minute after the last; one that is not later than the first is of the next day.
    to: i64,
}

const EVERY_DAY: u8 = 0x7f;
const MINUTES: i64 = 24 * 60;

const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const LONG_DAYS: [&str; 7] = [
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
];

impl ActiveHours {
    /// Whether they begin on a day; Monday is 0.
    pub fn begin_on(&self, day: u8) -> bool {
        day < 7 && self.days >> day & 1 == 1
    }

    /// The minute of the day at which they begin.
    pub fn from(&self) -> i64 {
        self.from
    }

    /// The minute of the day at which they end; at or before [`ActiveHours::from`] it is one of the next
    /// day. 1440 is midnight.
    pub fn to(&self) -> i64 {
        self.to
    }

    /// In seconds of a week that begins on Monday. What goes on after Sunday is at the beginning.
    pub(super) fn of_the_week(&self) -> Vec<(i64, i64)> {
        let next_day = if self.to <= self.from { DAY } else { 0 };
        let days = (0..7).filter(|day| self.begin_on(*day));
        let spans = days.map(|day| {
            let midnight = i64::from(day) * DAY;
            (
                midnight + self.from * 60,
                midnight + next_day + self.to * 60,
            )
        });
        let mut parts = Vec::new();
        for (from, to) in spans {
            parts.push((from, to.min(WEEK)));
            if to > WEEK {
                parts.push((0, to - WEEK));
            }
        }
        parts
    }
}

impl FromStr for ActiveHours {
    type Err = CalendarError;

    fn from_str(text: &str) -> Result<Self, CalendarError> {
        Self::read(text).map_err(|error| foreign::hours(text, error))
    }
}

impl ActiveHours {
    /// Without advice on what may have been meant.
    pub(super) fn read(text: &str) -> Result<Self, CalendarError> {
        let words = words(text);
        let (days, (at, hours)) = match words[..] {
            [hours] => (EVERY_DAY, hours),
            [(at, days), hours] => (self::days(at, days)?, hours),
            _ => return Err(not_hours(text)),
        };
        let range = hours.split_once('-');
        let Some((from, to)) = range.filter(|_| self::days(at, hours).is_err()) else {
            return Err(no_range(text, at, hours));
        };
        let second = at + from.len() + 1;
        let from = minute(at, from)?;
        let to = minute(second, to)?;
        if from == MINUTES {
            let error = CalendarError::new(
                at..at + 5,
                "a day has no hour 24 to begin with",
                "expected at most 23:59",
            );
            return Err(error.help("write `00:00` for the midnight at which a day begins"));
        }
        if from == to {
            let message = format!("active hours `{text}` hold no time");
            let error =
                CalendarError::new(at..at + hours.len(), message, "they end when they begin");
            return Err(error.help("write `00:00-24:00` for the whole day"));
        }
        Ok(Self { days, from, to })
    }
}

/// `Mon-Fri`, `Sat,Sun`, `Fri-Mon`.
fn days(at: usize, names: &str) -> Result<u8, CalendarError> {
    let mut days = 0u8;
    let mut at = at;
    for item in names.split(',') {
        let (first, last) = item.split_once('-').unwrap_or((item, item));
        let from = day(at, first)?;
        let to = day(at + item.len() - last.len(), last)?;
        let mut next = from;
        while next != to {
            days |= 1 << next;
            next = (next + 1) % 7;
        }
        days |= 1 << to;
        at += item.len() + 1;
    }
    Ok(days)
}

fn day(at: usize, name: &str) -> Result<usize, CalendarError> {
    let given = DAYS.iter().position(|day| day.eq_ignore_ascii_case(name));
    if let Some(day) = given {
        return Ok(day);
    }
    let error = CalendarError::new(
        at..at + name.len(),
        format!("`{name}` is not a day of the week"),
        "expected Mon, Tue, Wed, Thu, Fri, Sat or Sun",
    );
    Err(match short(name) {
        Some(day) => error.help(format!("write `{day}`")),
        None if name.is_empty() => error.help("write days such as `Mon-Fri` or `Sat,Sun`"),
        None => error.help("write hours such as `Mon-Fri 06:00-22:00`"),
    })
}

/// The day that a name in any case begins with or is the beginning of, as it is to be written.
pub(super) fn short(name: &str) -> Option<&'static str> {
    let lower = name.to_lowercase();
    let meant = LONG_DAYS.iter().position(|day| {
        name.len() > 1 && (day.starts_with(&lower) || lower.starts_with(&day[..3]))
    });
    meant.map(|day| DAYS[day])
}

/// `06:00`: two digits and two digits, up to `24:00`.
fn minute(at: usize, time: &str) -> Result<i64, CalendarError> {
    let error = |message: &str, label: &str| {
        CalendarError::new(at..at + time.len(), format!("`{time}` {message}"), label)
    };
    let number = |text: &str| {
        let digits = (1..=2).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        text.parse::<i64>().ok().filter(|_| digits)
    };
    let (hour, minute) = time.split_once(':').unwrap_or((time, "00"));
    let Some((h, m)) = number(hour).zip(number(minute)) else {
        return Err(
            error("is not a time of the day", "expected hours and minutes")
                .help("write it as `06:00`, from `00:00` to `24:00`"),
        );
    };
    if h * 60 + m > MINUTES || m > 59 {
        return Err(error("is not a time of the day", "expected at most 24:00")
            .help("write a time from `00:00` to `24:00`"));
    }
    if hour.len() < 2 || minute.len() < 2 || !time.contains(':') {
        return Err(error(
            "is not written as hours and minutes",
            "expected two digits for each",
        )
        .help(format!("write `{h:02}:{m:02}`")));
    }
    Ok(h * 60 + m)
}

/// A text with days only, or with one time.
fn no_range(text: &str, at: usize, hours: &str) -> CalendarError {
    let whole_days = days(at, hours).is_ok();
    let error = CalendarError::new(
        at..at + hours.len(),
        format!("active hours `{text}` have no beginning and end"),
        "expected hours such as 06:00-22:00",
    );
    if whole_days {
        return error.help(format!("write `{hours} 00:00-24:00` for whole days"));
    }
    error.help("write `06:00-22:00`, or `Mon-Fri 06:00-22:00`")
}

fn not_hours(text: &str) -> CalendarError {
    let error = CalendarError::new(
        0..text.len(),
        format!("`{text}` are no active hours"),
        "expected days, a blank, and hours",
    );
    error.help("write `06:00-22:00`, or `Mon-Fri 06:00-22:00`")
}

/// The words of a text, and where they are.
fn words(text: &str) -> Vec<(usize, &str)> {
    let place = |word: &str| word.as_ptr() as usize - text.as_ptr() as usize;
    let words = text.split_whitespace();
    words.map(|word| (place(word), word)).collect()
}

/// `Mon,Tue 06:00-22:00`; without days if they are all.
impl fmt::Display for ActiveHours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.days != EVERY_DAY {
            let days = (0..7u8).zip(DAYS).filter(|(day, _)| self.begin_on(*day));
            let names: Vec<_> = days.map(|(_, name)| name).collect();
            write!(f, "{} ", names.join(","))?;
        }
        let clock = |minute: i64| format!("{:02}:{:02}", minute / 60, minute % 60);
        write!(f, "{}-{}", clock(self.from), clock(self.to))
    }
}
