//! Each mistake in a schedules file is two files: `tests/golden/config/NAME.toml`, and in
//! `NAME.stderr` what `cronlet check` says about it. `BLESS=1` writes the second one anew.

use std::{
    collections::BTreeMap,
    env, fs, io,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};
use cronlet::cli::{
    check::{self, Options, Streams},
    diagnostics::Style,
};
use cronlet_core::{
    catalog::{Loaded, Unusable},
    digest::Digest,
};

const COMPONENT: &[u8; 8] = b"\0asm\x0d\0\x01\0";
const MODULE: &[u8; 8] = b"\0asm\x01\0\0\0";

#[test]
fn every_mistake_is_told_as_its_golden_file_says() -> Result<()> {
    let bless = env::var_os("BLESS").is_some();
    let cases = cases()?;
    ensure!(cases.len() >= 12, "only {} cases were found", cases.len());
    let mut wrong = Vec::new();
    for case in cases {
        let said = check(&case).with_context(|| case.display().to_string())?;
        let golden = case.with_extension("stderr");
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
    for entry in folder().read_dir()? {
        let path = entry?.path();
        let case = path.with_extension("toml");
        ensure!(case.exists(), "{} has no case", path.display());
    }
    Ok(())
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/config")
}

fn cases() -> Result<Vec<PathBuf>> {
    let entries = folder().read_dir()?.collect::<io::Result<Vec<_>>>()?;
    let paths = entries.iter().map(fs::DirEntry::path);
    let mut cases: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|it| it == "toml"))
        .collect();
    cases.sort();
    Ok(cases)
}

/// What is said about a case that stands as schedules.toml beside a folder of plugins.
fn check(case: &Path) -> Result<String> {
    let project = tempfile::tempdir()?;
    let file = project.path().join("schedules.toml");
    fs::copy(case, &file)?;
    let plugins = project.path().join("plugins");
    fs::create_dir(&plugins)?;
    fs::write(plugins.join("hello.wasm"), COMPONENT)?;
    fs::write(plugins.join("module.wasm"), MODULE)?;
    fs::write(plugins.join("text.wasm"), "hello")?;

    let options = Options {
        file: &file,
        strict: false,
        json: false,
        style: Style {
            color: false,
            width: 100,
        },
        environment: &BTreeMap::new(),
        now: "2026-03-01T00:00:00Z".parse()?,
    };
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut streams = Streams {
        out: &mut out,
        err: &mut err,
    };
    let code = check::run(&options, load, &mut streams)?;
    let said = String::from_utf8(err)?;
    let errors = said.lines().any(|line| line.starts_with("error"));
    ensure!(
        code == if errors { 2 } else { 0 },
        "it ended with {code}:\n{said}"
    );
    ensure!(
        !said.is_empty(),
        "a case is something to say, and this has nothing"
    );
    let here = format!("{}/", project.path().display());
    let digest = Digest::of(COMPONENT).to_string();
    Ok(said
        .replace(&here, "")
        .replace(&digest, "[digest of hello]"))
}

/// Says what the sandbox says, going by the first bytes alone.
fn load(path: &Path) -> Result<Loaded, Unusable> {
    let unusable = |code, message: String, help: &str| Unusable {
        code,
        message,
        help: Some(help.to_owned()),
    };
    let Ok(bytes) = fs::read(path) else {
        let message = format!("there is no file `{}`", path.display());
        return Err(unusable(
            "missing",
            message,
            "build it, or correct its path",
        ));
    };
    if bytes.starts_with(COMPONENT) {
        return Ok(Loaded {
            digest: Digest::of(&bytes),
            world: "job".to_owned(),
        });
    }
    let what = if bytes.starts_with(MODULE) {
        "it is a core WebAssembly module and not a component"
    } else {
        "it is not WebAssembly"
    };
    let help = "build it with `cargo build --target wasm32-wasip2`";
    Err(unusable("not-a-component", what.to_owned(), help))
}
