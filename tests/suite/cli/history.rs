//! `cronlet history` and its filters, over a history that was written by hand.

use anyhow::{Context as _, Result, ensure};
use rusqlite::{Connection, params};
use serde_json::json;

use super::assert_refused;
use crate::{daemon::Daemon, project::Project};

const SCHEDULES: &str = r#"
[runtime]
timezone = "Europe/Berlin"

[jobs.a]
plugin = "hello"
params = { name = "a" }

[jobs.b]
plugin = "hello"
params = { name = "b" }
timezone = "America/New_York"
"#;

/// Microseconds since 1970.
fn at(text: &str) -> Result<i64> {
    Ok(text.parse::<jiff::Timestamp>()?.as_microsecond())
}

/// A history with runs 1 to 4 and a range of skips, and no daemon.
fn project() -> Result<Project> {
    let project = Project::new(SCHEDULES, &[("hello", tests::HELLO)])?;
    assert_eq!(Daemon::start(&project)?.stop()?, 0);
    let db = Connection::open(project.path("cronlet.db"))?;
    for (run, job, t, status) in [
        (1, "a", "2026-03-01T06:00:00Z", "succeeded"),
        (2, "b", "2026-03-02T06:00:00Z", "failed"),
        (3, "a", "2026-03-03T06:00:00Z", "cancelled"),
        (4, "a", "2026-03-29T00:30:00Z", "failed"),
    ] {
        let t = at(t)?;
        db.execute(
            "INSERT INTO runs (run, job, cause, nominal, origin, queued_at, status, ended_at)
             VALUES (?1, ?2, ?3, ?4, 'schedule', ?4, ?5, ?4)",
            params![run, job, format!("manual:{run:016x}"), t, status],
        )?;
    }
    let (first, last) = (at("2026-03-29T00:00:00Z")?, at("2026-03-29T02:00:00Z")?);
    db.execute(
        "INSERT INTO skips (job, first, last, count, reason, recorded_at, after_run)
         VALUES ('a', ?1, ?2, 3, 'missed', ?2, 4)",
        params![first, last],
    )?;
    Ok(project)
}

/// The numbers of the runs that are listed; a range of skips is 0.
fn listed(project: &Project, arguments: &[&str]) -> Result<Vec<u64>> {
    let said = project.cronlet(&[&["history", "--json"], arguments].concat())?;
    ensure!(said.code == 0 && said.err.is_empty(), "{said:?}");
    let entries = said.json()?;
    let entries = entries.as_array().context("a list")?;
    let numbers = entries.iter().map(|it| it["run"].as_u64().unwrap_or(0));
    Ok(numbers.collect())
}

#[test]
fn runs_are_chosen_by_job_status_and_time() -> Result<()> {
    let project = project()?;
    for (arguments, expected) in [
        (&[][..], &[0, 4, 3, 2, 1][..]),
        (&["-n", "2"], &[0, 4]),
        (&["-n", "0"], &[]),
        (&["b"], &[2]),
        (&["--status", "failed,cancelled"], &[4, 3, 2]),
        (&["--status", "failed", "--status", "succeeded"], &[4, 2, 1]),
        (&["--status", "skipped"], &[0]),
        (&["a", "--status", "failed"], &[4]),
        (&["--since", "2026-03-02T06:00:00Z"], &[0, 4, 3, 2]),
        (&["--until", "2026-03-02T06:00:00Z"], &[1]),
        // In Berlin the day begins an hour before it does in UTC.
        (&["--since", "2026-03-03 07:00"], &[0, 4, 3]),
        (&["--since", "2026-03-03 07:01"], &[0, 4]),
        (&["--since", "2026-03-29", "--status", "failed"], &[4]),
        // And where the job is it is later.
        (&["b", "--since", "2026-03-02 01:00"], &[2]),
        (&["b", "--since", "2026-03-02 01:01"], &[]),
        (&["--since", "2026-03-02", "--until", "2026-03-04"], &[3, 2]),
        // As it is shown.
        (&["--since", "2026-03-03 07:00:00 +01:00"], &[0, 4, 3]),
        (&["--until", "20000d ago"], &[]),
    ] {
        assert_eq!(listed(&project, arguments)?, expected, "{arguments:?}");
    }
    Ok(())
}

#[test]
fn times_are_those_of_the_jobs_zone_and_skips_are_ranges() -> Result<()> {
    let project = project()?;
    let said = project.cronlet(&["history"])?;
    insta::assert_snapshot!(said.out, @"
        RUN  JOB  STATUS           TRIGGER   NOMINAL                     SUMMARY
          —  a    skipped: missed  schedule  2026-03-29 01:00:00 +01:00  3 times, until 2026-03-29 04:00:00 +02:00
          4  a    failed           schedule  2026-03-29 01:30:00 +01:00
          3  a    cancelled        schedule  2026-03-03 07:00:00 +01:00
          2  b    failed           schedule  2026-03-02 01:00:00 -05:00
          1  a    succeeded        schedule  2026-03-01 07:00:00 +01:00
        ");
    let one = project.cronlet(&["history", "-n", "1"])?;
    assert_eq!(one.err, "there are older ones: `-n 5` shows more\n");
    let skips = &project.cronlet(&["history", "--json"])?.json()?[0];
    assert_eq!(skips["nominal"], json!("2026-03-29T00:00:00.000000Z"));
    assert_eq!(skips["nominal_last"], json!("2026-03-29T02:00:00.000000Z"));
    assert_eq!(
        (&skips["status"], &skips["count"]),
        (&json!("skipped"), &json!(3))
    );
    Ok(())
}

#[test]
fn a_filter_that_makes_no_sense_is_2() -> Result<()> {
    let project = project()?;
    let said = project.cronlet(&["history", "--status", "done"])?;
    assert_eq!((said.code, said.out.as_str()), (2, ""));
    insta::assert_snapshot!(said.err, @"
        error: invalid value 'done' for '--status <STATUS>'
          [possible values: queued, running, retrying, succeeded, failed, cancelled, skipped]

        For more information, try '--help'.
        ");
    let said = project.cronlet(&["history", "--since", "soon"])?;
    assert_eq!((said.code, said.out.as_str()), (2, ""));
    insta::assert_snapshot!(said.err, @"
        error: invalid value 'soon' for '--since <TIME>': it is no time

        help: write `2h` or `3d ago`, `06:00`, `yesterday`, `2026-03-29`, `2026-03-29 06:00` or `2026-03-29T06:00:00Z`

        For more information, try '--help'.
        ");
    let range = ["history", "--since", "2026-03-02", "--until", "2026-03-01"];
    assert_refused(
        &project.cronlet(&range)?,
        2,
        "error: nothing is between `--since` (2026-03-02 00:00:00 +01:00) and `--until` \
         (2026-03-01 00:00:00 +01:00)\nhelp: `--since` is the earlier time\n",
    );
    let nothing = project.cronlet(&["history", "--status", "running"])?;
    assert_eq!(
        (nothing.code, nothing.out.as_str(), nothing.err.as_str()),
        (0, "", "nothing of that kind\n")
    );
    assert_refused(
        &project.cronlet(&["history", "c", "--status", "failed"])?,
        4,
        "error: there is no job `c`\nhelp: `cronlet jobs` lists the jobs there are\n",
    );
    Ok(())
}

#[test]
fn the_help_of_history() -> Result<()> {
    let project = Project::empty()?;
    insta::assert_snapshot!(project.cronlet(&["history", "--help"])?.out, @"
        List what ran and what was skipped, newest first

        Usage: cronlet history [OPTIONS] [JOB]

        Arguments:
          [JOB]  Only this job's

        Options:
          -n, --count <N>        At most so many [default: 20]
              --status <STATUS>  Only those with this status; several with commas, or the option several
                                 times [possible values: queued, running, retrying, succeeded, failed,
                                 cancelled, skipped]
              --since <TIME>     Only those that were queued or skipped at this time or later
              --until <TIME>     Only those that were queued or skipped before this time
          -h, --help             Print help

        Global options:
          -c, --config <FILE>    The schedules file [env: CRONLET_CONFIG] [default: schedules.toml]
              --database <FILE>  The database, if not the file's own [env: CRONLET_DATABASE]
              --json             Print data as JSON
              --color <WHEN>     Use colours or not; by itself on a terminal, unless `NO_COLOR` is set
                                 [default: auto] [possible values: auto, always, never]

        Examples:
          cronlet history                                 the last 20 runs
          cronlet history hello -n 100                    of one job
          cronlet history --status failed,cancelled       how it did not go well
          cronlet history --since yesterday --until 06:00
          cronlet history --since 2h                      the last two hours

        A time is an instant as RFC 3339 has it, a date, what the clock shows, or how long ago. Clocks are
        those of the job's zone; without a job they are those of `[runtime] timezone`, which is UTC unless
        the schedules file says otherwise.
        Instants that were skipped on arrival are one line for each range of them: with the first one and
        the last. They are as new as the time that was recorded.
        ");
    Ok(())
}
