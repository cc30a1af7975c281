//! The house rules that a compiler does not hold: which room may know which, who may print, and how
//! large a room gets.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// `(room, what it may name)` under `runtime/src`. The core is below all of them; `main` and `lib` are
/// above.
const MAY_USE: &[(&str, &[&str])] = &[
    ("config", &[]),
    ("sandbox", &[]),
    ("store", &[]),
    ("engine", &["config", "sandbox", "store"]),
    ("api", &["config", "sandbox", "store", "engine"]),
    ("cli", &["config", "sandbox", "store", "engine", "api"]),
];

/// Only this room may name this crate.
const ONLY_IN: &[(&str, &str)] = &[
    ("wasmtime", "sandbox"),
    ("wasmtime_wasi", "sandbox"),
    ("rusqlite", "store"),
    ("toml", "config"),
    ("notify", "config"),
    ("axum", "api"),
    ("hyper", "api"),
    ("clap", "cli"),
    ("annotate_snippets", "cli"),
];

/// Lines of a file without its tests. Most are far below; a file that reaches this wants a wall.
const MAX_LINES: usize = 400;

/// Rooms that decay in every project of this kind, kept smaller.
const SMALL: &[(&str, usize)] = &[
    ("runtime/src/engine/perform.rs", 250),
    ("runtime/src/cli/serve/start.rs", 250),
    ("runtime/src/main.rs", 40),
];

/// Names that say nothing about what is in the file.
const EMPTY_NAMES: &[&str] = &[
    "imp.rs",
    "util.rs",
    "utils.rs",
    "common.rs",
    "helpers.rs",
    "types.rs",
];

/// What is never left in the code. Split, so that this file does not find itself.
const LEFTOVERS: &[&str] = &["todo!(", "unimplemented!(", "FIXME", "XXX"];

struct Source {
    /// From the repository's root, with forward slashes.
    path: String,
    text: String,
    /// It is compiled for tests only.
    is_test: bool,
}

impl Source {
    /// The text before the inline tests.
    fn code(&self) -> &str {
        self.text
            .split("\n#[cfg(test)]\nmod tests {")
            .next()
            .unwrap_or_default()
    }

    /// The room under `runtime/src`.
    fn room(&self) -> Option<&str> {
        let rest = self.path.strip_prefix("runtime/src/")?;
        rest.split_once('/').map(|(room, _)| room)
    }

    /// Where the modules lie that it declares for tests only.
    fn test_modules(&self) -> Vec<String> {
        let (folder, name) = self.path.rsplit_once('/').unwrap_or(("", &self.path));
        let folder = match name.trim_end_matches(".rs") {
            "mod" | "lib" | "main" => folder.to_owned(),
            name => format!("{folder}/{name}"),
        };
        let declarations = self.text.split("\n#[cfg(test)]\n").skip(1);
        declarations
            .filter_map(|text| {
                let line = text.lines().next()?;
                let name = line.strip_suffix(';')?.rsplit_once("mod ")?.1;
                Some(format!("{folder}/{name}"))
            })
            .collect()
    }
}

fn root() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    root.expect("the tests package lies in the repository")
        .to_owned()
}

/// Every Rust file of the repository.
fn sources() -> Vec<Source> {
    let mut folders = vec![root()];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of the repository can be read") {
            let path = entry.expect("so can its entries").path();
            let name = path
                .file_name()
                .and_then(|name| name.to_str())
                .unwrap_or_default();
            if path.is_dir() {
                if name != "target" && !name.starts_with('.') {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let relative = path.strip_prefix(root()).expect("it lies below the root");
                sources.push(Source {
                    path: relative.to_string_lossy().replace('\\', "/"),
                    text: fs::read_to_string(&path).expect("a source is UTF-8"),
                    is_test: false,
                });
            }
        }
    }
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(sources.len() > 30, "the repository's sources were found");
    let tests: Vec<_> = sources.iter().flat_map(Source::test_modules).collect();
    for source in &mut sources {
        let path = &source.path;
        let declared = |module: &String| {
            path.strip_prefix(module.as_str())
                .is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
        };
        source.is_test =
            path.starts_with("tests/") || path.contains("/tests/") || tests.iter().any(declared);
    }
    sources
}

/// Fails with all of them.
fn report(what: &str, mut findings: Vec<String>) {
    findings.sort();
    assert!(findings.is_empty(), "{what}:\n  {}", findings.join("\n  "));
}

/// The rooms that a file names: `crate::config::…` and `crate::{config::…, store}`.
fn rooms_named(code: &str) -> Vec<String> {
    let mut rooms = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        if code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '$') {
            continue;
        }
        let rest = &code[at + "crate::".len()..];
        if let Some(group) = rest.strip_prefix('{') {
            rooms.extend(first_names(group));
        } else {
            rooms.push(word(rest));
        }
    }
    rooms
}

fn word(text: &str) -> String {
    text.chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect()
}

/// The names at the first level of `{a::b, c::{d, e}}`, given what follows the brace.
fn first_names(group: &str) -> Vec<String> {
    let (mut depth, mut begins, mut names) = (0, true, Vec::new());
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => begins = true,
            c if depth == 0 && begins && c.is_alphabetic() => {
                names.push(word(&group[at..]));
                begins = false;
            }
            _ => {}
        }
    }
    names
}

#[test]
fn the_order_of_the_rooms_is_one_way() {
    assert_eq!(
        rooms_named("use crate::{a::{b, c}, d};\ncrate::e::f()"),
        ["a", "d", "e"]
    );
    let mut findings = Vec::new();
    for source in sources() {
        let Some(room) = source.room() else { continue };
        let Some((_, allowed)) = MAY_USE.iter().find(|(name, _)| *name == room) else {
            findings.push(format!(
                "{}: `{room}` is not a room of the table",
                source.path
            ));
            continue;
        };
        for named in rooms_named(&source.text) {
            let known = MAY_USE.iter().any(|(name, _)| *name == named);
            if known && named != room && !allowed.contains(&named.as_str()) {
                findings.push(format!("{}: {room} must not know {named}", source.path));
            }
        }
    }
    report("rooms that know too much", findings);
}

#[test]
fn each_library_is_known_to_one_room() {
    let mut findings = Vec::new();
    for source in sources() {
        let Some(room) = source.room() else { continue };
        for (library, home) in ONLY_IN {
            let names = source
                .code()
                .match_indices(&format!("{library}::"))
                .any(|(at, _)| {
                    !source.code()[..at]
                        .ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':')
                });
            if names && room != *home && !source.is_test {
                findings.push(format!("{}: only {home} knows {library}", source.path));
            }
        }
    }
    report("libraries out of their room", findings);
}

#[test]
fn files_stay_small() {
    let mut findings = Vec::new();
    for source in sources() {
        let lines = source.code().lines().count();
        let small = SMALL.iter().find(|(path, _)| *path == source.path);
        let max = small.map_or(MAX_LINES, |(_, max)| *max);
        if !source.is_test && lines > max {
            findings.push(format!("{}: {lines} lines, at most {max}", source.path));
        }
    }
    report("files that want a wall", findings);
}

#[test]
fn every_file_says_what_it_is_for() {
    let findings = sources()
        .into_iter()
        // A plugin's face is its job's own doc comment, and tests speak for themselves.
        .filter(|source| !source.is_test && !source.path.starts_with("plugins/"))
        .filter(|source| !source.text.starts_with("//!"))
        .map(|source| source.path)
        .collect();
    report("files that do not begin with a doc comment", findings);
}

#[test]
fn names_say_something_and_nothing_is_left_over() {
    let mut findings = Vec::new();
    for source in sources() {
        if EMPTY_NAMES
            .iter()
            .any(|name| source.path.ends_with(&format!("/{name}")))
        {
            findings.push(format!("{}: a name that says nothing", source.path));
        }
        if source.path == "tests/suite/tidy.rs" {
            continue;
        }
        for leftover in LEFTOVERS
            .iter()
            .filter(|leftover| source.text.contains(*leftover))
        {
            findings.push(format!("{}: `{leftover}`", source.path));
        }
    }
    report("what does not belong", findings);
}

#[test]
fn what_the_architecture_names_is_there() {
    let read = |name: &str| fs::read_to_string(root().join(name)).expect(name);
    let text = read("ARCHITECTURE.md");
    let mut findings = Vec::new();
    let mut seen = 0;
    // What stands between backticks is every second piece.
    for name in text.split('`').skip(1).step_by(2) {
        let path = match name.split_once('/') {
            Some(("suite", rest)) => format!("tests/suite/{rest}"),
            Some(("core", rest)) => format!("runtime/core/{rest}"),
            Some(("sandbox" | "config" | "cli" | "store", _)) => format!("runtime/src/{name}"),
            Some(_) => name.to_owned(),
            None => continue,
        };
        // `core/src/engine/{event,effect}.rs` is more than one.
        if path.contains(['{', ' ']) {
            continue;
        }
        seen += 1;
        if !root().join(&path).exists() {
            findings.push(format!("there is no `{path}`"));
        }
    }
    assert!(seen > 40, "only {seen} paths were found");
    for entry in fs::read_dir(root()).expect("the repository can be read") {
        let entry = entry.expect("so can its entries");
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_room = entry.path().is_dir() && !name.starts_with('.') && name != "target";
        if is_room && name != "runtime" && !text.contains(&format!("| `{name}` |")) {
            findings.push(format!("`{name}` is no row of the table"));
        }
    }
    for (room, _) in MAY_USE {
        if !text.contains(&format!("| `runtime/src/{room}` |")) {
            findings.push(format!("`{room}` is no row of the table"));
        }
    }
    report("ARCHITECTURE.md", findings);
}
