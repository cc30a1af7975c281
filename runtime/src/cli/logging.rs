//! Where the daemon's log goes: standard error, for people or as JSON lines.

use std::{fmt, io};

use clap::ValueEnum;
use jiff::Timestamp;
use tracing_subscriber::{
    Layer, Registry,
    filter::Targets,
    fmt::{format::Writer, time::FormatTime},
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

use super::error::CliError;

/// What is logged unless `CRONLET_LOG` says otherwise.
const FILTER: &str = "warn,cronlet=info";

/// The variable that says what is logged.
const VARIABLE: &str = "CRONLET_LOG";

/// How a line looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Human,
    /// One object a line.
    Json,
}

/// UTC, to the millisecond.
struct Utc;

impl FormatTime for Utc {
    fn format_time(&self, writer: &mut Writer<'_>) -> fmt::Result {
        write!(writer, "{:.3}", Timestamp::now())
    }
}

/// Begins to log.
pub fn init(format: Format) -> Result<(), CliError> {
    let lines = tracing_subscriber::fmt::layer::<Registry>()
        .with_writer(io::stderr)
        .with_timer(Utc);
    let colours = anstream::AutoStream::choice(&io::stderr()) != anstream::ColorChoice::Never;
    let lines = match format {
        Format::Human => lines.with_target(false).with_ansi(colours).boxed(),
        Format::Json => lines.json().flatten_event(true).boxed(),
    };
    tracing_subscriber::registry()
        .with(lines.with_filter(filter()?))
        .try_init()
        .map_err(|error| CliError::internal(format!("cannot begin to log: {error}")))
}

fn filter() -> Result<Targets, CliError> {
    let asked = std::env::var(VARIABLE).unwrap_or_default();
    let asked = if asked.is_empty() { FILTER } else { &asked };
    asked.parse().map_err(|error| {
        CliError::user(format!("`{VARIABLE}` is not a filter: {error}")).hint(
            "write a level, such as `debug`, or levels of parts, such as `warn,cronlet=debug`",
        )
    })
}
