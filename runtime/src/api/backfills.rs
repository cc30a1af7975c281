//! Backfills: asking for one, stopping them, and how far one has come.

use std::num::NonZeroU32;

use axum::{
    Json,
    extract::{ConnectInfo, Path, State},
    http::StatusCode,
};
use cronlet_core::{
    backfill::{MAX_CONCURRENT, MAX_OPEN, Reprocess},
    engine::{Answer, BackfillsStopped},
    name::JobName,
    run::RequestId,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    problem::Problem,
    request::{BytesResult, Nothing, PathResult, job_named, no_such_job, read, refused},
    socket::Peer,
    view::Time,
};
use crate::{
    engine::{
        Handle,
        backfill::{Unfit, Wish},
        handle::{Backfilled, NotBackfilled},
    },
    store::history::BackfillRow,
};

/// Which part of the past is to run, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    pub from: Timestamp,
    /// The first moment that is no part of it.
    pub to: Timestamp,
    /// `none`, `failed` or `all`.
    #[serde(default)]
    pub reprocess: Option<String>,
    #[serde(default)]
    pub max_concurrent: Option<u32>,
    #[serde(default)]
    pub reverse: bool,
}

/// A backfill, and how far it has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backfill {
    /// Names it; none if there was nothing to do.
    pub backfill: Option<String>,
    pub job: String,
    /// `running`, `stopping`, `done`, `stopped` or `removed`.
    pub status: String,
    /// How many instants it is for.
    pub instants: u32,
    /// The oldest of them.
    pub first: Option<Time>,
    /// The newest.
    pub last: Option<Time>,
    pub max_concurrent: u32,
    pub reverse: bool,
    /// How many of the instants have a run.
    pub made: u32,
    /// Of these runs.
    pub open: u32,
    pub succeeded: u32,
    pub failed: u32,
    pub cancelled: u32,
    pub skipped: u32,
    pub created_at: Option<Time>,
    pub ended_at: Option<Time>,
    pub actor: Option<String>,
}

/// What became of a [`Request`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    #[serde(flatten)]
    pub backfill: Backfill,
    /// How many instants have a run already and are left out for that.
    pub already_run: u64,
    /// How many are left out because they are outside the active hours or in a blackout.
    pub excluded: u64,
}

/// What became of a stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stopped {
    /// How many backfills make no more runs from now on.
    pub stopped: u32,
    /// How many made none before, and are not over.
    pub already: u32,
    /// How many of their runs waited, and are cancelled.
    pub cancelled: u32,
    /// How many of their runs go on.
    pub running: u32,
}

impl From<BackfillsStopped> for Stopped {
    fn from(found: BackfillsStopped) -> Self {
        let BackfillsStopped {
            stopped,
            already,
            cancelled,
            running,
        } = found;
        Self {
            stopped,
            already,
            cancelled,
            running,
        }
    }
}

impl From<&BackfillRow> for Backfill {
    fn from(row: &BackfillRow) -> Self {
        let status = match (row.ended, row.stopped) {
            (Some(end), _) => end.as_str(),
            (None, Some(_)) => "stopping",
            (None, None) => "running",
        };
        Self {
            backfill: Some(row.id.to_string()),
            job: row.job.to_string(),
            status: status.to_owned(),
            instants: row.instants,
            first: row.first.map(Time),
            last: row.last.map(Time),
            max_concurrent: row.max_concurrent.get(),
            reverse: row.reverse,
            made: row.made,
            open: row.made.saturating_sub(row.tally.total()),
            succeeded: row.tally.succeeded,
            failed: row.tally.failed,
            cancelled: row.tally.cancelled,
            skipped: row.tally.skipped,
            created_at: Some(Time(row.created_at)),
            ended_at: row.ended_at.map(Time),
            actor: row.actor.clone(),
        }
    }
}

impl Backfill {
    /// One that has nothing to do, and is nowhere.
    fn of_nothing(job: &JobName) -> Self {
        Self {
            backfill: None,
            job: job.to_string(),
            status: "done".to_owned(),
            instants: 0,
            first: None,
            last: None,
            max_concurrent: 1,
            reverse: false,
            made: 0,
            open: 0,
            succeeded: 0,
            failed: 0,
            cancelled: 0,
            skipped: 0,
            created_at: None,
            ended_at: None,
            actor: None,
        }
    }

    /// How many of its runs are over.
    pub fn over(&self) -> u32 {
        self.made.saturating_sub(self.open)
    }
}

pub(super) async fn request(
    State(engine): State<Handle>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    name: PathResult<String>,
    body: BytesResult,
) -> Result<(StatusCode, Json<Accepted>), Problem> {
    let Path(name) = name?;
    let job = job_named(&name)?;
    let request: Option<Request> = read(&body?)?;
    let request = request.ok_or_else(|| Problem::bad_request("`from` and `to` are missing"))?;
    let reprocess = request.reprocess.as_deref().unwrap_or("none");
    let wish = Wish {
        from: request.from,
        to: request.to,
        reprocess: reprocess.parse::<Reprocess>().map_err(|error| {
            Problem::bad_request(format!("`reprocess`: {error}")).help("`none`, `failed` or `all`")
        })?,
    };
    let max_concurrent = concurrent(request.max_concurrent.unwrap_or(1))?;
    let asked = engine.backfill(
        job.clone(),
        wish,
        (max_concurrent, request.reverse),
        peer.actor(),
    );
    let Backfilled { chosen, id } = asked.await.map_err(|error| match error {
        NotBackfilled::Unfit(unfit) => unfit.into(),
        NotBackfilled::Unread(error) => error.into(),
        NotBackfilled::Refused(Answer::NoSuchJob) => no_such_job(&name),
        NotBackfilled::Refused(Answer::TooManyBackfills) => Problem::conflict(format!(
            "{MAX_OPEN} backfills are under way, which is as many as may be"
        ))
        .help("wait for one of them, or stop those of a job: `cronlet backfill JOB --stop`"),
        NotBackfilled::Refused(other) => refused(other),
    })?;
    let row = match id {
        Some(id) => engine.stored_backfill(id).await?,
        None => None,
    };
    let backfill = row.as_ref().map(Backfill::from);
    let accepted = Accepted {
        backfill: backfill.unwrap_or_else(|| Backfill::of_nothing(&job)),
        already_run: chosen.standing,
        excluded: chosen.excluded,
    };
    Ok((StatusCode::ACCEPTED, Json(accepted)))
}

fn concurrent(count: u32) -> Result<NonZeroU32, Problem> {
    let count = NonZeroU32::new(count).filter(|count| *count <= MAX_CONCURRENT);
    let most = MAX_CONCURRENT;
    count.ok_or_else(|| Problem::bad_request(format!("`max_concurrent` is from 1 to {most}")))
}

pub(super) async fn stop(
    State(engine): State<Handle>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    name: PathResult<String>,
    body: BytesResult,
) -> Result<(StatusCode, Json<Stopped>), Problem> {
    let Path(name) = name?;
    let Nothing {} = read(&body?)?;
    let job = job_named(&name)?;
    match engine.stop_backfills(job, peer.actor()).await {
        Answer::BackfillsStopped(found) => Ok((StatusCode::ACCEPTED, Json(found.into()))),
        Answer::NoSuchJob => Err(no_such_job(&name)),
        Answer::NotOpen => Err(Problem::conflict(format!(
            "no backfill of `{name}` is under way"
        ))),
        other => Err(refused(other)),
    }
}

pub(super) async fn show(
    State(engine): State<Handle>,
    id: PathResult<String>,
) -> Result<Json<Backfill>, Problem> {
    let Path(text) = id?;
    let id = text.parse::<RequestId>();
    let row = match id {
        Ok(id) => engine.stored_backfill(id).await?,
        Err(_) => None,
    };
    let row = row.ok_or_else(|| Problem::not_found(format!("there is no backfill `{text}`")))?;
    Ok(Json(Backfill::from(&row)))
}

impl From<Unfit> for Problem {
    fn from(unfit: Unfit) -> Self {
        let problem = if unfit.is_of_the_job() {
            Self::conflict(unfit.to_string())
        } else {
            Self::bad_request(unfit.to_string())
        };
        problem.help(unfit.help())
    }
}
