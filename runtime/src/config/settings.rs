//! `[runtime]`, and the environment variables that override it.

use std::{
    collections::BTreeMap, num::NonZeroU32, ops::RangeInclusive, path::Path, path::PathBuf,
    time::Duration,
};

use cronlet_core::{
    plan::Settings,
    schedule::Zone,
    units::{format_duration, parse_duration},
};

use super::{
    history,
    problem::Problem,
    table::{Field, Kind, Table, Walk, shorten},
    zone,
};

/// The keys of `[runtime]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Runtime {
    pub(super) plugins: PathBuf,
    pub(super) database: PathBuf,
    /// That of the jobs that name none.
    pub(super) zone: Zone,
    pub(super) settings: Settings,
}

/// The code of a problem that is in the environment, and not in the file.
pub const ENVIRONMENT: &str = "config::environment";

/// The environment variables that are looked at, by name.
pub type Environment = BTreeMap<String, String>;

const TIMEZONE: (&str, &str) = ("timezone", "CRONLET_TIMEZONE");
const PLUGINS: (&str, &str) = ("plugins", "CRONLET_PLUGINS");
const DATABASE: (&str, &str) = ("database", "CRONLET_DATABASE");
const MAX_CONCURRENT_RUNS: (&str, &str) = ("max_concurrent_runs", "CRONLET_MAX_CONCURRENT_RUNS");
const SHUTDOWN_GRACE: (&str, &str) = ("shutdown_grace", "CRONLET_SHUTDOWN_GRACE");
const HISTORY: &str = "history";

/// The keys of the table, for advice.
pub(super) const KEYS: [&str; 6] = [
    TIMEZONE.0,
    PLUGINS.0,
    DATABASE.0,
    MAX_CONCURRENT_RUNS.0,
    SHUTDOWN_GRACE.0,
    HISTORY,
];

pub(super) const CONCURRENT_RUNS: RangeInclusive<u32> = 1..=10_000;
pub(super) const GRACE: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_hours(24);

impl Runtime {
    /// What holds when nothing is written, for a file in `folder`.
    pub(super) fn new(folder: &Path) -> Self {
        Self {
            plugins: folder.join("plugins"),
            database: folder.join("cronlet.db"),
            zone: Zone::UTC,
            settings: Settings::default(),
        }
    }

    /// Reads the table. Relative paths are relative to `folder`.
    pub(super) fn read<'a>(&mut self, walk: &mut Walk<'a>, table: &mut Table<'a>, folder: &Path) {
        if let Some(field) = table.take(TIMEZONE.0) {
            self.zone = walk.zone(&field).unwrap_or_default();
        }
        let mut path = |walk: &mut Walk<'a>, key, example, place: &mut PathBuf| {
            let field = table.take(key)?;
            *place = folder.join(walk.path(&field, &Kind::quoted("a path", example))?);
            Some(())
        };
        path(walk, PLUGINS.0, "\"plugins\"", &mut self.plugins);
        path(walk, DATABASE.0, "\"cronlet.db\"", &mut self.database);
        if let Some(field) = table.take(MAX_CONCURRENT_RUNS.0) {
            let kind = Kind::number("a whole number", "64");
            let runs = walk.integer(&field, &kind, CONCURRENT_RUNS);
            if let Some(runs) = runs.and_then(NonZeroU32::new) {
                self.settings.max_concurrent_runs = runs;
            }
        }
        if let Some(field) = table.take(SHUTDOWN_GRACE.0) {
            let kind = Kind::measure("a duration", "\"30s\"", "s");
            if let Some(grace) = walk.duration(&field, &kind, GRACE) {
                self.settings.shutdown_grace = grace;
            }
        }
        if let Some(field) = table.take(HISTORY) {
            history::read(walk, &field, &mut self.settings.history);
        }
    }

    /// Applies the environment. Its relative paths are relative to the working directory, as in
    /// every other program.
    pub(super) fn override_by(&mut self, environment: &Environment, problems: &mut Vec<Problem>) {
        let set = |(_, name): (&str, &'static str)| environment.get(name).map(|text| (name, text));
        for (key, place) in [(PLUGINS, &mut self.plugins), (DATABASE, &mut self.database)] {
            match set(key) {
                Some((name, text)) if text.is_empty() => {
                    problems.push(bad_variable(name, text, "a path"));
                }
                Some((_, text)) => *place = PathBuf::from(text),
                None => {}
            }
        }
        if let Some((name, text)) = set(TIMEZONE) {
            match zone::named(text) {
                Ok(zone) => self.zone = zone,
                Err(problem) => {
                    let bad = bad_variable(name, text, "the name of a time zone");
                    // What somebody may have meant helps more than that it can be unset.
                    let help = problem.help.filter(|_| !text.is_empty());
                    problems.push(bad.maybe_help(help));
                }
            }
        }
        if let Some((name, text)) = set(MAX_CONCURRENT_RUNS) {
            let runs = text
                .parse()
                .ok()
                .filter(|runs| CONCURRENT_RUNS.contains(runs));
            if let Some(runs) = runs.and_then(NonZeroU32::new) {
                self.settings.max_concurrent_runs = runs;
            } else {
                let (least, most) = (CONCURRENT_RUNS.start(), CONCURRENT_RUNS.end());
                let expected = format!("a whole number from {least} to {most}");
                problems.push(bad_variable(name, text, &expected));
            }
        }
        if let Some((name, text)) = set(SHUTDOWN_GRACE) {
            let grace = parse_duration(text).ok();
            if let Some(grace) = grace.filter(|grace| GRACE.contains(grace)) {
                self.settings.shutdown_grace = grace;
            } else {
                let most = format_duration(*GRACE.end());
                let expected = format!("a duration of at most {most}, such as `30s`");
                problems.push(bad_variable(name, text, &expected));
            }
        }
    }
}

impl<'a> Walk<'a> {
    /// A path that is not empty.
    fn path(&mut self, field: &Field<'a>, kind: &Kind) -> Option<&'a str> {
        let text = self.string(field, kind)?;
        if text.value.is_empty() {
            let problem = Problem::error("config::value", format!("`{}` is empty", field.path))
                .at(text.span)
                .label("expected a path")
                .help(format!("write `{} = {}`", field.key, kind.example));
            self.push(problem);
            return None;
        }
        Some(text.value)
    }
}

/// A variable is no place in the file, so its message says all there is.
fn bad_variable(name: &str, text: &str, expected: &str) -> Problem {
    let value = match text {
        "" => "empty".to_owned(),
        text => format!("`{}`", shorten(text)),
    };
    let message = format!("the environment variable `{name}` is {value}, expected {expected}");
    Problem::error(ENVIRONMENT, message).help(format!("set `{name}` to another value, or unset it"))
}
