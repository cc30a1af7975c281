//! HTTP over a handle to the engine. The only room that knows HTTP.
//!
//! It is served on a Unix socket beside the database, which only its owner may open, so there is no
//! other authentication. Every error is a problem document (RFC 9457).
//!
//! | request | answer |
//! |---|---|
//! | `GET /livez` | 200 while the engine answers |
//! | `GET /readyz` | 200 while runs are started, 503 once the daemon is stopping |
//! | `GET /health` | 200 `healthy` or `degraded`, 503 `unhealthy`, with the reasons |
//! | `GET /api/v1/status` | [`status::Status`] |
//! | `POST /api/v1/reload` | 202 [`reload::Reloading`]; with `?wait=final` 200 [`reload::Reloaded`] |
//! | `POST /api/v1/jobs/{name}/runs` | 202 [`runs::Accepted`] |
//! | `POST /api/v1/jobs/{name}/backfills` | 202 [`backfills::Accepted`] |
//! | `POST /api/v1/jobs/{name}/backfills/stop` | 202 [`backfills::Stopped`] |
//! | `GET /api/v1/backfills/{id}` | [`backfills::Backfill`] |
//! | `POST /api/v1/jobs/{name}/pause`, `…/resume` | [`pauses::Turned`] |
//! | `POST /api/v1/jobs/pause`, `…/resume` | the same, of every job of the plan |
//! | `GET /api/v1/runs/{run}` | [`view::Run`]; with `?wait=final` when the run is final |
//! | `GET /api/v1/runs/{run}/log` | a list of [`view::Line`], of a guest that runs what it has said so far |
//! | `GET /api/v1/runs/{run}/events` | [`events::Event`]s until the run is final |
//! | `POST /api/v1/runs/{run}/cancel` | 202 [`runs::Cancelled`] |
//! | `POST /api/v1/runs/{run}/rerun` | 202 [`runs::Accepted`] |
//! | `POST /api/v1/prune` | [`prune::Pruned`], once old history is deleted |

use axum::{
    Router,
    http::{StatusCode, Uri},
    routing::{get, post},
};

use crate::engine::Handle;

pub mod backfills;
pub mod client;
pub mod events;
pub mod pauses;
pub mod prune;
pub mod reload;
pub mod runs;
pub mod socket;
pub mod status;
pub mod view;

mod forms;
mod problem;
mod request;

#[cfg(test)]
mod tests;

use problem::Problem;

/// All of it.
pub fn router(engine: Handle) -> Router {
    Router::new()
        .route("/livez", get(status::livez))
        .route("/readyz", get(status::readyz))
        .route("/health", get(status::health))
        .route("/api/v1/status", get(status::status))
        .route("/api/v1/reload", post(reload::reload))
        .route("/api/v1/jobs/{name}/runs", post(runs::request))
        .route("/api/v1/jobs/{name}/backfills", post(backfills::request))
        .route("/api/v1/jobs/{name}/backfills/stop", post(backfills::stop))
        .route("/api/v1/backfills/{id}", get(backfills::show))
        .route("/api/v1/jobs/{name}/pause", post(pauses::pause))
        .route("/api/v1/jobs/{name}/resume", post(pauses::resume))
        .route("/api/v1/jobs/pause", post(pauses::pause_all))
        .route("/api/v1/jobs/resume", post(pauses::resume_all))
        .route("/api/v1/runs/{run}", get(runs::show))
        .route("/api/v1/runs/{run}/log", get(events::log))
        .route("/api/v1/runs/{run}/events", get(events::follow))
        .route("/api/v1/runs/{run}/cancel", post(runs::cancel))
        .route("/api/v1/runs/{run}/rerun", post(runs::rerun))
        .route("/api/v1/prune", post(prune::prune))
        .fallback(no_such_page)
        .method_not_allowed_fallback(wrong_method)
        .with_state(engine)
}

async fn no_such_page(uri: Uri) -> Problem {
    let detail = format!("there is nothing at `{}`", uri.path());
    Problem::new(StatusCode::NOT_FOUND, detail)
}

async fn wrong_method(uri: Uri) -> Problem {
    let detail = format!("`{}` does not take this method", uri.path());
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, detail)
}
