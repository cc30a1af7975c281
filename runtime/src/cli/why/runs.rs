//! The words of an instant that became a run.

use std::{fmt::Write as _, time::Duration};

use cronlet_core::{
    job::Job,
    policy::Overlap,
    run::{Cause, Origin, RunStatus, Turn},
};
use jiff::Timestamp;

use super::{
    answer::{self, Kind, Told},
    facts::Facts,
    skips,
};
use crate::{
    api::view,
    cli::{history::preposition, when},
    store::history::RunRow,
};

/// What is shorter is not worth a word.
const NOTICED: Duration = Duration::from_secs(1);

/// Of what somebody wrote not more than this is told.
const MESSAGE: usize = 160;

/// What became of the run.
pub(super) fn told(facts: &Facts, run: &RunRow) -> Told {
    let head = head(facts, run);
    let number = run.run;
    match run.status {
        RunStatus::Cancelled if run.attempts.is_empty() => Told::new(
            Kind::Cancelled,
            format!("{head}: run {number} was cancelled before it started"),
        ),
        RunStatus::Succeeded | RunStatus::Failed | RunStatus::Cancelled => {
            let (began, ended) = (began(facts, run), ended(run));
            Told::new(Kind::Ran, format!("{head}: run {number} {began}{ended}"))
        }
        RunStatus::Running => running(facts, run, &head),
        RunStatus::Queued => waiting(facts, run, &head),
        RunStatus::Retrying => retrying(facts, run, &head),
        RunStatus::Skipped => skips::of_run(facts, run, &head),
    }
}

/// The instant itself became nothing, and somebody had a run for it.
pub(super) fn told_of_another(facts: &Facts, run: &RunRow) -> Told {
    let told = told(facts, run);
    let then = when::exact(facts.at, &facts.zone);
    let sentence = match facts.is_due() {
        Some(false) => format!("not due at {then}, but {}", told.sentence),
        _ => told.sentence,
    };
    Told { sentence, ..told }
}

/// Why there is a run.
fn head(facts: &Facts, run: &RunRow) -> String {
    match run.cause {
        Cause::Time(_) => answer::head(facts),
        Cause::After(upstream) => {
            let ended = when::second(run.queued_at, &facts.zone);
            format!("due when run {upstream} ended at {ended}")
        }
        Cause::Manual(_) | Cause::Backfill(..) => {
            let who = run.actor.as_deref().map(|actor| format!(" by {actor}"));
            let who = who.unwrap_or_default();
            let what = match run.cause {
                Cause::Backfill(..) => "backfilled",
                _ => "asked for",
            };
            let asked = when::second(run.queued_at, &facts.zone);
            if apart(run.nominal, run.queued_at) < NOTICED {
                return format!("{what}{who} at {asked}");
            }
            let then = when::after(run.queued_at, run.nominal, &facts.zone);
            format!("{what}{who} at {asked} for {then}")
        }
    }
}

/// What there is to say of how it began: nothing, if it began when it was to.
fn began(facts: &Facts, run: &RunRow) -> String {
    let Some(first) = run.attempts.first() else {
        return String::new();
    };
    let starts_at = match run.origin {
        Origin::Schedule => facts.starts_at().max(run.queued_at),
        _ => run.not_before.unwrap_or(run.queued_at),
    };
    let waited = apart(starts_at, first.started_at);
    let mut began = String::new();
    let put_off = apart(facts.at, facts.starts_at());
    let found_late = apart(facts.starts_at(), run.queued_at);
    if run.origin == Origin::Schedule && found_late >= NOTICED {
        let (at, late) = (facts.clock(run.queued_at), when::took(found_late));
        began = format!("was {late} late, as no daemon looked before {at}, ");
    } else if run.origin == Origin::Schedule && put_off >= NOTICED && first.started_at >= starts_at
    {
        began = format!("was put off {} by `jitter`, ", when::took(put_off));
    }
    if run.origin == Origin::CatchUp {
        let (at, late) = (
            facts.clock(run.queued_at),
            apart(run.nominal, run.queued_at),
        );
        began = format!("caught up on it at {at}, {} late, ", when::took(late));
    }
    if waited >= NOTICED {
        let what = match run.turn {
            Turn::Now => "a place",
            Turn::Queue => "the run before it",
            Turn::CatchUp => "the run before it in the catch-up",
        };
        let _ = write!(began, "waited {} for {what}, ", when::took(waited));
    }
    if !began.is_empty() {
        began += "and ";
    }
    began
}

impl Facts {
    /// Whether the run was recorded ahead of its time, which has not come.
    fn is_ahead(&self, run: &RunRow) -> bool {
        matches!(run.cause, Cause::Time(_)) && run.attempts.len() < 2 && self.starts_at() > self.now
    }
}

/// How it ended.
fn ended(row: &RunRow) -> String {
    let run = view::Run::from(row);
    let how = match (row.status, &row.reason) {
        (RunStatus::Cancelled, _) => "was cancelled".to_owned(),
        (status, Some(reason)) => format!("{status} ({reason})"),
        (status, None) => status.to_string(),
    };
    let with = match row.attempts.last() {
        Some(last) if last.number > 1 => format!(" with attempt {},", last.number),
        _ => String::new(),
    };
    let took = run.duration.map(|took| {
        let preposition = preposition(row.status.as_str());
        format!(" {preposition} {}", when::took(took))
    });
    let message = if row.status == RunStatus::Succeeded {
        String::new()
    } else {
        let error = run.error.as_ref().map(|error| error.message.as_str());
        colon(error.or(run.message.as_deref()))
    };
    format!("{how}{with}{}{message}", took.unwrap_or_default())
}

fn running(facts: &Facts, run: &RunRow, head: &str) -> Told {
    let number = run.run;
    let last = run.attempts.last();
    let since = last.map_or(run.queued_at, |last| last.started_at);
    let mut sentence = format!(
        "{head}: run {number} is running since {}",
        facts.clock(since)
    );
    if let Some(last) = last.filter(|last| last.number > 1) {
        let _ = write!(sentence, " (attempt {})", last.number);
    }
    if run.cancel_requested_at.is_some() {
        sentence += " and is told to end";
    }
    if facts.daemon && facts.is_ahead(run) {
        let starts = facts.clock(facts.starts_at());
        let sentence = format!("{head}: run {number} is ready, and starts at {starts}");
        return Told::new(Kind::NotYet, sentence);
    }
    if facts.daemon {
        return Told::new(Kind::Running, sentence);
    }
    let sentence = format!(
        "{head}: run {number} was running when the daemon died; the next one that starts closes it"
    );
    Told::new(Kind::Waiting, sentence)
}

fn waiting(facts: &Facts, run: &RunRow, head: &str) -> Told {
    if let Some(until) = run.not_before.filter(|until| *until > facts.now) {
        let (number, until) = (run.run, facts.clock(until));
        let sentence = format!("{head}: run {number} is put off until {until} by `jitter`");
        return Told::new(Kind::Waiting, sentence + no_daemon(facts));
    }
    let open = facts.beside.open.as_ref().filter(|_| run.turn != Turn::Now);
    let what = match (open, run.turn) {
        (Some(open), Turn::CatchUp) => format!("for run {} before it in the catch-up", open.run),
        (Some(open), _) => {
            let policy = facts
                .defined()
                .map_or("overlap", |job| overlap(job.overlap));
            format!("until run {} is over (`{policy}`)", open.run)
        }
        (None, _) => format!("for a place ({})", caps(facts.defined())),
    };
    let waits = format!("{head}: run {} waits {what}", run.run);
    let mut told = Told::new(Kind::Waiting, waits + no_daemon(facts));
    told.in_the_way = open.map(|open| open.run);
    told
}

fn retrying(facts: &Facts, run: &RunRow, head: &str) -> Told {
    let last = run.attempts.last();
    let number = last.map_or(0, |last| last.number);
    let reason = last.and_then(|last| last.reason.as_deref());
    let reason = reason.map_or(String::new(), |reason| format!(" ({reason})"));
    let error = last.and_then(|last| last.error.as_ref());
    let message = colon(error.map(|error| error.message.as_str()));
    let again = match run.retry_at {
        Some(at) if at > facts.now => format!("the next attempt is at {}", facts.clock(at)),
        _ => "the next attempt waits for a place".to_owned(),
    };
    let run = run.run;
    let sentence =
        format!("{head}: attempt {number} of run {run} failed{reason}{message}; {again}");
    Told::new(Kind::Waiting, sentence + no_daemon(facts))
}

fn no_daemon(facts: &Facts) -> &'static str {
    if facts.daemon {
        ""
    } else {
        ", and no daemon is running"
    }
}

/// What becomes of an occurrence that meets an open run.
pub(super) fn if_still_open(facts: &Facts) -> &'static str {
    match facts.defined().map(|job| job.overlap) {
        Some(Overlap::Allow) => "this one runs beside it",
        Some(Overlap::QueueOne | Overlap::QueueAll { .. }) => "this one waits",
        Some(Overlap::CancelRunning { .. }) => "it is cancelled for this one",
        Some(Overlap::Skip) | None => "this one is skipped",
    }
}

/// A policy as the file says it.
pub(super) fn overlap(overlap: Overlap) -> &'static str {
    match overlap {
        Overlap::Skip => "overlap = \"skip\"",
        Overlap::QueueOne => "overlap = \"queue-one\"",
        Overlap::QueueAll { .. } => "overlap = \"queue-all\"",
        Overlap::Allow => "overlap = \"allow\"",
        Overlap::CancelRunning { kill: false } => "overlap = \"cancel-running\"",
        Overlap::CancelRunning { kill: true } => "overlap = \"kill-running\"",
    }
}

/// The caps that a start of the job counts for.
fn caps(job: Option<&Job>) -> String {
    let mut caps = String::new();
    if let Some(job) = job {
        if let Some(max) = job.max_instances {
            let _ = write!(caps, "`max_instances = {max}`, ");
        }
        if let Some(group) = &job.group {
            let _ = write!(caps, "group `{group}`, ");
        }
    }
    if caps.is_empty() {
        return "`max_concurrent_runs`".to_owned();
    }
    let comma = caps.len() - ", ".len();
    format!("{} or `max_concurrent_runs`", &caps[..comma])
}

/// `: no more paper`, of what may be long and have many lines.
fn colon(message: Option<&str>) -> String {
    let line = message.and_then(|message| message.lines().next());
    match line.map(str::trim) {
        None | Some("") => String::new(),
        Some(line) if line.chars().count() <= MESSAGE => format!(": {line}"),
        Some(line) => format!(": {}…", line.chars().take(MESSAGE).collect::<String>()),
    }
}

fn apart(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}
