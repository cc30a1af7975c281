//! Jobs that run after others, on a real daemon: who runs when whose run has ended, what is handed on,
//! and that a daemon that is killed in between neither loses nor doubles anything.

use std::{
    collections::BTreeMap,
    hash::{BuildHasher as _, RandomState},
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use cronlet::{api::status::Status, store::history::RunRow};
use cronlet_core::run::{Cause, RunId, RunStatus};
use serde_json::{Value, json};

use crate::{
    daemon::Daemon,
    project::{Project, Said},
};

/// `report` is at the end of a chain, `alarm` is for failures, and `last` for any end.
const SCHEDULES: &str = r#"
[jobs.extract]
plugin = "echo"
params = { rows = 3 }

[jobs.broken]
plugin = "fail"
params = { kind = "permanent", message = "no source" }

[jobs.load]
plugin = "echo"
after = "extract"
timezone = "Europe/Berlin"

[jobs.report]
plugin = "echo"
cron = "0 6 1 1 *"
after = { job = "load", on = "success" }

[jobs.alarm]
plugin = "echo"
after = { job = "broken", on = "failure" }

[jobs.cheer]
plugin = "hello"
params = { name = "all" }
after = "broken"

[jobs.last]
plugin = "echo"
after = { job = "cheer", on = "end" }

[jobs.welcome]
plugin = "hello"
params = { name = "you" }

[jobs.answer]
plugin = "echo"
after = "welcome"
"#;

const PLUGINS: &[(&str, &str)] = &[
    ("echo", tests::ECHO),
    ("fail", tests::FAIL),
    ("hello", tests::HELLO),
];

fn project() -> Result<Project> {
    Project::new(SCHEDULES, PLUGINS)
}

/// The run of `job` that the end of `upstream` caused, when it is over.
fn caused(project: &Project, job: &str, upstream: RunId) -> Result<RunRow> {
    let cause = Cause::After(upstream);
    let is = |run: &RunRow| run.cause == cause;
    let runs = project.until_runs(job, |runs| {
        runs.iter().any(|run| is(run) && run.status.is_final())
    })?;
    let mut found = runs.into_iter().filter(is);
    let run = found.next().context("it is there")?;
    ensure!(found.next().is_none(), "{cause} twice");
    Ok(run)
}

fn show(project: &Project, run: RunId) -> Result<Value> {
    project
        .cronlet(&["show", &run.to_string(), "--json"])?
        .json()
}

#[test]
fn a_chain_hands_on_what_each_run_leaves() -> Result<()> {
    let project = project()?;
    let daemon = Daemon::start(&project)?;
    let first = daemon.trigger("extract")?;
    let second = caused(&project, "load", first)?.run;
    let third = caused(&project, "report", second)?.run;
    let [first, second, third] = [first, second, third].map(|run| show(&project, run));
    let (first, second, third) = (first?, second?, third?);
    for (run, upstream) in [(&second, &first), (&third, &second)] {
        assert_eq!(run["status"], "succeeded");
        assert_eq!(run["trigger"], "after");
        assert_eq!(
            (&run["after"], &run["input_of"]),
            (&upstream["run"], &upstream["run"])
        );
        assert_eq!(run["nominal"], first["nominal"], "that of the first");
        assert_eq!(run["output"]["trigger"], "after");
        assert_eq!(run["output"]["input"], upstream["output"]);
    }
    assert_eq!(
        third["output"]["input"]["input"]["params"],
        json!({"rows": 3})
    );

    let number = second["run"].to_string();
    let shown = project.cronlet(&["show", &number])?.out;
    ensure!(shown.contains("trigger    after run 1\n"), "{shown}");
    let history = project.cronlet(&["history", "load"])?.out;
    ensure!(history.contains("after 1  "), "{history}");
    assert_eq!(daemon.stop()?, 0);
    Ok(())
}

#[test]
fn each_end_has_its_answer() -> Result<()> {
    let project = project()?;
    let daemon = Daemon::start(&project)?;
    let broken = daemon.trigger("broken")?;
    let alarm = show(&project, caused(&project, "alarm", broken)?.run)?;
    assert_eq!(alarm["status"], "succeeded");
    assert_eq!(
        alarm["output"]["input"],
        Value::Null,
        "a failure hands on nothing"
    );
    let cheer = caused(&project, "cheer", broken)?;
    assert_eq!(cheer.status, RunStatus::Skipped);
    assert_eq!(cheer.reason.as_deref(), Some("dependency-failed"));
    let why = format!("run {broken} of `broken` failed");
    assert_eq!(cheer.message, Some(why));
    assert_eq!(cheer.attempts, []);
    // What was skipped causes nothing: what comes now is the first.
    let asked = daemon.trigger("cheer")?;
    caused(&project, "last", asked)?;
    assert_eq!(project.runs("last")?.len(), 1);
    // It has succeeded, and left no output.
    let welcome = daemon.trigger("welcome")?;
    let answer = show(&project, caused(&project, "answer", welcome)?.run)?;
    assert_eq!(answer["output"]["input"], Value::Null);
    assert_eq!(daemon.stop()?, 0);
    Ok(())
}

#[test]
fn what_is_run_again_gets_the_same_input_while_it_is_there() -> Result<()> {
    let project = project()?;
    let daemon = Daemon::start(&project)?;
    let first = daemon.trigger("extract")?;
    let load = caused(&project, "load", first)?.run;
    let rerun = |run: &str| project.cronlet(&["rerun", run, "--wait", "--json"]);
    let again = rerun(&load.to_string())?.json()?;
    assert_eq!(again["output"]["input"], show(&project, first)?["output"]);
    assert_eq!(again["trigger"], "manual");
    assert_eq!(
        (&again["after"], &again["input_of"]),
        (&Value::Null, &json!(first.0))
    );
    let shown = project.cronlet(&["show", &again["run"].to_string()])?.out;
    ensure!(
        shown.contains("input      the output of run 1\n"),
        "{shown}"
    );

    // Nobody is after it any more, so that its old runs go and theirs stay.
    let alone = SCHEDULES.replace("after = \"extract\"\n", "");
    project.write("schedules.toml", &alone)?;
    ensure!(project.cronlet(&["reload", "--wait"])?.code == 0);
    for _ in 0..20 {
        project.until_final(daemon.trigger("extract")?)?;
    }
    let pruned = project
        .cronlet(&["prune", "--keep", "0s", "--json"])?
        .json()?;
    assert_eq!(pruned["runs"], 1, "{pruned}");
    let Said { code, out, err } = rerun(&load.to_string())?;
    assert_eq!((code, out.as_str()), (5, ""));
    let why = "the input of run 2 was the output of run 1, whose history is kept no more";
    ensure!(err.contains(why), "{err}");
    assert_eq!(daemon.stop()?, 0);
    Ok(())
}

#[test]
fn the_command_line_tells_of_chains() -> Result<()> {
    let project = project()?;
    let jobs = project.cronlet(&["jobs", "--json"])?.json()?;
    let trigger = |name: &str| {
        let mut jobs = jobs.as_array().into_iter().flatten();
        let job = jobs.find(|job| job["job"] == name);
        job.map(|job| job["trigger"].clone())
    };
    assert_eq!(trigger("load"), Some(json!("after extract")));
    assert_eq!(trigger("report"), Some(json!("0 6 1 1 *, after load")));
    assert_eq!(trigger("alarm"), Some(json!("after broken on failure")));
    let next = project.cronlet(&["next", "alarm"])?;
    let words = "job `alarm` has no times of its own: it runs after broken on failure\n";
    assert_eq!(
        (next.code, next.out.as_str(), next.err.as_str()),
        (0, "", words)
    );

    let run = project.cronlet(&["run", "load", "--input", "[1, 2]", "--json"])?;
    assert_eq!(run.json()?["output"]["input"], json!([1, 2]));
    let run = project.cronlet(&["run", "load", "--json"])?;
    assert_eq!(run.json()?["output"]["input"], Value::Null);
    let wrong = project.cronlet(&["run", "load", "--input", "{rows: 3}"])?;
    assert_eq!(wrong.code, 2);
    ensure!(
        wrong.err.contains("it is not JSON: key must be a string"),
        "{wrong:?}"
    );
    Ok(())
}

const ROUNDS: u32 = 12;

/// No round is longer.
const LONGEST: Duration = Duration::from_millis(900);

const HURRIED: &str = r#"
[runtime]
max_concurrent_runs = 4

[jobs.a]
plugin = "sleep"
params = { ms = 40 }
overlap = "allow"

[jobs.b]
plugin = "sleep"
params = { ms = 20 }
overlap = "queue-all"
after = { job = "a", on = "end" }

[jobs.c]
plugin = "noop"
overlap = "allow"
after = "b"
"#;

/// Killed at random moments, again and again. Then each run of `a` and `b` that has ended and was not
/// skipped has caused one run of the next job, and there are no others.
#[test]
fn a_daemon_that_is_killed_loses_and_doubles_no_link() -> Result<()> {
    let seed = RandomState::new().hash_one(0);
    println!("seed {seed}");
    let plugins = [("sleep", tests::SLEEP), ("noop", tests::NOOP)];
    let project = Project::new(HURRIED, &plugins)?;
    for round in 0..ROUNDS {
        let daemon = Daemon::start(&project)?;
        for _ in 0..4 {
            daemon.trigger("a")?;
        }
        let longest = u64::try_from(LONGEST.as_micros())?;
        let life = RandomState::new().hash_one((seed, round)) % longest;
        thread::sleep(Duration::from_micros(life));
        daemon.kill()?;
        check(&project).with_context(|| format!("after round {round}"))?;
    }
    let daemon = Daemon::start(&project)?;
    let open = |status: &Status| status.running.len() + status.queued + status.retrying;
    daemon.until("nothing is left to do", |status| open(status) == 0)?;
    assert_eq!(daemon.stop()?, 0);
    check(&project)?;
    assert_eq!(project.runs("a")?.len(), 4 * usize::try_from(ROUNDS)?);
    assert_eq!(project.runs("b")?.len(), project.runs("a")?.len());
    Ok(())
}

fn check(project: &Project) -> Result<()> {
    for (upstream, job) in [("a", "b"), ("b", "c")] {
        let mut caused = BTreeMap::new();
        for run in project.runs(job)? {
            let Cause::After(of) = run.cause else {
                anyhow::bail!("{run:?} was caused by nobody");
            };
            ensure!(
                caused.insert(of, run.run).is_none(),
                "two runs of {job} after {of}"
            );
        }
        for run in project.runs(upstream)? {
            let ended = run.status.is_final() && run.status != RunStatus::Skipped;
            let found = caused.remove(&run.run);
            ensure!(
                found.is_some() == ended,
                "{run:?} caused {found:?} of {job}"
            );
        }
        ensure!(caused.is_empty(), "{caused:?} of {job} came of nothing");
    }
    Ok(())
}
