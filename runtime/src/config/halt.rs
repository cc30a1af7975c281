//! `enabled` and `disable_after`: what keeps a job from being due though its trigger says so.

use std::{
    num::NonZeroU32,
    ops::{Range, RangeInclusive},
};

use super::{
    problem::Problem,
    table::{Kind, Table, Walk},
};

const AFTER: Kind = Kind::number("a whole number", "5");

/// Zero is never.
pub(super) const FAILURES: RangeInclusive<u32> = 0..=10_000;

/// For advice.
pub(super) const KEYS: [&str; 2] = ["enabled", "disable_after"];

/// What is written of them.
#[derive(Clone, Debug, Default)]
pub(super) struct HaltKeys {
    enabled: Option<bool>,
    disable_after: Option<u32>,
    /// Where that is written.
    disable_after_at: Option<Range<usize>>,
}

/// What they mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Halt {
    pub(super) enabled: bool,
    pub(super) disable_after: Option<NonZeroU32>,
}

impl HaltKeys {
    pub(super) fn read<'a>(walk: &mut Walk<'a>, table: &mut Table<'a>) -> Self {
        let mut keys = Self::default();
        if let Some(field) = table.take("enabled") {
            keys.enabled = walk.boolean(&field);
        }
        if let Some(field) = table.take("disable_after") {
            keys.disable_after = walk.integer(&field, &AFTER, FAILURES);
            keys.disable_after_at = Some(field.span.clone());
        }
        keys
    }

    /// What these keys mean, with those of `defaults` where they are not written, in a job that is
    /// critical or not.
    pub(super) fn resolve(self, defaults: &Self, critical: bool, walk: &mut Walk<'_>) -> Halt {
        let disable_after = self.disable_after.or(defaults.disable_after);
        // One that `[defaults]` has is there for other jobs.
        if let Some(span) = self.disable_after_at.filter(|_| critical)
            && disable_after != Some(0)
        {
            walk.lints.push(idle(span));
        }
        Halt {
            enabled: self.enabled.or(defaults.enabled).unwrap_or(true),
            disable_after: disable_after.and_then(NonZeroU32::new),
        }
    }
}

/// What is said of `disable_after` in a critical job.
fn idle(span: Range<usize>) -> Problem {
    Problem::warning(
        "config::no-effect",
        "`disable_after` has no effect with `critical = true`",
    )
    .at(span)
    .label("a critical job is never paused by its failures")
    .help("leave one of the two out")
}
