//! Instants that became runs.

use super::*;

#[test]
fn it_ran_on_time() {
    let answer = says(
        &with_run(hourly(), succeeded()),
        Kind::Ran,
        "due at 2026-03-02 06:00:00 +00:00: run 12 succeeded in 2.0s",
    );
    let json = serde_json::to_value(&answer).unwrap();
    assert_eq!(json["answer"], "ran");
    assert_eq!(json["status"], "succeeded");
    assert_eq!(json["run"], 12);
    assert_eq!(json["entry"]["run"], 12);
    assert_eq!(json["before"], "2026-03-02T05:00:00.000000Z");
    assert_eq!(json["after"], "2026-03-02T07:00:00.000000Z");
    assert_eq!(json["next"], "2026-03-02T13:00:00.000000Z");
}

#[test]
fn it_ran_late() {
    let mut run = succeeded();
    run.attempts[0].started_at = at("06:00:13");
    says(
        &with_run(hourly(), run.clone()),
        Kind::Ran,
        "due at 2026-03-02 06:00:00 +00:00: run 12 waited 13s for a place, and succeeded in 2.0s",
    );
    run.turn = Turn::Queue;
    says(
        &with_run(hourly(), run.clone()),
        Kind::Ran,
        "due at 2026-03-02 06:00:00 +00:00: run 12 waited 13s for the run before it, and succeeded \
         in 2.0s",
    );
    run.origin = Origin::CatchUp;
    run.turn = Turn::CatchUp;
    run.queued_at = at("08:31:00");
    run.attempts[0].started_at = at("08:32:00");
    says(
        &with_run(hourly(), run),
        Kind::Ran,
        "due at 2026-03-02 06:00:00 +00:00: run 12 caught up on it at 08:31:00, 2h31m late, waited \
         1m for the run before it in the catch-up, and succeeded in 2.0s",
    );
}

#[test]
fn it_failed() {
    says(
        &with_run(hourly(), failed(1, "timeout", "it took too long\nreally")),
        Kind::Ran,
        "due at 2026-03-02 06:00:00 +00:00: run 12 failed (timeout) after 5.0s: it took too long",
    );
    let long = "x".repeat(1000);
    let answer = explain(&with_run(hourly(), failed(4, "error", &long)));
    let shown = format!(
        "due at 2026-03-02 06:00:00 +00:00: run 12 failed (error) with attempt 4, after 5.0s: {}…",
        &long[..160]
    );
    assert_eq!(answer.sentence, shown);
    assert_eq!(answer.reason.as_deref(), Some("error"));
}

#[test]
fn it_was_cancelled() {
    let mut row = run(12, RunStatus::Cancelled);
    row.ended_at = Some(at("06:00:03"));
    says(
        &with_run(hourly(), row.clone()),
        Kind::Cancelled,
        "due at 2026-03-02 06:00:00 +00:00: run 12 was cancelled before it started",
    );
    row.attempts = vec![attempt(1, Some(AttemptStatus::Cancelled), "06:00:00", 3)];
    row.message = Some("cancelled by ada".to_owned());
    says(
        &with_run(hourly(), row),
        Kind::Ran,
        "due at 2026-03-02 06:00:00 +00:00: run 12 was cancelled after 3.0s: cancelled by ada",
    );
}

#[test]
fn it_is_running() {
    let mut row = run(12, RunStatus::Running);
    row.attempts = vec![attempt(2, None, "06:10:00", 0)];
    row.cancel_requested_at = Some(at("06:11:00"));
    let mut facts = with_run(hourly(), row);
    says(
        &facts,
        Kind::Running,
        "due at 2026-03-02 06:00:00 +00:00: run 12 is running since 06:10:00 (attempt 2) and is \
         told to end",
    );
    facts.daemon = false;
    says(
        &facts,
        Kind::Waiting,
        "due at 2026-03-02 06:00:00 +00:00: run 12 was running when the daemon died; the next one \
         that starts closes it",
    );
}

#[test]
fn it_waits_for_a_place() {
    let row = run(12, RunStatus::Queued);
    let mut facts = with_run(hourly(), row.clone());
    facts.daemon = false;
    says(
        &facts,
        Kind::Waiting,
        "due at 2026-03-02 06:00:00 +00:00: run 12 waits for a place (`max_concurrent_runs`), and \
         no daemon is running",
    );
    let keys = format!(
        "{HOURLY}\noverlap = \"allow\"\nmax_instances = 3\ngroup = \"db\"\n[groups.db]\nmax = 2"
    );
    says(
        &with_run(self::facts(&keys, "06:00:00"), row),
        Kind::Waiting,
        "due at 2026-03-02 06:00:00 +00:00: run 12 waits for a place (`max_instances = 3`, group \
         `db` or `max_concurrent_runs`)",
    );
}

#[test]
fn it_is_late_and_held_back() {
    let mut row = run(12, RunStatus::Queued);
    row.queued_at = at("11:59:00");
    row.origin = Origin::CatchUp;
    row.not_before = Some(at("12:03:00"));
    says(
        &with_run(hourly(), row),
        Kind::Waiting,
        "due at 2026-03-02 06:00:00 +00:00: run 12 is put off until 12:03:00 by `jitter`",
    );
}

#[test]
fn it_waits_for_another() {
    let keys = format!("{HOURLY}\noverlap = \"queue-one\"");
    let mut row = run(12, RunStatus::Queued);
    row.turn = Turn::Queue;
    let mut facts = with_run(facts(&keys, "06:00:00"), row);
    facts.beside = in_the_way(None);
    let answer = says(
        &facts,
        Kind::Waiting,
        "due at 2026-03-02 06:00:00 +00:00: run 12 waits until run 11 is over (`overlap = \
         \"queue-one\"`)",
    );
    assert_eq!(answer.in_the_way, Some(11));
    facts.run.as_mut().unwrap().turn = Turn::CatchUp;
    says(
        &facts,
        Kind::Waiting,
        "due at 2026-03-02 06:00:00 +00:00: run 12 waits for run 11 before it in the catch-up",
    );
}

#[test]
fn it_is_to_be_tried_again() {
    let mut row = failed(1, "error", "no more paper");
    row.status = RunStatus::Retrying;
    row.retry_at = Some(at("12:00:10"));
    row.ended_at = None;
    says(
        &with_run(hourly(), row.clone()),
        Kind::Waiting,
        "due at 2026-03-02 06:00:00 +00:00: attempt 1 of run 12 failed (error): no more paper; the \
         next attempt is at 12:00:10",
    );
    row.retry_at = Some(at("11:59:00"));
    says(
        &with_run(hourly(), row),
        Kind::Waiting,
        "due at 2026-03-02 06:00:00 +00:00: attempt 1 of run 12 failed (error): no more paper; the \
         next attempt waits for a place",
    );
}

#[test]
fn the_start_is_put_off() {
    let keys = format!("{HOURLY}\njitter = \"10m\"");
    let mut facts = self::facts(&keys, "06:00:00");
    let starts_at = facts.starts_at();
    let clock = starts_at.strftime("%H:%M:%S");
    assert!(starts_at > at("06:00:01"), "{starts_at}");
    let off = crate::cli::when::took(at("06:00:00").duration_until(starts_at).unsigned_abs());
    let mut run = succeeded();
    run.queued_at = starts_at;
    run.attempts[0].started_at = starts_at;
    says(
        &with_run(facts.clone(), run.clone()),
        Kind::Ran,
        &format!(
            "due at 2026-03-02 06:00:00 +00:00: run 12 was put off {off} by `jitter`, and succeeded in 2.0s"
        ),
    );
    let mut late = run.clone();
    late.queued_at = at("06:30:00");
    late.attempts[0].started_at = late.queued_at;
    let by = crate::cli::when::took(starts_at.duration_until(late.queued_at).unsigned_abs());
    says(
        &with_run(facts.clone(), late),
        Kind::Ran,
        &format!(
            "due at 2026-03-02 06:00:00 +00:00: run 12 was {by} late, as no daemon looked before \
             06:30:00, and succeeded in 2.0s"
        ),
    );
    run.status = RunStatus::Running;
    run.attempts = vec![attempt(1, None, "06:00:00", 0)];
    facts.now = at("06:00:01");
    says(
        &with_run(facts.clone(), run),
        Kind::NotYet,
        &format!("due at 2026-03-02 06:00:00 +00:00: run 12 is ready, and starts at {clock}"),
    );
    facts.known.job.as_mut().unwrap().watermark = at("05:00:00");
    says(
        &facts,
        Kind::NotYet,
        &format!("due at 2026-03-02 06:00:00 +00:00; it starts at {clock}, put off by `jitter`"),
    );
    // What does not run is not put off either.
    let dark = format!("{keys}\nblackout = \"2026-03-02\"");
    says(
        &Facts {
            file: self::facts(&dark, "06:00:00").file,
            ..facts.clone()
        },
        Kind::NotYet,
        "due at 2026-03-02 06:00:00 +00:00, and is skipped: it is in the blackout `2026-03-02`",
    );
    facts.now = at("05:00:00");
    says(
        &facts,
        Kind::NotYet,
        &format!(
            "due at 2026-03-02 06:00:00 +00:00, in 1h; `jitter` puts the start off to {clock}"
        ),
    );
}

#[test]
fn somebody_asked() {
    let mut row = succeeded();
    row.cause = Cause::Manual(RequestId(7));
    row.origin = Origin::Manual;
    row.actor = Some("uid:1000".to_owned());
    let mut facts = with_run(facts("", "06:00:00"), row.clone());
    says(
        &facts,
        Kind::Ran,
        "asked for by uid:1000 at 2026-03-02 06:00:00 +00:00: run 12 succeeded in 2.0s",
    );
    // For another time, as `rerun` has it.
    row.actor = None;
    row.queued_at = at("09:00:00");
    row.attempts[0].started_at = at("09:00:00");
    facts.run = Some(row.clone());
    says(
        &facts,
        Kind::Ran,
        "asked for at 2026-03-02 09:00:00 +00:00 for 06:00:00: run 12 succeeded in 2.0s",
    );
    // One run of a backfill, with the schedules file and without it.
    let backfilled = RunRow {
        cause: Cause::Backfill(RequestId(7), at("06:00:00")),
        origin: Origin::Backfill,
        ..row.clone()
    };
    let sentence =
        "backfilled at 2026-03-02 09:00:00 +00:00 for 06:00:00: run 12 succeeded in 2.0s";
    facts.run = Some(backfilled);
    says(&facts, Kind::Ran, sentence);
    facts.file = File::Unreadable;
    says(&facts, Kind::Ran, sentence);
    let mut facts = self::facts("cron = \"30 * * * *\"", "06:00:00");
    facts.known.others = vec![row];
    says(
        &facts,
        Kind::Ran,
        "not due at 2026-03-02 06:00:00 +00:00, but asked for at 2026-03-02 09:00:00 +00:00 for \
         06:00:00: run 12 succeeded in 2.0s",
    );
}
