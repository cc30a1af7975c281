//! Where the daemon's log goes: standard error, for people or as JSON lines.
//!
//! Whoever logs never waits: a terminal that is stopped, or a pipe that nobody reads, must not stop
//! the engine. A thread of its own writes; when it is too far behind, lines are dropped and counted.

use std::{
    fmt, io,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use clap::ValueEnum;
use jiff::Timestamp;
use tracing_subscriber::{
    Layer, Registry,
    filter::{LevelFilter, Targets},
    fmt::{format::Writer, time::FormatTime},
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

use super::{error::CliError, suggest};

/// What is logged unless `CRONLET_LOG` says otherwise.
const FILTER: &str = "warn,cronlet=info";

/// The variable that says what is logged.
const VARIABLE: &str = "CRONLET_LOG";

/// More lines than these do not wait to be written.
const MOST_WAITING: usize = 10_000;

/// How long the last lines may take.
const LAST_LINES: Duration = Duration::from_secs(1);

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

/// The lines that wait to be written.
#[derive(Clone)]
struct Lines {
    words: mpsc::Sender<Word>,
    waiting: Arc<AtomicUsize>,
    dropped: Arc<AtomicU64>,
}

/// What the writing thread hears.
enum Word {
    Line(Vec<u8>),
    /// All before it is written.
    Done(mpsc::Sender<()>),
}

/// Begins to log.
pub fn init(format: Format) -> Result<Logging, CliError> {
    let filter = filter()?;
    let lines = Lines::to(io::stderr())
        .map_err(|error| CliError::config(format!("cannot start a thread: {error}")))?;
    let writer = lines.clone();
    let layer = tracing_subscriber::fmt::layer::<Registry>()
        .with_writer(move || writer.clone())
        .with_timer(Utc);
    let colours = anstream::AutoStream::choice(&io::stderr()) != anstream::ColorChoice::Never;
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

impl Lines {
    /// Lines that are written to `sink`.
    fn to(mut sink: impl io::Write + Send + 'static) -> io::Result<Self> {
        let (words, heard) = mpsc::channel();
        let lines = Self {
            words,
            waiting: Arc::default(),
            dropped: Arc::default(),
        };
        let (waiting, dropped) = (lines.waiting.clone(), lines.dropped.clone());
        thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || {
                for word in heard {
                    // Where nobody reads there is nobody to tell.
                    match word {
                        Word::Line(line) => {
                            let _ = sink.write_all(&line);
                            waiting.fetch_sub(1, Ordering::Relaxed);
                        }
                        Word::Done(done) => {
                            let _ = sink.flush();
                            let _ = done.send(());
                        }
                    }
                    match dropped.swap(0, Ordering::Relaxed) {
                        0 => {}
                        n => {
                            let _ = writeln!(
                                sink,
                                "{n} lines of the log are lost, it is read too slowly"
                            );
                        }
                    }
                }
            })?;
        Ok(lines)
    }

    /// Waits until all is written, but not for ever.
    fn finish(&self) {
        let (done, wait) = mpsc::channel();
        if self.words.send(Word::Done(done)).is_ok() {
            // Where nobody reads there is nothing to wait for.
            let _ = wait.recv_timeout(LAST_LINES);
        }
    }
}

impl io::Write for Lines {
    /// One call is one line.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.waiting.fetch_add(1, Ordering::Relaxed) < MOST_WAITING {
            // The thread lives as long as there is a sender.
            let _ = self.words.send(Word::Line(line.to_vec()));
        } else {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
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
    use std::{io::Write as _, sync::Mutex};

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

    /// Somebody who reads when the test lets him.
    #[derive(Clone, Default)]
    struct Reader(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Reader {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn read(reader: &Reader) -> String {
        String::from_utf8(reader.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn the_last_lines_are_written() {
        let reader = Reader::default();
        let mut lines = Lines::to(reader.clone()).unwrap();
        lines.write_all(b"one\n").unwrap();
        lines.write_all(b"two\n").unwrap();
        lines.finish();
        assert_eq!(read(&reader), "one\ntwo\n");
    }

    #[test]
    fn a_reader_that_stops_holds_nobody_and_hears_what_it_missed() {
        let reader = Reader::default();
        let mut lines = Lines::to(reader.clone()).unwrap();
        let stopped = reader.0.lock().unwrap();
        for _ in 0..2 * MOST_WAITING {
            lines.write_all(b"line\n").unwrap();
        }
        drop(stopped);
        lines.finish();
        let text = read(&reader);
        let (lost, kept): (Vec<_>, Vec<_>) = text.lines().partition(|line| line.contains("lost"));
        let lost: usize = lost
            .iter()
            .map(|line| line.split(' ').next().unwrap().parse::<usize>().unwrap())
            .sum();
        assert!(lost > 0);
        assert_eq!(kept.len() + lost, 2 * MOST_WAITING);
    }
}
