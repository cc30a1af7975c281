//! Waits in the host: for `ms`, or for as good as ever.

use std::time::Duration;

use cronlet_plugin::prelude::*;

#[derive(Deserialize, JsonSchema)]
struct Params {
    ms: Option<u64>,
}

/// Sleeps.
#[job]
fn sleep(cx: &Context, params: Params) -> Result<Outcome, JobError> {
    info!("sleeping");
    let length = params.ms.map_or(Duration::MAX, Duration::from_millis);
    std::thread::sleep(length);
    Ok(Outcome::summary("slept"))
}
