//! From a file to a component that can be started: read, checked, compiled once,
//! and linked, so that what can be wrong with it is known before its first run.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    fs::File,
    io::{self, Read},
    panic::{self, AssertUnwindSafe},
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use cronlet_core::{
    catalog::{Loaded, Need, Unusable},
    digest::Digest,
    units::format_size,
};
use wasmtime::{
    Engine, bail,
    component::{
        Component, Linker,
        types::{ComponentInstance, ComponentItem},
    },
};

use super::{
    attempt,
    cache::Cache,
    host::{
        self, JobPre,
        types::{JobError, Outcome},
    },
    last_good::LastGood,
    state::State,
    unusable,
};

/// What makes a component a job.
pub(super) const RUNNER: &str = "cronlet:job/runner@0.1.0";
/// What it imports to remember something; a compatible version follows.
const STATE: &str = "cronlet:job/state@";
/// What it imports to hear of its run.
const CONTEXT: &str = "cronlet:job/context@";
/// What makes it one that describes itself.
const DESCRIBE: &str = "cronlet:job/describe@0.1.0";

/// Every component that is loaded.
pub(super) struct Components {
    engine: Engine,
    linker: Linker<State>,
    cache: Cache,
    last_good: LastGood,
    max_size: u64,
    ready: RwLock<BTreeMap<Digest, Arc<Plugin>>>,
    /// Held while a digest is being compiled, so that it is compiled once.
    compiling: Mutex<BTreeMap<Digest, Arc<Mutex<()>>>>,
    compilations: AtomicU64,
}

/// A component that can be started.
pub(super) struct Plugin {
    pub(super) pre: JobPre<State>,
    /// Whether it may ask what its job remembers.
    pub(super) uses_state: bool,
    /// Whether it may ask for its input.
    pub(super) uses_input: bool,
    world: &'static str,
}

impl Components {
    pub(super) fn new(
        engine: Engine,
        cache: Cache,
        last_good: LastGood,
        max_size: u64,
    ) -> wasmtime::Result<Self> {
        Ok(Self {
            linker: host::linker(&engine)?,
            engine,
            cache,
            last_good,
            max_size,
            ready: RwLock::default(),
            compiling: Mutex::default(),
            compilations: AtomicU64::new(0),
        })
    }

    /// See [`Sandbox::load`](super::Sandbox::load).
    pub(super) fn load(&self, path: &Path) -> Result<Loaded, Unusable> {
        self.make_ready(&self.read(path)?, &path.display())
    }

    /// See [`Sandbox::last_good`](super::Sandbox::last_good).
    pub(super) fn last_good(&self, need: &Need) -> Option<Loaded> {
        let plugin = &need.plugin;
        let digest = need.sha256.or_else(|| self.last_good.last_of(plugin))?;
        let bytes = self.last_good.get(digest)?;
        let loaded = self.make_ready(&bytes, &format_args!("the last good one of {plugin}"));
        loaded
            .inspect_err(|unusable| {
                let why = &unusable.message;
                tracing::warn!(%digest, plugin, "the last good component cannot be used: {why}");
            })
            .ok()
    }

    /// `name` says what it is, for the log.
    fn make_ready(&self, bytes: &[u8], name: &dyn fmt::Display) -> Result<Loaded, Unusable> {
        unusable::check_header(bytes)?;
        let digest = Digest::of(bytes);
        let plugin = self.plugin(digest, bytes, name)?;
        Ok(Loaded {
            digest,
            world: plugin.world.to_owned(),
        })
    }

    /// A component that was loaded.
    pub(super) fn get(&self, digest: Digest) -> Option<Arc<Plugin>> {
        let ready = self.ready.read().unwrap_or_else(PoisonError::into_inner);
        ready.get(&digest).cloned()
    }

    /// Forgets every other component. What runs keeps its own.
    pub(super) fn retain(&self, plugins: &BTreeMap<String, Digest>, needed: &BTreeSet<Digest>) {
        let mut ready = self.ready.write().unwrap_or_else(PoisonError::into_inner);
        ready.retain(|digest, _| needed.contains(digest));
        drop(ready);
        self.cache.retain(needed);
        self.last_good.retain(plugins, needed);
    }

    /// How many were compiled, and not found in the cache.
    pub(super) fn compilations(&self) -> u64 {
        self.compilations.load(Ordering::Relaxed)
    }

    fn read(&self, path: &Path) -> Result<Vec<u8>, Unusable> {
        let read = || {
            // Opening a pipe would wait for ever.
            if !path.metadata()?.is_file() {
                return Err(io::ErrorKind::IsADirectory.into());
            }
            let mut bytes = Vec::new();
            let most = self.max_size.saturating_add(1);
            File::open(path)?.take(most).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        let bytes = read().map_err(|error| unusable::not_read(path, &error))?;
        if bytes.len() as u64 > self.max_size {
            return Err(unusable::too_large(&format_size(self.max_size)));
        }
        Ok(bytes)
    }

    fn plugin(
        &self,
        digest: Digest,
        bytes: &[u8],
        name: &dyn fmt::Display,
    ) -> Result<Arc<Plugin>, Unusable> {
        if let Some(plugin) = self.get(digest) {
            return Ok(plugin);
        }
        let turn = {
            let mut compiling = self.compiling();
            compiling.entry(digest).or_default().clone()
        };
        let _turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(plugin) = self.get(digest) {
            return Ok(plugin);
        }
        let compile = || self.compile(digest, bytes, name);
        let made = guarded(|| compile().and_then(|c| self.link(&c)));
        if let Ok(plugin) = &made {
            let mut ready = self.ready.write().unwrap_or_else(PoisonError::into_inner);
            ready.insert(digest, plugin.clone());
            drop(ready);
            self.last_good.put(digest, bytes);
        }
        self.compiling().remove(&digest);
        made
    }

    fn compile(
        &self,
        digest: Digest,
        bytes: &[u8],
        name: &dyn fmt::Display,
    ) -> Result<Component, Unusable> {
        if let Some(component) = self.cache.get(&self.engine, digest) {
            return Ok(component);
        }
        self.compilations.fetch_add(1, Ordering::Relaxed);
        let begin = Instant::now();
        let component =
            Component::from_binary(&self.engine, bytes).map_err(|e| unusable::invalid(&e))?;
        tracing::info!(%digest, took = ?begin.elapsed(), "compiled `{name}`");
        self.cache.put(digest, &component);
        Ok(component)
    }

    fn link(&self, component: &Component) -> Result<Arc<Plugin>, Unusable> {
        let exports = |name| component.get_export_index(None, name).is_some();
        if !exports(RUNNER) {
            return Err(unusable::not_a_job(&self.engine, component));
        }
        let linked = self
            .linker
            .instantiate_pre(component)
            .map_err(|error| unusable::import(&self.engine, component, &error))?;
        let pre = check_type(component)
            .and_then(|()| JobPre::new(linked))
            .map_err(|error| unusable::wrong_type(&error))?;
        // The first attempt need not be the one that pays for it; without it, it just does.
        if let Err(error) = component.initialize_copy_on_write_image() {
            tracing::debug!(
                error = format!("{error:#}"),
                "no image of a component's memory"
            );
        }
        let world = if exports(DESCRIBE) {
            "described-job"
        } else {
            "job"
        };
        let ty = component.component_type();
        let uses_state = ty
            .imports(&self.engine)
            .any(|(name, _)| name.starts_with(STATE));
        let uses_input = ty.imports(&self.engine).any(|(name, import)| {
            let asks = |instance: ComponentInstance| {
                let mut functions = instance.exports(&self.engine);
                functions.any(|(function, _)| function == "input")
            };
            match import.ty {
                ComponentItem::ComponentInstance(it) => name.starts_with(CONTEXT) && asks(it),
                _ => false,
            }
        });
        Ok(Arc::new(Plugin {
            pre,
            uses_state,
            uses_input,
            world,
        }))
    }

    fn compiling(&self) -> MutexGuard<'_, BTreeMap<Digest, Arc<Mutex<()>>>> {
        self.compiling
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// A compiler that stumbles over a component makes that one unusable, and nothing else: it runs on
/// threads that are needed for everything after.
fn guarded<T>(make: impl FnOnce() -> Result<T, Unusable>) -> Result<T, Unusable> {
    // What it was making is lost with it; what is shared is complete after each step of it.
    panic::catch_unwind(AssertUnwindSafe(make)).unwrap_or_else(|panic| {
        let said = attempt::said(&*panic);
        tracing::error!(panic = said, "the compiler panicked");
        Err(unusable::panicked(said))
    })
}

/// Whether `run` takes and returns what it should. The generated code finds out only when it is
/// called.
fn check_type(component: &Component) -> wasmtime::Result<()> {
    let runner = component.get_export(None, RUNNER);
    let run = runner.and_then(|(_, runner)| component.get_export(Some(&runner), "run"));
    let Some((ComponentItem::ComponentFunc(run), _)) = run else {
        bail!("it has no function `run`");
    };
    let ty = component.component_type();
    run.typecheck::<(&str,), (Result<Outcome, JobError>,)>(&ty.instance_type())
}
