//! Asking for runs, for their end, and how they went.

use axum::{
    Json,
    extract::{ConnectInfo, Path, Query, State},
    http::StatusCode,
};
use cronlet_core::{
    engine::Answer,
    run::{RunId, RunStatus},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    problem::Problem,
    request::{
        BytesResult, Nothing, PathResult, QueryResult, Until, Wait, job_named, no_such_job,
        no_such_run, read, refused,
    },
    socket::Peer,
    view,
};
use crate::engine::{Handle, handle::Wanted};

/// What may be said of a run that is asked for.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Takes the place of the job's params.
    #[serde(default)]
    pub params: Option<Map<String, Value>>,
    /// The instant the run is for; none is now.
    #[serde(default)]
    pub nominal: Option<Timestamp>,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    pub run: u64,
    /// `queued`, or `skipped` because the job's policy says so.
    pub status: String,
    /// Of the skip.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// How a run is to be cancelled.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cancel {
    /// At once, without asking the guest first.
    #[serde(default)]
    pub kill: bool,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cancelled {
    /// `cancelled`, or `cancelling` while the guest still runs.
    pub status: String,
}

pub(super) async fn request(
    State(engine): State<Handle>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    name: PathResult<String>,
    body: BytesResult,
) -> Result<(StatusCode, Json<Accepted>), Problem> {
    let Path(name) = name?;
    let job = job_named(&name)?;
    let request: Request = read(&body?)?;
    let wanted = Wanted {
        job,
        nominal: request.nominal,
        params: request
            .params
            .map(|params| Value::from(params).to_string().into()),
        input_of: None,
        actor: peer.actor(),
    };
    ask(&engine, wanted, || no_such_job(&name)).await
}

/// The same job with the same params, input and nominal time, as a manual run.
pub(super) async fn rerun(
    State(engine): State<Handle>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    run: PathResult<u64>,
    body: BytesResult,
) -> Result<(StatusCode, Json<Accepted>), Problem> {
    let Path(run) = run?;
    let Nothing {} = read(&body?)?;
    let row = engine.run(RunId(run)).await?;
    let row = row.ok_or_else(|| no_such_run(run))?;
    if let Some(upstream) = row.input_of
        && engine.run(upstream).await?.is_none()
    {
        return Err(no_input(run, upstream));
    }
    let gone = format!("run {run} was of the job `{}`, which is gone", row.job);
    let wanted = Wanted {
        job: row.job,
        nominal: Some(row.nominal),
        params: row.params.map(Into::into),
        input_of: row.input_of,
        actor: peer.actor(),
    };
    ask(&engine, wanted, || Problem::not_found(gone)).await
}

async fn ask(
    engine: &Handle,
    wanted: Wanted,
    no_such_job: impl FnOnce() -> Problem,
) -> Result<(StatusCode, Json<Accepted>), Problem> {
    let (run, reason) = match engine.request_run(wanted).await {
        Answer::Queued(run) => (run, None),
        Answer::Skipped(run, reason) => (run, Some(reason)),
        Answer::NoSuchJob => return Err(no_such_job()),
        other => return Err(refused(other)),
    };
    let status = reason.map_or(RunStatus::Queued, |_| RunStatus::Skipped);
    let accepted = Accepted {
        run: run.0,
        status: status.to_string(),
        reason: reason.map(|reason| reason.to_string()),
    };
    Ok((StatusCode::ACCEPTED, Json(accepted)))
}

pub(super) async fn show(
    State(engine): State<Handle>,
    run: PathResult<u64>,
    wait: QueryResult<Wait>,
) -> Result<Json<view::Run>, Problem> {
    let (Path(run), Query(wait)) = (run?, wait?);
    let row = match wait.wait {
        Some(Until::Final) => engine.wait_final(RunId(run)).await?,
        None => engine.run(RunId(run)).await?,
    };
    let row = row.ok_or_else(|| no_such_run(run))?;
    Ok(Json(view::Run::from(&row)))
}

pub(super) async fn cancel(
    State(engine): State<Handle>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    run: PathResult<u64>,
    body: BytesResult,
) -> Result<(StatusCode, Json<Cancelled>), Problem> {
    let Path(run) = run?;
    let cancel: Cancel = read(&body?)?;
    let status = match engine.cancel(RunId(run), cancel.kill, peer.actor()).await {
        Answer::Cancelled => "cancelled",
        Answer::Cancelling => "cancelling",
        Answer::NotOpen => return Err(not_open(&engine, run).await?),
        other => return Err(refused(other)),
    };
    let status = status.to_owned();
    Ok((StatusCode::ACCEPTED, Json(Cancelled { status })))
}

/// The run is over, or never was.
async fn not_open(engine: &Handle, run: u64) -> Result<Problem, Problem> {
    Ok(match engine.run(RunId(run)).await? {
        Some(row) => Problem::conflict(format!("run {run} is over: {}", row.status)),
        None => no_such_run(run),
    })
}

/// What a run got as its input is there no more, and without it the same run would be another one.
fn no_input(run: u64, upstream: RunId) -> Problem {
    Problem::conflict(format!(
        "the input of run {run} was the output of run {upstream}, whose history is kept no more"
    ))
}
