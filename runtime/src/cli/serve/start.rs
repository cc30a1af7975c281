//! The start of the daemon, in two parts: what may take long, and what others see.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use jiff::Timestamp;

use super::{Daemon, cannot};
use crate::{
    api::socket::{self, Socket},
    cli::{
        counted::counted,
        error::CliError,
        place::{self, Place},
        when,
    },
    config::{self, Draft, Environment, Severity},
    engine::{
        self, Clock, Parts, built,
        clock::SystemClock,
        reload::{self, First, Saves, Schedules},
    },
    sandbox::{Sandbox, SandboxOptions},
    store::sqlite::{self, Owner, SqliteHistory, SqliteStore},
};

/// All that a daemon needs to start. The database is taken, and nobody listens yet.
pub(super) struct Prepared {
    schedules: Schedules,
    first: First,
    saves: Saves,
    sandbox: Arc<Sandbox>,
    store: SqliteStore,
    history: Arc<SqliteHistory>,
    /// Where to listen.
    path: PathBuf,
}

/// What may take long, or for ever: a component may be one that is compiled for hours. What can be
/// refused is refused before anything is touched.
pub(super) fn prepare(place: &Place) -> Result<Prepared, CliError> {
    let environment = environment(place);
    let draft = draft(&place.config, &environment)?;
    // As it was named, to the byte: the other commands open the same file.
    let named = place.database.clone();
    let database = named.unwrap_or_else(|| draft.database());
    let sandbox = sandbox(&draft, &database)?;
    let (store, path) = take_over(&database)?;
    let history = Arc::new(sqlite::history(&database)?);
    let saves = Saves::of(&place.config).map_err(cannot("watch the schedules file"))?;
    let schedules = Schedules {
        file: place.config.clone(),
        environment,
        components: sandbox.clone(),
    };
    let first = schedules.first(draft);
    Ok(Prepared {
        schedules,
        first,
        saves,
        sandbox,
        store,
        history,
        path,
    })
}

impl Prepared {
    /// Whoever finds the socket is answered, so there is none before this.
    pub(super) fn start(self) -> Result<Daemon, CliError> {
        let Self {
            schedules,
            first,
            saves,
            ..
        } = self;
        let socket = Socket::bind(&self.path).map_err(cannot("listen at the socket"))?;
        announce(&schedules.file, &first, &self.path);
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let engine = engine::start(Parts {
            built: built::date(),
            store: self.store,
            history: self.history,
            runner: self.sandbox,
            clock: clock.clone(),
            config: absolute(&schedules.file),
            plan: first.plan.clone(),
            reload: saves.requests(),
        })?;
        reload::follow(schedules, first, saves, engine.clone(), clock)
            .map_err(cannot("follow the schedules file"))?;
        Ok(Daemon { engine, socket })
    }
}

/// What overrides keys of `[runtime]`: variables, and over them flags. It is text, so what it says of a
/// database is good to look at only.
fn environment(place: &Place) -> Environment {
    let mut environment = place::environment();
    if let Some(database) = &place.database {
        let database = database.to_string_lossy().into_owned();
        environment.insert("CRONLET_DATABASE".to_owned(), database);
    }
    environment
}

fn draft(file: &Path, environment: &Environment) -> Result<Draft, CliError> {
    let text = config::read(file)?;
    Ok(config::parse(&file.to_string_lossy(), &text, environment)?)
}

fn sandbox(draft: &Draft, database: &Path) -> Result<Arc<Sandbox>, CliError> {
    let sandbox = Sandbox::new(SandboxOptions {
        max_concurrent: draft.settings().max_concurrent_runs,
        cache: Some(place::compiled(&absolute(database))),
        last_good: Some(place::components(&absolute(database))),
        ..SandboxOptions::default()
    })?;
    Ok(Arc::new(sandbox))
}

/// Takes the database, and says where this daemon listens.
fn take_over(database: &Path) -> Result<(SqliteStore, PathBuf), CliError> {
    let runtime_dir = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let path = socket::path(database, runtime_dir.as_deref())
        .map_err(cannot("find a place for the socket"))?;
    let me = Owner {
        pid: std::process::id(),
        socket: Some(path.clone()),
    };
    Ok((sqlite::open(database, &me)?, path))
}

/// The first line of the log, and what is wrong from the start.
fn announce(file: &Path, first: &First, socket: &Path) {
    let now = Timestamp::now();
    let file = file.display();
    let jobs = counted(first.plan.jobs.len(), "job");
    let next = first.plan.jobs.values().filter_map(|job| {
        let at = job.schedule.next_allowed_after(now)?;
        Some((at, &job.name))
    });
    let next = match next.min() {
        Some((at, job)) => format!("next `{job}` {}", when::relative(now, at)),
        None => "nothing is due".to_owned(),
    };
    tracing::info!(socket = %socket.display(), "serving `{file}`: {jobs}, {next}");
    if let Some(problems) = first.draft.unusable(&first.catalog, Severity::Warning) {
        for line in problems.to_string().lines() {
            tracing::warn!("{line}");
        }
    }
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
