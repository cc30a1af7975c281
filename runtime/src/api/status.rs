//! How it goes, over HTTP.

use std::time::Duration;

use axum::{Json, extract::State, http::StatusCode};
use cronlet_core::schedule::Zone;
use serde::{Deserialize, Serialize};

use super::{
    backfills::Backfill,
    problem::Problem,
    view::{self, Time},
};
use crate::{
    config,
    engine::{
        self, Handle,
        status::{ClockStatus, ConfigState, ConfigStatus, RunningAttempt, StoreStatus},
    },
    sandbox,
};

/// An engine that does not answer within this time is not alive.
const PATIENCE: Duration = Duration::from_secs(5);

/// Is the daemon well?
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// `healthy`, `degraded` or `unhealthy`.
    pub status: String,
    /// A degraded daemon does its work, an unhealthy one too; but what is critical has failed.
    pub healthy: bool,
    /// What is not as it should be, in sentences.
    pub reasons: Vec<String>,
}

/// The daemon and what it is doing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Status {
    #[serde(flatten)]
    pub health: Health,
    pub pid: u32,
    pub version: String,
    /// The release of the IANA time zone database that it reckons with.
    pub timezone_database: String,
    pub started_at: Time,
    pub uptime_ms: u64,
    /// Whether it was told to stop.
    pub stopping: bool,
    pub config: Config,
    pub store: Store,
    pub clock: Clock,
    /// Jobs of the plan.
    pub jobs: usize,
    /// Those whose components or directories cannot be used.
    pub troubled: Vec<Troubled>,
    /// Those that are paused.
    #[serde(default)]
    pub paused: Vec<PausedJob>,
    /// What is due next.
    pub next: Option<Next>,
    pub running: Vec<Running>,
    /// Runs that wait for capacity.
    pub queued: usize,
    /// Runs that wait for their backoff.
    pub retrying: usize,
    /// Those that are not over.
    #[serde(default)]
    pub backfills: Vec<Backfill>,
}

/// The schedules file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    pub path: String,
    /// Of the text that the plan came from.
    pub sha256: String,
    /// Since when it is the plan.
    pub live_since: Time,
    /// `live`, `reloading` or `refused`.
    pub state: String,
    /// When a newer text was refused.
    pub refused_at: Option<Time>,
    /// Why.
    pub problems: Vec<ConfigProblem>,
    /// Changes that wait for a restart.
    pub warnings: Vec<String>,
}

/// One problem of the schedules file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigProblem {
    pub code: String,
    pub message: String,
    /// From 1; none when the fault is not in the text.
    pub line: Option<usize>,
    /// In characters, from 1.
    pub column: Option<usize>,
    pub label: Option<String>,
    pub help: Option<String>,
}

/// Whether the history can be written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Store {
    /// `ok`, `slow`, or `failing`: then nothing starts.
    pub status: String,
    pub since: Option<Time>,
    pub message: Option<String>,
    /// What to do about it.
    #[serde(default)]
    pub help: Option<String>,
}

/// The wall clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clock {
    /// Whether what it shows can be the time; else nothing is due.
    pub set: bool,
    /// When it jumped last, as far as that is known.
    pub last_jump: Option<Jump>,
}

/// Somebody set the wall clock, or the machine slept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jump {
    /// The time after it.
    pub at: Time,
    /// Forward is positive.
    pub by_ms: i64,
}

/// A job that cannot be run as it is written: its component or a directory cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Troubled {
    pub job: String,
    /// Whether its last good component takes the place; else it cannot run.
    pub last_good: bool,
    /// In a sentence.
    pub message: String,
}

/// A job that is paused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PausedJob {
    pub job: String,
    #[serde(flatten)]
    pub pause: view::Pause,
}

/// What is due next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Next {
    pub job: String,
    pub at: Time,
}

/// A guest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    pub run: u64,
    pub job: String,
    pub attempt: u32,
    pub started_at: Time,
    pub cancel_requested: bool,
    pub progress: Option<Progress>,
}

/// How far a guest says it has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    pub done: u64,
    pub total: Option<u64>,
    pub message: Option<String>,
}

/// The engine answers.
pub(super) async fn livez(State(engine): State<Handle>) -> Result<&'static str, Problem> {
    ask(&engine).await.map(|_| "alive\n")
}

/// Runs are started.
pub(super) async fn readyz(State(engine): State<Handle>) -> Result<&'static str, Problem> {
    match ask(&engine).await? {
        status if status.stopping => Err(Problem::unavailable("the daemon is stopping")),
        status if !status.ready => Err(Problem::unavailable("the daemon is starting")),
        status if matches!(status.store, StoreStatus::Failing { .. }) => Err(Problem::unavailable(
            "the history cannot be written, so nothing starts",
        )),
        _ => Ok("ready\n"),
    }
}

pub(super) async fn health(
    State(engine): State<Handle>,
) -> Result<(StatusCode, Json<Health>), Problem> {
    let health = Health::from(&ask(&engine).await?);
    let code = if health.healthy {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    Ok((code, Json(health)))
}

pub(super) async fn status(State(engine): State<Handle>) -> Result<Json<Status>, Problem> {
    let status = ask(&engine).await?;
    Ok(Json(Status::from(&status)))
}

pub(super) async fn ask(engine: &Handle) -> Result<engine::Status, Problem> {
    match tokio::time::timeout(PATIENCE, engine.status()).await {
        Ok(Some(status)) => Ok(status),
        Ok(None) => Err(Problem::unavailable("the engine has stopped")),
        Err(_) => Err(Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "the engine does not answer",
        )),
    }
}

impl From<&engine::Status> for Health {
    fn from(status: &engine::Status) -> Self {
        let word = match (&status.unhealthy[..], &status.degraded[..]) {
            ([], []) => "healthy",
            ([], _) => "degraded",
            _ => "unhealthy",
        };
        Self {
            status: word.to_owned(),
            healthy: status.unhealthy.is_empty(),
            reasons: [&status.unhealthy[..], &status.degraded].concat(),
        }
    }
}

impl From<&engine::Status> for Status {
    fn from(status: &engine::Status) -> Self {
        Self {
            health: status.into(),
            pid: status.pid,
            version: status.version.to_owned(),
            timezone_database: Zone::database().to_owned(),
            started_at: Time(status.started_at),
            uptime_ms: u64::try_from(status.uptime.as_millis()).unwrap_or(u64::MAX),
            stopping: status.stopping,
            config: (&status.config).into(),
            store: (&status.store).into(),
            clock: status.clock.into(),
            jobs: status.jobs,
            troubled: status
                .troubled
                .iter()
                .map(|it| Troubled {
                    job: it.job.to_string(),
                    last_good: it.last_good,
                    message: it.to_string(),
                })
                .collect(),
            paused: status
                .paused
                .iter()
                .map(|(job, paused)| PausedJob {
                    job: job.to_string(),
                    pause: paused.into(),
                })
                .collect(),
            next: status.next.as_ref().map(|(at, job)| Next {
                job: job.to_string(),
                at: Time(*at),
            }),
            running: status.running.iter().map(Running::from).collect(),
            queued: status.queued,
            retrying: status.retrying,
            backfills: status.backfills.iter().map(Backfill::from).collect(),
        }
    }
}

impl From<&ConfigStatus> for Config {
    fn from(config: &ConfigStatus) -> Self {
        let (state, refusal) = match &config.state {
            ConfigState::Live => ("live", None),
            ConfigState::Reloading => ("reloading", None),
            ConfigState::Refused(refusal) => ("refused", Some(refusal)),
        };
        let problems = refusal.map(|refusal| &refusal.problems);
        Self {
            path: config.path.display().to_string(),
            sha256: config.digest.to_string(),
            live_since: Time(config.live_since),
            state: state.to_owned(),
            refused_at: refusal.map(|refusal| Time(refusal.at)),
            problems: problems.map_or_else(Vec::new, all_problems),
            warnings: config
                .warnings
                .iter()
                .map(|it| it.message.clone())
                .collect(),
        }
    }
}

fn all_problems(problems: &config::Problems) -> Vec<ConfigProblem> {
    let view = |problem: &config::Problem| {
        let start = problems.place(problem).map(|(start, _)| start);
        ConfigProblem {
            code: problem.code.to_string(),
            message: problem.message.clone(),
            line: start.map(|start| start.line),
            column: start.map(|start| start.column),
            label: problem.label.clone(),
            help: problem.help.clone(),
        }
    };
    problems.iter().map(view).collect()
}

impl From<ClockStatus> for Clock {
    fn from(clock: ClockStatus) -> Self {
        Self {
            set: clock.is_set,
            last_jump: clock.last_jump.map(|jump| Jump {
                at: Time(jump.at),
                by_ms: i64::try_from(jump.by.as_millis()).unwrap_or(i64::MAX),
            }),
        }
    }
}

impl From<&StoreStatus> for Store {
    fn from(store: &StoreStatus) -> Self {
        let (status, since) = match store {
            StoreStatus::Ok => ("ok", None),
            StoreStatus::Slow { since } => ("slow", Some(*since)),
            StoreStatus::Failing { since, .. } => ("failing", Some(*since)),
        };
        let (message, help) = match store {
            StoreStatus::Failing { message, help, .. } => (Some(message.clone()), *help),
            StoreStatus::Ok | StoreStatus::Slow { .. } => (None, None),
        };
        Self {
            status: status.to_owned(),
            since: since.map(Time),
            message,
            help: help.map(str::to_owned),
        }
    }
}

impl From<&RunningAttempt> for Running {
    fn from(attempt: &RunningAttempt) -> Self {
        let cronlet_core::run::RunId(run) = attempt.run;
        Self {
            run,
            job: attempt.job.to_string(),
            attempt: attempt.attempt,
            started_at: Time(attempt.started_at),
            cancel_requested: attempt.cancel_requested,
            progress: attempt.progress.as_ref().map(Progress::from),
        }
    }
}

impl From<&sandbox::Progress> for Progress {
    fn from(progress: &sandbox::Progress) -> Self {
        Self {
            done: progress.done,
            total: progress.total,
            message: progress.message.clone(),
        }
    }
}
