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

mod absent;
mod runs;
mod skips;

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

/// What became of the job, in order.
fn events(facts: &mut Facts, events: &[(&str, JobTurn)]) {
    let events = events.iter().map(|(t, turn)| JobEvent {
        at: at(t),
        turn: turn.clone(),
    });
    facts.events = events.collect();
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
