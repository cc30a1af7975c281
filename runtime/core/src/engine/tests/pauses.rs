//! Jobs that are paused or disabled: what begins, what ends, what goes on.

use super::*;
use crate::pause::{PauseReason, Paused};

const SKIPPED: RunEnd = RunEnd::Skipped(SkipReason::Disabled);
const FAILED: RunEnd = RunEnd::Failed(FailReason::Error);

fn ask(jobs: Jobs) -> PauseRequest {
    PauseRequest {
        id: RequestId(7),
        jobs,
        actor: Some("ada".into()),
    }
}

impl World {
    fn pause(&mut self, job: &str) {
        let request = ask(Jobs::One(name(job)));
        self.event(Event::PauseRequested(request));
    }

    fn resume(&mut self, job: &str) {
        let request = ask(Jobs::One(name(job)));
        self.event(Event::ResumeRequested(request));
    }

    /// What was answered since the last look.
    fn answers(&mut self) -> Vec<Answer> {
        let (_, effects) = self.take();
        let answer = |effect: &Effect| match effect {
            Effect::Reply { answer, .. } => Some(*answer),
            _ => None,
        };
        effects.iter().filter_map(answer).collect()
    }

    fn paused(&self) -> Vec<(String, String)> {
        let paused = self.engine.paused_jobs();
        paused
            .map(|(job, paused)| (job.to_string(), paused.why.to_string()))
            .collect()
    }

    /// How many failures were counted, one record after the other.
    fn counts(&self) -> Vec<u32> {
        let count = |record: &Record| match record {
            Record::FailuresCounted { failures, .. } => Some(*failures),
            _ => None,
        };
        self.records.iter().filter_map(count).collect()
    }
}

fn one(jobs: usize, already: usize) -> (Answer, Answer) {
    (
        Answer::Paused { jobs, already },
        Answer::Resumed { jobs, already },
    )
}

#[test]
fn a_paused_job_is_not_due_and_a_resumed_one_never_catches_up() {
    let mut all = job("a");
    all.catch_up.mode = CatchUpMode::All;
    let mut world = World::fresh([all]);
    world.wake("06:00:30");
    world.pause("a");
    assert_eq!(world.paused(), [("a".to_owned(), "by ada".to_owned())]);
    assert_eq!(world.engine.next_due(), None);
    assert_eq!(world.answers(), [one(1, 0).0]);
    world.wake("06:10:30");
    assert_eq!(
        world.take(),
        (vec![], vec![]),
        "nothing is due, nothing is wished"
    );
    world.resume("a");
    assert!(world.records.contains(&Record::JobResumed {
        job: name("a"),
        watermark: at("06:10:30"),
        actor: Some("ada".into()),
    }));
    assert_eq!(world.skips(), []);
    assert_eq!(world.engine.next_due(), Some((at("06:11:00"), &name("a"))));
    assert_eq!(world.answers(), [one(1, 0).1]);
}

#[test]
fn who_asks_twice_is_told_so() {
    let mut world = World::fresh([job("a"), job("b")]);
    world.resume("a");
    assert_eq!(world.answers(), [one(0, 1).1]);
    world.pause("a");
    world.take();
    world.pause("a");
    assert!(world.records.is_empty());
    assert_eq!(world.answers(), [one(0, 1).0]);
    let all = ask(Jobs::All);
    world.event(Event::PauseRequested(all.clone()));
    assert_eq!(world.answers(), [one(1, 1).0]);
    world.event(Event::ResumeRequested(all));
    assert_eq!(world.answers(), [one(2, 0).1]);
    world.pause("c");
    assert_eq!(world.answers(), [Answer::NoSuchJob]);
}

#[test]
fn an_answer_waits_for_what_an_earlier_request_did() {
    let mut world = World::fresh([job("a")]);
    world.flushes = false;
    world.pause("a");
    world.pause("a");
    assert_eq!(world.answers(), []);
    world.flush();
    assert_eq!(world.answers(), [one(1, 0).0, one(0, 1).0]);
}

#[test]
fn nobody_can_ask_while_the_store_fails_or_the_daemon_stops() {
    let mut world = World::fresh([job("a")]);
    world.event(Event::StoreFailed);
    world.pause("a");
    assert_eq!(world.answers(), [Answer::StoreFailed]);
    world.event(Event::StoreRecovered);
    world.event(Event::ShutdownRequested);
    world.resume("a");
    assert_eq!(world.answers(), [Answer::Stopping]);
    assert_eq!(world.paused(), []);
}

#[test]
fn what_waits_ends_and_what_had_an_attempt_finishes() {
    let mut wide = job("a");
    wide.overlap = Overlap::Allow;
    wide.max_instances = NonZeroU32::new(1);
    wide.retry.max = 1;
    let mut world = World::fresh([wide]);
    world.wake("06:01:00");
    world.wake("06:02:00");
    world.trigger("a", 1);
    world.end(1, 1, failed());
    // Run 1 waits for its backoff, and run 2 has taken its place.
    assert_eq!(world.started(), [(1, 1), (2, 1)]);
    world.wake("06:03:00");
    world.take();
    world.pause("a");
    // Run 3 is a person's, run 4 was the trigger's.
    assert_eq!(world.ends(), [(4, SKIPPED)]);
    world.take();
    world.succeed(2, 1);
    assert_eq!(world.started().len(), 1);
    world.wake("06:03:05");
    world.succeed(3, 1);
    world.succeed(1, 2);
    assert_eq!(world.engine.open_runs().count(), 0);
}

#[test]
fn an_attempt_that_was_about_to_start_is_withdrawn() {
    let mut world = World::fresh([job("a")]);
    world.flushes = false;
    world.wake("06:01:00");
    world.pause("a");
    assert!(world.records.contains(&Record::AttemptDisarmed {
        run: RunId(1),
        attempt: 1,
    }));
    assert_eq!(world.ends(), [(1, SKIPPED)]);
    world.flush();
    assert_eq!(world.started(), []);
}

#[test]
fn what_was_due_before_the_pause_is_accounted_for() {
    let mut world = World::fresh([job("a")]);
    world.now = at("06:03:30");
    world.pause("a");
    assert_eq!(
        world.skips(),
        [(SkipReason::Missed, at("06:01:00"), at("06:02:00"), 2)]
    );
    assert_eq!(world.ends(), [(1, SKIPPED)]);
}

#[test]
fn a_person_may_run_what_is_paused() {
    let mut world = World::fresh([job("a")]);
    world.pause("a");
    world.take();
    world.trigger("a", 1);
    assert_eq!(world.started(), [(1, 1)]);
}

#[test]
fn a_range_of_skips_does_not_go_on_over_a_pause() {
    let mut world = World::fresh([job("a")]);
    world.wake("06:01:00");
    world.wake("06:02:00");
    world.pause("a");
    world.resume("a");
    world.take();
    world.wake("06:03:00");
    assert_eq!(
        world.skips(),
        [(SkipReason::Overlap, at("06:03:00"), at("06:03:00"), 1)]
    );
}

#[test]
fn enabling_never_catches_up_and_disabling_ends_what_waits() {
    let mut queue = job("a");
    queue.overlap = Overlap::QueueOne;
    let off = Job {
        enabled: false,
        ..queue.clone()
    };
    let mut world = World::fresh([queue.clone()]);
    world.wake("06:01:00");
    world.wake("06:02:00");
    world.take();
    world.event(Event::PlanReplaced(plan([off])));
    assert_eq!(world.ends(), [(2, SKIPPED)]);
    assert_eq!(world.engine.next_due(), None);
    world.take();
    world.wake("06:09:30");
    world.event(Event::PlanReplaced(plan([queue])));
    assert_eq!(world.skips(), []);
    assert_eq!(world.engine.next_due(), Some((at("06:10:00"), &name("a"))));
}

#[test]
fn a_pause_survives_a_restart_and_a_disabled_job_has_nothing_waiting_after_one() {
    let mut stored = recovery(interrupted_run(0, at("06:00:00")));
    stored.jobs[0].paused = Some(Paused {
        since: at("05:00:00"),
        why: PauseReason::Failures(3),
    });
    let mut world = World::new("06:10:00", stored, [job("a")]);
    assert_eq!(
        world.paused(),
        [("a".to_owned(), "after 3 failed runs in a row".to_owned())]
    );
    assert_eq!(world.engine.next_due(), None);
    world.wake("06:10:05");
    assert_eq!(world.started(), [(41, 2)], "its retry goes on");

    let mut waiting = interrupted_run(0, at("06:00:00"));
    waiting.state = StoredState::Queued;
    waiting.attempted = false;
    waiting.last_attempt = 0;
    let off = Job {
        enabled: false,
        ..job("a")
    };
    let world = World::new("06:10:00", recovery(waiting), [off]);
    assert_eq!(world.ends(), [(41, SKIPPED)]);
}

#[test]
fn a_job_put_back_keeps_its_pause_for_an_hour() {
    for (back, kept) in [("06:50:00", true), ("07:20:00", false)] {
        let mut world = World::fresh([job("a")]);
        world.pause("a");
        world.wake("06:10:00");
        world.event(Event::PlanReplaced(plan([])));
        assert_eq!(world.paused(), []);
        world.now = at(back);
        world.take();
        world.event(Event::PlanReplaced(plan([job("a")])));
        assert_eq!(world.paused().len(), usize::from(kept), "{back}");
        assert_eq!(world.engine.next_due().is_none(), kept);
        let resumed = |record: &Record| matches!(record, Record::JobResumed { .. });
        assert_eq!(world.records.iter().any(resumed), !kept);
    }
}

/// Fails twice in a row, and is paused.
fn fragile() -> Job {
    Job {
        disable_after: NonZeroU32::new(2),
        ..job("a")
    }
}

#[test]
fn so_many_failures_in_a_row_pause_a_job() {
    let mut world = World::fresh([fragile()]);
    world.wake("06:01:00");
    world.end(1, 1, failed());
    world.wake("06:02:00");
    world.succeed(2, 1);
    world.wake("06:03:00");
    world.end(3, 1, failed());
    world.wake("06:04:00");
    assert_eq!(world.counts(), [1, 0, 1]);
    world.trigger("a", 1);
    world.take();
    world.end(4, 1, failed());
    assert!(world.records.contains(&Record::JobPaused {
        job: name("a"),
        why: PauseReason::Failures(2),
    }));
    assert_eq!(world.engine.next_due(), None);
    world.resume("a");
    world.take();
    world.wake("06:05:00");
    world.end(6, 1, failed());
    assert_eq!(world.counts(), [1], "a resume forgets them");
}

#[test]
fn the_failure_that_pauses_a_job_ends_what_waits_behind_it() {
    let mut queue = fragile();
    queue.disable_after = NonZeroU32::new(1);
    queue.overlap = Overlap::QueueOne;
    let mut world = World::fresh([queue]);
    world.wake("06:01:00");
    world.wake("06:02:00");
    world.take();
    world.end(1, 1, failed());
    assert_eq!(world.ends(), [(1, FAILED), (2, SKIPPED)]);
}

#[test]
fn neither_what_a_person_asked_for_counts_nor_a_cancel() {
    let mut world = World::fresh([fragile()]);
    world.trigger("a", 1);
    world.end(1, 1, failed());
    world.wake("06:01:00");
    world.end(2, 1, failed());
    world.wake("06:02:00");
    world.cancel(3, false);
    world.end(3, 1, Verdict::Stopped);
    world.trigger("a", 2);
    world.succeed(4, 1);
    assert_eq!(world.counts(), [1]);
    world.wake("06:03:00");
    world.end(5, 1, failed());
    assert_eq!(world.paused().len(), 1);
}

#[test]
fn a_critical_job_is_never_paused_by_its_failures() {
    let vital = Job {
        critical: true,
        ..fragile()
    };
    let mut world = World::fresh([vital]);
    for (run, now) in [(1, "06:01:00"), (2, "06:02:00"), (3, "06:03:00")] {
        world.wake(now);
        world.end(run, 1, failed());
    }
    assert!(world.counts().is_empty());
    assert_eq!(world.paused(), []);
}

#[test]
fn the_count_survives_a_restart() {
    let mut stored = recovery(interrupted_run(1, at("06:00:00")));
    stored.jobs[0].failures = 1;
    let world = World::new("06:00:30", stored, [fragile()]);
    assert_eq!(world.ends(), [(41, RunEnd::Failed(FailReason::Crash))]);
    assert_eq!(world.paused().len(), 1);
}
