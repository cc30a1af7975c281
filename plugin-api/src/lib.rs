//! Write a cronlet job in Rust.
//!
//! A job is a function that cronlet calls when its trigger in `schedules.toml` is
//! due. It is built into a WebAssembly component and runs in a sandbox, a fresh
//! one every time.
//!
//! # A job
//!
//! The crate type is `cdylib`, the dependencies are `cronlet-plugin` and `serde`,
//! and this is all of `src/lib.rs`:
//!
//! ```
//! use cronlet_plugin::prelude::*;
//!
//! #[derive(Deserialize, JsonSchema)]
//! struct Params {
//!     name: String,
//! }
//!
//! /// Says hello.
//! #[job]
//! fn hello(cx: &Context, params: Params) -> Result<Outcome, JobError> {
//!     info!("greeting {}", params.name);
//!     Ok(Outcome::summary(format!("hello {}", params.name)))
//! }
//! ```
//!
//! `cargo build --target wasm32-wasip2 --release` makes the component; a schedule
//! gives it a time and its params:
//!
//! ```toml
//! [jobs.greet]
//! plugin = "hello"
//! cron = "0 9 * * Mon-Fri"
//! params = { name = "world" }
//! ```
//!
//! [`#[job]`](macro@job) takes the description from the doc comment, the name from
//! the function and a JSON Schema of the params from their type. Params that do
//! not fit the type are a permanent error with the code `bad-params`; a job
//! without params leaves the argument out, one with nothing to say returns
//! `Ok(())`.
//!
//! # What it sees
//!
//! A sandbox starts with nothing: no environment, no files, no network; directories
//! and variables are there if the job's `allow` grants them, and `std::fs` and
//! `std::env` find them. There are a clock, random numbers, [`Context`] with the facts of the run, and the log:
//! [`info!`] and its four siblings. Lines printed to stdout and stderr go there
//! too. Memory, time, output and log are limited.
//!
//! Nothing survives the call but what the job puts into its [state](Context::state).
//! Statics are new at every attempt.
//!
//! # Remembering
//!
//! [`Context::state`] is a small store of keys and values that the next run of the
//! job finds as this one left it, if this one succeeds.
//!
//! ```no_run
//! use cronlet_plugin::prelude::*;
//!
//! fn count(cx: &Context) -> Result<u64, JobError> {
//!     let runs = cx.state().get_json::<u64>("runs")?.unwrap_or(0) + 1;
//!     cx.state().set_json("runs", &runs)?;
//!     Ok(runs)
//! }
//! ```
//!
//! # After another job
//!
//! A job with `after = "extract"` runs when a run of `extract` has succeeded, and
//! [`Context::input`] is what that one left as its [output](Outcome::output).
//!
//! ```no_run
//! use cronlet_plugin::prelude::*;
//!
//! #[derive(Deserialize)]
//! struct Extracted {
//!     rows: u64,
//! }
//!
//! fn load(cx: &Context) -> Result<Outcome, JobError> {
//!     let Some(extracted) = cx.input::<Extracted>()? else {
//!         return Err(JobError::permanent("run this after `extract`").code("no-input"));
//!     };
//!     Ok(Outcome::summary(format!("{} rows loaded", extracted.rows)))
//! }
//! ```
//!
//! # Errors and retries
//!
//! What becomes of a failed attempt depends on the error that the job returns:
//!
//! | error | then |
//! |---|---|
//! | [`JobError::retryable`], or `?` on any ordinary error | another attempt, as the job's `retry` says |
//! | [`JobError::retry_after`] | the same, but not before the delay has passed |
//! | [`JobError::permanent`] | no further attempt: the next would fail the same way |
//! | [`JobError::cancelled`] | the job was asked to stop, and did |
//!
//! A panic ends the attempt as a trap, and a trap is retried. Its message and place
//! are in the log, as an error. So a panic is no disaster, but it has no code that
//! an alert rule could match: an error that can be foreseen is better returned.
//!
//! ```
//! use std::time::Duration;
//!
//! use cronlet_plugin::prelude::*;
//!
//! fn check(status: u16) -> Result<(), JobError> {
//!     match status {
//!         200 => Ok(()),
//!         404 => Err(JobError::permanent("the feed is gone").code("upstream-404")),
//!         429 => Err(JobError::retry_after("too many requests", Duration::from_secs(60))),
//!         _ => Err(JobError::retryable(format!("status {status}")).code("upstream")),
//!     }
//! }
//! ```
//!
//! # Running twice
//!
//! An attempt can be cut off at any point, by a timeout or by a machine that dies,
//! and the next one starts over: what a job does to the world, it may do twice.
//! [`Context::run_id`] is the same in all attempts of a run and serves as an
//! idempotency key; [`Context::nominal`] is the instant that the run is for, and
//! does not move when the run is late or repeated. A job that fetches "yesterday"
//! counts back from that instant, not from the clock.
//!
//! # Stopping
//!
//! A run may be cancelled, and the host may have to stop. A job that takes long
//! asks [`Context::cancelled`] in its loop, and returns soon after it turned true;
//! otherwise it is killed after a grace period.
//!
//! ```no_run
//! use cronlet_plugin::prelude::*;
//!
//! fn fetch(cx: &Context, pages: u64) -> Result<(), JobError> {
//!     for page in 0..pages {
//!         if cx.cancelled() {
//!             return Err(JobError::cancelled(format!("stopped before page {page}")));
//!         }
//!         cx.progress(page, pages, "fetching");
//!     }
//!     Ok(())
//! }
//! ```

#![warn(missing_docs)]

#[doc(hidden)]
pub mod bindings;
mod context;
mod error;
#[doc(hidden)]
pub mod export;
mod json;
#[doc(hidden)]
pub mod log;
mod outcome;
mod state;

pub use context::{Context, UnixMillis};
pub use cronlet_plugin_macros::job;
pub use error::JobError;
pub use outcome::Outcome;
pub use state::{Keys, State, StateError};

/// All that a job needs: `use cronlet_plugin::prelude::*;`.
///
/// It holds the derives of serde and schemars too. schemars itself comes with
/// them, since its derive looks for it by name; serde's finds only a dependency of
/// the job's own.
pub mod prelude {
    pub use schemars::{self, JsonSchema};
    pub use serde::{Deserialize, Serialize};

    pub use crate::{Context, JobError, Outcome, job};
    pub use crate::{debug, error, info, trace, warn};
}
