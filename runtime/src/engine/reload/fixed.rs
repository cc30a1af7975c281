//! What only a restart changes, and what else is said of a file that is accepted.

use std::{collections::BTreeMap, num::NonZeroU32, path::PathBuf};

use cronlet_core::{catalog::Catalog, name::JobName, plan::Plan};
use jiff::Timestamp;

use super::schedules::First;
use crate::{
    config::{Draft, Problem, Problems, Severity},
    engine::{noted::Noted, status::Warning},
};

/// What only a restart changes.
pub(super) struct Fixed {
    database: PathBuf,
    /// How many guests there is room for.
    pool: NonZeroU32,
}

/// What is said of a file that is accepted.
pub(super) struct Notes {
    /// The changes that wait for a restart.
    pub(super) restart: Vec<Warning>,
    /// The jobs that are granted a directory that cannot be used.
    pub(super) lacking: BTreeMap<JobName, String>,
    /// These, the components and directories that cannot be used, and what is hardly meant.
    pub(super) all: Option<Problems>,
}

impl Notes {
    /// What the status says of it.
    pub(super) fn noted(&self) -> Noted {
        Noted {
            warnings: self.restart.clone(),
            lacking: self.lacking.clone(),
        }
    }
}

impl Fixed {
    /// As a daemon with this first plan has it.
    pub(super) fn of(first: &First) -> Self {
        Self {
            database: first.draft.database(),
            pool: first.plan.settings.max_concurrent_runs,
        }
    }

    /// Keeps `plan` from counting on what only a restart gives it: an attempt that is started waits for
    /// no place.
    pub(super) fn hold(&self, plan: &mut Plan) {
        let most = &mut plan.settings.max_concurrent_runs;
        *most = self.pool.min(*most);
    }

    /// What is to be said of `draft` although it is accepted.
    pub(super) fn notes(&self, draft: &Draft, catalog: &Catalog, now: Timestamp) -> Notes {
        let restart = self.restart(draft);
        let others = [
            draft.unusable(catalog, Severity::Warning),
            draft.lint_grants(catalog),
            draft.lint(now),
        ];
        let others = others.into_iter().flatten().flat_map(Problems::into_vec);
        let all = restart.iter().cloned().chain(others).collect();
        Notes {
            all: Problems::new(draft.source(), all),
            lacking: draft.without_directories(catalog),
            restart,
        }
    }

    /// What of `draft` waits for a restart.
    fn restart(&self, draft: &Draft) -> Vec<Warning> {
        let database = draft.database();
        let database = (database != self.database).then(|| {
            format!(
                "`database` is `{}` from the next start on, `{}` until then",
                database.display(),
                self.database.display()
            )
        });
        let most = draft.settings().max_concurrent_runs;
        let pool = (most > self.pool).then(|| {
            format!(
                "`max_concurrent_runs` is {most} from the next start on, {} until then",
                self.pool
            )
        });
        let warnings = database.into_iter().chain(pool);
        warnings
            .map(|message| {
                Problem::warning("runtime::restart", message)
                    .help("restart cronlet when it suits the jobs that run")
            })
            .collect()
    }
}
