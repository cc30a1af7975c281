//! The state machine: what is due, and what to do about it.
pub mod effect;
pub mod event;
pub use effect::{Answer, Effect, Start};
pub use event::{CancelRequest, Event, RunRequest};
