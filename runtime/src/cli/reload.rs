//! `cronlet reload`: has the daemon read the schedules file again, as SIGHUP does.

use serde_json::json;

use super::{
    console::Console, daemon, diagnostics, error::CliError, escape, exit::Exit, place, place::Place,
};
use crate::api::reload::{Reloaded, Reloading, Report};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cronlet reload           and do not wait
  cronlet reload --wait    until the file is the plan, or is refused, which is exit code 2

A daemon follows its schedules file and its components by itself. This is for a script that wants
to know what became of them. What is wrong is told as `cronlet check` tells it.
With --json it is an object with the key `status`: reloading without --wait, and live, unchanged or
refused with it. With --wait there are `sha256`, the digest of the text that is live, `summary`, what
has changed, and `problems`, which is what `cronlet check --json` prints.")]
pub struct Args {
    /// Wait until the file is the plan or is refused, and say what is wrong with it
    #[arg(long)]
    wait: bool,
}

pub fn run(args: &Args, place: &Place, console: &mut Console) -> Result<Exit, CliError> {
    let found = place.find();
    // What is wrong with the file is the daemon's to say, if there is one.
    let daemon = daemon::at(&found.database).map_err(|missing| {
        if let Err(error) = &found.draft {
            place::warn(error, &found.database, console);
        }
        missing.hint("one that was started with another `database` is found with `--database FILE`")
    })?;
    if args.wait {
        let reloaded: Reloaded = daemon.post("/api/v1/reload?wait=final", &json!({}))?.ok()?;
        return tell(reloaded, console);
    }
    let reloading: Reloading = daemon.post("/api/v1/reload", &json!({}))?.ok()?;
    if console.json() {
        console.document(&reloading)?;
    } else {
        console.line("the daemon reads its schedules file again")?;
    }
    Ok(Exit::Done)
}

/// The problems as `check` tells them, and then what became of the file.
fn tell(reloaded: Reloaded, console: &mut Console) -> Result<Exit, CliError> {
    let refused = reloaded.status == "refused";
    let line = sentence(&reloaded);
    let Reloaded {
        status,
        sha256,
        summary,
        report,
    } = reloaded;
    let problems = report.and_then(Report::problems);
    if console.json() {
        console.document(&json!({
            "status": status,
            "sha256": sha256,
            "summary": summary,
            "problems": diagnostics::to_json(problems.as_ref()),
        }))?;
    } else {
        if let Some(problems) = &problems {
            let text = diagnostics::render(problems, Console::pictures());
            console.note(text.trim_end());
        }
        if refused {
            console.note(line);
        } else {
            console.line(line)?;
        }
    }
    Ok(if refused { Exit::Usage } else { Exit::Done })
}

fn sentence(reloaded: &Reloaded) -> String {
    match (reloaded.status.as_str(), &reloaded.summary) {
        ("refused", _) => "not reloaded: the daemon goes on with the old plan".to_owned(),
        (_, Some(summary)) => format!("reloaded: {}", escape::line(summary)),
        _ => "reloaded: nothing has changed".to_owned(),
    }
}
