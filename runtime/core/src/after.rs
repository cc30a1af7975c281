//! Jobs that are due when a run of another job, the upstream, ends.
//!
//! A job has one upstream at most, so what hangs on a job is a tree, unless the jobs go round in circles:
//! such jobs would cause one another for ever, so a schedules file with them is refused.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use crate::{
    name::JobName,
    named::named,
    run::{RunEnd, RunStatus},
};

/// What else makes a job due: the final end of any run of another one, whatever caused that run. One that
/// was skipped has done nothing, so it causes nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct After {
    /// The upstream.
    pub job: JobName,
    /// Which ends the job is for. Any other is recorded as a run that was skipped.
    pub on: On,
}

named! {
    /// See [`After::on`].
    #[derive(Default)]
    On, "end" {
        /// It succeeded.
        #[default]
        Success = "success",
        /// It failed, and nothing follows.
        Failure = "failure",
        /// It succeeded, failed or was cancelled.
        End = "end",
    }
}

impl fmt::Display for After {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "after {}", self.job)?;
        if self.on != On::default() {
            write!(f, " on {}", self.on)?;
        }
        Ok(())
    }
}

impl On {
    /// Whether an upstream's end is one that the job is for.
    pub const fn fits(self, end: RunEnd) -> bool {
        match end.status() {
            RunStatus::Succeeded => matches!(self, Self::Success | Self::End),
            RunStatus::Failed => matches!(self, Self::Failure | Self::End),
            RunStatus::Cancelled => matches!(self, Self::End),
            _ => false,
        }
    }
}

/// The circles among jobs, given the upstream of each that has one. A circle begins with the first of its
/// names, and each name is followed by its dependent.
pub fn circles<'a>(upstreams: &BTreeMap<&'a JobName, &'a JobName>) -> Vec<Vec<&'a JobName>> {
    let mut seen = BTreeSet::new();
    let mut circles = Vec::new();
    for first in upstreams.keys() {
        let mut way = Vec::new();
        let mut next = Some(*first);
        while let Some(job) = next.filter(|job| seen.insert(*job)) {
            way.push(job);
            next = upstreams.get(job).copied();
        }
        // It ended where this very way has been: everything from there on is a circle.
        let begin = next.and_then(|met| way.iter().position(|job| *job == met));
        if let Some(begin) = begin {
            let mut circle = way.split_off(begin);
            circle.reverse();
            let smallest = circle.iter().min().copied();
            let smallest = circle.iter().position(|job| Some(*job) == smallest);
            circle.rotate_left(smallest.unwrap_or(0));
            circles.push(circle);
        }
    }
    circles
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::{FailReason, SkipReason};

    #[test]
    fn an_end_fits_or_does_not() {
        let ends = [
            (RunEnd::Succeeded, [true, false, true]),
            (RunEnd::Failed(FailReason::Timeout), [false, true, true]),
            (RunEnd::Cancelled, [false, false, true]),
            (RunEnd::Skipped(SkipReason::Overlap), [false; 3]),
        ];
        for (end, fits) in ends {
            assert_eq!(On::ALL.map(|on| on.fits(end)), fits, "{end:?}");
        }
        let after = On::ALL.map(|on| After {
            job: JobName::new("a").unwrap(),
            on,
        });
        let texts = after.map(|after| after.to_string());
        assert_eq!(texts, ["after a", "after a on failure", "after a on end"]);
        assert_eq!(On::ALL.map(On::as_str), ["success", "failure", "end"]);
    }

    /// The circles of jobs, each written with its upstream: `ba` is b after a.
    fn found(edges: &[&str]) -> Vec<String> {
        let edges: Vec<_> = edges
            .iter()
            .map(|edge| {
                let (job, upstream) = edge.split_at(1);
                [job, upstream].map(|name| JobName::new(name).unwrap())
            })
            .collect();
        let upstreams = edges.iter().map(|[job, upstream]| (job, upstream));
        circles(&upstreams.collect())
            .into_iter()
            .map(|circle| circle.into_iter().map(JobName::as_str).collect())
            .collect()
    }

    #[test]
    fn circles_are_found_once_and_in_the_order_of_the_runs() {
        assert_eq!(found(&["ba", "cb", "da"]), [""; 0]);
        assert_eq!(found(&["aa"]), ["a"]);
        assert_eq!(found(&["ab", "ba"]), ["ab"]);
        // c is after b, b after a, a after c; x hangs on the circle, and is none of it.
        assert_eq!(found(&["cb", "ba", "ac", "xb", "yx"]), ["abc"]);
        assert_eq!(found(&["xb", "bc", "cb", "ed", "de"]), ["bc", "de"]);
        // A way may begin outside, and with a smaller name.
        assert_eq!(found(&["az", "zy", "yz"]), ["yz"]);
    }
}
