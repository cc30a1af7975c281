//! The keys that `[defaults]` and a job share.

use std::{
    ops::{Range, RangeInclusive},
    time::Duration,
};

use cronlet_core::{
    job::DEFAULT_GRACE,
    limits::Limits,
    policy::{OnCrash, Retry},
    schedule::Zone,
    units::format_size,
};

use super::{
    admission::{Admission, AdmissionKeys},
    allow::Allow,
    calendar::{CalendarKeys, Reserve},
    halt::{Halt, HaltKeys},
    health::{Health, HealthKeys},
    problem::Problem,
    retry::RetryKeys,
    table::{Field, Kind, Table, Walk},
};

const TIMEOUT: Kind = Kind::measure("a duration", "\"5m\"", "s");
const MEMORY: Kind = Kind::measure("a size", "\"64MiB\"", "MiB");
const OUTPUT: Kind = Kind::measure("a size", "\"1MiB\"", "B");
const STATE: Kind = Kind::measure("a size", "\"16MiB\"", "MiB");
const STATE_VALUE: Kind = Kind::measure("a size", "\"64KiB\"", "KiB");
const ON_CRASH: Kind = Kind::quoted("a word", "\"retry\"");
const CANCEL_GRACE: Kind = Kind::measure("a duration", "\"10s\"", "s");

pub(super) const TIMEOUTS: RangeInclusive<Duration> =
    Duration::from_millis(1)..=Duration::from_hours(30 * 24);
pub(super) const MEMORIES: RangeInclusive<u64> = 64 << 10..=4 << 30;
pub(super) const OUTPUTS: RangeInclusive<u64> = 0..=64 << 20;
pub(super) const STATES: RangeInclusive<u64> = 1 << 10..=64 << 20;
pub(super) const STATE_VALUES: RangeInclusive<u64> = 1..=1 << 20;
pub(super) const GRACES: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_hours(24);

/// The words of `on_crash`.
pub(super) const ON_CRASHES: [(&str, OnCrash); 2] =
    [("retry", OnCrash::Retry), ("fail", OnCrash::Fail)];

/// The keys that both tables have beside those of `admission`, `calendar`, `halt` and `health`, for advice.
pub(super) const KEYS: [&str; 10] = [
    "timezone",
    "timeout",
    "memory",
    "max_output",
    "max_state",
    "max_state_value",
    "retry",
    "on_crash",
    "grace",
    "allow",
];

/// What is written of them.
#[derive(Clone, Debug, Default)]
pub(super) struct PolicyKeys {
    timezone: Option<Zone>,
    timeout: Option<Duration>,
    memory: Option<u64>,
    max_output: Option<u64>,
    max_state: Option<u64>,
    max_state_value: Option<u64>,
    /// Where that is written.
    max_state_value_at: Option<Range<usize>>,
    retry: RetryKeys,
    on_crash: Option<OnCrash>,
    grace: Option<Duration>,
    halt: HaltKeys,
    health: HealthKeys,
    calendar: CalendarKeys,
    admission: AdmissionKeys,
    allow: Option<Allow>,
}

/// What they mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Policy {
    pub(super) zone: Zone,
    pub(super) limits: Limits,
    pub(super) retry: Retry,
    pub(super) on_crash: OnCrash,
    pub(super) grace: Duration,
    pub(super) halt: Halt,
    pub(super) health: Health,
    pub(super) reserve: Reserve,
    pub(super) admission: Admission,
    pub(super) allow: Allow,
}

impl PolicyKeys {
    pub(super) fn read<'a>(walk: &mut Walk<'a>, table: &mut Table<'a>) -> Self {
        let mut keys = Self::default();
        if let Some(field) = table.take("timezone") {
            keys.timezone = walk.zone(&field);
        }
        if let Some(field) = table.take("timeout") {
            keys.timeout = walk.timeout(&field);
        }
        if let Some(field) = table.take("memory") {
            keys.memory = walk.size(&field, &MEMORY, MEMORIES);
        }
        if let Some(field) = table.take("max_output") {
            keys.max_output = walk.size(&field, &OUTPUT, OUTPUTS);
        }
        if let Some(field) = table.take("max_state") {
            keys.max_state = walk.size(&field, &STATE, STATES);
        }
        if let Some(field) = table.take("max_state_value") {
            keys.max_state_value = walk.size(&field, &STATE_VALUE, STATE_VALUES);
            keys.max_state_value_at = Some(field.span.clone());
        }
        if let Some(field) = table.take("retry") {
            keys.retry = RetryKeys::read(walk, &field);
        }
        if let Some(field) = table.take("on_crash") {
            keys.on_crash = walk.choice(&field, &ON_CRASH, &ON_CRASHES);
        }
        if let Some(field) = table.take("grace") {
            keys.grace = walk.duration(&field, &CANCEL_GRACE, GRACES);
        }
        keys.halt = HaltKeys::read(walk, table);
        keys.health = HealthKeys::read(walk, table);
        keys.calendar = CalendarKeys::read(walk, table);
        keys.admission = AdmissionKeys::read(walk, table);
        if let Some(field) = table.take("allow") {
            keys.allow = Allow::read(walk, &field);
        }
        keys
    }

    /// The limits that these keys mean, with those of `defaults` where they are not written.
    pub(super) fn limits(&self, defaults: &Self) -> Limits {
        let limits = Limits::default();
        Limits {
            timeout: self.timeout.or(defaults.timeout).unwrap_or(limits.timeout),
            memory: self.memory.or(defaults.memory).unwrap_or(limits.memory),
            max_output: self
                .max_output
                .or(defaults.max_output)
                .unwrap_or(limits.max_output),
            max_state: self
                .max_state
                .or(defaults.max_state)
                .unwrap_or(limits.max_state),
            max_state_value: self
                .max_state_value
                .or(defaults.max_state_value)
                .unwrap_or(limits.max_state_value),
        }
    }

    /// The zone that these keys mean, with that of `defaults` or else `runtime` where it is not
    /// written.
    pub(super) fn zone(&self, defaults: &Self, runtime: &Zone) -> Zone {
        let zone = self.timezone.as_ref().or(defaults.timezone.as_ref());
        zone.unwrap_or(runtime).clone()
    }

    /// What these keys mean, with those of `defaults` where they are not written.
    pub(super) fn resolve(self, defaults: &Self, zone: Zone, walk: &mut Walk<'_>) -> Policy {
        let limits = self.limits(defaults);
        // One that `[defaults]` has is there for other jobs.
        if let Some(span) = self.max_state_value_at.clone()
            && limits.max_state_value > limits.max_state
        {
            walk.lints.push(larger_than_all(span, limits.max_state));
        }
        let health = self.health.resolve(&defaults.health);
        Policy {
            reserve: self.calendar.resolve(&defaults.calendar, &zone),
            zone,
            limits,
            retry: self.retry.over(&defaults.retry).resolve(walk),
            on_crash: self.on_crash.or(defaults.on_crash).unwrap_or_default(),
            grace: self.grace.or(defaults.grace).unwrap_or(DEFAULT_GRACE),
            halt: self.halt.resolve(&defaults.halt, health.critical, walk),
            health,
            admission: self.admission.resolve(&defaults.admission, walk),
            allow: self
                .allow
                .or_else(|| defaults.allow.clone())
                .unwrap_or_default(),
        }
    }
}

/// What is said of a `max_state_value` that no value can reach.
fn larger_than_all(span: Range<usize>, max_state: u64) -> Problem {
    let all = format_size(max_state);
    Problem::warning(
        "config::no-effect",
        "`max_state_value` has no effect above `max_state`",
    )
    .at(span)
    .label(format!("all values together have {all}"))
    .help(format!(
        "write `max_state_value = \"{all}\"` or less, or a larger `max_state`"
    ))
}

impl<'a> Walk<'a> {
    fn timeout(&mut self, field: &Field<'a>) -> Option<Duration> {
        let timeout = self.duration(field, &TIMEOUT, Duration::ZERO..=*TIMEOUTS.end())?;
        if timeout.is_zero() {
            let problem = Problem::error("config::range", "`timeout` is zero")
                .at(field.span.clone())
                .label("zero would stop every attempt before it starts")
                .help("write `timeout = \"5m\"`, or leave it out for the default of 5m");
            self.push(problem);
            return None;
        }
        Some(timeout)
    }
}
