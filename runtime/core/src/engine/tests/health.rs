//! Stories of jobs that do not go well.

use super::*;

/// Every minute, overdue after three minutes without a success.
fn watched(text: &str) -> Job {
    Job {
        overdue_after: Some(Duration::from_mins(3)),
        ..job(text)
    }
}

fn critical(text: &str) -> Job {
    Job {
        critical: true,
        ..job(text)
    }
}

impl World {
    /// Since when nothing has succeeded of each job that is said to be overdue, none where one is so no
    /// more.
    fn overdue(&mut self) -> Vec<Option<Timestamp>> {
        let records = self.take().0.into_iter();
        records
            .filter_map(|record| match record {
                Record::JobOverdue { since, .. } => Some(Some(since)),
                Record::JobNotOverdue { .. } => Some(None),
                _ => None,
            })
            .collect()
    }

    /// The runs that critical jobs fail with.
    fn failing(&self) -> Vec<RunId> {
        let failing = self.engine.ailing().filter_map(|ailing| ailing.failing);
        failing.map(|failing| failing.run).collect()
    }

    fn replace(&mut self, jobs: impl IntoIterator<Item = Job>) {
        self.event(Event::PlanReplaced(plan(jobs)));
    }
}

/// An engine that was started a minute and a half after the one that stored this.
fn restarted(health: JobHealth, job: Job) -> World {
    let recovery = Recovery {
        next_run: 42,
        jobs: vec![StoredJob {
            job: job.name.clone(),
            watermark: at("06:00:00"),
            fingerprint: job.fingerprint(),
            removed_at: None,
            paused: None,
            failures: 0,
            health,
        }],
        ..Recovery::default()
    };
    World::new("06:01:30", recovery, [job])
}

#[test]
fn a_job_is_overdue_once_and_until_a_run_succeeds() {
    let mut world = World::fresh([watched("a")]);
    world.wake("06:01:00");
    world.wake("06:02:59");
    assert_eq!(world.overdue(), []);
    world.wake("06:03:00");
    assert_eq!(world.overdue(), [Some(at("06:00:00"))], "while it runs");
    assert_eq!(world.engine.ailing().count(), 1);
    world.wake("06:04:00");
    world.end(1, 1, failed());
    assert_eq!(world.overdue(), [], "once");
    world.wake("06:05:00");
    world.succeed(2, 1);
    assert_eq!(world.overdue(), [None]);
    assert_eq!(world.engine.ailing().count(), 0);
    world.wake("06:08:00");
    assert_eq!(world.overdue(), [Some(at("06:05:00"))]);
}

#[test]
fn the_engine_wakes_when_a_job_is_overdue() {
    let mut by_hand = watched("a");
    by_hand.schedule = Schedule::default();
    let mut world = World::new("06:00:00", Recovery::default(), [by_hand]);
    assert_eq!(world.take().1, [Effect::WakeAt(at("06:03:00"))]);
    world.wake("06:02:00");
    world.trigger("a", 7);
    world.succeed(0, 1);
    let (_, effects) = world.take();
    assert!(
        effects.contains(&Effect::WakeAt(at("06:05:00"))),
        "by hand counts"
    );
    world.wake("06:05:00");
    assert_eq!(world.overdue(), [Some(at("06:02:00"))]);
}

#[test]
fn the_plan_says_who_can_be_overdue() {
    let mut world = World::fresh([job("a")]);
    world.wake("06:10:00");
    assert_eq!(world.overdue(), []);
    world.replace([watched("a")]);
    world.wake("06:10:01");
    assert_eq!(world.overdue(), [Some(at("06:00:00"))], "it was so before");
    let mut patient = watched("a");
    patient.overdue_after = Some(Duration::from_hours(1));
    world.replace([patient]);
    assert_eq!(world.overdue(), [None]);
    world.replace([watched("a")]);
    assert_eq!(world.overdue(), [Some(at("06:00:00"))]);
    let mut later = watched("a");
    let every = Every::new(Duration::from_mins(2), Duration::ZERO).unwrap();
    later.schedule = Trigger::Every(every).into();
    world.replace([later]);
    assert_eq!(world.overdue(), [None], "it was accepted anew");
    world.wake("06:13:01");
    assert_eq!(world.overdue(), [Some(at("06:10:01"))]);
    world.replace([]);
    assert_eq!(world.overdue(), [None]);
}

#[test]
fn what_was_overdue_before_a_restart_is_not_said_again() {
    let health = JobHealth::new(at("05:00:00"));
    let mut world = restarted(health.clone(), watched("a"));
    assert_eq!(world.overdue(), [Some(at("05:00:00"))], "down is no excuse");
    let overdue = JobHealth {
        overdue: true,
        ..health
    };
    let mut world = restarted(overdue.clone(), watched("a"));
    assert_eq!(world.overdue(), []);
    assert_eq!(world.engine.ailing().count(), 1);
    let mut world = restarted(overdue, job("a"));
    assert_eq!(world.overdue(), [None], "the key is gone");
}

#[test]
fn a_crowd_is_overdue_part_by_part() {
    let jobs = (0..=DUE_PER_STEP).map(|number| Job {
        schedule: Schedule::default(),
        ..watched(&format!("job-{number}"))
    });
    let mut world = World::fresh(jobs);
    world.flushes = false;
    world.wake("06:03:00");
    assert_eq!(world.records.len(), DUE_PER_STEP);
    assert_eq!(world.effects, [Effect::WakeAt(at("06:03:00"))]);
    world.event(Event::Woke);
    assert_eq!(world.overdue().len(), DUE_PER_STEP + 1);
}

#[test]
fn a_critical_job_fails_until_a_run_succeeds() {
    let mut world = World::fresh([critical("a")]);
    world.wake("06:01:00");
    world.end(1, 1, failed());
    assert_eq!(world.failing(), [RunId(1)]);
    world.trigger("a", 7);
    world.end(2, 1, failed());
    assert_eq!(world.failing(), [RunId(1)], "who asked has seen it");
    world.wake("06:02:00");
    world.cancel(3, false);
    world.end(3, 1, Verdict::Stopped);
    assert_eq!(world.failing(), [RunId(1)], "cancelled is neither");
    world.replace([job("a")]);
    assert_eq!(world.failing(), [], "it is not critical");
    world.replace([critical("a")]);
    assert_eq!(world.failing(), [RunId(1)]);
    world.trigger("a", 8);
    world.succeed(4, 1);
    assert_eq!(world.failing(), []);
}

#[test]
fn a_critical_job_that_may_still_be_retried_does_not_fail() {
    let mut tried = critical("a");
    tried.retry.max = 1;
    let mut world = World::fresh([tried]);
    world.wake("06:01:00");
    world.end(1, 1, failed());
    assert_eq!(world.failing(), []);
    world.wake("06:01:10");
    world.end(1, 2, failed());
    assert_eq!(world.failing(), [RunId(1)]);
}

#[test]
fn a_failure_outlives_a_restart_and_a_short_absence() {
    let failing = JobHealth {
        failing: Some(Failing {
            run: RunId(17),
            at: at("05:59:00"),
        }),
        ..JobHealth::new(at("05:00:00"))
    };
    let mut world = restarted(failing, critical("a"));
    assert_eq!(world.failing(), [RunId(17)]);
    world.replace([]);
    assert_eq!(world.failing(), []);
    world.now = at("07:01:29");
    world.replace([critical("a")]);
    assert_eq!(world.failing(), [RunId(17)]);
    world.replace([]);
    world.now = at("08:01:29");
    world.replace([critical("a")]);
    assert_eq!(world.failing(), [], "it is a new job");
}

#[test]
fn a_halted_job_is_no_worry_and_its_time_begins_anew() {
    let worry = Job {
        critical: true,
        ..watched("a")
    };
    let mut world = World::fresh([worry.clone()]);
    world.wake("06:01:00");
    world.end(1, 1, failed());
    world.wake("06:03:00");
    assert_eq!(world.overdue(), [Some(at("06:00:00"))]);
    world.pause("a");
    assert_eq!(world.overdue(), [None]);
    assert_eq!(world.engine.ailing().count(), 0);
    world.wake("06:30:00");
    assert_eq!(world.overdue(), []);
    world.resume("a");
    assert_eq!(world.failing(), [RunId(1)], "it has not succeeded since");
    world.wake("06:32:59");
    assert_eq!(world.overdue(), []);
    world.wake("06:33:00");
    assert_eq!(world.overdue(), [Some(at("06:30:00"))]);

    let disabled = Job {
        enabled: false,
        ..worry.clone()
    };
    world.replace([disabled]);
    assert_eq!(world.overdue(), [None]);
    assert_eq!(world.engine.ailing().count(), 0);
    world.wake("07:00:00");
    world.replace([worry]);
    assert_eq!(world.failing(), [RunId(1)]);
    world.wake("07:03:00");
    assert_eq!(world.overdue(), [Some(at("07:00:00"))]);
}
