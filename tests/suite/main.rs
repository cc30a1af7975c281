//! Tests of the whole product, in one binary.

mod cli;
mod crash;
mod daemon;
mod golden;
mod project;
mod reload;
mod serve;
