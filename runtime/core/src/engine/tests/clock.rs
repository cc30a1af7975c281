//! Clocks that lie.

use std::collections::BTreeSet;

use jiff::SignedDuration;

use super::*;
use crate::{backoff, record::Span};

/// An engine of a binary that was built that morning.
fn built_today(now: Timestamp, recovery: Recovery, jobs: impl IntoIterator<Item = Job>) -> World {
    World::of(Engine::built(at("00:00:00")), now, recovery, jobs)
}

/// The job `a`, which is due every minute, was looked at then.
fn stored(watermark: Timestamp) -> Recovery {
    Recovery {
        next_run: 42,
        jobs: vec![StoredJob {
            job: name("a"),
            watermark,
            fingerprint: job("a").fingerprint(),
            removed_at: None,
            paused: None,
            failures: 0,
            health: JobHealth::default(),
        }],
        ..Recovery::default()
    }
}

fn year(year: i16) -> Timestamp {
    format!("{year}-01-01T00:00:00Z").parse().unwrap()
}

impl World {
    fn set_clock(&mut self, to: Timestamp) {
        let by = to.duration_since(self.now);
        self.now = to;
        self.event(Event::ClockJumped { by });
    }

    /// What the engine asks the store.
    fn asks(&mut self) -> Vec<Recall> {
        let ask = |effect: &Effect| match effect {
            Effect::Recall(recall) => Some(recall.clone()),
            _ => None,
        };
        self.effects.iter().filter_map(ask).collect()
    }

    /// The store answers that of each job this is there.
    fn answer(&mut self, recall: &Recall, ran: &[Timestamp], skips: &[Span]) {
        let jobs = recall.jobs.iter().map(|(job, watermark)| Remembered {
            job: job.clone(),
            watermark: *watermark,
            ran: ran.to_vec(),
            skips: skips.to_vec(),
        });
        self.event(Event::Recalled(Recalled {
            number: recall.number,
            after: recall.after,
            jobs: jobs.collect(),
        }));
    }

    fn watermark(&self, job: &str) -> Timestamp {
        self.engine.jobs[&name(job)].watermark
    }
}

#[test]
fn a_jump_is_recorded_and_what_passed_is_caught_up() {
    let mut world = World::fresh([job("a")]);
    let by = SignedDuration::from_mins(90);
    world.set_clock(at("07:30:00"));
    assert_eq!(world.records[0], Record::ClockJumped { by });
    let missed = (SkipReason::Missed, at("06:01:00"), at("07:29:00"), 89);
    assert_eq!(world.skips(), [missed]);
    assert_eq!(world.started(), [(1, 1)]);
}

#[test]
fn a_clock_that_goes_back_a_little_fires_nothing_again() {
    let mut world = World::fresh([job("a")]);
    world.wake("06:30:00");
    world.succeed(1, 1);
    world.take();
    world.set_clock(at("05:30:00"));
    let (records, effects) = world.take();
    assert_eq!((records.len(), effects), (1, vec![]));
    assert_eq!(world.engine.next_due().unwrap().0, at("06:31:00"));
    world.wake("06:30:00");
    assert_eq!(world.take().0, []);
}

#[test]
fn one_bad_boot_clock_does_not_silence_a_job_for_years() {
    let mut world = built_today(year(2036), stored(at("06:00:00")), [job("a")]);
    let missed = world.skips()[0];
    assert_eq!((missed.1, world.started()), (at("06:01:00"), vec![(42, 1)]));
    world.succeed(42, 1);
    world.take();

    world.set_clock(at("06:10:30"));
    let asks = world.asks();
    let expected = Recall {
        number: 1,
        after: at("06:10:30"),
        jobs: [(name("a"), year(2036))].into(),
    };
    assert_eq!(asks, [expected]);
    world.take();
    let skips = [Span {
        first: missed.1,
        last: missed.2,
        count: missed.3,
    }];
    world.answer(&asks[0], &[year(2036)], &skips);
    let (records, _) = world.take();
    let pulled_back = Record::WatermarkPulledBack {
        job: name("a"),
        from: year(2036),
        to: at("06:10:30"),
        ran: [year(2036)].into(),
        cuts: vec![Span {
            first: at("06:01:00"),
            last: at("06:10:00"),
            count: 10,
        }],
    };
    assert_eq!(records, [pulled_back]);
    world.wake("06:11:00");
    assert_eq!(world.started(), [(43, 1)]);
    world.succeed(43, 1);

    // Ten years later: what has a run does not run again, and is in no range.
    world.take();
    world.now = year(2036) + Duration::from_secs(30);
    world.event(Event::Woke);
    let skips = world.skips();
    let before = year(2036) - Duration::from_mins(1);
    assert_eq!(skips.len(), 1, "{skips:?}");
    assert_eq!(
        (skips[0].0, skips[0].2),
        (SkipReason::Missed, before - Duration::from_mins(1))
    );
    assert_eq!(world.started(), [(44, 1)], "the one before it");
    assert_eq!(world.watermark("a"), year(2036));
    assert!(world.engine.jobs[&name("a")].ran.is_empty());
}

#[test]
fn what_ran_parts_the_ranges_around_it() {
    let recovery = Recovery {
        ahead: [(name("a"), BTreeSet::from([at("06:02:00"), at("06:04:30")]))].into(),
        ..stored(at("06:00:00"))
    };
    let mut world = World::new("06:05:00", recovery, [job("a")]);
    let missed = |first, last, count| (SkipReason::Missed, at(first), at(last), count);
    let parts = [
        missed("06:01:00", "06:01:00", 1),
        // Half past is no instant of it now.
        missed("06:03:00", "06:04:00", 2),
    ];
    assert_eq!(world.skips(), parts);
    assert_eq!(world.started(), [(42, 1)]);
}

#[test]
fn a_range_does_not_go_on_over_what_ran() {
    let recovery = Recovery {
        ahead: [(name("a"), BTreeSet::from([at("06:03:00")]))].into(),
        ..stored(at("06:00:00"))
    };
    let mut world = World::new("06:01:00", recovery, [job("a")]);
    assert_eq!(world.started(), [(42, 1)]);
    for now in ["06:02:00", "06:03:00", "06:04:00", "06:05:00"] {
        world.wake(now);
    }
    let overlap = |first, last, count| (SkipReason::Overlap, at(first), at(last), count);
    let parts = [
        overlap("06:02:00", "06:02:00", 1),
        overlap("06:04:00", "06:04:00", 1),
        overlap("06:04:00", "06:05:00", 2),
    ];
    assert_eq!(world.skips(), parts);
}

#[test]
fn the_store_is_asked_when_it_has_everything() {
    let mut world = World::new("18:00:00", stored(at("06:00:00")), [job("a")]);
    world.flushes = false;
    world.take();
    world.set_clock(at("06:10:30"));
    assert_eq!(world.asks(), []);
    world.flush();
    assert_eq!(world.asks().len(), 1);
}

#[test]
fn only_the_answer_to_the_last_question_counts() {
    let mut world = World::new("18:00:00", stored(at("06:00:00")), [job("a")]);
    world.take();
    world.set_clock(at("06:10:30"));
    let old = world.asks().remove(0);
    // The clock is wrong once more, and comes to the same watermark.
    world.set_clock(at("18:00:00"));
    world.set_clock(at("06:10:40"));
    world.answer(&old, &[], &[]);
    assert_eq!(world.watermark("a"), at("18:00:00"));
    let last = world.asks().pop().unwrap();
    world.answer(&last, &[at("18:00:00")], &[]);
    assert_eq!(world.watermark("a"), at("06:10:40"));
}

#[test]
fn what_was_armed_when_the_store_was_asked_and_never_ran_is_due_again() {
    let mut world = World::new("18:00:00", stored(at("06:00:00")), [job("a")]);
    world.succeed(42, 1);
    world.engine.lead = Duration::from_secs(30);
    world.engine.schedule(&name("a"));
    world.wake("18:00:30");
    let armed = world.engine.jobs[&name("a")].ahead;
    assert_eq!(armed, Some(RunId(43)));
    world.set_clock(at("06:10:30"));
    let old = world.asks().remove(0);
    // It makes way, and the store may answer by what it knew before.
    world.trigger("a", 7);
    let withdrawn = Record::RunWithdrawn { run: RunId(43) };
    assert!(world.records.contains(&withdrawn), "{:?}", world.records);
    world.answer(&old, &[at("18:00:00"), at("18:01:00")], &[]);
    assert_eq!(world.watermark("a"), at("18:00:00"));
    let last = world.asks().pop().unwrap();
    world.answer(&last, &[at("18:00:00")], &[]);
    assert_eq!(world.watermark("a"), at("06:10:30"));
    let ran = &world.engine.jobs[&name("a")].ran;
    assert_eq!(*ran, BTreeSet::from([at("18:00:00")]));
}

#[test]
fn what_the_store_cannot_take_is_asked_again() {
    let mut world = World::new("18:00:00", stored(at("06:00:00")), [job("a")]);
    world.take();
    world.set_clock(at("06:10:30"));
    let first = world.asks().remove(0);
    world.event(Event::StoreFailed);
    world.answer(&first, &[], &[]);
    assert_eq!(world.watermark("a"), at("18:00:00"));
    world.take();
    world.event(Event::StoreRecovered);
    let again = world.asks().remove(0);
    world.answer(&again, &[], &[]);
    assert_eq!(world.watermark("a"), at("06:10:30"));
}

#[test]
fn what_is_an_hour_ahead_is_let_be() {
    let mut world = World::new("18:00:00", stored(at("06:00:00")), [job("a")]);
    world.set_clock(at("17:00:00"));
    assert_eq!(world.asks(), []);
    world.set_clock(at("16:59:59"));
    assert_eq!(world.asks().len(), 1);
}

#[test]
fn a_job_that_went_silent_speaks_when_it_is_put_back() {
    let mut world = World::new("18:00:00", stored(at("06:00:00")), [job("a")]);
    world.event(Event::PlanReplaced(plan([])));
    world.take();
    world.set_clock(at("06:10:30"));
    assert_eq!(world.asks(), [], "nobody misses it");
    world.event(Event::PlanReplaced(plan([job("a")])));
    let ask = world.asks().remove(0);
    world.answer(&ask, &[at("18:00:00")], &[]);
    assert_eq!(world.watermark("a"), at("06:10:30"));
}

#[test]
fn a_range_of_another_schedule_is_cut_by_its_share() {
    let range = Span {
        first: at("06:00:30"),
        last: at("07:00:30"),
        count: 61,
    };
    let mut world = World::new("18:00:00", stored(at("06:00:00")), [job("a")]);
    world.take();
    world.set_clock(at("06:30:30"));
    let ask = world.asks().remove(0);
    world.answer(&ask, &[], &[range]);
    let cut = Span {
        last: at("06:30:30"),
        count: 30,
        ..range
    };
    let found = world.records.iter().find_map(|record| match record {
        Record::WatermarkPulledBack { cuts, .. } => Some(cuts.clone()),
        _ => None,
    });
    assert_eq!(found, Some(vec![cut]));
}

/// The range has as many instants by the schedule of now as it had by the one before it, and others.
#[test]
fn a_range_from_before_the_job_was_accepted_is_cut_by_its_share() {
    let range = Span {
        first: at("06:00:00"),
        last: at("07:00:00"),
        count: 61,
    };
    let cut_to = |accepted: Timestamp| {
        let mut recovery = stored(at("06:00:00"));
        recovery.jobs[0].health.watched_since = accepted;
        let mut world = World::new("18:00:00", recovery, [job("a")]);
        world.take();
        world.set_clock(at("06:30:30"));
        let ask = world.asks().remove(0);
        world.answer(&ask, &[], &[range]);
        world.records.iter().find_map(|record| match record {
            Record::WatermarkPulledBack { cuts, .. } => Some((cuts[0].last, cuts[0].count)),
            _ => None,
        })
    };
    assert_eq!(cut_to(at("05:00:00")), Some((at("06:30:00"), 31)));
    assert_eq!(cut_to(at("08:00:00")), Some((at("06:30:30"), 31)));
}

#[test]
fn what_is_left_of_a_backoff_stays_when_the_clock_goes_back() {
    let retries = Job {
        retry: Retry {
            max: 1,
            delay: Duration::from_mins(1),
            ..job("a").retry
        },
        ..job("a")
    };
    let mut world = built_today(year(2036), stored(at("06:00:00")), [retries]);
    world.end(42, 1, failed());
    world.take();
    world.set_clock(at("06:10:30"));
    let told = Record::RunRetrying {
        run: RunId(42),
        until: at("06:11:30"),
    };
    assert!(world.records.contains(&told), "{:?}", world.records);
    world.wake("06:11:29");
    assert_eq!(world.started(), []);
    world.wake("06:11:30");
    assert_eq!(world.started(), [(42, 2)]);
}

/// The job `a`, a run of which waits for its backoff.
fn stored_retry(watermark: Timestamp, until: Timestamp) -> Recovery {
    let run = StoredRun {
        state: StoredState::Retrying { until },
        attempted: true,
        ..interrupted_run(0, watermark)
    };
    Recovery {
        runs: vec![run],
        ..stored(watermark)
    }
}

#[test]
fn no_backoff_is_longer_than_the_longest() {
    let recovery = stored_retry(at("06:00:00"), year(2036));
    let mut world = World::new("06:00:30", recovery, [job("a")]);
    assert_eq!(world.started(), [(41, 2)]);
    let week = at("06:00:30") + backoff::MAX_RETRY_AFTER;
    let recovery = stored_retry(at("06:00:00"), week);
    let mut world = World::new("06:00:30", recovery, [job("a")]);
    assert_eq!(world.started(), []);
}

#[test]
fn no_backoff_is_longer_than_the_longest_once_the_clock_is_set() {
    let recovery = stored_retry(at("06:00:00"), year(2036));
    let mut world = built_today(Timestamp::UNIX_EPOCH, recovery, [job("a")]);
    world.take();
    world.set_clock(at("06:00:30"));
    assert_eq!(world.started(), [(41, 2)]);
}

/// A job of the full hours, whose late runs are held back for up to ten minutes.
fn put_off() -> Job {
    let mut hourly = job_every(60);
    hourly.schedule.jitter = Duration::from_mins(10);
    hourly
}

#[test]
fn what_is_held_back_by_a_wrong_clock_does_not_wait_for_it() {
    let mut world = World::fresh([put_off()]);
    world.now = year(2036) + Duration::from_mins(30);
    world.event(Event::Woke);
    assert_eq!(world.started(), []);
    assert_eq!(world.engine.open_runs().count(), 1);
    world.set_clock(at("06:10:00"));
    assert_eq!(world.started(), [(1, 1)]);
}

#[test]
fn what_a_clock_that_went_back_a_little_holds_back_waits_for_its_jitter_at_most() {
    let mut world = World::fresh([put_off()]);
    world.wake("09:30:00");
    let until = world.engine.held_back.first().unwrap().0;
    assert!(until > at("09:30:01"));
    world.set_clock(at("09:29:55"));
    assert_eq!(world.started(), []);
    world.now = until;
    world.event(Event::Woke);
    assert_eq!(world.started(), [(1, 1)]);
}

#[test]
fn what_was_held_back_by_a_wrong_clock_arrives_after_a_restart_or_when_the_clock_is_set() {
    let held = || {
        let mut recovery = recovery(interrupted_run(0, at("06:00:00")));
        let run = &mut recovery.runs[0];
        run.state = StoredState::Queued;
        (run.attempted, run.last_attempt) = (false, 0);
        run.new = Arc::new(NewRun {
            not_before: Some(year(2036)),
            ..NewRun::clone(&run.new)
        });
        recovery
    };
    let mut world = World::new("06:00:30", held(), [put_off()]);
    assert_eq!(world.started(), [(41, 1)]);
    let mut world = built_today(Timestamp::UNIX_EPOCH, held(), [put_off()]);
    assert_eq!(world.started(), []);
    world.set_clock(at("06:00:30"));
    assert_eq!(world.started(), [(41, 1)]);
}

#[test]
fn who_waits_since_a_time_to_come_is_not_last_for_ever() {
    let wide = Job {
        overlap: Overlap::Allow,
        max_instances: NonZeroU32::new(1),
        ..job_every(60)
    };
    let mut world = World::of(
        Engine::new(),
        year(2036),
        Recovery::default(),
        [wide.clone()],
    );
    for request in 0..3 {
        world.trigger("a", request);
    }
    world.take();
    world.set_clock(at("06:10:00"));
    world.trigger("a", 3);
    world.succeed(0, 1);
    assert_eq!(world.started(), [(1, 1)]);

    // So it is for a daemon that finds him waiting.
    let mut waits = stored_retry(year(2036), year(2036));
    let run = &mut waits.runs[0];
    run.state = StoredState::Queued;
    run.new = Arc::new(NewRun {
        queued_at: year(2036),
        cause: Cause::Manual(RequestId(1)),
        ..NewRun::clone(&run.new)
    });
    let other = StoredRun {
        new: Arc::new(NewRun {
            run: RunId(40),
            cause: Cause::Manual(RequestId(0)),
            ..NewRun::clone(&run.new)
        }),
        ..run.clone()
    };
    waits.runs.insert(0, other);
    let mut world = World::new("06:10:00", waits, [wide]);
    assert_eq!(world.started(), [(40, 2)]);
    world.wake("06:11:00");
    world.trigger("a", 3);
    world.succeed(40, 2);
    assert_eq!(world.started(), [(41, 2)]);
}

#[test]
fn nothing_is_due_before_the_clock_is_set() {
    let now = Timestamp::UNIX_EPOCH + Duration::from_mins(5);
    let other = stored(at("06:00:00"));
    let mut world = built_today(now, other, [job("a"), job("b")]);
    let accepted = |watermark, fingerprint| Record::JobAccepted {
        job: name("b"),
        watermark,
        fingerprint,
    };
    assert!(world.records.contains(&accepted(now, String::new())));
    assert_eq!(world.effects, [Effect::WakeAt(at("00:00:00"))]);
    assert_eq!(world.engine.next_due(), None);
    assert!(!world.engine.believes_the_clock());
    world.take();

    // An hour goes by. What people ask for runs, and is retried.
    world.now = now + Duration::from_hours(1);
    world.event(Event::Woke);
    assert_eq!(world.take(), (vec![], vec![Effect::WakeAt(at("00:00:00"))]));
    world.trigger("b", 7);
    assert_eq!(world.started(), [(42, 1)]);
    world.succeed(42, 1);

    // `a` was down all the time; `b` is new.
    world.take();
    world.set_clock(at("06:10:30"));
    let fingerprint = job("b").fingerprint();
    assert!(
        world
            .records
            .contains(&accepted(at("06:10:30"), fingerprint))
    );
    let missed = (SkipReason::Missed, at("06:01:00"), at("06:09:00"), 9);
    assert_eq!(world.skips(), [missed]);
    assert_eq!(world.started(), [(43, 1)]);
}

#[test]
fn a_job_that_is_resumed_before_the_clock_is_set_catches_up_with_nothing() {
    let paused = |world: &mut World, event: fn(PauseRequest) -> Event| {
        world.event(event(PauseRequest {
            id: RequestId(7),
            jobs: Jobs::All,
            actor: None,
        }));
    };
    let mut world = built_today(at("06:00:00"), stored(at("06:00:00")), [job("a")]);
    paused(&mut world, Event::PauseRequested);
    world.set_clock(Timestamp::UNIX_EPOCH);
    paused(&mut world, Event::ResumeRequested);
    world.take();
    world.set_clock(at("06:10:30"));
    assert_eq!((world.skips(), world.started()), (vec![], vec![]));
    assert_eq!(world.watermark("a"), at("06:10:30"));
}

#[test]
fn what_was_accepted_before_the_clock_was_set_is_accepted_by_the_next_daemon() {
    let mut recovery = stored(Timestamp::UNIX_EPOCH);
    recovery.jobs[0].fingerprint = String::new();
    let mut world = built_today(at("06:10:30"), recovery, [job("a")]);
    assert_eq!(world.watermark("a"), at("06:10:30"));
    assert_eq!(world.started(), []);
}

#[test]
fn a_change_before_the_clock_is_set_does_not_lose_what_is_accounted_for() {
    let changed = Job {
        schedule: job_every(7).schedule,
        ..job("a")
    };
    let now = Timestamp::UNIX_EPOCH + Duration::from_mins(5);
    let mut world = built_today(now, stored(at("06:00:00")), [changed]);
    world.take();
    // It is believed, and still behind.
    world.set_clock(at("05:30:00"));
    assert_eq!(world.watermark("a"), at("06:00:00"));
}

/// A job that is due at no time.
fn by_hand(text: &str) -> Job {
    Job {
        schedule: Schedule::default(),
        ..job(text)
    }
}

/// A world in which one attempt runs at a time.
fn one_at_a_time(now: Timestamp, jobs: impl IntoIterator<Item = Job>) -> World {
    let mut world = built_today(now, Recovery::default(), []);
    let mut plan = Plan::clone(&plan(jobs));
    plan.settings.max_concurrent_runs = NonZeroU32::MIN;
    world.event(Event::PlanReplaced(Arc::new(plan)));
    world.take();
    world
}

#[test]
fn who_waits_since_a_time_to_come_is_not_behind_who_comes_later() {
    let mut world = one_at_a_time(year(2036), ["a", "b", "c"].map(by_hand));
    world.trigger("a", 1);
    world.trigger("b", 2);
    assert_eq!(world.started(), [(0, 1)]);
    world.set_clock(at("06:00:00"));
    let told = Record::TimesPulledBack { to: at("06:00:00") };
    assert!(world.records.contains(&told), "{:?}", world.records);
    world.now = at("06:00:01");
    world.trigger("c", 3);
    world.succeed(0, 1);
    assert_eq!(world.started(), [(1, 1)], "it came first");
    world.take();
    world.set_clock(at("05:59:00"));
    let again = |record: &Record| matches!(record, Record::TimesPulledBack { .. });
    assert!(!world.records.iter().any(again), "nothing is far ahead");
}

#[test]
fn a_retry_that_waits_since_a_time_to_come_is_not_behind_who_comes_later() {
    let tried = Job {
        retry: Retry {
            max: 1,
            ..by_hand("a").retry
        },
        ..by_hand("a")
    };
    let mut world = one_at_a_time(year(2036), [tried, by_hand("b"), by_hand("c")]);
    world.trigger("a", 1);
    world.end(0, 1, failed());
    world.trigger("b", 2);
    world.now += Duration::from_secs(5);
    world.event(Event::Woke);
    assert_eq!(
        world.started(),
        [(0, 1), (1, 1)],
        "its backoff is over, and b runs"
    );
    world.set_clock(at("06:00:00"));
    world.now = at("06:00:01");
    world.trigger("c", 3);
    world.succeed(1, 1);
    assert_eq!(world.started(), [(0, 2)]);
}

#[test]
fn who_is_held_back_until_a_time_to_come_arrives_now() {
    let mut jittered = job_every(10);
    jittered.schedule.jitter = Duration::from_mins(5);
    let mut recovery = stored(at("06:00:00"));
    recovery.jobs[0].fingerprint = jittered.fingerprint();
    let late = year(2036) + Duration::from_mins(9);
    let mut world = built_today(late, recovery, [jittered]);
    let held = world.engine.open_runs().next().unwrap();
    assert!(held.new.not_before.is_some(), "{held:?}");
    world.set_clock(at("06:10:30"));
    world.event(Event::Woke);
    assert_eq!(world.started(), [(42, 1)]);
}

#[test]
fn a_success_that_was_noted_in_years_to_come_keeps_no_job_from_being_overdue() {
    let watched = Job {
        overdue_after: Some(Duration::from_mins(3)),
        ..by_hand("a")
    };
    let overdue = |world: &World| {
        let overdue = world.engine.ailing().filter_map(|ailing| ailing.overdue);
        overdue.collect::<Vec<_>>()
    };
    let mut world = built_today(at("06:00:00"), Recovery::default(), [watched]);
    world.set_clock(year(2036));
    assert_eq!(overdue(&world), [at("06:00:00")]);
    world.set_clock(at("06:01:00"));
    assert_eq!(overdue(&world), [], "only by a wrong clock");

    world.set_clock(year(2036));
    world.trigger("a", 1);
    world.succeed(0, 1);
    world.set_clock(at("06:02:00"));
    assert_eq!(overdue(&world), []);
    world.wake("06:05:00");
    assert_eq!(overdue(&world), [at("06:02:00")]);
}

#[test]
fn what_was_removed_in_years_to_come_is_gone_within_the_hour() {
    let mut world = built_today(year(2036), Recovery::default(), [by_hand("a")]);
    world.event(Event::PauseRequested(PauseRequest {
        id: RequestId(7),
        jobs: Jobs::All,
        actor: None,
    }));
    world.event(Event::PlanReplaced(plan([])));
    world.set_clock(at("06:00:00"));
    world.wake("07:00:00");
    world.event(Event::PlanReplaced(plan([by_hand("a")])));
    assert_eq!(world.engine.paused_jobs().count(), 0, "it is a new job");
}

/// Every so many minutes.
fn job_every(minutes: u64) -> Job {
    let every = Every::new(Duration::from_mins(minutes), Duration::ZERO).unwrap();
    Job {
        schedule: Trigger::Every(every).into(),
        ..job("a")
    }
}

#[test]
fn a_clock_that_was_set_back_undoes_nothing() {
    let mut world = World::fresh([job("a")]);
    world.wake("06:01:00");
    world.succeed(1, 1);
    world.take();
    world.now = at("06:00:30");
    let mut often = job("a");
    let half = Every::new(Duration::from_secs(30), Duration::ZERO).unwrap();
    often.schedule = Trigger::Every(half).into();
    world.event(Event::PlanReplaced(plan([often])));
    world.wake("06:01:00");
    assert_eq!(world.started(), [], "06:01 has its run");
    world.wake("06:01:30");
    assert_eq!(world.started(), [(2, 1)]);
}

#[test]
fn a_retry_that_is_withdrawn_waits_for_no_time_that_is_still_to_come() {
    let mut world = World::new(
        "06:00:30",
        stored_retry(at("06:00:00"), at("06:00:40")),
        [job("a")],
    );
    world.flushes = false;
    world.wake("06:00:45");
    world.set_clock(at("05:30:00"));
    world.take();
    world.event(Event::ShutdownRequested);
    let again = Record::RunRetrying {
        run: RunId(41),
        until: at("05:30:00"),
    };
    assert!(world.records.contains(&again), "{:?}", world.records);
}
