//! `cronlet backfill`: a part of the past runs, each instant once, whatever happens to the daemon.

use std::{collections::BTreeMap, thread, time::Duration};

use anyhow::{Context as _, Result, ensure};
use cronlet::store::history::RunRow;
use cronlet_core::run::{Origin, RunStatus};
use serde_json::{Value, json};

use crate::{
    daemon::{Daemon, until},
    project::{Project, Said},
};

const SCHEDULES: &str = r#"
[jobs.daily]
plugin = "noop"
cron = "0 6 * * *"
timezone = "Europe/Berlin"

[jobs.slow]
plugin = "sleep"
params = { ms = 300 }
every = "1h"

[jobs.hand]
plugin = "noop"
"#;

const MAY: [&str; 4] = ["--from", "2026-05-01", "--to", "2026-05-06"];

fn project(schedules: &str) -> Result<Project> {
    Project::new(
        schedules,
        &[
            ("noop", tests::NOOP),
            ("sleep", tests::SLEEP),
            ("fail", tests::FAIL),
        ],
    )
}

/// With the options for five days of May.
fn may(project: &Project, job: &str, more: &[&str]) -> Result<Said> {
    project.cronlet(&[&["backfill", job][..], &MAY, more].concat())
}

fn nominals(runs: &[RunRow]) -> Vec<String> {
    runs.iter().map(|run| run.nominal.to_string()).collect()
}

#[track_caller]
fn assert_refused(said: &Said, code: i32, err: &str) {
    assert_eq!((said.code, said.out.as_str()), (code, ""), "{said:?}");
    assert_eq!(said.err, err);
}

#[test]
fn a_dry_run_prints_what_a_backfill_runs() -> Result<()> {
    let project = project(SCHEDULES)?;
    // Without a daemon, and before there is a database.
    let said = may(&project, "daily", &["--dry-run"])?;
    assert_eq!((said.code, said.err.as_str()), (0, "5 instants\n"));
    let lines: Vec<_> = said.out.lines().collect();
    assert_eq!(lines[0], "2026-05-01T06:00:00+02:00");
    assert_eq!((lines.len(), lines[4]), (5, "2026-05-05T06:00:00+02:00"));

    let daemon = Daemon::start(&project)?;
    let before = project.job("daily")?.context("it is accepted")?.watermark;
    let said = may(&project, "daily", &["--wait"])?;
    assert_eq!((said.code, said.out.as_str()), (0, "daily 5 of 5 (100%)\n"));
    ensure!(
        said.err
            .contains("5 instants from 2026-05-01 06:00:00 +02:00")
    );
    let runs = project.runs("daily")?;
    let ran: Vec<_> = runs.iter().map(|run| (run.status, run.origin)).collect();
    assert_eq!(ran, [(RunStatus::Succeeded, Origin::Backfill); 5]);
    let expected = ["01", "02", "03", "04", "05"].map(|day| format!("2026-05-{day}T04:00:00Z"));
    assert_eq!(nominals(&runs), expected);
    assert_eq!(
        project.job("daily")?.context("it is there")?.watermark,
        before
    );

    let said = may(&project, "daily", &["--dry-run"])?;
    assert_eq!((said.code, said.out.as_str()), (0, ""));
    assert_eq!(said.err, "0 instants; 5 have a run already\n");
    let said = may(&project, "daily", &[])?;
    assert_eq!(
        (said.code, said.out.as_str()),
        (
            0,
            "nothing to do for `daily`: no instant is left there; 5 have a run already\n"
        )
    );
    let said = may(
        &project,
        "daily",
        &["--wait", "--reprocess", "all", "--reverse"],
    )?;
    assert_eq!(said.code, 0, "{said:?}");
    let mut again = nominals(&project.runs("daily")?[5..]);
    again.reverse();
    assert_eq!(again, expected);
    assert_eq!(daemon.stop()?, 0);
    Ok(())
}

#[test]
fn what_the_calendar_excludes_is_left_out() -> Result<()> {
    let office = "[jobs.office]\nplugin = \"noop\"\ncron = \"0 */6 * * *\"\n\
                  active_hours = [\"06:00-18:00\"]\n";
    let project = project(office)?;
    let said = may(&project, "office", &["--dry-run", "--json"])?.json()?;
    assert_eq!(
        (&said["count"], &said["excluded"]),
        (&json!(10), &json!(10))
    );
    let first = json!({
        "nominal": "2026-05-01T06:00:00.000000Z", "local": "2026-05-01T06:00:00+00:00",
    });
    assert_eq!(said["instants"][0], first);
    let _daemon = Daemon::start(&project)?;
    let said = may(
        &project,
        "office",
        &["--wait", "--json", "--max-concurrent", "4"],
    )?
    .json()?;
    assert_eq!(
        (&said["succeeded"], &said["status"]),
        (&json!(10), &json!("done"))
    );
    Ok(())
}

#[test]
fn what_failed_runs_again_if_that_is_asked_for() -> Result<()> {
    let failing = "[jobs.daily]\nplugin = \"fail\"\nparams = { kind = \"permanent\", message = \"x\" }\n\
                   cron = \"0 6 * * *\"\n";
    let project = project(failing)?;
    let daemon = Daemon::start(&project)?;
    let said = may(&project, "daily", &["--wait"])?;
    assert_eq!(
        (said.code, said.out.as_str()),
        (1, "daily 5 of 5 (100%), 5 failed\n")
    );
    project.write(
        "schedules.toml",
        "[jobs.daily]\nplugin = \"noop\"\ncron = \"0 6 * * *\"\n",
    )?;
    let reload = project.cronlet(&["reload", "--wait"])?;
    assert_eq!(reload.code, 0, "{reload:?}");
    let said = may(&project, "daily", &["--dry-run"])?;
    assert_eq!(said.err, "0 instants; 5 have a run already\n");
    let said = may(&project, "daily", &["--wait", "--reprocess", "failed"])?;
    assert_eq!((said.code, said.out.as_str()), (0, "daily 5 of 5 (100%)\n"));
    // The newest run of an instant speaks for it.
    let said = may(&project, "daily", &["--dry-run", "--reprocess", "failed"])?;
    assert_eq!(said.err, "0 instants; 5 have a run already\n");
    assert_eq!(daemon.stop()?, 0);
    Ok(())
}

#[test]
fn it_runs_beside_the_job_and_is_shown() -> Result<()> {
    let project = project(SCHEDULES)?;
    let daemon = Daemon::start(&project)?;
    let begun = may(&project, "slow", &["--json"])?.json()?;
    assert_eq!(
        (&begun["instants"], &begun["status"]),
        (&json!(120), &json!("running"))
    );
    daemon.until("it runs", |status| status.running.len() == 1)?;
    // `overlap` is `skip`, and meets nothing.
    let beside = project.cronlet(&["trigger", "slow", "--wait"])?;
    assert_eq!(beside.code, 0, "{beside:?}");

    let status = project.cronlet(&["status"])?.out;
    ensure!(status.contains("backfill   slow "), "{status}");
    let jobs = project.cronlet(&["jobs", "--json"])?.json()?;
    let slow = jobs
        .as_array()
        .context("a list")?
        .iter()
        .find(|it| it["job"] == json!("slow"));
    assert_eq!(
        slow.context("it is there")?["backfills"][0]["backfill"],
        begun["backfill"]
    );
    let jobs = project.cronlet(&["jobs"])?.err;
    ensure!(jobs.contains("backfill: slow "), "{jobs}");

    let said = project.cronlet(&["backfill", "slow", "--stop"])?;
    ensure!(said.code == 0, "{said:?}");
    ensure!(
        said.out.starts_with("1 backfill of `slow` stopped; 1 run "),
        "{said:?}"
    );
    daemon.until("it is over", |status| status.backfills.is_empty())?;
    // The daemon knows it a moment before the disk.
    let runs = project.until_runs("slow", |runs| runs.iter().all(|run| run.status.is_final()))?;
    let succeeded = runs.iter().all(|run| run.status == RunStatus::Succeeded);
    ensure!(succeeded && runs.len() < 60, "{runs:?}");
    assert_refused(
        &project.cronlet(&["backfill", "slow", "--stop"])?,
        5,
        "error: no backfill of `slow` is under way\n",
    );
    Ok(())
}

#[test]
fn a_daemon_that_dies_goes_on_where_it_was() -> Result<()> {
    let schedules = "[jobs.slow]\nplugin = \"sleep\"\nparams = { ms = 60 }\nevery = \"1h\"\n\
                     retry = { delay = \"10ms\" }\n";
    let project = project(schedules)?;
    let daemon = Daemon::start(&project)?;
    let begun = may(&project, "slow", &["--max-concurrent", "3", "--json"])?.json()?;
    assert_eq!(begun["instants"], json!(120));
    let mut daemon = Some(daemon);
    for round in 0..5_u64 {
        // A while that is never the same part of a run.
        thread::sleep(Duration::from_millis(110 + round * 37));
        daemon.take().context("it is up")?.kill()?;
        daemon = Some(Daemon::start(&project)?);
    }
    let daemon = daemon.context("it is up")?;
    let path = format!(
        "/api/v1/backfills/{}",
        begun["backfill"].as_str().unwrap_or_default()
    );
    let over = until("the backfill is over", || {
        let backfill: Value = daemon.get(&path)?;
        Ok((!backfill["ended_at"].is_null()).then_some(backfill))
    })?;
    assert_eq!(
        (&over["status"], &over["made"]),
        (&json!("done"), &json!(120))
    );
    let runs = project.runs("slow")?;
    let runs: Vec<_> = runs
        .into_iter()
        .filter(|run| run.origin == Origin::Backfill)
        .collect();
    let mut times = BTreeMap::new();
    for run in &runs {
        *times.entry(run.nominal).or_insert(0) += 1;
    }
    ensure!(times.len() == 120 && runs.len() == 120, "{times:?}");
    ensure!(runs.iter().is_sorted_by_key(|run| run.nominal), "in order");
    let ended = runs.iter().all(|run| run.status.is_final());
    ensure!(ended, "{runs:?}");
    Ok(())
}

#[test]
fn a_job_that_is_gone_drops_the_rest() -> Result<()> {
    let project = project(SCHEDULES)?;
    let daemon = Daemon::start(&project)?;
    let begun = may(&project, "slow", &["--json"])?.json()?;
    daemon.until("it runs", |status| status.running.len() == 1)?;
    daemon.kill()?;
    project.write("schedules.toml", "[jobs.daily]\nplugin = \"noop\"\n")?;
    let daemon = Daemon::start(&project)?;
    let path = format!(
        "/api/v1/backfills/{}",
        begun["backfill"].as_str().unwrap_or_default()
    );
    let over: Value = daemon.get(&path)?;
    assert_eq!(over["status"], json!("removed"));
    ensure!(project.runs("slow")?.len() < 60);
    Ok(())
}

#[test]
fn what_cannot_be_backfilled_is_said() -> Result<()> {
    let project = project(SCHEDULES)?;
    assert_refused(
        &may(&project, "daily", &[])?,
        3,
        "error: no daemon is running for `cronlet.db`\nhelp: `cronlet serve` starts one\n",
    );
    let unknown = "error: there is no job `dayly`\nhelp: did you mean `daily`?\n";
    let manual = "error: job `hand` has no schedule, so no instant of the past is its own\n\
                  help: `cronlet trigger hand` runs it now\n";
    let future = "error: 2999-01-01 00:00:00 +00:00 lies in the future, and what is to come runs by itself\n\
                  help: end with `now`\n";
    let long = "error: the schedule of `slow` names 490896 instants in that time, and a backfill is \
                for 100000 at most\nhelp: split the time into parts\n";
    let backwards = "error: no time lies between 2026-05-02 00:00:00 +00:00 and 2026-05-01 00:00:00 +00:00\n\
                     help: begin with the earlier time\n";
    let cases = [
        ("dayly", ["2026-05-01", "2026-05-02"], 4, unknown),
        ("hand", ["2026-05-01", "2026-05-02"], 5, manual),
        ("slow", ["2026-05-01", "2999-01-01"], 2, future),
        ("slow", ["1970-01-01", "2026-01-01"], 2, long),
        ("slow", ["2026-05-02", "2026-05-01"], 2, backwards),
    ];
    let daemon = Daemon::start(&project)?;
    for (job, [from, to], code, err) in cases {
        let typed = ["backfill", job, "--from", from, "--to", to];
        assert_refused(&project.cronlet(&typed)?, code, err);
        let dry = project.cronlet(&[&typed[..], &["--dry-run"]].concat())?;
        assert_refused(&dry, code, err);
    }
    for (typed, told) in [
        (
            &["--max-concurrent", "0"][..],
            "expected a number from 1 to 1000",
        ),
        (
            &["--reprocess", "some"],
            "[possible values: none, failed, all]",
        ),
        (&["--stop"], "cannot be used with"),
    ] {
        let said = may(&project, "slow", typed)?;
        ensure!(said.code == 2 && said.err.contains(told), "{said:?}");
    }
    for (typed, told) in [
        (&["--from", "1d"][..], "--to"),
        (&["--from", "soon", "--to", "now"], "help: write `2h`"),
    ] {
        let said = project.cronlet(&[&["backfill", "slow"], typed].concat())?;
        ensure!(said.code == 2 && said.err.contains(told), "{said:?}");
    }
    assert_eq!(daemon.stop()?, 0);
    ensure!(project.runs("slow")?.is_empty());
    Ok(())
}
