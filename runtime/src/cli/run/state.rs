//! What a job remembers, for a run that keeps nothing: a copy of what is in the database.

use std::{error::Error, path::PathBuf};

use cronlet_core::{name::JobName, state::Entries};

use crate::{
    sandbox::StateSource,
    store::{
        History as _,
        sqlite::{self, OpenError},
    },
};

/// The database, whether it is there or not. It is opened only for a component that may ask.
#[derive(Debug)]
pub(super) struct Copy(PathBuf);

impl Copy {
    pub(super) fn of(database: PathBuf) -> Self {
        Self(database)
    }
}

impl StateSource for Copy {
    fn read(&self, job: &JobName) -> Result<Entries, Box<dyn Error + Send + Sync>> {
        match sqlite::history(&self.0) {
            Ok(history) => Ok(history.state(job)?),
            Err(OpenError::Missing { .. }) => Ok(Entries::default()),
            Err(error) => Err(first_line(&error.to_string()).into()),
        }
    }
}

/// Without the help, for which there is no place in a run's error.
fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}
