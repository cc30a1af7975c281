//! `cronlet backfill`: has a part of the past run.

use std::num::NonZeroU32;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use cronlet_core::{
    backfill::{MAX_CONCURRENT, Reprocess},
    schedule::Zone,
};
use jiff::Timestamp;
use serde_json::json;

use super::{
    console::Console,
    daemon,
    error::{CliError, Kind},
    exit::Exit,
    moment::{self, Moment},
    place::Place,
    trigger,
    zones::Zones,
};
use crate::{
    api::backfills::{Accepted, Request, Stopped},
    engine::backfill::{Unfit, Wish},
};

mod dry_run;
mod wait;
mod words;

pub(super) use words::progress;

use dry_run::dry_run;
use wait::wait;
use words::{begun, what_stopped};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cronlet backfill hello --from 2026-05-01 --to 2026-06-01 --dry-run   which instants it would be
  cronlet backfill hello --from 2026-05-01 --to 2026-06-01             one run after another
  cronlet backfill hello --from '30d ago' --to now --reprocess failed  those that failed, too
  cronlet backfill hello --stop                                        no more of them

The instants are those of the job's schedule as it is now, from the first time on and before the
second one. Instants outside the job's active hours, or in a blackout, are left out. A run stands for
its instant whoever asked for it; one that was skipped, or cancelled before it started, does not.
Runs of a backfill do not meet the job's other runs, and count for every cap. A paused job is
backfilled all the same. Times are on the clocks of the job's zone.
With --wait it is exit code 1 if a run failed or was cancelled, or if the backfill was stopped.")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag that is typed"
)]
pub struct Args {
    /// A job of the schedules file, as the daemon knows it
    job: String,

    /// The first moment, such as `2026-05-01`
    #[arg(long, value_name = "TIME", value_parser = moment::parse, required_unless_present = "stop")]
    from: Option<Moment>,

    /// The first moment after it, not in the future
    #[arg(long, value_name = "TIME", value_parser = moment::parse, required_unless_present = "stop")]
    to: Option<Moment>,

    /// Which instants that have a run already run again
    #[arg(long, value_name = "WHICH", default_value = "none", value_parser = reprocess())]
    reprocess: Reprocess,

    /// How many of its runs may be open at one time
    #[arg(
        long,
        value_name = "N",
        default_value = "1",
        value_parser = concurrent
    )]
    max_concurrent: NonZeroU32,

    /// The newest instant first
    #[arg(long)]
    reverse: bool,

    /// Start nothing: print the instants, and how many there are; needs no daemon
    #[arg(long, conflicts_with = "wait")]
    dry_run: bool,

    /// Wait until all its runs are over, and say how they went
    #[arg(long)]
    wait: bool,

    /// Have the job's backfills make no more runs; those that wait are cancelled
    #[arg(
        long,
        conflicts_with_all = ["from", "to", "reprocess", "max_concurrent", "reverse", "dry_run", "wait"]
    )]
    stop: bool,
}

fn reprocess() -> impl TypedValueParser<Value = Reprocess> {
    PossibleValuesParser::new(Reprocess::ALL.map(Reprocess::as_str))
        .try_map(|name| name.parse::<Reprocess>())
}

fn concurrent(text: &str) -> Result<NonZeroU32, String> {
    let count = text.parse().ok().filter(|count| *count <= MAX_CONCURRENT);
    count.ok_or_else(|| format!("expected a number from 1 to {MAX_CONCURRENT}"))
}

pub fn run(args: &Args, place: &Place, console: &mut Console) -> Result<Exit, CliError> {
    match (&args.from, &args.to) {
        (Some(from), Some(to)) if args.dry_run => dry_run(args, (from, to), place, console),
        (Some(from), Some(to)) => start(args, (from, to), place, console),
        _ => stop(args, place, console),
    }
}

/// The times as instants, on the clocks of the job's zone.
fn wish(args: &Args, (from, to): (&Moment, &Moment), zone: &Zone) -> Result<Wish, CliError> {
    let now = Timestamp::now();
    let resolve = |moment: &Moment| moment.resolve(now, zone).map_err(CliError::user);
    Ok(Wish {
        from: resolve(from)?,
        to: resolve(to)?,
        reprocess: args.reprocess,
    })
}

fn start(
    args: &Args,
    times: (&Moment, &Moment),
    place: &Place,
    console: &mut Console,
) -> Result<Exit, CliError> {
    let daemon = daemon::find(place, console)?;
    let zones = Zones::find(place);
    let zone = zones.of(args.job.as_str());
    let wish = wish(args, times, zone)?;
    let request = Request {
        from: wish.from,
        to: wish.to,
        reprocess: Some(args.reprocess.to_string()),
        max_concurrent: Some(args.max_concurrent.get()),
        reverse: args.reverse,
    };
    let path = format!("/api/v1/jobs/{}/backfills", trigger::in_a_path(&args.job));
    let accepted: Accepted = match daemon.post(&path, &request)?.ok() {
        Ok(accepted) => accepted,
        Err(error) => return Err(trigger::refused(error.into(), &args.job, place, console)),
    };
    if args.wait && accepted.backfill.backfill.is_some() {
        console.note(begun(&accepted, zone));
        return wait(&daemon, &accepted.backfill, console);
    }
    if console.json() {
        console.document(&accepted)?;
        return Ok(Exit::Done);
    }
    console.line(begun(&accepted, zone))?;
    if accepted.backfill.backfill.is_some() {
        console.help(&format!(
            "`cronlet status` shows how far it is, `cronlet backfill {} --stop` ends it",
            args.job
        ));
    }
    Ok(Exit::Done)
}

fn stop(args: &Args, place: &Place, console: &mut Console) -> Result<Exit, CliError> {
    let daemon = daemon::find(place, console)?;
    let job = trigger::in_a_path(&args.job);
    let path = format!("/api/v1/jobs/{job}/backfills/stop");
    let stopped: Stopped = match daemon.post(&path, &json!({}))?.ok() {
        Ok(stopped) => stopped,
        Err(error) => return Err(trigger::refused(error.into(), &args.job, place, console)),
    };
    if console.json() {
        console.document(&stopped)?;
    } else {
        console.line(what_stopped(&args.job, stopped))?;
        if stopped.stopped == 0 && stopped.running > 0 {
            let job = &args.job;
            console.help(&format!(
                "`cronlet history {job} --status running` lists them, `cronlet cancel RUN` ends one"
            ));
        }
    }
    Ok(Exit::Done)
}

impl From<Unfit> for CliError {
    fn from(unfit: Unfit) -> Self {
        let kind = if unfit.is_of_the_job() {
            Kind::Refused
        } else {
            Kind::User
        };
        Self::new(kind, unfit.to_string()).hint(unfit.help())
    }
}
