//! Single values: numbers, durations, sizes and words, each within its limits.

use std::{ops::RangeInclusive, time::Duration};

use cronlet_core::units::{UnitError, format_duration, format_size, parse_duration, parse_size};
use toml::de::{DeInteger, DeValue};

use super::{
    problem::Problem,
    suggest::{closest, one_of},
    table::{Field, Kind, Walk, shorten},
    text::Text,
};

impl<'a> Walk<'a> {
    pub(super) fn boolean(&mut self, field: &Field<'a>) -> Option<bool> {
        match field.value {
            DeValue::Boolean(value) => Some(*value),
            _ => self.wrong_type(field, &Kind::BOOLEAN),
        }
    }

    /// A whole number within `limits`.
    pub(super) fn integer<T: TryFrom<i64> + PartialOrd + ToString>(
        &mut self,
        field: &Field<'a>,
        kind: &Kind,
        limits: RangeInclusive<T>,
    ) -> Option<T> {
        let DeValue::Integer(written) = field.value else {
            return self.wrong_type(field, kind);
        };
        let value = integer(written).and_then(|value| T::try_from(value).ok());
        let too_small = match value {
            Some(value) if limits.contains(&value) => return Some(value),
            Some(value) => value < *limits.start(),
            None => written.as_str().starts_with('-'),
        };
        self.out_of_range(field, &limits, too_small, &T::to_string);
        None
    }

    /// A number, with a fraction or without, within `limits`.
    pub(super) fn number(
        &mut self,
        field: &Field<'a>,
        kind: &Kind,
        limits: RangeInclusive<f64>,
    ) -> Option<f64> {
        let written = match field.value {
            DeValue::Integer(written) => written.as_str(),
            DeValue::Float(written) => written.as_str(),
            _ => return self.wrong_type(field, kind),
        };
        let value: Option<f64> = written.parse().ok();
        if let Some(value) = value.filter(|value| limits.contains(value)) {
            return Some(value);
        }
        let too_small = value.is_some_and(|it| it < *limits.start());
        self.out_of_range(field, &limits, too_small, &f64::to_string);
        None
    }

    /// A duration within `limits`.
    pub(super) fn duration(
        &mut self,
        field: &Field<'a>,
        kind: &Kind,
        limits: RangeInclusive<Duration>,
    ) -> Option<Duration> {
        let text = self.string(field, kind)?;
        let value = self.measure(&text, kind, "config::duration", parse_duration)?;
        let format = |value: &Duration| format!("\"{}\"", format_duration(*value));
        self.within(field, value, &limits, &format)
    }

    /// A size in bytes within `limits`.
    pub(super) fn size(
        &mut self,
        field: &Field<'a>,
        kind: &Kind,
        limits: RangeInclusive<u64>,
    ) -> Option<u64> {
        let text = self.string(field, kind)?;
        let value = self.measure(&text, kind, "config::size", parse_size)?;
        let format = |value: &u64| format!("\"{}\"", format_size(*value));
        self.within(field, value, &limits, &format)
    }

    /// One of a few words.
    pub(super) fn choice<T: Copy>(
        &mut self,
        field: &Field<'a>,
        kind: &Kind,
        choices: &[(&'static str, T)],
    ) -> Option<T> {
        let text = self.string(field, kind)?;
        if let Some((_, value)) = choices.iter().find(|(word, _)| *word == text.value) {
            return Some(*value);
        }
        let words: Vec<_> = choices.iter().map(|(word, _)| *word).collect();
        self.unknown_word(field, kind, &text, &words);
        None
    }

    /// Reports a word that is none of those it could be.
    fn unknown_word(&mut self, field: &Field<'a>, kind: &Kind, text: &Text<'a>, words: &[&str]) {
        let (word, path) = (shorten(text.value), &field.path);
        let help = match closest(text.value, words.iter().copied()) {
            Some(word) => format!("did you mean `{word}`?"),
            None if field.item => "write one of these, or leave it out".to_owned(),
            None => format!("write `{}`", field.with(kind.example)),
        };
        let problem = Problem::error(
            "config::value",
            format!("`{word}` is not a value of `{path}`"),
        )
        .at(text.span.clone())
        .label(format!("expected {}", one_of(words)))
        .help(help);
        self.push(problem);
    }

    /// A number with a unit.
    pub(super) fn measure<T>(
        &mut self,
        text: &Text<'a>,
        kind: &Kind,
        code: &'static str,
        parse: impl Fn(&str) -> Result<T, UnitError>,
    ) -> Option<T> {
        let error = match parse(text.value) {
            Ok(value) => return Some(value),
            Err(error) => error,
        };
        let digits = !text.value.is_empty() && text.value.bytes().all(|b| b.is_ascii_digit());
        let meant = kind.unit().filter(|_| digits);
        let meant = meant.map(|unit| format!("write `{}{unit}`", shorten(text.value)));
        let problem = Problem::error(code, error.message)
            .at(text.part(error.span))
            .label(error.label)
            .maybe_help(meant.or(error.help));
        self.push(problem);
        None
    }

    fn within<T: PartialOrd>(
        &mut self,
        field: &Field<'a>,
        value: T,
        limits: &RangeInclusive<T>,
        format: &dyn Fn(&T) -> String,
    ) -> Option<T> {
        if limits.contains(&value) {
            return Some(value);
        }
        self.out_of_range(field, limits, value < *limits.start(), format);
        None
    }

    /// Reports a value that is not within `limits`. `format` writes one as the file has it.
    fn out_of_range<T>(
        &mut self,
        field: &Field<'a>,
        limits: &RangeInclusive<T>,
        too_small: bool,
        format: &dyn Fn(&T) -> String,
    ) {
        let (limit, than, or) = if too_small {
            (limits.start(), "at least", "more")
        } else {
            (limits.end(), "at most", "less")
        };
        let limit = format(limit);
        let written = self.text.get(field.span.clone()).unwrap_or_default();
        let written = written.trim_matches(['"', '\'']);
        let message = format!("{} {} is out of range", field.title(), shorten(written));
        let problem = Problem::error("config::range", message)
            .at(field.span.clone())
            .label(format!("expected {than} {}", limit.trim_matches('"')))
            .help(format!("write `{}` or {or}", field.with(&limit)));
        self.push(problem);
    }
}

/// The value of a whole number, if it fits.
pub(super) fn integer(written: &DeInteger<'_>) -> Option<i64> {
    i64::from_str_radix(written.as_str(), written.radix()).ok()
}
