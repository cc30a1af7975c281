//! Gives back what it was called with: its params, and every fact of its run.

use cronlet_plugin::prelude::*;
use serde_json::{Map, Value, json};

/// Gives back its params and the facts of its run.
#[job]
fn echo(cx: &Context, params: Map<String, Value>) -> Result<Outcome, JobError> {
    info!(job = cx.job(), attempt = cx.attempt(), "echoing");
    Ok(Outcome::summary("echoed")
        .output(json!({
            "params": params,
            "job": cx.job(),
            "run_id": cx.run_id(),
            "attempt": cx.attempt(),
            "max_attempts": cx.max_attempts(),
            "trigger": cx.trigger(),
            "nominal": cx.nominal(),
            "deadline": cx.deadline(),
            "input": cx.input::<Value>()?,
            "attribute": cx.attribute("no such attribute"),
            "cancelled": cx.cancelled(),
        }))
        .attribute("colour", "green"))
}
