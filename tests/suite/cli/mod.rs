//! The command line as it is typed: what it says, where it says it, and its exit code.

use anyhow::{Result, ensure};
use serde_json::Value;

use crate::project::{Project, Said};

mod completions;
mod help;
mod history;
mod json;
mod logs;
mod next;
mod rerun;
mod run;
mod runs;
#[cfg(target_os = "linux")]
mod terminal;
pub(crate) mod why;

const USAGE: &[&str] = &["cpu_ms", "memory_peak_bytes", "log_lines", "log_dropped"];

const SCHEDULES: &str = r#"
[jobs.hello]
description = "Says hello"
plugin = "hello"
cron = "0 6 * * Mon-Fri"
params = { name = "world" }

[jobs.echo]
plugin = "echo"
params = { from = "the file" }

[jobs.spin]
plugin = "spin"
timeout = "50ms"

[jobs.long]
plugin = "stubborn"

[jobs.panic]
plugin = "panic"
params = { message = "the shelf is empty" }
"#;

fn project() -> Result<Project> {
    Project::new(
        SCHEDULES,
        &[
            ("hello", tests::HELLO),
            ("echo", tests::ECHO),
            ("spin", tests::SPIN),
            ("stubborn", tests::STUBBORN),
            ("panic", tests::PANIC),
        ],
    )
}

/// Nothing on standard output, and this on standard error.
#[track_caller]
fn assert_refused(said: &Said, code: i32, err: &str) {
    assert_eq!((said.code, said.out.as_str()), (code, ""), "{said:?}");
    assert_eq!(said.err, err);
}

#[track_caller]
fn assert_keys(value: &Value, keys: &[&str]) {
    for key in keys {
        assert!(value.get(key).is_some(), "no `{key}` in {value:#}");
    }
}

#[test]
fn a_job_that_is_not_there_is_4() -> Result<()> {
    let project = project()?;
    for verb in ["next", "run"] {
        assert_refused(
            &project.cronlet(&[verb, "helo"])?,
            4,
            "error: there is no job `helo`\nhelp: did you mean `hello`?\n",
        );
        assert_refused(
            &project.cronlet(&[verb, "backup"])?,
            4,
            "error: there is no job `backup`\nhelp: `cronlet jobs` lists the jobs there are\n",
        );
    }
    Ok(())
}

#[test]
fn a_component_that_is_not_there_is_4() -> Result<()> {
    let said = Project::empty()?.cronlet(&["run", "./nothing.wasm"])?;
    assert_eq!((said.code, said.out.as_str()), (4, ""));
    ensure!(
        said.err
            .starts_with("error: `./nothing.wasm` cannot be used: ")
    );
    Ok(())
}

#[test]
fn without_a_daemon_it_is_3() -> Result<()> {
    let project = project()?;
    for arguments in [&["status"][..], &["trigger", "hello"], &["cancel", "1"]] {
        assert_refused(
            &project.cronlet(arguments)?,
            3,
            "error: no daemon is running for `cronlet.db`\nhelp: `cronlet serve` starts one\n",
        );
    }
    Ok(())
}

#[test]
fn without_a_database_there_is_no_history() -> Result<()> {
    let project = project()?;
    for arguments in [&["history"][..], &["show", "1"], &["logs", "1"]] {
        assert_refused(
            &project.cronlet(arguments)?,
            4,
            "error: there is no database `[folder]/cronlet.db`\n\
             help: `cronlet serve` makes one when it starts\n",
        );
    }
    Ok(())
}

#[test]
fn a_file_that_is_not_there_is_2() -> Result<()> {
    let project = Project::empty()?;
    for arguments in [&["next"][..], &["jobs"], &["run", "hello"], &["serve"]] {
        assert_refused(
            &project.cronlet(arguments)?,
            2,
            "error: there is no file `schedules.toml`\n\
             help: create it, or name another with `--config FILE`\n",
        );
    }
    Ok(())
}

#[test]
fn a_file_that_is_not_sound_is_2_and_is_drawn() -> Result<()> {
    let project = Project::empty()?;
    project.write(
        "bad.toml",
        "[jobs.a]\nplugin = \"a\"\ncron = \"0 3 32 * *\"\n",
    )?;
    let said = project.cronlet(&["-c", "bad.toml", "next", "a"])?;
    assert_eq!((said.code, said.out.as_str()), (2, ""));
    insta::assert_snapshot!(said.err, @r#"
        error[schedule::cron]: day-of-month 32 is out of range
         --> bad.toml:3:13
          |
        3 | cron = "0 3 32 * *"
          |             ^^ expected 1-31

        1 error in bad.toml
        "#);
    Ok(())
}

#[test]
fn colours_are_used_where_they_are_asked_for() -> Result<()> {
    let project = project()?;
    for (arguments, coloured) in [
        (&["next", "helo"][..], false),
        (&["next", "helo", "--color", "always"], true),
        (&["next", "helo", "--color", "never"], false),
    ] {
        let said = project.cronlet(arguments)?;
        assert_eq!(said.err.contains('\u{1b}'), coloured, "{arguments:?}");
    }
    Ok(())
}
