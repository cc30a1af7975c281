//! `cronlet pause` and `cronlet resume`: have the daemon leave jobs alone, and take them up again.

use serde_json::json;

use super::{
    console::Console,
    counted::counted,
    daemon,
    error::CliError,
    exit::Exit,
    place::Place,
    trigger::{in_a_path, refused},
};
use crate::api::pauses::Turned;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cronlet pause backup    nothing makes it due any more
  cronlet pause --all     the same for every job that there is now

A paused job stays paused over restarts and reloads, until `cronlet resume`. What waits to start is
skipped; what runs goes on, with its retries. `cronlet trigger` still runs it. Pausing a job that is
paused changes nothing.")]
pub struct Args {
    #[command(flatten)]
    which: Which,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cronlet resume backup    it is due again, from now on
  cronlet resume --all     the same for every job that is paused

What was due during the pause is not run later. A job that its failures have paused, see
`disable_after`, begins to count them anew. Resuming a job that is not paused changes nothing.")]
pub struct ResumeArgs {
    #[command(flatten)]
    which: Which,
}

/// One job or all.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct Which {
    /// A job of the schedules file, as the daemon knows it
    job: Option<String>,

    /// Every job that the daemon has now
    #[arg(long)]
    all: bool,
}

/// What is asked of the daemon.
#[derive(Clone, Copy)]
enum Turn {
    Pause,
    Resume,
}

pub fn run(args: &Args, place: &Place, console: &mut Console) -> Result<Exit, CliError> {
    turn(Turn::Pause, &args.which, place, console)
}

pub fn resume(args: &ResumeArgs, place: &Place, console: &mut Console) -> Result<Exit, CliError> {
    turn(Turn::Resume, &args.which, place, console)
}

fn turn(turn: Turn, which: &Which, place: &Place, console: &mut Console) -> Result<Exit, CliError> {
    let daemon = daemon::find(place, console)?;
    let verb = match turn {
        Turn::Pause => "pause",
        Turn::Resume => "resume",
    };
    let path = match &which.job {
        Some(job) => format!("/api/v1/jobs/{}/{verb}", in_a_path(job)),
        None => format!("/api/v1/jobs/{verb}"),
    };
    let turned: Turned = match (daemon.post(&path, &json!({}))?.ok(), &which.job) {
        (Ok(turned), _) => turned,
        (Err(error), Some(job)) => return Err(refused(error.into(), job, place, console)),
        (Err(error), None) => return Err(error.into()),
    };
    if console.json() {
        console.document(&turned)?;
    } else {
        console.line(match &which.job {
            Some(job) => of_one(turn, job, &turned),
            None => of_all(turn, &turned),
        })?;
    }
    if let (Turn::Resume, Some(job)) = (turn, &which.job)
        && is_disabled(job, place)
    {
        console.warning(&format!(
            "`{job}` is never due all the same: the file says `enabled = false`"
        ));
    }
    Ok(Exit::Done)
}

fn of_one(turn: Turn, job: &str, turned: &Turned) -> String {
    match (turn, turned.jobs) {
        (Turn::Pause, 0) => format!("`{job}` was paused already"),
        (Turn::Pause, _) => format!("`{job}` is paused"),
        (Turn::Resume, 0) => format!("`{job}` was not paused"),
        (Turn::Resume, _) => format!("`{job}` is resumed"),
    }
}

fn of_all(turn: Turn, turned: &Turned) -> String {
    let (jobs, already) = (counted(turned.jobs, "job"), turned.already);
    match (turn, already) {
        (Turn::Pause, 0) => format!("paused {jobs}"),
        (Turn::Pause, _) => format!("paused {jobs}, {already} paused already"),
        (Turn::Resume, 0) => format!("resumed {jobs}"),
        (Turn::Resume, _) => format!("resumed {jobs}, {already} not paused"),
    }
}

/// Whether the file, as far as it can be read, keeps the job from being due.
fn is_disabled(job: &str, place: &Place) -> bool {
    let plan = place.plan().ok();
    let jobs = plan.as_ref().map(|plan| &plan.jobs);
    jobs.and_then(|jobs| jobs.get(job))
        .is_some_and(|job| !job.enabled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_became_of_it_is_a_sentence() {
        let turned = |jobs, already| Turned {
            status: String::new(),
            jobs,
            already,
        };
        let one = |turn, jobs| of_one(turn, "a", &turned(jobs, 1 - jobs));
        assert_eq!(one(Turn::Pause, 1), "`a` is paused");
        assert_eq!(one(Turn::Pause, 0), "`a` was paused already");
        assert_eq!(one(Turn::Resume, 1), "`a` is resumed");
        assert_eq!(one(Turn::Resume, 0), "`a` was not paused");
        let all = |turn, jobs, already| of_all(turn, &turned(jobs, already));
        assert_eq!(all(Turn::Pause, 3, 0), "paused 3 jobs");
        assert_eq!(all(Turn::Pause, 1, 2), "paused 1 job, 2 paused already");
        assert_eq!(all(Turn::Resume, 0, 3), "resumed 0 jobs, 3 not paused");
        assert_eq!(all(Turn::Resume, 3, 0), "resumed 3 jobs");
    }
}
