//! One item of a field, from its text to the values it stands for.
//!
//! A field is a list of items. An item is `*`, a value, a range or `H`, of which
//! all may have a step, or one of the days that each month has elsewhere: `L`,
//! `15W`, `FRI#2` and their like.

use std::fmt::Write as _;

use super::error::CronError;
use super::field::{Field, Kind};
use super::hash;
use super::parse::Piece;

/// What an item stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Item {
    /// Values of the field.
    Values(Values),
    /// `L-n`: the day n days before the last; n is 0 for `L`.
    FromEnd(u32),
    /// `nW`: the working day nearest to day n.
    Near(u32),
    /// `LW`: the last working day.
    LastWorkday,
    /// `nL`: the last such weekday.
    Last(u32),
    /// `n#k`: the kth such weekday.
    Nth(u32, u32),
}

/// Every `step`th value from `first` to `last`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Values {
    pub(super) first: u32,
    /// Less than `first` if the values go on from the field's end at its beginning.
    pub(super) last: u32,
    pub(super) step: u32,
    form: Form,
    /// The field's.
    top: u32,
    size: u32,
}

/// How values were written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// `*` or `?`.
    Star,
    /// `H/n`.
    Hash,
    Plain,
}

impl Field {
    /// Reads the field, hands each item to `each`, and appends the field's
    /// canonical text. `H` stands for what it stands for in `job`.
    pub(super) fn parse(
        &self,
        list: &Piece<'_>,
        job: Option<&str>,
        canonical: &mut String,
        mut each: impl FnMut(Item),
    ) -> Result<(), CronError> {
        for (n, text) in list.split(',').enumerate() {
            if text.text.is_empty() {
                return Err(CronError::empty_item(self, list, &text));
            }
            let item = self.item(&text, job)?;
            if n > 0 {
                canonical.push(',');
            }
            self.write(item, canonical);
            each(item);
        }
        Ok(())
    }

    pub(super) fn item(&self, text: &Piece<'_>, job: Option<&str>) -> Result<Item, CronError> {
        let (base, step) = text.cut('/');
        let moving = match self.kind {
            Kind::DayOfMonth => self.day_of_month(&base)?,
            Kind::DayOfWeek => self.day_of_week(&base)?,
            Kind::Turning | Kind::Year => None,
        };
        if let Some(item) = moving {
            return match step {
                Some(_) => Err(CronError::step_of_moving(text, &base)),
                None => Ok(item),
            };
        }
        if base.text == "*" || (base.text == "?" && self.is_day_field()) {
            let step = self.step(step, text)?.unwrap_or(1);
            let all = self.values(self.min, self.top, step);
            let form = Form::Star;
            return Ok(Item::Values(Values { form, ..all }));
        }
        if let Some(interval) = self.hash_interval(&base)? {
            return self.hash(text, interval, step, job);
        }
        self.plain(text, &base, step)
    }

    /// `n`, `n/step`, `a-b`, `a-b/step`.
    fn plain(
        &self,
        text: &Piece<'_>,
        base: &Piece<'_>,
        step: Option<Piece<'_>>,
    ) -> Result<Item, CronError> {
        let (first, last) = match base.cut('-') {
            (first, Some(last)) => self.span(base, &first, &last)?,
            (value, None) if value.text.is_empty() => {
                return Err(match step.and_then(|step| step.number()) {
                    Some(_) => CronError::step_of_nothing(self, text),
                    None => CronError::unknown_value(self, text),
                });
            }
            (value, None) => {
                let value = self.value(&value)?;
                // From a value on: a Sunday begins the week then.
                match step {
                    Some(_) => (self.begin(value, self.top), self.top),
                    None => (value, value),
                }
            }
        };
        let step = self.step(step, text)?.unwrap_or(1);
        Ok(Item::Values(self.values(first, last, step)))
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
        let low = self.begin(low, high);
        // `FRI-SUN`: a Sunday that ends a range is the week's last day.
        if self.max > self.top && high == self.min && low > high {
            high = self.max;
        }
        if low > high && self.kind == Kind::Year {
            return Err(CronError::reversed(self, range, low, high));
        }
        Ok((low, high))
    }

    /// The first value of a range to `last`: a Sunday that begins one is 0.
    fn begin(&self, first: u32, last: u32) -> u32 {
        if first > self.top && last <= self.top {
            return self.min;
        }
        first
    }

    fn values(&self, first: u32, last: u32, step: u32) -> Values {
        let (top, size) = (self.top, self.size());
        Values {
            first,
            last,
            step,
            form: Form::Plain,
            top,
            size,
        }
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

    fn step(&self, step: Option<Piece<'_>>, item: &Piece<'_>) -> Result<Option<u32>, CronError> {
        let Some(step) = step else { return Ok(None) };
        match step.number().filter(|number| *number > 0) {
            Some(number) => Ok(Some(number)),
            None => Err(CronError::bad_step(self, &step, item)),
        }
    }

    /// The first and the last value that `H` or `H(a-b)` chooses from.
    fn hash_interval(&self, base: &Piece<'_>) -> Result<Option<(u32, u32)>, CronError> {
        let Some(rest) = base.without_prefix('H') else {
            return Ok(None);
        };
        if rest.text.is_empty() {
            return Ok(Some((self.min, self.hash_top)));
        }
        let Some(inside) = rest.without_prefix('(') else {
            return Ok(None);
        };
        let Some(inside) = inside.without_suffix(')') else {
            return Err(CronError::open_parenthesis(base));
        };
        match inside.cut('-') {
            (first, Some(last)) => self.span(&inside, &first, &last).map(Some),
            (_, None) => Err(CronError::hash_of_no_range(self, base)),
        }
    }

    /// `H`, `H/n`, `H(a-b)`, `H(a-b)/n`: a place in the interval, or with a step
    /// all those that are whole steps away from it.
    fn hash(
        &self,
        text: &Piece<'_>,
        (first, last): (u32, u32),
        step: Option<Piece<'_>>,
        job: Option<&str>,
    ) -> Result<Item, CronError> {
        let step = self.step(step, text)?;
        let job = job.ok_or_else(|| CronError::hash_of_nobody(text))?;
        let interval = self.values(first, last, 1);
        let place = hash::below(interval.length(), job, self.name);
        let Some(step) = step else {
            let value = interval.at(place);
            return Ok(Item::Values(self.values(value, value, 1)));
        };
        let first = interval.at(place % step);
        let whole = text.text.as_bytes().get(1) == Some(&b'/');
        let form = if whole { Form::Hash } else { Form::Plain };
        let values = self.values(first, last, step);
        Ok(Item::Values(Values { form, ..values }))
    }

    fn day_of_month(&self, text: &Piece<'_>) -> Result<Option<Item>, CronError> {
        if text.text.eq_ignore_ascii_case("LW") {
            return Ok(Some(Item::LastWorkday));
        }
        if let Some(rest) = text.without_prefix('L') {
            return self.last_days(text, &rest);
        }
        let day = text.without_suffix('W').filter(|day| !day.text.is_empty());
        let Some(day) = day else { return Ok(None) };
        if day.text.contains(['-', '*', '?']) {
            return Err(CronError::workdays_of_range(text));
        }
        Ok(Some(Item::Near(self.value(&day)?)))
    }

    fn last_days(&self, text: &Piece<'_>, rest: &Piece<'_>) -> Result<Option<Item>, CronError> {
        if rest.text.is_empty() {
            return Ok(Some(Item::FromEnd(0)));
        }
        let Some(before) = rest.without_prefix('-') else {
            return Ok(None);
        };
        let number = before.number().filter(|n| (1..self.top).contains(n));
        match number {
            Some(number) => Ok(Some(Item::FromEnd(number))),
            None => Err(CronError::bad_from_end(text, &before)),
        }
    }

    fn day_of_week(&self, text: &Piece<'_>) -> Result<Option<Item>, CronError> {
        if let (day, Some(nth)) = text.cut('#') {
            if day.text.is_empty() || day.text.contains(['-', '*', '?']) {
                return Err(CronError::nth_of_no_day(text));
            }
            let day = self.value(&day)?;
            return match nth.number().filter(|n| (1..=5).contains(n)) {
                Some(nth) => Ok(Some(Item::Nth(self.begin(day, self.min), nth))),
                None => Err(CronError::bad_nth(text, &nth)),
            };
        }
        let day = text.without_suffix('L').filter(|day| !day.text.is_empty());
        let Some(day) = day else { return Ok(None) };
        if day.text.contains(['-', '*', '?']) {
            return Err(CronError::last_of_range(text));
        }
        let day = self.value(&day)?;
        Ok(Some(Item::Last(self.begin(day, self.min))))
    }

    fn write(&self, item: Item, canonical: &mut String) {
        let written = match item {
            Item::Values(values) => return self.write_values(values, canonical),
            Item::FromEnd(0) => write!(canonical, "L"),
            Item::FromEnd(n) => write!(canonical, "L-{n}"),
            Item::Near(day) => write!(canonical, "{day}W"),
            Item::LastWorkday => write!(canonical, "LW"),
            Item::Last(day) => write!(canonical, "{day}L"),
            Item::Nth(day, nth) => write!(canonical, "{day}#{nth}"),
        };
        written.expect("a string takes any text");
    }

    fn write_values(&self, values: Values, canonical: &mut String) {
        let Values {
            first,
            last,
            step,
            form,
            ..
        } = values;
        let single = first == last && form == Form::Plain;
        let written = match form {
            Form::Star => canonical.write_char('*'),
            Form::Hash => write!(canonical, "H{first}-{last}"),
            Form::Plain if single => write!(canonical, "{}", self.begin(first, self.min)),
            Form::Plain => write!(canonical, "{first}-{last}"),
        };
        written.expect("a string takes any text");
        if (step > 1 && !single) || form == Form::Hash {
            write!(canonical, "/{step}").expect("a string takes any text");
        }
    }
}

impl Values {
    /// One bit a value; the highest value of all fields but the year is below 64.
    pub(super) fn bits(self) -> u64 {
        if self.step == 1 && self.first <= self.last && self.last <= self.top {
            return (2_u64 << self.last) - (1_u64 << self.first);
        }
        self.iter().fold(0, |bits, value| bits | 1 << value)
    }

    pub(super) fn iter(self) -> impl Iterator<Item = u32> {
        (0..self.length())
            .step_by(self.step as usize)
            .map(move |place| self.at(place))
    }

    /// From the first to the last, whatever the step.
    fn length(self) -> u32 {
        if self.first <= self.last {
            self.last - self.first + 1
        } else {
            self.last + self.size - self.first + 1
        }
    }

    /// The value at a place from the first on.
    fn at(self, place: u32) -> u32 {
        let value = self.first + place;
        if value > self.top {
            value - self.size
        } else {
            value
        }
    }
}
