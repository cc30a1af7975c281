//! `cronlet`: parse, run, exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    cronlet::cli::main().into()
}
