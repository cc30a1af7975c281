//! What is to be run.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use cronlet_core::{
    capability::Capabilities,
    catalog::{Catalog, Unusable},
    digest::Digest,
    limits::Limits,
    name::{JobName, MAX_LEN},
};

use super::{
    super::{
        error::CliError,
        place::{self, Place},
        suggest,
    },
    state::Copy,
};
use crate::{
    config::Draft,
    engine::reload::directories,
    sandbox::{Sandbox, StateSource},
};

/// What is to be run, before its component is loaded.
pub(super) enum Wanted {
    Job {
        name: JobName,
        draft: Box<Draft>,
        database: PathBuf,
    },
    File {
        path: PathBuf,
        limits: Limits,
    },
}

/// What is to be run.
pub(super) struct Target {
    pub(super) job: JobName,
    pub(super) digest: Digest,
    pub(super) limits: Limits,
    pub(super) allow: Arc<Capabilities>,
    pub(super) params: Arc<str>,
    /// What the job remembers; a component without a job remembers nothing.
    pub(super) state: Option<Arc<dyn StateSource>>,
}

/// A path is a component's, anything else a job's name.
pub(super) fn find(what: &str, place: &Place) -> Result<Wanted, CliError> {
    let path = Path::new(what);
    let ends = path
        .extension()
        .is_some_and(|it| it.eq_ignore_ascii_case("wasm"));
    if ends || what.contains('/') {
        return Ok(Wanted::File {
            path: path.to_owned(),
            limits: place.default_limits()?,
        });
    }
    let draft = place.draft()?;
    let plan = place::plan(&draft);
    match plan.jobs.get_key_value(what) {
        Some((name, _)) => Ok(Wanted::Job {
            name: name.clone(),
            database: place.database.clone().unwrap_or_else(|| draft.database()),
            draft: Box::new(draft),
        }),
        None => Err(suggest::no_such_job(
            what,
            plan.jobs.keys().map(JobName::as_str),
        )),
    }
}

impl Wanted {
    /// Loads its component.
    pub(super) fn load(self, sandbox: &Sandbox) -> Result<Target, CliError> {
        match self {
            Self::Job {
                name,
                draft,
                database,
            } => load_job(sandbox, name, &draft, database),
            Self::File { path, limits } => {
                let loaded = sandbox
                    .load(&path)
                    .map_err(|unusable| cannot_use(&format!("`{}`", path.display()), unusable))?;
                Ok(Target {
                    job: name_of(&path),
                    digest: loaded.digest,
                    limits,
                    allow: Arc::default(),
                    params: "{}".into(),
                    state: None,
                })
            }
        }
    }
}

/// Loads the component of this one job; the others of the file are not looked at.
fn load_job(
    sandbox: &Sandbox,
    name: JobName,
    draft: &Draft,
    database: PathBuf,
) -> Result<Target, CliError> {
    let reference = draft
        .reference_of(name.as_str())
        .ok_or_else(|| CliError::internal(format!("job `{name}` has no component")))?;
    let loaded = sandbox.load(&reference.path);
    if let Err(unusable) = loaded {
        return Err(
            cannot_use(&format!("plugin `{}`", reference.written), unusable).maybe_hint(None),
        );
    }
    let catalog = Catalog {
        components: [(reference.written.clone(), loaded)].into(),
        directories: directories(draft),
        ..Catalog::default()
    };
    let plan = draft.resolve(&catalog);
    let job = &plan.jobs[&name];
    match &job.component {
        cronlet_core::job::Component::Ready(digest) => Ok(Target {
            digest: *digest,
            limits: job.limits.clone(),
            allow: job.allow.clone(),
            params: job.params.clone(),
            state: Some(Arc::new(Copy::of(database))),
            job: name,
        }),
        cronlet_core::job::Component::Unusable(why)
        | cronlet_core::job::Component::LastGood(_, why) => Err(CliError::config(format!(
            "job `{name}` cannot be run: {why}"
        ))),
    }
}

fn cannot_use(what: &str, unusable: Unusable) -> CliError {
    let message = format!("{what} cannot be used: {}", unusable.message);
    let error = match unusable.code {
        "missing" => CliError::not_found(message),
        _ => CliError::config(message),
    };
    error.maybe_hint(unusable.help)
}

/// A job's name for a component without a job: its file's, as far as it may be one.
fn name_of(path: &Path) -> JobName {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let name: String = stem
        .to_lowercase()
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || c == '_' {
                c
            } else {
                '-'
            }
        })
        .skip_while(|c| !c.is_ascii_alphanumeric())
        .take(MAX_LEN)
        .collect();
    JobName::new(&name)
        .or_else(|_| JobName::new("component"))
        .expect("`component` is a name")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_lends_its_name_as_far_as_it_may() {
        for (path, name) in [
            ("plugins/hello.wasm", "hello"),
            ("./Fetch Papers.v2.wasm", "fetch-papers-v2"),
            ("_.wasm", "component"),
            ("/", "component"),
            ("日本.wasm", "component"),
            ("_x.wasm", "x"),
        ] {
            assert_eq!(name_of(Path::new(path)).as_str(), name);
        }
        assert_eq!(name_of(Path::new(&"x".repeat(99))).as_str().len(), MAX_LEN);
    }
}
