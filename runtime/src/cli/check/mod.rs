//! `cronlet check`: is the file sound, are its components, and does it say what was meant?

use std::{
    collections::BTreeMap,
    io::{self, Write},
    path::{Path, PathBuf},
};

use cronlet_core::catalog::{Catalog, Loaded, Unusable};
use jiff::Timestamp;

use super::diagnostics::{self, Style};
use crate::config::{self, Draft, Environment, Problems, Severity};

/// Validates the schedules file and its components
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// The file to check, if not the configured one
    pub file: Option<PathBuf>,
    /// Make warnings count: exit with 1 if there are any
    #[arg(long)]
    pub strict: bool,
}

/// What a check is given besides its arguments.
#[derive(Clone, Copy, Debug)]
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
}

/// Where a check writes: data, and everything else.
pub struct Streams<'a> {
    pub out: &'a mut dyn Write,
    pub err: &'a mut dyn Write,
}

/// Warnings, when they count.
const WARNED: u8 = 1;
/// The file is not sound.
const REFUSED: u8 = 2;

/// Checks the file and returns the exit code. `load` looks at one component.
pub fn run(
    options: &Options<'_>,
    load: impl FnMut(&Path) -> Result<Loaded, Unusable>,
    streams: &mut Streams<'_>,
) -> io::Result<u8> {
    let (draft, problems) = examine(options, load);
    if options.json {
        let json = diagnostics::to_json(problems.as_ref());
        writeln!(streams.out, "{json:#}")?;
    } else if let Some(problems) = &problems {
        write!(
            streams.err,
            "{}",
            diagnostics::render(problems, options.style)
        )?;
    }
    let errors = problems.as_ref().map_or(0, |it| it.count(Severity::Error));
    if errors > 0 {
        return Ok(REFUSED);
    }
    if let (false, Some(draft)) = (options.json, draft) {
        writeln!(streams.out, "{}", verdict(&draft, problems.as_ref()))?;
    }
    Ok(if options.strict && problems.is_some() {
        WARNED
    } else {
        0
    })
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
    let components = draft.unusable(&catalog(&draft, load), Severity::Error);
    // A lint about a file that is not sound would be about what could be read of it.
    let lints = if broken {
        None
    } else {
        draft.lint(options.now)
    };
    let all = [problems, components, lints].into_iter().flatten();
    let all = all.flat_map(Problems::into_vec).collect();
    let problems = Problems::new(draft.source(), all);
    (Some(draft), problems)
}

/// Each component that `draft` refers to, looked at once.
pub fn catalog(draft: &Draft, mut load: impl FnMut(&Path) -> Result<Loaded, Unusable>) -> Catalog {
    let references = draft.references().into_iter();
    let components: BTreeMap<_, _> = references
        .map(|reference| (reference.written, load(&reference.path)))
        .collect();
    Catalog {
        components,
        ..Catalog::default()
    }
}

/// "schedules.toml: 3 jobs, 2 plugins, no problems".
fn verdict(draft: &Draft, warnings: Option<&Problems>) -> String {
    let count = |n: usize, name: &str| format!("{n} {name}{}", if n == 1 { "" } else { "s" });
    let jobs = count(draft.len(), "job");
    let plugins = count(draft.references().len(), "plugin");
    let warnings = match warnings {
        Some(warnings) => count(warnings.count(Severity::Warning), "warning"),
        None => "no problems".to_owned(),
    };
    format!("{}: {jobs}, {plugins}, {warnings}", draft.source().name())
}

#[cfg(test)]
mod hostile;
#[cfg(test)]
mod tests;
