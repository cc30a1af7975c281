//! `cronlet history`: what ran, what was skipped, and what came of it.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use cronlet_core::{name::JobName, run::RunStatus, schedule::Zone};
use jiff::Timestamp;

use super::{
    console::Console,
    error::CliError,
    exit::Exit,
    moment::{self, Moment},
    orphans::Orphans,
    place::Place,
    style, suggest,
    table::{Cell, Column, Table},
    when,
    zones::Zones,
};
use crate::{
    api::view,
    store::{
        history::{History, Query},
        sqlite,
    },
};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cronlet history                                 the last 20 runs
  cronlet history hello -n 100                    of one job
  cronlet history --status failed,cancelled       how it did not go well
  cronlet history --since yesterday --until 06:00
  cronlet history --since 2h                      the last two hours

A time is an instant as RFC 3339 has it, a date, what the clock shows, or how long ago. Clocks are
those of the job's zone; without a job they are those of `[runtime] timezone`, which is UTC unless
the schedules file says otherwise.
Instants that were skipped on arrival are one line for each range of them: with the first one and
the last. They are as new as the time that was recorded.")]
pub struct Args {
    /// Only this job's
    job: Option<String>,

    /// At most so many
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20)]
    count: usize,

    /// Only those with this status; several with commas, or the option several times
    #[arg(long, value_name = "STATUS", value_delimiter = ',', value_parser = statuses())]
    status: Vec<RunStatus>,

    /// Only those that were queued or skipped at this time or later
    #[arg(long, value_name = "TIME", value_parser = moment::parse)]
    since: Option<Moment>,

    /// Only those that were queued or skipped before this time
    #[arg(long, value_name = "TIME", value_parser = moment::parse)]
    until: Option<Moment>,
}

/// The names of statuses, for the help and for "did you mean".
fn statuses() -> impl TypedValueParser<Value = RunStatus> {
    PossibleValuesParser::new(RunStatus::ALL.map(RunStatus::as_str))
        .try_map(|name| name.parse::<RunStatus>())
}

pub fn run(args: &Args, place: &Place, console: &mut Console) -> Result<Exit, CliError> {
    let database = place.database(console);
    let orphans = Orphans::of(&database);
    let history = sqlite::history(&database)?;
    let (zones, now) = (Zones::find(place), Timestamp::now());
    let mut query = query(args, &zones, now, &history)?;
    // One more, to know whether there are more.
    query.limit = args.count.saturating_add(1);
    let mut entries = entries(&history, &query, args)?;
    let more = entries.len() > args.count;
    entries.truncate(args.count);
    orphans.tell(entries.iter_mut().filter_map(|entry| match entry {
        view::Entry::Run(run) => Some(&mut **run),
        view::Entry::Skips(_) => None,
    }));
    if console.json() {
        console.document(&entries)?;
        return Ok(Exit::Done);
    }
    if !entries.is_empty() {
        console.table(&table(&entries, &zones, now))?;
    } else if args.count > 0 {
        console.note(if args.is_narrow() {
            "nothing of that kind"
        } else {
            "no runs yet"
        });
    }
    if more && args.count > 0 {
        let count = args.count.saturating_mul(5);
        console.note(format_args!(
            "there are older ones: `-n {count}` shows more"
        ));
    }
    Ok(Exit::Done)
}

impl Args {
    /// Whether it asks for less than everything of a job, or of all.
    fn is_narrow(&self) -> bool {
        !self.status.is_empty() || self.since.is_some() || self.until.is_some()
    }
}

/// What is asked for.
fn query(
    args: &Args,
    zones: &Zones,
    now: Timestamp,
    history: &impl History,
) -> Result<Query, CliError> {
    let job = match args.job.as_deref() {
        Some(name) => Some(JobName::new(name).or_else(|_| Err(unknown(name, history)?))?),
        None => None,
    };
    let zone = zones.of(args.job.as_deref());
    let resolve = |moment: &Option<Moment>| {
        let moment = moment.as_ref().map(|moment| moment.resolve(now, zone));
        moment.transpose().map_err(CliError::user)
    };
    let (since, until) = (resolve(&args.since)?, resolve(&args.until)?);
    if let (Some(since), Some(until)) = (since, until)
        && since >= until
    {
        let [since, until] = [since, until].map(|t| when::second(t, zone));
        return Err(CliError::user(format!(
            "nothing is between `--since` ({since}) and `--until` ({until})"
        ))
        .hint("`--since` is the earlier time"));
    }
    Ok(Query {
        job,
        statuses: args.status.clone(),
        since,
        until,
        ..Query::default()
    })
}

fn entries(
    history: &impl History,
    query: &Query,
    args: &Args,
) -> Result<Vec<view::Entry>, CliError> {
    let entries = history.entries(query)?;
    if let (true, Some(name)) = (entries.is_empty(), args.job.as_deref())
        && !history.jobs()?.iter().any(|row| row.job.as_str() == name)
        && !has_run(history, query)?
    {
        return Err(unknown(name, history)?);
    }
    Ok(entries.iter().map(view::Entry::from).collect())
}

/// A job that is gone may have left runs that were not asked for.
fn has_run(history: &impl History, query: &Query) -> Result<bool, CliError> {
    let any = Query {
        job: query.job.clone(),
        limit: 1,
        ..Query::default()
    };
    Ok(!history.entries(&any)?.is_empty())
}

/// A job without a run that the database has not heard of.
fn unknown(name: &str, history: &impl History) -> Result<CliError, CliError> {
    let rows = history.jobs()?;
    let names = rows.iter().map(|row| row.job.as_str());
    Ok(suggest::no_such_job(name, names))
}

fn table(entries: &[view::Entry], zones: &Zones, now: Timestamp) -> Table {
    let mut table = Table::new([
        Column::new("RUN").right(),
        Column::new("JOB").free(),
        Column::new("STATUS"),
        Column::new("TRIGGER").spare(5),
        Column::new("NOMINAL").brief(2),
        Column::new("STARTED").brief(6),
        Column::new("TOOK").right().spare(1),
        Column::new("TRIES").right().spare(3),
        Column::new("SUMMARY").free(),
    ]);
    for entry in entries {
        table.row(match entry {
            view::Entry::Run(run) => run_cells(run, zones.of(run.job.as_str()), now),
            view::Entry::Skips(skips) => skip_cells(skips, zones.of(skips.job.as_str())),
        });
    }
    table
}

fn run_cells(run: &view::Run, zone: &Zone, now: Timestamp) -> [Cell; 9] {
    let number = run.run.map(|number| number.to_string()).unwrap_or_default();
    let tries = match run.attempts.len() {
        0 | 1 => String::new(),
        n => n.to_string(),
    };
    [
        Cell::new(number),
        Cell::new(&run.job),
        Cell::styled(status(run), style::of_status(&run.status)),
        Cell::new(match run.after {
            Some(upstream) => format!("{} {upstream}", run.trigger),
            None => run.trigger.clone(),
        }),
        Cell::new(when::second(run.nominal.0, zone)).or(when::brief(run.nominal.0, zone)),
        time(run.started_at, zone, now),
        Cell::new(run.duration.map(when::took).unwrap_or_default()),
        Cell::new(tries),
        Cell::new(last_word(run, now)),
    ]
}

/// A time and how far off it is; only the latter, where there is no room.
pub(super) fn time(t: Option<view::Time>, zone: &Zone, now: Timestamp) -> Cell {
    match t {
        Some(view::Time(t)) => Cell::new(when::with_hint(now, t, zone)).or(when::relative(now, t)),
        None => Cell::new(""),
    }
}

fn skip_cells(skips: &view::Skips, zone: &Zone) -> [Cell; 9] {
    let (first, last) = (skips.nominal.0, skips.nominal_last.0);
    let text = match skips.count {
        1 => String::new(),
        n => format!("{n} times, until {}", when::after(first, last, zone)),
    };
    [
        Cell::dim("—"),
        Cell::new(&skips.job),
        Cell::dim(format!("{}: {}", skips.status, skips.reason)),
        Cell::dim(skips.trigger),
        Cell::dim(when::second(first, zone)).or(when::brief(first, zone)),
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
        let table = table(&entries, &Zones::default(), at("2026-03-01T06:00:05Z"));
        anstream::adapter::strip_str(&table.render(None)).to_string()
    }

    #[test]
    fn runs_and_ranges_of_skips_are_lines() {
        insta::assert_snapshot!(sample(), @"
             RUN  JOB    STATUS            TRIGGER   NOMINAL                     STARTED                              TOOK  TRIES  SUMMARY
            1043  fetch  retrying          schedule  2026-03-01 06:00:00 +00:00  2026-03-01 06:00:01 +00:00 (4s ago)            2  again in 5s: upstream said 503
            1042  fetch  succeeded         schedule  2026-03-01 06:00:00 +00:00  2026-03-01 06:00:01 +00:00 (4s ago)  1.2s         12 papers
               —  fetch  skipped: missed   schedule  2026-03-01 05:00:00 +00:00                                                    12 times, until 05:55:00
               7  fetch  skipped: overlap  schedule  2026-03-01 06:00:00 +00:00
            ");
    }
}
