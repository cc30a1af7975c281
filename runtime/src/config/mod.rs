//! `schedules.toml`: its text becomes a draft, a draft with a catalog of components becomes a plan,
//! and whatever is wrong becomes problems, all of them at once. The only room that knows TOML.
//!
//! ```text
//! text ──parse──▶ Draft ──resolve(Catalog)──▶ Plan
//!        │                    │
//!        └──────▶ Problems ◀──┘
//! ```
//!
//! Nothing here stops at the first problem. A syntax error is the exception: what follows it is
//! guesswork, so then only the syntax errors are told. The tree of values is walked by hand,
//! because a derived deserialiser stops at the first problem and loses places.
//!
//! A [`Problem`] is plain data with a place in the text; `cli::diagnostics` draws it. Nothing here
//! prints, reads the environment or a clock, or opens a component.
//!
//! - `read`: a path or bytes to text; `syntax` and `landmarks`: text to a tree with places.
//! - `table`, `scalar`, `text`: the cursor that the walk uses.
//! - `settings`, `groups`, `job`, `policy`, `admission`, `retry`, `halt`, `health`, `trigger`, `cron`, `zone`,
//!   `plugin`, `params`, `allow`, `names`: the walk, a file a topic.
//! - `granted`: what is granted, against what is there; `exposure`: which grants would let a job take
//!   over the daemon.
//! - `suggest`, `aliases`, `foreign`: what somebody may have meant.
//! - `schema`: the same for editors; it must have the keys that the walk takes.
//! - `draft`: what the walk gives, and how it becomes a plan. `watch`: notices saves.

mod admission;
mod aliases;
mod allow;
mod cron;
mod draft;
mod exposure;
mod foreign;
mod granted;
mod groups;
mod halt;
mod health;
mod history;
mod job;
mod landmarks;
mod names;
mod params;
mod plugin;
mod policy;
mod problem;
mod read;
mod retry;
mod scalar;
mod schema;
mod settings;
mod source;
mod suggest;
mod syntax;
mod table;
mod text;
mod trigger;
pub mod watch;
mod zone;

use std::path::Path;

use cronlet_core::{digest::Digest, limits::Limits};
use toml::de::DeTable;

pub use cron::problem as cron_problem;
pub use draft::Draft;
pub use plugin::Reference;
pub use problem::{Mark, Problem, Problems, Severity};
pub use read::{decode, read};
pub use schema::schema;
pub use settings::{ENVIRONMENT, Environment};
pub use source::{Position, Source};
pub use zone::named as zone;

use groups::Groups;
use job::{JobDraft, Read, Surroundings};
use plugin::Plugin;
use policy::PolicyKeys;
use settings::Runtime;
use table::{Kind, Table, Walk};
use zone::Zones;

const RUNTIME: Kind = Kind::header("[runtime]");
const DEFAULTS: Kind = Kind::header("[defaults]");
const JOBS: Kind = Kind::header("[jobs.NAME]");

/// Reads `text`, which is the file called `name`; relative paths in it are relative to the folder
/// of `name`. `environment` overrides keys of `[runtime]`.
pub fn parse(name: &str, text: &str, environment: &Environment) -> Result<Draft, Problems> {
    match survey(name, text, environment) {
        (draft, None) => Ok(draft),
        (_, Some(problems)) => Err(problems),
    }
}

/// As [`parse`], and what could be read in spite of the problems: so that the components can be
/// looked at too, and the problems of both be told at once. Such a draft is not to be resolved.
pub fn survey(name: &str, text: &str, environment: &Environment) -> (Draft, Option<Problems>) {
    let source = Source::new(name, text);
    let folder = Path::new(name).parent().unwrap_or(Path::new(""));
    let mut contents = Contents {
        runtime: Runtime::new(folder),
        limits: Limits::default(),
        jobs: Vec::new(),
        broken: Vec::new(),
        lints: Vec::new(),
    };
    let (tree, mut problems) = syntax::parse(source.text());
    if let Some(tree) = &tree {
        let mut walk = Walk {
            text: source.text(),
            folder,
            problems,
            lints: Vec::new(),
            groups: Groups::default(),
            zones: Zones::default(),
        };
        contents.read(&mut walk, tree, folder, environment);
        problems = walk.problems;
        contents.lints = walk.lints;
    } else {
        contents.runtime.override_by(environment, &mut problems);
    }
    let Contents {
        runtime,
        limits,
        jobs,
        broken,
        lints,
    } = contents;
    let draft = Draft {
        digest: Digest::of(text.as_bytes()),
        source: source.clone(),
        runtime,
        limits,
        jobs,
        broken,
        lints,
        known_plugins: Vec::new(),
    };
    (draft, Problems::new(&source, problems))
}

/// What a file contains.
struct Contents {
    runtime: Runtime,
    limits: Limits,
    jobs: Vec<JobDraft>,
    broken: Vec<Plugin>,
    lints: Vec<Problem>,
}

impl Contents {
    fn read<'a>(
        &mut self,
        walk: &mut Walk<'a>,
        tree: &'a DeTable<'a>,
        folder: &Path,
        environment: &Environment,
    ) {
        let mut root = Table::new("a schedules file", "", tree);
        let (runtime, defaults) = (root.take("runtime"), root.take("defaults"));
        let (groups, jobs) = (root.take("groups"), root.take("jobs"));
        jobs_outside(walk, &mut root);
        root.finish(walk, |key| {
            let meant = aliases::of_table(key).map(str::to_owned);
            meant.or_else(|| job::home(key))
        });

        if let Some(table) = runtime.and_then(|field| walk.table(&field, &RUNTIME)) {
            let mut table = Table::new("`[runtime]`", "", table);
            self.runtime.read(walk, &mut table, folder);
            table.finish(walk, job::home);
        }
        // Before the jobs, which are read with what it says.
        self.runtime.override_by(environment, &mut walk.problems);
        // Before those who are in them.
        if let Some(field) = groups {
            groups::read(walk, &field);
            self.runtime.settings.groups.clone_from(&walk.groups.caps);
        }
        let defaults = defaults.and_then(|field| walk.table(&field, &DEFAULTS));
        let defaults = defaults.map(|table| Table::new("`[defaults]`", "", table));
        let defaults = defaults
            .map(|table| job::defaults(walk, table))
            .unwrap_or_default();
        self.limits = PolicyKeys::default().limits(&defaults);
        let around = Surroundings {
            defaults,
            file: folder,
            plugins: &self.runtime.plugins,
            zone: &self.runtime.zone,
        };
        let Some(jobs) = jobs.and_then(|field| walk.table(&field, &JOBS)) else {
            return;
        };
        for field in Table::new("`[jobs]`", "jobs.", jobs).take_all() {
            match job::read(walk, &field, &around) {
                Read::Whole(job) => self.jobs.push(*job),
                Read::Broken(plugin) => self.broken.extend(plugin),
            }
        }
    }
}

/// Reports each table of the file that looks like a job, and is not below `jobs`.
fn jobs_outside<'a>(walk: &mut Walk<'a>, root: &mut Table<'a>) {
    while let Some(job) = root.take_wrong(|_, value| job::is_job(value)) {
        let message = format!("`{}` is a job outside of `jobs`", table::shorten(job.key));
        let problem = Problem::error("config::unknown-key", message);
        walk.push(problem.at(job.key_span).help(job::header(job.key)));
    }
}

#[cfg(test)]
mod tests;
