//! The JSON Schema of a schedules file: editors complete keys with it, explain them, and underline what
//! is wrong.
//!
//! It says what a key is for. What a key may be and what it is by default are the parser's own
//! constants, so that they are said once. `tests` asks the parser which keys it takes, so that a key
//! cannot be in one of the two alone.
//!
//! It is written in the part of the language that means the same in every draft since 6: the editors'
//! validator of TOML reads any later draft as draft 7, and draft 7 overlooks what stands beside a
//! `$ref`.

mod allow;
mod entry;
mod job;
mod policy;

use cronlet_core::{plan::Settings, retention::Retention};
use serde_json::{Value, json};

use super::{groups, history, settings};
use entry::{Entry, object};

/// The schema. Its keys are in alphabetical order, so equal schemas are equal text.
pub fn schema() -> Value {
    let mut root = object(
        "What cronlet runs, and when.",
        [
            ("runtime", runtime()),
            ("defaults", job::defaults()),
            ("groups", groups()),
            ("jobs", job::jobs()),
        ],
    )
    .into_value();
    root["$schema"] = json!("http://json-schema.org/draft-07/schema#");
    root["title"] = json!("cronlet schedules");
    root["definitions"] = job::definitions();
    root
}

/// `[runtime]`.
fn runtime() -> Entry {
    let built_in = Settings::default();
    let keys = [
        (
            "timezone",
            Entry::zone("The time zone of the jobs that name none.").default("UTC"),
        ),
        (
            "plugins",
            Entry::path("The folder where `plugin = \"hello\"` finds hello.wasm.").default("plugins"),
        ),
        (
            "database",
            Entry::path("The SQLite file that keeps the history.").default("cronlet.db"),
        ),
        (
            "max_concurrent_runs",
            Entry::integer(
                "How many attempts run at one time, of all jobs together. To raise it takes a restart.",
                &settings::CONCURRENT_RUNS,
            )
            .default(built_in.max_concurrent_runs.get()),
        ),
        (
            "shutdown_grace",
            Entry::duration(
                "How long running jobs have to end when the daemon is stopped.",
                &settings::GRACE,
            )
            .default_duration(built_in.shutdown_grace),
        ),
        ("history", history(&built_in.history)),
    ];
    object(
        "The daemon itself. Each key can be overridden by an environment variable: `database` by \
         `CRONLET_DATABASE`. Paths are relative to this file.",
        keys,
    )
}

/// `[groups]`.
fn groups() -> Entry {
    let max = Entry::integer(
        "How many attempts of the group's jobs run at one time.",
        &groups::CAPS,
    );
    let group = object("One group.", [("max", max)]).with("required", vec!["max"]);
    Entry::named(
        "Groups of jobs, by name. A job is in one that it names with `group`.",
        group,
    )
}

/// `history`, in `[runtime]`.
fn history(built_in: &Retention) -> Entry {
    let keys = [
        (
            "keep",
            Entry::duration("How long after its end a run stays.", &history::SPANS)
                .default_duration(built_in.keep),
        ),
        (
            "keep_runs",
            Entry::integer("How many runs stay.", &history::COUNTS).default(built_in.keep_runs),
        ),
        (
            "keep_logs",
            Entry::duration(
                "How long after the end of its run a log stays.",
                &history::SPANS,
            )
            .default_duration(built_in.keep_logs),
        ),
    ];
    object(
        "What of each job's history stays: what is beyond any of these limits goes. The newest runs of a \
         job, and its last one that failed, stay all the same.",
        keys,
    )
}

#[cfg(test)]
mod tests;
