//! `H`. The values are frozen: a change of any of them would move every such
//! job of every user.

use super::super::{Cron, hash};
use super::pattern_of;

/// Worked out by another program: SHA-256 over name, zero byte and field, its
/// first four bytes as a number, times the size, without the lower 32 bits.
const FROZEN: &[(&str, &str, &str)] = &[
    ("a", "H * * * *", "32 * * * *"),
    ("a", "H H * * *", "32 5 * * *"),
    ("a", "H H H H H H", "55 32 5 1 6 6"),
    ("a", "H/15 * * * *", "2,17,32,47 * * * *"),
    ("a", "0 H(9-17) * * *", "0 11 * * *"),
    ("a", "0 H(22-2) * * *", "0 23 * * *"),
    ("a", "H(0-29)/10 * * * *", "6,16,26 * * * *"),
    ("hello", "H * * * *", "4 * * * *"),
    ("hello", "H H * * *", "4 10 * * *"),
    ("hello", "H H H H H H", "44 4 10 8 11 1"),
    ("hello", "H/15 * * * *", "4,19,34,49 * * * *"),
    ("hello", "0 H(9-17) * * *", "0 13 * * *"),
    ("hello", "0 H(22-2) * * *", "0 0 * * *"),
    ("hello", "H(0-29)/10 * * * *", "2,12,22 * * * *"),
    ("fetch-papers", "H * * * *", "27 * * * *"),
    ("fetch-papers", "H H * * *", "27 0 * * *"),
    ("fetch-papers", "H H H H H H", "36 27 0 12 2 1"),
    ("fetch-papers", "H/15 * * * *", "12,27,42,57 * * * *"),
    ("fetch-papers", "0 H(9-17) * * *", "0 9 * * *"),
    ("fetch-papers", "0 H(22-2) * * *", "0 22 * * *"),
    ("fetch-papers", "H(0-29)/10 * * * *", "3,13,23 * * * *"),
    ("csv-import", "H * * * *", "51 * * * *"),
    ("csv-import", "H H * * *", "51 17 * * *"),
    ("csv-import", "H H H H H H", "24 51 17 8 8 6"),
    ("csv-import", "H/15 * * * *", "6,21,36,51 * * * *"),
    ("csv-import", "0 H(9-17) * * *", "0 15 * * *"),
    ("csv-import", "0 H(22-2) * * *", "0 1 * * *"),
    ("csv-import", "H(0-29)/10 * * * *", "5,15,25 * * * *"),
    ("job_1", "H * * * *", "10 * * * *"),
    ("job_1", "H H * * *", "10 12 * * *"),
    ("job_1", "H H H H H H", "25 10 12 5 12 3"),
    ("job_1", "H/15 * * * *", "10,25,40,55 * * * *"),
    ("job_1", "0 H(9-17) * * *", "0 13 * * *"),
    ("job_1", "0 H(22-2) * * *", "0 0 * * *"),
    ("job_1", "H(0-29)/10 * * * *", "5,15,25 * * * *"),
    (
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "H * * * *",
        "30 * * * *",
    ),
    (
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "H H * * *",
        "30 4 * * *",
    ),
    (
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "H H H H H H",
        "57 30 4 16 2 1",
    ),
    (
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "H/15 * * * *",
        "0,15,30,45 * * * *",
    ),
    (
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "0 H(9-17) * * *",
        "0 10 * * *",
    ),
    (
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "0 H(22-2) * * *",
        "0 22 * * *",
    ),
    (
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "H(0-29)/10 * * * *",
        "5,15,25 * * * *",
    ),
];

#[test]
fn each_value_is_as_it_always_was() {
    for (job, expression, resolved) in FROZEN {
        let cron = Cron::parse_for(expression, job).unwrap();
        assert_eq!(
            cron.pattern,
            pattern_of(resolved),
            "`{expression}` of {job}"
        );
    }
}

#[test]
fn it_is_within_its_interval_and_spread_over_it() {
    let mut seen = [0u32; 5];
    for n in 0..500 {
        let cron = Cron::parse_for("0 H(22-2) H * H", &format!("job-{n}")).unwrap();
        let hour = cron.pattern.hours.trailing_zeros();
        seen[usize::try_from((hour + 2) % 24).unwrap()] += 1;
        // Every month has the day.
        let day = cron.pattern.days.trailing_zeros();
        assert!((1..=28).contains(&day), "{day}");
        assert!(cron.pattern.weekdays.is_power_of_two());
        assert!(cron.pattern.weekdays < 1 << 7);
    }
    assert!(seen.iter().all(|n| *n > 50), "{seen:?}");
}

#[test]
fn it_is_below_every_size() {
    for size in 1..=230 {
        for job in ["a", "b", "fetch-papers"] {
            assert!(hash::below(size, job, "minute") < size);
        }
    }
    assert_eq!(hash::below(1, "a", "hour"), 0);
}

#[test]
fn fields_of_one_job_are_independent() {
    let same = (0..200)
        .filter(|n| {
            let job = format!("job-{n}");
            hash::below(60, &job, "minute") == hash::below(60, &job, "second")
        })
        .count();
    assert!(same < 20, "{same}");
}

#[test]
fn a_step_goes_on_from_the_value_to_the_end() {
    for n in 0..100 {
        let job = format!("job-{n}");
        let of = |expression: &str| Cron::parse_for(expression, &job).unwrap();
        let value = of("H * * * *").pattern.minutes.trailing_zeros();
        let steps: u64 = (value % 15..60).step_by(15).map(|minute| 1 << minute).sum();
        assert_eq!(of("H/15 * * * *").pattern.minutes, steps, "{job}");
        let value = of("* H(9-17) * * *").pattern.hours.trailing_zeros();
        let steps: u64 = (9..=17)
            .filter(|hour| hour % 3 == value % 3)
            .map(|hour| 1 << hour)
            .sum();
        assert_eq!(of("* H(9-17)/3 * * *").pattern.hours, steps, "{job}");
        let value = of("* * H * *").pattern.days.trailing_zeros();
        let steps: u64 = (1..=28)
            .filter(|day| day % 7 == value % 7)
            .map(|day| 1 << day)
            .sum();
        assert_eq!(of("* * H/7 * *").pattern.days, steps, "{job}");
    }
}

#[test]
fn only_a_step_without_an_interval_names_a_rhythm() {
    let of = |expression: &str| {
        Cron::parse_for(expression, "job")
            .unwrap()
            .is_interval_like()
    };
    for rhythm in [
        "H/15 * * * *",
        "H/15 2 * * *",
        "5 H/2 * * *",
        "h/2 2 * * *",
        "* 2 * * *",
        "5 * * * *",
    ] {
        assert!(of(rhythm), "{rhythm}");
    }
    for fixed in [
        "H 2 * * *",
        "H(0-29)/10 2 * * *",
        "5,*/15 2 * * *",
        "H/15 30 2 * * *",
        "0-59 2 * * *",
    ] {
        assert!(!of(fixed), "{fixed}");
    }
}

#[test]
fn the_fingerprint_is_of_what_it_stands_for() {
    let of = |expression: &str, job: &str| Cron::parse_for(expression, job).unwrap().fingerprint();
    let minute = hash::below(60, "a", "minute");
    assert_eq!(of("H * * * *", "a"), of(&format!("{minute} * * * *"), "a"));
    assert_ne!(of("H * * * *", "a"), of("H * * * *", "b"));
    // A rhythm and times of the day are two things, even where they are the same minutes.
    let first = minute % 15;
    assert_ne!(
        of("H/15 2 * * *", "a"),
        of(&format!("{first}-59/15 2 * * *"), "a")
    );
}
