//! A copy of the database: whole, checked, and as good as the database itself.

use std::{fs, os::unix::fs::PermissionsExt as _};

use anyhow::{Context as _, Result, ensure};
use cronlet_core::run::RunStatus;

use crate::{
    daemon::Daemon,
    instants,
    project::{Project, Said},
};

const SCHEDULES: &str = r#"
[jobs.tick]
plugin = "noop"
every = "1s"

[jobs.long]
plugin = "sleep"
params = { ms = 60000 }
"#;

fn project() -> Result<Project> {
    Project::new(SCHEDULES, &[("noop", tests::NOOP), ("sleep", tests::SLEEP)])
}

#[track_caller]
fn assert_refused(said: &Said, code: i32, err: &str) {
    assert_eq!((said.code, said.out.as_str()), (code, ""), "{said:?}");
    assert_eq!(said.err, err);
}

fn files(project: &Project) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in project.path("").read_dir()? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.retain(|name| name.contains("copy"));
    names.sort();
    Ok(names)
}

#[test]
fn a_copy_is_taken_while_the_daemon_works_and_is_gone_on_with() -> Result<()> {
    let project = project()?;
    let daemon = Daemon::start(&project)?;
    let accepted = crate::daemon::until("the job is accepted", || project.job("tick"))?.watermark;
    let long = daemon.trigger("long")?;
    daemon.until("it runs", |status| !status.running.is_empty())?;
    project.until_runs("tick", |runs| runs.len() > 1)?;
    let said = project.cronlet(&["backup", "copy.db", "--json"])?;
    let copied = said.json()?;
    assert_eq!(copied["file"], "[folder]/copy.db");
    ensure!(copied["runs"].as_u64() > Some(2), "{copied}");
    assert_eq!(files(&project)?, ["copy.db"], "one file, and nothing else");
    let mode = fs::metadata(project.path("copy.db"))?.permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "history is nobody else's to read");
    let status = project.cronlet(&["status", "--database", "copy.db"])?;
    assert_eq!(status.code, 3, "the copy is no daemon's: {status:?}");
    let history = project.cronlet(&["history", "--database", "copy.db", "--json"])?;
    let runs = history.json()?.as_array().map_or(0, Vec::len);
    assert_eq!(Some(u64::try_from(runs)?), copied["runs"].as_u64());
    daemon.kill()?;

    // What happened between the copy and the crash is not in it: that was downtime.
    for suffix in ["", "-wal", "-shm"] {
        // What is not there need not be removed.
        let _ = fs::remove_file(project.path(&format!("cronlet.db{suffix}")));
    }
    fs::rename(project.path("copy.db"), project.path("cronlet.db"))?;
    let daemon = Daemon::start(&project)?;
    let row = project.until_runs("long", |runs| runs[0].attempts[0].status.is_some())?;
    assert_eq!((row[0].run, row[0].status), (long, RunStatus::Retrying));
    let before = project.job("tick")?.context("it is a job")?.watermark;
    crate::daemon::until("it goes on", || {
        let now = project.job("tick")?.context("it is a job")?.watermark;
        Ok((now > before).then_some(()))
    })?;
    daemon.kill()?;
    let through = project.job("tick")?.context("it is a job")?.watermark;
    instants::check(&project.entries()?, "tick", accepted, through)
}

#[test]
fn nothing_is_replaced_unless_it_is_wanted() -> Result<()> {
    let project = project()?;
    let daemon = Daemon::start(&project)?;
    project.write("copy.db", "mine")?;
    let said = project.cronlet(&["backup", "copy.db"])?;
    let exists = "error: `[folder]/copy.db` exists\n\
        help: name another file, or replace it with `--force`\n";
    assert_refused(&said, 5, exists);
    assert_eq!(fs::read_to_string(project.path("copy.db"))?, "mine");
    let said = project.cronlet(&["backup", "--force", "copy.db"])?;
    assert_eq!(said.code, 0, "{said:?}");
    // A log that is left of another database would be taken for the copy's.
    project.write("copy2.db-wal", "of another")?;
    assert_eq!(project.cronlet(&["backup", "copy2.db"])?.code, 5);
    assert_eq!(project.cronlet(&["backup", "--force", "copy2.db"])?.code, 0);
    assert_eq!(files(&project)?, ["copy.db", "copy2.db"]);
    for target in ["cronlet.db", "./cronlet.db"] {
        let said = project.cronlet(&["backup", "--force", target])?;
        let used = "error: `[folder]/cronlet.db` is a database that is in use\n\
            help: name another file\n";
        assert_refused(&said, 5, used);
    }
    fs::create_dir(project.path("copies"))?;
    let said = project.cronlet(&["backup", "--force", "copies"])?;
    assert_eq!(said.code, 2, "{said:?}");
    let said = project.cronlet(&["backup", "nowhere/copy.db"])?;
    assert_eq!(said.code, 2, "{said:?}");
    let cannot = "cannot write the copy: `[folder]/nowhere/copy.db`: No such file";
    ensure!(said.err.contains(cannot), "{said:?}");
    assert_eq!(daemon.stop()?, 0);
    Ok(())
}

#[test]
fn a_damaged_database_makes_no_copy() -> Result<()> {
    let project = project()?;
    let said = project.cronlet(&["backup", "copy.db"])?;
    assert_eq!(said.code, 4, "there is no database: {said:?}");
    let daemon = Daemon::start(&project)?;
    assert_eq!(daemon.stop()?, 0);
    let mut bytes = fs::read(project.path("cronlet.db"))?;
    let page = 4096;
    for byte in &mut bytes[page * 2..page * 12] {
        *byte = 0xA5;
    }
    fs::write(project.path("cronlet.db"), bytes)?;
    let said = project.cronlet(&["backup", "copy.db"])?;
    assert_eq!((said.code, said.out.as_str()), (2, ""), "{said:?}");
    ensure!(
        said.err
            .contains("the database is damaged, and nothing was copied"),
        "{said:?}"
    );
    assert_eq!(files(&project)?, [""; 0]);
    Ok(())
}
