//! `[jobs.NAME]`, and `[defaults]` with the keys that make sense for every job.

use std::{path::Path, sync::Arc};

use cronlet_core::{
    name::JobName,
    schedule::{Trigger, Zone},
};

use toml::de::DeValue;

use super::{
    admission, aliases, allow, halt, health, history, names, params,
    plugin::{self, Folders, Plugin},
    policy::{self, Policy, PolicyKeys},
    problem::Problem,
    retry, settings,
    table::{Field, Kind, Marked, Table, Walk, shorten, type_name},
    trigger,
};

const TEXT: Kind = Kind::text("\"What it is for\"");
const PARAMS: Kind = Kind::table("{ name = \"world\" }");

/// The keys that only a job has: each job must say them for itself.
const OWN_KEYS: [&str; 8] = [
    "description",
    "plugin",
    "sha256",
    "cron",
    "every",
    "offset",
    "at",
    "params",
];

/// A job as its text says, whole and sound, but for its component.
#[derive(Clone, Debug)]
pub(super) struct JobDraft {
    pub(super) name: JobName,
    pub(super) description: Option<String>,
    pub(super) plugin: Plugin,
    pub(super) trigger: Option<Marked<Trigger>>,
    pub(super) policy: Policy,
    pub(super) params: Arc<str>,
}

/// What could be read of a job.
pub(super) enum Read {
    /// All of it.
    Whole(Box<JobDraft>),
    /// It has problems; its component can be looked at all the same.
    Broken(Option<Plugin>),
}

/// What a job is read with.
pub(super) struct Surroundings<'a> {
    pub(super) defaults: PolicyKeys,
    pub(super) file: &'a Path,
    pub(super) plugins: &'a Path,
    /// That of `[runtime]`.
    pub(super) zone: &'a Zone,
}

/// Reads `[defaults]`.
pub(super) fn defaults<'a>(walk: &mut Walk<'a>, mut table: Table<'a>) -> PolicyKeys {
    let keys = PolicyKeys::read(walk, &mut table);
    table.finish(walk, |key| {
        let own = OWN_KEYS.contains(&key);
        own.then(|| format!("`{key}` has no default: write it in each job"))
            .or_else(|| elsewhere(key))
    });
    keys
}

/// Reads one job. `field` is its entry in `[jobs]`.
pub(super) fn read<'a>(walk: &mut Walk<'a>, field: &Field<'a>, around: &Surroundings<'_>) -> Read {
    let before = walk.problems.len();
    let DeValue::Table(tree) = field.value else {
        no_table(walk, field);
        return Read::Broken(None);
    };
    let name = name(walk, field);
    let mut table = Table::new(format!("`[jobs.{}]`", shorten(field.key)), "", tree);
    let description = table.take("description");
    let description = description.and_then(|field| walk.string(&field, &TEXT));
    let folders = Folders {
        file: around.file,
        plugins: around.plugins,
    };
    let plugin = if nested(walk, &mut table, field) && !table.has(is_key) {
        None
    } else {
        plugin::read(walk, &mut table, field, &folders)
    };
    let keys = PolicyKeys::read(walk, &mut table);
    let zone = keys.zone(&around.defaults, around.zone);
    let trigger = trigger::read(walk, &mut table, field.key, &zone);
    let params = table.take("params");
    let params = params.and_then(|field| walk.table(&field, &PARAMS));
    let params = params.map_or_else(
        || "{}".to_owned(),
        |params| params::to_json(params, &mut walk.problems),
    );
    table.finish(walk, elsewhere);
    let policy = keys.resolve(&around.defaults, zone, walk);
    match (name, plugin) {
        (Some(name), Some(plugin)) if walk.problems.len() == before => {
            Read::Whole(Box::new(JobDraft {
                name,
                description: description.map(|text| text.value.to_owned()),
                plugin,
                trigger,
                policy,
                params: params.into(),
            }))
        }
        (_, plugin) => Read::Broken(plugin),
    }
}

/// Where a key belongs that a job and `[defaults]` do not have.
fn elsewhere(key: &str) -> Option<String> {
    if let Some(meant) = aliases::of(key) {
        return Some(meant.to_owned());
    }
    if key == "max" || (retry::KEYS.contains(&key) && key != "on") {
        return Some(format!(
            "`{key}` belongs in `retry`: write `retry = {{ {key} = … }}`"
        ));
    }
    home(key)
}

/// The table that has a key, for keys that are known.
pub(super) fn home(key: &str) -> Option<String> {
    if history::KEYS.contains(&key) {
        Some(format!(
            "`{key}` belongs in `history` of `[runtime]`: write `history = {{ {key} = … }}` there"
        ))
    } else if settings::KEYS.contains(&key) {
        Some(format!("`{key}` belongs in `[runtime]`"))
    } else if OWN_KEYS.contains(&key) {
        Some(format!(
            "`{key}` belongs in a job: write it under `[jobs.NAME]`"
        ))
    } else if is_shared(key) {
        Some(format!("`{key}` belongs in a job or in `[defaults]`"))
    } else if allow::KEYS.contains(&key) {
        Some(format!(
            "`{key}` belongs in `allow`: write `allow = {{ {key} = … }}`"
        ))
    } else {
        None
    }
}

/// Reports a job that is no table: most likely a key of a job without the job's header.
fn no_table(walk: &mut Walk<'_>, field: &Field<'_>) {
    let key = shorten(field.key);
    let problem = if is_key(field.key) {
        Problem::error("config::job-name", format!("`{key}` is in no job"))
            .at(field.key_span.clone())
            .label("`[jobs]` has only jobs")
            .help("write `[jobs.NAME]` in place of `[jobs]`")
    } else {
        let message = format!("`{}` must be a table", shorten(&field.path));
        Problem::error("config::type", message)
            .at(field.span.clone())
            .label(format!("found {}", type_name(field.value)))
            .help(match field.value {
                DeValue::Array(_) => header(field.key),
                _ => format!("write `{key} = {{ plugin = \"hello\" }}`"),
            })
    };
    walk.push(problem);
}

fn name(walk: &mut Walk<'_>, field: &Field<'_>) -> Option<JobName> {
    let error = match JobName::new(field.key) {
        Ok(name) => return Some(name),
        Err(error) => error,
    };
    let problem =
        names::problem("config::job-name", "a job's", field, &error).help(header(field.key));
    walk.push(problem);
    None
}

/// Reports each table in a job that is a job itself: a name with a dot in it is two names.
fn nested<'a>(walk: &mut Walk<'a>, table: &mut Table<'a>, job: &Field<'a>) -> bool {
    let before = walk.problems.len();
    while let Some(inner) = table.take_wrong(|_, value| is_job(value)) {
        let name = format!("{}.{}", job.key, inner.key);
        let message = format!("a job's name has no dot, and `{}` has", shorten(&name));
        let problem = Problem::error("config::job-name", message)
            .at(inner.key_span)
            .label("a job in a job")
            .help(header(&name));
        walk.push(problem);
    }
    walk.problems.len() > before
}

/// Whether a value is a table that looks like a job.
pub(super) fn is_job(value: &DeValue<'_>) -> bool {
    let table = value.as_table();
    table.is_some_and(|table| table.keys().any(|key| key.get_ref() == "plugin"))
}

/// Whether `[defaults]` and a job have this key.
fn is_shared(key: &str) -> bool {
    [
        &policy::KEYS[..],
        &admission::KEYS,
        &halt::KEYS,
        &health::KEYS,
    ]
    .iter()
    .any(|keys| keys.contains(&key))
}

/// Whether this is a key of a job.
fn is_key(key: &str) -> bool {
    OWN_KEYS.contains(&key) || policy::KEYS.contains(&key)
}

/// How to begin a job that would be called `name`.
pub(super) fn header(name: &str) -> String {
    let legal = names::legal(name);
    format!("write `[jobs.{}]`", legal.as_deref().unwrap_or("NAME"))
}
