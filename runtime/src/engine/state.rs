//! How a guest comes to read what its job remembers, and what another run has left for it: the sandbox
//! asks, and the store answers.

use std::{error::Error, fmt, sync::Arc};

use cronlet_core::{
    name::JobName,
    run::{AttemptStatus, RunId},
    state::Entries,
};

use crate::{
    sandbox::{InputSource, NoInput, StateSource},
    store::{History, StoreError},
};

/// What is on disk. The record that starts an attempt is there before its guest is, and with it all
/// that was decided before: the end of the run that caused it, too.
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

impl InputSource for OnDisk {
    fn read(&self, run: RunId) -> Result<Option<Arc<str>>, NoInput> {
        let unread = |error: StoreError| NoInput::Unread(error.into());
        let row = self.0.run(run).map_err(unread)?;
        let row = row.ok_or(NoInput::Gone(run))?;
        // Its last attempt, if that is how the run ended; a cancelled one may have an output, too.
        let last = row.attempts.into_iter().next_back();
        let succeeded = last.filter(|it| it.status == Some(AttemptStatus::Succeeded));
        Ok(succeeded.and_then(|it| it.output).map(Into::into))
    }
}
