//! Which jobs nothing makes due: those that the file disables, and those that are paused, as far as the
//! database can be read.

use std::collections::BTreeMap;

use cronlet_core::{job::Job, name::JobName, pause::Paused};

use super::{place::Found, when};
use crate::store::history::History as _;

/// The jobs that are paused.
#[derive(Debug, Default)]
pub struct Halts(BTreeMap<JobName, Paused>);

impl Halts {
    /// Those of the database, if it is there and can be read.
    pub fn find(found: &Found) -> Self {
        let history = found.history().ok().flatten();
        let rows = history.and_then(|history| history.jobs().ok());
        let paused = |row: crate::store::history::JobRow| Some((row.job, row.paused?));
        Self(
            rows.unwrap_or_default()
                .into_iter()
                .filter_map(paused)
                .collect(),
        )
    }

    /// Whether nothing makes the job due.
    pub fn has(&self, job: &Job) -> bool {
        !job.enabled || self.0.contains_key(&job.name)
    }

    /// What keeps a job from being due, in a sentence with what is done about it.
    pub fn why(&self, job: &Job) -> Option<String> {
        let name = &job.name;
        if let Some(paused) = self.0.get(name) {
            let (why, since) = (&paused.why, when::second(paused.since, &job.zone));
            return Some(format!(
                "job `{name}` was paused at {since} {why}: it is not due until `cronlet resume {name}`"
            ));
        }
        (!job.enabled).then(|| {
            format!("job `{name}` is disabled: it is not due while the file says `enabled = false`")
        })
    }
}

#[cfg(test)]
mod tests {
    use cronlet_core::{job::Component, pause::PauseReason};

    use super::*;

    #[test]
    fn a_pause_is_told_before_what_the_file_says() {
        let name = JobName::new("a").unwrap();
        let mut job = Job::new(name.clone(), Component::Unusable(String::new()));
        let mut halts = Halts::default();
        assert!(!halts.has(&job) && halts.why(&job).is_none());
        job.enabled = false;
        assert!(halts.has(&job));
        assert_eq!(
            halts.why(&job).unwrap(),
            "job `a` is disabled: it is not due while the file says `enabled = false`"
        );
        let since = "2026-03-01T06:00:00.5Z".parse().unwrap();
        let why = PauseReason::Failures(3);
        halts.0.insert(name, Paused { since, why });
        assert_eq!(
            halts.why(&job).unwrap(),
            "job `a` was paused at 2026-03-01 06:00:00 +00:00 after 3 failed runs in a row: \
             it is not due until `cronlet resume a`"
        );
    }
}
