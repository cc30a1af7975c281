//! A start with what is there: the last good components in the place of those that cannot be used.

use anyhow::ensure;
use cronlet_core::run::{AttemptStatus, FailReason};

use super::*;

/// Stops a daemon that has had a run of `tick` on this component.
fn stop_after_a_run(project: &Project, daemon: Daemon, component: &str) -> Result<()> {
    project.until_runs("tick", ran_on(digest_of(component)?))?;
    assert_eq!(daemon.stop()?, 0);
    Ok(())
}

/// Waits for a run of `tick` that is over, and has a number above `after`.
fn next_run(project: &Project, after: usize) -> Result<RunRow> {
    let over = |runs: &[RunRow]| runs.get(after).is_some_and(|run| run.status.is_final());
    let runs = project.until_runs("tick", over)?;
    runs.into_iter().nth(after).context("it was there")
}

/// Whether `tick` is flagged wherever one would look.
fn is_flagged(project: &Project, daemon: &Daemon, why: &str) -> Result<()> {
    let status = daemon.status()?;
    let flagged = |text: &str| {
        text.contains("job `tick` runs its last good component, ") && text.contains(why)
    };
    assert_eq!(status.config.state, "live");
    assert_eq!(status.health.status, "degraded");
    ensure!(
        status.health.reasons.len() == 1 && flagged(&status.health.reasons[0]),
        "{status:#?}"
    );
    assert_eq!(status.troubled.len(), 1);
    assert!(status.troubled[0].last_good && status.troubled[0].job == "tick");
    daemon.says("the last good one takes its place")?;
    let said = project.cronlet(&["status"])?;
    ensure!(flagged(&said.out), "{said:?}");
    let said = project.cronlet(&["jobs"])?;
    ensure!(flagged(&said.err), "{said:?}");
    let jobs = project.cronlet(&["jobs", "--json"])?.json()?;
    ensure!(
        flagged(jobs[0]["warning"].as_str().unwrap_or_default()),
        "{jobs:#}"
    );
    let check = project.cronlet(&["check"])?;
    ensure!(check.code == 2 && check.err.contains(why), "{check:?}");
    Ok(())
}

#[test]
fn a_start_without_its_component_goes_on_with_the_last_good_one() -> Result<()> {
    let Ticking {
        project,
        daemon,
        since,
    } = Ticking::start()?;
    stop_after_a_run(&project, daemon, tests::NOOP)?;
    let file = project.path("plugins/noop.wasm");
    fs::remove_file(&file)?;

    for _ in 0..2 {
        // It is as good at the second such start as at the first.
        let before = project.runs("tick")?.len();
        let daemon = Daemon::start(&project)?;
        is_flagged(&project, &daemon, "there is no file `plugins/noop.wasm`")?;
        let run = next_run(&project, before)?;
        assert_eq!(run.status, RunStatus::Succeeded);
        assert_eq!(components(&run), [Some(digest_of(tests::NOOP)?)]);
        assert_eq!(daemon.stop()?, 0);
    }

    let daemon = Daemon::start(&project)?;
    is_flagged(&project, &daemon, "there is no file `plugins/noop.wasm`")?;
    let began = Instant::now();
    fs::copy(tests::NOOP, &file)?;
    let healed = |status: &Status| status.health.reasons.is_empty() && status.troubled.is_empty();
    daemon.until("it is healed", healed)?;
    let ticking = Ticking {
        project,
        daemon,
        since,
    };
    ticking.live("the same component is back", began, TICK)?;
    let said = ticking.project.cronlet(&["jobs"])?;
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    ticking.nothing_is_lost()
}

#[test]
fn garbage_at_a_start_is_healed_by_another_component() -> Result<()> {
    let Ticking {
        project,
        daemon,
        since,
    } = Ticking::start()?;
    stop_after_a_run(&project, daemon, tests::NOOP)?;
    let file = project.path("plugins/noop.wasm");
    fs::write(&file, "garbage")?;

    let daemon = Daemon::start(&project)?;
    is_flagged(&project, &daemon, "it is not WebAssembly")?;
    // Another garbage changes nothing, and another job can be changed meanwhile.
    let next = text(1);
    project.write("schedules.toml", &next)?;
    live(&daemon, &next)?;
    let said = project.cronlet(&["reload", "--wait"])?;
    assert_eq!(
        (said.code, said.out.as_str()),
        (0, "reloaded: nothing has changed\n")
    );
    assert!(
        said.err.contains("warning[plugin::not-a-component]"),
        "{said:?}"
    );
    fs::write(&file, "")?;
    daemon.until("it is refused", |status| status.config.state == "refused")?;
    fs::copy(tests::BARE, &file)?;
    project.until_runs("tick", ran_on(digest_of(tests::BARE)?))?;
    let ticking = Ticking {
        project,
        daemon,
        since,
    };
    ticking.live("another component", Instant::now(), &next)?;

    // Only what is live is kept.
    let kept = fs::read_dir(ticking.project.path("cronlet.db.components"))?;
    let mut kept: Vec<_> = kept
        .map(|file| Ok(file?.file_name().to_string_lossy().into_owned()))
        .collect::<Result<_>>()?;
    kept.sort();
    let mut wanted = [
        format!("{}.wasm", digest_of(tests::BARE)?),
        "plugins.json".to_owned(),
    ];
    wanted.sort();
    assert_eq!(kept, wanted);
    ticking.nothing_is_lost()
}

#[test]
fn a_daemon_that_was_killed_finds_its_last_good_components() -> Result<()> {
    let Ticking {
        project,
        daemon,
        since,
    } = Ticking::start()?;
    project.until_runs("tick", ran_on(digest_of(tests::NOOP)?))?;
    // It is refused, and the daemon goes on, until the power fails.
    fs::write(project.path("plugins/noop.wasm"), "garbage")?;
    daemon.until("it is refused", |status| status.config.state == "refused")?;
    daemon.kill()?;
    let before = project.runs("tick")?.len();
    let daemon = Daemon::start(&project)?;
    is_flagged(&project, &daemon, "it is not WebAssembly")?;
    assert_eq!(next_run(&project, before)?.status, RunStatus::Succeeded);
    Ticking {
        project,
        daemon,
        since,
    }
    .nothing_is_lost()
}

#[test]
fn without_a_last_good_component_one_job_fails_alone() -> Result<()> {
    let schedules = format!("{TICK}[jobs.new]\nplugin = \"new\"\nevery = \"1s\"\n");
    let project = Project::new(&schedules, &[("noop", tests::NOOP)])?;
    let daemon = Daemon::start(&project)?;
    let ticking = Ticking::of(project, daemon)?;
    let project = &ticking.project;
    let failed = |runs: &[RunRow]| runs.iter().any(|run| run.status == RunStatus::Failed);
    let runs = project.until_runs("new", failed)?;
    let load = FailReason::Load.as_str();
    let run = runs
        .iter()
        .find(|run| run.status == RunStatus::Failed)
        .context("there is one")?;
    assert_eq!(run.reason.as_deref(), Some(load));
    assert_eq!(run.attempts[0].status, Some(AttemptStatus::Failed));
    assert_eq!(run.attempts[0].component, None);
    let status = ticking.daemon.status()?;
    assert!(!status.troubled[0].last_good, "{status:#?}");
    assert_eq!(
        status.health.reasons,
        ["job `new` cannot run: there is no file `plugins/new.wasm`"]
    );
    let said = project.cronlet(&["jobs"])?;
    assert!(said.err.contains("job `new` cannot run"), "{said:?}");
    project.until_runs("tick", ran_on(digest_of(tests::NOOP)?))?;

    fs::copy(tests::BARE, project.path("plugins/new.wasm"))?;
    project.until_runs("new", ran_on(digest_of(tests::BARE)?))?;
    assert!(ticking.daemon.status()?.health.reasons.is_empty());
    ticking.nothing_is_lost()
}

#[test]
fn a_pin_holds_at_a_start_too() -> Result<()> {
    let pinned = format!("{TICK}sha256 = \"{}\"\n", digest_of(tests::NOOP)?);
    let project = Project::new(&pinned, &[("noop", tests::NOOP)])?;
    let daemon = Daemon::start(&project)?;
    stop_after_a_run(&project, daemon, tests::NOOP)?;
    // A sound component, and another one.
    fs::copy(tests::BARE, project.path("plugins/noop.wasm"))?;
    let before = project.runs("tick")?.len();
    let daemon = Daemon::start(&project)?;
    is_flagged(
        &project,
        &daemon,
        "it is another component than `sha256` says",
    )?;
    let run = next_run(&project, before)?;
    assert_eq!(components(&run), [Some(digest_of(tests::NOOP)?)]);
    assert_eq!(daemon.stop()?, 0);

    // Nothing that is kept is what the file wants now.
    let pinned = format!("{TICK}sha256 = \"{}\"\n", digest_of(tests::HELLO)?);
    project.write("schedules.toml", &pinned)?;
    let before = project.runs("tick")?.len();
    let daemon = Daemon::start(&project)?;
    let run = next_run(&project, before)?;
    assert_eq!(run.reason.as_deref(), Some(FailReason::Load.as_str()));
    assert_eq!(daemon.stop()?, 0);
    Ok(())
}

#[test]
fn what_is_damaged_is_not_used() -> Result<()> {
    let Ticking {
        project, daemon, ..
    } = Ticking::start()?;
    stop_after_a_run(&project, daemon, tests::NOOP)?;
    fs::remove_file(project.path("plugins/noop.wasm"))?;
    let kept = format!("cronlet.db.components/{}.wasm", digest_of(tests::NOOP)?);
    fs::copy(tests::BARE, project.path(&kept))?;
    let daemon = Daemon::start(&project)?;
    daemon.says("is damaged, and not used")?;
    let status = daemon.status()?;
    assert!(!status.troubled[0].last_good, "{status:#?}");
    assert_eq!(daemon.stop()?, 0);
    Ok(())
}

#[test]
fn a_start_with_a_file_that_is_not_sound_is_refused() -> Result<()> {
    let Ticking {
        project, daemon, ..
    } = Ticking::start()?;
    stop_after_a_run(&project, daemon, tests::NOOP)?;
    project.write("schedules.toml", &format!("{TICK}evry = \"1s\"\n"))?;
    let said = project.cronlet(&["serve"])?;
    assert_eq!(said.code, 2);
    assert!(said.err.contains("unknown key `evry`"), "{said:?}");
    fs::remove_file(project.path("schedules.toml"))?;
    let said = project.cronlet(&["serve"])?;
    assert_eq!(said.code, 2);
    assert!(
        said.err.contains("there is no file `schedules.toml`"),
        "{said:?}"
    );
    Ok(())
}
