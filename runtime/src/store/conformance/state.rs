//! What jobs remember.

use std::collections::BTreeMap;

use cronlet_core::state::{Key, StateChanges, Value, Write};

use super::*;

for_each_store! {
    what_a_job_remembers_is_kept_as_it_was_last_written,
    what_a_job_remembers_comes_and_goes_with_its_batch,
    what_a_job_remembers_outlives_it,
}

fn wrote(name: &str, writes: &[(&str, Option<&[u8]>)], total: u64) -> Record {
    let writes = writes.iter().map(|(key, value)| {
        let value = value.map(|bytes| Value::new(bytes.into()));
        (Key::from(*key), Write { value, replaced: 0 })
    });
    Record::StateWritten {
        run: RunId(1),
        job: job(name),
        changes: Arc::new(StateChanges::new(writes.collect(), BTreeMap::new())),
        total,
    }
}

fn remembered(subject: &impl Subject, name: &str) -> Vec<(String, Vec<u8>)> {
    let entries = subject.history().state(&job(name)).unwrap().into_iter();
    entries
        .map(|(key, value)| (key.to_string(), value.to_vec()))
        .collect()
}

fn what_a_job_remembers_is_kept_as_it_was_last_written<S: Subject>() {
    let mut subject = S::new();
    assert_eq!(remembered(&subject, "a"), []);
    let large = vec![0xff; 1 << 20];
    let first: [(_, Option<&[u8]>); 5] = [
        ("k", Some(b"1")),
        ("k\0", Some(b"\0\xff")),
        ("é", Some(b"")),
        ("Z", Some(&large)),
        ("'", None),
    ];
    subject.write(
        at(0),
        vec![wrote("a", &first, 7), wrote("b", &first[..1], 1)],
    );
    let pair = |key: &str, value: &[u8]| (key.to_owned(), value.to_vec());
    let all = [
        pair("Z", &large),
        pair("k", b"1"),
        pair("k\0", b"\0\xff"),
        pair("é", b""),
    ];
    assert_eq!(remembered(&subject, "a"), all);
    assert_eq!(
        subject.recovery().states,
        [(job("a"), 7), (job("b"), 1)].into()
    );
    subject.write(
        at(1),
        vec![wrote(
            "a",
            &[("k", None), ("Z", Some(b"")), ("none", None)],
            3,
        )],
    );
    let left = [pair("Z", b""), pair("k\0", b"\0\xff"), pair("é", b"")];
    assert_eq!(remembered(&subject, "a"), left);
    subject.restart();
    assert_eq!(remembered(&subject, "a"), left);
    assert_eq!(remembered(&subject, "b"), [pair("k", b"1")]);
    assert_eq!(
        subject.recovery().states,
        [(job("a"), 3), (job("b"), 1)].into()
    );
    subject.write(at(2), vec![wrote("b", &[("k", None)], 0)]);
    assert_eq!(subject.recovery().states, [(job("a"), 3)].into());
}

fn what_a_job_remembers_comes_and_goes_with_its_batch<S: Subject>() {
    let mut subject = S::new();
    subject.write(at(0), vec![queued(1, "a"), started(1, 1, at(0))]);
    let end = || ended(1, 1, AttemptStatus::Succeeded, report(at(0)));
    let wrote = || wrote("a", &[("k", Some(b"1"))], 66);
    let twice = subject.try_write(at(1), vec![wrote(), end(), end()]);
    assert_eq!(refusal(twice), "run 1 has no open attempt 1");
    assert_eq!(remembered(&subject, "a"), []);
    assert!(subject.recovery().states.is_empty());
    subject.write(at(1), vec![wrote(), end()]);
    assert_eq!(remembered(&subject, "a").len(), 1);
}

fn what_a_job_remembers_outlives_it<S: Subject>() {
    let mut subject = S::new();
    subject.write(
        at(0),
        vec![accepted("a", at(0)), wrote("a", &[("k", Some(b""))], 65)],
    );
    subject.write(at(1), vec![Record::JobRemoved { job: job("a") }]);
    let digest = Digest::of(b"plan");
    subject.write(at(90_000), vec![Record::PlanAccepted { digest }]);
    let recovery = subject.recovery();
    assert_eq!(
        (recovery.jobs, recovery.states),
        (vec![], [(job("a"), 65)].into())
    );
    assert_eq!(remembered(&subject, "a").len(), 1);
}
