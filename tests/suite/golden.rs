//! Each mistake in a schedules file is two files: `tests/golden/config/NAME.toml`, and in
//! `NAME.stderr` what `cronlet check` says about it. `BLESS=1` writes the second one anew.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};
use cronlet_core::digest::Digest;

use crate::project::Project;

/// A core WebAssembly module, which is no component.
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

/// What is said about a case that stands as schedules.toml beside a folder of plugins: a job, a
/// text, and a module.
fn check(case: &Path) -> Result<String> {
    let project = Project::new("", &[("hello", tests::HELLO)])?;
    fs::copy(case, project.path("schedules.toml"))?;
    fs::write(project.path("plugins/module.wasm"), MODULE)?;
    fs::write(project.path("plugins/text.wasm"), "hello")?;
    let said = project.cronlet(&["check"])?;
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
