//! Works until it is asked to stop, then stops cleanly.

use std::time::Duration;

use cronlet_plugin::prelude::*;

/// Works until it is cancelled.
#[job]
fn cooperative(cx: &Context) -> Result<(), JobError> {
    info!("working");
    for step in 1.. {
        if cx.cancelled() {
            return Err(JobError::cancelled(format!("stopped before step {step}")));
        }
        cx.progress(step, None, "working");
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}
