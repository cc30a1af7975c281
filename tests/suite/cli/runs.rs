//! Runs that the daemon has: asked for, looked at, cancelled.

use anyhow::{Context as _, Result, ensure};
use rustix::process::Signal;
use serde_json::json;

use super::{USAGE, assert_keys, assert_refused, project};
use crate::daemon::Daemon;

const RUN: &[&str] = &[
    "run",
    "job",
    "status",
    "reason",
    "attempt",
    "duration_ms",
    "output",
    "error",
    "usage",
    "nominal",
    "queued_at",
    "started_at",
    "ended_at",
    "trigger",
    "attempts",
    "actor",
    "component_sha256",
];
const ATTEMPT: &[&str] = &[
    "number",
    "status",
    "reason",
    "started_at",
    "ended_at",
    "usage",
];
#[test]
fn a_run_is_triggered_and_looked_at() -> Result<()> {
    let project = project()?;
    let _daemon = project.serve()?;
    let said = project.cronlet(&["trigger", "echo", "--wait", "--params", r#"{"n": 1}"#])?;
    assert_eq!((said.code, said.err.as_str()), (0, "run 1 queued\n"));
    ensure!(said.out.starts_with("run 1 succeeded in "), "{}", said.out);
    ensure!(said.out.ends_with(": echoed\n"), "{}", said.out);

    let run = project.cronlet(&["show", "1", "--json"])?.json()?;
    assert_keys(&run, RUN);
    assert_keys(&run["attempts"][0], ATTEMPT);
    assert_keys(&run["usage"], USAGE);
    assert_eq!(
        (&run["run"], &run["trigger"]),
        (&json!(1), &json!("manual"))
    );
    assert_eq!(run["params"], json!({"n": 1}));
    assert_eq!(run["output"]["params"], json!({"n": 1}));
    let history = project.cronlet(&["history", "--json"])?.json()?;
    assert_eq!(history, json!([run]));

    let log = project.cronlet(&["logs", "1"])?;
    ensure!(
        log.out
            .ends_with("+00:00 info   echoing  job=echo  attempt=1\n"),
        "{}",
        log.out
    );
    let line = project.cronlet(&["logs", "1", "--json"])?.json()?;
    assert_keys(&line, &["attempt", "at", "level", "message", "fields"]);
    assert_eq!(line["fields"], json!({"attempt": "1", "job": "echo"}));

    let jobs = project.cronlet(&["jobs", "--json"])?.json()?;
    let echo = jobs
        .as_array()
        .context("a list")?
        .iter()
        .find(|job| job["job"] == "echo");
    assert_eq!(
        echo.context("the job is there")?["last_run"]["run"],
        json!(1)
    );

    let again = project
        .cronlet(&["trigger", "echo", "--json", "--wait"])?
        .json()?;
    assert_eq!(
        (&again["run"], &again["status"]),
        (&json!(2), &json!("succeeded"))
    );
    Ok(())
}

#[test]
fn a_run_that_fails_is_1_for_who_waits() -> Result<()> {
    let project = project()?;
    let _daemon = project.serve()?;
    let said = project.cronlet(&["trigger", "panic", "--wait"])?;
    assert_eq!(said.code, 1);
    ensure!(
        said.out.starts_with("run 1 failed: trap after "),
        "{}",
        said.out
    );
    let shown = project.cronlet(&["show", "1"])?.out;
    ensure!(
        shown.starts_with("run 1  failed: trap\n  job        panic\n"),
        "{shown}"
    );
    ensure!(shown.contains("the shelf is empty"), "{shown}");
    Ok(())
}

#[test]
fn what_overlaps_is_refused_and_what_runs_is_cancelled() -> Result<()> {
    let project = project()?;
    let mut daemon = project.serve()?;
    assert_eq!(project.cronlet(&["trigger", "long"])?.out, "run 1 queued\n");
    daemon.wait_for("started")?;
    let said = project.cronlet(&["trigger", "long"])?;
    assert_eq!(
        (said.code, said.out.as_str()),
        (5, "run 2 skipped: overlap\n")
    );
    let said = project.cronlet(&["trigger", "long", "--wait"])?;
    let seen = (said.code, said.out.as_str(), said.err.as_str());
    assert_eq!(seen, (5, "run 3 skipped: overlap\n", ""), "said once");

    let status = project.cronlet(&["status", "--json"])?;
    assert_eq!(status.code, 0);
    let status = status.json()?;
    assert_eq!(status["status"], json!("healthy"));
    assert_eq!(status["running"][0]["run"], json!(1));
    let status = project.cronlet(&["status"])?.out;
    ensure!(
        status.contains("1 running, 0 queued, 0 retrying"),
        "{status}"
    );

    let said = project.cronlet(&["cancel", "1", "--kill"])?;
    assert_eq!(
        (said.code, said.out.as_str()),
        (0, "run 1 is being killed\n")
    );
    daemon.wait_for("cancelled")?;
    assert_eq!(project.cronlet(&["cancel", "1"])?.code, 5);
    assert_refused(
        &project.cronlet(&["cancel", "9"])?,
        4,
        "error: there is no run 9\nhelp: `cronlet history` lists the runs there are\n",
    );
    let said = project.cronlet(&["trigger", "lung"])?;
    assert_refused(
        &said,
        4,
        "error: there is no job `lung`\nhelp: did you mean `long`?\n",
    );
    Ok(())
}

#[test]
fn what_is_not_in_the_history_is_4() -> Result<()> {
    let project = project()?;
    let _daemon = project.serve()?;
    let none = project.cronlet(&["history"])?;
    assert_eq!(
        (none.code, none.out.as_str(), none.err.as_str()),
        (0, "", "no runs yet\n")
    );
    assert_eq!(project.cronlet(&["history", "--json"])?.out, "[]\n");
    for verb in ["show", "logs"] {
        let err = "error: there is no run 7\nhelp: `cronlet history` lists the runs there are\n";
        assert_refused(&project.cronlet(&[verb, "7"])?, 4, err);
    }
    let said = project.cronlet(&["history", "ecko"])?;
    assert_refused(
        &said,
        4,
        "error: there is no job `ecko`\nhelp: did you mean `echo`?\n",
    );
    Ok(())
}

#[test]
fn a_broken_file_does_not_hide_the_database() -> Result<()> {
    let project = project()?;
    let daemon = project.serve()?;
    project.cronlet(&["trigger", "echo", "--wait"])?;
    drop(daemon);
    project.write("schedules.toml", "[jobs.echo\n")?;
    let said = project.cronlet(&["history", "--json"])?;
    assert_eq!(said.json()?[0]["job"], json!("echo"));
    assert_eq!(
        said.err,
        "warning: `schedules.toml` has a problem; the database is taken to be `cronlet.db`\n\
         help: `cronlet check` shows what is wrong\n"
    );
    let jobs = project.cronlet(&["jobs", "--json"])?.json()?;
    assert_eq!(
        (&jobs[0]["job"], &jobs[0]["state"]),
        (&json!("echo"), &json!("unknown"))
    );
    // Named, it is found without a look at the file.
    let said = project.cronlet(&["history", "--database", "cronlet.db"])?;
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    Ok(())
}

#[test]
fn a_second_daemon_is_refused() -> Result<()> {
    let project = project()?;
    let _daemon = project.serve()?;
    let said = project.cronlet(&["serve"])?;
    assert_eq!(said.code, 5);
    ensure!(
        said.err
            .contains("the database belongs to the cronlet with process id ")
    );
    Ok(())
}

#[test]
fn ctrl_c_leaves_a_run_alone() -> Result<()> {
    let project = project()?;
    let daemon = Daemon::start(&project)?;
    let mut waiting = project.start(&["trigger", "long", "--wait"])?;
    waiting.wait_for("run 1 queued")?;
    waiting.signal(Signal::INT)?;
    waiting.wait_for("run 1 goes on")?;
    waiting.wait_for("`cronlet logs 1 --follow` shows it again, `cronlet cancel 1` ends it")?;
    assert_eq!(waiting.end()?, 130);
    daemon.until("it goes on", |status| status.running.len() == 1)?;
    Ok(())
}
