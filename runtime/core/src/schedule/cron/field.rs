//! The seven fields: what their values are called, and what is said about them.

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
    pub(super) kind: Kind,
    /// The lowest value.
    pub(super) min: u32,
    /// The highest value that is not another name for a lower one: where `*` ends.
    pub(super) top: u32,
    /// The highest value that can be written.
    pub(super) max: u32,
    /// The highest value that `H` stands for: every month has it.
    pub(super) hash_top: u32,
    /// Full names of the values from `min` on. Three letters name a value; the
    /// rest tells what a longer name was meant to be.
    names: &'static [&'static str],
}

/// What a field has beside values and ranges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Ranges that wrap around.
    Turning,
    /// And `?`, `L`, `L-n`, `LW`, `nW`.
    DayOfMonth,
    /// And `?`, `nL`, `n#k`.
    DayOfWeek,
    /// Nothing: no year comes after the last one.
    Year,
}

pub(super) static SECOND: Field = Field::numbers("second", 0, 59);
pub(super) static MINUTE: Field = Field::numbers("minute", 0, 59);
pub(super) static HOUR: Field = Field::numbers("hour", 0, 23);
pub(super) static DAY_OF_MONTH: Field = Field {
    kind: Kind::DayOfMonth,
    hash_top: 28,
    ..Field::numbers("day-of-month", 1, 31)
};
pub(super) static MONTH: Field = Field {
    names: &MONTHS,
    ..Field::numbers("month", 1, 12)
};
/// Sunday is 0, and 7 as the end of a week that begins on Monday.
pub(super) static DAY_OF_WEEK: Field = Field {
    kind: Kind::DayOfWeek,
    max: 7,
    names: &WEEKDAYS,
    ..Field::numbers("day-of-week", 0, 6)
};
pub(super) static YEAR: Field = Field {
    kind: Kind::Year,
    ..Field::numbers("year", FIRST_YEAR, LAST_YEAR)
};

impl Field {
    const fn numbers(name: &'static str, min: u32, max: u32) -> Self {
        Self {
            name,
            kind: Kind::Turning,
            min,
            top: max,
            max,
            hash_top: max,
            names: &[],
        }
    }

    /// How many values it has.
    pub(super) fn size(&self) -> u32 {
        self.top - self.min + 1
    }

    /// The value that three letters name.
    pub(super) fn named(&self, text: &str) -> Option<u32> {
        (self.min..)
            .zip(self.names)
            .find(|(_, name)| short(name).eq_ignore_ascii_case(text))
            .map(|(value, _)| value)
    }

    /// The value whose name is this, or begins with it, or is this in the plural; two letters at least.
    pub(super) fn full_name(&self, text: &str) -> Option<u32> {
        let upper = text.to_ascii_uppercase();
        let one = upper.strip_suffix('S').unwrap_or(&upper);
        let mut meant = (self.min..).zip(self.names).filter(|(_, name)| {
            one.len() > 1 && (name.starts_with(one) || name.starts_with(&upper))
        });
        let (value, _) = meant.next()?;
        meant.next().is_none().then_some(value)
    }

    pub(super) fn is_day_field(&self) -> bool {
        matches!(self.kind, Kind::DayOfMonth | Kind::DayOfWeek)
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
        format!("{}-{}", self.min, self.max)
    }

    /// `a minute`, `an hour`.
    pub(super) fn one(&self) -> String {
        let article = if self.kind == Kind::Turning && self.max == 23 {
            "an"
        } else {
            "a"
        };
        format!("{article} {}", self.name)
    }

    /// What to type instead of a value that this field does not have.
    pub(super) fn advice(&self, text: &str) -> Option<String> {
        let upper = text.to_ascii_uppercase();
        self.advice_on_letters(text, &upper)
            .or_else(|| self.advice_on_numbers(text))
            .or_else(|| self.advice_on_names(text))
    }

    fn advice_on_letters(&self, text: &str, upper: &str) -> Option<String> {
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let by_month = self.kind != Kind::DayOfMonth;
        Some(match upper {
            "?" => "write `*`".into(),
            "L" if self.kind == Kind::DayOfWeek => {
                "write `SUNL` for the last Sunday of the month".into()
            }
            "W" if self.kind == Kind::DayOfMonth => {
                "write `15W` for the working day nearest to the 15th".into()
            }
            "W" if self.kind == Kind::DayOfWeek => "write `MON-FRI`".into(),
            "L" | "LW" if by_month => format!("write `{text}` in the day-of-month field"),
            _ if by_month && upper.strip_suffix('W').is_some_and(is_number) => {
                format!("write `{text}` in the day-of-month field")
            }
            _ if upper.contains('~') => self.advice_on_random(text)?,
            _ if upper.starts_with('H') && self.named(text).is_none() => {
                let (min, top) = (self.min, self.hash_top);
                format!("write `H`, `H/2` or `H({min}-{top})`")
            }
            _ if upper.starts_with('+') && self.kind == Kind::DayOfMonth => {
                "write the `+` before the day-of-week field".into()
            }
            _ if upper.contains('#') && self.kind != Kind::DayOfWeek => {
                format!("write `{text}` in the day-of-week field")
            }
            _ if upper.starts_with('/') && upper.len() > 1 => {
                "write the fields alone: what is run is the job's `plugin`".into()
            }
            _ => return None,
        })
    }

    /// `~` and `0~30`: in some crons a value that is drawn anew with each reading.
    fn advice_on_random(&self, text: &str) -> Option<String> {
        let (first, last) = text.split_once('~')?;
        if first.is_empty() && last.is_empty() {
            return Some("write `H`, which never changes".into());
        }
        let or = |text: &str, value: u32| match text {
            "" => value.to_string(),
            text => text.to_owned(),
        };
        let (first, last) = (or(first, self.min), or(last, self.hash_top));
        let is_sound = [&first, &last]
            .iter()
            .all(|text| text.bytes().all(|b| b.is_ascii_digit()));
        is_sound.then(|| format!("write `H({first}-{last})`, which never changes"))
    }

    fn advice_on_numbers(&self, text: &str) -> Option<String> {
        if self.name == HOUR.name && text == "24" {
            return Some("write `0` for midnight".into());
        }
        let year = text
            .parse()
            .is_ok_and(|n| (YEAR.min..=YEAR.max).contains(&n));
        (self.kind == Kind::DayOfWeek && year)
            .then(|| "write the year as the last of seven fields, with seconds first".into())
    }

    fn advice_on_names(&self, text: &str) -> Option<String> {
        if let Some(value) = self.full_name(text) {
            let name = self.names.get((value - self.min) as usize)?;
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
