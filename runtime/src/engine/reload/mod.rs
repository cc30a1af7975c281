//! From a saved file to a live plan, in two phases.
//!
//! First everything is read: the text is parsed, and every component it refers to is loaded, while the
//! old plan goes on. Only a file in which everything is usable, or no worse than it is in the live plan,
//! becomes a plan, in one step; so there is nothing to roll back. A newer save supersedes a load that is
//! under way.

use std::{
    collections::BTreeSet,
    io,
    num::NonZeroU32,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{Arc, mpsc},
};

use cronlet_core::{catalog::Catalog, digest::Digest, plan::Plan};

use super::{
    Clock, Handle,
    handle::{Live, News},
    status::{Refusal, Warning},
};
use crate::config::{
    Draft, Problems, Severity,
    watch::{Saved, Watch},
};

mod known;
mod schedules;
mod summary;
#[cfg(test)]
mod tests;

pub use schedules::{Components, First, Schedules, directories};

use known::Known;
use schedules::Reading;
use summary::Summary;

/// The thread that reads what was saved.
struct Reloader {
    schedules: Schedules,
    saves: Saves,
    /// A save that arrived during the last load.
    newer: Option<Saved>,
    /// Somebody waits for a word about it.
    asked: bool,
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
    Same(Vec<Warning>),
    Next(Next),
}

struct Next {
    plan: Plan,
    catalog: Catalog,
    known: Known,
    warnings: Vec<Warning>,
}

/// What only a restart changes.
struct Fixed {
    database: PathBuf,
    /// How many guests there is room for.
    pool: NonZeroU32,
}

/// Saves of the schedules file and its components, as they happen.
pub struct Saves {
    watch: Arc<Watch>,
    saves: mpsc::Receiver<Saved>,
}

impl Saves {
    /// Watches `file` from now on.
    pub fn of(file: &Path) -> io::Result<Self> {
        let (sender, saves) = mpsc::channel();
        let watch = Watch::spawn(file, move |saved| {
            // Nobody follows any more.
            let _ = sender.send(saved);
        })?;
        Ok(Self {
            watch: watch.into(),
            saves,
        })
    }

    /// What [`Handle::reload`] does: the file is read again.
    pub fn trigger(&self) -> Box<dyn Fn() + Send + Sync> {
        let watch = self.watch.clone();
        Box::new(move || watch.look())
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
    let fixed = Fixed {
        database: first.draft.database(),
        pool: first.plan.settings.max_concurrent_runs,
    };
    let mut reloader = Reloader {
        schedules,
        saves,
        newer: None,
        asked: false,
        refused: false,
        components: BTreeSet::new(),
        engine,
        clock,
        plan: first.plan,
        known: Known::of(&first.draft, &first.catalog),
        catalog: first.catalog,
        fixed,
    };
    reloader.watch_for(&first.draft);
    std::thread::Builder::new()
        .name("reload".to_owned())
        .spawn(move || {
            let engine = reloader.engine.clone();
            if catch_unwind(AssertUnwindSafe(move || reloader.run())).is_err() {
                engine.tell_config(News::Unfollowed);
            }
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
        self.schedules
            .components
            .retain(&digests(&self.plan).collect());
        while let Some(saved) = self.next() {
            if self.engine.has_finished() {
                return;
            }
            self.saved(&saved);
        }
    }

    /// The newest save; waits for one.
    fn next(&mut self) -> Option<Saved> {
        let first = match self.newer.take() {
            Some(newer) => newer,
            None => self.saves.saves.recv().ok()?,
        };
        newest(Some(first), &self.saves.saves)
    }

    fn saved(&mut self, saved: &Saved) {
        self.asked |= saved.asked;
        self.engine.tell_config(News::Loading);
        let reading = match &saved.text {
            Err(problems) => Some(Err(problems.clone())),
            Ok(text) => self.read(text),
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
        match reading.and_then(|reading| self.resolve(reading)) {
            Ok(Resolved::Same(warnings)) => {
                if std::mem::take(&mut self.refused) {
                    tracing::info!("the schedules file is sound again, and says what is live");
                } else if asked {
                    tracing::info!("reloaded: nothing has changed");
                }
                self.engine.tell_config(News::Unchanged(warnings));
            }
            Ok(Resolved::Next(next)) => self.accept(next),
            Err(problems) => self.refuse(problems),
        }
    }

    fn read(&mut self, text: &str) -> Option<Result<Reading, Problems>> {
        let (saves, newer) = (&self.saves.saves, &mut self.newer);
        self.schedules.read(text, || {
            *newer = newest(newer.take(), saves);
            newer.is_some()
        })
    }

    /// Makes a plan of it, unless something got worse.
    fn resolve(&mut self, reading: Reading) -> Result<Resolved, Problems> {
        let Reading { draft, catalog } = reading;
        self.watch_for(&draft);
        let warnings = self.fixed.warnings(&draft);
        let mut plan = draft.resolve(&catalog);
        self.fixed.hold(&mut plan);
        if plan.digest == self.plan.digest && catalog == self.catalog {
            return Ok(Resolved::Same(warnings));
        }
        if let Some(problems) = self.known.worse(&draft, &catalog, &self.plan, &plan) {
            return Err(problems);
        }
        Ok(Resolved::Next(Next {
            plan,
            known: Known::of(&draft, &catalog),
            catalog,
            warnings,
        }))
    }

    fn accept(&mut self, next: Next) {
        let Next {
            plan,
            catalog,
            known,
            warnings,
        } = next;
        self.refused = false;
        tracing::info!("reloaded: {}", Summary(&self.plan.diff(&plan)));
        for warning in &warnings {
            tracing::warn!("{warning}");
        }
        self.catalog = catalog;
        self.known = known;
        self.plan = Arc::new(plan);
        self.expect();
        let (in_use, needed) = mpsc::channel();
        self.engine.tell_config(News::Live(Live {
            plan: self.plan.clone(),
            warnings,
            in_use,
        }));
        // Without an answer the engine has come to its end, and nothing more is loaded.
        if let Ok(mut needed) = needed.recv() {
            needed.extend(digests(&self.plan));
            self.schedules.components.retain(&needed);
        }
    }

    fn refuse(&mut self, problems: Problems) {
        self.refused = true;
        let count = problems.count(Severity::Error);
        tracing::error!(problems = count, "not reloaded, the old plan stays");
        for line in problems.to_string().lines() {
            tracing::error!("{line}");
        }
        self.engine.tell_config(News::Refused(Refusal {
            at: self.clock.now(),
            problems,
        }));
    }

    /// The components of a text are watched, whether it becomes the plan or not.
    fn watch_for(&mut self, draft: &Draft) {
        let references = draft.references().into_iter();
        self.components = references.map(|reference| reference.path).collect();
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

impl Fixed {
    /// Keeps `plan` from counting on what only a restart gives it: an attempt that is started waits for
    /// no place.
    fn hold(&self, plan: &mut Plan) {
        let most = &mut plan.settings.max_concurrent_runs;
        *most = self.pool.min(*most);
    }

    /// What of `draft` waits for a restart.
    fn warnings(&self, draft: &Draft) -> Vec<Warning> {
        let database = draft.database();
        let database = (database != self.database).then(|| {
            format!(
                "`database` is `{}` from the next start on, `{}` until then",
                database.display(),
                self.database.display()
            )
        });
        let most = draft.settings().max_concurrent_runs;
        let pool = (most > self.pool).then(|| {
            format!(
                "`max_concurrent_runs` is {most} from the next start on, {} until then",
                self.pool
            )
        });
        database.into_iter().chain(pool).collect()
    }
}

/// The newest of `newer` and what has arrived since. If any was asked for, it is.
fn newest(newer: Option<Saved>, saves: &mpsc::Receiver<Saved>) -> Option<Saved> {
    let all = newer.into_iter().chain(saves.try_iter());
    all.reduce(|older, mut newer| {
        newer.asked |= older.asked;
        newer
    })
}
