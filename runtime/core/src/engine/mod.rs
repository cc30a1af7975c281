//! The state machine: what is due, and what to do about it.
//!
//! [`Engine::step`] takes one [`Event`] and returns the [`Effect`]s it asks for. It is total: it never
//! fails, blocks, or reads a clock. The shell around it names what happens, steps, and performs each
//! effect; if an effect needs a reply, the reply is an event.
//!
//! # The whole vocabulary
//!
//! A case enters the code with the behaviour that produces it. What is not there yet has its place here,
//! so that what exists leaves room for it.
//!
//! | | there | to come |
//! |---|---|---|
//! | events | started, woke, plan replaced, attempt ended, run requested, cancel requested, pause and resume requested, backfill requested, backfill stop requested, stored, store failed, store recovered, shutdown requested; clock jumped, recalled | run ids granted (several engines on one store) |
//! | effects | commit, start, cancel, wake at, recall, reply, stop | notify |
//! | records | plan accepted; job accepted, removed, paused, resumed, overdue, not overdue; failures counted; watermark, pulled back; times pulled back; claimed; clock jumped; skipped; run queued, withdrawn, arrived, requeued, retrying, ended; attempt started, disarmed, ended; state written; cancel requested; backfill created, moved, stopped, ended; stopped | |
//! | causes | `time`, `manual`, `after`, `backfill`: these four are all | |
//! | run states | queued, running, retrying, succeeded, failed, cancelled, skipped: these seven are all | |
//! | attempt ends | succeeded, failed, cancelled, interrupted, crashed: these five are all | |
//! | reasons to fail | error, trap, timeout, memory, output, load, crash | fuel (`cronlet test`) |
//! | reasons to skip | overlap, superseded, queue-full, missed, expired, removed, disabled, outside-hours, blackout, dependency-failed | |
//! | overlap | skip, queue-one, queue-all, allow, cancel-running, kill-running: these six are all | |
//! | catch-up | latest, none, all: these three are all | |
//! | caps | `max_instances`, groups, `max_concurrent_runs`: these three are all | |
//! | order of waiting runs | priority plus minutes waited | |
//!
//! # An attempt's way
//!
//! An attempt is *armed* from the step that records its start until that record is on disk and its time
//! has come; then its guest is started. What intervenes (a cancel, a removal, a shutdown) *disarms* it: it
//! is withdrawn as if it had never been created. With a lead, the first attempt of an occurrence is armed
//! before its time, see `ahead`; without one, and for every other attempt, when its turn has come.
//!
//! # Rooms
//!
//! `due` finds what is due, `late` what of it is to run, `ahead` records what soon is, `held` keeps
//! back what is late, `overlap` says what becomes of an occurrence that meets its own job, `slots` who
//! may start, `attempts` starts and ends attempts, `chains` tells jobs of the ends of others, `requests`
//! answers people, `pausing` halts jobs, `backfills` makes runs of the past, `plans` takes over plans and
//! stores, `storing` waits for the disk, `clock` doubts what the wall clock shows, `times` pulls back what was
//! noted by a wrong one, `ledger` says what of a job's state an attempt may change, `health` which jobs do not
//! go well.

mod ahead;
mod attempts;
mod backfills;
mod chains;
mod clock;
mod due;
pub mod effect;
pub mod event;
mod health;
mod held;
pub mod late;
mod ledger;
mod overlap;
mod pausing;
mod plans;
mod requests;
mod slots;
mod state;
mod storing;
#[cfg(test)]
mod tests;
mod times;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use jiff::Timestamp;

pub use backfills::OpenBackfill;
pub use effect::{Answer, BackfillsStopped, Effect, Recall, Start};
pub use event::{
    BackfillRequest, BackfillStopRequest, CancelRequest, Event, Jobs, PauseRequest, Recalled,
    Remembered, RunRequest,
};
pub use health::Ailing;
pub use state::OpenRun;

use crate::{
    name::JobName,
    record::{Batch, Record, Seq},
    run::RunId,
};
use backfills::Backfills;
use chains::{Chains, Ended};
use clock::Trust;
use ledger::Ledger;
use slots::Slots;
use state::{JobState, Run};
use storing::Release;

/// At most so many jobs, backoffs and overdue jobs are looked at in one step. What is left is looked at in
/// the next, which is asked for at once: a crowd never keeps other events waiting for long.
const DUE_PER_STEP: usize = 256;

/// At most so many attempts are armed in one step.
const STARTS_PER_STEP: usize = 256;

/// Everything that decides what happens next.
#[derive(Debug, Default)]
pub struct Engine {
    phase: Phase,
    store: StoreHealth,
    /// How long before its time an occurrence is armed.
    lead: Duration,
    trust: Trust,
    /// How long guests have to end when the daemon stops.
    shutdown_grace: Duration,
    jobs: BTreeMap<JobName, JobState>,
    /// The open runs.
    runs: BTreeMap<RunId, Run>,
    /// When each job is due next.
    due: BTreeSet<(Timestamp, JobName)>,
    /// When the next occurrence of each job is armed, with a lead.
    arms: BTreeSet<(Timestamp, JobName)>,
    /// When each run that is held back arrives.
    held_back: BTreeSet<(Timestamp, RunId)>,
    /// When each job is overdue if nothing succeeds before.
    overdue: BTreeSet<(Timestamp, JobName)>,
    /// When each backoff ends.
    backoffs: BTreeSet<(Timestamp, RunId)>,
    slots: Slots,
    backfills: Backfills,
    ledger: Ledger,
    chains: Chains,
    next_run: u64,
    /// The last batch that was emitted, and the last that is on disk.
    emitted: Seq,
    stored: Seq,
    /// What waits for a batch to be on disk, in the order of the batches.
    unflushed: VecDeque<(Seq, Release)>,
    /// Attempts whose records came to the disk while the store was failing.
    held: Vec<(RunId, u32)>,
    /// The wish that the shell has.
    wake: Option<Timestamp>,
}

/// Where the engine's life stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    /// Before `Event::Started`.
    #[default]
    New,
    Serving,
    /// Guests are ending, records are being written.
    Stopping,
    /// `Record::Stopped` is on its way to the disk.
    Closing,
    /// `Effect::Stop` was emitted: nothing happens any more.
    Stopped,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum StoreHealth {
    #[default]
    Writes,
    Fails,
}

/// What one step has come to so far.
struct Step {
    now: Timestamp,
    records: Vec<Record>,
    effects: Vec<Effect>,
    /// To be done when this step's records are on disk.
    releases: Vec<Release>,
    /// The runs that have ended, and whose dependents have not heard of it.
    ended: VecDeque<Ended>,
    /// To be asked when everything up to now is on disk.
    recall: Option<Recall>,
    /// What is left of [`DUE_PER_STEP`].
    looks: usize,
    /// What is left of [`STARTS_PER_STEP`].
    starts: usize,
}

impl Engine {
    /// An engine that waits for [`Event::Started`], and believes every clock that shows a time after 1970.
    pub fn new() -> Self {
        Self::default()
    }

    /// An engine that waits for [`Event::Started`], in a binary that was built then: it believes no clock
    /// that shows an earlier time.
    pub fn built(at: Timestamp) -> Self {
        Self {
            trust: Trust::of(at),
            ..Self::default()
        }
    }

    /// Advances the engine by one event. Total: it never fails, blocks, or reads a clock.
    ///
    /// `now` is the wall clock's time. It may go back; nothing that was accounted for fires again.
    pub fn step(&mut self, now: Timestamp, event: Event) -> Vec<Effect> {
        let mut step = Step {
            now,
            records: Vec::new(),
            effects: Vec::new(),
            releases: Vec::new(),
            ended: VecDeque::new(),
            recall: None,
            looks: DUE_PER_STEP,
            starts: STARTS_PER_STEP,
        };
        self.look_at_the_clock(&mut step);
        match event {
            Event::Started { recovery, plan } => self.start(&mut step, recovery, &plan),
            Event::Woke => self.wake = None,
            Event::PlanReplaced(plan) => self.replace_plan(&mut step, &plan),
            Event::AttemptEnded {
                run,
                attempt,
                report,
            } => {
                self.attempt_ended(&mut step, run, attempt, report);
            }
            Event::RunRequested(request) => self.run_requested(&mut step, request),
            Event::CancelRequested(request) => self.cancel_requested(&mut step, request),
            Event::BackfillRequested(request) => self.backfill_requested(&mut step, request),
            Event::BackfillStopRequested(request) => {
                self.backfill_stop_requested(&mut step, request);
            }
            Event::ClockJumped { by } => self.clock_jumped(&mut step, by),
            Event::Recalled(recalled) => self.recalled(&mut step, recalled),
            Event::PauseRequested(request) => self.pause_requested(&mut step, &request),
            Event::ResumeRequested(request) => self.resume_requested(&mut step, &request),
            Event::Stored { through } => self.stored(&mut step, through),
            Event::StoreFailed => self.store = StoreHealth::Fails,
            Event::StoreRecovered => self.store_recovered(&mut step),
            Event::ShutdownRequested => self.shut_down(&mut step),
        }
        self.tell_dependents(&mut step);
        if self.schedules() {
            // Who has waited is in line before who comes.
            self.end_backoffs(&mut step);
            if self.trust.is_set() {
                self.doubt_the_future(&mut step);
                self.let_arrive(&mut step);
                self.handle_due(&mut step);
                self.note_overdue(&mut step);
            }
            self.tell_dependents(&mut step);
            self.go_on_with_backfills(&mut step);
            self.arm_waiting(&mut step);
            if self.trust.is_set() {
                self.arm_ahead(&mut step);
            }
        }
        self.finish_stopping(&mut step);
        self.finish(step)
    }

    /// Every open run, by number.
    pub fn open_runs(&self) -> impl Iterator<Item = OpenRun<'_>> {
        self.runs.values().map(Run::view)
    }

    /// Whether what this engine took over is on disk: who reads the store finds the jobs of its plan.
    pub fn has_taken_over(&self) -> bool {
        self.stored > Seq(0)
    }

    /// When the next occurrence of any job starts that its calendar lets run. Those that are excluded are
    /// passed over. Nobody knows while the clock is not believed.
    pub fn next_due(&self) -> Option<(Timestamp, &JobName)> {
        let mut next: Option<(Timestamp, &JobName)> = None;
        for (at, name) in self.due.iter().filter(|_| self.trust.is_set()) {
            if next.is_some_and(|(next, _)| next <= *at) {
                break;
            }
            let runs = self.jobs.get(name).and_then(JobState::runs_next);
            next = next.into_iter().chain(runs.map(|at| (at, name))).min();
        }
        next
    }

    /// Whether the clock showed a time in the last step that can be the time.
    pub fn believes_the_clock(&self) -> bool {
        self.trust.is_set()
    }

    /// Whether new occurrences and starts are handled.
    fn schedules(&self) -> bool {
        self.phase == Phase::Serving && self.store == StoreHealth::Writes
    }

    /// Puts the step's records into a batch, and says when to look again.
    fn finish(&mut self, step: Step) -> Vec<Effect> {
        let Step {
            now,
            records,
            mut effects,
            releases,
            ended,
            recall,
            looks,
            starts,
        } = step;
        debug_assert!(
            ended.is_empty(),
            "who hangs on it hears of it in the same step"
        );
        if records.is_empty() {
            debug_assert!(
                releases.is_empty(),
                "a release waits for a record of its own step"
            );
        } else {
            self.emitted.0 += 1;
            let batch = Batch {
                seq: self.emitted,
                at: now,
                records,
            };
            effects.insert(0, Effect::Commit(batch));
            self.unflushed
                .extend(releases.into_iter().map(|release| (self.emitted, release)));
        }
        if let Some(recall) = recall {
            // What it is about may be on its way to the disk.
            if self.stored == self.emitted {
                effects.push(Effect::Recall(recall));
            } else {
                let release = Release::Recall(recall);
                self.unflushed.push_back((self.emitted, release));
            }
        }
        let unfinished = looks == 0 || starts == 0;
        let wake = if !self.schedules() {
            None
        } else if unfinished {
            Some(now)
        } else {
            let due = if self.trust.is_set() {
                let arms = self.arms.first().map(|(at, _)| *at);
                let due = self.due.first().map(|(at, _)| *at);
                let arrives = self.held_back.first().map(|(at, _)| *at);
                let overdue = self.overdue.first().map(|(at, _)| *at);
                [due, arms, arrives, overdue].into_iter().flatten().min()
            } else {
                Some(self.trust.built())
            };
            let backoff = self.backoffs.first().map(|(at, _)| *at);
            due.into_iter().chain(backoff).min()
        };
        if let Some(at) = wake
            && (unfinished || self.wake != wake)
        {
            effects.push(Effect::WakeAt(at));
        }
        self.wake = wake;
        effects
    }
}
