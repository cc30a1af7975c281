//! What a job remembers, on a real daemon: kept with the end that keeps it, and with nothing else.

use anyhow::{Context as _, Result, ensure};
use cronlet::store::{History as _, history::RunRow, sqlite};
use cronlet_core::{
    name::JobName,
    run::{AttemptStatus, RunId, RunStatus},
};
use serde_json::{Value, json};

use crate::{
    daemon::{Daemon, until},
    project::Project,
};

const PLUGINS: &[(&str, &str)] = &[("remember", tests::REMEMBER), ("noop", tests::NOOP)];

/// A job by hand that does this with its state; `more` are other keys of it.
fn job(name: &str, ops: &Value, more: &str) -> String {
    let ops = toml(ops);
    format!("[jobs.{name}]\nplugin = \"remember\"\n{more}\nparams = {{ ops = {ops} }}\n")
}

/// A JSON value as TOML writes it inline. There is no null in it.
fn toml(value: &Value) -> String {
    let list = |values: &[Value]| values.iter().map(toml).collect::<Vec<_>>().join(", ");
    match value {
        Value::Array(values) => format!("[{}]", list(values)),
        Value::Object(fields) => {
            let fields = fields
                .iter()
                .map(|(key, value)| format!("{key} = {}", toml(value)));
            format!("{{ {} }}", fields.collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

impl Project {
    /// What a job remembers.
    fn remembered(&self, job: &str) -> Result<Value> {
        let history = sqlite::history(&self.path("cronlet.db"))?;
        let entries = history.state(&JobName::new(job)?)?.into_iter();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok(entries
            .map(|(key, value)| (key.to_string(), json!(text(&value))))
            .collect::<serde_json::Map<_, _>>()
            .into())
    }
}

/// Triggers a job and waits for its end.
fn run(daemon: &Daemon, project: &Project, job: &str) -> Result<RunRow> {
    project.until_final(daemon.trigger(job)?)
}

fn output(run: &RunRow) -> Result<Value> {
    let last = run.attempts.last().context("it had an attempt")?;
    let output = last.output.as_deref();
    Ok(serde_json::from_str(output.context("it has an output")?)?)
}

fn code(run: &RunRow) -> Option<&str> {
    let error = run.attempts.last()?.error.as_ref()?;
    Some(&error.code)
}

#[test]
fn it_is_kept_across_runs_restarts_reloads_and_removal() -> Result<()> {
    let count = job("count", &json!([{"count": "n"}]), "");
    let other = job("other", &json!([{"get": "n"}, {"keys": ""}]), "");
    let project = Project::new(&format!("{count}{other}"), PLUGINS)?;
    let daemon = Daemon::start(&project)?;
    for n in 1..=3 {
        assert_eq!(output(&run(&daemon, &project, "count")?)?, json!([n]));
    }
    assert_eq!(
        output(&run(&daemon, &project, "other")?)?,
        json!([null, []])
    );
    assert_eq!(daemon.stop()?, 0);
    let daemon = Daemon::start(&project)?;
    assert_eq!(output(&run(&daemon, &project, "count")?)?, json!([4]));
    project.write("schedules.toml", &other)?;
    daemon.until("the job is gone", |status| status.jobs == 1)?;
    project.write("schedules.toml", &format!("{count}{other}"))?;
    daemon.until("the job is back", |status| status.jobs == 2)?;
    assert_eq!(output(&run(&daemon, &project, "count")?)?, json!([5]));
    assert_eq!(project.remembered("count")?, json!({"n": "5"}));
    assert_eq!(daemon.stop()?, 0);
    Ok(())
}

#[test]
fn who_does_not_succeed_changes_nothing() -> Result<()> {
    let ops =
        |end: Value| json!([{"set": ["k", "1"]}, {"delete": "there"}, {"say": "written"}, end]);
    let ends = [
        ("fails", json!("fail")),
        ("traps", json!("trap")),
        ("spins", json!("spin")),
    ];
    let mut schedules = job("cancelled", &ops(json!("until-cancelled")), "");
    for (name, end) in &ends {
        schedules += &job(name, &ops(end.clone()), "timeout = \"200ms\"");
    }
    let project = Project::new(&schedules, PLUGINS)?;
    let daemon = Daemon::start(&project)?;
    for (name, _) in ends {
        assert_eq!(run(&daemon, &project, name)?.status, RunStatus::Failed);
        assert_eq!(project.remembered(name)?, json!({}), "{name}");
    }
    let cancelled = daemon.trigger("cancelled")?;
    daemon.until("it runs", |status| {
        status.running.iter().any(|open| open.run == cancelled.0)
    })?;
    let said = project.cronlet(&["cancel", &cancelled.to_string()])?;
    ensure!(said.code == 0, "{said:?}");
    let row = project.until_final(cancelled)?;
    assert_eq!(row.status, RunStatus::Cancelled);
    // It returned as if it had succeeded; its output is there, and its state is not.
    assert_eq!(output(&row)?, json!(["ok", false, null, null]));
    assert_eq!(project.remembered("cancelled")?, json!({}));
    assert_eq!(daemon.stop()?, 0);
    Ok(())
}

#[test]
fn of_runs_that_overlap_each_counts_once() -> Result<()> {
    const RUNS: usize = 12;
    let ops = json!([{"count": "n"}, {"many": ["of/", 2, "x"]}, {"sleep": 100}]);
    let retry = "overlap = \"allow\"\nretry = { max = 100, backoff = \"fixed\", delay = \"20ms\" }";
    let project = Project::new(&job("count", &ops, retry), PLUGINS)?;
    let daemon = Daemon::start(&project)?;
    let runs: Vec<RunId> = (0..RUNS)
        .map(|_| daemon.trigger("count"))
        .collect::<Result<_>>()?;
    let mut numbers = Vec::new();
    let mut lost = 0;
    for run in runs {
        let row = project.until_final(run)?;
        assert_eq!(row.status, RunStatus::Succeeded);
        numbers.push(output(&row)?[0].as_u64().context("a number")?);
        for attempt in &row.attempts {
            if let Some(error) = &attempt.error {
                assert_eq!(error.code, "state-conflict");
                assert_eq!(attempt.status, Some(AttemptStatus::Failed));
                lost += 1;
            }
        }
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=RUNS as u64).collect::<Vec<_>>());
    ensure!(lost > 0, "no two of them met");
    let expected = json!({"n": RUNS.to_string(), "of/000000": "x", "of/000001": "x"});
    assert_eq!(project.remembered("count")?, expected);
    assert_eq!(daemon.stop()?, 0);
    Ok(())
}

#[test]
fn a_lost_race_is_an_error_that_says_so() -> Result<()> {
    let ops = json!([{"count": "n"}, {"say": "counted"}, {"sleep": 1500}]);
    let project = Project::new(&job("count", &ops, "overlap = \"allow\""), PLUGINS)?;
    let daemon = Daemon::start(&project)?;
    let runs = [daemon.trigger("count")?, daemon.trigger("count")?];
    let [first, second] = runs.map(|run| project.until_final(run));
    let (first, second) = (first?, second?);
    let lost = if first.status == RunStatus::Failed {
        &first
    } else {
        &second
    };
    assert_eq!(code(lost), Some("state-conflict"));
    let show = project.cronlet(&["show", &lost.run.to_string()])?;
    let message = "another run changed `n` of the job's state after this attempt had started";
    ensure!(show.out.contains(message), "{show:?}");
    assert_eq!(project.remembered("count")?, json!({"n": "1"}));
    assert_eq!(daemon.stop()?, 0);
    Ok(())
}

#[test]
fn a_full_state_is_an_error_and_what_was_there_stays() -> Result<()> {
    let fill = job(
        "fill",
        &json!([{"many": ["row/", 100, "12345"]}]),
        "max_state = \"2KiB\"",
    );
    let project = Project::new(&fill, PLUGINS)?;
    let daemon = Daemon::start(&project)?;
    let said = output(&run(&daemon, &project, "fill")?)?;
    let fits = 2048 / (64 + "row/000000".len() + 5);
    assert_eq!(said, json!([{"error": "state-full", "after": fits}]));
    let rows = project.remembered("fill")?;
    assert_eq!(rows.as_object().map(serde_json::Map::len), Some(fits));
    assert_eq!(daemon.stop()?, 0);
    Ok(())
}

/// Killed at any moment, what is on disk is what the ends on disk say, and a run that is told to have
/// counted has counted.
#[test]
fn a_kill_loses_nothing_that_ended_and_keeps_nothing_that_did_not() -> Result<()> {
    let ops = json!([{"count": "n"}, {"sleep": 5}]);
    let more = "overlap = \"allow\"\nretry = { max = 100, backoff = \"fixed\", delay = \"10ms\" }";
    let project = Project::new(&job("count", &ops, more), PLUGINS)?;
    for round in 0..6 {
        let daemon = Daemon::start(&project)?;
        let before = succeeded(&project)?;
        for _ in 0..10 {
            daemon.trigger("count")?;
        }
        until("some have counted", || {
            Ok((succeeded(&project)? > before + round).then_some(()))
        })?;
        daemon.kill()?;
        check_count(&project)?;
    }
    let daemon = Daemon::start(&project)?;
    project.until_runs("count", |runs| runs.iter().all(|run| run.status.is_final()))?;
    assert_eq!(daemon.stop()?, 0);
    check_count(&project)
}

fn succeeded(project: &Project) -> Result<usize> {
    let runs = project.runs("count")?;
    let succeeded = runs.iter().filter(|run| run.status == RunStatus::Succeeded);
    Ok(succeeded.count())
}

fn check_count(project: &Project) -> Result<()> {
    let count = succeeded(project)?;
    let expected = json!({"n": count.to_string()});
    ensure!(project.remembered("count")? == expected, "{expected}");
    let mut numbers = Vec::new();
    for run in project.runs("count")? {
        if run.status == RunStatus::Succeeded {
            numbers.push(output(&run)?[0].as_u64().context("a number")?);
        }
    }
    numbers.sort_unstable();
    ensure!(
        numbers == (1..=count as u64).collect::<Vec<_>>(),
        "{numbers:?}"
    );
    Ok(())
}

#[test]
fn a_run_without_a_daemon_has_a_copy_and_keeps_nothing() -> Result<()> {
    let count = job("count", &json!([{"count": "n"}]), "");
    let project = Project::new(&count, PLUGINS)?;
    let local = |what: &str| -> Result<Value> {
        let params = "{\"ops\": [{\"count\": \"n\"}]}";
        let said = project.cronlet(&["run", what, "--params", params])?;
        ensure!(said.code == 0, "{said:?}");
        let note = "1 key of its state changed, which only a daemon keeps";
        ensure!(said.err.contains(note), "{said:?}");
        Ok(serde_json::from_str(&said.out)?)
    };
    // There is no database.
    assert_eq!(local("count")?, json!([1]));
    assert_eq!(local("count")?, json!([1]));
    ensure!(!project.path("cronlet.db").exists(), "it made a database");
    let daemon = Daemon::start(&project)?;
    run(&daemon, &project, "count")?;
    // A daemon has it.
    assert_eq!(local("count")?, json!([2]));
    assert_eq!(daemon.stop()?, 0);
    assert_eq!(local("count")?, json!([2]));
    assert_eq!(local("plugins/remember.wasm")?, json!([1]));
    assert_eq!(project.remembered("count")?, json!({"n": "1"}));
    // What is no database of ours stops a job that remembers, and no other.
    project.write("cronlet.db", "something else, and longer than nothing")?;
    let said = project.cronlet(&["run", "count"])?;
    assert_eq!(said.code, 1);
    ensure!(said.err.contains("state-unavailable"), "{said:?}");
    ensure!(
        said.err.contains("is not a database of cronlet"),
        "{said:?}"
    );
    assert_eq!(project.cronlet(&["run", "./plugins/noop.wasm"])?.code, 0);
    Ok(())
}
