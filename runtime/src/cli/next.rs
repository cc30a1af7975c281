//! `cronlet next`: when jobs are due.

use std::path::PathBuf;

use cronlet_core::{
    job::Job,
    name::JobName,
    plan::Plan,
    schedule::{Schedule, Trigger, Zone},
};
use jiff::{Timestamp, civil::DateTime};
use serde::Serialize;

use super::{
    console::Console,
    cron,
    error::CliError,
    exit::Exit,
    halts::Halts,
    late,
    moment::{self, Moment},
    params,
    place::{self, Place},
    suggest,
    table::{Cell, Column, Table},
    when,
};
use crate::api::view;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cronlet next                                     what comes next, of all jobs
  cronlet next hello                               when `hello` is due
  cronlet next --cron '0 6 * * Mon-Fri' -n 3       what an expression means
  cronlet next hello --after 2030-01-01            from then on, on the clocks of its zone
  cronlet next --cron '30 2 * * *' --timezone Europe/Berlin
                                                   on the clocks of Berlin

A time is an instant as RFC 3339 has it, a date, what the clock shows, or how long ago.
For one job or one expression each line is an instant and nothing else. While no daemon runs, it says
on standard error what a start now would catch up on.")]
pub struct Args {
    /// Only this job
    #[arg(conflicts_with = "cron")]
    job: Option<String>,

    /// An expression in place of a job
    #[arg(long, value_name = "EXPR")]
    cron: Option<String>,

    /// The time zone whose clocks the expression is read on
    #[arg(
        long,
        value_name = "TZ",
        default_value = "UTC",
        requires = "cron",
        conflicts_with = "job",
        value_parser = params::zone
    )]
    timezone: Zone,

    /// The job that the expression is for: `H` hangs on its name
    #[arg(
        long,
        value_name = "NAME",
        requires = "cron",
        conflicts_with = "job",
        value_parser = params::job_name
    )]
    job_name: Option<JobName>,

    /// How many
    #[arg(short = 'n', long, value_name = "N", default_value = "5", value_parser = count)]
    count: usize,

    /// From when on, itself not included [default: now]
    #[arg(long, value_name = "TIME", value_parser = moment::parse)]
    after: Option<Moment>,
}

/// More than anybody reads, and as many as a program may want.
const MOST: usize = 100_000;

fn count(text: &str) -> Result<usize, String> {
    let count = text.parse().ok().filter(|count| (1..=MOST).contains(count));
    count.ok_or_else(|| format!("expected a number from 1 to {MOST}"))
}

/// One line of the answer.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Due {
    /// None is the expression that was given.
    job: Option<String>,
    nominal: view::Time,
    /// What the clocks of the zone show, with their offset.
    local: String,
    timezone: String,
    /// The times that the clocks jump over, and that are due now for it.
    stands_for: Vec<DateTime>,
}

pub fn run(args: &Args, place: &Place, console: &mut Console) -> Result<Exit, CliError> {
    let now = Timestamp::now();
    let after = |zone: &Zone| match &args.after {
        Some(after) => after.resolve(now, zone).map_err(CliError::user),
        None => Ok(now),
    };
    let mut late = Ok(Vec::new());
    let due = if let Some(expression) = &args.cron {
        let cron = cron::parse(expression, args.job_name.as_ref())?.in_zone(args.timezone.clone());
        let (schedule, zone) = (Trigger::Cron(cron).into(), &args.timezone);
        let after = after(zone)?;
        let due = instants(&schedule, zone, after, args.count);
        if due.is_empty() {
            let after = when::second(after, zone);
            console.note(format_args!("`{expression}` is never due after {after}"));
        }
        due
    } else {
        let (plan, halts, general, database) = known(place)?;
        let both = (&plan, &halts);
        let due = match &args.job {
            Some(name) => {
                let job = job(&plan, name)?;
                of_job((job, &halts), after(&job.zone)?, args.count, console)
            }
            None => of_all(both, after(&general)?, args.count, console),
        };
        late = late::find(&plan, args.job.as_deref(), &database, now);
        due
    };
    let one = args.cron.is_some() || args.job.is_some();
    if console.json() {
        console.document(&due)?;
    } else if one {
        for due in &due {
            console.line(&due.local)?;
        }
        for due in due.iter().filter(|due| !due.stands_for.is_empty()) {
            console.note(due.standing());
        }
    } else if due.is_empty() {
        console.note("nothing is due");
    } else {
        console.table(&table(&due, args.after.is_none().then_some(now)))?;
    }
    // Who asks about another time does not ask about now.
    if args.after.is_none() {
        late::tell(late, console);
    }
    Ok(Exit::Done)
}

/// The jobs of the file, which of them nothing makes due, the zone of all together, and where the
/// database is.
fn known(place: &Place) -> Result<(Plan, Halts, Zone, PathBuf), CliError> {
    let found = place.find();
    let halts = Halts::find(&found);
    let draft = found.draft?;
    let general = draft.zone().clone();
    Ok((place::plan(&draft), halts, general, found.database))
}

fn job<'a>(plan: &'a Plan, name: &str) -> Result<&'a Job, CliError> {
    let job = plan.jobs.get(name).map(AsRef::as_ref);
    job.ok_or_else(|| suggest::no_such_job(name, plan.jobs.keys().map(JobName::as_str)))
}

/// The instants of a job that nothing makes due are told all the same: they are what was asked for.
fn of_job(
    (job, halts): (&Job, &Halts),
    after: Timestamp,
    count: usize,
    console: &mut Console,
) -> Vec<Due> {
    let name = &job.name;
    if job.schedule.is_manual() {
        console.note(match &job.after {
            Some(after) => format!("job `{name}` has no times of its own: it runs {after}"),
            None => format!("job `{name}` has no trigger: it runs only when asked"),
        });
        return Vec::new();
    }
    if let Some(why) = halts.why(job) {
        console.note(why);
    }
    let due = of_schedule(job, after, count);
    if due.is_empty() {
        let then = when::second(after, &job.zone);
        match job.schedule.next_after(after) {
            None => console.note(format_args!("job `{name}` is never due after {then}")),
            Some(_) => console.note(format_args!(
                "job `{name}` never runs after {then}: whenever it is due, it is not in its \
                 `active_hours`, or in a `blackout`"
            )),
        }
    }
    due
}

/// The soonest of all jobs together.
fn of_all(
    (plan, halts): (&Plan, &Halts),
    after: Timestamp,
    count: usize,
    console: &mut Console,
) -> Vec<Due> {
    let (halted, running): (Vec<&Job>, Vec<&Job>) = plan
        .jobs
        .values()
        .map(AsRef::as_ref)
        .partition(|job| halts.has(job));
    match &halted[..] {
        [] => {}
        [job] => console.note(format_args!(
            "without `{}`, which is paused or disabled",
            job.name
        )),
        jobs => console.note(format_args!(
            "without {} jobs that are paused or disabled",
            jobs.len()
        )),
    }
    let mut due: Vec<Due> = running
        .into_iter()
        .flat_map(|job| of_schedule(job, after, count))
        .collect();
    due.sort_by(|a, b| (a.nominal, &a.job).cmp(&(b.nominal, &b.job)));
    due.truncate(count);
    due
}

fn of_schedule(job: &Job, after: Timestamp, count: usize) -> Vec<Due> {
    let mut due = instants(&job.schedule, &job.zone, after, count);
    for due in &mut due {
        due.job = Some(job.name.to_string());
    }
    due
}

/// The instants at which it runs.
fn instants(schedule: &Schedule, zone: &Zone, after: Timestamp, count: usize) -> Vec<Due> {
    let next = |t: &Timestamp| schedule.next_allowed_after(*t);
    std::iter::successors(next(&after), next)
        .take(count)
        .map(|t| Due {
            job: None,
            nominal: view::Time(t),
            local: when::with_offset(t, zone),
            timezone: zone.to_string(),
            stands_for: schedule.stands_for(t),
        })
        .collect()
}

impl Due {
    /// `2026-03-29T03:00:00+02:00 stands for 02:30, which the clocks jump over`.
    fn standing(&self) -> String {
        let times: Vec<_> = self.stands_for.iter().map(DateTime::to_string).collect();
        let local = &self.local;
        match &times[..] {
            [only] => format!("{local} stands for {only}, which the clocks jump over"),
            [first, .., last] => format!(
                "{local} stands for {} times from {first} to {last}, which the clocks jump over",
                times.len()
            ),
            [] => format!("{local} stands for itself"),
        }
    }
}

/// How far off each is, where it is asked from now on.
fn table(due: &[Due], now: Option<Timestamp>) -> Table {
    let mut table = Table::new([
        Column::new("INSTANT"),
        Column::new("JOB"),
        Column::new("").spare(1),
    ]);
    for due in due {
        table.row([
            Cell::new(&due.local),
            Cell::new(due.job.as_deref().unwrap_or_default()),
            Cell::dim(
                now.map(|now| when::relative(now, due.nominal.0))
                    .unwrap_or_default(),
            ),
        ]);
    }
    table
}
