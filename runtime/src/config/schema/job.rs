//! `[jobs.NAME]`, and `[defaults]` with the keys that make sense for every job.

use cronlet_core::after::On;
use cronlet_core::schedule::Triggers;
use serde_json::{Value, json};

use super::{
    entry::{Entry, object},
    policy,
};
use crate::config::after::ONS;

/// A name of a plugin, or a path.
const PLUGIN: &str = r"^[a-z0-9_-]+$|/|\.wasm$";
const SHA256: &str = "^[0-9a-fA-F]{64}$";
const INSTANT: &str = "^[0-9]{4}-[0-9]{2}-[0-9]{2}";

/// `[jobs]`.
pub(super) fn jobs() -> Entry {
    Entry::named(
        "The jobs, by name: small letters, digits, `_` and `-`. Rename a job and it is another one.",
        Entry::reference("job"),
    )
}

/// `[defaults]`.
pub(super) fn defaults() -> Entry {
    object("What holds for every job that does not say otherwise.", []).add(shared())
}

pub(super) fn definitions() -> Value {
    let job = own_keys().add(shared()).with("required", vec!["plugin"]);
    let mut definitions = json!({ "job": job.into_value() });
    for (name, entry) in policy::keys() {
        definitions[name] = entry.into_value();
    }
    definitions
}

/// The keys that both tables have, as references.
fn shared() -> impl Iterator<Item = (&'static str, Entry)> {
    policy::keys()
        .into_iter()
        .map(|(name, _)| (name, Entry::reference(name)))
}

/// An instant.
fn instant(doc: &str) -> Entry {
    Entry::pattern(doc, INSTANT).examples(["2030-01-31T08:00:00Z"])
}

/// The keys of one trigger, with what is said of a place that has none.
fn trigger(none: &str) -> [(&'static str, Entry); 4] {
    let instants = "An instant: RFC 3339, or local time in the job's zone.";
    [
        (
            "cron",
            Entry::text(&format!(
                "When the job is due: minute, hour, day of the month, month, day of the week. Six \
                 fields have seconds first; seven have the year last. `cronlet next --cron EXPR` says \
                 what an expression means.\n\n{none}"
            ))
            .with("minLength", 1)
            .examples(["0 6 * * Mon-Fri", "*/15 * * * *", "0 6 1 * *", "@daily"]),
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
                    instant(instants),
                    Entry::list("Several instants.", Entry::pattern(instants, INSTANT)).with("minItems", 1),
                ],
            ),
        ),
    ]
}

/// When the job is due.
fn times() -> [(&'static str, Entry); 3] {
    let one = object(
        "One trigger.",
        trigger("An item has one of `cron`, `every` and `at`."),
    );
    [
        (
            "triggers",
            Entry::list(
                "Several triggers: the job is due when any of them is, and where they meet it is due once.",
                one,
            )
            .with("minItems", 1)
            .with("maxItems", Triggers::MOST)
            .examples([json!([{ "cron": "0 6 * * Mon-Fri" }, { "cron": "0 9 * * Sat,Sun" }])]),
        ),
        (
            "start",
            instant("Before this nothing is due: RFC 3339, or local time in the job's zone."),
        ),
        (
            "end",
            instant("At this and after it nothing is due: RFC 3339, or local time in the job's zone."),
        ),
    ]
}

/// The keys that each job must say for itself.
fn own_keys() -> Entry {
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
        ("after", after()),
        (
            "params",
            Entry::map("What the plugin is given, as JSON. Its keys are the plugin's own.", true),
        ),
    ];
    object("One job.", keys)
        .add(trigger(
            "A job has one of `cron`, `every` and `at`, or several of them in `triggers`, or none: then it \
             runs only when it is asked for.",
        ))
        .add(times())
}

/// `after`.
fn after() -> Entry {
    Entry::any_of(
        "Another job: each end of a run of it makes this one due, once, and its output is this \
         one's input.",
        [
            Entry::name("The job that must have succeeded.").examples(["extract"]),
            object(
                "The job, and which of its ends count.",
                [
                    ("job", Entry::name("The other job.").examples(["extract"])),
                    (
                        "on",
                        Entry::word(
                            "Which ends count: those that succeeded, those that failed, or \
                             all. For any other end the job is recorded as skipped.",
                            ONS.map(|(word, _)| word),
                        )
                        .default(On::default().as_str()),
                    ),
                ],
            )
            .with("required", vec!["job"]),
        ],
    )
}
