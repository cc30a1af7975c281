//! What a new plan changes, in a line.

use std::fmt;

use cronlet_core::{name::JobName, plan::PlanDiff};

/// A difference, for people.
pub(super) struct Summary<'a>(pub(super) &'a PlanDiff);

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let PlanDiff {
            added,
            removed,
            changed,
            settings,
        } = self.0;
        let names = |names: Vec<&JobName>| {
            let names: Vec<_> = names.into_iter().map(|name| format!("`{name}`")).collect();
            names.join(", ")
        };
        let mut parts = Vec::new();
        if !added.is_empty() {
            parts.push(format!(
                "added {}",
                names(added.iter().map(|job| &job.name).collect())
            ));
        }
        if !changed.is_empty() {
            let changed = changed.iter().map(|change| &change.job.name).collect();
            parts.push(format!("changed {}", names(changed)));
        }
        if !removed.is_empty() {
            parts.push(format!("removed {}", names(removed.iter().collect())));
        }
        if settings.is_some() {
            parts.push("changed `[runtime]`".to_owned());
        }
        if parts.is_empty() {
            return f.write_str("no job has changed");
        }
        f.write_str(&parts.join(", "))
    }
}
