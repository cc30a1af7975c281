//! How jobs stand, and what became of them.

use std::sync::Arc;

use cronlet_core::{
    health::JobHealth,
    pause::{PauseReason, Paused},
    record::StoredJob,
    retention::Retention,
};

use super::*;
use crate::store::{
    history::{JobEvent, JobStand, JobTurn},
    retention::STEP,
};

for_each_store! {
    a_job_is_remembered_as_it_was_last_said,
    a_removed_job_is_remembered_for_an_hour,
    a_removed_job_is_remembered_until_its_watermark_has_passed,
    a_pause_is_remembered,
    a_pause_by_failures_says_how_many_they_were,
    a_resume_ends_a_pause_and_forgets_the_failures,
    a_pause_outlives_its_job_for_an_hour,
    a_job_that_is_not_there_cannot_be_paused,
    what_became_of_a_job_is_told_in_order,
    old_events_go_and_the_newest_of_each_kind_stays,
    the_events_of_a_job_that_is_gone_all_go,
    a_name_with_nothing_but_events_is_known,
}

fn paused(name: &str, why: PauseReason) -> Record {
    let job = job(name);
    Record::JobPaused { job, why }
}

fn by_ada() -> PauseReason {
    PauseReason::Asked(Some("ada".into()))
}

fn resumed(name: &str, watermark: Timestamp) -> Record {
    Record::JobResumed {
        job: job(name),
        watermark,
        actor: Some("bob".into()),
    }
}

fn counted(name: &str, failures: u32) -> Record {
    let job = job(name);
    Record::FailuresCounted { job, failures }
}

/// What an engine would be told of the one job that there is.
fn standing(subject: &mut impl Subject) -> (Option<Paused>, u32) {
    subject.restart();
    let mut jobs = subject.recovery().jobs;
    assert_eq!(jobs.len(), 1);
    let job = jobs.remove(0);
    (job.paused, job.failures)
}

fn events(subject: &impl Subject, name: &str, through: i64) -> Vec<JobEvent> {
    let events = subject.history().job_events(&job(name), at(through));
    events.unwrap()
}

fn words(events: &[JobEvent]) -> Vec<&'static str> {
    events.iter().map(|event| event.turn.as_str()).collect()
}

fn one_name(jobs: &[StoredJob]) -> &str {
    assert_eq!(jobs.len(), 1);
    jobs[0].job.as_str()
}

fn a_job_is_remembered_as_it_was_last_said<S: Subject>() {
    let mut subject = S::new();
    subject.write(at(0), vec![accepted("b", at(0)), accepted("a", at(1))]);
    let to = at(60);
    let job = job("b");
    subject.write(at(60), vec![Record::Watermark { job, to }]);
    let stored = |name: &str, watermark| StoredJob {
        job: super::job(name),
        watermark,
        fingerprint: format!("print of {name}"),
        removed_at: None,
        health: JobHealth::new(at(0)),
        paused: None,
        failures: 0,
    };
    let jobs = subject.recovery().jobs;
    assert_eq!(jobs, [stored("a", at(1)), stored("b", at(60))]);
    let changed = Record::JobAccepted {
        job: super::job("b"),
        watermark: at(30),
        fingerprint: "new".to_owned(),
    };
    subject.write(at(61), vec![changed]);
    let jobs = subject.recovery().jobs;
    assert_eq!((jobs[1].watermark, &*jobs[1].fingerprint), (at(30), "new"));
}

fn a_removed_job_is_remembered_for_an_hour<S: Subject>() {
    let mut subject = S::new();
    let plan = || Record::PlanAccepted {
        digest: Digest::of(b"plan"),
    };
    let removed = |name| Record::JobRemoved { job: job(name) };
    subject.write(at(0), vec![accepted("a", at(0)), accepted("b", at(0))]);
    subject.write(at(10), vec![removed("a")]);
    subject.write(at(20), vec![removed("b")]);
    let jobs = subject.recovery().jobs;
    assert_eq!(
        [jobs[0].removed_at, jobs[1].removed_at],
        [Some(at(10)), Some(at(20))]
    );
    assert_eq!(subject.history().jobs().unwrap(), []);
    subject.write(at(30), vec![accepted("b", at(20))]);
    assert_eq!(subject.recovery().jobs[1].removed_at, None);
    assert_eq!(subject.history().jobs().unwrap().len(), 1);
    subject.write(at(3610), vec![plan()]);
    assert_eq!(subject.recovery().jobs.len(), 2);
    subject.write(at(3611), vec![plan()]);
    assert_eq!(one_name(&subject.recovery().jobs), "b");
}

fn a_removed_job_is_remembered_until_its_watermark_has_passed<S: Subject>() {
    let mut subject = S::new();
    let plan = || Record::PlanAccepted {
        digest: Digest::of(b"plan"),
    };
    // The clock was a day ahead when the job was last due.
    subject.write(at(0), vec![accepted("a", at(86_400))]);
    subject.write(at(10), vec![Record::JobRemoved { job: job("a") }]);
    subject.write(at(86_399), vec![plan()]);
    assert_eq!(subject.recovery().jobs[0].watermark, at(86_400));
    subject.write(at(86_400), vec![plan()]);
    assert_eq!(subject.recovery().jobs, []);
}

fn a_pause_is_remembered<S: Subject>() {
    let mut subject = S::new();
    subject.write(at(0), vec![accepted("a", at(0))]);
    assert_eq!(standing(&mut subject), (None, 0));
    assert_eq!(subject.history().jobs().unwrap()[0].paused, None);
    for (second, why) in [(5, by_ada()), (6, PauseReason::Asked(None))] {
        subject.write(at(second), vec![paused("a", why.clone())]);
        let since = at(second);
        let pause = Some(Paused { since, why });
        assert_eq!(subject.history().jobs().unwrap()[0].paused, pause);
        assert_eq!(standing(&mut subject), (pause, 0));
    }
    subject.write(at(7), vec![accepted("a", at(7))]);
    assert!(standing(&mut subject).0.is_some(), "a reload ends no pause");
}

fn a_pause_by_failures_says_how_many_they_were<S: Subject>() {
    let mut subject = S::new();
    subject.write(at(0), vec![accepted("a", at(0)), counted("a", 2)]);
    assert_eq!(standing(&mut subject), (None, 2));
    let why = PauseReason::Failures(3);
    subject.write(at(1), vec![paused("a", why.clone())]);
    let since = at(1);
    assert_eq!(standing(&mut subject), (Some(Paused { since, why }), 3));
}

fn a_resume_ends_a_pause_and_forgets_the_failures<S: Subject>() {
    let mut subject = S::new();
    subject.write(at(0), vec![accepted("a", at(0))]);
    subject.write(at(1), vec![paused("a", PauseReason::Failures(3))]);
    subject.write(at(9), vec![resumed("a", at(9))]);
    assert_eq!(standing(&mut subject), (None, 0));
    assert_eq!(subject.recovery().jobs[0].watermark, at(9));
}

fn a_pause_outlives_its_job_for_an_hour<S: Subject>() {
    let mut subject = S::new();
    subject.write(at(0), vec![accepted("a", at(0)), paused("a", by_ada())]);
    subject.write(at(10), vec![Record::JobRemoved { job: job("a") }]);
    assert!(standing(&mut subject).0.is_some());
    subject.write(at(20), vec![accepted("a", at(20))]);
    assert!(standing(&mut subject).0.is_some());
    subject.write(at(30), vec![Record::JobRemoved { job: job("a") }]);
    let digest = Digest::of(b"");
    let plan = Record::PlanAccepted { digest };
    subject.write(at(9_000), vec![plan, accepted("a", at(9_000))]);
    assert_eq!(standing(&mut subject), (None, 0));
}

fn a_job_that_is_not_there_cannot_be_paused<S: Subject>() {
    let mut subject = S::new();
    for record in [paused("a", by_ada()), resumed("a", at(0)), counted("a", 1)] {
        let refused = subject.try_write(at(0), vec![record]).unwrap_err();
        assert_eq!(
            refused.source.to_string(),
            "nothing is stored of the job `a`"
        );
    }
    assert_eq!(events(&subject, "a", 9), []);
}

fn what_became_of_a_job_is_told_in_order<S: Subject>() {
    let mut subject = S::new();
    subject.write(at(0), vec![accepted("a", at(0)), accepted("b", at(0))]);
    subject.write(at(1), vec![paused("a", by_ada()), counted("a", 1)]);
    // The clock was set back.
    subject.write(at(0), vec![resumed("a", at(2))]);
    subject.write(at(3), vec![Record::JobRemoved { job: job("a") }]);
    let turns = [
        (
            0,
            JobTurn::Accepted {
                watermark: at(0),
                fingerprint: "print of a".to_owned(),
            },
        ),
        (1, JobTurn::Paused(by_ada())),
        (
            0,
            JobTurn::Resumed {
                watermark: at(2),
                actor: Some(Arc::from("bob")),
            },
        ),
        (3, JobTurn::Removed),
    ];
    let all = turns.map(|(second, turn)| JobEvent {
        at: at(second),
        turn,
    });
    assert_eq!(events(&subject, "a", 3), all);
    assert_eq!(words(&events(&subject, "a", 0)), ["accepted", "resumed"]);
    assert_eq!(words(&events(&subject, "b", 9)), ["accepted"]);
    let stand = JobStand::after(&events(&subject, "a", 9));
    assert_eq!((stand.removed, stand.paused), (Some(at(3)), None));
}

/// Everything that happened before a second.
fn before(second: i64, keep_runs: u32) -> Limit {
    let long = std::time::Duration::from_hours(24 * 36_500);
    let keep = Retention {
        keep: long,
        keep_logs: long,
        keep_runs,
    };
    Limit {
        before: at(second),
        ..Limit::new(&keep, at(second))
    }
}

fn sweep(subject: &mut impl Subject, name: &str, limit: &Limit) -> u64 {
    let old = subject.history().old_runs(&job(name), limit, STEP).unwrap();
    let removed = subject.store().remove(&old).unwrap();
    assert_eq!(removed, old.count());
    removed.events
}

fn old_events_go_and_the_newest_of_each_kind_stays<S: Subject>() {
    let mut subject = S::new();
    subject.write(at(0), vec![accepted("a", at(0)), accepted("b", at(0))]);
    for second in [1, 3, 5] {
        subject.write(at(second), vec![paused("a", by_ada())]);
        subject.write(at(second + 1), vec![resumed("a", at(second + 1))]);
    }
    assert_eq!(sweep(&mut subject, "a", &before(3, 100)), 2);
    assert_eq!(sweep(&mut subject, "a", &before(3, 100)), 0);
    let left = ["accepted", "paused", "resumed", "paused", "resumed"];
    assert_eq!(words(&events(&subject, "a", 9)), left);
    assert_eq!(sweep(&mut subject, "a", &before(0, 3)), 1, "so many stay");
    assert_eq!(sweep(&mut subject, "a", &before(100, 100)), 1);
    let left = ["accepted", "paused", "resumed"];
    assert_eq!(words(&events(&subject, "a", 9)), left);
    assert_eq!(words(&events(&subject, "b", 9)), ["accepted"]);
}

fn the_events_of_a_job_that_is_gone_all_go<S: Subject>() {
    let mut subject = S::new();
    subject.write(at(0), vec![accepted("a", at(0)), paused("a", by_ada())]);
    subject.write(at(1), vec![Record::JobRemoved { job: job("a") }]);
    assert_eq!(sweep(&mut subject, "a", &before(3_000, 100)), 0);
    assert_eq!(sweep(&mut subject, "a", &before(9_000, 100)), 3);
    assert_eq!(events(&subject, "a", 9), []);
}

fn a_name_with_nothing_but_events_is_known<S: Subject>() {
    let mut subject = S::new();
    subject.write(at(0), vec![accepted("a", at(0)), accepted("b", at(0))]);
    subject.write(at(1), vec![Record::JobRemoved { job: job("a") }]);
    let digest = Digest::of(b"");
    subject.write(at(9_000), vec![Record::PlanAccepted { digest }]);
    assert_eq!(subject.recovery().jobs.len(), 1);
    let names = subject.history().names().unwrap();
    assert_eq!(names, [job("a"), job("b")]);
}
