//! Tests of the whole product, in one binary.

mod cli;
mod golden;
mod project;
mod readme;
mod sandbox;
mod tidy;
