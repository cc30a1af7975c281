//! Returns an output of `bytes` bytes.

use cronlet_plugin::prelude::*;

#[derive(Deserialize, JsonSchema)]
struct Params {
    bytes: usize,
}

/// Returns much.
#[job]
fn big_output(cx: &Context, params: Params) -> Result<Outcome, JobError> {
    // The two quotes of a JSON string count.
    Ok(Outcome::summary("big").output("x".repeat(params.bytes.saturating_sub(2))))
}
