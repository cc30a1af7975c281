//! Tests of the whole product, in one binary.

mod backup;
mod cli;
mod crash;
mod daemon;
mod features;
mod files;
mod fuzz;
mod golden;
mod instants;
mod manager;
mod project;
mod readme;
mod reload;
mod retention;
mod sandbox;
mod schedules;
mod schema;
mod serve;
#[cfg(target_os = "linux")]
mod soak;
mod state;
mod tidy;
