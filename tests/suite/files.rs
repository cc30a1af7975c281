//! Directories and variables that a job is granted: it gets these, and nothing beside them, whatever
//! it tries.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{
    fs::{self, File, OpenOptions},
    io::Write as _,
    num::NonZeroUsize,
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    time::SystemTime,
};

use anyhow::{Result, ensure};
use cronlet::sandbox::SandboxOptions;
use cronlet_core::{
    capability::{Capabilities, DirGrant, EnvGrant},
    run::FailReason,
};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    project::Project,
    sandbox::{Guest, outcome, output, timed_out},
};

/// A folder `inside` that is granted, and what is outside of it.
struct Place {
    root: TempDir,
}

impl Place {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("inside/sub")).unwrap();
        fs::write(root.path().join("inside/file"), "inside").unwrap();
        fs::write(root.path().join("inside/sub/deep"), "deep").unwrap();
        fs::write(root.path().join("secret"), "secret").unwrap();
        Self { root }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// What comes of `steps` in a guest that has `inside` at `/data`.
    fn steps(&self, write: bool, steps: &Value) -> Vec<Value> {
        let guest = Guest::new(tests::FILES)
            .params(json!({ "steps": steps }))
            .allow(granted(&self.path("inside"), write));
        serde_json::from_value(output(&guest.outcome())).unwrap()
    }

    /// All that is in it: the names, what the files hold, and when they were changed.
    fn state(&self) -> Vec<(PathBuf, Vec<u8>, SystemTime)> {
        let mut folders = vec![self.root.path().to_owned()];
        let mut state = Vec::new();
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                let data = path.symlink_metadata().unwrap();
                if data.is_dir() {
                    folders.push(path.clone());
                }
                let text = if data.is_file() {
                    fs::read(&path).unwrap()
                } else {
                    Vec::new()
                };
                state.push((path, text, data.modified().unwrap()));
            }
        }
        state.sort();
        state
    }
}

fn granted(host: &Path, write: bool) -> Capabilities {
    Capabilities {
        dirs: vec![DirGrant {
            host: host.to_owned(),
            guest: "/data".to_owned(),
            write,
        }],
        env: Vec::new(),
    }
}

/// Everything that would change something.
fn changes() -> Value {
    json!([
        {"do": "write", "path": "/data/new", "text": "x"},
        {"do": "write", "path": "/data/file", "text": "x"},
        {"do": "append", "path": "/data/file", "text": "x"},
        {"do": "create-new", "path": "/data/newer"},
        {"do": "open-both", "path": "/data/file"},
        {"do": "truncate", "path": "/data/file"},
        {"do": "set-length", "path": "/data/file", "length": 1},
        {"do": "touch", "path": "/data/file"},
        {"do": "touch", "path": "/data/sub"},
        {"do": "make-dir", "path": "/data/dir"},
        {"do": "link", "path": "/data/file", "to": "/data/linked"},
        {"do": "symlink", "path": "/data/symlink", "to": "file"},
        {"do": "rename", "path": "/data/file", "to": "/data/renamed"},
        {"do": "remove", "path": "/data/sub/deep"},
        {"do": "remove-dir", "path": "/data/sub"},
    ])
}

#[test]
fn a_directory_is_read_only_unless_it_is_granted_otherwise() {
    let place = Place::new();
    let before = place.state();
    for (step, said) in changes()
        .as_array()
        .unwrap()
        .iter()
        .zip(place.steps(false, &changes()))
    {
        assert!(said["error"].is_string(), "{step}: {said}");
    }
    assert_eq!(place.state(), before);
    let read = place.steps(
        false,
        &json!([
            {"do": "list", "path": "/data"},
            {"do": "read", "path": "/data/file"},
            {"do": "read", "path": "/data/sub/../sub/deep"},
            {"do": "stat", "path": "/data/file"},
        ]),
    );
    let expected = json!([
        {"ok": ["file", "sub"]},
        {"ok": "inside"},
        {"ok": "deep"},
        {"ok": 6},
    ]);
    assert_eq!(json!(read), expected);
}

#[test]
fn a_directory_that_may_be_written_is_written() {
    let place = Place::new();
    let said = place.steps(
        true,
        &json!([
            {"do": "write", "path": "/data/new", "text": "one"},
            {"do": "append", "path": "/data/new", "text": ", two"},
            {"do": "rename", "path": "/data/new", "to": "/data/sub/renamed"},
            {"do": "make-dir", "path": "/data/dir"},
            {"do": "symlink", "path": "/data/link", "to": "sub/renamed"},
            {"do": "read", "path": "/data/link"},
            {"do": "read-link", "path": "/data/link"},
            {"do": "remove", "path": "/data/file"},
        ]),
    );
    assert!(said.iter().all(|said| said["error"].is_null()), "{said:?}");
    assert_eq!(said[5]["ok"], "one, two");
    assert_eq!(said[6]["ok"], "sub/renamed");
    assert_eq!(
        fs::read_to_string(place.path("inside/sub/renamed")).unwrap(),
        "one, two"
    );
    assert!(place.path("inside/dir").is_dir());
    assert!(!place.path("inside/file").exists());
}

#[test]
fn no_way_leads_out_of_a_directory() {
    let place = Place::new();
    let inside = place.path("inside");
    symlink("../secret", inside.join("up")).unwrap();
    symlink(place.path("secret"), inside.join("absolute")).unwrap();
    symlink("/", inside.join("root")).unwrap();
    symlink("sub/../../secret", inside.join("winding")).unwrap();
    symlink("/proc/self/root", inside.join("magic")).unwrap();
    symlink("up", inside.join("twice")).unwrap();
    let etc = place.path("secret");
    let etc = etc.to_str().unwrap();
    let before = place.state();
    let said = place.steps(
        true,
        &json!([
            {"do": "read", "path": "/data/../secret"},
            {"do": "read", "path": "/data/sub/../../secret"},
            {"do": "read", "path": "../secret"},
            {"do": "read", "path": etc},
            {"do": "read", "path": "/etc/passwd"},
            {"do": "read", "path": "/proc/self/environ"},
            {"do": "read", "path": "/data/up"},
            {"do": "read", "path": "/data/absolute"},
            {"do": "read", "path": "/data/winding"},
            {"do": "read", "path": "/data/twice"},
            {"do": "list", "path": "/data/root"},
            {"do": "read", "path": "/data/root/etc/passwd"},
            {"do": "read", "path": "/data/magic/etc/passwd"},
            {"do": "stat", "path": "/data/up"},
            {"do": "write", "path": "/data/up", "text": "x"},
            {"do": "write", "path": "/data/../new", "text": "x"},
            {"do": "truncate", "path": "/data/absolute"},
            {"do": "touch", "path": "/data/up"},
            {"do": "rename", "path": "/data/file", "to": "/data/../renamed"},
            {"do": "rename", "path": "/data/../secret", "to": "/data/caught"},
            {"do": "link", "path": "/data/../secret", "to": "/data/caught"},
            {"do": "remove", "path": "/data/../secret"},
            {"do": "make-dir", "path": "/data/../dir"},
            {"do": "list", "path": "/data/.."},
            {"do": "symlink", "path": "/data/own-absolute", "to": "/etc/passwd"},
        ]),
    );
    for (at, said) in said.iter().enumerate() {
        assert!(said["error"].is_string(), "step {at}: {said}");
    }
    assert_eq!(place.state(), before);
    // A guest may write down where a link leads, but never go there.
    let said = place.steps(
        true,
        &json!([
            {"do": "symlink", "path": "/data/own", "to": "../secret"},
            {"do": "read", "path": "/data/own"},
            {"do": "write", "path": "/data/own", "text": "x"},
            {"do": "link", "path": "/data/own", "to": "/data/hard"},
            {"do": "read", "path": "/data/hard"},
        ]),
    );
    for at in [1, 2, 4] {
        assert!(said[at]["error"].is_string(), "step {at}: {said:?}");
    }
    assert_eq!(fs::read_to_string(place.path("secret")).unwrap(), "secret");
}

#[test]
fn nothing_moves_between_what_may_be_written_and_what_may_not() {
    let place = Place::new();
    fs::create_dir(place.path("more")).unwrap();
    let mut allow = granted(&place.path("inside"), false);
    allow.dirs.push(DirGrant {
        host: place.path("more"),
        guest: "/data/more".to_owned(),
        write: true,
    });
    let guest = Guest::new(tests::FILES)
        .allow(allow)
        .params(json!({"steps": [
            {"do": "rename", "path": "/data/file", "to": "/data/more/file"},
            {"do": "link", "path": "/data/file", "to": "/data/more/file"},
            {"do": "write", "path": "/data/more/own", "text": "own"},
            {"do": "rename", "path": "/data/more/own", "to": "/data/own"},
            {"do": "list", "path": "/data/more"},
        ]}));
    let said = output(&guest.outcome());
    for at in [0, 1, 3] {
        assert!(said[at]["error"].is_string(), "step {at}: {said}");
    }
    assert_eq!(said[4]["ok"], json!(["own"]));
}

#[test]
fn what_a_guest_makes_is_as_the_daemon_would_make_it() {
    let place = Place::new();
    place.steps(
        true,
        &json!([{"do": "write", "path": "/data/new", "text": "x"}]),
    );
    let mode = place
        .path("inside/new")
        .metadata()
        .unwrap()
        .permissions()
        .mode();
    let own = place.path("own");
    File::create(&own).unwrap();
    assert_eq!(mode, own.metadata().unwrap().permissions().mode());
}

#[test]
fn a_directory_that_is_gone_fails_the_attempt_before_the_guest_begins() {
    let place = Place::new();
    let guest = Guest::new(tests::FILES)
        .params(json!({"steps": []}))
        .allow(granted(&place.path("inside"), false));
    guest.outcome();
    fs::rename(place.path("inside"), place.path("away")).unwrap();
    let (reason, failure) = guest.failed();
    assert_eq!(reason, FailReason::Load);
    let path = place.path("inside");
    let expected = format!("there is no directory `{}`", path.display());
    assert_eq!(failure.message, expected);
    fs::write(&path, "").unwrap();
    let (reason, failure) = guest.failed();
    assert_eq!(reason, FailReason::Load);
    assert_eq!(
        failure.message,
        format!("`{}` is not a directory", path.display())
    );
}

fn fifo(place: &Place) -> PathBuf {
    let path = place.path("inside/fifo");
    mknodat(CWD, &path, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
    path
}

#[test]
fn a_guest_that_waits_for_a_fifo_is_stopped_by_its_timeout() {
    let place = Place::new();
    fifo(&place);
    for step in ["read", "append"] {
        let waiting = Guest::new(tests::FILES)
            .timeout_ms(300)
            .params(json!({"steps": [{"do": step, "path": "/data/fifo", "text": "x"}]}))
            .allow(granted(&place.path("inside"), true));
        for _ in 0..2 {
            timed_out(waiting.run(), 300);
        }
    }
}

#[test]
fn guests_that_wait_for_a_fifo_hold_no_thread() {
    let place = Place::new();
    let path = fifo(&place);
    let one_thread = SandboxOptions {
        blocking_threads: NonZeroUsize::MIN,
        ..SandboxOptions::default()
    };
    let mut guest = Guest::with(tests::FILES, one_thread)
        .params(json!({"steps": [{"do": "read", "path": "/data/fifo"}]}))
        .allow(granted(&place.path("inside"), false));
    let waiting: Vec<_> = (0..4).map(|_| guest.start()).collect();
    for running in &waiting {
        running.wait_for("step");
    }
    guest = guest.params(json!({"steps": [{"do": "read", "path": "/data/file"}]}));
    for _ in 0..4 {
        assert_eq!(output(&guest.outcome()), json!([{"ok": "inside"}]));
    }
    // They go on when somebody writes, as far as that is of use: what they have opened is no file
    // that can be read from its beginning.
    let mut end = OpenOptions::new()
        .write(true)
        .custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed())
        .open(path)
        .unwrap();
    end.write_all(b"text").unwrap();
    for running in waiting {
        let said = output(&outcome(running.end()));
        assert!(said[0].is_object(), "{said}");
    }
}

#[test]
fn who_writes_to_a_fifo_and_leaves_at_once_leaves_no_thread_waiting() {
    let place = Place::new();
    let path = fifo(&place);
    let one_thread = SandboxOptions {
        blocking_threads: NonZeroUsize::MIN,
        ..SandboxOptions::default()
    };
    let mut guest = Guest::with(tests::FILES, one_thread)
        .timeout_ms(20_000)
        .params(json!({"steps": [{"do": "read", "path": "/data/fifo"}]}))
        .allow(granted(&place.path("inside"), false));
    let waiting = guest.start();
    // It waits for a reader, writes, and is gone before anybody has looked.
    fs::write(&path, "text").unwrap();
    let said = output(&outcome(waiting.end()));
    assert!(said[0].is_object(), "{said}");
    guest = guest.params(json!({"steps": [{"do": "read", "path": "/data/file"}]}));
    assert_eq!(output(&guest.outcome()), json!([{"ok": "inside"}]));
}

#[test]
fn a_guest_sees_the_variables_that_it_is_granted() {
    let variable = |name: &str, value: Option<&str>| EnvGrant {
        name: name.to_owned(),
        value: value.map(str::to_owned),
    };
    let guest = Guest::new(tests::FILES)
        .params(json!({"steps": [{"do": "env"}]}))
        .allow(Capabilities {
            dirs: Vec::new(),
            env: vec![
                variable("CARGO_PKG_NAME", None),
                variable("CRONLET_TEST_NOT_SET", None),
                variable("GREETING", Some("good = morning\n")),
            ],
        });
    let expected = json!([{"ok": {
        "CARGO_PKG_NAME": std::env::var("CARGO_PKG_NAME").unwrap(),
        "GREETING": "good = morning\n",
    }}]);
    assert_eq!(output(&guest.outcome()), expected);
}

/// A job that reads what is in `data`.
const READS_DATA: &str = r#"
[jobs.reads]
plugin = "files"
params = { steps = [{ do = "read", path = "/data/file" }] }
allow = { dirs = [{ host = "data", guest = "/data" }] }
"#;

fn project(schedules: &str) -> Result<Project> {
    Project::new(
        schedules,
        &[("files", tests::FILES), ("hello", tests::HELLO)],
    )
}

#[test]
fn a_job_of_the_file_has_what_it_says_relative_to_the_file() -> Result<()> {
    let project = project("")?;
    fs::create_dir_all(project.path("conf/data"))?;
    fs::write(project.path("conf/data/file"), "found")?;
    project.write(
        "conf/schedules.toml",
        &format!(
            "[runtime]\nplugins = {:?}\n{READS_DATA}",
            project.path("plugins")
        ),
    )?;
    // The link's own folder counts, not that of the file it leads to.
    symlink("conf/schedules.toml", project.path("link.toml"))?;
    let said = project.cronlet(&["-c", "conf/schedules.toml", "run", "reads"])?;
    ensure!(said.code == 0, "{said:?}");
    ensure!(said.json()? == json!([{"ok": "found"}]), "{said:?}");
    let said = project.cronlet(&["-c", "link.toml", "run", "reads"])?;
    ensure!(said.code == 2, "{said:?}");
    ensure!(
        said.err.contains("there is no directory `data`"),
        "{said:?}"
    );
    Ok(())
}

#[test]
fn a_directory_that_is_not_there_is_a_problem_of_the_load() -> Result<()> {
    let project = project(READS_DATA)?;
    for command in [&["check"][..], &["run", "reads"]] {
        let said = project.cronlet(command)?;
        ensure!(said.code == 2, "{said:?}");
        ensure!(
            said.err.contains("there is no directory `data`"),
            "{said:?}"
        );
        ensure!(said.err.contains("mkdir -p data"), "{said:?}");
    }
    // The daemon starts; that job alone fails, until the directory is there.
    let daemon = project.serve()?;
    let status = project.cronlet(&["status"])?;
    ensure!(
        status.out.contains("there is no directory `data`"),
        "{status:?}"
    );
    let trigger = ["trigger", "reads", "--wait", "--json"];
    let run = project.cronlet(&trigger)?.json()?;
    ensure!(
        run["status"] == "failed" && run["reason"] == "load",
        "{run}"
    );
    ensure!(
        run["error"]["message"] == "there is no directory `data`",
        "{run}"
    );
    let troubled = || -> Result<Value> {
        let status = project.cronlet(&["status", "--json"])?.json()?;
        Ok(status["troubled"].clone())
    };
    let message = "job `reads` cannot run: there is no directory `data`";
    let expected = json!([{"job": "reads", "last_good": false, "message": message}]);
    ensure!(troubled()? == expected, "{}", troubled()?);
    fs::create_dir(project.path("data"))?;
    fs::write(project.path("data/file"), "found")?;
    let run = project.cronlet(&trigger)?.json()?;
    ensure!(troubled()? == json!([]), "{}", troubled()?);
    ensure!(run["output"] == json!([{"ok": "found"}]), "{run}");
    drop(daemon);
    Ok(())
}

#[test]
fn a_reload_that_grants_what_is_not_there_is_refused() -> Result<()> {
    let project = project("[jobs.other]\nplugin = \"hello\"\nparams = { name = \"you\" }\n")?;
    let mut daemon = project.serve()?;
    project.write("schedules.toml", READS_DATA)?;
    daemon.wait_for("there is no directory `data`")?;
    let run = project
        .cronlet(&["trigger", "other", "--wait", "--json"])?
        .json()?;
    ensure!(run["status"] == "succeeded", "{run}");
    fs::create_dir(project.path("data"))?;
    fs::write(project.path("data/file"), "found")?;
    project.write("schedules.toml", &format!("{READS_DATA}\n"))?;
    daemon.wait_for("reloaded: ")?;
    let run = project
        .cronlet(&["trigger", "reads", "--wait", "--json"])?
        .json()?;
    ensure!(run["status"] == "succeeded", "{run}");
    Ok(())
}

#[test]
fn flags_grant_what_a_component_has() -> Result<()> {
    let project = Project::empty()?;
    fs::create_dir(project.path("data"))?;
    fs::write(project.path("data/file"), "found")?;
    let run = |flags: &[&str], steps: Value| {
        let params = json!({ "steps": steps }).to_string();
        let mut arguments = vec!["run", tests::FILES, "--params", &params];
        arguments.extend(flags);
        project.cronlet(&arguments)
    };
    let write =
        json!([{"do": "write", "path": "/d/new", "text": "x"}, {"do": "list", "path": "/d"}]);
    let said = run(&["--allow-dir", "data::/d"], write.clone())?;
    ensure!(said.json()?[0]["error"].is_string(), "{said:?}");
    ensure!(said.json()?[1] == json!({"ok": ["file"]}), "{said:?}");
    let said = run(&["--allow-dir", "data::/d:rw"], write)?;
    ensure!(
        said.json()?[1] == json!({"ok": ["file", "new"]}),
        "{said:?}"
    );
    let env = json!([{"do": "env"}]);
    let said = run(&["--env", "A=b", "--env", "NOT_SET"], env.clone())?;
    ensure!(said.json()? == json!([{"ok": {"A": "b"}}]), "{said:?}");
    let said = run(&[], env)?;
    ensure!(said.json()? == json!([{"ok": {}}]), "{said:?}");
    let said = run(&["--allow-dir", "nowhere::/d"], json!([]))?;
    ensure!(
        said.code == 2 && said.err.contains("there is no directory `nowhere`"),
        "{said:?}"
    );
    let said = run(&["--allow-dir", "data"], json!([]))?;
    ensure!(
        said.code == 2 && said.err.contains("data::/data"),
        "{said:?}"
    );
    Ok(())
}
