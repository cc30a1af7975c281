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
            format!("`{}` is not {}", value.text, field.one()),
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
        Self::new(
            range.span(),
            format!("{} range `{}` runs backwards", field.name, range.text),
            "expected the lower value first",
        )
        .help(format!("write `{last}-{first}`"))
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

    pub(super) fn never(span: Range<usize>) -> Self {
        Self::new(
            span,
            "cron expression names no time from 1970 to 2199",
            "expected a day that exists",
        )
    }

    pub(super) fn lonely_plus(plus: &Piece<'_>) -> Self {
        Self::new(
            plus.span(),
            "`+` has no day-of-week after it",
            "expected a day of the week",
        )
        .help("write `+FRI` for a day that must be a Friday too")
    }
}

/// What can be wrong with the days that each month has elsewhere.
impl CronError {
    pub(super) fn step_of_moving(item: &Piece<'_>, base: &Piece<'_>) -> Self {
        Self::new(
            item.span(),
            format!("`{}` takes no step", base.text),
            "expected `*`, a value or a range before `/`",
        )
        .help(format!("write `{}`", base.text))
    }

    pub(super) fn bad_from_end(item: &Piece<'_>, days: &Piece<'_>) -> Self {
        let span = if days.text.is_empty() { item } else { days }.span();
        Self::new(
            span,
            format!("`{}` is no day before the last of the month", item.text),
            "expected 1-30 days after `L-`",
        )
        .help("write `L-3` for the third day before the last, or `L` for the last")
    }

    pub(super) fn workdays_of_range(item: &Piece<'_>) -> Self {
        Self::new(
            item.span(),
            format!("`{}` is near to no single day", item.text),
            "expected one day before `W`",
        )
        .help("write `15W` for the working day nearest to the 15th")
    }

    pub(super) fn last_of_range(item: &Piece<'_>) -> Self {
        Self::new(
            item.span(),
            format!("`{}` is the last of no single day", item.text),
            "expected one day of the week before `L`",
        )
        .help("write `FRIL` for the last Friday of the month")
    }

    pub(super) fn nth_of_no_day(item: &Piece<'_>) -> Self {
        Self::new(
            item.span(),
            format!("`{}` counts no single day", item.text),
            "expected one day of the week before `#`",
        )
        .help("write `FRI#2` for the second Friday of the month")
    }

    pub(super) fn bad_nth(item: &Piece<'_>, nth: &Piece<'_>) -> Self {
        let (day, _) = item.cut('#');
        let span = if nth.text.is_empty() { item } else { nth }.span();
        let error = Self::new(
            span,
            format!("`{}` is in no month", item.text),
            "expected 1-5 after `#`",
        );
        if nth.text.eq_ignore_ascii_case("L") {
            return error.help(format!("write `{}L` for the last one", day.text));
        }
        error.help(format!("write `{}#2` for the second one", day.text))
    }
}

/// What can be wrong with `H`.
impl CronError {
    pub(super) fn open_parenthesis(item: &Piece<'_>) -> Self {
        Self::new(
            item.span(),
            format!("`{}` is not closed", item.text),
            "expected `)` at its end",
        )
        .help("write `H(9-17)`")
    }

    pub(super) fn hash_of_no_range(field: &Field, item: &Piece<'_>) -> Self {
        Self::new(
            item.span(),
            format!("`{}` has no range to choose from", item.text),
            "expected two values with `-` between them",
        )
        .help(format!("write `H({}-{})`", field.min, field.hash_top))
    }

    pub(super) fn hash_of_nobody(item: &Piece<'_>) -> Self {
        Self::new(
            item.span(),
            format!("`{}` stands for another value in each job", item.text),
            "expected the name of a job",
        )
        .help("name the job: `cronlet next --cron EXPR --job-name NAME`")
    }
}
