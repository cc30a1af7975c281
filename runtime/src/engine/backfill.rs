//! Which instants a backfill is for: those of the job's present schedule, less what has a run already.
//!
//! The daemon asks this when somebody wants a backfill, and the command line when somebody wants to see
//! one first, so both say the same.

use cronlet_core::{
    backfill::{Instants, MAX_INSTANTS, Past, Reprocess, TooMany},
    engine::OpenBackfill,
    job::Job,
    name::JobName,
    schedule::Zone,
};
use jiff::{Timestamp, civil::Time, tz::TimeZone};
use thiserror::Error;

use crate::store::{History, StoreError, history::BackfillRow};

/// The part of the past that somebody wants to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wish {
    /// Its first moment.
    pub from: Timestamp,
    /// The first moment after it.
    pub to: Timestamp,
    /// What becomes of instants that have a run already.
    pub reprocess: Reprocess,
}

/// What is to run of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chosen {
    pub instants: Instants,
    /// How many have a run already and are left out for that.
    pub standing: u64,
    /// How many the calendar excludes.
    pub excluded: u64,
}

/// Why there can be no such backfill.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Unfit {
    #[error("job `{0}` has no schedule, so no instant of the past is its own")]
    Unscheduled(JobName),
    #[error("no time lies between {} and {}", shown(*from, zone), shown(*to, zone))]
    Nothing {
        from: Timestamp,
        to: Timestamp,
        /// The job's.
        zone: Zone,
    },
    #[error("{} lies in the future, and what is to come runs by itself", shown(*to, zone))]
    Future {
        to: Timestamp,
        /// The job's.
        zone: Zone,
    },
    #[error(
        "the schedule of `{job}` names {instants} instants in that time, and a backfill is for \
         {MAX_INSTANTS} at most"
    )]
    TooMany { job: JobName, instants: u64 },
    #[error("the schedule of `{0}` names instants that are finer than a microsecond")]
    TooFine(JobName),
}

impl Unfit {
    /// What to do in its place.
    pub fn help(&self) -> String {
        match self {
            Self::Unscheduled(job) => format!("`cronlet trigger {job}` runs it now"),
            Self::Nothing { from, to, zone } if from == to => whole_day(*from, zone),
            Self::Nothing { .. } => "begin with the earlier time".to_owned(),
            Self::Future { .. } => "end with `now`".to_owned(),
            Self::TooMany { .. } => "split the time into parts".to_owned(),
            Self::TooFine(_) => "name whole microseconds".to_owned(),
        }
    }

    /// Whether it is the job that stands in the way, and not what was typed.
    pub fn is_of_the_job(&self) -> bool {
        matches!(self, Self::Unscheduled(_) | Self::TooFine(_))
    }
}

/// On the clocks of a job, to the second.
fn shown(t: Timestamp, zone: &Zone) -> String {
    let zoned = t.to_zoned(TimeZone::fixed(zone.offset(t)));
    zoned.strftime("%Y-%m-%d %H:%M:%S %:z").to_string()
}

/// What to type for the time from `t` on: who begins and ends with one date means that day.
fn whole_day(t: Timestamp, zone: &Zone) -> String {
    let wall = zone.datetime(t);
    let next = wall.date().tomorrow().ok();
    match next.filter(|_| wall.time() == Time::midnight()) {
        Some(next) => format!("the end is not part of it: end with `{next}` for the whole day"),
        None => "the end is not part of it: end with a later time".to_owned(),
    }
}

/// What of `wish` is to run. Without a history nothing has run yet.
pub fn choose(
    job: &Job,
    wish: &Wish,
    now: Timestamp,
    history: Option<&dyn History>,
) -> Result<Result<Chosen, Unfit>, StoreError> {
    let past = match past(job, wish, now) {
        Ok(past) => past,
        Err(unfit) => return Ok(Err(unfit)),
    };
    let standing = history
        .map(|history| history.standing(&job.name, wish.from, wish.to))
        .transpose()?
        .unwrap_or_default();
    let mut instants = past.instants;
    let all = instants.len();
    instants.retain(|at| wish.reprocess.takes(standing.get(at).copied()));
    let left_out = u64::try_from(all - instants.len()).unwrap_or(u64::MAX);
    let chosen = Instants::new(instants).map(|instants| Chosen {
        instants,
        standing: left_out,
        excluded: past.excluded,
    });
    Ok(chosen.ok_or_else(|| Unfit::TooFine(job.name.clone())))
}

fn past(job: &Job, wish: &Wish, now: Timestamp) -> Result<Past, Unfit> {
    let &Wish { from, to, .. } = wish;
    if job.schedule.is_manual() {
        return Err(Unfit::Unscheduled(job.name.clone()));
    }
    if from >= to {
        let zone = job.zone.clone();
        return Err(Unfit::Nothing { from, to, zone });
    }
    if to > now {
        let zone = job.zone.clone();
        return Err(Unfit::Future { to, zone });
    }
    let too_many = |TooMany { instants }| Unfit::TooMany {
        job: job.name.clone(),
        instants,
    };
    Past::of(&job.schedule, from, to).map_err(too_many)
}

/// One that is not over, as the store would say it.
pub(super) fn row(open: &OpenBackfill<'_>) -> BackfillRow {
    let instants = open.new.instants.as_slice();
    BackfillRow {
        id: open.new.id,
        job: open.new.job.clone(),
        created_at: open.new.created_at,
        actor: open.new.actor.as_deref().map(str::to_owned),
        instants: open.new.instants.count(),
        first: instants.first().copied(),
        last: instants.last().copied(),
        max_concurrent: open.new.max_concurrent,
        reverse: open.new.reverse,
        made: open.made,
        tally: open.tally,
        stopped: open.stopped,
        ended: None,
        ended_at: None,
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use cronlet_core::{
        digest::Digest,
        job::Component,
        record::{Batch, NewRun, Record, Seq},
        run::{Cause, Origin, RequestId, RunEnd, RunId, Turn},
        schedule::{Every, Schedule, Trigger},
    };

    use super::*;
    use crate::store::{Store as _, memory::MemoryStore};

    fn at(hour: i64) -> Timestamp {
        Timestamp::from_second(1_767_225_600 + hour * 3_600).unwrap()
    }

    fn hourly() -> Job {
        let hour = Every::new(Duration::from_hours(1), Duration::ZERO).unwrap();
        Job {
            schedule: Schedule::from(Trigger::Every(hour)),
            ..Job::new(
                JobName::new("a").unwrap(),
                Component::Ready(Digest::of(b"a")),
            )
        }
    }

    fn wish(from: i64, to: i64) -> Wish {
        Wish {
            from: at(from),
            to: at(to),
            reprocess: Reprocess::None,
        }
    }

    fn unfit(job: &Job, wish: &Wish) -> Unfit {
        choose(job, wish, at(9), None).unwrap().unwrap_err()
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let (from, to) = (at(3), at(3));
        let zone = || Zone::UTC;
        let nothing = Unfit::Nothing {
            from,
            to,
            zone: zone(),
        };
        assert_eq!(unfit(&hourly(), &wish(3, 3)), nothing);
        let (to, zone) = (at(10), zone());
        assert_eq!(unfit(&hourly(), &wish(3, 10)), Unfit::Future { to, zone });
        let manual = Job {
            schedule: Schedule::default(),
            ..hourly()
        };
        let refused = unfit(&manual, &wish(3, 4));
        assert!(refused.is_of_the_job(), "{refused}");
        let long = Wish {
            from: Timestamp::UNIX_EPOCH,
            ..wish(0, 9)
        };
        assert!(unfit(&hourly(), &long).to_string().contains("490905 inst"));
    }

    #[test]
    fn a_refusal_is_told_on_the_clocks_of_the_job() {
        let job = Job {
            zone: Zone::named("America/New_York").unwrap(),
            ..hourly()
        };
        let said = |from, to| {
            let unfit = unfit(&job, &wish(from, to));
            (unfit.to_string(), unfit.help())
        };
        let (future, _) = said(3, 10);
        assert_eq!(
            future,
            "2026-01-01 05:00:00 -05:00 lies in the future, and what is to come runs by itself"
        );
        let (backwards, help) = said(3, 2);
        assert_eq!(
            backwards,
            "no time lies between 2025-12-31 22:00:00 -05:00 and 2025-12-31 21:00:00 -05:00"
        );
        assert_eq!(help, "begin with the earlier time");
        // Midnight there.
        let (_, help) = said(5, 5);
        assert_eq!(
            help,
            "the end is not part of it: end with `2026-01-02` for the whole day"
        );
        let (_, help) = said(6, 6);
        assert_eq!(help, "the end is not part of it: end with a later time");
    }

    #[test]
    fn what_has_a_run_is_left_out_and_counted() {
        let mut store = MemoryStore::new();
        let run = |run: u64, hour| NewRun {
            run: RunId(run),
            job: JobName::new("a").unwrap(),
            cause: Cause::Manual(RequestId(run)),
            nominal: at(hour),
            origin: Origin::Manual,
            actor: None,
            params: None,
            input_of: None,
            queued_at: at(8),
            not_before: None,
            turn: Turn::Now,
        };
        let records = vec![
            Record::RunQueued(Arc::new(run(1, 2))),
            Record::RunQueued(Arc::new(run(2, 3))),
            Record::RunEnded {
                run: RunId(2),
                end: RunEnd::Failed(cronlet_core::run::FailReason::Error),
                message: None,
            },
        ];
        let (seq, at_) = (Seq(1), at(8));
        let batch = Batch {
            seq,
            at: at_,
            records,
        };
        store.commit(&[batch]).unwrap();
        let history = store.history();
        let chosen = |reprocess| {
            let wish = Wish {
                reprocess,
                ..wish(1, 5)
            };
            let chosen = choose(&hourly(), &wish, at(9), Some(&history)).unwrap();
            let chosen = chosen.unwrap();
            let hours = chosen.instants.as_slice().to_vec();
            (hours, chosen.standing)
        };
        let hours = |hours: &[i64]| hours.iter().map(|hour| at(*hour)).collect::<Vec<_>>();
        assert_eq!(chosen(Reprocess::None), (hours(&[1, 4]), 2));
        assert_eq!(chosen(Reprocess::Failed), (hours(&[1, 3, 4]), 1));
        assert_eq!(chosen(Reprocess::All), (hours(&[1, 2, 3, 4]), 0));
    }
}
