//! Waiting until a backfill is over.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::words::progress;
use crate::{
    api::{
        backfills::Backfill,
        client::{Client, ClientError},
    },
    cli::{
        bar::Bar,
        console::Console,
        error::{CliError, Kind},
        exit::Exit,
        live::{Interrupts, block_on},
    },
};

/// How often one that waits looks how far it is.
const LOOK: Duration = Duration::from_millis(200);

/// Shows how far it comes, until it is over.
pub(super) fn wait(
    daemon: &Client,
    begun: &Backfill,
    console: &mut Console,
) -> Result<Exit, CliError> {
    let id = begun.backfill.clone().unwrap_or_default();
    let path = format!("/api/v1/backfills/{id}");
    let ended = block_on(async {
        let mut interrupts = Interrupts::listen()?;
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = interrupts.next() => {
                    console.bar().clear();
                    return Ok(None);
                }
                _ = looks.tick() => {}
            }
            let backfill: Backfill = match daemon.look(&path).await {
                Ok(answer) => answer.ok()?,
                Err(ClientError::Unreachable { .. } | ClientError::Broken(_)) => {
                    console.bar().clear();
                    return Err(left(&begun.job));
                }
                Err(error) => return Err(error.into()),
            };
            if backfill.ended_at.is_some() {
                console.bar().clear();
                return Ok(Some(backfill));
            }
            if Bar::room().is_some() {
                console.bar().draw(&progress(&backfill));
            }
        }
    })?;
    let Some(backfill) = ended else {
        let job = &begun.job;
        console.note(format_args!("the backfill of `{job}` goes on"));
        console.help(&format!(
            "`cronlet status` shows how far it is, `cronlet backfill {job} --stop` ends it"
        ));
        return Ok(Exit::Interrupted);
    };
    if console.json() {
        console.document(&backfill)?;
    } else {
        console.line(progress(&backfill))?;
    }
    let all = backfill.succeeded == backfill.instants;
    Ok(if all { Exit::Done } else { Exit::Failed })
}

fn left(job: &str) -> CliError {
    let message = format!("the daemon stopped before the backfill of `{job}` was over");
    CliError::new(Kind::Unavailable, message).hint("the next `cronlet serve` goes on with it")
}
