//! Finding the daemon, and what is said when it is not there or refuses.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use super::{
    console::Console,
    error::{CliError, Kind},
    place::Place,
};
use crate::{
    api::client::{Client, ClientError},
    store::sqlite,
};

/// The daemon that owns the database.
pub fn find(place: &Place, console: &mut Console) -> Result<Client, CliError> {
    let database = place.database(console);
    at(&database).map_err(|error| {
        let other = others(place, &database).next();
        let other = other.filter(|_| error.kind == Kind::Unavailable);
        error.maybe_hint(other.map(|other| {
            format!(
                "one is running for another database: `--database {}`",
                other.display()
            )
        }))
    })
}

/// Databases near this one that have a daemon. When the key `database` was edited while a daemon runs,
/// its database is another than the file says, until it is started again.
fn others(place: &Place, database: &Path) -> impl Iterator<Item = PathBuf> {
    let folders: BTreeSet<PathBuf> = [place.config.as_path(), database]
        .into_iter()
        .filter_map(|file| Some(file.parent()?.to_owned()))
        .collect();
    let entries = folders.into_iter().flat_map(|folder| {
        let here = if folder.as_os_str().is_empty() {
            Path::new(".")
        } else {
            &folder
        };
        let names = here.read_dir().into_iter().flatten().flatten();
        let names: Vec<_> = names.map(|entry| folder.join(entry.file_name())).collect();
        names
    });
    entries.filter_map(|file| {
        let database = file.to_str()?.strip_suffix(".lock").map(PathBuf::from)?;
        let holder = sqlite::holder(&database).ok()??;
        holder.socket.map(|_| database)
    })
}

/// The daemon that owns this database.
pub fn at(database: &Path) -> Result<Client, CliError> {
    let holder = sqlite::holder(database)?;
    let socket = holder.and_then(|holder| holder.socket);
    socket.map(|socket| Client::new(&socket)).ok_or_else(|| {
        let message = format!("no daemon is running for `{}`", database.display());
        CliError::unavailable(message).hint("`cronlet serve` starts one")
    })
}

impl From<ClientError> for CliError {
    fn from(error: ClientError) -> Self {
        match error {
            // Somebody has the database, or nobody would have been asked.
            ClientError::Unreachable { .. } => Self::unavailable(error.to_string())
                .hint("it may be starting or stopping, so try again in a moment"),
            ClientError::Silent { .. } | ClientError::Broken(_) => {
                Self::unavailable(error.to_string())
            }
            ClientError::Refused {
                status,
                detail,
                help,
            } => Self::new(
                match status {
                    400 => Kind::User,
                    404 => Kind::NotFound,
                    _ => Kind::Refused,
                },
                detail,
            )
            .maybe_hint(help),
        }
    }
}
