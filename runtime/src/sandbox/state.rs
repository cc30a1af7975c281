//! What one attempt owns while its guest runs. It is dropped with the attempt, so
//! that nothing of one guest is ever seen by another.

use std::sync::Arc;

use cronlet_core::limits::Limits;
use jiff::Timestamp;
use wasmtime::{Store, component::ResourceTable};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use super::{Facts, kept::Kept, limiter::Limiter, stdio, transcript::Transcript};

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
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: self.wasi.get_or_insert_with(|| closed(&self.transcript)),
            table: &mut self.table,
        }
    }
}

/// A world with clocks, randomness, and ears for what the guest says; no arguments, environment,
/// files or network, and a standard input that has ended.
fn closed(transcript: &Arc<Transcript>) -> WasiCtx {
    WasiCtx::builder()
        .stdout(stdio::stdout(transcript.clone()))
        .stderr(stdio::stderr(transcript.clone()))
        .max_random_size(RANDOM_BYTES)
        .build()
}

/// Sets what wasmtime itself bounds.
pub(super) fn bound(store: &mut Store<State>, limits: &Limits) {
    store.limiter(|state| &mut state.limiter);
    store.set_max_component_handles(HANDLES);
    // The outcome passes through here too.
    let call = CALL_BYTES.max(limits.max_output.saturating_add(1 << 20));
    store.set_hostcall_fuel(usize::try_from(call).unwrap_or(usize::MAX));
}
