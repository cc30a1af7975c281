//! `cronlet schema`: the JSON Schema of a schedules file, for editors.

use super::{console::Console, error::CliError, exit::Exit};
use crate::config;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cronlet schema > schedules.schema.json    then, in the first line of schedules.toml:
  #:schema ./schedules.schema.json

Editors that know TOML (Even Better TOML, and whatever speaks to taplo) then complete the keys,
explain them, and underline mistakes. What they cannot see, `cronlet check` does.")]
pub struct Args {}

pub fn run(console: &mut Console) -> Result<Exit, CliError> {
    // A file for people to look into, whoever reads standard output.
    console.line(format_args!("{:#}", config::schema()))?;
    Ok(Exit::Done)
}
