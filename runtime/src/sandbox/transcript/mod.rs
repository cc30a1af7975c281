//! What a guest says while it runs: its log, and who listens to it.
//!
//! Saying something never fails, blocks or costs more than a fixed amount of
//! memory: of a log that is too long the head and the tail are kept, and a line
//! between them says how much is missing.

mod kept;
mod lines;

use std::sync::{Mutex, MutexGuard, PoisonError};

use cronlet_core::report::{Level, LogLine};
use jiff::Timestamp;

pub(crate) use self::kept::Finished;
pub(super) use self::kept::Kept;
pub use self::kept::News;
use self::lines::Lines;
use super::{Control, clip};

/// The log of one attempt, shared by everything that can write to it. The lines are in the
/// [`Control`], where others can look on.
pub(super) struct Transcript {
    control: Control,
    streams: Mutex<Streams>,
}

/// What was written without the end of its line.
#[derive(Default)]
struct Streams {
    stdout: Lines,
    stderr: Lines,
}

impl Transcript {
    pub(super) fn new(control: Control) -> Self {
        Self {
            control,
            streams: Mutex::default(),
        }
    }

    /// The attempt's connection to the engine.
    pub(super) fn control(&self) -> &Control {
        &self.control
    }

    /// Adds a line with fields.
    pub(super) fn emit(&self, level: Level, message: String, fields: Vec<(String, String)>) {
        self.control.say(LogLine {
            at: Timestamp::now(),
            level,
            message: clip::text(message, lines::LONGEST),
            fields: clip::attributes(fields),
        });
    }

    /// Adds what was written to standard output.
    pub(super) fn stdout(&self, bytes: &[u8]) {
        self.write(Level::Stdout, bytes);
    }

    /// Adds what was written to standard error.
    pub(super) fn stderr(&self, bytes: &[u8]) {
        self.write(Level::Stderr, bytes);
    }

    fn write(&self, level: Level, bytes: &[u8]) {
        let say = |line| self.say(level, line);
        self.lock().lines(level).feed(bytes, say);
    }

    /// Takes everything that was said, the last line of each stream also if it has no end.
    pub(super) fn finish(&self) -> Finished {
        let mut streams = self.lock();
        for level in [Level::Stdout, Level::Stderr] {
            if let Some(line) = streams.lines(level).rest() {
                self.say(level, line);
            }
        }
        self.control.finish_log()
    }

    fn say(&self, level: Level, message: String) {
        self.control.say(LogLine {
            at: Timestamp::now(),
            level,
            message,
            fields: Vec::new(),
        });
    }

    fn lock(&self) -> MutexGuard<'_, Streams> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Streams {
    fn lines(&mut self, level: Level) -> &mut Lines {
        if level == Level::Stderr {
            &mut self.stderr
        } else {
            &mut self.stdout
        }
    }
}

#[cfg(test)]
mod tests;
