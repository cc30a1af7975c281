//! What a draft grants to its jobs, against what is there.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use cronlet_core::{
    catalog::{Catalog, Directory, Unusable},
    name::JobName,
};

use super::{
    allow::Dir,
    draft::Draft,
    exposure::Guarded,
    job::JobDraft,
    problem::{Problem, Problems},
};

impl Draft {
    /// Each directory that a job is granted, once.
    pub fn directories(&self) -> BTreeSet<Directory> {
        let dirs = self.jobs.iter().flat_map(|job| &job.policy.allow.dirs);
        dirs.map(Dir::directory).collect()
    }

    /// What is wrong with them.
    pub(super) fn unusable_directories(&self, catalog: &Catalog) -> Vec<Problem> {
        let guarded = self.guarded(catalog);
        let problems = self.dirs().filter_map(|dir| {
            let found = catalog.directories.get(&dir.directory())?;
            match found {
                Err(unusable) => Some(no_directory(dir, unusable)),
                Ok(_) => exposed(dir, catalog, &guarded).map(|(message, label)| {
                    Problem::error("allow::exposed", message)
                        .at(dir.span.clone())
                        .label(label)
                        .help("grant a directory of its own, or leave out `write = true`")
                }),
            }
        });
        problems.collect()
    }

    /// The jobs that are granted a directory that cannot be used, and why it cannot.
    pub fn without_directories(&self, catalog: &Catalog) -> BTreeMap<JobName, String> {
        let lack = |dir: &Dir| {
            let found = catalog.directories.get(&dir.directory())?;
            found
                .as_ref()
                .err()
                .map(|unusable| unusable.message.clone())
        };
        let jobs = self.jobs.iter();
        jobs.filter_map(|job| {
            Some((
                job.name.clone(),
                job.policy.allow.dirs.iter().find_map(lack)?,
            ))
        })
        .collect()
    }

    /// What a job is granted and is hardly meant to have.
    pub fn lint_grants(&self, catalog: &Catalog) -> Option<Problems> {
        let guarded = self.guarded(catalog);
        let problems = self
            .dirs()
            .filter(|dir| !dir.grant.write)
            .filter_map(|dir| {
                let real = catalog.directories.get(&dir.directory())?.as_ref().ok()?;
                let shown = dir.grant.host.display();
                let message =
                    format!("directory `{shown}` holds the database, with the history of all jobs");
                guarded.shows_history(real).then(|| {
                    Problem::warning("allow::exposed", message)
                        .at(dir.span.clone())
                        .label("the job can read it")
                        .help("grant a directory of its own, such as `host = \"data\"`")
                })
            });
        Problems::new(&self.source, problems.collect())
    }

    fn dirs(&self) -> impl Iterator<Item = &Dir> {
        self.jobs.iter().flat_map(|job| &job.policy.allow.dirs)
    }

    /// What no job may write. Nothing is looked up as long as no directory is.
    pub(super) fn guarded(&self, catalog: &Catalog) -> Guarded {
        let mut guarded = Guarded::new();
        if catalog.directories.is_empty() {
            return guarded;
        }
        guarded.database(&self.runtime.database);
        guarded.add("the schedules file", Path::new(self.source.name()));
        guarded.add("the plugins", &self.runtime.plugins);
        for plugin in self.plugins() {
            guarded.add("a component", &plugin.reference.path);
        }
        guarded
    }
}

impl JobDraft {
    /// Why it is not to run, and what of it: one of its directories reaches too far.
    pub(super) fn exposed(&self, catalog: &Catalog, guarded: &Guarded) -> Option<(String, String)> {
        let mut dirs = self.policy.allow.dirs.iter();
        dirs.find_map(|dir| exposed(dir, catalog, guarded))
    }
}

impl Dir {
    /// What is to be looked up.
    fn directory(&self) -> Directory {
        Directory {
            path: self.grant.host.clone(),
            write: self.grant.write,
        }
    }
}

fn no_directory(dir: &Dir, unusable: &Unusable) -> Problem {
    let label = match unusable.code {
        "missing" => "no such directory",
        "not-a-directory" => "expected a directory",
        _ => "this one",
    };
    Problem::error(
        format!("allow::{}", unusable.code),
        unusable.message.clone(),
    )
    .at(dir.span.clone())
    .label(label)
    .maybe_help(unusable.help.clone())
}

/// Why a directory is not to be written by a job, and what of it.
fn exposed(dir: &Dir, catalog: &Catalog, guarded: &Guarded) -> Option<(String, String)> {
    if !dir.grant.write {
        return None;
    }
    let real = catalog.directories.get(&dir.directory())?.as_ref().ok()?;
    let what = guarded.written(real)?;
    let shown = dir.grant.host.display();
    Some((
        format!("directory `{shown}` would let the job write {what}, and so leave its sandbox"),
        format!("{what} can be written through it"),
    ))
}
