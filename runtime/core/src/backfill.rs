//! Backfills: instants of the past that somebody wants to have run.
//!
//! Which instants a backfill is for is found when it is asked for, and does not change after that. Its
//! runs are made one after the other, as many at a time as may be open, so a long one fills no queue: what
//! is left is the list and how many of it were made.

use std::{num::NonZeroU32, sync::Arc};

use jiff::Timestamp;

use crate::{
    name::JobName,
    named::named,
    run::{RequestId, RunEnd, RunStatus},
    schedule::{Schedule, before},
};

/// At most so many instants are in one backfill.
pub const MAX_INSTANTS: usize = 100_000;

/// At most so many runs of one backfill may be open at one time.
pub const MAX_CONCURRENT: NonZeroU32 = NonZeroU32::MIN.saturating_add(999);

/// At most so many stretches of a calendar that let nothing run are gone through for one backfill.
const STRETCHES: usize = 100_000;

/// In counting what is left out, so many instants of several triggers may be looked at one by one.
const STEPS: usize = 1_000_000;

/// At most so many backfills are under way at one time, of all jobs together.
pub const MAX_OPEN: usize = 64;

/// The instants of a backfill: in order, each once, at most [`MAX_INSTANTS`], and each a whole
/// microsecond, as the history keeps no finer ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Instants(Arc<[Timestamp]>);

impl Instants {
    /// These instants, whatever their order; none if they are too many or too fine.
    pub fn new(mut instants: Vec<Timestamp>) -> Option<Self> {
        instants.sort_unstable();
        instants.dedup();
        let whole = |at: &Timestamp| at.subsec_nanosecond() % 1_000 == 0;
        let fits = instants.len() <= MAX_INSTANTS && instants.iter().all(whole);
        fits.then(|| Self(instants.into()))
    }

    /// In order.
    pub fn as_slice(&self) -> &[Timestamp] {
        &self.0
    }

    /// How many there are.
    pub fn count(&self) -> u32 {
        u32::try_from(self.0.len()).unwrap_or(u32::MAX)
    }
}

/// What a schedule names in a part of the past.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Past {
    /// What may run, in order.
    pub instants: Vec<Timestamp>,
    /// How many others there are: outside the active hours, or in a blackout.
    pub excluded: u64,
}

/// It names more than may be in one backfill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooMany {
    /// How many it names; more, if even counting them was too much.
    pub instants: u64,
}

impl Past {
    /// What `schedule` names in `[from, to)`.
    pub fn of(schedule: &Schedule, from: Timestamp, to: Timestamp) -> Result<Self, TooMany> {
        let (mut past, mut stretches) = (Self::default(), 0);
        let (mut after, through) = (before(from), before(to));
        while let Some(next) = schedule.next_after(after).filter(|at| *at <= through) {
            let stretch = schedule.calendar.stretch(next);
            if stretch.excludes.is_none() {
                past.instants.push(next);
                after = next;
            } else {
                stretches += 1;
                let end = before(stretch.end).min(through);
                let count = schedule.count_in(after, end, STEPS);
                past.excluded = past.excluded.saturating_add(count.instants);
                after = count.through.max(next);
            }
            if past.instants.len() > MAX_INSTANTS || stretches > STRETCHES {
                let count = schedule.count_in(before(from), through, STEPS);
                let instants = count.instants;
                return Err(TooMany { instants });
            }
        }
        Ok(past)
    }
}

/// A backfill, as it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewBackfill {
    /// Names it.
    pub id: RequestId,
    /// Of this job.
    pub job: JobName,
    /// What is to run.
    pub instants: Instants,
    /// So many of its runs may be open at one time, at most [`MAX_CONCURRENT`].
    pub max_concurrent: NonZeroU32,
    /// The newest instant first.
    pub reverse: bool,
    /// Who asked.
    pub actor: Option<Arc<str>>,
    /// When.
    pub created_at: Timestamp,
}

impl NewBackfill {
    /// The instant of its `n`-th run, from 0; none if there are not so many.
    pub fn nth(&self, n: u32) -> Option<Timestamp> {
        let instants = self.instants.as_slice();
        let place = if self.reverse {
            self.instants.count().checked_sub(n)?.checked_sub(1)?
        } else {
            n
        };
        instants.get(usize::try_from(place).ok()?).copied()
    }
}

/// How many runs of a backfill ended in which way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// They did what they were to do.
    pub succeeded: u32,
    /// They did not.
    pub failed: u32,
    /// Somebody cancelled them, or they said so.
    pub cancelled: u32,
    /// Their job was removed before they started.
    pub skipped: u32,
}

impl Tally {
    /// One more.
    pub fn count(&mut self, end: RunEnd) {
        let count = match end {
            RunEnd::Succeeded => &mut self.succeeded,
            RunEnd::Failed(_) => &mut self.failed,
            RunEnd::Cancelled => &mut self.cancelled,
            RunEnd::Skipped(_) => &mut self.skipped,
        };
        *count = count.saturating_add(1);
    }

    /// All that are over.
    pub fn total(&self) -> u32 {
        [self.succeeded, self.failed, self.cancelled, self.skipped]
            .into_iter()
            .fold(0, u32::saturating_add)
    }
}

named! {
    /// What becomes of an instant that a run stands for already.
    Reprocess, "choice" {
        /// It is left out.
        None = "none",
        /// It runs again if that run failed.
        Failed = "failed",
        /// It runs again.
        All = "all",
    }
}

impl Reprocess {
    /// Whether an instant runs. `before` is how the run that stands for it went or goes.
    pub fn takes(self, before: Option<RunStatus>) -> bool {
        match (self, before) {
            (_, None) | (Self::All, _) | (Self::Failed, Some(RunStatus::Failed)) => true,
            (Self::None | Self::Failed, Some(_)) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::schedule::{Calendar, Every, Trigger, Zone};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn backfill(reverse: bool) -> NewBackfill {
        NewBackfill {
            id: RequestId(1),
            job: JobName::new("a").unwrap(),
            instants: Instants::new(vec![at(3), at(1), at(2), at(1)]).unwrap(),
            max_concurrent: NonZeroU32::MIN,
            reverse,
            actor: None,
            created_at: at(9),
        }
    }

    #[test]
    fn instants_are_in_order_and_each_is_there_once() {
        let nth = |reverse| (0..4).map(move |n| backfill(reverse).nth(n));
        let expected = [Some(at(1)), Some(at(2)), Some(at(3)), None];
        assert!(nth(false).eq(expected));
        let expected = [Some(at(3)), Some(at(2)), Some(at(1)), None];
        assert!(nth(true).eq(expected));
    }

    /// Every hour, where the calendar lets it.
    fn hourly(calendar: Calendar) -> Schedule {
        let hour = Every::new(Duration::from_hours(1), Duration::ZERO).unwrap();
        Schedule {
            calendar,
            ..Schedule::from(Trigger::Every(hour))
        }
    }

    #[test]
    fn a_past_begins_with_its_first_moment_and_ends_before_its_last() {
        let past = Past::of(&hourly(Calendar::default()), at(3_600), at(3 * 3_600)).unwrap();
        assert_eq!(past.instants, [at(3_600), at(2 * 3_600)]);
        assert_eq!(past.excluded, 0);
        for (from, to) in [(3_601, 7_200), (7_200, 7_200), (7_200, 3_600)] {
            let past = Past::of(&hourly(Calendar::default()), at(from), at(to));
            assert_eq!(past, Ok(Past::default()));
        }
    }

    #[test]
    fn what_the_calendar_excludes_is_left_out_and_counted() {
        let hours = vec!["06:00-08:00".parse().unwrap()];
        let schedule = hourly(Calendar::new(Zone::UTC, hours, Vec::new()));
        let past = Past::of(&schedule, at(0), at(2 * 86_400)).unwrap();
        let hours = [6, 7, 30, 31].map(|hour| at(hour * 3_600));
        assert_eq!((past.instants, past.excluded), (hours.to_vec(), 44));
    }

    #[test]
    fn a_past_that_is_too_long_says_how_long_it_is() {
        let of = |hours: i64, calendar| Past::of(&hourly(calendar), at(0), at(hours * 3_600));
        let open = Calendar::default;
        assert_eq!(of(100_000, open()).unwrap().instants.len(), MAX_INSTANTS);
        let many = Err(TooMany { instants: 100_001 });
        assert_eq!(of(100_001, open()), many);
        // Two stretches of a day let nothing run.
        let never = || Calendar::new(Zone::UTC, vec!["06:30-06:45".parse().unwrap()], Vec::new());
        assert_eq!(of(24, never()).unwrap().excluded, 24);
        assert!(of(24 * 200_000, never()).is_err());
    }

    #[test]
    fn instants_are_not_too_many_and_not_too_fine() {
        let many = |n: i64| Instants::new((0..n).map(at).collect());
        assert!(many(100_000).is_some());
        assert!(many(100_001).is_none());
        let fine = Timestamp::new(1, 1).unwrap();
        assert!(Instants::new(vec![fine]).is_none());
    }

    #[test]
    fn what_runs_again_is_what_was_asked_for() {
        let taken = |reprocess: Reprocess| {
            let ran = RunStatus::ALL.into_iter().map(Some);
            let all = std::iter::once(None).chain(ran);
            all.filter(|before| reprocess.takes(*before))
                .collect::<Vec<_>>()
        };
        assert_eq!(taken(Reprocess::None), [None]);
        let failed = [None, Some(RunStatus::Failed)];
        assert_eq!(taken(Reprocess::Failed), failed);
        assert_eq!(taken(Reprocess::All).len(), 1 + RunStatus::ALL.len());
    }

    #[test]
    fn a_tally_counts_every_end() {
        let mut tally = Tally::default();
        for end in [
            RunEnd::Succeeded,
            RunEnd::Failed(crate::run::FailReason::Trap),
            RunEnd::Cancelled,
            RunEnd::Skipped(crate::run::SkipReason::Removed),
            RunEnd::Succeeded,
        ] {
            tally.count(end);
        }
        let expected = Tally {
            succeeded: 2,
            failed: 1,
            cancelled: 1,
            skipped: 1,
        };
        assert_eq!((tally, tally.total()), (expected, 5));
    }
}
