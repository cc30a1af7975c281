//! A store that fails under a real daemon: it says so, starts nothing, and goes on by itself when the
//! cause goes. Then each instant is held against the history: none is lost, none is twice.

use std::{
    env, fs,
    io::Write as _,
    os::unix::fs::{FileExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    process::Command,
    thread,
};

use anyhow::{Context as _, Result, ensure};
use cronlet::api::status::Status;
use jiff::Timestamp;
use rustix::process::{Pid, Resource, Rlimit, prlimit};

use crate::{
    daemon::{Daemon, until},
    instants,
    project::Project,
    reload::trouble::without_privileges,
};

const SCHEDULES: &str = r#"
[jobs.tick]
plugin = "noop"
every = "1s"

[jobs.long]
plugin = "sleep"
params = { ms = 1500 }
"#;

/// A daemon at work, and from when on its instants are looked at.
struct Work {
    project: Project,
    daemon: Daemon,
    since: Timestamp,
}

fn project() -> Result<Project> {
    Project::new(SCHEDULES, &[("noop", tests::NOOP), ("sleep", tests::SLEEP)])
}

impl Work {
    fn new() -> Result<Self> {
        let project = project()?;
        let daemon = Daemon::start(&project)?;
        let since = accepted(&project)?;
        project.until_runs("tick", |runs| !runs.is_empty())?;
        Ok(Self {
            project,
            daemon,
            since,
        })
    }

    /// Waits until the store fails with this message.
    fn fails(&self, message: &str) -> Result<Status> {
        let status = self
            .daemon
            .until("the store fails", |status| status.store.status == "failing")?;
        let said = status.store.message.clone().unwrap_or_default();
        ensure!(said.contains(message), "`{said}` has no `{message}`");
        ensure!(status.store.since.is_some(), "since when? {status:?}");
        ensure!(!status.health.reasons.is_empty() && status.health.status == "degraded");
        self.daemon.says("nothing starts until it can write")?;
        let refused = self
            .daemon
            .trigger("tick")
            .err()
            .context("it was not refused")?;
        ensure!(
            refused.to_string().contains("the store cannot write"),
            "{refused}"
        );
        Ok(status)
    }

    /// Waits until the store writes again, and the daemon goes on.
    fn recovers(self) -> Result<()> {
        self.daemon
            .until("the store writes", |status| status.store.status == "ok")?;
        let Self {
            project,
            daemon,
            since,
        } = self;
        let before = watermark(&project)?;
        until("it goes on", || {
            Ok((watermark(&project)? > before).then_some(()))
        })?;
        let log = daemon.log();
        let told = |text: &str| log.matches(text).count();
        assert_eq!(told("the store writes again"), 1, "{log}");
        assert_eq!(told("nothing starts until it can write"), 1, "{log}");
        assert_eq!(daemon.stop()?, 0);
        check(&project, since)
    }
}

fn watermark(project: &Project) -> Result<Timestamp> {
    Ok(project.job("tick")?.context("it is a job")?.watermark)
}

/// Up to where the job is accounted for when the daemon has taken its first plan over.
fn accepted(project: &Project) -> Result<Timestamp> {
    let row = until("the job is accepted", || project.job("tick"))?;
    Ok(row.watermark)
}

fn check(project: &Project, since: Timestamp) -> Result<()> {
    let through = watermark(project)?;
    instants::check(&project.entries()?, "tick", since, through)
}

/// The files that this process writes may have so many bytes; none is no limit.
fn limit_files(daemon: &Daemon, bytes: Option<u64>) -> Result<()> {
    let pid = Pid::from_raw(i32::try_from(daemon.pid())?);
    let limit = Rlimit {
        current: bytes,
        maximum: None,
    };
    prlimit(pid, Resource::Fsize, limit)?;
    Ok(())
}

#[test]
fn a_disk_that_takes_no_more_is_waited_for() -> Result<()> {
    let work = Work::new()?;
    let long = work.daemon.trigger("long")?;
    work.daemon.until("it runs", |it| !it.running.is_empty())?;
    limit_files(&work.daemon, Some(4096))?;
    let status = work.fails("the disk fails")?;
    ensure!(status.store.help.is_some(), "{status:?}");
    // What ends meanwhile is kept.
    work.daemon
        .until("it has ended", |it| it.running.is_empty())?;
    let said = work.project.cronlet(&["status"])?;
    ensure!(said.out.contains("the store fails, for"), "{said:?}");
    ensure!(said.out.contains("help: the system's log"), "{said:?}");
    let read = work.project.cronlet(&["history", "--json"])?;
    assert_eq!(read.code, 0, "what is written can be read: {read:?}");
    limit_files(&work.daemon, None)?;
    let run = work.project.until_final(long)?;
    assert_eq!(run.attempts.len(), 1, "{run:?}");
    work.recovers()
}

#[test]
fn a_database_that_is_moved_away_is_waited_for() -> Result<()> {
    let work = Work::new()?;
    let (place, away) = (work.project.path("cronlet.db"), work.project.path("away"));
    fs::rename(&place, &away)?;
    work.fails("is gone")?;
    let said = work.project.cronlet(&["history"])?;
    assert_eq!(said.code, 4, "{said:?}");
    fs::rename(&away, &place)?;
    work.recovers()
}

#[test]
fn another_database_in_the_place_is_not_touched() -> Result<()> {
    let work = Work::new()?;
    let (place, away) = (work.project.path("cronlet.db"), work.project.path("away"));
    let said = work.project.cronlet(&["backup", "copy.db"])?;
    assert_eq!(said.code, 0, "{said:?}");
    let copy = fs::read(work.project.path("copy.db"))?;
    fs::rename(&place, &away)?;
    fs::rename(work.project.path("copy.db"), &place)?;
    work.fails("another file is in the place of the database")?;
    ensure!(fs::read(&place)? == copy, "it was written to");
    fs::rename(&away, &place)?;
    work.recovers()
}

#[test]
fn a_log_that_is_deleted_loses_nothing() -> Result<()> {
    let work = Work::new()?;
    let before = work.project.runs("tick")?.len();
    fs::remove_file(work.project.path("cronlet.db-wal"))?;
    // Whoever reads before this reads half of it.
    work.daemon
        .says("what was in it is safe, and a new one is begun")?;
    work.project
        .until_runs("tick", |runs| runs.len() > before + 1)?;
    let Work {
        project,
        daemon,
        since,
    } = work;
    daemon.kill()?;
    check(&project, since)?;
    let daemon = Daemon::start(&project)?;
    assert_eq!(daemon.stop()?, 0);
    check(&project, since)
}

#[test]
fn a_log_that_is_cut_under_the_daemon_does_not_ruin_the_database() -> Result<()> {
    let work = Work::new()?;
    // In the midst of a write nobody could tell, so it waits meanwhile.
    let other = rusqlite::Connection::open(work.project.path("cronlet.db"))?;
    other.execute_batch("BEGIN IMMEDIATE")?;
    fs::File::options()
        .write(true)
        .open(work.project.path("cronlet.db-wal"))?
        .set_len(0)?;
    other.execute_batch("ROLLBACK")?;
    drop(other);
    let Work {
        project,
        daemon,
        since,
    } = work;
    daemon.says("was cut short while it was in use")?;
    ensure!(!daemon.log().contains("this is a bug"), "{}", daemon.log());
    assert_eq!(daemon.end()?, 5);
    // What was only in the log is lost, and what follows from that is downtime.
    let daemon = Daemon::start(&project)?;
    let restarted = accepted(&project)?.max(since);
    until("it goes on", || {
        Ok((watermark(&project)? > restarted).then_some(()))
    })?;
    assert_eq!(daemon.stop()?, 0);
    let said = project.cronlet(&["backup", "copy.db"])?;
    assert_eq!(said.code, 0, "it is sound: {said:?}");
    check(&project, restarted)
}

#[test]
fn a_log_that_is_torn_by_a_crash_is_read_as_far_as_it_is_whole() -> Result<()> {
    for part in [1, 2, 3] {
        let Work {
            project,
            daemon,
            since,
        } = Work::new()?;
        daemon.kill()?;
        let log = fs::File::options()
            .write(true)
            .open(project.path("cronlet.db-wal"))?;
        let len = log.metadata()?.len();
        match part {
            1 => log.set_len(len / 2)?,
            2 => log.set_len(0)?,
            _ => log.write_all_at(&[0xA5; 300], len * 2 / 3)?,
        }
        drop(log);
        let daemon = Daemon::start(&project)?;
        let restarted = accepted(&project)?.max(since);
        until("it goes on", || {
            Ok((watermark(&project)? > restarted).then_some(()))
        })?;
        assert_eq!(daemon.stop()?, 0);
        check(&project, restarted)?;
    }
    Ok(())
}

#[test]
fn a_store_that_stalls_is_slow_and_loses_nothing() -> Result<()> {
    let work = Work::new()?;
    let other = rusqlite::Connection::open(work.project.path("cronlet.db"))?;
    other.execute_batch("BEGIN IMMEDIATE")?;
    let status = work
        .daemon
        .until("it is slow", |status| status.store.status == "slow")?;
    let reason = &status.health.reasons[0];
    ensure!(reason.starts_with("the store is slow"), "{reason}");
    let read = work.project.cronlet(&["jobs", "--json"])?;
    assert_eq!(read.code, 0, "{read:?}");
    other.execute_batch("ROLLBACK")?;
    let Work {
        project,
        daemon,
        since,
    } = work;
    daemon.until("it is well", |status| status.health.status == "healthy")?;
    daemon.says("the store is slow: it took")?;
    assert_eq!(daemon.stop()?, 0);
    check(&project, since)
}

#[test]
fn a_locked_database_is_waited_for_and_does_not_start() -> Result<()> {
    let work = Work::new()?;
    let other = rusqlite::Connection::open(work.project.path("cronlet.db"))?;
    other.execute_batch("BEGIN IMMEDIATE")?;
    work.fails("another process has locked the database")?;
    other.execute_batch("ROLLBACK")?;
    work.recovers()?;

    let project = project()?;
    let other = rusqlite::Connection::open(project.path("cronlet.db"))?;
    other.execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE")?;
    let said = project.cronlet(&["serve"])?;
    assert_eq!(said.code, 5, "{said:?}");
    ensure!(
        said.err.contains("another process has locked the database"),
        "{said:?}"
    );
    ensure!(said.err.contains("help: end what holds it"), "{said:?}");
    Ok(())
}

#[test]
fn what_is_no_sound_database_is_told_at_the_start() -> Result<()> {
    let project = project()?;
    let database = project.path("cronlet.db");
    let expect = |code: i32, texts: &[&str]| -> Result<()> {
        for command in ["serve", "history"] {
            let said = project.cronlet(&[command])?;
            assert_eq!(said.code, code, "{command}: {said:?}");
            for text in texts {
                ensure!(
                    said.err.contains(text),
                    "{command} without `{text}`: {said:?}"
                );
            }
        }
        Ok(())
    };
    fs::write(&database, "a letter to a friend, which is none of ours")?;
    expect(
        2,
        &["is not a database of cronlet", "help: name another file"],
    )?;
    fs::remove_file(&database)?;
    let daemon = Daemon::start(&project)?;
    assert_eq!(daemon.stop()?, 0);
    let sound = fs::read(&database)?;

    let newer = rusqlite::Connection::open(&database)?;
    newer.pragma_update(None, "user_version", 4711)?;
    drop(newer);
    expect(5, &["version 4711", "help: use the cronlet that wrote it"])?;

    let mut damaged = sound;
    for byte in &mut damaged[4096..4096 * 12] {
        *byte = 0xA5;
    }
    fs::write(&database, damaged)?;
    expect(
        2,
        &[
            "the database is damaged",
            "help: stop the daemon, and put the last good copy",
        ],
    )?;

    fs::remove_file(&database)?;
    fs::create_dir(&database)?;
    expect(2, &["cannot open the database"])
}

/// Runs `test` again where file systems may be mounted, unless that is here. Whether this machine allows
/// it is not ours to choose, so a machine that does not says so and is let off.
fn where_one_may_mount(test: &str, body: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    const INSIDE: &str = "CRONLET_TEST_MAY_MOUNT";
    if let Some(folder) = env::var_os(INSIDE) {
        return body(&PathBuf::from(folder));
    }
    let folder = tempfile::tempdir()?;
    let mount = |arguments: &[&str]| {
        let mut command = Command::new("unshare");
        command
            .args(["--user", "--map-root-user", "--mount"])
            .args(arguments);
        command
    };
    let script = "mount -t tmpfs -o size=1m none \"$0\"";
    let tried = mount(&["sh", "-c", script]).arg(folder.path()).output();
    if !tried.as_ref().is_ok_and(|output| output.status.success()) {
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED {test}: this machine lets nobody mount: {tried:?}"
        );
        return Ok(());
    }
    let exe = env::current_exe()?;
    let exe = exe.to_str().context("a path of this test")?;
    let again = mount(&[exe, "--exact", test, "--nocapture"])
        .env(INSIDE, folder.path())
        // Where projects are made.
        .env("TMPDIR", folder.path())
        .status()?;
    ensure!(again.success(), "it failed there, see above");
    Ok(())
}

/// A file system of so many KiB that is gone with this process.
fn mount(folder: &Path, kib: u32) -> Result<()> {
    let size = format!("size={kib}k");
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", &size, "none"])
        .arg(folder)
        .status()?;
    ensure!(mounted.success(), "cannot mount");
    Ok(())
}

fn remount(folder: &Path, options: &str) -> Result<()> {
    let options = format!("remount,{options}");
    let mounted = Command::new("mount")
        .args(["-o", &options])
        .arg(folder)
        .status()?;
    ensure!(mounted.success(), "cannot mount with {options}");
    Ok(())
}

#[test]
fn a_full_disk_is_waited_for() -> Result<()> {
    where_one_may_mount("store::a_full_disk_is_waited_for", |folder| {
        mount(folder, 64 << 10)?;
        let work = Work::new()?;
        let ballast = folder.join("ballast");
        fill(&ballast)?;
        let status = work.fails("no space is left on the disk")?;
        ensure!(status.store.help.is_some(), "{status:?}");
        let said = work.project.cronlet(&["history"])?;
        assert_eq!(said.code, 0, "{said:?}");
        fs::remove_file(&ballast)?;
        work.recovers()
    })
}

/// Writes until nothing goes in any more.
fn fill(file: &Path) -> Result<()> {
    let mut ballast = fs::File::create(file)?;
    for block in [1 << 20, 4096, 1] {
        let block = vec![0; block];
        while ballast.write_all(&block).is_ok() {}
    }
    Ok(())
}

#[test]
fn a_full_disk_at_the_start_is_told() -> Result<()> {
    where_one_may_mount("store::a_full_disk_at_the_start_is_told", |folder| {
        mount(folder, 64 << 10)?;
        let project = project()?;
        fill(&folder.join("ballast"))?;
        let said = project.cronlet(&["serve"])?;
        assert_eq!(said.code, 2, "{said:?}");
        ensure!(
            said.err.contains("no space is left") || said.err.contains("No space left"),
            "{said:?}"
        );
        Ok(())
    })
}

#[test]
fn who_may_only_read_the_database_is_told_all_that_is_in_it() -> Result<()> {
    let trying = thread::spawn(|| {
        without_privileges()?;
        let Work {
            project, daemon, ..
        } = Work::new()?;
        let lock = project.path("cronlet.db.lock");
        fs::set_permissions(lock, fs::Permissions::from_mode(0o000))?;
        let none = "no daemon is running";
        for command in [&["jobs"][..], &["why", "tick"], &["history"], &["next"]] {
            let said = project.cronlet(command)?;
            assert_eq!(said.code, 0, "{command:?}: {said:?}");
            ensure!(!said.err.contains(none), "{command:?}: {said:?}");
        }
        daemon.kill()?;
        let said = project.cronlet(&["jobs"])?;
        ensure!(said.code == 0 && said.err.contains(none), "{said:?}");
        Ok(())
    });
    trying.join().expect("it does not panic")
}

#[test]
fn a_run_that_a_daemon_died_with_is_told_so_before_the_next_one_starts() -> Result<()> {
    let schedules = "[jobs.long]\nplugin = \"sleep\"\nparams = { ms = 600000 }\n";
    let project = Project::new(schedules, &[("sleep", tests::SLEEP)])?;
    let daemon = Daemon::start(&project)?;
    let run = daemon.trigger("long")?.to_string();
    daemon.until("it runs", |it| !it.running.is_empty())?;
    let dead = "no daemon runs it any more";
    let commands = [&["history"][..], &["jobs"], &["show", &run]];
    for command in commands {
        let said = project.cronlet(command)?;
        ensure!(said.out.contains("running"), "{command:?}: {said:?}");
        ensure!(!said.out.contains(dead), "{command:?}: {said:?}");
    }
    daemon.kill()?;
    for command in commands {
        let said = project.cronlet(command)?;
        ensure!(said.out.contains(dead), "{command:?}: {said:?}");
    }
    let json = project.cronlet(&["show", &run, "--json"])?.json()?;
    assert_eq!(json["status"], "running", "{json}");
    let message = json["message"].as_str().unwrap_or_default();
    ensure!(message.contains(dead), "{json}");
    Ok(())
}

#[test]
fn a_read_only_file_is_told_at_the_start_and_stops_nobody_later() -> Result<()> {
    let trying = thread::spawn(|| {
        without_privileges()?;
        let project = project()?;
        let allow = |mode| {
            let mode = fs::Permissions::from_mode(mode);
            fs::set_permissions(project.path("cronlet.db"), mode)
        };
        let daemon = Daemon::start(&project)?;
        project.until_runs("tick", |runs| !runs.is_empty())?;
        allow(0o444)?;
        // What is open stays open.
        let runs = project.runs("tick")?.len();
        project.until_runs("tick", |now| now.len() > runs)?;
        assert_ne!(daemon.status()?.store.status, "failing");
        assert_eq!(daemon.stop()?, 0);

        let said = project.cronlet(&["serve"])?;
        assert_eq!(said.code, 2, "{said:?}");
        ensure!(said.err.contains("is read-only"), "{said:?}");
        ensure!(
            said.err.contains("help: let the daemon's user write"),
            "{said:?}"
        );
        let said = project.cronlet(&["history"])?;
        assert_eq!(said.code, 0, "it can be read: {said:?}");

        allow(0o600)?;
        let daemon = Daemon::start(&project)?;
        let runs = project.runs("tick")?.len();
        project.until_runs("tick", |now| now.len() > runs)?;
        assert_eq!(daemon.stop()?, 0);
        anyhow::Ok(())
    });
    trying.join().expect("it does not panic")
}

#[test]
fn a_read_only_file_system_is_told_at_the_start() -> Result<()> {
    where_one_may_mount(
        "store::a_read_only_file_system_is_told_at_the_start",
        |folder| {
            mount(folder, 64 << 10)?;
            let project = project()?;
            let daemon = Daemon::start(&project)?;
            assert_eq!(daemon.stop()?, 0);
            remount(folder, "ro")?;
            let said = project.cronlet(&["serve"])?;
            assert_eq!(said.code, 2, "{said:?}");
            ensure!(said.err.to_lowercase().contains("read-only"), "{said:?}");
            let said = project.cronlet(&["history"])?;
            assert_eq!(said.code, 0, "it can be read: {said:?}");
            Ok(())
        },
    )
}
