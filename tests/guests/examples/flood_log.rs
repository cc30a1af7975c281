//! Logs `lines` lines of `bytes` bytes.

use cronlet_plugin::prelude::*;

#[derive(Deserialize, JsonSchema)]
struct Params {
    lines: u64,
    bytes: usize,
}

/// Logs and logs.
#[job]
fn flood_log(cx: &Context, params: Params) -> Result<(), JobError> {
    let text = "x".repeat(params.bytes);
    for line in 0..params.lines {
        info!(line = line, "{text}");
    }
    Ok(())
}
