//! Where a line means something else in Vixie cron, which is what most people's
//! crontabs were written for. Only expressions of five fields can come from one.

use std::ops::Range;

use super::field::{DAY_OF_MONTH, DAY_OF_WEEK, Field, HOUR, MINUTE, MONTH};
use super::parse::{self, Fields, Piece};
use super::search::{ALL_DAYS, ALL_WEEKDAYS};
use super::{Cron, item};

/// A part of an expression that somebody may read otherwise, as plain data for a
/// diagnostic that points.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CronLint {
    /// The bytes of the expression that it is about.
    pub span: Range<usize>,
    /// What they mean here.
    pub message: String,
    /// What they mean there.
    pub label: String,
    /// What to type so that both mean the same.
    pub help: String,
}

/// The lints of an expression, which is that of `cron`.
pub(super) fn lints(expression: &str, cron: &Cron) -> Vec<CronLint> {
    let written = parse::pieces(expression);
    if written.len() != 5 {
        return Vec::new();
    }
    let Ok(fields) = parse::fields(&written) else {
        return Vec::new();
    };
    let mut lints = Vec::new();
    for (field, list) in [
        (&MINUTE, fields.minute),
        (&HOUR, fields.hour),
        (&DAY_OF_MONTH, fields.day),
        (&MONTH, fields.month),
        (&DAY_OF_WEEK, fields.weekday),
    ] {
        lints.extend(list.split(',').filter_map(|text| of_item(field, &text)));
    }
    if lints.is_empty() {
        lints.extend(of_days(&fields, cron));
    }
    lints
}

/// An item that goes on where Vixie cron stops, or over the end of its field.
fn of_item(field: &Field, text: &Piece<'_>) -> Option<CronLint> {
    let item::Item::Values(values) = field.item(text, None).ok()? else {
        return None;
    };
    let (base, step) = text.cut('/');
    let is_single = base.number().is_some() || field.named(base.text).is_some();
    if let (Some(step), true) = (step, is_single) {
        let (value, top, step) = (base.text, field.top, step.text);
        return Some(CronLint {
            span: text.span(),
            message: format!("`{}` goes on from {value} to {top}", text.text),
            label: format!("in Vixie cron it is {value} alone"),
            help: format!("write `{value}-{top}/{step}`, which every cron reads alike"),
        });
    }
    // There a Sunday is 0 by name, and 7 only as a number.
    let sunday = field.max > field.top && base.text.to_ascii_uppercase().ends_with("-SUN");
    let turns = values.last < values.first || (values.last > field.top && sunday);
    let zero = values.last > field.top && base.text.ends_with("-0");
    (turns || zero).then(|| CronLint {
        span: text.span(),
        message: format!("`{}` wraps around", text.text),
        label: "in Vixie cron it matches nothing, or is refused".to_owned(),
        help: format!(
            "write `{}`, which every cron reads alike",
            written_out(field, values)
        ),
    })
}

fn written_out(field: &Field, values: item::Values) -> String {
    let part = |first: u32, last: u32| {
        if first == last {
            first.to_string()
        } else {
            format!("{first}-{last}")
        }
    };
    if values.last > field.top {
        let step = match values.step {
            1 => String::new(),
            step => format!("/{step}"),
        };
        return format!("{}{step}", part(values.first, values.last));
    }
    if values.step == 1 {
        let (head, tail) = (part(values.first, field.top), part(field.min, values.last));
        return format!("{head},{tail}");
    }
    let values: Vec<String> = values.iter().map(|value| value.to_string()).collect();
    values.join(",")
}

/// There it is the star at the beginning of a day field that decides whether
/// either day is enough, and not what the field matches.
fn of_days(fields: &Fields<'_>, cron: &Cron) -> Option<CronLint> {
    let (day, weekday) = (&fields.day, &fields.weekday);
    if fields.both || !is_plain(&DAY_OF_MONTH, day) || !is_plain(&DAY_OF_WEEK, weekday) {
        return None;
    }
    let starred = [day, weekday]
        .into_iter()
        .find(|list| list.text.starts_with('*'));
    let pattern = &cron.pattern;
    if pattern.takes_either() {
        let starred = starred?;
        return Some(CronLint {
            span: starred.span(),
            message: format!(
                "of `{}` and `{}` either day is enough, because `{}` is not every day",
                day.text, weekday.text, starred.text
            ),
            label: "in Vixie cron both must match, because of the `*`".to_owned(),
            help: format!("write `+{}` if both days must match", weekday.text),
        });
    }
    if starred.is_some() {
        return None;
    }
    let (all, other) = match (pattern.days == ALL_DAYS, pattern.weekdays == ALL_WEEKDAYS) {
        (true, false) => (day, weekday),
        (false, true) => (weekday, day),
        _ => return None,
    };
    Some(CronLint {
        span: all.span(),
        message: format!(
            "`{}` is every day, so only `{}` counts",
            all.text, other.text
        ),
        label: "in Vixie cron either is enough, which is every day".to_owned(),
        help: "write `*` in its place, which every cron reads alike".to_owned(),
    })
}

/// Whether a field has nothing in it that only this cron knows.
fn is_plain(field: &Field, list: &Piece<'_>) -> bool {
    list.split(',').all(|text| {
        let item = field.item(&text, None);
        matches!(item, Ok(item::Item::Values(_))) && !text.text.starts_with('?')
    })
}
