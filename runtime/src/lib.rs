//! cronlet: a scheduler whose jobs are sandboxed WebAssembly components.
//!
//! Each module is a room; ARCHITECTURE.md says what each may know.

pub mod api;
pub mod cli;
pub mod config;
pub mod engine;
pub mod sandbox;
pub mod store;
