//! `cronlet run`.

use std::process::Stdio;

use anyhow::{Result, ensure};
use rustix::process::Signal;
use serde_json::{Value, json};

use super::{USAGE, assert_keys, project};
use crate::project::Project;

#[test]
fn run_puts_the_output_where_data_goes() -> Result<()> {
    let project = project()?;
    let said = project.cronlet(&["run", "echo", "--at", "2026-03-01T06:00:00Z"])?;
    assert_eq!(said.code, 0);
    let output = said.json()?;
    assert_eq!(output["params"], json!({"from": "the file"}));
    assert_eq!(output["run_id"], json!("local"));
    assert_eq!(output["trigger"], json!("manual"));
    assert_eq!(output["attempt"], json!(1));
    assert_eq!(output["nominal"], json!(1_772_344_800_000_i64));
    ensure!(
        said.err
            .starts_with("info   echoing  job=echo  attempt=1\necho succeeded in ")
    );

    let said = project.cronlet(&["run", "echo", "--params", r#"{"from": "the hand"}"#])?;
    assert_eq!(said.json()?["params"], json!({"from": "the hand"}));
    ensure!(!project.path("cronlet.db").exists(), "it wrote a history");
    Ok(())
}

#[test]
fn run_takes_a_component_without_a_schedules_file() -> Result<()> {
    let said = Project::empty()?.cronlet(&["run", tests::ECHO])?;
    assert_eq!(said.code, 0);
    assert_eq!(said.json()?["job"], json!("echo"));
    Ok(())
}

#[test]
fn run_ends_with_one_object() -> Result<()> {
    let said = project()?.cronlet(&["run", "spin", "--json"])?;
    assert_eq!(said.code, 1);
    let run = said.json()?;
    assert_eq!(run["run"], Value::Null);
    assert_eq!(run["job"], json!("spin"));
    assert_eq!(run["status"], json!("failed"));
    assert_eq!(run["reason"], json!("timeout"));
    assert_eq!(run["attempt"], json!(1));
    assert_keys(
        &run,
        &["duration_ms", "output", "nominal", "component_sha256"],
    );
    assert_keys(&run["error"], &["code", "message"]);
    assert_keys(&run["usage"], USAGE);
    Ok(())
}

#[test]
fn a_job_that_fails_is_1_and_says_why() -> Result<()> {
    let said = project()?.cronlet(&["run", "panic"])?;
    assert_eq!((said.code, said.out.as_str()), (1, ""));
    ensure!(
        said.err.contains("stdout before the panic\n"),
        "{}",
        said.err
    );
    ensure!(
        said.err.contains("panic failed: trap after "),
        "{}",
        said.err
    );
    ensure!(said.err.contains("the shelf is empty"), "{}", said.err);
    Ok(())
}

#[test]
fn ctrl_c_asks_and_a_second_one_kills() -> Result<()> {
    let project = project()?;
    let mut run = project.start(&["run", "long"])?;
    run.wait_for("working")?;
    run.signal(Signal::INT)?;
    run.wait_for("asking the job to stop; Ctrl-C again kills it")?;
    run.signal(Signal::INT)?;
    run.wait_for("long cancelled after")?;
    assert_eq!(run.end()?, 130);
    Ok(())
}

#[test]
fn an_output_that_nobody_reads_is_no_complaint() -> Result<()> {
    let mut child = Project::empty()?
        .command(&["next", "--cron", "* * * * * *", "-n", "50000"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    drop(child.stdout.take());
    let output = child.wait_with_output()?;
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8(output.stderr)?, "");
    Ok(())
}
