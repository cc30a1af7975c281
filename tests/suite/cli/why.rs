//! `cronlet why`: the sentences of a real history, and of one that was written by hand.

use anyhow::{Context as _, Result, ensure};
use cronlet::store::history::{Entry, RunRow, SkipRow};
use cronlet_core::run::{Cause, SkipReason};
use jiff::Timestamp;
use rusqlite::{Connection, params};
use serde_json::{Value, json};

use super::assert_refused;
use crate::{
    daemon::{Daemon, until},
    project::Project,
};

const LIVE: &str = r#"
[jobs.tick]
plugin = "hello"
every = "1s"
params = { name = "tick" }

[jobs.long]
plugin = "stubborn"
every = "1s"
"#;

/// A run of the job that time has made, and is over.
fn ran(project: &Project, job: &str) -> Result<Option<RunRow>> {
    let mut runs = project.runs(job)?.into_iter();
    Ok(runs.find(|run| run.status.is_final() && matches!(run.cause, Cause::Time(_))))
}

/// The newest range of skips of the job that has this reason.
fn skipped(project: &Project, job: &str, reason: SkipReason) -> Result<Option<SkipRow>> {
    let ranges = project
        .entries()?
        .into_iter()
        .filter_map(|entry| match entry {
            Entry::Skips(range) if range.job.as_str() == job && range.reason == reason => {
                Some(range)
            }
            _ => None,
        });
    Ok(ranges.last())
}

fn why(project: &Project, job: &str, at: Timestamp) -> Result<Value> {
    let said = project.cronlet(&["why", job, &at.to_string(), "--json"])?;
    ensure!(said.code == 0, "{said:?}");
    said.json()
}

#[test]
fn what_happened_is_told() -> Result<()> {
    let plugins = [("hello", tests::HELLO), ("stubborn", tests::STUBBORN)];
    let project = Project::new(LIVE, &plugins)?;
    let daemon = Daemon::start(&project)?;
    let run = until("a run is over", || ran(&project, "tick"))?;
    let told = why(&project, "tick", run.nominal)?;
    assert_eq!(told["answer"], json!("ran"));
    assert_eq!(told["run"], json!(run.run.0));
    assert_eq!(told["entry"]["status"], json!("succeeded"));

    let range = until("a run was in the way", || {
        skipped(&project, "long", SkipReason::Overlap)
    })?;
    let open = project.runs("long")?[0].run;
    let told = why(&project, "long", range.first)?;
    assert_eq!(told["answer"], json!("skipped"));
    assert_eq!(told["reason"], json!("overlap"));
    assert_eq!(told["in_the_way"], json!(open.0));
    let sentence = told["sentence"].as_str().context("a sentence")?;
    let end = format!(": run {open} was still running (`overlap = \"skip\"`)");
    ensure!(sentence.ends_with(&end), "{sentence}");

    let soon = Timestamp::from_second(Timestamp::now().as_second() + 3600)?;
    assert_eq!(why(&project, "tick", soon)?["answer"], json!("not-yet"));
    daemon.kill()?;
    Ok(())
}

#[test]
fn what_was_missed_is_told() -> Result<()> {
    let project = Project::new(
        LIVE,
        &[("hello", tests::HELLO), ("stubborn", tests::STUBBORN)],
    )?;
    let daemon = Daemon::start(&project)?;
    until("a run is over", || ran(&project, "tick"))?;
    daemon.kill()?;
    let killed = Timestamp::now();
    until("two instants have passed", || {
        let apart = killed.duration_until(Timestamp::now());
        Ok((apart.as_secs() > 3).then_some(()))
    })?;
    let told = project.cronlet(&["why", "tick", "--json"])?.json()?;
    assert_eq!(told["answer"], json!("late"), "{told}");

    let daemon = Daemon::start(&project)?;
    let range = until("they are found", || {
        skipped(&project, "tick", SkipReason::Missed)
    })?;
    let told = why(&project, "tick", range.first)?;
    assert_eq!(told["reason"], json!("missed"));
    let instead = told["instead"].as_u64().context("it was folded")?;
    let sentence = told["sentence"].as_str().context("a sentence")?;
    ensure!(
        sentence.contains(&format!("and folded into run {instead} for")),
        "{sentence}"
    );
    assert_eq!(daemon.stop()?, 0);
    Ok(())
}

const SCHEDULES: &str = r#"
[runtime]
timezone = "Europe/Berlin"

[jobs.night]
plugin = "hello"
cron = "30 2 * * *"
params = { name = "night" }

[jobs.hand]
plugin = "hello"
params = { name = "hand" }
"#;

/// A history with two runs of `night`, and no daemon.
fn project() -> Result<Project> {
    let project = Project::new(SCHEDULES, &[("hello", tests::HELLO)])?;
    assert_eq!(Daemon::start(&project)?.stop()?, 0);
    let db = Connection::open(project.path("cronlet.db"))?;
    for (run, t) in [(1, "2026-03-28T01:30:00Z"), (2, "2026-03-29T01:00:00Z")] {
        let micros = t.parse::<Timestamp>()?.as_microsecond();
        db.execute(
            "INSERT INTO runs (run, job, cause, nominal, origin, queued_at, status, ended_at)
             VALUES (?1, 'night', ?2, ?3, 'schedule', ?3, 'succeeded', ?3)",
            params![run, format!("time:{t}"), micros],
        )?;
    }
    Ok(project)
}

#[track_caller]
fn says(project: &Project, arguments: &[&str], out: &str) -> Result<()> {
    let said = project.cronlet(&[&["why"], arguments].concat())?;
    assert_eq!((said.code, said.out.as_str()), (0, out), "{said:?}");
    Ok(())
}

#[test]
fn times_are_those_of_the_job() -> Result<()> {
    let project = project()?;
    let gap = "due at 2026-03-29 03:00:00 +02:00 for 02:30:00, which the clocks jumped over: run 2 \
               succeeded\n";
    for time in [
        "2026-03-29 02:30",
        "2026-03-29T03:00",
        "2026-03-29T01:00:00Z",
        "2",
    ] {
        says(&project, &["night", time], gap)?;
    }
    says(
        &project,
        &["night", "2026-03-28 02:30"],
        "due at 2026-03-28 02:30:00 +01:00: run 1 succeeded\n",
    )?;
    says(
        &project,
        &["night", "2026-03-28 02:31"],
        "not due at 2026-03-28 02:31:00 +01:00; the nearest are 02:30:00 and 2026-03-29 03:00:00 \
         +02:00\n",
    )?;
    says(
        &project,
        &["hand"],
        "it has no trigger: it runs only when asked, and never did\n",
    )?;
    Ok(())
}

#[test]
fn without_the_file_the_history_answers() -> Result<()> {
    let project = project()?;
    project.write("schedules.toml", "[jobs.night]\nplugin = 7\n")?;
    let said = project.cronlet(&["why", "night", "2026-03-29T01:00:00Z"])?;
    assert_eq!(
        (said.code, said.out.as_str()),
        (0, "due at 2026-03-29 01:00:00 +00:00: run 2 succeeded\n")
    );
    ensure!(
        said.err
            .starts_with("warning: `schedules.toml` has a problem"),
        "{said:?}"
    );
    let said = project.cronlet(&["why", "night"])?;
    assert_eq!(
        said.out,
        "due at 2026-03-29 01:00:00 +00:00: run 2 succeeded\n"
    );
    project.write("schedules.toml", "")?;
    says(
        &project,
        &["night", "2026-03-27 02:30"],
        "nothing is kept of 2026-03-27 02:30:00 +00:00, and the job is not in the file any more\n",
    )
}

#[test]
fn what_is_not_there_is_said() -> Result<()> {
    let project = project()?;
    assert_refused(
        &project.cronlet(&["why", "nigth"])?,
        4,
        "error: there is no job `nigth`\nhelp: did you mean `night`?\n",
    );
    assert_refused(
        &project.cronlet(&["why", "night", "7"])?,
        4,
        "error: there is no run 7\nhelp: `cronlet history` lists the runs there are\n",
    );
    assert_refused(
        &project.cronlet(&["why", "hand", "2"])?,
        4,
        "error: run 2 is one of `night`\nhelp: `cronlet why night 2`\n",
    );
    let said = project.cronlet(&["why", "night", "soon"])?;
    assert_eq!(said.code, 2);
    ensure!(said.err.contains("it is no time"), "{said:?}");
    // Before the first start there is no history, and the file answers.
    let new = Project::new(SCHEDULES, &[("hello", tests::HELLO)])?;
    says(
        &new,
        &["night", "2026-03-28 02:30"],
        "due at 2026-03-28 02:30:00 +01:00 by the file, but no daemon has seen the job yet\n",
    )?;
    let nowhere = Project::empty()?;
    let said = nowhere.cronlet(&["why", "night"])?;
    assert_eq!(said.code, 2, "{said:?}");
    Ok(())
}
