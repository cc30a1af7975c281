//! One attempt in one component, start to finish. The only room that knows wasmtime.
//!
//! A guest starts with nothing, everything it does has a limit, and whatever it does ends as an
//! [`AttemptReport`]: it can fail a run and never the host.
//!
//! A component is loaded once: [`component`] reads, checks, compiles and links it, [`cache`] keeps the
//! machine code for the next start, [`unusable`] says what is wrong with one. From then on it is a digest;
//! [`last_good`] has its bytes for a start at which the file cannot be used. An [`attempt`] makes a fresh
//! store with its [`state`], instantiates the component in a place of the pool, and calls it; nothing of it
//! is used again.
//!
//! What stops a guest, each for what the others cannot see:
//!
//! - the [`epoch`], whose tick interrupts a guest that computes beyond its deadline;
//! - a timer at the same deadline, for a guest that waits in the host;
//! - the engine, through its [`control`];
//! - the [`limiter`], at the very growth of memory that is too much.
//!
//! So no function of the [`host`] may block: its thread would be out of reach for all of them.

mod attempt;
mod cache;
mod clip;
mod component;
pub mod control;
pub mod directory;
mod engine;
mod epoch;
mod folder;
mod host;
mod kept;
mod last_good;
mod limiter;
mod state;
mod stdio;
mod transcript;
mod unusable;
mod verdict;

use std::{
    collections::{BTreeMap, BTreeSet},
    error::Error,
    fmt, io,
    num::{NonZeroU32, NonZeroUsize},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use cronlet_core::{
    capability::Capabilities,
    catalog::{Loaded, Need, Unusable},
    digest::Digest,
    limits::Limits,
    name::JobName,
    report::AttemptReport,
    run::{Origin, RunId},
    state::Entries,
};
use jiff::Timestamp;
use thiserror::Error;
use tokio::{
    runtime::{self, Runtime},
    sync::Semaphore,
};
use wasmtime::{Config, Engine};

use self::{
    attempt::{Ending, Shared},
    cache::Cache,
    component::Components,
    epoch::Ticker,
    last_good::LastGood,
};
pub use control::{Control, Handle, Progress, Watcher};
pub use transcript::News;

/// The largest component that is loaded unless another size is asked for, in bytes.
pub const DEFAULT_MAX_COMPONENT: u64 = 64 << 20;

/// See [`SandboxOptions::blocking_threads`].
const BLOCKING_THREADS: NonZeroUsize = NonZeroUsize::new(512).expect("512 is not zero");

/// Runs attempts. The engine's shell has one; its tests have a scripted one.
pub trait Runner: Send + Sync + 'static {
    /// Starts an attempt and returns at once. `done` is called exactly once, from any thread, when
    /// the guest is no more; it never blocks.
    fn start(&self, attempt: Attempt, control: Control, done: Done);
}

/// See [`Runner::start`].
pub type Done = Box<dyn FnOnce(AttemptReport) + Send>;

/// One attempt, by value: nothing that happens elsewhere changes it.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The component, or why it is unusable: then the attempt ends as `failed: load` without a guest.
    pub component: Result<Digest, String>,
    /// What the guest may use.
    pub limits: Limits,
    /// What it may reach of the world.
    pub allow: Arc<Capabilities>,
    /// JSON text for `runner.run`.
    pub params: Arc<str>,
    /// What `context` answers.
    pub facts: Facts,
    /// Where what the job remembers is read; none if it remembers nothing.
    pub state: Option<Arc<dyn StateSource>>,
    /// The run whose output is the guest's input, and where it is read; none if `facts` has it.
    pub input_of: Option<(RunId, Arc<dyn InputSource>)>,
}

/// Reads what jobs remember, when a guest starts that may ask for it.
pub trait StateSource: fmt::Debug + Send + Sync + 'static {
    /// All that the job remembers. It may block, and is not called on a guest's thread.
    fn read(&self, job: &JobName) -> Result<Entries, Box<dyn Error + Send + Sync>>;
}

/// Reads what another run left, when a guest starts that may ask for it.
pub trait InputSource: fmt::Debug + Send + Sync + 'static {
    /// The output of a run that succeeded, JSON text; none if it left none, or did not succeed. It may
    /// block, and is not called on a guest's thread.
    fn read(&self, run: RunId) -> Result<Option<Arc<str>>, NoInput>;
}

/// Why a guest cannot have its input.
#[derive(Debug, Error)]
pub enum NoInput {
    /// It will not come back.
    #[error("the history of run {0}, whose output is this run's input, is kept no more")]
    Gone(RunId),
    /// It may be there at the next attempt.
    #[error(transparent)]
    Unread(#[from] Box<dyn Error + Send + Sync>),
}

/// What `context` answers.
#[derive(Clone, Debug)]
pub struct Facts {
    pub job: JobName,
    /// The run's number, or `local`.
    pub run: String,
    pub attempt: u32,
    pub max_attempts: NonZeroU32,
    pub origin: Origin,
    pub nominal: Timestamp,
    /// The output of the run that caused this one, JSON text, if it is known without a look.
    pub input: Option<Arc<str>>,
}

/// How a [`Sandbox`] is made.
#[derive(Clone, Debug)]
pub struct SandboxOptions {
    /// How many guests may exist at one time. One more waits for its place.
    pub max_concurrent: NonZeroU32,
    /// How many threads run guests; none is one for each core.
    pub threads: Option<NonZeroUsize>,
    /// How many threads may serve host calls that block. They come and go with the calls. A call to
    /// a file system that hangs is not given up by the kernel, so there must be more of them than
    /// ever hang.
    pub blocking_threads: NonZeroUsize,
    /// Where compiled components are kept; none is nowhere.
    pub cache: Option<PathBuf>,
    /// Where the components of the live plan are kept for the next start; none is nowhere.
    pub last_good: Option<PathBuf>,
    /// The largest component, in bytes.
    pub max_component: u64,
    /// Whether backtraces have the lines of the source beside the names of functions. For a person
    /// who runs his own component: they come from the component's debug information, which nothing
    /// bounds. At a trap wasmtime copies a name of it for each function that was inlined into a
    /// frame, so that a few megabytes made for it can exhaust the memory of this process, and reads
    /// it on a guest's thread, where nothing can stop it.
    pub source_lines: bool,
}

impl Default for SandboxOptions {
    fn default() -> Self {
        Self {
            max_concurrent: NonZeroU32::new(64).expect("64 is not zero"),
            threads: None,
            blocking_threads: BLOCKING_THREADS,
            cache: None,
            last_good: None,
            max_component: DEFAULT_MAX_COMPONENT,
            source_lines: false,
        }
    }
}

/// Why there is no sandbox.
#[derive(Debug, Error)]
pub enum SandboxError {
    /// The kernel's limit would be met in the middle of some attempt.
    #[error(
        "`max_concurrent_runs` of {attempts} needs up to {needed} memory mappings, and this \
         machine allows {max} (`vm.max_map_count`)"
    )]
    TooManyAttempts {
        /// How many are wanted.
        attempts: NonZeroU32,
        /// How many would be allowed.
        most: u64,
        /// What that takes.
        needed: u64,
        /// What there is.
        max: u64,
    },
    /// WebAssembly does not work on this machine.
    #[error("the WebAssembly engine does not start: {0}")]
    Engine(String),
    /// The system gives us no threads.
    #[error("the guests' threads do not start: {0}")]
    Threads(#[source] io::Error),
}

impl SandboxError {
    /// What to do about it.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::TooManyAttempts { most, needed, .. } => Some(format!(
                "set `max_concurrent_runs = {most}`, or type `sysctl -w vm.max_map_count={needed}`"
            )),
            Self::Engine(_) | Self::Threads(_) => None,
        }
    }
}

/// How wasmtime is set up for so many attempts at one time: for a benchmark that compares with
/// wasmtime itself.
pub fn engine_config(attempts: NonZeroU32) -> Config {
    engine::pooled(attempts, false)
}

/// Runs guests. They have threads of their own, so that none of them can delay anything else.
pub struct Sandbox {
    shared: Arc<Shared>,
    guests: Guests,
}

/// The runtime of the guests. Dropping it does not wait for them.
struct Guests {
    runtime: Option<Runtime>,
    /// Said before it is dropped, for the attempts that are dropped with it.
    shutting_down: Arc<AtomicBool>,
}

impl Sandbox {
    /// A sandbox with nothing loaded.
    pub fn new(options: SandboxOptions) -> Result<Self, SandboxError> {
        let engine = engine::engine(options.max_concurrent, options.source_lines)?;
        Self::with_engine(engine, options)
    }

    fn with_engine(engine: Engine, options: SandboxOptions) -> Result<Self, SandboxError> {
        let SandboxOptions {
            max_concurrent,
            threads,
            blocking_threads,
            cache,
            last_good,
            max_component,
            source_lines,
        } = options;
        let ticker = Ticker::spawn(&engine).map_err(SandboxError::Threads)?;
        let cache = Cache::open(&engine, cache, source_lines);
        let components = Components::new(
            engine.clone(),
            cache,
            LastGood::open(last_good),
            max_component,
        )
        .map_err(|error| SandboxError::Engine(format!("{error:#}")))?;
        let guests = Guests::spawn(threads, blocking_threads).map_err(SandboxError::Threads)?;
        let places = max_concurrent.get() as usize;
        Ok(Self {
            shared: Arc::new(Shared {
                engine,
                components,
                ticker,
                places: Semaphore::new(places.min(Semaphore::MAX_PERMITS)),
            }),
            guests,
        })
    }

    /// Loads the component in a file: reads it, compiles it if nobody has yet, and checks that it
    /// is a job whose imports are all there. It takes up to seconds, and blocks.
    pub fn load(&self, path: &Path) -> Result<Loaded, Unusable> {
        self.shared.components.load(path)
    }

    /// Loads the component that is kept for a job whose plugin cannot be used: the one that `sha256`
    /// says, or else the one that the plugin had in the last plan. None if there is none that is sound.
    pub fn last_good(&self, need: &Need) -> Option<Loaded> {
        self.shared.components.last_good(need)
    }

    /// Forgets every component but these. An attempt under way keeps its own. It is kept for the next
    /// start which component each of `plugins` has.
    pub fn retain(&self, plugins: &BTreeMap<String, Digest>, needed: &BTreeSet<Digest>) {
        self.shared.components.retain(plugins, needed);
    }

    /// How many components this sandbox has compiled, and not found in its cache.
    pub fn compilations(&self) -> u64 {
        self.shared.components.compilations()
    }
}

impl Runner for Sandbox {
    fn start(&self, attempt: Attempt, control: Control, done: Done) {
        let ending = Ending::new(control, done, self.guests.shutting_down.clone());
        self.guests
            .get()
            .spawn(attempt::run(self.shared.clone(), attempt, ending));
    }
}

impl Guests {
    fn spawn(threads: Option<NonZeroUsize>, blocking: NonZeroUsize) -> io::Result<Self> {
        let cores = || thread::available_parallelism().map_or(1, NonZeroUsize::get);
        runtime::Builder::new_multi_thread()
            .worker_threads(threads.map_or_else(cores, NonZeroUsize::get))
            .max_blocking_threads(blocking.get())
            .thread_name("cronlet-guest")
            .on_thread_start(Engine::tls_eager_initialize)
            // A guest that computes holds its thread for a tick. After at most two of them a
            // timer is looked at and a newcomer let in, however many such guests there are.
            .event_interval(2)
            .global_queue_interval(2)
            .enable_time()
            .build()
            .map(|runtime| Self {
                runtime: Some(runtime),
                shutting_down: Arc::default(),
            })
    }

    fn get(&self) -> &Runtime {
        self.runtime
            .as_ref()
            .expect("it is there until it is dropped")
    }
}

impl Drop for Guests {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            self.shutting_down.store(true, Ordering::SeqCst);
            // Every task is dropped, each at its next tick, and says that it was stopped.
            runtime.shutdown_background();
        }
    }
}

#[cfg(test)]
mod tests;
