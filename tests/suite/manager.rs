//! The daemon as a service: what it tells systemd, whose side the test plays, and the unit that ships.

use std::{
    ffi::OsStr,
    fs,
    os::unix::net::UnixDatagram,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use rustix::process::Signal;

use crate::project::{Project, Running};

/// Longer than any machine is slow.
const PATIENCE: Duration = Duration::from_mins(1);

const HELLO: &str = "[jobs.hello]\nplugin = \"hello\"\nparams = { name = \"you\" }\n";

/// The end of the socket where systemd listens.
struct Systemd(UnixDatagram);

impl Systemd {
    fn at(socket: UnixDatagram) -> Result<Self> {
        socket.set_read_timeout(Some(PATIENCE))?;
        Ok(Self(socket))
    }

    /// Waits for a message that has this in it.
    fn hears(&self, text: &str) -> Result<String> {
        let mut all = String::new();
        loop {
            let mut message = [0; 4096];
            let length = self
                .0
                .recv(&mut message)
                .with_context(|| format!("it never said `{text}`, but: {all}"))?;
            let message = str::from_utf8(&message[..length])?;
            ensure!(message.ends_with('\n'), "not lines: {message:?}");
            if message.contains(text) {
                return Ok(message.to_owned());
            }
            all.push_str(message);
        }
    }
}

fn hello() -> Result<Project> {
    Project::new(HELLO, &[("hello", tests::HELLO)])
}

/// A daemon whose manager listens at `address`.
fn serve(project: &Project, address: &OsStr) -> Result<Running> {
    let mut command = project.command(&["serve"]);
    command.env("NOTIFY_SOCKET", address);
    command.env("WATCHDOG_USEC", "60000");
    Project::start_command(&mut command)
}

#[test]
fn it_is_told_that_the_daemon_is_ready_and_lives_and_stops() -> Result<()> {
    let project = hello()?;
    let path = project.path("notify");
    let systemd = Systemd::at(UnixDatagram::bind(&path)?)?;
    let daemon = serve(&project, path.as_os_str())?;
    let before = systemd.hears("EXTEND_TIMEOUT_USEC=")?;
    ensure!(before.starts_with("STATUS=reading"), "{before}");

    systemd.hears("READY=1\n")?;
    assert_eq!(project.cronlet(&["status"])?.code, 0, "ready is ready");
    for _ in 0..3 {
        systemd.hears("WATCHDOG=1\n")?;
    }

    project.write("schedules.toml", "[jobs.hello]\n")?;
    systemd.hears("STATUS=1 job, 0 running, 0 queued, nothing is due; the schedules file is refused, it has a problem\n")?;

    daemon.signal(Signal::HUP)?;
    let reloads = systemd.hears("RELOADING=1\n")?;
    ensure!(reloads.contains("MONOTONIC_USEC="), "{reloads}");
    systemd.hears("READY=1\n")?;

    daemon.signal(Signal::TERM)?;
    let stops = systemd.hears("STOPPING=1\n")?;
    ensure!(stops.contains("EXTEND_TIMEOUT_USEC="), "{stops}");
    assert_eq!(daemon.end()?, 0);
    Ok(())
}

#[test]
#[cfg(target_os = "linux")]
fn its_socket_may_have_a_name_and_no_path() -> Result<()> {
    use std::os::{linux::net::SocketAddrExt as _, unix::net::SocketAddr};

    let project = hello()?;
    let folder = project.path("");
    let name = folder.to_str().context("a folder in UTF-8")?;
    let address = SocketAddr::from_abstract_name(name)?;
    let systemd = Systemd::at(UnixDatagram::bind_addr(&address)?)?;
    let daemon = serve(&project, format!("@{name}").as_ref())?;
    systemd.hears("READY=1\n")?;
    daemon.signal(Signal::TERM)?;
    assert_eq!(daemon.end()?, 0);
    Ok(())
}

#[test]
fn nobody_at_the_socket_is_a_word_in_the_log_and_no_more() -> Result<()> {
    let project = hello()?;
    let mut daemon = serve(&project, project.path("nobody").as_os_str())?;
    daemon.wait_for("nobody is told that cronlet is ready")?;
    daemon.wait_for("serving")?;
    daemon.signal(Signal::TERM)?;
    assert_eq!(daemon.end()?, 0);
    Ok(())
}

fn unit() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging/systemd/cronlet.service")
}

/// The values of a key of the unit.
fn values<'a>(unit: &'a str, key: &str) -> Vec<&'a str> {
    unit.lines()
        .filter_map(|line| line.strip_prefix(key)?.strip_prefix('='))
        .collect()
}

#[test]
fn the_unit_calls_what_there_is() -> Result<()> {
    let unit = fs::read_to_string(unit())?;
    let project = Project::empty()?;
    let commands = ["ExecStartPre", "ExecStart", "ExecReload"];
    let commands: Vec<_> = commands.iter().flat_map(|key| values(&unit, key)).collect();
    ensure!(commands.len() >= 2, "{commands:?}");
    for command in commands {
        let mut words = command.split_whitespace();
        ensure!(words.next() == Some("/usr/local/bin/cronlet"), "{command}");
        let verb = words.next().context("it has a verb")?;
        let help = project.cronlet(&[verb, "--help"])?;
        assert_eq!(help.code, 0, "{}", help.err);
        for flag in words.filter(|word| word.starts_with('-')) {
            ensure!(
                help.out.contains(flag),
                "`{verb}` has no `{flag}`:\n{}",
                help.out
            );
        }
    }
    assert_eq!(values(&unit, "Type"), ["notify"]);
    Ok(())
}

/// Where systemd is, it knows every line of the unit.
#[test]
fn systemd_understands_the_unit() -> Result<()> {
    let project = Project::empty()?;
    // Verified is also that the program is there and that it may be run.
    let program = std::env::current_exe()?;
    let unit = fs::read_to_string(unit())?
        .replace("/usr/local/bin/cronlet", &program.to_string_lossy())
        .replace("User=cronlet", "User=root")
        .replace("Group=cronlet", "Group=root");
    project.write("cronlet.service", &unit)?;
    let verified = Command::new("systemd-analyze")
        .arg("verify")
        .args(["--recursive-errors=no", "--man=no"])
        .arg(project.path("cronlet.service"))
        .output();
    let Ok(verified) = verified else {
        return Ok(());
    };
    let said = String::from_utf8_lossy(&verified.stderr);
    ensure!(
        verified.status.success() && !said.contains("cronlet.service"),
        "{said}"
    );
    Ok(())
}
