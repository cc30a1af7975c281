//! Following a run that the daemon has: its log and its progress, until it is over.

use std::fmt::Write as _;

use cronlet_core::schedule::Zone;
use jiff::Timestamp;

use super::{
    bar::Bar,
    console::Console,
    error::CliError,
    escape,
    exit::Exit,
    history,
    live::{Interrupts, Live, block_on, ticks},
    logs, style, when,
};
use crate::api::{
    client::{Client, ClientError},
    events::Event,
    runs::Accepted,
    view,
};

/// What is followed, and what is shown of it.
#[derive(Debug)]
pub struct Following {
    pub run: u64,
    pub job: String,
    pub log: Where,
    /// What is said first, once Ctrl-C is listened for.
    pub greeting: Option<String>,
}

/// Where the lines of the log go.
#[derive(Clone, Debug)]
pub enum Where {
    /// They are the data, with times on the clocks of this zone.
    Out(Zone),
    /// They are for a person who waits.
    Err,
    /// Nobody looks on.
    Nowhere,
}

/// How it ended.
#[derive(Debug)]
pub enum Followed {
    /// The run is final.
    Over(Box<view::Run>),
    /// Ctrl-C: the run goes on.
    Interrupted { run: u64 },
}

impl Followed {
    /// Says how the run ended, where the log was the data.
    pub fn exit(self, console: &mut Console) -> Result<Exit, CliError> {
        Ok(match self {
            Self::Over(run) => {
                console.note(ended(&run));
                exit(&run.status)
            }
            Self::Interrupted { run } => interrupted(run, console),
        })
    }
}

/// A run was asked for: says what became of that, and with `wait` what becomes of the run.
pub fn accepted(
    daemon: &Client,
    job: &str,
    accepted: &Accepted,
    wait: bool,
    console: &mut Console,
) -> Result<Exit, CliError> {
    if !wait {
        if console.json() {
            console.document(accepted)?;
        } else {
            console.line(sentence(accepted))?;
        }
        return Ok(exit(&accepted.status));
    }
    let watched = Bar::room().is_some();
    // What was skipped is over, so how it ended says it all.
    let greeting = (accepted.status != "skipped").then(|| sentence(accepted));
    let following = Following {
        run: accepted.run,
        job: job.to_owned(),
        log: if watched { Where::Err } else { Where::Nowhere },
        greeting,
    };
    let run = match follow(daemon, &following, console)? {
        Followed::Over(run) => run,
        Followed::Interrupted { run } => return Ok(interrupted(run, console)),
    };
    if console.json() {
        console.document(&run)?;
    } else {
        console.line(ended(&run))?;
    }
    Ok(exit(&run.status))
}

/// Follows a run until it is over. A daemon that stops before that is an error.
pub fn follow(
    daemon: &Client,
    following: &Following,
    console: &mut Console,
) -> Result<Followed, CliError> {
    block_on(async {
        let mut interrupts = Interrupts::listen()?;
        if let Some(greeting) = &following.greeting {
            console.note(greeting);
        }
        let mut shown = Shown::new(following);
        let mut events = daemon.follow(following.run).await?;
        let mut ticks = ticks();
        loop {
            // In this order, so that a flood of lines delays neither Ctrl-C nor the progress.
            tokio::select! {
                biased;
                () = interrupts.next() => {
                    console.bar().clear();
                    return Ok(Followed::Interrupted { run: following.run });
                }
                _ = ticks.tick() => shown.show(console),
                event = events.next() => match event {
                    Ok(Some(event)) => {
                        if let Some(run) = shown.event(event, console)? {
                            return Ok(Followed::Over(run));
                        }
                        if !events.is_ready() {
                            shown.show(console);
                        }
                    }
                    Ok(None) | Err(ClientError::Broken(_)) => return Err(left(following.run)),
                    Err(error) => return Err(error.into()),
                }
            }
        }
    })
}

/// What has been shown of a run.
struct Shown<'a> {
    following: &'a Following,
    live: Live,
    /// That of the last line.
    attempt: Option<u32>,
    /// The number of attempts whose end has been told.
    told: usize,
}

impl<'a> Shown<'a> {
    fn new(following: &'a Following) -> Self {
        Self {
            following,
            live: Live::new(&following.job, false),
            attempt: None,
            told: 0,
        }
    }

    /// Shows what happened. The run, if it is final.
    fn event(
        &mut self,
        event: Event,
        console: &mut Console,
    ) -> Result<Option<Box<view::Run>>, CliError> {
        match event {
            Event::Line(line) => self.line(&line, console)?,
            Event::Progress(progress) => self.live.progress(progress),
            Event::Run(run) => {
                self.run(&run, console);
                if run.ended_at.is_some() {
                    self.live.end(console);
                    return Ok(Some(run));
                }
            }
        }
        Ok(None)
    }

    fn line(&mut self, line: &view::Line, console: &mut Console) -> Result<(), CliError> {
        match &self.following.log {
            Where::Out(zone) => logs::print_line(line, &mut self.attempt, zone, console)?,
            Where::Err => {
                let before = self.attempt.replace(line.attempt);
                if before.unwrap_or(1) != line.attempt {
                    console.note(logs::header(line.attempt));
                }
                console.note(logs::live(line));
            }
            Where::Nowhere => {}
        }
        Ok(())
    }

    /// Tells that an attempt did not end the run, and watches the next one.
    fn run(&mut self, run: &view::Run, console: &mut Console) {
        let now = Timestamp::now();
        let ended = run.attempts.iter().filter(|it| it.ended_at.is_some());
        let ended = ended.count();
        if ended > self.told {
            self.live.end(console);
            if run.ended_at.is_none() && !matches!(self.following.log, Where::Nowhere) {
                console.note(attempt_ended(run, now));
            }
        }
        self.told = ended;
        if let Some(running) = run.attempts.iter().find(|it| it.ended_at.is_none()) {
            let ago = running.started_at.0.duration_until(now);
            self.live
                .begin(running.number, ago.try_into().unwrap_or_default());
        }
    }

    fn show(&mut self, console: &mut Console) {
        self.live.show(console);
    }
}

/// `attempt 1 failed: error; again in 5s: upstream said 503`
fn attempt_ended(run: &view::Run, now: Timestamp) -> String {
    let ended = run.attempts.iter().rfind(|it| it.ended_at.is_some());
    let Some(attempt) = ended else {
        return String::new();
    };
    let (dim, style) = (style::DIM, style::of_status(&attempt.status));
    let mut text = format!("{dim}attempt {}{dim:#} ", attempt.number);
    let _ = write!(text, "{style}{}{style:#}", escape::line(&attempt.status));
    if let Some(reason) = &attempt.reason {
        let _ = write!(text, ": {}", escape::line(reason));
    }
    let word = history::last_word(run, now);
    if !word.is_empty() {
        let _ = write!(text, "; {}", escape::line(&word));
    }
    text
}

/// `run 1042 queued`, `run 1042 skipped: overlap`.
fn sentence(accepted: &Accepted) -> String {
    let style = style::of_status(&accepted.status);
    let (run, status) = (accepted.run, escape::line(&accepted.status));
    match &accepted.reason {
        Some(reason) => format!(
            "run {run} {style}{status}{style:#}: {}",
            escape::line(reason)
        ),
        None => format!("run {run} {style}{status}{style:#}"),
    }
}

/// `run 1042 succeeded in 12ms: 12 papers`
pub(super) fn ended(run: &view::Run) -> String {
    let style = style::of_status(&run.status);
    let number = run.run.unwrap_or_default();
    let status = history::status(run);
    let mut text = format!("run {number} {style}{}{style:#}", escape::line(&status));
    if let Some(took) = run.duration {
        let preposition = history::preposition(&run.status);
        let _ = write!(text, " {preposition} {}", when::took(took));
    }
    let word = history::last_word(run, run.nominal.0);
    if !word.is_empty() {
        let _ = write!(text, ": {}", escape::line(&word));
    }
    text
}

/// What the code says of a run.
pub(super) fn exit(status: &str) -> Exit {
    match status {
        "queued" | "succeeded" => Exit::Done,
        "skipped" => Exit::Refused,
        _ => Exit::Failed,
    }
}

fn interrupted(run: u64, console: &mut Console) -> Exit {
    console.note(format_args!("run {run} goes on"));
    console.help(&format!(
        "`cronlet logs {run} --follow` shows it again, `cronlet cancel {run}` ends it"
    ));
    Exit::Interrupted
}

fn left(run: u64) -> CliError {
    let message = format!("the daemon stopped before run {run} was over");
    CliError::unavailable(message).hint("the next `cronlet serve` goes on with it")
}

#[cfg(test)]
mod tests {
    use cronlet_core::{name::JobName, run::Origin};

    use super::*;

    #[test]
    fn a_skip_is_a_refusal() {
        let accepted = Accepted {
            run: 7,
            status: "skipped".to_owned(),
            reason: Some("overlap".to_owned()),
        };
        let text = anstream::adapter::strip_str(&sentence(&accepted)).to_string();
        assert_eq!(text, "run 7 skipped: overlap");
        assert_eq!(exit(&accepted.status), Exit::Refused);
    }

    #[test]
    fn an_attempt_that_is_followed_by_another_says_why_and_when() {
        let t: Timestamp = "2026-03-01T06:00:00Z".parse().unwrap();
        let mut run = view::Run::new(&JobName::new("fetch").unwrap(), Origin::Manual, t, t);
        "retrying".clone_into(&mut run.status);
        run.retry_at = Some(view::Time(t + std::time::Duration::from_secs(5)));
        let run = run.with_attempts(vec![view::Attempt {
            number: 1,
            status: "failed".to_owned(),
            reason: Some("error".to_owned()),
            started_at: view::Time(t),
            ended_at: Some(view::Time(t)),
            duration: None,
            summary: None,
            error: Some(view::Error {
                code: String::new(),
                message: "upstream said 503\u{1b}".to_owned(),
                backtrace: None,
            }),
            usage: None,
            attributes: std::collections::BTreeMap::new(),
            component_sha256: None,
        }]);
        let text = anstream::adapter::strip_str(&attempt_ended(&run, t)).to_string();
        assert_eq!(
            text,
            "attempt 1 failed: error; again in 5s: upstream said 503\\u{1b}"
        );
    }
}
