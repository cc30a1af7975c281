//! Where the daemon's log goes: standard error, or files in a folder; for people, or as JSON lines.
//!
//! - [`lines`]: who logs never waits.
//! - [`files`]: a folder whose files are rotated, and what becomes of the log without it.

use std::{
    fmt,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use clap::ValueEnum;
use cronlet_core::units;
use jiff::Timestamp;
use serde_json::json;
use tracing_subscriber::{
    Layer, Registry,
    filter::{LevelFilter, Targets},
    fmt::{format::Writer, time::FormatTime},
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

use super::{error::CliError, params, suggest};

mod files;
mod lines;

use files::{Files, Room};
use lines::{Lines, Sink};

/// What is logged unless `CRONLET_LOG` says otherwise.
const FILTER: &str = "warn,cronlet=info";

/// The variable that says what is logged.
const VARIABLE: &str = "CRONLET_LOG";

/// A file that is smaller than this would be another one every few lines.
const SMALLEST: u64 = 64 << 10;

/// What may be said of the log.
#[derive(Debug, clap::Args)]
#[group(id = "logging")]
pub struct Args {
    /// How a line of the log looks
    #[arg(
        long = "log-format",
        value_name = "FORMAT",
        env = "CRONLET_LOG_FORMAT",
        hide_env_values = true,
        value_enum,
        default_value_t
    )]
    format: Format,

    /// Write the log to `cronlet.log` in this folder, and begin another file each day
    #[arg(
        long = "log-dir",
        value_name = "FOLDER",
        env = "CRONLET_LOG_DIR",
        hide_env_values = true
    )]
    dir: Option<PathBuf>,

    /// Begin another file when one is so large
    #[arg(
        long = "log-size",
        value_name = "SIZE",
        requires = "dir",
        value_parser = size,
        default_value = "16MiB"
    )]
    size: u64,

    /// Keep so many older files
    #[arg(
        long = "log-keep",
        value_name = "NUMBER",
        requires = "dir",
        default_value_t = 14
    )]
    keep: u16,
}

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

/// The log, for as long as this lives. Dropping it writes the last lines.
#[must_use]
pub struct Logging(Lines);

/// Standard error.
struct Stderr(io::Stderr);

impl Sink for Stderr {
    fn line(&mut self, line: &[u8]) {
        // Where nobody reads there is nobody to tell.
        let _ = self.0.write_all(line);
    }
}

impl Format {
    /// A line about the log itself, as the others look.
    fn warning(self, now: Timestamp, text: &str) -> String {
        match self {
            Self::Human => format!("{now:.3}  WARN {text}\n"),
            Self::Json => {
                let timestamp = format!("{now:.3}");
                let target = module_path!();
                let line = json!({
                    "timestamp": timestamp, "level": "WARN", "message": text, "target": target,
                });
                format!("{line}\n")
            }
        }
    }
}

/// Begins to log.
pub fn init(args: &Args) -> Result<Logging, CliError> {
    let filter = filter()?;
    let format = args.format;
    let lines = match &args.dir {
        None => Lines::to(Stderr(io::stderr()), format),
        Some(folder) => Lines::to(files(folder, args)?, format),
    };
    let lines =
        lines.map_err(|error| CliError::config(format!("cannot start a thread: {error}")))?;
    let writer = lines.clone();
    let layer = tracing_subscriber::fmt::layer::<Registry>()
        .with_writer(move || writer.clone())
        .with_timer(Utc);
    let terminal = anstream::AutoStream::choice(&io::stderr()) != anstream::ColorChoice::Never;
    let colours = terminal && args.dir.is_none();
    let layer = match format {
        Format::Human => layer.with_target(false).with_ansi(colours).boxed(),
        Format::Json => layer.json().flatten_event(true).boxed(),
    };
    tracing_subscriber::registry()
        .with(layer.with_filter(filter))
        .try_init()
        .map_err(|error| CliError::internal(format!("cannot begin to log: {error}")))?;
    Ok(Logging(lines))
}

/// The files, after a word about where they are: somebody may wait for the log.
fn files(folder: &Path, args: &Args) -> Result<Files, CliError> {
    let room = Room {
        size: args.size,
        keep: args.keep.into(),
    };
    let files =
        Files::open(folder, room, args.format, Box::new(io::stderr())).map_err(|error| {
            let folder = folder.display();
            CliError::config(format!("cannot write the log to `{folder}`: {error}"))
                .hint("name a folder that this user may write to, or leave `--log-dir` out")
        })?;
    let path = files.path();
    let _ = writeln!(anstream::stderr(), "the log is in `{}`", path.display());
    Ok(files)
}

fn size(text: &str) -> Result<u64, String> {
    let size = units::parse_size(text).map_err(|error| params::unit(&error))?;
    if size < SMALLEST {
        return Err("a file of the log is at least 64KiB".to_owned());
    }
    Ok(size)
}

impl Drop for Logging {
    fn drop(&mut self) {
        self.0.finish();
    }
}

fn filter() -> Result<Targets, CliError> {
    let asked = std::env::var_os(VARIABLE).unwrap_or_default();
    let asked = asked.to_string_lossy();
    parse(if asked.is_empty() { FILTER } else { &asked })
}

fn parse(filter: &str) -> Result<Targets, CliError> {
    // By itself a word that is no level would be a part of which everything is logged, and nothing of
    // all others: a misspelled `debug` would be silence.
    let close: String = filter.split_whitespace().collect();
    let is_level = |word: &str| !word.is_empty() && word.parse::<LevelFilter>().is_ok();
    let mut words = close.split(',');
    let lonely = words.find(|word| !word.contains('=') && !is_level(word));
    let parsed = match lonely {
        Some(_) => None,
        None => close.parse().ok(),
    };
    parsed.ok_or_else(|| {
        let levels = ["off", "error", "warn", "info", "debug", "trace"];
        let meant = lonely.and_then(|word| suggest::hint(word, levels));
        CliError::user(format!(
            "the environment variable `{VARIABLE}` is `{filter}`, expected a level, such as `debug`, or \
             levels of parts, such as `warn,cronlet=debug`"
        ))
        .hint(meant.unwrap_or_else(|| {
            format!("set `{VARIABLE}` to another value, or unset it")
        }))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_that_is_none_is_said_and_never_silence() {
        for good in [
            FILTER,
            "debug",
            "TRACE",
            "off",
            "warn,cronlet=debug",
            "cronlet=4",
        ] {
            assert!(parse(good).is_ok(), "{good}");
        }
        for bad in [
            "debgu",
            "cronlet",
            "a=b=c",
            "cronlet=loud",
            "warn,debgu",
            "info,",
        ] {
            let error = parse(bad).unwrap_err();
            assert!(error.message.contains(&format!("`CRONLET_LOG` is `{bad}`")));
        }
        assert_eq!(parse("debgu").unwrap_err().hints, ["did you mean `debug`?"]);
    }
}
