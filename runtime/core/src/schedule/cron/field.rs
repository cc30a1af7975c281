//! One field: what its values are called, and from its text to the values.
//!
//! A field is a list of items, an item is `*`, a value or a range, and `*` or a
//! range may have a step. This is the place for further kinds of items.

use std::fmt::Write as _;

use super::error::CronError;
use super::parse::Piece;
use super::search::{FIRST_YEAR, LAST_YEAR};

const MONTHS: [&str; 12] = [
    "JANUARY",
    "FEBRUARY",
    "MARCH",
    "APRIL",
    "MAY",
    "JUNE",
    "JULY",
    "AUGUST",
    "SEPTEMBER",
    "OCTOBER",
    "NOVEMBER",
    "DECEMBER",
];
const WEEKDAYS: [&str; 7] = [
    "SUNDAY",
    "MONDAY",
    "TUESDAY",
    "WEDNESDAY",
    "THURSDAY",
    "FRIDAY",
    "SATURDAY",
];

/// What may stand in one field.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: &'static str,
    /// The lowest value.
    pub(super) min: u32,
    /// The highest value that is not another name for a lower one: where `*` ends.
    pub(super) top: u32,
    /// The highest value that can be written.
    max: u32,
    /// Full names of the values from `min` on. Three letters name a value; the
    /// rest tells what a longer name was meant to be.
    names: &'static [&'static str],
}

pub(super) static SECOND: Field = Field::numbers("second", 0, 59);
pub(super) static MINUTE: Field = Field::numbers("minute", 0, 59);
pub(super) static HOUR: Field = Field::numbers("hour", 0, 23);
pub(super) static DAY_OF_MONTH: Field = Field::numbers("day-of-month", 1, 31);
pub(super) static MONTH: Field = Field {
    names: &MONTHS,
    ..Field::numbers("month", 1, 12)
};
/// Sunday is 0, and 7 as the end of a week that begins on Monday.
pub(super) static DAY_OF_WEEK: Field = Field {
    max: 7,
    names: &WEEKDAYS,
    ..Field::numbers("day-of-week", 0, 6)
};
pub(super) static YEAR: Field = Field::numbers("year", FIRST_YEAR, LAST_YEAR);

/// The values of one item of a field: every `step`th from `first` to `last`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) first: u32,
    pub(super) last: u32,
    pub(super) step: u32,
    /// Written with `*`.
    star: bool,
}

impl Field {
    const fn numbers(name: &'static str, min: u32, max: u32) -> Self {
        Self {
            name,
            min,
            top: max,
            max,
            names: &[],
        }
    }

    /// Reads the field, hands each item to `each`, and appends the field's
    /// canonical text.
    pub(super) fn parse(
        &self,
        list: &Piece<'_>,
        canonical: &mut String,
        mut each: impl FnMut(Item),
    ) -> Result<(), CronError> {
        for (n, text) in list.split(',').enumerate() {
            if text.text.is_empty() {
                return Err(CronError::empty_item(self, list, &text));
            }
            let item = self.item(&text)?;
            if n > 0 {
                canonical.push(',');
            }
            self.write(item, canonical);
            each(item);
        }
        Ok(())
    }

    fn item(&self, text: &Piece<'_>) -> Result<Item, CronError> {
        let (base, step) = text.cut('/');
        if base.text == "*" {
            let (first, last) = (self.min, self.top);
            let step = self.step(step, text)?;
            return Ok(Item {
                first,
                last,
                step,
                star: true,
            });
        }
        let (first, last) = match base.cut('-') {
            (first, Some(last)) => self.span(&base, &first, &last)?,
            (value, None) => {
                if value.text.is_empty() {
                    return Err(CronError::step_of_nothing(self, text));
                }
                let value = self.value(&value)?;
                if step.is_some() {
                    self.step(step, text)?;
                    return Err(CronError::step_without_range(self, text, value));
                }
                (value, value)
            }
        };
        let step = self.step(step, text)?;
        Ok(Item {
            first,
            last,
            step,
            star: false,
        })
    }

    fn span(
        &self,
        range: &Piece<'_>,
        first: &Piece<'_>,
        last: &Piece<'_>,
    ) -> Result<(u32, u32), CronError> {
        if first.text.is_empty() || last.text.is_empty() {
            return Err(CronError::open_range(self, range));
        }
        let (low, mut high) = (self.value(first)?, self.value(last)?);
        // `FRI-SUN`: by name, the Sunday that ends a range is the week's last day.
        if self.max > self.top && high == self.min && low > high && last.number().is_none() {
            high = self.max;
        }
        if low > high {
            return Err(CronError::reversed(self, range, low, high));
        }
        Ok((low, high))
    }

    fn value(&self, text: &Piece<'_>) -> Result<u32, CronError> {
        if let Some(number) = text.number() {
            if (self.min..=self.max).contains(&number) {
                return Ok(number);
            }
            return Err(CronError::out_of_range(self, text));
        }
        self.named(text.text)
            .ok_or_else(|| CronError::unknown_value(self, text))
    }

    fn named(&self, text: &str) -> Option<u32> {
        (self.min..)
            .zip(self.names)
            .find(|(_, name)| short(name).eq_ignore_ascii_case(text))
            .map(|(value, _)| value)
    }

    fn step(&self, step: Option<Piece<'_>>, item: &Piece<'_>) -> Result<u32, CronError> {
        let Some(step) = step else { return Ok(1) };
        step.number()
            .filter(|number| *number > 0)
            .ok_or_else(|| CronError::bad_step(self, &step, item))
    }

    fn write(&self, item: Item, canonical: &mut String) {
        let Item {
            first,
            last,
            step,
            star,
        } = item;
        let written = match (star, first == last) {
            (true, _) => canonical.write_char('*'),
            (false, true) if first > self.top => write!(canonical, "{}", self.min),
            (false, true) => write!(canonical, "{first}"),
            (false, false) => write!(canonical, "{first}-{last}"),
        };
        written.expect("a string takes any text");
        if step > 1 && (star || first != last) {
            write!(canonical, "/{step}").expect("a string takes any text");
        }
    }
}

/// What the errors say about a field.
impl Field {
    pub(super) fn expected(&self) -> String {
        let numbers = self.full_range();
        match (self.names.first(), self.names.last()) {
            (Some(first), Some(last)) => {
                format!("expected {numbers} or {}-{}", short(first), short(last))
            }
            _ => format!("expected {numbers}"),
        }
    }

    pub(super) fn full_range(&self) -> String {
        Self::range(self.min, self.max)
    }

    pub(super) fn range(first: u32, last: u32) -> String {
        if first == last {
            return first.to_string();
        }
        format!("{first}-{last}")
    }

    /// Whether the lowest value comes after the highest one; years do not.
    pub(super) fn turns(&self) -> bool {
        self.name != YEAR.name
    }

    /// What to type instead of a value that this field does not have.
    pub(super) fn advice(&self, text: &str) -> Option<String> {
        if text == "?" {
            return Some("write `*`".into());
        }
        if self.name == HOUR.name && text == "24" {
            return Some("write `0` for midnight".into());
        }
        let year = text
            .parse()
            .is_ok_and(|n| (YEAR.min..=YEAR.max).contains(&n));
        if self.name == DAY_OF_WEEK.name && year {
            return Some("write the year as the last of seven fields, with seconds first".into());
        }
        let upper = text.to_ascii_uppercase();
        let mut names = self.names.iter();
        if let Some(name) = names.find(|name| upper.len() > 3 && name.starts_with(&upper)) {
            return Some(format!("write `{}`", short(name)));
        }
        let other = [&MONTH, &DAY_OF_WEEK]
            .into_iter()
            .find(|other| other.named(text).is_some())?;
        Some(format!("write `{text}` in the {} field", other.name))
    }
}

/// The three letters of a full name that an expression uses.
fn short(name: &str) -> &str {
    &name[..3]
}
