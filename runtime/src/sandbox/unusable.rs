//! What can be wrong with a component, as a sentence and what to do about it.

use std::{fmt::Display, io, path::Path};

use cronlet_core::catalog::Unusable;
use wasmtime::{Engine, component::Component};

use super::{clip, component::RUNNER};

/// How to build a job, for every case where the file is something else.
const BUILD: &str = "build it with `cargo build --target wasm32-wasip2`";

/// The first eight bytes: magic, version and layer.
const COMPONENT: &[u8; 8] = b"\0asm\x0d\0\x01\0";
const MODULE: &[u8; 8] = b"\0asm\x01\0\0\0";

/// The longest message of wasmtime's that is passed on, in bytes.
const REASON: usize = 1 << 10;

/// Refuses what is no component at all.
pub(super) fn check_header(bytes: &[u8]) -> Result<(), Unusable> {
    if bytes.starts_with(COMPONENT) {
        return Ok(());
    }
    let what = if bytes.is_empty() {
        "the file is empty"
    } else if bytes.starts_with(MODULE) {
        "it is a core WebAssembly module and not a component"
    } else if bytes.starts_with(&COMPONENT[..4]) {
        "it is WebAssembly of an unknown version"
    } else {
        "it is not WebAssembly"
    };
    Err(new("not-a-component", what, BUILD))
}

pub(super) fn not_read(path: &Path, error: &io::Error) -> Unusable {
    let path = path.display();
    match error.kind() {
        io::ErrorKind::NotFound => new(
            "missing",
            format_args!("there is no file `{path}`"),
            "build it, or correct its path",
        ),
        io::ErrorKind::IsADirectory => new(
            "unreadable",
            format_args!("`{path}` is not a file"),
            "name the `.wasm` file itself",
        ),
        _ => new(
            "unreadable",
            format_args!("`{path}` cannot be read: {error}"),
            "let the user who runs cronlet read it",
        ),
    }
}

pub(super) fn too_large(most: &str) -> Unusable {
    new(
        "too-large",
        format_args!("it is larger than {most}"),
        "build it in release mode and without debug information",
    )
}

pub(super) fn invalid(error: &wasmtime::Error) -> Unusable {
    Unusable {
        code: "invalid",
        message: format!("it is not valid: {}", one_line(error)),
        help: Some("build it again: it may have been copied only in part".to_owned()),
    }
}

/// The compiler panicked over it.
pub(super) fn panicked(said: &str) -> Unusable {
    Unusable {
        code: "invalid",
        message: format!("the compiler fails on it: {}", on_one_line(said)),
        help: Some("report it as a bug in cronlet, with the component".to_owned()),
    }
}

/// It lacks the export that makes it a job.
pub(super) fn not_a_job(engine: &Engine, component: &Component) -> Unusable {
    let ty = component.component_type();
    let mut names = ty.exports(engine).map(|(name, _)| name);
    let near = names
        .find(|name| name.starts_with("cronlet:job/runner@") || name.starts_with("wasi:cli/run@"));
    match near {
        Some(name) => new(
            "not-a-job",
            format_args!("it exports `{}` and not `{RUNNER}`", clipped(name)),
            if name.starts_with("wasi:") {
                "it is a program with a `main`: make it a library with a `#[job]` function"
            } else {
                "build it with the version of `cronlet-plugin` that belongs to this cronlet"
            },
        ),
        None => new(
            "not-a-job",
            format_args!("it does not export `{RUNNER}`"),
            "put `#[job]` of the crate `cronlet-plugin` on its function",
        ),
    }
}

/// It exports what makes it a job, with another type.
pub(super) fn wrong_type(error: &wasmtime::Error) -> Unusable {
    Unusable {
        code: "not-a-job",
        message: format!("its `{RUNNER}` has another type: {}", one_line(error)),
        help: Some("build it against the `wit/job.wit` of this cronlet".to_owned()),
    }
}

/// It asks for something that the host does not have.
pub(super) fn import(engine: &Engine, component: &Component, error: &wasmtime::Error) -> Unusable {
    let text = error.to_string();
    let ty = component.component_type();
    // wasmtime names the import in backticks, and says why below.
    let name = ty
        .imports(engine)
        .map(|(name, _)| name)
        .find(|name| text.contains(&format!("`{name}`")));
    let Some(name) = name else {
        return invalid(error);
    };
    let why = clip::text(error.root_cause().to_string(), REASON);
    let message = format!(
        "it imports `{}`, and this host has no such thing: {why}",
        clipped(name)
    );
    Unusable {
        code: "import",
        message,
        help: Some("a job may import WASI 0.2 without HTTP, and `cronlet:job@0.1.0`".to_owned()),
    }
}

fn new(code: &'static str, message: impl Display, help: &str) -> Unusable {
    Unusable {
        code,
        message: message.to_string(),
        help: Some(help.to_owned()),
    }
}

/// The whole chain of an error in one line.
fn one_line(error: &wasmtime::Error) -> String {
    on_one_line(&format!("{error:#}"))
}

fn on_one_line(text: &str) -> String {
    clip::text(
        text.split_whitespace().collect::<Vec<_>>().join(" "),
        REASON,
    )
}

/// A name from the component.
fn clipped(name: &str) -> String {
    clip::text(name.to_owned(), clip::NAME)
}
