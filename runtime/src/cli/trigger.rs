//! `cronlet trigger`: asks the daemon for a run now.

use std::{fmt::Write as _, sync::Arc};

use serde_json::{Map, Value};

use super::{
    console::Console,
    daemon,
    error::{CliError, Kind},
    escape,
    exit::Exit,
    history, params,
    place::Place,
    style, suggest, when,
};
use crate::{
    api::{
        client::Client,
        runs::{Accepted, Request},
        view,
    },
    store::{history::History, sqlite},
};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cronlet trigger hello                               and do not wait
  cronlet trigger hello --wait                        until it is over; 1 if it failed
  cronlet trigger hello --params '{\"name\": \"you\"}'    with other params

The run meets the job's policy as any other: it may be skipped, which is exit code 5.")]
pub struct Args {
    /// A job of the schedules file, as the daemon knows it
    job: String,

    /// What the job gets in place of its own params
    #[arg(long, value_name = "JSON", value_parser = params::parse)]
    params: Option<Arc<Map<String, Value>>>,

    /// Wait until the run is over, and say how it went
    #[arg(long)]
    wait: bool,
}

pub fn run(args: &Args, place: &Place, console: &mut Console) -> Result<Exit, CliError> {
    let daemon = daemon::find(place, console)?;
    let request = Request {
        params: args.params.as_deref().cloned(),
        nominal: None,
    };
    let path = format!("/api/v1/jobs/{}/runs", in_a_path(&args.job));
    let accepted: Accepted = match daemon.post(&path, &request)?.ok() {
        Ok(accepted) => accepted,
        Err(error) => return Err(refused(error.into(), &args.job, place, console)),
    };
    if args.wait {
        return wait(&daemon, &accepted, console);
    }
    if console.json() {
        console.document(&accepted)?;
    } else {
        console.line(sentence(&accepted))?;
    }
    Ok(exit(&accepted.status))
}

/// What was typed, so that it stays within one part of a path.
fn in_a_path(text: &str) -> String {
    let mut path = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_') {
            path.push(char::from(byte));
        } else {
            let _ = write!(path, "%{byte:02X}");
        }
    }
    path
}

/// What a refusal lacks is which jobs there are.
fn refused(error: CliError, job: &str, place: &Place, console: &mut Console) -> CliError {
    if error.kind != Kind::NotFound {
        return error;
    }
    let rows = sqlite::history(&place.database(console))
        .map_err(CliError::from)
        .and_then(|history| Ok(history.jobs()?));
    match rows {
        Ok(rows) => suggest::no_such_job(job, rows.iter().map(|row| row.job.as_str())),
        Err(_) => error,
    }
}

/// `run 1042 queued`, `run 1042 skipped: overlap`.
fn sentence(accepted: &Accepted) -> String {
    let style = style::of_status(&accepted.status);
    let (run, status) = (accepted.run, escape::line(&accepted.status));
    match &accepted.reason {
        Some(reason) => format!(
            "run {run} {style}{status}{style:#}: {}",
            escape::line(reason)
        ),
        None => format!("run {run} {style}{status}{style:#}"),
    }
}

fn wait(daemon: &Client, accepted: &Accepted, console: &mut Console) -> Result<Exit, CliError> {
    console.note(sentence(accepted));
    let path = format!("/api/v1/runs/{}?wait=final", accepted.run);
    let run: view::Run = daemon.wait(&path)?.ok()?;
    if run.ended_at.is_none() {
        let message = format!("the daemon stopped before run {} was over", accepted.run);
        return Err(CliError::unavailable(message).hint("the next `cronlet serve` goes on with it"));
    }
    if console.json() {
        console.document(&run)?;
    } else {
        console.line(ended(&run))?;
    }
    Ok(exit(&run.status))
}

/// `run 1042 succeeded after 12ms: 12 papers`
fn ended(run: &view::Run) -> String {
    let style = style::of_status(&run.status);
    let number = run.run.unwrap_or_default();
    let status = history::status(run);
    let mut text = format!("run {number} {style}{}{style:#}", escape::line(&status));
    if let Some(took) = history::took(run) {
        let preposition = history::preposition(&run.status);
        let _ = write!(text, " {preposition} {}", when::took(took));
    }
    let word = history::last_word(run, run.nominal.0);
    if !word.is_empty() {
        let _ = write!(text, ": {}", escape::line(&word));
    }
    text
}

fn exit(status: &str) -> Exit {
    match status {
        "queued" | "succeeded" => Exit::Done,
        "skipped" => Exit::Refused,
        _ => Exit::Failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_within_its_part_of_the_path() {
        assert_eq!(in_a_path("fetch-papers_2"), "fetch-papers_2");
        assert_eq!(in_a_path("../a b?é"), "%2E%2E%2Fa%20b%3F%C3%A9");
    }

    #[test]
    fn a_skip_is_a_refusal() {
        let accepted = Accepted {
            run: 7,
            status: "skipped".to_owned(),
            reason: Some("overlap".to_owned()),
        };
        let text = anstream::adapter::strip_str(&sentence(&accepted)).to_string();
        assert_eq!(text, "run 7 skipped: overlap");
        assert_eq!(exit(&accepted.status), Exit::Refused);
    }
}
