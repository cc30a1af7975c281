//! What becomes of the log's folder, and of the log.

use std::{
    os::unix::fs::symlink,
    sync::{Arc, Mutex},
};

use super::*;

const ROOM: Room = Room { size: 20, keep: 2 };

/// Standard error.
#[derive(Clone, Default)]
struct Instead(Arc<Mutex<Vec<u8>>>);

impl Write for Instead {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A log in a folder of a folder.
struct Bench {
    above: tempfile::TempDir,
    files: Files,
    instead: Instead,
    now: Timestamp,
}

impl Bench {
    fn new() -> Self {
        let above = tempfile::tempdir().unwrap();
        let instead = Instead::default();
        Self {
            files: open(&above.path().join("a/log"), &instead),
            above,
            instead,
            now: Timestamp::now(),
        }
    }

    fn folder(&self) -> PathBuf {
        self.above.path().join("a/log")
    }

    /// As a daemon that is started again.
    fn again(&mut self) {
        self.files = open(&self.folder(), &self.instead);
    }

    fn line(&mut self, line: &str) {
        self.files.line_at(line.as_bytes(), self.now);
    }

    /// A second goes by in which nothing is logged.
    fn wait(&mut self) {
        let looked = Instant::now().checked_sub(LOOK_EVERY);
        self.files.looked = looked.expect("the machine runs for longer than that");
    }

    fn pass(&mut self, hours: i64) {
        self.now += jiff::SignedDuration::from_hours(hours);
    }

    fn read(&self) -> String {
        fs::read_to_string(self.folder().join(NAME)).unwrap()
    }

    /// The content of the older files.
    fn older(&self) -> Vec<String> {
        let older = self.files.all_older();
        let read = |name: String| fs::read_to_string(self.folder().join(name)).unwrap();
        older.into_values().map(read).collect()
    }

    fn instead(&self) -> String {
        String::from_utf8(self.instead.0.lock().unwrap().clone()).unwrap()
    }
}

fn open(folder: &Path, instead: &Instead) -> Files {
    Files::open(folder, ROOM, Format::Human, Box::new(instead.clone())).unwrap()
}

#[test]
fn a_full_file_is_put_aside_and_the_oldest_is_deleted() {
    let mut bench = Bench::new();
    for n in 1..=7 {
        bench.line(&format!("line {n:02} .\n"));
    }
    assert_eq!(bench.read(), "line 07 .\n");
    assert_eq!(
        bench.older(),
        ["line 03 .\nline 04 .\n", "line 05 .\nline 06 .\n"]
    );
    assert_eq!(bench.instead(), "");
}

#[test]
fn a_line_that_is_larger_than_a_file_is_written_all_the_same() {
    let mut bench = Bench::new();
    let long = format!("{}\n", "x".repeat(50));
    bench.line(&long);
    bench.line("next\n");
    assert_eq!(bench.older()[0], long);
    assert_eq!(bench.read(), "next\n");
}

#[test]
fn a_day_that_is_over_is_put_aside_even_if_nobody_ran_at_midnight() {
    let mut bench = Bench::new();
    bench.line("today\n");
    bench.pass(24);
    bench.line("tomorrow\n");
    assert_eq!(bench.older()[0], "today\n");

    // The file's own time is that of the machine, which is not in the future yet.
    bench.again();
    bench.pass(24);
    bench.line("later\n");
    assert_eq!(bench.older()[1], "tomorrow\n");
    assert_eq!(bench.read(), "later\n");
}

#[test]
fn the_files_of_others_are_not_deleted() {
    let mut bench = Bench::new();
    let others = [
        "cronlet-yesterday.log",
        "cronlet-20261122T000000Z.log.gz",
        "cronlet.log.1",
        "notes-20261122T000000Z.log",
    ];
    for other in others {
        fs::write(bench.folder().join(other), "").unwrap();
    }
    for _ in 0..20 {
        bench.line("twelve bytes");
    }
    assert_eq!(bench.older().len(), ROOM.keep);
    assert!(others.iter().all(|name| bench.folder().join(name).exists()));
}

#[test]
fn a_file_that_somebody_takes_away_is_begun_again() {
    let mut bench = Bench::new();
    bench.line("one\n");
    fs::rename(bench.folder().join(NAME), bench.folder().join("taken")).unwrap();
    bench.wait();
    bench.line("two\n");
    assert_eq!(bench.read(), "two\n");
    assert_eq!(
        fs::read_to_string(bench.folder().join("taken")).unwrap(),
        "one\n"
    );

    fs::remove_dir_all(bench.folder()).unwrap();
    bench.wait();
    bench.line("three\n");
    assert_eq!(bench.read(), "three\n");

    // As `copytruncate` of logrotate does it.
    File::create(bench.folder().join(NAME)).unwrap();
    bench.wait();
    for _ in 0..3 {
        bench.line("six b\n");
    }
    assert_eq!(bench.read(), "six b\n".repeat(3));
    assert_eq!(bench.instead(), "");
}

#[test]
fn what_the_folder_does_not_take_goes_to_standard_error() {
    let mut bench = Bench::new();
    bench.line("one\n");
    let (folder, aside) = (bench.folder(), bench.above.path().join("aside"));
    fs::rename(&folder, &aside).unwrap();
    fs::write(&folder, "no folder").unwrap();
    bench.wait();
    bench.line("two\n");
    bench.line("three\n");
    let instead = bench.instead();
    assert!(
        instead.contains("the log goes on here: cannot write"),
        "{instead}"
    );
    assert!(instead.ends_with("\ntwo\nthree\n"), "{instead}");

    fs::remove_file(&folder).unwrap();
    fs::rename(&aside, &folder).unwrap();
    bench.line("four\n");
    assert!(
        bench.instead().ends_with("four\n"),
        "it is tried once a second"
    );
    bench.wait();
    bench.line("five\n");
    let all: String = bench.older().concat();
    assert!(all.contains("five\n"), "{all}");
    let last = bench.read();
    assert!(
        last.contains("the last 3 lines before this went to standard error"),
        "{last}"
    );
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_stops_nobody() {
    let mut bench = Bench::new();
    fs::remove_file(bench.folder().join(NAME)).unwrap();
    symlink("/dev/full", bench.folder().join(NAME)).unwrap();
    bench.again();
    bench.line("one\n");
    bench.wait();
    bench.line("two\n");
    let instead = bench.instead();
    assert!(instead.contains("No space left on device"), "{instead}");
    assert!(instead.ends_with("\none\ntwo\n"), "{instead}");

    fs::remove_file(bench.folder().join(NAME)).unwrap();
    bench.wait();
    bench.line("three\n");
    assert!(bench.older()[0].ends_with("three\n"));
}

#[test]
fn a_line_that_was_cut_short_is_ended_first() {
    let mut bench = Bench::new();
    fs::write(bench.folder().join(NAME), "cut sh").unwrap();
    bench.again();
    bench.line("whole\n");
    assert_eq!(bench.read(), "cut sh\nwhole\n");
}
