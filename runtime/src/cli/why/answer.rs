//! Facts to an answer: a pure function.

use std::fmt::Write as _;

use cronlet_core::{
    job::Job,
    run::RunId,
    schedule::{Local, Zone},
};
use jiff::{Timestamp, civil::DateTime};
use serde::Serialize;

use super::{
    absent,
    facts::{Facts, File},
    runs, skips,
};
use crate::{
    api::view::{self, Time},
    cli::when,
};

/// What became of an instant, for people and for programs.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Answer {
    pub(super) job: String,
    /// The instant; none where none was ever due.
    pub(super) nominal: Option<Time>,
    #[serde(rename = "answer")]
    pub(super) kind: Kind,
    pub(super) sentence: String,
    /// Of the run, or of the range of skips.
    pub(super) status: Option<String>,
    pub(super) reason: Option<String>,
    /// The run that it became.
    pub(super) run: Option<u64>,
    /// The run that kept it from starting.
    pub(super) in_the_way: Option<u64>,
    /// The run that took its place.
    pub(super) instead: Option<u64>,
    /// The wall times that the clocks jumped over, and that were due then for it.
    pub(super) stands_for: Vec<DateTime>,
    /// The instant before it.
    pub(super) before: Option<Time>,
    /// The instant after it.
    pub(super) after: Option<Time>,
    /// When the job is due next, from now on.
    pub(super) next: Option<Time>,
    /// What keeps it from being due, for people, if the sentence has not said it.
    #[serde(skip)]
    pub(super) halt: Option<String>,
    /// The line of the history.
    pub(super) entry: Option<view::Entry>,
}

/// An answer in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Kind {
    /// It had an attempt, and is over.
    Ran,
    /// It has an attempt.
    Running,
    /// It waits for something.
    Waiting,
    /// It never had an attempt, and is over.
    Skipped,
    /// The same, because somebody said so.
    Cancelled,
    /// It lies in the future.
    NotYet,
    /// It was due, and nobody has looked at it.
    Late,
    /// The job was paused or disabled.
    Paused,
    /// It is no instant of the job.
    NotDue,
    /// The job is not in the file.
    Removed,
    /// It was before the job, or no daemon has seen the job as it is.
    New,
    /// It cannot be known.
    Unknown,
}

/// What the words of an answer are made by.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) kind: Kind,
    pub(super) sentence: String,
    pub(super) in_the_way: Option<RunId>,
    pub(super) instead: Option<RunId>,
}

impl Told {
    pub(super) fn new(kind: Kind, sentence: impl Into<String>) -> Self {
        Self {
            kind,
            sentence: sentence.into(),
            in_the_way: None,
            instead: None,
        }
    }
}

/// What became of an instant.
pub(super) fn explain(facts: &Facts) -> Answer {
    let told = match (&facts.run, facts.range()) {
        (Some(run), _) => runs::told(facts, run),
        (None, Some(range)) => skips::of_range(facts, range),
        (None, None) => match facts.known.others.first() {
            Some(other) => runs::told_of_another(facts, other),
            None => unrecorded(facts),
        },
    };
    let entry = match (&facts.run, facts.range()) {
        (Some(run), _) => Some(view::Entry::Run(Box::new(run.into()))),
        (None, range) => range.map(|range| view::Entry::Skips(range.into())),
    };
    let (status, reason) = match &entry {
        Some(view::Entry::Run(run)) => (Some(run.status.clone()), run.reason.clone()),
        Some(view::Entry::Skips(range)) => {
            (Some(range.status.to_owned()), Some(range.reason.to_owned()))
        }
        None => (None, None),
    };
    let [before, after] = facts.nearest();
    let halt = absent::halt(facts).map(|halt| halt.why);
    let number = |run: Option<RunId>| run.map(|RunId(number)| number);
    Answer {
        job: facts.job.to_string(),
        halt: halt.filter(|halt| !told.sentence.contains(halt)),
        nominal: Some(Time(facts.at)),
        kind: told.kind,
        sentence: told.sentence,
        status,
        reason,
        run: number(facts.run.as_ref().map(|run| run.run)),
        in_the_way: number(told.in_the_way),
        instead: number(told.instead),
        stands_for: facts.stands_for(),
        before: before.map(Time),
        after: after.map(Time),
        next: facts.next().map(Time),
        entry,
    }
}

/// The job was never due, and nobody asked for a run: what is known of now.
pub(super) fn nothing_yet(facts: &Facts) -> Answer {
    let (kind, sentence) = match &facts.file {
        File::Job(job) if job.schedule.is_manual() => {
            (Kind::NotDue, no_times(job) + ", and never did")
        }
        File::Job(_) => (Kind::NotDue, "it was never due yet".to_owned()),
        File::Without | File::Unreadable => (Kind::Unknown, "nothing is kept of it".to_owned()),
    };
    Answer {
        job: facts.job.to_string(),
        nominal: None,
        kind,
        sentence,
        status: None,
        reason: None,
        run: None,
        in_the_way: None,
        instead: None,
        stands_for: Vec::new(),
        before: None,
        after: facts.nearest()[1].map(Time),
        next: facts.next().map(Time),
        halt: absent::halt(facts).map(|halt| halt.why),
        entry: None,
    }
}

/// What has a job run that no time makes due.
fn no_times(job: &Job) -> String {
    match &job.after {
        Some(after) => format!("it has no times of its own: it runs {after}"),
        None => "it has no trigger: it runs only when asked".to_owned(),
    }
}

/// The history has nothing of it.
fn unrecorded(facts: &Facts) -> Told {
    let then = when::exact(facts.at, &facts.zone);
    match &facts.file {
        File::Job(job) if job.schedule.is_manual() => Told::new(Kind::NotDue, no_times(job)),
        File::Job(job) => match facts.is_due() {
            Some(true) if facts.at > facts.now => to_come(facts),
            Some(true) => passed(facts, job),
            _ => Told::new(Kind::NotDue, not_due(facts)),
        },
        File::Without => {
            let removed = facts.known.job.as_ref().and_then(|job| job.removed_at);
            let sentence = match removed {
                Some(removed) if facts.at >= removed => {
                    format!(
                        "not due at {then}: the job was removed at {}",
                        facts.clock(removed)
                    )
                }
                _ => format!("nothing is kept of {then}, and the job is not in the file any more"),
            };
            Told::new(Kind::Removed, sentence)
        }
        File::Unreadable if facts.at > facts.now => {
            let sentence = format!(
                "whether it is due at {then} is not known: the schedules file cannot be read"
            );
            Told::new(Kind::Unknown, sentence)
        }
        File::Unreadable => {
            let sentence = format!(
                "nothing is recorded of {then}; whether it was due then is not known, as the \
                 schedules file cannot be read"
            );
            Told::new(Kind::Unknown, sentence)
        }
    }
}

/// An instant that lies in the future.
fn to_come(facts: &Facts) -> Told {
    if let Some(halted) = absent::halted_now(facts, &head(facts)) {
        return halted;
    }
    let mut sentence = format!("{}, {}", head(facts), when::relative(facts.now, facts.at));
    if let Some(why) = skips::excluded(facts) {
        return Told::new(Kind::NotYet, format!("{sentence}, and is skipped: {why}"));
    }
    if facts.starts_at() > facts.at {
        let starts = facts.clock(facts.starts_at());
        let _ = write!(sentence, "; `jitter` puts the start off to {starts}");
    }
    if facts.known.job.is_none() {
        sentence += "; no daemon has seen the job yet";
    } else if !facts.is_same_schedule() {
        sentence += "; the daemon has not read this schedule yet";
    }
    if !facts.daemon {
        sentence += "; no daemon is running";
    } else if let Some(open) = &facts.beside.open {
        let (run, then) = (open.run, runs::if_still_open(facts));
        let _ = write!(
            sentence,
            "; run {run} is open now: {then} if it is then, too"
        );
    }
    Told::new(Kind::NotYet, sentence)
}

/// An instant of the job that has passed, of which there is no record.
fn passed(facts: &Facts, job: &Job) -> Told {
    let head = head(facts);
    let Some(stored) = &facts.known.job else {
        let sentence = format!("{head}, by the file; no daemon has seen the job yet");
        return Told::new(Kind::New, sentence);
    };
    if let Some(halted) = absent::halted_now(facts, &head) {
        return halted;
    }
    if !facts.is_same_schedule() {
        let sentence = format!(
            "{head}, by the file as it is now; the daemon has not read this schedule yet, and it \
             counts from the moment it does"
        );
        return Told::new(Kind::New, sentence);
    }
    if facts.at <= stored.watermark {
        return absent::told(facts, &head);
    }
    let starts_at = facts.starts_at();
    if let Some(why) = skips::excluded(facts).filter(|_| facts.daemon) {
        return Told::new(Kind::NotYet, format!("{head}, and is skipped: {why}"));
    }
    if facts.daemon && starts_at > facts.now {
        let starts = facts.clock(starts_at);
        let sentence = format!("{head}; it starts at {starts}, put off by `jitter`");
        return Told::new(Kind::NotYet, sentence);
    }
    if facts.daemon {
        let sentence = format!("{head}, and the daemon has not looked at it yet");
        return Told::new(Kind::Waiting, sentence);
    }
    let would = skips::late(facts, job, stored.watermark);
    let sentence = format!("{head}, and no daemon is running: {would}");
    Told::new(Kind::Late, sentence)
}

/// `due at 2026-03-29 03:00:00 +02:00`, and what it stands for.
pub(super) fn head(facts: &Facts) -> String {
    let due = format!("due at {}", when::exact(facts.at, &facts.zone));
    let standing = facts.stands_for();
    let show = |wall: &DateTime| show(facts.at, *wall, &facts.zone);
    match &standing[..] {
        [] => due,
        [only] => format!("{due} for {}, which the clocks jumped over", show(only)),
        [first, .., last] => format!(
            "{due} for {} times from {} to {}, which the clocks jumped over",
            standing.len(),
            show(first),
            show(last)
        ),
    }
}

/// `not due at 06:01; the nearest are 06:00 and 06:30`, and why, where clocks are the reason.
fn not_due(facts: &Facts) -> String {
    let then = when::exact(facts.at, &facts.zone);
    let not_due = match facts.oddity() {
        Some((wall, Local::Skipped { .. })) => format!(
            "not due at {}: the clocks jumped over it",
            wall.strftime("%Y-%m-%d %H:%M:%S")
        ),
        Some((_, Local::Twice { first, second }))
            if facts.at == second && facts.nearest()[0] >= Some(first) =>
        {
            format!("not due at {then}, the second time that the clocks showed this")
        }
        _ => format!("not due at {then}{}", facts.bound()),
    };
    match facts.nearest() {
        [Some(before), Some(after)] => format!(
            "{not_due}; the nearest are {} and {}",
            facts.instant(before),
            facts.instant(after)
        ),
        [Some(last), None] => format!("{not_due}; the last was {}", facts.instant(last)),
        [None, Some(first)] => format!("{not_due}; the first is {}", facts.instant(first)),
        [None, None] => format!("{not_due}, nor at any other time"),
    }
}

impl Facts {
    /// The bound of the schedule that keeps its triggers from making the job due then, if one does.
    fn bound(&self) -> &'static str {
        let Some(schedule) = self.defined().map(|job| &job.schedule) else {
            return "";
        };
        if schedule.start.is_some_and(|start| self.at < start) {
            ", before its `start`"
        } else if schedule.end.is_some_and(|end| end <= self.at) {
            ", after its `end`"
        } else {
            ""
        }
    }

    /// Another time, on the clocks of the job: only the clock where the day is the same.
    pub(super) fn clock(&self, t: Timestamp) -> String {
        when::after(self.at, t, &self.zone)
    }
}

impl Facts {
    /// Another instant of the job, to the part of a second.
    fn instant(&self, t: Timestamp) -> String {
        if t.subsec_nanosecond() == 0 {
            self.clock(t)
        } else {
            when::exact(t, &self.zone)
        }
    }
}

/// A time that clocks jumped over: without its date, if that is the day on which they did.
fn show(at: Timestamp, wall: DateTime, zone: &Zone) -> String {
    let form = if zone.datetime(at).date() == wall.date() {
        "%H:%M:%S"
    } else {
        "%Y-%m-%d %H:%M:%S"
    };
    wall.strftime(form).to_string()
}
