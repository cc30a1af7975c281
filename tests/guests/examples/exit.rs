//! Leaves by the back door.

use cronlet_plugin::prelude::*;

/// Exits the process that it has not.
#[job]
fn exit(cx: &Context) -> Result<(), JobError> {
    std::process::exit(3)
}
