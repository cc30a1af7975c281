//! The daemon: jobs run when they are due, and it stops as it is told.

use std::{collections::BTreeSet, ffi::OsStr, fs, os::unix::ffi::OsStrExt as _, time::Duration};

use anyhow::{Context as _, Result, ensure};
use cronlet_core::run::{AttemptStatus, FailReason, Origin, RunStatus};
use jiff::Timestamp;
use rustix::{
    fs::{CWD, FileType, Mode, OFlags, mknodat, open},
    io::Errno,
    process::Signal,
};
use serde_json::Value;

use crate::{
    daemon::{Daemon, until},
    project::Project,
};

const HELLO: &str =
    "[jobs.hello]\nplugin = \"hello\"\nevery = \"1s\"\nparams = { name = \"you\" }\n";

fn hello() -> Result<Project> {
    Project::new(HELLO, &[("hello", tests::HELLO)])
}

#[test]
fn a_job_runs_at_each_of_its_instants_and_not_before() -> Result<()> {
    let project = hello()?;
    let daemon = Daemon::start(&project)?;
    let done = |runs: &[_]| runs.len() >= 3;
    let runs = project.until_runs("hello", done)?;
    assert_eq!(daemon.stop()?, 0);
    let mut seen = BTreeSet::new();
    for run in &runs {
        assert!(seen.insert(run.nominal), "{} ran twice", run.nominal);
        assert_eq!(run.nominal.subsec_nanosecond(), 0);
        assert_eq!(run.origin, Origin::Schedule);
        let started = run.attempts.first().map(|attempt| attempt.started_at);
        assert!(started.is_none_or(|at| at >= run.nominal), "{run:?}");
    }
    let run = &runs[0];
    assert_eq!(run.status, RunStatus::Succeeded);
    assert_eq!(run.attempts[0].summary.as_deref(), Some("hello you"));
    Ok(())
}

#[test]
fn the_first_line_says_what_is_served_and_runs_have_lines_of_their_own() -> Result<()> {
    let project = hello()?;
    let daemon = Daemon::start(&project)?;
    daemon.says("serving `schedules.toml`: 1 job, next `hello` ")?;
    daemon.says("succeeded: hello you run=1 job=hello")?;
    let status = daemon.status()?;
    assert_eq!((status.pid, status.jobs), (daemon.pid(), 1));
    assert!(status.next.is_some_and(|next| next.job == "hello"));
    assert_eq!(daemon.stop()?, 0);
    Ok(())
}

#[test]
fn a_log_of_json_is_json() -> Result<()> {
    let project = hello()?;
    let daemon = Daemon::start_with(&project, &["--log-format", "json"])?;
    daemon.says("\"job\":\"hello\"")?;
    let log = daemon.log();
    assert_eq!(daemon.stop()?, 0);
    for line in log.lines() {
        let line: Value = serde_json::from_str(line).with_context(|| line.to_owned())?;
        assert!(
            line["message"].is_string() && line["level"].is_string(),
            "{line}"
        );
        let at = line["timestamp"].as_str().context("it has a time")?;
        at.parse::<Timestamp>()?;
    }
    Ok(())
}

#[test]
fn a_log_in_a_folder_is_there_and_survives_the_folder() -> Result<()> {
    let project = hello()?;
    let flags = ["--log-dir", "logs", "--log-format", "json"];
    let daemon = Daemon::start_with(&project, &flags)?;
    let file = project.path("logs/cronlet.log");
    let log = || fs::read_to_string(&file).unwrap_or_default();
    let says = |text: &str| {
        until("it is in the file", || {
            Ok(log().contains(text).then_some(()))
        })
    };
    says("\"job\":\"hello\"")?;
    let stderr = daemon.log();
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(stderr.starts_with("the log is in `"), "{stderr}");

    fs::remove_dir_all(project.path("logs"))?;
    says("\"job\":\"hello\"")?;
    assert_eq!(daemon.stop()?, 0);
    for line in log().lines() {
        serde_json::from_str::<Value>(line).with_context(|| line.to_owned())?;
    }
    Ok(())
}

#[test]
fn a_log_that_cannot_be_written_is_refused_at_the_start() -> Result<()> {
    let project = hello()?;
    let said = project.cronlet(&["serve", "--log-dir", "schedules.toml"])?;
    assert_eq!(said.code, 2, "{said:?}");
    let error = "error: cannot write the log to `schedules.toml`: ";
    assert!(said.err.starts_with(error), "{}", said.err);
    let said = project.cronlet(&["serve", "--log-dir", "logs", "--log-size", "1KiB"])?;
    assert_eq!(said.code, 2, "{said:?}");
    assert!(said.err.contains("at least 64KiB"), "{}", said.err);
    let said = project.cronlet(&["serve", "--log-keep", "3"])?;
    assert_eq!(said.code, 2, "{said:?}");
    assert!(said.err.contains("--log-dir"), "{}", said.err);
    Ok(())
}

#[test]
fn what_is_logged_is_for_the_user_to_say() -> Result<()> {
    let project = hello()?;
    let refused = project
        .command(&["serve"])
        .env("CRONLET_LOG", "cronlet=loud")
        .output()?;
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8(refused.stderr)?.contains("`CRONLET_LOG` is `cronlet=loud`"));
    Ok(())
}

#[test]
fn a_guest_that_is_told_to_stop_is_interrupted_and_goes_on_after_a_restart() -> Result<()> {
    let project = Project::new(
        "[jobs.a]\nplugin = \"cooperative\"\n",
        &[("cooperative", tests::COOPERATIVE)],
    )?;
    let daemon = Daemon::start(&project)?;
    let run = daemon.trigger("a")?;
    daemon.until("it works", |status| {
        status.running.iter().any(|a| a.progress.is_some())
    })?;
    let shown = project.cronlet(&["show", &run.to_string()])?;
    ensure!(shown.out.contains("\n  progress   "), "{shown:?}");
    let shown = project.cronlet(&["show", &run.to_string(), "--json"])?;
    ensure!(shown.json()?["progress"]["done"].is_u64(), "{shown:?}");
    assert_eq!(daemon.stop()?, 0);
    assert!(!project.path("cronlet.db.sock").exists());
    let row = &project.runs("a")?[0];
    assert_eq!((row.run, row.status), (run, RunStatus::Queued));
    assert_eq!(row.attempts[0].status, Some(AttemptStatus::Interrupted));

    let daemon = Daemon::start(&project)?;
    let status = daemon.until("it runs again", |status| !status.running.is_empty())?;
    assert_eq!(
        (status.running[0].run, status.running[0].attempt),
        (run.0, 2)
    );
    assert_eq!(daemon.stop()?, 0);
    Ok(())
}

#[test]
fn a_guest_that_does_not_stop_has_the_grace_and_no_more() -> Result<()> {
    let schedules = "[runtime]\nshutdown_grace = \"100ms\"\n[jobs.a]\nplugin = \"stubborn\"\n";
    let project = Project::new(schedules, &[("stubborn", tests::STUBBORN)])?;
    let daemon = Daemon::start(&project)?;
    daemon.trigger("a")?;
    daemon.until("it runs", |status| !status.running.is_empty())?;
    assert_eq!(daemon.stop()?, 0);
    let row = &project.runs("a")?[0];
    assert_eq!(row.attempts[0].status, Some(AttemptStatus::Interrupted));
    Ok(())
}

#[test]
fn a_database_is_the_one_that_is_named_to_the_byte() -> Result<()> {
    let project = hello()?;
    let name = OsStr::from_bytes(b"odd-\xff.db");
    let mut command = project.command(&["serve", "--database"]);
    let mut daemon = Project::start_command(command.arg(name))?;
    daemon.wait_for("serving")?;
    let status = project
        .command(&["status", "--database"])
        .arg(name)
        .output()?;
    assert_eq!(status.status.code(), Some(0), "{status:?}");
    daemon.signal(Signal::TERM)?;
    assert_eq!(daemon.end()?, 0);
    Ok(())
}

#[test]
fn a_signal_ends_a_start_that_takes_long() -> Result<()> {
    let project = hello()?;
    // Whoever reads a pipe waits for somebody who writes, which takes as long as the test wants.
    let pipe = project.path("pipe.toml");
    mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)?;
    let mut daemon = project.start(&["serve", "--config", "pipe.toml"])?;
    let _writer = until("the daemon reads", || {
        ensure!(daemon.lives()?, "it ended early");
        // Nobody who reads it, no writer.
        let flags = OFlags::WRONLY | OFlags::NONBLOCK;
        match open(&pipe, flags, Mode::empty()) {
            Ok(writer) => Ok(Some(writer)),
            Err(Errno::NXIO) => Ok(None),
            Err(error) => Err(error.into()),
        }
    })?;
    daemon.signal(Signal::TERM)?;
    assert_eq!(daemon.end()?, 130);
    Ok(())
}

#[test]
fn a_second_signal_stops_at_once() -> Result<()> {
    let schedules = "[runtime]\nshutdown_grace = \"1h\"\n[jobs.a]\nplugin = \"stubborn\"\n";
    let project = Project::new(schedules, &[("stubborn", tests::STUBBORN)])?;
    let daemon = Daemon::start(&project)?;
    let run = daemon.trigger("a")?;
    daemon.until("it runs", |status| !status.running.is_empty())?;
    daemon.signal(Signal::INT)?;
    daemon.until("it stops", |status| status.stopping)?;
    daemon.signal(Signal::INT)?;
    assert_eq!(daemon.end()?, 130);

    project.write("schedules.toml", "[jobs.other]\nplugin = \"stubborn\"\n")?;
    let daemon = Daemon::start(&project)?;
    let row = project.until_final(run)?;
    assert_eq!(row.attempts[0].status, Some(AttemptStatus::Crashed));
    assert_eq!(
        row.reason.as_deref(),
        Some(FailReason::Crash.as_str()),
        "{row:?}"
    );
    assert_eq!(daemon.stop()?, 0);
    Ok(())
}

#[test]
fn a_second_daemon_is_refused_and_the_first_goes_on() -> Result<()> {
    let project = hello()?;
    let daemon = Daemon::start(&project)?;
    let said = project.cronlet(&["serve"])?;
    assert_eq!(said.code, 5);
    assert!(
        said.err.contains(&format!("process id {}", daemon.pid())),
        "{said:?}"
    );
    assert!(daemon.status()?.health.reasons.is_empty());
    assert_eq!(daemon.stop()?, 0);
    Ok(())
}

#[test]
fn a_hang_up_reads_the_file_again() -> Result<()> {
    let project = hello()?;
    let daemon = Daemon::start(&project)?;
    daemon.signal(Signal::HUP)?;
    daemon.says("reloaded: nothing has changed")?;
    assert_eq!(daemon.stop()?, 0);
    Ok(())
}

#[test]
fn a_component_that_is_not_there_fails_its_own_job_alone() -> Result<()> {
    let schedules = format!("{HELLO}[jobs.gone]\nplugin = \"gone\"\n");
    let project = Project::new(&schedules, &[("hello", tests::HELLO)])?;
    let daemon = Daemon::start(&project)?;
    daemon.says("plugin `gone` cannot be used")?;
    assert!(daemon.status()?.health.reasons[0].contains("`gone`"));
    let row = project.until_final(daemon.trigger("gone")?)?;
    assert_eq!(
        (row.status, row.reason.as_deref()),
        (RunStatus::Failed, Some("load"))
    );
    let fine = |runs: &[cronlet::store::history::RunRow]| {
        runs.iter().any(|run| run.status == RunStatus::Succeeded)
    };
    project.until_runs("hello", fine)?;
    assert_eq!(daemon.stop()?, 0);
    Ok(())
}

#[test]
fn a_database_that_somebody_holds_is_waited_for() -> Result<()> {
    let project = hello()?;
    let daemon = Daemon::start(&project)?;
    project.until_runs("hello", |runs| !runs.is_empty())?;
    let other = rusqlite::Connection::open(project.path("cronlet.db"))?;
    other.busy_timeout(Duration::from_secs(30))?;
    other.execute_batch("BEGIN IMMEDIATE")?;
    let status = daemon.until("the store fails", |status| status.store.status == "failing")?;
    assert_eq!(status.health.status, "degraded");
    daemon.says("nothing starts until it can write")?;
    let refused = daemon.trigger("hello").unwrap_err().to_string();
    ensure!(refused.contains("the store cannot write"), "{refused}");
    let before = project.runs("hello")?.len();
    other.execute_batch("ROLLBACK")?;
    daemon.until("the store writes", |status| status.store.status == "ok")?;
    project.until_runs("hello", |runs| runs.len() > before)?;
    assert_eq!(daemon.stop()?, 0);
    Ok(())
}
