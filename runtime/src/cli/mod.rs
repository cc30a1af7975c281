//! The command line: one file per verb. The only room that prints.

pub mod check;
pub mod console;
pub mod diagnostics;
pub mod error;
pub mod escape;
pub mod exit;
pub mod style;
pub mod suggest;
pub mod table;
pub mod when;
