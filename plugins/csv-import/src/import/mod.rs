//! The import: each file, each row, each of them once.

mod file;

use std::{collections::BTreeSet, fs, io, path::Path};

use crate::{
    failure::Failure, output::Output, params::Layout, report::Report, seen::Seen, world::World,
};

use file::File;

/// Where it is written which attempts have left their keys in the state.
const WRITTEN: &str = "written";

/// A file to be read.
struct Source {
    name: String,
    size: u64,
}

/// What is done while files are read.
struct Import<'a, W> {
    world: &'a W,
    layout: &'a Layout,
    seen: Seen<'a, W>,
    output: Output,
    report: Report,
    /// The bytes of the files that are done, and of all.
    done: u64,
    total: u64,
}

/// Imports what is new, for a run and one of its attempts.
pub(crate) fn run(
    world: &impl World,
    layout: &Layout,
    run: &str,
    attempt: u32,
) -> Result<Report, Failure> {
    let sources = sources(world, &layout.input)?;
    let mut seen = Seen::open(world, layout)?;
    let output = Output::new(&layout.output, run, attempt);
    let before = world.recall(WRITTEN)?;
    let left = output.left(&written(before.as_deref()))?;
    let mut report = Report::default();
    for (key, own) in &left.keys {
        seen.adopt(*key)?;
        report.recovered += u64::from(*own);
    }
    let total = sources.iter().map(|source| source.size).sum();
    let mut import = Import {
        world,
        layout,
        seen,
        output,
        report,
        done: 0,
        total,
    };
    if let Err(failure) = import.files(&sources) {
        import.output.discard();
        return Err(failure);
    }
    import.finish(before.as_deref(), left.names)
}

/// The files, in the order of their names.
fn sources(world: &impl World, folder: &Path) -> Result<Vec<Source>, Failure> {
    let failed = |error: &io::Error| no_grant(folder, error);
    let mut sources = Vec::new();
    for entry in fs::read_dir(folder).map_err(|error| failed(&error))? {
        let entry = entry.map_err(|error| failed(&error))?;
        let Ok(name) = entry.file_name().into_string() else {
            world.warn("a file is left out whose name is not UTF-8");
            continue;
        };
        let is_csv = Path::new(&name)
            .extension()
            .is_some_and(|it| it.eq_ignore_ascii_case("csv"));
        if name.starts_with('.') || !is_csv {
            continue;
        }
        match fs::metadata(folder.join(&name)) {
            Ok(data) if data.is_file() => sources.push(Source {
                name,
                size: data.len(),
            }),
            Ok(_) => world.warn(&format!("`{name}` is left out: it is no file")),
            Err(error) => world.warn(&format!("`{name}` is left out: {error}")),
        }
    }
    sources.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(sources)
}

/// The attempts that are named in the state.
fn written(text: Option<&[u8]>) -> BTreeSet<String> {
    let names = text.and_then(|text| serde_json::from_slice(text).ok());
    names.unwrap_or_default()
}

impl<W: World> Import<'_, W> {
    fn files(&mut self, sources: &[Source]) -> Result<(), Failure> {
        for source in sources {
            let path = self.layout.input.join(&source.name);
            let file = match fs::File::open(&path) {
                Ok(file) => file,
                // It was there a moment ago.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(cannot_read(&source.name, &error)),
            };
            let counts = File::new(self, &source.name).read(file)?;
            self.report.add(&source.name, counts);
            self.done += source.size;
        }
        Ok(())
    }

    /// Tells how far it is, and asks whether to stop.
    fn look_up(&self, name: &str, position: u64) -> Result<(), Failure> {
        if self.world.cancelled() {
            let told = format!("stopped in `{name}`; nothing is imported");
            return Err(Failure::Cancelled(told));
        }
        // A file may have grown since it was measured.
        let done = (self.done + position).min(self.total);
        self.world.progress(done, self.total, name);
        Ok(())
    }

    /// Keeps what is new, unless too much is rejected. `before` are the attempts that the state names.
    fn finish(self, before: Option<&[u8]>, adopted: Vec<String>) -> Result<Report, Failure> {
        let Self {
            world,
            layout,
            seen,
            output,
            mut report,
            total,
            ..
        } = self;
        if report.counts.rejected > layout.max_rejected {
            output.discard();
            for rejection in &report.rejections {
                world.warn(&rejection.to_string());
            }
            return Err(report.too_many_rejected(layout.max_rejected));
        }
        world.progress(total, total, "");
        // Those of before have been taken away, so the list stays short.
        let names: Vec<_> = adopted.into_iter().chain(output.name()).collect();
        let kept = seen.keep().and_then(|()| remember(world, before, &names));
        if let Err(failure) = kept {
            output.discard();
            return Err(failure);
        }
        report.output = output.publish()?;
        Ok(report)
    }
}

fn remember(world: &impl World, before: Option<&[u8]>, names: &[String]) -> Result<(), Failure> {
    let after = serde_json::to_vec(names).unwrap_or_default();
    if before.unwrap_or(b"[]") == after {
        return Ok(());
    }
    world.remember(WRITTEN, before, Some(&after))
}

fn cannot_read(name: &str, error: &io::Error) -> Failure {
    Failure::io(format_args!("cannot read `{name}`"), error)
}

fn no_grant(folder: &Path, error: &io::Error) -> Failure {
    let folder = folder.display();
    Failure::never(
        "no-input",
        format!(
            "cannot read `{folder}`: {error}; grant it with \
             `dirs = [{{ host = \"…\", guest = \"{folder}\" }}]`"
        ),
    )
}

#[cfg(test)]
mod tests;
