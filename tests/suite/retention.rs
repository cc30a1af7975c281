//! Old history goes: by itself, and when somebody asks for it.

use anyhow::{Result, ensure};
use cronlet::store::sqlite::{self, Owner};
use cronlet_core::run::RunId;
use serde_json::json;

use crate::{
    daemon::{Daemon, until},
    project::{Project, Said},
};

/// `keep` is what the file says of history.
fn schedules(keep: &str) -> String {
    format!(
        "[runtime]\n{keep}\n\n[jobs.hello]\nplugin = \"hello\"\noverlap = \"allow\"\n\
         params = {{ name = \"world\" }}\n"
    )
}

fn project(keep: &str) -> Result<Project> {
    Project::new(&schedules(keep), &[("hello", tests::HELLO)])
}

/// Runs of `hello` that are over, by number.
fn ran(project: &Project, daemon: &Daemon, count: usize) -> Result<Vec<RunId>> {
    let runs: Vec<_> = (0..count)
        .map(|_| daemon.trigger("hello"))
        .collect::<Result<_>>()?;
    for run in &runs {
        project.until_final(*run)?;
    }
    Ok(runs)
}

#[track_caller]
fn assert_said(said: &Said, code: i32, out: &str, err: &str) {
    assert_eq!(
        (said.code, said.out.as_str(), said.err.as_str()),
        (code, out, err)
    );
}

#[test]
fn old_history_goes_without_a_daemon() -> Result<()> {
    let project = project("")?;
    let daemon = Daemon::start(&project)?;
    let runs = ran(&project, &daemon, 25)?;
    assert_eq!(daemon.stop()?, 0);
    let nothing = project.cronlet(&["prune"])?;
    assert_said(&nothing, 0, "nothing is old enough to go\n", "");
    let zero = ["prune", "--keep", "0s", "--keep-logs", "0s"];
    let dry = project.cronlet(&[&zero[..], &["--dry-run"]].concat())?;
    assert_said(&dry, 0, "would remove 5 runs and 25 logs\n", "");
    assert_eq!(project.runs("hello")?.len(), 25);
    let said = project.cronlet(&[&zero[..], &["--json"]].concat())?;
    assert_eq!(
        said.json()?,
        json!({
            "dry_run": false, "runs": 5, "skips": 0, "logs": 25, "events": 0, "backfills": 0,
            "keep": "0s", "keep_runs": 10_000, "keep_logs": "0s",
        })
    );
    let kept: Vec<_> = project.runs("hello")?.iter().map(|run| run.run).collect();
    assert_eq!(kept, runs[5..]);
    let said = project.cronlet(&["prune", "--compact", "--json"])?;
    ensure!(said.json()?["freed_bytes"].is_u64(), "{said:?}");

    // The database is as a daemon left it, and another one goes on.
    let daemon = Daemon::start(&project)?;
    let next = daemon.trigger("hello")?;
    assert_eq!(Some(&RunId(next.0 - 1)), runs.last());
    project.until_final(next)?;
    assert_eq!(daemon.stop()?, 0);
    Ok(())
}

#[test]
fn a_pruned_log_says_so() -> Result<()> {
    let project = project("")?;
    let daemon = Daemon::start(&project)?;
    let run = ran(&project, &daemon, 1)?[0].to_string();
    let logs = project.cronlet(&["logs", &run])?;
    ensure!(logs.out.contains("greeting world"), "{logs:?}");
    let said = project.cronlet(&["prune", "--keep-logs", "0s"])?;
    assert_said(&said, 0, "removed 1 log\n", "");
    let logs = project.cronlet(&["logs", &run])?;
    let note = format!("the log of run {run} is not kept any more: it was pruned\n");
    assert_said(&logs, 0, "", &note);
    let shown = project.cronlet(&["show", &run])?;
    ensure!(shown.out.contains("hello world"), "{shown:?}");
    assert_eq!(daemon.stop()?, 0);
    Ok(())
}

#[test]
fn a_daemon_does_it_for_whoever_asks() -> Result<()> {
    let project = project("history = { keep = \"1s\", keep_runs = 1000 }")?;
    let daemon = Daemon::start(&project)?;
    ran(&project, &daemon, 23)?;
    let said = until("three runs are old", || {
        let said = project
            .cronlet(&["prune", "--job", "hello", "--dry-run", "--json"])?
            .json()?;
        Ok(Some(said).filter(|said| said["runs"] == 3))
    })?;
    assert_eq!(
        (&said["keep"], &said["keep_runs"]),
        (&json!("1s"), &json!(1000))
    );
    let said = project.cronlet(&["prune"])?;
    assert_said(&said, 0, "removed 3 runs\n", "");
    let said = project.cronlet(&["prune", "--job", "helo"])?;
    let unknown = "error: nothing is stored of a job `helo`\nhelp: did you mean `hello`?\n";
    assert_said(&said, 4, "", unknown);
    let said = project.cronlet(&["prune", "--compact"])?;
    assert_eq!(said.code, 5, "{said:?}");
    ensure!(
        said.err.contains("needs the database for itself"),
        "{said:?}"
    );
    assert_eq!(daemon.stop()?, 0);
    Ok(())
}

#[test]
fn a_save_changes_how_much_is_kept() -> Result<()> {
    let project = project("")?;
    let daemon = Daemon::start(&project)?;
    let runs = ran(&project, &daemon, 24)?;
    project.write("schedules.toml", &schedules("history = { keep_runs = 22 }"))?;
    let kept = project.until_runs("hello", |kept| kept.len() == 22)?;
    assert_eq!(kept[0].run, runs[2]);
    assert_eq!(daemon.stop()?, 0);
    Ok(())
}

#[test]
fn a_clock_that_leapt_makes_nothing_old_however_often_the_daemon_starts() -> Result<()> {
    let project = project("")?;
    let daemon = Daemon::start(&project)?;
    ran(&project, &daemon, 24)?;
    assert_eq!(daemon.stop()?, 0);
    // As far as anybody knows that was two years ago.
    let years = 2 * 365 * 86_400 * 1_000_000_i64;
    rusqlite::Connection::open(project.path("cronlet.db"))?.execute(
        "UPDATE daemons SET started_at = started_at - ?1, stopped_at = stopped_at - ?1",
        [years],
    )?;
    for keep_runs in [23, 22] {
        let daemon = Daemon::start(&project)?;
        let keep = format!("history = {{ keep = \"1s\", keep_runs = {keep_runs} }}");
        project.write("schedules.toml", &schedules(&keep))?;
        // By their age alone all but 20 would go, with them or before them.
        project.until_runs("hello", |kept| kept.len() <= keep_runs)?;
        assert_eq!(daemon.stop()?, 0);
        assert_eq!(project.runs("hello")?.len(), keep_runs);
    }
    Ok(())
}

#[test]
fn what_keeps_it_from_pruning_is_told() -> Result<()> {
    let project = project("history = { keep = \"never\" }")?;
    let said = project.cronlet(&["prune"])?;
    assert_eq!(said.code, 4, "there is no database: {said:?}");
    let me = Owner {
        pid: 4711,
        socket: None,
    };
    let other = sqlite::open(&project.path("cronlet.db"), &me)?;
    let all = [
        "prune",
        "--keep",
        "1d",
        "--keep-runs",
        "9",
        "--keep-logs",
        "1d",
    ];
    let all = [&all[..], &["--database", "cronlet.db"]].concat();
    let said = project.cronlet(&all)?;
    assert_eq!(said.code, 5, "{said:?}");
    let owned = "the database belongs to the cronlet with process id 4711";
    ensure!(said.err.contains(owned), "{said:?}");
    drop(other);
    let said = project.cronlet(&["prune"])?;
    assert_eq!(said.code, 2, "{said:?}");
    ensure!(
        said.err.contains("say how much to keep: `--keep`"),
        "{said:?}"
    );
    let said = project.cronlet(&all)?;
    assert_said(&said, 0, "nothing is old enough to go\n", "");
    let none = project.job("hello")?;
    ensure!(none.is_none(), "pruning accepts no plan: {none:?}");
    Ok(())
}
