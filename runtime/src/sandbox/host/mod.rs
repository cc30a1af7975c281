//! What a guest can ask of its host, one file an interface.
//!
//! Every function is async, so that one that has to wait cannot hold a thread:
//! a guest that sits in a blocking call could not be stopped. Every argument is
//! hostile.

mod cancellation;
mod context;
mod filesystem;
mod log;
mod progress;
mod state;

use wasmtime::{Engine, Result, component::Linker};

use super::state::State;

/// Generated from `wit/job.wit`.
mod bindings {
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "job",
        imports: { default: async },
        exports: { default: async },
    });
}

pub(super) use bindings::{JobPre, cronlet::job::types};

/// A linker with everything that a job may import: WASI 0.2 and our own interfaces. Nothing of
/// it depends on the job; what a job was not granted is refused at the call.
pub(super) fn linker(engine: &Engine) -> Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    filesystem::add_to_linker(&mut linker)?;
    cancellation::add_to_linker(&mut linker)?;
    context::add_to_linker(&mut linker)?;
    log::add_to_linker(&mut linker)?;
    progress::add_to_linker(&mut linker)?;
    state::add_to_linker(&mut linker)?;
    Ok(linker)
}
