//! The command line: one file per verb. The only room that prints.
//!
//! A verb has an `Args`, which is what may be typed, and a `run`, which ends with an [`Exit`] or
//! a [`CliError`]. Data goes to standard output, everything else to standard error; both go
//! through the [`Console`]. Whatever a guest or a person wrote goes through [`escape`] first.
//!
//! - `serve`, `check`, `next`, `run`, `jobs`, `history`, `show`, `logs`, `why`, `trigger`,
//!   `cancel`, `rerun`, `backfill`, `pause`, `reload`, `status`, `backup`, `prune`, `schema`,
//!   `completions`: the verbs.
//! - [`follow`], `live`, [`progress`], [`bar`]: a run as it goes.
//! - `usage`: what was typed. [`place`]: where the schedules file and the database are. [`halts`]:
//!   which jobs nothing makes due. [`late`]: what a start would catch up on. [`exit`]: what the codes
//!   say.
//! - [`moment`], [`zones`]: times as they are typed, and on whose clocks they are shown.
//! - [`console`], [`table`], [`when`], [`style`], [`escape`], [`diagnostics`]: how things are said.

pub mod backfill;
pub mod backup;
pub mod bar;
pub mod cancel;
pub mod check;
pub mod completions;
pub mod console;
pub mod counted;
pub mod cron;
pub mod daemon;
pub mod diagnostics;
pub mod error;
pub mod exit;
pub mod follow;
pub mod halts;
pub mod history;
pub mod jobs;
pub mod late;
mod live;
pub mod logging;
pub mod logs;
pub mod moment;
pub mod next;
pub mod orphans;
pub mod panic;
pub mod params;
pub mod pause;
pub mod place;
pub mod progress;
pub mod prune;
pub mod reload;
pub mod rerun;
pub mod run;
pub mod schema;
pub mod serve;
pub mod show;
mod signals;
pub mod status;
pub mod style;
pub mod suggest;
pub mod table;
pub mod trigger;
mod usage;
pub mod when;
pub mod why;
pub mod zones;

use clap::{Parser, Subcommand};
use cronlet_core::escape;
use jiff::Timestamp;

pub use console::{Color, Console};
pub use error::CliError;
pub use exit::Exit;
use place::Place;

use crate::{
    config::Draft,
    sandbox::{Sandbox, SandboxOptions},
};

/// A scheduler whose jobs are sandboxed WebAssembly components.
#[derive(Debug, Parser)]
#[command(name = "cronlet", version, after_help = AFTER_HELP, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,

    #[command(flatten)]
    place: Place,

    /// Print data as JSON
    #[arg(long, global = true, help_heading = GLOBAL)]
    json: bool,

    /// Use colours or not; by itself on a terminal, unless `NO_COLOR` is set
    #[arg(
        long,
        global = true,
        help_heading = GLOBAL,
        value_name = "WHEN",
        value_enum,
        default_value_t
    )]
    color: Color,
}

/// Over the options that every verb has.
const GLOBAL: &str = "Global options";

const AFTER_HELP: &str = "\
Start here:
  cronlet check        is the schedules file sound?
  cronlet run hello    try a job, here and now
  cronlet serve        run the jobs when they are due
  cronlet history      what ran, and what came of it

With --json, data is one JSON document; a log is one object a line. The error that a command ends
with is one object on standard error.

Exit codes:
    0  done
    1  the run failed
    2  bad usage, or a schedules file that cannot be used
    3  the daemon is not there
    4  no such job, run or plugin
    5  refused, or in conflict with something
   70  a bug in cronlet
  130  ended by Ctrl-C";

/// What can be done.
#[derive(Debug, Subcommand)]
enum Verb {
    /// Run the daemon: it starts the jobs when they are due
    Serve(serve::Args),
    /// Check the schedules file and its components
    Check(check::Args),
    /// Show when jobs are due
    Next(next::Args),
    /// Run a job now, in this process, without a daemon and without history
    Run(run::Args),
    /// List the jobs: when they are due, and how they last ran
    Jobs(jobs::Args),
    /// List what ran and what was skipped, newest first
    History(history::Args),
    /// Show everything about one run
    Show(show::Args),
    /// Print the log of a run
    Logs(logs::Args),
    /// Say why a job ran, or did not
    Why(why::Args),
    /// Ask the daemon for a run now
    Trigger(trigger::Args),
    /// Ask the daemon for a run again, with the same params and nominal time
    Rerun(rerun::Args),
    /// Ask the daemon for the runs of a part of the past
    Backfill(backfill::Args),
    /// Ask the daemon to end a run
    Cancel(cancel::Args),
    /// Have nothing make a job due, until it is resumed
    Pause(pause::Args),
    /// Have a paused job be due again, from now on
    Resume(pause::ResumeArgs),
    /// Have the daemon read the schedules file again
    Reload(reload::Args),
    /// Show whether the daemon is there, whether it is well, and what it is doing
    Status(status::Args),
    /// Copy the database, while the daemon goes on
    Backup(backup::Args),
    /// Delete old history now
    Prune(prune::Args),
    /// Print the JSON Schema of a schedules file, for editors
    Schema(schema::Args),
    /// Print what has a shell complete commands and the names of jobs
    Completions(completions::Args),
}

/// The whole program: what was typed, and the code it ends with.
pub fn main() -> Exit {
    panic::report_as_bug(|| {
        completions::answer();
        let cli = match usage::parse() {
            Ok(cli) => cli,
            Err(error) => {
                let json = usage::wants_json();
                return Console::new(Color::default(), json).finish(Err(error));
            }
        };
        let mut console = Console::new(cli.color, cli.json);
        let result = cli.verb.run(&cli.place, &mut console);
        console.finish(result)
    })
}

impl Verb {
    fn run(&self, place: &Place, console: &mut Console) -> Result<Exit, CliError> {
        match self {
            Self::Serve(args) => serve::run(args, place),
            Self::Check(args) => self::check(args, place, console),
            Self::Next(args) => next::run(args, place, console),
            Self::Run(args) => run::run(args, place, console),
            Self::Jobs(args) => jobs::run(args, place, console),
            Self::History(args) => history::run(args, place, console),
            Self::Show(args) => show::run(args, place, console),
            Self::Logs(args) => logs::run(args, place, console),
            Self::Why(args) => why::run(args, place, console),
            Self::Trigger(args) => trigger::run(args, place, console),
            Self::Rerun(args) => rerun::run(args, place, console),
            Self::Backfill(args) => backfill::run(args, place, console),
            Self::Cancel(args) => cancel::run(args, place, console),
            Self::Pause(args) => pause::run(args, place, console),
            Self::Resume(args) => pause::resume(args, place, console),
            Self::Reload(args) => reload::run(args, place, console),
            Self::Status(args) => status::run(args, place, console),
            Self::Backup(args) => backup::run(args, place, console),
            Self::Prune(args) => prune::run(args, place, console),
            Self::Schema(schema::Args {}) => schema::run(console),
            Self::Completions(args) => completions::run(args, console),
        }
    }
}

/// Gives the check what it needs: the file, and the sandbox that looks at its components.
fn check(args: &check::Args, place: &Place, console: &mut Console) -> Result<Exit, CliError> {
    let sandbox = Sandbox::new(SandboxOptions::default())?;
    let now = Timestamp::now();
    let late = |draft: &Draft| {
        let database = place.database.clone().unwrap_or_else(|| draft.database());
        // What a check is about is the file: a database that cannot be read has a verb of its own.
        late::find(&place::plan(draft), None, &database, now).unwrap_or_default()
    };
    let options = check::Options {
        file: args.file.as_deref().unwrap_or(&place.config),
        strict: args.strict,
        json: console.json(),
        style: Console::pictures(),
        environment: &place::environment(),
        now,
        late: &late,
    };
    let ended = check::run(&options, |path| sandbox.load(path), &mut console.streams())?;
    if let Some(document) = &ended.document {
        console.document(document)?;
    }
    let exit = Exit::ALL.into_iter().find(|exit| exit.code() == ended.code);
    Ok(exit.unwrap_or(Exit::Bug))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn what_may_be_typed_is_no_contradiction() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_help_names_every_exit_code() {
        let table = AFTER_HELP.split("Exit codes:").nth(1).unwrap();
        let named: Vec<u8> = table
            .lines()
            .filter_map(|line| line.split_whitespace().next()?.parse().ok())
            .collect();
        assert_eq!(named, Exit::ALL.map(Exit::code));
    }
}
