//! Jobs that are paused or disabled, on a real daemon: what a person does, what failures do, and what a
//! crash leaves of it.

use anyhow::{Context as _, Result, ensure};
use cronlet::store::history::{Entry, RunRow};
use cronlet_core::{
    run::{Origin, RunStatus},
    schedule::{Every, Trigger},
};
use jiff::Timestamp;

use crate::{
    daemon::{Daemon, until},
    project::{Project, Said},
};

/// Two jobs that are due every second: one shows that time goes on while the other is paused.
const CLOCKS: &str = r#"
[jobs.tick]
plugin = "noop"
every = "1s"

[jobs.tock]
plugin = "noop"
every = "1s"
"#;

fn clocks() -> Result<Project> {
    Project::new(CLOCKS, &[("noop", tests::NOOP)])
}

/// Runs a command, which works and says this.
fn says(project: &Project, arguments: &[&str], out: &str) -> Result<()> {
    let said = project.cronlet(arguments)?;
    ensure!(said.code == 0 && said.out == out, "{arguments:?}: {said:?}");
    Ok(())
}

fn refused(said: &Said, code: i32, err: &str) {
    assert_eq!((said.code, &*said.out, &*said.err), (code, "", err));
}

/// Waits until the job has started so many more runs by itself.
fn some_more(project: &Project, job: &str, more: usize) -> Result<Vec<RunRow>> {
    let before = project.runs(job)?.len();
    project.until_runs(job, |runs| runs.len() >= before + more)
}

/// The instants of a job that became something by themselves.
fn occurrences(project: &Project, job: &str) -> Result<Vec<Timestamp>> {
    let instants = project
        .entries()?
        .into_iter()
        .flat_map(|entry| match entry {
            Entry::Run(run) if run.job.as_str() == job && run.origin != Origin::Manual => {
                vec![run.nominal]
            }
            Entry::Skips(skips) if skips.job.as_str() == job => vec![skips.first, skips.last],
            _ => Vec::new(),
        });
    Ok(instants.collect())
}

#[test]
fn a_pause_survives_a_crash_and_a_reload_and_what_it_left_out_is_left_out() -> Result<()> {
    let project = clocks()?;
    let daemon = Daemon::start(&project)?;
    some_more(&project, "tick", 1)?;
    says(&project, &["pause", "tick"], "`tick` is paused\n")?;
    let paused = Timestamp::now();
    says(&project, &["pause", "tick"], "`tick` was paused already\n")?;
    some_more(&project, "tock", 2)?;
    daemon.kill()?;

    let daemon = Daemon::start(&project)?;
    let status = daemon.status()?;
    assert_eq!(status.paused.len(), 1);
    assert_eq!(status.paused[0].job, "tick");
    assert!(status.health.reasons.is_empty(), "somebody wanted it");
    project.write("schedules.toml", &format!("{CLOCKS}timeout = \"1m\"\n"))?;
    let said = project.cronlet(&["reload", "--wait"])?;
    assert_eq!(said.code, 0, "{said:?}");
    some_more(&project, "tock", 2)?;
    assert_eq!(daemon.status()?.paused.len(), 1);

    let resumed = Timestamp::now();
    says(&project, &["resume", "tick"], "`tick` is resumed\n")?;
    says(&project, &["resume", "tick"], "`tick` was not paused\n")?;
    some_more(&project, "tick", 2)?;
    let every = Every::new(std::time::Duration::from_secs(1), std::time::Duration::ZERO)?;
    let every = Trigger::Every(every);
    let due = every.count_in(paused, resumed);
    let between = |at: &Timestamp| paused < *at && *at <= resumed;
    let left = occurrences(&project, "tick")?;
    ensure!(due > 2 && !left.iter().any(between), "{left:?}, {due} due");
    assert_eq!(daemon.stop()?, 0);
    Ok(())
}

#[test]
fn a_person_may_run_what_is_paused_and_is_told_that_it_is() -> Result<()> {
    let project = clocks()?;
    let _daemon = Daemon::start(&project)?;
    says(&project, &["pause", "--all"], "paused 2 jobs\n")?;
    says(
        &project,
        &["pause", "--all"],
        "paused 0 jobs, 2 paused already\n",
    )?;
    let said = project.cronlet(&["trigger", "tick", "--wait"])?;
    assert_eq!(said.code, 0, "{said:?}");
    let jobs = project.cronlet(&["jobs", "--json"])?.json()?;
    for job in jobs.as_array().context("a list")? {
        assert_eq!(
            (&job["state"], &job["next"]),
            (&"paused".into(), &().into())
        );
        assert!(job["paused"]["since"].is_string(), "{job}");
    }
    let next = project.cronlet(&["next", "tick", "-n", "1"])?;
    assert_eq!((next.code, next.out.lines().count()), (0, 1));
    assert!(
        next.err
            .contains("it is not due until `cronlet resume tick`"),
        "{next:?}"
    );
    let next = project.cronlet(&["next"])?;
    let err = "without 2 jobs that are paused or disabled\nnothing is due\n";
    assert_eq!((next.code, &*next.out, &*next.err), (0, "", err));
    let status = project.cronlet(&["status"])?;
    assert!(
        status.out.contains("paused     tick and tock"),
        "{status:?}"
    );
    says(&project, &["resume", "tick"], "`tick` is resumed\n")?;
    says(
        &project,
        &["resume", "--all"],
        "resumed 1 job, 1 not paused\n",
    )
}

#[test]
fn what_cannot_be_paused_is_told() -> Result<()> {
    let project = clocks()?;
    let none = "error: no daemon is running for `cronlet.db`\nhelp: `cronlet serve` starts one\n";
    refused(&project.cronlet(&["pause", "tick"])?, 3, none);
    refused(&project.cronlet(&["resume", "--all"])?, 3, none);
    let _daemon = Daemon::start(&project)?;
    for verb in ["pause", "resume"] {
        let wrong = "error: there is no job `tik`\nhelp: did you mean `tick`?\n";
        refused(&project.cronlet(&[verb, "tik"])?, 4, wrong);
        for arguments in [&[verb][..], &[verb, "tick", "--all"]] {
            let said = project.cronlet(arguments)?;
            ensure!(said.code == 2 && said.err.contains("--all"), "{said:?}");
        }
    }
    Ok(())
}

#[test]
fn a_pause_skips_what_waits_and_lets_finish_what_runs() -> Result<()> {
    let schedules = "[jobs.slow]\nplugin = \"sleep\"\nparams = { ms = 3000 }\nevery = \"1s\"\n\
                     overlap = \"queue-one\"\n";
    let project = Project::new(schedules, &[("sleep", tests::SLEEP)])?;
    let _daemon = Daemon::start(&project)?;
    project.until_runs("slow", |runs| {
        let stand = |status| runs.iter().any(|run| run.status == status);
        stand(RunStatus::Running) && stand(RunStatus::Queued)
    })?;
    says(&project, &["pause", "slow"], "`slow` is paused\n")?;
    let runs = project.until_runs("slow", |runs| runs.iter().all(|run| run.status.is_final()))?;
    let (last, before) = runs.split_last().context("some ran")?;
    assert_eq!(last.reason.as_deref(), Some("disabled"));
    let ran = before.iter().rfind(|run| !run.attempts.is_empty());
    assert_eq!(ran.map(|run| run.status), Some(RunStatus::Succeeded));
    Ok(())
}

#[test]
fn so_many_failures_in_a_row_pause_a_job_until_somebody_resumes_it() -> Result<()> {
    let schedules = "[jobs.broken]\nplugin = \"fail\"\nevery = \"1s\"\ndisable_after = 2\n\
                     params = { kind = \"permanent\", message = \"no\" }\n";
    let project = Project::new(schedules, &[("fail", tests::FAIL)])?;
    let paused = |daemon: &Daemon| {
        daemon.until("it is paused", |status| {
            let failures = status.paused.iter().map(|job| job.pause.failures);
            failures.eq([Some(2)])
        })
    };
    let daemon = Daemon::start(&project)?;
    let why = "job `broken` is paused after 2 failed runs in a row";
    assert_eq!(paused(&daemon)?.health.reasons, [why]);
    daemon.says(
        "job paused after 2 failed runs in a row: `cronlet resume broken` has it run again",
    )?;
    assert_eq!(project.runs("broken")?.len(), 2);
    daemon.kill()?;

    let daemon = Daemon::start(&project)?;
    assert_eq!(paused(&daemon)?.health.reasons, [why]);
    let said = project.cronlet(&["jobs"])?;
    let help = "help: `cronlet resume broken` has it be due again\n";
    assert_eq!(said.err, format!("warning: {why}\n{help}"));
    says(&project, &["resume", "broken"], "`broken` is resumed\n")?;
    project.until_runs("broken", |runs| runs.len() == 4)?;
    paused(&daemon)?;
    // The daemon knows it a moment before the disk.
    let runs = project.until_runs("broken", |runs| {
        runs.iter().all(|run| run.status.is_final())
    })?;
    assert!(runs.iter().all(|run| run.status == RunStatus::Failed));
    assert_eq!(runs.len(), 4, "the count began anew");
    Ok(())
}

#[test]
fn the_file_may_disable_a_job() -> Result<()> {
    let disabled = CLOCKS.replace("[jobs.tick]\n", "[jobs.tick]\nenabled = false\n");
    let project = Project::new(&disabled, &[("noop", tests::NOOP)])?;
    let daemon = Daemon::start(&project)?;
    some_more(&project, "tock", 2)?;
    assert_eq!(project.runs("tick")?, []);
    let said = project.cronlet(&["jobs"])?;
    assert!(said.out.contains("disabled"), "{said:?}");
    let said = project.cronlet(&["resume", "tick"])?;
    let warning = "warning: `tick` is never due all the same: the file says `enabled = false`\n";
    assert_eq!((said.code, &*said.err), (0, warning));
    let asked = daemon.trigger("tick")?;
    assert_eq!(project.until_final(asked)?.status, RunStatus::Succeeded);

    let saved = Timestamp::now();
    project.write("schedules.toml", CLOCKS)?;
    some_more(&project, "tick", 1)?;
    let instants = occurrences(&project, "tick")?;
    assert!(instants.iter().all(|at| *at > saved), "{instants:?}");
    project.write("schedules.toml", &disabled)?;
    until("it is disabled", || {
        let said = project.cronlet(&["reload", "--wait"])?;
        Ok((said.out == "reloaded: nothing has changed\n").then_some(()))
    })?;
    let before = project.runs("tick")?;
    some_more(&project, "tock", 2)?;
    assert_eq!(project.runs("tick")?, before);
    Ok(())
}
