//! Tests of the whole product, in one binary.

mod cli;
mod crash;
mod daemon;
mod features;
mod golden;
mod manager;
mod project;
mod readme;
mod reload;
mod sandbox;
mod serve;
#[cfg(target_os = "linux")]
mod soak;
mod tidy;
