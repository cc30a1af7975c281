//! Fails until attempt `succeeds_at`.

use cronlet_plugin::prelude::*;

#[derive(Deserialize, JsonSchema)]
struct Params {
    succeeds_at: u32,
}

/// Fails some times, then works.
#[job]
fn flaky(cx: &Context, params: Params) -> Result<Outcome, JobError> {
    let attempt = cx.attempt();
    if attempt < params.succeeds_at {
        return Err(JobError::retryable(format!("attempt {attempt} fails")).code("flaky"));
    }
    Ok(Outcome::summary(format!("attempt {attempt} works")))
}
