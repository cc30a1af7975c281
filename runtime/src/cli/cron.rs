//! A cron expression from the command line.

use cronlet_core::{name::JobName, schedule::Cron};

use super::error::CliError;
use crate::config::{self, Problems, Source};

/// Reads it, as an expression of `job` if there is one. What is wrong is shown as it is in a schedules
/// file.
pub fn parse(expression: &str, job: Option<&JobName>) -> Result<Cron, CliError> {
    let cron = match job {
        Some(job) => Cron::parse_for(expression, job.as_str()),
        None => Cron::parse(expression),
    };
    cron.map_err(|error| {
        let source = Source::new("--cron", expression);
        let span = error.span.clone();
        let problem = config::cron_problem(error).at(span);
        let problems = Problems::one(&source, problem);
        CliError::user("`--cron` is no cron expression").problems(problems)
    })
}
