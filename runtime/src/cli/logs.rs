//! `cronlet logs`: what a run said.

use std::fmt::Write as _;

use cronlet_core::{report::LogLine, run::RunId};

use super::{
    console::Console, error::CliError, escape, exit::Exit, params, place::Place, show, style, when,
};
use crate::{
    api::view,
    store::history::{AttemptLog, History},
};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The run's number, as `history` shows it
    #[arg(value_parser = params::run)]
    run: u64,

    /// Only this attempt's
    #[arg(long, value_name = "N")]
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
    let logs = history.log(run.run, args.attempt)?;
    if console.json() {
        for (attempt, line) in lines(&logs) {
            console.json_line(&view::Line::new(attempt, line))?;
        }
        return Ok(Exit::Done);
    }
    if run.attempts.iter().any(|attempt| attempt.status.is_none()) {
        console.note("an attempt is still running: its log is kept when it ends");
    } else if logs.iter().any(|log| log.pruned) {
        console.note(pruned(args.run, &logs));
    } else if lines(&logs).next().is_none() {
        console.note(format_args!("run {} said nothing", args.run));
    }
    print(&logs, console)
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

fn lines(logs: &[AttemptLog]) -> impl Iterator<Item = (u32, &LogLine)> {
    logs.iter()
        .flat_map(|log| log.lines.iter().map(|line| (log.attempt, line)))
}

fn print(logs: &[AttemptLog], console: &mut Console) -> Result<Exit, CliError> {
    for log in logs {
        if logs.len() > 1 {
            let dim = style::DIM;
            console.line(format_args!("{dim}attempt {}{dim:#}", log.attempt))?;
        }
        for line in &log.lines {
            console.line(text(line))?;
        }
    }
    Ok(Exit::Done)
}

/// `2026-03-29T03:00:00.123Z info   fetched  papers=12`
fn text(line: &LogLine) -> String {
    let dim = style::DIM;
    format!("{dim}{}{dim:#} {}", when::milli(line.at), live(line))
}

/// The same without the time, for those who see it as it is said.
pub(super) fn live(line: &LogLine) -> String {
    let (dim, color) = (style::DIM, style::of_level(line.level.as_str()));
    let (level, message) = (line.level.as_str(), escape::line(&line.message));
    let mut text = format!("{color}{level:6}{color:#} {message}");
    for (name, value) in &line.fields {
        let (name, value) = (escape::line(name), escape::line(value));
        let _ = write!(text, "  {dim}{name}={dim:#}{value}");
    }
    text
}

#[cfg(test)]
mod tests {
    use cronlet_core::report::Level;

    use super::*;

    #[test]
    fn a_line_has_its_time_level_message_and_fields() {
        let line = LogLine {
            at: "2026-03-29T03:00:00.1234Z".parse().unwrap(),
            level: Level::Info,
            message: "fetched\u{7}".to_owned(),
            fields: vec![("papers".to_owned(), "12".to_owned())],
        };
        let text = anstream::adapter::strip_str(&text(&line)).to_string();
        assert_eq!(
            text,
            "2026-03-29T03:00:00.123Z info   fetched\\u{7}  papers=12"
        );
    }
}
