use cronlet_core::{
    digest::Digest,
    name::JobName,
    run::{AttemptStatus, SkipReason},
};
use serde_json::json;

use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn row() -> history::RunRow {
    history::RunRow {
        run: RunId(7),
        job: JobName::new("fetch").unwrap(),
        cause: Cause::Time(at("2026-03-01T06:00:00Z")),
        nominal: at("2026-03-01T06:00:00Z"),
        origin: Origin::CatchUp,
        actor: None,
        params: Some(r#"{"n":1}"#.to_owned()),
        input_of: None,
        status: RunStatus::Succeeded,
        reason: None,
        message: None,
        queued_at: at("2026-03-01T06:00:00.000001Z"),
        not_before: None,
        turn: cronlet_core::run::Turn::Now,
        retry_at: None,
        ended_at: Some(at("2026-03-01T06:00:02.5Z")),
        cancel_requested_at: None,
        attempts: vec![history::AttemptRow {
            number: 2,
            status: Some(AttemptStatus::Succeeded),
            reason: None,
            started_at: at("2026-03-01T06:00:01Z"),
            ended_at: Some(at("2026-03-01T06:00:02.5Z")),
            duration: Some(Duration::from_micros(1_500_700)),
            component: Some(Digest::of(b"abc")),
            summary: Some("12 papers".to_owned()),
            output: Some("[1, 2]".to_owned()),
            error: None,
            attributes: vec![("k".to_owned(), "v".to_owned())],
            usage: Some(cronlet_core::report::Usage {
                cpu: Duration::from_micros(999),
                memory_peak: 65_536,
                log_lines: 3,
                log_dropped: 0,
            }),
        }],
    }
}

#[test]
fn a_run_has_the_keys_that_scripts_read() {
    let usage = json!({"cpu_ms": 0, "memory_peak_bytes": 65_536, "log_lines": 3, "log_dropped": 0});
    let sha = Digest::of(b"abc").to_string();
    let run = Run::from(&row());
    let value = serde_json::to_value(&run).unwrap();
    assert_eq!(
        value,
        json!({
            "run": 7, "job": "fetch", "status": "succeeded", "reason": null,
            "trigger": "catch-up", "after": null, "input_of": null,
            "nominal": "2026-03-01T06:00:00.000000Z",
            "queued_at": "2026-03-01T06:00:00.000001Z",
            "started_at": "2026-03-01T06:00:01.000000Z",
            "ended_at": "2026-03-01T06:00:02.500000Z",
            "attempt": 2, "duration_ms": 1500, "summary": "12 papers", "output": [1, 2],
            "error": null, "usage": usage, "message": null, "retry_at": null,
            "cancel_requested_at": null, "params": {"n": 1}, "actor": null,
            "component_sha256": sha,
            "attempts": [{
                "number": 2, "status": "succeeded", "reason": null,
                "started_at": "2026-03-01T06:00:01.000000Z",
                "ended_at": "2026-03-01T06:00:02.500000Z",
                "duration_ms": 1500, "summary": "12 papers", "error": null, "usage": usage,
                "attributes": {"k": "v"}, "component_sha256": sha,
            }],
        })
    );
    let read: Run = serde_json::from_value(value.clone()).unwrap();
    assert_eq!(serde_json::to_value(&read).unwrap(), value);
}

#[test]
fn a_run_takes_as_long_as_all_its_attempts() {
    let mut row = row();
    let mut first = row.attempts[0].clone();
    first.number = 1;
    first.started_at = at("2026-03-01T05:59:00Z");
    row.attempts.insert(0, first);
    let run = Run::from(&row);
    assert_eq!(run.duration, Some(Duration::from_millis(62_500)));
    assert_eq!(
        run.attempts[1].duration,
        Some(Duration::from_micros(1_500_700))
    );
    row.ended_at = None;
    assert_eq!(Run::from(&row).duration, None);
}

#[test]
fn an_attempt_that_has_not_ended_is_running() {
    let mut row = row();
    row.attempts[0].status = None;
    assert_eq!(Run::from(&row).attempts[0].status, "running");
}

#[test]
fn a_run_that_failed_always_has_an_error() {
    let mut row = row();
    row.status = RunStatus::Failed;
    row.reason = Some("crash".to_owned());
    row.message = Some("the daemon died twice with it".to_owned());
    let error = Run::from(&row).error.unwrap();
    assert_eq!(error.message, "the daemon died twice with it");
    row.attempts[0].error = Some(history::ErrorRow {
        code: "e1".to_owned(),
        message: "its own".to_owned(),
        backtrace: None,
    });
    assert_eq!(Run::from(&row).error.unwrap().message, "its own");
}

#[test]
fn a_range_of_skips_is_one_object() {
    let skips = Skips::from(&history::SkipRow {
        job: JobName::new("fetch").unwrap(),
        reason: SkipReason::Missed,
        first: at("2026-03-01T06:00:00Z"),
        last: at("2026-03-01T06:55:00Z"),
        count: 12,
        recorded_at: at("2026-03-01T07:00:00Z"),
    });
    assert_eq!(
        serde_json::to_value(Entry::Skips(skips)).unwrap(),
        json!({
            "run": null, "job": "fetch", "status": "skipped", "reason": "missed",
            "trigger": "schedule", "nominal": "2026-03-01T06:00:00.000000Z",
            "nominal_last": "2026-03-01T06:55:00.000000Z", "count": 12,
        })
    );
}

#[test]
fn the_fields_of_a_line_keep_their_order() {
    let text = r#"{"attempt":1,"at":"2026-03-01T06:00:00.000000Z","level":"info","message":"m","fields":{"z":"1","a":"2"}}"#;
    let line: Line = serde_json::from_str(text).unwrap();
    assert_eq!(line.fields[0].0, "z");
    assert_eq!(serde_json::to_string(&line).unwrap(), text);
}

#[test]
fn what_is_no_json_is_shown_as_text() {
    assert_eq!(super::json("{"), Value::String("{".to_owned()));
    assert_eq!(super::json("1"), json!(1));
}
