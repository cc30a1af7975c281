//! A cron expression from the command line.

use cronlet_core::schedule::Cron;

use super::error::CliError;
use crate::config::{Problem, Problems, Source};

/// Reads it. What is wrong is shown as it is in a schedules file.
pub fn parse(expression: &str) -> Result<Cron, CliError> {
    Cron::parse(expression).map_err(|error| {
        let source = Source::new("--cron", expression);
        let problem = Problem::error("schedule::cron", error.message)
            .at(error.span)
            .label(error.label)
            .maybe_help(error.help);
        let problems = Problems::one(&source, problem);
        CliError::user("`--cron` is no cron expression").problems(problems)
    })
}
