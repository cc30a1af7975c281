//! `cronlet check`: is the file sound, are its components, and does it say what was meant?

use std::{
    collections::BTreeMap,
    io::{self, Write},
    path::{Path, PathBuf},
};

use cronlet_core::catalog::{Catalog, Loaded, Unusable};
use jiff::Timestamp;

use super::{
    counted::counted,
    diagnostics::{self, Style},
    late::{self, Late},
};
use crate::{
    config::{self, Draft, Environment, Problems, Severity},
    engine::reload::directories,
};

/// Validates the schedules file and its components
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cronlet check                     the configured file
  cronlet check new.toml            another one, before it takes its place
  cronlet check --strict            in a pipeline: warnings count, too
  cronlet check --json | jq '.[].message'

All problems are told at once, each with its line and what to type. An error makes the file
unusable, which is exit code 2. A warning is about a sound file that may not say what was meant.
While no daemon runs, it also says what a start now would catch up on: `a start now would run 1 of 31
late instants of ...`. That is no problem, and no warning; in the JSON its `severity` is `note`.")]
pub struct Args {
    /// The file to check, if not the configured one
    pub file: Option<PathBuf>,
    /// Make warnings count: exit with 1 if there are any
    #[arg(long)]
    pub strict: bool,
}

/// What a check is given besides its arguments.
#[derive(Clone, Copy)]
pub struct Options<'a> {
    /// The file.
    pub file: &'a Path,
    /// Whether warnings count.
    pub strict: bool,
    /// Whether to write JSON.
    pub json: bool,
    /// How problems are drawn.
    pub style: Style,
    /// The variables that override keys of the file.
    pub environment: &'a Environment,
    /// Where "in the past" ends.
    pub now: Timestamp,
    /// What a daemon that is started now would catch up on, by a file that is sound.
    pub late: &'a dyn Fn(&Draft) -> Vec<Late>,
}

/// How a check ended.
#[derive(Clone, Debug)]
pub struct Ended {
    /// The exit code.
    pub code: u8,
    /// What to write as JSON, if that was asked for.
    pub document: Option<serde_json::Value>,
}

/// Where a check writes for people: data, and everything else.
pub struct Streams<'a> {
    pub out: &'a mut dyn Write,
    pub err: &'a mut dyn Write,
}

/// Warnings, when they count.
const WARNED: u8 = 1;
/// The file is not sound.
const REFUSED: u8 = 2;

/// Checks the file. `load` looks at one component.
pub fn run(
    options: &Options<'_>,
    load: impl FnMut(&Path) -> Result<Loaded, Unusable>,
    streams: &mut Streams<'_>,
) -> io::Result<Ended> {
    let (draft, problems) = examine(options, load);
    let errors = problems.as_ref().map_or(0, |it| it.count(Severity::Error));
    let sound = draft.filter(|_| errors == 0);
    let late = sound.as_ref().map_or_else(Vec::new, options.late);
    let document = options.json.then(|| {
        let name = options.file.to_string_lossy();
        let notes = late.iter().map(|late| late.to_json(&name));
        diagnostics::objects(problems.as_ref())
            .chain(notes)
            .collect()
    });
    if !options.json {
        if let Some(problems) = &problems {
            let picture = diagnostics::render(problems, options.style);
            write!(streams.err, "{picture}")?;
        }
        if let Some(draft) = &sound {
            writeln!(streams.out, "{}", verdict(draft, problems.as_ref()))?;
        }
        for line in late::lines(&late) {
            writeln!(streams.err, "{line}")?;
        }
    }
    let code = match &problems {
        _ if errors > 0 => REFUSED,
        Some(_) if options.strict => WARNED,
        _ => 0,
    };
    Ok(Ended { code, document })
}

/// Everything that is wrong with the file, its components and its meaning.
fn examine(
    options: &Options<'_>,
    load: impl FnMut(&Path) -> Result<Loaded, Unusable>,
) -> (Option<Draft>, Option<Problems>) {
    let text = match config::read(options.file) {
        Ok(text) => text,
        Err(problems) => return (None, Some(problems)),
    };
    let name = options.file.to_string_lossy();
    let (draft, problems) = config::survey(&name, &text, options.environment);
    let broken = problems.is_some();
    let draft = draft.look_for_plugins();
    let catalog = catalog(&draft, load);
    let components = draft.unusable(&catalog, Severity::Error);
    // A lint about a file that is not sound would be about what could be read of it.
    let lints = if broken {
        [None, None]
    } else {
        [draft.lint(options.now), draft.lint_grants(&catalog)]
    };
    let all = [problems, components].into_iter().chain(lints).flatten();
    let all = all.flat_map(Problems::into_vec).collect();
    let problems = Problems::new(draft.source(), all);
    (Some(draft), problems)
}

/// Each component and each directory that `draft` refers to, looked at once.
pub fn catalog(draft: &Draft, mut load: impl FnMut(&Path) -> Result<Loaded, Unusable>) -> Catalog {
    let references = draft.references().into_iter();
    let components: BTreeMap<_, _> = references
        .map(|reference| (reference.written, load(&reference.path)))
        .collect();
    Catalog {
        components,
        directories: directories(draft),
        ..Catalog::default()
    }
}

/// "schedules.toml: 3 jobs, 2 plugins, no problems".
fn verdict(draft: &Draft, warnings: Option<&Problems>) -> String {
    let jobs = counted(draft.len(), "job");
    let plugins = counted(draft.references().len(), "plugin");
    let warnings = match warnings {
        Some(warnings) => counted(warnings.count(Severity::Warning), "warning"),
        None => "no problems".to_owned(),
    };
    format!("{}: {jobs}, {plugins}, {warnings}", draft.source().name())
}

#[cfg(test)]
mod hostile;
#[cfg(test)]
mod tests;
