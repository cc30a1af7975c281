//! Logs, which go before their runs.

use cronlet_core::run::AttemptStatus;

use super::*;
use crate::store::retention::STEP;

for_each_store! {
    logs_go_before_their_runs,
    a_log_of_an_open_run_stays,
    a_run_goes_with_its_attempts_and_logs,
}

fn logs_go_before_their_runs<S: Subject>() {
    let mut subject = with_logs::<S>();
    let old = |subject: &S, name: Option<&str>, now| {
        let (name, limit) = (name.map(job), logs_before(now));
        let old = subject.history().old_logs(name.as_ref(), &limit, STEP);
        old.unwrap()
    };
    let logs = [(RunId(1), 1), (RunId(2), 1), (RunId(3), 1)];
    assert_eq!(old(&subject, None, 1_000).logs, logs);
    assert_eq!(old(&subject, None, 3).logs, logs[..2]);
    assert_eq!(old(&subject, Some("b"), 1_000).logs, logs[2..]);
    let removed = subject.store();
    let removed = removed.remove(&Old {
        logs: logs[..2].to_vec(),
        ..Old::default()
    });
    assert_eq!(removed.unwrap().logs, 2);
    assert_eq!(log(&subject, 1), (0, true));
    assert_eq!(log(&subject, 3), (1, false));
    assert_eq!(log(&subject, 4), (0, false), "it said nothing");
    assert_eq!(runs(&subject), to(1..=4));
    assert_eq!(old(&subject, None, 1_000).logs, logs[2..]);
}

fn a_log_of_an_open_run_stays<S: Subject>() {
    let mut subject = S::new();
    subject.write(
        at(1),
        vec![
            queued(1, "a"),
            started(1, 1, at(1)),
            ended(1, 1, AttemptStatus::Failed, talking(1, 1)),
            Record::RunRequeued { run: RunId(1) },
        ],
    );
    let found = subject
        .history()
        .old_logs(None, &logs_before(1_000), STEP)
        .unwrap();
    assert!(found.is_empty(), "{found:?}");
    let old = Old {
        logs: vec![(RunId(1), 1)],
        ..Old::default()
    };
    assert!(subject.store().remove(&old).unwrap().is_nothing());
    assert_eq!(log(&subject, 1), (1, false));
}

fn a_run_goes_with_its_attempts_and_logs<S: Subject>() {
    let mut subject = with_logs::<S>();
    let old = Old {
        runs: vec![RunId(1)],
        ..Old::default()
    };
    let removed = subject.store().remove(&old).unwrap();
    assert_eq!((removed.runs, removed.logs), (1, 0));
    let history = subject.history();
    assert_eq!(history.run(RunId(1)).unwrap(), None);
    assert_eq!(history.log(RunId(1), None).unwrap(), []);
    assert_eq!(
        refusal(subject.try_write(at(9), vec![finished(1, RunEnd::Succeeded)])),
        "run 1 is not open"
    );
}
