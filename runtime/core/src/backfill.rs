//! Backfills: instants of the past that somebody wants to have run.
//!
//! Which instants a backfill is for is found when it is asked for, and does not change after that. Its
//! runs are made one after the other, as many at a time as may be open, so a long one fills no queue: what
//! is left is the list and how many of it were made.

use std::{fmt, num::NonZeroU32, str::FromStr, sync::Arc};

use jiff::Timestamp;

use crate::{
    name::JobName,
    run::{RequestId, RunEnd, RunStatus, UnknownName, named},
};

/// At most so many instants are in one backfill.
pub const MAX_INSTANTS: usize = 100_000;

/// At most so many runs of one backfill may be open at one time.
pub const MAX_CONCURRENT: NonZeroU32 = NonZeroU32::MIN.saturating_add(999);

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
    use super::*;

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
