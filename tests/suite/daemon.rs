//! `cronlet serve` as another process, its log, and its history, looked at from outside.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Stdio},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use cronlet::{
    api::{client::Client, status::Status},
    store::{
        History as _,
        history::{Entry, JobRow, Query, RunRow},
        sqlite,
    },
};
use cronlet_core::{name::JobName, run::RunId};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::project::Project;

/// Longer than any machine is slow.
const PATIENCE: Duration = Duration::from_mins(1);

/// Between two looks at what somebody else does.
const LOOK: Duration = Duration::from_millis(5);

/// A daemon. It is killed when it is dropped.
pub(crate) struct Daemon {
    child: Child,
    client: Client,
    log: Log,
}

/// What a daemon says, as it says it.
#[derive(Clone, Default)]
struct Log(Arc<(Mutex<Heard>, Condvar)>);

#[derive(Default)]
struct Heard {
    text: String,
    ended: bool,
}

impl Daemon {
    /// A daemon that answers.
    pub(crate) fn start(project: &Project) -> Result<Self> {
        Self::start_with(project, &[])
    }

    /// The same, with flags.
    pub(crate) fn start_with(project: &Project, flags: &[&str]) -> Result<Self> {
        let mut child = project
            .command(&[&["serve"], flags].concat())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .context("start the built cronlet; `cargo xtask test` builds it")?;
        let lines = BufReader::new(child.stderr.take().context("it has a standard error")?);
        let log = Log::default();
        let heard = log.clone();
        thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                heard.hear(&line);
            }
            heard.end();
        });
        let daemon = Self {
            child,
            client: Client::new(&project.path("cronlet.db.sock")),
            log,
        };
        until("the daemon is ready", || {
            ensure!(!daemon.log.ended(), "it ended: {}", daemon.log());
            let ready = daemon.client.get("/readyz");
            Ok(ready.is_ok_and(|answer| answer.status == 200).then_some(()))
        })?;
        Ok(daemon)
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// All it has said.
    pub(crate) fn log(&self) -> String {
        self.log.heard().text.clone()
    }

    /// Waits until it has said `text`.
    pub(crate) fn says(&self, text: &str) -> Result<()> {
        let changed = &self.log.0.1;
        let silent = |heard: &mut Heard| !heard.ended && !heard.text.contains(text);
        let (heard, _) = changed
            .wait_timeout_while(self.log.heard(), PATIENCE, silent)
            .unwrap_or_else(PoisonError::into_inner);
        let said = heard.text.contains(text);
        ensure!(said, "it never said `{text}`, but: {}", heard.text);
        Ok(())
    }

    /// How it says it goes.
    pub(crate) fn status(&self) -> Result<Status> {
        Ok(self.client.get("/api/v1/status")?.ok()?)
    }

    /// What it says at this path.
    pub(crate) fn get(&self, path: &str) -> Result<Value> {
        Ok(self.client.get(path)?.ok()?)
    }

    /// Waits until its status is as it should be.
    pub(crate) fn until(&self, what: &str, is: impl Fn(&Status) -> bool) -> Result<Status> {
        until(what, || Ok(Some(self.status()?).filter(&is)))
    }

    /// Asks for a run, and gives its number.
    pub(crate) fn trigger(&self, job: &str) -> Result<RunId> {
        let path = format!("/api/v1/jobs/{job}/runs");
        let accepted: Value = self.client.post(&path, &json!({}))?.ok()?;
        let run = accepted["run"].as_u64();
        Ok(RunId(run.with_context(|| format!("no run: {accepted}"))?))
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) -> Result<()> {
        Ok(kill_process(Pid::from_child(&self.child), signal)?)
    }

    /// Asks it to stop, waits for its end, and gives its exit code.
    pub(crate) fn stop(self) -> Result<i32> {
        self.signal(Signal::TERM)?;
        self.end()
    }

    /// Waits for its end, and gives its exit code.
    pub(crate) fn end(mut self) -> Result<i32> {
        let code = until("the daemon ends", || Ok(self.child.try_wait()?))?.code();
        code.with_context(|| format!("it was killed: {}", self.log()))
    }

    /// Kills it, as a power cut would.
    pub(crate) fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // After its end there is nothing left to kill, and that is no error here.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Log {
    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hear(&self, line: &str) {
        let mut heard = self.heard();
        heard.text.push_str(line);
        heard.text.push('\n');
        self.0.1.notify_all();
    }

    fn end(&self) {
        self.heard().ended = true;
        self.0.1.notify_all();
    }

    fn ended(&self) -> bool {
        self.heard().ended
    }
}

/// What is in the history.
impl Project {
    fn history(&self) -> Result<sqlite::SqliteHistory> {
        Ok(sqlite::history(&self.path("cronlet.db"))?)
    }

    /// Everything, oldest first.
    pub(crate) fn entries(&self) -> Result<Vec<Entry>> {
        let mut entries = self.history()?.entries(&Query::default())?;
        entries.reverse();
        Ok(entries)
    }

    /// The runs of a job, oldest first.
    pub(crate) fn runs(&self, job: &str) -> Result<Vec<RunRow>> {
        let run = |entry| match entry {
            Entry::Run(row) if row.job.as_str() == job => Some(*row),
            _ => None,
        };
        Ok(self.entries()?.into_iter().filter_map(run).collect())
    }

    /// What is stored of a job.
    pub(crate) fn job(&self, name: &str) -> Result<Option<JobRow>> {
        let name = JobName::new(name)?;
        let jobs = self.history()?.jobs()?;
        Ok(jobs.into_iter().find(|row| row.job == name))
    }

    /// Waits until the runs of a job are as they should be.
    pub(crate) fn until_runs(
        &self,
        job: &str,
        are: impl Fn(&[RunRow]) -> bool,
    ) -> Result<Vec<RunRow>> {
        until(
            &format!("the runs of `{job}` are as they should be"),
            || Ok(Some(self.runs(job)?).filter(|runs| are(runs))),
        )
        .with_context(|| format!("{:#?}", self.runs(job)))
    }

    /// Waits until a run is over.
    pub(crate) fn until_final(&self, run: RunId) -> Result<RunRow> {
        until(&format!("run {run} is over"), || {
            let row = self.history()?.run(run)?;
            Ok(row.filter(|row| row.status.is_final()))
        })
    }
}

/// Waits until there is something.
pub(crate) fn until<T>(what: &str, mut look: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let begin = Instant::now();
    loop {
        if let Some(found) = look()? {
            return Ok(found);
        }
        if begin.elapsed() > PATIENCE {
            bail!("waited too long until {what}");
        }
        thread::sleep(LOOK);
    }
}
