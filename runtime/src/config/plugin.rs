//! `plugin` and `sha256`: which component a job runs, as far as the text says.

use std::{ops::Range, path::Path, path::PathBuf};

use cronlet_core::digest::Digest;

use super::{
    aliases,
    problem::Problem,
    suggest::closest,
    table::{Field, Kind, Marked, Table, Walk, shorten},
    text::Text,
};

const PLUGIN: Kind = Kind::quoted("a string", "\"hello\"");
const SHA256: Kind = Kind::quoted("a string", "\"…\"");

/// A component as a file refers to it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    /// As written: `hello`, `./hello.wasm`.
    pub written: String,
    /// The file that is meant.
    pub path: PathBuf,
}

/// The component of a job.
#[derive(Clone, Debug)]
pub(super) struct Plugin {
    pub(super) reference: Reference,
    pub(super) span: Range<usize>,
    /// The only component that will do.
    pub(super) sha256: Option<Marked<Digest>>,
}

/// Where references lead.
pub(super) struct Folders<'a> {
    /// Of the schedules file.
    pub(super) file: &'a Path,
    /// `[runtime] plugins`.
    pub(super) plugins: &'a Path,
}

/// Reads the two keys. `header` is the name of the job, for the case that it has no plugin.
pub(super) fn read<'a>(
    walk: &mut Walk<'a>,
    table: &mut Table<'a>,
    header: &Field<'a>,
    folders: &Folders<'_>,
) -> Option<Plugin> {
    let (plugin, sha256) = (table.take("plugin"), table.take("sha256"));
    let sha256 = sha256.and_then(|field| self::sha256(walk, &field));
    let Some(plugin) = plugin else {
        // Where it is only misspelled, that is what is said.
        if !table.has(means_plugin) {
            missing(walk, header);
        }
        return None;
    };
    let text = walk.string(&plugin, &PLUGIN)?;
    let Some(path) = path(text.value, folders) else {
        walk.push(no_reference(&text));
        return None;
    };
    Some(Plugin {
        reference: Reference {
            written: text.value.to_owned(),
            path,
        },
        span: text.span,
        sha256,
    })
}

/// Whether a key is `plugin` with another name.
fn means_plugin(key: &str) -> bool {
    closest(key, ["plugin"]).is_some() || aliases::of(key).is_some_and(|it| it.contains("`plugin"))
}

fn missing(walk: &mut Walk<'_>, header: &Field<'_>) {
    let problem = Problem::error(
        "config::missing-key",
        format!("job `{}` has no `plugin`", shorten(header.key)),
    );
    walk.push(
        problem
            .at(header.key_span.clone())
            .label("nothing says what this job runs")
            .help("write `plugin = \"NAME\"` for NAME.wasm in the plugins folder, or `plugin = \"./path/to/file.wasm\"`"),
    );
}

/// The file that a reference means.
fn path(written: &str, folders: &Folders<'_>) -> Option<PathBuf> {
    if written.contains("://") || written.starts_with('~') {
        return None;
    }
    let extension = Path::new(written).extension();
    if written.contains('/') || extension.is_some_and(|it| it == "wasm") {
        return Some(folders.file.join(written));
    }
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
    let bare = !written.is_empty() && written.chars().all(plain);
    bare.then(|| folders.plugins.join(format!("{written}.wasm")))
}

/// The names of the plugins in a folder; none if it cannot be read.
pub(super) fn names_in(folder: &Path) -> Vec<String> {
    let entries = folder.read_dir().into_iter().flatten().flatten();
    let paths = entries.map(|entry| entry.path());
    let mut names: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|it| it == "wasm"))
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .collect();
    names.sort();
    names
}

fn no_reference(text: &Text<'_>) -> Problem {
    let written = shorten(text.value);
    let message = if written.is_empty() {
        "`plugin` is empty".to_owned()
    } else {
        format!("`{written}` is not the name of a plugin")
    };
    let help = if written.is_empty() {
        "write `plugin = \"hello\"` for hello.wasm in the plugins folder".to_owned()
    } else if written.contains("://") {
        "get the file first, and write its path, such as `plugin = \"./hello.wasm\"`".to_owned()
    } else if written.starts_with('~') {
        "write the path without `~`: whole, or relative to this file".to_owned()
    } else if written.contains(char::is_whitespace) {
        "a job runs a component and no command: write `plugin = \"hello\"` for hello.wasm"
            .to_owned()
    } else {
        format!("for a file write its path, such as `plugin = \"./{written}.wasm\"`")
    };
    Problem::error("config::value", message)
        .at(text.span.clone())
        .label("expected small letters, digits, `_` and `-`, or a path")
        .help(help)
}

fn sha256<'a>(walk: &mut Walk<'a>, field: &Field<'a>) -> Option<Marked<Digest>> {
    let text = walk.string(field, &SHA256)?;
    if let Some(value) = Digest::from_hex(text.value) {
        let span = text.span;
        return Some(Marked { value, span });
    }
    let mut characters = text.value.char_indices();
    let (span, label) = match characters.find(|(_, c)| !c.is_ascii_hexdigit()) {
        Some((at, c)) => (
            text.part(at..at + c.len_utf8()),
            "expected a digit or a-f".to_owned(),
        ),
        None => (
            text.span.clone(),
            format!("expected 64 digits, not {}", text.value.len()),
        ),
    };
    walk.push(
        Problem::error("config::value", "`sha256` is not a SHA-256 in hexadecimal")
            .at(span)
            .label(label)
            .help("`sha256sum FILE.wasm` prints it"),
    );
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plugins_of_a_folder_are_its_components_by_name() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["y.wasm", "x.wasm", "x.toml"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        assert_eq!(names_in(folder.path()), ["x", "y"]);
        assert!(names_in(&folder.path().join("x.toml")).is_empty());
    }
}
