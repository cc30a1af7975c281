//! Pausing jobs, and resuming them.

use axum::{
    Json,
    extract::{ConnectInfo, Path, State},
};
use cronlet_core::engine::{Answer, Jobs};
use serde::{Deserialize, Serialize};

use super::{
    problem::Problem,
    request::{BytesResult, Nothing, PathResult, job_named, no_such_job, read, refused},
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
    let answer = engine.pause(jobs.clone(), peer.actor()).await;
    turned(&jobs, answer)
}

pub(super) async fn resume(
    State(engine): State<Handle>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    name: PathResult<String>,
    body: BytesResult,
) -> Reply {
    let jobs = one(name, body)?;
    let answer = engine.resume(jobs.clone(), peer.actor()).await;
    turned(&jobs, answer)
}

/// Every job of the plan.
pub(super) async fn pause_all(
    State(engine): State<Handle>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    body: BytesResult,
) -> Reply {
    let Nothing {} = read(&body?)?;
    turned(&Jobs::All, engine.pause(Jobs::All, peer.actor()).await)
}

/// Every job of the plan.
pub(super) async fn resume_all(
    State(engine): State<Handle>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    body: BytesResult,
) -> Reply {
    let Nothing {} = read(&body?)?;
    turned(&Jobs::All, engine.resume(Jobs::All, peer.actor()).await)
}

fn one(name: PathResult<String>, body: BytesResult) -> Result<Jobs, Problem> {
    let Path(name) = name?;
    let Nothing {} = read(&body?)?;
    job_named(&name).map(Jobs::One)
}

/// The answer to a wish that is about these jobs.
fn turned(of: &Jobs, answer: Answer) -> Reply {
    let (status, jobs, already) = match (answer, of) {
        (Answer::Paused { jobs, already }, _) => ("paused", jobs, already),
        (Answer::Resumed { jobs, already }, _) => ("resumed", jobs, already),
        (Answer::NoSuchJob, Jobs::One(name)) => return Err(no_such_job(name.as_str())),
        (other, _) => return Err(refused(other)),
    };
    Ok(Json(Turned {
        status: status.to_owned(),
        jobs,
        already,
    }))
}
