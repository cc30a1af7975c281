//! The lines that wait to be written, and the thread that writes them.
//!
//! Whoever logs never waits: a terminal that is stopped, a pipe that nobody reads, or a disk that
//! hangs must not stop the engine. When the writer is too far behind, lines are dropped and counted.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use jiff::Timestamp;

use super::Format;

/// More lines than these do not wait to be written.
const MOST_WAITING: usize = 10_000;

/// How long the last lines may take.
const LAST_LINES: Duration = Duration::from_secs(1);

/// Where lines go.
pub(super) trait Sink: Send + 'static {
    /// Writes a line, as well as it can.
    fn line(&mut self, line: &[u8]);
}

/// The lines that wait to be written.
#[derive(Clone)]
pub(super) struct Lines {
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

impl Lines {
    /// Lines that are written to `sink`.
    pub(super) fn to(mut sink: impl Sink, format: Format) -> io::Result<Self> {
        let (words, heard) = mpsc::channel();
        let lines = Self {
            words,
            waiting: Arc::default(),
            dropped: Arc::default(),
        };
        let (waiting, dropped) = (lines.waiting.clone(), lines.dropped.clone());
        let write = move || {
            for word in heard {
                match word {
                    Word::Line(line) => {
                        sink.line(&line);
                        waiting.fetch_sub(1, Ordering::Relaxed);
                    }
                    Word::Done(done) => {
                        let _ = done.send(());
                    }
                }
                let lost = dropped.swap(0, Ordering::Relaxed);
                if lost > 0 {
                    let text = format!("{lost} lines of the log are lost, it is read too slowly");
                    sink.line(format.warning(Timestamp::now(), &text).as_bytes());
                }
            }
        };
        thread::Builder::new().name("log".to_owned()).spawn(write)?;
        Ok(lines)
    }

    /// Waits until all is written, but not for ever.
    pub(super) fn finish(&self) {
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

#[cfg(test)]
mod tests {
    use std::{io::Write as _, sync::Mutex};

    use super::*;

    /// Somebody who reads when the test lets him.
    #[derive(Clone, Default)]
    struct Reader(Arc<Mutex<Vec<u8>>>);

    impl Sink for Reader {
        fn line(&mut self, line: &[u8]) {
            self.0.lock().unwrap().extend(line);
        }
    }

    fn read(reader: &Reader) -> String {
        String::from_utf8(reader.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn the_last_lines_are_written() {
        let reader = Reader::default();
        let mut lines = Lines::to(reader.clone(), Format::Human).unwrap();
        lines.write_all(b"one\n").unwrap();
        lines.write_all(b"two\n").unwrap();
        lines.finish();
        assert_eq!(read(&reader), "one\ntwo\n");
    }

    #[test]
    fn a_reader_that_stops_holds_nobody_and_hears_what_it_missed() {
        let reader = Reader::default();
        let mut lines = Lines::to(reader.clone(), Format::Json).unwrap();
        let stopped = reader.0.lock().unwrap();
        for _ in 0..2 * MOST_WAITING {
            lines.write_all(b"{}\n").unwrap();
        }
        drop(stopped);
        lines.finish();
        let text = read(&reader);
        let (mut kept, mut lost) = (0, 0);
        for line in text.lines() {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            match line["message"].as_str() {
                None => kept += 1,
                Some(message) => {
                    let number = message.split(' ').next().unwrap();
                    lost += number.parse::<usize>().unwrap();
                }
            }
        }
        assert!(lost > 0);
        assert_eq!(kept + lost, 2 * MOST_WAITING);
    }
}
