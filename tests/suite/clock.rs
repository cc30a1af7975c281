//! A database that a daemon with a wrong clock has left: the next one goes on, and nothing runs twice.

use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use cronlet::store::{
    Store as _,
    history::Entry,
    sqlite::{self, Owner},
};
use cronlet_core::{
    name::JobName,
    record::{Batch, NewRun, Record, Seq},
    run::{Cause, Origin, RunEnd, RunId, SkipReason, Turn},
};
use jiff::{SignedDuration, Timestamp};

use crate::{
    daemon::{Daemon, until},
    instants,
    project::Project,
};

const SCHEDULES: &str = "[jobs.tick]\nplugin = \"noop\"\nevery = \"1s\"\n";

/// Far enough.
const FUTURE: &str = "2126-03-01T06:00:00Z";

/// Does what a daemon does whose clock is a hundred years ahead: it catches up, and runs once.
fn live_in_the_future(project: &Project) -> Result<RunId> {
    let me = Owner {
        pid: std::process::id(),
        socket: None,
    };
    let mut store = sqlite::open(&project.path("cronlet.db"), &me)?;
    let recovery = store.recover()?;
    let (job, at): (JobName, Timestamp) = (JobName::new("tick")?, FUTURE.parse()?);
    let stored = recovery.jobs.iter().find(|stored| stored.job == job);
    let second = SignedDuration::from_secs(1);
    let (first, last) = (
        stored.context("it was there")?.watermark + second,
        at - second,
    );
    let run = RunId(recovery.next_run);
    let new = NewRun {
        run,
        job: job.clone(),
        cause: Cause::Time(at),
        nominal: at,
        origin: Origin::Schedule,
        actor: None,
        params: None,
        queued_at: at,
        turn: Turn::Now,
    };
    let records = vec![
        Record::Skipped {
            job: job.clone(),
            reason: SkipReason::Missed,
            first,
            last,
            count: u64::try_from(last.duration_since(first).as_secs())? + 1,
        },
        Record::RunQueued(Arc::new(new)),
        Record::RunEnded {
            run,
            end: RunEnd::Cancelled,
            message: None,
        },
        Record::Watermark { job, to: at },
        Record::Stopped,
    ];
    store.commit(&[Batch {
        seq: Seq(1),
        at,
        records,
    }])?;
    Ok(run)
}

fn watermark(project: &Project) -> Result<Timestamp> {
    Ok(project.job("tick")?.context("it is a job")?.watermark)
}

#[test]
fn a_clock_that_was_a_century_ahead_silences_nobody() -> Result<()> {
    let project = Project::new(SCHEDULES, &[("noop", tests::NOOP)])?;
    let daemon = Daemon::start(&project)?;
    let since = until("the job is accepted", || project.job("tick"))?.watermark;
    project.until_runs("tick", |runs| !runs.is_empty())?;
    assert_eq!(daemon.stop()?, 0);
    let early = live_in_the_future(&project)?;
    assert_eq!(watermark(&project)?, FUTURE.parse()?);

    for life in 0..2 {
        let daemon = Daemon::start(&project)?;
        project.until_runs("tick", |runs| {
            let newer = runs.iter().filter(|run| run.run > early);
            newer.count() > 2 * (life + 1)
        })?;
        let told = daemon.log().matches("the wall clock was wrong").count();
        assert_eq!(told, usize::from(life == 0), "it is told once");
        let status = daemon.status()?;
        ensure!(status.clock.set && status.health.reasons.is_empty());
        assert_eq!(daemon.stop()?, 0);
    }
    // What ran is there, and everything else is as if the clock had been right.
    let entries = project.entries()?;
    let (ahead, rest): (Vec<Entry>, Vec<Entry>) = entries
        .into_iter()
        .partition(|entry| matches!(entry, Entry::Run(run) if run.run == early));
    assert_eq!(ahead.len(), 1);
    instants::check(&rest, "tick", since, watermark(&project)?)
}
