use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
    mpsc::{Sender, channel},
};

use cronlet_core::{
    name::JobName,
    record::Recovery,
    report::{Outcome, Usage},
    run::{AttemptStatus, RunId},
    state::{StateChanges, Value, Write},
};
use jiff::Timestamp;

use super::*;
use crate::store::{Old, Refused, Removed};

/// A store whose every commit the test sees, and answers.
struct Scripted {
    asked: Sender<Vec<u64>>,
    answers: Receiver<Answer>,
    removals: Sender<Old>,
    closed: Arc<AtomicBool>,
}

enum Answer {
    Write,
    Fail,
    /// For another reason.
    FailOtherwise,
    Refuse,
    Panic,
}

impl Store for Scripted {
    fn recover(&mut self) -> Result<Recovery, StoreError> {
        unreachable!("a writer only writes")
    }

    fn remove(&mut self, old: &Old) -> Result<Removed, StoreError> {
        self.removals.send(old.clone()).unwrap();
        Ok(old.count())
    }

    fn commit(&mut self, batches: &[Batch]) -> Result<(), StoreError> {
        let numbers = batches.iter().map(|batch| batch.seq.0).collect();
        self.asked.send(numbers).unwrap();
        match self.answers.recv().unwrap() {
            Answer::Write => Ok(()),
            Answer::Fail => Err(unwritten("the disk is full")),
            Answer::FailOtherwise => Err(unwritten("the disk is gone")),
            Answer::Refuse => Err(unwritten(Refused::NotOpen(RunId(7)))),
            Answer::Panic => panic!("as the test wants"),
        }
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.closed.store(true, Ordering::SeqCst);
    }
}

fn unwritten(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StoreError {
    StoreError::while_("write the history")(source)
}

/// Longer than any machine is slow.
const PATIENCE: Duration = Duration::from_secs(30);

fn close(writer: Writer) -> Result<(), StoreError> {
    writer.close(PATIENCE).expect("it takes too long")
}

/// The test's side.
struct Script {
    asked: Receiver<Vec<u64>>,
    answers: Sender<Answer>,
    notices: Receiver<Notice>,
    removals: Receiver<Old>,
    closed: Arc<AtomicBool>,
}

fn script() -> (Writer, Script) {
    let (asking, asked) = channel();
    let (answers, answering) = channel();
    let (noticing, notices) = channel();
    let (removing, removals) = channel();
    let closed = Arc::new(AtomicBool::new(false));
    let store = Scripted {
        asked: asking,
        answers: answering,
        removals: removing,
        closed: closed.clone(),
    };
    let writer = Writer::spawn(store, move |notice| {
        let _ = noticing.send(notice);
    });
    let script = Script {
        asked,
        answers,
        notices,
        removals,
        closed,
    };
    (writer, script)
}

impl Script {
    /// The next commit is of these, and this becomes of it.
    fn answer(&self, expected: &[u64], answer: Answer) {
        assert_eq!(self.asked.recv().unwrap(), expected);
        self.answers.send(answer).unwrap();
    }

    fn notice(&self) -> String {
        match self.notices.recv().unwrap() {
            Notice::Stored { through } => format!("stored {}", through.0),
            Notice::Failed(error) => format!("failed: {error}"),
            Notice::GivenUp(error) => format!("given up: {error}"),
            Notice::Recovered => "recovered".to_owned(),
        }
    }

    /// Everything that was said and not yet heard, once the writer is gone.
    fn last_notices(&self) -> Vec<String> {
        let mut notices = Vec::new();
        while let Ok(notice) = self.notices.try_recv() {
            notices.push(match notice {
                Notice::Stored { through } => format!("stored {}", through.0),
                Notice::Failed(_) => "failed".to_owned(),
                Notice::GivenUp(_) => "given up".to_owned(),
                Notice::Recovered => "recovered".to_owned(),
            });
        }
        notices
    }
}

const FAILED: &str = "failed: cannot write the history: the disk is full";
const GIVEN_UP: &str = "given up: cannot write the history: run 7 is not open";

fn batch(seq: u64) -> Batch {
    Batch {
        seq: Seq(seq),
        at: Timestamp::UNIX_EPOCH,
        records: vec![Record::Stopped],
    }
}

/// A batch with an output of so many bytes.
fn large(seq: u64, bytes: usize) -> Batch {
    let report = AttemptReport {
        started_at: None,
        ended_at: Timestamp::UNIX_EPOCH,
        duration: Duration::ZERO,
        verdict: Verdict::Succeeded(Outcome {
            output: Some("x".repeat(bytes)),
            ..Outcome::default()
        }),
        usage: Usage::default(),
        log: Vec::new(),
        state: None,
    };
    let record = Record::AttemptEnded {
        run: RunId(1),
        attempt: 1,
        status: AttemptStatus::Succeeded,
        reason: None,
        report: Some(Arc::new(report)),
    };
    Batch {
        records: vec![record],
        ..batch(seq)
    }
}

/// A batch with so many bytes that a job remembers.
fn large_state(seq: u64, bytes: usize) -> Batch {
    let write = Write {
        value: Some(Value::new(vec![0; bytes].into())),
        replaced: 0,
    };
    let record = Record::StateWritten {
        run: RunId(1),
        job: JobName::new("a").unwrap(),
        changes: Arc::new(StateChanges::new([("k".into(), write)].into(), [].into())),
        total: 0,
    };
    Batch {
        records: vec![record],
        ..batch(seq)
    }
}

#[test]
fn what_waits_is_written_together() {
    let (writer, script) = script();
    writer.submit(batch(1));
    assert_eq!(script.asked.recv().unwrap(), [1]);
    writer.submit(batch(2));
    writer.submit(batch(3));
    script.answers.send(Answer::Write).unwrap();
    assert_eq!(script.notice(), "stored 1");
    script.answer(&[2, 3], Answer::Write);
    assert_eq!(script.notice(), "stored 3");
}

#[test]
fn a_group_has_a_limit_in_batches() {
    let (writer, script) = script();
    writer.submit(batch(1));
    assert_eq!(script.asked.recv().unwrap(), [1]);
    let all: Vec<u64> = (2..=2_500).collect();
    for &seq in &all {
        writer.submit(batch(seq));
    }
    script.answers.send(Answer::Write).unwrap();
    for group in all.chunks(MAX_BATCHES) {
        script.answer(group, Answer::Write);
    }
    close(writer).unwrap();
    let expected = ["stored 1", "stored 1001", "stored 2001", "stored 2500"];
    assert_eq!(script.last_notices(), expected);
}

#[test]
fn a_group_has_a_limit_in_bytes() {
    let (writer, script) = script();
    writer.submit(batch(1));
    assert_eq!(script.asked.recv().unwrap(), [1]);
    for seq in 2..=3 {
        writer.submit(large(seq, MAX_BYTES / 2));
    }
    for seq in 4..=5 {
        writer.submit(large_state(seq, MAX_BYTES / 2));
    }
    // One that is larger than a group may be is written all the same.
    writer.submit(large(6, MAX_BYTES * 2));
    writer.submit(batch(7));
    script.answers.send(Answer::Write).unwrap();
    for group in [&[2, 3][..], &[4, 5], &[6], &[7]] {
        script.answer(group, Answer::Write);
    }
}

#[test]
fn an_outage_is_told_once_and_loses_nothing() {
    let (writer, script) = script();
    writer.submit(batch(1));
    writer.submit(batch(2));
    let first = script.asked.recv().unwrap();
    assert_eq!(first[0], 1);
    script.answers.send(Answer::Fail).unwrap();
    assert_eq!(script.notice(), FAILED);
    writer.submit(batch(3));
    script.answer(&first, Answer::Fail);
    script.answer(&first, Answer::Write);
    assert_eq!(script.notice(), format!("stored {}", first.len()));
    let rest: Vec<u64> = (1..=3).skip(first.len()).collect();
    script.answer(&rest, Answer::Write);
    assert_eq!(script.notice(), "stored 3");
    assert_eq!(script.notice(), "recovered");
    writer.submit(batch(4));
    script.answer(&[4], Answer::Fail);
    assert_eq!(script.notice(), FAILED, "another outage is told again");
    script.answer(&[4], Answer::Write);
    assert_eq!(script.notice(), "stored 4");
    assert_eq!(script.notice(), "recovered");
}

#[test]
fn an_outage_goes_on_while_a_part_of_what_waited_is_not_written() {
    let (writer, script) = script();
    writer.submit(batch(1));
    script.answer(&[1], Answer::Fail);
    assert_eq!(script.notice(), FAILED);
    writer.submit(batch(2));
    script.answer(&[1], Answer::Write);
    assert_eq!(script.notice(), "stored 1");
    script.answer(&[2], Answer::Fail);
    script.answer(&[2], Answer::Write);
    assert_eq!(script.notice(), "stored 2");
    assert_eq!(script.notice(), "recovered");
}

#[test]
fn another_reason_for_an_outage_is_told() {
    let (writer, script) = script();
    writer.submit(batch(1));
    for _ in 0..2 {
        script.answer(&[1], Answer::Fail);
    }
    script.answer(&[1], Answer::FailOtherwise);
    assert_eq!(script.notice(), FAILED);
    let other = "failed: cannot write the history: the disk is gone";
    assert_eq!(script.notice(), other);
    script.answer(&[1], Answer::Write);
    assert_eq!(script.notice(), "stored 1");
    assert_eq!(script.notice(), "recovered");
}

#[test]
fn a_refusal_is_not_tried_again() {
    let (writer, script) = script();
    writer.submit(batch(1));
    script.answer(&[1], Answer::Refuse);
    assert_eq!(script.notice(), GIVEN_UP);
    writer.submit(batch(2));
    script.answers.send(Answer::Refuse).unwrap();
    let error = close(writer).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot write the history: run 7 is not open"
    );
    let asked: Vec<_> = script.asked.try_iter().collect();
    assert_eq!(asked, [[1]], "only closing tries it, once more");
    assert!(script.last_notices().is_empty());
}

#[test]
fn what_came_before_a_refused_batch_is_written() {
    let (writer, script) = script();
    writer.submit(batch(1));
    assert_eq!(script.asked.recv().unwrap(), [1]);
    for seq in 2..=5 {
        writer.submit(batch(seq));
    }
    script.answers.send(Answer::Write).unwrap();
    assert_eq!(script.notice(), "stored 1");
    script.answer(&[2, 3, 4, 5], Answer::Refuse);
    script.answer(&[2], Answer::Write);
    assert_eq!(script.notice(), "stored 2");
    script.answer(&[3], Answer::Write);
    assert_eq!(script.notice(), "stored 3");
    script.answer(&[4], Answer::Refuse);
    assert_eq!(script.notice(), GIVEN_UP);
    script.answers.send(Answer::Refuse).unwrap();
    close(writer).unwrap_err();
    let asked: Vec<_> = script.asked.try_iter().collect();
    assert_eq!(asked, [[4]], "what comes after it is not written");
}

#[test]
fn what_is_submitted_in_an_outage_hurries_nothing() {
    let (writer, script) = script();
    writer.submit(batch(1));
    assert_eq!(script.asked.recv().unwrap(), [1]);
    let failed = Instant::now();
    script.answers.send(Answer::Fail).unwrap();
    assert_eq!(script.notice(), FAILED);
    for seq in 2..100 {
        writer.submit(batch(seq));
    }
    assert_eq!(script.asked.recv().unwrap(), [1]);
    assert!(failed.elapsed() >= FIRST_RETRY, "it was tried too early");
    script.answers.send(Answer::Write).unwrap();
    let rest: Vec<u64> = (2..100).collect();
    script.answer(&rest, Answer::Write);
}

#[test]
fn the_delay_doubles_up_to_its_limit() {
    let delays =
        std::iter::successors(Some(next_delay(None)), |&last| Some(next_delay(Some(last))));
    let millis: Vec<_> = delays.take(8).map(|delay| delay.as_millis()).collect();
    assert_eq!(millis, [50, 100, 200, 400, 800, 1_600, 2_000, 2_000]);
}

#[test]
fn closing_writes_what_is_left_and_closes_the_store() {
    let (writer, script) = script();
    for seq in 1..=1_500 {
        writer.submit(batch(seq));
    }
    for _ in 0..10 {
        script.answers.send(Answer::Write).unwrap();
    }
    close(writer).unwrap();
    assert!(script.closed.load(Ordering::SeqCst));
    let asked: Vec<u64> = script.asked.try_iter().flatten().collect();
    assert_eq!(asked, (1..=1_500).collect::<Vec<_>>());
    assert_eq!(script.last_notices().last().unwrap(), "stored 1500");
}

#[test]
fn dropping_writes_what_is_left_too() {
    let (writer, script) = script();
    writer.submit(batch(1));
    script.answers.send(Answer::Write).unwrap();
    drop(writer);
    assert_eq!(script.last_notices(), ["stored 1"]);
    assert!(script.closed.load(Ordering::SeqCst));
}

#[test]
fn closing_in_an_outage_tries_once_more() {
    for (answer, works) in [(Answer::Write, true), (Answer::Fail, false)] {
        let (writer, script) = script();
        writer.submit(batch(1));
        script.answer(&[1], Answer::Fail);
        assert_eq!(script.notice(), FAILED);
        script.answers.send(answer).unwrap();
        let closed = close(writer);
        assert_eq!(script.asked.try_iter().collect::<Vec<_>>(), [[1]]);
        assert!(script.closed.load(Ordering::SeqCst));
        if works {
            closed.unwrap();
            assert_eq!(script.last_notices(), ["stored 1", "recovered"]);
        } else {
            let error = closed.unwrap_err().to_string();
            assert_eq!(error, "cannot write the history: the disk is full");
            assert!(script.last_notices().is_empty());
        }
    }
}

#[test]
fn closing_does_not_wait_for_ever_and_what_is_late_is_written_all_the_same() {
    let (writer, script) = script();
    writer.submit(batch(1));
    assert_eq!(script.asked.recv().unwrap(), [1]);
    assert!(writer.close(Duration::ZERO).is_none());
    script.answers.send(Answer::Write).unwrap();
    assert_eq!(script.notice(), "stored 1");
}

#[test]
fn closing_says_when_the_thread_is_gone() {
    let (writer, script) = script();
    writer.submit(batch(1));
    script.answer(&[1], Answer::Panic);
    let panicked = "given up: cannot write the history: its thread panicked";
    assert_eq!(script.notice(), panicked);
    let error = close(writer).unwrap_err().to_string();
    assert_eq!(error, "cannot write the history: its thread panicked");
}

fn old(run: u64) -> Old {
    Old {
        runs: vec![RunId(run)],
        ..Old::default()
    }
}

/// Has it deleted, on another thread.
fn remove(writer: &Writer, run: u64) -> Receiver<Result<Removed, StoreError>> {
    let door = writer.door();
    let (sender, removed) = channel();
    std::thread::spawn(move || sender.send(door.remove(old(run))));
    removed
}

/// Waits until somebody waits at the door.
fn until_asked(writer: &Writer) {
    let begin = Instant::now();
    while writer.queue.lock().removals.is_empty() {
        assert!(begin.elapsed() < PATIENCE, "nobody asked");
        std::thread::yield_now();
    }
}

#[test]
fn old_history_is_deleted_when_nothing_waits() {
    let (writer, script) = script();
    assert_eq!(writer.door().remove(old(1)).unwrap(), old(1).count());
    assert_eq!(script.removals.recv().unwrap(), old(1));
    writer.submit(batch(1));
    assert_eq!(script.asked.recv().unwrap(), [1]);
    let removed = remove(&writer, 2);
    until_asked(&writer);
    writer.submit(batch(2));
    script.answers.send(Answer::Write).unwrap();
    script.answer(&[2], Answer::Write);
    assert_eq!(removed.recv().unwrap().unwrap(), old(2).count());
    close(writer).unwrap();
}

#[test]
fn old_history_is_deleted_under_load_after_some_groups() {
    let (writer, script) = script();
    writer.submit(batch(0));
    assert_eq!(script.asked.recv().unwrap(), [0]);
    let removed = remove(&writer, 7);
    until_asked(&writer);
    for seq in 1..=u64::from(GROUPS) {
        assert_eq!(script.removals.try_recv().ok(), None, "group {seq}");
        writer.submit(batch(seq));
        script.answers.send(Answer::Write).unwrap();
        if seq < u64::from(GROUPS) {
            assert_eq!(script.asked.recv().unwrap(), [seq]);
        }
    }
    assert_eq!(script.removals.recv().unwrap(), old(7));
    assert_eq!(removed.recv().unwrap().unwrap(), old(7).count());
    script.answer(&[u64::from(GROUPS)], Answer::Write);
    close(writer).unwrap();
}

#[test]
fn an_outage_shuts_the_door() {
    let (writer, script) = script();
    writer.submit(batch(1));
    assert_eq!(script.asked.recv().unwrap(), [1]);
    let removed = remove(&writer, 1);
    until_asked(&writer);
    script.answers.send(Answer::Fail).unwrap();
    let error = removed.recv().unwrap().unwrap_err().to_string();
    let full = "cannot delete old history: cannot write the history: the disk is full";
    assert_eq!(error, full);
    let error = writer.door().remove(old(2)).unwrap_err().to_string();
    assert_eq!(error, full);
    script.answer(&[1], Answer::Write);
    assert_eq!(script.notice(), FAILED);
    assert_eq!(script.notice(), "stored 1");
    assert_eq!(script.notice(), "recovered");
    assert_eq!(writer.door().remove(old(3)).unwrap(), old(3).count());
    close(writer).unwrap();
}

#[test]
fn a_closed_writer_deletes_nothing() {
    let (writer, script) = script();
    let door = writer.door();
    close(writer).unwrap();
    let error = door.remove(old(1)).unwrap_err().to_string();
    assert_eq!(error, "cannot delete old history: the history is closed");
    assert!(script.removals.recv().is_err());
}
