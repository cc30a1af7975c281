//! A component that is replaced.

use std::time::SystemTime;

use super::*;

#[test]
fn a_component_is_replaced_while_it_runs() -> Result<()> {
    let schedules = format!("{TICK}[jobs.a]\nplugin = \"a\"\n");
    let plugins = [("noop", tests::NOOP), ("a", tests::COOPERATIVE)];
    let project = Project::new(&schedules, &plugins)?;
    let daemon = Daemon::start(&project)?;
    let ticking = Ticking::of(project, daemon)?;
    let (project, daemon) = (&ticking.project, &ticking.daemon);
    let old = daemon.trigger("a")?;
    daemon.until("it works", |status| {
        status.running.iter().any(|it| it.progress.is_some())
    })?;
    // In place, over the very bytes that run.
    fs::write(project.path("plugins/a.wasm"), fs::read(tests::BARE)?)?;
    daemon.says("reloaded: changed `a`")?;
    let status = daemon.status()?;
    assert_eq!(status.running[0].run, old.0, "it goes on");
    assert_eq!(project.cronlet(&["cancel", &old.to_string()])?.code, 0);
    let row = project.until_final(old)?;
    assert_eq!(row.status, RunStatus::Cancelled);
    assert_eq!(components(&row), [Some(digest_of(tests::COOPERATIVE)?)]);
    let row = project.until_final(daemon.trigger("a")?)?;
    assert_eq!(row.status, RunStatus::Succeeded);
    assert_eq!(components(&row), [Some(digest_of(tests::BARE)?)]);
    ticking.nothing_is_lost()
}

#[test]
fn a_component_is_replaced_while_another_is_compiled_in_its_place() -> Result<()> {
    let ticking = Ticking::start()?;
    let (project, daemon) = (&ticking.project, &ticking.daemon);
    let slow = slow_component();
    replace(project, "plugins/noop.wasm", &slow)?;
    let began = Instant::now();
    daemon.until("it is compiled", |status| {
        status.config.state == "reloading"
    })?;
    replace(project, "plugins/noop.wasm", &fs::read(tests::BARE)?)?;
    let runs = project.until_runs("tick", ran_on(digest_of(tests::BARE)?))?;
    println!("another component: after {:?}", began.elapsed());
    live(daemon, TICK)?;
    let slow = Digest::of(&slow);
    assert!(!ran_on(slow)(&runs), "nobody wants it any more");
    let log = daemon.log();
    assert!(!log.contains("not reloaded"), "{log}");
    ticking.nothing_is_lost()
}

#[test]
fn garbage_in_place_of_a_component_changes_nothing() -> Result<()> {
    let ticking = Ticking::start()?;
    let (project, file) = (&ticking.project, ticking.project.path("plugins/noop.wasm"));
    let sound = fs::read(tests::NOOP)?;
    let mut torn = sound.clone();
    torn[sound.len() / 2..].fill(0xa5);
    let rows: [(&str, &[u8], &str); 5] = [
        ("text", b"#!/bin/sh\n", "it is not WebAssembly"),
        ("nothing", b"", "the file is empty"),
        ("a half", &sound[..sound.len() / 2], "it is not valid"),
        ("zeroes and noise", &torn, "it is not valid"),
        (
            "a core module",
            b"\0asm\x01\0\0\0",
            "it is a core WebAssembly module",
        ),
    ];
    for (what, bytes, why) in rows {
        fs::write(&file, bytes)?;
        let status = ticking.refused(why).context(what)?;
        assert_eq!(status.config.problems[0].line, Some(2), "{status:#?}");
        assert_eq!(project.cronlet(&["check"])?.code, 2, "{what}");
        let began = Instant::now();
        fs::write(&file, &sound)?;
        ticking.live(&format!("after {what}"), began, TICK)?;
        assert_eq!(project.cronlet(&["check"])?.code, 0, "{what}");
    }
    fs::remove_file(&file)?;
    fs::create_dir(&file)?;
    ticking.refused("`plugins/noop.wasm` is not a file")?;
    fs::remove_dir(&file)?;
    ticking.refused("there is no file `plugins/noop.wasm`")?;
    fs::write(&file, &sound)?;
    ticking.live("put back", Instant::now(), TICK)?;
    let runs = project.runs("tick")?;
    assert!(
        runs.iter().all(|run| run.status == RunStatus::Succeeded
            || run.status == RunStatus::Queued
            || run.status == RunStatus::Running),
        "the one that is live goes on: {runs:#?}"
    );
    ticking.nothing_is_lost()
}

#[test]
fn an_older_component_takes_the_place_of_a_newer_one() -> Result<()> {
    let ticking = Ticking::start()?;
    let project = &ticking.project;
    let new = digest_of(tests::NOOP)?;
    project.until_runs("tick", ran_on(new))?;
    // As `cp -p` and `mv` leave it, and package managers do.
    fs::copy(tests::BARE, project.path("older"))?;
    let older = File::options().write(true).open(project.path("older"))?;
    older.set_modified(SystemTime::now() - Duration::from_hours(24 * 365))?;
    fs::rename(project.path("older"), project.path("plugins/noop.wasm"))?;
    project.until_runs("tick", ran_on(digest_of(tests::BARE)?))?;
    ticking.nothing_is_lost()
}

#[test]
fn the_folder_of_the_plugins_is_swapped_as_a_whole() -> Result<()> {
    // As a deployment does it that keeps the last few versions.
    let project = Project::new(TICK, &[("noop", tests::NOOP)])?;
    fs::rename(project.path("plugins"), project.path("v1"))?;
    link(&project, "v1", "plugins")?;
    let daemon = Daemon::start(&project)?;
    let ticking = Ticking::of(project, daemon)?;
    let project = &ticking.project;
    fs::create_dir(project.path("v2"))?;
    fs::copy(tests::BARE, project.path("v2/noop.wasm"))?;
    link(project, "v2", "plugins")?;
    fs::remove_dir_all(project.path("v1"))?;
    project.until_runs("tick", ran_on(digest_of(tests::BARE)?))?;
    ticking.nothing_is_lost()
}

#[test]
fn a_component_that_is_written_in_pieces_is_read_when_it_is_whole() -> Result<()> {
    let ticking = Ticking::start()?;
    let (project, bytes) = (&ticking.project, fs::read(tests::BARE)?);
    let pieces: Vec<_> = bytes.chunks(bytes.len() / 16).collect();
    let said = loop {
        let heard = ticking.daemon.log().len();
        let file = project.path("plugins/noop.wasm");
        let was_quiet = in_pieces(&file, &pieces, QUIET / 3, QUIET)?;
        project.until_runs("tick", ran_on(Digest::of(&bytes)))?;
        if !was_quiet {
            break ticking.daemon.log().split_off(heard);
        }
    };
    assert!(!said.contains("not reloaded"), "a part was read: {said}");
    ticking.nothing_is_lost()
}

#[test]
fn the_log_names_the_file_that_is_compiled() -> Result<()> {
    let ticking = Ticking::start()?;
    ticking.daemon.says("compiled `plugins/noop.wasm`")?;
    ticking.nothing_is_lost()
}

/// A component that is no job, and takes the compiler some seconds.
fn slow_component() -> Vec<u8> {
    const FUNCTIONS: usize = 400;
    const STEPS: usize = 6000;
    // One local, an i64 x; x = 1; x = x * x + 3, again and again; end.
    let mut body = vec![1, 1, 0x7e, 0x42, 1, 0x21, 0];
    for _ in 0..STEPS {
        // local.get 0, local.get 0, i64.mul, i64.const 3, i64.add, local.set 0
        body.extend([0x20, 0, 0x20, 0, 0x7e, 0x42, 3, 0x7c, 0x21, 0]);
    }
    body.push(0x0b);
    let mut code = number(FUNCTIONS);
    for _ in 0..FUNCTIONS {
        code.extend(number(body.len()));
        code.extend(&body);
    }
    let mut functions = number(FUNCTIONS);
    functions.extend([0].repeat(FUNCTIONS));
    let mut module = b"\0asm\x01\0\0\0".to_vec();
    for (id, content) in [(1, vec![1, 0x60, 0, 0]), (3, functions), (10, code)] {
        section(&mut module, id, &content);
    }
    let mut component = b"\0asm\x0d\0\x01\0".to_vec();
    section(&mut component, 1, &module);
    component
}

fn section(to: &mut Vec<u8>, id: u8, content: &[u8]) {
    to.push(id);
    to.extend(number(content.len()));
    to.extend(content);
}

/// LEB128.
fn number(mut n: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = u8::try_from(n & 0x7f).unwrap_or_default();
        n >>= 7;
        if n == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}
