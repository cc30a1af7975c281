//! Attempts in small guests, each with one thing in mind.

mod guest;
mod load;

use std::{
    sync::mpsc::{self, Receiver},
    time::Duration,
};

use cronlet_core::{
    report::{Failure, Verdict},
    run::FailReason,
};

use super::*;

/// Nothing here takes that long, however busy the machine is.
const PATIENCE: Duration = Duration::from_mins(2);

fn sandbox() -> Sandbox {
    Sandbox::new(SandboxOptions::default()).unwrap()
}

fn load(sandbox: &Sandbox, bytes: &[u8]) -> Result<Loaded, Unusable> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("guest.wasm");
    std::fs::write(&path, bytes).unwrap();
    sandbox.load(&path)
}

fn limits(timeout_ms: u64) -> Limits {
    Limits {
        timeout: Duration::from_millis(timeout_ms),
        ..Limits::default()
    }
}

fn start(
    sandbox: &Sandbox,
    component: Result<Digest, String>,
    limits: Limits,
) -> (Handle, Receiver<AttemptReport>) {
    let (handle, control) = control::pair();
    let (sender, receiver) = mpsc::channel();
    let attempt = Attempt {
        component,
        limits,
        allow: Arc::default(),
        params: "{}".into(),
        facts: Facts {
            job: JobName::new("tested").unwrap(),
            run: "1".to_owned(),
            attempt: 1,
            max_attempts: NonZeroU32::MIN,
            origin: Origin::Manual,
            nominal: Timestamp::UNIX_EPOCH,
            input: None,
        },
        state: None,
        input_of: None,
    };
    let done = Box::new(move |report| sender.send(report).unwrap());
    sandbox.start(attempt, control, done);
    (handle, receiver)
}

fn run(sandbox: &Sandbox, bytes: &[u8], limits: Limits) -> AttemptReport {
    let digest = load(sandbox, bytes).unwrap().digest;
    let (_handle, report) = start(sandbox, Ok(digest), limits);
    report.recv_timeout(PATIENCE).unwrap()
}

fn failure(report: AttemptReport) -> (FailReason, Failure) {
    match report.verdict {
        Verdict::Failed { reason, failure } => (reason, failure),
        verdict => panic!("{verdict:?}"),
    }
}

/// What ends with a trap of this class.
fn trap(bytes: &[u8]) -> Failure {
    let (reason, failure) = failure(run(&sandbox(), bytes, limits(60_000)));
    assert_eq!(reason, FailReason::Trap);
    assert!(failure.backtrace.is_some(), "{failure:?}");
    failure
}

#[test]
fn a_guest_that_returns_has_succeeded() {
    let report = run(&sandbox(), &guest::noop(), limits(60_000));
    assert!(matches!(report.verdict, Verdict::Succeeded(_)));
    assert_eq!(report.usage.memory_peak, 64 << 10);
    assert_eq!(report.log, []);
    assert!(
        report
            .started_at
            .is_some_and(|start| start <= report.ended_at)
    );
}

#[test]
fn memories_count_together_from_the_start() {
    let two = guest::job("(memory 1)", "i32.const 1024");
    let limits = Limits {
        memory: 100 << 10,
        ..limits(60_000)
    };
    let (reason, failure) = failure(run(&sandbox(), &two, limits.clone()));
    assert_eq!(reason, FailReason::Memory);
    assert_eq!(
        failure.message,
        "wanted 128KiB of memory, its limit is 100KiB"
    );
    let one = run(&sandbox(), &guest::noop(), limits);
    assert!(matches!(one.verdict, Verdict::Succeeded(_)));
}

#[test]
fn a_growth_beyond_the_limit_ends_the_guest_there() {
    let grow = guest::job("", "(drop (memory.grow (i32.const 1000))) i32.const 1024");
    let report = run(
        &sandbox(),
        &grow,
        Limits {
            memory: 1 << 20,
            ..limits(60_000)
        },
    );
    assert_eq!(report.usage.memory_peak, 64 << 10);
    let (reason, failure) = failure(report);
    assert_eq!(reason, FailReason::Memory);
    assert_eq!(
        failure.message,
        "wanted 64064KiB of memory, its limit is 1MiB"
    );
    assert!(failure.backtrace.is_some_and(|text| text.contains("run")));
}

#[test]
fn a_growth_beyond_its_own_maximum_is_the_guests_own_affair() {
    let grow = guest::job(
        "(memory $small 1 2)",
        "(if (i32.ne (memory.grow $small (i32.const 9)) (i32.const -1)) (then unreachable)) \
         i32.const 1024",
    );
    let report = run(&sandbox(), &grow, limits(60_000));
    assert!(
        matches!(report.verdict, Verdict::Succeeded(_)),
        "{report:?}"
    );
    assert_eq!(report.usage.memory_peak, 128 << 10);
}

#[test]
fn a_guest_that_computes_for_ever_ends_at_its_timeout_twice_in_a_row() {
    let sandbox = sandbox();
    for _ in 0..2 {
        let report = run(&sandbox, &guest::spin(), limits(100));
        assert!(report.duration >= Duration::from_millis(100));
        assert!(report.usage.cpu > Duration::ZERO);
        let (reason, failure) = failure(report);
        assert_eq!(reason, FailReason::Timeout);
        assert_eq!(failure.message, "ran longer than its timeout of 100ms");
        assert!(failure.backtrace.is_some_and(|text| text.contains("run")));
    }
}

#[test]
fn a_ticker_that_rests_is_woken_for_a_guest() {
    let sandbox = sandbox();
    while !sandbox.shared.ticker.is_parked() {
        thread::yield_now();
    }
    let (reason, _) = failure(run(&sandbox, &guest::spin(), limits(50)));
    assert_eq!(reason, FailReason::Timeout);
}

#[test]
fn a_start_function_is_inside_the_timeout() {
    let start = guest::job(
        "(func $begin (loop $again br $again)) (start $begin)",
        "i32.const 1024",
    );
    let (reason, _) = failure(run(&sandbox(), &start, limits(50)));
    assert_eq!(reason, FailReason::Timeout);
}

#[test]
fn huge_copies_are_inside_the_timeout() {
    let copy = guest::job(
        "(memory $big 512)",
        "(loop $again
            (memory.copy $big $big (i32.const 0) (i32.const 1) (i32.const 33554431))
            br $again)
         unreachable",
    );
    let (reason, _) = failure(run(&sandbox(), &copy, limits(50)));
    assert_eq!(reason, FailReason::Timeout);
}

#[test]
fn a_timeout_too_long_to_count_is_no_mistake() {
    let report = run(
        &sandbox(),
        &guest::noop(),
        Limits {
            timeout: Duration::MAX,
            ..Limits::default()
        },
    );
    assert!(matches!(report.verdict, Verdict::Succeeded(_)));
}

#[test]
fn traps_have_a_class_and_a_sentence() {
    let recursion = trap(&guest::job("", "(call $run (i32.const 0) (i32.const 0))"));
    assert_eq!(recursion.code, "stack-overflow");
    assert_eq!(recursion.message, "call stack exhausted");
    let unreachable = trap(&guest::job("", "unreachable"));
    assert_eq!(unreachable.code, "unreachable");
    assert_eq!(
        unreachable.message,
        "wasm `unreachable` instruction executed"
    );
    let division = trap(&guest::job("", "(i32.div_u (i32.const 1) (i32.const 0))"));
    assert_eq!(division.code, "arithmetic");
    let bounds = trap(&guest::job("", "(i32.load (i32.const 0x7fffffff))"));
    assert_eq!(bounds.code, "out-of-bounds");
}

/// A guest with 32 MiB of memory that returns an outcome whose output begins at 0 and has this
/// many bytes.
fn output_of(bytes: u32) -> Vec<u8> {
    guest::job(
        "",
        &format!(
            "(drop (memory.grow (i32.const 511)))
             (i32.store (i32.const 1040) (i32.const 1))
             (i32.store (i32.const 1048) (i32.const {bytes}))
             i32.const 1024"
        ),
    )
}

#[test]
fn an_output_is_bounded_before_it_is_copied() {
    for bytes in [(1 << 20) + 1, 20 << 20] {
        let (reason, failure) = failure(run(&sandbox(), &output_of(bytes), limits(60_000)));
        assert_eq!(reason, FailReason::Output, "{failure:?}");
        assert!(
            failure.message.ends_with("over its limit of 1MiB"),
            "{failure:?}"
        );
    }
}

#[test]
fn a_result_that_makes_no_sense_is_a_trap() {
    let beyond = guest::job("", "i32.const 0x7ffffff0");
    let not_text = guest::job(
        "",
        "(i32.store (i32.const 2048) (i32.const -1))
         (i32.store (i32.const 1032) (i32.const 2048))
         (i32.store (i32.const 1036) (i32.const 4))
         i32.const 1024",
    );
    let no_such_case = guest::job(
        "",
        "(i32.store8 (i32.const 1024) (i32.const 7)) i32.const 1024",
    );
    for bytes in [beyond, not_text, no_such_case] {
        let (reason, failure) = failure(run(&sandbox(), &bytes, limits(60_000)));
        assert_eq!(reason, FailReason::Trap);
        assert_ne!(failure.message, "");
    }
}

#[test]
fn without_a_pool_the_limits_are_the_same() {
    let engine = engine::on_demand(false).unwrap();
    let sandbox = Sandbox::with_engine(engine, SandboxOptions::default()).unwrap();
    let report = run(&sandbox, &guest::noop(), limits(60_000));
    assert!(matches!(report.verdict, Verdict::Succeeded(_)));
    let report = run(&sandbox, &output_of(16), limits(60_000));
    assert_eq!(report.usage.memory_peak, 32 << 20);
    let little = Limits {
        memory: 1 << 20,
        ..limits(60_000)
    };
    let (reason, _) = failure(run(&sandbox, &output_of(16), little));
    assert_eq!(reason, FailReason::Memory);
    let (reason, _) = failure(run(&sandbox, &guest::spin(), limits(50)));
    assert_eq!(reason, FailReason::Timeout);
    let memories = "(memory 1)".repeat(engine::MEMORIES as usize);
    let many = guest::job(&memories, "i32.const 1024");
    let (reason, _) = failure(run(&sandbox, &many, limits(60_000)));
    assert_eq!(reason, FailReason::Load);
}

#[test]
fn one_thread_serves_others_while_a_guest_computes() {
    let sandbox = Sandbox::new(SandboxOptions {
        threads: NonZeroUsize::new(1),
        ..SandboxOptions::default()
    })
    .unwrap();
    let spin = load(&sandbox, &guest::spin()).unwrap().digest;
    let (handle, spinning) = start(&sandbox, Ok(spin), limits(3_600_000));
    for _ in 0..3 {
        let report = run(&sandbox, &guest::noop(), limits(60_000));
        assert!(matches!(report.verdict, Verdict::Succeeded(_)));
    }
    assert!(spinning.try_recv().is_err());
    handle.stop_within(Duration::ZERO);
    let report = spinning.recv_timeout(PATIENCE).unwrap();
    assert_eq!(report.verdict, Verdict::Stopped);
}

#[test]
fn who_has_no_place_waits_and_can_be_stopped_meanwhile() {
    let sandbox = Sandbox::new(SandboxOptions {
        max_concurrent: NonZeroU32::MIN,
        ..SandboxOptions::default()
    })
    .unwrap();
    let spin = load(&sandbox, &guest::spin()).unwrap().digest;
    let (first, first_report) = start(&sandbox, Ok(spin), limits(3_600_000));
    let (second, second_report) = start(&sandbox, Ok(spin), limits(3_600_000));
    let (_third, third_report) = start(&sandbox, Ok(spin), limits(10));
    second.stop_within(Duration::ZERO);
    first.stop_within(Duration::ZERO);
    for report in [first_report, second_report] {
        let report = report.recv_timeout(PATIENCE).unwrap();
        assert_eq!(report.verdict, Verdict::Stopped);
    }
    // Its timeout begins when it starts, not while it waits.
    let (reason, _) = failure(third_report.recv_timeout(PATIENCE).unwrap());
    assert_eq!(reason, FailReason::Timeout);
}

#[test]
fn an_unusable_component_fails_its_attempt() {
    let sandbox = sandbox();
    let (_handle, report) = start(&sandbox, Err("it is rotten".to_owned()), limits(1));
    let report = report.recv_timeout(PATIENCE).unwrap();
    assert_eq!(report.started_at, None);
    let (reason, failure) = failure(report);
    assert_eq!(
        (reason, failure.message.as_str()),
        (FailReason::Load, "it is rotten")
    );
}

#[test]
fn a_sandbox_that_goes_away_stops_its_guests() {
    let sandbox = sandbox();
    let spin = load(&sandbox, &guest::spin()).unwrap().digest;
    let (_handle, report) = start(&sandbox, Ok(spin), limits(3_600_000));
    drop(sandbox);
    let report = report.recv_timeout(PATIENCE).unwrap();
    assert_eq!(report.verdict, Verdict::Stopped);
}

#[test]
fn a_thousand_attempts_leave_no_place_taken() {
    let sandbox = Sandbox::new(SandboxOptions {
        max_concurrent: NonZeroU32::new(2).unwrap(),
        ..SandboxOptions::default()
    })
    .unwrap();
    let noop = load(&sandbox, &guest::noop()).unwrap().digest;
    let trap = load(&sandbox, &guest::job("", "unreachable"))
        .unwrap()
        .digest;
    let reports: Vec<_> = (0..1000)
        .map(|n| {
            start(
                &sandbox,
                Ok(if n % 2 == 0 { noop } else { trap }),
                limits(60_000),
            )
        })
        .collect();
    for (n, (_handle, report)) in reports.into_iter().enumerate() {
        let report = report.recv_timeout(PATIENCE).unwrap();
        let succeeded = matches!(report.verdict, Verdict::Succeeded(_));
        assert_eq!(succeeded, n % 2 == 0, "{report:?}");
    }
}
