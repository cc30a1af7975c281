//! `cronlet show`: everything about one run.

use std::{fmt::Write as _, path::Path, time::Duration};

use cronlet_core::{
    run::{RunId, RunStatus},
    schedule::Zone,
};
use jiff::Timestamp;
use serde::Serialize;

use super::{
    console::Console, counted::counted, daemon, error::CliError, escape, exit::Exit, history,
    orphans::Orphans, params, place::Place, progress, style, when, zones::Zones,
};
use crate::{
    api::{
        client::ClientError,
        status::{Progress, Status},
        view,
    },
    store::{
        history::{History, RunRow},
        sqlite,
    },
};

/// What the daemon could add is not worth a longer wait.
const PATIENCE: Duration = Duration::from_secs(1);

/// How wide the names before the values are.
const LABEL: usize = 10;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cronlet show 1042                        when it ran, what came of it, and each of its attempts
  cronlet show 1042 --json | jq .output    its output

Times are on the clocks of the job's zone. How far a guest has come is known while a daemon runs it.")]
pub struct Args {
    /// The run's number, as `history` shows it
    #[arg(value_parser = params::run)]
    run: u64,
}

pub fn run(args: &Args, place: &Place, console: &mut Console) -> Result<Exit, CliError> {
    let database = place.database(console);
    let orphans = Orphans::of(&database);
    let history = sqlite::history(&database)?;
    let row = history
        .run(RunId(args.run))?
        .ok_or_else(|| no_such_run(args.run))?;
    let mut run = view::Run::from(&row);
    orphans.tell([&mut run]);
    let progress = progress(&row, &database);
    if console.json() {
        console.document(&Shown {
            run: &run,
            progress: progress.as_ref(),
        })?;
    } else {
        let zones = Zones::find(place);
        let clock = Clock {
            now: Timestamp::now(),
            zone: zones.of(run.job.as_str()),
        };
        console.line(text(&run, progress.as_ref(), &clock).trim_end())?;
    }
    Ok(Exit::Done)
}

/// A run, and what is not in the history.
#[derive(Debug, Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    run: &'a view::Run,
    /// There only while the guest runs and has said something.
    #[serde(skip_serializing_if = "Option::is_none")]
    progress: Option<&'a Progress>,
}

/// How far the guest of a run says it has come: only the daemon knows, and only while it runs.
fn progress(run: &RunRow, database: &Path) -> Option<Progress> {
    if run.status != RunStatus::Running {
        return None;
    }
    let daemon = daemon::at(database).ok()?.patient_for(PATIENCE);
    let status = daemon.get("/api/v1/status").ok()?;
    let status: Status = status.ok().ok()?;
    let mut running = status.running.into_iter();
    running.find(|it| it.run == run.run.0)?.progress
}

pub(super) fn no_such_run(run: u64) -> CliError {
    CliError::not_found(format!("there is no run {run}"))
        .hint("`cronlet history` lists the runs there are")
}

/// Why the daemon did nothing with this run. What it lacks is where to look, if there is no such run.
pub(super) fn refused(error: ClientError, run: u64) -> CliError {
    match error {
        ClientError::Refused { status: 404, .. } => no_such_run(run),
        error => error.into(),
    }
}

/// How times are shown.
struct Clock<'a> {
    now: Timestamp,
    zone: &'a Zone,
}

fn text(run: &view::Run, progress: Option<&Progress>, clock: &Clock<'_>) -> String {
    let mut text = String::new();
    let number = run.run.unwrap_or_default();
    let (bold, status) = (style::BOLD, style::of_status(&run.status));
    let _ = writeln!(
        text,
        "{bold}run {number}{bold:#}  {status}{}{status:#}",
        escape::line(&history::status(run))
    );
    field(&mut text, "job", &run.job);
    field(&mut text, "trigger", &trigger(run));
    instant(&mut text, "nominal", Some(run.nominal), clock);
    instant(&mut text, "queued", Some(run.queued_at), clock);
    instant(&mut text, "started", run.started_at, clock);
    instant(&mut text, "ended", run.ended_at, clock);
    optional(
        &mut text,
        "progress",
        progress.map(progress::text).as_deref(),
    );
    instant(&mut text, "again", run.retry_at, clock);
    instant(&mut text, "cancel", run.cancel_requested_at, clock);
    json(&mut text, "params", run.params.as_ref());
    let again = run.input_of.filter(|_| run.after.is_none());
    if let Some(upstream) = again {
        field(&mut text, "input", &format!("the output of run {upstream}"));
    }
    optional(&mut text, "message", run.message.as_deref());
    optional(&mut text, "summary", run.summary.as_deref());
    json(&mut text, "output", run.output.as_ref());
    for attempt in &run.attempts {
        text.push('\n');
        self::attempt(&mut text, attempt, clock);
    }
    text
}

fn trigger(run: &view::Run) -> String {
    match (&run.actor, run.after) {
        (Some(actor), _) => format!("{} by {actor}", run.trigger),
        (None, Some(upstream)) => format!("{} run {upstream}", run.trigger),
        (None, None) => run.trigger.clone(),
    }
}

fn attempt(text: &mut String, attempt: &view::Attempt, clock: &Clock<'_>) {
    let (bold, style) = (style::BOLD, style::of_status(&attempt.status));
    let status = match &attempt.reason {
        Some(reason) => format!("{}: {reason}", attempt.status),
        None => attempt.status.clone(),
    };
    let _ = writeln!(
        text,
        "{bold}attempt {}{bold:#}  {style}{}{style:#}",
        attempt.number,
        escape::line(&status)
    );
    let started = when::second(attempt.started_at.0, clock.zone);
    field(text, "started", &started);
    if let Some(took) = attempt.duration {
        field(text, "took", &when::took(took));
    }
    if let Some(usage) = &attempt.usage {
        field(text, "used", &used(usage));
    }
    optional(text, "component", attempt.component_sha256.as_deref());
    for (name, value) in &attempt.attributes {
        field(text, name, value);
    }
    if let Some(error) = &attempt.error {
        let reason = attempt.reason.as_deref().unwrap_or_default();
        self::error(text, error, [&attempt.status, reason]);
    }
}

pub(super) fn used(usage: &view::Usage) -> String {
    let cpu = usage.cpu.map(when::took).unwrap_or_default();
    let memory = when::bytes(usage.memory_peak_bytes);
    let lines = counted(usage.log_lines, "line");
    let dropped = match usage.log_dropped {
        0 => String::new(),
        n => format!(" ({n} dropped)"),
    };
    format!("{cpu} of processor, {memory} of memory, {lines} of log{dropped}")
}

fn error(text: &mut String, error: &view::Error, said: [&str; 2]) {
    let style = style::ERROR;
    let mut lines = escape::lines(&error.message);
    let first = lines.next().unwrap_or_default();
    let _ = writeln!(text, "  {style}{:LABEL$}{style:#} {first}", "error");
    for line in lines {
        let _ = writeln!(text, "  {:LABEL$} {line}", "");
    }
    optional(text, "code", code(error, said));
    for line in backtrace(error) {
        let _ = writeln!(text, "  {:LABEL$} {line}", "");
    }
}

/// The error's code, unless it repeats what is said: the host's own codes are reasons.
pub(super) fn code<'a>(error: &'a view::Error, said: [&str; 2]) -> Option<&'a str> {
    let code = error.code.as_str();
    (!code.is_empty() && !said.contains(&code)).then_some(code)
}

/// The lines of the guest's backtrace, two blanks in.
pub(super) fn backtrace(error: &view::Error) -> impl Iterator<Item = String> {
    let backtrace = error.backtrace.as_deref().unwrap_or_default();
    let indent = |line: &str| line.len() - line.trim_start().len();
    let common = backtrace.lines().map(indent).min().unwrap_or_default();
    backtrace
        .lines()
        .map(move |line| format!("  {}", escape::line(&line[common..])))
}

fn field(text: &mut String, name: &str, value: &str) {
    let dim = style::DIM;
    let (name, value) = (escape::line(name), escape::line(value));
    let _ = writeln!(text, "  {dim}{name:LABEL$}{dim:#} {value}");
}

fn optional(text: &mut String, name: &str, value: Option<&str>) {
    if let Some(value) = value.filter(|value| !value.is_empty()) {
        field(text, name, value);
    }
}

fn json(text: &mut String, name: &str, value: Option<&serde_json::Value>) {
    if let Some(value) = value {
        field(text, name, &value.to_string());
    }
}

fn instant(text: &mut String, name: &str, t: Option<view::Time>, clock: &Clock<'_>) {
    if let Some(view::Time(t)) = t {
        field(text, name, &when::with_hint(clock.now, t, clock.zone));
    }
}

#[cfg(test)]
mod tests {
    use cronlet_core::{name::JobName, run::Origin};

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn failed() -> view::Run {
        let t = at("2026-03-01T06:00:00Z");
        let mut run = view::Run::new(&JobName::new("fetch").unwrap(), Origin::Manual, t, t);
        run.run = Some(7);
        "failed".clone_into(&mut run.status);
        run.reason = Some("trap".to_owned());
        run.actor = Some("uid:1000".to_owned());
        run.params = Some(serde_json::json!({"n": 1}));
        run.ended_at = Some(view::Time(at("2026-03-01T06:00:01Z")));
        run.with_attempts(vec![view::Attempt {
            number: 1,
            status: "failed".to_owned(),
            reason: Some("trap".to_owned()),
            started_at: view::Time(t),
            ended_at: Some(view::Time(at("2026-03-01T06:00:01Z"))),
            duration: Some(Duration::from_secs(1)),
            summary: None,
            error: Some(view::Error {
                code: "shelf".to_owned(),
                message: "the shelf is empty:\nno books\u{1b}[2J".to_owned(),
                backtrace: Some("      0: shelf::look\n     10: run".to_owned()),
            }),
            usage: Some(view::Usage {
                cpu: Some(Duration::from_millis(12)),
                memory_peak_bytes: 1_572_864,
                log_lines: 9,
                log_dropped: 2,
            }),
            attributes: [("colour".to_owned(), "green".to_owned())].into(),
            component_sha256: Some("5f".repeat(32)),
        }])
    }

    #[test]
    fn a_run_is_shown_with_its_attempts() {
        let text = text(
            &failed(),
            None,
            &Clock {
                now: at("2026-03-01T06:01:00Z"),
                zone: &Zone::named("Europe/Berlin").unwrap(),
            },
        );
        let text = anstream::adapter::strip_str(&text).to_string();
        insta::assert_snapshot!(text, @r#"
            run 7  failed: trap
              job        fetch
              trigger    manual by uid:1000
              nominal    2026-03-01 07:00:00 +01:00 (1m ago)
              queued     2026-03-01 07:00:00 +01:00 (1m ago)
              started    2026-03-01 07:00:00 +01:00 (1m ago)
              ended      2026-03-01 07:00:01 +01:00 (59s ago)
              params     {"n":1}

            attempt 1  failed: trap
              started    2026-03-01 07:00:00 +01:00
              took       1.0s
              used       12ms of processor, 1.5 MiB of memory, 9 lines of log (2 dropped)
              component  5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f
              colour     green
              error      the shelf is empty:
                         no books\u{1b}[2J
              code       shelf
                            0: shelf::look
                           10: run
            "#);
    }

    #[test]
    fn progress_is_told_where_there_is_some() {
        let zone = &Zone::UTC;
        let now = at("2026-03-01T06:01:00Z");
        let progress = Progress {
            done: 3,
            total: Some(12),
            message: Some("parsing".to_owned()),
        };
        let text = text(&failed(), Some(&progress), &Clock { now, zone });
        let text = anstream::adapter::strip_str(&text).to_string();
        let line = "  progress   3/12 (25%) parsing\n";
        assert!(text.contains(line), "{text}");
    }
}
