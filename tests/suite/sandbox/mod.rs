//! Every guest in the real sandbox: the well-behaved ones get what they were
//! promised, the hostile ones end with the right reason, and nobody else notices.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{path::Path, time::Duration};

use cronlet::sandbox::{Sandbox, SandboxOptions, control};
use cronlet_core::{
    limits::Limits,
    report::{ErrorKind, Level, LogLine, Outcome, Verdict},
    run::FailReason,
};
use jiff::Timestamp;
use serde_json::{Value, json};

/// A guest that nobody runs is a mistake: it must have a test of its name.
macro_rules! assert_test_exists {
    ($name:ident) => {
        #[expect(unused_imports, reason = "only that it is there")]
        use self::$name as _;
    };
}
tests::foreach_guest!(assert_test_exists);

mod guest;
mod state;

use crate::{csv_import, files};
use guest::*;
pub(crate) use guest::{Guest, outcome, output, timed_out};
use state::remember;

#[test]
fn noop() {
    let guest = Guest::new(tests::NOOP);
    assert_eq!(guest.loaded.world, "described-job");
    let report = guest.run();
    assert_eq!(report.log, []);
    assert_eq!(outcome(report), Outcome::default());
}

#[test]
fn bare() {
    let guest = Guest::new(tests::BARE);
    assert_eq!(guest.loaded.world, "job");
    assert_eq!(guest.outcome(), Outcome::default());
}

#[test]
fn hello() {
    let report = Guest::new(tests::HELLO)
        .params(json!({"name": "world"}))
        .run();
    assert_eq!(report.log.len(), 1);
    assert_eq!(report.log[0].level, Level::Info);
    assert_eq!(report.log[0].message, "greeting world");
    assert_eq!(outcome(report).summary, "hello world");
}

#[test]
fn echo() {
    let guest = Guest::new(tests::ECHO).params(json!({"a": [1, "é", null]}));
    let before = Timestamp::now();
    let outcome = guest.outcome();
    let mut said = output(&outcome);
    let deadline = said["deadline"].take().as_i64().unwrap();
    let earliest = (before + PATIENCE).as_millisecond();
    assert!(deadline >= earliest && deadline <= earliest + 60_000);
    let expected = json!({
        "params": {"a": [1, "é", null]},
        "job": "fetch-papers",
        "run_id": "1042",
        "attempt": 1,
        "max_attempts": 4,
        "trigger": "catch-up",
        "nominal": 1_772_344_800_000_i64,
        "deadline": null,
        "input": {"from": "upstream"},
        "attribute": null,
        "cancelled": false,
    });
    assert_eq!(said, expected);
    let colour = ("colour".to_owned(), "green".to_owned());
    assert_eq!(outcome.attributes, [colour]);
}

#[test]
fn a_guest_gets_what_another_run_has_left() {
    let echo = |left| Guest::new(tests::ECHO).input_of(left);
    let input = |left| output(&echo(left).outcome())["input"].take();
    assert_eq!(input(Left::Output), json!({"by": 41}));
    assert_eq!(input(Left::Nothing), Value::Null);
    // No guest runs without what it was to get, and one that may be there later is asked for again.
    let (kind, failure) = echo(Left::Gone).error();
    assert_eq!(
        (kind, failure.code.as_str()),
        (ErrorKind::Permanent, "input-unavailable")
    );
    assert_eq!(
        failure.message,
        "the history of run 41, whose output is this run's input, is kept no more"
    );
    let (kind, failure) = echo(Left::Unread).error();
    assert_eq!(
        (kind, failure.code.as_str()),
        (ErrorKind::Retryable, "input-unavailable")
    );
    assert_eq!(failure.message, "the disk is on fire");
    // Who cannot ask needs none.
    let noop = Guest::new(tests::NOOP).input_of(Left::Unread);
    noop.outcome();
}

#[test]
fn fail() {
    let error = |params| Guest::new(tests::FAIL).params(params).error();
    let (kind, failure) = error(json!({"kind": "retryable", "message": "again"}));
    assert_eq!(kind, ErrorKind::Retryable);
    assert_eq!(
        (failure.code.as_str(), failure.message.as_str()),
        ("told-to", "again")
    );
    assert_eq!(failure.attributes, [("by".to_owned(), "params".to_owned())]);
    let (kind, _) = error(json!({"kind": "retry-after", "message": "later", "ms": 1500}));
    assert_eq!(kind, ErrorKind::RetryAfter(Duration::from_millis(1500)));
    let (kind, _) = error(json!({"kind": "permanent", "message": "never"}));
    assert_eq!(kind, ErrorKind::Permanent);
    let (kind, _) = error(json!({"kind": "cancelled", "message": "stopped"}));
    assert_eq!(kind, ErrorKind::Cancelled);
    let (kind, failure) = error(json!({"kind": "ordinary", "message": "disk on fire"}));
    assert_eq!(kind, ErrorKind::Retryable);
    assert_eq!(failure.message, "disk on fire");
}

#[test]
fn flaky() {
    let mut guest = Guest::new(tests::FLAKY).params(json!({"succeeds_at": 2}));
    assert_eq!(guest.error().1.message, "attempt 1 fails");
    guest.attempt = 2;
    assert_eq!(guest.outcome().summary, "attempt 2 works");
}

#[test]
fn spin() {
    let spin = Guest::new(tests::SPIN).timeout_ms(300);
    for _ in 0..2 {
        let failure = timed_out(spin.run(), 300);
        assert!(failure.backtrace.is_some_and(|text| text.contains("spin")));
    }
}

#[test]
fn others_run_while_guests_spin() {
    let mut guest = Guest::new(tests::SPIN);
    // More than there are threads.
    let spinning: Vec<_> = (0..8).map(|_| guest.start()).collect();
    for running in &spinning {
        running.wait_for("spinning");
    }
    guest.loaded = guest.sandbox.load(Path::new(tests::NOOP)).unwrap();
    guest.outcome();
    for running in &spinning {
        assert!(running.report.try_recv().is_err());
        running.handle.stop_within(Duration::ZERO);
    }
    for running in spinning {
        assert_eq!(running.end().verdict, Verdict::Stopped);
    }
}

#[test]
fn sleep() {
    let sleep = Guest::new(tests::SLEEP).timeout_ms(300);
    for _ in 0..2 {
        let report = sleep.run();
        assert!(
            report.usage.cpu < Duration::from_millis(300),
            "sleeping is free"
        );
        timed_out(report, 300);
    }
    let short = Guest::new(tests::SLEEP).params(json!({"ms": 1}));
    assert_eq!(short.outcome().summary, "slept");
}

#[test]
fn talk() {
    let guest = Guest::new(tests::TALK).params(json!({"steps": 2, "lines": 3}));
    let running = guest.start();
    let report = running.report.recv_timeout(PATIENCE).unwrap();
    assert_eq!((report.usage.log_lines, report.log.len()), (6, 6));
    let progress = running.handle.progress().unwrap();
    assert_eq!((progress.done, progress.total), (2, Some(2)));
}

#[test]
fn of_two_runs_with_one_limit_neither_is_cut_early() {
    for path in [tests::SLEEP, tests::SPIN] {
        let guest = Guest::new(path).timeout_ms(400);
        let both = [guest.start(), guest.start()];
        for running in both {
            timed_out(running.end(), 400);
        }
    }
}

#[test]
fn eat_memory() {
    let all = Guest::new(tests::EAT_MEMORY);
    let report = all.run();
    let limit = all.limits.memory;
    assert!(report.usage.memory_peak > limit / 2);
    assert!(report.usage.memory_peak <= limit);
    let (reason, failure) = failed(report);
    assert_eq!(reason, FailReason::Memory);
    assert!(
        failure.message.ends_with("of memory, its limit is 64MiB"),
        "{failure:?}"
    );
    assert!(failure.backtrace.is_some());
    let some = all.params(json!({"mib": 8}));
    let report = some.run();
    assert!(report.usage.memory_peak >= 8 << 20);
    assert_eq!(outcome(report).summary, "ate 8 MiB");
}

#[test]
fn flood_output() {
    let bytes = 10 << 20;
    let mut guest = Guest::new(tests::FLOOD_OUTPUT);
    for line in [json!(100), json!(null)] {
        guest = guest.params(json!({"bytes": bytes, "line": line}));
        let report = guest.run();
        let kept = text_of(&report.log, Level::Stdout) + text_of(&report.log, Level::Stderr);
        assert!(kept > 100 << 10 && kept <= 256 << 10, "{kept}");
        assert!(report.usage.log_dropped > 0);
        assert!(report.usage.log_lines > report.usage.log_dropped);
        assert!(report.log.iter().any(|line| line.level == Level::Host));
        assert_eq!(
            report.log.last().map(|line| line.level),
            Some(Level::Stderr)
        );
        outcome(report);
    }
}

#[test]
fn flood_log() {
    let report = Guest::new(tests::FLOOD_LOG)
        .params(json!({"lines": 20_000, "bytes": 100}))
        .run();
    assert_eq!(report.usage.log_lines, 20_000);
    assert_eq!(
        report.log.len() as u64,
        20_000 - report.usage.log_dropped + 1
    );
    let field = |line: Option<&LogLine>| line.map(|line| line.fields[0].1.clone());
    assert_eq!(field(report.log.first()).as_deref(), Some("0"));
    assert_eq!(field(report.log.last()).as_deref(), Some("19999"));
    outcome(report);
}

#[test]
fn big_output() {
    let max = Limits::default().max_output;
    let mut guest = Guest::new(tests::BIG_OUTPUT).params(json!({"bytes": max}));
    let fitting = guest.outcome().output.map(|text| text.len() as u64);
    assert_eq!(fitting, Some(max));
    // The second is refused before the host copies it.
    guest.limits.memory = 1 << 30;
    for bytes in [max + 1, 20 << 20] {
        guest = guest.params(json!({"bytes": bytes}));
        let (reason, failure) = guest.failed();
        assert_eq!(reason, FailReason::Output);
        assert!(
            failure.message.ends_with("is over its limit of 1MiB"),
            "{failure:?}"
        );
    }
}

#[test]
fn panic() {
    let report = Guest::new(tests::PANIC)
        .params(json!({"message": "out of luck"}))
        .run();
    let printed = report.log.iter().find(|line| line.level == Level::Stdout);
    assert_eq!(
        printed.map(|line| line.message.as_str()),
        Some("before the panic")
    );
    let (reason, failure) = failed(report);
    assert_eq!((reason, failure.code.as_str()), (FailReason::Trap, "panic"));
    assert!(failure.message.starts_with("panicked at "), "{failure:?}");
    assert!(failure.message.ends_with(": out of luck"), "{failure:?}");
    assert!(failure.message.contains("panic.rs:"), "{failure:?}");
    assert!(failure.backtrace.is_some());
}

#[test]
fn trap() {
    let (reason, failure) = Guest::new(tests::TRAP).failed();
    assert_eq!(
        (reason, failure.code.as_str()),
        (FailReason::Trap, "unreachable")
    );
    assert_eq!(failure.message, "wasm `unreachable` instruction executed");
    assert!(failure.backtrace.is_some());
}

#[test]
fn stack_overflow() {
    let (reason, failure) = Guest::new(tests::STACK_OVERFLOW).failed();
    assert_eq!(
        (reason, failure.code.as_str()),
        (FailReason::Trap, "stack-overflow")
    );
    assert!(
        failure
            .backtrace
            .is_some_and(|text| text.contains("deeper"))
    );
}

#[test]
fn exit() {
    let (kind, failure) = Guest::new(tests::EXIT).error();
    assert_eq!(
        (kind, failure.code.as_str()),
        (ErrorKind::Retryable, "exit")
    );
    assert!(
        failure.message.starts_with("exited, as failed,"),
        "{failure:?}"
    );
    assert!(!failure.message.contains("code 0"), "{failure:?}");
}

#[test]
fn cooperative() {
    let guest = Guest::new(tests::COOPERATIVE);
    let running = guest.start();
    running.wait_for("working");
    running.handle.stop_within(PATIENCE);
    let (handle, report) = (running.handle.clone(), running.end());
    let Verdict::Error { kind, failure } = report.verdict else {
        panic!("{:?}", report.verdict);
    };
    assert_eq!(kind, ErrorKind::Cancelled);
    assert!(failure.message.starts_with("stopped before step "));
    if let Some(progress) = handle.progress() {
        assert_eq!(progress.message.as_deref(), Some("working"));
        assert!(progress.done >= 1);
    }
}

#[test]
fn stubborn() {
    let guest = Guest::new(tests::STUBBORN);
    let running = guest.start();
    running.wait_for("working");
    running.handle.stop_within(Duration::from_millis(50));
    let report = running.end();
    assert!(report.duration < LATE, "{:?}", report.duration);
    assert_eq!(report.verdict, Verdict::Stopped);
}

#[test]
fn not_a_job() {
    let sandbox = Sandbox::new(SandboxOptions::default()).unwrap();
    let unusable = sandbox.load(Path::new(tests::NOT_A_JOB)).unwrap_err();
    assert_eq!(unusable.code, "not-a-job");
    assert!(
        unusable
            .message
            .starts_with("it exports `wasi:cli/run@0.2.")
    );
}

#[test]
fn endless_describe() {
    // Loading does not call it.
    let guest = Guest::new(tests::ENDLESS_DESCRIBE);
    assert_eq!(guest.loaded.world, "described-job");
    guest.outcome();
}

#[test]
fn probe() {
    let seen = output(&Guest::new(tests::PROBE).outcome());
    assert_eq!(seen["environment"], json!({}));
    assert_eq!(seen["arguments"], json!([]));
    assert_eq!(seen["stdin"], json!({"ok": ""}));
    for closed in ["root", "here", "write", "tcp", "dns"] {
        assert!(seen[closed]["error"].is_string(), "{closed}: {seen}");
    }
    let now = Timestamp::now().as_second();
    assert!(
        seen["unix_seconds"]
            .as_i64()
            .is_some_and(|said| (now - said).abs() < 600)
    );
    assert_ne!(
        seen["random"],
        output(&Guest::new(tests::PROBE).outcome())["random"]
    );
}

#[test]
fn a_panic_of_the_host_fails_one_attempt() {
    let guest = Guest::new(tests::HELLO).params(json!({"name": "world"}));
    let (_handle, control) = control::pair_with_log(|_| panic!("a mistake of ours"));
    let report = guest.start_with(control).recv_timeout(PATIENCE).unwrap();
    let (reason, failure) = failed(report);
    assert_eq!((reason, failure.code.as_str()), (FailReason::Trap, "host"));
    assert_eq!(guest.outcome().summary, "hello world");
}

#[test]
fn a_damaged_component_is_an_error_and_nothing_worse() {
    let sandbox = Sandbox::new(SandboxOptions::default()).unwrap();
    let sound = std::fs::read(tests::BARE).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("damaged.wasm");
    // A prime, so that the places are of every kind.
    for at in (0..sound.len()).step_by(509) {
        std::fs::write(&path, &sound[..at]).unwrap();
        // Cut between two sections it may be a component still, but never a job.
        assert!(sandbox.load(&path).is_err(), "cut at {at}");
        let mut flipped = sound.clone();
        flipped[at] ^= 0xff;
        std::fs::write(&path, &flipped).unwrap();
        let _ = sandbox.load(&path);
    }
}
