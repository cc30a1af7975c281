//! `cronlet prune`: deletes old history now.
//!
//! A daemon that has the database does it; without one this command takes the database as a daemon
//! would, so that there is one writer at any time.

use std::{path::Path, time::Duration};

use cronlet_core::{
    name::JobName,
    retention::Retention,
    units::{format_duration, parse_duration},
};
use jiff::Timestamp;
use serde::Serialize;

use super::{
    console::Console,
    error::{CliError, Kind},
    exit::Exit,
    params,
    place::Place,
    suggest, when,
};
use crate::{
    api::{
        client::{Client, ClientError},
        prune::{Pruned, Request},
    },
    store::{
        History as _, Removed, Store as _,
        pruner::{Granted, Wish},
        sqlite::{self, Holder, OpenError, Owner},
    },
};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cronlet prune --dry-run                 what is older than the schedules file says
  cronlet prune --keep 30d --job hello    less of one job
  cronlet prune --keep-logs 0s            no log of what is over
  cronlet prune --compact                 and make the file smaller, while no daemon runs

Of each job the last 20 runs and the last failure stay, and so does what is not over. The daemon
does the same by itself, as `history` in `[runtime]` says.")]
pub struct Args {
    /// How long runs and recorded skips stay, such as `90d` [default: the schedules file's]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    keep: Option<Duration>,

    /// How many runs of a job stay [default: the schedules file's]
    #[arg(long, value_name = "N")]
    keep_runs: Option<u32>,

    /// How long logs stay, such as `7d` [default: the schedules file's]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    keep_logs: Option<Duration>,

    /// Only of this job, which may be one that is gone
    #[arg(long, value_name = "JOB")]
    job: Option<String>,

    /// Delete nothing, and say how much it would be
    #[arg(long)]
    dry_run: bool,

    /// Give the space back to the disk; needs as much free space as the database has
    #[arg(long, conflicts_with = "dry_run")]
    compact: bool,
}

/// What is printed as JSON.
#[derive(Serialize)]
struct Document {
    #[serde(flatten)]
    pruned: Pruned,
    /// What `--compact` gave back.
    #[serde(skip_serializing_if = "Option::is_none")]
    freed_bytes: Option<u64>,
}

fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text).map_err(|error| params::unit(&error))
}

pub fn run(args: &Args, place: &Place, console: &mut Console) -> Result<Exit, CliError> {
    let database = place.database(console);
    let document = match sqlite::holder(&database)? {
        Some(holder) => Document {
            pruned: ask(args, &holder, &database)?,
            freed_bytes: None,
        },
        None => here(args, place, &database)?,
    };
    if console.json() {
        console.document(&document)?;
    } else {
        console.line(sentence(&document.pruned))?;
        if let Some(freed) = document.freed_bytes {
            console.line(format_args!(
                "the database is {} smaller",
                when::bytes(freed)
            ))?;
        }
    }
    Ok(Exit::Done)
}

/// Has the daemon do it.
fn ask(args: &Args, holder: &Holder, database: &Path) -> Result<Pruned, CliError> {
    let Some(socket) = &holder.socket else {
        return Err(OpenError::Owned(holder.clone()).into());
    };
    if args.compact {
        let message = format!(
            "`--compact` needs the database for itself, and the cronlet with process id {} has it",
            holder.pid
        );
        return Err(CliError::refused(message)
            .hint("stop it first, or leave `--compact` out: what is freed is used again"));
    }
    let request = Request {
        keep: args.keep.map(format_duration),
        keep_runs: args.keep_runs,
        keep_logs: args.keep_logs.map(format_duration),
        job: args.job.clone(),
        dry_run: args.dry_run,
    };
    let daemon = Client::new(socket);
    let pruned = daemon.post("/api/v1/prune", &request)?.ok();
    pruned.map_err(|error| match (error, &args.job) {
        (ClientError::Refused { status: 404, .. }, Some(job)) => no_such_job(job, database),
        (error, _) => error.into(),
    })
}

/// Does it in this process.
fn here(args: &Args, place: &Place, database: &Path) -> Result<Document, CliError> {
    if !database.exists() {
        let path = database.to_owned();
        return Err(OpenError::Missing { path }.into());
    }
    let wish = Wish {
        keep: args.keep,
        keep_runs: args.keep_runs,
        keep_logs: args.keep_logs,
        job: args
            .job
            .as_deref()
            .map(|typed| name(typed, database))
            .transpose()?,
        dry_run: args.dry_run,
    };
    let keep = limits(&wish, place)?;
    let now = Timestamp::now();
    if args.dry_run {
        let history = sqlite::history(database)?;
        let counted = wish.grant(&history, &keep, now, |_| Ok(Removed::default()))?;
        return document(&wish, counted, database);
    }
    let me = Owner {
        pid: std::process::id(),
        socket: None,
    };
    let mut store = sqlite::open(database, &me)?;
    let history = sqlite::history(database)?;
    let pruned = wish.grant(&history, &keep, now, |old| store.remove(&old))?;
    let mut document = document(&wish, pruned, database)?;
    drop(history);
    if args.compact {
        document.freed_bytes = Some(store.compact()?);
    }
    Ok(document)
}

fn document(wish: &Wish, granted: Option<Granted>, database: &Path) -> Result<Document, CliError> {
    match (granted, &wish.job) {
        (Some(granted), _) => Ok(Document {
            pruned: Pruned::new(&granted, wish.dry_run),
            freed_bytes: None,
        }),
        (None, job) => Err(no_such_job(
            job.as_ref().map_or("", JobName::as_str),
            database,
        )),
    }
}

fn name(typed: &str, database: &Path) -> Result<JobName, CliError> {
    JobName::new(typed).map_err(|_| no_such_job(typed, database))
}

fn no_such_job(typed: &str, database: &Path) -> CliError {
    let names = sqlite::history(database)
        .ok()
        .and_then(|it| it.names().ok());
    let names = names.unwrap_or_default();
    let error = suggest::no_such_job(typed, names.iter().map(JobName::as_str));
    CliError::new(
        Kind::NotFound,
        format!("nothing is stored of a job `{typed}`"),
    )
    .maybe_hint(error.hints.into_iter().next())
}

/// What the schedules file says. What is deleted is gone, so nothing is taken for granted when it
/// cannot be read.
fn limits(wish: &Wish, place: &Place) -> Result<Retention, CliError> {
    if let (Some(keep), Some(keep_runs), Some(keep_logs)) =
        (wish.keep, wish.keep_runs, wish.keep_logs)
    {
        return Ok(Retention {
            keep,
            keep_runs,
            keep_logs,
        });
    }
    let draft = place.draft().map_err(|error| {
        error.hint(
            "without a sound schedules file say how much to keep: `--keep`, `--keep-runs` and \
             `--keep-logs`",
        )
    })?;
    Ok(draft.settings().history)
}

/// `removed 329 runs, 2 ranges of skips and 12 logs`
fn sentence(pruned: &Pruned) -> String {
    let of = |count: u64, one: &str, many: &str| match count {
        0 => None,
        1 => Some(format!("1 {one}")),
        n => Some(format!("{n} {many}")),
    };
    let parts: Vec<String> = [
        of(pruned.runs, "run", "runs"),
        of(pruned.skips, "range of skips", "ranges of skips"),
        of(pruned.backfills, "backfill", "backfills"),
        of(pruned.logs, "log", "logs"),
        of(pruned.events, "event of a job", "events of jobs"),
    ]
    .into_iter()
    .flatten()
    .collect();
    let what = match parts.as_slice() {
        [] => return "nothing is old enough to go".to_owned(),
        [first @ .., last] if !first.is_empty() => format!("{} and {last}", first.join(", ")),
        all => all.concat(),
    };
    if pruned.dry_run {
        format!("would remove {what}")
    } else {
        format!("removed {what}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_removed_is_a_sentence() {
        let pruned = |runs, skips, logs, dry_run| Pruned {
            dry_run,
            runs,
            skips,
            backfills: 0,
            logs,
            events: 0,
            keep: "90d".to_owned(),
            keep_runs: 1,
            keep_logs: "7d".to_owned(),
        };
        let sentences = [
            pruned(0, 0, 0, false),
            pruned(1, 0, 0, false),
            pruned(0, 1, 1, true),
            pruned(2, 2, 2, false),
        ];
        assert_eq!(
            sentences.map(|pruned| sentence(&pruned)),
            [
                "nothing is old enough to go",
                "removed 1 run",
                "would remove 1 range of skips and 1 log",
                "removed 2 runs, 2 ranges of skips and 2 logs",
            ]
        );
    }
}
