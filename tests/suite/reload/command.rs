//! `cronlet reload`, and what it says.

use serde_json::json;

use super::*;

#[test]
fn a_reload_is_waited_for_until_the_plan_is_live() -> Result<()> {
    let ticking = Ticking::start()?;
    let project = &ticking.project;
    let said = project.cronlet(&["reload"])?;
    assert_eq!(
        (said.code, said.out.as_str()),
        (0, "the daemon reads its schedules file again\n")
    );
    ticking.daemon.says("reloaded: nothing has changed")?;
    let said = project.cronlet(&["reload", "--json"])?;
    assert_eq!(said.json()?, json!({"status": "reloading"}));

    let next = text(1);
    project.write("schedules.toml", &next)?;
    let said = project.cronlet(&["reload", "--wait"])?;
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    // The daemon may have seen the save before it was asked.
    assert!(
        [
            "reloaded: added `other`\n",
            "reloaded: nothing has changed\n"
        ]
        .contains(&said.out.as_str()),
        "{said:?}"
    );
    assert!(is_live(&ticking.daemon.status()?, &next));
    let said = project.cronlet(&["reload", "--wait", "--json"])?;
    let told = said.json()?;
    assert_eq!((said.code, &told["status"]), (0, &json!("unchanged")));
    assert_eq!(
        (&told["problems"], &told["summary"]),
        (&json!([]), &json!(null))
    );
    assert_eq!(told["sha256"].as_str().map(str::len), Some(64), "{told}");
    ticking.nothing_is_lost()
}

#[test]
fn a_reload_that_is_refused_says_what_check_says() -> Result<()> {
    let ticking = Ticking::start()?;
    let project = &ticking.project;
    let broken = format!("{TICK}evry = \"1s\"\n[jobs.other]\nplugin = \"nop\"\n");
    project.write("schedules.toml", &broken)?;
    let said = project.cronlet(&["reload", "--wait"])?;
    assert_eq!((said.code, said.out.as_str()), (2, ""), "{said:?}");
    insta::assert_snapshot!(said.err, @r#"
        error[config::unknown-key]: unknown key `evry` in `[jobs.tick]`
         --> schedules.toml:4:1
          |
        4 | evry = "1s"
          | ^^^^
          |
          = help: did you mean `every`?

        error[plugin::missing]: plugin `nop` cannot be used: there is no file `plugins/nop.wasm`
         --> schedules.toml:6:10
          |
        6 | plugin = "nop"
          |          ^^^^^ no such plugin
          |
          = help: did you mean `noop`?

        2 errors in schedules.toml
        not reloaded: the daemon goes on with the old plan
        "#);
    assert!(is_refused(&ticking)?);

    let told = project.cronlet(&["reload", "--wait", "--json"])?;
    let check = project.cronlet(&["check", "--json"])?;
    assert_eq!((told.code, told.err.as_str()), (2, ""));
    let refused = json!({
        "status": "refused",
        "sha256": null,
        "summary": null,
        "problems": check.json()?,
    });
    assert_eq!(told.json()?, refused);

    project.write("schedules.toml", TICK)?;
    let said = project.cronlet(&["reload", "--wait"])?;
    assert_eq!(
        (said.code, said.out.as_str(), said.err.as_str()),
        (0, "reloaded: nothing has changed\n", "")
    );
    assert!(!is_refused(&ticking)?);
    ticking.nothing_is_lost()
}

fn is_refused(ticking: &Ticking) -> Result<bool> {
    Ok(ticking.daemon.status()?.config.state == "refused")
}

#[test]
fn what_waits_for_a_restart_is_said() -> Result<()> {
    let ticking = Ticking::start()?;
    let project = &ticking.project;
    let next = format!("[runtime]\nmax_concurrent_runs = 100\n{TICK}");
    project.write("schedules.toml", &next)?;
    let said = project.cronlet(&["reload", "--wait"])?;
    assert_eq!(said.code, 0, "{said:?}");
    insta::assert_snapshot!(said.err, @"
        warning[runtime::restart]: `max_concurrent_runs` is 100 from the next start on, 64 until then
        help: restart cronlet when it suits the jobs that run

        1 warning in schedules.toml
        ");
    ticking.nothing_is_lost()
}

#[test]
fn another_database_waits_for_a_restart() -> Result<()> {
    let ticking = Ticking::start()?;
    let project = &ticking.project;
    project.write(
        "schedules.toml",
        &format!("[runtime]\ndatabase = \"other.db\"\n{TICK}"),
    )?;
    // The daemon has the one that it was started with.
    let said = project.cronlet(&["reload", "--wait"])?;
    assert_eq!(said.code, 3, "{said:?}");
    assert!(
        said.err.contains("is found with `--database FILE`"),
        "{said:?}"
    );
    let said = project.cronlet(&["reload", "--wait", "--database", "cronlet.db"])?;
    assert_eq!(said.code, 0, "{said:?}");
    let warning = "warning[runtime::restart]: `database` is `other.db` from the next start on";
    assert!(said.err.contains(warning), "{said:?}");
    let said = project.cronlet(&["status", "--database", "cronlet.db"])?;
    assert!(said.out.contains("`database` is `other.db`"), "{said:?}");
    ticking.nothing_is_lost()
}

#[test]
fn without_a_daemon_nothing_is_read() -> Result<()> {
    let project = Project::new(TICK, &[("noop", tests::NOOP)])?;
    for wait in [&["reload"][..], &["reload", "--wait"]] {
        let said = project.cronlet(wait)?;
        assert_eq!((said.code, said.out.as_str()), (3, ""));
        insta::allow_duplicates! {
            insta::assert_snapshot!(said.err, @"
                error: no daemon is running for `cronlet.db`
                help: `cronlet serve` starts one
                help: one that was started with another `database` is found with `--database FILE`
                ");
        }
    }
    Ok(())
}

#[test]
fn hanging_up_reads_the_file_again() -> Result<()> {
    let ticking = Ticking::start()?;
    ticking.daemon.signal(rustix::process::Signal::HUP)?;
    ticking.daemon.says("reloaded: nothing has changed")?;
    ticking.nothing_is_lost()
}
