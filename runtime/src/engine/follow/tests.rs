use cronlet_core::{policy::Retry, report::Level, run::RunStatus};

use super::*;
use crate::engine::bench::{Bench, Guest, job, plan};

/// A follower, and what he has heard.
struct Ears(mpsc::Receiver<Step>);

impl Ears {
    fn of(bench: &Bench, run: RunId) -> Self {
        Self(bench.wait(follow(&bench.engine, run)).unwrap().unwrap())
    }

    /// The next thing: a line, or where the run stands; `over` when there is nothing more.
    fn next(&mut self, bench: &Bench) -> Vec<String> {
        match bench.wait(self.0.recv()) {
            None => vec!["over".to_owned()],
            Some(Step::Run(row)) => vec![format!("{}", row.status)],
            Some(Step::Log { attempt, lines }) => {
                let lines = lines.into_iter();
                lines
                    .map(|line| format!("{attempt}: {}", line.message))
                    .collect()
            }
            Some(Step::Progress { attempt, progress }) => {
                vec![format!("{attempt}: {}", progress.done)]
            }
        }
    }

    /// Everything up to `last`.
    fn until(&mut self, bench: &Bench, last: &str) -> Vec<String> {
        let mut heard = Vec::new();
        while heard.last().map(String::as_str) != Some(last) {
            let next = self.next(bench);
            assert_ne!(next, ["over"], "{heard:?}");
            heard.extend(next);
        }
        heard
    }
}

/// A run whose first attempt works.
fn started(retries: u32) -> (Bench, Guest) {
    let mut job = job("a", "1", 0);
    job.retry = Retry {
        max: retries,
        delay: Duration::from_secs(5),
        jitter: false,
        ..Retry::default()
    };
    let bench = Bench::new(&plan([job]));
    bench.request("a");
    let guest = bench.guest();
    (bench, guest)
}

/// Until the history says so.
fn until_retrying(bench: &Bench, run: RunId) {
    while bench.row(run).status != RunStatus::Retrying {
        std::thread::yield_now();
    }
}

#[test]
fn a_follower_hears_what_was_said_and_what_is_said_through_retries() {
    let (bench, guest) = started(1);
    guest.say("before");
    let mut ears = Ears::of(&bench, guest.run());
    assert_eq!(ears.until(&bench, "1: before"), ["running", "1: before"]);
    guest.say("after");
    assert_eq!(ears.next(&bench), ["1: after"]);
    guest.trap();
    assert_eq!(ears.next(&bench), ["retrying"]);
    bench.pass(5);
    let guest = bench.guest();
    guest.say("again");
    assert_eq!(ears.until(&bench, "2: again"), ["running", "2: again"]);
    guest.succeed();
    assert_eq!(ears.next(&bench), ["succeeded"]);
    assert_eq!(ears.next(&bench), ["over"]);
}

#[test]
fn who_comes_late_hears_all_of_it() {
    let (bench, guest) = started(1);
    let run = guest.run();
    guest.say("one");
    guest.trap();
    until_retrying(&bench, run);
    let mut ears = Ears::of(&bench, run);
    assert_eq!(ears.until(&bench, "retrying"), ["1: one", "retrying"]);
    bench.pass(5);
    let guest = bench.guest();
    guest.say("two");
    guest.succeed();
    bench.wait_final(run);
    assert_eq!(ears.until(&bench, "succeeded").last().unwrap(), "succeeded");
    let mut later = Ears::of(&bench, run);
    let all = later.until(&bench, "succeeded");
    assert_eq!(all, ["1: one", "2: two", "succeeded"]);
    assert_eq!(later.next(&bench), ["over"]);
}

#[test]
fn a_run_that_waits_is_followed_from_its_first_word() {
    let (bench, guest) = started(1);
    let run = guest.run();
    guest.trap();
    until_retrying(&bench, run);
    let mut ears = Ears::of(&bench, run);
    assert_eq!(ears.next(&bench), ["retrying"]);
    bench.cancel(run);
    assert_eq!(ears.next(&bench), ["cancelled"]);
    assert_eq!(ears.next(&bench), ["over"]);
}

#[test]
fn a_follower_hears_how_far_it_has_come() {
    let (bench, guest) = started(0);
    let mut ears = Ears::of(&bench, guest.run());
    guest.control.set_progress(Progress {
        done: 3,
        total: None,
        message: None,
    });
    ears.until(&bench, "1: 3");
    guest.succeed();
    assert_eq!(ears.next(&bench), ["succeeded"]);
}

#[test]
fn who_reads_nothing_holds_nobody_and_hears_what_he_missed() {
    let (bench, guest) = started(0);
    let mut ears = Ears::of(&bench, guest.run());
    for n in 0..20_000 {
        guest.say(&n.to_string());
    }
    let mut lines = 0;
    let mut missed = 0;
    while lines + missed < 20_000 {
        for heard in ears.next(&bench) {
            match heard.strip_suffix(" lines were dropped here") {
                Some(n) => missed += n.strip_prefix("1: ").unwrap().parse::<u64>().unwrap(),
                None if heard.starts_with("1: ") => lines += 1,
                None => assert_eq!(heard, "running"),
            }
        }
    }
    assert!(missed > 10_000, "{missed}");
    guest.succeed();
    assert_eq!(ears.next(&bench), ["succeeded"]);
}

#[test]
fn a_guest_that_never_stops_talking_has_a_log_all_the_same() {
    let (bench, guest) = started(0);
    let control = guest.control.clone();
    let (over, is_over) = std::sync::mpsc::channel::<()>();
    let (begun, has_begun) = std::sync::mpsc::channel();
    let talking = std::thread::spawn(move || {
        let mut said = 0_u64;
        while is_over.try_recv() == Err(std::sync::mpsc::TryRecvError::Empty) {
            control.say(LogLine {
                at: jiff::Timestamp::UNIX_EPOCH,
                level: Level::Info,
                message: said.to_string(),
                fields: Vec::new(),
            });
            said += 1;
            if said == 10_000 {
                begun.send(()).unwrap();
            }
        }
    });
    has_begun.recv().unwrap();
    let steps = bench.wait(log(&bench.engine, guest.run())).unwrap();
    over.send(()).unwrap();
    talking.join().unwrap();
    let [Step::Log { attempt: 1, lines }] = &*steps else {
        panic!("{} steps", steps.len());
    };
    assert_eq!(lines[0].message, "0");
    let dropped = lines.iter().filter(|line| line.level == Level::Host);
    assert_eq!(dropped.count(), 1, "it is said once that some are missing");
    guest.succeed();
}

#[test]
fn a_follower_hears_when_the_engine_stops() {
    let (bench, guest) = started(0);
    let mut ears = Ears::of(&bench, guest.run());
    ears.until(&bench, "running");
    bench.engine.shutdown();
    guest.say("last words");
    assert_eq!(ears.next(&bench), ["1: last words"]);
    guest.end(cronlet_core::report::Verdict::Stopped);
    assert_eq!(ears.next(&bench), ["queued"]);
    assert_eq!(ears.next(&bench), ["over"]);
}

#[test]
fn what_a_run_has_said_so_far() {
    let (bench, guest) = started(1);
    let run = guest.run();
    guest.say("one");
    guest.trap();
    until_retrying(&bench, run);
    bench.pass(5);
    let guest = bench.guest();
    guest.say("two");
    let said = |bench: &Bench| -> Vec<(u32, String)> {
        let steps = bench.wait(log(&bench.engine, run)).unwrap();
        let lines = steps.into_iter().flat_map(|step| match step {
            Step::Log { attempt, lines } => {
                let of = |line: LogLine| (attempt, line.message);
                lines.into_iter().map(of).collect()
            }
            _ => Vec::new(),
        });
        lines.collect()
    };
    let both = [(1, "one".to_owned()), (2, "two".to_owned())];
    assert_eq!(said(&bench), both);
    guest.succeed();
    assert_eq!(bench.wait_final(run).status, RunStatus::Succeeded);
    assert_eq!(said(&bench), both);
    assert!(
        bench
            .wait(follow(&bench.engine, RunId(9)))
            .unwrap()
            .is_none()
    );
}
