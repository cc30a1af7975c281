//! `--json`: what every verb prints, and the errors that end them.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::{assert_keys, project};
use crate::{daemon::Daemon, project::Project};

/// The object that standard error is.
fn error(project: &Project, arguments: &[&str]) -> Result<Value> {
    let said = project.cronlet(&[arguments, &["--json"]].concat())?;
    ensure!(said.out.is_empty(), "{said:?}");
    let object: Value =
        serde_json::from_str(&said.err).with_context(|| format!("not one object: {said:?}"))?;
    assert_eq!(object["exit_code"], json!(said.code));
    assert_keys(&object["error"], &["code", "message", "help", "problems"]);
    Ok(object["error"].clone())
}

/// The verbs that `cronlet --help` lists.
fn verbs(project: &Project) -> Result<BTreeSet<String>> {
    let help = project.cronlet(&["--help"])?.out;
    let (_, rest) = help.split_once("Commands:\n").context("it lists them")?;
    let lines = rest.lines().take_while(|line| !line.is_empty());
    Ok(lines
        .filter_map(|line| Some(line.split_whitespace().next()?.to_owned()))
        .collect())
}

#[test]
fn every_verb_prints_one_document() -> Result<()> {
    let project = project()?;
    let _daemon = Daemon::start(&project)?;
    // A daemon prints its log, a hook is a script of a shell, and help is for people.
    let mut untried = verbs(&project)?;
    untried.retain(|verb| !["serve", "completions", "help"].contains(&verb.as_str()));
    for (arguments, keys) in [
        (
            &["trigger", "echo", "--wait"][..],
            &["run", "status", "attempts"][..],
        ),
        (&["trigger", "long"], &["run", "status"]),
        (&["cancel", "2", "--kill"], &["run", "status"]),
        (&["rerun", "1"], &["run", "status"]),
        (&["rerun", "1", "--wait"], &["run", "status", "attempts"]),
        (&["run", "echo"], &["run", "status", "output", "usage"]),
        (&["show", "1"], &["run", "status", "attempts"]),
        (&["status"], &["status", "running", "config"]),
        (&["jobs"], &[]),
        (&["next"], &[]),
        (&["next", "hello"], &[]),
        (&["history"], &[]),
        (&["check"], &[]),
        (&["why", "echo"], &["job", "answer", "sentence", "next"]),
        (
            &["backfill", "hello", "--from", "2d", "--to", "now"],
            &["backfill", "job", "status", "instants", "already_run"],
        ),
        (
            &[
                "backfill",
                "hello",
                "--from",
                "2d",
                "--to",
                "1d",
                "--dry-run",
            ],
            &["job", "count", "instants"],
        ),
        (&["pause", "echo"], &["status", "jobs", "already"]),
        (&["resume", "--all"], &["status", "jobs", "already"]),
        (&["reload"], &["status"]),
        (
            &["reload", "--wait"],
            &["status", "sha256", "summary", "problems"],
        ),
        (&["logs", "1"], &["attempt", "message"]),
        (&["prune"], &["runs", "skips", "logs", "dry_run"]),
        (&["backup", "copy.db"], &["file", "runs", "bytes"]),
        (&["schema"], &["$schema", "properties"]),
    ] {
        untried.remove(arguments[0]);
        let said = project.cronlet(&[arguments, &["--json"]].concat())?;
        assert_eq!(said.code, 0, "{said:?}");
        let document = said.json()?;
        assert_keys(&document, keys);
        assert_eq!(document.is_array(), keys.is_empty(), "{arguments:?}");
    }
    ensure!(untried.is_empty(), "without a case: {untried:?}");
    Ok(())
}

#[test]
fn an_error_is_an_object_too() -> Result<()> {
    let project = project()?;
    let none = error(&project, &["status"])?;
    assert_eq!(none["code"], json!("unavailable"));
    assert_eq!(
        none["message"],
        json!("no daemon is running for `cronlet.db`")
    );
    assert_eq!(none["help"], json!(["`cronlet serve` starts one"]));
    assert_eq!(
        error(&project, &["next", "helo"])?["code"],
        json!("not-found")
    );
    assert_eq!(
        error(&project, &["history", "--since", "soon"])?["code"],
        json!("usage")
    );
    let typed = error(&project, &["histroy"])?;
    assert_eq!(typed["message"], json!("unrecognized subcommand 'histroy'"));
    assert_eq!(
        typed["help"],
        json!(["a similar subcommand exists: 'history'"])
    );

    project.write(
        "schedules.toml",
        "[jobs.a]\nplugin = \"a\"\ncron = \"0 3 32 * *\"\n",
    )?;
    let broken = error(&project, &["next"])?;
    assert_eq!(broken["code"], json!("config"));
    assert_eq!(broken["problems"][0]["line"], json!(3));

    // Help is no error.
    let help = project.cronlet(&["next", "--json", "--help"])?;
    assert_eq!((help.code, help.err.as_str()), (0, ""));
    Ok(())
}

#[test]
fn a_daemon_with_another_database_is_named() -> Result<()> {
    let project = project()?;
    let _daemon = Daemon::start(&project)?;
    let text = std::fs::read_to_string(project.path("schedules.toml"))?;
    project.write(
        "schedules.toml",
        &format!("[runtime]\ndatabase = \"new.db\"\n{text}"),
    )?;
    let said = project.cronlet(&["status"])?;
    assert_eq!(said.code, 3);
    assert_eq!(
        said.err,
        "error: no daemon is running for `new.db`\n\
         help: `cronlet serve` starts one\n\
         help: one is running for another database: `--database cronlet.db`\n"
    );
    let named = project.cronlet(&["status", "--database", "cronlet.db"])?;
    assert_eq!(named.code, 0, "{named:?}");
    Ok(())
}
