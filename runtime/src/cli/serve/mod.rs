//! `cronlet serve`: the daemon, from its first line to its last.

use std::{io, panic::resume_unwind, sync::Arc, time::Duration};

use super::{error::CliError, exit::Exit, logging, place::Place, signals::Signals};
use crate::{
    api::{self, socket::Socket},
    engine::{Finish, Handle},
};

mod manager;
mod start;

use manager::Manager;
use start::prepare;

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
  cronlet serve --log-dir /var/log/cronlet        into files that are rotated, not to standard error

A saved schedules file, and a component that is built again, take effect at once; so does SIGHUP.
Ctrl-C and SIGTERM stop gracefully: guests have `shutdown_grace` to end, and the code is 0, or 1 if
the history could not be written. Once more stops at once, with 130, and so does the first while
components are still being compiled at the start.
CRONLET_LOG says what is logged: a level such as `debug`, or `warn,cronlet=debug`.")]
pub struct Args {
    #[command(flatten)]
    logging: logging::Args,
}

/// A daemon that is ready to answer.
struct Daemon {
    engine: Handle,
    socket: Socket,
}

pub fn run(args: &Args, place: &Place) -> Result<Exit, CliError> {
    let _logging = logging::init(&args.logging)?;
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
    let manager = Arc::new(Manager::of_environment());
    let prepared = tokio::task::spawn_blocking(move || prepare(&place));
    let prepared = tokio::select! {
        biased;
        prepared = manager.while_starting(prepared) => prepared.unwrap_or_else(|panic| resume_unwind(panic.into_panic()))?,
        // Nothing has been started, so nothing has to be ended.
        () = signals.stop() => {
            tracing::warn!("stopped before anything was started");
            return Ok(Exit::Interrupted);
        }
    };
    prepared.start()?.serve(signals, manager).await
}

/// Something of the system's that a daemon cannot do without.
fn cannot(what: &'static str) -> impl Fn(io::Error) -> CliError {
    move |error| CliError::config(format!("cannot {what}: {error}"))
}

impl Daemon {
    /// Serves until the engine has stopped, or somebody insists.
    async fn serve(self, mut signals: Signals, manager: Arc<Manager>) -> Result<Exit, CliError> {
        let Self { engine, socket } = self;
        let last = engine.clone();
        let end = async move {
            last.finished().await;
        };
        let answering = tokio::spawn(socket.serve(api::router(engine.clone()), end));
        let told = (manager.clone(), engine.clone());
        tokio::spawn(async move { told.0.follow(&told.1).await });
        let reloads = || {
            let (manager, engine) = (manager.clone(), engine.clone());
            tokio::spawn(async move { manager.reload(&engine).await });
        };
        tokio::select! {
            finish = engine.finished() => {
                // A client that keeps its connection open does not keep the daemon.
                let _ = tokio::time::timeout(LAST_WORDS, answering).await;
                Ok(match finish {
                    Finish::Clean => Exit::Done,
                    Finish::Unsaved => Exit::Failed,
                    Finish::Ousted => Exit::Refused,
                    Finish::Died => Exit::Bug,
                })
            }
            () = signals.obey(&engine, reloads, || manager.stopping()) => Ok(Exit::Interrupted),
        }
    }
}
