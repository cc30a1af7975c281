//! What is saved while the daemon runs takes effect, or changes nothing.
//!
//! Most tests have a job `tick`, due every second and in every text that is saved: when the daemon has
//! stopped, its history must have each of its instants once.

use std::{
    fs::{self, File},
    io::Write as _,
    os::unix::fs::symlink,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use cronlet::{api::status::Status, store::history::RunRow};
use cronlet_core::{digest::Digest, run::RunStatus};
use jiff::Timestamp;

use crate::{
    daemon::{Daemon, until},
    instants,
    project::Project,
};

mod basics;
mod command;
mod components;
mod saving;
mod start;
pub(crate) mod trouble;

/// What a save must have been quiet for, and what a text must that lacks a job.
const QUIET: Duration = Duration::from_millis(100);
const LONG_QUIET: Duration = Duration::from_millis(500);

const TICK: &str = "[jobs.tick]\nplugin = \"noop\"\nevery = \"1s\"\n";

/// A daemon with the job `tick`, and what to hold its history against.
struct Ticking {
    project: Project,
    daemon: Daemon,
    since: Timestamp,
}

impl Ticking {
    fn start() -> Result<Self> {
        let project = Project::new(TICK, &[("noop", tests::NOOP)])?;
        let daemon = Daemon::start(&project)?;
        Self::of(project, daemon)
    }

    /// What is due from now on is held against the history.
    fn of(project: Project, daemon: Daemon) -> Result<Self> {
        let tick = until("`tick` is accepted", || project.job("tick"))?;
        Ok(Self {
            project,
            daemon,
            since: tick.watermark,
        })
    }

    /// Waits until `text` is live, however it was saved at `began`, and says how long that took.
    #[expect(
        clippy::print_stdout,
        reason = "for who runs the test to see how long it takes"
    )]
    fn live(&self, how: &str, began: Instant, text: &str) -> Result<Status> {
        let status = live(&self.daemon, text).with_context(|| how.to_owned())?;
        println!("{how}: live after {:?}", began.elapsed());
        assert!(
            status.config.problems.is_empty() && status.health.reasons.is_empty(),
            "{how}: {status:#?}"
        );
        Ok(status)
    }

    /// Waits until the file is refused for one reason, which is in the status, in the log and in the
    /// health, and until `tick` has run once more.
    fn refused(&self, why: &str) -> Result<Status> {
        let refused = |status: &Status| {
            let mut problems = status.config.problems.iter();
            status.config.state == "refused" && problems.any(|it| it.message.contains(why))
        };
        let status = self
            .daemon
            .until(&format!("it is refused: {why}"), refused)?;
        assert_eq!(status.health.status, "degraded");
        assert!(status.health.healthy, "it does its work");
        assert_eq!(status.config.problems.len(), 1, "{status:#?}");
        self.daemon.says(why)?;
        let runs = self.project.runs("tick")?.len();
        self.project.until_runs("tick", |it| it.len() > runs)?;
        Ok(status)
    }

    /// Stops the daemon; each instant of `tick` up to now is accounted for once.
    fn nothing_is_lost(self) -> Result<()> {
        let Self {
            project,
            daemon,
            since,
        } = self;
        let watermark = || {
            let tick = project.job("tick")?.context("it is a job")?;
            anyhow::Ok(tick.watermark)
        };
        until(
            "`tick` was due",
            || Ok((watermark()? > since).then_some(())),
        )?;
        assert_eq!(daemon.stop()?, 0);
        let through = watermark()?;
        instants::check(&project.entries()?, "tick", since, through)
            .with_context(|| format!("`tick` from {since} to {through}"))
    }
}

/// A text with `tick` and something that makes it another text.
fn text(number: u32) -> String {
    format!("{TICK}\n[jobs.other]\nplugin = \"noop\"\nparams = {{ n = {number} }}\n")
}

/// As most editors do it: a new file takes the place of the old one.
fn replace(project: &Project, name: &str, text: &[u8]) -> Result<()> {
    fs::write(project.path(".new"), text)?;
    fs::rename(project.path(".new"), project.path(name)).context("rename")
}

/// A new link takes the place of what is there.
fn link(project: &Project, target: &str, name: &str) -> Result<()> {
    symlink(target, project.path(".link"))?;
    fs::rename(project.path(".link"), project.path(name)).context("rename the link")
}

/// Writes a file in pieces, with pauses between them, and says whether it was ever quiet for as long as
/// `quiet`: a machine that is busy makes a pause longer than it should be, and then it is another test.
fn in_pieces(path: &Path, pieces: &[&[u8]], pause: Duration, quiet: Duration) -> Result<bool> {
    let mut file = File::create(path)?;
    let mut written = Instant::now();
    let mut was_quiet = false;
    for (number, piece) in pieces.iter().enumerate() {
        if number > 0 {
            thread::sleep(pause);
        }
        file.write_all(piece)?;
        was_quiet |= written.elapsed() >= quiet;
        written = Instant::now();
    }
    Ok(was_quiet)
}

fn is_live(status: &Status, text: &str) -> bool {
    status.config.state == "live" && status.config.sha256 == Digest::of(text.as_bytes()).to_string()
}

fn live(daemon: &Daemon, text: &str) -> Result<Status> {
    daemon.until("the save is live", |status| is_live(status, text))
}

fn digest_of(component: impl AsRef<Path>) -> Result<Digest> {
    Ok(Digest::of(&fs::read(component)?))
}

fn components(row: &RunRow) -> Vec<Option<Digest>> {
    row.attempts
        .iter()
        .map(|attempt| attempt.component)
        .collect()
}

fn ran_on(digest: Digest) -> impl Fn(&[RunRow]) -> bool {
    move |runs| {
        runs.iter()
            .any(|run| components(run).contains(&Some(digest)))
    }
}
