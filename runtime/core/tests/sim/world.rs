//! The world around one engine: its clocks, its disk, its guests, its people.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use cronlet_core::{
    engine::{Effect, Engine, Event},
    plan::Plan,
};
use jiff::{SignedDuration, Timestamp};

use crate::{
    agenda::{Agenda, Happening},
    disk::Disk,
    invariants::{Violation, audit::audit},
    lies::{Lie, Slander},
    options::{Millis, Options},
    plans::Editor,
    prng::Prng,
    runner::Runner,
    trace::{Leaves, Trace},
    watch::{Ailing, Step, Watch},
};

/// No simulation needs so many steps, unless something goes round in circles.
const STEPS: u64 = 200_000;

/// The longest wait of a daemon without a look at its clocks.
const LOOK_EVERY: Millis = 30_000;

/// What moves a clock less is no jump.
const TOLERANCE: SignedDuration = SignedDuration::from_secs(2);

/// The end of time.
const NEVER: Millis = Millis::MAX;

pub(crate) struct World {
    pub(crate) options: Options,
    pub(crate) rng: Prng,
    pub(crate) agenda: Agenda,
    pub(crate) editor: Editor,
    /// The schedules file.
    pub(crate) file: Arc<Plan>,
    pub(crate) disk: Disk,
    pub(crate) runner: Runner,
    /// None while the daemon is down.
    engine: Option<Engine>,
    pub(crate) watch: Watch,
    pub(crate) trace: Trace,
    /// What the store has said and the engine has not heard.
    words: VecDeque<Event>,
    /// The number of the wish that stands.
    wish: u64,
    /// When the engine was built.
    built: Timestamp,
    /// How far the clock was set since the daemon last looked.
    unnoticed: SignedDuration,
    /// Whether there is trouble.
    pub(crate) trouble: bool,
    /// What is said in place of what the engine says, if it is to be caught lying.
    pub(crate) lie: Option<Lie>,
    /// The same, of its jobs.
    pub(crate) slander: Option<Slander>,
    /// Whether the daemon stays down when it stops.
    last_life: bool,
}

impl World {
    /// A world, and what is left of it.
    pub(crate) fn new(options: Options, leaves: Leaves) -> Self {
        let mut rng = Prng::new(options.seed ^ 0x5eed);
        // Shortly before nothing, before clocks in Europe go forward or back, and before those on
        // Lord Howe Island go back by half an hour.
        let before = rng.one_of([1_772_323_200, 1_774_744_200, 1_792_888_200, 1_775_313_000]);
        let epoch =
            Timestamp::from_second(before + i64::from(rng.small(0, 3_600))).expect("it is a time");
        let mut editor = Editor::new(rng.fork(), &options, epoch);
        Self {
            file: Arc::new(editor.first(&options)),
            agenda: Agenda::new(rng.fork(), epoch),
            disk: Disk::default(),
            runner: Runner::new(rng.fork(), &options),
            engine: None,
            watch: Watch::default(),
            trace: Trace::new(leaves),
            words: VecDeque::new(),
            wish: 0,
            // A clock that is set back a little may be before it.
            built: epoch - SignedDuration::from_secs(i64::from(rng.small(2, 7_200))),
            unnoticed: SignedDuration::ZERO,
            trouble: true,
            lie: None,
            slander: None,
            last_life: false,
            editor,
            rng,
            options,
        }
    }

    /// First trouble, in which nothing may go wrong; then calm, in which everything gets done.
    pub(crate) fn run(&mut self) -> Result<(), Violation> {
        self.agenda.after(0, Happening::Boot);
        self.stir();
        self.live_until(self.options.length)?;
        audit(&self.watch, &self.disk.tables, &self.runner.deeds)?;
        self.calm_down()?;
        audit(&self.watch, &self.disk.tables, &self.runner.deeds)
    }

    /// Calm: for a while everything goes on; then nothing is due any more, and what is open ends; then
    /// the daemon stops.
    fn calm_down(&mut self) -> Result<(), Violation> {
        self.trouble = false;
        self.agenda.calm();
        self.runner.failing = 0;
        self.note("calm");
        self.set_clock_right();
        self.heal();
        self.live_until(self.agenda.mono + self.options.down)?;
        self.live_until(self.agenda.mono + self.options.pace * 10)?;
        let plan = self.editor.drained(&self.file);
        self.replace_file(plan)?;
        self.live_until(NEVER)?;
        self.ensure_done()?;
        self.last_life = true;
        self.tell(&Event::ShutdownRequested)?;
        self.live_until(NEVER)?;
        self.ensure("it_stops", !self.is_up() && self.disk.tables.stopped)
    }

    /// No run is open, no guest runs, nobody waits for an answer.
    fn ensure_done(&mut self) -> Result<(), Violation> {
        self.ensure("it_is_up", self.is_up())?;
        let open = self.watch.view.open_runs().next().cloned();
        if let Some(row) = open {
            let detail = format!("{row:?}");
            let invariant = "every_run_ends";
            return Err(Violation { invariant, detail });
        }
        let under_way = self.watch.under_way().next().is_some();
        self.ensure("every_backfill_ends", !under_way)?;
        self.ensure("every_guest_ends", self.runner.is_idle())?;
        self.ensure("everything_is_written", self.disk.waiting() == 0)?;
        let silent = self.watch.asked.values().any(|asked| !asked.answered);
        self.ensure("every_question_is_answered", !silent)
    }

    fn ensure(&self, invariant: &'static str, holds: bool) -> Result<(), Violation> {
        let detail = format!("at {}", self.agenda.now());
        if holds {
            Ok(())
        } else {
            Err(Violation { invariant, detail })
        }
    }

    fn live_until(&mut self, end: Millis) -> Result<(), Violation> {
        while let Some(happening) = self.agenda.next(end) {
            self.happen(happening)?;
            self.ensure("it_comes_to_rest", self.trace.steps < STEPS)?;
        }
        Ok(())
    }

    fn happen(&mut self, happening: Happening) -> Result<(), Violation> {
        match happening {
            Happening::Tell(event) => self.tell(&event),
            Happening::Wake { wish } if wish == self.wish => self.wake(),
            Happening::Wake { .. } => Ok(()),
            Happening::GuestEnds(key) => {
                let (mono, now) = (self.agenda.mono, self.agenda.now());
                if let Some(event) = self.runner.end(key, mono, now, &self.disk.tables) {
                    self.send(event);
                }
                Ok(())
            }
            Happening::Flush => {
                self.flush();
                Ok(())
            }
            Happening::HearStore => match self.words.pop_front() {
                Some(event) => self.tell(&event),
                None => Ok(()),
            },
            Happening::StoreHeals => {
                self.heal();
                Ok(())
            }
            Happening::Boot => self.boot(),
            Happening::LookAtClocks => self.look_at_clocks(),
            Happening::Recall(recall) => {
                self.send(Event::Recalled(self.disk.tables.recall(&recall)));
                Ok(())
            }
            Happening::SetRight => {
                self.set_clock_right();
                Ok(())
            }
            Happening::Edit => self.edit(),
            Happening::Trouble(trouble) => self.strike(trouble),
        }
    }

    pub(crate) fn is_up(&self) -> bool {
        self.engine.is_some()
    }

    pub(crate) fn note(&mut self, text: &str) {
        self.trace.note(self.agenda.now(), text);
    }

    fn boot(&mut self) -> Result<(), Violation> {
        if self.is_up() {
            return Ok(());
        }
        if self.trouble && self.rng.percent(self.options.bad_boots) {
            self.clock_goes_wrong();
        }
        self.watch.born(&self.disk.tables);
        self.unnoticed = SignedDuration::ZERO;
        let lead = Duration::from_millis(self.options.lead);
        self.engine = Some(Engine::built(self.built).with_lead(lead));
        let recovery = self.disk.tables.recovery();
        let plan = self.file.clone();
        self.tell(&Event::Started { recovery, plan })
    }

    /// The daemon looks at its clocks before it does anything else.
    pub(crate) fn tell(&mut self, event: &Event) -> Result<(), Violation> {
        self.look_at_clocks()?;
        self.step(event)
    }

    fn look_at_clocks(&mut self) -> Result<(), Violation> {
        let by = std::mem::take(&mut self.unnoticed);
        if by.abs() > TOLERANCE {
            self.step(&Event::ClockJumped { by })?;
        }
        Ok(())
    }

    /// The engine takes a step, and all that it asks for is done.
    fn step(&mut self, event: &Event) -> Result<(), Violation> {
        let Some(engine) = &mut self.engine else {
            return Ok(());
        };
        let now = self.agenda.now();
        let mut effects = engine.step(now, event.clone());
        if let Some(lie) = self.lie {
            lie(&mut effects, now);
        }
        let mut ailing: Vec<_> = ailing(engine).collect();
        if let Some(slander) = self.slander {
            slander(&mut ailing);
        }
        let step = Step {
            now,
            built: self.built,
            event,
            effects: &effects,
            ailing: &ailing,
            disk: &self.disk.tables,
            ever: &self.runner.ever,
            lead: Duration::from_millis(self.options.lead),
        };
        self.trace.step(&step);
        self.watch.step(&step)?;
        if self.watch.ends_early.get() {
            self.trace.words.note_early_end();
        }
        if self.trouble && self.rng.below(1_000) < self.options.fatal {
            let survived = self.rng.below(effects.len() as u64 + 1);
            let survived = usize::try_from(survived).expect("it is a count");
            self.perform_all(effects.into_iter().take(survived).collect());
            self.crash();
        } else {
            self.perform_all(effects);
        }
        Ok(())
    }

    fn perform_all(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            self.perform(effect);
        }
    }

    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Commit(batch) => {
                if self.disk.submit(batch) {
                    let delay = self.rng.between(0, self.options.flush);
                    self.agenda.after(delay, Happening::Flush);
                }
            }
            Effect::Start(start) => {
                let (mono, now) = (self.agenda.mono, self.agenda.now());
                let ends = self.runner.start(&start, mono, now, &self.disk.tables);
                let key = (start.run.run, start.attempt);
                self.agenda.after(ends - mono, Happening::GuestEnds(key));
            }
            Effect::Cancel {
                run,
                attempt,
                grace,
            } => {
                let (key, mono) = ((run, attempt), self.agenda.mono);
                if let Some(ends) = self.runner.cancel(key, grace, mono) {
                    self.agenda.after(ends - mono, Happening::GuestEnds(key));
                }
            }
            Effect::WakeAt(_) => self.wait_for_wish(),
            Effect::Recall(recall) => {
                let delay = self.rng.between(0, self.options.flush);
                self.agenda.after(delay, Happening::Recall(recall));
            }
            Effect::Reply { .. } => {}
            Effect::Stop => self.die("stopped"),
        }
    }

    /// Waits until the wall clock shows the time that the engine wants.
    pub(crate) fn wait_for_wish(&mut self) {
        let Some(at) = self.watch.wish else { return };
        self.wish += 1;
        let late = self.rng.between(0, self.options.wake);
        let delay = self.agenda.until(at) + late;
        self.agenda
            .after(delay, Happening::Wake { wish: self.wish });
    }

    fn wake(&mut self) -> Result<(), Violation> {
        if self.watch.wish.is_none_or(|at| at > self.agenda.now()) {
            self.wait_for_wish();
            return Ok(());
        }
        self.tell(&Event::Woke)
    }

    /// The engine is told something in a little while.
    pub(crate) fn send(&mut self, event: Event) {
        let delay = self.rng.between(0, self.options.message);
        self.agenda.after(delay, Happening::Tell(event));
    }

    /// The store says something. Its words are heard in order.
    fn say(&mut self, event: Event) {
        self.words.push_back(event);
        let delay = self.rng.between(0, self.options.message);
        self.agenda.after(delay, Happening::HearStore);
    }

    fn flush(&mut self) {
        let waiting = self.disk.waiting();
        let some = self.rng.between(1, waiting.max(1) as u64);
        let count = if self.rng.percent(30) {
            usize::try_from(some).expect("it is a count")
        } else {
            waiting
        };
        if let Some(event) = self.disk.flush(count) {
            self.say(event);
        }
        if self.disk.waiting() > 0 && !self.disk.broken {
            let delay = self.rng.between(0, self.options.flush);
            self.agenda.after(delay, Happening::Flush);
        }
    }

    /// The store can write again.
    fn heal(&mut self) {
        let waiting = self.disk.waiting() > 0;
        for event in self.disk.heal() {
            self.say(event);
        }
        if waiting {
            self.agenda.after(0, Happening::Flush);
        }
    }

    /// The daemon dies, and with it all that is not on disk.
    pub(crate) fn crash(&mut self) {
        if !self.is_up() {
            return;
        }
        let written = self.rng.below(self.disk.waiting() as u64 + 1);
        self.disk
            .crash(usize::try_from(written).expect("it is a count"));
        self.die("crashed");
    }

    fn die(&mut self, how: &str) {
        self.note(how);
        self.engine = None;
        self.disk.crash(0);
        self.runner.crash();
        self.words.clear();
        self.agenda.next_life();
        if !self.last_life {
            let down = self.rng.between(0, self.options.down);
            self.agenda.after(down, Happening::Boot);
        }
    }

    pub(crate) fn edit(&mut self) -> Result<(), Violation> {
        let plan = self.editor.edit(&self.file);
        self.replace_file(plan)
    }

    /// Somebody saves the schedules file.
    pub(crate) fn replace_file(&mut self, plan: Plan) -> Result<(), Violation> {
        self.file = Arc::new(plan);
        self.tell(&Event::PlanReplaced(self.file.clone()))
    }

    /// Somebody sets the wall clock, or the machine slept.
    pub(crate) fn set_clock(&mut self, by: SignedDuration) {
        self.agenda.set_clock(by);
        self.clock_was_set(by);
    }

    pub(crate) fn clock_was_set(&mut self, by: SignedDuration) {
        self.note("the clock was set");
        self.unnoticed += by;
        let look = self.rng.between(0, LOOK_EVERY);
        self.agenda.after(look, Happening::LookAtClocks);
        self.wait_for_wish();
    }

    /// The clock is right, or what passed for right.
    fn set_clock_right(&mut self) {
        if self.agenda.is_wrong() {
            let by = self.agenda.set_right();
            self.clock_was_set(by);
        }
    }
}

/// The jobs that the engine says do not go well.
fn ailing(engine: &Engine) -> impl Iterator<Item = Ailing> {
    engine.ailing().map(|ailing| Ailing {
        job: ailing.job.name.clone(),
        overdue: ailing.overdue,
        failing: ailing.failing.map(|failing| (failing.run, failing.at)),
    })
}
