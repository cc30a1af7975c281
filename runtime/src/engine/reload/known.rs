//! Which components a reload is refused for: those with which something got worse.
//!
//! A start goes on without the components that cannot be used: with the last good ones in their place, or
//! with jobs that fail alone. As long as such a component stays as it is, it keeps nobody from changing
//! another job, or from repairing another component.

use std::{borrow::Cow, collections::BTreeSet};

use cronlet_core::{catalog::Catalog, job::Component, plan::Plan};

use crate::config::{Draft, Problems, Severity};

/// What the live plan cannot use, and why: the problems' codes and messages.
pub(super) struct Known(BTreeSet<(Cow<'static, str>, String)>);

impl Known {
    pub(super) fn of(draft: &Draft, catalog: &Catalog) -> Self {
        let problems = draft.unusable(catalog, Severity::Error);
        let problems = problems.map_or_else(Vec::new, Problems::into_vec);
        let known = problems.into_iter().map(|it| (it.code, it.message));
        Self(known.collect())
    }

    /// What of `draft` cannot be used and could until now, or was not there. `plan` is what it would
    /// make of `live`.
    pub(super) fn worse(
        &self,
        draft: &Draft,
        catalog: &Catalog,
        live: &Plan,
        plan: &Plan,
    ) -> Option<Problems> {
        let all = draft.unusable(catalog, Severity::Error)?;
        if breaks_a_job(live, plan) {
            return Some(all);
        }
        let source = all.source().clone();
        let mut problems = all.into_vec();
        problems.retain(|it| !self.0.contains(&(it.code.clone(), it.message.clone())));
        Problems::new(&source, problems)
    }
}

/// Whether a job that can run could not any more.
fn breaks_a_job(live: &Plan, plan: &Plan) -> bool {
    let ready = |component: &Component| component.digest().is_some();
    live.jobs.iter().any(|(name, job)| {
        let next = plan.jobs.get(name);
        ready(&job.component) && next.is_some_and(|next| !ready(&next.component))
    })
}
