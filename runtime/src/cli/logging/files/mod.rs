//! The log in a folder: `cronlet.log`, which grows, and older files, of which a few are kept.
//!
//! A file is put aside when it is full or when a day is over (in UTC), under the time at which that
//! happened: `cronlet-20261122T000000Z.log`, and `-1` for the next in the same second. No file is renamed
//! twice.
//!
//! Whatever becomes of the folder, the daemon goes on, and no line is lost as long as somebody reads
//! standard error: what cannot be written to the file is written there, and the file says so when it
//! can be written again. The path is looked at now and then, so that a file which somebody else has
//! renamed or deleted is not written any more; nobody has to be told that with a signal.

use std::{
    collections::BTreeMap,
    fs::{self, DirBuilder, File, Metadata, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom, Write},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use jiff::{Timestamp, civil::Date, tz::TimeZone};

use super::{Format, lines::Sink};

/// The file that grows.
const NAME: &str = "cronlet.log";

/// Around the time in the name of an older one.
const OLDER: (&str, &str) = ("cronlet-", ".log");

/// How often to see whether the file is still there, or there again.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How much room the log may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    /// Of a file.
    pub(super) size: u64,
    /// Of older files.
    pub(super) keep: usize,
}

/// The log's folder.
pub(super) struct Files {
    folder: PathBuf,
    room: Room,
    format: Format,
    file: Option<Open>,
    looked: Instant,
    trouble: Option<Trouble>,
    /// Takes what the folder does not.
    instead: Box<dyn Write + Send>,
}

/// The file that grows.
struct Open {
    file: File,
    size: u64,
    /// Of its last line.
    day: Date,
    /// Its last line has no end.
    torn: bool,
}

/// Why the file cannot be written.
struct Trouble {
    why: String,
    /// Lines that went elsewhere.
    lines: u64,
}

impl Files {
    /// The log in `folder`, which is made if it is not there.
    pub(super) fn open(
        folder: &Path,
        room: Room,
        format: Format,
        instead: Box<dyn Write + Send>,
    ) -> io::Result<Self> {
        let mut files = Self {
            folder: std::path::absolute(folder)?,
            room,
            format,
            file: None,
            looked: Instant::now(),
            trouble: None,
            instead,
        };
        files.file = Some(files.begin()?);
        files.prune();
        Ok(files)
    }

    /// The file that grows.
    pub(super) fn path(&self) -> PathBuf {
        self.folder.join(NAME)
    }

    fn begin(&self) -> io::Result<Open> {
        let mut folder = DirBuilder::new();
        folder.recursive(true).mode(0o750).create(&self.folder)?;
        Open::of(&self.path())
    }

    fn line_at(&mut self, line: &[u8], now: Timestamp) {
        match self.write(line, now) {
            Ok(()) => self.is_well(now),
            Err(error) => self.is_unwell(&error, line, now),
        }
    }

    fn write(&mut self, line: &[u8], now: Timestamp) -> io::Result<()> {
        if self.looked.elapsed() >= LOOK_EVERY {
            self.look()?;
        }
        let today = day(now);
        let room = self.room.size;
        let full = |open: &Open| open.size + line.len() as u64 > room || open.day != today;
        if self
            .file
            .as_ref()
            .is_some_and(|open| open.size > 0 && full(open))
        {
            self.put_aside(now)?;
        }
        match &mut self.file {
            Some(open) => open.write(line, today),
            None => Err(io::Error::other("it is tried again in a second")),
        }
    }

    /// Sees to it that the file which is written is the one that is found.
    fn look(&mut self) -> io::Result<()> {
        self.looked = Instant::now();
        let found = fs::metadata(self.path()).ok();
        let ours = match (&mut self.file, found) {
            (Some(open), Some(found)) => open.is(&found)?,
            _ => false,
        };
        if !ours {
            self.file = None;
            self.file = Some(self.begin()?);
        }
        Ok(())
    }

    fn put_aside(&mut self, now: Timestamp) -> io::Result<()> {
        fs::rename(self.path(), self.older(now))?;
        self.file = None;
        self.file = Some(self.begin()?);
        self.prune();
        Ok(())
    }

    /// A name that comes after those of all others.
    fn older(&self, now: Timestamp) -> PathBuf {
        let (before, after) = OLDER;
        let time = now.strftime("%Y%m%dT%H%M%SZ").to_string();
        let taken = self.all_older().into_keys();
        let last = taken.filter(|(taken, _)| *taken == time).max();
        let name = match last {
            None => format!("{before}{time}{after}"),
            Some((_, number)) => format!("{before}{time}-{}{after}", number.saturating_add(1)),
        };
        self.folder.join(name)
    }

    /// The names of the older files, each after its place in time.
    fn all_older(&self) -> BTreeMap<(String, u32), String> {
        let names = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        names
            .filter_map(|entry| {
                let name = entry.file_name().into_string().ok()?;
                Some((place(&name)?, name))
            })
            .collect()
    }

    /// Deletes the oldest of the older files. One that cannot be deleted is tried again with the next.
    fn prune(&self) {
        let older = self.all_older();
        let surplus = older.len().saturating_sub(self.room.keep);
        for name in older.values().take(surplus) {
            let _ = fs::remove_file(self.folder.join(name));
        }
    }

    fn is_well(&mut self, now: Timestamp) {
        if let Some(Trouble { why, lines }) = self.trouble.take() {
            let text = format!("the last {lines} lines before this went to standard error: {why}");
            self.line_at(self.format.warning(now, &text).as_bytes(), now);
        }
    }

    fn is_unwell(&mut self, error: &io::Error, line: &[u8], now: Timestamp) {
        self.file = None;
        if self.trouble.is_none() {
            let why = format!("cannot write `{}`: {error}", self.path().display());
            let text = format!("the log goes on here: {why}");
            let _ = self
                .instead
                .write_all(self.format.warning(now, &text).as_bytes());
            self.trouble = Some(Trouble { why, lines: 0 });
        }
        if let Some(trouble) = &mut self.trouble {
            trouble.lines += 1;
        }
        // Where nobody reads there is nobody to tell.
        let _ = self.instead.write_all(line);
    }
}

impl Sink for Files {
    fn line(&mut self, line: &[u8]) {
        self.line_at(line, Timestamp::now());
    }
}

impl Open {
    fn of(path: &Path) -> io::Result<Self> {
        let mut file = OpenOptions::new()
            .create(true)
            .read(true)
            .append(true)
            .mode(0o640)
            .open(path)?;
        let metadata = file.metadata()?;
        let size = metadata.len();
        let mut last = [b'\n'];
        if size > 0 {
            file.seek(SeekFrom::Start(size - 1))?;
            file.read_exact(&mut last)?;
        }
        Ok(Self {
            file,
            size,
            day: day(Timestamp::try_from(metadata.modified()?).unwrap_or_default()),
            torn: last != [b'\n'],
        })
    }

    /// Whether it is the one that was found. Somebody may have made it shorter.
    fn is(&mut self, found: &Metadata) -> io::Result<bool> {
        let ours = self.file.metadata()?;
        self.size = ours.len();
        Ok((ours.dev(), ours.ino()) == (found.dev(), found.ino()))
    }

    fn write(&mut self, line: &[u8], today: Date) -> io::Result<()> {
        if std::mem::take(&mut self.torn) {
            self.file.write_all(b"\n")?;
            self.size += 1;
        }
        self.file.write_all(line)?;
        self.size += line.len() as u64;
        self.day = today;
        Ok(())
    }
}

fn day(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}

/// The time and the number in a name that we gave. Other files are not ours to delete.
fn place(name: &str) -> Option<(String, u32)> {
    let (before, after) = OLDER;
    let rest = name.strip_prefix(before)?.strip_suffix(after)?;
    let (time, number) = rest.split_once('-').unwrap_or((rest, "0"));
    let shape = |c: char| if c.is_ascii_digit() { '0' } else { c };
    let is_time = time.chars().map(shape).eq("00000000T000000Z".chars());
    Some((time.to_owned(), number.parse().ok()?)).filter(|_| is_time)
}

#[cfg(test)]
mod tests;
