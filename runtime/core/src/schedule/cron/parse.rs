//! From text to a [`Cron`]: macros, the number of fields, and the check that
//! the whole names an instant.

use std::ops::Range;

use super::super::zone::Zone;
use super::Cron;
use super::error::CronError;
use super::field::{DAY_OF_MONTH, DAY_OF_WEEK, Field, HOUR, Item, MINUTE, MONTH, SECOND, YEAR};
use super::search::{Pattern, Years};

/// A part of the expression that knows where it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece<'a> {
    /// The byte it begins at.
    pub(super) at: usize,
    pub(super) text: &'a str,
}

/// The seven fields, whichever were written.
struct Fields<'a> {
    second: Piece<'a>,
    minute: Piece<'a>,
    hour: Piece<'a>,
    day: Piece<'a>,
    month: Piece<'a>,
    weekday: Piece<'a>,
    year: Piece<'a>,
}

pub(super) fn parse(expression: &str) -> Result<Cron, CronError> {
    let written = pieces(expression);
    let Some(first) = written.first() else {
        return Err(CronError::empty(expression));
    };
    let read = if first.text.starts_with('@') {
        read(&pieces(expand(&written)?))
    } else {
        read(&written)
    };
    let (canonical, pattern, interval_like) = read?;
    Ok(Cron {
        text: join(&written),
        canonical,
        pattern,
        interval_like,
        zone: Zone::UTC,
    })
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

fn read(written: &[Piece<'_>]) -> Result<(String, Pattern, bool), CronError> {
    let fields = Fields::assign(written)?;
    let mut text = String::with_capacity(32);
    let seconds = bits(&SECOND, &fields.second, &mut text)?;
    text.push(' ');
    let minutes = bits(&MINUTE, &fields.minute, &mut text)?;
    text.push(' ');
    let hours = bits(&HOUR, &fields.hour, &mut text)?;
    text.push(' ');
    let days = bits(&DAY_OF_MONTH, &fields.day, &mut text)?;
    text.push(' ');
    let months = bits(&MONTH, &fields.month, &mut text)?;
    text.push(' ');
    let weekdays = bits(&DAY_OF_WEEK, &fields.weekday, &mut text)?;
    text.push(' ');
    let years = years(&fields.year, &mut text)?;
    let pattern = Pattern {
        seconds,
        minutes,
        hours,
        days,
        months,
        // A Sunday written as 7 is the Sunday that is 0.
        weekdays: (weekdays | weekdays >> 7) & 0x7f,
        years,
    };
    if pattern.is_empty() {
        return Err(never(written, &fields, &pattern));
    }
    let rhythm = [fields.minute, fields.hour]
        .iter()
        .any(|field| field.text.starts_with('*'));
    Ok((text, pattern, rhythm))
}

fn bits(field: &Field, list: &Piece<'_>, canonical: &mut String) -> Result<u64, CronError> {
    let mut bits = 0;
    field.parse(list, canonical, |item| {
        item.values().for_each(|value| bits |= 1 << value);
    })?;
    Ok(bits)
}

fn years(list: &Piece<'_>, canonical: &mut String) -> Result<Years, CronError> {
    let mut years = Years::default();
    YEAR.parse(list, canonical, |item| {
        item.values().for_each(|year| years.insert(year));
    })?;
    Ok(years)
}

/// Only a day-of-month that its months (and years) lack leaves nothing: an
/// unrestricted one, or a day of the week beside it, always finds a day.
fn never(written: &[Piece<'_>], fields: &Fields<'_>, pattern: &Pattern) -> CronError {
    let last = if written.len() == 7 {
        &fields.year
    } else {
        &fields.month
    };
    let span = fields.day.at..last.span().end;
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
    CronError::never(span, &with_day.join(" "))
}

impl<'a> Fields<'a> {
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
        let [minute, hour, day, month, weekday] = rest;
        Ok(Self {
            second,
            minute,
            hour,
            day,
            month,
            weekday,
            year,
        })
    }
}

impl Item {
    fn values(self) -> impl Iterator<Item = u32> {
        (self.first..=self.last).step_by(self.step as usize)
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

    /// Its value if it is digits and nothing else. A number too large to hold
    /// becomes the largest, which is beyond every field.
    pub(super) fn number(&self) -> Option<u32> {
        let digits = !self.text.is_empty() && self.text.bytes().all(|b| b.is_ascii_digit());
        digits.then(|| self.text.parse().unwrap_or(u32::MAX))
    }
}

/// What blanks, tabs and line ends separate.
fn pieces(expression: &str) -> Vec<Piece<'_>> {
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

fn join(pieces: &[Piece<'_>]) -> String {
    let texts: Vec<&str> = pieces.iter().map(|piece| piece.text).collect();
    texts.join(" ")
}
