//! Values that are typed: what is wrong with them is said in a sentence that `clap` completes.

use std::sync::Arc;

use cronlet_core::{name::JobName, schedule::Zone, units::UnitError};
use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::config;

/// Params: a JSON object.
pub fn parse(text: &str) -> Result<Arc<Map<String, Value>>, String> {
    let problem = match serde_json::from_str(text) {
        Ok(Value::Object(params)) => return Ok(Arc::new(params)),
        Ok(_) => "params are an object".to_owned(),
        Err(error) => format!("it is not JSON: {error}"),
    };
    let example = r#"'{"name": "value"}'"#;
    Err(format!(
        "{problem}\n\nhelp: write it in single quotes, such as {example}"
    ))
}

/// Any JSON, as text.
pub fn json(text: &str) -> Result<Arc<str>, String> {
    let value: Result<Value, _> = serde_json::from_str(text);
    match value {
        Ok(_) => Ok(text.into()),
        Err(error) => Err(format!(
            "it is not JSON: {error}\n\nhelp: write it in single quotes, such as '[1, \"two\"]'"
        )),
    }
}

/// An instant.
pub fn instant(text: &str) -> Result<Timestamp, String> {
    text.parse()
        .map_err(|_| "expected an RFC 3339 time, such as 2026-03-29T03:00:00Z".to_owned())
}

/// A time zone.
pub fn zone(name: &str) -> Result<Zone, String> {
    config::zone(name).map_err(|problem| match problem.help {
        Some(help) => format!("{}\n\nhelp: {help}", problem.message),
        None => problem.message,
    })
}

/// The name of a job, which need not be there.
pub fn job_name(name: &str) -> Result<JobName, String> {
    JobName::new(name).map_err(|error| error.to_string())
}

/// A run's number.
pub fn run(text: &str) -> Result<u64, String> {
    text.parse()
        .map_err(|_| "expected the number of a run, such as 1042".to_owned())
}

/// A duration or a size that is none.
pub fn unit(error: &UnitError) -> String {
    match &error.help {
        Some(help) => format!("{error}\n\nhelp: {help}"),
        None => error.to_string(),
    }
}
