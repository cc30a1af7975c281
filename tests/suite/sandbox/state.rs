//! What guests remember, and what they can see of its limits.

use std::{
    sync::{
        Mutex,
        mpsc::{self},
    },
    time::Duration,
};

use cronlet_core::{
    report::{ErrorKind, Outcome, Verdict},
    run::FailReason,
};
use serde_json::{Value, json};

use super::guest::*;

/// A guest that does this with its state.
fn remembering(ops: &Value) -> Guest {
    Guest::new(tests::REMEMBER).params(json!({ "ops": ops }))
}

fn entries(entries: &[(&str, &str)]) -> Remembered {
    let entries = entries.iter();
    Remembered::Entries(
        entries
            .map(|(key, value)| ((*key).into(), value.as_bytes().into()))
            .collect(),
    )
}

#[test]
pub(super) fn remember() {
    let guest = remembering(&json!([
        {"get": "there"},
        {"set": ["there", "new"]},
        {"get": "there"},
        {"swap": ["gone", "1", null]},
        {"swap": ["gone", "1", "2"]},
        {"delete": "gone"},
        {"count": "n"},
        {"keys": ""},
    ]));
    let report = guest
        .state(entries(&[("there", "old"), ("gone", "1")]))
        .run();
    let changes = report.state.clone().unwrap();
    let said = output(&outcome(report));
    let expected = json!(["old", "ok", "new", true, false, false, 1, ["n", "there"]]);
    assert_eq!(said, expected);
    let left: Vec<_> = changes
        .writes()
        .iter()
        .map(|(key, write)| {
            (
                &**key,
                write.value.as_ref().map(|value| value.bytes().to_vec()),
            )
        })
        .collect();
    let text = |text: &str| Some(text.as_bytes().to_vec());
    assert_eq!(
        left,
        [("gone", None), ("n", text("1")), ("there", text("new"))]
    );
    let compared: Vec<_> = changes.found().keys().map(|key| &**key).collect();
    assert_eq!(compared, ["gone", "n"]);
}

#[test]
fn who_did_not_return_an_outcome_leaves_nothing_to_keep() {
    for end in ["fail", "trap"] {
        let report = remembering(&json!([{"set": ["k", "1"]}, end])).run();
        assert!(!matches!(report.verdict, Verdict::Succeeded(_)), "{end}");
        assert_eq!(report.state, None, "{end}");
    }
    let report = remembering(&json!([{"set": ["k", "1"]}, "spin"]));
    let report = report.timeout_ms(100).run();
    assert_eq!(report.state, None);
    timed_out(report, 100);
}

#[test]
fn who_does_not_ask_is_told_nothing_and_waits_for_nothing() {
    let guest = Guest::new(tests::NOOP).state(Remembered::Broken);
    assert_eq!(guest.run().state, None);
    assert_eq!(guest.outcome(), Outcome::default());
    let reads = remembering(&json!([{"get": "k"}, {"keys": ""}])).run();
    assert_eq!(reads.state, None);
}

#[test]
fn state_that_cannot_be_read_is_an_error_that_may_pass() {
    let (kind, failure) = remembering(&json!([])).state(Remembered::Broken).error();
    assert_eq!(kind, ErrorKind::Retryable);
    assert_eq!(failure.code, "state-unavailable");
    assert_eq!(failure.message, "the disk is on fire");
    let (reason, failure) = remembering(&json!([])).state(Remembered::Panics).failed();
    assert_eq!((reason, failure.code.as_str()), (FailReason::Trap, "host"));
}

#[test]
fn state_that_is_not_read_in_time_is_a_timeout() {
    let (end, wait) = mpsc::channel();
    let guest = remembering(&json!([])).state(Remembered::Stuck(Mutex::new(wait)));
    let guest = guest.timeout_ms(100);
    timed_out(guest.run(), 100);
    let stopped = guest.start();
    stopped.handle.stop_within(Duration::ZERO);
    assert_eq!(stopped.end().verdict, Verdict::Stopped);
    drop(end);
}

#[test]
fn state_has_limits_that_a_guest_can_see() {
    let mut guest = remembering(&json!([
        {"long-key": 513},
        {"long-key": 10_000_000},
        {"set": ["", "no key"]},
        {"large": ["k", 1001]},
        {"large": ["k", 1000]},
        {"many": ["row/", 1_000_000, ""]},
        {"keys": "k"},
    ]));
    guest.limits.max_state = 10_000;
    guest.limits.max_state_value = 1000;
    let report = guest.run();
    let written = report.state.as_ref().unwrap().written();
    let said = output(&outcome(report));
    assert_eq!(said[0]["error"], "key-too-long");
    assert_eq!(said[1]["error"], "key-too-long");
    assert_eq!(said[2]["error"], "empty-key");
    assert_eq!(said[3]["error"], "value-too-large");
    assert_eq!(said[4], "ok");
    let full = json!({"error": "state-full", "after": (10_000 - 1065) / (64 + 10)});
    assert_eq!(said[5], full);
    assert_eq!(said[6], json!(["k"]));
    assert!(written <= 10_000, "{written}");
}

#[test]
fn keys_come_in_pages_and_all_of_them() {
    let report = remembering(&json!([{"many": ["row/", 2500, ""]}, {"keys": "row/"}])).run();
    let said = output(&outcome(report));
    let keys = said[1].as_array().unwrap();
    assert_eq!(keys.len(), 2500);
    assert!(keys.is_sorted_by_key(|key| key.as_str()));
}
