//! Notices that the schedules file or a component was saved.
//!
//! A save is not one moment: an editor truncates and writes, or writes beside and renames; a linker
//! takes its time; a file system without events says nothing at all. So events are only a hint to look
//! at the files, somebody looks every [`BEAT`] without one, and nothing is read before it has been
//! quiet: [`QUIET`] after the last change, [`LONG_QUIET`] where the text may be cut short. A file that
//! is cut between two tables is still valid TOML, so a text that lacks a job that was there, or its
//! final newline, is one to be careful with.
//!
//! A look opens each file and asks for its numbers, and reads the schedules file: some microseconds a
//! file, and never more than a hundredth of the time, see [`SHARE`]. What is in a component is compared
//! once more when it was changed lately, since a network's file system may keep times to a second or
//! two, and a linker may fill a file that already has its size.
//!
//! What is handed on is the text that was quiet, not the news that there is one: a reader that came
//! late would read the next save's first half.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{self, RecvTimeoutError},
    },
    time::{Duration, Instant},
};

use cronlet_core::digest::Digest;
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher as _, event::AccessKind};

mod files;

#[cfg(test)]
mod tests;

use super::{Problems, read::read_regular};
use files::{GRAIN, Prints, Ways, contents};

/// How long nothing may have changed before a save is over.
const QUIET: Duration = Duration::from_millis(100);

/// The same, for a text that may be cut short.
const LONG_QUIET: Duration = Duration::from_millis(500);

/// How often to look when nothing says that there is anything to see.
const BEAT: Duration = Duration::from_secs(1);

/// Where looking takes long, as over a slow network, there is so much more time between two looks.
const SHARE: u32 = 100;
const SLOWEST_BEAT: Duration = Duration::from_secs(30);

/// A save that is over.
#[derive(Debug)]
pub struct Saved {
    /// The schedules file.
    pub text: Result<String, Problems>,
    /// The last request that it answers, see [`Watch::look`]: there may be nothing new. Zero where
    /// nobody asked.
    pub asked: u64,
    looks: Looks,
}

/// The files, and how they looked when they were quiet.
#[derive(Debug)]
struct Looks {
    file: PathBuf,
    components: BTreeSet<PathBuf>,
    prints: Prints,
}

/// A running watch. It ends when it is dropped.
#[derive(Debug)]
pub struct Watch {
    inbox: mpsc::Sender<Word>,
}

/// The paths that matter to the file system's events.
type Matter = Arc<Mutex<BTreeSet<PathBuf>>>;

/// What the watching thread hears.
enum Word {
    /// A path that matters was touched, or may have been.
    Touched,
    /// These are what the plan is made of.
    Expect {
        components: BTreeSet<PathBuf>,
        jobs: BTreeSet<String>,
    },
    /// Read again, whether there is anything new or not.
    Look(u64),
    End,
}

/// The watching thread's own.
struct Watcher<F> {
    file: PathBuf,
    components: BTreeSet<PathBuf>,
    /// The jobs of the plan. A text that lacks one is read with care.
    jobs: BTreeSet<String>,
    ways: Ways,
    matter: Matter,
    /// None where the system has no events to offer.
    events: Option<RecommendedWatcher>,
    prints: Prints,
    /// The files that were changed since the last save was handed on.
    fresh: BTreeSet<PathBuf>,
    /// What was in them when it was, to be compared once more.
    young: Option<Young>,
    /// When the last change was seen, until it has been handed on.
    changed_at: Option<Instant>,
    /// How long the last look at the files took.
    took: Duration,
    asked: u64,
    saved: F,
}

/// What is in files that were changed lately.
struct Young {
    compare_at: Instant,
    contents: BTreeMap<PathBuf, Option<Digest>>,
}

impl Saved {
    /// Whether all of these components were quiet too.
    pub fn covers(&self, components: &BTreeSet<PathBuf>) -> bool {
        components.is_subset(&self.looks.components)
    }

    /// Whether a file has changed since, or cannot be looked at. Then what was read of the components
    /// may be half of it, and only [`Watch::look_again`] is sure to bring another save.
    pub fn is_stale(&self) -> bool {
        let Looks {
            file,
            components,
            prints,
        } = &self.looks;
        Prints::take(file, components) != *prints
    }
}

impl Watch {
    /// Watches the schedules file, and says `saved` after each save, and once at the beginning: what
    /// happened between an earlier reading and now is not lost.
    pub fn spawn(file: &Path, saved: impl FnMut(Saved) + Send + 'static) -> io::Result<Self> {
        Self::spawn_with(file, saved, events)
    }

    /// The same, with other events than the system's.
    fn spawn_with(
        file: &Path,
        saved: impl FnMut(Saved) + Send + 'static,
        events: impl FnOnce(mpsc::Sender<Word>, Matter) -> Option<RecommendedWatcher>,
    ) -> io::Result<Self> {
        let (inbox, words) = mpsc::channel();
        let matter = Matter::default();
        let events = events(inbox.clone(), matter.clone());
        let mut watcher = Watcher::new(file, saved, events, matter);
        std::thread::Builder::new()
            .name("watch".to_owned())
            .spawn(move || watcher.run(&words))?;
        Ok(Self { inbox })
    }

    /// From now on these components matter too, and a text that lacks one of these jobs is read with
    /// care.
    pub fn expect(&self, components: BTreeSet<PathBuf>, jobs: BTreeSet<String>) {
        self.say(Word::Expect { components, jobs });
    }

    /// Reads the file again, as if it had just been saved, for the request of this number. Numbers
    /// rise: a text that was read for one is not older than those before it.
    pub fn look(&self, request: u64) {
        self.say(Word::Look(request));
    }

    /// Looks at the files again, for somebody who could not use the last save.
    pub fn look_again(&self) {
        self.say(Word::Touched);
    }

    fn say(&self, word: Word) {
        // The thread ends only when this is dropped.
        let _ = self.inbox.send(word);
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.say(Word::End);
    }
}

impl<F: FnMut(Saved)> Watcher<F> {
    fn new(file: &Path, saved: F, events: Option<RecommendedWatcher>, matter: Matter) -> Self {
        Self {
            file: file.to_owned(),
            components: BTreeSet::new(),
            jobs: BTreeSet::new(),
            ways: Ways::default(),
            matter,
            events,
            prints: Prints::default(),
            fresh: BTreeSet::new(),
            young: None,
            changed_at: Some(Instant::now()),
            took: Duration::ZERO,
            asked: 0,
            saved,
        }
    }

    fn run(&mut self, words: &mpsc::Receiver<Word>) {
        self.follow();
        loop {
            let first = match words.recv_timeout(self.wait()) {
                Ok(word) => Some(word),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return,
            };
            // A linker's thousand writes are one look.
            for word in first.into_iter().chain(words.try_iter()) {
                match word {
                    Word::Touched => self.changed_at = Some(Instant::now()),
                    Word::Expect { components, jobs } => self.expect(components, jobs),
                    Word::Look(request) => {
                        self.asked = self.asked.max(request);
                        self.changed_at = Some(Instant::now());
                    }
                    Word::End => return,
                }
            }
            self.look();
        }
    }

    /// Until there is something to do without a word.
    fn wait(&self) -> Duration {
        let Some(changed_at) = self.changed_at else {
            return (self.took * SHARE).clamp(BEAT, SLOWEST_BEAT);
        };
        let quiet = changed_at.elapsed();
        let next = if quiet < QUIET { QUIET } else { LONG_QUIET };
        next.saturating_sub(quiet)
    }

    fn expect(&mut self, components: BTreeSet<PathBuf>, jobs: BTreeSet<String>) {
        self.jobs = jobs;
        if self.components != components {
            self.components = components;
            self.follow();
        }
    }

    /// Looks at the files; hands them on when they have been quiet.
    fn look(&mut self) {
        let begin = Instant::now();
        let prints = Prints::take(&self.file, &self.components);
        if prints != self.prints {
            self.fresh.extend(prints.fresh(&self.prints));
            self.prints = prints;
            self.changed_at = Some(Instant::now());
        }
        if Ways::to(&self.file, &self.components) != self.ways {
            self.follow();
        }
        self.took = begin.elapsed();
        self.compare();
        let Some(changed_at) = self.changed_at else {
            return;
        };
        if changed_at.elapsed() < QUIET {
            return;
        }
        let text = read_regular(&self.file);
        let careful = text
            .as_ref()
            .map_or(true, |text| is_suspect(text, &self.jobs));
        if careful && changed_at.elapsed() < LONG_QUIET {
            return;
        }
        if Prints::take(&self.file, &self.components) != self.prints {
            // It changed under the reader's eyes. The next look sees how.
            self.changed_at = Some(Instant::now());
            return;
        }
        self.changed_at = None;
        self.remember();
        let asked = std::mem::take(&mut self.asked);
        let looks = Looks {
            file: self.file.clone(),
            components: self.components.clone(),
            prints: self.prints.clone(),
        };
        (self.saved)(Saved { text, asked, looks });
    }

    /// Keeps what is in the files that were changed lately.
    fn remember(&mut self) {
        let mut fresh = std::mem::take(&mut self.fresh);
        if fresh.is_empty() {
            return;
        }
        // They are read again now, so what they are compared with is what is read.
        let young = self.young.take();
        fresh.extend(
            young
                .into_iter()
                .flat_map(|young| young.contents.into_keys()),
        );
        self.young = Some(Young {
            compare_at: Instant::now() + GRAIN,
            contents: contents(&fresh),
        });
    }

    /// Whether these files have changed since, and look as they did.
    fn compare(&mut self) {
        let due = |young: &mut Young| young.compare_at <= Instant::now();
        let Some(young) = self.young.take_if(due) else {
            return;
        };
        let paths = young.contents.keys().cloned().collect();
        if contents(&paths) != young.contents {
            self.fresh.extend(paths);
            self.changed_at = Some(Instant::now());
        }
    }

    /// Has the file system tell of every directory on the way to the files.
    fn follow(&mut self) {
        let ways = Ways::to(&self.file, &self.components);
        let before = std::mem::replace(&mut self.ways, ways);
        let mut matter = self.matter.lock().unwrap_or_else(PoisonError::into_inner);
        matter.clone_from(&self.ways.paths);
        drop(matter);
        let Some(events) = &mut self.events else {
            return;
        };
        for (folder, id) in &before.folders {
            if self.ways.folders.get(folder) != Some(id) {
                // One that is gone may have taken its watch with it.
                let _ = events.unwatch(folder);
            }
        }
        for (folder, id) in &self.ways.folders {
            if before.folders.get(folder) == Some(id) {
                continue;
            }
            if let Err(error) = events.watch(folder, RecursiveMode::NonRecursive) {
                tracing::debug!(folder = %folder.display(), "no events, looking now and then: {error}");
            }
        }
        // Something may have changed before there were events for it.
        self.changed_at.get_or_insert_with(Instant::now);
    }
}

/// The file system's events, as words. None where there are none: then somebody looks now and then.
fn events(inbox: mpsc::Sender<Word>, matter: Matter) -> Option<RecommendedWatcher> {
    let heard = move |event: notify::Result<notify::Event>| {
        let matters = event.is_ok_and(|event| {
            let matter = matter.lock().unwrap_or_else(PoisonError::into_inner);
            is_change(event.kind)
                && (event.need_rescan() || event.paths.iter().any(|path| matter.contains(path)))
        });
        if matters {
            // After the watch has ended nobody wants to know.
            let _ = inbox.send(Word::Touched);
        }
    };
    notify::recommended_watcher(heard)
        .inspect_err(|error| tracing::warn!("no file system events, looking every second: {error}"))
        .ok()
}

/// Reading is no change.
fn is_change(kind: EventKind) -> bool {
    use notify::event::AccessMode::Write;

    !matches!(kind, EventKind::Access(access) if access != AccessKind::Close(Write))
}

/// Whether the text may be the beginning of a longer one. A text that is no TOML names no job.
fn is_suspect(text: &str, jobs: &BTreeSet<String>) -> bool {
    let names = || {
        let table: toml::Table = toml::from_str(text).ok()?;
        let named = table.get("jobs").and_then(toml::Value::as_table);
        Some(named.map_or_else(BTreeSet::new, |jobs| jobs.keys().cloned().collect()))
    };
    !text.ends_with('\n') || names().is_none_or(|names: BTreeSet<String>| !jobs.is_subset(&names))
}
