//! `cargo xtask start | test | lint | plugins`: what a fresh clone needs to be run
//! and tested, without a shell.
//!
//! It calls cargo, and never does what cargo does by itself. All verbs use the dev
//! profile for the host and `plugin` for the components, so nothing is built twice.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "it speaks to the one who typed it"
)]

mod plugins;

use std::env;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result, ensure};

const HELP: &str = "\
usage: cargo xtask <verb> [arguments]

  start    builds host and plugins, and serves schedules.toml
  test     runs every test: unit, simulation, guests, documentation
  lint     rustfmt and clippy, on the host and on the components
  plugins  builds every plugins/<name> to plugins/<name>.wasm

start hands its arguments to `cronlet serve`, test to `cargo test`. All four add
the WebAssembly target to the toolchain if it is missing.";

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let verb = arguments.next();
    let rest: Vec<String> = arguments.collect();
    let done = match (verb.as_deref(), &rest[..]) {
        (Some("start"), rest) => start(rest),
        (Some("test"), rest) => test(rest),
        (Some("lint"), []) => lint(),
        (Some("plugins"), []) => plugins::build(),
        (Some("help" | "--help" | "-h"), _) => {
            println!("{HELP}");
            return ExitCode::SUCCESS;
        }
        (Some("lint" | "plugins"), [unexpected, ..]) => {
            return usage(&format!("unexpected argument `{unexpected}`"));
        }
        (Some(unknown), _) => return usage(&format!("no verb `{unknown}`")),
        (None, _) => return usage("no verb"),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn usage(mistake: &str) -> ExitCode {
    eprintln!("error: {mistake}\n\n{HELP}");
    ExitCode::from(2)
}

/// Becomes the daemon, so that signals reach it.
fn start(arguments: &[String]) -> Result<()> {
    plugins::build()?;
    let error = cargo()
        .args(["run", "--package", "cronlet", "--", "serve"])
        .args(arguments)
        .exec();
    Err(error).context("cannot start cargo")
}

fn test(arguments: &[String]) -> Result<()> {
    plugins::build()?;
    // The suite runs the binary, which `cargo test` alone does not build.
    run(cargo().args(["build", "--package", "cronlet"]))?;
    run(cargo().args(["test", "--workspace"]).args(arguments))
}

fn lint() -> Result<()> {
    plugins::ensure_target()?;
    run(cargo().args(["fmt", "--all", "--check"]))?;
    let deny = ["--", "--deny", "warnings"];
    run(cargo()
        .args(["clippy", "--workspace", "--all-targets"])
        .args(deny))?;
    // Alone, since with the workspace it would get the features others ask for.
    run(cargo()
        .args(["clippy", "--package", "cronlet-core", "--all-targets"])
        .args(deny))?;
    run(cargo()
        .args(["clippy", "--target", plugins::TARGET])
        .args(["--package", "cronlet-plugin", "--lib"])
        .args([
            "--package",
            "guests",
            "--examples",
            "--features",
            "guests/components",
        ])
        .args(plugins::packages()?)
        .args(deny))
}

/// The cargo that runs this, in the repository.
fn cargo() -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root());
    cargo
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("xtask is a folder of the repository")
}

fn run(command: &mut Command) -> Result<()> {
    let status = command
        .status()
        .with_context(|| format!("cannot start {command:?}"))?;
    ensure!(status.success(), "{command:?} failed");
    Ok(())
}
