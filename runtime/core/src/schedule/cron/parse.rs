//! From text to a [`Cron`]: macros, the number of fields, and the check that
//! the whole names an instant.

use std::ops::Range;

use super::super::zone::Zone;
use super::error::CronError;
use super::field::{DAY_OF_MONTH, DAY_OF_WEEK, Field, HOUR, MINUTE, MONTH, SECOND, YEAR};
use super::item::Item;
use super::month::Moving;
use super::search::{ALL_DAYS, ALL_WEEKDAYS, Pattern, Years};
use super::{Cron, foreign};

/// A part of the expression that knows where it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece<'a> {
    /// The byte it begins at.
    pub(super) at: usize,
    pub(super) text: &'a str,
}

/// The seven fields, whichever were written.
pub(super) struct Fields<'a> {
    pub(super) second: Piece<'a>,
    pub(super) minute: Piece<'a>,
    pub(super) hour: Piece<'a>,
    pub(super) day: Piece<'a>,
    pub(super) month: Piece<'a>,
    pub(super) weekday: Piece<'a>,
    /// Whether there is a `+` before the day-of-week.
    pub(super) both: bool,
    pub(super) year: Piece<'a>,
}

/// Reads an expression; `H` stands for what it stands for in `job`.
pub(super) fn parse(expression: &str, job: Option<&str>) -> Result<Cron, CronError> {
    let is_sound = |text: &str| read_text(text, job).is_ok();
    read_text(expression, job).map_err(|error| foreign::explained(expression, error, is_sound))
}

fn read_text(expression: &str, job: Option<&str>) -> Result<Cron, CronError> {
    let written = pieces(expression);
    let Some(first) = written.first() else {
        return Err(CronError::empty(expression));
    };
    if first.text.starts_with('@') {
        read(&pieces(expand(&written)?), &written, job)
    } else {
        read(&written, &written, job)
    }
}

/// The fields that an expression has, if it has the right number of them.
pub(super) fn fields<'a>(written: &[Piece<'a>]) -> Result<Fields<'a>, CronError> {
    Fields::assign(written)
}

/// The expression that a macro stands for.
fn expand(written: &[Piece<'_>]) -> Result<&'static str, CronError> {
    let name = &written[0];
    let expression = match name.text.to_ascii_lowercase().as_str() {
        "@hourly" => "0 * * * *",
        "@daily" | "@midnight" => "0 0 * * *",
        "@weekly" => "0 0 * * 0",
        "@monthly" => "0 0 1 * *",
        "@yearly" | "@annually" => "0 0 1 1 *",
        "@reboot" => return Err(CronError::reboot(name)),
        _ => return Err(CronError::unknown_macro(name)),
    };
    if written.len() > 1 {
        return Err(CronError::fields_after_macro(written));
    }
    Ok(expression)
}

/// The fields in `full`, which `written` stands for.
fn read(full: &[Piece<'_>], written: &[Piece<'_>], job: Option<&str>) -> Result<Cron, CronError> {
    let fields = Fields::assign(full)?;
    let mut reader = Reader {
        job,
        canonical: String::with_capacity(32),
        moving: Moving::default(),
    };
    let seconds = reader.bits(&SECOND, &fields.second)?;
    let minutes = reader.bits(&MINUTE, &fields.minute)?;
    let hours = reader.bits(&HOUR, &fields.hour)?;
    let days = reader.bits(&DAY_OF_MONTH, &fields.day)?;
    let months = reader.bits(&MONTH, &fields.month)?;
    if fields.both {
        reader.canonical.push('+');
    }
    let weekdays = reader.bits(&DAY_OF_WEEK, &fields.weekday)?;
    let years = reader.years(&fields.year)?;
    let Reader {
        canonical, moving, ..
    } = reader;
    let pattern = Pattern {
        seconds,
        minutes,
        hours,
        days,
        months,
        weekdays,
        moving: (moving != Moving::default()).then_some(moving),
        both: fields.both,
        years,
    };
    if pattern.is_empty() {
        return Err(never(full, &fields, &pattern));
    }
    Ok(Cron {
        text: join(written),
        canonical,
        pattern,
        interval_like: fields.is_interval_like(),
        zone: Zone::UTC,
    })
}

/// What is read of the fields, one after the other.
struct Reader<'a> {
    job: Option<&'a str>,
    canonical: String,
    moving: Moving,
}

impl Reader<'_> {
    fn bits(&mut self, field: &Field, list: &Piece<'_>) -> Result<u64, CronError> {
        let (mut bits, moving) = (0, &mut self.moving);
        field.parse(list, self.job, &mut self.canonical, |item| match item {
            Item::Values(values) => bits |= values.bits(),
            Item::FromEnd(before) => moving.from_end |= 1 << before,
            Item::Near(day) => moving.near |= 1 << day,
            Item::LastWorkday => moving.last_workday = true,
            Item::Last(weekday) => moving.last |= 1 << weekday,
            Item::Nth(weekday, nth) => moving.nth[nth as usize - 1] |= 1 << weekday,
        })?;
        self.canonical.push(' ');
        Ok(bits)
    }

    fn years(&mut self, list: &Piece<'_>) -> Result<Years, CronError> {
        if list.text == "*" {
            self.canonical.push('*');
            return Ok(Years::ALL);
        }
        let mut years = Years::default();
        YEAR.parse(list, self.job, &mut self.canonical, |item| {
            if let Item::Values(values) = item {
                values.iter().for_each(|year| years.insert(year));
            }
        })?;
        Ok(years)
    }
}

/// Only days that the months (and years) lack leave nothing. What to write
/// instead is known where one of them is at fault.
fn never(written: &[Piece<'_>], fields: &Fields<'_>, pattern: &Pattern) -> CronError {
    let weekday_counts = pattern.weekdays != ALL_WEEKDAYS;
    let last = match written.len() {
        7 => &fields.year,
        _ if weekday_counts => &fields.weekday,
        _ => &fields.month,
    };
    let first = if pattern.days == ALL_DAYS {
        &fields.month
    } else {
        &fields.day
    };
    let error = CronError::never(first.at..last.span().end);
    let either = Pattern {
        both: false,
        ..pattern.clone()
    };
    if fields.both && !either.is_empty() {
        return error.help("leave out the `+` if one of the two day fields is enough");
    }
    if weekday_counts {
        return error;
    }
    let day = pattern.days_in_shortest_month().to_string();
    let with_day: Vec<&str> = written
        .iter()
        .map(|field| {
            if field.at == fields.day.at {
                day.as_str()
            } else {
                field.text
            }
        })
        .collect();
    error.help(format!("write `{}`", with_day.join(" ")))
}

impl<'a> Fields<'a> {
    /// Which field each of the pieces is.
    fn assign(written: &[Piece<'a>]) -> Result<Self, CronError> {
        let left_out = |text| Piece { at: 0, text };
        let (second, rest, year) = match *written {
            [minute, hour, day, month, weekday] => (
                left_out("0"),
                [minute, hour, day, month, weekday],
                left_out("*"),
            ),
            [second, minute, hour, day, month, weekday] => {
                (second, [minute, hour, day, month, weekday], left_out("*"))
            }
            [second, minute, hour, day, month, weekday, year] => {
                (second, [minute, hour, day, month, weekday], year)
            }
            [_, _, _, _, _, _, _, _, ..] => return Err(CronError::too_many_fields(written, 7)),
            _ => return Err(CronError::too_few_fields(written)),
        };
        let [minute, hour, day, month, written] = rest;
        let weekday = written.without_prefix('+');
        if weekday.is_some_and(|weekday| weekday.text.is_empty()) {
            return Err(CronError::lonely_plus(&written));
        }
        let both = weekday.is_some();
        let weekday = weekday.unwrap_or(written);
        Ok(Self {
            second,
            minute,
            hour,
            day,
            month,
            weekday,
            both,
            year,
        })
    }

    /// Whether the minute or the hour begins with `*` or `H/`. The second does
    /// not count: `*/15 30 2 * * *` names a time of the day.
    fn is_interval_like(&self) -> bool {
        [self.minute, self.hour].iter().any(|field| {
            let text = field.text.as_bytes();
            matches!(text, [b'*', ..] | [b'H' | b'h', b'/', ..])
        })
    }
}

impl Piece<'_> {
    pub(super) fn span(&self) -> Range<usize> {
        self.at..self.at + self.text.len()
    }

    /// From the first piece to the end of the last.
    pub(super) fn cover(pieces: &[Self]) -> Range<usize> {
        match pieces {
            [first, .., last] => first.at..last.span().end,
            [only] => only.span(),
            [] => 0..0,
        }
    }

    /// The pieces between separators, which are one byte long.
    pub(super) fn split(self, separator: char) -> impl Iterator<Item = Self> {
        let mut at = self.at;
        self.text.split(separator).map(move |text| {
            let piece = Self { at, text };
            at += text.len() + 1;
            piece
        })
    }

    /// What is before the first separator, and what is after it if there is one.
    pub(super) fn cut(self, separator: char) -> (Self, Option<Self>) {
        match self.text.split_once(separator) {
            None => (self, None),
            Some((before, text)) => {
                let at = self.at + before.len() + 1;
                (
                    Self {
                        text: before,
                        ..self
                    },
                    Some(Self { at, text }),
                )
            }
        }
    }

    /// What is after a letter, in either case, if it begins with it.
    pub(super) fn without_prefix(self, letter: char) -> Option<Self> {
        let first = self.text.chars().next()?;
        first.eq_ignore_ascii_case(&letter).then(|| Self {
            at: self.at + first.len_utf8(),
            text: &self.text[first.len_utf8()..],
        })
    }

    /// What is before a letter, in either case, if it ends with it.
    pub(super) fn without_suffix(self, letter: char) -> Option<Self> {
        let last = self.text.chars().next_back()?;
        last.eq_ignore_ascii_case(&letter).then(|| Self {
            text: &self.text[..self.text.len() - last.len_utf8()],
            ..self
        })
    }

    /// Its value if it is digits and nothing else. A number too large to hold
    /// becomes the largest, which is beyond every field.
    pub(super) fn number(&self) -> Option<u32> {
        let digits = !self.text.is_empty() && self.text.bytes().all(|b| b.is_ascii_digit());
        digits.then(|| self.text.parse().unwrap_or(u32::MAX))
    }
}

/// What blanks, tabs and line ends separate.
pub(super) fn pieces(expression: &str) -> Vec<Piece<'_>> {
    let mut at = 0;
    expression
        .split(|c: char| c.is_ascii_whitespace())
        .map(|text| {
            let piece = Piece { at, text };
            at += text.len() + 1;
            piece
        })
        .filter(|piece| !piece.text.is_empty())
        .collect()
}

pub(super) fn join(pieces: &[Piece<'_>]) -> String {
    let texts: Vec<&str> = pieces.iter().map(|piece| piece.text).collect();
    texts.join(" ")
}
