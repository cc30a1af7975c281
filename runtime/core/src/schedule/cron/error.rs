//! What can be wrong with an expression, said so that it can be put right.

use std::ops::Range;

use super::field::Field;
use super::parse::Piece;

/// Why an expression is refused, as plain data for a diagnostic that points.
///
/// Its `Display` is the message alone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct CronError {
    /// The bytes of the expression that are at fault.
    pub span: Range<usize>,
    /// What is wrong, such as ``day-of-month 32 is out of range``.
    pub message: String,
    /// What to write under the span, such as `expected 1-31`.
    pub label: String,
    /// What to type instead, if there is one thing to say.
    pub help: Option<String>,
}

impl CronError {
    pub(super) fn new(
        span: Range<usize>,
        message: impl Into<String>,
        label: impl Into<String>,
    ) -> Self {
        Self {
            span,
            message: message.into(),
            label: label.into(),
            help: None,
        }
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub(super) fn empty(expression: &str) -> Self {
        Self::new(
            0..expression.len(),
            "cron expression is empty",
            "expected 5, 6 or 7 fields",
        )
        .help("write `0 * * * *` for every hour")
    }

    pub(super) fn too_few_fields(fields: &[Piece<'_>]) -> Self {
        let n = fields.len();
        let plural = if n == 1 { "field" } else { "fields" };
        Self::new(
            Piece::cover(fields),
            format!("cron expression has {n} {plural}"),
            "expected 5, 6 or 7 fields",
        )
        .help("write `minute hour day-of-month month day-of-week`, such as `0 6 * * MON-FRI`")
    }

    pub(super) fn too_many_fields(fields: &[Piece<'_>], most: usize) -> Self {
        Self::new(
            Piece::cover(&fields[most..]),
            format!("cron expression has {} fields", fields.len()),
            "expected no field after the year",
        )
        .help("write at most `second minute hour day-of-month month day-of-week year`")
    }

    pub(super) fn fields_after_macro(fields: &[Piece<'_>]) -> Self {
        let name = fields[0].text;
        Self::new(
            Piece::cover(&fields[1..]),
            format!("`{name}` has fields after it"),
            "expected nothing after a macro",
        )
        .help(format!("write `{name}` alone"))
    }

    pub(super) fn reboot(name: &Piece<'_>) -> Self {
        Self::new(
            name.span(),
            format!("`{}` is not a time", name.text),
            "expected a macro that names times",
        )
        .help(
            "a restart never changes what is due: run `cronlet trigger JOB` \
             from whatever starts the daemon",
        )
    }

    pub(super) fn unknown_macro(name: &Piece<'_>) -> Self {
        let error = Self::new(
            name.span(),
            format!("`{}` is not a macro", name.text),
            "expected a macro such as `@daily`",
        );
        if name.text.eq_ignore_ascii_case("@every") {
            return error.help("write `every = \"5m\"` in place of `cron`");
        }
        error.help("write `@hourly`, `@daily`, `@weekly`, `@monthly` or `@yearly`")
    }

    /// An item of a list that has no text: `,,`, a comma at either end.
    pub(super) fn empty_item(field: &Field, list: &Piece<'_>, item: &Piece<'_>) -> Self {
        let full: Vec<&str> = list.text.split(',').filter(|i| !i.is_empty()).collect();
        // Nothing cannot be pointed at; the comma that follows it can, or else
        // the one before.
        let at_end = item.span().end == list.span().end;
        let comma = item.at - usize::from(at_end);
        let error = Self::new(
            comma..comma + 1,
            format!("{} list has an empty item", field.name),
            "expected a value on both sides of `,`",
        );
        if full.is_empty() {
            return error.help("write `*` for every value");
        }
        error.help(format!("write `{}`", full.join(",")))
    }

    pub(super) fn out_of_range(field: &Field, value: &Piece<'_>) -> Self {
        let error = Self::new(
            value.span(),
            format!("{} {} is out of range", field.name, value.text),
            field.expected(),
        );
        match field.advice(value.text) {
            Some(advice) => error.help(advice),
            None => error,
        }
    }

    pub(super) fn unknown_value(field: &Field, value: &Piece<'_>) -> Self {
        let error = Self::new(
            value.span(),
            format!("`{}` is not a {}", value.text, field.name),
            field.expected(),
        );
        match field.advice(value.text) {
            Some(advice) => error.help(advice),
            None => error,
        }
    }

    pub(super) fn open_range(field: &Field, range: &Piece<'_>) -> Self {
        Self::new(
            range.span(),
            format!("{} range `{}` has an open end", field.name, range.text),
            "expected a value on both sides of `-`",
        )
        .help(format!(
            "write a full range, such as `{}`",
            field.full_range()
        ))
    }

    pub(super) fn reversed(field: &Field, range: &Piece<'_>, first: u32, last: u32) -> Self {
        let error = Self::new(
            range.span(),
            format!("{} range `{}` runs backwards", field.name, range.text),
            "expected the lower value first",
        );
        if field.turns() {
            let (high, low) = (
                Field::range(first, field.top),
                Field::range(field.min, last),
            );
            return error.help(format!("write `{high},{low}`"));
        }
        error.help(format!("write `{last}-{first}`"))
    }

    pub(super) fn step_without_range(field: &Field, item: &Piece<'_>, first: u32) -> Self {
        let (value, step) = item.text.split_once('/').unwrap_or((item.text, ""));
        Self::new(
            item.span(),
            format!("`{}` steps from a single value", item.text),
            "expected `*` or a range before `/`",
        )
        .help(format!("write `{value}-{}/{step}`", field.top.max(first)))
    }

    pub(super) fn step_of_nothing(field: &Field, item: &Piece<'_>) -> Self {
        Self::new(
            item.span(),
            format!("{} step `{}` has nothing before `/`", field.name, item.text),
            "expected `*` or a range before `/`",
        )
        .help(format!("write `*{}`", item.text))
    }

    pub(super) fn bad_step(field: &Field, step: &Piece<'_>, item: &Piece<'_>) -> Self {
        let name = field.name;
        let (span, message) = if step.text.is_empty() {
            let message = format!("{name} step is missing after `{}`", item.text);
            (item.span(), message)
        } else if step.number().is_some() {
            (
                step.span(),
                format!("{name} step {} is out of range", step.text),
            )
        } else {
            (
                step.span(),
                format!("{name} step `{}` is not a number", step.text),
            )
        };
        Self::new(span, message, "expected 1 or more")
    }

    pub(super) fn never(span: Range<usize>, instead: &str) -> Self {
        Self::new(
            span,
            "cron expression names no time from 1970 to 2199",
            "expected a day that exists",
        )
        .help(format!("write `{instead}`"))
    }
}
