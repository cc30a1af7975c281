//! Which instants a backfill would be, asked of the file and the history.

use cronlet_core::name::JobName;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;

use super::{Args, wish, words::left_out};
use crate::{
    api::view,
    cli::{
        console::Console,
        counted::counted,
        error::CliError,
        exit::Exit,
        moment::Moment,
        place::{self, Place},
        suggest, when,
    },
    engine::backfill::{Chosen, choose},
    store::history::History,
};

/// One line of what would run.
#[derive(Debug, Serialize)]
struct Instant {
    nominal: view::Time,
    /// What the clocks of the zone show, with their offset.
    local: String,
}

pub(super) fn dry_run(
    args: &Args,
    times: (&Moment, &Moment),
    place: &Place,
    console: &mut Console,
) -> Result<Exit, CliError> {
    let found = place.find();
    let history = found.history()?;
    let plan = place::plan(&found.draft?);
    let names = plan.jobs.keys().map(JobName::as_str);
    let job = plan.jobs.get(args.job.as_str());
    let job = job.ok_or_else(|| suggest::no_such_job(&args.job, names))?;
    let wish = wish(args, times, &job.zone)?;
    let history = history.as_ref().map(|history| history as &dyn History);
    let chosen = choose(job, &wish, Timestamp::now(), history)??;
    let mut instants = chosen.instants.as_slice().to_vec();
    if args.reverse {
        instants.reverse();
    }
    if console.json() {
        let instants: Vec<_> = instants
            .iter()
            .map(|at| Instant {
                nominal: view::Time(*at),
                local: when::with_offset(*at, &job.zone),
            })
            .collect();
        console.document(&json!({
            "job": args.job,
            "count": instants.len(),
            "already_run": chosen.standing,
            "excluded": chosen.excluded,
            "instants": instants,
        }))?;
        return Ok(Exit::Done);
    }
    for at in &instants {
        console.line(when::with_offset(*at, &job.zone))?;
    }
    let Chosen {
        standing, excluded, ..
    } = chosen;
    let count = u64::from(chosen.instants.count());
    console.note(format_args!(
        "{}{}",
        counted(count, "instant"),
        left_out(standing, excluded)
    ));
    Ok(Exit::Done)
}
