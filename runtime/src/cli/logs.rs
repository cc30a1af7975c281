//! `cronlet logs`: what a run said, and what it says.

use std::fmt::Write as _;

use cronlet_core::{run::RunId, schedule::Zone};

use super::{
    console::Console,
    daemon,
    error::CliError,
    escape,
    exit::Exit,
    follow::{self, Following, Where},
    params,
    place::Place,
    show, style, when,
    zones::Zones,
};
use crate::{
    api::view,
    store::history::{AttemptLog, History, RunRow},
};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cronlet logs 1042              what it said; of a run that goes on, what it has said so far
  cronlet logs 1042 --follow     and what it says from now on, until it is over
  cronlet logs 1042 --json       one object a line

With --follow the code says how the run ended: 0 if it succeeded, 1 if it failed or was cancelled,
5 if it was skipped; 3 if the daemon stops before that, and 130 after Ctrl-C, which leaves the run
alone. Where lines come faster than they are read, a line says how many are missing.")]
pub struct Args {
    /// The run's number, as `history` shows it
    #[arg(value_parser = params::run)]
    run: u64,

    /// Go on until the run is over, with all its attempts
    #[arg(short, long)]
    follow: bool,

    /// Only this attempt's
    #[arg(long, value_name = "N", conflicts_with = "follow")]
    attempt: Option<u32>,
}

pub fn run(args: &Args, place: &Place, console: &mut Console) -> Result<Exit, CliError> {
    let history = place.history(console)?;
    let run = history
        .run(RunId(args.run))?
        .ok_or_else(|| show::no_such_run(args.run))?;
    if let Some(number) = args.attempt
        && !run.attempts.iter().any(|attempt| attempt.number == number)
    {
        return Err(no_such_attempt(args.run, number, run.attempts.len()));
    }
    let zone = Zones::find(place).of(run.job.as_str()).clone();
    if args.follow && !run.status.is_final() {
        let daemon = daemon::find(place, console)?;
        let following = Following {
            run: args.run,
            job: run.job.to_string(),
            log: Where::Out(zone),
            greeting: None,
        };
        return follow::follow(&daemon, &following, console)?.exit(console);
    }
    let (lines, pruned) = match so_far(&run, place, console) {
        Some(lines) => (lines, None),
        None => stored(&history, run.run)?,
    };
    let wanted = lines
        .iter()
        .filter(|line| args.attempt.is_none_or(|attempt| attempt == line.attempt));
    print(wanted, &zone, console)?;
    let run = view::Run::from(&run);
    if let Some(pruned) = &pruned {
        console.note(pruned);
    }
    if args.follow {
        console.note(follow::ended(&run));
        return Ok(follow::exit(&run.status));
    }
    if lines.is_empty() && pruned.is_none() && !console.json() {
        console.note(format_args!("run {} has said nothing", args.run));
    }
    Ok(Exit::Done)
}

/// What is kept of it, and what is not any more.
fn stored(
    history: &impl History,
    run: RunId,
) -> Result<(Vec<view::Line>, Option<String>), CliError> {
    let logs = history.log(run, None)?;
    let lines = logs.iter().flat_map(|log| {
        let lines = log.lines.iter();
        lines.map(|line| view::Line::new(log.attempt, line))
    });
    let pruned = logs.iter().any(|log| log.pruned);
    Ok((lines.collect(), pruned.then(|| self::pruned(run.0, &logs))))
}

/// Of a run whose guest works only the daemon knows what it says. None if there is no such guest, or
/// nobody who knows.
fn so_far(run: &RunRow, place: &Place, console: &mut Console) -> Option<Vec<view::Line>> {
    let running = run.attempts.iter().find(|it| it.status.is_none())?.number;
    let asked = daemon::find(place, console).and_then(|daemon| {
        let path = format!("/api/v1/runs/{}/log", run.run);
        Ok(daemon.get(&path)?.ok()?)
    });
    asked
        .inspect_err(|error| {
            console.warning(&format!(
                "what attempt {running} says is not known: {}",
                error.message
            ));
        })
        .ok()
}

fn no_such_attempt(run: u64, attempt: u32, attempts: usize) -> CliError {
    let attempts = match attempts {
        0 => "none".to_owned(),
        n => n.to_string(),
    };
    CliError::not_found(format!(
        "run {run} has no attempt {attempt}, it has {attempts}"
    ))
}

/// What is not kept any more was said all the same.
fn pruned(run: u64, logs: &[AttemptLog]) -> String {
    let gone = logs.iter().filter(|log| log.pruned);
    let gone: Vec<String> = gone.map(|log| log.attempt.to_string()).collect();
    if gone.len() == logs.len() {
        return format!("the log of run {run} is not kept any more: it was pruned");
    }
    let attempts = gone.join(", ");
    format!("the log of run {run} is not whole: that of attempt {attempts} was pruned")
}

fn print<'a>(
    lines: impl Iterator<Item = &'a view::Line>,
    zone: &Zone,
    console: &mut Console,
) -> Result<(), CliError> {
    let mut attempt = None;
    for line in lines {
        print_line(line, &mut attempt, zone, console)?;
    }
    Ok(())
}

/// Where the attempt is another than that of the line before, or not the first, it is named.
pub(super) fn print_line(
    line: &view::Line,
    attempt: &mut Option<u32>,
    zone: &Zone,
    console: &mut Console,
) -> Result<(), CliError> {
    let before = attempt.replace(line.attempt);
    if console.json() {
        return console.json_line(line);
    }
    if before.unwrap_or(1) != line.attempt {
        console.line(header(line.attempt))?;
    }
    console.line(text(line, zone))
}

/// What stands above the lines of an attempt that is not the first.
pub(super) fn header(attempt: u32) -> String {
    let dim = style::DIM;
    format!("{dim}attempt {attempt}{dim:#}")
}

/// `2026-03-29T03:00:00.123+02:00 info   fetched  papers=12`
fn text(line: &view::Line, zone: &Zone) -> String {
    let dim = style::DIM;
    format!(
        "{dim}{}{dim:#} {}",
        when::milli(line.at.0, zone),
        live(line)
    )
}

/// The same without the time, for those who see it as it is said.
pub(super) fn live(line: &view::Line) -> String {
    let (dim, color) = (style::DIM, style::of_level(&line.level));
    let (level, message) = (escape::line(&line.level), escape::line(&line.message));
    let mut text = format!("{color}{level:6}{color:#} {message}");
    for (name, value) in &line.fields {
        let (name, value) = (escape::line(name), escape::line(value));
        let _ = write!(text, "  {dim}{name}={dim:#}{value}");
    }
    text
}

#[cfg(test)]
mod tests {
    use cronlet_core::report::{Level, LogLine};

    use super::*;

    #[test]
    fn a_line_has_its_time_level_message_and_fields() {
        let line = LogLine {
            at: "2026-03-29T03:00:00.1234Z".parse().unwrap(),
            level: Level::Info,
            message: "fetched\u{7}".to_owned(),
            fields: vec![("papers".to_owned(), "12".to_owned())],
        };
        let text =
            anstream::adapter::strip_str(&text(&view::Line::new(1, &line), &Zone::UTC)).to_string();
        assert_eq!(
            text,
            "2026-03-29T03:00:00.123+00:00 info   fetched\\u{7}  papers=12"
        );
    }
}
