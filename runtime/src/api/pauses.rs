//! Pausing jobs, and resuming them.

use axum::{
    Json,
    extract::{ConnectInfo, Path, State},
};
use cronlet_core::{
    engine::{Answer, Jobs},
    name::JobName,
};
use serde::{Deserialize, Serialize};

use super::{
    problem::Problem,
    runs::{BytesResult, Nothing, PathResult, read},
    socket::Peer,
};
use crate::engine::Handle;

/// What became of the wish: each job that it is about is paused, or none is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turned {
    /// `paused` or `resumed`.
    pub status: String,
    /// How many jobs it has changed.
    pub jobs: usize,
    /// How many were so before.
    pub already: usize,
}

type Reply = Result<Json<Turned>, Problem>;

pub(super) async fn pause(
    State(engine): State<Handle>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    name: PathResult<String>,
    body: BytesResult,
) -> Reply {
    let jobs = one(name, body)?;
    turned(engine.pause(jobs, peer.actor()).await)
}

pub(super) async fn resume(
    State(engine): State<Handle>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    name: PathResult<String>,
    body: BytesResult,
) -> Reply {
    let jobs = one(name, body)?;
    turned(engine.resume(jobs, peer.actor()).await)
}

/// Every job of the plan.
pub(super) async fn pause_all(
    State(engine): State<Handle>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    body: BytesResult,
) -> Reply {
    let Nothing {} = read(&body?)?;
    turned(engine.pause(Jobs::All, peer.actor()).await)
}

/// Every job of the plan.
pub(super) async fn resume_all(
    State(engine): State<Handle>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    body: BytesResult,
) -> Reply {
    let Nothing {} = read(&body?)?;
    turned(engine.resume(Jobs::All, peer.actor()).await)
}

fn one(name: PathResult<String>, body: BytesResult) -> Result<Jobs, Problem> {
    let Path(name) = name?;
    let Nothing {} = read(&body?)?;
    JobName::new(&name)
        .map(Jobs::One)
        .map_err(|_| no_such_job())
}

fn no_such_job() -> Problem {
    Problem::not_found("there is no such job")
}

fn turned(answer: Answer) -> Reply {
    let (status, jobs, already) = match answer {
        Answer::Paused { jobs, already } => ("paused", jobs, already),
        Answer::Resumed { jobs, already } => ("resumed", jobs, already),
        Answer::NoSuchJob => return Err(no_such_job()),
        Answer::StoreFailed => {
            return Err(Problem::unavailable(
                "the store cannot write, so nobody can pause or resume",
            ));
        }
        _ => return Err(Problem::unavailable("the daemon is stopping")),
    };
    Ok(Json(Turned {
        status: status.to_owned(),
        jobs,
        already,
    }))
}
