//! Fails as it is told.

use std::time::Duration;

use cronlet_plugin::prelude::*;

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "kind")]
enum Params {
    Retryable { message: String },
    RetryAfter { message: String, ms: u64 },
    Permanent { message: String },
    Cancelled { message: String },
    Ordinary { message: String },
}

/// Fails.
#[job]
fn fail(cx: &Context, params: Params) -> Result<(), JobError> {
    let error = match params {
        Params::Retryable { message } => JobError::retryable(message),
        Params::RetryAfter { message, ms } => {
            JobError::retry_after(message, Duration::from_millis(ms))
        }
        Params::Permanent { message } => JobError::permanent(message),
        Params::Cancelled { message } => JobError::cancelled(message),
        Params::Ordinary { message } => return Err(std::io::Error::other(message).into()),
    };
    Err(error.code("told-to").attribute("by", "params"))
}
