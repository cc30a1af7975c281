//! A schedules file that is sound in itself, and the plan it becomes with its components.

use std::{collections::BTreeSet, ffi::OsStr, path::Path, path::PathBuf, sync::Arc};

use cronlet_core::{
    catalog::{Catalog, Loaded, Need, Unusable},
    digest::Digest,
    job::{Component, Job},
    limits::Limits,
    plan::{Plan, Settings},
    schedule::{Trigger, Zone},
};
use jiff::Timestamp;

use super::{
    cron, health,
    job::JobDraft,
    plugin::{self, Plugin, Reference},
    problem::{Problem, Problems, Severity},
    settings::Runtime,
    source::Source,
    suggest::closest,
};

/// What a text says. No component has been looked at.
#[derive(Clone, Debug)]
pub struct Draft {
    pub(super) source: Source,
    pub(super) digest: Digest,
    pub(super) runtime: Runtime,
    /// Those of `[defaults]`.
    pub(super) limits: Limits,
    pub(super) jobs: Vec<JobDraft>,
    /// The components of jobs that have problems; a draft to be resolved has none.
    pub(super) broken: Vec<Plugin>,
    /// What is allowed and is hardly meant, and was seen on the way.
    pub(super) lints: Vec<Problem>,
    pub(super) known_plugins: Vec<String>,
}

impl Draft {
    /// Each component that the file refers to, once.
    pub fn references(&self) -> Vec<Reference> {
        let references: BTreeSet<_> = self.plugins().map(|plugin| &plugin.reference).collect();
        references.into_iter().cloned().collect()
    }

    /// The component of one job; none if there is no such job.
    pub fn reference_of(&self, job: &str) -> Option<&Reference> {
        let job = self.jobs.iter().find(|draft| draft.name.as_str() == job)?;
        Some(&job.plugin.reference)
    }

    /// The limits of `[defaults]`, for a component that is no job.
    pub fn default_limits(&self) -> &Limits {
        &self.limits
    }

    /// Where history is kept.
    pub fn database(&self) -> PathBuf {
        self.runtime.database.clone()
    }

    /// The keys of `[runtime]` that are live.
    pub fn settings(&self) -> &Settings {
        &self.runtime.settings
    }

    /// The zone of `[runtime]`, that of the jobs that name none.
    pub fn zone(&self) -> &Zone {
        &self.runtime.zone
    }

    /// Where `plugin = "name"` finds name.wasm.
    pub fn plugins_dir(&self) -> &Path {
        &self.runtime.plugins
    }

    /// What its jobs are called, and what they are for.
    pub fn names_and_descriptions(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        let jobs = self.jobs.iter();
        jobs.map(|job| (job.name.as_str(), job.description.as_deref()))
    }

    /// How many jobs it has.
    pub fn len(&self) -> usize {
        self.jobs.len()
    }

    /// Whether it has no job.
    pub fn is_empty(&self) -> bool {
        self.jobs.is_empty()
    }

    /// The text it was read from.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// Has it look which plugins there are, for "did you mean".
    #[must_use]
    pub fn look_for_plugins(mut self) -> Self {
        self.known_plugins = plugin::names_in(self.plugins_dir());
        self
    }

    /// The plan that it becomes with the components of `catalog`.
    ///
    /// A component that cannot be used is no problem here: the last good one takes its place, or its job
    /// fails alone. [`Draft::unusable`] has what is to be said about it. A directory that is not there is
    /// looked for again by each attempt.
    pub fn resolve(&self, catalog: &Catalog) -> Plan {
        let guarded = self.guarded(catalog);
        let jobs = self.jobs.iter().map(|draft| {
            let exposed = draft.exposed(catalog, &guarded);
            let component = match exposed {
                Some((message, _)) => Component::Unusable(message),
                None => resolve(&draft.plugin, catalog),
            };
            (draft.name.clone(), Arc::new(draft.with(component)))
        });
        Plan {
            digest: self.digest,
            settings: self.runtime.settings.clone(),
            jobs: jobs.collect(),
        }
    }

    /// What its jobs need, and the files do not give.
    pub fn lacking(&self, catalog: &Catalog) -> BTreeSet<Need> {
        let lacking = self.plugins();
        let lacking = lacking.filter(|plugin| component(plugin, catalog).is_err());
        lacking.map(need).collect()
    }

    /// What is wrong with its components, and with the directories that it grants.
    pub fn unusable(&self, catalog: &Catalog, severity: Severity) -> Option<Problems> {
        let components = self.plugins().filter_map(|plugin| {
            let unusable = component(plugin, catalog).err()?;
            let mut problem = self.unusable_problem(plugin, unusable);
            if catalog.last_good.contains_key(&need(plugin)) {
                problem
                    .message
                    .push_str("; the last good one takes its place");
            }
            Some(problem)
        });
        let directories = self.unusable_directories(catalog);
        let problems = components.chain(directories).map(|mut problem| {
            problem.severity = severity;
            problem
        });
        Problems::new(&self.source, problems.collect())
    }

    /// What is allowed and is hardly meant.
    pub fn lint(&self, now: Timestamp) -> Option<Problems> {
        let mut problems = self.lints.clone();
        if self.jobs.is_empty() && self.broken.is_empty() {
            problems.push(no_jobs());
        }
        for job in &self.jobs {
            let over = |trigger: &Trigger| trigger.next_after(now).is_none();
            if let Some(trigger) = job.trigger.as_ref().filter(|it| over(&it.value)) {
                let problem = Problem::warning(
                    "schedule::past",
                    format!("job `{}` is never due again", job.name),
                );
                problems.push(
                    problem
                        .at(trigger.span.clone())
                        .label("all its instants are in the past")
                        .help(
                            "write an instant to come, or leave the trigger out and run it by hand",
                        ),
                );
            }
            problems.extend(crowd(job, now));
            problems.extend(health::never_in_time(job, now));
        }
        Problems::new(&self.source, problems)
    }

    pub(super) fn plugins(&self) -> impl Iterator<Item = &Plugin> {
        self.jobs.iter().map(|job| &job.plugin).chain(&self.broken)
    }

    fn unusable_problem(&self, plugin: &Plugin, unusable: Unusable) -> Problem {
        let pinned = unusable.code == SHA256;
        let span = match &plugin.sha256 {
            Some(sha256) if pinned => sha256.span.clone(),
            _ => plugin.span.clone(),
        };
        let written = &plugin.reference.written;
        let stem = Path::new(written).file_stem().and_then(OsStr::to_str);
        let stem = stem.filter(|_| unusable.code == "missing");
        let meant = stem
            .and_then(|stem| closest(stem, self.known_plugins.iter().map(String::as_str)))
            .map(|meant| format!("did you mean `{meant}`?"));
        let label = match unusable.code {
            "missing" => "no such plugin".to_owned(),
            SHA256 => "of another component".to_owned(),
            _ => format!("this is `{}`", plugin.reference.path.display()),
        };
        Problem::error(
            format!("plugin::{}", unusable.code),
            format!("plugin `{written}` cannot be used: {}", unusable.message),
        )
        .at(span)
        .label(label)
        .maybe_help(meant.or(unusable.help))
    }
}

impl JobDraft {
    fn with(&self, component: Component) -> Job {
        Job {
            name: self.name.clone(),
            description: self.description.clone(),
            component,
            schedule: self
                .trigger
                .as_ref()
                .map(|trigger| trigger.value.clone().into())
                .unwrap_or_default(),
            zone: self.policy.zone.clone(),
            enabled: self.policy.halt.enabled,
            catch_up: self.policy.admission.catch_up.clone(),
            overlap: self.policy.admission.overlap,
            max_instances: self.policy.admission.max_instances,
            group: self.policy.admission.group.clone(),
            priority: self.policy.admission.priority,
            retry: self.policy.retry.clone(),
            on_crash: self.policy.on_crash,
            disable_after: self.policy.halt.disable_after,
            grace: self.policy.grace,
            critical: self.policy.health.critical,
            overdue_after: self.policy.health.overdue_after,
            limits: self.policy.limits.clone(),
            allow: self.policy.allow.capabilities().into(),
            params: self.params.clone(),
        }
    }
}

/// The code of a component that is another than the file wants.
const SHA256: &str = "sha256";

/// The component that a job gets.
fn component(plugin: &Plugin, catalog: &Catalog) -> Result<Loaded, Unusable> {
    let loaded = match catalog.components.get(&plugin.reference.written) {
        Some(found) => found.clone()?,
        None => {
            return Err(Unusable {
                code: "missing",
                message: "it was not there when the file was read".to_owned(),
                help: None,
            });
        }
    };
    match &plugin.sha256 {
        Some(wanted) if wanted.value != loaded.digest => Err(Unusable {
            code: SHA256,
            message: "it is another component than `sha256` says".to_owned(),
            help: Some(format!(
                "write `sha256 = \"{}\"` if you trust it",
                loaded.digest
            )),
        }),
        _ => Ok(loaded),
    }
}

/// What is to be said about the times of a job that the clocks jump over, or show twice.
fn crowd(job: &JobDraft, now: Timestamp) -> Option<Problem> {
    let trigger = job.trigger.as_ref()?;
    let Trigger::Cron(cron) = &trigger.value else {
        return None;
    };
    Some(cron::crowd(cron, now)?.at(trigger.span.clone()))
}

/// The same, or what takes its place.
fn resolve(plugin: &Plugin, catalog: &Catalog) -> Component {
    match component(plugin, catalog) {
        Ok(loaded) => Component::Ready(loaded.digest),
        Err(unusable) => match catalog.last_good.get(&need(plugin)) {
            Some(last) => Component::LastGood(last.digest, unusable.message),
            None => Component::Unusable(unusable.message),
        },
    }
}

fn need(plugin: &Plugin) -> Need {
    Need {
        plugin: plugin.reference.written.clone(),
        sha256: plugin.sha256.as_ref().map(|sha256| sha256.value),
    }
}

fn no_jobs() -> Problem {
    Problem::warning(
        "config::no-jobs",
        "there are no jobs, so nothing will ever run",
    )
    .help("add one:\n[jobs.hello]\nplugin = \"hello\"\nevery = \"10s\"")
}
