//! The message of a panic. A trap only knows that `unreachable` was executed; the
//! words were said to the log or to standard error just before.

use cronlet_core::report::{Level, LogLine};

/// How many lines before the end a panic's message can begin.
const LINES: usize = 64;
/// How many lines of standard error say enough.
const LAST_WORDS: usize = 10;
/// The most of them, in bytes.
const LAST_WORDS_BYTES: usize = 2 << 10;

/// `panicked at src/lib.rs:5:3: message`, if that is how the log ends.
pub(super) fn message(log: &[LogLine]) -> Option<String> {
    let end = &log[log.len().saturating_sub(LINES)..];
    let logged = end.last().filter(|line| line.level == Level::Error);
    if let Some(line) = logged.filter(|line| line.message.starts_with("panicked")) {
        return Some(line.message.clone());
    }
    of_std(&stderr(end))
}

/// The last lines of standard error.
pub(super) fn last_words(log: &[LogLine]) -> Option<String> {
    let lines = stderr(log);
    let last = &lines[lines.len().saturating_sub(LAST_WORDS)..];
    let text = last.join("\n");
    let from = text.ceil_char_boundary(text.len().saturating_sub(LAST_WORDS_BYTES));
    (!text.is_empty()).then(|| text[from..].to_owned())
}

/// Rust's standard library writes
///
/// ```text
/// thread 'main' panicked at src/lib.rs:5:3:
/// message, which may have several lines
/// note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace
/// ```
fn of_std(lines: &[&str]) -> Option<String> {
    let begin = lines.iter().rposition(|line| {
        line.starts_with("thread ") && line.contains(" panicked at ") && line.ends_with(':')
    })?;
    let (_, place) = lines[begin].split_once(" panicked at ")?;
    let message = lines[begin + 1..]
        .iter()
        .take_while(|line| !line.starts_with("note: run with `RUST_BACKTRACE="));
    let message = message.copied().collect::<Vec<_>>().join("\n");
    Some(format!("panicked at {place} {}", message.trim_end()))
}

fn stderr(log: &[LogLine]) -> Vec<&str> {
    log.iter()
        .filter(|line| line.level == Level::Stderr)
        .map(|line| line.message.as_str())
        .collect()
}
