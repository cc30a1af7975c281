//! `cronlet rerun`: asks the daemon for a run once more.

use super::{
    console::Console, daemon, error::CliError, exit::Exit, follow, params, place::Place, show,
};
use crate::api::{runs::Accepted, view};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cronlet rerun 1042           the same once more, as a run of its own
  cronlet rerun 1042 --wait    until it is over; 1 if it failed

The new run is a manual one, for the same nominal time. Params that were given to the old run by
hand are given to the new one; otherwise it gets those that the job has now. The component and the
policy are those of now, so it may be skipped, which is exit code 5. If the job is gone it is 4.")]
pub struct Args {
    /// The run's number, as `history` shows it
    #[arg(value_parser = params::run)]
    run: u64,

    /// Wait until the new run is over, and say how it went
    #[arg(long)]
    wait: bool,
}

pub fn run(args: &Args, place: &Place, console: &mut Console) -> Result<Exit, CliError> {
    let daemon = daemon::find(place, console)?;
    let path = format!("/api/v1/runs/{}", args.run);
    let old: view::Run = daemon
        .get(&path)?
        .ok()
        .map_err(|error| show::refused(error, args.run))?;
    let accepted: Accepted = daemon
        .post(&format!("{path}/rerun"), &serde_json::json!({}))?
        .ok()?;
    follow::accepted(&daemon, &old.job, &accepted, args.wait, console)
}
