//! `critical` and `overdue_after`: what is noticed of a job that does not go well.

use std::{iter, ops::RangeInclusive, time::Duration};

use cronlet_core::{schedule::Trigger, units::format_duration};
use jiff::Timestamp;

use super::{
    job::JobDraft,
    problem::Problem,
    table::{Kind, Table, Walk},
};

const AFTER: Kind = Kind::measure("a duration", "\"26h\"", "h");

pub(super) const OVERDUE: RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_hours(3650 * 24);

/// For advice.
pub(super) const KEYS: [&str; 2] = ["critical", "overdue_after"];

/// How many of a job's instants are looked at for the longest wait between two. A week of hours, half
/// a year of days.
const INSTANTS: usize = 200;

/// What is written of them.
#[derive(Clone, Debug, Default)]
pub(super) struct HealthKeys {
    critical: Option<bool>,
    overdue_after: Option<Duration>,
}

/// What they mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Health {
    pub(super) critical: bool,
    pub(super) overdue_after: Option<Duration>,
}

impl HealthKeys {
    pub(super) fn read<'a>(walk: &mut Walk<'a>, table: &mut Table<'a>) -> Self {
        let mut keys = Self::default();
        if let Some(field) = table.take("critical") {
            keys.critical = walk.boolean(&field);
        }
        if let Some(field) = table.take("overdue_after") {
            keys.overdue_after = walk.duration(&field, &AFTER, OVERDUE);
        }
        keys
    }

    /// What these keys mean, with those of `defaults` where they are not written.
    pub(super) fn resolve(self, defaults: &Self) -> Health {
        Health {
            critical: self.critical.or(defaults.critical).unwrap_or_default(),
            overdue_after: self.overdue_after.or(defaults.overdue_after),
        }
    }
}

/// What is to be said about a job that is overdue though each of its runs succeeds, when it is read at
/// `now`.
pub(super) fn never_in_time(job: &JobDraft, now: Timestamp) -> Option<Problem> {
    let (trigger, after) = (job.trigger.as_ref()?, job.policy.health.overdue_after?);
    let wait = longest_wait(&trigger.value, now).filter(|wait| *wait >= after)?;
    let (after, wait) = (format_duration(after), format_duration(wait));
    let problem = Problem::warning(
        "config::overdue",
        format!(
            "job `{}` is overdue though each of its runs succeeds",
            job.name
        ),
    )
    .at(trigger.span.clone())
    .label(format!("waits {wait} from one instant to the next"))
    .help(format!(
        "make `overdue_after` longer than {wait}, with time for the run itself: it is {after}"
    ));
    Some(problem)
}

/// The longest time from an instant to the next, as far as one looks.
fn longest_wait(trigger: &Trigger, now: Timestamp) -> Option<Duration> {
    let instants = iter::successors(trigger.next_after(now), |at| trigger.next_after(*at));
    // All waits of a period are the same.
    let most = if matches!(trigger, Trigger::Every(_)) {
        2
    } else {
        INSTANTS
    };
    let instants: Vec<_> = instants.take(most).collect();
    let waits = instants.windows(2).filter_map(|pair| {
        let [from, to] = pair else { return None };
        Duration::try_from(to.duration_since(*from)).ok()
    });
    waits.max()
}
