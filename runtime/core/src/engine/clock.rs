//! Clocks that lie: one that somebody has set, one that was wrong for a while, and one that nobody has
//! set yet.
//!
//! A clock that goes forward is downtime: `due` finds what passed meanwhile. One that goes back fires
//! nothing again that is accounted for. But if it had shown a time that is still to come, watermarks are
//! there too, and their jobs would be silent until then. So a watermark that is more than an hour ahead
//! is *pulled back* to now. What has a run keeps it and is not due again, so the engine must know which
//! instants have one, and only the store does: it asks with [`Effect::Recall`](super::Effect::Recall),
//! and what is remembered comes back as [`Event::Recalled`](super::Event::Recalled). The jobs are silent
//! meanwhile, as they were before.
//!
//! A clock that shows a time before this binary was built is wrong for certain. Until it is set nothing
//! is due and nothing is pulled back; what people ask for, and what is open, goes on. What is accepted
//! meanwhile has no fingerprint yet, so it is accepted again, and then from that moment on, when the
//! clock is set.
//!
//! What waits for a time was told one by the clock as it was. A backoff keeps what is left of it when the
//! clock goes back; whatever is left for longer than it can be, was told a wrong one, and is over.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{
    Engine, Phase, Step,
    effect::Recall,
    event::{Recalled, Remembered},
    state::{Allowed, RunPhase},
};
use crate::{
    backoff,
    name::JobName,
    record::{Record, Span},
    run::RunId,
    schedule::{Schedule, before},
};

/// What is stored may be ahead of the clock by this much: somebody who sets it back a little means that.
const AHEAD: Duration = Duration::from_hours(1);

/// A range is counted anew in so many steps; what takes more is taken for one of another schedule.
const COUNTED: usize = 100_000;

/// What the engine makes of the wall clock.
#[derive(Debug, Default)]
pub(super) struct Trust {
    /// When this binary was built: no earlier time can be now.
    built: Timestamp,
    /// What the clock showed in the last step.
    seen: Timestamp,
    /// Whether a watermark or another time may be too far ahead of it.
    suspects: bool,
    /// How often the store was asked what it remembers. Only the last question counts: the answer to an
    /// older one may lack what was decided since.
    asked: u64,
}

impl Trust {
    pub(super) fn of(built: Timestamp) -> Self {
        Self {
            built,
            ..Self::default()
        }
    }

    /// Whether it can be this time.
    pub(super) fn believes(&self, now: Timestamp) -> bool {
        now >= self.built
    }

    /// Whether what the clock showed in the last step can be the time.
    pub(super) fn is_set(&self) -> bool {
        self.believes(self.seen)
    }

    /// When a clock that is behind will be believed, if nobody sets it.
    pub(super) fn built(&self) -> Timestamp {
        self.built
    }

    /// Whether a question is the last one.
    pub(super) fn still_asks(&self, recall: &Recall) -> bool {
        recall.number == self.asked
    }

    /// What was asked is not true any more: it is asked again, and the answer counts for nothing.
    fn ask_again(&mut self) {
        self.asked += 1;
        self.suspects = true;
    }

    /// Something may be too far ahead: it is looked at as soon as anything may be due.
    pub(super) fn suspect(&mut self) {
        self.suspects = true;
    }
}

impl Engine {
    /// Looks at what the clock shows, before anything else is made of a step.
    pub(super) fn look_at_the_clock(&mut self, step: &mut Step) {
        let seen = std::mem::replace(&mut self.trust.seen, step.now);
        if self.phase != Phase::Serving {
            return;
        }
        let is_set = self.trust.believes(step.now) && !self.trust.believes(seen);
        if step.now < seen {
            self.trust.suspect();
            self.wait_since_now_at_most(step.now);
        }
        if step.now < seen || is_set {
            self.doubt_holds(step.now);
        }
        if is_set {
            self.trust.suspect();
            self.accept_what_waits(step);
            self.doubt_backoffs(step);
        }
    }

    /// Nobody waits since a time that is still to come: whoever comes meanwhile would be before him.
    fn wait_since_now_at_most(&mut self, now: Timestamp) {
        for run in self.runs.values_mut() {
            run.waits_since = run.waits_since.min(now);
            // One whose attempt is withdrawn goes back to where it was.
            if let RunPhase::Waiting { retried: Some(at) }
            | RunPhase::Armed {
                retried: Some(at), ..
            } = &mut run.phase
            {
                *at = now.min(*at);
            }
        }
        self.slots.wait_since_at_most(now);
    }

    /// Somebody has set the clock. What is left of a backoff is what it was.
    pub(super) fn clock_jumped(&mut self, step: &mut Step, by: SignedDuration) {
        // That the engine stopped is the last record.
        if matches!(self.phase, Phase::Serving | Phase::Stopping) {
            step.records.push(Record::ClockJumped { by });
        }
        if !by.is_negative() || self.phase != Phase::Serving {
            return;
        }
        let backoffs = self.backoffs.iter().copied();
        let waiting: Vec<_> = backoffs.filter(|(until, _)| *until > step.now).collect();
        for (until, id) in waiting {
            let earlier = until.checked_add(by).unwrap_or(Timestamp::MIN);
            self.wait_until(step, id, earlier);
        }
    }

    fn doubt_backoffs(&mut self, step: &mut Step) {
        for (until, id) in self.backoffs.clone() {
            self.doubt_backoff(step, id, until);
        }
    }

    /// The run was retrying when the daemon took over, perhaps by a clock that was years ahead: then nobody
    /// knows what is left of its backoff, but not more than the longest that there is.
    pub(super) fn doubt_backoff(&mut self, step: &mut Step, id: RunId, until: Timestamp) {
        let job = self.runs.get(&id).and_then(|run| {
            let state = self.jobs.get(&run.new.job)?;
            state.job.as_ref()
        });
        let longest = job.map_or(Duration::ZERO, |job| job.retry.max_delay);
        let longest = longest.max(backoff::MAX_RETRY_AFTER);
        let left = Duration::try_from(until.duration_since(step.now)).unwrap_or_default();
        if self.trust.is_set() && left > longest {
            self.wait_until(step, id, step.now);
        }
    }

    /// The run waits for its backoff no longer than this.
    fn wait_until(&mut self, step: &mut Step, id: RunId, until: Timestamp) {
        let Some(run) = self.runs.get(&id) else {
            return;
        };
        if let RunPhase::BackingOff { until: before } = run.phase {
            self.backoffs.remove(&(before, id));
            self.back_off(step, id, until.max(step.now));
        }
    }

    /// Pulls back what is too far ahead, if there may be anything.
    pub(super) fn doubt_the_future(&mut self, step: &mut Step) {
        if std::mem::take(&mut self.trust.suspects) {
            self.pull_times_back(step);
            self.recall(step);
        }
    }

    /// Asks what is remembered of the jobs whose watermark is too far ahead.
    fn recall(&mut self, step: &mut Step) {
        let ahead = self.jobs.iter().filter_map(|(name, state)| {
            let silent = state.job.is_some() && is_ahead(state.watermark, step.now);
            silent.then(|| (name.clone(), state.watermark))
        });
        let jobs: Vec<_> = ahead.collect();
        if !jobs.is_empty() {
            self.trust.asked += 1;
            step.recall = Some(Recall {
                number: self.trust.asked,
                after: step.now,
                jobs: jobs.into(),
            });
        }
    }

    /// A run of a job was withdrawn that may be on disk yet. If the store is asked about the job, it may
    /// take the instant of that run for one that ran.
    pub(super) fn doubt_recall(&mut self, step: &Step, name: &JobName) {
        let state = self.jobs.get(name);
        if state.is_some_and(|state| is_ahead(state.watermark, step.now)) {
            self.trust.ask_again();
        }
    }

    /// Pulls back the watermarks that the store was asked about, unless they are somewhere else now: then
    /// there are runs that it did not know of.
    pub(super) fn recalled(&mut self, step: &mut Step, recalled: Recalled) {
        if recalled.number != self.trust.asked {
            return;
        }
        // What comes to nothing now is asked for again.
        self.trust.suspect();
        if self.schedules() && self.trust.is_set() {
            for remembered in recalled.jobs {
                self.pull_back(step, recalled.after, remembered);
            }
        }
    }

    fn pull_back(&mut self, step: &mut Step, to: Timestamp, remembered: Remembered) {
        let name = remembered.job;
        let Some(state) = self.jobs.get_mut(&name) else {
            return;
        };
        let from = state.watermark;
        let Some(job) = state.job.as_ref() else {
            return;
        };
        if from != remembered.watermark || !is_ahead(from, step.now) {
            return;
        }
        // What is armed for an instant beyond the watermark is not due for long now.
        let armed = state.ahead;
        let crossing = remembered.skips.iter();
        let crossing = crossing.filter(|range| range.first <= to && to < range.last);
        let cuts = crossing
            .map(|range| cut(&job.schedule, state.health.watched_since, range, to))
            .collect();
        state.ran.extend(remembered.ran);
        if let Some(run) = armed.and_then(|id| self.runs.get(&id)) {
            state.ran.remove(&run.new.nominal);
        }
        state.ran = state.ran.split_off(&after(to));
        state.watermark = to;
        state.allowed = Allowed::Unknown;
        state.skips = None;
        let ran = state.ran.iter().copied().collect();
        self.withdraw(step, &name);
        step.records.push(Record::WatermarkPulledBack {
            job: name.clone(),
            from,
            to,
            ran,
            cuts,
        });
        self.schedule(&name);
    }

    /// A job is due again, and nobody knows from when on: it is accepted when the clock is set.
    pub(super) fn accept_when_set(&mut self, step: &mut Step, name: &JobName) {
        let state = self.jobs.get_mut(name);
        let Some(state) = state.filter(|state| !state.fingerprint.is_empty()) else {
            return;
        };
        state.fingerprint.clear();
        step.records.push(Record::JobAccepted {
            job: name.clone(),
            watermark: state.watermark,
            fingerprint: String::new(),
        });
    }

    /// The clock is set: what was accepted before is accepted from now on.
    fn accept_what_waits(&mut self, step: &mut Step) {
        let states = self.jobs.values();
        let waiting = states.filter(|state| state.fingerprint.is_empty());
        let waiting: Vec<_> = waiting.filter_map(|state| state.job.clone()).collect();
        for job in waiting {
            self.accept(step, &job, true);
        }
    }
}

/// Whether only a clock that was wrong can have shown this: a watermark there silences its job.
pub(super) fn is_ahead(at: Timestamp, now: Timestamp) -> bool {
    at.duration_since(now) > SignedDuration::try_from(AHEAD).unwrap_or(SignedDuration::MAX)
}

/// What is left of a range that ends at `to` now. The range is of the schedule that the job had then: if
/// that may be another one now, because the range began before `since` or has another number of instants by
/// this one, they are taken to lie evenly.
fn cut(schedule: &Schedule, since: Timestamp, range: &Span, to: Timestamp) -> Span {
    let from = before(range.first);
    let count = |through| {
        let count = schedule.count_in(from, through, COUNTED);
        (count.through >= through).then_some(count.instants)
    };
    let is_due = |at| schedule.latest_in(before(at), at).is_some();
    let same = range.first > since
        && is_due(range.first)
        && is_due(range.last)
        && count(range.last) == Some(range.count);
    let last = schedule.latest_in(from, to).filter(|_| same);
    let exact = last.and_then(|last| Some((last, count(last)?)));
    let (last, count) = exact.unwrap_or_else(|| (to, share(range, to)));
    Span {
        last,
        count,
        ..*range
    }
}

/// How many instants a range has up to `to` if they lie evenly: one at least, and not all of them.
fn share(range: &Span, to: Timestamp) -> u64 {
    let part = to.duration_since(range.first).as_micros().max(0);
    let whole = range.last.duration_since(range.first).as_micros().max(1);
    let share = i128::from(range.count) * part / whole;
    let most = range.count.saturating_sub(1).max(1);
    u64::try_from(share).unwrap_or(u64::MAX).clamp(1, most)
}

/// The first moment after `t`.
fn after(t: Timestamp) -> Timestamp {
    t.checked_add(Duration::from_nanos(1))
        .unwrap_or(Timestamp::MAX)
}
