//! `<run>.jsonl`: written beside its place and renamed into it, when the run imports.
//!
//! The state of a job is kept when its attempt has succeeded, which is after the file has its name. An
//! attempt that dies between the two leaves a file that the state does not know of, and the next one
//! would import its rows again. So the keys of the rows lie beside the file, as `.<run>.<attempt>.keys`,
//! written before the file has its name: an attempt that finds keys which no kept state names, and no
//! unfinished file of the same attempt, takes them for imported, and goes on with that file if it is of
//! its own run.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{self, BufReader, BufWriter, Read as _, Write as _},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use crate::{
    failure::Failure,
    seen::{KEY, Key},
};

/// After so long nobody writes an unfinished file any more.
const STALE: Duration = Duration::from_hours(24);

/// The file of a run that imports.
pub(crate) struct Output {
    folder: PathBuf,
    own: Name,
    /// It is made for the first row.
    writer: Option<BufWriter<File>>,
    keys: Vec<Key>,
}

/// An attempt, as its files name it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Name {
    run: String,
    attempt: u32,
}

/// What earlier attempts have left.
#[derive(Debug, Default)]
pub(crate) struct Left {
    /// The attempts whose keys count although no state was kept with them.
    pub(crate) names: Vec<String>,
    /// Those keys, and whether they are of this run.
    pub(crate) keys: Vec<(Key, bool)>,
}

impl Name {
    fn partial(&self) -> String {
        format!(".{}.{}.partial", self.run, self.attempt)
    }

    fn keys(&self) -> String {
        format!(".{}.{}.keys", self.run, self.attempt)
    }

    fn parse(file: &str, ending: &str) -> Option<Self> {
        let name = file.strip_prefix('.')?.strip_suffix(ending)?;
        let (run, attempt) = name.rsplit_once('.')?;
        Some(Self {
            run: run.to_owned(),
            attempt: attempt.parse().ok()?,
        })
    }

    /// As the state has it.
    fn text(&self) -> String {
        format!("{}.{}", self.run, self.attempt)
    }
}

impl Output {
    pub(crate) fn new(folder: &Path, run: &str, attempt: u32) -> Self {
        let run = run.to_owned();
        Self {
            folder: folder.to_owned(),
            own: Name { run, attempt },
            writer: None,
            keys: Vec::new(),
        }
    }

    /// Cleans up behind earlier attempts, and says what of them counts. `known` are those whose state
    /// was kept.
    pub(crate) fn left(&self, known: &BTreeSet<String>) -> Result<Left, Failure> {
        let files = self.files()?;
        let mut left = Left::default();
        for file in &files {
            if let Some(name) = Name::parse(file, ".keys") {
                let unfinished = files.contains(&name.partial());
                if known.contains(&name.text()) || (unfinished && self.is_dead(&name)) {
                    self.remove(file)?;
                } else if !unfinished {
                    let own = name.run == self.own.run;
                    let keys = self.read_keys(file)?.into_iter();
                    left.keys.extend(keys.map(|key| (key, own)));
                    left.names.push(name.text());
                }
            }
        }
        // After the keys: without their unfinished file they would count.
        for file in &files {
            if let Some(name) = Name::parse(file, ".partial")
                && self.is_dead(&name)
            {
                self.remove(file)?;
            }
        }
        Ok(left)
    }

    /// Adds a row.
    pub(crate) fn write(&mut self, key: Key, line: &[u8]) -> Result<(), Failure> {
        if self.writer.is_none() {
            self.writer = Some(self.begin()?);
        }
        let Some(writer) = &mut self.writer else {
            return Ok(());
        };
        self.keys.push(key);
        let written = writer
            .write_all(line)
            .and_then(|()| writer.write_all(b"\n"));
        written.map_err(|error| self.cannot("write", &self.own.partial(), &error))
    }

    /// The name that the state is to have of it, if there are new rows and the state is kept.
    pub(crate) fn name(&self) -> Option<String> {
        (self.writer.is_some() && self.is_counted()).then(|| self.own.text())
    }

    /// Gives the file its name, if it has one: nothing may fail after it.
    pub(crate) fn publish(mut self) -> Result<Option<String>, Failure> {
        let file = self.file();
        let Some(writer) = self.writer.take() else {
            let there = self.is_counted() && self.folder.join(&file).exists();
            return Ok(there.then_some(file));
        };
        let partial = self.own.partial();
        let failed = |error: &io::Error| self.cannot("write", &partial, error);
        let written = writer.into_inner().map_err(|error| failed(error.error()))?;
        written.sync_all().map_err(|error| failed(&error))?;
        if self.is_counted() {
            let name = self.own.keys();
            self.write_keys(&name)
                .map_err(|error| self.cannot("write", &name, &error))?;
        }
        fs::rename(self.folder.join(&partial), self.folder.join(&file))
            .map_err(|error| self.cannot("rename", &partial, &error))?;
        // That its name is on disk. Not every file system can say so.
        let _ = File::open(&self.folder).and_then(|folder| folder.sync_all());
        Ok(Some(file))
    }

    /// Leaves nothing behind.
    pub(crate) fn discard(mut self) {
        if self.writer.take().is_some() {
            // What cannot be removed is removed by a later attempt.
            let _ = fs::remove_file(self.folder.join(self.own.partial()));
        }
    }

    fn file(&self) -> String {
        format!("{}.jsonl", self.own.run)
    }

    /// `cronlet run` keeps no state, and its file is made anew each time.
    fn is_counted(&self) -> bool {
        self.own.run.bytes().all(|byte| byte.is_ascii_digit())
    }

    /// Makes the unfinished file, with the rows of the finished one if an earlier attempt made it.
    fn begin(&self) -> Result<BufWriter<File>, Failure> {
        let partial = self.own.partial();
        let mut file = File::create(self.folder.join(&partial))
            .map_err(|error| no_grant(&self.folder, &error))?;
        if self.is_counted()
            && let Ok(mut finished) = File::open(self.folder.join(self.file()))
        {
            io::copy(&mut finished, &mut file)
                .map_err(|error| self.cannot("write", &partial, &error))?;
        }
        Ok(BufWriter::with_capacity(64 << 10, file))
    }

    fn files(&self) -> Result<BTreeSet<String>, Failure> {
        let failed = |error: io::Error| no_grant(&self.folder, &error);
        let entries = fs::read_dir(&self.folder).map_err(failed)?;
        let name = |entry: io::Result<fs::DirEntry>| Ok(entry?.file_name().into_string().ok());
        let names = entries.filter_map(|entry| name(entry).transpose());
        names.collect::<io::Result<_>>().map_err(failed)
    }

    /// Whether nobody writes the unfinished file of this attempt any more.
    fn is_dead(&self, name: &Name) -> bool {
        let age = || {
            let data = fs::metadata(self.folder.join(name.partial())).ok()?;
            SystemTime::now().duration_since(data.modified().ok()?).ok()
        };
        name.run == self.own.run || age().is_some_and(|age| age > STALE)
    }

    fn remove(&self, file: &str) -> Result<(), Failure> {
        fs::remove_file(self.folder.join(file)).map_err(|error| self.cannot("remove", file, &error))
    }

    fn write_keys(&self, name: &str) -> io::Result<()> {
        let mut file = BufWriter::new(File::create(self.folder.join(name))?);
        for key in &self.keys {
            file.write_all(&key.to_bytes())?;
        }
        file.into_inner()?.sync_all()
    }

    fn read_keys(&self, name: &str) -> Result<Vec<Key>, Failure> {
        let failed = |error: io::Error| self.cannot("read", name, &error);
        let mut file = BufReader::new(File::open(self.folder.join(name)).map_err(failed)?);
        let mut keys = Vec::new();
        let mut bytes = [0; KEY];
        loop {
            match file.read_exact(&mut bytes) {
                Ok(()) => keys.push(Key::from_bytes(bytes)),
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(keys),
                Err(error) => return Err(failed(error)),
            }
        }
    }

    fn cannot(&self, what: &str, file: &str, error: &io::Error) -> Failure {
        let path = self.folder.join(file);
        Failure::io(format_args!("cannot {what} `{}`", path.display()), error)
    }
}

fn no_grant(folder: &Path, error: &io::Error) -> Failure {
    let folder = folder.display();
    Failure::never(
        "no-output",
        format!(
            "cannot write to `{folder}`: {error}; grant it with \
             `dirs = [{{ host = \"…\", guest = \"{folder}\", write = true }}]`"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u8) -> Key {
        Key::from_bytes([number; KEY])
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    fn read(folder: &Path, name: &str) -> String {
        fs::read_to_string(folder.join(name)).unwrap()
    }

    #[test]
    fn the_file_has_its_name_when_it_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let mut output = Output::new(folder, "7", 1);
        assert_eq!(output.name(), None);
        output.write(key(1), b"one").unwrap();
        assert_eq!(names(folder), [".7.1.partial"]);
        assert_eq!(output.name().as_deref(), Some("7.1"));
        assert_eq!(output.publish().unwrap().as_deref(), Some("7.jsonl"));
        assert_eq!(names(folder), [".7.1.keys", "7.jsonl"]);
        assert_eq!(read(folder, "7.jsonl"), "one\n");
        let known = ["7.1".to_owned()].into();
        let left = Output::new(folder, "8", 1).left(&known).unwrap();
        assert!(left.names.is_empty() && left.keys.is_empty());
        assert_eq!(names(folder), ["7.jsonl"]);
    }

    #[test]
    fn without_rows_there_is_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let output = Output::new(folder.path(), "7", 1);
        assert_eq!(output.publish().unwrap(), None);
        let mut output = Output::new(folder.path(), "8", 1);
        output.write(key(1), b"one").unwrap();
        output.discard();
        assert!(names(folder.path()).is_empty());
    }

    #[test]
    fn an_attempt_goes_on_with_what_an_earlier_one_has_finished() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let mut first = Output::new(folder, "7", 1);
        first.write(key(1), b"one").unwrap();
        first.publish().unwrap();
        // The second one is killed, too, before its file has its name.
        let mut second = Output::new(folder, "7", 2);
        let left = second.left(&BTreeSet::new()).unwrap();
        assert_eq!(left.names, ["7.1"]);
        assert_eq!(left.keys, [(key(1), true)]);
        second.write(key(2), b"two").unwrap();
        second.write_keys(&second.own.keys()).unwrap();
        drop(second);
        let mut third = Output::new(folder, "7", 3);
        let left = third.left(&BTreeSet::new()).unwrap();
        assert_eq!(left.names, ["7.1"]);
        assert_eq!(names(folder), [".7.1.keys", "7.jsonl"]);
        third.write(key(2), b"two").unwrap();
        third.publish().unwrap();
        assert_eq!(read(folder, "7.jsonl"), "one\ntwo\n");
        // Another run takes over what was never kept.
        let left = Output::new(folder, "8", 1).left(&BTreeSet::new()).unwrap();
        assert_eq!(left.names, ["7.1", "7.3"]);
        assert_eq!(left.keys, [(key(1), false), (key(2), false)]);
    }

    #[test]
    fn a_file_that_another_run_writes_is_left_alone_until_it_is_old() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let mut other = Output::new(folder, "7", 1);
        other.write(key(1), b"one").unwrap();
        other.write_keys(&other.own.keys()).unwrap();
        let output = Output::new(folder, "8", 1);
        assert!(output.left(&BTreeSet::new()).unwrap().keys.is_empty());
        assert_eq!(names(folder), [".7.1.keys", ".7.1.partial"]);
        let old = SystemTime::now() - STALE * 2;
        let file = File::options()
            .write(true)
            .open(folder.join(".7.1.partial"))
            .unwrap();
        file.set_modified(old).unwrap();
        assert!(output.left(&BTreeSet::new()).unwrap().keys.is_empty());
        assert!(names(folder).is_empty());
    }

    #[test]
    fn a_run_by_hand_makes_its_file_anew() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        for text in [&b"one"[..], b"two"] {
            let mut output = Output::new(folder, "local", 1);
            output.left(&BTreeSet::new()).unwrap();
            output.write(key(1), text).unwrap();
            assert_eq!(output.name(), None);
            output.publish().unwrap();
        }
        assert_eq!(names(folder), ["local.jsonl"]);
        assert_eq!(read(folder, "local.jsonl"), "two\n");
    }

    #[test]
    fn a_folder_that_is_not_there_is_not_granted() {
        let output = Output::new(Path::new("/nowhere/out"), "7", 1);
        let failure = output.left(&BTreeSet::new()).unwrap_err();
        assert_eq!(failure.code(), "no-output");
        assert!(
            failure
                .message()
                .contains("guest = \"/nowhere/out\", write = true")
        );
    }
}
