//! From a saved file to a live plan, in two phases.
//!
//! First everything is read: the text is parsed, and every component it refers to is loaded, while the
//! old plan goes on. Only a file in which everything is usable, or no worse than it is in the live plan,
//! becomes a plan, in one step; so there is nothing to roll back. A newer save supersedes a load that is
//! under way.

use std::{
    collections::BTreeSet,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{Arc, mpsc},
};

use cronlet_core::{catalog::Catalog, digest::Digest, plan::Plan};

use super::{Clock, Handle, handle::News, noted::Noted, status::Refusal};
use crate::config::{
    Problems, Severity,
    watch::{Saved, Watch},
};

mod fixed;
mod known;
mod requests;
mod schedules;
mod summary;
#[cfg(test)]
mod tests;

pub use requests::{Outcome, Requests};
pub use schedules::{Components, First, Schedules, directories};

use fixed::{Fixed, Notes};
use known::Known;
use schedules::{Reading, Text};
use summary::Summary;

/// The thread that reads what was saved.
struct Reloader {
    schedules: Schedules,
    saves: Saves,
    /// A save that arrived during the last load.
    newer: Option<Saved>,
    /// The last request that is to be answered.
    asked: u64,
    /// The log's last word about the file was that it is refused.
    refused: bool,
    /// The components that the newest text refers to.
    components: BTreeSet<PathBuf>,
    engine: Handle,
    clock: Arc<dyn Clock>,
    /// What is live.
    plan: Arc<Plan>,
    catalog: Catalog,
    known: Known,
    fixed: Fixed,
}

/// A file that may become the plan.
enum Resolved {
    /// It says what is live.
    Same(Notes),
    Next(Box<Next>),
}

struct Next {
    plan: Plan,
    catalog: Catalog,
    known: Known,
    notes: Notes,
}

/// Saves of the schedules file and its components, as they happen.
pub struct Saves {
    watch: Arc<Watch>,
    arrived: mpsc::Receiver<Saved>,
    requests: Requests,
}

impl Saves {
    /// Watches `file` from now on.
    pub fn of(file: &Path) -> io::Result<Self> {
        let (sender, saves) = mpsc::channel();
        let watch = Watch::spawn(file, move |saved| {
            // Nobody follows any more.
            let _ = sender.send(saved);
        })?;
        let watch = Arc::new(watch);
        let looking = watch.clone();
        Ok(Self {
            watch,
            arrived: saves,
            requests: Requests::new(move |number| looking.look(number)),
        })
    }

    /// Has the file read again, see [`Handle::reload`].
    pub fn requests(&self) -> Requests {
        self.requests.clone()
    }
}

/// Has `engine`, whose plan is `first`, follow what is saved.
pub fn follow(
    schedules: Schedules,
    first: First,
    saves: Saves,
    engine: Handle,
    clock: Arc<dyn Clock>,
) -> io::Result<()> {
    let fixed = Fixed::of(&first);
    let mut reloader = Reloader {
        schedules,
        saves,
        newer: None,
        asked: 0,
        refused: false,
        components: BTreeSet::new(),
        engine,
        clock,
        plan: first.plan,
        known: Known::of(&first.draft, &first.catalog),
        catalog: first.catalog,
        fixed,
    };
    let lacking = first.draft.without_directories(&reloader.catalog);
    reloader.engine.tell_config(News::Unchanged(Noted {
        lacking,
        ..Noted::default()
    }));
    reloader.watch_for(&Text {
        draft: first.draft,
        problems: None,
    });
    std::thread::Builder::new()
        .name("reload".to_owned())
        .spawn(move || {
            let (engine, requests) = (reloader.engine.clone(), reloader.saves.requests());
            let run = AssertUnwindSafe(move || reloader.run());
            // It has panicked, or the watch has.
            if catch_unwind(run).is_err() || !engine.has_finished() {
                engine.tell_config(News::Unfollowed);
            }
            requests.close();
        })?;
    Ok(())
}

/// The components that the jobs of a plan need.
fn digests(plan: &Plan) -> impl Iterator<Item = Digest> {
    plan.jobs.values().filter_map(|job| job.component.digest())
}

impl Reloader {
    fn run(&mut self) {
        // What no job of the first plan needs was left by an earlier daemon.
        self.tidy();
        while let Some(saved) = self.next() {
            if self.engine.has_finished() {
                return;
            }
            self.saved(&saved);
        }
    }

    /// Drops the components that nothing needs: of older plans, and of texts that were refused.
    fn tidy(&self) {
        // Without an answer the engine has come to its end, and nothing more is loaded.
        if let Some(mut needed) = self.engine.components_in_use() {
            needed.extend(digests(&self.plan));
            let plugins = self.catalog.accepted();
            self.schedules.components.retain(&plugins, &needed);
        }
    }

    /// The newest save; waits for one.
    fn next(&mut self) -> Option<Saved> {
        let first = match self.newer.take() {
            Some(newer) => newer,
            None => self.saves.arrived.recv().ok()?,
        };
        newest(Some(first), &self.saves.arrived)
    }

    fn saved(&mut self, saved: &Saved) {
        self.asked = self.asked.max(saved.asked);
        self.engine.tell_config(News::Loading);
        let reading = match &saved.text {
            Err(problems) => Some(Err(problems.clone())),
            Ok(text) => {
                let text = self.schedules.survey(text);
                self.watch_for(&text);
                if !saved.covers(&self.components) {
                    // Nobody has seen yet whether its new components are quiet.
                    self.saves.watch.look_again();
                    return;
                }
                self.read(text)
            }
        };
        // Superseded, or changed under the reader's eyes: the next save is near.
        let Some(reading) = reading else {
            return;
        };
        if saved.is_stale() {
            // The watch may have seen nothing of it, as when only this look has failed.
            self.saves.watch.look_again();
            return;
        }
        let asked = std::mem::take(&mut self.asked);
        let outcome = match reading.and_then(|reading| self.resolve(reading)) {
            Ok(Resolved::Same(notes)) => self.keep(notes, asked > 0),
            Ok(Resolved::Next(next)) => self.accept(*next),
            Err(problems) => self.refuse(problems),
        };
        self.tidy();
        self.saves.requests.answer(asked, &outcome);
    }

    fn read(&mut self, text: Text) -> Option<Result<Reading, Problems>> {
        let (saves, newer) = (&self.saves.arrived, &mut self.newer);
        self.schedules.read(text, || {
            *newer = newest(newer.take(), saves);
            newer.is_some()
        })
    }

    /// Makes a plan of it, unless something got worse.
    fn resolve(&mut self, reading: Reading) -> Result<Resolved, Problems> {
        let Reading { draft, mut catalog } = reading;
        // What a start has put in the place of a component stays there until the file can be used.
        let last_good = &self.catalog.last_good;
        catalog.last_good = draft
            .lacking(&catalog)
            .into_iter()
            .filter_map(|need| Some((need.clone(), last_good.get(&need)?.clone())))
            .collect();
        let mut plan = draft.resolve(&catalog);
        self.fixed.hold(&mut plan);
        let notes = self.fixed.notes(&draft, &catalog, self.clock.now());
        if plan.digest == self.plan.digest && catalog == self.catalog {
            return Ok(Resolved::Same(notes));
        }
        if let Some(problems) = self.known.worse(&draft, &catalog, &self.plan, &plan) {
            return Err(problems);
        }
        Ok(Resolved::Next(Box::new(Next {
            plan,
            known: Known::of(&draft, &catalog),
            catalog,
            notes,
        })))
    }

    fn keep(&mut self, notes: Notes, asked: bool) -> Outcome {
        if std::mem::take(&mut self.refused) {
            tracing::info!("the schedules file is sound again, and says what is live");
        } else if asked {
            tracing::info!("reloaded: nothing has changed");
        }
        self.engine.tell_config(News::Unchanged(notes.noted()));
        Outcome::Unchanged {
            digest: self.plan.digest,
            warnings: notes.all,
        }
    }

    fn accept(&mut self, next: Next) -> Outcome {
        let Next {
            plan,
            catalog,
            known,
            notes,
        } = next;
        self.refused = false;
        let summary = Summary(&self.plan.diff(&plan)).to_string();
        tracing::info!("reloaded: {summary}");
        for warning in &notes.restart {
            tracing::warn!("{}", warning.message);
        }
        self.catalog = catalog;
        self.known = known;
        self.plan = Arc::new(plan);
        self.expect();
        let live = News::Live(self.plan.clone(), notes.noted());
        self.engine.tell_config(live);
        Outcome::Live {
            digest: self.plan.digest,
            summary,
            warnings: notes.all,
        }
    }

    fn refuse(&mut self, problems: Problems) -> Outcome {
        self.refused = true;
        let count = problems.count(Severity::Error);
        tracing::error!(problems = count, "not reloaded, the old plan stays");
        for line in problems.to_string().lines() {
            tracing::error!("{line}");
        }
        self.engine.tell_config(News::Refused(Refusal {
            at: self.clock.now(),
            problems: problems.clone(),
        }));
        Outcome::Refused(problems)
    }

    /// The components of a text are watched, whether it becomes the plan or not. One that is not sound
    /// may lack some.
    fn watch_for(&mut self, text: &Text) {
        if text.problems.is_none() {
            self.components.clear();
        }
        let references = text.draft.references().into_iter();
        self.components
            .extend(references.map(|reference| reference.path));
        self.expect();
    }

    /// Says what to watch, and what a text that is cut short would lack.
    fn expect(&self) {
        let jobs = self.plan.jobs.keys().map(ToString::to_string);
        self.saves
            .watch
            .expect(self.components.clone(), jobs.collect());
    }
}

/// The newest of `newer` and what has arrived since. It answers whatever any of them was asked for.
fn newest(newer: Option<Saved>, saves: &mpsc::Receiver<Saved>) -> Option<Saved> {
    let all = newer.into_iter().chain(saves.try_iter());
    all.reduce(|older, mut newer| {
        newer.asked = newer.asked.max(older.asked);
        newer
    })
}
