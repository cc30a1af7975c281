//! One attempt, start to finish: a fresh store, the guest in it, everything that
//! can stop the guest, and the report.

use std::{
    any::Any,
    future::{self, Future},
    panic::{self, AssertUnwindSafe},
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::Poll,
    time::{Duration, Instant},
};

use cronlet_core::{
    capability::Capabilities,
    limits::Limits,
    name::JobName,
    report::{AttemptReport, Usage, Verdict},
    run::RunId,
    state::{Entries, StateChanges},
};
use jiff::Timestamp;
use rustix::time::{ClockId, clock_gettime};
use tokio::sync::Semaphore;
use wasmtime::{Engine, Store, UpdateDeadline};

use super::{
    Attempt, Control, Done, Facts, InputSource, StateSource,
    component::{Components, Plugin},
    epoch::Ticker,
    kept::Kept,
    state::{self, State},
    transcript::Transcript,
    verdict,
};

/// A timeout that the clock cannot count to is this long.
const FOREVER: Duration = Duration::from_hours(30 * 365 * 24);

/// What all attempts share.
pub(super) struct Shared {
    pub(super) engine: Engine,
    pub(super) components: Components,
    pub(super) ticker: Ticker,
    /// One permit for each place in the pool, which does not wait when it is full.
    pub(super) places: Semaphore,
}

/// Says what became of the attempt, exactly once: when it is told, or when it is dropped.
pub(super) struct Ending {
    done: Option<Done>,
    transcript: Arc<Transcript>,
    /// The sandbox goes away, and takes its attempts with it.
    shutting_down: Arc<AtomicBool>,
    begun: Option<Begun>,
    cpu: Duration,
    memory_peak: u64,
    state: Option<Arc<StateChanges>>,
}

/// When the guest's first instruction ran.
#[derive(Clone, Copy)]
struct Begun {
    at: Timestamp,
    instant: Instant,
}

/// What the store needs to know, all of it by value.
struct Task {
    plugin: Arc<Plugin>,
    facts: Facts,
    limits: Limits,
    allow: Arc<Capabilities>,
    params: Arc<str>,
    state: Option<Arc<dyn StateSource>>,
    input_of: Option<(RunId, Arc<dyn InputSource>)>,
}

/// What came out of the store.
struct Ran {
    begun: Begun,
    memory_peak: u64,
    verdict: Verdict,
    state: Option<Arc<StateChanges>>,
}

/// Runs `attempt` to its end. Dropping the future stops it.
pub(super) async fn run(shared: Arc<Shared>, attempt: Attempt, mut ending: Ending) {
    let Attempt {
        component,
        limits,
        allow,
        params,
        facts,
        state,
        input_of,
    } = attempt;
    let plugin = match component {
        Ok(digest) => shared.components.get(digest).ok_or_else(not_loaded),
        Err(why) => Err(why),
    };
    let plugin = match plugin {
        Ok(plugin) => plugin,
        Err(why) => return ending.say(verdict::of_load(why)),
    };
    let task = Task {
        plugin,
        facts,
        limits,
        allow,
        params,
        state,
        input_of,
    };
    let transcript = ending.transcript.clone();
    let ran = metered(&mut ending.cpu, in_place(&shared, task, &transcript)).await;
    match ran {
        Ok(Some(ran)) => {
            ending.begun = Some(ran.begun);
            ending.memory_peak = ran.memory_peak;
            ending.state = ran.state;
            ending.say(ran.verdict);
        }
        Ok(None) => ending.say(Verdict::Stopped),
        Err(panic) => {
            tracing::error!(
                panic = said(&*panic),
                "the host panicked while serving a guest"
            );
            ending.say(verdict::of_host_panic());
        }
    }
}

impl Ending {
    pub(super) fn new(control: Control, done: Done, shutting_down: Arc<AtomicBool>) -> Self {
        Self {
            done: Some(done),
            transcript: Arc::new(Transcript::new(control)),
            shutting_down,
            begun: None,
            cpu: Duration::ZERO,
            memory_peak: 0,
            state: None,
        }
    }

    fn say(&mut self, mut verdict: Verdict) {
        let Some(done) = self.done.take() else { return };
        let finished = self.transcript.finish();
        verdict::explain(&mut verdict, &finished.log);
        done(AttemptReport {
            started_at: self.begun.map(|begun| begun.at),
            ended_at: Timestamp::now(),
            duration: self.begun.map_or(Duration::ZERO, |b| b.instant.elapsed()),
            verdict,
            usage: Usage {
                cpu: self.cpu,
                memory_peak: self.memory_peak,
                log_lines: finished.lines,
                log_dropped: finished.dropped,
            },
            log: finished.log,
            state: self.state.take(),
        });
    }
}

/// The attempt's future is dropped. That is a stop if the guests' runtime is being shut down, or if
/// somebody asked for one; anything else is a mistake of ours, and no attempt that is for free.
impl Drop for Ending {
    fn drop(&mut self) {
        let asked = self.transcript.control().stop_requested();
        let verdict = if asked || self.shutting_down.load(Ordering::SeqCst) {
            Verdict::Stopped
        } else {
            verdict::of_host_panic()
        };
        self.say(verdict);
    }
}

/// Waits for a place and runs the guest in it; none if it was stopped before there was one.
async fn in_place(shared: &Shared, task: Task, transcript: &Arc<Transcript>) -> Option<Ran> {
    let _place = tokio::select! {
        biased;
        place = shared.places.acquire() => place.ok()?,
        () = transcript.control().stopped() => return None,
    };
    let _ticking = shared.ticker.guest();
    Some(in_store(&shared.engine, task, transcript).await)
}

async fn in_store(engine: &Engine, task: Task, transcript: &Arc<Transcript>) -> Ran {
    let Task {
        plugin,
        mut facts,
        limits,
        allow,
        params,
        state: source,
        input_of,
    } = task;
    let begun = Begun {
        at: Timestamp::now(),
        instant: Instant::now(),
    };
    let deadline = deadline(begun.instant, limits.timeout);
    let told = begun.at.saturating_add(limits.timeout);
    // A timeout always has a sign that a timestamp can be moved by.
    let told = told.unwrap_or(Timestamp::MAX);
    let bounds = Bounds {
        control: transcript.control(),
        deadline,
        limits: &limits,
    };
    let kept = match source.filter(|_| plugin.uses_state) {
        Some(source) => match read_state(source, &facts.job, &bounds).await {
            Ok(entries) => entries,
            Err(verdict) => return Ran::nowhere(begun, verdict),
        },
        None => Entries::default(),
    };
    if let Some((run, source)) = input_of.filter(|_| plugin.uses_input) {
        match read_input(source, run, &bounds).await {
            Ok(input) => facts.input = input,
            Err(verdict) => return Ran::nowhere(begun, verdict),
        }
    }
    let mut data = State::new(facts, &limits, told, transcript.clone());
    data.kept = Kept::new(kept, &limits);
    let mut store = Store::new(engine, data);
    state::bound(&mut store, &limits);
    arm(&mut store, deadline);
    let mut called = false;
    let guest = async {
        store.data_mut().grant(allow).await?;
        let job = plugin.pre.instantiate_async(&mut store).await?;
        called = true;
        let runner = job.cronlet_job_runner();
        runner.call_run(&mut store, &params).await
    };
    let verdict = match bounds.hold(guest).await {
        Ok(Ok(value)) => verdict::of_value(value, &limits),
        Ok(Err(error)) => {
            let refused = store.data().limiter.refused();
            verdict::of_error(&error, &limits, refused, called)
        }
        Err(verdict) => verdict,
    };
    let data = store.into_data();
    let succeeded = matches!(verdict, Verdict::Succeeded(_));
    Ran {
        begun,
        memory_peak: data.limiter.peak(),
        state: data.kept.changes().filter(|_| succeeded),
        verdict,
    }
}

/// What ends an attempt from outside the guest.
struct Bounds<'a> {
    control: &'a Control,
    deadline: Instant,
    limits: &'a Limits,
}

impl Bounds<'_> {
    /// Does `work`, unless it is stopped or takes too long.
    async fn hold<T>(&self, work: impl Future<Output = T>) -> Result<T, Verdict> {
        tokio::select! {
            biased;
            // First, so that a guest that computes beyond its deadline traps with a backtrace.
            done = work => Ok(done),
            () = self.control.stopped() => Err(Verdict::Stopped),
            () = async { tokio::time::sleep_until(self.deadline.into()).await } => {
                Err(verdict::of_timeout(self.limits, None))
            }
        }
    }
}

/// What the job remembers as the attempt starts.
async fn read_state(
    source: Arc<dyn StateSource>,
    job: &JobName,
    bounds: &Bounds<'_>,
) -> Result<Entries, Verdict> {
    let job = job.clone();
    let read = reading(bounds, move || source.read(&job)).await?;
    read.map_err(|error| verdict::of_unreadable_state(&*error))
}

/// What the run left that caused this one.
async fn read_input(
    source: Arc<dyn InputSource>,
    run: RunId,
    bounds: &Bounds<'_>,
) -> Result<Option<Arc<str>>, Verdict> {
    let read = reading(bounds, move || source.read(run)).await?;
    read.map_err(|error| verdict::of_missing_input(&error))
}

/// Reads on a thread that may wait for a disk.
async fn reading<T: Send + 'static>(
    bounds: &Bounds<'_>,
    read: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Verdict> {
    let read = bounds.hold(tokio::task::spawn_blocking(read)).await?;
    read.map_err(|gone| {
        if let Ok(panic) = gone.try_into_panic() {
            let panic = said(&*panic);
            tracing::error!(panic, "the host panicked while reading for a guest");
        }
        verdict::of_host_panic()
    })
}

impl Ran {
    /// It ended before there was a guest.
    fn nowhere(begun: Begun, verdict: Verdict) -> Self {
        Self {
            begun,
            memory_peak: 0,
            verdict,
            state: None,
        }
    }
}

/// At each tick of the epoch the guest lets others run; after its deadline it ends instead.
/// What the guest waits for in the host never ticks, which is why there is a timer too.
fn arm(store: &mut Store<State>, deadline: Instant) {
    store.epoch_deadline_callback(move |_| {
        Ok(if Instant::now() < deadline {
            UpdateDeadline::Yield(1)
        } else {
            UpdateDeadline::Interrupt
        })
    });
    store.set_epoch_deadline(1);
}

fn deadline(begin: Instant, timeout: Duration) -> Instant {
    begin
        .checked_add(timeout.min(FOREVER))
        .expect("the monotonic clock does not begin near its end")
}

/// Counts the processor time of `inner`, and turns its panic into a value.
async fn metered<T>(
    cpu: &mut Duration,
    inner: impl Future<Output = T>,
) -> Result<T, Box<dyn Any + Send>> {
    let mut inner = pin!(inner);
    future::poll_fn(|cx| {
        let before = thread_cpu();
        let polled = panic::catch_unwind(AssertUnwindSafe(|| inner.as_mut().poll(cx)));
        *cpu += thread_cpu().saturating_sub(before);
        match polled {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(value)) => Poll::Ready(Ok(value)),
            Err(panic) => Poll::Ready(Err(panic)),
        }
    })
    .await
}

/// How much processor time this thread has used. A wall clock would charge a guest for its
/// neighbours on a busy machine.
fn thread_cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

fn not_loaded() -> String {
    "its component is not loaded".to_owned()
}

/// The message of a panic.
pub(super) fn said(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn an_attempt_that_is_lost_is_stopped_only_if_somebody_asked() {
        let lose = |asked: bool, shutting_down: bool| {
            let (handle, control) = super::super::control::pair();
            let (sender, receiver) = mpsc::channel();
            let done = Box::new(move |report| sender.send(report).unwrap());
            let ending = Ending::new(control, done, Arc::new(shutting_down.into()));
            if asked {
                handle.stop_within(Duration::from_hours(1));
            }
            drop(ending);
            receiver.try_recv().unwrap()
        };
        assert_eq!(lose(true, false).verdict, Verdict::Stopped);
        assert_eq!(lose(false, true).verdict, Verdict::Stopped);
        assert_eq!(lose(false, false).verdict, verdict::of_host_panic());
    }
}
