//! Watching a run: its log, its progress, and Ctrl-C.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use cronlet_core::report::{AttemptReport, LogLine};
use tokio::sync::{mpsc, oneshot};

use super::super::{
    console::Console,
    error::CliError,
    live::{Interrupts, Live, ticks},
    logs,
};
use crate::{
    api::{status::Progress, view},
    sandbox::{Attempt, Runner, control},
};

/// Lines that wait to be printed. More are not shown: a slow terminal must not hold the guest.
const WAITING: usize = 4096;
/// How long a guest has to end after the first Ctrl-C.
const GRACE: Duration = Duration::from_secs(10);

/// A run that is over.
pub(super) struct Ended {
    pub(super) report: AttemptReport,
    /// Whether Ctrl-C was pressed.
    pub(super) cancelled: bool,
}

/// Starts `attempt`, and shows what it does until it is over.
pub(super) async fn watch(
    runner: &impl Runner,
    attempt: Attempt,
    console: &mut Console,
) -> Result<Ended, CliError> {
    let mut interrupts = Interrupts::listen()?;
    let mut shown = Live::new(attempt.facts.job.as_str(), true);
    shown.begin(1, Duration::ZERO);
    let unseen = Arc::new(AtomicU64::new(0));
    let (lines, mut log) = mpsc::channel(WAITING);
    let (handle, control) = control::pair_with_log({
        let unseen = unseen.clone();
        move |line: &LogLine| {
            if lines.try_send(line.clone()).is_err() {
                unseen.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    let (done, mut over) = oneshot::channel();
    runner.start(
        attempt,
        control,
        Box::new(move |report| drop(done.send(report))),
    );

    let progress = || handle.progress().as_ref().map(Progress::from);
    let mut ticks = ticks();
    let mut cancelled = false;
    let report = loop {
        // In this order, so that a flood of lines delays neither Ctrl-C nor the end.
        tokio::select! {
            biased;
            () = interrupts.next() => {
                let grace = if cancelled { Duration::ZERO } else { GRACE };
                handle.stop_within(grace);
                console.note(interruption(cancelled));
                cancelled = true;
            }
            report = &mut over => break report,
            _ = ticks.tick() => {
                shown.progress(progress());
                shown.show(console);
            }
            Some(line) = log.recv() => {
                say(&line, console);
                if log.is_empty() {
                    shown.show(console);
                }
            }
        }
    };
    while let Ok(line) = log.try_recv() {
        say(&line, console);
    }
    shown.progress(progress());
    shown.end(console);
    match unseen.load(Ordering::Relaxed) {
        0 => {}
        n => {
            console.warning(&format!("{n} lines of the log came too fast to be shown"));
        }
    }
    let report = report.map_err(|_| CliError::internal("the run ended without a report"))?;
    Ok(Ended { report, cancelled })
}

fn interruption(again: bool) -> &'static str {
    if again {
        "killing it"
    } else {
        "asking the job to stop; Ctrl-C again kills it"
    }
}

fn say(line: &LogLine, console: &mut Console) {
    console.note(logs::live(&view::Line::new(1, line)));
}
