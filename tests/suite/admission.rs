//! Who waits for whom, on a real daemon: queues, groups, and what a crash leaves of them.

use anyhow::{Context as _, Result, ensure};
use cronlet::store::history::RunRow;
use cronlet_core::run::{RunId, RunStatus};

use crate::{
    daemon::{Daemon, until},
    project::Project,
};

fn project(jobs: &str) -> Result<Project> {
    Project::new(jobs, &[("sleep", tests::SLEEP)])
}

/// A job that takes its time, with these keys.
fn job(name: &str, ms: u64, keys: &str) -> String {
    format!("[jobs.{name}]\nplugin = \"sleep\"\n{keys}\nparams = {{ ms = {ms} }}\n\n")
}

fn row(project: &Project, job: &str, run: RunId) -> Result<RunRow> {
    let mut runs = project.runs(job)?.into_iter();
    runs.find(|row| row.run == run)
        .context("it is in the history")
}

/// No two attempts of these runs were under way at one time.
fn ensure_apart(mut runs: Vec<RunRow>) -> Result<()> {
    runs.sort_by_key(|row| row.attempts.first().map(|attempt| attempt.started_at));
    for pair in runs.windows(2) {
        let ended = pair[0].attempts.last().and_then(|attempt| attempt.ended_at);
        let started = pair[1].attempts.first().map(|attempt| attempt.started_at);
        ensure!(ended <= started, "{:?} and {:?} overlap", pair[0], pair[1]);
    }
    Ok(())
}

#[test]
fn a_newer_run_takes_the_place_of_the_one_that_waits() -> Result<()> {
    let project = project(&job("slow", 300, "overlap = \"queue-one\""))?;
    let daemon = Daemon::start(&project)?;
    let runs = (0..3)
        .map(|_| daemon.trigger("slow"))
        .collect::<Result<Vec<_>>>()?;
    let ended = runs
        .iter()
        .map(|run| project.until_final(*run))
        .collect::<Result<Vec<_>>>()?;
    let [first, second, third] = &ended[..] else {
        unreachable!("there are three")
    };
    assert_eq!(first.status, RunStatus::Succeeded);
    assert_eq!(second.reason.as_deref(), Some("superseded"));
    assert_eq!(third.status, RunStatus::Succeeded);
    ensure_apart(vec![first.clone(), third.clone()])
}

#[test]
fn a_newer_run_has_the_one_that_runs_killed() -> Result<()> {
    let forever = 3_600_000;
    let project = project(&job("slow", forever, "overlap = \"kill-running\""))?;
    let daemon = Daemon::start(&project)?;
    let first = daemon.trigger("slow")?;
    daemon.until("it runs", |status| !status.running.is_empty())?;
    let second = daemon.trigger("slow")?;
    assert_eq!(project.until_final(first)?.status, RunStatus::Cancelled);
    until("the newer one runs", || {
        Ok((row(&project, "slow", second)?.status == RunStatus::Running).then_some(()))
    })
}

#[test]
fn jobs_of_a_group_share_its_places() -> Result<()> {
    let jobs = job("a", 100, "group = \"db\"\noverlap = \"allow\"")
        + &job(
            "b",
            100,
            "group = \"db\"\noverlap = \"allow\"\npriority = 5",
        );
    let project = project(&format!("[groups.db]\nmax = 1\n\n{jobs}"))?;
    let daemon = Daemon::start(&project)?;
    let mut runs = Vec::new();
    for name in ["a", "a", "a", "b"] {
        runs.push(daemon.trigger(name)?);
    }
    let ended = runs
        .iter()
        .map(|run| project.until_final(*run))
        .collect::<Result<Vec<_>>>()?;
    let start = |row: &RunRow| row.attempts.first().map(|attempt| attempt.started_at);
    ensure!(
        start(&ended[3]) < start(&ended[2]),
        "the more urgent one waits: {ended:?}"
    );
    ensure_apart(ended)
}

#[test]
fn what_waits_for_its_turn_outlives_the_daemon() -> Result<()> {
    let keys = "overlap = \"queue-all\"\nretry = { delay = \"100ms\" }";
    let project = project(&job("slow", 400, keys))?;
    let daemon = Daemon::start(&project)?;
    let runs = (0..3)
        .map(|_| daemon.trigger("slow"))
        .collect::<Result<Vec<_>>>()?;
    daemon.until("one runs", |status| status.running.len() == 1)?;
    daemon.kill()?;
    let _daemon = Daemon::start(&project)?;
    let ended = runs
        .iter()
        .map(|run| project.until_final(*run))
        .collect::<Result<Vec<_>>>()?;
    for row in &ended {
        ensure!(row.status == RunStatus::Succeeded, "{row:?}");
    }
    // The first was tried again after the crash, and the others waited for it.
    assert_eq!(ended[0].attempts.len(), 2);
    ensure_apart(ended)
}
