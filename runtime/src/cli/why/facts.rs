//! Everything that is known of one instant of a job: what the history has, what the schedules file
//! says, and whether there is a daemon.

use std::time::Duration;

use cronlet_core::{
    job::Job,
    name::JobName,
    run::{RunId, RunStatus, SkipReason},
    schedule::{Local, Zone},
};
use jiff::{Timestamp, civil::DateTime};

use super::absent;
use crate::{
    cli::{
        CliError,
        moment::Moment,
        place::{self, Found},
        show, suggest,
    },
    store::{
        History,
        history::{
            Beside, ClockJump, Entry, Instant, JobEvent, JobStand, JobTurn, Query, RunRow, SkipRow,
        },
        sqlite::{self, Downtime, SqliteHistory},
    },
};

/// Where facts about a job come from.
pub(super) struct Source<'a> {
    pub(super) job: JobName,
    pub(super) now: Timestamp,
    pub(super) file: File,
    /// Whose clocks times are read and shown on.
    zone: Zone,
    /// None if there is no database.
    history: Option<&'a SqliteHistory>,
    /// Whether a daemon has the database.
    daemon: bool,
}

/// What the schedules file says of the job.
#[derive(Clone, Debug)]
pub(super) enum File {
    Job(Box<Job>),
    /// It is not in it.
    Without,
    /// It cannot be used.
    Unreadable,
}

/// All that a sentence is made of.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    pub(super) job: JobName,
    pub(super) now: Timestamp,
    pub(super) zone: Zone,
    pub(super) file: File,
    pub(super) daemon: bool,
    /// The instant.
    pub(super) at: Timestamp,
    /// What was typed, if it was what a clock shows.
    pub(super) wall: Option<DateTime>,
    /// The run that is asked about: that of the instant, or one that was named.
    pub(super) run: Option<RunRow>,
    pub(super) known: Instant,
    /// What else there was when it was decided what became of it.
    pub(super) beside: Beside,
    /// The time without a daemon that it lies in, if it was missed.
    pub(super) downtime: Option<Downtime>,
    /// The jump of the clock over it, if it was missed.
    pub(super) jump: Option<ClockJump>,
    /// What became of the job until now, the oldest first.
    pub(super) events: Vec<JobEvent>,
}

impl<'a> Source<'a> {
    pub(super) fn new(
        found: &Found,
        history: Option<&'a SqliteHistory>,
        name: &str,
        now: Timestamp,
    ) -> Result<Self, CliError> {
        let plan = found.draft.as_ref().ok().map(place::plan);
        let job = plan.as_ref().and_then(|plan| plan.jobs.get(name));
        let mut names: Vec<JobName> = history.map_or(Ok(Vec::new()), History::names)?;
        names.extend(plan.iter().flat_map(|plan| plan.jobs.keys().cloned()));
        let known = names.iter().find(|known| known.as_str() == name);
        let known =
            known.ok_or_else(|| suggest::no_such_job(name, names.iter().map(JobName::as_str)))?;
        let general = found.draft.as_ref().map(|draft| draft.zone().clone());
        Ok(Self {
            job: known.clone(),
            now,
            zone: job.map_or_else(|| general.unwrap_or_default(), |job| job.zone.clone()),
            file: match job {
                Some(job) => File::Job(Box::new(Job::clone(job))),
                None if plan.is_some() => File::Without,
                None => File::Unreadable,
            },
            history,
            daemon: sqlite::holder(&found.database)?.is_some(),
        })
    }

    pub(super) fn zone(&self) -> &Zone {
        &self.zone
    }

    /// What is known of what was typed.
    pub(super) fn moment(&self, moment: &Moment) -> Result<Facts, CliError> {
        let at = moment.resolve(self.now, &self.zone);
        let at = at.map_err(CliError::user)?;
        // So long ago is meant to the second: what is due is, but for the rarest.
        let at = if moment.is_relative() {
            Timestamp::from_second(at.as_second()).unwrap_or(at)
        } else {
            at
        };
        let mut facts = self.at(at)?;
        facts.wall = moment.wall(self.now, &self.zone);
        Ok(facts)
    }

    /// What is known of a run.
    pub(super) fn run(&self, number: u64) -> Result<Facts, CliError> {
        let run = self.history.map(|history| history.run(RunId(number)));
        let run = run.transpose()?.flatten();
        let run = run.ok_or_else(|| show::no_such_run(number))?;
        if run.job != self.job {
            let (run, other) = (run.run, run.job);
            return Err(
                CliError::not_found(format!("run {run} is one of `{other}`"))
                    .hint(format!("`cronlet why {other} {run}`")),
            );
        }
        self.facts(run.nominal, Some(run))
    }

    /// What is known of the last time that the job was due; without a trigger, or without the file,
    /// of the last that is in the history.
    pub(super) fn last(&self) -> Result<Option<Facts>, CliError> {
        let due = match &self.file {
            File::Job(job) => last_due(job, self.now),
            File::Without | File::Unreadable => None,
        };
        if let Some(due) = due {
            return Ok(Some(self.at(due)?));
        }
        let query = Query {
            job: Some(self.job.clone()),
            limit: 1,
            ..Query::default()
        };
        let entries = self
            .history
            .map_or(Ok(Vec::new()), |it| it.entries(&query))?;
        Ok(match entries.into_iter().next() {
            Some(Entry::Run(run)) => Some(self.facts(run.nominal, Some(*run))?),
            Some(Entry::Skips(range)) => Some(self.at(range.last)?),
            None => None,
        })
    }

    pub(super) fn at(&self, at: Timestamp) -> Result<Facts, CliError> {
        self.facts(at, None)
    }

    /// What is known of an instant, or of the run that is given.
    fn facts(&self, at: Timestamp, run: Option<RunRow>) -> Result<Facts, CliError> {
        let known = self.history.map(|history| history.instant(&self.job, at));
        let known = known.transpose()?.unwrap_or_default();
        let mut facts = Facts {
            job: self.job.clone(),
            now: self.now,
            zone: self.zone.clone(),
            file: self.file.clone(),
            daemon: self.daemon,
            at,
            wall: None,
            run: run.or_else(|| known.run.clone()),
            known,
            beside: Beside::default(),
            downtime: None,
            jump: None,
            events: self
                .history
                .map_or(Ok(Vec::new()), |it| it.job_events(&self.job, self.now))?,
        };
        if let Some(history) = self.history.filter(|_| facts.was_missed()) {
            facts.downtime = history.downtime(at)?;
            let jumps = history.clock_jumps(JUMPS)?;
            facts.jump = jumps.into_iter().find(|jump| is_over(jump, at));
        }
        if let (Some(history), Some((run, moment))) = (self.history, facts.decided()) {
            facts.beside = history.beside(&self.job, run, moment)?;
        }
        Ok(facts)
    }
}

impl Facts {
    /// The job, if the file has it.
    pub(super) fn defined(&self) -> Option<&Job> {
        match &self.file {
            File::Job(job) => Some(job),
            File::Without | File::Unreadable => None,
        }
    }

    /// Whether the job is due at that instant by the file as it is; none without one.
    pub(super) fn is_due(&self) -> Option<bool> {
        Some(is_due(self.defined()?, self.at))
    }

    /// Whether the history was written by the schedule that the file has.
    pub(super) fn is_same_schedule(&self) -> bool {
        let stored = self.known.job.as_ref();
        let job = self.defined();
        job.zip(stored)
            .is_some_and(|(job, stored)| job.fingerprint() == stored.fingerprint)
    }

    /// The range of skips that the instant is one of. What lies between two instants is in it too, and
    /// means nothing, as far as the schedule says what is between them.
    pub(super) fn range(&self) -> Option<&SkipRow> {
        let is_none = self.is_due() == Some(false) && self.is_same_schedule();
        self.known.skips.as_ref().filter(|_| !is_none)
    }

    /// How the job stood at a time.
    pub(super) fn stand(&self, t: Timestamp) -> JobStand {
        let known = self.events.partition_point(|event| event.at <= t);
        JobStand::after(&self.events[..known])
    }

    /// The first thing that became of the job after the instant, if it is such a one.
    pub(super) fn first_after(&self, is: impl Fn(&JobTurn) -> bool) -> Option<&JobEvent> {
        let mut events = self.events.iter();
        events.find(|event| event.at > self.at && is(&event.turn))
    }

    /// Whether it was found too late.
    fn was_missed(&self) -> bool {
        let reason = match (&self.run, self.range()) {
            (Some(run), _) => run.reason.as_deref(),
            (None, range) => range.map(|range| range.reason.as_str()),
        };
        reason == Some(SkipReason::Missed.as_str())
    }

    /// The wall times that it stands for, because the clocks jumped over them.
    pub(super) fn stands_for(&self) -> Vec<DateTime> {
        let job = self.defined();
        job.map_or_else(Vec::new, |job| job.schedule.stands_for(self.at))
    }

    /// The instants before and after it.
    pub(super) fn nearest(&self) -> [Option<Timestamp>; 2] {
        self.defined().map_or([None; 2], |job| {
            let before = job.schedule.latest_in(Timestamp::MIN, before(self.at));
            [before, job.schedule.next_after(self.at)]
        })
    }

    /// When the job runs next, if nothing keeps it from that.
    pub(super) fn next(&self) -> Option<Timestamp> {
        if absent::halt(self).is_some() {
            return None;
        }
        self.defined()?.schedule.next_allowed_after(self.now)
    }

    /// When the occurrence starts: later than it is due, if the job has a jitter.
    pub(super) fn starts_at(&self) -> Timestamp {
        let job = self.defined().filter(|job| is_due(job, self.at));
        job.map_or(self.at, |job| job.schedule.starts_at(&self.job, self.at))
    }

    /// What the clocks did with the time that was typed, if it was not shown once.
    pub(super) fn oddity(&self) -> Option<(DateTime, Local)> {
        let wall = self.wall.unwrap_or_else(|| self.zone.datetime(self.at));
        let local = self.zone.local(wall)?;
        (!matches!(local, Local::Once(_))).then_some((wall, local))
    }

    /// When it was decided what became of it, or now if that is still open; and which run it is. None
    /// if nothing was in its way.
    fn decided(&self) -> Option<(Option<RunId>, Timestamp)> {
        if let Some(run) = &self.run {
            let ended = run.ended_at.filter(|_| run.status == RunStatus::Skipped);
            let open = (!run.status.is_final()).then_some(self.now);
            return ended.or(open).map(|moment| (Some(run.run), moment));
        }
        let moment = match self.range() {
            // Only of the last it is known when it came.
            Some(range) if range.last == self.at => range.recorded_at,
            Some(_) => self.starts_at(),
            None => self.now,
        };
        Some((None, moment))
    }
}

/// So many are kept.
const JUMPS: usize = 1000;

/// Whether the clock never showed `at`, as it jumped over it.
fn is_over(jump: &ClockJump, at: Timestamp) -> bool {
    let before = jump.at.checked_sub(jump.by);
    before.is_ok_and(|before| before < at && at <= jump.at)
}

/// The last instant at which the job was due.
fn last_due(job: &Job, now: Timestamp) -> Option<Timestamp> {
    job.schedule.latest_in(Timestamp::MIN, now)
}

fn is_due(job: &Job, at: Timestamp) -> bool {
    job.schedule.next_after(before(at)) == Some(at)
}

/// The last instant before `t`.
fn before(t: Timestamp) -> Timestamp {
    t.checked_sub(Duration::from_nanos(1))
        .unwrap_or(Timestamp::MIN)
}
