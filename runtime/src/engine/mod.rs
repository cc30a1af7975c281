//! The shell around the core: it names what happens, steps, and performs.
//!
//! One thread owns the core's state machine. Whatever happens reaches it as a [`Message`] through
//! one inbox: a guest's end, the store's word, a request, a new plan. The thread waits for the next
//! one or for the time the core wants to be woken at, makes an [`Event`] of it, and performs the
//! effects of the step. Performing never waits, so neither does the loop: what takes long (writing,
//! running, loading components, answering) is done on other threads, which report back here.
//!
//! The thread is not a task: a condition variable with a time-out wakes within microseconds of the
//! instant, where a timer wheel has a grain of a millisecond.

use std::{
    path::PathBuf,
    sync::{Arc, mpsc},
    time::Duration,
};

use cronlet_core::{
    engine::{Engine, Event},
    plan::Plan,
};
use jiff::Timestamp;
use tokio::sync::{broadcast, watch};

use crate::{
    sandbox::Runner,
    store::{History, Notice, Pruner, Store, StoreError, Writer},
};

pub mod backfill;
pub mod built;
pub mod clock;
pub mod follow;
pub mod handle;
pub mod reload;
pub mod status;
pub mod wall;

mod ailing;
mod changes;
mod disk;
mod doubt;
mod health;
mod noted;
mod perform;
mod recall;
mod state;
mod trace;

#[cfg(test)]
pub(crate) mod bench;
#[cfg(test)]
mod tests;

pub use clock::Clock;
pub use handle::Handle;
pub use status::Status;

use clock::JumpWatch;
use disk::Disk;
use doubt::Doubt;
use handle::{Message, News};
use perform::Hands;
use recall::Recaller;
use reload::Requests;
use state::OnDisk;
use status::Board;
use trace::Trace;
use wall::WallClock;

/// Past the guests' grace, a stopping engine waits this long for a store that cannot write.
const LEAVE_AFTER: Duration = Duration::from_secs(5);

/// A time that has passed comes after what is already waiting, but after no more than this.
const BURST: u32 = 256;

/// Batches that a slow listener may fall behind by.
const LISTENERS_BACKLOG: usize = 1024;

/// What an engine is made of.
pub struct Parts<S> {
    /// The write door.
    pub store: S,
    /// Reads what the store has.
    pub history: Arc<dyn History>,
    /// Runs the guests.
    pub runner: Arc<dyn Runner>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// When this binary was built, or earlier: a clock that shows an earlier time is wrong.
    pub built: Timestamp,
    /// Where the plan comes from.
    pub config: PathBuf,
    /// What is to be done from the start.
    pub plan: Arc<Plan>,
    /// Has the schedules file read again, see [`Handle::reload`].
    pub reload: Requests,
}

/// How an engine came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finish {
    /// Nothing runs, and everything is written.
    Clean,
    /// The store could not write the last of it. The next start sees a crash.
    Unsaved,
    /// Somebody took its database, or what was written in it. The next start sees a crash.
    Ousted,
    /// It could not go on, which is a bug: its thread panicked, or the store gave up. The next start
    /// sees a crash.
    Died,
}

/// The thread that owns the core.
struct Shell {
    core: Engine,
    clock: Arc<dyn Clock>,
    inbox: mpsc::Receiver<Message>,
    hands: Hands,
    jumps: JumpWatch,
    /// Messages handled since the wish to be woken was due.
    late: u32,
    /// When to give up on a store that cannot write, in monotonic time.
    leave_by: Option<Duration>,
}

/// Takes the store over and starts. The engine lives until [`Handle::shutdown`].
pub fn start<S: Store>(mut parts: Parts<S>) -> Result<Handle, StoreError> {
    let recovery = parts.store.recover()?;
    let (sender, inbox) = mpsc::channel();
    let (records, _) = broadcast::channel(LISTENERS_BACKLOG);
    let (finish, finished) = watch::channel(None);
    let notices = sender.clone();
    let writer = Writer::spawn(parts.store, move |notice| {
        // Without a receiver the engine has left, and nobody wants to know.
        let _ = notices.send(Message::Store(notice));
    });
    // Who cannot read it has said so to somebody else.
    let last_jump = parts.history.clock_jumps(1).unwrap_or_default().pop();
    let wall = WallClock::new(parts.built, last_jump);
    let board = Board::new(parts.config, &parts.plan, wall, parts.clock.now());
    let clock = parts.clock.clone();
    let keep = parts.plan.settings.history;
    let kept = OnDisk::new(parts.history.clone());
    let recaller = Recaller::spawn(parts.history.clone(), sender.clone())
        .map_err(StoreError::while_("start the thread that looks back"))?;
    let doubt = Doubt::new(clock, parts.built, &*parts.history);
    let pruner = Pruner::spawn(parts.history, writer.door(), doubt, keep)
        .map_err(StoreError::while_("start the pruner's thread"))?;
    let trace = Trace::new(&recovery.runs);
    let disk = Disk::new(
        writer,
        pruner.clone(),
        records.clone(),
        trace,
        parts.clock.clone(),
    );
    let hands = Hands::new(
        disk,
        (parts.runner, kept),
        (board, recaller),
        sender.clone(),
    );
    let mut shell = Shell {
        core: Engine::built(parts.built),
        jumps: JumpWatch::new(&*parts.clock),
        clock: parts.clock,
        inbox,
        hands,
        late: 0,
        leave_by: None,
    };
    let started = Event::Started {
        recovery,
        plan: parts.plan,
    };
    std::thread::Builder::new()
        .name("engine".to_owned())
        .spawn(move || {
            shell.step(started);
            let last = shell.run();
            finish.send_replace(Some(last));
        })
        .map_err(|source| StoreError {
            doing: "start the engine's thread",
            source: Box::new(source),
        })?;
    Ok(Handle::new(sender, pruner, records, finished, parts.reload))
}

impl Shell {
    fn run(mut self) -> Finish {
        while !self.hands.stopped() && !self.is_overdue() {
            match self.next() {
                Some(message) => self.handle(message),
                None => self.wake(),
            }
        }
        self.finish()
    }

    /// Whether it is time to leave, come what may.
    fn is_overdue(&self) -> bool {
        self.leave_by.is_some_and(|by| self.clock.monotonic() >= by)
    }

    /// Closes the history, and hears the store's last words.
    fn finish(mut self) -> Finish {
        let now = self.clock.now();
        if !self.is_overdue() {
            self.hands.close(LEAVE_AFTER, now);
        }
        while let Ok(message) = self.inbox.try_recv() {
            if let Message::Store(notice) = message {
                self.store_said(notice);
            }
        }
        self.hands.finish()
    }

    /// The next message, or none when the core is to be woken.
    fn next(&mut self) -> Option<Message> {
        loop {
            self.look_at_the_clock();
            let wait = self.wait();
            if wait.is_zero() && self.late >= BURST {
                self.late = 0;
                return None;
            }
            match self.inbox.recv_timeout(clock::nap(wait)) {
                Ok(message) => {
                    self.late = if wait.is_zero() { self.late + 1 } else { 0 };
                    return Some(message);
                }
                Err(_) if self.wait().is_zero() => {
                    self.late = 0;
                    return None;
                }
                Err(_) => {}
            }
        }
    }

    /// Until the core wants to be woken.
    fn wait(&self) -> Duration {
        let wish = self.hands.wake_at();
        let wake = wish.map_or(Duration::MAX, |at| self.clock.wait_for(at));
        let leave = self.leave_by.map_or(Duration::MAX, |by| {
            by.saturating_sub(self.clock.monotonic())
        });
        wake.min(leave)
    }

    fn handle(&mut self, message: Message) {
        match message {
            Message::Event(Event::ShutdownRequested) => {
                let grace = self.hands.board().shutdown_grace();
                let by = self.clock.monotonic() + grace + LEAVE_AFTER;
                self.leave_by.get_or_insert(by);
                self.hands.board_mut().stopping();
                self.step(Event::ShutdownRequested);
            }
            Message::Event(event) => {
                if let Event::AttemptEnded { run, attempt, .. } = event {
                    self.hands.ended(run, attempt);
                }
                self.step(event);
            }
            Message::Ask(event, request, answer) => {
                self.hands.expect_answer(request, answer);
                self.step(event);
            }
            Message::Store(notice) => {
                let event = self.store_said(notice);
                self.step(event);
                if self.hands.board().store().gave_up() {
                    // What was decided last is never written, so nothing can be decided any more.
                    // The next start goes on from what is written.
                    self.handle(Message::Event(Event::ShutdownRequested));
                }
            }
            Message::Config(news) => self.config_said(news),
            Message::Status(answer) => {
                let status = self.hands.status(&self.core, self.clock.now());
                // Who asked may have left.
                let _ = answer.send(status);
            }
            Message::Job(name, answer) => {
                let (job, now) = (self.hands.board().job(&name), self.clock.now());
                // Who asked may have left.
                let _ = answer.send((job, now));
            }
            Message::Watch(run, answer) => {
                // Who asked may have left.
                let _ = answer.send(self.hands.watch(run));
            }
            Message::InUse(answer) => {
                // Without a receiver nobody is left who would drop components.
                let _ = answer.send(self.hands.board().components_in_use());
            }
        }
    }

    /// What the store's writer says, as an event.
    fn store_said(&mut self, notice: Notice) -> Event {
        match notice {
            Notice::Stored { through } => {
                self.hands.stored(through);
                Event::Stored { through }
            }
            Notice::Failed(error) => {
                let now = self.clock.now();
                self.hands.board_mut().store_mut().failed(&error, now);
                Event::StoreFailed
            }
            Notice::GivenUp(error) => {
                let now = self.clock.now();
                self.hands.store_gave_up(&error, now);
                Event::StoreFailed
            }
            Notice::Recovered => {
                let now = self.clock.now();
                self.hands.board_mut().store_mut().recovered(now);
                Event::StoreRecovered
            }
        }
    }

    fn config_said(&mut self, news: News) {
        self.hands.board_mut().config_said(&news, self.clock.now());
        if let News::Live(plan, _) = news {
            self.hands.keep(plan.settings.history);
            self.step(Event::PlanReplaced(plan));
        }
    }

    fn wake(&mut self) {
        self.hands.woken();
        self.step(Event::Woke);
    }

    /// Tells the core of a jump before anything else is told by the new time.
    fn look_at_the_clock(&mut self) {
        let jump = self.jumps.look(&*self.clock);
        let now = self.clock.now();
        let wall = self.hands.board_mut().wall_mut();
        if let Some(by) = jump {
            wall.jumped(by, now);
        }
        wall.shows(now);
        if let Some(by) = jump {
            self.tell(Event::ClockJumped { by });
        }
    }

    fn step(&mut self, event: Event) {
        self.look_at_the_clock();
        self.tell(event);
    }

    fn tell(&mut self, event: Event) {
        let now = self.clock.now();
        for effect in self.core.step(now, event) {
            self.hands.perform(effect);
        }
    }
}
