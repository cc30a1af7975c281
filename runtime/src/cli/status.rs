//! `cronlet status`: is the daemon there, is it well, what is it doing?

use std::{fmt::Write as _, time::Duration};

use jiff::{SignedDuration, Timestamp};

use super::{
    backfill,
    console::Console,
    counted::counted,
    daemon,
    error::{CliError, Kind},
    escape,
    exit::Exit,
    history,
    place::Place,
    progress,
    style::{BOLD, DIM, ERROR, HELP, WARNING},
    table::{Cell, Column, Table},
    when,
    zones::Zones,
};
use crate::{
    api::status::{Config, ConfigProblem, Jump, Next, PausedJob, Running, Status},
    engine::wall,
};

/// So many paused jobs are named.
const NAMED: usize = 3;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cronlet status                                     what it does, and what is wrong
  cronlet status --json | jq -r .status              `healthy`, `degraded` or `unhealthy`
  cronlet status --database /var/lib/cronlet/a.db    of the daemon that has this database

Without a daemon it is exit code 3.")]
pub struct Args {}

pub fn run(_: &Args, place: &Place, console: &mut Console) -> Result<Exit, CliError> {
    let daemon = daemon::find(place, console)?;
    let status: Status = daemon.get("/api/v1/status")?.ok().map_err(unwell)?;
    if console.json() {
        console.document(&status)?;
        return Ok(Exit::Done);
    }
    let (now, zones) = (Timestamp::now(), Zones::find(place));
    console.line(text(&status, &zones, now).trim_end())?;
    if !status.running.is_empty() {
        console.line("")?;
        console.table(&table(&status.running, &zones, now))?;
    }
    Ok(Exit::Done)
}

/// A daemon that cannot say how it goes is not there for anybody.
fn unwell(error: impl Into<CliError>) -> CliError {
    let mut error = error.into();
    error.kind = Kind::Unavailable;
    error
}

fn text(status: &Status, zones: &Zones, now: Timestamp) -> String {
    let mut text = String::new();
    let style = match &*status.health.status {
        "healthy" => super::style::of_status("succeeded"),
        "unhealthy" => ERROR,
        _ => WARNING,
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
    let jobs = counted(status.jobs, "job");
    field(
        &mut text,
        "schedules",
        &format!("{jobs}, {}", config(&status.config, now)),
    );
    if !status.paused.is_empty() {
        field(&mut text, "paused", &paused(&status.paused));
    }
    let next = match &status.next {
        Some(Next { job, at }) => {
            let at = when::with_hint(now, at.0, zones.of(job.as_str()));
            format!("{job} {at}")
        }
        None => "nothing is due".to_owned(),
    };
    field(&mut text, "next", &next);
    let (running, queued, retrying) = (status.running.len(), status.queued, status.retrying);
    field(
        &mut text,
        "runs",
        &format!("{running} running, {queued} queued, {retrying} retrying"),
    );
    for backfill in &status.backfills {
        field(&mut text, "backfill", &backfill::progress(backfill));
    }
    if let Some(jump) = &status.clock.last_jump {
        field(&mut text, "clock", &jumped(jump, now));
    }
    let zones = format!("IANA {}", status.timezone_database);
    field(&mut text, "zones", &zones);
    troubles(&mut text, status);
    text
}

/// What is wrong, and what to do about it.
fn troubles(text: &mut String, status: &Status) {
    for reason in &status.health.reasons {
        let _ = writeln!(
            text,
            "{WARNING}warning:{WARNING:#} {}",
            escape::line(reason)
        );
    }
    if let Some(help) = &status.store.help {
        let _ = writeln!(text, "  {HELP}help:{HELP:#} {}", escape::line(help));
    }
    for problem in &status.config.problems {
        self::problem(text, &status.config.path, problem);
    }
    for warning in &status.config.warnings {
        let _ = writeln!(
            text,
            "{WARNING}warning:{WARNING:#} {}",
            escape::line(warning)
        );
    }
}

/// `fetch, report and 3 more`
fn paused(jobs: &[PausedJob]) -> String {
    let (first, rest) = jobs.split_at(jobs.len().min(NAMED));
    let mut words: Vec<String> = first.iter().map(|job| job.job.clone()).collect();
    if !rest.is_empty() {
        words.push(format!("{} more", rest.len()));
    }
    match words.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, first)) => format!("{} and {last}", first.join(", ")),
        None => String::new(),
    }
}

/// `jumped forward by 1h30m, 2m ago`
fn jumped(jump: &Jump, now: Timestamp) -> String {
    let way = wall::way(SignedDuration::from_millis(jump.by_ms));
    format!("jumped {way}, {}", when::relative(now, jump.at.0))
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

fn table(running: &[Running], zones: &Zones, now: Timestamp) -> Table {
    let mut table = Table::new([
        Column::new("RUN").right(),
        Column::new("JOB").free(),
        Column::new("ATTEMPT").right().spare(1),
        Column::new("STARTED").brief(2),
        Column::new("PROGRESS").free(),
    ]);
    for attempt in running {
        let stopping = attempt.cancel_requested.then(|| "stopping".to_owned());
        let progress = attempt.progress.as_ref().map(progress::text);
        let doing: Vec<_> = stopping.into_iter().chain(progress).collect();
        table.row([
            Cell::new(attempt.run.to_string()),
            Cell::new(&attempt.job),
            Cell::new(attempt.attempt.to_string()),
            history::time(
                Some(attempt.started_at),
                zones.of(attempt.job.as_str()),
                now,
            ),
            Cell::new(doing.join("; ")),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{
        status::{Clock, Health, Progress, Store},
        view::{Pause, Time},
    };

    fn time(text: &str) -> Time {
        Time(text.parse().unwrap())
    }

    fn stopped(job: &str) -> PausedJob {
        PausedJob {
            job: job.to_owned(),
            pause: Pause {
                since: time("2026-03-01T06:00:00Z"),
                by: None,
                failures: None,
            },
        }
    }

    #[test]
    fn a_few_paused_jobs_are_named() {
        assert_eq!(paused(&["a"].map(stopped)), "a");
        assert_eq!(paused(&["a", "b"].map(stopped)), "a and b");
        assert_eq!(paused(&["a", "b", "c"].map(stopped)), "a, b and c");
        let many = ["a", "b", "c", "d", "e"].map(stopped);
        assert_eq!(paused(&many), "a, b, c and 2 more");
    }

    fn refused() -> Status {
        Status {
            health: Health {
                status: "degraded".to_owned(),
                healthy: true,
                reasons: vec!["the schedules file is refused: 1 problem".to_owned()],
            },
            pid: 42,
            version: "0.1.0".to_owned(),
            timezone_database: "2026a".to_owned(),
            started_at: time("2026-03-01T06:00:00Z"),
            uptime_ms: 192_000,
            stopping: false,
            config: Config {
                path: "schedules.toml".to_owned(),
                sha256: "5f".repeat(32),
                live_since: time("2026-03-01T06:00:00Z"),
                state: "refused".to_owned(),
                refused_at: Some(time("2026-03-01T06:03:00Z")),
                problems: vec![ConfigProblem {
                    code: "schedule::every".to_owned(),
                    message: "duration `10` has no unit".to_owned(),
                    line: Some(4),
                    column: Some(10),
                    label: None,
                    help: Some("write `10s`".to_owned()),
                }],
                warnings: vec!["`database` waits for a restart".to_owned()],
            },
            store: Store {
                status: "ok".to_owned(),
                since: None,
                message: None,
                help: None,
            },
            clock: Clock {
                set: true,
                last_jump: Some(Jump {
                    at: time("2026-03-01T06:01:12Z"),
                    by_ms: 5_400_000,
                }),
            },
            jobs: 1,
            troubled: Vec::new(),
            paused: ["a", "b", "c", "d"].map(stopped).into(),
            next: Some(Next {
                job: "hello".to_owned(),
                at: time("2026-03-01T06:03:20Z"),
            }),
            running: vec![Running {
                run: 5,
                job: "hello\u{1b}".to_owned(),
                attempt: 2,
                started_at: time("2026-03-01T06:03:00Z"),
                cancel_requested: true,
                progress: Some(Progress {
                    done: 3,
                    total: Some(12),
                    message: None,
                }),
            }],
            queued: 2,
            retrying: 0,
            backfills: Vec::new(),
        }
    }

    #[test]
    fn a_refused_file_is_told_with_its_problems() {
        let (status, now) = (refused(), "2026-03-01T06:03:12Z".parse().unwrap());
        let zones = Zones::default();
        let text = text(&status, &zones, now) + &table(&status.running, &zones, now).render(None);
        let text = anstream::adapter::strip_str(&text).to_string();
        insta::assert_snapshot!(text, @r"
            cronlet 0.1.0 is degraded, up 3m12s, process 42
              schedules  1 job, `schedules.toml` was refused 12s ago, the plan is from 3m ago
              paused     a, b, c and 1 more
              next       hello 2026-03-01 06:03:20 +00:00 (in 8s)
              runs       1 running, 2 queued, 0 retrying
              clock      jumped forward by 1h30m, 2m ago
              zones      IANA 2026a
            warning: the schedules file is refused: 1 problem
              schedules.toml:4:10: duration `10` has no unit
                help: write `10s`
            warning: `database` waits for a restart
            RUN  JOB          ATTEMPT  STARTED                               PROGRESS
              5  hello\u{1b}        2  2026-03-01 06:03:00 +00:00 (12s ago)  stopping; 3/12 (25%)
            ");
    }

    #[test]
    fn who_is_told_to_stop_and_says_nothing_stops() {
        let (mut status, now) = (refused(), "2026-03-01T06:03:12Z".parse().unwrap());
        status.running[0].progress = None;
        let text = table(&status.running, &Zones::default(), now).render(None);
        let text = anstream::adapter::strip_str(&text).to_string();
        assert!(text.ends_with("  stopping\n"), "{text:?}");
    }
}
