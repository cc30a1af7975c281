//! One attempt in one component, start to finish. The only room that knows wasmtime.
//!
//! A guest starts with nothing, everything it does has a limit, and whatever it does ends as an
//! [`AttemptReport`]: it can fail a run and never the host.

use std::{num::NonZeroU32, sync::Arc};

use cronlet_core::{
    digest::Digest, limits::Limits, name::JobName, report::AttemptReport, run::Origin,
};
use jiff::Timestamp;

pub mod control;

pub use control::{Control, Handle, Progress};

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
    /// JSON text for `runner.run`.
    pub params: Arc<str>,
    /// What `context` answers.
    pub facts: Facts,
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
    /// The output of the run that caused this one, JSON text.
    pub input: Option<Arc<str>>,
}
