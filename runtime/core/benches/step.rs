//! What a step of the engine costs by the number of jobs: the life of one occurrence from its time to
//! its end, a wake that comes to nothing, and a run that somebody asks for.

use std::{cell::RefCell, sync::Arc, time::Duration};

use cronlet_core::{
    digest::Digest,
    engine::{Effect, Engine, Event, RunRequest},
    job::{Component, Job},
    name::JobName,
    plan::{Plan, Settings},
    record::Recovery,
    report::{AttemptReport, Outcome, Usage, Verdict},
    run::RequestId,
    schedule::{Every, Trigger},
};
use divan::{Bencher, black_box};
use jiff::Timestamp;

/// How many jobs there are.
const JOBS: [u64; 3] = [100, 10_000, 1_000_000];

fn main() {
    divan::main();
}

/// An engine with many jobs, of which one is due at a time, and a disk that is instant.
struct Bench {
    engine: Engine,
    now: Timestamp,
    /// From one job's instant to the next job's.
    tick: Duration,
    steps: u64,
}

impl Bench {
    fn new(jobs: u64) -> Self {
        let tick = Duration::from_millis((1_000 / jobs).max(1));
        let period = tick * u32::try_from(jobs).expect("it is a count");
        let digest = Digest::of(b"step");
        let job = |number: u64| {
            let name = JobName::new(&format!("job-{number}")).expect("it is a name");
            let offset = tick * u32::try_from(number).expect("it is a count");
            let every = Every::new(period, offset).expect("it is a period");
            let job = Job {
                schedule: Trigger::Every(every).into(),
                ..Job::new(name.clone(), Component::Ready(digest))
            };
            (name, Arc::new(job))
        };
        let plan = Arc::new(Plan {
            digest,
            settings: Settings::default(),
            jobs: (0..jobs).map(job).collect(),
        });
        let recovery = Recovery {
            next_run: 1,
            ..Recovery::default()
        };
        let mut bench = Self {
            engine: Engine::new(),
            // A multiple of every period.
            now: Timestamp::from_second(1_800_000_000).expect("it is a time"),
            tick,
            steps: 0,
        };
        bench.tell(Event::Started { recovery, plan });
        // What it takes to be made is freed now, and not in the first of what is measured.
        drop(black_box(vec![0u8; 100_000]));
        bench
    }

    /// A step, and those that follow when its batch is on disk and its guest has ended.
    fn tell(&mut self, event: Event) {
        let mut events = vec![event];
        while let Some(event) = events.pop() {
            self.steps += 1;
            for effect in self.engine.step(self.now, event) {
                match effect {
                    Effect::Commit(batch) => events.push(Event::Stored { through: batch.seq }),
                    Effect::Start(start) => events.push(Event::AttemptEnded {
                        run: start.run.run,
                        attempt: start.attempt,
                        report: self.report(),
                    }),
                    _ => {}
                }
            }
        }
    }

    fn report(&self) -> Arc<AttemptReport> {
        Arc::new(AttemptReport {
            started_at: Some(self.now),
            ended_at: self.now,
            duration: Duration::ZERO,
            verdict: Verdict::Succeeded(Outcome::default()),
            usage: Usage::default(),
            log: Vec::new(),
            state: None,
        })
    }
}

/// Due, recorded, started, ended, recorded: four steps.
#[divan::bench(args = JOBS)]
fn one_occurrence(bencher: Bencher<'_, '_>, jobs: u64) {
    let bench = RefCell::new(Bench::new(jobs));
    bench.borrow_mut().steps = 0;
    bencher.bench_local(|| {
        let mut bench = bench.borrow_mut();
        let tick = bench.tick;
        bench.now += tick;
        bench.tell(black_box(Event::Woke));
    });
    assert!(bench.borrow().steps > 3, "the occurrence has run");
}

/// A look at the clock when nothing is due.
#[divan::bench(args = JOBS)]
fn a_wake_for_nothing(bencher: Bencher<'_, '_>, jobs: u64) {
    let bench = RefCell::new(Bench::new(jobs));
    bencher.bench_local(|| bench.borrow_mut().tell(black_box(Event::Woke)));
}

/// Asked for, recorded, started, ended, recorded: four steps, and an answer.
#[divan::bench(args = JOBS)]
fn one_request(bencher: Bencher<'_, '_>, jobs: u64) {
    let bench = RefCell::new(Bench::new(jobs));
    let job = JobName::new(&format!("job-{}", jobs / 2)).expect("it is a name");
    bencher.bench_local(|| {
        let mut bench = bench.borrow_mut();
        let id = RequestId(bench.steps);
        let request = RunRequest {
            id,
            job: job.clone(),
            nominal: None,
            params: None,
            actor: None,
        };
        bench.tell(black_box(Event::RunRequested(request)));
    });
}
