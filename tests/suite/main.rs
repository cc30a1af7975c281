//! Tests of the whole product, in one binary.

mod admission;
mod after;
mod backfill;
mod backup;
mod calendar;
mod cli;
mod clock;
mod crash;
mod csv_import;
mod daemon;
mod features;
mod files;
mod fuzz;
mod golden;
mod health;
mod instants;
mod keys;
mod manager;
mod operating;
mod pages;
mod pauses;
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
mod store;
mod tidy;
