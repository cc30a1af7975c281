//! How a guest comes to read what its job remembers: the sandbox asks, and the store answers.

use std::{error::Error, fmt, sync::Arc};

use cronlet_core::{name::JobName, state::Entries};

use crate::{sandbox::StateSource, store::History};

/// What is on disk. The record that starts an attempt is there before its guest is, and with it all
/// that was decided before.
pub(super) struct OnDisk(Arc<dyn History>);

impl OnDisk {
    pub(super) fn new(history: Arc<dyn History>) -> Arc<Self> {
        Arc::new(Self(history))
    }
}

impl fmt::Debug for OnDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnDisk").finish_non_exhaustive()
    }
}

impl StateSource for OnDisk {
    fn read(&self, job: &JobName) -> Result<Entries, Box<dyn Error + Send + Sync>> {
        Ok(self.0.state(job)?)
    }
}
