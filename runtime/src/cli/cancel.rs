//! `cronlet cancel`: asks the daemon for the end of a run.

use serde_json::json;

use super::{console::Console, daemon, error::CliError, exit::Exit, params, place::Place, show};
use crate::api::runs::{Cancel, Cancelled};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cronlet cancel 1042           the job is asked to stop, and has its `grace` to do it
  cronlet cancel 1042 --kill    it is stopped at once

`grace` is a key of the job, ten seconds unless it says otherwise; what has not ended by then is
stopped. A run that waits ends without a start. Either way it ends as `cancelled`, and is not
tried again. A run that is over cannot be cancelled, which is exit code 5.")]
pub struct Args {
    /// The run's number, as `history` and `status` show it
    #[arg(value_parser = params::run)]
    run: u64,

    /// At once, without asking the job first
    #[arg(long)]
    kill: bool,
}

pub fn run(args: &Args, place: &Place, console: &mut Console) -> Result<Exit, CliError> {
    let daemon = daemon::find(place, console)?;
    let path = format!("/api/v1/runs/{}/cancel", args.run);
    let cancelled: Cancelled = daemon
        .post(&path, &Cancel { kill: args.kill })?
        .ok()
        .map_err(|error| show::refused(error, args.run))?;
    let (run, status) = (args.run, cancelled.status.as_str());
    if console.json() {
        console.document(&json!({"run": run, "status": status}))?;
    } else {
        console.line(match status {
            "cancelling" if args.kill => format!("run {run} is being killed"),
            "cancelling" => format!("run {run} is asked to stop"),
            _ => format!("run {run} cancelled"),
        })?;
    }
    Ok(Exit::Done)
}
