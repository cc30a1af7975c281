//! `[jobs.NAME]`, and `[defaults]` with the keys that make sense for every job.

use cronlet_core::{
    limits::Limits,
    policy::{CatchUp, Retry},
    run::FailReason,
};
use serde_json::{Value, json};

use super::entry::{Entry, object};
use crate::config::{
    policy::{AGES, INSTANCES, MEMORIES, OUTPUTS, TIMEOUTS},
    retry::{DELAYS, FACTORS, MOST},
};

/// What a job's name may be; the core says the same in words.
const NAME: &str = "^[a-z0-9][a-z0-9_-]{0,63}$";
/// A name of a plugin, or a path.
const PLUGIN: &str = r"^[a-z0-9_-]+$|/|\.wasm$";
const SHA256: &str = "^[0-9a-fA-F]{64}$";
const INSTANT: &str = "^[0-9]{4}-[0-9]{2}-[0-9]{2}";

/// `[jobs]`.
pub(super) fn jobs() -> Entry {
    Entry::map(
        "The jobs, by name: small letters, digits, `_` and `-`. Rename a job and it is another one.",
        Entry::reference("job").into_value(),
    )
    .with("propertyNames", json!({ "pattern": NAME }))
}

/// `[defaults]`.
pub(super) fn defaults() -> Entry {
    object("What holds for every job that does not say otherwise.", []).add(shared())
}

pub(super) fn definitions() -> Value {
    let job = own_keys().add(shared()).with("required", vec!["plugin"]);
    let mut definitions = json!({ "job": job.into_value() });
    for (name, entry) in policy_keys() {
        definitions[name] = entry.into_value();
    }
    definitions
}

/// The keys that both tables have, as references.
fn shared() -> impl Iterator<Item = (&'static str, Entry)> {
    policy_keys()
        .into_iter()
        .map(|(name, _)| (name, Entry::reference(name)))
}

/// The keys that each job must say for itself.
fn own_keys() -> Entry {
    let instant = || Entry::pattern("An instant with its offset from UTC.", INSTANT);
    let keys = [
        ("description", Entry::text("What the job is for, in a few words.")),
        (
            "plugin",
            Entry::pattern(
                "What the job runs: the name of a component in the plugins folder, or a path that is \
                 relative to this file.",
                PLUGIN,
            )
            .examples(["hello", "./build/hello.wasm"]),
        ),
        (
            "sha256",
            Entry::pattern(
                "The only component that will do, by its SHA-256. `sha256sum FILE.wasm` prints it.",
                SHA256,
            ),
        ),
        (
            "cron",
            Entry::text(
                "When the job is due: minute, hour, day of the month, month, day of the week. Six \
                 fields have seconds first; seven have the year last. `cronlet next --cron EXPR` says \
                 what an expression means.\n\nA job has one of `cron`, `every` and `at`, or none: then \
                 it runs only when it is asked for.",
            )
            .with("minLength", 1)
            .examples(["0 6 * * Mon-Fri", "*/15 * * * *", "0 0 L * *", "@daily"]),
        ),
        (
            "every",
            Entry::length(
                "The time from one run to the next, at least `1s`. It is anchored to 1970 and not to \
                 the start of the daemon, so a restart never shifts it.",
            ),
        ),
        (
            "offset",
            Entry::length("Moves the instants of `every`; it is shorter than that."),
        ),
        (
            "at",
            Entry::any_of(
                "One instant, or a list of them.",
                [
                    instant().examples(["2030-01-31T08:00:00Z"]),
                    Entry::list("Several instants.", instant()).with("minItems", 1),
                ],
            ),
        ),
        (
            "params",
            Entry::map("What the plugin is given, as JSON. Its keys are the plugin's own.", true),
        ),
    ];
    object("One job.", keys)
}

/// The keys that both tables have: each is one of the schema's definitions.
fn policy_keys() -> [(&'static str, Entry); 9] {
    let (limits, catch_up) = (Limits::default(), CatchUp::default());
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
        ("retry", retry()),
        (
            "overlap",
            Entry::word(
                "What becomes of an occurrence while a run of the job is open: it is skipped, or it \
                 runs beside the others.",
                ["skip", "allow"],
            )
            .default("skip"),
        ),
        (
            "max_instances",
            Entry::integer(
                "With `overlap = \"allow\"`: how many runs of the job may be open; more wait. Without \
                 it there is no limit but `max_concurrent_runs`.",
                &INSTANCES,
            ),
        ),
        (
            "catch_up",
            Entry::word(
                "What becomes of what was missed while the daemon was down: one run for the newest \
                 instant, or nothing.",
                ["latest", "none"],
            )
            .default("latest"),
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
    .examples([json!({ "max": 3, "delay": "5s" })])
}
