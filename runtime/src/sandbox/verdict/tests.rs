//! What is made of what a guest returned, and of its last words.

use cronlet_core::report::Level;
use jiff::Timestamp;

use super::*;

fn line(level: Level, message: &str) -> LogLine {
    LogLine {
        at: Timestamp::UNIX_EPOCH,
        level,
        message: message.to_owned(),
        fields: Vec::new(),
    }
}

fn explained(log: &[LogLine]) -> Failure {
    let mut verdict = failed(FailReason::Trap, "unreachable", "trapped".to_owned(), None);
    explain(&mut verdict, log);
    let Verdict::Failed { failure, .. } = verdict else {
        panic!("{verdict:?}");
    };
    failure
}

fn outcome(output: &str) -> Verdict {
    let outcome = types::Outcome {
        summary: String::new(),
        output: Some(output.to_owned()),
        attributes: Vec::new(),
    };
    of_value(Ok(outcome), &Limits::default())
}

#[test]
fn a_panic_that_was_logged_is_the_message() {
    let failure = explained(&[
        line(Level::Info, "work"),
        line(Level::Error, "panicked at src/lib.rs:5:3: no such luck"),
    ]);
    assert_eq!(failure.code, "panic");
    assert_eq!(failure.message, "panicked at src/lib.rs:5:3: no such luck");
}

#[test]
fn a_panic_on_standard_error_is_the_message() {
    let failure = explained(&[
        line(Level::Stderr, "warming up"),
        line(
            Level::Stderr,
            "thread 'main' (1) panicked at src/lib.rs:5:3:",
        ),
        line(Level::Stdout, "between"),
        line(Level::Stderr, "no such luck"),
        line(Level::Stderr, "at all"),
        line(
            Level::Stderr,
            "note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace",
        ),
    ]);
    assert_eq!(
        failure.message,
        "panicked at src/lib.rs:5:3: no such luck\nat all"
    );
}

#[test]
fn other_last_words_are_kept_beside_the_trap() {
    let failure = explained(&[
        line(Level::Error, "panicked long ago"),
        line(Level::Stderr, "Traceback"),
        line(Level::Stderr, "KeyError: 'x'"),
    ]);
    assert_eq!(failure.code, "unreachable");
    assert_eq!(failure.message, "trapped");
    let stderr = ("stderr".to_owned(), "Traceback\nKeyError: 'x'".to_owned());
    assert_eq!(failure.attributes, [stderr]);
    let wordy = explained(&vec![line(Level::Stderr, &"é".repeat(4000)); 100]);
    assert!(wordy.attributes[0].1.len() <= 2 << 10);
    assert_eq!(explained(&[]).attributes, []);
}

#[test]
fn an_exit_has_its_last_words_too() {
    let mut verdict = exit(1);
    explain(&mut verdict, &[line(Level::Stderr, "SystemExit: 1")]);
    let Verdict::Error { kind, failure } = verdict else {
        panic!("{verdict:?}");
    };
    assert_eq!(kind, ErrorKind::Retryable);
    assert_eq!(failure.message, "exited, as failed, instead of returning");
    assert_eq!(failure.attributes[0].1, "SystemExit: 1");
}

#[test]
fn a_panic_before_another_trap_is_not_its_reason() {
    let mut verdict = failed(FailReason::Trap, "arithmetic", "trapped".to_owned(), None);
    explain(
        &mut verdict,
        &[line(Level::Error, "panicked, and caught it")],
    );
    let Verdict::Failed { failure, .. } = verdict else {
        panic!("{verdict:?}");
    };
    assert_eq!(failure.message, "trapped");
}

#[test]
fn only_a_death_is_explained() {
    let mut verdict = of_timeout(&Limits::default(), None);
    let before = verdict.clone();
    explain(&mut verdict, &[line(Level::Error, "panicked at the sight")]);
    assert_eq!(verdict, before);
}

#[test]
fn an_output_must_be_json_that_can_be_read_back() {
    for good in ["null", "1", " {\"a\":[1,2.5,\"é\",true,null]} ", "-1e300"] {
        assert!(matches!(outcome(good), Verdict::Succeeded(_)), "{good}");
        assert!(serde_json::from_str::<serde_json::Value>(good).is_ok());
    }
    let deep = "[".repeat(100_000) + &"]".repeat(100_000);
    for bad in ["", "hello", "{", "1 2", "{'a':1}", "NaN", "1e999", &deep] {
        let Verdict::Error { kind, failure } = outcome(bad) else {
            panic!("{bad}");
        };
        assert_eq!(
            (kind, failure.code.as_str()),
            (ErrorKind::Permanent, "bad-output")
        );
        assert!(serde_json::from_str::<serde_json::Value>(bad).is_err());
    }
}

#[test]
fn an_output_may_be_as_large_as_its_limit() {
    let limit = usize::try_from(Limits::default().max_output).unwrap();
    let fits = format!("\"{}\"", "x".repeat(limit - 2));
    assert!(matches!(outcome(&fits), Verdict::Succeeded(_)));
    let Verdict::Failed { reason, failure } = outcome(&format!("{fits} ")) else {
        panic!("too large");
    };
    assert_eq!(reason, FailReason::Output);
    assert_eq!(
        failure.message,
        "its output of 1048577B is over its limit of 1MiB"
    );
}

#[test]
fn what_a_guest_says_of_its_failure_is_kept_and_cut() {
    let failure = types::Failure {
        code: "c".repeat(1 << 20),
        message: "m".repeat(1 << 20),
        attributes: vec![("a".to_owned(), "b".to_owned())],
    };
    let delayed = types::DelayedFailure {
        failure,
        delay: u64::MAX,
    };
    let verdict = of_value(Err(JobError::RetryAfter(delayed)), &Limits::default());
    let Verdict::Error { kind, failure } = verdict else {
        panic!("{verdict:?}");
    };
    assert_eq!(kind, ErrorKind::RetryAfter(Duration::from_millis(u64::MAX)));
    assert!(failure.code.len() <= clip::NAME + 3);
    assert!(failure.message.len() <= clip::MESSAGE + 3);
    assert_eq!(failure.attributes, [("a".to_owned(), "b".to_owned())]);
}
