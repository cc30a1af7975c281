//! Works for ever, whatever it is asked.

use std::time::Duration;

use cronlet_plugin::prelude::*;

/// Does not stop.
#[job]
fn stubborn(cx: &Context) -> Result<(), JobError> {
    info!("working");
    loop {
        std::thread::sleep(Duration::from_millis(1));
    }
}
