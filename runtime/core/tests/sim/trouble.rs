//! What people and machines do to a daemon.

use std::num::NonZeroU32;

use cronlet_core::{
    backfill::{Instants, MAX_OPEN},
    engine::{
        BackfillRequest, BackfillStopRequest, CancelRequest, Event, Jobs, PauseRequest, RunRequest,
    },
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
            Trouble::Backfill,
            Trouble::StopBackfill,
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
            Trouble::Edit => self.edit(),
            Trouble::Request => self.request_run(),
            Trouble::Cancel => self.request_cancel(),
            Trouble::Backfill => self.request_backfills(),
            Trouble::StopBackfill => self.request_stop(),
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
            Trouble::Backfill => every.backfill,
            Trouble::StopBackfill => every.stop_backfill,
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
        if self.rng.percent(50) {
            let edit = self.rng.between(0, wrong);
            self.agenda.after(edit, Happening::Edit);
        }
    }

    /// Of the schedules file, or now and then nobody's.
    fn some_job(&mut self) -> JobName {
        let planned: Vec<_> = self.file.jobs.keys().cloned().collect();
        let job = self.rng.pick(&planned).cloned();
        let job = job.filter(|_| self.rng.percent(90));
        job.unwrap_or_else(|| JobName::new("nobody").expect("it is a name"))
    }

    fn request_run(&mut self) -> Result<(), Violation> {
        let job = self.some_job();
        let nominal = self.agenda.now() - millis(self.rng.below(self.options.pace * 4));
        let request = RunRequest {
            id: RequestId(self.rng.next()),
            job,
            nominal: self.rng.percent(30).then_some(nominal),
            params: self.rng.percent(30).then(|| "{\"by\":\"hand\"}".into()),
            input_of: self.rng.percent(20).then_some(RunId(1)),
            actor: self.rng.percent(50).then(|| "ada".into()),
        };
        self.tell(&Event::RunRequested(request))
    }

    /// Somebody wants a part of the past, or more parts of it than may be under way.
    fn request_backfills(&mut self) -> Result<(), Violation> {
        let greedy = self.rng.percent(self.options.greedy);
        let times = if greedy { MAX_OPEN * 2 } else { 1 };
        for _ in 0..times {
            let request = self.backfill();
            self.tell(&Event::BackfillRequested(request))?;
        }
        Ok(())
    }

    fn backfill(&mut self) -> BackfillRequest {
        let job = self.some_job();
        let long = if self.rng.percent(20) { 30 } else { 6 };
        let (count, pace) = (self.rng.below(long), self.options.pace);
        let from = self.agenda.now() - millis(self.rng.below(pace * 100));
        let instants = (0..count).map(|_| from + millis(self.rng.below(pace * 40)));
        let instants = Instants::new(instants.collect());
        BackfillRequest {
            id: RequestId(self.rng.next()),
            job,
            instants: instants.expect("they are few and whole milliseconds"),
            max_concurrent: NonZeroU32::new(self.rng.one_of([1, 1, 2, 4, 1_000]))
                .expect("it is not zero"),
            reverse: self.rng.percent(30),
            actor: self.rng.percent(50).then(|| "ada".into()),
        }
    }

    /// Somebody has had enough of it.
    fn request_stop(&mut self) -> Result<(), Violation> {
        let rows = self.watch.view.backfills.values();
        let under_way: Vec<_> = rows
            .filter(|row| row.ended.is_none())
            .map(|row| row.new.job.clone())
            .collect();
        let job = match self.rng.pick(&under_way) {
            Some(job) if self.rng.percent(80) => job.clone(),
            _ => self.some_job(),
        };
        let request = BackfillStopRequest {
            id: RequestId(self.rng.next()),
            job,
            actor: self.rng.percent(50).then(|| "ada".into()),
        };
        self.tell(&Event::BackfillStopRequested(request))
    }

    fn request_cancel(&mut self) -> Result<(), Violation> {
        let open: Vec<_> = self.watch.view.runs.open.keys().copied().collect();
        let run = match self.rng.pick(&open) {
            Some(run) if self.rng.percent(85) => *run,
            _ => RunId(self.rng.below(self.watch.view.runs.count() as u64 + 3)),
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
