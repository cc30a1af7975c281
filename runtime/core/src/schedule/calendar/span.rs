//! Blackouts: `2026-12-24`, `2026-12-24..2026-12-27`, `2026-12-24T18:00..2026-12-26T06:00`.

use std::{fmt, str::FromStr};

use jiff::civil::{Date, DateTime};

use super::{CalendarError, DAY, foreign};
use crate::schedule::dst::wall_second;

/// A span of the wall clock. One that ends with a date ends with that day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blackout {
    first: Edge,
    last: Edge,
}

/// Where a blackout begins or ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Edge {
    /// At the beginning of this day, or with its end.
    Day(Date),
    /// When the clock shows this. What ends with it does not hold it.
    Time(DateTime),
}

impl Blackout {
    /// The first thing that the wall clock shows in it.
    pub fn from(&self) -> DateTime {
        match self.first {
            Edge::Day(day) => day.into(),
            Edge::Time(time) => time,
        }
    }

    /// The first thing that it shows after it; none beyond the end of time.
    pub fn to(&self) -> Option<DateTime> {
        match self.last {
            Edge::Day(day) => Some(day.tomorrow().ok()?.into()),
            Edge::Time(time) => Some(time),
        }
    }

    /// From the first second of the wall clock in it to the first one after it.
    pub(super) fn seconds(&self) -> (i64, i64) {
        let to = match self.last {
            Edge::Day(day) => wall_second(day.into()) + DAY,
            Edge::Time(time) => wall_second(time),
        };
        (wall_second(self.from()), to)
    }
}

impl FromStr for Blackout {
    type Err = CalendarError;

    fn from_str(text: &str) -> Result<Self, CalendarError> {
        Self::read(text).map_err(|error| foreign::blackout(text, error))
    }
}

impl Blackout {
    /// Without advice on what may have been meant.
    pub(super) fn read(text: &str) -> Result<Self, CalendarError> {
        let (first, last) = match text.split_once("..") {
            Some((first, last)) => {
                let at = first.len() + 2;
                (edge(0, first)?, edge(at, last)?)
            }
            None => match edge(0, text)? {
                day @ Edge::Day(_) => (day, day),
                Edge::Time(time) => {
                    let day = time.date();
                    let error = CalendarError::new(
                        0..text.len(),
                        format!("blackout `{text}` has no end"),
                        "expected a day, or a beginning and an end",
                    );
                    return Err(error.help(format!(
                        "write `{day}` for the day, or `{text}..{day}` for the rest of it"
                    )));
                }
            },
        };
        let blackout = Self { first, last };
        let (from, to) = blackout.seconds();
        if to <= from {
            let error = CalendarError::new(
                0..text.len(),
                format!("blackout `{text}` ends before it begins"),
                "expected the earlier one first",
            );
            let (first, last) = (edge_text(last), edge_text(first));
            return Err(if first == last {
                error.help(format!(
                    "write `{}` for the whole day",
                    blackout.from().date()
                ))
            } else {
                error.help(format!("write `{first}..{last}`"))
            });
        }
        Ok(blackout)
    }
}

/// Reads a date, or a local time to the second.
fn edge(at: usize, part: &str) -> Result<Edge, CalendarError> {
    let error = |message: &str, label: &str| {
        CalendarError::new(at..at + part.len(), format!("`{part}` {message}"), label)
    };
    let trimmed = part.trim();
    if trimmed != part {
        return Err(error("has a blank", "expected no blank"));
    }
    if let Some((_, time)) = part.split_once(['T', 't', ' ']) {
        if time.contains(['Z', 'z', '+', '-', '[']) {
            let local = part.len() - time.len() + time.find(['Z', 'z', '+', '-', '[']).unwrap_or(0);
            return Err(error(
                "has an offset",
                "expected what the clocks of the job's zone show",
            )
            .help(format!("write `{}`, in the job's zone", &part[..local])));
        }
        return match part.parse::<DateTime>() {
            Ok(time) if time.subsec_nanosecond() == 0 => Ok(Edge::Time(time)),
            Ok(time) => {
                Err(error("is too fine", "expected whole seconds")
                    .help(format!("write `{time:.0}`")))
            }
            Err(_) => Err(no_date(error(
                "is not a date and a time",
                "expected a local time",
            ))),
        };
    }
    let date = part.parse::<Date>();
    date.map(Edge::Day)
        .map_err(|_| no_date(error("is not a date", "expected a day")))
}

fn no_date(error: CalendarError) -> CalendarError {
    error.help(
        "write `2026-12-24`, `2026-12-24..2026-12-27`, or `2026-12-24T18:00..2026-12-26T06:00`",
    )
}

fn edge_text(edge: Edge) -> String {
    match edge {
        Edge::Day(day) => day.to_string(),
        Edge::Time(time) => time.to_string(),
    }
}

/// `2026-12-24..2026-12-27`; one day is only that.
impl fmt::Display for Blackout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.first, self.last) {
            (Edge::Day(first), Edge::Day(last)) if first == last => first.fmt(f),
            (first, last) => write!(f, "{}..{}", edge_text(first), edge_text(last)),
        }
    }
}
