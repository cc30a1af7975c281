//! The few colours there are, and what they mean. Nothing is said by colour alone.

use anstyle::{AnsiColor, Style};

pub const ERROR: Style = AnsiColor::Red.on_default().bold();
pub const WARNING: Style = AnsiColor::Yellow.on_default().bold();
pub const HELP: Style = AnsiColor::Cyan.on_default().bold();
pub const PLAIN: Style = Style::new();
pub const DIM: Style = Style::new().dimmed();
pub const BOLD: Style = Style::new().bold();

/// The colour of a run's or an attempt's status.
pub fn of_status(status: &str) -> Style {
    match status {
        "succeeded" => AnsiColor::Green.on_default(),
        "failed" | "crashed" => AnsiColor::Red.on_default(),
        "running" | "retrying" => AnsiColor::Cyan.on_default(),
        "cancelled" | "interrupted" => AnsiColor::Yellow.on_default(),
        "skipped" => DIM,
        _ => PLAIN,
    }
}

/// The colour of a log line's level.
pub fn of_level(level: &str) -> Style {
    match level {
        "error" => AnsiColor::Red.on_default(),
        "warn" => AnsiColor::Yellow.on_default(),
        "info" => AnsiColor::Green.on_default(),
        _ => DIM,
    }
}
