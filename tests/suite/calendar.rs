//! When a job is due and does not run, on the real binary: several triggers, start and end, active hours,
//! blackouts.

use anyhow::{Result, ensure};
use serde_json::json;

use crate::{
    daemon::{Daemon, until},
    project::Project,
};

fn project(schedules: &str) -> Result<Project> {
    Project::new(schedules, &[("hello", tests::HELLO)])
}

#[test]
fn next_says_when_a_job_runs() -> Result<()> {
    let project = project(
        r#"
        [defaults]
        timezone = "Europe/Berlin"

        [jobs.digest]
        plugin = "hello"
        triggers = [
            { cron = "0 6 * * *" },
            { every = "12h" },
            { at = "2030-05-04T06:00:00" },
        ]
        start = "2030-05-02T02:00:00"
        end = "2030-05-04T14:00:00"
        active_hours = ["Mon-Fri 06:00-22:00", "Sat 02:00-07:00"]
        blackout = "2030-05-03T10:00..2030-05-03T18:00"

        [jobs.never]
        plugin = "hello"
        cron = "0 3 * * *"
        active_hours = "06:00-22:00"
        "#,
    )?;
    let after = "2030-01-01T00:00:00Z";
    let said = project.cronlet(&["next", "digest", "-n", "20", "--after", after])?;
    assert_eq!(
        said.out,
        "2030-05-02T06:00:00+02:00\n\
         2030-05-02T14:00:00+02:00\n\
         2030-05-03T06:00:00+02:00\n\
         2030-05-04T02:00:00+02:00\n\
         2030-05-04T06:00:00+02:00\n"
    );
    let said = project.cronlet(&["next", "never", "--after", after])?;
    assert_eq!((said.code, &*said.out), (0, ""));
    ensure!(said.err.contains("whenever it is due"), "{}", said.err);
    let all = project.cronlet(&["next", "-n", "1", "--after", after])?;
    ensure!(all.out.contains("2030-05-02T06:00:00+02:00"), "{}", all.out);
    let said = project.cronlet(&["check", "--strict"])?;
    assert_eq!(said.code, 1);
    ensure!(said.err.contains("schedule::excluded"), "{}", said.err);
    Ok(())
}

#[test]
fn what_is_due_in_a_blackout_is_in_the_history_and_runs_by_hand() -> Result<()> {
    let project = project(
        r#"
        [jobs.dark]
        plugin = "hello"
        triggers = [{ every = "1s" }, { cron = "*/2 * * * * *" }]
        blackout = "2020-01-01..2100-01-01"
        params = { name = "you" }
        "#,
    )?;
    let daemon = Daemon::start(&project)?;
    let range = until("two instants are skipped", || {
        let history = project.cronlet(&["history", "dark", "--json"])?.json()?;
        let range = history.as_array().and_then(|rows| rows.first()).cloned();
        Ok(range.filter(|range| range["count"].as_u64() >= Some(2)))
    })?;
    assert_eq!(range["status"], json!("skipped"));
    assert_eq!(range["reason"], json!("blackout"));
    let run = daemon.trigger("dark")?;
    let row = project.until_final(run)?;
    assert_eq!(row.reason, None, "{row:?}");
    // The instants before and after the request are of one range: it was no instant.
    let history = project.cronlet(&["history", "dark", "--json"])?.json()?;
    let ranges = history.as_array().into_iter().flatten();
    let ranges = ranges.filter(|row| row["run"].is_null());
    assert_eq!(ranges.count(), 1);
    let jobs = project.cronlet(&["jobs", "--json"])?.json()?;
    assert_eq!(jobs[0]["trigger"], json!("every 1s | */2 * * * * *"));
    assert_eq!(daemon.stop()?, 0);
    Ok(())
}

#[test]
fn a_change_of_hours_leaves_what_is_due_and_a_change_of_the_end_does_not() -> Result<()> {
    let file =
        |keys: &str| format!("[jobs.a]\nplugin = \"hello\"\nat = 2099-01-01T00:00:00Z\n{keys}\n");
    let project = project(&file(""))?;
    let watermark = || anyhow::Ok(project.job("a")?.map(|row| row.watermark));
    let reload = || -> Result<()> {
        let said = project.cronlet(&["reload", "--wait"])?;
        ensure!(said.code == 0, "{said:?}");
        Ok(())
    };
    let daemon = Daemon::start(&project)?;
    let first = watermark()?;
    ensure!(first.is_some(), "the job is known");
    project.write(
        "schedules.toml",
        &file("active_hours = \"06:00-22:00\"\njitter = \"5s\""),
    )?;
    reload()?;
    assert_eq!(watermark()?, first);
    project.write("schedules.toml", &file("end = 2100-01-01T00:00:00Z"))?;
    reload()?;
    until(
        "it begins anew",
        || Ok((watermark()? > first).then_some(())),
    )?;
    assert_eq!(daemon.stop()?, 0);
    Ok(())
}
