//! Runs that are told to be running though no daemon is there: it died with them, or the database is a copy.

use std::path::{Path, PathBuf};

use crate::{api::view, store::sqlite};

/// What is said of such a run.
const MESSAGE: &str = "no daemon runs it any more, the next one that starts closes it";

/// Whether a daemon was there before the history was read.
pub struct Orphans {
    database: PathBuf,
    alone: bool,
}

impl Orphans {
    /// To be asked before the history is read: who stops in time closes what was running.
    pub fn of(database: &Path) -> Self {
        Self {
            database: database.to_owned(),
            alone: is_alone(database),
        }
    }

    /// Says it of each of them.
    pub fn tell<'a>(&self, runs: impl IntoIterator<Item = &'a mut view::Run>) {
        let running = runs.into_iter().filter(|run| run.status == "running");
        let mut running = running.peekable();
        if self.alone && running.peek().is_some() && is_alone(&self.database) {
            running.for_each(|run| run.message = Some(MESSAGE.to_owned()));
        }
    }
}

/// Nobody is told to be gone where it is not known.
fn is_alone(database: &Path) -> bool {
    sqlite::holder(database).is_ok_and(|holder| holder.is_none())
}
