//! Finding the daemon, and what is said when it is not there or refuses.

use std::path::Path;

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
    at(&place.database(console))
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
            ClientError::Refused { status, detail } => Self::new(
                match status {
                    400 => Kind::User,
                    404 => Kind::NotFound,
                    _ => Kind::Refused,
                },
                detail,
            ),
        }
    }
}
