//! Tests of the whole product, in one binary.

mod cli;
mod crash;
mod daemon;
mod features;
mod golden;
mod project;
mod readme;
mod reload;
mod sandbox;
mod schema;
mod serve;
mod tidy;
