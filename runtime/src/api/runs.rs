//! Asking for runs, for their end, and how they went.

use std::sync::Arc;

use axum::{
    Json,
    body::Bytes,
    extract::{ConnectInfo, Path, Query, State},
    http::StatusCode,
};
use cronlet_core::{
    engine::Answer,
    name::JobName,
    run::{RunId, RunStatus},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use super::{problem::Problem, socket::Peer, view};
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

/// A body that has nothing to say.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

/// How long to wait for an answer.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wait {
    pub(super) wait: Option<Until>,
}

/// See [`Wait`].
#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Until {
    Final,
}

pub(super) type PathResult<T> = Result<Path<T>, axum::extract::rejection::PathRejection>;
pub(super) type QueryResult<T> = Result<Query<T>, axum::extract::rejection::QueryRejection>;
pub(super) type BytesResult = Result<Bytes, axum::extract::rejection::BytesRejection>;

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

/// The job that a path names. What cannot be a name is no job's.
pub(super) fn job_named(name: &str) -> Result<JobName, Problem> {
    JobName::new(name).map_err(|_| no_such_job(name))
}

pub(super) fn no_such_job(name: &str) -> Problem {
    Problem::not_found(format!("there is no job `{name}`"))
}

pub(super) fn no_such_run(run: u64) -> Problem {
    Problem::not_found(format!("there is no run {run}"))
}

/// What a run got as its input is there no more, and without it the same run would be another one.
fn no_input(run: u64, upstream: RunId) -> Problem {
    Problem::conflict(format!(
        "the input of run {run} was the output of run {upstream}, whose history is kept no more"
    ))
}

/// The engine takes no requests now.
pub(super) fn refused(answer: Answer) -> Problem {
    Problem::unavailable(match answer {
        Answer::StoreFailed => "the store cannot write, so nothing can start",
        _ => "the daemon is stopping",
    })
}

/// JSON, or nothing.
pub(super) fn read<T: DeserializeOwned + Default>(body: &Bytes) -> Result<T, Problem> {
    if body.is_empty() {
        return Ok(T::default());
    }
    serde_json::from_slice(body).map_err(|error| {
        Problem::bad_request(format!("the body is not what it should be: {error}"))
    })
}

impl Peer {
    pub(super) fn actor(self) -> Option<Arc<str>> {
        self.uid.map(|uid| format!("uid:{uid}").into())
    }
}
