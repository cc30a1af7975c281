//! Traps without a word.

use cronlet_plugin::prelude::*;

/// Traps.
#[job]
fn trap(cx: &Context) -> Result<(), JobError> {
    core::arch::wasm32::unreachable()
}
