//! `cronlet run`: one attempt now, in this process. No daemon, no history.
//!
//! - `grants`: what the flags let it reach.
//! - `target`: what is to be run, from a job's name or a component's file.
//! - `live`: watching it: its log and progress, and Ctrl-C.
//! - `result`: what came out, for people and for programs.
//! - `state`: what the job remembers, which this run changes for itself alone.

mod grants;
mod live;
mod result;
mod state;
mod target;

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use cronlet_core::{
    run::{Origin, RunStatus},
    units,
};
use jiff::Timestamp;
use serde_json::{Map, Value};

use self::{grants::Grants, result::Finished, target::Target};
use super::{
    console::Console,
    error::CliError,
    exit::Exit,
    live::block_on,
    params,
    place::{self, Place},
};
use crate::{
    api::view,
    sandbox::{Attempt, Facts, Sandbox, SandboxError, SandboxOptions},
};

/// What `context.run-id` says of a run that is not in any history.
const LOCAL: &str = "local";

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cronlet run hello                                 a job of the schedules file
  cronlet run hello --params '{\"name\": \"you\"}'      with other params
  cronlet run load --input '[1, 2]'                 as if the job before it had left that
  cronlet run ./plugins/hello.wasm --timeout 10s    a component, without a schedules file
  cronlet run ./a.wasm --allow-dir data::/data      a component, with a directory to read

The log and the progress go to standard error, the output to standard output. Ctrl-C asks the job
to stop, a second one kills it. Nothing is kept: there is no history of it, and what the job
remembers from run to run is a copy that is thrown away.")]
pub struct Args {
    /// A job of the schedules file; or a component, as a path with a `/` or a name ending in `.wasm`
    #[arg(value_name = "JOB|FILE.wasm")]
    what: String,

    /// What the job gets in place of its own params
    #[arg(long, value_name = "JSON", value_parser = params::parse)]
    params: Option<Arc<Map<String, Value>>>,

    /// What the job gets as the output of the job that it runs after
    #[arg(long, value_name = "JSON", value_parser = params::json)]
    input: Option<Arc<str>>,

    /// The instant the run is for [default: now]
    #[arg(long, value_name = "RFC3339", value_parser = params::instant)]
    at: Option<Timestamp>,

    /// Stop it after so long, such as `30s`
    #[arg(long, value_name = "DURATION", value_parser = timeout)]
    timeout: Option<Duration>,

    /// Give it so much memory, such as `64MiB`
    #[arg(long, value_name = "SIZE", value_parser = memory)]
    memory: Option<u64>,

    #[command(flatten)]
    grants: Grants,
}

pub fn run(args: &Args, place: &Place, console: &mut Console) -> Result<Exit, CliError> {
    let target = target::find(&args.what, place)?;
    // Where a daemon keeps what it compiled there is a place for ours, which has lines; a run by
    // itself leaves nothing behind.
    let compiled = place::compiled(&place.find().database);
    let sandbox = Sandbox::new(SandboxOptions {
        max_concurrent: NonZeroU32::MIN,
        cache: Some(compiled).filter(|folder| folder.is_dir()),
        source_lines: true,
        ..SandboxOptions::default()
    })?;
    let target = target.load(&sandbox)?;
    let asked = Timestamp::now();
    let attempt = attempt(args, &target, asked)?;
    let facts = attempt.facts.clone();
    let ended = block_on(live::watch(&sandbox, attempt, console))?;

    let mut run = view::Run::new(&facts.job, facts.origin, facts.nominal, asked);
    run.params = args.params.as_deref().cloned().map(Value::Object);
    let finished = Finished::new(run, ended.report, ended.cancelled, target.digest);
    if console.json() {
        console.document(&finished.run)?;
    } else {
        finished.print(console)?;
    }
    Ok(match finished.status {
        RunStatus::Succeeded => Exit::Done,
        _ if ended.cancelled => Exit::Interrupted,
        _ => Exit::Failed,
    })
}

fn attempt(args: &Args, target: &Target, now: Timestamp) -> Result<Attempt, CliError> {
    let mut limits = target.limits.clone();
    limits.timeout = args.timeout.unwrap_or(limits.timeout);
    limits.memory = args.memory.unwrap_or(limits.memory);
    Ok(Attempt {
        component: Ok(target.digest),
        limits,
        allow: args.grants.over(&target.allow)?,
        params: match &args.params {
            Some(params) => Value::Object(params.as_ref().clone()).to_string().into(),
            None => target.params.clone(),
        },
        facts: Facts {
            job: target.job.clone(),
            run: LOCAL.to_owned(),
            attempt: 1,
            max_attempts: NonZeroU32::MIN,
            origin: Origin::Manual,
            nominal: args.at.unwrap_or(now),
            input: args.input.clone(),
        },
        state: target.state.clone(),
        input_of: None,
    })
}

fn timeout(text: &str) -> Result<Duration, String> {
    let timeout = units::parse_duration(text).map_err(|error| params::unit(&error))?;
    if timeout.is_zero() {
        return Err("a timeout of zero leaves no time to run".to_owned());
    }
    Ok(timeout)
}

fn memory(text: &str) -> Result<u64, String> {
    units::parse_size(text).map_err(|error| params::unit(&error))
}

/// There is no sandbox: this machine lacks something.
impl From<SandboxError> for CliError {
    fn from(error: SandboxError) -> Self {
        Self::config(error.to_string()).maybe_hint(error.help())
    }
}
