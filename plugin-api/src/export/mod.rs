//! Between the component's exports and a job's function: what `#[job]` expands
//! to calls this, and nothing else does.

use std::io::Write as _;
use std::panic::PanicHookInfo;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::bindings::cronlet::job::types;
use crate::bindings::exports::cronlet::job::{describe, runner};
use crate::log::Level;
use crate::{Context, JobError, Outcome, json, log};

/// A function under `#[job]`.
pub trait Job {
    /// What it reads from the job's `params` table.
    type Params: DeserializeOwned + JsonSchema;

    /// The plugin's name.
    const NAME: &'static str;
    /// The plugin's version.
    const VERSION: &'static str;
    /// What it does, in a sentence.
    const DESCRIPTION: &'static str;

    /// The function itself.
    fn run(cx: &Context, params: Self::Params) -> Result<Outcome, JobError>;
}

/// This job takes no params.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "Params", deny_unknown_fields)]
pub struct NoParams {}

/// Whatever a job returns, as one type.
pub fn result<O: Into<Outcome>, E: Into<JobError>>(
    result: Result<O, E>,
) -> Result<Outcome, JobError> {
    result.map(Into::into).map_err(Into::into)
}

impl<J: Job> runner::Guest for J {
    fn run(params: String) -> Result<types::Outcome, types::JobError> {
        log_panics();
        let result = json::parse(&params, "bad-params", "params")
            .and_then(|params| J::run(&Context::new(), params))
            .and_then(Outcome::into_wit);
        // What was printed without a newline at its end is still in std's buffer.
        let _ = std::io::stdout().flush();
        result.map_err(JobError::into_wit)
    }
}

impl<J: Job> describe::Guest for J {
    fn describe() -> describe::Metadata {
        log_panics();
        describe::Metadata {
            name: J::NAME.to_owned(),
            version: J::VERSION.to_owned(),
            description: J::DESCRIPTION.to_owned(),
            params_schema: Some(schemars::schema_for!(J::Params).as_value().to_string()),
            attributes: Vec::new(),
        }
    }
}

/// Makes a panic one error line in the run's log, `panicked at src/lib.rs:5:3:
/// message`, instead of the three that std writes to stderr. The trap that
/// follows carries no message.
fn log_panics() {
    // Elsewhere there is no host to log to, and the test harness has a hook.
    if cfg!(target_family = "wasm") {
        std::panic::set_hook(Box::new(log_panic));
    }
}

fn log_panic(info: &PanicHookInfo<'_>) {
    let message = info.payload_as_str().unwrap_or("(no message)");
    match info.location() {
        Some(location) => log::emit(
            Level::Error,
            format_args!("panicked at {location}: {message}"),
            &[],
        ),
        None => log::emit(Level::Error, format_args!("panicked: {message}"), &[]),
    }
}

#[cfg(test)]
mod tests;
