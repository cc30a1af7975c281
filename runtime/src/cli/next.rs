//! `cronlet next`: when jobs are due.

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
  cronlet next hello --after 2030-01-01T00:00:00Z  from then on
  cronlet next --cron '30 2 * * *' --timezone Europe/Berlin
                                                   on the clocks of Berlin

For one job or one expression each line is an instant and nothing else.")]
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
        value_parser = params::zone
    )]
    timezone: Zone,

    /// The job that the expression is for: `H` hangs on its name
    #[arg(
        long,
        value_name = "NAME",
        requires = "cron",
        value_parser = params::job_name
    )]
    job_name: Option<JobName>,

    /// How many
    #[arg(short = 'n', long, value_name = "N", default_value_t = 5)]
    count: usize,

    /// From when on, itself not included [default: now]
    #[arg(long, value_name = "RFC3339", value_parser = params::instant)]
    after: Option<Timestamp>,
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
    let after = args.after.unwrap_or_else(Timestamp::now);
    let due = match (&args.cron, &args.job) {
        (Some(expression), _) => {
            let cron =
                cron::parse(expression, args.job_name.as_ref())?.in_zone(args.timezone.clone());
            let schedule = Trigger::Cron(cron).into();
            let due = instants(&schedule, &args.timezone, after, args.count);
            if due.is_empty() && args.count > 0 {
                console.note(format_args!("`{expression}` is never due after {after:.0}"));
            }
            due
        }
        (None, Some(name)) => {
            let (plan, halts) = known(place)?;
            of_job((&plan, &halts), name, after, args.count, console)?
        }
        (None, None) => {
            let (plan, halts) = known(place)?;
            of_all((&plan, &halts), after, args.count, console)
        }
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
        console.table(&table(&due, args.after.is_none().then_some(after)))?;
    }
    Ok(Exit::Done)
}

/// The jobs of the file, and which of them nothing makes due.
fn known(place: &Place) -> Result<(Plan, Halts), CliError> {
    let found = place.find();
    let halts = Halts::find(&found);
    Ok((place::plan(&found.draft?), halts))
}

/// The instants of a job that nothing makes due are told all the same: they are what was asked for.
fn of_job(
    (plan, halts): (&Plan, &Halts),
    name: &str,
    after: Timestamp,
    count: usize,
    console: &mut Console,
) -> Result<Vec<Due>, CliError> {
    let job = plan
        .jobs
        .get(name)
        .ok_or_else(|| suggest::no_such_job(name, plan.jobs.keys().map(JobName::as_str)))?;
    if job.schedule.is_manual() {
        console.note(format_args!(
            "job `{name}` has no trigger: it runs only when asked"
        ));
        return Ok(Vec::new());
    }
    if let Some(why) = halts.why(job) {
        console.note(why);
    }
    let due = of_schedule(job, after, count);
    if due.is_empty() && count > 0 {
        console.note(format_args!("job `{name}` is never due after {after:.0}"));
    }
    Ok(due)
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
