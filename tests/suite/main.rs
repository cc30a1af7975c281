//! Tests of the whole product, in one binary.

mod cli;
mod crash;
mod daemon;
mod features;
mod files;
mod golden;
mod instants;
mod project;
mod readme;
mod reload;
mod sandbox;
mod serve;
mod tidy;
