//! Says `lines` lines at each of `steps` steps, with progress, and waits `ms` between them. Then it
//! fails until attempt `succeeds_at`, and works until it is cancelled if it is told to.

use std::time::Duration;

use cronlet_plugin::prelude::*;

#[derive(Deserialize, JsonSchema)]
struct Params {
    #[serde(default)]
    steps: u64,
    #[serde(default)]
    lines: u64,
    #[serde(default)]
    ms: u64,
    #[serde(default)]
    succeeds_at: u32,
    #[serde(default)]
    stays: bool,
    #[serde(default)]
    message: String,
}

/// Talks while it works.
#[job]
fn talk(cx: &Context, params: Params) -> Result<Outcome, JobError> {
    for step in 1..=params.steps {
        for line in 1..=params.lines {
            info!(step = step, "line {line}");
        }
        cx.progress(step, params.steps, &params.message);
        std::thread::sleep(Duration::from_millis(params.ms));
    }
    if cx.attempt() < params.succeeds_at {
        return Err(JobError::retryable("not yet"));
    }
    while params.stays && !cx.cancelled() {
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(Outcome::summary("said it all"))
}
