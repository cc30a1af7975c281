//! What a daemon that is started now would catch up on: told before it is started.

use std::{collections::BTreeSet, path::Path};

use cronlet_core::{
    engine::late::Look,
    job::Job,
    name::JobName,
    plan::Plan,
    policy::{CatchUpMode, Overlap},
    record::StoredJob,
    run::{Cause, Origin, RunStatus, SkipReason, Turn},
};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{CliError, console::Console};
use crate::store::{
    History, StoreError,
    history::{Entry, Query, RunRow},
    sqlite::{self, OpenError},
};

/// More jobs than this are told of in one line.
const LINES: usize = 10;

/// A look goes through thousands of instants one by one where it has to. Of a job with many triggers that
/// was not looked at for years this many are enough to see that there is much.
const LOOKS: usize = 16;

/// The instants of a job that nobody has looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Late {
    job: JobName,
    mode: CatchUpMode,
    /// How many of them would run; at most, if a run is in the way.
    runs: u64,
    /// The number of a run that is open. Those that would run are skipped if it is still open then,
    /// which depends on how it ended.
    open: Option<u64>,
    /// How many there are; more, if there were too many to count.
    instants: u64,
    is_more: bool,
}

/// What would be caught up on, by job. Nothing where a daemon runs, or never did.
pub fn find(
    plan: &Plan,
    only: Option<&str>,
    database: &Path,
    now: Timestamp,
) -> Result<Vec<Late>, CliError> {
    let history = match sqlite::history(database) {
        Ok(history) => history,
        Err(OpenError::Missing { .. }) => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    if sqlite::holder(database)?.is_some() {
        return Ok(Vec::new());
    }
    let stored = history.stored_jobs()?;
    let stored = stored
        .iter()
        .filter(|stored| only.is_none_or(|only| stored.job.as_str() == only));
    let jobs = stored.filter_map(|stored| Some((plan.jobs.get(&stored.job)?, stored)));
    let mut all = Vec::new();
    for (job, stored) in jobs.filter(|(job, stored)| is_late(job, stored, now)) {
        let has = Has::find(&history, job, stored, now)?;
        all.extend(of_job(job, stored, &has, now));
    }
    Ok(all)
}

/// What the history has of a job that counts when a start looks at it.
#[derive(Debug, Default)]
struct Has {
    /// The instants after its watermark that have a run: it was made ahead of its time.
    ran: BTreeSet<Timestamp>,
    /// A run that is open.
    open: Option<u64>,
}

impl Has {
    fn find(
        history: &dyn History,
        job: &Job,
        stored: &StoredJob,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let beyond = history.beyond(&job.name, stored.watermark)?;
        let entries = history.entries(&Query {
            job: Some(job.name.clone()),
            statuses: vec![RunStatus::Queued, RunStatus::Running, RunStatus::Retrying],
            ..Query::default()
        })?;
        let runs = entries.iter().filter_map(|entry| match entry {
            Entry::Run(run) => Some(run.as_ref()),
            Entry::Skips(_) => None,
        });
        let open = runs.filter(|run| is_open(job, run, now));
        Ok(Self {
            ran: beyond.ran.into_iter().collect(),
            open: open.map(|run| run.run.0).min(),
        })
    }
}

/// Whether other runs of the job meet this one, which is not over.
fn is_open(job: &Job, run: &RunRow, now: Timestamp) -> bool {
    let waits = run.turn != Turn::Now || run.not_before.is_some_and(|until| until > now);
    // A start that was recorded ahead of its time is withdrawn.
    let ahead = matches!(run.cause, Cause::Time(at) if job.schedule.starts_at(&job.name, at) > now);
    match run.status {
        _ if run.origin == Origin::Backfill => false,
        RunStatus::Queued => !waits,
        RunStatus::Running => !ahead || run.attempts.len() > 1,
        _ => true,
    }
}

/// Whether a start would find something of a job that it knows as it is.
fn is_late(job: &Job, stored: &StoredJob, now: Timestamp) -> bool {
    let halted = !job.enabled || stored.paused.is_some();
    !halted
        && stored.removed_at.is_none()
        && stored.fingerprint == job.fingerprint()
        && job.schedule.latest_in(stored.watermark, now).is_some()
}

/// What it would find.
fn of_job(job: &Job, stored: &StoredJob, has: &Has, now: Timestamp) -> Option<Late> {
    let meets = job.overlap == Overlap::Skip;
    let mut late = Late {
        job: job.name.clone(),
        mode: job.catch_up.mode,
        runs: 0,
        open: None,
        instants: 0,
        is_more: false,
    };
    for look in Look::all(&has.ran, job, stored.watermark, now).take(LOOKS) {
        let runs = look.runs().map(|_| 1).sum::<u64>();
        if meets && runs > 0 && !look.catches_up {
            late.open = has.open;
        }
        // At those of its blackouts and other hours the job never runs, late or not.
        let skips = look.skips();
        let skips = skips.filter(|range| range.reason == SkipReason::Missed);
        let skips: u64 = skips.map(|range| range.count).sum();
        late.runs += runs;
        late.instants = late.instants.saturating_add(runs).saturating_add(skips);
        late.is_more = look.is_partial;
    }
    (late.instants > 0).then_some(late)
}

/// Says it, in a few lines: each begins with what it is about.
pub fn lines(late: &[Late]) -> Vec<String> {
    let mut lines: Vec<String> = late.iter().take(LINES).map(Late::line).collect();
    if let [_, ..] = &late[lines.len()..] {
        let rest = &late[lines.len()..];
        let runs: u64 = rest.iter().map(|late| late.runs).sum();
        let instants = rest
            .iter()
            .fold(0u64, |sum, it| sum.saturating_add(it.instants));
        let jobs = rest.len();
        lines.push(format!(
            "… and {runs} of {instants} late instants of {jobs} more jobs"
        ));
    }
    lines
}

/// Says it beside other data.
pub fn tell(found: Result<Vec<Late>, CliError>, console: &mut Console) {
    match found {
        Ok(late) => lines(&late).iter().for_each(|line| console.note(line)),
        Err(error) => {
            let why = error.message;
            console.warning(&format!(
                "what a start would catch up on is not known: {why}"
            ));
        }
    }
}

impl Late {
    /// `a start now would run 3 of 17 late instants of ...`
    fn line(&self) -> String {
        let runs = match (self.runs, self.open) {
            (0, _) => "none".to_owned(),
            (runs, None) => runs.to_string(),
            (runs, Some(_)) => format!("up to {runs}"),
        };
        let instants = match (self.instants, self.is_more) {
            (1, false) => "1 late instant".to_owned(),
            (n, false) => format!("{n} late instants"),
            (n, true) => format!("more than {n} late instants"),
        };
        let mode = match self.mode {
            CatchUpMode::Latest => "latest",
            CatchUpMode::None => "none",
            CatchUpMode::All => "all",
        };
        let job = &self.job;
        let line = format!(
            "a start now would run {runs} of {instants} of `{job}` (`catch_up = \"{mode}\"`)"
        );
        match self.open {
            Some(run) => {
                format!(
                    "{line}: run {run} is not over, and may be in the way (`overlap = \"skip\"`)"
                )
            }
            None => line,
        }
    }

    /// The same with the keys that problems have.
    pub fn to_json(&self, file: &str) -> Value {
        json!({
            "severity": "note",
            "code": "schedule::late",
            "message": self.line(),
            "file": file,
            "line": null,
            "column": null,
            "end_line": null,
            "end_column": null,
            "label": null,
            "help": null,
            "job": self.job.as_str(),
            "runs": self.runs,
            "instants": self.instants,
            "open": self.open,
        })
    }
}

#[cfg(test)]
mod tests {
    use cronlet_core::{
        pause::{PauseReason, Paused},
        run::RunId,
    };

    use super::*;
    use crate::{
        cli::place,
        config::{self, Environment},
    };

    fn at(text: &str) -> Timestamp {
        format!("2026-03-02T{text}Z").parse().unwrap()
    }

    /// What a start at noon would find of a job with these keys that was looked at then.
    fn late(keys: &str, watermark: &str, changed: impl Fn(&mut StoredJob)) -> Option<Late> {
        late_beside(keys, watermark, &Has::default(), changed)
    }

    /// The same, with what the history has of it.
    fn late_beside(
        keys: &str,
        watermark: &str,
        has: &Has,
        changed: impl Fn(&mut StoredJob),
    ) -> Option<Late> {
        let text = format!("[jobs.a]\nplugin = \"x\"\n{keys}\n");
        let draft = config::parse("schedules.toml", &text, &Environment::new()).unwrap();
        let plan = place::plan(&draft);
        let job = &plan.jobs["a"];
        let mut stored = StoredJob {
            job: job.name.clone(),
            watermark: at(watermark),
            fingerprint: job.fingerprint(),
            removed_at: None,
            paused: None,
            failures: 0,
            health: cronlet_core::health::JobHealth::default(),
        };
        changed(&mut stored);
        let now = at("12:00:00");
        is_late(job, &stored, now)
            .then(|| of_job(job, &stored, has, now))
            .flatten()
    }

    #[test]
    fn it_is_what_the_engine_will_do() {
        for (keys, watermark, expected) in [
            (
                "",
                "06:00:00",
                "1 of 6 late instants of `a` (`catch_up = \"latest\"`)",
            ),
            (
                "",
                "11:30:00",
                "1 of 1 late instant of `a` (`catch_up = \"latest\"`)",
            ),
            (
                "catch_up = \"all\"\ncatch_up_max = 4",
                "06:00:00",
                "4 of 6 late instants of `a` (`catch_up = \"all\"`)",
            ),
            (
                "catch_up = \"none\"\ncatch_up_window = \"1s\"",
                "05:30:00",
                "1 of 7 late instants of `a` (`catch_up = \"none\"`)",
            ),
        ] {
            let keys = format!("every = \"1h\"\n{keys}");
            let late = late(&keys, watermark, |_| ()).unwrap();
            assert_eq!(late.line(), format!("a start now would run {expected}"));
        }
        let at = "at = \"2026-03-02T10:00:00\"\ncatch_up = \"none\"";
        assert_eq!(
            late(at, "06:00:00", |_| ()).unwrap().line(),
            "a start now would run none of 1 late instant of `a` (`catch_up = \"none\"`)"
        );
    }

    #[test]
    fn an_instant_that_has_a_run_is_not_late() {
        let ran = |hours: &[&str]| Has {
            ran: hours.iter().map(|hour| at(hour)).collect(),
            open: None,
        };
        let line = |keys: &str, has: &Has| {
            let keys = format!("every = \"1h\"\n{keys}");
            late_beside(&keys, "09:30:00", has, |_| ()).map(|late| late.line())
        };
        let some = ran(&["11:00:00", "12:00:00"]);
        assert_eq!(
            line("catch_up = \"all\"", &some).unwrap(),
            "a start now would run 1 of 1 late instant of `a` (`catch_up = \"all\"`)"
        );
        let all = ran(&["10:00:00", "11:00:00", "12:00:00"]);
        assert_eq!(line("catch_up = \"all\"", &all), None);
    }

    #[test]
    fn what_may_be_skipped_for_an_open_run_is_told_so() {
        let has = Has {
            ran: BTreeSet::new(),
            open: Some(7),
        };
        let line = |keys: &str| {
            let keys = format!("every = \"1h\"\n{keys}");
            late_beside(&keys, "09:30:00", &has, |_| ()).unwrap().line()
        };
        assert_eq!(
            line(""),
            "a start now would run up to 1 of 3 late instants of `a` (`catch_up = \"latest\"`): \
             run 7 is not over, and may be in the way (`overlap = \"skip\"`)"
        );
        for keys in ["overlap = \"queue-one\"", "catch_up = \"all\""] {
            assert!(
                line(keys).ends_with("`)") && !line(keys).contains("run 7"),
                "{keys}"
            );
        }
    }

    #[test]
    fn a_run_is_in_the_way_unless_it_waits_or_is_of_a_backfill() {
        let keys = "[jobs.a]\nplugin = \"x\"\nevery = \"1h\"\n";
        let draft = config::parse("schedules.toml", keys, &Environment::new()).unwrap();
        let plan = place::plan(&draft);
        let now = at("12:00:00");
        let open = |change: &dyn Fn(&mut RunRow)| {
            let mut run = RunRow {
                run: RunId(7),
                job: JobName::new("a").unwrap(),
                cause: Cause::Time(at("11:00:00")),
                nominal: at("11:00:00"),
                origin: Origin::Schedule,
                status: RunStatus::Running,
                actor: None,
                params: None,
                input_of: None,
                reason: None,
                message: None,
                queued_at: at("11:00:00"),
                not_before: None,
                turn: Turn::Now,
                retry_at: None,
                ended_at: None,
                cancel_requested_at: None,
                attempts: Vec::new(),
            };
            change(&mut run);
            is_open(&plan.jobs["a"], &run, now)
        };
        assert!(open(&|_| ()));
        assert!(open(&|run| run.status = RunStatus::Retrying));
        assert!(open(&|run| run.status = RunStatus::Queued));
        assert!(!open(&|run| {
            run.status = RunStatus::Queued;
            run.turn = Turn::Queue;
        }));
        assert!(!open(&|run| {
            run.status = RunStatus::Queued;
            run.not_before = Some(at("12:00:01"));
        }));
        assert!(!open(&|run| run.origin = Origin::Backfill));
        // It was to start at one.
        assert!(!open(&|run| run.cause = Cause::Time(at("13:00:00"))));
    }

    #[test]
    fn what_never_runs_is_not_late() {
        let line = |keys: &str| late(&format!("every = \"1h\"\n{keys}"), "06:00:00", |_| ());
        assert_eq!(line("blackout = \"2026-03-02\""), None);
        assert_eq!(line("active_hours = \"00:00-06:30\""), None);
        assert_eq!(
            line("active_hours = \"10:00-20:00\"").unwrap().line(),
            "a start now would run 1 of 3 late instants of `a` (`catch_up = \"latest\"`)"
        );
    }

    #[test]
    fn what_begins_anew_is_not_late() {
        let every = "every = \"1h\"";
        assert!(late(every, "06:00:00", |_| ()).is_some());
        assert_eq!(late(every, "12:00:00", |_| ()), None);
        let other = |stored: &mut StoredJob| stored.fingerprint = "every 2h".to_owned();
        assert_eq!(late(every, "06:00:00", other), None);
        let removed = |stored: &mut StoredJob| stored.removed_at = Some(at("06:00:00"));
        assert_eq!(late(every, "06:00:00", removed), None);
        let paused = |stored: &mut StoredJob| {
            stored.paused = Some(Paused {
                since: at("06:00:00"),
                why: PauseReason::Failures(3),
            });
        };
        assert_eq!(late(every, "06:00:00", paused), None);
        let disabled = format!("{every}\nenabled = false");
        assert_eq!(late(&disabled, "06:00:00", |_| ()), None);
    }

    #[test]
    fn many_jobs_are_few_lines() {
        let one = late("every = \"1h\"", "06:00:00", |_| ()).unwrap();
        let lines_of = |n| lines(&vec![one.clone(); n]);
        assert_eq!(lines_of(LINES).len(), LINES);
        let many = lines_of(10_000);
        assert_eq!(many.len(), LINES + 1);
        assert_eq!(
            many[LINES],
            "… and 9990 of 59940 late instants of 9990 more jobs"
        );
    }
}
