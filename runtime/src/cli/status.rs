//! `cronlet status`: is the daemon there, is it well, what is it doing?

use std::{fmt::Write as _, time::Duration};

use jiff::Timestamp;

use super::{
    console::Console,
    daemon,
    error::{CliError, Kind},
    escape,
    exit::Exit,
    place::Place,
    progress,
    style::{BOLD, DIM, HELP, WARNING},
    table::{Cell, Column, Table},
    when,
};
use crate::{
    api::status::{Config, ConfigProblem, Running, Status},
    sandbox,
};

#[derive(Debug, clap::Args)]
pub struct Args {}

pub fn run(_: &Args, place: &Place, console: &mut Console) -> Result<Exit, CliError> {
    let daemon = daemon::find(place, console)?;
    let status: Status = daemon.get("/api/v1/status")?.ok().map_err(unwell)?;
    if console.json() {
        console.document(&status)?;
        return Ok(Exit::Done);
    }
    let now = Timestamp::now();
    console.line(text(&status, now).trim_end())?;
    if !status.running.is_empty() {
        console.line("")?;
        console.table(&table(&status.running, now))?;
    }
    Ok(Exit::Done)
}

/// A daemon that cannot say how it goes is not there for anybody.
fn unwell(error: impl Into<CliError>) -> CliError {
    let mut error = error.into();
    error.kind = Kind::Unavailable;
    error
}

fn text(status: &Status, now: Timestamp) -> String {
    let mut text = String::new();
    let well = status.health.reasons.is_empty();
    let style = if well {
        super::style::of_status("succeeded")
    } else {
        WARNING
    };
    let state = if status.stopping {
        "stopping"
    } else {
        &status.health.status
    };
    let up = when::took(Duration::from_millis(status.uptime_ms));
    let (version, pid) = (&status.version, status.pid);
    let _ = writeln!(
        text,
        "{BOLD}cronlet {version}{BOLD:#} is {style}{state}{style:#}, up {up}, process {pid}"
    );
    let jobs = match status.jobs {
        1 => "1 job".to_owned(),
        n => format!("{n} jobs"),
    };
    field(
        &mut text,
        "schedules",
        &format!("{jobs}, {}", config(&status.config, now)),
    );
    let next = match &status.next {
        Some(next) => format!("{} {}", next.job, when::relative(now, next.at.0)),
        None => "nothing is due".to_owned(),
    };
    field(&mut text, "next", &next);
    let (running, queued, retrying) = (status.running.len(), status.queued, status.retrying);
    field(
        &mut text,
        "runs",
        &format!("{running} running, {queued} queued, {retrying} retrying"),
    );
    for reason in &status.health.reasons {
        let _ = writeln!(
            text,
            "{WARNING}warning:{WARNING:#} {}",
            escape::line(reason)
        );
    }
    for problem in &status.config.problems {
        self::problem(&mut text, &status.config.path, problem);
    }
    for warning in &status.config.warnings {
        let _ = writeln!(
            text,
            "{WARNING}warning:{WARNING:#} {}",
            escape::line(warning)
        );
    }
    text
}

/// `schedules.toml, live for 3m`
fn config(config: &Config, now: Timestamp) -> String {
    let path = &config.path;
    let live = when::relative(now, config.live_since.0);
    match (config.state.as_str(), config.refused_at) {
        ("reloading", _) => format!("`{path}` is being read again, the plan is from {live}"),
        (_, Some(refused)) => {
            let refused = when::relative(now, refused.0);
            format!("`{path}` was refused {refused}, the plan is from {live}")
        }
        _ => format!("`{path}` read {live}"),
    }
}

/// `  schedules.toml:8:16: day-of-month 32 is out of range`
fn problem(text: &mut String, path: &str, problem: &ConfigProblem) {
    let place = match (problem.line, problem.column) {
        (Some(line), Some(column)) => format!("{path}:{line}:{column}"),
        _ => path.to_owned(),
    };
    let message = escape::line(&problem.message);
    let _ = writeln!(text, "  {}: {message}", escape::line(&place));
    if let Some(help) = &problem.help {
        let _ = writeln!(text, "    {HELP}help:{HELP:#} {}", escape::line(help));
    }
}

fn field(text: &mut String, name: &str, value: &str) {
    let _ = writeln!(text, "  {DIM}{name:10}{DIM:#} {}", escape::line(value));
}

fn table(running: &[Running], now: Timestamp) -> Table {
    let mut table = Table::new([
        Column::new("RUN").right(),
        Column::new("JOB"),
        Column::new("ATTEMPT").right().spare(1),
        Column::new("STARTED"),
        Column::new("PROGRESS").free(),
    ]);
    for attempt in running {
        let progress = attempt.progress.as_ref().map(|progress| {
            progress::text(&sandbox::Progress {
                done: progress.done,
                total: progress.total,
                message: progress.message.clone(),
            })
        });
        let stopping = if attempt.cancel_requested {
            "stopping; "
        } else {
            ""
        };
        table.row([
            Cell::new(attempt.run.to_string()),
            Cell::new(&attempt.job),
            Cell::new(attempt.attempt.to_string()),
            Cell::new(when::relative(now, attempt.started_at.0)),
            Cell::new(format!("{stopping}{}", progress.unwrap_or_default())),
        ]);
    }
    table
}
