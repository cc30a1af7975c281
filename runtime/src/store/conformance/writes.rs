//! What a store takes: whole groups of batches, and nothing that contradicts it.

use cronlet_core::run::RunStatus;

use super::*;

for_each_store! {
    a_new_store_is_empty,
    run_numbers_are_never_used_twice,
    an_occurrence_is_one_run,
    what_contradicts_the_store_is_refused,
    a_group_is_written_whole_or_not_at_all,
    a_group_may_use_what_it_made,
    everything_survives_a_restart,
}

fn batches(all: Vec<Vec<Record>>) -> Vec<Batch> {
    (1..)
        .zip(all)
        .map(|(seq, records)| Batch {
            seq: Seq(seq),
            at: at(i64::try_from(seq).unwrap()),
            records,
        })
        .collect()
}

fn a_new_store_is_empty<S: Subject>() {
    let mut subject = S::new();
    let recovery = Recovery {
        next_run: 1,
        ..Recovery::default()
    };
    assert_eq!(subject.recovery(), recovery);
    assert_eq!(subject.entries(), []);
    assert_eq!(subject.history().jobs().unwrap(), []);
}

fn run_numbers_are_never_used_twice<S: Subject>() {
    let mut subject = S::new();
    subject.write(at(5), vec![queued(5, "a")]);
    assert_eq!(subject.recovery().next_run, 6);
    subject.restart();
    assert_eq!(subject.recovery().next_run, 6);
    for used in [0, 1, 4, 5] {
        let message = refusal(subject.try_write(at(6), vec![manual(used, "b", used)]));
        let expected = format!("run {used}: this number is not free, the next one is 6");
        assert_eq!(message, expected);
    }
    // A number that was given out by a batch that was refused is free.
    let batch = vec![manual(6, "a", 1), finished(9, RunEnd::Cancelled)];
    assert_eq!(
        refusal(subject.try_write(at(6), batch)),
        "run 9 is not open"
    );
    assert_eq!(subject.recovery().next_run, 6);
    subject.write(at(7), vec![manual(6, "a", 1)]);
    assert_eq!(subject.recovery().next_run, 7);
}

fn an_occurrence_is_one_run<S: Subject>() {
    let mut subject = S::new();
    subject.write(at(5), vec![queued(1, "a"), finished(1, RunEnd::Cancelled)]);
    let again = |run: u64, name| {
        Record::RunQueued(Arc::new(NewRun {
            run: RunId(run),
            ..new_run(1, name)
        }))
    };
    let message = refusal(subject.try_write(at(6), vec![queued(2, "a"), again(3, "a")]));
    let cause = Cause::Time(at(1));
    assert_eq!(
        message,
        format!("run 3: `a` already has a run for `{cause}`")
    );
    assert_eq!(subject.recovery().runs, [], "run 2 went with it");
    assert_eq!(subject.recovery().next_run, 2);
    subject.write(at(7), vec![again(2, "b"), manual(3, "a", 1)]);
    subject.write(at(7), vec![manual(4, "b", 1)]);
    assert_eq!(subject.recovery().runs.len(), 3);
}

fn what_contradicts_the_store_is_refused<S: Subject>() {
    let mut subject = S::new();
    subject.write(
        at(5),
        vec![
            queued(1, "a"),
            started(1, 2, at(5)),
            queued(2, "a"),
            started(2, 1, at(5)),
            ended(2, 1, AttemptStatus::Succeeded, report(at(5))),
            finished(2, RunEnd::Succeeded),
        ],
    );
    let cancel = |run| Record::CancelRequested {
        run: RunId(run),
        actor: None,
    };
    let to = at(9);
    let wrong = [
        (started(1, 2, to), "run 1 cannot start attempt 2"),
        (started(2, 2, to), "run 2 cannot start attempt 2"),
        (started(3, 1, to), "run 3 cannot start attempt 1"),
        (disarmed(1, 1), "run 1 has no open attempt 1"),
        (disarmed(2, 1), "run 2 has no open attempt 1"),
        (crashed(2, 1), "run 2 has no open attempt 1"),
        (crashed(3, 1), "run 3 has no open attempt 1"),
        (
            ended(1, 1, AttemptStatus::Succeeded, report(to)),
            "run 1 has no open attempt 1",
        ),
        (requeued(2), "run 2 is not open"),
        (retrying(2, to), "run 2 is not open"),
        (cancel(2), "run 2 is not open"),
        (cancel(3), "run 3 is not open"),
        (finished(2, RunEnd::Cancelled), "run 2 is not open"),
        (
            Record::Watermark { job: job("z"), to },
            "nothing is stored of the job `z`",
        ),
        (
            Record::JobRemoved { job: job("z") },
            "nothing is stored of the job `z`",
        ),
    ];
    let before = (subject.recovery(), subject.entries());
    for (record, expected) in wrong {
        assert_eq!(refusal(subject.try_write(at(9), vec![record])), expected);
    }
    assert_eq!((subject.recovery(), subject.entries()), before);
}

fn a_group_is_written_whole_or_not_at_all<S: Subject>() {
    let mut subject = S::new();
    let good = || {
        vec![
            vec![queued(1, "a")],
            vec![queued(2, "a"), skipped("a", 1, 2)],
        ]
    };
    let mut bad = good();
    bad.push(vec![accepted("a", at(3)), requeued(7)]);
    bad.push(vec![queued(3, "a")]);
    let result = subject.store().commit(&batches(bad));
    assert_eq!(refusal(result), "run 7 is not open");
    assert_eq!(subject.entries(), []);
    assert_eq!(subject.recovery().jobs, []);
    subject.store().commit(&batches(good())).unwrap();
    assert_eq!(subject.entries().len(), 3);
    subject.store().commit(&[]).unwrap();
}

fn a_group_may_use_what_it_made<S: Subject>() {
    let mut subject = S::new();
    let group = vec![
        vec![accepted("a", at(0)), queued(1, "a"), started(1, 1, at(1))],
        vec![Record::Watermark {
            job: job("a"),
            to: at(1),
        }],
        vec![
            ended(1, 1, AttemptStatus::Succeeded, report(at(1))),
            finished(1, RunEnd::Succeeded),
        ],
    ];
    subject.store().commit(&batches(group)).unwrap();
    assert_eq!(subject.recovery().jobs[0].watermark, at(1));
    assert_eq!(run(&subject, 1).ended_at, Some(at(3)));
}

fn everything_survives_a_restart<S: Subject>() {
    let mut subject = a_mixed_history::<S>();
    subject.write(
        at(50),
        vec![
            accepted("a", at(50)),
            started(1, 1, at(50)),
            started(2, 1, at(60)),
            retrying(2, at(90)),
        ],
    );
    let seen = |subject: &mut S| {
        let history = subject.history();
        let jobs = history.jobs().unwrap();
        let log = history.log(RunId(1), None).unwrap();
        (jobs, log, subject.entries(), subject.recovery())
    };
    let before = seen(&mut subject);
    subject.restart();
    assert_eq!(seen(&mut subject), before);
    subject.write(at(70), vec![crashed(1, 1), finished(1, RunEnd::Cancelled)]);
    assert_eq!(run(&subject, 1).status, RunStatus::Cancelled);
}
