//! `allow`: what a job may reach of the world. In a job it stands in place of the one in `[defaults]`,
//! whole: what a job may do is read in one place.

use std::{borrow::Cow, ops::Range};

use cronlet_core::capability::{self, Capabilities, DirGrant, EnvGrant, GuestPathError};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    problem::Problem,
    table::{Field, Kind, Marked, Table, Walk, shorten},
    text::Text,
};

const TABLE: Kind = Kind::table("{ env = [\"LANG\"] }");
const DIRS: Kind = Kind::tables(
    "a list of tables",
    "[{ host = \"data\", guest = \"/data\" }]",
);
const DIR: Kind = Kind::table("{ host = \"data\", guest = \"/data\" }");
const HOST: Kind = Kind::quoted("a path", "\"data\"");
const GUEST: Kind = Kind::quoted("a path", "\"/data\"");
const ENV: Kind = Kind::list("a list of names or a table", "[\"LANG\"]");
const NAME: Kind = Kind::quoted("a name", "\"LANG\"");
const VALUE: Kind = Kind::text("\"value\"");

/// The keys of the table, for advice.
pub(super) const KEYS: [&str; 2] = ["dirs", "env"];

/// Each directory is a file that is open in every attempt.
const MOST_DIRS: usize = 64;
const MOST_ENV: usize = 256;

/// What is written of it, whole and sound.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Allow {
    pub(super) dirs: Vec<Dir>,
    env: Vec<EnvGrant>,
}

/// A directory, and where it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Dir {
    pub(super) grant: DirGrant,
    pub(super) span: Range<usize>,
}

impl Allow {
    pub(super) fn read<'a>(walk: &mut Walk<'a>, field: &Field<'a>) -> Option<Self> {
        let table = walk.table(field, &TABLE)?;
        let mut table = Table::new("`allow`", "allow.", table);
        let (dirs, env) = (table.take("dirs"), table.take("env"));
        let mut dirs = dirs.map_or_else(Vec::new, |field| self::dirs(walk, &field));
        let mut env = env.map_or_else(Vec::new, |field| self::env(walk, &field));
        table.finish(walk, |_| None);
        dirs.sort_by(|a, b| a.grant.guest.cmp(&b.grant.guest));
        env.sort_by(|a, b| a.name.cmp(&b.name));
        Some(Self { dirs, env })
    }

    /// The grants, without their places.
    pub(super) fn capabilities(&self) -> Capabilities {
        Capabilities {
            dirs: self.dirs.iter().map(|dir| dir.grant.clone()).collect(),
            env: self.env.clone(),
        }
    }
}

fn dirs<'a>(walk: &mut Walk<'a>, field: &Field<'a>) -> Vec<Dir> {
    let Some(items) = list(walk, field, &DIRS, MOST_DIRS) else {
        return Vec::new();
    };
    let mut dirs: Vec<(Dir, Range<usize>)> = Vec::new();
    for item in items {
        let Some((dir, guest)) = dir(walk, &field.item(item)) else {
            continue;
        };
        let path = &dir.grant.guest;
        match dirs.iter().find(|(other, _)| other.grant.guest == *path) {
            Some((_, first)) => {
                let message = format!("two directories are at `{}`", shorten(path));
                walk.push(
                    Problem::error("allow::twice", message)
                        .at(guest)
                        .label("the second one")
                        .related(first.clone(), "the first one")
                        .help("give one of them another `guest`"),
                );
            }
            None => dirs.push((dir, guest)),
        }
    }
    dirs.into_iter().map(|(dir, _)| dir).collect()
}

/// One directory, and where its guest path is written.
fn dir<'a>(walk: &mut Walk<'a>, field: &Field<'a>) -> Option<(Dir, Range<usize>)> {
    let tree = walk.table(field, &DIR)?;
    let mut table = Table::new("an item of `allow.dirs`", "allow.dirs.", tree);
    let (host, guest) = (table.take("host"), table.take("guest"));
    let write = table.take("write");
    for (key, found, kind) in [("host", &host, &HOST), ("guest", &guest, &GUEST)] {
        if found.is_none() {
            missing(walk, field, key, kind);
        }
    }
    let host = host.and_then(|field| self::host(walk, &field));
    let guest = guest.and_then(|field| self::guest(walk, &field));
    // Not `false` where it is something else: nothing is guessed about what may be written.
    let write = match write {
        Some(field) => walk.boolean(&field),
        None => Some(false),
    };
    table.finish(walk, |key| {
        matches!(key, "readonly" | "read_only" | "mode" | "rw")
            .then(|| "it is read-only unless `write = true`".to_owned())
    });
    let (host, guest) = (host?, guest?);
    let dir = Dir {
        grant: DirGrant {
            host: walk.folder.join(host.value),
            guest: guest.value,
            write: write?,
        },
        span: host.span,
    };
    Some((dir, guest.span))
}

fn missing(walk: &mut Walk<'_>, field: &Field<'_>, key: &str, kind: &Kind) {
    let message = format!("{} has no `{key}`", field.title());
    let problem = Problem::error("config::missing-key", message)
        .at(field.span.clone())
        .label(match key {
            "host" => "nothing says which directory it is",
            _ => "nothing says where the job finds it",
        })
        .help(format!("write `{key} = {}` in it", kind.example));
    walk.push(problem);
}

fn host<'a>(walk: &mut Walk<'a>, field: &Field<'a>) -> Option<Text<'a>> {
    let text = walk.string(field, &HOST)?;
    let what = if text.value.is_empty() {
        "is empty"
    } else if text.value.contains('\0') {
        "has a zero byte in it"
    } else {
        return Some(text);
    };
    walk.push(
        Problem::error("config::value", format!("`{}` {what}", field.path))
            .at(text.span)
            .label("expected the path of a directory")
            .help("write `host = \"data\"` for the folder `data` beside this file"),
    );
    None
}

/// A guest path, without a slash at its end.
fn guest<'a>(walk: &mut Walk<'a>, field: &Field<'a>) -> Option<Marked<String>> {
    let text = walk.string(field, &GUEST)?;
    let span = text.span;
    let error = match capability::guest_path(text.value) {
        Ok(value) => return Some(Marked { value, span }),
        Err(error) => error,
    };
    let (label, help) = match &error {
        GuestPathError::Relative(_) => (
            "expected a `/` at its beginning",
            format!("write `guest = \"/{}\"`", plain(text.value)),
        ),
        GuestPathError::Part { .. } => (
            "expected only names between the slashes",
            "write the path that is meant, without detours".to_owned(),
        ),
        GuestPathError::Zero => (
            "expected a path",
            format!("write `guest = {}`", GUEST.example),
        ),
    };
    let problem = Problem::error("allow::guest", error.to_string()).at(span);
    walk.push(problem.label(label).help(help));
    None
}

/// A relative path without what an absolute one cannot have.
fn plain(path: &str) -> Cow<'_, str> {
    let path = path.trim_start_matches("./").trim_matches('/');
    match capability::guest_path(&format!("/{path}")) {
        Ok(_) if !path.is_empty() => shorten(path),
        _ => "data".into(),
    }
}

fn env<'a>(walk: &mut Walk<'a>, field: &Field<'a>) -> Vec<EnvGrant> {
    if let DeValue::Table(table) = field.value {
        return values(walk, field, table);
    }
    let Some(items) = list(walk, field, &ENV, MOST_ENV) else {
        return Vec::new();
    };
    let mut names: Vec<Text<'a>> = Vec::new();
    for item in items {
        let Some(name) = walk.string(&field.item(item), &NAME) else {
            continue;
        };
        if let Some(problem) = no_name(name.value) {
            walk.push(problem.at(name.span));
            continue;
        }
        match names.iter().find(|other| other.value == name.value) {
            Some(first) => {
                let message = format!("variable `{}` is there twice", shorten(name.value));
                walk.push(
                    Problem::error("allow::twice", message)
                        .at(name.span)
                        .label("the second one")
                        .related(first.span.clone(), "the first one")
                        .help("remove one of them"),
                );
            }
            None => names.push(name),
        }
    }
    let passed = |name: Text<'_>| EnvGrant {
        name: name.value.to_owned(),
        value: None,
    };
    names.into_iter().map(passed).collect()
}

/// Variables with values of their own.
fn values<'a>(walk: &mut Walk<'a>, field: &Field<'a>, table: &'a DeTable<'a>) -> Vec<EnvGrant> {
    if too_many(walk, field, table.len(), MOST_ENV) {
        return Vec::new();
    }
    let mut env = Vec::new();
    for field in Table::new("`allow.env`", "allow.env.", table).take_all() {
        let problem = no_name(field.key);
        let sound = problem.is_none();
        if let Some(problem) = problem {
            walk.push(problem.at(field.key_span.clone()));
        }
        let Some(value) = walk.string(&field, &VALUE) else {
            continue;
        };
        if value.value.contains('\0') {
            let message = format!("{} has a zero byte in it", field.title());
            walk.push(
                Problem::error("allow::env", message)
                    .at(value.span)
                    .label("no environment can hold this")
                    .help("write it without `\\u0000`"),
            );
        } else if sound {
            env.push(EnvGrant {
                name: field.key.to_owned(),
                value: Some(value.value.to_owned()),
            });
        }
    }
    env
}

/// What is wrong with a variable's name.
fn no_name(name: &str) -> Option<Problem> {
    let error = capability::variable_name(name).err()?;
    let help = match name.split_once('=') {
        Some((key, value)) => {
            let (key, value) = (shorten(key), shorten(value));
            format!("write `env = {{ {key} = \"{value}\" }}` to give it a value")
        }
        None => format!("write `env = {}`", ENV.example),
    };
    let problem = Problem::error("allow::env", error.to_string());
    Some(problem.label("expected the name of a variable").help(help))
}

/// The items of a list that has at most so many.
fn list<'a>(
    walk: &mut Walk<'a>,
    field: &Field<'a>,
    kind: &Kind,
    most: usize,
) -> Option<impl Iterator<Item = &'a Spanned<DeValue<'a>>> + use<'a>> {
    let DeValue::Array(list) = field.value else {
        return walk.wrong_type(field, kind);
    };
    (!too_many(walk, field, list.len(), most)).then(|| list.iter())
}

fn too_many(walk: &mut Walk<'_>, field: &Field<'_>, count: usize, most: usize) -> bool {
    if count > most {
        let message = format!("{} has {count} entries", field.title());
        let problem = Problem::error("config::range", message).at(field.key_span.clone());
        walk.push(problem.label(format!("expected at most {most}")));
    }
    count > most
}
