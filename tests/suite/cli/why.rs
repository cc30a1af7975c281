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
    a_start_is_announced(&project)?;

    let daemon = Daemon::start(&project)?;
    let range = until("they are found", || {
        skipped(&project, "tick", SkipReason::Missed)
    })?;
    let told = why(&project, "tick", range.first)?;
    assert_eq!(told["reason"], json!("missed"));
    let instead = told["instead"].as_u64().context("it was folded")?;
    let sentence = told["sentence"].as_str().context("a sentence")?;
    ensure!(sentence.contains(": the daemon died after "), "{sentence}");
    ensure!(
        sentence.contains(&format!("and folded into run {instead} for")),
        "{sentence}"
    );
    for arguments in [&["next", "tick"][..], &["next"], &["check"]] {
        let said = project.cronlet(arguments)?;
        assert_eq!((said.code, said.err.as_str()), (0, ""), "{arguments:?}");
    }
    assert_eq!(daemon.stop()?, 0);
    Ok(())
}

#[test]
fn a_pause_is_told() -> Result<()> {
    let project = Project::new(
        LIVE,
        &[("hello", tests::HELLO), ("stubborn", tests::STUBBORN)],
    )?;
    let daemon = Daemon::start(&project)?;
    until("a run is over", || ran(&project, "tick"))?;
    let said = project.cronlet(&["pause", "tick"])?;
    assert_eq!(said.code, 0, "{said:?}");
    let paused = Timestamp::now();
    // A whole second that is no occurrence.
    until("two instants have passed", || {
        let apart = paused.duration_until(Timestamp::now());
        Ok((apart.as_secs() > 2).then_some(()))
    })?;
    let during = Timestamp::from_second(paused.as_second() + 2)?;
    let told = why(&project, "tick", during)?;
    assert_eq!(told["answer"], json!("paused"), "{told}");
    assert_eq!(project.cronlet(&["resume", "tick"])?.code, 0);
    let told = why(&project, "tick", during)?;
    assert_eq!(told["answer"], json!("paused"), "{told}");
    let sentence = told["sentence"].as_str().context("a sentence")?;
    ensure!(sentence.contains("; the job was paused by "), "{sentence}");
    assert_eq!(daemon.stop()?, 0);
    Ok(())
}

/// What a start would catch up on is told before there is one.
fn a_start_is_announced(project: &Project) -> Result<()> {
    // A run of it may have been open when the daemon died.
    let late = [
        "a start now would run 1 of ",
        "a start now would run up to 1 of ",
    ];
    let job = " late instants of `tick` (`catch_up = \"latest\"`)";
    let tells = |err: &str| late.iter().any(|late| err.contains(late)) && err.contains(job);
    let said = project.cronlet(&["check"])?;
    ensure!(said.code == 0 && tells(&said.err), "{said:?}");
    let said = project.cronlet(&["check", "--json"])?;
    let notes = said.json()?;
    ensure!(said.err.is_empty(), "{said:?}");
    let mut notes = notes.as_array().into_iter().flatten();
    let note = notes.find(|note| note["job"] == json!("tick"));
    let note = note.context("a note")?;
    assert_eq!(note["severity"], json!("note"));
    assert_eq!(note["runs"], json!(1));
    ensure!(note["instants"].as_u64() >= Some(3), "{note}");

    let said = project.cronlet(&["next", "tick", "-n", "1"])?;
    ensure!(tells(&said.err), "{said:?}");
    ensure!(!said.err.contains("`long`"), "{said:?}");
    ensure!(said.out.lines().count() == 1, "{said:?}");
    let said = project.cronlet(&["next"])?;
    ensure!(tells(&said.err) && said.err.contains("`long`"), "{said:?}");
    let said = project.cronlet(&["next", "tick", "--after", "2030-01-01T00:00:00Z"])?;
    ensure!(said.err.is_empty(), "{said:?}");
    Ok(())
}

const SCHEDULES: &str = r#"
[runtime]
timezone = "Europe/Berlin"

[jobs.night]
plugin = "hello"
cron = "30 2 * * *"
params = { name = "night" }

[jobs.report]
plugin = "hello"
cron = "0 * * * *"
params = { name = "report" }

[jobs.hand]
plugin = "hello"
params = { name = "hand" }
"#;

/// Microseconds since 1970.
fn at(text: &str) -> Result<i64> {
    Ok(text.parse::<Timestamp>()?.as_microsecond())
}

/// A history that was written by hand, and no daemon.
pub(crate) fn project() -> Result<Project> {
    let project = Project::new(SCHEDULES, &[("hello", tests::HELLO)])?;
    assert_eq!(Daemon::start(&project)?.stop()?, 0);
    let db = Connection::open(project.path("cronlet.db"))?;
    write_runs(&db)?;
    write_skips(&db)?;
    Ok(project)
}

fn write_runs(db: &Connection) -> Result<()> {
    for (run, job, due, began, ended) in [
        (1, "night", "2026-03-28T01:30:00Z", "", ""),
        (
            2,
            "night",
            "2026-03-29T01:00:00Z",
            "",
            "2026-03-29T01:00:02Z",
        ),
        (
            3,
            "report",
            "2026-03-02T05:00:00Z",
            "",
            "2026-03-02T06:10:00Z",
        ),
        (
            4,
            "report",
            "2026-03-02T10:00:00Z",
            "2026-03-02T10:31:00Z",
            "2026-03-02T10:31:09Z",
        ),
    ] {
        let began = at(if began.is_empty() { due } else { began })?;
        let ended = if ended.is_empty() { began } else { at(ended)? };
        let origin = if began == at(due)? {
            "schedule"
        } else {
            "catch-up"
        };
        db.execute(
            "INSERT INTO runs
                 (run, job, cause, nominal, origin, queued_at, status, last_attempt, ended_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'succeeded', 1, ?7)",
            params![
                run,
                job,
                format!("time:{due}"),
                at(due)?,
                origin,
                began,
                ended
            ],
        )?;
        db.execute(
            "INSERT INTO attempts (run, number, starts_at, started_at, status, ended_at, duration)
             VALUES (?1, 1, ?2, ?2, 'succeeded', ?3, ?3 - ?2)",
            params![run, began, ended],
        )?;
    }
    Ok(())
}

/// The instants that did not run, and when there was no daemon.
fn write_skips(db: &Connection) -> Result<()> {
    db.execute(
        "INSERT INTO daemons (epoch, started_at, stopped_at) VALUES (-1, ?1, ?2), (0, ?3, ?4)",
        [
            at("2026-01-01T00:00:00Z")?,
            at("2026-03-02T06:40:00Z")?,
            at("2026-03-02T10:31:00Z")?,
            at("2026-03-30T00:00:00Z")?,
        ],
    )?;
    for (first, last, count, reason, recorded) in [
        ("06:00:00", "06:00:00", 1, "overlap", "06:00:00"),
        ("07:00:00", "09:00:00", 3, "missed", "10:31:00"),
    ] {
        let [first, last, recorded] =
            [first, last, recorded].map(|clock| at(&format!("2026-03-02T{clock}Z")));
        db.execute(
            "INSERT INTO skips (job, first, last, count, reason, recorded_at, after_run)
             VALUES ('report', ?1, ?2, ?3, ?4, ?5, 3)",
            params![first?, last?, count, reason, recorded?],
        )?;
    }
    Ok(())
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
               succeeded in 2.0s\n";
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
        "due at 2026-03-28 02:30:00 +01:00: run 1 succeeded in <1ms\n",
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
        (
            0,
            "due at 2026-03-29 01:00:00 +00:00: run 2 succeeded in 2.0s\n"
        )
    );
    ensure!(
        said.err
            .starts_with("warning: `schedules.toml` has a problem"),
        "{said:?}"
    );
    let said = project.cronlet(&["why", "night"])?;
    assert_eq!(
        said.out,
        "due at 2026-03-29 01:00:00 +00:00: run 2 succeeded in 2.0s\n"
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
        "due at 2026-03-28 02:30:00 +01:00, by the file; no daemon has seen the job yet\n",
    )?;
    let nowhere = Project::empty()?;
    let said = nowhere.cronlet(&["why", "night"])?;
    assert_eq!(said.code, 2, "{said:?}");
    Ok(())
}
