//! `cronlet history`: what ran, what was skipped, and what came of it.

use std::time::Duration;

use cronlet_core::name::JobName;
use jiff::Timestamp;

use super::{
    console::Console,
    error::CliError,
    exit::Exit,
    place::Place,
    style, suggest,
    table::{Cell, Column, Table},
    when,
};
use crate::{
    api::view,
    store::history::{History, Query},
};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only this job's
    job: Option<String>,

    /// At most so many
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20)]
    count: usize,
}

pub fn run(args: &Args, place: &Place, console: &mut Console) -> Result<Exit, CliError> {
    let history = place.history(console)?;
    let entries = entries(&history, args)?;
    if console.json() {
        console.document(&entries)?;
    } else if entries.is_empty() && args.count > 0 {
        console.note("no runs yet");
    } else if !entries.is_empty() {
        console.table(&table(&entries, Timestamp::now()))?;
    }
    Ok(Exit::Done)
}

fn entries(history: &impl History, args: &Args) -> Result<Vec<view::Entry>, CliError> {
    let typed = args.job.as_deref();
    let job = match typed {
        Some(name) => Some(JobName::new(name).or_else(|_| Err(unknown(name, history)?))?),
        None => None,
    };
    let query = Query {
        job,
        limit: args.count,
        ..Query::default()
    };
    let entries = history.entries(&query)?;
    if let (true, Some(name)) = (entries.is_empty() && args.count > 0, typed)
        && !history.jobs()?.iter().any(|row| row.job.as_str() == name)
    {
        return Err(unknown(name, history)?);
    }
    Ok(entries.iter().map(view::Entry::from).collect())
}

/// A job without a run that the database has not heard of.
fn unknown(name: &str, history: &impl History) -> Result<CliError, CliError> {
    let rows = history.jobs()?;
    let names = rows.iter().map(|row| row.job.as_str());
    Ok(suggest::no_such_job(name, names))
}

fn table(entries: &[view::Entry], now: Timestamp) -> Table {
    let mut table = Table::new([
        Column::new("RUN").right(),
        Column::new("JOB").free(),
        Column::new("STATUS"),
        Column::new("TRIGGER").spare(2),
        Column::new("NOMINAL (UTC)"),
        Column::new("STARTED (UTC)").spare(4),
        Column::new("TOOK").right().spare(1),
        Column::new("TRIES").right().spare(3),
        Column::new("SUMMARY").free(),
    ]);
    for entry in entries {
        table.row(match entry {
            view::Entry::Run(run) => run_cells(run, now),
            view::Entry::Skips(skips) => skip_cells(skips),
        });
    }
    table
}

fn run_cells(run: &view::Run, now: Timestamp) -> [Cell; 9] {
    let number = run.run.map(|number| number.to_string()).unwrap_or_default();
    let started = run.started_at.map(|t| when::second(t.0));
    let tries = match run.attempts.len() {
        0 | 1 => String::new(),
        n => n.to_string(),
    };
    [
        Cell::new(number),
        Cell::new(&run.job),
        Cell::styled(status(run), style::of_status(&run.status)),
        Cell::new(&run.trigger),
        Cell::new(when::second(run.nominal.0)),
        Cell::new(started.unwrap_or_default()),
        Cell::new(took(run).map(when::took).unwrap_or_default()),
        Cell::new(tries),
        Cell::new(last_word(run, now)),
    ]
}

fn skip_cells(skips: &view::Skips) -> [Cell; 9] {
    let text = match skips.count {
        1 => String::new(),
        n => format!("{n}×, until {}", when::second(skips.nominal_last.0)),
    };
    [
        Cell::dim("—"),
        Cell::new(&skips.job),
        Cell::dim(format!("{}: {}", skips.status, skips.reason)),
        Cell::dim(skips.trigger),
        Cell::dim(when::second(skips.nominal.0)),
        Cell::new(""),
        Cell::new(""),
        Cell::new(""),
        Cell::dim(text),
    ]
}

/// `succeeded`, `failed: timeout`.
pub(super) fn status(run: &view::Run) -> String {
    match &run.reason {
        Some(reason) => format!("{}: {reason}", run.status),
        None => run.status.clone(),
    }
}

/// `in 12ms` is how long a success took, `after 12ms` is when the rest was over.
pub(super) fn preposition(status: &str) -> &'static str {
    if status == "succeeded" { "in" } else { "after" }
}

/// How long the run took, from its first attempt's start to its end, backoffs included.
pub(super) fn took(run: &view::Run) -> Option<Duration> {
    match run.attempts.as_slice() {
        [] => None,
        [only] => only.duration,
        [first, ..] => {
            let (started, ended) = (first.started_at.0, run.ended_at?.0);
            Some(started.duration_until(ended).unsigned_abs())
        }
    }
}

/// The one thing to know of a run beside its status.
pub(super) fn last_word(run: &view::Run, now: Timestamp) -> String {
    let error = run.error.as_ref().map(|error| error.message.as_str());
    let word = match run.status.as_str() {
        "succeeded" => run.summary.as_deref().or(run.message.as_deref()),
        _ => error.or(run.message.as_deref()).or(run.summary.as_deref()),
    };
    let crashed = || {
        let last = run.attempts.last();
        last.is_some_and(|attempt| attempt.status == "crashed")
    };
    let word = match word {
        Some(word) => word.lines().next().unwrap_or_default(),
        None if crashed() => "the daemon died with it",
        None => "",
    };
    match run.retry_at {
        Some(at) if at.0 > now => format!("again {}: {word}", when::relative(now, at.0)),
        Some(_) => format!("to be tried again: {word}"),
        None => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use cronlet_core::{
        name::JobName,
        run::{Origin, RunId, SkipReason},
    };

    use super::*;
    use crate::store::history as rows;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn run(number: u64, status: &str, reason: Option<&str>) -> view::Run {
        let t = at("2026-03-01T06:00:00Z");
        let mut run = view::Run::new(&JobName::new("fetch").unwrap(), Origin::Schedule, t, t);
        run.run = Some(number);
        status.clone_into(&mut run.status);
        run.reason = reason.map(str::to_owned);
        run
    }

    fn attempt(number: u32, status: &str, summary: &str, error: Option<&str>) -> view::Attempt {
        view::Attempt {
            number,
            status: status.to_owned(),
            reason: None,
            started_at: view::Time(at("2026-03-01T06:00:01Z")),
            ended_at: None,
            duration: Some(std::time::Duration::from_millis(1250)),
            summary: Some(summary.to_owned()),
            error: error.map(|message| view::Error {
                code: "e".to_owned(),
                message: message.to_owned(),
                backtrace: None,
            }),
            usage: None,
            attributes: std::collections::BTreeMap::new(),
            component_sha256: None,
        }
    }

    fn sample() -> String {
        let mut retrying = run(1043, "retrying", None).with_attempts(vec![
            attempt(1, "failed", "", Some("upstream said 503")),
            attempt(2, "failed", "", Some("upstream said 503\nand more")),
        ]);
        retrying.retry_at = Some(view::Time(at("2026-03-01T06:00:10Z")));
        let entries = [
            view::Entry::Run(Box::new(retrying)),
            view::Entry::Run(Box::new(
                run(1042, "succeeded", None).with_attempts(vec![attempt(
                    1,
                    "succeeded",
                    "12 papers",
                    None,
                )]),
            )),
            view::Entry::Skips(view::Skips::from(&rows::SkipRow {
                job: JobName::new("fetch").unwrap(),
                reason: SkipReason::Missed,
                first: at("2026-03-01T05:00:00Z"),
                last: at("2026-03-01T05:55:00Z"),
                count: 12,
                recorded_at: at("2026-03-01T06:00:00Z"),
            })),
            view::Entry::Run(Box::new(run(RunId(7).0, "skipped", Some("overlap")))),
        ];
        let table = table(&entries, at("2026-03-01T06:00:05Z"));
        anstream::adapter::strip_str(&table.render(None)).to_string()
    }

    #[test]
    fn runs_and_ranges_of_skips_are_lines() {
        insta::assert_snapshot!(sample(), @"
         RUN  JOB    STATUS            TRIGGER   NOMINAL (UTC)        STARTED (UTC)        TOOK  TRIES  SUMMARY
        1043  fetch  retrying          schedule  2026-03-01 06:00:00  2026-03-01 06:00:01            2  again in 5s: upstream said 503
        1042  fetch  succeeded         schedule  2026-03-01 06:00:00  2026-03-01 06:00:01  1.2s         12 papers
           —  fetch  skipped: missed   schedule  2026-03-01 05:00:00                                    12×, until 2026-03-01 05:55:00
           7  fetch  skipped: overlap  schedule  2026-03-01 06:00:00
        ");
    }
    #[test]
    fn a_run_takes_as_long_as_all_its_attempts() {
        let attempts = ["failed", "succeeded"].map(|status| attempt(1, status, "", None));
        let mut run = run(7, "running", None).with_attempts(attempts.to_vec());
        assert_eq!(took(&run), None);
        run.ended_at = Some(view::Time(at("2026-03-01T06:01:30Z")));
        assert_eq!(took(&run), Some(Duration::from_secs(89)));
        let once = run.with_attempts(attempts[1..].to_vec());
        assert_eq!(took(&once), Some(Duration::from_millis(1250)));
    }
}
