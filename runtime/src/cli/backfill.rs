//! `cronlet backfill`: has a part of the past run.

use std::{fmt::Write as _, num::NonZeroU32, time::Duration};

use clap::builder::{PossibleValuesParser, TypedValueParser};
use cronlet_core::{
    backfill::{MAX_CONCURRENT, Reprocess},
    name::JobName,
    schedule::Zone,
};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;
use tokio::time::{MissedTickBehavior, interval};

use super::{
    bar::Bar,
    console::Console,
    daemon,
    error::{CliError, Kind},
    escape,
    exit::Exit,
    live::{Interrupts, block_on},
    moment::{self, Moment},
    place::{self, Place},
    suggest, trigger, when,
    zones::Zones,
};
use crate::{
    api::{
        backfills::{Accepted, Backfill, Request, Stopped},
        client::{Client, ClientError},
        view,
    },
    engine::backfill::{Chosen, Unfit, Wish, choose},
    store::history::History,
};

/// How often one that waits looks how far it is.
const LOOK: Duration = Duration::from_millis(200);

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

/// One line of what would run.
#[derive(Debug, Serialize)]
struct Instant {
    nominal: view::Time,
    /// What the clocks of the zone show, with their offset.
    local: String,
}

fn dry_run(
    args: &Args,
    times: (&Moment, &Moment),
    place: &Place,
    console: &mut Console,
) -> Result<Exit, CliError> {
    let found = place.find();
    let history = found.history()?;
    let plan = place::plan(&found.draft?);
    let names = plan.jobs.keys().map(JobName::as_str);
    let job = plan.jobs.get(args.job.as_str());
    let job = job.ok_or_else(|| suggest::no_such_job(&args.job, names))?;
    let wish = wish(args, times, &job.zone)?;
    let history = history.as_ref().map(|history| history as &dyn History);
    let chosen = choose(job, &wish, Timestamp::now(), history)??;
    let mut instants = chosen.instants.as_slice().to_vec();
    if args.reverse {
        instants.reverse();
    }
    if console.json() {
        let instants: Vec<_> = instants
            .iter()
            .map(|at| Instant {
                nominal: view::Time(*at),
                local: when::with_offset(*at, &job.zone),
            })
            .collect();
        console.document(&json!({
            "job": args.job,
            "count": instants.len(),
            "already_run": chosen.standing,
            "excluded": chosen.excluded,
            "instants": instants,
        }))?;
        return Ok(Exit::Done);
    }
    for at in &instants {
        console.line(when::with_offset(*at, &job.zone))?;
    }
    let Chosen {
        standing, excluded, ..
    } = chosen;
    let count = u64::from(chosen.instants.count());
    console.note(format_args!(
        "{}{}",
        counted(count, "instant"),
        left_out(standing, excluded)
    ));
    Ok(Exit::Done)
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

/// `1 backfill of hello stopped; 2 runs that waited are cancelled; 1 run goes on`
fn what_stopped(job: &str, stopped: Stopped) -> String {
    let Stopped {
        stopped,
        already,
        cancelled,
        running,
    } = stopped;
    let mut text = match (stopped, already) {
        (0, 1) => format!("the backfill of `{job}` was stopped before"),
        (0, _) => format!("the {already} backfills of `{job}` were stopped before"),
        _ => format!("{} of `{job}` stopped", counted(stopped.into(), "backfill")),
    };
    let are =
        |count: u32, one: &'static str, more: &'static str| if count == 1 { one } else { more };
    if cancelled > 0 {
        let (runs, are) = (
            counted(cancelled.into(), "run"),
            are(cancelled, "is", "are"),
        );
        let _ = write!(text, "; {runs} that waited {are} cancelled");
    }
    if running > 0 {
        let (runs, go) = (counted(running.into(), "run"), are(running, "goes", "go"));
        let _ = write!(text, "; {runs} {go} on");
    }
    text
}

/// Shows how far it comes, until it is over.
fn wait(daemon: &Client, begun: &Backfill, console: &mut Console) -> Result<Exit, CliError> {
    let id = begun.backfill.clone().unwrap_or_default();
    let path = format!("/api/v1/backfills/{id}");
    let ended = block_on(async {
        let mut interrupts = Interrupts::listen()?;
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = interrupts.next() => {
                    console.bar().clear();
                    return Ok(None);
                }
                _ = looks.tick() => {}
            }
            let backfill: Backfill = match daemon.look(&path).await {
                Ok(answer) => answer.ok()?,
                Err(ClientError::Unreachable { .. } | ClientError::Broken(_)) => {
                    console.bar().clear();
                    return Err(left(&begun.job));
                }
                Err(error) => return Err(error.into()),
            };
            if backfill.ended_at.is_some() {
                console.bar().clear();
                return Ok(Some(backfill));
            }
            if Bar::room().is_some() {
                console.bar().draw(&progress(&backfill));
            }
        }
    })?;
    let Some(backfill) = ended else {
        let job = &begun.job;
        console.note(format_args!("the backfill of `{job}` goes on"));
        console.help(&format!(
            "`cronlet status` shows how far it is, `cronlet backfill {job} --stop` ends it"
        ));
        return Ok(Exit::Interrupted);
    };
    if console.json() {
        console.document(&backfill)?;
    } else {
        console.line(progress(&backfill))?;
    }
    let all = backfill.succeeded == backfill.instants;
    Ok(if all { Exit::Done } else { Exit::Failed })
}

fn left(job: &str) -> CliError {
    let message = format!("the daemon stopped before the backfill of `{job}` was over");
    CliError::new(Kind::Unavailable, message).hint("the next `cronlet serve` goes on with it")
}

/// `backfill 00c0ffee00c0ffee of hello: 31 instants from … to …; 2 have a run already`
fn begun(accepted: &Accepted, zone: &Zone) -> String {
    let backfill = &accepted.backfill;
    let (count, job) = (u64::from(backfill.instants), escape::line(&backfill.job));
    let left_out = left_out(accepted.already_run, accepted.excluded);
    let which = counted(count, "instant");
    match (&backfill.backfill, backfill.first, backfill.last) {
        (Some(id), Some(first), _) if count == 1 => format!(
            "backfill {} of `{job}`: {which}, {}{left_out}",
            escape::line(id),
            when::second(first.0, zone),
        ),
        (Some(id), Some(first), Some(last)) => format!(
            "backfill {} of `{job}`: {which} from {} to {}{left_out}",
            escape::line(id),
            when::second(first.0, zone),
            when::second(last.0, zone),
        ),
        _ => format!("nothing to do for `{job}`: no instant is left there{left_out}"),
    }
}

/// `hello 12 of 31 (38%), 1 failed`, of a backfill that goes on or is over.
pub(super) fn progress(backfill: &Backfill) -> String {
    let (over, all) = (backfill.over(), backfill.instants);
    let percent = u64::from(over) * 100 / u64::from(all.max(1));
    let mut text = format!("{} {over} of {all} ({percent}%)", backfill.job);
    for (count, what) in [
        (backfill.failed, "failed"),
        (backfill.cancelled, "cancelled"),
        (backfill.skipped, "skipped"),
    ] {
        if count > 0 {
            let _ = write!(text, ", {count} {what}");
        }
    }
    match backfill.status.as_str() {
        "running" | "done" => {}
        other => {
            let _ = write!(text, ", {}", escape::line(other));
        }
    }
    text
}

/// What else there is, and why it is left out; nothing if there is nothing.
fn left_out(already_run: u64, excluded: u64) -> String {
    let mut text = String::new();
    if already_run > 0 {
        let have = if already_run == 1 { "has" } else { "have" };
        let _ = write!(text, "; {already_run} {have} a run already");
    }
    if excluded > 0 {
        let are = if excluded == 1 { "is" } else { "are" };
        let _ = write!(
            text,
            "; {excluded} {are} outside the active hours or in a blackout"
        );
    }
    text
}

/// `1 instant`, `31 instants`.
fn counted(count: u64, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        n => format!("{n} {what}s"),
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::view::Time;

    fn backfill() -> Backfill {
        let time = |text: &str| Some(Time(text.parse().unwrap()));
        Backfill {
            backfill: Some("00c0ffee00c0ffee".to_owned()),
            job: "hello".to_owned(),
            status: "running".to_owned(),
            instants: 31,
            first: time("2026-05-01T06:00:00Z"),
            last: time("2026-05-31T06:00:00Z"),
            max_concurrent: 2,
            reverse: false,
            made: 14,
            open: 2,
            succeeded: 11,
            failed: 1,
            cancelled: 0,
            skipped: 0,
            created_at: time("2026-06-01T00:00:00Z"),
            ended_at: None,
            actor: None,
        }
    }

    #[test]
    fn how_far_it_is_is_one_line() {
        assert_eq!(progress(&backfill()), "hello 12 of 31 (38%), 1 failed");
        let stopped = Backfill {
            status: "stopped".to_owned(),
            cancelled: 2,
            open: 0,
            failed: 0,
            ..backfill()
        };
        let text = "hello 14 of 31 (45%), 2 cancelled, stopped";
        assert_eq!(progress(&stopped), text);
        let hostile = Backfill {
            instants: 0,
            made: 0,
            open: u32::MAX,
            status: "\u{1b}[2J".to_owned(),
            ..backfill()
        };
        let text = "hello 0 of 0 (0%), 1 failed, \\u{1b}[2J";
        assert_eq!(progress(&hostile), text);
    }

    #[test]
    fn a_stop_says_what_it_did_and_what_goes_on() {
        let said = |stopped, already, cancelled, running| {
            let stopped = Stopped {
                stopped,
                already,
                cancelled,
                running,
            };
            what_stopped("hello", stopped)
        };
        assert_eq!(said(1, 0, 0, 0), "1 backfill of `hello` stopped");
        let text =
            "2 backfills of `hello` stopped; 3 runs that waited are cancelled; 1 run goes on";
        assert_eq!(said(2, 1, 3, 1), text);
        let text = "the backfill of `hello` was stopped before; 2 runs go on";
        assert_eq!(said(0, 1, 0, 2), text);
        let text = "the 2 backfills of `hello` were stopped before; 1 run that waited is cancelled";
        assert_eq!(said(0, 2, 1, 0), text);
    }

    #[test]
    fn what_begins_and_what_is_left_out_is_a_sentence() {
        let mut accepted = Accepted {
            backfill: backfill(),
            already_run: 1,
            excluded: 20,
        };
        assert_eq!(
            begun(&accepted, &Zone::UTC),
            "backfill 00c0ffee00c0ffee of `hello`: 31 instants from 2026-05-01 06:00:00 +00:00 to \
             2026-05-31 06:00:00 +00:00; 1 has a run already; 20 are outside the active hours or in a \
             blackout"
        );
        accepted.backfill.backfill = None;
        accepted.excluded = 0;
        assert_eq!(
            begun(&accepted, &Zone::UTC),
            "nothing to do for `hello`: no instant is left there; 1 has a run already"
        );
    }
}
