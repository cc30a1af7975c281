//! Each mistake in a schedules file is two files: `tests/golden/config/NAME.toml`, and in
//! `NAME.stderr` what `cronlet check` says about it. `BLESS=1` writes the second one anew.
//!
//! A third file, `NAME.env`, has the environment, a variable a line. What is too large or too dull
//! to be kept as a file is made by [`MADE`].

use std::{
    collections::BTreeSet,
    env,
    ffi::OsStr,
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};
use cronlet_core::digest::Digest;

use crate::project::Project;

/// Plugins that are beside every case, in the text format of WebAssembly.
const COMPONENTS: [(&str, &str); 4] = [
    ("module", "(module)"),
    ("library", "(component)"),
    (
        "program",
        r#"(component (instance $i) (export "wasi:cli/run@0.2.3" (instance $i)))"#,
    ),
    (
        "mail",
        r#"(component
            (import "acme:mail/send@1.0.0" (instance (export "send" (func))))
            (instance $i)
            (export "cronlet:job/runner@0.1.0" (instance $i)))"#,
    ),
];

/// A name, and what makes the text.
type Made = (&'static str, fn() -> Vec<u8>);

/// Cases that are made here.
const MADE: [Made; 6] = [
    ("made_5_mib", five_mebibytes),
    ("made_9_mib", || vec![b'#'; 9 << 20]),
    ("made_deep_lists", || nested("x = ", "[", 100_000)),
    ("made_deep_keys", || nested("[jobs.a]\nx", ".a", 100_000)),
    ("made_long_line", long_line),
    ("made_many_mistakes", many_mistakes),
];

/// A file as it is written for a lot of jobs, with one mistake far down.
fn five_mebibytes() -> Vec<u8> {
    let mut text = String::new();
    let mut number = 0;
    while text.len() < 5 << 20 {
        let every = if number == 50_000 { "10 s" } else { "10s" };
        let _ = write!(
            text,
            "[jobs.job-{number}]\nplugin = \"hello\"\nevery = \"{every}\"\n\n"
        );
        number += 1;
    }
    text.into_bytes()
}

fn nested(begin: &str, piece: &str, depth: usize) -> Vec<u8> {
    format!("{begin}{}\n", piece.repeat(depth)).into_bytes()
}

fn long_line() -> Vec<u8> {
    let words = "word ".repeat(20_000);
    format!("[jobs.hello]\nplugin = \"hello\"\ndescription = \"{words}\" x\n").into_bytes()
}

fn many_mistakes() -> Vec<u8> {
    let jobs = (0..2000).map(|n| format!("[jobs.job-{n}]\nplugin = \"hello\"\nevery = {n}\n"));
    jobs.collect::<String>().into_bytes()
}

#[test]
fn every_mistake_is_told_as_its_golden_file_says() -> Result<()> {
    let bless = env::var_os("BLESS").is_some();
    let names = names("toml")?;
    ensure!(names.len() >= 40, "only {} cases were found", names.len());
    let mut wrong = Vec::new();
    for (name, text) in cases(&names)? {
        let said = check(&name, &text).with_context(|| name.clone())?;
        let golden = file(&name, "stderr");
        if bless {
            fs::write(&golden, &said)?;
        } else if fs::read_to_string(&golden).unwrap_or_default() != said {
            wrong.push(format!("{}\n{said}", golden.display()));
        }
    }
    ensure!(
        wrong.is_empty(),
        "BLESS=1 accepts what is said now:\n\n{}",
        wrong.join("\n")
    );
    Ok(())
}

#[test]
fn no_golden_file_is_left_without_its_case() -> Result<()> {
    let mut cases = names("toml")?;
    cases.extend(MADE.map(|(name, _)| name.to_owned()));
    for extension in ["stderr", "env"] {
        let left: Vec<_> = names(extension)?.difference(&cases).cloned().collect();
        ensure!(
            left.is_empty(),
            "{extension} files without a case: {left:?}"
        );
    }
    Ok(())
}

#[test]
fn marks_and_line_ends_of_other_systems_are_legal() -> Result<()> {
    let text = "\u{feff}# saved on Windows\r\n[jobs.hello]\r\nplugin = \"hello\"\r\n\
                description = \"\"\"\r\ntwo\r\nlines\"\"\"\r\nevery = \"10s\"\r\n";
    let project = Project::new(text, &[("hello", tests::HELLO)])?;
    let said = project.cronlet(&["check", "--strict"])?;
    ensure!(said.code == 0, "{said:?}");
    Ok(())
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/config")
}

fn file(name: &str, extension: &str) -> PathBuf {
    folder().join(name).with_extension(extension)
}

/// The names of the files with this extension.
fn names(extension: &str) -> Result<BTreeSet<String>> {
    let entries = folder().read_dir()?.collect::<io::Result<Vec<_>>>()?;
    let paths = entries.iter().map(fs::DirEntry::path);
    let names = paths
        .filter(|path| path.extension() == Some(OsStr::new(extension)))
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()));
    Ok(names.collect())
}

/// Every case with its text.
fn cases(names: &BTreeSet<String>) -> Result<Vec<(String, Vec<u8>)>> {
    let read = |name: &String| Ok((name.clone(), fs::read(file(name, "toml"))?));
    let mut cases = names.iter().map(read).collect::<Result<Vec<_>>>()?;
    cases.extend(MADE.map(|(name, make)| (name.to_owned(), make())));
    Ok(cases)
}

/// What is said about a case that stands as schedules.toml beside a folder of plugins.
fn check(name: &str, text: &[u8]) -> Result<String> {
    let project = Project::new("", &[("hello", tests::HELLO)])?;
    fs::write(project.path("schedules.toml"), text)?;
    write_plugins(&project)?;
    let mut command = project.command(&["check"]);
    for line in fs::read_to_string(file(name, "env"))
        .unwrap_or_default()
        .lines()
    {
        let (name, value) = line.split_once('=').context("a variable has a value")?;
        command.env(name, value);
    }
    let said = project.run(&mut command)?;
    let errors = said.err.lines().any(|line| line.starts_with("error"));
    ensure!(
        said.code == if errors { 2 } else { 0 },
        "it ended otherwise: {said:?}"
    );
    ensure!(
        !said.err.is_empty(),
        "a case is a mistake, and this is none"
    );
    // Another build of the job has another digest.
    let digest = Digest::of(&fs::read(tests::HELLO)?).to_string();
    Ok(said.err.replace(&digest, "[digest of hello]"))
}

/// A text, an empty file, half a component and one of a later format, beside [`COMPONENTS`].
fn write_plugins(project: &Project) -> Result<()> {
    let write = |name: &str, bytes: &[u8]| {
        let path = project.path("plugins").join(name).with_extension("wasm");
        fs::write(path, bytes).with_context(|| format!("write the plugin {name}"))
    };
    for (name, text) in COMPONENTS {
        write(name, &wat::parse_str(text)?)?;
    }
    let hello = fs::read(tests::HELLO)?;
    write("text", b"hello")?;
    write("nothing", b"")?;
    write("half", &hello[..hello.len() / 2])?;
    write("tomorrow", b"\0asm\x0e\0\x01\0")
}
