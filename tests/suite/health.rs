//! Critical jobs and overdue ones, on the real binary: what is noticed, what is told, and that a daemon
//! that is killed has not forgotten it.

use anyhow::{Context as _, Result, ensure};
use cronlet::api::client::Client;
use serde_json::Value;

use crate::{
    daemon::{Daemon, until},
    project::Project,
};

const PLUGINS: [(&str, &str); 2] = [("fail", tests::FAIL), ("noop", tests::NOOP)];

/// One job that fails each second, and one that nobody runs.
const SCHEDULES: &str = r#"
[jobs.backup]
every = "1s"
plugin = "fail"
critical = true
params = { kind = "permanent", message = "no room" }

[jobs.report]
plugin = "noop"
overdue_after = "1s"
"#;

/// What `/health` says, with its status.
fn health(project: &Project) -> Result<(u16, Value)> {
    let client = Client::new(&project.path("cronlet.db.sock"));
    let answer = client.get("/health")?;
    Ok((answer.status, answer.body))
}

fn until_health(project: &Project, status: u16, word: &str) -> Result<Value> {
    until(&format!("it is {word}"), || {
        let (code, body) = health(project)?;
        Ok((code == status && body["status"] == word).then_some(body))
    })
    .with_context(|| format!("{:?}", health(project)))
}

/// The reasons begin so, in this order.
fn ensure_reasons(health: &Value, begin: &[&str]) -> Result<()> {
    let reasons = health["reasons"].as_array().context("reasons")?;
    let reasons: Vec<&str> = reasons.iter().filter_map(Value::as_str).collect();
    ensure!(reasons.len() == begin.len(), "{reasons:?}");
    for (reason, begin) in reasons.iter().zip(begin) {
        ensure!(reason.starts_with(begin), "{reasons:?}");
    }
    Ok(())
}

#[test]
fn what_does_not_go_well_is_noticed_told_and_not_forgotten() -> Result<()> {
    let project = Project::new(SCHEDULES, &PLUGINS)?;
    let daemon = Daemon::start(&project)?;
    daemon.says("overdue: nothing has succeeded since")?;
    let ill = until_health(&project, 503, "unhealthy")?;
    ensure_reasons(
        &ill,
        &["critical job `backup` failed ", "job `report` is overdue, "],
    )?;

    let said = project.cronlet(&["status"])?;
    ensure!(said.code == 0, "{said:?}");
    ensure!(said.out.contains(" is unhealthy, up "), "{said:?}");
    ensure!(
        said.out.contains("warning: critical job `backup` failed"),
        "{said:?}"
    );
    let said = project.cronlet(&["jobs"])?;
    let line = |job: &str| said.out.lines().find(|line| line.starts_with(job));
    ensure!(
        line("backup").is_some_and(|line| line.contains("failing")),
        "{said:?}"
    );
    ensure!(
        line("report").is_some_and(|line| line.contains("overdue")),
        "{said:?}"
    );
    daemon.kill()?;

    // Nothing runs until it is asked for: what is known now is what was stored.
    let quiet = SCHEDULES.replace("every = \"1s\"\n", "");
    project.write("schedules.toml", &quiet)?;
    let daemon = Daemon::start(&project)?;
    let (code, ill) = health(&project)?;
    ensure!(code == 503, "{ill}");
    ensure_reasons(
        &ill,
        &["critical job `backup` failed ", "job `report` is overdue, "],
    )?;
    ensure!(!daemon.log().contains("overdue: "), "it was told before");
    let jobs = project.cronlet(&["jobs", "--json"])?.json()?;
    let (backup, report) = (&jobs[0], &jobs[1]);
    ensure!(
        backup["critical"] == true && backup["failing_run"].is_u64(),
        "{jobs}"
    );
    ensure!(
        report["critical"] == false && report["failing_run"].is_null(),
        "{jobs}"
    );

    // A success ends each, asked for or not.
    daemon.trigger("report")?;
    daemon.says("not overdue any more")?;
    let repaired = quiet.replace("plugin = \"fail\"", "plugin = \"noop\"");
    project.write("schedules.toml", &repaired)?;
    let said = project.cronlet(&["reload", "--wait"])?;
    ensure!(said.code == 0, "{said:?}");
    ensure!(
        health(&project)?.0 == 503,
        "a new plugin alone repairs nothing"
    );
    daemon.trigger("backup")?;
    until("it is not unhealthy", || {
        Ok((health(&project)?.0 == 200).then_some(()))
    })?;
    ensure!(daemon.stop()? == 0);
    Ok(())
}
