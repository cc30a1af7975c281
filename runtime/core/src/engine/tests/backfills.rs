//! Backfills: a lane of their own.

use super::*;
use crate::{
    after::{After, On},
    backfill::{Instants, MAX_CONCURRENT, MAX_OPEN, NewBackfill, Tally},
    record::StoredBackfill,
    run::BackfillEnd,
};

/// The job has not been due yet, and will not be for a while.
const LATER: &str = "06:00:00";

fn hours(hours: std::ops::RangeInclusive<u8>) -> Instants {
    let instants = hours.map(|hour| at(&format!("0{hour}:00:00")));
    Instants::new(instants.collect()).unwrap()
}

fn request(id: u64, instants: Instants, max_concurrent: u32, reverse: bool) -> Event {
    Event::BackfillRequested(BackfillRequest {
        id: RequestId(id),
        job: name("a"),
        instants,
        max_concurrent: NonZeroU32::new(max_concurrent).unwrap(),
        reverse,
        actor: None,
    })
}

fn stop(id: u64) -> Event {
    Event::BackfillStopRequested(BackfillStopRequest {
        id: RequestId(id),
        job: name("a"),
        actor: Some("ada".into()),
    })
}

impl World {
    /// The nominal times of the runs that were made since the last look.
    fn nominals(&mut self) -> Vec<Timestamp> {
        let (records, _) = self.take();
        let nominal = |record: &Record| match record {
            Record::RunQueued(new) => Some(new.nominal),
            _ => None,
        };
        records.iter().filter_map(nominal).collect()
    }

    fn replies(&self) -> Vec<Answer> {
        let answer = |effect: &Effect| match effect {
            Effect::Reply { answer, .. } => Some(*answer),
            _ => None,
        };
        self.effects.iter().filter_map(answer).collect()
    }

    fn backfill_ends(&self) -> Vec<(u64, BackfillEnd)> {
        let end = |record: &Record| match record {
            Record::BackfillEnded { id, how } => Some((id.0, *how)),
            _ => None,
        };
        self.records.iter().filter_map(end).collect()
    }
}

#[test]
fn one_run_follows_another_oldest_first() {
    let mut world = World::fresh([job("a")]);
    world.event(request(7, hours(1..=3), 1, false));
    assert_eq!(world.replies(), [Answer::BackfillCreated]);
    assert_eq!(world.nominals(), [at("01:00:00")]);
    world.succeed(1, 1);
    assert_eq!(world.nominals(), [at("02:00:00")]);
    world.end(2, 1, failed());
    assert_eq!(world.nominals(), [at("03:00:00")]);
    world.succeed(3, 1);
    let tally = Tally {
        succeeded: 2,
        failed: 1,
        ..Tally::default()
    };
    let moved = Record::BackfillMoved {
        id: RequestId(7),
        made: 3,
        tally,
    };
    assert!(world.records.contains(&moved), "{:?}", world.records);
    assert_eq!(world.backfill_ends(), [(7, BackfillEnd::Done)]);
}

#[test]
fn as_many_as_asked_for_run_at_one_time_newest_first() {
    let mut world = World::fresh([job("a")]);
    world.event(request(7, hours(1..=5), 2, true));
    assert_eq!(world.nominals(), [at("05:00:00"), at("04:00:00")]);
    world.succeed(2, 1);
    assert_eq!(world.nominals(), [at("03:00:00")]);
}

#[test]
fn no_backfill_has_more_runs_open_than_one_may() {
    let second = |n: i64| at("01:00:00") + Duration::from_secs(n.unsigned_abs());
    let many = (0..1_200).map(second).collect();
    let mut world = World::fresh([job("a")]);
    let most = usize::try_from(MAX_CONCURRENT.get()).unwrap();
    world.event(request(7, Instants::new(many).unwrap(), u32::MAX, false));
    let mut made = world.nominals().len();
    while made < most {
        world.wake("06:00:00");
        let more = world.nominals().len();
        assert!(more > 0, "{made} of {most}");
        made += more;
    }
    world.wake("06:00:00");
    assert_eq!((made, world.nominals().len()), (most, 0));
}

#[test]
fn overlap_knows_nothing_of_it() {
    for overlap in [
        Overlap::Skip,
        Overlap::QueueOne,
        Overlap::CancelRunning { kill: true },
    ] {
        let jobs = [Job {
            overlap,
            ..job("a")
        }];
        let mut world = World::fresh(jobs);
        world.event(request(7, hours(1..=2), 1, false));
        world.take();
        world.wake("06:01:00");
        assert_eq!(world.ends(), [], "{overlap:?}");
        assert_eq!(world.started(), [(2, 1)], "{overlap:?}");
        // Nor does it meet what runs.
        world.succeed(1, 1);
        assert_eq!(world.started(), [(3, 1)], "{overlap:?}");
    }
}

#[test]
fn caps_hold_for_it_too() {
    let jobs = [Job {
        max_instances: Some(NonZeroU32::MIN),
        overlap: Overlap::Allow,
        ..job("a")
    }];
    let mut world = World::fresh(jobs);
    world.event(request(7, hours(1..=3), 3, false));
    assert_eq!(world.started(), [(1, 1)]);
    world.wake("06:01:00");
    assert_eq!(world.started(), []);
    world.succeed(1, 1);
    assert_eq!(world.started(), [(2, 1)]);
}

#[test]
fn an_old_instant_is_not_too_old_and_moves_no_watermark() {
    let mut world = World::fresh([job("a")]);
    let long_ago = "2001-01-01T00:00:00Z".parse().unwrap();
    world.event(request(7, Instants::new(vec![long_ago]).unwrap(), 1, false));
    let watermark = |record: &Record| matches!(record, Record::Watermark { .. });
    assert!(!world.records.iter().any(watermark));
    assert_eq!(world.started(), [(1, 1)]);
}

#[test]
fn a_stop_ends_what_waits_and_leaves_what_runs() {
    let jobs = [Job {
        max_instances: Some(NonZeroU32::MIN),
        ..job("a")
    }];
    let mut world = World::fresh(jobs);
    world.event(request(7, hours(1..=5), 2, false));
    world.event(request(8, hours(1..=5), 2, false));
    world.take();
    world.event(stop(9));
    assert_eq!(
        world.replies(),
        [Answer::BackfillsStopped(BackfillsStopped {
            stopped: 2,
            already: 0,
            cancelled: 3,
            running: 1,
        })],
        "{:?}",
        world.records
    );
    let waited = [2, 3, 4].map(|run| (run, RunEnd::Cancelled));
    assert_eq!(world.ends(), waited);
    assert_eq!(world.backfill_ends(), [(8, BackfillEnd::Stopped)]);
    world.take();
    world.succeed(1, 1);
    assert_eq!(world.backfill_ends(), [(7, BackfillEnd::Stopped)]);
    assert_eq!(world.nominals(), []);
    world.event(stop(10));
    assert_eq!(world.replies(), [Answer::NotOpen]);
}

#[test]
fn a_second_stop_ends_what_is_retried() {
    let jobs = [Job {
        retry: Retry {
            max: 3,
            ..job("a").retry
        },
        ..job("a")
    }];
    let mut world = World::fresh(jobs);
    world.event(request(7, hours(1..=5), 1, false));
    world.event(stop(8));
    world.take();
    // Its guest still runs, so there is nothing to write.
    world.event(stop(9));
    let nothing_new = BackfillsStopped {
        already: 1,
        running: 1,
        ..BackfillsStopped::default()
    };
    assert_eq!(world.replies(), [Answer::BackfillsStopped(nothing_new)]);
    world.end(1, 1, failed());
    world.take();
    world.event(stop(10));
    let retry_cancelled = BackfillsStopped {
        already: 1,
        cancelled: 1,
        ..BackfillsStopped::default()
    };
    assert_eq!(world.replies(), [Answer::BackfillsStopped(retry_cancelled)]);
    assert_eq!(world.ends(), [(1, RunEnd::Cancelled)]);
    assert_eq!(world.backfill_ends(), [(7, BackfillEnd::Stopped)]);
}

#[test]
fn a_backfill_starts_no_job_that_comes_after() {
    let dependent = Job {
        schedule: Schedule::default(),
        after: Some(After {
            job: name("a"),
            on: On::End,
        }),
        ..job("b")
    };
    let mut world = World::fresh([job("a"), dependent]);
    world.event(request(7, hours(1..=2), 1, false));
    world.take();
    world.succeed(1, 1);
    assert_eq!(world.nominals(), [at("02:00:00")], "the next of it alone");
    // What somebody asks for does.
    world.trigger("a", 8);
    world.take();
    world.succeed(3, 1);
    let (records, _) = world.take();
    let caused = |record: &Record| matches!(record, Record::RunQueued(new) if new.cause == Cause::After(RunId(3)));
    assert!(records.iter().any(caused), "{records:?}");
}

#[test]
fn a_removed_job_drops_what_waits_for_a_place() {
    let jobs = [Job {
        max_instances: Some(NonZeroU32::MIN),
        ..job("a")
    }];
    let mut world = World::fresh(jobs);
    world.event(request(7, hours(1..=5), 2, false));
    world.take();
    world.event(Event::PlanReplaced(plan([])));
    let removed = RunEnd::Skipped(SkipReason::Removed);
    assert_eq!(world.ends(), [(2, removed)]);
}

#[test]
fn a_removed_job_drops_the_rest() {
    let mut world = World::fresh([job("a")]);
    world.event(request(7, hours(1..=5), 1, false));
    world.take();
    world.event(Event::PlanReplaced(plan([])));
    assert_eq!(world.backfill_ends(), []);
    world.event(Event::PlanReplaced(plan([job("a")])));
    world.succeed(1, 1);
    assert_eq!(world.backfill_ends(), [(7, BackfillEnd::Removed)]);
    assert_eq!(world.nominals(), []);
}

#[test]
fn a_restart_goes_on_where_the_last_engine_was() {
    let new = NewBackfill {
        id: RequestId(7),
        job: name("a"),
        instants: hours(1..=4),
        max_concurrent: NonZeroU32::MIN,
        reverse: false,
        actor: Some("ada".into()),
        created_at: at(LATER),
    };
    let stored = |stopped| StoredBackfill {
        new: Arc::new(new.clone()),
        made: 2,
        tally: Tally {
            succeeded: 2,
            ..Tally::default()
        },
        stopped,
    };
    let recovered = |stopped| Recovery {
        next_run: 3,
        backfills: vec![stored(stopped)],
        ..Recovery::default()
    };
    let mut world = World::new(LATER, recovered(None), [job("a")]);
    assert_eq!(world.nominals(), [at("03:00:00")]);
    let mut world = World::new(LATER, recovered(None), []);
    assert_eq!(world.backfill_ends(), [(7, BackfillEnd::Removed)]);
    assert_eq!(world.nominals(), []);
    let stopped = recovered(Some(BackfillEnd::Stopped));
    let mut world = World::new(LATER, stopped, [job("a")]);
    assert_eq!(world.backfill_ends(), [(7, BackfillEnd::Stopped)]);
    assert_eq!(world.nominals(), []);
}

#[test]
fn backfills_are_not_without_number() {
    let mut world = World::fresh([job("a")]);
    for id in 0..=MAX_OPEN {
        world.event(request(id as u64, hours(1..=2), 1, false));
    }
    let mut answers = world.replies();
    assert_eq!(answers.pop(), Some(Answer::TooManyBackfills));
    assert_eq!(answers, [Answer::BackfillCreated; MAX_OPEN]);
    let none = Instants::default();
    let mut world = World::fresh([job("a")]);
    world.event(request(1, none, 1, false));
    assert_eq!(world.backfill_ends(), [(1, BackfillEnd::Done)]);
}
