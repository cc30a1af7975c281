//! Durable runs a second, through the whole engine: requests in, every start and every end on disk with
//! `synchronous=FULL`, each attempt of a real component in a fresh sandbox.
//!
//! The component is `noop.wasm` in the folder in `CRONLET_GUESTS`, else where the tests build it.
//! `CRONLET_RUNS` is the number of runs, `CRONLET_WORKERS` how many guests may run at one time. The
//! database lies in `CRONLET_FOLDER`, else beside the build.

#![expect(
    clippy::print_stdout,
    reason = "a benchmark prints what it has measured"
)]

use std::{
    env,
    fs::OpenOptions,
    io::Write as _,
    num::NonZeroU32,
    path::{Path, PathBuf},
    str::FromStr,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use cronlet::{
    engine::{self, Finish, Handle, Parts, clock::SystemClock, handle::Wanted, reload::Requests},
    sandbox::{Sandbox, SandboxOptions},
    store::{
        History,
        history::{Entry, Query},
        sqlite::{self, Owner},
    },
};
use cronlet_core::{
    digest::Digest,
    engine::Answer,
    job::{Component, Job},
    name::JobName,
    plan::{Plan, Settings},
    policy::Overlap,
    run::{RunId, RunStatus},
};

/// Requests that wait for their answer at one time.
const ASKING: u32 = 512;
const FLUSHES: u32 = 200;

fn main() -> Result<()> {
    let runs: u32 = setting("CRONLET_RUNS", 20_000)?;
    let workers = setting(
        "CRONLET_WORKERS",
        NonZeroU32::new(64).context("64 is not zero")?,
    )?;
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target");
    let place = env::var_os("CRONLET_FOLDER").map_or(target, PathBuf::from);
    let folder = tempfile::tempdir_in(place)?;
    let flushes = flushes_a_second(folder.path())?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let took = runtime.block_on(measure(folder.path(), runs, workers))?;
    println!("{runs} runs, {workers} workers, {took:.2?}");
    println!("{:.0} durable runs/s", f64::from(runs) / took.as_secs_f64());
    println!("{flushes:.0} flushes/s of this disk at the time, one after the other");
    Ok(())
}

fn setting<T>(name: &str, default: T) -> Result<T>
where
    T: FromStr,
    T::Err: std::error::Error + Send + Sync + 'static,
{
    match env::var(name) {
        Ok(text) => text.parse().with_context(|| format!("{name}={text}")),
        Err(_) => Ok(default),
    }
}

/// What one flush of a small append costs here: without it, the other figure says nothing.
fn flushes_a_second(folder: &Path) -> Result<f64> {
    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(folder.join("flush"))?;
    let begin = Instant::now();
    for _ in 0..FLUSHES {
        file.write_all(&[0; 4096])?;
        file.sync_data()?;
    }
    Ok(f64::from(FLUSHES) / begin.elapsed().as_secs_f64())
}

async fn measure(folder: &Path, runs: u32, workers: NonZeroU32) -> Result<Duration> {
    let sandbox = Arc::new(Sandbox::new(SandboxOptions {
        max_concurrent: workers,
        ..SandboxOptions::default()
    })?);
    let guests = env::var_os("CRONLET_GUESTS").map_or_else(built, PathBuf::from);
    let loaded = sandbox.load(&guests.join("noop.wasm"));
    let digest = loaded
        .map_err(|unusable| anyhow::anyhow!(unusable.message))?
        .digest;
    let database = folder.join("cronlet.db");
    let me = Owner {
        pid: std::process::id(),
        socket: None,
    };
    let handle = engine::start(Parts {
        built: jiff::Timestamp::UNIX_EPOCH,
        store: sqlite::open(&database, &me)?,
        history: Arc::new(sqlite::history(&database)?),
        runner: sandbox,
        clock: Arc::new(SystemClock::new()),
        config: folder.join("schedules.toml"),
        plan: plan(digest, workers)?.into(),
        reload: Requests::new(|_| {}),
    })?;
    let begin = Instant::now();
    let mut asking = tokio::task::JoinSet::new();
    for asker in 0..ASKING {
        let share = runs / ASKING + u32::from(asker < runs % ASKING);
        asking.spawn(ask(handle.clone(), share));
    }
    let mut queued = Vec::new();
    while let Some(asked) = asking.join_next().await {
        queued.extend(asked??);
    }
    drain(&handle, queued).await?;
    let took = begin.elapsed();
    verify(&sqlite::history(&database)?, runs)?;
    Ok(took)
}

/// Asks for this many runs, one after the other.
async fn ask(handle: Handle, runs: u32) -> Result<Vec<RunId>> {
    let job = JobName::new("noop")?;
    let mut queued = Vec::new();
    for _ in 0..runs {
        let job = job.clone();
        let wanted = Wanted {
            job,
            nominal: None,
            params: None,
            actor: None,
        };
        let answer = handle.request_run(wanted).await;
        let Answer::Queued(run) = answer else {
            bail!("{answer:?}")
        };
        queued.push(run);
    }
    Ok(queued)
}

/// Waits until the last of them are over, and until all of it is on disk.
async fn drain(handle: &Handle, mut runs: Vec<RunId>) -> Result<()> {
    runs.sort_unstable();
    for run in runs.iter().rev().take(1_000) {
        handle.wait_final(*run).await?;
    }
    handle.shutdown();
    ensure!(handle.finished().await == Finish::Clean);
    Ok(())
}

/// Nothing counts that is not in the history.
fn verify(history: &dyn History, runs: u32) -> Result<()> {
    let query = Query {
        limit: usize::try_from(runs)? + 1,
        ..Query::default()
    };
    let mut found = 0;
    for entry in history.entries(&query)? {
        let Entry::Run(row) = entry else {
            bail!("{entry:?}")
        };
        ensure!(row.status == RunStatus::Succeeded, "{row:?}");
        found += 1;
    }
    ensure!(found == runs, "{found} runs are in the history");
    Ok(())
}

fn plan(digest: Digest, workers: NonZeroU32) -> Result<Plan> {
    let job = Job {
        overlap: Overlap::Allow,
        ..Job::new(JobName::new("noop")?, Component::Ready(digest))
    };
    Ok(Plan {
        digest: Digest::of(b"throughput"),
        settings: Settings {
            max_concurrent_runs: workers,
            ..Settings::default()
        },
        jobs: [(job.name.clone(), Arc::new(job))].into(),
    })
}

/// Where the tests build their components.
fn built() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/guests/wasm32-wasip2/plugin/examples")
}
