//! Each case with its exact sentence.

use std::time::Duration;

use cronlet_core::{
    name::JobName,
    pause::{PauseReason, Paused},
    record::StoredJob,
    run::{AttemptStatus, Cause, Origin, RequestId, RunId, RunStatus, SkipReason, Turn},
    schedule::Zone,
};
use jiff::{SignedDuration, Timestamp};

use super::{
    answer::{Answer, Kind, explain, nothing_yet},
    facts::{Facts, File},
    wrap,
};
use crate::{
    cli::place,
    config::{self, Environment},
    store::{
        history::{
            AttemptRow, Beside, ClockJump, ErrorRow, Instant, JobEvent, JobTurn, RunRow, SkipRow,
        },
        sqlite::Downtime,
    },
};

/// What stands for a time without a date: that day.
fn at(text: &str) -> Timestamp {
    if text.contains('T') {
        return text.parse().unwrap();
    }
    format!("2026-03-02T{text}Z").parse().unwrap()
}

/// The instant `then` of a job of which the keys are given, as a daemon knows it that runs, at noon.
fn facts(keys: &str, then: &str) -> Facts {
    let text = format!("[jobs.report]\nplugin = \"x\"\n{keys}\n");
    let draft = config::parse("schedules.toml", &text, &Environment::new()).unwrap();
    let plan = place::plan(&draft);
    let job = plan.jobs["report"].as_ref().clone();
    let now = at("12:00:00");
    Facts {
        job: job.name.clone(),
        now,
        zone: job.zone.clone(),
        daemon: true,
        at: at(then),
        wall: None,
        run: None,
        known: Instant {
            job: Some(StoredJob {
                job: job.name.clone(),
                watermark: now,
                fingerprint: job.fingerprint(),
                removed_at: None,
                paused: None,
                failures: 0,
                health: cronlet_core::health::JobHealth::default(),
            }),
            ..Instant::default()
        },
        beside: Beside::default(),
        downtime: None,
        jump: None,
        events: Vec::new(),
        file: File::Job(Box::new(job)),
    }
}

const HOURLY: &str = "cron = \"0 * * * *\"";

fn hourly() -> Facts {
    facts(HOURLY, "06:00:00")
}

/// A run for six o'clock, queued then.
fn run(number: u64, status: RunStatus) -> RunRow {
    let t = at("06:00:00");
    RunRow {
        run: RunId(number),
        job: JobName::new("report").unwrap(),
        cause: Cause::Time(t),
        nominal: t,
        origin: Origin::Schedule,
        actor: None,
        params: None,
        input_of: None,
        status,
        reason: None,
        message: None,
        queued_at: t,
        not_before: None,
        turn: Turn::Now,
        retry_at: None,
        ended_at: None,
        cancel_requested_at: None,
        attempts: Vec::new(),
    }
}

/// It began then, and took so many seconds if it is over.
fn attempt(number: u32, status: Option<AttemptStatus>, began: &str, seconds: u64) -> AttemptRow {
    let took = Duration::from_secs(seconds);
    AttemptRow {
        number,
        status,
        reason: None,
        started_at: at(began),
        ended_at: status.map(|_| at(began) + took),
        duration: status.map(|_| took),
        component: None,
        summary: None,
        output: None,
        error: None,
        attributes: Vec::new(),
        usage: None,
    }
}

fn succeeded() -> RunRow {
    RunRow {
        ended_at: Some(at("06:00:02")),
        attempts: vec![attempt(1, Some(AttemptStatus::Succeeded), "06:00:00", 2)],
        ..run(12, RunStatus::Succeeded)
    }
}

fn failed(number: u32, reason: &str, message: &str) -> RunRow {
    let mut last = attempt(number, Some(AttemptStatus::Failed), "06:00:00", 5);
    last.reason = Some(reason.to_owned());
    last.error = Some(ErrorRow {
        code: "e".to_owned(),
        message: message.to_owned(),
        backtrace: None,
    });
    RunRow {
        reason: Some(reason.to_owned()),
        ended_at: Some(at("06:00:05")),
        attempts: vec![last],
        ..run(12, RunStatus::Failed)
    }
}

/// A run that was in another's way from five o'clock on.
fn in_the_way(ended: Option<&str>) -> Beside {
    let over = ended.map(|_| AttemptStatus::Succeeded);
    let mut row = run(11, RunStatus::Running);
    row.ended_at = ended.map(at);
    row.attempts = vec![attempt(1, over, "05:00:00", 4000)];
    Beside {
        open: Some(row),
        queued: None,
    }
}

fn skipped(reason: SkipReason, first: &str, last: &str, count: u64, recorded: &str) -> SkipRow {
    SkipRow {
        job: JobName::new("report").unwrap(),
        reason,
        first: at(first),
        last: at(last),
        count,
        recorded_at: at(recorded),
    }
}

/// A run that never had an attempt.
fn never_ran(reason: SkipReason, ended: &str) -> RunRow {
    RunRow {
        reason: Some(reason.as_str().to_owned()),
        ended_at: Some(at(ended)),
        ..run(12, RunStatus::Skipped)
    }
}

fn with_run(facts: Facts, run: RunRow) -> Facts {
    Facts {
        run: Some(run),
        ..facts
    }
}

fn with_range(mut facts: Facts, range: SkipRow) -> Facts {
    facts.known.skips = Some(range);
    facts
}

#[track_caller]
fn says(facts: &Facts, kind: Kind, sentence: &str) -> Answer {
    let answer = explain(facts);
    assert_eq!(answer.sentence, sentence);
    assert_eq!(answer.kind, kind);
    answer
}

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
fn skipped_because_one_was_open() {
    let range = skipped(SkipReason::Overlap, "06:00:00", "06:00:00", 1, "06:00:00");
    let mut facts = with_range(hourly(), range);
    facts.beside = in_the_way(Some("06:06:40"));
    let answer = says(
        &facts,
        Kind::Skipped,
        "due at 2026-03-02 06:00:00 +00:00, skipped: run 11 was still running until 06:06:40 \
         (`overlap = \"skip\"`)",
    );
    assert_eq!(answer.in_the_way, Some(11));
    assert_eq!(answer.reason.as_deref(), Some("overlap"));
    facts.beside.open.as_mut().unwrap().attempts.clear();
    says(
        &facts,
        Kind::Skipped,
        "due at 2026-03-02 06:00:00 +00:00, skipped: run 11 was still waiting until 06:06:40 \
         (`overlap = \"skip\"`)",
    );
    facts.beside = Beside::default();
    says(
        &facts,
        Kind::Skipped,
        "due at 2026-03-02 06:00:00 +00:00, skipped: another run of it was still open (`overlap = \
         \"skip\"`)",
    );
}

#[test]
fn skipped_because_nobody_looked() {
    let range = skipped(SkipReason::Missed, "02:00:00", "07:00:00", 6, "08:31:00");
    let mut facts = with_range(hourly(), range.clone());
    let mut newer = run(42, RunStatus::Succeeded);
    newer.nominal = at("08:00:00");
    facts.known.newer = Some(newer);
    let answer = says(
        &facts,
        Kind::Skipped,
        "due at 2026-03-02 06:00:00 +00:00, skipped as one of 6 instants from 02:00:00 to 07:00:00: \
         found at 08:31:00, 2h31m late, and folded into run 42 for 08:00:00 (`catch_up = \
         \"latest\"`)",
    );
    assert_eq!((answer.instead, answer.run), (Some(42), None));
    facts.known.newer.as_mut().unwrap().turn = Turn::CatchUp;
    says(
        &facts,
        Kind::Skipped,
        "due at 2026-03-02 06:00:00 +00:00, skipped as one of 6 instants from 02:00:00 to 07:00:00: \
         found at 08:31:00, 2h31m late, with more than `catch_up_max` newer ones, of which run 42 \
         for 08:00:00 is the oldest",
    );
    let keys = format!("{HOURLY}\ncatch_up = \"none\"");
    says(
        &with_range(self::facts(&keys, "06:00:00"), range.clone()),
        Kind::Skipped,
        "due at 2026-03-02 06:00:00 +00:00, skipped as one of 6 instants from 02:00:00 to 07:00:00: \
         found at 08:31:00, 2h31m late (`catch_up = \"none\"`, `catch_up_grace = \"1m\"`)",
    );
    let keys = format!("{HOURLY}\ncatch_up_window = \"2h\"");
    says(
        &with_range(self::facts(&keys, "06:00:00"), range),
        Kind::Skipped,
        "due at 2026-03-02 06:00:00 +00:00, skipped as one of 6 instants from 02:00:00 to 07:00:00: \
         found at 08:31:00, 2h31m late (`catch_up_window = \"2h\"`)",
    );
    facts.known.newer = None;
    says(
        &facts,
        Kind::Skipped,
        "due at 2026-03-02 06:00:00 +00:00, skipped as one of 6 instants from 02:00:00 to 07:00:00: \
         found at 08:31:00, 2h31m late; of several only the newest runs (`catch_up = \"latest\"`)",
    );
}

#[test]
fn skipped_because_there_was_no_daemon() {
    let range = skipped(SkipReason::Missed, "06:00:00", "06:00:00", 1, "07:31:00");
    let mut facts = with_range(hourly(), range);
    let mut newer = run(42, RunStatus::Succeeded);
    newer.nominal = at("07:00:00");
    facts.known.newer = Some(newer);
    let head = "due at 2026-03-02 06:00:00 +00:00, skipped: ";
    let tail = "; found 1h31m late, and folded into run 42 for 07:00:00 (`catch_up = \"latest\"`)";
    for (died, why) in [
        (false, "no daemon was running from 05:35:00 to 07:31:00"),
        (
            true,
            "the daemon died after 05:35:00, and there was none until 07:31:00",
        ),
    ] {
        facts.downtime = Some(Downtime {
            from: at("05:35:00"),
            died,
            to: Some(at("07:31:00")),
        });
        says(&facts, Kind::Skipped, &format!("{head}{why}{tail}"));
    }
    facts.downtime = None;
    facts.jump = Some(ClockJump {
        at: at("07:31:00"),
        by: SignedDuration::from_hours(2),
    });
    let why = "the clock jumped forward by 2h to 07:31:00";
    says(&facts, Kind::Skipped, &format!("{head}{why}{tail}"));
}

#[test]
fn skipped_by_the_calendar() {
    let keys = format!("{HOURLY}\nactive_hours = [\"Mon-Fri 08:00-18:00\", \"Sat 09:00-12:00\"]");
    let range = skipped(
        SkipReason::OutsideHours,
        "06:00:00",
        "06:00:00",
        1,
        "06:00:00",
    );
    says(
        &with_range(facts(&keys, "06:00:00"), range),
        Kind::Skipped,
        "due at 2026-03-02 06:00:00 +00:00, skipped: it is outside `active_hours` \
         (Mon,Tue,Wed,Thu,Fri 08:00-18:00; Sat 09:00-12:00)",
    );
    let keys = format!("{HOURLY}\nblackout = [\"2026-02-01\", \"2026-03-01..2026-03-02\"]");
    let range = skipped(SkipReason::Blackout, "06:00:00", "06:00:00", 1, "06:00:00");
    says(
        &with_range(facts(&keys, "06:00:00"), range),
        Kind::Skipped,
        "due at 2026-03-02 06:00:00 +00:00, skipped: it is in the blackout `2026-03-01..2026-03-02`",
    );
    says(
        &facts(&keys, "13:00:00"),
        Kind::NotYet,
        "due at 2026-03-02 13:00:00 +00:00, in 1h, and is skipped: it is in the blackout \
         `2026-03-01..2026-03-02`",
    );
}

#[test]
fn beyond_the_bounds_nothing_is_due() {
    let keys =
        format!("{HOURLY}\nstart = \"2026-03-02T08:00:00Z\"\nend = \"2026-03-02T10:00:00Z\"");
    says(
        &facts(&keys, "06:00:00"),
        Kind::NotDue,
        "not due at 2026-03-02 06:00:00 +00:00, before its `start`; the first is 08:00:00",
    );
    says(
        &facts(&keys, "10:00:00"),
        Kind::NotDue,
        "not due at 2026-03-02 10:00:00 +00:00, after its `end`; the last was 09:00:00",
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
fn nobody_has_looked_at_it() {
    let mut facts = hourly();
    facts.daemon = false;
    facts.known.job.as_mut().unwrap().watermark = at("05:00:00");
    let head = "due at 2026-03-02 06:00:00 +00:00, and no daemon is running: a start now would ";
    let says = |facts: &Facts, would: &str| {
        says(facts, Kind::Late, &format!("{head}{would}"));
    };
    says(&facts, "fold it into the run for 12:00:00");
    facts.now = at("06:30:00");
    says(&facts, "run it");
    let with = |keys: &str| Facts {
        file: self::facts(&format!("{HOURLY}\n{keys}"), "06:00:00").file,
        ..facts.clone()
    };
    // One that the daemon died with comes before what it has missed.
    let with_open = |keys: &str| {
        let mut facts = with(keys);
        facts.beside.open = Some(run(11, RunStatus::Running));
        facts
    };
    says(
        &with_open(""),
        "run it, unless run 11 is still open then (`overlap = \"skip\"`)",
    );
    says(&with_open("overlap = \"allow\""), "run it");
    says(&with_open("catch_up = \"all\""), "run it");
    says(&with("catch_up = \"none\""), "skip it: it is too late");
    says(
        &with("blackout = [\"2026-03-02\"]"),
        "skip it: it is in the blackout `2026-03-02`",
    );
}

#[test]
fn skipped_after_it_was_a_run() {
    let head = "due at 2026-03-02 06:00:00 +00:00: run 12 was skipped: ";
    let mut facts = with_run(hourly(), never_ran(SkipReason::Removed, "07:00:00"));
    let says = |facts: &Facts, why: &str| {
        says(facts, Kind::Skipped, &format!("{head}{why}"));
    };
    says(
        &facts,
        "the job was removed from the file before it started",
    );
    facts.run = Some(never_ran(SkipReason::Expired, "07:00:00"));
    says(
        &facts,
        "its turn came at 07:00:00, when it was too late (`catch_up_window = \"1d\"`)",
    );
    facts.run = Some(never_ran(SkipReason::QueueFull, "06:00:00"));
    says(&facts, "as many as may wait did (`max_queued`)");
    facts.run = Some(never_ran(SkipReason::Superseded, "07:00:00"));
    says(&facts, "a newer one took its place in the queue");

    let keys = format!("{HOURLY}\noverlap = \"queue-one\"");
    facts.file = self::facts(&keys, "06:00:00").file;
    let mut newer = run(13, RunStatus::Queued);
    newer.nominal = at("07:00:00");
    facts.beside.queued = Some(newer);
    says(
        &facts,
        "run 13 for 07:00:00 took its place in the queue (`overlap = \"queue-one\"`)",
    );
    let keys = format!("{HOURLY}\noverlap = \"queue-all\"\nmax_queued = 3");
    facts.file = self::facts(&keys, "06:00:00").file;
    facts.run = Some(never_ran(SkipReason::QueueFull, "06:00:00"));
    says(
        &facts,
        "as many as may wait did (`overlap = \"queue-all\"`, `max_queued = 3`)",
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

#[test]
fn what_is_no_instant_is_between_two() {
    let answer = says(
        &facts(HOURLY, "06:01:00"),
        Kind::NotDue,
        "not due at 2026-03-02 06:01:00 +00:00; the nearest are 06:00:00 and 07:00:00",
    );
    assert_eq!((answer.status, answer.entry), (None, None));
    let once = "at = \"2026-03-02T06:00:00\"";
    says(
        &facts(once, "06:01:00"),
        Kind::NotDue,
        "not due at 2026-03-02 06:01:00 +00:00; the last was 06:00:00",
    );
    says(
        &facts(once, "05:59:00"),
        Kind::NotDue,
        "not due at 2026-03-02 05:59:00 +00:00; the first is 06:00:00",
    );
    says(
        &facts("", "05:59:00"),
        Kind::NotDue,
        "it has no trigger: it runs only when asked",
    );
    says(
        &facts("every = \"1500ms\"", "06:00:01.250"),
        Kind::NotDue,
        "not due at 2026-03-02 06:00:01.25 +00:00; the nearest are 06:00:00 and 2026-03-02 \
         06:00:01.5 +00:00",
    );
    // A range of skips holds what is between its instants, too.
    let range = skipped(SkipReason::Missed, "05:00:00", "07:00:00", 3, "08:00:00");
    says(
        &with_range(facts(HOURLY, "06:01:00"), range),
        Kind::NotDue,
        "not due at 2026-03-02 06:01:00 +00:00; the nearest are 06:00:00 and 07:00:00",
    );
}

#[test]
fn the_clocks_went_forward() {
    let keys = "cron = \"30 2 * * *\"\ntimezone = \"Europe/Berlin\"";
    let mut run = succeeded();
    for t in [
        &mut run.queued_at,
        &mut run.nominal,
        &mut run.attempts[0].started_at,
    ] {
        *t = at("2026-03-29T01:00:00Z");
    }
    let answer = says(
        &with_run(facts(keys, "2026-03-29T01:00:00Z"), run),
        Kind::Ran,
        "due at 2026-03-29 03:00:00 +02:00 for 02:30:00, which the clocks jumped over: run 12 \
         succeeded in 2.0s",
    );
    assert_eq!(answer.stands_for, ["2026-03-29T02:30:00".parse().unwrap()]);
    let mut many = facts(
        "cron = \"0,15,30 2 * * *\"\ntimezone = \"Europe/Berlin\"",
        "2026-03-29T01:00:00Z",
    );
    many.now = at("2026-03-29T00:00:00Z");
    says(
        &many,
        Kind::NotYet,
        "due at 2026-03-29 03:00:00 +02:00 for 3 times from 02:00:00 to 02:30:00, which the clocks \
         jumped over, in 1h",
    );
    let rhythm = "cron = \"*/30 2 * * *\"\ntimezone = \"Europe/Berlin\"";
    let mut facts = facts(rhythm, "2026-03-29T01:00:00Z");
    facts.wall = Some("2026-03-29T02:30:00".parse().unwrap());
    says(
        &facts,
        Kind::NotDue,
        "not due at 2026-03-29 02:30:00: the clocks jumped over it; the nearest are 2026-03-28 \
         02:30:00 +01:00 and 2026-03-30 02:00:00 +02:00",
    );
}

#[test]
fn the_clocks_went_back() {
    let keys = "cron = \"30 2 * * *\"\ntimezone = \"Europe/Berlin\"";
    says(
        &facts(keys, "2026-10-25T01:30:00Z"),
        Kind::NotDue,
        "not due at 2026-10-25 02:30:00 +01:00, the second time that the clocks showed this; the \
         nearest are 2026-10-25 02:30:00 +02:00 and 2026-10-26 02:30:00 +01:00",
    );
}

#[test]
fn what_is_to_come() {
    let mut facts = facts(HOURLY, "13:00:00");
    says(
        &facts,
        Kind::NotYet,
        "due at 2026-03-02 13:00:00 +00:00, in 1h",
    );
    facts.beside = in_the_way(None);
    says(
        &facts,
        Kind::NotYet,
        "due at 2026-03-02 13:00:00 +00:00, in 1h; run 11 is open now: this one is skipped if it is \
         then, too",
    );
    facts.daemon = false;
    says(
        &facts,
        Kind::NotYet,
        "due at 2026-03-02 13:00:00 +00:00, in 1h; no daemon is running",
    );
    facts.known.job = None;
    says(
        &facts,
        Kind::NotYet,
        "due at 2026-03-02 13:00:00 +00:00, in 1h; no daemon has seen the job yet; no daemon is \
         running",
    );
}

#[test]
fn what_has_passed_and_is_not_recorded() {
    let mut facts = hourly();
    says(
        &facts,
        Kind::Unknown,
        "due at 2026-03-02 06:00:00 +00:00, by the schedule as it is now; what the job was then is not \
         known any more",
    );
    let stored = facts.known.job.as_mut().unwrap();
    stored.watermark = at("05:00:00");
    says(
        &facts,
        Kind::Waiting,
        "due at 2026-03-02 06:00:00 +00:00, and the daemon has not looked at it yet",
    );
    facts.known.job.as_mut().unwrap().fingerprint = "every 7s".to_owned();
    says(
        &facts,
        Kind::New,
        "due at 2026-03-02 06:00:00 +00:00, by the file as it is now; the daemon has not read \
         this schedule yet, and it counts from the moment it does",
    );
    facts.known.job = None;
    says(
        &facts,
        Kind::New,
        "due at 2026-03-02 06:00:00 +00:00, by the file; no daemon has seen the job yet",
    );
}

/// What became of the job, in order.
fn events(facts: &mut Facts, events: &[(&str, JobTurn)]) {
    let events = events.iter().map(|(t, turn)| JobEvent {
        at: at(t),
        turn: turn.clone(),
    });
    facts.events = events.collect();
}

#[test]
fn what_the_job_was_then() {
    let mut facts = hourly();
    let print = facts.defined().unwrap().fingerprint();
    let accepted = |t: &str, fingerprint: &str| JobTurn::Accepted {
        watermark: at(t),
        fingerprint: fingerprint.to_owned(),
    };
    let ada = || JobTurn::Paused(PauseReason::Asked(Some("ada".into())));
    let resumed = JobTurn::Resumed {
        watermark: at("09:00:00"),
        actor: None,
    };
    let disabled = format!("{print}, disabled");
    for (known, kind, sentence) in [
        (
            vec![("08:00:00", accepted("08:00:00", &print))],
            Kind::New,
            "the job is known since 08:00:00",
        ),
        (
            vec![("05:00:00", accepted("05:00:00", &print))],
            Kind::Unknown,
            "it is older than the history that is kept (`[runtime] history`)",
        ),
        (
            vec![("05:00:00", accepted("07:30:00", &print))],
            Kind::New,
            "this schedule counts since 07:30:00",
        ),
        (
            vec![
                ("04:00:00", accepted("04:00:00", "every 7s")),
                ("07:00:00", accepted("07:00:00", &print)),
            ],
            Kind::New,
            "its schedule was another until 07:00:00: `every 7s`",
        ),
        (
            vec![
                ("04:00:00", accepted("04:00:00", &disabled)),
                ("07:00:00", accepted("07:00:00", &print)),
            ],
            Kind::Paused,
            "the job was disabled until 07:00:00",
        ),
        (
            vec![
                ("04:00:00", accepted("04:00:00", &print)),
                ("05:00:00", JobTurn::Removed),
                ("07:00:00", accepted("07:00:00", &print)),
            ],
            Kind::Removed,
            "the job was not in the file from 05:00:00 to 07:00:00",
        ),
        (
            vec![
                ("04:00:00", accepted("04:00:00", &print)),
                ("05:00:00", ada()),
                ("09:00:00", resumed),
            ],
            Kind::Paused,
            "the job was paused by ada from 05:00:00 to 09:00:00",
        ),
    ] {
        events(&mut facts, &known);
        let head = "due at 2026-03-02 06:00:00 +00:00, by the schedule as it is now; ";
        says(&facts, kind, &format!("{head}{sentence}"));
    }
}

#[test]
fn a_job_that_is_held_has_no_next_time() {
    // It ran, and what came of that is why it is not due again.
    let mut held = with_run(hourly(), succeeded());
    held.known.job.as_mut().unwrap().paused = Some(Paused {
        since: at("07:00:00"),
        why: PauseReason::Failures(3),
    });
    let answer = explain(&held);
    assert_eq!(answer.next, None);
    let why = "the job is paused after 3 failed runs in a row since 07:00:00: `cronlet resume report` \
               ends that";
    assert_eq!(answer.halt.as_deref(), Some(why));

    // What the sentence is about is not said twice.
    held.run = None;
    held.at = at("13:00:00");
    let answer = explain(&held);
    assert_eq!(
        (answer.kind, answer.next, answer.halt),
        (Kind::Paused, None, None)
    );

    let disabled = facts(&format!("{HOURLY}\nenabled = false"), "06:00:00");
    let answer = explain(&disabled);
    let why = "the job is disabled: the file says `enabled = false`";
    assert_eq!((answer.next, answer.halt.as_deref()), (None, Some(why)));
    assert_eq!(explain(&hourly()).halt, None);
}

#[test]
fn a_job_without_times_of_its_own() {
    let text = "it has no trigger: it runs only when asked";
    says(&facts("", "06:00:00"), Kind::NotDue, text);
    assert_eq!(
        nothing_yet(&facts("", "06:00:00")).sentence,
        format!("{text}, and never did")
    );

    let after = "after = { job = \"load\", on = \"failure\" }\n[jobs.load]\nplugin = \"x\"";
    let text = "it has no times of its own: it runs after load on failure";
    says(&facts(after, "06:00:00"), Kind::NotDue, text);
    assert_eq!(
        nothing_yet(&facts(after, "06:00:00")).sentence,
        format!("{text}, and never did")
    );
}

#[test]
fn the_job_is_paused() {
    let mut facts = facts(HOURLY, "13:00:00");
    facts.known.job.as_mut().unwrap().paused = Some(Paused {
        since: at("05:00:00"),
        why: PauseReason::Failures(3),
    });
    let end = "but the job is paused after 3 failed runs in a row since 05:00:00: `cronlet resume \
               report` ends that";
    says(
        &facts,
        Kind::Paused,
        &format!("due at 2026-03-02 13:00:00 +00:00, {end}"),
    );
    facts.at = at("06:00:00");
    says(
        &facts,
        Kind::Paused,
        &format!("due at 2026-03-02 06:00:00 +00:00, {end}"),
    );
    let keys = format!("{HOURLY}\nenabled = false");
    let mut disabled = self::facts(&keys, "13:00:00");
    disabled.known.job.as_mut().unwrap().watermark = at("08:00:00");
    says(
        &disabled,
        Kind::Paused,
        "due at 2026-03-02 13:00:00 +00:00, but the job is disabled: the file says `enabled = false`",
    );
    disabled.at = at("07:00:00");
    assert_eq!(explain(&disabled).kind, Kind::Unknown, "not then");
}

#[test]
fn skipped_by_a_pause() {
    let mut facts = with_run(hourly(), never_ran(SkipReason::Disabled, "07:00:00"));
    let head = "due at 2026-03-02 06:00:00 +00:00: run 12 was skipped: the job was ";
    says(
        &facts,
        Kind::Skipped,
        &format!("{head}disabled before it started"),
    );
    let ada = JobTurn::Paused(PauseReason::Asked(Some("ada".into())));
    events(&mut facts, &[("07:00:00", ada)]);
    says(
        &facts,
        Kind::Skipped,
        &format!("{head}paused by ada at 07:00:00, before it started"),
    );
}

#[test]
fn the_file_does_not_help() {
    let mut facts = hourly();
    facts.file = File::Unreadable;
    says(
        &facts,
        Kind::Unknown,
        "nothing is recorded of 2026-03-02 06:00:00 +00:00; whether it was due then is not known, \
         as the schedules file cannot be read",
    );
    facts.at = at("13:00:00");
    says(
        &facts,
        Kind::Unknown,
        "whether it is due at 2026-03-02 13:00:00 +00:00 is not known: the schedules file cannot be \
         read",
    );
    facts.at = at("06:00:00");
    let range = skipped(SkipReason::Overlap, "06:00:00", "06:00:00", 1, "06:00:00");
    says(
        &with_range(facts.clone(), range),
        Kind::Skipped,
        "at 2026-03-02 06:00:00 +00:00, skipped: another run of it was still open (`overlap = \
         \"skip\"`)",
    );
    facts.file = File::Without;
    says(
        &facts,
        Kind::Removed,
        "nothing is kept of 2026-03-02 06:00:00 +00:00, and the job is not in the file any more",
    );
    facts.known.job.as_mut().unwrap().removed_at = Some(at("05:30:00"));
    says(
        &facts,
        Kind::Removed,
        "not due at 2026-03-02 06:00:00 +00:00: the job was removed at 05:30:00",
    );
}

#[test]
fn a_sentence_fits_the_terminal() {
    let text = "due at 2026-03-02 06:00:00 +00:00, skipped: run 11 was still running";
    assert_eq!(
        wrap(text, Some(40)),
        "due at 2026-03-02 06:00:00 +00:00,\nskipped: run 11 was still running"
    );
    assert_eq!(wrap(text, None), text);
    assert_eq!(wrap("abc d", Some(2)), "abc\nd");
    assert_eq!(Zone::default(), Zone::UTC);
}
