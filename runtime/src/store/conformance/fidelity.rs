//! Texts, times and numbers come back as they were given.

use std::time::Duration;

use cronlet_core::{
    record::StoredState,
    report::{Level, LogLine},
};

use super::*;

for_each_store! {
    text_is_kept_as_it_is,
    times_are_kept_to_the_microsecond,
    large_values_are_kept,
}

fn numbered(run: u64) -> Record {
    Record::RunQueued(Arc::new(NewRun {
        run: RunId(run),
        ..new_run(1, "a")
    }))
}

fn text_is_kept_as_it_is<S: Subject>() {
    let mut subject = S::new();
    let texts = [
        "",
        "ü → 🦀",
        "a\0b",
        "'; DROP TABLE runs; --",
        "\"\\\r\n\u{2028}",
    ];
    for (id, text) in (1..).zip(texts) {
        let new = NewRun {
            actor: Some(text.into()),
            params: Some(text.into()),
            ..new_run(id, "a")
        };
        let pair = (text.to_owned(), text.to_owned());
        let line = LogLine {
            at: at(0),
            level: Level::Stdout,
            message: text.to_owned(),
            fields: vec![pair.clone()],
        };
        let outcome = Outcome {
            summary: text.to_owned(),
            output: Some(text.to_owned()),
            attributes: vec![pair.clone()],
        };
        let report = AttemptReport {
            verdict: Verdict::Succeeded(outcome),
            log: vec![line.clone()],
            ..report(at(5))
        };
        let end = Record::RunEnded {
            run: RunId(id),
            end: RunEnd::Succeeded,
            message: Some(text.to_owned()),
        };
        subject.write(
            at(5),
            vec![
                Record::RunQueued(Arc::new(new)),
                started(id, 1, at(5)),
                ended(id, 1, AttemptStatus::Succeeded, report),
                end,
            ],
        );
        let row = run(&subject, id);
        let attempt = &row.attempts[0];
        let all = [&row.actor, &row.params, &row.message, &attempt.output];
        assert_eq!(all.map(Option::as_deref), [Some(text); 4]);
        assert_eq!(attempt.summary.as_deref().unwrap_or_default(), text);
        assert_eq!(attempt.attributes, [pair]);
        assert_eq!(
            subject.history().log(RunId(id), Some(1)).unwrap()[0].lines,
            [line]
        );
    }
}

fn times_are_kept_to_the_microsecond<S: Subject>() {
    let mut subject = S::new();
    let fine = Timestamp::new(at(3).as_second(), 123_456_789).unwrap();
    let kept = Timestamp::new(at(3).as_second(), 123_456_000).unwrap();
    let new = NewRun {
        cause: Cause::Time(fine),
        nominal: fine,
        queued_at: fine,
        ..new_run(1, "a")
    };
    subject.write(
        fine,
        vec![accepted("a", fine), Record::RunQueued(Arc::new(new))],
    );
    let recovery = subject.recovery();
    let new = &recovery.runs[0].new;
    assert_eq!(recovery.jobs[0].watermark, kept);
    assert_eq!((new.cause, new.nominal), (Cause::Time(kept), kept));
    assert_eq!(run(&subject, 1).queued_at, kept);
    subject.write(fine, vec![started(1, 1, fine)]);
    let running = StoredState::Running {
        starts_at: kept,
        recorded_at: kept,
    };
    assert_eq!(one(subject.recovery().runs).state, running);
    assert_eq!(run(&subject, 1).attempts[0].started_at, kept);
}

fn large_values_are_kept<S: Subject>() {
    let mut subject = S::new();
    let long = "ü".repeat(1 << 20);
    let usage = Usage {
        cpu: Duration::MAX,
        memory_peak: u64::MAX,
        log_lines: i64::MAX.cast_unsigned(),
        log_dropped: 1 << 40,
    };
    let report = AttemptReport {
        verdict: Verdict::Succeeded(Outcome {
            output: Some(long.clone()),
            ..Outcome::default()
        }),
        usage,
        duration: Duration::MAX,
        ..report(Timestamp::MIN)
    };
    let last = i64::MAX.cast_unsigned();
    let new = NewRun {
        run: RunId(last),
        nominal: Timestamp::MAX,
        queued_at: Timestamp::MIN,
        cause: Cause::Manual(RequestId(u64::MAX)),
        ..new_run(1, "a")
    };
    subject.write(
        at(5),
        vec![
            Record::RunQueued(Arc::new(new)),
            started(last, u32::MAX, at(5)),
            ended(last, u32::MAX, AttemptStatus::Succeeded, report),
        ],
    );
    let row = run(&subject, last);
    let attempt = &row.attempts[0];
    assert_eq!(row.cause, Cause::Manual(RequestId(u64::MAX)));
    assert_eq!(attempt.output, Some(long));
    assert_eq!(attempt.number, u32::MAX);
    let kept = attempt.usage.unwrap();
    assert_eq!(kept.memory_peak, i64::MAX.cast_unsigned(), "the largest");
    assert_eq!(kept.log_lines, usage.log_lines);
    assert_eq!(kept.log_dropped, usage.log_dropped);
    let message = refusal(subject.try_write(at(6), vec![numbered(last + 1)]));
    let next = last + 1;
    let expected = format!("run {next}: this number is not free, the next one is {next}");
    assert_eq!(message, expected);
}
