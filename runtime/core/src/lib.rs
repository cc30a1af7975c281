//! The functional core of cronlet: what is due, and what to do about it.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod backoff;
pub mod catalog;
pub mod digest;
pub mod engine;
pub mod job;
pub mod limits;
pub mod name;
pub mod plan;
pub mod policy;
pub mod record;
pub mod report;
pub mod run;
pub mod schedule;
