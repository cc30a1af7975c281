//! Deleting old history now.

use std::time::Duration;

use axum::{Json, body::Bytes, extract::State};
use cronlet_core::{
    name::JobName,
    units::{format_duration, parse_duration},
};
use serde::{Deserialize, Serialize};

use super::{
    problem::Problem,
    request::{BytesResult, read},
};
use crate::{
    engine::Handle,
    store::pruner::{Granted, Wish},
};

/// What is to be deleted. A limit that is not there is the plan's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// A duration, such as `90d`.
    #[serde(default)]
    pub keep: Option<String>,
    #[serde(default)]
    pub keep_runs: Option<u32>,
    /// A duration, such as `7d`.
    #[serde(default)]
    pub keep_logs: Option<String>,
    /// Only of this job.
    #[serde(default)]
    pub job: Option<String>,
    /// Only count it.
    #[serde(default)]
    pub dry_run: bool,
}

/// What was deleted, or would be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pruned {
    pub dry_run: bool,
    pub runs: u64,
    /// Recorded ranges of skips.
    pub skips: u64,
    /// That were over.
    #[serde(default)]
    pub backfills: u64,
    /// Logs that were old enough to go by themselves; those of deleted runs may be among them.
    pub logs: u64,
    /// Records of when jobs were accepted, removed, paused and resumed.
    #[serde(default)]
    pub events: u64,
    /// The limits that it was beyond.
    pub keep: String,
    pub keep_runs: u32,
    pub keep_logs: String,
}

pub(super) async fn prune(
    State(engine): State<Handle>,
    body: BytesResult,
) -> Result<Json<Pruned>, Problem> {
    let body: Bytes = body?;
    let request: Request = read(&body)?;
    let job = request.job.clone().unwrap_or_default();
    let nothing = || Problem::not_found(format!("nothing is stored of a job `{job}`"));
    let wish = wish(&request)?.ok_or_else(nothing)?;
    let granted = engine.prune(wish).await.map_err(|error| {
        tracing::error!("{error}");
        Problem::unavailable(error.to_string())
    })?;
    let granted = granted.ok_or_else(nothing)?;
    Ok(Json(Pruned::new(&granted, request.dry_run)))
}

/// None if no job can have this name.
fn wish(request: &Request) -> Result<Option<Wish>, Problem> {
    let Ok(job) = request.job.as_deref().map(JobName::new).transpose() else {
        return Ok(None);
    };
    Ok(Some(Wish {
        keep: span("keep", request.keep.as_deref())?,
        keep_runs: request.keep_runs,
        keep_logs: span("keep_logs", request.keep_logs.as_deref())?,
        job,
        dry_run: request.dry_run,
    }))
}

fn span(key: &str, text: Option<&str>) -> Result<Option<Duration>, Problem> {
    let span = text.map(parse_duration).transpose();
    span.map_err(|error| Problem::bad_request(format!("`{key}`: {error}")))
}

impl Pruned {
    pub fn new(granted: &Granted, dry_run: bool) -> Self {
        let Granted { removed, keep } = granted;
        Self {
            dry_run,
            runs: removed.runs,
            skips: removed.skips,
            backfills: removed.backfills,
            logs: removed.logs,
            events: removed.events,
            keep: format_duration(keep.keep),
            keep_runs: keep.keep_runs,
            keep_logs: format_duration(keep.keep_logs),
        }
    }
}
