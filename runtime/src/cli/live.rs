//! What a person sees of a run while it goes on: its log, and below it how far it has come.

use std::time::{Duration, Instant};

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    time::{Interval, MissedTickBehavior, interval},
};

use super::{bar::Bar, console::Console, error::CliError, progress::Meter, style::DIM};
use crate::api::status::Progress;

/// How often the line that changes does.
const TICK: Duration = Duration::from_millis(100);

/// The progress of a run, which may have several attempts.
#[derive(Debug)]
pub(super) struct Live {
    job: String,
    /// Whether there are lines of their own where no line can change.
    plain: bool,
    attempt: u32,
    meter: Option<Meter>,
}

impl Live {
    /// Nothing runs yet. `plain` is whether progress is told where no line can change, too.
    pub(super) fn new(job: &str, plain: bool) -> Self {
        Self {
            job: job.to_owned(),
            plain,
            attempt: 0,
            meter: None,
        }
    }

    /// An attempt runs, since `ago`. Said again, it is the same one.
    pub(super) fn begin(&mut self, attempt: u32, ago: Duration) {
        if self.meter.is_none() || self.attempt != attempt {
            let now = Instant::now();
            let began = now.checked_sub(ago).unwrap_or(now);
            self.attempt = attempt;
            self.meter = Some(Meter::new(&*self.job, began));
        }
    }

    /// The guest says how far it has come, or nothing yet.
    pub(super) fn progress(&mut self, progress: impl Into<Option<Progress>>) {
        if let (Some(meter), Some(progress)) = (&mut self.meter, progress.into()) {
            meter.update(progress, Instant::now());
        }
    }

    /// Shows it, if it is time to.
    pub(super) fn show(&mut self, console: &mut Console) {
        self.show_at(Instant::now(), false, console);
    }

    /// No attempt runs any more.
    pub(super) fn end(&mut self, console: &mut Console) {
        if Bar::room().is_none() {
            self.show_at(Instant::now(), true, console);
        }
        console.bar().clear();
        self.meter = None;
    }

    fn show_at(&mut self, now: Instant, last: bool, console: &mut Console) {
        let Some(meter) = &mut self.meter else { return };
        if let Some(room) = Bar::room() {
            if let Some(line) = meter.line(now, room) {
                console.bar().draw(&line);
            }
        } else if self.plain
            && let Some(text) = meter.tell(now, last)
        {
            let text = super::escape::line(&text).into_owned();
            console.note(format_args!("{DIM}progress{DIM:#} {text}"));
        }
    }
}

/// When to [`Live::show`].
pub(super) fn ticks() -> Interval {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// Ctrl-C, from now on.
pub(super) struct Interrupts(Signal);

impl Interrupts {
    /// Must be called within a tokio runtime.
    pub(super) fn listen() -> Result<Self, CliError> {
        let interrupts = signal(SignalKind::interrupt());
        interrupts
            .map(Self)
            .map_err(|error| CliError::internal(format!("cannot listen for Ctrl-C: {error}")))
    }

    /// The next one.
    pub(super) async fn next(&mut self) {
        if self.0.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    }
}

/// Runs what waits for somebody.
pub(super) fn block_on<T>(
    future: impl Future<Output = Result<T, CliError>>,
) -> Result<T, CliError> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| CliError::internal(format!("cannot wait for anything: {error}")))?
        .block_on(future)
}
