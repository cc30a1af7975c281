//! `retry = { … }`, in `[defaults]` and in a job. A job's keys go over the defaults' one by one.

use std::{collections::BTreeSet, ops::RangeInclusive, time::Duration};

use cronlet_core::{
    policy::{Backoff, Retry},
    run::FailReason,
    units::format_duration,
};
use toml::de::DeValue;

use super::{
    problem::Problem,
    table::{Field, Kind, Marked, Table, Walk},
};

const TABLE: Kind = Kind::table("{ max = 3 }");
const COUNT: Kind = Kind::number("a whole number", "3");
const DELAY: Kind = Kind::measure("a duration", "\"5s\"", "s");
const MAX_DELAY: Kind = Kind::measure("a duration", "\"10m\"", "s");
const BACKOFF: Kind = Kind::quoted("a word", "\"exponential\"");
const FACTOR: Kind = Kind::number("a number", "2");
const ON: Kind = Kind::list("a list of reasons", "[\"timeout\", \"trap\"]");
const REASON: Kind = Kind::quoted("a reason", "\"timeout\"");

pub(super) const MOST: RangeInclusive<u32> = 0..=1000;
pub(super) const FACTORS: RangeInclusive<f64> = 1.0..=100.0;
pub(super) const DELAYS: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_hours(30 * 24);

/// The keys of the table, for advice.
pub(super) const KEYS: [&str; 7] = [
    "max",
    "backoff",
    "delay",
    "factor",
    "max_delay",
    "jitter",
    "on",
];

/// What is written of a retry policy.
#[derive(Clone, Debug, Default)]
pub(super) struct RetryKeys {
    max: Option<u32>,
    growth: Option<Growth>,
    delay: Option<Marked<Duration>>,
    factor: Option<f64>,
    max_delay: Option<Marked<Duration>>,
    jitter: Option<bool>,
    on: Option<BTreeSet<FailReason>>,
}

#[derive(Clone, Copy, Debug)]
enum Growth {
    Exponential,
    Fixed,
}

impl RetryKeys {
    pub(super) fn read<'a>(walk: &mut Walk<'a>, field: &Field<'a>) -> Self {
        let Some(table) = walk.table(field, &TABLE) else {
            return Self::default();
        };
        let mut table = Table::new("`retry`", "retry.", table);
        let growths = [
            ("exponential", Growth::Exponential),
            ("fixed", Growth::Fixed),
        ];
        let max = table.take("max");
        let backoff = table.take("backoff");
        let delay = table.take("delay");
        let factor = table.take("factor");
        let max_delay = table.take("max_delay");
        let jitter = table.take("jitter");
        let on = table.take("on");
        let keys = Self {
            max: max.and_then(|field| walk.integer(&field, &COUNT, MOST)),
            growth: backoff.and_then(|field| walk.choice(&field, &BACKOFF, &growths)),
            delay: delay.and_then(|field| walk.delay(&field, &DELAY)),
            factor: factor.and_then(|field| walk.number(&field, &FACTOR, FACTORS)),
            max_delay: max_delay.and_then(|field| walk.delay(&field, &MAX_DELAY)),
            jitter: jitter.and_then(|field| walk.boolean(&field)),
            on: on.and_then(|field| walk.reasons(&field)),
        };
        table.finish(walk, |_| None);
        keys
    }

    /// These keys, and for those that are not written the ones of `defaults`.
    pub(super) fn over(self, defaults: &Self) -> Self {
        let defaults = defaults.clone();
        Self {
            max: self.max.or(defaults.max),
            growth: self.growth.or(defaults.growth),
            delay: self.delay.or(defaults.delay),
            factor: self.factor.or(defaults.factor),
            max_delay: self.max_delay.or(defaults.max_delay),
            jitter: self.jitter.or(defaults.jitter),
            on: self.on.or(defaults.on),
        }
    }

    /// The policy that these keys make.
    pub(super) fn resolve(self, walk: &mut Walk<'_>) -> Retry {
        let built_in = Retry::default();
        let max_delay = self
            .max_delay
            .as_ref()
            .map_or(built_in.max_delay, |it| it.value);
        if let Some(delay) = self.delay.as_ref().filter(|delay| delay.value > max_delay) {
            walk.push(delay_too_long(delay, self.max_delay.as_ref(), max_delay));
        }
        Retry {
            max: self.max.unwrap_or(built_in.max),
            backoff: match self.growth.unwrap_or(Growth::Exponential) {
                Growth::Fixed => Backoff::Fixed,
                Growth::Exponential => Backoff::Exponential {
                    factor: self.factor.unwrap_or(2.0),
                },
            },
            delay: self.delay.map_or(built_in.delay, |it| it.value),
            max_delay,
            jitter: self.jitter.unwrap_or(built_in.jitter),
            on: self.on.unwrap_or(built_in.on),
        }
    }
}

impl<'a> Walk<'a> {
    fn delay(&mut self, field: &Field<'a>, kind: &Kind) -> Option<Marked<Duration>> {
        let value = self.duration(field, kind, DELAYS)?;
        let span = field.span.clone();
        Some(Marked { value, span })
    }

    fn reasons(&mut self, field: &Field<'a>) -> Option<BTreeSet<FailReason>> {
        let DeValue::Array(list) = field.value else {
            return self.wrong_type(field, &ON);
        };
        let reasons: Vec<_> = list
            .iter()
            .map(|value| {
                let reasons = FailReason::ALL.map(|it| (it.as_str(), it));
                self.choice(&field.item(value), &REASON, &reasons)
            })
            .collect();
        // Each of them, so that all wrong ones are reported, and only then all or none.
        reasons.into_iter().collect()
    }
}

fn delay_too_long(
    delay: &Marked<Duration>,
    written: Option<&Marked<Duration>>,
    max_delay: Duration,
) -> Problem {
    let (long, most) = (format_duration(delay.value), format_duration(max_delay));
    let problem = Problem::error(
        "config::range",
        format!("`retry.delay` {long} is longer than `retry.max_delay` {most}"),
    )
    .at(delay.span.clone())
    .help(format!("write `max_delay = \"{long}\"` or more"));
    match written {
        Some(written) => problem
            .label(format!("expected at most {most}"))
            .related(written.span.clone(), "no delay is longer than this"),
        None => problem.label(format!(
            "expected at most {most}, the default of `max_delay`"
        )),
    }
}
