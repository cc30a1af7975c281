//! The functional core of cronlet: what is due, and what to do about it.
//!
//! It knows no clock, no disk, no network, no randomness and no thread. Time and events come in,
//! effects go out ([`engine`]), and nothing here can fail at run time: only the constructors of values
//! that come from outside (a name, a cron expression, a duration) return errors. So the same events give
//! the same effects, on every machine, in every order of the day, which is what the simulation in
//! `tests/sim` relies on.
//!
//! | to find | look in |
//! |---|---|
//! | when something is due | [`schedule`] |
//! | what a job is, and all of them | [`job`], [`plan`], [`after`], [`policy`], [`limits`], [`capability`], [`retention`], [`catalog`] |
//! | what can become of an occurrence | [`run`], [`report`], [`record`], [`state`], [`backfill`], [`pause`], [`health`] |
//! | what decides it | [`engine`], [`backoff`] |
//! | how lengths, sizes, states and strangers' words are written | [`units`], [`named`], [`escape`] |
#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod after;
pub mod backfill;
pub mod backoff;
pub mod capability;
pub mod catalog;
pub mod digest;
pub mod engine;
pub mod escape;
pub mod health;
pub mod job;
pub mod limits;
pub mod name;
pub mod named;
pub mod pause;
pub mod plan;
pub mod policy;
pub mod record;
pub mod report;
pub mod retention;
pub mod run;
pub mod schedule;
pub mod state;
pub mod units;
