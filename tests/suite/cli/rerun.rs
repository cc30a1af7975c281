//! `cronlet rerun`.

use anyhow::{Result, ensure};
use serde_json::json;

use super::{assert_refused, project};
use crate::daemon::Daemon;

#[test]
fn a_run_is_run_again_with_what_it_was_given() -> Result<()> {
    let project = project()?;
    let _daemon = Daemon::start(&project)?;
    let params = r#"{"from": "the hand"}"#;
    project.cronlet(&["trigger", "echo", "--params", params, "--wait"])?;
    project.cronlet(&["trigger", "echo", "--wait"])?;
    let said = project.cronlet(&["rerun", "1", "--wait"])?;
    assert_eq!((said.code, said.err.as_str()), (0, "run 3 queued\n"));
    ensure!(said.out.starts_with("run 3 succeeded in "), "{}", said.out);
    let again = project
        .cronlet(&["rerun", "2", "--json", "--wait"])?
        .json()?;

    let show = |run: &str| project.cronlet(&["show", run, "--json"])?.json();
    let [first, second, third] = [show("1")?, show("2")?, show("3")?];
    assert_eq!(third["params"], json!({"from": "the hand"}));
    assert_eq!(third["output"]["params"], first["output"]["params"]);
    assert_eq!(third["nominal"], first["nominal"]);
    assert_eq!(third["trigger"], json!("manual"));
    ensure!(
        third["actor"]
            .as_str()
            .is_some_and(|it| it.starts_with("uid:"))
    );
    // That one had the params of the file, and so has this one.
    assert_eq!((&again["run"], &again["params"]), (&json!(4), &json!(null)));
    assert_eq!(again["nominal"], second["nominal"]);
    assert_eq!(again["output"]["params"], json!({"from": "the file"}));

    let said = project.cronlet(&["rerun", "2"])?;
    assert_eq!((said.code, said.out.as_str()), (0, "run 5 queued\n"));
    Ok(())
}

#[test]
fn what_cannot_be_run_again_is_said() -> Result<()> {
    let project = project()?;
    assert_refused(
        &project.cronlet(&["rerun", "1"])?,
        3,
        "error: no daemon is running for `cronlet.db`\nhelp: `cronlet serve` starts one\n",
    );
    let daemon = Daemon::start(&project)?;
    assert_refused(
        &project.cronlet(&["rerun", "9"])?,
        4,
        "error: there is no run 9\nhelp: `cronlet history` lists the runs there are\n",
    );
    project.cronlet(&["trigger", "echo", "--wait"])?;
    project.write(
        "schedules.toml",
        "[jobs.hello]\nplugin = \"hello\"\nparams = { name = \"x\" }\n",
    )?;
    daemon.until("the job is gone", |status| status.jobs == 1)?;
    assert_refused(
        &project.cronlet(&["rerun", "1"])?,
        4,
        "error: run 1 was of the job `echo`, which is gone\n",
    );
    Ok(())
}
