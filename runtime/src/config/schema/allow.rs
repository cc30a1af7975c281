//! `allow`, in a job and in `[defaults]`.

use super::entry::{Entry, object};

/// What the core takes for the name of a variable.
const VARIABLE: &str = "^[^=]+$";

pub(super) fn allow() -> Entry {
    object(
        "What the job may reach of the world, beyond the nothing that it starts with. It stands in place of \
         the one in `[defaults]`, whole.",
        [("dirs", dirs()), ("env", env())],
    )
}

fn dirs() -> Entry {
    let keys = [
        (
            "host",
            Entry::path("The directory, relative to this file.").examples(["data"]),
        ),
        (
            "guest",
            Entry::pattern("Where the job finds it.", "^/").examples(["/data"]),
        ),
        (
            "write",
            Entry::boolean("Whether the job may write to it.").default(false),
        ),
    ];
    let dir = object("A directory.", keys).with("required", vec!["host", "guest"]);
    Entry::list("Directories, read-only unless they say otherwise.", dir)
}

fn env() -> Entry {
    let name = Entry::pattern("The name of a variable.", VARIABLE).examples(["LANG"]);
    let value = Entry::text("The value of the variable.");
    Entry::any_of(
        "Environment variables: names, which are passed on from the daemon, or names with values.",
        [
            Entry::list("Variables of the daemon.", name),
            Entry::map("Variables with their values.", value.into_value())
                .examples([serde_json::json!({ "LANG": "C" })]),
        ],
    )
}
