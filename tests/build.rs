//! Builds the components that the tests run, every guest and every plugin, and
//! tells `lib.rs` where they are.
//!
//! A nested cargo with a target folder of its own, as it would wait for ever on
//! the lock of the outer one's. `cargo xtask plugins` shares that folder, so
//! nothing is built twice.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, io};

const TARGET: &str = "wasm32-wasip2";

/// `plugins` holds the installed components too, which change only when one of
/// the others did.
const INPUTS: [&str; 7] = [
    ".cargo/config.toml",
    "Cargo.lock",
    "Cargo.toml",
    "plugin-api",
    "plugins",
    "tests/guests",
    "wit",
];

fn main() -> io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("tests is a folder of the repository");
    for input in INPUTS {
        println!("cargo::rerun-if-changed={}", root.join(input).display());
    }
    println!("cargo::rerun-if-env-changed=CARGO_TARGET_DIR");
    if !has_target()? {
        println!("cargo::error=no standard library for {TARGET}, which the tests' components need");
        println!(
            "cargo::error=help: `cargo xtask test` adds it, as does `rustup target add {TARGET}`"
        );
        return Ok(());
    }

    let plugins = entries(&root.join("plugins"), |path| {
        path.join("Cargo.toml").exists()
    })?;
    let guests = entries(&root.join("tests/guests/examples"), Path::is_file)?;
    let target = env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    let folder = root.join(target).join("guests");
    if !build(root, &folder, &plugins)? {
        println!("cargo::error=the tests' components do not build, see above");
        return Ok(());
    }

    let built = folder.join(TARGET).join("plugin");
    let mut components: Vec<_> = plugins.iter().map(|path| component(&built, path)).collect();
    components.extend(
        guests
            .iter()
            .map(|path| component(&built.join("examples"), path)),
    );
    let out = env::var_os("OUT_DIR").expect("cargo sets it for a build script");
    fs::write(Path::new(&out).join("guests.rs"), rust(&components))
}

fn has_target() -> io::Result<bool> {
    let rustc = env::var_os("RUSTC").expect("cargo sets it for a build script");
    let output = Command::new(rustc)
        .args(["--print", "target-libdir", "--target", TARGET])
        .output()?;
    let folder = String::from_utf8_lossy(&output.stdout);
    Ok(output.status.success() && Path::new(folder.trim()).exists())
}

fn build(root: &Path, folder: &Path, plugins: &[PathBuf]) -> io::Result<bool> {
    let cargo = env::var_os("CARGO").expect("cargo sets it for a build script");
    let packages = plugins
        .iter()
        .flat_map(|path| [OsString::from("--package"), stem(path).into()]);
    let status = Command::new(cargo)
        .current_dir(root)
        .args([
            "build",
            "--profile",
            "plugin",
            "--target",
            TARGET,
            "--target-dir",
        ])
        .arg(folder)
        .args([
            "--package",
            "guests",
            "--examples",
            "--features",
            "guests/components",
        ])
        .arg("--lib")
        .args(packages)
        // The outer build's flags are for the host, its wrapper may be clippy.
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env_remove("RUSTC_WORKSPACE_WRAPPER")
        .status()?;
    Ok(status.success())
}

/// What a folder holds, in the order of the names.
fn entries(folder: &Path, wanted: impl Fn(&Path) -> bool) -> io::Result<Vec<PathBuf>> {
    let mut paths = fs::read_dir(folder)?
        .map(|entry| Ok(entry?.path()))
        .collect::<io::Result<Vec<_>>>()?;
    paths.retain(|path| wanted(path));
    paths.sort();
    Ok(paths)
}

/// The component of a plugin's folder or a guest's file, by its Rust name.
fn component(built: &Path, source: &Path) -> (String, String) {
    let name = stem(source).replace('-', "_");
    let file = built.join(&name).with_extension("wasm");
    (name, file.display().to_string())
}

fn stem(path: &Path) -> &str {
    path.file_stem()
        .and_then(|stem| stem.to_str())
        .expect("what cargo builds has a name in UTF-8")
}

/// A constant for each component, and the macro over all of them.
fn rust(components: &[(String, String)]) -> String {
    let mut constants = String::new();
    let mut calls = String::new();
    for (name, file) in components {
        let constant = name.to_uppercase();
        let _ = writeln!(
            constants,
            "/// The component `{name}`.\npub const {constant}: &str = {file:?};"
        );
        let _ = writeln!(calls, "        $with!({name});");
    }
    format!(
        "{constants}\n\
         /// Calls a macro with the name of every component.\n\
         #[macro_export]\n\
         macro_rules! foreach_guest {{\n    ($with:ident) => {{\n{calls}    }};\n}}\n"
    )
}
