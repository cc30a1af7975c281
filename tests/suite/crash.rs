//! The daemon is killed at random moments, dozens of times, and started again. Then the history is
//! held against what the triggers name: nothing stays running, nothing due is lost, nothing is twice.

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{BuildHasher as _, RandomState},
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use cronlet::store::history::{Entry, RunRow};
use cronlet_core::run::{AttemptStatus, RunId, RunStatus};
use jiff::Timestamp;

use crate::{daemon::Daemon, instants, project::Project};

const ROUNDS: u32 = 24;

/// No round is longer.
const LONGEST: Duration = Duration::from_millis(1500);

/// Each is due every second, and differs in how it ends, waits and overlaps.
const SCHEDULES: &str = r#"
[runtime]
max_concurrent_runs = 8
shutdown_grace = "2s"

[jobs.quick]
every = "1s"
plugin = "noop"

[jobs.long]
every = "1s"
plugin = "sleep"
params = { ms = 1700 }

[jobs.beside]
every = "1s"
plugin = "sleep"
params = { ms = 900 }
overlap = "allow"

[jobs.again]
every = "1s"
plugin = "flaky"
params = { succeeds_at = 3 }
retry = { max = 3, delay = "200ms", backoff = "fixed" }

[jobs.prompt]
every = "1s"
plugin = "noop"
catch_up = "none"
catch_up_grace = "1s"

[jobs.asked]
plugin = "sleep"
params = { ms = 50 }
every = "1h"
overlap = "allow"
"#;

const TIMED: [&str; 5] = ["quick", "long", "beside", "again", "prompt"];

/// Steele and Vigna's generator of 2014: a few lines, and every seed is a good one.
struct SplitMix(u64);

impl SplitMix {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % end
    }
}

#[test]
fn nothing_is_lost_and_nothing_is_twice() -> Result<()> {
    let seed = RandomState::new().hash_one(0);
    println!("seed {seed}");
    let mut random = SplitMix(seed);
    let project = Project::new(
        SCHEDULES,
        &[
            ("noop", tests::NOOP),
            ("sleep", tests::SLEEP),
            ("flaky", tests::FLAKY),
        ],
    )?;
    let accepted = accept(&project)?;
    let mut asked = BTreeSet::new();
    for round in 0..ROUNDS {
        let daemon = Daemon::start(&project)?;
        for _ in 0..random.below(4) {
            let run = daemon.trigger("asked")?;
            ensure!(asked.insert(run), "run {run} was given to two requests");
        }
        let life = random.below(u64::try_from(LONGEST.as_micros())?);
        thread::sleep(Duration::from_micros(life));
        daemon.kill()?;
        check(&project, &accepted, &asked).with_context(|| format!("after round {round}"))?;
    }
    let daemon = Daemon::start(&project)?;
    for run in &asked {
        project.until_final(*run)?;
    }
    assert_eq!(daemon.stop()?, 0);
    check(&project, &accepted, &asked)?;
    for (name, since) in &accepted {
        let through = project.job(name)?.context("it is still a job")?.watermark;
        ensure!(
            through > *since + LONGEST * 4,
            "`{name}` came no further than {through}"
        );
    }
    let entries = project.entries()?;
    let runs: Vec<_> = entries.iter().filter_map(run).collect();
    for run in &runs {
        ensure!(
            run.status != RunStatus::Running,
            "it stays running: {run:#?}"
        );
        let open = run.attempts.iter().find(|attempt| attempt.status.is_none());
        ensure!(open.is_none(), "an attempt stays open: {run:#?}");
    }
    let attempts = || runs.iter().flat_map(|run| &run.attempts);
    let crashed = attempts().filter(|it| it.status == Some(AttemptStatus::Crashed));
    ensure!(crashed.count() > 0, "no round killed an attempt");
    Ok(())
}

/// Starts for the first time, and says up to where each job is accounted for when it is over: what
/// follows is what the test is about.
fn accept(project: &Project) -> Result<BTreeMap<&'static str, Timestamp>> {
    let daemon = Daemon::start(project)?;
    assert_eq!(daemon.stop()?, 0);
    let watermark = |name| {
        let job = project
            .job(name)?
            .with_context(|| format!("`{name}` was accepted"))?;
        Ok((name, job.watermark))
    };
    TIMED.into_iter().map(watermark).collect()
}

/// What holds at any moment, also right after a crash.
fn check(
    project: &Project,
    accepted: &BTreeMap<&'static str, Timestamp>,
    asked: &BTreeSet<RunId>,
) -> Result<()> {
    let entries = project.entries()?;
    let runs: BTreeMap<_, _> = entries
        .iter()
        .filter_map(run)
        .map(|run| (run.run, run))
        .collect();
    for id in asked {
        let run = runs
            .get(id)
            .with_context(|| format!("run {id} was promised, and is lost"))?;
        ensure!(
            run.job.as_str() == "asked",
            "run {id} is another job's: {run:#?}"
        );
    }
    let causes: BTreeSet<_> = runs.values().map(|run| (&run.job, run.cause)).collect();
    ensure!(causes.len() == runs.len(), "two runs have one cause");
    for run in runs.values() {
        check_attempts(run)?;
    }
    for (name, since) in accepted {
        let through = project.job(name)?.context("it is still a job")?.watermark;
        instants::check(&entries, name, *since, through)
            .with_context(|| format!("job `{name}` from {since} to {through}"))?;
    }
    Ok(())
}

/// Numbers rise, nothing starts before its time, and what is over has ended.
fn check_attempts(run: &RunRow) -> Result<()> {
    let numbers: Vec<_> = run.attempts.iter().map(|attempt| attempt.number).collect();
    ensure!(
        numbers.is_sorted_by(|a, b| a < b),
        "numbers do not rise: {run:#?}"
    );
    for attempt in &run.attempts {
        ensure!(
            attempt.started_at >= run.nominal,
            "it started early: {run:#?}"
        );
        ensure!(
            attempt.status.is_some() || !run.status.is_final(),
            "it is over and has an open attempt: {run:#?}"
        );
    }
    Ok(())
}

fn run(entry: &Entry) -> Option<&RunRow> {
    match entry {
        Entry::Run(run) => Some(run),
        Entry::Skips(_) => None,
    }
}
