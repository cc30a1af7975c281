//! Imports CSV files: every row of every `*.csv` in a granted directory, checked against typed columns,
//! and each of them once, however often it is met again.
//!
//! - `params`: what the job is told.
//! - `rows`, `encoding`, `value`, `calendar`: from the bytes of a file to what a row says.
//! - `seen`: the rows that were imported, in the job's state.
//! - `output`: the file with the new rows.
//! - `import`: all of it together; `report`, `failure`: how it ends.
//! - `world`: what it asks of its host.

mod calendar;
mod encoding;
mod failure;
mod import;
mod output;
mod params;
mod report;
mod rows;
mod seen;
mod value;
mod world;

use cronlet_plugin::prelude::*;

use crate::{failure::Failure, params::Params, world::World};

/// The run's own context.
struct Host<'a>(&'a Context);

/// Imports the rows of CSV files, each of them once.
#[job]
fn csv_import(cx: &Context, params: Params) -> Result<Outcome, JobError> {
    let layout = params.check()?;
    let report = import::run(&Host(cx), &layout, &cx.run_id(), cx.attempt())?;
    Ok(Outcome::summary(report.summary()).output(report))
}

impl World for Host<'_> {
    fn cancelled(&self) -> bool {
        self.0.cancelled()
    }

    fn progress(&self, done: u64, total: u64, message: &str) {
        self.0.progress(done, total, message);
    }

    fn warn(&self, message: &str) {
        warn!("{message}");
    }

    fn recall(&self, key: &str) -> Result<Option<Vec<u8>>, Failure> {
        Ok(self.0.state().get(key)?)
    }

    fn remember(
        &self,
        key: &str,
        before: Option<&[u8]>,
        after: Option<&[u8]>,
    ) -> Result<(), Failure> {
        if self.0.state().compare_and_set(key, before, after)? {
            return Ok(());
        }
        let message = format!("`{key}` has changed while this run read it");
        Err(Failure::again("state-conflict", message))
    }
}
