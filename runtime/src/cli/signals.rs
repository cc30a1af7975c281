//! What the system may ask of the daemon.

use std::io;

use rustix::process::Signal as Raw;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::engine::Handle;

/// Wishes to stop, and to read the schedules file again.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
    /// Heard, so that a limit on the size of files is an error of the store's and not the end.
    _too_large: Signal,
}

impl Signals {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
            _too_large: signal(SignalKind::from_raw(Raw::XFSZ.as_raw()))?,
        })
    }

    /// Returns at a wish to stop.
    pub(super) async fn stop(&mut self) {
        stop(&mut self.terminate, &mut self.interrupt).await;
    }

    /// Passes them on, with a word before. Returns at the second wish to stop.
    pub(super) async fn obey(&mut self, engine: &Handle, reloads: impl Fn(), stops: impl Fn()) {
        let mut stopping = false;
        loop {
            tokio::select! {
                _ = self.hang_up.recv() => {
                    reloads();
                    continue;
                }
                () = stop(&mut self.terminate, &mut self.interrupt) => {}
            }
            if stopping {
                tracing::warn!(
                    "stopped at once, what was running is found as crashed at the next start"
                );
                return;
            }
            stopping = true;
            tracing::info!("stopping; once more stops at once");
            stops();
            engine.shutdown();
        }
    }
}

async fn stop(terminate: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
