//! What a simulation leaves: a fingerprint of all that was said, and how often each word was.

use std::{collections::BTreeMap, fmt, fmt::Write as _};

use cronlet_core::{
    engine::{Answer, Effect, Event},
    pause::PauseReason,
    record::{Record, Span},
    report::Verdict,
    run::{AttemptStatus, BackfillEnd, FailReason, Origin, RunStatus, SkipReason},
};
use jiff::Timestamp;

use crate::watch::Step;

/// How many characters of a line are told.
const LINE: usize = 240;

/// Why what an attempt did to its job's state is not kept.
const LOST: [&str; 2] = ["state-conflict", "state-full"];

/// What ends runs most often, and so makes runs of the jobs that are after theirs.
const ENDING: [&str; 4] = ["started", "woke", "attempt-ended", "cancel-requested"];
/// What clocks that are wrong lead to.
const CLOCK: [&str; 5] = [
    "a watermark passes what ran",
    "a range is cut",
    "a run is ahead",
    "accepted before the clock is set",
    "a number is guessed",
];

/// What a job may ail.
const AILMENTS: [&str; 2] = ["overdue", "failing"];

/// Same seed, same number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Fingerprint(u64);

impl fmt::Write for Fingerprint {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        Ok(())
    }
}

/// How often each word of the vocabulary was said.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Words(BTreeMap<(&'static str, &'static str), u64>);

/// What else than the words is left.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Leaves {
    Words,
    Fingerprint,
    Story,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Trace {
    /// Of all that was said, if anybody wants to compare it.
    pub(crate) fingerprint: Option<Fingerprint>,
    pub(crate) words: Words,
    pub(crate) steps: u64,
    /// The last steps as text, if anybody wants to read them.
    pub(crate) story: Option<Vec<String>>,
}

impl Trace {
    pub(crate) fn new(leaves: Leaves) -> Self {
        let first = Fingerprint(0xcbf2_9ce4_8422_2325);
        Self {
            fingerprint: (leaves == Leaves::Fingerprint).then_some(first),
            words: Words::default(),
            steps: 0,
            story: (leaves == Leaves::Story).then(Vec::new),
        }
    }

    /// Something that is not a step: a crash, an edit.
    pub(crate) fn note(&mut self, now: Timestamp, text: &str) {
        if let Some(story) = &mut self.story {
            story.push(format!("{now} ---- {text}"));
        }
    }

    pub(crate) fn step(&mut self, step: &Step) {
        self.steps += 1;
        let effects = step.effects;
        if let Some(fingerprint) = &mut self.fingerprint {
            write!(fingerprint, "{}{effects:?}", step.now).expect("hashing does not fail");
        }
        self.words.hear(step);
        if let Some(story) = &mut self.story {
            story.push(clip(format!("{} {:?}", step.now, step.event)));
            story.extend(effects.iter().flat_map(lines).map(clip));
        }
    }
}

fn is_after(record: &Record) -> bool {
    matches!(record, Record::RunQueued(new) if new.origin == Origin::After)
}

/// The rest of a long line is rarely what one looks for.
fn clip(mut line: String) -> String {
    if let Some((end, _)) = line.char_indices().nth(LINE) {
        line.truncate(end);
        line.push('…');
    }
    line
}

fn lines(effect: &Effect) -> Vec<String> {
    match effect {
        Effect::Commit(batch) => {
            let records = batch.records.iter();
            records
                .map(|r| format!("    {:?} {r:?}", batch.seq))
                .collect()
        }
        other => vec![format!("    {other:?}")],
    }
}

impl Words {
    fn say(&mut self, kind: &'static str, word: &'static str) {
        *self.0.entry((kind, word)).or_default() += 1;
    }

    /// A look was too much for one step.
    pub(crate) fn note_early_end(&mut self) {
        self.say("look", "ends early");
    }

    pub(crate) fn tell_of_an_early_end(&self) -> bool {
        self.0.contains_key(&("look", "ends early"))
    }

    pub(crate) fn add(&mut self, other: &Self) {
        for (word, times) in &other.0 {
            *self.0.entry(*word).or_default() += times;
        }
    }

    fn hear(&mut self, step: &Step) {
        self.say("event", event(step.event));
        for ailing in step.ailing {
            if ailing.overdue.is_some() {
                self.say("ailing", "overdue");
            }
            if ailing.failing.is_some() {
                self.say("ailing", "failing");
            }
        }
        for effect in step.effects {
            self.say("effect", self::effect(effect));
            match effect {
                Effect::Commit(batch) => batch.records.iter().for_each(|r| {
                    self.record(r);
                    self.clock(step, r);
                    if is_after(r) {
                        self.say("after", event(step.event));
                    }
                }),
                Effect::Reply { answer, .. } => self.say("answer", self::answer(*answer)),
                _ => {}
            }
        }
    }

    fn clock(&mut self, step: &Step, record: &Record) {
        let [passes, cut, ahead, waits, guessed] = CLOCK;
        let mut say = |holds, word| {
            if holds {
                self.say("clock", word);
            }
        };
        match record {
            Record::Watermark { job, to } => {
                say(step.disk.ahead.contains(&(job.clone(), *to)), passes);
            }
            Record::JobAccepted { fingerprint, .. } => say(fingerprint.is_empty(), waits),
            Record::WatermarkPulledBack { job, ran, cuts, .. } => {
                say(!ran.is_empty(), ahead);
                say(!cuts.is_empty(), cut);
                let old = |cut: &Span| step.disk.may_be_of_another_trigger(job, cut.first);
                say(cuts.iter().any(old), guessed);
            }
            _ => {}
        }
    }

    fn record(&mut self, record: &Record) {
        self.say("record", self::record(record));
        match record {
            Record::RunQueued(new) => {
                self.say("origin", new.origin.as_str());
                self.say("status", RunStatus::Queued.as_str());
            }
            Record::BackfillEnded { how, .. } => self.say("backfill", how.as_str()),
            Record::AttemptStarted { .. } => self.say("status", RunStatus::Running.as_str()),
            Record::RunRetrying { .. } => self.say("status", RunStatus::Retrying.as_str()),
            Record::Skipped { reason, .. } => self.say("skipped", reason.as_str()),
            Record::AttemptEnded {
                status,
                reason,
                report,
                ..
            } => {
                if let Some(Verdict::Error { failure, .. }) = report.as_ref().map(|it| &it.verdict)
                    && let Some(lost) = LOST.iter().find(|lost| **lost == failure.code)
                {
                    self.say("lost", lost);
                }
                self.say("attempt", status.as_str());
                if let Some(reason) = reason {
                    self.say("failed", reason.as_str());
                }
            }
            Record::JobPaused { why, .. } => self.say("paused", pause(why)),
            Record::RunEnded { end, .. } => {
                self.say("status", end.status().as_str());
                let kind = end.status().as_str();
                if let Some(reason) = end.reason() {
                    self.say(kind, reason);
                }
            }
            _ => {}
        }
    }

    /// The words of the vocabulary that were never said.
    pub(crate) fn missing(&self) -> Vec<(&'static str, &'static str)> {
        let all = EVENTS
            .iter()
            .map(|word| ("event", *word))
            .chain(EFFECTS.iter().map(|word| ("effect", *word)))
            .chain(RECORDS.iter().map(|word| ("record", *word)))
            .chain(ANSWERS.iter().map(|word| ("answer", *word)))
            .chain(PAUSES.iter().map(|word| ("paused", *word)))
            .chain(LOST.iter().map(|word| ("lost", *word)))
            .chain(ENDING.iter().map(|word| ("after", *word)))
            .chain(CLOCK.iter().map(|word| ("clock", *word)))
            .chain(AILMENTS.iter().map(|word| ("ailing", *word)))
            .chain(Origin::ALL.iter().map(|word| ("origin", word.as_str())))
            .chain(RunStatus::ALL.iter().map(|word| ("status", word.as_str())))
            .chain(
                AttemptStatus::ALL
                    .iter()
                    .map(|word| ("attempt", word.as_str())),
            )
            .chain(FailReason::ALL.iter().map(|word| ("failed", word.as_str())))
            .chain(
                BackfillEnd::ALL
                    .iter()
                    .map(|end| ("backfill", end.as_str())),
            )
            .chain(
                SkipReason::ALL
                    .iter()
                    .map(|word| ("skipped", word.as_str())),
            );
        all.filter(|word| !self.0.contains_key(word)).collect()
    }
}

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut last = "";
        for ((kind, word), times) in &self.0 {
            if *kind != last {
                write!(f, "{}{kind}:", if last.is_empty() { "" } else { "\n" })?;
                last = kind;
            }
            write!(f, " {word} {times}")?;
        }
        Ok(())
    }
}

/// An exhaustive match from a value to its word, and the list of all words.
macro_rules! words {
    ($all:ident, $name:ident($type:ty) { $($case:pat => $word:literal,)* }) => {
        const $all: &[&str] = &[$($word),*];

        fn $name(value: $type) -> &'static str {
            match value {
                $($case => $word,)*
            }
        }
    };
}

words!(EVENTS, event(&Event) {
    Event::Started { .. } => "started",
    Event::Woke => "woke",
    Event::PlanReplaced(_) => "plan-replaced",
    Event::AttemptEnded { .. } => "attempt-ended",
    Event::RunRequested(_) => "run-requested",
    Event::CancelRequested(_) => "cancel-requested",
    Event::BackfillRequested(_) => "backfill-requested",
    Event::BackfillStopRequested(_) => "backfill-stop-requested",
    Event::ClockJumped { .. } => "clock-jumped",
    Event::Recalled(_) => "recalled",
    Event::PauseRequested(_) => "pause-requested",
    Event::ResumeRequested(_) => "resume-requested",
    Event::Stored { .. } => "stored",
    Event::StoreFailed => "store-failed",
    Event::StoreRecovered => "store-recovered",
    Event::ShutdownRequested => "shutdown-requested",
});

words!(PAUSES, pause(&PauseReason) {
    PauseReason::Asked(_) => "asked",
    PauseReason::Failures(_) => "failures",
});

words!(EFFECTS, effect(&Effect) {
    Effect::Commit(_) => "commit",
    Effect::Start(_) => "start",
    Effect::Cancel { .. } => "cancel",
    Effect::WakeAt(_) => "wake-at",
    Effect::Recall(_) => "recall",
    Effect::Reply { .. } => "reply",
    Effect::Stop => "stop",
});

words!(RECORDS, record(&Record) {
    Record::PlanAccepted { .. } => "plan-accepted",
    Record::JobAccepted { .. } => "job-accepted",
    Record::JobRemoved { .. } => "job-removed",
    Record::JobOverdue { .. } => "job-overdue",
    Record::JobNotOverdue { .. } => "job-not-overdue",
    Record::JobPaused { .. } => "job-paused",
    Record::JobResumed { .. } => "job-resumed",
    Record::FailuresCounted { .. } => "failures-counted",
    Record::Watermark { .. } => "watermark",
    Record::Claimed { .. } => "claimed",
    Record::WatermarkPulledBack { .. } => "watermark-pulled-back",
    Record::TimesPulledBack { .. } => "times-pulled-back",
    Record::ClockJumped { .. } => "clock-jumped",
    Record::Skipped { .. } => "skipped",
    Record::RunQueued(_) => "run-queued",
    Record::AttemptStarted { .. } => "attempt-started",
    Record::AttemptDisarmed { .. } => "attempt-disarmed",
    Record::RunWithdrawn { .. } => "run-withdrawn",
    Record::RunArrived { .. } => "run-arrived",
    Record::StateWritten { .. } => "state-written",
    Record::AttemptEnded { .. } => "attempt-ended",
    Record::RunRequeued { .. } => "run-requeued",
    Record::RunRetrying { .. } => "run-retrying",
    Record::CancelRequested { .. } => "cancel-requested",
    Record::RunEnded { .. } => "run-ended",
    Record::BackfillCreated(_) => "backfill-created",
    Record::BackfillMoved { .. } => "backfill-moved",
    Record::BackfillStopped { .. } => "backfill-stopped",
    Record::BackfillEnded { .. } => "backfill-ended",
    Record::Stopped => "stopped",
});

words!(ANSWERS, answer(Answer) {
    Answer::Queued(_) => "queued",
    Answer::Skipped(..) => "skipped",
    Answer::Cancelled => "cancelled",
    Answer::Cancelling => "cancelling",
    Answer::BackfillCreated => "backfill-created",
    Answer::BackfillsStopped(_) => "backfills-stopped",
    Answer::TooManyBackfills => "too-many-backfills",
    Answer::Paused { .. } => "paused",
    Answer::Resumed { .. } => "resumed",
    Answer::NoSuchJob => "no-such-job",
    Answer::NotOpen => "not-open",
    Answer::StoreFailed => "store-failed",
    Answer::Stopping => "stopping",
});
