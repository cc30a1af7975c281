//! Each form of text, and the values it stands for.

use super::super::search::Pattern;
use super::{cron, following, pattern_of as pattern};

fn set(values: impl IntoIterator<Item = u32>) -> u64 {
    values.into_iter().fold(0, |bits, value| bits | 1 << value)
}

/// Every value of every field alone, every pair of them as a range, and every
/// step from a range's start, against plain iteration.
#[test]
fn every_value_range_and_step_of_every_field() {
    type Read = fn(&Pattern) -> u64;
    let fields: [(usize, u32, u32, Read); 6] = [
        (0, 0, 59, |p| p.seconds),
        (1, 0, 59, |p| p.minutes),
        (2, 0, 23, |p| p.hours),
        (3, 1, 31, |p| p.days),
        (4, 1, 12, |p| p.months),
        (5, 0, 6, |p| p.weekdays),
    ];
    for (place, min, max, read) in fields {
        let check = |field: &str, expected: u64| {
            let mut texts = ["0", "0", "0", "*", "*", "*"];
            texts[place] = field;
            let expression = texts.join(" ");
            assert_eq!(read(&pattern(&expression)), expected, "`{expression}`");
        };
        check("*", set(min..=max));
        for first in min..=max {
            check(&first.to_string(), set([first]));
            check(&format!("0{first}"), set([first]));
            for last in first..=max {
                check(&format!("{first}-{last}"), set(first..=last));
                check(&format!("{first},{last}"), set([first, last]));
            }
            for last in min..first {
                // A Sunday at the end of a range is the last day of the week.
                let whole = set(first..=max) | set(min..=last);
                check(&format!("{first}-{last}"), whole);
                let steps = (first..=max).chain(min..=last).step_by(2);
                check(&format!("{first}-{last}/2"), set(steps));
            }
            for step in 1..=max + 2 {
                let steps = (first..=max).step_by(step as usize);
                check(&format!("{first}-{max}/{step}"), set(steps.clone()));
                check(&format!("{first}/{step}"), set(steps));
                let steps = (min..=max).step_by(step as usize);
                check(&format!("*/{step}"), set(steps));
            }
        }
    }
}

#[test]
fn every_year_alone_and_the_ends() {
    for year in 1970..=2199 {
        let found = following(&format!("0 0 0 1 1 * {year}"), "1960-01-01T00:00:00Z", 2);
        assert_eq!(found, [format!("{year}-01-01T00:00:00Z")]);
    }
    let found = following("0 0 0 1 1 * 2000-2199/100,1970", "1960-01-01T00:00:00Z", 9);
    let expected = ["1970", "2000", "2100"].map(|year| format!("{year}-01-01T00:00:00Z"));
    assert_eq!(found, expected);
}

#[test]
fn names_are_their_numbers_in_any_case() {
    let months = [
        "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
    ];
    for (month, name) in (1..).zip(months) {
        for name in [name.to_owned(), name.to_lowercase(), capital(name)] {
            assert_eq!(
                pattern(&format!("0 0 1 {name} *")).months,
                set([month]),
                "{name}"
            );
        }
    }
    let weekdays = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
    for (weekday, name) in (0..).zip(weekdays) {
        for name in [name.to_owned(), name.to_lowercase(), capital(name)] {
            assert_eq!(
                pattern(&format!("0 0 * * {name}")).weekdays,
                set([weekday]),
                "{name}"
            );
        }
    }
    assert_eq!(pattern("0 0 1 jan-Mar,DEC *").months, set([1, 2, 3, 12]));
    assert_eq!(pattern("0 0 * * Mon-5").weekdays, set(1..=5));
    assert_eq!(pattern("0 0 * * mon-SAT/2").weekdays, set([1, 3, 5]));
}

fn capital(name: &str) -> String {
    format!("{}{}", &name[..1], name[1..].to_lowercase())
}

#[test]
fn sunday_is_0_and_7_and_may_end_a_range() {
    for sunday in [
        "0", "7", "00", "07", "SUN", "0,7", "7-7", "0-0", "SUN-SUN", "7-SUN",
    ] {
        assert_eq!(
            pattern(&format!("0 0 * * {sunday}")).weekdays,
            set([0]),
            "{sunday}"
        );
    }
    for weekend in ["6-7", "SAT-SUN", "6-SUN", "SAT-7", "SAT,SUN", "0,6"] {
        assert_eq!(
            pattern(&format!("0 0 * * {weekend}")).weekdays,
            set([0, 6]),
            "{weekend}"
        );
    }
    for (range, days) in [
        ("7-2", set(0..=2)),
        ("7-0", set([0])),
        ("6-0", set([0, 6])),
        ("FRI-MON", set([5, 6, 0, 1])),
        ("FRI-MON/2", set([5, 0])),
        ("5-7", set([5, 6, 0])),
        ("7/2", set([0, 2, 4, 6])),
        ("MON/2", set([1, 3, 5])),
    ] {
        assert_eq!(
            pattern(&format!("0 0 * * {range}")).weekdays,
            days,
            "{range}"
        );
    }
    for all in [
        "0-7", "1-7", "0-6", "*", "MON-SUN", "SUN-SAT", "*/1", "7,1-6",
    ] {
        assert_eq!(
            pattern(&format!("0 0 * * {all}")).weekdays,
            set(0..=6),
            "{all}"
        );
    }
    assert_eq!(pattern("0 0 * * 1-7/2").weekdays, set([0, 1, 3, 5]));
    assert_eq!(pattern("0 0 * * */2").weekdays, set([0, 2, 4, 6]));
}

#[test]
fn the_number_of_fields_decides_what_they_are() {
    let five = pattern("1 2 3 4 5");
    let six = pattern("0 1 2 3 4 5");
    let seven = pattern("0 1 2 3 4 5 1970-2199");
    assert_eq!(five, six);
    assert_eq!(five, seven);
    assert_eq!(five.seconds, set([0]));
    assert_eq!(five.minutes, set([1]));
    assert_eq!(five.weekdays, set([5]));
    let found = following("30 0 12 * * * 2027", "2026-05-01T00:00:00Z", 1);
    assert_eq!(found, ["2027-01-01T12:00:30Z"]);
}

#[test]
fn blanks_and_tabs_do_not_count() {
    let plain = cron("0 6 * * 1-5");
    for spelled in [
        " 0 6 * * 1-5",
        "0 6 * * 1-5 ",
        "0\t6  *\t \t* 1-5\t",
        "\n0 6 * * 1-5\r\n",
    ] {
        assert_eq!(cron(spelled), plain, "{spelled:?}");
        assert_eq!(cron(spelled).to_string(), "0 6 * * 1-5");
    }
}

#[test]
fn macros_are_their_expansions() {
    let macros = [
        ("@hourly", "0 * * * *"),
        ("@daily", "0 0 * * *"),
        ("@midnight", "0 0 * * *"),
        ("@weekly", "0 0 * * 0"),
        ("@monthly", "0 0 1 * *"),
        ("@yearly", "0 0 1 1 *"),
        ("@annually", "0 0 1 1 *"),
        (" @Daily ", "0 0 * * *"),
    ];
    for (name, expansion) in macros {
        assert_eq!(pattern(name), pattern(expansion), "{name}");
        assert_eq!(
            cron(name).fingerprint(),
            cron(expansion).fingerprint(),
            "{name}"
        );
        assert_eq!(cron(name).to_string(), name.trim());
    }
}

#[test]
fn one_fingerprint_for_all_spellings_of_a_definition() {
    let same = [
        [
            "0 6 * * Mon-Fri",
            "0  6 * * 1-5",
            "00 06 */1 * mon-FRI/1",
            "0 0 6 * * 1-5 *",
        ],
        [
            "0 0 * jan 7",
            "0 0 * 1 0",
            "0 0 * 01-01 SUN",
            "0 0 0 * JAN 0-0/5",
        ],
    ];
    for spellings in same {
        for spelling in spellings {
            assert_eq!(
                cron(spelling).fingerprint(),
                cron(spellings[0]).fingerprint()
            );
        }
    }
    let more = [
        (["0 0 * * 7/2", "0 0 * * sun/2"], "cron 0 0 0 * * 0-6/2 *"),
        (
            ["5/15 0 ? * *", "5-59/15 0 * * ?"],
            "cron 0 5-59/15 0 * * * *",
        ),
        (
            ["0 22-2 * * SAT-SUN", "0 22-02 * * 6-0"],
            "cron 0 0 22-2 * * 6-7 *",
        ),
        (
            ["0 0 L-3,15w,LW * *", "0 0 l-03,015W,lw * *"],
            "cron 0 0 0 L-3,15W,LW * * *",
        ),
        (
            ["0 0 L * +friL,7#2", "0 0 l * +5l,sun#2"],
            "cron 0 0 0 L * +5L,0#2 *",
        ),
    ];
    for (spellings, fingerprint) in more {
        for spelling in spellings {
            assert_eq!(cron(spelling).fingerprint(), fingerprint, "{spelling}");
        }
    }
    assert_eq!(
        cron("*/15 6 1,15 * FRI-SUN").fingerprint(),
        "cron 0 */15 6 1,15 * 5-7 *"
    );
}

#[test]
fn a_changed_definition_changes_the_fingerprint() {
    let different = [
        "0 6 * * *",
        "1 6 * * *",
        "0 7 * * *",
        "0 6 1 * *",
        "0 6 * 1 *",
        "0 6 * * 1",
        "1 0 6 * * *",
        "0 0 6 * * * 2026",
        "*/2 6 * * *",
        "*/3 6 * * *",
        "0-59 6 * * *",
        "* 6 * * *",
        "0 6 L * *",
        "0 6 L-1 * *",
        "0 6 LW * *",
        "0 6 1W * *",
        "0 6 * * 1L",
        "0 6 * * 1#1",
        "0 6 * * 1#2",
        "0 6 * * +1",
        "0 6-5 * * *",
        "0 6/2 * * *",
    ];
    for (n, one) in different.iter().enumerate() {
        for other in &different[..n] {
            assert_ne!(
                cron(one).fingerprint(),
                cron(other).fingerprint(),
                "{one} {other}"
            );
        }
    }
}
