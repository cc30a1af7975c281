//! What a save does to the jobs.

use std::collections::BTreeSet;

use super::*;

const A: &str = "[jobs.a]\nplugin = \"noop\"\nevery = \"1s\"\n";
const B: &str = "[jobs.b]\nplugin = \"noop\"\nevery = \"1s\"\n";

fn noop() -> Result<Project> {
    Project::new(A, &[("noop", tests::NOOP)])
}

#[test]
fn a_job_is_added_changed_and_removed() -> Result<()> {
    let project = noop()?;
    let daemon = Daemon::start(&project)?;
    let both = format!("{A}{B}");
    project.write("schedules.toml", &both)?;
    live(&daemon, &both)?;
    daemon.says("reloaded: added `b`")?;
    project.until_runs("b", |runs| !runs.is_empty())?;

    let changed = both.replace("[jobs.b]", "[jobs.b]\nparams = { n = 2 }");
    replace(&project, "schedules.toml", changed.as_bytes())?;
    live(&daemon, &changed)?;
    daemon.says("reloaded: changed `b`")?;

    project.write("schedules.toml", A)?;
    live(&daemon, A)?;
    daemon.says("reloaded: removed `b`")?;
    let removed = project.runs("b")?.len();
    let seen = project.runs("a")?.len();
    project.until_runs("a", |runs| runs.len() >= seen + 2)?;
    let after = project.runs("b")?;
    assert!(
        after.len() <= removed + 1,
        "one may have been on its way: {after:#?}"
    );
    assert!(project.job("b")?.is_none(), "it is nobody's job any more");
    assert_eq!(daemon.stop()?, 0);
    Ok(())
}

#[test]
fn a_broken_save_changes_nothing_and_is_told_everywhere() -> Result<()> {
    let project = noop()?;
    let daemon = Daemon::start(&project)?;
    let broken = "[jobs.a]\nplugin = \"noop\"\nevry = \"1s\"\n\n[jobs.c]\nplugin = \"nop\"\n";
    project.write("schedules.toml", broken)?;
    let status = daemon.until("it is refused", |status| status.config.state == "refused")?;
    assert_eq!(
        status.config.sha256,
        Digest::of(A.as_bytes()).to_string(),
        "the old plan stays"
    );
    assert_eq!(
        (status.jobs, status.health.status.as_str()),
        (1, "degraded")
    );
    let places: Vec<_> = status
        .config
        .problems
        .iter()
        .map(|it| (it.line, it.column))
        .collect();
    assert_eq!(
        places,
        [(Some(3), Some(1)), (Some(6), Some(10))],
        "{status:#?}"
    );
    daemon.says("schedules.toml:3:1: ")?;
    daemon.says("schedules.toml:6:10: ")?;
    let check = project.cronlet(&["check"])?;
    assert_eq!(check.code, 2);
    assert!(check.err.contains("schedules.toml:3:1"), "{check:?}");
    let told = project.cronlet(&["status"])?;
    assert!(told.out.contains("refused"), "{told:?}");
    let seen = project.runs("a")?.len();
    project.until_runs("a", |runs| runs.len() > seen)?;

    let healed = format!("{A}{B}");
    project.write("schedules.toml", &healed)?;
    let status = live(&daemon, &healed)?;
    assert!(status.config.problems.is_empty() && status.health.reasons.is_empty());
    assert_eq!(daemon.stop()?, 0);
    Ok(())
}

#[test]
fn an_attempt_in_flight_keeps_its_definition() -> Result<()> {
    let before = "[jobs.a]\nplugin = \"cooperative\"\n";
    let after = "[jobs.a]\nplugin = \"hello\"\nparams = { name = \"new\" }\n";
    let project = Project::new(
        before,
        &[("cooperative", tests::COOPERATIVE), ("hello", tests::HELLO)],
    )?;
    let daemon = Daemon::start(&project)?;
    let old = daemon.trigger("a")?;
    daemon.until("it works", |status| {
        status.running.iter().any(|a| a.progress.is_some())
    })?;
    project.write("schedules.toml", after)?;
    let status = live(&daemon, after)?;
    assert_eq!(status.running[0].run, old.0, "it goes on");
    assert_eq!(project.cronlet(&["cancel", &old.to_string()])?.code, 0);
    let row = project.until_final(old)?;
    assert_eq!(row.status, RunStatus::Cancelled);
    assert_eq!(components(&row), [Some(digest_of(tests::COOPERATIVE)?)]);
    let row = project.until_final(daemon.trigger("a")?)?;
    assert_eq!(row.attempts[0].summary.as_deref(), Some("hello new"));
    assert_eq!(components(&row), [Some(digest_of(tests::HELLO)?)]);
    assert_eq!(daemon.stop()?, 0);
    Ok(())
}

#[test]
fn a_component_that_is_built_again_is_picked_up() -> Result<()> {
    let project = noop()?;
    let daemon = Daemon::start(&project)?;
    let (old, new) = (digest_of(tests::NOOP)?, digest_of(tests::BARE)?);
    project.until_runs("a", ran_on(old))?;
    replace(&project, "plugins/noop.wasm", &fs::read(tests::BARE)?)?;
    let runs = project.until_runs("a", ran_on(new))?;
    let seen: BTreeSet<_> = runs.iter().flat_map(components).collect();
    assert_eq!(seen, BTreeSet::from([Some(old), Some(new)]));
    daemon.says("reloaded: changed `a`")?;

    fs::write(project.path("plugins/noop.wasm"), "half of it")?;
    let status = daemon.until("it is refused", |status| status.config.state == "refused")?;
    assert_eq!(status.config.problems.len(), 1, "{status:#?}");
    fs::copy(tests::NOOP, project.path("plugins/noop.wasm"))?;
    live(&daemon, A)?;
    assert_eq!(daemon.stop()?, 0);
    Ok(())
}

#[test]
fn a_change_for_the_next_start_is_a_warning() -> Result<()> {
    let project = noop()?;
    let daemon = Daemon::start(&project)?;
    let text = format!("[runtime]\ndatabase = \"other.db\"\n{A}");
    project.write("schedules.toml", &text)?;
    let status = live(&daemon, &text)?;
    assert!(
        status.config.warnings[0].contains("`database`"),
        "{status:#?}"
    );
    daemon.says("`database` is ")?;
    assert_eq!(daemon.stop()?, 0);
    Ok(())
}
