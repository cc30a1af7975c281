//! The command line: one file per verb. The only room that prints.

pub mod check;
pub mod diagnostics;
