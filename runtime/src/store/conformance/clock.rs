//! What a clock that was wrong leaves.

use std::collections::BTreeSet;

use cronlet_core::{record::Span, run::FailReason};
use jiff::SignedDuration;

use super::*;
use crate::store::{
    JUMPS,
    history::{Beyond, ClockJump},
};

for_each_store! {
    jumps_of_the_clock_are_kept_newest_first,
    only_the_newest_thousand_jumps_are_kept,
    what_lies_beyond_is_what_ran_and_what_crosses,
    what_lies_beyond_is_told_to_the_microsecond,
    a_watermark_that_is_pulled_back_leaves_what_ran,
    what_is_ahead_is_forgotten_when_the_watermark_has_passed,
    ranges_end_where_a_watermark_is_pulled_back_to,
    only_a_job_that_is_there_is_pulled_back,
    a_removed_job_is_remembered_while_it_has_a_history,
    times_that_are_pulled_back_are_those_to_come,
}

fn span(first: i64, last: i64, count: u64) -> Span {
    Span {
        first: at(first),
        last: at(last),
        count,
    }
}

fn pulled_back(name: &str, to: i64, ran: &[i64], cuts: &[Span]) -> Record {
    Record::WatermarkPulledBack {
        job: job(name),
        from: at(1_000_000),
        to: at(to),
        ran: ran.iter().map(|t| at(*t)).collect(),
        cuts: cuts.to_vec(),
    }
}

fn plan() -> Record {
    Record::PlanAccepted {
        digest: Digest::of(b"plan"),
    }
}

fn ahead(subject: &mut impl Subject, name: &str) -> Option<BTreeSet<Timestamp>> {
    subject.recovery().ahead.remove(&job(name))
}

fn times_that_are_pulled_back_are_those_to_come<S: Subject>() {
    let mut subject = S::new();
    let success = |run, name| vec![queued(run, name), finished(run, RunEnd::Succeeded)];
    subject.write(at(10), vec![accepted("a", at(0)), accepted("b", at(0))]);
    subject.write(at(20), success(20, "a"));
    subject.write(at(900), success(900, "b"));
    let failed = finished(901, RunEnd::Failed(FailReason::Error));
    subject.write(at(900), vec![queued(901, "b"), failed]);
    subject.write(at(900), vec![accepted("c", at(0)), accepted("d", at(0))]);
    subject.write(at(910), vec![Record::JobRemoved { job: job("d") }]);
    subject.write(at(100), vec![Record::TimesPulledBack { to: at(100) }]);
    subject.restart();

    let recovery = subject.recovery();
    let of = |name: &str| {
        let name = job(name);
        recovery
            .jobs
            .iter()
            .find(|stored| stored.job == name)
            .unwrap()
    };
    let (a, b) = (&of("a").health, &of("b").health);
    assert_eq!((a.watched_since, a.last_success), (at(10), Some(at(20))));
    assert_eq!((b.watched_since, b.last_success), (at(10), Some(at(100))));
    assert_eq!(b.failing.unwrap().at, at(100));
    assert_eq!(of("c").health.watched_since, at(100));
    assert_eq!(of("d").removed_at, Some(at(100)));
    let run = subject.history().run(RunId(900)).unwrap().unwrap();
    assert_eq!(
        run.queued_at,
        at(900),
        "the times of runs stay as they were"
    );
}

fn jumps_of_the_clock_are_kept_newest_first<S: Subject>() {
    let mut subject = S::new();
    assert_eq!(subject.history().clock_jumps(9).unwrap(), []);
    let jumps = [(3_600, 3_600_000_000), (10, -3_590_000_500), (20, i64::MIN)];
    for (now, micros) in jumps {
        let by = SignedDuration::from_micros(micros);
        subject.write(at(now), vec![Record::ClockJumped { by }]);
    }
    let jump = |(now, micros)| ClockJump {
        at: at(now),
        by: SignedDuration::from_micros(micros),
    };
    subject.restart();
    let kept = subject.history().clock_jumps(2).unwrap();
    assert_eq!(kept, [jump(jumps[2]), jump(jumps[1])]);
}

fn only_the_newest_thousand_jumps_are_kept<S: Subject>() {
    let mut subject = S::new();
    let seconds = |number| SignedDuration::from_secs(i64::try_from(number).unwrap());
    let jumps = (0..JUMPS + 7).map(|number| Record::ClockJumped {
        by: seconds(number),
    });
    subject.write(at(0), jumps.collect());
    let kept = subject.history().clock_jumps(usize::MAX).unwrap();
    assert_eq!(kept.len(), JUMPS);
    assert_eq!(
        [kept[0].by, kept[JUMPS - 1].by],
        [JUMPS + 6, 7].map(seconds)
    );
}

fn what_lies_beyond_is_what_ran_and_what_crosses<S: Subject>() {
    let mut subject = S::new();
    subject.write(at(0), vec![accepted("a", at(0)), accepted("b", at(0))]);
    let runs = [
        queued(50, "a"),
        manual(60, "a", 7),
        queued(70, "a"),
        queued(71, "b"),
    ];
    subject.write(at(100), runs.to_vec());
    subject.write(at(100), vec![finished(50, RunEnd::Cancelled)]);
    let ranges = [
        skipped("a", 1, 9),
        skipped("a", 11, 40),
        skipped("a", 41, 49),
        skipped("b", 11, 40),
    ];
    subject.write(at(100), ranges.to_vec());
    let beyond = |after| subject.history().beyond(&job("a"), at(after)).unwrap();
    let found = |ran: &[i64], skips: &[Span]| Beyond {
        ran: ran.iter().map(|t| at(*t)).collect(),
        skips: skips.to_vec(),
    };
    assert_eq!(beyond(30), found(&[50, 70], &[span(11, 40, 30)]));
    assert_eq!(beyond(11), found(&[50, 70], &[span(11, 40, 30)]));
    assert_eq!(beyond(40), found(&[50, 70], &[]));
    assert_eq!(beyond(50), found(&[70], &[]));
    assert_eq!(beyond(70), found(&[], &[]));
    assert_eq!(beyond(-i64::from(u32::MAX)).ran.len(), 2);
    let nobody = subject.history().beyond(&job("nobody"), at(0)).unwrap();
    assert_eq!(nobody, Beyond::default());
}

fn what_lies_beyond_is_told_to_the_microsecond<S: Subject>() {
    let mut subject = S::new();
    let instants = [
        at(5),
        at(5) + SignedDuration::from_micros(1),
        at(5) + SignedDuration::from_millis(500),
        at(6),
        "9999-12-01T00:00:00Z".parse().unwrap(),
    ];
    let runs = instants.iter().zip(1..).map(|(at, run)| {
        let new = NewRun {
            cause: Cause::Time(*at),
            nominal: *at,
            ..new_run(run, "a")
        };
        Record::RunQueued(Arc::new(new))
    });
    subject.write(at(10), runs.collect());
    for (n, after) in instants.iter().enumerate() {
        let beyond = subject.history().beyond(&job("a"), *after).unwrap();
        assert_eq!(beyond.ran, instants[n + 1..], "after {after}");
    }
}

fn a_watermark_that_is_pulled_back_leaves_what_ran<S: Subject>() {
    let mut subject = S::new();
    subject.write(
        at(0),
        vec![accepted("a", at(1_000)), accepted("b", at(1_000))],
    );
    assert_eq!(ahead(&mut subject, "a"), None);
    subject.write(at(20), vec![pulled_back("a", 10, &[500, 900], &[])]);
    subject.restart();
    let recovery = subject.recovery();
    assert_eq!(recovery.jobs[0].watermark, at(10));
    assert_eq!(recovery.jobs[1].watermark, at(1_000));
    let expected = [(job("a"), BTreeSet::from([at(500), at(900)]))];
    assert_eq!(recovery.ahead, expected.into());
    // Another time, and one of them again.
    subject.write(at(30), vec![pulled_back("a", 20, &[900, 950], &[])]);
    let expected = BTreeSet::from([at(500), at(900), at(950)]);
    assert_eq!(ahead(&mut subject, "a"), Some(expected));
}

fn what_is_ahead_is_forgotten_when_the_watermark_has_passed<S: Subject>() {
    let mut subject = S::new();
    subject.write(at(0), vec![accepted("a", at(1_000))]);
    subject.write(at(20), vec![pulled_back("a", 10, &[500, 900], &[])]);
    let (name, to) = (job("a"), at(500));
    subject.write(at(600), vec![Record::Watermark { job: name, to }]);
    assert_eq!(ahead(&mut subject, "a"), Some([at(900)].into()));
    subject.write(at(600), vec![plan()]);
    subject.write(at(600), vec![pulled_back("a", 10, &[], &[])]);
    assert_eq!(ahead(&mut subject, "a"), Some([at(900)].into()));
}

fn ranges_end_where_a_watermark_is_pulled_back_to<S: Subject>() {
    let mut subject = S::new();
    subject.write(at(0), vec![accepted("a", at(1_000))]);
    let ranges = [
        skipped("a", 1, 5),
        skipped("a", 7, 40),
        skipped("a", 41, 49),
        skipped("b", 41, 49),
    ];
    subject.write(at(50), ranges.to_vec());
    let cut = pulled_back("a", 10, &[], &[span(7, 9, 3)]);
    subject.write(at(60), vec![cut]);
    let mut ranges: Vec<_> = subject
        .entries()
        .into_iter()
        .map(|entry| match entry {
            Entry::Skips(row) => (row.job.clone(), span_of(&row), row.recorded_at),
            Entry::Run(run) => panic!("{run:?}"),
        })
        .collect();
    ranges.sort_by_key(|(job, span, _)| (job.clone(), span.first));
    let left = [
        (job("a"), span(1, 5, 5), at(50)),
        (job("a"), span(7, 9, 3), at(50)),
        (job("b"), span(41, 49, 9), at(50)),
    ];
    assert_eq!(ranges, left);
}

fn span_of(row: &crate::store::history::SkipRow) -> Span {
    Span {
        first: row.first,
        last: row.last,
        count: row.count,
    }
}

fn only_a_job_that_is_there_is_pulled_back<S: Subject>() {
    let mut subject = S::new();
    let refused = subject.try_write(at(0), vec![pulled_back("a", 10, &[20], &[])]);
    let refused = refused.unwrap_err().to_string();
    assert!(
        refused.contains("nothing is stored of the job `a`"),
        "{refused}"
    );
    subject.write(at(0), vec![accepted("a", at(0))]);
    assert_eq!(ahead(&mut subject, "a"), None);
}

fn a_removed_job_is_remembered_while_it_has_a_history<S: Subject>() {
    let mut subject = S::new();
    subject.write(
        at(0),
        ["a", "b", "c"].map(|name| accepted(name, at(0))).to_vec(),
    );
    subject.write(at(5), vec![queued(1, "a"), finished(1, RunEnd::Cancelled)]);
    subject.write(at(5), vec![skipped("b", 1, 5)]);
    let removed = |name| Record::JobRemoved { job: job(name) };
    subject.write(at(10), ["a", "b", "c"].map(removed).to_vec());
    subject.write(at(10_000), vec![plan()]);
    let names = |subject: &mut S| {
        let jobs = subject.recovery().jobs.into_iter();
        jobs.map(|stored| stored.job.to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&mut subject), ["a", "b"]);
    let old = Old {
        runs: vec![RunId(1)],
        ..Old::default()
    };
    subject.store().remove(&old).unwrap();
    subject.write(at(10_000), vec![plan()]);
    assert_eq!(names(&mut subject), ["b"]);
}
