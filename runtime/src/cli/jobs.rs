//! `cronlet jobs`: every job, as the file and the database together know it.

use std::{collections::BTreeMap, time::Duration};

use cronlet_core::{
    after::After,
    job,
    name::JobName,
    plan::Plan,
    schedule::{Schedule, Zone},
};
use jiff::Timestamp;

use super::{
    backfill,
    console::Console,
    error::CliError,
    exit::Exit,
    history,
    orphans::Orphans,
    place::{self, Place},
    style,
    table::{Cell, Column, Table},
    zones::Zones,
};
use crate::{
    api::{
        backfills::Backfill,
        client::Client,
        status::{Status, Troubled},
        view,
    },
    store::{
        history::{History, JobRow},
        sqlite::{self, Holder},
    },
};

/// How long the list waits for a daemon to say what it knows.
const PATIENCE: Duration = Duration::from_secs(1);

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cronlet jobs                                 when each is due, and how it last ran
  cronlet jobs --json | jq -r '.[].job'        their names

States:
  scheduled  it has a trigger, and will be due
  over       it has a trigger, and will not be due again
  manual     it has no trigger: it runs only when asked
  paused     nothing makes it due until `cronlet resume`
  disabled   the file says `enabled = false`: it runs only when asked
  new        no daemon has seen it yet
  removed    the daemon has seen it, and it is not in the file any more
  unknown    the daemon has seen it, and the file cannot be read")]
pub struct Args {}

pub fn run(_: &Args, place: &Place, console: &mut Console) -> Result<Exit, CliError> {
    let found = place.find();
    let orphans = Orphans::of(&found.database);
    let history = found.history()?;
    let mut zones = Zones::default();
    let plan = match found.draft {
        Ok(draft) => {
            zones = Zones::from(&draft);
            Some(place::plan(&draft))
        }
        // Nothing to show: then what is wrong with the file is the answer.
        Err(error) if history.is_none() => return Err(error),
        Err(error) => {
            place::warn(&error, &found.database, console);
            None
        }
    };
    let (mut rows, mut backfills) = (Vec::new(), Vec::new());
    if let Some(history) = history {
        rows = history.jobs()?;
        backfills = history.backfills()?;
    }
    let now = Timestamp::now();
    let mut jobs = join(plan.as_ref(), &rows, now);
    orphans.tell(jobs.iter_mut().filter_map(|job| job.last_run.as_mut()));
    let holder = sqlite::holder(&found.database)?;
    let troubled = holder.as_ref().map_or_else(Vec::new, troubled);
    for row in &backfills {
        let job = jobs.iter_mut().find(|job| job.job == row.job.as_str());
        if let Some(job) = job {
            job.backfills.push(Backfill::from(row));
        }
    }
    for trouble in &troubled {
        let job = jobs.iter_mut().find(|job| job.job == trouble.job);
        if let Some(job) = job {
            job.warning = Some(trouble.message.clone());
        }
    }
    if console.json() {
        console.document(&jobs)?;
    } else if jobs.is_empty() {
        console.note("no jobs yet");
        console.help("add a `[jobs.NAME]` table with `plugin = \"…\"` to the schedules file");
    } else {
        console.table(&table(&jobs, &zones, now))?;
        for backfill in jobs.iter().flat_map(|job| &job.backfills) {
            let progress = backfill::progress(backfill);
            console.note(format_args!("backfill: {progress}"));
        }
        for trouble in &troubled {
            console.warning(&trouble.message);
        }
        for row in &rows {
            if let Some(paused) = row.paused.as_ref().filter(|it| it.why.is_by_failures()) {
                let (job, why) = (&row.job, &paused.why);
                console.warning(&format!("job `{job}` is paused {why}"));
                console.help(&format!("`cronlet resume {job}` has it be due again"));
            }
        }
        if holder.is_none() {
            console.note("no daemon is running: nothing starts until `cronlet serve`");
        }
    }
    Ok(Exit::Done)
}

/// The jobs whose components the daemon cannot use. One that does not answer has none: the list is of
/// what the file and the database say.
fn troubled(holder: &Holder) -> Vec<Troubled> {
    let status = holder.socket.as_ref().and_then(|socket| {
        let daemon = Client::new(socket).patient_for(PATIENCE);
        let status: Status = daemon.get("/api/v1/status").ok()?.ok().ok()?;
        Some(status)
    });
    status.map_or_else(Vec::new, |status| status.troubled)
}

/// Every job that the file or the database knows, by name.
fn join(plan: Option<&Plan>, rows: &[JobRow], now: Timestamp) -> Vec<view::Job> {
    let mut both: BTreeMap<&JobName, (Option<&job::Job>, Option<&JobRow>)> = BTreeMap::new();
    for (name, job) in plan.into_iter().flat_map(|plan| &plan.jobs) {
        both.entry(name).or_default().0 = Some(job);
    }
    for row in rows {
        both.entry(&row.job).or_default().1 = Some(row);
    }
    both.into_iter()
        .map(|(name, (job, row))| {
            let schedule = job.map(|job| &job.schedule);
            let paused = row.and_then(|row| row.paused.as_ref());
            let is_due = paused.is_none() && job.is_some_and(|job| job.enabled);
            let next = schedule.filter(|_| is_due);
            let next = next.and_then(|schedule| schedule.next_allowed_after(now));
            let trigger = schedule.filter(|schedule| !schedule.is_manual());
            let last_run = row.and_then(|row| row.last_run.as_ref());
            view::Job {
                job: name.to_string(),
                description: job.and_then(|job| job.description.clone()),
                state: state(plan.is_some(), job, next, row),
                trigger: due(trigger, job.and_then(|job| job.after.as_ref())),
                next: next.map(view::Time),
                watermark: row.map(|row| view::Time(row.watermark)),
                paused: paused.map(view::Pause::from),
                last_run: last_run.map(view::Run::from),
                critical: job.is_some_and(|job| job.critical),
                failing_run: row.and_then(|row| Some(row.health.failing?.run.0)),
                overdue_since: overdue_since(job.zip(row), now).map(view::Time),
                warning: None,
                backfills: Vec::new(),
            }
        })
        .collect()
}

/// Since when nothing has succeeded, if the job is overdue, also while no daemon runs.
fn overdue_since(known: Option<(&job::Job, &JobRow)>, now: Timestamp) -> Option<Timestamp> {
    let (job, row) = known.filter(|(job, row)| job.enabled && row.paused.is_none())?;
    let at = row.health.overdue_at(job)?;
    (at <= now).then(|| row.health.waits_since(job))
}

/// What makes a job due.
pub(super) fn due(trigger: Option<&Schedule>, after: Option<&After>) -> Option<String> {
    let words = [
        trigger.map(ToString::to_string),
        after.map(ToString::to_string),
    ];
    let words: Vec<_> = words.into_iter().flatten().collect();
    (!words.is_empty()).then(|| words.join(", "))
}

/// Where the job stands, in a word.
fn state(
    file: bool,
    job: Option<&job::Job>,
    next: Option<Timestamp>,
    row: Option<&JobRow>,
) -> &'static str {
    match (job, row) {
        (None, _) if file => "removed",
        (None, _) => "unknown",
        (Some(_), None) => "new",
        (Some(_), Some(row)) if row.paused.is_some() => "paused",
        (Some(job), _) if !job.enabled => "disabled",
        (Some(job), _) if job.after.is_some() => "scheduled",
        (Some(job), _) if job.schedule.is_manual() => "manual",
        (Some(_), Some(_)) if next.is_none() => "over",
        (Some(_), Some(_)) => "scheduled",
    }
}

fn table(jobs: &[view::Job], zones: &Zones, now: Timestamp) -> Table {
    let mut table = Table::new([
        Column::new("JOB").free(),
        Column::new("TRIGGER").free(),
        Column::new("STATE"),
        Column::new("NEXT").brief(3),
        Column::new("LAST RUN"),
        Column::new("WHEN").brief(4),
        Column::new("SUMMARY").free().spare(1),
    ]);
    for job in jobs {
        table.row(cells(job, zones.of(job.job.as_str()), now));
    }
    table
}

fn cells(job: &view::Job, zone: &Zone, now: Timestamp) -> [Cell; 7] {
    let (state, state_style) = standing(job);
    let last = job.last_run.as_ref();
    let last_time = last.map(|run| run.started_at.unwrap_or(run.queued_at));
    [
        Cell::styled(&job.job, style::BOLD),
        Cell::new(job.trigger.as_deref().unwrap_or("—")),
        Cell::styled(state, state_style),
        match job.next {
            Some(_) => history::time(job.next, zone, now),
            None => Cell::new("—"),
        },
        match last {
            Some(run) => Cell::styled(history::status(run), style::of_status(&run.status)),
            None => Cell::dim("—"),
        },
        history::time(last_time, zone, now),
        Cell::new(
            last.map(|run| history::last_word(run, now))
                .unwrap_or_default(),
        ),
    ]
}

/// What is to be done about a job is more than where it stands.
fn standing(job: &view::Job) -> (&'static str, anstyle::Style) {
    if ["paused", "disabled"].contains(&job.state) {
        (job.state, of_state(job.state))
    } else if job.critical && job.failing_run.is_some() {
        ("failing", style::ERROR)
    } else if job.overdue_since.is_some() {
        ("overdue", style::WARNING)
    } else {
        (job.state, of_state(job.state))
    }
}

fn of_state(state: &str) -> anstyle::Style {
    match state {
        "scheduled" | "manual" => style::PLAIN,
        _ => style::DIM,
    }
}

#[cfg(test)]
mod tests {
    use cronlet_core::{
        health::{Failing, JobHealth},
        pause::{PauseReason, Paused},
        run::{Cause, Origin, RequestId, RunId, RunStatus},
    };

    use super::*;
    use crate::{
        config::{self, Environment},
        store::history::RunRow,
    };

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn plan() -> Plan {
        let text = r#"
            [jobs.daily]
            plugin = "x"
            cron = "0 6 * * *"
            [jobs.off]
            plugin = "x"
            every = "1h"
            enabled = false
            [jobs.rests]
            plugin = "x"
            every = "1h"
            [jobs.fresh]
            plugin = "x"
            every = "1h"
            [jobs.hand]
            plugin = "x"
            [jobs.once]
            plugin = "x"
            at = "2026-02-01T00:00:00Z"
        "#;
        let draft = config::parse("schedules.toml", text, &Environment::new()).unwrap();
        place::plan(&draft)
    }

    fn row(job: &str) -> JobRow {
        let (job, t) = (JobName::new(job).unwrap(), at("2026-03-01T06:00:00Z"));
        JobRow {
            job: job.clone(),
            watermark: t,
            paused: None,
            last_run: Some(RunRow {
                run: RunId(7),
                job,
                cause: Cause::Manual(RequestId(1)),
                nominal: t,
                origin: Origin::Manual,
                actor: None,
                params: None,
                input_of: None,
                status: RunStatus::Skipped,
                reason: Some("overlap".to_owned()),
                message: None,
                queued_at: t,
                not_before: None,
                turn: cronlet_core::run::Turn::Now,
                retry_at: None,
                ended_at: Some(t),
                cancel_requested_at: None,
                attempts: Vec::new(),
            }),
            health: JobHealth::new(t),
        }
    }

    #[test]
    fn the_file_and_the_database_are_told_together() {
        let mut rows = ["daily", "gone", "hand", "off", "once", "rests"].map(row);
        rows[5].paused = Some(Paused {
            since: at("2026-03-01T06:30:00Z"),
            why: PauseReason::Failures(3),
        });
        let now = at("2026-03-01T07:00:00Z");
        let table = table(&join(Some(&plan()), &rows, now), &Zones::default(), now);
        let text = anstream::adapter::strip_str(&table.render(None)).to_string();
        insta::assert_snapshot!(text, @"
            JOB    TRIGGER                  STATE      NEXT                                 LAST RUN          WHEN
            daily  0 6 * * *                scheduled  2026-03-02 06:00:00 +00:00 (in 23h)  skipped: overlap  2026-03-01 06:00:00 +00:00 (1h ago)
            fresh  every 1h                 new        2026-03-01 08:00:00 +00:00 (in 1h)   —
            gone   —                        removed    —                                    skipped: overlap  2026-03-01 06:00:00 +00:00 (1h ago)
            hand   —                        manual     —                                    skipped: overlap  2026-03-01 06:00:00 +00:00 (1h ago)
            off    every 1h                 disabled   —                                    skipped: overlap  2026-03-01 06:00:00 +00:00 (1h ago)
            once   at 2026-02-01T00:00:00Z  over       —                                    skipped: overlap  2026-03-01 06:00:00 +00:00 (1h ago)
            rests  every 1h                 paused     —                                    skipped: overlap  2026-03-01 06:00:00 +00:00 (1h ago)
            ");
    }

    #[test]
    fn what_is_to_be_done_about_a_job_is_its_state() {
        let mut rows = ["daily", "hand", "off", "rests"].map(row);
        rows[1].health.failing = Some(Failing {
            run: RunId(6),
            at: at("2026-03-01T06:00:00Z"),
        });
        rows[3].paused = Some(Paused {
            since: at("2026-03-01T06:30:00Z"),
            why: PauseReason::Failures(3),
        });
        rows[3].health.failing = rows[1].health.failing;
        let mut plan = plan();
        for job in plan.jobs.values_mut() {
            let job = std::sync::Arc::make_mut(job);
            job.overdue_after = Some(std::time::Duration::from_hours(26));
            job.critical = ["hand", "rests"].contains(&job.name.as_str());
        }
        let states = |now: &str| {
            let known = |job: &view::Job| rows.iter().any(|row| row.job.as_str() == job.job);
            let jobs = join(Some(&plan), &rows, at(now));
            let states = jobs.iter().filter(|job| known(job)).map(|job| {
                let (shown, _) = standing(job);
                (job.state, shown, job.overdue_since.is_some())
            });
            states.collect::<Vec<_>>()
        };
        let expected = |daily: &'static str, overdue| {
            [
                ("scheduled", daily, overdue),
                ("manual", "failing", overdue),
                ("disabled", "disabled", false),
                ("paused", "paused", false),
            ]
        };
        assert_eq!(states("2026-03-02T07:59:59Z"), expected("scheduled", false));
        assert_eq!(states("2026-03-02T08:00:00Z"), expected("overdue", true));
    }

    #[test]
    fn without_the_file_the_database_is_told() {
        let now = at("2026-03-01T07:00:00Z");
        let jobs = join(None, &[row("daily")], now);
        assert_eq!((jobs[0].state, &jobs[0].trigger), ("unknown", &None));
        assert_eq!(jobs[0].last_run.as_ref().unwrap().run, Some(7));
    }
}
