//! An engine under test: with a scripted runner, a store in memory that can be told to fail, and a
//! clock that only the test moves.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        mpsc::{self, Receiver},
    },
    time::{Duration, Instant},
};

use cronlet_core::{
    digest::Digest,
    engine::Answer,
    job::{Component, Job},
    name::JobName,
    plan::{Plan, Settings},
    record::{Batch, Recovery},
    report::{AttemptReport, Failure, Level, LogLine, Outcome, Usage, Verdict},
    run::{FailReason, RunId},
    schedule::{Every, Trigger},
};
use jiff::{SignedDuration, Timestamp};

use super::{
    Clock, Finish, Handle, Parts, Status,
    handle::{News, Wanted},
    noted::Noted,
    reload::Requests,
    start,
};
use crate::{
    sandbox::{Attempt, Control, Done, Runner},
    store::{
        History, Old, Refused, Removed, Store, StoreError,
        history::RunRow,
        memory::{MemoryHistory, MemoryStore},
    },
};

/// Longer than any machine is slow.
const PATIENCE: Duration = Duration::from_secs(30);

/// A clock that only the test moves. Whoever moves it has the engine look at it.
pub(crate) struct TestClock(Mutex<(Timestamp, Duration)>);

impl TestClock {
    pub(crate) fn new() -> Arc<Self> {
        let begin = "2026-03-01T00:00:00Z".parse().unwrap();
        Arc::new(Self(Mutex::new((begin, Duration::ZERO))))
    }

    /// Time passes.
    pub(crate) fn pass(&self, time: Duration) {
        let mut now = self.0.lock().unwrap();
        *now = (now.0 + time, now.1 + time);
    }

    /// Whoever looks at it hangs, for as long as this lives.
    pub(crate) fn stop(&self) -> impl Drop + '_ {
        self.0.lock().unwrap()
    }

    /// Somebody sets the wall clock.
    pub(crate) fn set_by(&self, time: SignedDuration) {
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
pub(crate) struct Guest {
    pub(crate) attempt: Attempt,
    pub(crate) control: Control,
    done: Done,
    clock: Arc<TestClock>,
}

impl Guest {
    pub(crate) fn run(&self) -> RunId {
        RunId(self.attempt.facts.run.parse().unwrap())
    }

    pub(crate) fn say(&self, message: &str) {
        self.control.say(LogLine {
            at: self.clock.now(),
            level: Level::Info,
            message: message.to_owned(),
            fields: Vec::new(),
        });
    }

    pub(crate) fn end(self, verdict: Verdict) {
        let log = self.control.finish_log().log;
        (self.done)(AttemptReport {
            started_at: Some(self.clock.now()),
            ended_at: self.clock.now(),
            duration: Duration::ZERO,
            verdict,
            usage: Usage::default(),
            log,
            state: None,
        });
    }

    pub(crate) fn succeed(self) {
        self.end(Verdict::Succeeded(Outcome::default()));
    }

    pub(crate) fn trap(self) {
        self.end(Verdict::Failed {
            reason: FailReason::Trap,
            failure: Failure::default(),
        });
    }
}

/// Hands every guest to the test.
pub(crate) struct ScriptedRunner(mpsc::Sender<Guest>, Arc<TestClock>);

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
pub(crate) struct Faults(Arc<(Mutex<Fault>, Condvar)>);

#[derive(Default)]
pub(crate) struct Fault {
    /// Every commit fails.
    pub(crate) fails: bool,
    /// Every commit is beyond hope.
    pub(crate) hopeless: Option<Hopeless>,
    /// Every commit waits.
    pub(crate) holds: bool,
    /// Commits that wait.
    waiting: u32,
}

/// What no other try makes better.
#[derive(Clone, Copy)]
pub(crate) enum Hopeless {
    Refused,
    Panic,
}

impl Faults {
    fn lock(&self) -> MutexGuard<'_, Fault> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set(&self, change: impl FnOnce(&mut Fault)) {
        change(&mut self.lock());
        self.0.1.notify_all();
    }

    /// Waits until somebody wants to commit, and is kept from it.
    pub(crate) fn wait_for_a_held_commit(&self) {
        let (_fault, timeout) = self
            .0
            .1
            .wait_timeout_while(self.lock(), PATIENCE, |fault| fault.waiting == 0)
            .unwrap();
        assert!(!timeout.timed_out());
    }
}

pub(crate) struct FaultyStore {
    inner: MemoryStore,
    pub(crate) faults: Faults,
}

impl Store for FaultyStore {
    fn recover(&mut self) -> Result<Recovery, StoreError> {
        self.inner.recover()
    }

    fn remove(&mut self, old: &Old) -> Result<Removed, StoreError> {
        self.inner.remove(old)
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
        let hopeless = fault.hopeless;
        drop(fault);
        match hopeless {
            None => self.inner.commit(batches),
            Some(Hopeless::Refused) => {
                let refused = Refused::NotOpen(RunId(7));
                Err(StoreError::while_("write the history")(refused))
            }
            Some(Hopeless::Panic) => panic!("as the test wants"),
        }
    }
}

/// An engine under test.
pub(crate) struct Bench {
    pub(crate) engine: Handle,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) guests: Receiver<Guest>,
    pub(crate) history: MemoryHistory,
    pub(crate) faults: Faults,
    pub(crate) runtime: tokio::runtime::Runtime,
}

impl Bench {
    pub(crate) fn new(plan: &Arc<Plan>) -> Self {
        Self::with(plan, Requests::new(|_| {}))
    }

    pub(crate) fn with(plan: &Arc<Plan>, reload: Requests) -> Self {
        Self::of(plan, Timestamp::UNIX_EPOCH, reload)
    }

    /// One of a binary that was built then.
    pub(crate) fn of(plan: &Arc<Plan>, built: Timestamp, reload: Requests) -> Self {
        let clock = TestClock::new();
        let (sender, guests) = mpsc::channel();
        let store = MemoryStore::new();
        let history = store.history();
        let faults = Faults::default();
        let engine = start(Parts {
            built,
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
        let bench = Self {
            engine,
            clock,
            guests,
            history,
            faults,
            runtime,
        };
        // Its first step is over and on disk, so the clock may move and it says that it is ready. A store
        // that is to fail from the beginning is broken afterwards.
        while !bench.status().ready {
            std::thread::yield_now();
        }
        bench
    }

    pub(crate) fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        let patient = async { tokio::time::timeout(PATIENCE, future).await };
        self.runtime.block_on(patient).expect("it takes too long")
    }

    pub(crate) fn status(&self) -> Status {
        self.wait(self.engine.status()).expect("the engine runs")
    }

    /// Waits until the status is as it should be.
    pub(crate) fn until(&self, what: impl Fn(&Status) -> bool) -> Status {
        let begin = Instant::now();
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
    pub(crate) fn pass(&self, seconds: u64) {
        self.clock.pass(Duration::from_secs(seconds));
        self.status();
    }

    pub(crate) fn guest(&self) -> Guest {
        self.guests.recv_timeout(PATIENCE).expect("a guest starts")
    }

    pub(crate) fn no_guest(&self) {
        assert!(self.guests.try_recv().is_err(), "no guest starts");
    }

    pub(crate) fn request(&self, name: &str) -> Answer {
        self.wait(self.engine.request_run(Wanted {
            job: job_name(name),
            nominal: None,
            params: None,
            input_of: None,
            actor: Some("uid:7".into()),
        }))
    }

    pub(crate) fn cancel(&self, run: RunId) -> Answer {
        self.wait(self.engine.cancel(run, false, None))
    }

    pub(crate) fn row(&self, run: RunId) -> RunRow {
        let row = self.history.run(run).unwrap();
        row.expect("the run is in the history")
    }

    pub(crate) fn wait_final(&self, run: RunId) -> RunRow {
        self.wait(self.engine.wait_final(run)).unwrap().unwrap()
    }

    pub(crate) fn replace(&self, plan: Arc<Plan>) -> BTreeSet<Digest> {
        self.engine.tell_config(News::Live(plan, Noted::default()));
        self.engine.components_in_use().unwrap()
    }

    pub(crate) fn finish(&self) -> Finish {
        self.engine.shutdown();
        self.wait(self.engine.finished())
    }
}

pub(crate) fn job_name(name: &str) -> JobName {
    JobName::new(name).unwrap()
}

/// A job of the component `bytes`, due every `every` seconds; 0 is never.
pub(crate) fn job(name: &str, bytes: &str, every: u64) -> Job {
    let every = (every > 0).then(|| Every::new(Duration::from_secs(every), Duration::ZERO));
    let component = Component::Ready(Digest::of(bytes.as_bytes()));
    Job {
        schedule: every
            .map(|every| Trigger::Every(every.unwrap()).into())
            .unwrap_or_default(),
        ..Job::new(job_name(name), component)
    }
}

pub(crate) fn plan(jobs: impl IntoIterator<Item = Job>) -> Arc<Plan> {
    let jobs: BTreeMap<_, _> = jobs
        .into_iter()
        .map(|job| (job.name.clone(), Arc::new(job)))
        .collect();
    Arc::new(Plan {
        digest: Digest::of(format!("{jobs:?}").as_bytes()),
        settings: Settings::default(),
        jobs,
    })
}
