//! From a path, or from bytes, to text.

use std::{
    fs::{self, File},
    io::{self, Read as _},
    path::Path,
};

use super::{
    problem::{Problem, Problems},
    source::Source,
};

/// The largest schedules file. It bounds what a wrong path such as `/dev/zero` can cost.
pub(super) const MAX_LEN: u64 = 8 << 20;

/// The text of the schedules file at `path`.
pub fn read(path: &Path) -> Result<String, Problems> {
    let name = path.to_string_lossy();
    let unreadable = |error: &io::Error| unreadable(&name, error);
    let file = File::open(path).map_err(|error| unreadable(&error))?;
    let mut bytes = Vec::new();
    file.take(MAX_LEN + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| unreadable(&error))?;
    decode(&name, bytes)
}

/// The same, of a file that can be read again and again: a pipe would be waited for.
pub(super) fn read_regular(path: &Path) -> Result<String, Problems> {
    let special = fs::metadata(path).is_ok_and(|data| !data.is_file() && !data.is_dir());
    if special {
        let name = path.to_string_lossy();
        let message = format!("`{name}` is not a file that can be read again");
        let problem = Problem::error("config::unreadable", message)
            .help("write the schedules into a file, and name that");
        return Err(Problems::one(&Source::new(&name, ""), problem));
    }
    read(path)
}

/// The text that `bytes` are.
///
/// A byte of zero is in no text. It is in every binary file, in UTF-16, and in a file that a crash left
/// with its length and without its contents.
pub fn decode(name: &str, bytes: Vec<u8>) -> Result<String, Problems> {
    if bytes.len() as u64 > MAX_LEN {
        let problem = Problem::error(
            "config::too-large",
            format!("`{name}` is larger than 8 MiB"),
        )
        .help("name the schedules file with `--config FILE`");
        return Err(Problems::one(&Source::new(name, ""), problem));
    }
    if let Some(problem) = no_text(name, &bytes) {
        return Err(Problems::one(&Source::new(name, ""), problem));
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        // Each bad byte becomes a replacement character, so all before it stays where it is.
        let lossy = String::from_utf8_lossy(error.as_bytes());
        let source = Source::new(name, &lossy);
        let start = valid.min(source.text().len());
        let end = source.text().ceil_char_boundary(start + 1);
        let problem = Problem::error("toml::encoding", "file is not UTF-8")
            .at(start..end)
            .label(format!("byte {valid} is not valid"))
            .help("save the file as UTF-8");
        Problems::one(&source, problem)
    })
}

/// What is wrong with a file that no editor would show as text.
fn no_text(name: &str, bytes: &[u8]) -> Option<Problem> {
    let zero = bytes.iter().position(|byte| *byte == 0)?;
    let (what, help) = if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        ("is UTF-16".to_owned(), "save the file as UTF-8")
    } else if bytes.starts_with(b"\0asm") {
        (
            "is WebAssembly and no schedules file".to_owned(),
            "name the file in TOML whose jobs say `plugin = …`",
        )
    } else {
        (
            format!("is no text: byte {zero} is zero"),
            "save the file anew as UTF-8, or name another with `--config FILE`",
        )
    };
    let problem = Problem::error("toml::encoding", format!("`{name}` {what}"));
    Some(problem.help(help))
}

fn unreadable(name: &str, error: &io::Error) -> Problems {
    let (message, help) = match error.kind() {
        io::ErrorKind::NotFound => (
            format!("there is no file `{name}`"),
            "create it, or name another with `--config FILE`",
        ),
        io::ErrorKind::IsADirectory => (format!("`{name}` is a folder"), "name the file in it"),
        _ => (
            format!("cannot read `{name}`: {error}"),
            "let the user that runs cronlet read it",
        ),
    };
    let problem = Problem::error("config::unreadable", message).help(help);
    Problems::one(&Source::new(name, ""), problem)
}
