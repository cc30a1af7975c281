//! What one attempt owns while its guest runs. It is dropped with the attempt, so
//! that nothing of one guest is ever seen by another.

use std::{ffi::OsString, sync::Arc};

use cronlet_core::{
    capability::{Capabilities, EnvGrant},
    limits::Limits,
};
use jiff::Timestamp;
use tokio::task::spawn_blocking;
use wasmtime::{Error, Result, Store, component::ResourceTable};
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

use super::{Facts, directory, kept::Kept, limiter::Limiter, stdio, transcript::Transcript};

/// What a guest may pass to the host in one call, in bytes. A guest's memory bounds it already,
/// but for lists that name the same bytes many times.
pub(super) const CALL_BYTES: u64 = 16 << 20;
/// How many handles of resources it may hold.
const HANDLES: usize = 1000;
/// The most random bytes of one call.
const RANDOM_BYTES: u64 = 1 << 20;

/// The data of the store.
pub(super) struct State {
    pub(super) facts: Facts,
    /// When the host ends the attempt, for the guest to know.
    pub(super) deadline: Timestamp,
    pub(super) transcript: Arc<Transcript>,
    pub(super) limiter: Limiter,
    /// What the job remembers, for a guest that may ask.
    pub(super) kept: Kept,
    table: ResourceTable,
    /// Made when the guest first asks for something of it, which many never do.
    wasi: Option<WasiCtx>,
}

impl State {
    pub(super) fn new(
        facts: Facts,
        limits: &Limits,
        deadline: Timestamp,
        transcript: Arc<Transcript>,
    ) -> Self {
        let mut table = ResourceTable::new();
        table.set_max_capacity(HANDLES);
        Self {
            facts,
            deadline,
            transcript,
            limiter: Limiter::new(limits.memory),
            kept: Kept::default(),
            table,
            wasi: None,
        }
    }

    /// Opens what is granted, so that what is not there ends the attempt before the guest begins.
    pub(super) async fn grant(&mut self, allow: Arc<Capabilities>) -> Result<()> {
        if allow.is_empty() {
            return Ok(());
        }
        let transcript = self.transcript.clone();
        // A directory may be on another machine.
        let world = spawn_blocking(move || world(&transcript, &allow)).await?;
        self.wasi = Some(world.map_err(Error::msg)?);
        Ok(())
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: self
                .wasi
                .get_or_insert_with(|| closed(&self.transcript).build()),
            table: &mut self.table,
        }
    }
}

/// A world with clocks, randomness, and ears for what the guest says; no arguments, environment,
/// files or network, and a standard input that has ended.
fn closed(transcript: &Arc<Transcript>) -> WasiCtxBuilder {
    let mut builder = WasiCtx::builder();
    builder
        .stdout(stdio::stdout(transcript.clone()))
        .stderr(stdio::stderr(transcript.clone()))
        .max_random_size(RANDOM_BYTES);
    builder
}

/// The same world with what is granted; or what of it is not there.
fn world(transcript: &Arc<Transcript>, allow: &Capabilities) -> Result<WasiCtx, String> {
    let mut builder = closed(transcript);
    for dir in &allow.dirs {
        directory::open(&mut builder, dir).map_err(|unusable| unusable.message)?;
    }
    for grant in &allow.env {
        if let Some(value) = value_of(grant)? {
            builder.env(&grant.name, value);
        }
    }
    Ok(builder.build())
}

/// The value of a variable; none if it is to be passed on and is not set here.
fn value_of(grant: &EnvGrant) -> Result<Option<String>, String> {
    let EnvGrant { name, value } = grant;
    if value.is_some() {
        return Ok(value.clone());
    }
    let passed = std::env::var_os(name).map(OsString::into_string);
    passed
        .transpose()
        .map_err(|_| format!("the value of the environment variable `{name}` is not UTF-8"))
}

/// Sets what wasmtime itself bounds.
pub(super) fn bound(store: &mut Store<State>, limits: &Limits) {
    store.limiter(|state| &mut state.limiter);
    store.set_max_component_handles(HANDLES);
    // The outcome passes through here too.
    let call = CALL_BYTES.max(limits.max_output.saturating_add(1 << 20));
    store.set_hostcall_fuel(usize::try_from(call).unwrap_or(usize::MAX));
}
