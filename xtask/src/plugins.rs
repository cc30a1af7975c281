//! Every `plugins/<name>` built to `plugins/<name>.wasm`, where the daemon looks.
//!
//! The build has a target folder of its own, which the tests' build script shares.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::{env, fs};

use anyhow::{Context as _, Result, bail};

use crate::{cargo, root, run};

pub(crate) const TARGET: &str = "wasm32-wasip2";

pub(crate) fn build() -> Result<()> {
    ensure_target()?;
    run(cargo()
        .args([
            "build",
            "--profile",
            "plugin",
            "--target",
            TARGET,
            "--target-dir",
        ])
        .arg(target_folder())
        .args(packages()?))?;
    for name in names()? {
        install(&name)?;
    }
    Ok(())
}

/// `--package <name>` of every plugin.
pub(crate) fn packages() -> Result<impl Iterator<Item = String>> {
    Ok(names()?
        .into_iter()
        .flat_map(|name| ["--package".to_owned(), name]))
}

/// Compiles and links a program, since only that proves a target usable; asks
/// rustup for the target if it is not.
pub(crate) fn ensure_target() -> Result<()> {
    if check_target().is_ok() {
        return Ok(());
    }
    let added = Command::new("rustup")
        .args(["target", "add", TARGET])
        .status();
    let Err(why) = check_target() else {
        return Ok(());
    };
    let rustup = match added {
        Ok(status) => format!("`rustup target add` ended with {status}"),
        Err(error) => format!("`rustup` does not start: {error}"),
    };
    bail!(
        "this toolchain cannot build for {TARGET}: {why}\n\
         {rustup}\n\
         help: install Rust from https://rustup.rs and type `rustup target add {TARGET}`, or add \
         your distribution's standard library for {TARGET}"
    )
}

fn check_target() -> Result<()> {
    let folder = target_folder();
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let output = Command::new("rustc")
        .current_dir(root())
        .args([
            "--target",
            TARGET,
            "--crate-name",
            "check",
            "--crate-type",
            "cdylib",
            "-o",
        ])
        .arg(folder.join("check.wasm"))
        .arg("-")
        .stdin(Stdio::null())
        .output()
        .context("`rustc` does not start")?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}

fn names() -> Result<Vec<String>> {
    let folder = root().join("plugins");
    let mut names = Vec::new();
    for entry in
        fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?
    {
        let entry = entry?;
        if entry.path().join("Cargo.toml").exists() {
            names.push(entry.file_name().display().to_string());
        }
    }
    names.sort();
    Ok(names)
}

/// Replaces the component in one step, and only by another: a daemon that watches
/// sees one whole change, or none.
fn install(name: &str) -> Result<()> {
    let built = target_folder()
        .join(TARGET)
        .join("plugin")
        .join(format!("{}.wasm", name.replace('-', "_")));
    let component = fs::read(&built).with_context(|| format!("cannot read {}", built.display()))?;
    let place = root().join("plugins").join(format!("{name}.wasm"));
    if fs::read(&place).is_ok_and(|present| present == component) {
        return Ok(());
    }
    let new = place.with_extension("wasm.new");
    fs::write(&new, component)
        .and_then(|()| fs::rename(&new, &place))
        .with_context(|| format!("cannot write {}", place.display()))
}

fn target_folder() -> PathBuf {
    let target = env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    root().join(target).join("guests")
}
