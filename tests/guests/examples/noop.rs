//! Nothing, through the SDK: what a run costs at least.

use cronlet_plugin::prelude::*;

/// Does nothing.
#[job]
fn noop(cx: &Context) -> Result<(), JobError> {
    Ok(())
}
