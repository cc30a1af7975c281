//! A library is built once for every set of its features. So `cargo xtask start`, which builds the host
//! alone, and `cargo xtask test`, which builds all there is, must ask for the same ones: else the
//! WebAssembly engine is built twice, which takes minutes.

use std::{collections::BTreeSet, env, process::Command};

use anyhow::{Context as _, Result, ensure};

/// Each library that these packages need, with its features.
fn libraries(selection: &[&str]) -> Result<BTreeSet<String>> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args([
            "tree",
            "--offline",
            "--prefix",
            "none",
            "--format",
            "{p} {f}",
        ])
        .args(selection)
        .output()
        .context("cargo tree")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "cargo tree {selection:?}: {said}");
    let lines = String::from_utf8(output.stdout)?;
    let libraries = lines
        .lines()
        .map(|line| line.trim_end_matches(" (*)").trim_end());
    // Our own packages lie in a folder, `(/…)`, and have no features.
    Ok(libraries
        .filter(|line| !line.is_empty() && !line.contains("(/"))
        .map(str::to_owned)
        .collect())
}

#[test]
fn nothing_is_built_twice() -> Result<()> {
    let host = libraries(&["--package", "cronlet", "--edges", "normal,build"])?;
    let all = libraries(&["--workspace", "--edges", "normal,build,dev"])?;
    ensure!(host.len() > 100, "only {} libraries were found", host.len());
    let twice: Vec<_> = host.difference(&all).collect();
    ensure!(
        twice.is_empty(),
        "with other features for the tests: {twice:#?}"
    );
    Ok(())
}
