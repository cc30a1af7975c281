//! What the sandbox costs: one run of a guest that does nothing, through
//! everything an attempt is, as a ratio to the same component called by bare
//! wasmtime with the same settings.
//!
//! The components come from the folder in `CRONLET_GUESTS`, else from where the
//! tests build them. `CRONLET_RUNS` is the number of runs a round.

#![expect(
    clippy::print_stdout,
    reason = "a benchmark prints what it has measured"
)]

use std::{
    env, fs,
    num::{NonZeroU32, NonZeroUsize},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use cronlet::sandbox::{self, Attempt, Facts, Runner, Sandbox, SandboxOptions, control};
use cronlet_core::{digest::Digest, limits::Limits, name::JobName, report::Verdict, run::Origin};
use jiff::Timestamp;
use wasmtime::{
    Engine, Store,
    component::{Component, Linker, ResourceTable},
};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

mod bindings {
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "job",
        exports: { default: async },
    });
}

const ROUNDS: usize = 5;
const PLACES: NonZeroU32 = NonZeroU32::new(64).expect("64 is not zero");

fn main() -> Result<()> {
    let folder = env::var_os("CRONLET_GUESTS").map_or_else(built, PathBuf::from);
    let runs = env::var("CRONLET_RUNS").map_or(Ok(50_000), |text| text.parse())?;
    let cores = thread::available_parallelism()?.get();
    println!("{runs} runs a round, the best of {ROUNDS} rounds");
    println!("guest  threads     sandbox        bare  ratio  sandbox runs/s");
    for guest in ["noop", "bare"] {
        let path = folder.join(guest).with_extension("wasm");
        for threads in [1, cores] {
            let ours = InSandbox::new(&path, threads)?;
            let bare = Bare::new(&path, threads)?;
            let (ours, bare) = compare(runs, || ours.round(runs), || bare.round(runs))?;
            println!(
                "{guest:<6} {threads:>7} {:>8.2} µs {:>8.2} µs {:>6.2} {:>15.0}",
                micros(ours, runs),
                micros(bare, runs),
                ours.as_secs_f64() / bare.as_secs_f64(),
                f64::from(runs) / ours.as_secs_f64(),
            );
        }
    }
    Ok(())
}

fn built() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    root.join("target/guests/wasm32-wasip2/plugin/examples")
}

/// The best round of each. They take turns, so that a noisy neighbour meets both.
fn compare(
    runs: u32,
    ours: impl Fn() -> Result<Duration>,
    bare: impl Fn() -> Result<Duration>,
) -> Result<(Duration, Duration)> {
    ensure!(runs > 0, "nothing to measure");
    let mut best = (ours()?, bare()?);
    for _ in 0..ROUNDS {
        best = (best.0.min(ours()?), best.1.min(bare()?));
    }
    Ok(best)
}

fn micros(time: Duration, runs: u32) -> f64 {
    time.as_secs_f64() * 1e6 / f64::from(runs)
}

/// Runs through the sandbox. Each thread has one run at a time, and the end of one starts the
/// next, as a busy engine would.
struct InSandbox {
    sandbox: Arc<Sandbox>,
    component: Digest,
    threads: usize,
}

struct Round {
    sandbox: Arc<Sandbox>,
    component: Digest,
    job: JobName,
    params: Arc<str>,
    left: AtomicU64,
    over: mpsc::Sender<Result<()>>,
}

impl InSandbox {
    fn new(path: &Path, threads: usize) -> Result<Self> {
        let sandbox = Sandbox::new(SandboxOptions {
            max_concurrent: PLACES,
            threads: NonZeroUsize::new(threads),
            ..SandboxOptions::default()
        })?;
        let loaded = sandbox.load(path).map_err(|unusable| {
            anyhow::anyhow!("{} cannot be used: {}", path.display(), unusable.message)
        })?;
        Ok(Self {
            sandbox: Arc::new(sandbox),
            component: loaded.digest,
            threads,
        })
    }

    fn round(&self, runs: u32) -> Result<Duration> {
        let (over, ends) = mpsc::channel();
        let round = Arc::new(Round {
            sandbox: self.sandbox.clone(),
            component: self.component,
            job: JobName::new("bench")?,
            params: "{}".into(),
            left: AtomicU64::new(runs.into()),
            over,
        });
        let begin = Instant::now();
        for _ in 0..self.threads {
            round.clone().next();
        }
        for _ in 0..self.threads {
            ends.recv()??;
        }
        Ok(begin.elapsed())
    }
}

impl Round {
    fn next(self: Arc<Self>) {
        let taken = self
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                left.checked_sub(1)
            });
        if taken.is_err() {
            return self.end(Ok(()));
        }
        let attempt = Attempt {
            component: Ok(self.component),
            limits: Limits::default(),
            allow: Arc::default(),
            params: self.params.clone(),
            facts: Facts {
                job: self.job.clone(),
                run: "1".to_owned(),
                attempt: 1,
                max_attempts: NonZeroU32::MIN,
                origin: Origin::Schedule,
                nominal: Timestamp::UNIX_EPOCH,
                input: None,
            },
            state: None,
            input_of: None,
        };
        let (_handle, control) = control::pair();
        let round = self.clone();
        let done =
            Box::new(
                move |report: cronlet_core::report::AttemptReport| match report.verdict {
                    Verdict::Succeeded(_) => round.next(),
                    verdict => round.end(Err(anyhow::anyhow!("{verdict:?}"))),
                },
            );
        self.sandbox.start(attempt, control, done);
    }

    fn end(&self, result: Result<()>) {
        // Whoever measures has gone if another thread's run has failed.
        let _ = self.over.send(result);
    }
}

/// The same component and engine, and nothing of ours: a fresh store, a WASI context, the
/// instance, the call.
struct Bare {
    runtime: tokio::runtime::Runtime,
    engine: Engine,
    pre: bindings::JobPre<Data>,
    threads: usize,
}

struct Data {
    wasi: WasiCtx,
    table: ResourceTable,
}

impl WasiView for Data {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl Bare {
    fn new(path: &Path, threads: usize) -> Result<Self> {
        let engine = Engine::new(&sandbox::engine_config(PLACES))?;
        let bytes = fs::read(path).with_context(|| format!("read {}", path.display()))?;
        let component = Component::from_binary(&engine, &bytes)?;
        let mut linker = Linker::new(&engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
        // A guest that does nothing calls nothing of ours.
        linker.define_unknown_imports_as_traps(&component)?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(threads)
            .enable_time()
            .build()?;
        Ok(Self {
            runtime,
            pre: bindings::JobPre::new(linker.instantiate_pre(&component)?)?,
            engine,
            threads,
        })
    }

    fn round(&self, runs: u32) -> Result<Duration> {
        let share = runs / u32::try_from(self.threads)?;
        let begin = Instant::now();
        let tasks: Vec<_> = (0..self.threads)
            .map(|_| {
                let (engine, pre) = (self.engine.clone(), self.pre.clone());
                self.runtime.spawn(async move {
                    for _ in 0..share {
                        call(&engine, &pre).await?;
                    }
                    anyhow::Ok(())
                })
            })
            .collect();
        for task in tasks {
            self.runtime.block_on(task)??;
        }
        Ok(begin.elapsed())
    }
}

async fn call(engine: &Engine, pre: &bindings::JobPre<Data>) -> Result<()> {
    let data = Data {
        wasi: WasiCtx::builder().build(),
        table: ResourceTable::new(),
    };
    let mut store = Store::new(engine, data);
    store.set_epoch_deadline(u64::from(u32::MAX));
    let job = pre.instantiate_async(&mut store).await?;
    let result = job.cronlet_job_runner().call_run(&mut store, "{}").await?;
    ensure!(result.is_ok(), "the guest does nothing, and fails");
    Ok(())
}
