//! `cronlet logs`, with `--follow` and without.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    process::{Child, ChildStderr, ChildStdout, Stdio},
};

use anyhow::{Context as _, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::assert_refused;
use crate::{
    daemon::{Daemon, until},
    project::{Project, Said},
};

const SCHEDULES: &str = r#"
[jobs.long]
plugin = "stubborn"

[jobs.twice]
plugin = "talk"
params = { steps = 2, lines = 2, succeeds_at = 2 }
retry = { max = 1, delay = "10ms", jitter = false }

[jobs.later]
plugin = "talk"
params = { steps = 1, lines = 1, succeeds_at = 2, stays = true }
retry = { max = 1, delay = "10m", jitter = false }

[jobs.flood]
plugin = "talk"
params = { steps = 1, lines = 20000, stays = true }
"#;

fn project() -> Result<Project> {
    let plugins = [("stubborn", tests::STUBBORN), ("talk", tests::TALK)];
    Project::new(SCHEDULES, &plugins)
}

/// Somebody who reads what `cronlet` says, line by line. Killed when it is dropped.
struct Reader {
    child: Child,
    out: BufReader<ChildStdout>,
    err: BufReader<ChildStderr>,
}

impl Reader {
    fn start(project: &Project, arguments: &[&str]) -> Result<Self> {
        let mut child = project
            .command(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let out = BufReader::new(child.stdout.take().context("it has a standard output")?);
        let err = BufReader::new(child.stderr.take().context("and a standard error")?);
        Ok(Self { child, out, err })
    }

    /// The next line, without its time.
    fn line(&mut self) -> Result<String> {
        Ok(without_time(&self.whole_line()?))
    }

    fn whole_line(&mut self) -> Result<String> {
        let mut line = String::new();
        ensure!(self.out.read_line(&mut line)? > 0, "it ended");
        Ok(line)
    }

    /// The next line that is no data.
    fn note(&mut self) -> Result<String> {
        let mut line = String::new();
        ensure!(self.err.read_line(&mut line)? > 0, "it ended");
        Ok(line)
    }

    fn interrupt(&self) -> Result<()> {
        Ok(kill_process(Pid::from_child(&self.child), Signal::INT)?)
    }

    /// The rest of what it says.
    fn end(mut self) -> Result<Said> {
        let (mut out, mut err) = (String::new(), String::new());
        self.out.read_to_string(&mut out)?;
        self.err.read_to_string(&mut err)?;
        let code = self.child.wait()?.code().context("it was killed")?;
        Ok(Said { code, out, err })
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        // After its end there is nothing left to kill, and that is no error here.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn without_time(line: &str) -> String {
    let line = line.trim_end();
    match line.split_once(' ') {
        Some((time, rest)) if time.contains('T') => rest.to_owned(),
        _ => line.to_owned(),
    }
}

fn lines(text: &str) -> Vec<String> {
    text.lines().map(without_time).collect()
}

/// Triggers a job, and waits until its guest runs.
fn running(project: &Project, daemon: &Daemon, job: &str) -> Result<u64> {
    let run = daemon.trigger(job)?;
    daemon.until("it runs", |status| {
        status.running.iter().any(|it| it.run == run.0)
    })?;
    // The guest has said its first word when the daemon says so.
    until("it talks", || {
        let said = project.cronlet(&["logs", &run.to_string()])?;
        Ok((!said.out.is_empty()).then_some(()))
    })?;
    Ok(run.0)
}

#[test]
fn a_run_is_followed_until_it_is_over() -> Result<()> {
    let project = project()?;
    let daemon = Daemon::start(&project)?;
    let run = running(&project, &daemon, "long")?.to_string();
    let mut reader = Reader::start(&project, &["logs", &run, "-f"])?;
    assert_eq!(reader.line()?, "info   working");
    assert_eq!(project.cronlet(&["cancel", &run, "--kill"])?.code, 0);
    let said = reader.end()?;
    assert_eq!((said.code, said.out.as_str()), (1, ""));
    ensure!(
        said.err.starts_with("run 1 cancelled after "),
        "{}",
        said.err
    );

    // A run that is over is printed, and the code is the same.
    let said = project.cronlet(&["logs", &run, "--follow"])?;
    assert_eq!(
        (said.code, lines(&said.out)),
        (1, vec!["info   working".to_owned()])
    );
    ensure!(
        said.err.starts_with("run 1 cancelled after "),
        "{}",
        said.err
    );
    Ok(())
}

#[test]
fn a_run_is_followed_through_its_retries() -> Result<()> {
    let project = project()?;
    let daemon = Daemon::start(&project)?;
    let run = daemon.trigger("twice")?.to_string();
    let said = project.cronlet(&["logs", &run, "--follow"])?;
    assert_eq!(said.code, 0);
    let attempt = |step| ["line 1", "line 2"].map(|line| format!("info   {line}  step={step}"));
    let expected: Vec<String> = [
        &attempt(1)[..],
        &attempt(2),
        &["attempt 2".to_owned()],
        &attempt(1),
        &attempt(2),
    ]
    .concat();
    assert_eq!(lines(&said.out), expected);
    ensure!(said.err.contains("run 1 succeeded in "), "{}", said.err);
    // What is kept reads the same.
    let kept = project.cronlet(&["logs", &run])?;
    assert_eq!((kept.out, kept.err.as_str()), (said.out, ""));
    let second = project.cronlet(&["logs", &run, "--attempt", "2"])?;
    assert_eq!(lines(&second.out), expected[4..]);
    Ok(())
}

#[test]
fn a_run_that_waits_for_its_retry_says_so() -> Result<()> {
    let project = project()?;
    let daemon = Daemon::start(&project)?;
    let run = daemon.trigger("later")?.to_string();
    daemon.until("it retries", |status| status.retrying == 1)?;
    let mut reader = Reader::start(&project, &["logs", &run, "--follow"])?;
    assert_eq!(reader.line()?, "info   line 1  step=1");
    let note = reader.note()?;
    ensure!(
        note.starts_with("attempt 1 failed: error; again in "),
        "{note}"
    );
    reader.interrupt()?;
    let said = reader.end()?;
    assert_eq!((said.code, said.out.as_str()), (130, ""));
    assert_eq!(
        said.err.lines().collect::<Vec<_>>(),
        [
            "run 1 goes on",
            "help: `cronlet logs 1 --follow` shows it again, `cronlet cancel 1` ends it"
        ]
    );
    Ok(())
}

#[test]
fn what_a_run_has_said_so_far_is_shown() -> Result<()> {
    let project = project()?;
    let daemon = Daemon::start(&project)?;
    let run = running(&project, &daemon, "long")?.to_string();
    let said = project.cronlet(&["logs", &run])?;
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    assert_eq!(lines(&said.out), ["info   working"]);
    let line = project.cronlet(&["logs", &run, "--json"])?.json()?;
    assert_eq!(
        (&line["attempt"], &line["message"]),
        (&json!(1), &json!("working"))
    );

    // What nobody keeps is lost with the daemon, which is said.
    daemon.kill()?;
    let said = project.cronlet(&["logs", &run])?;
    assert_eq!((said.code, said.out.as_str()), (0, ""));
    assert_eq!(
        said.err,
        "warning: what attempt 1 says is not known: no daemon is running for `cronlet.db`\n\
         run 1 has said nothing\n"
    );
    assert_refused(
        &project.cronlet(&["logs", &run, "--follow"])?,
        3,
        "error: no daemon is running for `cronlet.db`\nhelp: `cronlet serve` starts one\n",
    );
    Ok(())
}

#[test]
fn who_follows_hears_that_the_daemon_stops() -> Result<()> {
    let project = project()?;
    let daemon = Daemon::start(&project)?;
    let run = running(&project, &daemon, "long")?.to_string();
    let mut reader = Reader::start(&project, &["logs", &run, "--follow"])?;
    assert_eq!(reader.line()?, "info   working");
    daemon.kill()?;
    let said = reader.end()?;
    assert_eq!(said.code, 3);
    assert_eq!(
        said.err,
        "error: the daemon stopped before run 1 was over\n\
         help: the next `cronlet serve` goes on with it\n"
    );
    Ok(())
}

#[test]
fn of_a_flood_the_head_comes_first_and_what_is_missing_is_counted() -> Result<()> {
    let project = project()?;
    let daemon = Daemon::start(&project)?;
    let run = running(&project, &daemon, "flood")?.to_string();
    daemon.until("it is through", |status| {
        status.running.iter().any(|it| it.progress.is_some())
    })?;
    let mut reader = Reader::start(&project, &["logs", &run, "--follow", "--json"])?;
    let (mut number, mut missed) = (0, 0);
    while number < 20_000 {
        let line: Value = serde_json::from_str(&reader.whole_line()?)?;
        if line["level"] == "host" {
            let lines = line["fields"]["lines"].as_str().context("a number")?;
            let lines: u64 = lines.parse()?;
            missed += lines;
            number += lines;
        } else {
            number += 1;
            assert_eq!(line["message"], json!(format!("line {number}")));
        }
    }
    ensure!(missed > 0 && missed < 20_000, "{missed}");
    assert_eq!(project.cronlet(&["cancel", &run])?.code, 0);
    assert_eq!(reader.end()?.code, 1);
    Ok(())
}

#[test]
fn an_attempt_that_is_not_there_is_4() -> Result<()> {
    let project = project()?;
    let daemon = Daemon::start(&project)?;
    let run = daemon.trigger("twice")?;
    project.until_final(run)?;
    let run = run.to_string();
    assert_refused(
        &project.cronlet(&["logs", &run, "--attempt", "7"])?,
        4,
        "error: run 1 has no attempt 7, it has 2\n",
    );
    let said = project.cronlet(&["logs", &run, "--attempt", "1", "--follow"])?;
    assert_eq!((said.code, said.out.as_str()), (2, ""));
    Ok(())
}
