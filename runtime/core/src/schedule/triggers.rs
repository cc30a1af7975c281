//! Several triggers of one job: their instants together, each once.

use std::{collections::BTreeSet, fmt};

use jiff::{Timestamp, civil::DateTime};

use super::{Trigger, before};

/// The triggers of a job, as written and each once; none is a job that no time makes due.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Triggers(Vec<Trigger>);

/// A job has more triggers than it may.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{count} triggers are more than {}", Triggers::MOST)]
pub struct TooManyTriggers {
    /// How many it has.
    pub count: usize,
}

/// How many instants an interval holds, or the first part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// How many.
    pub instants: u64,
    /// Up to where they are counted; the end of the interval, unless that took too many steps.
    pub through: Timestamp,
    /// How many instants were looked at one by one.
    pub steps: usize,
}

impl Triggers {
    /// A job has at most so many.
    pub const MOST: usize = 32;

    /// Several triggers; one that is there twice counts once.
    pub fn new(triggers: Vec<Trigger>) -> Result<Self, TooManyTriggers> {
        let count = triggers.len();
        if count > Self::MOST {
            return Err(TooManyTriggers { count });
        }
        let mut each: Vec<Trigger> = Vec::with_capacity(count);
        for trigger in triggers {
            if !each.contains(&trigger) {
                each.push(trigger);
            }
        }
        Ok(Self(each))
    }

    /// Each of them, as written.
    pub fn as_slice(&self) -> &[Trigger] {
        &self.0
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The first instant strictly after `t` of any.
    pub fn next_after(&self, t: Timestamp) -> Option<Timestamp> {
        let next = self.0.iter().filter_map(|trigger| trigger.next_after(t));
        next.min()
    }

    /// The newest instant of any in `(after, through]`.
    pub fn latest_in(&self, after: Timestamp, through: Timestamp) -> Option<Timestamp> {
        let each = self.0.iter();
        each.filter_map(|trigger| trigger.latest_in(after, through))
            .max()
    }

    /// How many instants `(after, through]` holds, exactly; an empty or reversed interval holds none.
    ///
    /// One trigger is counted at once, and so is the densest of several. The instants of the others are
    /// looked at one by one, as they may be its own; at most `most` of them, of which there is at least one.
    /// Where that is not enough for the whole interval, the count is that of its first part, and
    /// [`Count::through`] says how far that goes.
    pub fn count_in(&self, after: Timestamp, through: Timestamp, most: usize) -> Count {
        let counts = |n: &usize| self.0[*n].count_in(after, through);
        let dense = match self.0.len() {
            0 | 1 => 0,
            several => (0..several).max_by_key(counts).unwrap_or(0),
        };
        let mut count = Count {
            instants: 0,
            through,
            steps: 0,
        };
        let Some(densest) = self.0.get(dense) else {
            return count;
        };
        let next = |n: usize, t: Timestamp| {
            let next = self.0[n].next_after(t).filter(|next| *next <= through);
            next.map(|next| (next, n))
        };
        let sparse = (0..self.0.len()).filter(|n| *n != dense);
        let mut waiting: BTreeSet<_> = sparse.filter_map(|n| next(n, after)).collect();
        let mut last = None;
        while let Some((at, n)) = waiting.pop_first() {
            if last != Some(at) {
                if count.steps >= most.max(1) {
                    count.through = before(at);
                    break;
                }
                last = Some(at);
                count.instants += u64::from(densest.latest_in(before(at), at).is_none());
            }
            count.steps += 1;
            waiting.extend(next(n, at));
        }
        count.instants += densest.count_in(after, count.through);
        count
    }

    /// The wall times that clocks going forward jumped over, and that are due
    /// at `t` for it, in order.
    pub fn stands_for(&self, t: Timestamp) -> Vec<DateTime> {
        let each = self.0.iter().flat_map(|trigger| trigger.stands_for(t));
        let walls: BTreeSet<_> = each.collect();
        walls.into_iter().collect()
    }

    /// All their fingerprints, whatever their order; none if there is no trigger.
    pub(super) fn fingerprint(&self) -> Option<String> {
        let each: BTreeSet<_> = self.0.iter().map(Trigger::fingerprint).collect();
        let each: Vec<_> = each.into_iter().collect();
        (!each.is_empty()).then(|| each.join(" | "))
    }
}

impl From<Trigger> for Triggers {
    fn from(trigger: Trigger) -> Self {
        Self(vec![trigger])
    }
}

/// The short forms of the first three, and how many more there are.
impl fmt::Display for Triggers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 3;
        for (n, trigger) in self.0.iter().take(SHOWN).enumerate() {
            let mark = if n > 0 { " | " } else { "" };
            write!(f, "{mark}{trigger}")?;
        }
        match self.0.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, " (+{more} more)"),
        }
    }
}
