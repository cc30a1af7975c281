//! What people and machines do to a daemon.

use cronlet_core::{
    engine::{CancelRequest, Event, Jobs, PauseRequest, RunRequest},
    name::JobName,
    run::{RequestId, RunId},
};
use jiff::{SignedDuration, Timestamp};

use crate::{
    agenda::{Happening, Trouble},
    invariants::Violation,
    options::Millis,
    world::World,
};

impl World {
    /// All the trouble that this world has begins.
    pub(crate) fn stir(&mut self) {
        for trouble in [
            Trouble::Edit,
            Trouble::Request,
            Trouble::Cancel,
            Trouble::Pause,
            Trouble::Crash,
            Trouble::Shutdown,
            Trouble::StoreBreaks,
            Trouble::Forward,
            Trouble::Backward,
            Trouble::WrongClock,
            Trouble::NeedlessWake,
        ] {
            self.again(trouble);
        }
    }

    /// The trouble comes, and will come again.
    pub(crate) fn strike(&mut self, trouble: Trouble) -> Result<(), Violation> {
        self.again(trouble);
        match trouble {
            Trouble::Edit => {
                let plan = self.editor.edit(&self.file);
                self.replace_file(plan)
            }
            Trouble::Request => self.request_run(),
            Trouble::Cancel => self.request_cancel(),
            Trouble::Pause => self.request_pause(),
            Trouble::Crash => {
                self.crash();
                Ok(())
            }
            Trouble::Shutdown => self.tell(&Event::ShutdownRequested),
            Trouble::StoreBreaks => {
                self.disk.broken = true;
                let heals = self.rng.between(1, self.options.broken);
                self.agenda.after(heals, Happening::StoreHeals);
                Ok(())
            }
            Trouble::Forward => {
                let by = self.rng.between(1, self.options.forward);
                self.set_clock(millis(by));
                Ok(())
            }
            Trouble::Backward => {
                let by = self.rng.between(1, self.options.backward);
                self.set_clock(-millis(by));
                Ok(())
            }
            Trouble::WrongClock => {
                self.clock_goes_wrong();
                Ok(())
            }
            Trouble::NeedlessWake => self.tell(&Event::Woke),
        }
    }

    fn again(&mut self, trouble: Trouble) {
        let every = &self.options.every;
        let every = match trouble {
            Trouble::Edit => every.edit,
            Trouble::Request => every.request,
            Trouble::Cancel => every.cancel,
            Trouble::Pause => every.pause,
            Trouble::Crash => every.crash,
            Trouble::Shutdown => every.shutdown,
            Trouble::StoreBreaks => every.store,
            Trouble::Forward => every.forward,
            Trouble::Backward => every.backward,
            Trouble::WrongClock => every.wrong_clock,
            Trouble::NeedlessWake => every.needless_wake,
        };
        if let Some(every) = every {
            let delay = self.rng.between(1, every * 2);
            self.agenda.after(delay, Happening::Trouble(trouble));
        }
    }

    /// The wall clock stops and begins anew in 1970, or is some hours ahead; and later somebody sets it.
    pub(crate) fn clock_goes_wrong(&mut self) {
        if self.agenda.is_wrong() {
            return;
        }
        let by = if self.rng.percent(self.options.stopped) {
            let far = self.agenda.now().duration_since(Timestamp::UNIX_EPOCH);
            millis(self.rng.below(100_000)) - far
        } else {
            millis(self.rng.between(1, self.options.ahead))
        };
        self.agenda.go_wrong(by);
        self.clock_was_set(by);
        let wrong = self.rng.between(1, self.options.wrong);
        self.agenda.after(wrong, Happening::SetRight);
    }

    fn request_run(&mut self) -> Result<(), Violation> {
        let planned: Vec<_> = self.file.jobs.keys().cloned().collect();
        let job = self.rng.pick(&planned).cloned();
        let job = job.filter(|_| self.rng.percent(90));
        let nominal = self.agenda.now() - millis(self.rng.below(self.options.pace * 4));
        let request = RunRequest {
            id: RequestId(self.rng.next()),
            job: job.unwrap_or_else(|| JobName::new("nobody").expect("it is a name")),
            nominal: self.rng.percent(30).then_some(nominal),
            params: self.rng.percent(30).then(|| "{\"by\":\"hand\"}".into()),
            actor: self.rng.percent(50).then(|| "ada".into()),
        };
        self.tell(&Event::RunRequested(request))
    }

    fn request_cancel(&mut self) -> Result<(), Violation> {
        let open: Vec<_> = self.watch.view.open.iter().copied().collect();
        let run = match self.rng.pick(&open) {
            Some(run) if self.rng.percent(85) => *run,
            _ => RunId(self.rng.below(self.watch.view.runs.len() as u64 + 3)),
        };
        let request = CancelRequest {
            id: RequestId(self.rng.next()),
            run,
            kill: self.rng.percent(self.options.kills),
            actor: self.rng.percent(50).then(|| "ada".into()),
        };
        self.tell(&Event::CancelRequested(request))
    }
}

impl World {
    /// More often resumes than pauses, else everything would come to rest.
    fn request_pause(&mut self) -> Result<(), Violation> {
        let known: Vec<_> = self.watch.view.jobs.keys().cloned().collect();
        let job = self.rng.pick(&known).cloned();
        let job = job.filter(|_| self.rng.percent(95));
        let request = PauseRequest {
            id: RequestId(self.rng.next()),
            jobs: if self.rng.percent(25) {
                Jobs::All
            } else {
                Jobs::One(job.unwrap_or_else(|| JobName::new("nobody").expect("it is a name")))
            },
            actor: self.rng.percent(50).then(|| "ada".into()),
        };
        let pauses = self.rng.percent(40);
        self.tell(&if pauses {
            Event::PauseRequested(request)
        } else {
            Event::ResumeRequested(request)
        })
    }
}

fn millis(millis: Millis) -> SignedDuration {
    SignedDuration::from_millis(i64::try_from(millis).expect("it is a short span"))
}
