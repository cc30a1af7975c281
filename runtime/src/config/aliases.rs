//! Words from other schedulers, and what they are called here.

/// Words, and what to say to them.
type Words = (&'static [&'static str], &'static str);

/// Tables.
const TABLES: [Words; 3] = [
    (
        &["job", "task", "tasks", "schedule", "schedules", "crons"],
        "did you mean `[jobs.NAME]`?",
    ),
    (&["default"], "did you mean `[defaults]`?"),
    (
        &[
            "config",
            "cronlet",
            "daemon",
            "general",
            "global",
            "scheduler",
            "server",
            "settings",
        ],
        "did you mean `[runtime]`?",
    ),
];

/// Keys of a job.
const KEYS: [Words; 32] = [
    (
        &["time_zone", "tz", "zone", "zoneinfo"],
        "did you mean `timezone`?",
    ),
    (
        &["capabilities", "grants", "mounts", "permissions", "volumes"],
        "did you mean `allow`?",
    ),
    (
        &["cron_expression", "crontab", "expression", "schedule"],
        "did you mean `cron`?",
    ),
    (
        &["frequency", "interval", "period", "repeat"],
        "did you mean `every`?",
    ),
    (
        &["days", "hours", "minutes", "seconds"],
        "write `every = \"30s\"`, with the unit in the value",
    ),
    (
        &[
            "day",
            "day_of_month",
            "day_of_week",
            "dow",
            "hour",
            "minute",
            "month",
            "weekday",
        ],
        "write one expression, `cron = \"MINUTE HOUR DAY MONTH WEEKDAY\"`",
    ),
    (
        &["date", "datetime", "once", "run_at", "run_date", "when"],
        "did you mean `at`?",
    ),
    (
        &["end_at", "end_date", "end_time", "not_after", "until"],
        "did you mean `end`?",
    ),
    (
        &["not_before", "start_at", "start_date", "start_time"],
        "did you mean `start`?",
    ),
    (
        &["business_hours", "time_window", "windows", "working_hours"],
        "did you mean `active_hours`?",
    ),
    (
        &[
            "blackouts",
            "except",
            "exclude",
            "exclude_dates",
            "holidays",
        ],
        "did you mean `blackout`?",
    ),
    (
        &["random_delay", "randomized_delay_sec", "splay", "spread"],
        "did you mean `jitter`?",
    ),
    (
        &["trigger", "type"],
        "write `cron = …`, `every = …`, `at = …` or `after = …` itself",
    ),
    (
        &[
            "depends",
            "depends_on",
            "needs",
            "requires",
            "runs_after",
            "upstream",
        ],
        "did you mean `after`?",
    ),
    (&["component", "module", "wasm"], "did you mean `plugin`?"),
    (
        &[
            "cmd",
            "command",
            "container",
            "entrypoint",
            "exec",
            "function",
            "image",
            "program",
            "run",
            "script",
            "shell",
        ],
        "a job runs a component and no command: write `plugin = \"NAME\"` for NAME.wasm",
    ),
    (
        &[
            "arguments",
            "args",
            "config",
            "data",
            "input",
            "kwargs",
            "options",
            "payload",
            "parameters",
        ],
        "did you mean `params`?",
    ),
    (
        &[
            "attempts",
            "max_attempts",
            "max_retries",
            "retries",
            "retry_count",
        ],
        "write `retry = { max = 3 }`",
    ),
    (
        &["backoff_limit", "retry_delay"],
        "write `retry = { max = 3, delay = \"5s\" }`",
    ),
    (
        &[
            "concurrency",
            "max_concurrent",
            "max_parallel",
            "parallelism",
        ],
        "did you mean `max_instances`?",
    ),
    (
        &[
            "allow_overlap",
            "concurrency_policy",
            "forbid_overlap",
            "no_overlap",
            "singleton",
        ],
        "write `overlap = \"skip\"` or `overlap = \"allow\"`",
    ),
    (
        &["catchup", "coalesce", "run_missed"],
        "write `catch_up = \"latest\"` or `catch_up = \"none\"`",
    ),
    (
        &["misfire_grace_time", "starting_deadline_seconds"],
        "did you mean `catch_up_grace`?",
    ),
    (
        &[
            "deadline",
            "execution_timeout",
            "max_duration",
            "max_runtime",
            "time_limit",
        ],
        "did you mean `timeout`?",
    ),
    (
        &["max_memory", "mem", "memory_limit", "ram"],
        "did you mean `memory`?",
    ),
    (
        &["comment", "desc", "doc", "label", "title"],
        "did you mean `description`?",
    ),
    (&["digest", "hash", "checksum"], "did you mean `sha256`?"),
    (
        &["id", "job", "name"],
        "the name of a job is in its header, `[jobs.NAME]`",
    ),
    (&["important", "vital"], "write `critical = true`"),
    (
        &[
            "alert_after",
            "heartbeat",
            "max_age",
            "overdue",
            "stale_after",
        ],
        "write `overdue_after = \"26h\"`",
    ),
    (
        &["max_consecutive_failures", "max_failures", "pause_after"],
        "did you mean `disable_after`?",
    ),
    (
        &[
            "active",
            "disabled",
            "paused",
            "skip",
            "suspend",
            "suspended",
        ],
        "write `enabled = false`",
    ),
];

/// What to type in place of a key that no job has, but those of other schedulers do.
pub(super) fn of(key: &str) -> Option<&'static str> {
    find(&KEYS, key)
}

/// The same, of a key in an item of `triggers`.
pub(super) fn of_trigger(key: &str) -> Option<String> {
    let of_job = [
        "timezone",
        "start",
        "end",
        "active_hours",
        "blackout",
        "jitter",
    ];
    if of_job.contains(&key) {
        return Some(format!(
            "`{key}` is for all triggers of the job: write it beside `triggers`"
        ));
    }
    if key == "after" {
        return Some("`after` is no trigger of the list: write it beside `triggers`".to_owned());
    }
    of(key).map(str::to_owned)
}

/// The same, of a table.
pub(super) fn of_table(name: &str) -> Option<&'static str> {
    find(&TABLES, name)
}

fn find(list: &[Words], word: &str) -> Option<&'static str> {
    let word = word.replace('-', "_").to_lowercase();
    let found = list
        .iter()
        .find(|(words, _)| words.contains(&word.as_str()))?;
    Some(found.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_do_not_matter() {
        assert_eq!(of("schedule"), Some("did you mean `cron`?"));
        assert_eq!(of("Max-Retries"), Some("write `retry = { max = 3 }`"));
        assert_eq!(of_table("job"), Some("did you mean `[jobs.NAME]`?"));
        assert_eq!(of("weather"), None);
    }

    #[test]
    fn each_word_is_there_once() {
        for list in [&KEYS[..], &TABLES] {
            let mut words: Vec<_> = list.iter().flat_map(|(words, _)| *words).collect();
            words.sort_unstable();
            let all = words.len();
            words.dedup();
            assert_eq!(words.len(), all);
        }
    }
}
