//! `cronlet serve`: the daemon, from its first line to its last.

use std::{
    io,
    panic::resume_unwind,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;

use super::{
    error::CliError,
    exit::Exit,
    logging,
    place::{self, Place},
    signals::Signals,
    when,
};
use crate::{
    api::{
        self,
        socket::{self, Socket},
    },
    config::{self, Draft, Environment, Severity},
    engine::{
        self, Clock, Finish, Handle, Parts,
        clock::SystemClock,
        reload::{self, First, Saves, Schedules},
    },
    sandbox::{Sandbox, SandboxOptions},
    store::sqlite::{self, Owner, SqliteHistory, SqliteStore},
};

/// How long answers that are under way may take once the engine has stopped.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Threads that answer requests. Guests have their own.
const API_THREADS: usize = 2;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cronlet serve                                   the jobs of schedules.toml, until Ctrl-C
  cronlet serve -c /etc/cronlet/schedules.toml    those of another file
  cronlet serve --log-format json                 for a machine that reads the log

A saved schedules file, and a component that is built again, take effect at once; so does SIGHUP.
Ctrl-C and SIGTERM stop gracefully: guests have `shutdown_grace` to end, and the code is 0, or 1 if
the history could not be written. Once more stops at once, with 130, and so does the first while
components are still being compiled at the start.
CRONLET_LOG says what is logged: a level such as `debug`, or `warn,cronlet=debug`.")]
pub struct Args {
    /// How a line of the log looks
    #[arg(
        long,
        value_name = "FORMAT",
        env = "CRONLET_LOG_FORMAT",
        hide_env_values = true,
        value_enum,
        default_value_t
    )]
    log_format: logging::Format,
}

/// All that a daemon needs to start. The database is taken, and nobody listens yet.
struct Prepared {
    schedules: Schedules,
    first: First,
    saves: Saves,
    sandbox: Arc<Sandbox>,
    store: SqliteStore,
    history: Arc<SqliteHistory>,
    /// Where to listen.
    path: PathBuf,
}

/// A daemon that is ready to answer.
struct Daemon {
    engine: Handle,
    socket: Socket,
}

pub fn run(args: &Args, place: &Place) -> Result<Exit, CliError> {
    let _logging = logging::init(args.log_format)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(API_THREADS)
        .thread_name("api")
        .enable_all()
        .build()
        .map_err(|error| CliError::config(format!("cannot start threads: {error}")))?;
    let exit = runtime.block_on(serve(place.clone()));
    // What still runs on it ends with the process.
    runtime.shutdown_background();
    exit
}

async fn serve(place: Place) -> Result<Exit, CliError> {
    // Before anything is started, so that no signal is missed.
    let mut signals = Signals::new().map_err(cannot("listen to signals"))?;
    let prepared = tokio::task::spawn_blocking(move || prepare(&place));
    let prepared = tokio::select! {
        biased;
        prepared = prepared => prepared.unwrap_or_else(|panic| resume_unwind(panic.into_panic()))?,
        // Nothing has been started, so nothing has to be ended.
        () = signals.stop() => {
            tracing::warn!("stopped before anything was started");
            return Ok(Exit::Interrupted);
        }
    };
    prepared.start()?.serve(signals).await
}

/// What may take long, or for ever: a component may be one that is compiled for hours. What can be
/// refused is refused before anything is touched.
fn prepare(place: &Place) -> Result<Prepared, CliError> {
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
    let first = schedules.first(draft)?;
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
    fn start(self) -> Result<Daemon, CliError> {
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
            store: self.store,
            history: self.history,
            runner: self.sandbox,
            clock: clock.clone(),
            config: absolute(&schedules.file),
            plan: first.plan.clone(),
            reload: saves.trigger(),
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
    let jobs = match first.plan.jobs.len() {
        1 => "1 job".to_owned(),
        n => format!("{n} jobs"),
    };
    let next = first.plan.jobs.values().filter_map(|job| {
        let at = job.trigger.as_ref()?.next_after(now)?;
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

/// Something of the system's that a daemon cannot do without.
fn cannot(what: &'static str) -> impl Fn(io::Error) -> CliError {
    move |error| CliError::config(format!("cannot {what}: {error}"))
}

impl Daemon {
    /// Serves until the engine has stopped, or somebody insists.
    async fn serve(self, mut signals: Signals) -> Result<Exit, CliError> {
        let Self { engine, socket } = self;
        let last = engine.clone();
        let end = async move {
            last.finished().await;
        };
        let answering = tokio::spawn(socket.serve(api::router(engine.clone()), end));
        tokio::select! {
            finish = engine.finished() => {
                // A client that keeps its connection open does not keep the daemon.
                let _ = tokio::time::timeout(LAST_WORDS, answering).await;
                Ok(match finish {
                    Finish::Clean => Exit::Done,
                    Finish::Unsaved => Exit::Failed,
                    Finish::Died => Exit::Bug,
                })
            }
            () = signals.obey(&engine) => Ok(Exit::Interrupted),
        }
    }
}
