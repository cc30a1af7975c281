//! How long a person or a script waits: the built `cronlet`, started again and again with its components
//! compiled before. `serve` is measured from the start of the process until `/readyz` says yes, `run` from
//! its start to its end.
//!
//! The component is `hello.wasm` in the folder in `CRONLET_GUESTS`, else where the tests build it.
//! `CRONLET_STARTS` says how often. The database lies in `CRONLET_FOLDER`, else beside the build. The
//! first start of each, which compiles, has a line of its own.

#![expect(
    clippy::print_stdout,
    reason = "a benchmark prints what it has measured"
)]

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use cronlet::api::client::Client;
use rustix::process::{Pid, Signal, kill_process};

const SCHEDULES: &str = "\
[jobs.hello]
plugin = \"./hello.wasm\"
every = \"1h\"
params = { name = \"world\" }
";

/// Between two looks whether the daemon is ready: the grain of what is measured.
const LOOK: Duration = Duration::from_micros(200);

/// Longer than a first start takes on any machine.
const PATIENCE: Duration = Duration::from_mins(5);

fn main() -> Result<()> {
    let starts = match env::var("CRONLET_STARTS") {
        Ok(text) => text
            .parse()
            .with_context(|| format!("CRONLET_STARTS={text}"))?,
        Err(_) => 50,
    };
    ensure!(starts > 0, "CRONLET_STARTS is at least 1");
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target");
    let place = env::var_os("CRONLET_FOLDER").map_or_else(|| target.clone(), PathBuf::from);
    let folder = tempfile::tempdir_in(place)?;
    let built = target.join("guests/wasm32-wasip2/plugin");
    let guests = env::var_os("CRONLET_GUESTS").map_or(built, PathBuf::from);
    fs::write(folder.path().join("schedules.toml"), SCHEDULES)?;
    fs::copy(guests.join("hello.wasm"), folder.path().join("hello.wasm"))
        .context("hello.wasm, which `cargo xtask plugins` builds")?;

    println!("{:28} {:>9} {:>9} {:>9}", "", "first", "median", "p95");
    report("serve, until it is ready", starts, || serve(folder.path()))?;
    report("run hello, to its end", starts, || run(folder.path()))
}

/// The built `cronlet` in this folder.
fn cronlet(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cronlet"));
    command
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

fn serve(folder: &Path) -> Result<Duration> {
    let begin = Instant::now();
    let mut daemon = cronlet(folder, &["serve"]).spawn()?;
    let took = until_ready(&mut daemon, &folder.join("cronlet.db.sock"), begin);
    kill_process(Pid::from_child(&daemon), Signal::TERM)?;
    let ended = daemon.wait()?;
    ensure!(ended.success(), "the daemon ended with {ended}");
    took
}

fn until_ready(daemon: &mut Child, socket: &Path, begin: Instant) -> Result<Duration> {
    let client = Client::new(socket);
    loop {
        if client
            .get("/readyz")
            .is_ok_and(|answer| answer.status == 200)
        {
            return Ok(begin.elapsed());
        }
        ensure!(begin.elapsed() < PATIENCE, "the daemon does not get ready");
        if let Some(ended) = daemon.try_wait()? {
            anyhow::bail!("the daemon ended with {ended}");
        }
        sleep(LOOK);
    }
}

fn run(folder: &Path) -> Result<Duration> {
    let begin = Instant::now();
    let ended = cronlet(folder, &["run", "hello"]).status()?;
    ensure!(ended.success(), "the run ended with {ended}");
    Ok(begin.elapsed())
}

fn report(what: &str, starts: usize, start: impl Fn() -> Result<Duration>) -> Result<()> {
    let first = start()?;
    let mut times = (0..starts).map(|_| start()).collect::<Result<Vec<_>>>()?;
    times.sort_unstable();
    let at = |percent: usize| times[(times.len() * percent / 100).min(times.len() - 1)];
    let milliseconds = |time: Duration| format!("{:.1} ms", time.as_secs_f64() * 1e3);
    let (first, median, p95) = (
        milliseconds(first),
        milliseconds(at(50)),
        milliseconds(at(95)),
    );
    println!("{what:28} {first:>9} {median:>9} {p95:>9}");
    Ok(())
}
