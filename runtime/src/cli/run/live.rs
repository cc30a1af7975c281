//! Watching a run: its log, its progress, and Ctrl-C.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use cronlet_core::report::{AttemptReport, LogLine};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::{mpsc, oneshot},
    time::{MissedTickBehavior, interval},
};

use super::super::{console::Console, error::CliError, logs, progress};
use crate::sandbox::{Attempt, Progress, Runner, control};

/// Lines that wait to be printed. More are not shown: a slow terminal must not hold the guest.
const WAITING: usize = 4096;
/// How often progress is looked at, where it is one line that changes, and where it is many.
const TICK: Duration = Duration::from_millis(100);
const SLOW_TICK: Duration = Duration::from_secs(1);
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
    let mut interrupts = signal(SignalKind::interrupt())
        .map_err(|error| CliError::internal(format!("cannot listen for Ctrl-C: {error}")))?;
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

    let one_line = Console::err_width().is_some();
    let mut ticks = interval(if one_line { TICK } else { SLOW_TICK });
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut shown = None;
    let mut cancelled = false;
    let report = loop {
        // In this order, so that a flood of lines delays neither Ctrl-C nor the end.
        tokio::select! {
            biased;
            () = interrupted(&mut interrupts) => {
                let grace = if cancelled { Duration::ZERO } else { GRACE };
                handle.stop_within(grace);
                console.note(interruption(cancelled));
                cancelled = true;
            }
            report = &mut over => break report,
            _ = ticks.tick() => show(handle.progress(), &mut shown, console),
            Some(line) = log.recv() => say(&line, console),
        }
    };
    while let Ok(line) = log.try_recv() {
        say(&line, console);
    }
    show(handle.progress(), &mut shown, console);
    console.progress_over();
    match unseen.load(Ordering::Relaxed) {
        0 => {}
        n => console.warning(&format!("{n} lines of the log came too fast to be shown")),
    }
    let report = report.map_err(|_| CliError::internal("the run ended without a report"))?;
    Ok(Ended { report, cancelled })
}

async fn interrupted(interrupts: &mut Signal) {
    if interrupts.recv().await.is_none() {
        std::future::pending::<()>().await;
    }
}

fn interruption(again: bool) -> &'static str {
    if again {
        "killing it"
    } else {
        "asking the job to stop; Ctrl-C again kills it"
    }
}

fn say(line: &LogLine, console: &mut Console) {
    console.note(logs::live(line));
}

/// Shows how far it has come, where that has changed.
fn show(now: Option<Progress>, shown: &mut Option<Progress>, console: &mut Console) {
    if let Some(progress) = &now
        && now != *shown
    {
        console.progress(&progress::text(progress));
        *shown = now;
    }
}
