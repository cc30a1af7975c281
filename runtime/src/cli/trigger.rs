//! `cronlet trigger`: asks the daemon for a run now.

use std::{fmt::Write as _, sync::Arc};

use serde_json::{Map, Value};

use super::{
    console::Console,
    daemon,
    error::{CliError, Kind},
    exit::Exit,
    follow, params,
    place::Place,
    suggest,
};
use crate::{
    api::runs::{Accepted, Request},
    store::{history::History, sqlite},
};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cronlet trigger hello                               and do not wait
  cronlet trigger hello --wait                        until it is over; 1 if it failed
  cronlet trigger hello --params '{\"name\": \"you\"}'    with other params

The run meets the job's policy as any other: it may be skipped, which is exit code 5. With --wait
the log and the progress are shown on a terminal, and Ctrl-C leaves the run alone.")]
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
    follow::accepted(&daemon, &args.job, &accepted, args.wait, console)
}

/// What was typed, so that it stays within one part of a path.
pub(super) fn in_a_path(text: &str) -> String {
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
pub(super) fn refused(
    error: CliError,
    job: &str,
    place: &Place,
    console: &mut Console,
) -> CliError {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_within_its_part_of_the_path() {
        assert_eq!(in_a_path("fetch-papers_2"), "fetch-papers_2");
        assert_eq!(in_a_path("../a b?é"), "%2E%2E%2Fa%20b%3F%C3%A9");
    }
}
