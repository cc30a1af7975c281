//! The shell with a scripted runner, a store in memory that can be told to fail, and a clock that
//! only the test moves.

use std::{
    collections::BTreeSet,
    num::NonZeroU32,
    sync::{Condvar, Mutex, MutexGuard, PoisonError, mpsc::Receiver},
};

use cronlet_core::{
    digest::Digest,
    engine::Answer,
    job::{Component, Job},
    limits::Limits,
    name::JobName,
    plan::Settings,
    policy::{Backoff, CatchUp, Overlap, Retry},
    record::{Batch, Recovery},
    report::{AttemptReport, Failure, Outcome, Usage, Verdict},
    run::{AttemptStatus, FailReason, RunId, RunStatus},
    schedule::{Every, Trigger},
};
use jiff::Timestamp;

use super::{handle::Live, handle::Wanted, status::StoreStatus, *};
use crate::{
    sandbox::{Attempt, Control, Done},
    store::{
        history::{Entry, Query, RunRow},
        memory::{MemoryHistory, MemoryStore},
    },
};

/// Longer than any machine is slow.
const PATIENCE: Duration = Duration::from_secs(30);

/// A clock that only the test moves. Whoever moves it has the engine look at it.
pub(super) struct TestClock(Mutex<(Timestamp, Duration)>);

impl TestClock {
    pub(super) fn new() -> Arc<Self> {
        let begin = "2026-03-01T00:00:00Z".parse().unwrap();
        Arc::new(Self(Mutex::new((begin, Duration::ZERO))))
    }

    /// Time passes.
    fn pass(&self, time: Duration) {
        let mut now = self.0.lock().unwrap();
        *now = (now.0 + time, now.1 + time);
    }

    /// Somebody sets the wall clock.
    fn set_by(&self, time: jiff::SignedDuration) {
        let mut now = self.0.lock().unwrap();
        now.0 += time;
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        self.0.lock().unwrap().0
    }

    fn monotonic(&self) -> Duration {
        self.0.lock().unwrap().1
    }

    fn wait_for(&self, until: Timestamp) -> Duration {
        if until <= self.now() {
            Duration::ZERO
        } else {
            Duration::MAX
        }
    }
}

/// A guest that does what the test says.
pub(super) struct Guest {
    pub(super) attempt: Attempt,
    pub(super) control: Control,
    done: Done,
    clock: Arc<TestClock>,
}

impl Guest {
    fn run(&self) -> RunId {
        RunId(self.attempt.facts.run.parse().unwrap())
    }

    pub(super) fn end(self, verdict: Verdict) {
        (self.done)(AttemptReport {
            started_at: Some(self.clock.now()),
            ended_at: self.clock.now(),
            duration: Duration::ZERO,
            verdict,
            usage: Usage::default(),
            log: Vec::new(),
        });
    }

    fn succeed(self) {
        self.end(Verdict::Succeeded(Outcome::default()));
    }

    fn trap(self) {
        self.end(Verdict::Failed {
            reason: FailReason::Trap,
            failure: Failure::default(),
        });
    }
}

/// Hands every guest to the test.
pub(super) struct ScriptedRunner(mpsc::Sender<Guest>, Arc<TestClock>);

impl Runner for ScriptedRunner {
    fn start(&self, attempt: Attempt, control: Control, done: Done) {
        let guest = Guest {
            attempt,
            control,
            done,
            clock: self.1.clone(),
        };
        self.0.send(guest).unwrap();
    }
}

/// What is wrong with the store.
#[derive(Clone, Default)]
struct Faults(Arc<(Mutex<Fault>, Condvar)>);

#[derive(Default)]
struct Fault {
    /// Every commit fails.
    fails: bool,
    /// Every commit waits.
    holds: bool,
    /// Commits that wait.
    waiting: u32,
}

impl Faults {
    fn lock(&self) -> MutexGuard<'_, Fault> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, change: impl FnOnce(&mut Fault)) {
        change(&mut self.lock());
        self.0.1.notify_all();
    }

    /// Waits until somebody wants to commit, and is kept from it.
    fn wait_for_a_held_commit(&self) {
        let (_fault, timeout) = self
            .0
            .1
            .wait_timeout_while(self.lock(), PATIENCE, |fault| fault.waiting == 0)
            .unwrap();
        assert!(!timeout.timed_out());
    }
}

struct FaultyStore {
    inner: MemoryStore,
    faults: Faults,
}

impl Store for FaultyStore {
    fn recover(&mut self) -> Result<Recovery, StoreError> {
        self.inner.recover()
    }

    fn commit(&mut self, batches: &[Batch]) -> Result<(), StoreError> {
        let mut fault = self.faults.lock();
        fault.waiting += 1;
        self.faults.0.1.notify_all();
        while fault.holds {
            fault = self.faults.0.1.wait(fault).unwrap();
        }
        fault.waiting -= 1;
        if fault.fails {
            return Err(StoreError {
                doing: "write the history",
                source: "the disk is full".into(),
            });
        }
        drop(fault);
        self.inner.commit(batches)
    }
}

/// An engine under test.
pub(super) struct Bench {
    pub(super) engine: Handle,
    pub(super) clock: Arc<TestClock>,
    pub(super) guests: Receiver<Guest>,
    history: MemoryHistory,
    faults: Faults,
    runtime: tokio::runtime::Runtime,
}

impl Bench {
    pub(super) fn new(plan: &Arc<Plan>) -> Self {
        Self::with(plan, Box::new(|| {}))
    }

    pub(super) fn with(plan: &Arc<Plan>, reload: Box<dyn Fn() + Send + Sync>) -> Self {
        let clock = TestClock::new();
        let (sender, guests) = mpsc::channel();
        let store = MemoryStore::new();
        let history = store.history();
        let faults = Faults::default();
        let engine = start(Parts {
            store: FaultyStore {
                inner: store,
                faults: faults.clone(),
            },
            history: Arc::new(history.clone()),
            runner: Arc::new(ScriptedRunner(sender, clock.clone())),
            clock: clock.clone(),
            config: "schedules.toml".into(),
            plan: plan.clone(),
            reload,
        })
        .unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        Self {
            engine,
            clock,
            guests,
            history,
            faults,
            runtime,
        }
    }

    fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        let patient = async { tokio::time::timeout(PATIENCE, future).await };
        self.runtime.block_on(patient).expect("it takes too long")
    }

    pub(super) fn status(&self) -> Status {
        self.wait(self.engine.status()).expect("the engine runs")
    }

    /// Waits until the status is as it should be.
    pub(super) fn until(&self, what: impl Fn(&Status) -> bool) -> Status {
        let begin = std::time::Instant::now();
        loop {
            let status = self.status();
            if what(&status) {
                return status;
            }
            assert!(begin.elapsed() < PATIENCE, "never so: {status:?}");
            std::thread::yield_now();
        }
    }

    /// Time passes, and the engine looks at the clock.
    fn pass(&self, seconds: u64) {
        self.clock.pass(Duration::from_secs(seconds));
        self.status();
    }

    fn guest(&self) -> Guest {
        self.guests.recv_timeout(PATIENCE).expect("a guest starts")
    }

    fn no_guest(&self) {
        assert!(self.guests.try_recv().is_err(), "no guest starts");
    }

    fn request(&self, name: &str) -> Answer {
        self.wait(self.engine.request_run(Wanted {
            job: job_name(name),
            nominal: None,
            params: None,
            actor: Some("uid:7".into()),
        }))
    }

    fn cancel(&self, run: RunId) -> Answer {
        self.wait(self.engine.cancel(run, false, None))
    }

    fn row(&self, run: RunId) -> RunRow {
        let row = crate::store::History::run(&self.history, run).unwrap();
        row.expect("the run is in the history")
    }

    fn wait_final(&self, run: RunId) -> RunRow {
        self.wait(self.engine.wait_final(run)).unwrap().unwrap()
    }

    fn replace(&self, plan: Arc<Plan>) -> BTreeSet<Digest> {
        let (in_use, components) = mpsc::channel();
        self.engine.tell_config(News::Live(Live {
            plan,
            warnings: Vec::new(),
            in_use,
        }));
        components.recv_timeout(PATIENCE).unwrap()
    }

    fn finish(&self) -> Finish {
        self.engine.shutdown();
        self.wait(self.engine.finished())
    }
}

fn job_name(name: &str) -> JobName {
    JobName::new(name).unwrap()
}

/// A job of the component `bytes`, due every `every` seconds; 0 is never.
pub(super) fn job(name: &str, bytes: &str, every: u64) -> Job {
    let every = (every > 0).then(|| Every::new(Duration::from_secs(every), Duration::ZERO));
    Job {
        name: job_name(name),
        description: None,
        component: Component::Ready(Digest::of(bytes.as_bytes())),
        trigger: every.map(|every| Trigger::Every(every.unwrap())),
        catch_up: CatchUp::default(),
        overlap: Overlap::Skip,
        max_instances: None,
        retry: Retry::default(),
        limits: Limits::default(),
        params: "{}".into(),
    }
}

pub(super) fn plan(jobs: impl IntoIterator<Item = Job>) -> Arc<Plan> {
    let jobs: std::collections::BTreeMap<_, _> = jobs
        .into_iter()
        .map(|job| (job.name.clone(), Arc::new(job)))
        .collect();
    Arc::new(Plan {
        digest: Digest::of(format!("{jobs:?}").as_bytes()),
        settings: Settings::default(),
        jobs,
    })
}

#[test]
fn an_engine_with_nothing_to_do_answers_and_stops() {
    let bench = Bench::new(&plan([]));
    let status = bench.status();
    assert_eq!(
        (status.jobs, status.next, status.degraded.len()),
        (0, None, 0)
    );
    assert_eq!(bench.request("a"), Answer::NoSuchJob);
    assert_eq!(bench.cancel(RunId(1)), Answer::NotOpen);
    assert_eq!(bench.finish(), Finish::Clean);
    assert!(bench.wait(bench.engine.status()).is_none());
    assert_eq!(bench.request("a"), Answer::Stopping);
}

#[test]
fn a_start_is_in_the_history_before_the_guest_runs() {
    let bench = Bench::new(&plan([job("a", "1", 10)]));
    bench.pass(9);
    bench.no_guest();
    bench.pass(1);
    let guest = bench.guest();
    let run = guest.run();
    let row = bench.row(run);
    assert_eq!((row.status, row.attempts.len()), (RunStatus::Running, 1));
    assert_eq!(row.attempts[0].status, None);
    let status = bench.until(|status| !status.running.is_empty());
    assert_eq!((status.running[0].run, status.running[0].attempt), (run, 1));
    guest.succeed();
    assert_eq!(bench.wait_final(run).status, RunStatus::Succeeded);
    assert_eq!(bench.finish(), Finish::Clean);
}

#[test]
fn a_guest_waits_for_a_late_disk() {
    let bench = Bench::new(&plan([job("a", "1", 10)]));
    bench.request("nobody");
    bench.faults.set(|fault| fault.holds = true);
    bench.pass(10);
    bench.faults.wait_for_a_held_commit();
    bench.no_guest();
    bench.faults.set(|fault| fault.holds = false);
    bench.guest().succeed();
    assert_eq!(bench.finish(), Finish::Clean);
}

#[test]
fn a_requested_run_knows_who_asked() {
    let bench = Bench::new(&plan([job("a", "1", 0)]));
    let Answer::Queued(run) = bench.request("a") else {
        panic!("it is queued");
    };
    assert_eq!(bench.row(run).actor.as_deref(), Some("uid:7"));
    let guest = bench.guest();
    assert_eq!(guest.run(), run);
    let Answer::Skipped(skipped, _) = bench.request("a") else {
        panic!("another one is open");
    };
    assert_eq!(bench.wait_final(skipped).status, RunStatus::Skipped);
    guest.succeed();
    assert_eq!(bench.wait_final(run).status, RunStatus::Succeeded);
}

#[test]
fn a_cancelled_guest_is_asked_to_end() {
    let bench = Bench::new(&plan([job("a", "1", 0)]));
    bench.request("a");
    let guest = bench.guest();
    let run = guest.run();
    assert!(!guest.control.stop_requested());
    assert_eq!(bench.cancel(run), Answer::Cancelling);
    assert!(guest.control.stop_requested());
    assert!(bench.status().running[0].cancel_requested);
    guest.end(Verdict::Stopped);
    assert_eq!(bench.wait_final(run).status, RunStatus::Cancelled);
    assert_eq!(bench.cancel(run), Answer::NotOpen);
}

#[test]
fn a_shutdown_interrupts_what_runs() {
    let bench = Bench::new(&plan([job("a", "1", 0)]));
    bench.request("a");
    let guest = bench.guest();
    let run = guest.run();
    bench.engine.shutdown();
    assert!(bench.status().stopping);
    assert!(guest.control.stop_requested());
    assert_eq!(bench.request("a"), Answer::Stopping);
    guest.end(Verdict::Stopped);
    assert_eq!(bench.wait(bench.engine.finished()), Finish::Clean);
    let row = bench.wait_final(run);
    assert_eq!(row.status, RunStatus::Queued, "nothing is charged");
    assert_eq!(row.attempts[0].status, Some(AttemptStatus::Interrupted));
}

#[test]
fn a_store_that_fails_stops_the_starts_until_it_writes() {
    let bench = Bench::new(&plan([job("a", "1", 10), job("b", "1", 0)]));
    bench.request("nobody");
    bench.faults.set(|fault| fault.fails = true);
    bench.pass(10);
    let status = bench.until(|status| matches!(status.store, StoreStatus::Failing { .. }));
    let StoreStatus::Failing { message, .. } = &status.store else {
        unreachable!()
    };
    assert!(message.contains("the disk is full"), "{message}");
    assert!(status.degraded[0].contains("the disk is full"));
    assert_eq!(bench.request("b"), Answer::StoreFailed);
    bench.no_guest();
    bench.faults.set(|fault| fault.fails = false);
    let guest = bench.guest();
    assert_eq!(guest.attempt.facts.job, job_name("a"));
    let status = bench.until(|status| matches!(status.store, StoreStatus::Ok));
    assert!(status.degraded.is_empty());
    guest.succeed();
    assert_eq!(bench.finish(), Finish::Clean);
}

#[test]
fn what_ends_while_the_store_fails_is_written_later() {
    let bench = Bench::new(&plan([job("a", "1", 0)]));
    bench.request("a");
    let guest = bench.guest();
    let run = guest.run();
    bench.faults.set(|fault| fault.fails = true);
    guest.succeed();
    bench.until(|status| matches!(status.store, StoreStatus::Failing { .. }));
    assert_eq!(bench.row(run).status, RunStatus::Running);
    bench.faults.set(|fault| fault.fails = false);
    assert_eq!(bench.wait_final(run).status, RunStatus::Succeeded);
}

#[test]
fn a_shutdown_does_not_wait_for_a_store_that_fails() {
    let bench = Bench::new(&plan([job("a", "1", 0)]));
    bench.request("a");
    let guest = bench.guest();
    bench.faults.set(|fault| fault.fails = true);
    guest.succeed();
    bench.until(|status| matches!(status.store, StoreStatus::Failing { .. }));
    assert_eq!(bench.finish(), Finish::Unsaved);
}

#[test]
fn a_shutdown_does_not_wait_for_ever_for_a_store_that_hangs() {
    let bench = Bench::new(&plan([job("a", "1", 0)]));
    bench.request("a");
    let guest = bench.guest();
    bench.faults.set(|fault| fault.holds = true);
    guest.succeed();
    bench.faults.wait_for_a_held_commit();
    bench.engine.shutdown();
    assert!(bench.status().stopping);
    let grace = Settings::default().shutdown_grace + LEAVE_AFTER;
    bench.clock.pass(grace);
    let _ = bench.wait(bench.engine.status());
    assert_eq!(bench.wait(bench.engine.finished()), Finish::Unsaved);
    bench.faults.set(|fault| fault.holds = false);
}

#[test]
fn a_running_attempt_keeps_its_definition_and_the_next_takes_the_new_one() {
    let retry = Retry {
        max: 1,
        backoff: Backoff::Fixed,
        delay: Duration::from_secs(1),
        jitter: false,
        ..Retry::default()
    };
    let old = Job {
        retry: retry.clone(),
        ..job("a", "old", 0)
    };
    let new = Job {
        retry,
        ..job("a", "new", 0)
    };
    let bench = Bench::new(&plan([old]));
    bench.request("a");
    let first = bench.guest();
    let run = first.run();
    let in_use = bench.replace(plan([new]));
    assert_eq!(in_use, [Digest::of(b"old")].into(), "a guest runs on it");
    assert_eq!(first.attempt.component, Ok(Digest::of(b"old")));
    first.trap();
    bench.until(|status| status.retrying == 1);
    bench.pass(1);
    let second = bench.guest();
    assert_eq!(second.attempt.component, Ok(Digest::of(b"new")));
    second.succeed();
    let row = bench.wait_final(run);
    let digests: Vec<_> = row.attempts.iter().map(|row| row.component).collect();
    assert_eq!(
        digests,
        [b"old", b"new"].map(|bytes| Some(Digest::of(bytes)))
    );
    assert!(
        bench.replace(plan([])).is_empty(),
        "nobody needs it any more"
    );
}

#[test]
fn an_unusable_component_fails_its_own_job_alone() {
    let broken = Job {
        component: Component::Unusable("it is not there".to_owned()),
        ..job("broken", "", 0)
    };
    let bench = Bench::new(&plan([broken, job("fine", "1", 0)]));
    assert!(bench.status().degraded[0].contains("it is not there"));
    bench.request("broken");
    let guest = bench.guest();
    assert_eq!(guest.attempt.component, Err("it is not there".to_owned()));
    bench.request("fine");
    assert_eq!(bench.guest().attempt.component, Ok(Digest::of(b"1")));
}

#[test]
fn a_clock_that_jumps_forward_is_downtime() {
    let bench = Bench::new(&plan([job("a", "1", 10)]));
    bench.clock.set_by(jiff::SignedDuration::from_hours(1));
    bench.status();
    let guest = bench.guest();
    let run = guest.run();
    guest.succeed();
    let row = bench.wait_final(run);
    assert_eq!(row.nominal, "2026-03-01T01:00:00Z".parse().unwrap());
    let entries = crate::store::History::entries(&bench.history, &Query::default()).unwrap();
    let skipped = entries.iter().map(|entry| match entry {
        Entry::Skips(skips) => skips.count,
        Entry::Run(_) => 0,
    });
    assert_eq!((entries.len(), skipped.sum::<u64>()), (2, 359));
}

#[test]
fn a_jump_is_told_from_time_that_passes() {
    let clock = TestClock::new();
    let mut jumps = JumpWatch::new(&*clock);
    clock.pass(Duration::from_secs(3600));
    assert_eq!(jumps.look(&*clock), None);
    clock.set_by(jiff::SignedDuration::from_secs(2));
    assert_eq!(jumps.look(&*clock), None, "clocks drift");
    clock.set_by(jiff::SignedDuration::from_secs(-3));
    assert_eq!(
        jumps.look(&*clock),
        Some(jiff::SignedDuration::from_secs(-3))
    );
    assert_eq!(jumps.look(&*clock), None, "it is told once");
}

#[test]
fn the_system_clock_waits_until_then_and_no_longer() {
    let clock = clock::SystemClock::new();
    assert_eq!(clock.wait_for(Timestamp::UNIX_EPOCH), Duration::ZERO);
    let wait = clock.wait_for(clock.now() + Duration::from_secs(60));
    assert!(wait <= Duration::from_secs(60) && !wait.is_zero());
}

#[test]
fn a_crowd_of_requests_does_not_keep_a_due_job_waiting() {
    let mut jobs: Vec<_> = (0..4).map(|n| job(&format!("m{n}"), "1", 0)).collect();
    jobs.push(job("due", "1", 10));
    let bench = Bench::new(&plan(jobs));
    bench.clock.pass(Duration::from_secs(10));
    for _ in 0..2 * BURST {
        bench.engine.tell_config(News::Loading);
    }
    assert_eq!(bench.guest().attempt.facts.job, job_name("due"));
}

#[test]
fn who_waits_for_a_run_hears_when_the_engine_stops() {
    let most = Settings {
        max_concurrent_runs: NonZeroU32::MIN,
        ..Settings::default()
    };
    let mut two = Arc::unwrap_or_clone(plan([job("a", "1", 0), job("b", "1", 0)]));
    two.settings = most;
    let bench = Bench::new(&Arc::new(two));
    bench.request("a");
    let guest = bench.guest();
    let Answer::Queued(waiting) = bench.request("b") else {
        panic!("it is queued");
    };
    assert_eq!(bench.status().queued, 1);
    let waited = {
        let engine = bench.engine.clone();
        bench
            .runtime
            .spawn(async move { engine.wait_final(waiting).await })
    };
    bench.engine.shutdown();
    guest.end(Verdict::Stopped);
    let row = bench.wait(waited).unwrap().unwrap().unwrap();
    assert_eq!(row.status, RunStatus::Queued);
}
