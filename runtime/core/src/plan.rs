//! All jobs, resolved and validated, and how one plan differs from the next.

use std::{collections::BTreeMap, num::NonZeroU32, sync::Arc, time::Duration};

use crate::{
    digest::Digest,
    job::Job,
    name::{GroupName, JobName},
    retention::Retention,
};

/// What the engine schedules. A replaced file or a replaced component is a new plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Of the text it came from.
    pub digest: Digest,
    /// The keys of `[runtime]` that are live.
    pub settings: Settings,
    /// By name.
    pub jobs: BTreeMap<JobName, Arc<Job>>,
}

/// The keys of `[runtime]` that can change while the daemon runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How many guests run at one time. Default 64.
    pub max_concurrent_runs: NonZeroU32,
    /// How many guests of a group's jobs run at one time.
    pub groups: BTreeMap<GroupName, NonZeroU32>,
    /// How long guests have to end when the daemon stops. Default 30 s.
    pub shutdown_grace: Duration,
    /// How long history is kept.
    pub history: Retention,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_concurrent_runs: NonZeroU32::MIN.saturating_add(63),
            groups: BTreeMap::new(),
            shutdown_grace: Duration::from_secs(30),
            history: Retention::default(),
        }
    }
}

/// What must happen to turn one plan into the next. Jobs it does not name are not touched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlanDiff {
    /// Jobs that were not there.
    pub added: Vec<Arc<Job>>,
    /// Jobs that are there no more.
    pub removed: Vec<JobName>,
    /// Jobs that mean something else now.
    pub changed: Vec<Change>,
    /// The settings, if they differ.
    pub settings: Option<Settings>,
}

/// One job that means something else now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What it means now.
    pub job: Arc<Job>,
    /// Whether it is due at other times, which resets its watermark.
    pub reschedules: bool,
}

impl PlanDiff {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Plan {
    /// What must happen to turn `self` into `next`.
    pub fn diff(&self, next: &Self) -> PlanDiff {
        let mut diff = PlanDiff {
            settings: (self.settings != next.settings).then(|| next.settings.clone()),
            ..PlanDiff::default()
        };
        for (name, job) in &next.jobs {
            match self.jobs.get(name) {
                None => diff.added.push(job.clone()),
                Some(old) if old != job => diff.changed.push(Change {
                    job: job.clone(),
                    reschedules: old.fingerprint() != job.fingerprint(),
                }),
                Some(_) => {}
            }
        }
        diff.removed = self
            .jobs
            .keys()
            .filter(|name| !next.jobs.contains_key(*name))
            .cloned()
            .collect();
        diff
    }

    /// Does what `diff` says. `digest` is that of the text the result stands for.
    pub fn apply(&mut self, diff: &PlanDiff, digest: Digest) {
        self.digest = digest;
        for name in &diff.removed {
            self.jobs.remove(name);
        }
        for job in diff
            .added
            .iter()
            .chain(diff.changed.iter().map(|change| &change.job))
        {
            self.jobs.insert(job.name.clone(), job.clone());
        }
        if let Some(settings) = &diff.settings {
            self.settings = settings.clone();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        capability::{Capabilities, DirGrant},
        job::Component,
        schedule::{Every, Trigger},
    };

    /// A job of few possible names and meanings, so that two plans often share some.
    fn job() -> impl Strategy<Value = Job> {
        (0..6u8, 0..3u64, 0..3u8, any::<bool>()).prop_map(|(name, period, params, write)| Job {
            schedule: Duration::from_secs(period)
                .checked_mul(60)
                .filter(|period| !period.is_zero())
                .map(|period| Trigger::Every(Every::new(period, Duration::ZERO).unwrap()).into())
                .unwrap_or_default(),
            allow: Arc::new(Capabilities {
                dirs: vec![DirGrant {
                    host: "data".into(),
                    guest: "/data".to_owned(),
                    write,
                }],
                env: Vec::new(),
            }),
            params: params.to_string().into(),
            ..Job::new(
                JobName::new(&format!("job-{name}")).unwrap(),
                Component::Ready(Digest::of(&[params % 2])),
            )
        })
    }

    fn plan() -> impl Strategy<Value = Plan> {
        let jobs = proptest::collection::vec(job(), 0..6);
        (jobs, 1..3u32).prop_map(|(jobs, max)| Plan {
            digest: Digest::of(format!("{jobs:?}").as_bytes()),
            settings: Settings {
                max_concurrent_runs: NonZeroU32::new(max).unwrap(),
                ..Settings::default()
            },
            jobs: jobs
                .into_iter()
                .map(|job| (job.name.clone(), job.into()))
                .collect(),
        })
    }

    proptest! {
        #[test]
        fn a_plan_does_not_differ_from_itself(plan in plan()) {
            prop_assert!(plan.diff(&plan).is_empty());
        }

        #[test]
        fn applying_the_difference_gives_the_next_plan(before in plan(), next in plan()) {
            let diff = before.diff(&next);
            let mut after = before.clone();
            after.apply(&diff, next.digest);
            prop_assert_eq!(&after, &next);
            for change in &diff.changed {
                let old = &before.jobs[&change.job.name];
                prop_assert_ne!(old, &change.job);
                let moved = old.fingerprint() != change.job.fingerprint();
                prop_assert_eq!(change.reschedules, moved);
            }
        }
    }
}
