//! From a saved file to a live plan, in two phases.
//!
//! First everything is read: the text is parsed, and every component it refers to is loaded, while the
//! old plan goes on. Only a file in which everything is usable becomes a plan, in one step; so there is
//! nothing to roll back. A newer save supersedes a load that is under way.

use std::{
    collections::BTreeSet,
    io,
    num::NonZeroU32,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{Arc, mpsc},
};

use cronlet_core::{catalog::Catalog, plan::Plan};

use super::{
    Clock, Handle,
    handle::{Live, News},
    status::{Refusal, Warning},
};
use crate::config::{
    Draft, OnUnusable, Problems, Severity,
    watch::{Saved, Watch},
};

mod schedules;
mod summary;
#[cfg(test)]
mod tests;

pub use schedules::{Components, First, Schedules};

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
    fixed: Fixed,
}

/// A file in which everything is usable.
enum Resolved {
    /// It says what is live.
    Same(Vec<Warning>),
    Next(Plan, Catalog, Vec<Warning>),
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

impl Reloader {
    fn run(&mut self) {
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
        Some(newest(first, &self.saves.saves))
    }

    fn saved(&mut self, saved: &Saved) {
        self.asked |= saved.asked;
        self.engine.tell_config(News::Loading);
        let reading = match &saved.text {
            Err(problems) => Some(Err(problems.clone())),
            Ok(text) => self.read(text),
        };
        // Superseded, or changed under the reader's eyes: the next save is near.
        let Some(reading) = reading.filter(|_| !saved.is_stale()) else {
            return;
        };
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
            Ok(Resolved::Next(plan, catalog, warnings)) => self.accept(plan, catalog, warnings),
            Err(problems) => self.refuse(problems),
        }
    }

    fn read(&mut self, text: &str) -> Option<Result<Reading, Problems>> {
        let (saves, newer) = (&self.saves.saves, &mut self.newer);
        self.schedules.read(text, || {
            *newer = saves.try_iter().last().or(newer.take());
            newer.is_some()
        })
    }

    /// Makes a plan of it. The one that is live is not refused: at a start a job may have a component
    /// that cannot be used.
    fn resolve(&mut self, reading: Reading) -> Result<Resolved, Problems> {
        let Reading { draft, catalog } = reading;
        self.watch_for(&draft);
        let warnings = self.fixed.warnings(&draft);
        let plan = draft.resolve(&catalog, OnUnusable::Keep)?;
        if plan.digest == self.plan.digest && catalog == self.catalog {
            return Ok(Resolved::Same(warnings));
        }
        let plan = draft.resolve(&catalog, OnUnusable::Refuse)?;
        Ok(Resolved::Next(plan, catalog, warnings))
    }

    fn accept(&mut self, plan: Plan, catalog: Catalog, warnings: Vec<Warning>) {
        self.refused = false;
        tracing::info!("reloaded: {}", Summary(&self.plan.diff(&plan)));
        for warning in &warnings {
            tracing::warn!("{warning}");
        }
        self.catalog = catalog;
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
            needed.extend(
                self.plan
                    .jobs
                    .values()
                    .filter_map(|job| job.component.digest()),
            );
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

/// The newest of `first` and what has arrived since. If any was asked for, it is.
fn newest(first: Saved, saves: &mpsc::Receiver<Saved>) -> Saved {
    saves.try_iter().fold(first, |older, mut newer| {
        newer.asked |= older.asked;
        newer
    })
}
