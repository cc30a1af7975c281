//! Write a cronlet job in Rust.

#![warn(missing_docs)]

#[doc(hidden)]
pub mod bindings;
mod context;
mod error;
#[doc(hidden)]
pub mod export;
mod json;
#[doc(hidden)]
pub mod log;
mod outcome;

pub use context::{Context, UnixMillis};
pub use cronlet_plugin_macros::job;
pub use error::JobError;
pub use outcome::Outcome;

/// What a job needs, for `use cronlet_plugin::prelude::*`.
pub mod prelude {
    pub use schemars::{self, JsonSchema};
    pub use serde::{Deserialize, Serialize};

    pub use crate::{Context, JobError, Outcome, job};
    pub use crate::{debug, error, info, trace, warn};
}
