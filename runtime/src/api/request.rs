//! What requests have in common: what they name, what they bring, who asks, and how they are refused.

use std::sync::Arc;

use axum::{
    body::Bytes,
    extract::{
        Path, Query,
        rejection::{BytesRejection, PathRejection, QueryRejection},
    },
};
use cronlet_core::{engine::Answer, name::JobName};
use serde::{Deserialize, de::DeserializeOwned};

use super::{problem::Problem, socket::Peer};

pub(super) type PathResult<T> = Result<Path<T>, PathRejection>;
pub(super) type QueryResult<T> = Result<Query<T>, QueryRejection>;
pub(super) type BytesResult = Result<Bytes, BytesRejection>;

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

/// JSON, or nothing.
pub(super) fn read<T: DeserializeOwned + Default>(body: &Bytes) -> Result<T, Problem> {
    if body.is_empty() {
        return Ok(T::default());
    }
    serde_json::from_slice(body).map_err(|error| {
        Problem::bad_request(format!("the body is not what it should be: {error}"))
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

/// The engine takes no requests now.
pub(super) fn refused(answer: Answer) -> Problem {
    Problem::unavailable(match answer {
        Answer::StoreFailed => {
            "the store cannot write, and what is asked for is refused until it can"
        }
        _ => "the daemon is stopping",
    })
}

impl Peer {
    pub(super) fn actor(self) -> Option<Arc<str>> {
        self.uid.map(|uid| format!("uid:{uid}").into())
    }
}
