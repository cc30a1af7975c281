//! Computes for ever, and calls the host no more.

use cronlet_plugin::prelude::*;

/// Never ends.
#[job]
fn spin(cx: &Context) -> Result<(), JobError> {
    info!("spinning");
    loop {
        std::hint::spin_loop();
    }
}
