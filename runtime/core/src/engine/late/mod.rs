//! A look at a job: what becomes of the instants that have passed since its watermark.
//!
//! What the calendar excludes is skipped for that; of the rest `catch_up` says what runs, and the others
//! are missed. A look is a pure function of the job's definition and two instants, so whoever wants to know
//! what the engine will do, or why it did what it did, asks it the same.
//!
//! Nobody knows how long a machine was off, and at its end everything waits for this. So a look goes
//! stretch by stretch of the calendar, counts in between, and ends early where that is too much: what is
//! left is due as before, and is for the next look.

use std::{collections::BTreeSet, time::Duration};

use jiff::Timestamp;

use crate::{
    job::Job,
    policy::{CatchUp, CatchUpMode},
    run::SkipReason,
    schedule::{Exclusion, before},
};

/// A look finds at most so many parts.
const PARTS: usize = 256;

/// A look takes at most so many steps that go from one instant to the next: in counting, and in the
/// search for what is to run.
const STEPS: usize = 10_000;

/// So many steps are about as much work as looking at another job.
const STEPS_A_JOB: usize = 40;

/// What is found when one looks at a job that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    /// What becomes of the instants from the watermark to [`Look::through`], in their order.
    pub parts: Vec<Part>,
    /// Whether those that run are a catch-up: they wait for one another, and overlap skips none of them.
    pub catches_up: bool,
    /// Whether those that run are late.
    pub is_late: bool,
    /// The last of the instants looked at: the watermark after it.
    pub through: Timestamp,
    /// Whether there are more, for another look.
    pub is_partial: bool,
    /// How many jobs one could have looked at in place of it.
    pub(super) effort: usize,
}

/// Some instants of a look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// One that is to run, if overlap lets it.
    Runs(Timestamp),
    /// One that has a run already.
    Ran(Timestamp),
    /// Some in a row that do not, for one reason.
    Skips(SkipRange),
}

/// A range of instants that were skipped on arrival.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkipRange {
    /// Why.
    pub reason: SkipReason,
    /// The first of them.
    pub first: Timestamp,
    /// The last of them.
    pub last: Timestamp,
    /// How many there are.
    pub count: u64,
}

impl Look {
    /// Looks at the instants of `job` in `(watermark, now]`, the oldest first; none if nothing is due.
    /// If it may not run, whatever could is missed.
    pub fn at(job: &Job, watermark: Timestamp, now: Timestamp, may_run: bool) -> Option<Self> {
        Self::beside(&BTreeSet::new(), job, watermark, now, may_run)
    }

    /// The same, where some instants have a run already although the watermark is before them. They are
    /// due to nobody: the look passes over them, and no range of skips does.
    pub fn beside(
        ran: &BTreeSet<Timestamp>,
        job: &Job,
        watermark: Timestamp,
        now: Timestamp,
        may_run: bool,
    ) -> Option<Self> {
        let newest = newest_started(job, watermark, now)?;
        let (runs, steps) = runs(job, (watermark, newest), ran, now, may_run);
        let late = runs.len() > 1 || runs.last().is_some_and(|at| is_late(job, now, *at));
        let mut look = Self {
            parts: Vec::new(),
            catches_up: job.catch_up.mode == CatchUpMode::All && late,
            is_late: late,
            through: watermark,
            is_partial: false,
            effort: steps / STEPS_A_JOB,
        };
        look.go_through(job, newest, &runs, ran);
        Some(look)
    }

    /// One look after the other, until nothing is left, where some instants have a run already. They are
    /// as many as it takes: stop when it is enough.
    pub fn all(
        ran: &BTreeSet<Timestamp>,
        job: &Job,
        watermark: Timestamp,
        now: Timestamp,
    ) -> impl Iterator<Item = Self> {
        let first = Self::beside(ran, job, watermark, now, true);
        std::iter::successors(first, move |look| {
            let more = look.is_partial.then_some(look.through)?;
            Self::beside(ran, job, more, now, true)
        })
    }

    /// Whether all that is found is one instant that is to run and is not late.
    pub(super) fn is_on_time(&self) -> bool {
        matches!(self.parts[..], [Part::Runs(_)]) && !self.is_late
    }

    /// Those that are to run.
    pub fn runs(&self) -> impl Iterator<Item = Timestamp> {
        self.parts.iter().filter_map(|part| match part {
            Part::Runs(at) => Some(*at),
            Part::Ran(_) | Part::Skips(_) => None,
        })
    }

    /// Those that do not.
    pub fn skips(&self) -> impl Iterator<Item = &SkipRange> {
        self.parts.iter().filter_map(|part| match part {
            Part::Runs(_) | Part::Ran(_) => None,
            Part::Skips(range) => Some(range),
        })
    }

    /// Goes from part to part, up to the newest instant or as far as a look goes. `runs` is in order.
    fn go_through(
        &mut self,
        job: &Job,
        newest: Timestamp,
        runs: &[Timestamp],
        ran: &BTreeSet<Timestamp>,
    ) {
        let (schedule, mut steps) = (&job.schedule, STEPS);
        let mut runs = runs.iter().copied().peekable();
        while let Some(first) = schedule.next_after(self.through).filter(|t| *t <= newest) {
            if self.parts.len() >= PARTS || steps == 0 {
                self.is_partial = true;
                break;
            }
            if runs.next_if_eq(&first).is_some() {
                self.parts.push(Part::Runs(first));
                self.through = first;
                continue;
            }
            if ran.contains(&first) {
                self.parts.push(Part::Ran(first));
                self.through = first;
                continue;
            }
            let stretch = schedule.calendar.stretch(first);
            let others = runs.peek().into_iter().chain(ran.range(first..).next());
            let ends = others.copied().chain([stretch.end]).map(before);
            let through = ends.fold(newest, Timestamp::min).max(first);
            let count = schedule.count_in(self.through, through, steps);
            steps = steps.saturating_sub(count.steps);
            let last = schedule.latest_in(self.through, count.through);
            let range = SkipRange {
                reason: stretch.excludes.map_or(SkipReason::Missed, Into::into),
                first,
                last: last.unwrap_or(first),
                count: count.instants,
            };
            self.skip(range);
        }
        self.effort += self.parts.len().saturating_sub(1) + (STEPS - steps) / STEPS_A_JOB;
    }

    /// Adds a range, as a part of the one before it if the reason is the same.
    fn skip(&mut self, range: SkipRange) {
        self.through = range.last;
        match self.parts.last_mut() {
            Some(Part::Skips(last)) if last.reason == range.reason => last.extend(&range),
            _ => self.parts.push(Part::Skips(range)),
        }
    }
}

impl SkipRange {
    /// A range of one instant.
    pub(super) fn one(reason: SkipReason, at: Timestamp) -> Self {
        Self {
            reason,
            first: at,
            last: at,
            count: 1,
        }
    }

    /// Goes on with the next instants.
    pub(super) fn extend(&mut self, next: &Self) {
        self.last = next.last;
        self.count = self.count.saturating_add(next.count);
    }
}

impl From<Exclusion> for SkipReason {
    fn from(exclusion: Exclusion) -> Self {
        match exclusion {
            Exclusion::OutsideHours => Self::OutsideHours,
            Exclusion::Blackout => Self::Blackout,
        }
    }
}

/// Which instants are to run, in order, and how many excluded ones were met in the search.
fn runs(
    job: &Job,
    (watermark, newest): (Timestamp, Timestamp),
    ran: &BTreeSet<Timestamp>,
    now: Timestamp,
    may_run: bool,
) -> (Vec<Timestamp>, usize) {
    let CatchUp { mode, max, .. } = job.catch_up;
    let most = match mode {
        _ if !may_run => 0,
        CatchUpMode::Latest | CatchUpMode::None => 1,
        CatchUpMode::All => max.get() as usize,
    };
    let (mut runs, mut steps, mut through) = (Vec::new(), 0, newest);
    while runs.len() < most && steps < STEPS {
        let latest = job.schedule.latest_in(watermark, through);
        let Some(at) = latest.filter(|at| runs_late(job, now, *at)) else {
            break;
        };
        let stretch = job.schedule.calendar.stretch(at);
        if ran.contains(&at) {
            steps += 1;
            through = before(at);
        } else if stretch.excludes.is_none() {
            runs.push(at);
            through = before(at);
        } else {
            steps += 1;
            through = before(stretch.first.min(at));
        }
    }
    runs.reverse();
    (runs, steps)
}

/// The newest instant in `(watermark, now]` whose start has come. The jitter of one instant ends before
/// the next, so at most the last is still put off.
pub(super) fn newest_started(job: &Job, watermark: Timestamp, now: Timestamp) -> Option<Timestamp> {
    let newest = job.schedule.latest_in(watermark, now)?;
    if job.schedule.starts_at(&job.name, newest) <= now {
        return Some(newest);
    }
    job.schedule.latest_in(watermark, before(newest))
}

/// For how long the occurrence of a job could have run.
pub(super) fn lateness(job: &Job, now: Timestamp, nominal: Timestamp) -> Duration {
    age(now, job.schedule.starts_at(&job.name, nominal))
}

/// How old an instant is; zero if it lies in the future.
pub(super) fn age(now: Timestamp, instant: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(instant)).unwrap_or(Duration::ZERO)
}

/// Whether an occurrence of a job is not too late to run.
pub(super) fn runs_late(job: &Job, now: Timestamp, nominal: Timestamp) -> bool {
    let CatchUp {
        mode,
        grace,
        window,
        ..
    } = job.catch_up;
    let late = lateness(job, now, nominal);
    match mode {
        CatchUpMode::Latest | CatchUpMode::All => late < window,
        CatchUpMode::None => late < grace && late < window,
    }
}

/// Whether an instant is no longer on time.
pub(super) fn is_late(job: &Job, now: Timestamp, nominal: Timestamp) -> bool {
    let starts_at = job.schedule.starts_at(&job.name, nominal);
    starts_at <= now && age(now, starts_at) >= job.catch_up.grace
}

#[cfg(test)]
mod tests;
