//! `cronlet backup`: a whole copy of the database, while a daemon writes it or not.

use std::{
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use serde_json::json;
use tokio::{sync::oneshot, time};

use super::{
    console::Console,
    counted::counted,
    error::{CliError, Kind},
    exit::Exit,
    place::Place,
    when,
};
use crate::store::sqlite::{Backup, BackupError, Copied, Watch};

/// What is over sooner needs no progress.
const PATIENCE: Duration = Duration::from_millis(700);

/// Between two looks at how far it is.
const LOOK: Duration = Duration::from_millis(250);

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cronlet backup /backups/cronlet.db          and refuse if it is there
  cronlet backup --force /backups/cronlet.db  replace the last one, once the new one is whole
  cronlet history --database FILE             look into a copy

The daemon goes on meanwhile. The copy is one moment of the history; it is checked before it gets
its name. To restore one, stop the daemon and put the copy in the place of the database.")]
pub struct Args {
    /// The copy, which must not be there
    file: PathBuf,

    /// Replace the copy if it is there
    #[arg(long)]
    force: bool,
}

pub fn run(args: &Args, place: &Place, console: &mut Console) -> Result<Exit, CliError> {
    let database = place.database(console);
    let backup = Backup::begin(&database, &args.file, args.force)?;
    let copied = match copy(backup, console) {
        Err(BackupError::Stopped) => {
            console.note("stopped, and nothing was copied");
            return Ok(Exit::Interrupted);
        }
        copied => copied?,
    };
    if console.json() {
        console.document(&json!({
            "database": database.display().to_string(),
            "file": copied.path.display().to_string(),
            "bytes": copied.bytes,
            "runs": copied.runs,
        }))?;
    } else {
        console.line(sentence(&copied, &database))?;
    }
    Ok(Exit::Done)
}

/// Copies on a thread of its own, and looks at how far it is. Ctrl-C leaves nothing behind.
fn copy(backup: Backup, console: &mut Console) -> Result<Copied, BackupError> {
    let watch = backup.watch();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let Ok(runtime) = runtime else {
        // Without a look at it the copy is as good.
        return backup.run();
    };
    let (sender, mut copied) = oneshot::channel();
    // Who listened may be gone, by Ctrl-C.
    thread::spawn(move || drop(sender.send(backup.run())));
    let copied = runtime.block_on(async {
        let begun = time::Instant::now();
        let mut looks = time::interval(LOOK);
        loop {
            tokio::select! {
                copied = &mut copied => return copied.unwrap_or(Err(BackupError::Stopped)),
                _ = tokio::signal::ctrl_c() => watch.stop(),
                _ = looks.tick() => {}
            }
            if begun.elapsed() > PATIENCE {
                console.bar().draw(&progress(&watch));
            }
        }
    });
    console.bar().clear();
    copied
}

/// `12.3 MiB of about 45 MiB`
fn progress(watch: &Watch) -> String {
    let (done, total) = watch.progress();
    if done == total {
        return format!("{} copied, checking them", when::bytes(done));
    }
    format!("{} of about {}", when::bytes(done), when::bytes(total))
}

/// ``copied `cronlet.db` to `copy.db`: 329 runs, 1.5 MiB``
fn sentence(copied: &Copied, database: &Path) -> String {
    let runs = counted(copied.runs, "run");
    format!(
        "copied `{}` to `{}`: {runs}, {}",
        database.display(),
        copied.path.display(),
        when::bytes(copied.bytes)
    )
}

impl From<BackupError> for CliError {
    fn from(error: BackupError) -> Self {
        let message = error.to_string();
        match error {
            BackupError::Exists(path) if path.is_dir() => {
                Self::user(format!("`{}` is a folder", path.display()))
                    .hint("name a file in it, such as `cronlet backup FOLDER/cronlet.db`")
            }
            BackupError::Exists(_) => {
                Self::refused(message).hint("name another file, or replace it with `--force`")
            }
            BackupError::InUse(_) => Self::refused(message).hint("name another file"),
            BackupError::Stopped => Self::new(Kind::Refused, message),
            BackupError::Damaged(_) => Self::config(message)
                .hint("keep the copies you have: the last good one is what can be restored"),
            BackupError::Open(error) => error.into(),
            BackupError::Store(error) => error.into(),
        }
    }
}
