//! What attempts change of their job's state, and what is kept of it.

use std::collections::BTreeMap;

use super::*;
use crate::limits::Limits;
use crate::state::{ENTRY, Key, StateChanges, Value, Write};

/// Runs may overlap, and a lost race is tried again.
fn overlapping(max_state: u64) -> Job {
    Job {
        overlap: Overlap::Allow,
        retry: Retry {
            max: 1,
            ..job("a").retry
        },
        limits: Limits {
            max_state,
            ..Limits::default()
        },
        ..job("a")
    }
}

/// One key from one value to another, compared or not.
fn change(key: &str, from: Option<&str>, to: Option<&str>, compared: bool) -> Arc<StateChanges> {
    let write = Write {
        value: to.map(|text| Value::new(text.as_bytes().into())),
        replaced: from.map_or(0, |text| crate::state::size(key, text.as_bytes())),
    };
    let found = compared.then(|| (Key::from(key), from.map(|text| Digest::of(text.as_bytes()))));
    Arc::new(StateChanges::new(
        [(key.into(), write)].into(),
        found.into_iter().collect(),
    ))
}

fn swap(key: &str, from: Option<&str>, to: Option<&str>) -> Arc<StateChanges> {
    change(key, from, to, true)
}

fn set(key: &str, to: &str) -> Arc<StateChanges> {
    change(key, None, Some(to), false)
}

/// So many runs of the job that overlap, from run 1 on.
fn running(job: Job, count: u64) -> World {
    let mut world = World::fresh([job]);
    for id in 0..count {
        world.trigger("a", id);
    }
    world.take();
    world
}

impl World {
    fn end_with(&mut self, run: u64, attempt: u32, verdict: Verdict, state: Arc<StateChanges>) {
        let report = AttemptReport {
            started_at: Some(self.now),
            ended_at: self.now,
            duration: Duration::ZERO,
            verdict,
            usage: Usage::default(),
            log: Vec::new(),
            state: Some(state),
        };
        self.event(Event::AttemptEnded {
            run: RunId(run),
            attempt,
            report: report.into(),
        });
    }

    fn succeed_with(&mut self, run: u64, attempt: u32, state: Arc<StateChanges>) {
        self.end_with(run, attempt, Verdict::Succeeded(Outcome::default()), state);
    }

    /// What was written since the last look, each with the new total.
    fn written(&mut self) -> Vec<(u64, Arc<StateChanges>, u64)> {
        let (records, _) = self.take();
        let written = |record: &Record| match record {
            Record::StateWritten {
                run,
                changes,
                total,
                ..
            } => Some((run.0, changes.clone(), *total)),
            _ => None,
        };
        records.iter().filter_map(written).collect()
    }

    /// The code of the error that the last attempt ended with, and whether another follows.
    fn failure(&mut self) -> (String, bool) {
        let (records, _) = self.take();
        let code = records.iter().find_map(|record| match record {
            Record::AttemptEnded {
                status: AttemptStatus::Failed,
                reason: Some(FailReason::Error),
                report: Some(report),
                ..
            } => match &report.verdict {
                Verdict::Error { failure, .. } => Some(failure.code.clone()),
                _ => None,
            },
            _ => None,
        });
        let retried = |record: &Record| matches!(record, Record::RunRetrying { .. });
        (code.unwrap(), records.iter().any(retried))
    }
}

#[test]
fn what_is_kept_is_recorded_with_the_end_that_keeps_it() {
    let mut world = running(overlapping(1000), 1);
    let changes = set("k", "1");
    world.succeed_with(1, 1, changes.clone());
    let (records, _) = world.take();
    let [written, ended, over] = &records[..] else {
        panic!("{records:?}");
    };
    let expected = Record::StateWritten {
        run: RunId(1),
        job: name("a"),
        changes,
        total: ENTRY + 2,
    };
    assert_eq!(*written, expected);
    assert!(matches!(ended, Record::AttemptEnded {
        status: AttemptStatus::Succeeded,
        report: Some(report),
        ..
    } if report.state.is_none()));
    assert!(matches!(over, Record::RunEnded { .. }));
}

#[test]
fn who_did_not_succeed_keeps_nothing() {
    let mut world = running(overlapping(1000), 3);
    world.end_with(1, 1, failed(), set("k", "1"));
    world.cancel(2, false);
    world.succeed_with(2, 1, set("k", "2"));
    world.end_with(3, 1, Verdict::Stopped, set("k", "3"));
    assert_eq!(world.written(), []);
    assert!(world.engine.ledger.terms(0).began == 0);
}

#[test]
fn of_two_that_compare_one_key_the_second_is_tried_again() {
    let mut world = running(overlapping(1000), 2);
    // Nothing of this reaches the disk before it is decided.
    world.flushes = false;
    world.succeed_with(1, 1, swap("k", None, Some("1")));
    assert_eq!(world.written().len(), 1);
    world.succeed_with(2, 1, swap("k", None, Some("1")));
    assert_eq!(world.failure(), ("state-conflict".to_owned(), true));
    world.flushes = true;
    world.flush();
    world.wake("06:00:05");
    assert_eq!(world.started(), [(2, 2)]);
    world.succeed_with(2, 2, swap("k", Some("1"), Some("2")));
    assert_eq!(world.written().len(), 1);
}

#[test]
fn a_race_that_changed_something_else_is_none() {
    let mut world = running(overlapping(1000), 4);
    world.succeed_with(1, 1, swap("k", None, Some("1")));
    world.succeed_with(2, 1, swap("other", None, Some("1")));
    // It read the state after the first had ended.
    world.succeed_with(3, 1, swap("k", Some("1"), Some("3")));
    // It did not compare.
    world.succeed_with(4, 1, set("k", "4"));
    let totals: Vec<_> = world.written().into_iter().map(|it| it.2).collect();
    let (k, other) = (ENTRY + 2, ENTRY + 6);
    assert_eq!(totals, [k, k + other, k + other, k + other]);
}

#[test]
fn a_compare_and_set_that_writes_nothing_is_checked_too() {
    let mut world = running(overlapping(1000), 3);
    let looked = || {
        let found = BTreeMap::from([(Key::from("k"), None)]);
        Arc::new(StateChanges::new(BTreeMap::new(), found))
    };
    world.succeed_with(1, 1, looked());
    assert_eq!(world.ends(), [(1, RunEnd::Succeeded)]);
    assert_eq!(world.written(), []);
    world.succeed_with(2, 1, set("k", "1"));
    world.take();
    world.succeed_with(3, 1, looked());
    assert_eq!(world.failure().0, "state-conflict");
}

#[test]
fn nothing_is_watched_when_no_attempt_is_under_way() {
    let mut world = running(overlapping(1000), 2);
    world.succeed_with(1, 1, set("k", "1"));
    assert!(world.engine.ledger.is_watching());
    world.take();
    world.end(2, 1, failed());
    assert!(!world.engine.ledger.is_watching());
    // The second attempt started after the first end was stored, so it has read what that wrote.
    world.wake("06:00:05");
    world.succeed_with(2, 2, swap("k", Some("1"), None));
    assert!(!world.engine.ledger.is_watching());
    assert_eq!(world.written().len(), 1);
}

#[test]
fn a_stored_total_counts_and_outlives_the_job() {
    let recovery = Recovery {
        next_run: 1,
        states: [(name("a"), 100)].into(),
        ..Recovery::default()
    };
    let mut world = World::new("06:00:00", recovery, []);
    world.now = at("09:00:00");
    world.event(Event::PlanReplaced(plan([overlapping(100 + ENTRY)])));
    world.trigger("a", 1);
    world.take();
    world.succeed_with(1, 1, set("k", "1"));
    assert_eq!(world.failure(), ("state-full".to_owned(), true));
    world.wake("09:00:05");
    world.succeed_with(1, 2, change("k", Some("1"), None, false));
    let totals: Vec<_> = world.written().into_iter().map(|it| it.2).collect();
    assert_eq!(totals, [100 - ENTRY - 2]);
}

#[test]
fn an_attempt_keeps_the_limit_it_started_with() {
    let mut world = running(overlapping(1000), 1);
    world.event(Event::PlanReplaced(plan([overlapping(1)])));
    world.succeed_with(1, 1, set("k", "1"));
    assert_eq!(world.written().len(), 1);
}

#[test]
fn an_attempt_that_overlaps_with_too_many_writes_keeps_nothing() {
    let mut world = running(overlapping(u64::MAX), 40);
    let rows = |from: u32| {
        let write = || Write {
            value: Some(Value::new([][..].into())),
            replaced: 0,
        };
        let keys = from..from + 10_000;
        let writes = keys.map(|n| (Key::from(format!("{n:0500}")), write()));
        Arc::new(StateChanges::new(writes.collect(), BTreeMap::new()))
    };
    for run in 1..=9_u32 {
        world.succeed_with(run.into(), 1, rows(run * 10_000));
        if run <= 2 {
            assert_eq!(world.written().len(), 1, "{run}");
        }
    }
    world.take();
    world.succeed_with(40, 1, set("k", "1"));
    assert_eq!(world.failure(), ("state-conflict".to_owned(), true));
    world.wake("06:00:05");
    world.take();
    world.succeed_with(40, 2, set("k", "1"));
    assert_eq!(world.written().len(), 1);
}
