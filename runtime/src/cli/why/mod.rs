//! `cronlet why`: what became of one instant of a job, in a sentence.
//!
//! - `asked`: what was typed. `facts`: everything that is known of it, gathered.
//! - `answer`: the facts as one sentence. `runs`, `skips`, `absent`: its words.

mod absent;
mod answer;
mod asked;
mod facts;
mod runs;
mod skips;
#[cfg(test)]
mod tests;

use jiff::Timestamp;

use self::{answer::Answer, asked::Asked, facts::Source};
use super::{
    CliError, Console, Exit, escape,
    place::{self, Place},
    when,
};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cronlet why report                       the last time it was due, and the next
  cronlet why report 06:00                 today, on the clocks of the job's zone
  cronlet why report '2026-03-29 02:30'    also if the clocks jumped over it
  cronlet why report 2026-03-29T01:00:00Z
  cronlet why report 1042                  one of its runs

The answer is one sentence. It comes from the history and the schedules file, and needs no daemon.
With --json it has a key `answer`: ran, running, waiting, skipped, cancelled, not-yet, late, paused,
not-due, removed, new or unknown.")]
pub struct Args {
    /// The job
    job: String,

    /// When it was due, or was not; or the number of a run [default: the last time it was due]
    #[arg(value_parser = asked::parse)]
    time: Option<Asked>,
}

pub fn run(args: &Args, place: &Place, console: &mut Console) -> Result<Exit, CliError> {
    let found = place.find();
    let history = found.history()?;
    if let Err(error) = found.draft.as_ref() {
        if history.is_none() {
            return found.draft.map(|_| Exit::Done);
        }
        place::warn(error, &found.database, console);
    }
    let source = Source::new(&found, history.as_ref(), &args.job, Timestamp::now())?;
    let answer = match &args.time {
        Some(Asked::Run(run)) => answer::explain(&source.run(*run)?),
        Some(Asked::At(moment)) => answer::explain(&source.moment(moment)?),
        None => match source.last()? {
            Some(facts) => answer::explain(&facts),
            None => answer::nothing_yet(&source.at(source.now)?),
        },
    };
    if console.json() {
        console.document(&answer)?;
    } else {
        say(&answer, &source, args.time.is_none(), console)?;
    }
    Ok(Exit::Done)
}

/// The sentence; and when the job is due next or why not, if nothing was asked but how it stands.
fn say(
    answer: &Answer,
    source: &Source<'_>,
    all: bool,
    console: &mut Console,
) -> Result<(), CliError> {
    let sentence = escape::line(&answer.sentence);
    console.line(wrap(&sentence, Console::width()))?;
    if let (true, Some(halt)) = (all, &answer.halt) {
        let halt = format!("next: never, as {}", escape::line(halt));
        console.line(wrap(&halt, Console::width()))?;
    }
    if let (true, Some(next)) = (all, answer.next) {
        let next = when::with_hint(source.now, next.0, source.zone());
        console.line(format_args!("next: {next}"))?;
    }
    Ok(())
}

/// The text with an end of line in place of the blank at which a terminal would be full.
fn wrap(text: &str, width: Option<usize>) -> String {
    use unicode_width::UnicodeWidthStr as _;
    let Some(width) = width else {
        return text.to_owned();
    };
    let (mut wrapped, mut column) = (String::with_capacity(text.len()), 0);
    for word in text.split(' ') {
        let long = word.width();
        if column > 0 && column + 1 + long > width {
            wrapped.push('\n');
            column = 0;
        } else if column > 0 {
            wrapped.push(' ');
            column += 1;
        }
        wrapped.push_str(word);
        column += long;
    }
    wrapped
}
