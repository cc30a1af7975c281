//! The keys that `[defaults]` and a job share.

use cronlet_core::{
    job::DEFAULT_GRACE,
    limits::Limits,
    policy::{CatchUp, Overlap, Retry},
    run::FailReason,
};

use super::{
    allow,
    entry::{Entry, object},
};
use crate::config::{
    admission::{AGES, CATCH_UPS, INSTANCES, MOST_LATE, MOST_QUEUED, OVERLAPS, PRIORITIES},
    halt::FAILURES,
    health::OVERDUE,
    policy::{GRACES, MEMORIES, ON_CRASHES, OUTPUTS, STATE_VALUES, STATES, TIMEOUTS},
    retry::{DELAYS, FACTORS, MOST},
};

/// All of them: each is one of the schema's definitions.
pub(super) fn keys() -> Vec<(&'static str, Entry)> {
    let zone = Entry::zone(
        "The time zone that `cron`, and an `at` without an offset, are read in. Without it, that of \
         `[runtime]` holds.",
    );
    let mut keys = vec![("timezone", zone), ("allow", allow::allow())];
    keys.extend(limits());
    keys.extend(endings());
    keys.extend(halts());
    keys.extend(health());
    keys.extend(admission());
    keys
}

fn limits() -> [(&'static str, Entry); 5] {
    let limits = Limits::default();
    [
        (
            "timeout",
            Entry::duration(
                "How long one attempt may take, whether it computes, sleeps or waits.",
                &TIMEOUTS,
            )
            .default_duration(limits.timeout),
        ),
        (
            "memory",
            Entry::size("What one attempt may use, over all its memories.", &MEMORIES)
                .default_size(limits.memory),
        ),
        (
            "max_output",
            Entry::size("How large a job's result may be; a larger one fails the run.", &OUTPUTS)
                .default_size(limits.max_output),
        ),
        (
            "max_state",
            Entry::size(
                "What the job may remember from run to run: each key counts with its value and 64 bytes.",
                &STATES,
            )
            .default_size(limits.max_state),
        ),
        (
            "max_state_value",
            Entry::size("How large one value may be that the job remembers.", &STATE_VALUES)
                .default_size(limits.max_state_value),
        ),
    ]
}

/// What follows when something goes wrong.
fn endings() -> [(&'static str, Entry); 3] {
    [
        ("retry", retry()),
        (
            "on_crash",
            Entry::word(
                "What becomes of a run whose attempt the daemon died with: one more attempt, or it \
                 fails. `fail` with `retry.max` of 0 means that nothing ever starts twice.",
                ON_CRASHES.map(|(word, _)| word),
            )
            .default("retry"),
        ),
        (
            "grace",
            Entry::duration(
                "How long a cancelled guest has to end by itself before it is stopped.",
                &GRACES,
            )
            .default_duration(DEFAULT_GRACE),
        ),
    ]
}

/// What keeps a job from being due.
fn halts() -> [(&'static str, Entry); 2] {
    [
        (
            "enabled",
            Entry::boolean(
                "Whether the job's trigger makes it due. One that is disabled runs only when it is asked \
                 for; enabled again, it does not catch up.",
            )
            .default(true),
        ),
        (
            "disable_after",
            Entry::integer(
                "After so many failed runs in a row the job is paused, until `cronlet resume JOB`; 0 is \
                 never. Runs that somebody asked for do not count, and a critical job is never paused \
                 by its failures.",
                &FAILURES,
            )
            .default(0),
        ),
    ]
}

/// What is noticed when it does not go well.
fn health() -> [(&'static str, Entry); 2] {
    [
        (
            "critical",
            Entry::boolean(
                "Whether a failure of the job makes the whole daemon unhealthy, until a run of it succeeds.",
            )
            .default(false),
        ),
        (
            "overdue_after",
            Entry::duration(
                "Without a success for this long the job is overdue: that is in the log, and the daemon \
                 is degraded until a run of it succeeds. Without it a job is never overdue.",
                &OVERDUE,
            )
            .examples(["26h"]),
        ),
    ]
}

fn admission() -> [(&'static str, Entry); 9] {
    let catch_up = CatchUp::default();
    [
        (
            "overlap",
            Entry::word(
                "What becomes of an occurrence while a run of the job is open: it is skipped, it waits \
                 until that is closed (only the newest that waits, or all), it runs beside it, or it \
                 has it cancelled or killed and starts then.",
                OVERLAPS.map(|(word, _)| word),
            )
            .default("skip"),
        ),
        (
            "max_queued",
            Entry::integer(
                "With `overlap = \"queue-all\"`: how many occurrences may wait. One more is skipped.",
                &MOST_QUEUED,
            )
            .default(Overlap::DEFAULT_MAX_QUEUED.get()),
        ),
        (
            "max_instances",
            Entry::integer(
                "With `overlap = \"allow\"`: how many attempts of the job run at one time; more wait. \
                 Without it there is no limit but `max_concurrent_runs`.",
                &INSTANCES,
            ),
        ),
        (
            "group",
            Entry::name("A group of this file, whose `max` the job's attempts count for, too."),
        ),
        (
            "priority",
            Entry::signed(
                "Among runs that wait for a place, a point of priority is worth a minute of waiting.",
                &PRIORITIES,
            )
            .default(0),
        ),
        (
            "catch_up",
            Entry::word(
                "What becomes of what was missed while the daemon was down: one run for the newest \
                 instant, nothing, or a run for each, one after the other.",
                CATCH_UPS.map(|(word, _)| word),
            )
            .default("latest"),
        ),
        (
            "catch_up_max",
            Entry::integer(
                "With `catch_up = \"all\"`: how many of the newest instants run.",
                &MOST_LATE,
            )
            .default(catch_up.max.get()),
        ),
        (
            "catch_up_grace",
            Entry::duration("Under this age an instant is on time and not missed.", &AGES)
                .default_duration(catch_up.grace),
        ),
        (
            "catch_up_window",
            Entry::duration("An instant of this age or older never runs.", &AGES)
                .default_duration(catch_up.window),
        ),
    ]
}

/// `retry`.
fn retry() -> Entry {
    let built_in = Retry::default();
    let reasons = FailReason::ALL.map(FailReason::as_str);
    let keys = [
        (
            "max",
            Entry::integer("How many attempts may follow the first.", &MOST).default(built_in.max),
        ),
        (
            "backoff",
            Entry::word(
                "Whether each delay is `factor` times the one before, or all are the same.",
                ["exponential", "fixed"],
            )
            .default("exponential"),
        ),
        (
            "delay",
            Entry::duration("The delay before the first retry.", &DELAYS)
                .default_duration(built_in.delay),
        ),
        (
            "factor",
            Entry::number("How fast the delay grows.", &FACTORS).default(2),
        ),
        (
            "max_delay",
            Entry::duration("No delay is longer than this.", &DELAYS)
                .default_duration(built_in.max_delay),
        ),
        (
            "jitter",
            Entry::boolean(
                "Whether a delay is shortened by up to a half, differently each time, so \
                 that jobs that failed together do not come back together.",
            )
            .default(built_in.jitter),
        ),
        (
            "on",
            Entry::list(
                "The reasons that are retried.",
                Entry::word("Why an attempt failed.", reasons),
            )
            .default(reasons.to_vec()),
        ),
    ];
    object(
        "Whether and when an attempt that failed is followed by another. A job's keys go over those of \
         `[defaults]` one by one.",
        keys,
    )
    .examples([serde_json::json!({ "max": 3, "delay": "5s" })])
}
