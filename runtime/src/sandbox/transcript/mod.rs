//! What a guest says while it runs: its log, and who listens to it.
//!
//! Saying something never fails, blocks or costs more than a fixed amount of
//! memory: of a log that is too long the head and the tail are kept, and a line
//! between them says how much is missing.

mod lines;

use std::{
    collections::VecDeque,
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
};

use cronlet_core::report::{Level, LogLine};
use jiff::Timestamp;

use self::lines::Lines;
use super::{Control, clip};

/// The budget of the first lines, in bytes.
const HEAD: usize = 64 << 10;
/// The budget of the last lines.
const TAIL: usize = 192 << 10;
/// What a line costs beside its text, so that empty lines are not free.
const LINE_COST: usize = 64;

/// The log of one attempt, shared by everything that can write to it.
pub(super) struct Transcript {
    control: Control,
    log: Mutex<Log>,
}

/// See [`Transcript::finish`].
#[derive(Debug, Default, PartialEq)]
pub(super) struct Finished {
    pub(super) log: Vec<LogLine>,
    /// All of them, the dropped ones too.
    pub(super) lines: u64,
    pub(super) dropped: u64,
}

#[derive(Default)]
struct Log {
    head: Vec<LogLine>,
    head_bytes: usize,
    tail: VecDeque<LogLine>,
    tail_bytes: usize,
    lines: u64,
    dropped: Dropped,
    stdout: Lines,
    stderr: Lines,
}

#[derive(Default)]
struct Dropped {
    lines: u64,
    bytes: u64,
    last: Timestamp,
}

impl Transcript {
    pub(super) fn new(control: Control) -> Self {
        Self {
            control,
            log: Mutex::default(),
        }
    }

    /// The attempt's connection to the engine.
    pub(super) fn control(&self) -> &Control {
        &self.control
    }

    /// Adds a line with fields.
    pub(super) fn emit(&self, level: Level, message: String, fields: Vec<(String, String)>) {
        let line = LogLine {
            at: Timestamp::now(),
            level,
            message: clip::text(message, lines::LONGEST),
            fields: clip::attributes(fields),
        };
        self.control.logged(&line);
        self.lock().push(line);
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
        let mut log = self.lock();
        let mut lines = mem::take(log.lines(level));
        lines.feed(bytes, |line| self.say(&mut log, level, line));
        *log.lines(level) = lines;
    }

    /// Takes everything that was said, the last line of each stream also if it has no end.
    pub(super) fn finish(&self) -> Finished {
        let mut log = self.lock();
        for level in [Level::Stdout, Level::Stderr] {
            if let Some(line) = log.lines(level).rest() {
                self.say(&mut log, level, line);
            }
        }
        mem::take(&mut *log).finish()
    }

    fn say(&self, log: &mut Log, level: Level, message: String) {
        let line = LogLine {
            at: Timestamp::now(),
            level,
            message,
            fields: Vec::new(),
        };
        self.control.logged(&line);
        log.push(line);
    }

    fn lock(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Log {
    fn push(&mut self, line: LogLine) {
        self.lines += 1;
        let cost = cost(&line);
        // Once a line went to the tail the head is closed, or the order would be lost.
        if self.tail.is_empty() && self.dropped.lines == 0 && self.head_bytes + cost <= HEAD {
            self.head_bytes += cost;
            self.head.push(line);
            return;
        }
        self.tail_bytes += cost;
        self.tail.push_back(line);
        while self.tail_bytes > TAIL {
            let Some(line) = self.tail.pop_front() else {
                break;
            };
            self.tail_bytes -= self::cost(&line);
            self.dropped.lines += 1;
            self.dropped.bytes += text_bytes(&line) as u64;
            self.dropped.last = line.at;
        }
    }

    fn finish(self) -> Finished {
        let mut log = self.head;
        if self.dropped.lines > 0 {
            log.push(self.dropped.notice());
        }
        log.extend(self.tail);
        Finished {
            log,
            lines: self.lines,
            dropped: self.dropped.lines,
        }
    }

    fn lines(&mut self, level: Level) -> &mut Lines {
        if level == Level::Stderr {
            &mut self.stderr
        } else {
            &mut self.stdout
        }
    }
}

impl Dropped {
    fn notice(&self) -> LogLine {
        let Self { lines, bytes, last } = self;
        LogLine {
            at: *last,
            level: Level::Host,
            message: format!("{lines} lines with {bytes} bytes were dropped here"),
            fields: vec![
                ("lines".to_owned(), lines.to_string()),
                ("bytes".to_owned(), bytes.to_string()),
            ],
        }
    }
}

fn cost(line: &LogLine) -> usize {
    LINE_COST * (1 + line.fields.len()) + text_bytes(line)
}

fn text_bytes(line: &LogLine) -> usize {
    let fields = line.fields.iter();
    line.message.len()
        + fields
            .map(|(name, value)| name.len() + value.len())
            .sum::<usize>()
}

#[cfg(test)]
mod tests;
