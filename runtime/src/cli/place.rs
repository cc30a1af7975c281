//! Where the schedules file and the database are, and what is said when they are not there.
//!
//! Most commands need only the database. They find it with a schedules file that does not parse,
//! or with none: then it is the one that `--database` names, or the default name beside the file.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use cronlet_core::{catalog::Catalog, limits::Limits, plan::Plan};

use super::{
    GLOBAL,
    console::Console,
    error::{CliError, Kind},
};
use crate::{
    config::{self, Draft, Environment, Problem, Problems, Severity},
    store::{
        StoreError,
        sqlite::{self, OpenError, SqliteHistory},
    },
};

/// The default of `database`, which is relative to the schedules file.
const DATABASE: &str = "cronlet.db";

/// What was said about where things are.
#[derive(Clone, Debug, clap::Args)]
pub struct Place {
    /// The schedules file
    #[arg(
        short,
        long,
        global = true,
        help_heading = GLOBAL,
        value_name = "FILE",
        env = "CRONLET_CONFIG",
        hide_env_values = true,
        default_value = "schedules.toml"
    )]
    pub config: PathBuf,

    /// The database, if not the file's own
    #[arg(
        long,
        global = true,
        help_heading = GLOBAL,
        value_name = "FILE",
        env = "CRONLET_DATABASE",
        hide_env_values = true
    )]
    pub database: Option<PathBuf>,
}

/// The schedules file, or what is wrong with it, and the database, whether it is there or not.
#[derive(Debug)]
pub struct Found {
    pub draft: Result<Draft, CliError>,
    pub database: PathBuf,
}

impl Place {
    /// What the schedules file says. Anything wrong with it is an error.
    pub fn draft(&self) -> Result<Draft, CliError> {
        let text = config::read(&self.config)?;
        let name = self.config.to_string_lossy();
        Ok(config::parse(&name, &text, &environment())?)
    }

    /// What the schedules file says, without having looked at a component.
    pub fn plan(&self) -> Result<Plan, CliError> {
        Ok(plan(&self.draft()?))
    }

    /// The limits of `[defaults]`, or those without a schedules file.
    pub fn default_limits(&self) -> Result<Limits, CliError> {
        if self.config.exists() {
            Ok(self.draft()?.default_limits().clone())
        } else {
            Ok(Limits::default())
        }
    }

    /// The database, whether it is there or not. A schedules file that cannot be used is a warning.
    pub fn database(&self, console: &mut Console) -> PathBuf {
        if let Some(path) = &self.database {
            return path.clone();
        }
        let found = self.find();
        if let Err(error) = &found.draft {
            warn(error, &found.database, console);
        }
        found.database
    }

    /// The schedules file and the database.
    pub fn find(&self) -> Found {
        let draft = self.draft();
        let database = self.database.clone().unwrap_or_else(|| match &draft {
            Ok(draft) => draft.database(),
            Err(_) => self.config.with_file_name(DATABASE),
        });
        Found { draft, database }
    }

    /// The history, to be read.
    pub fn history(&self, console: &mut Console) -> Result<SqliteHistory, CliError> {
        Ok(sqlite::history(&self.database(console))?)
    }
}

impl Found {
    /// The history, if there is a database.
    pub fn history(&self) -> Result<Option<SqliteHistory>, CliError> {
        match sqlite::history(&self.database) {
            Ok(history) => Ok(Some(history)),
            Err(OpenError::Missing { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

/// Says what is wrong with the schedules file, and what is done all the same.
pub fn warn(error: &CliError, database: &Path, console: &mut Console) {
    let (message, database) = (&error.message, database.display());
    let new = console.warning(&format!(
        "{message}; the database is taken to be `{database}`"
    ));
    if new && error.problems.is_some() {
        console.help("`cronlet check` shows what is wrong");
    }
}

/// Where compiled components are kept: beside the database.
pub fn compiled(database: &Path) -> PathBuf {
    beside(database, ".cache")
}

/// Where the components of the live plan are kept, for a start at which their files cannot be used.
pub fn components(database: &Path) -> PathBuf {
    beside(database, ".components")
}

fn beside(database: &Path, end: &str) -> PathBuf {
    let mut path = database.as_os_str().to_owned();
    path.push(end);
    path.into()
}

/// The plan of a draft of which no component was looked at.
pub fn plan(draft: &Draft) -> Plan {
    draft.resolve(&Catalog::default())
}

/// The variables that override keys of `[runtime]`.
pub fn environment() -> Environment {
    let ours = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
        let name = name.into_string().ok()?;
        let value = value.to_string_lossy().into_owned();
        name.starts_with("CRONLET_").then_some((name, value))
    };
    std::env::vars_os()
        .filter_map(ours)
        .collect::<BTreeMap<_, _>>()
}

/// The schedules file cannot be used.
impl From<Problems> for CliError {
    fn from(problems: Problems) -> Self {
        match single(&problems) {
            Some(problem) => Self::config(problem.message.clone()).maybe_hint(problem.help.clone()),
            None => Self::config(counted(&problems)).problems(problems),
        }
    }
}

/// The only problem, where it is not in the text: it needs no picture.
fn single(problems: &Problems) -> Option<&Problem> {
    match problems.iter().as_slice() {
        [only] if only.span.is_none() => Some(only),
        _ => None,
    }
}

fn counted(problems: &Problems) -> String {
    let name = problems.source().name();
    match problems.count(Severity::Error) {
        1 => format!("`{name}` has a problem"),
        n => format!("`{name}` has {n} problems"),
    }
}

/// The database cannot be opened.
impl From<OpenError> for CliError {
    fn from(error: OpenError) -> Self {
        let text = error.to_string();
        let mut parts = text.split("\nhelp: ");
        let message = parts.next().unwrap_or_default().to_owned();
        let cli = match &error {
            OpenError::Missing { .. } => Self::not_found(message),
            OpenError::Owned(_) => {
                Self::refused(message).hint("`cronlet status` shows what it is doing")
            }
            OpenError::Newer { .. } | OpenError::Older { .. } => Self::refused(message),
            OpenError::Store(error) if error.is_conflict() => Self::refused(message),
            OpenError::Foreign { .. } | OpenError::Store(_) => Self::config(message),
        };
        let help = match &error {
            OpenError::Store(error) => error.help(),
            _ => None,
        };
        let cli = cli.maybe_hint(help.map(str::to_owned));
        parts.fold(cli, CliError::hint)
    }
}

/// The database cannot be read: the disk, its rights, or damage, so nothing of ours to report.
impl From<StoreError> for CliError {
    fn from(error: StoreError) -> Self {
        let kind = if error.is_conflict() {
            Kind::Refused
        } else {
            Kind::Config
        };
        Self::new(kind, error.to_string()).maybe_hint(error.help().map(str::to_owned))
    }
}
