//! What is read and written, what is refused, and the way there and back.

use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::select;

use super::*;

#[test]
fn durations_are_read() {
    let cases = [
        ("500ms", Duration::from_millis(500)),
        ("90s", Duration::from_secs(90)),
        ("5m", Duration::from_mins(5)),
        ("1h30m", Duration::from_mins(90)),
        ("7d", Duration::from_hours(7 * 24)),
        ("0s", Duration::ZERO),
        ("01h", Duration::from_hours(1)),
        ("1h90m", Duration::from_mins(150)),
        ("1d2h3m4s5ms6us7ns", Duration::new(93_784, 5_006_007)),
        (
            "18446744073709551615s999ms",
            Duration::new(u64::MAX, 999_000_000),
        ),
    ];
    for (text, duration) in cases {
        assert_eq!(parse_duration(text), Ok(duration), "{text}");
    }
}

#[test]
fn durations_are_written() {
    let cases = [
        (Duration::ZERO, "0s"),
        (Duration::from_millis(500), "500ms"),
        (Duration::from_millis(1500), "1s500ms"),
        (Duration::from_secs(90), "1m30s"),
        (Duration::from_mins(5), "5m"),
        (Duration::from_mins(90), "1h30m"),
        (Duration::from_hours(24), "1d"),
        (Duration::from_nanos(1), "1ns"),
    ];
    for (duration, text) in cases {
        assert_eq!(format_duration(duration), text);
    }
}

#[test]
fn sizes_are_read_and_written() {
    let cases = [
        ("100B", 100, "100B"),
        ("512KiB", 512 << 10, "512KiB"),
        ("64MiB", 64 << 20, "64MiB"),
        ("1GiB", 1 << 30, "1GiB"),
        ("2TiB", 2 << 40, "2TiB"),
        ("1024MiB", 1 << 30, "1GiB"),
        ("1536KiB", 1536 << 10, "1536KiB"),
        ("64MB", 64_000_000, "62500KiB"),
        ("1kB", 1000, "1000B"),
        ("1GB", 1_000_000_000, "1000000000B"),
        ("1TB", 1_000_000_000_000, "976562500KiB"),
        ("0B", 0, "0B"),
        ("18446744073709551615B", u64::MAX, "18446744073709551615B"),
    ];
    for (text, bytes, written) in cases {
        assert_eq!(parse_size(text), Ok(bytes), "{text}");
        assert_eq!(format_size(bytes), written);
    }
}

/// A text, carets under what is at fault, the message and the help.
type Mistake = (&'static str, &'static str, &'static str, &'static str);

const DURATIONS: &[Mistake] = &[
    (
        "",
        "",
        "duration is empty",
        "write a duration such as `30s`",
    ),
    ("30", "^^", "duration `30` has no unit", "write `30s`"),
    (
        "1h30",
        "  ^^",
        "duration `1h30` has no unit",
        "write a unit after each number, such as `1h30m`",
    ),
    (
        "s",
        "^",
        "duration `s` has no number",
        "write a number with a unit, such as `30s`",
    ),
    (
        "1.5h",
        " ^",
        "duration `1.5h` has a fraction",
        "write whole numbers with units, such as `1h30m`",
    ),
    ("-5s", "^", "duration `-5s` has a sign", "write `5s`"),
    ("+5s", "^", "duration `+5s` has a sign", "write `5s`"),
    (
        "1h 30m",
        "  ^",
        "duration `1h 30m` has a blank",
        "write `1h30m`",
    ),
    (" 5m", "^", "duration ` 5m` has a blank", "write `5m`"),
    ("5m ", "  ^", "duration `5m ` has a blank", "write `5m`"),
    (
        " ",
        "^",
        "duration ` ` has a blank",
        "write whole numbers with units, such as `1h30m`",
    ),
    (
        "5m;",
        "  ^",
        "duration `5m;` is not one",
        "write whole numbers with units, such as `1h30m`",
    ),
    (
        "30m1h",
        "   ^^",
        "duration `30m1h` has a longer unit after a shorter one",
        "write a duration such as `1h30m`",
    ),
    (
        "1h1h",
        "  ^^",
        "duration `1h1h` names a unit twice",
        "write a duration such as `1h30m`",
    ),
    ("5min", " ^^^", "`min` is not a unit of time", "write `5m`"),
    ("5M", " ^", "`M` is not a unit of time", "write `5m`"),
    (
        "2hours",
        " ^^^^^",
        "`hours` is not a unit of time",
        "write `2h`",
    ),
    ("1w", " ^", "`w` is not a unit of time", ""),
    ("5é", " ^^", "`é` is not a unit of time", ""),
    (
        "213503982334602d",
        "^^^^^^^^^^^^^^^^",
        "duration `213503982334602d` is too long",
        "",
    ),
    (
        "9999999999999999999999999999999999999999s",
        "^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^",
        "duration `9999999999999999999999999999999999999999s` is too long",
        "",
    ),
    (
        "18446744073709551615s1000ms",
        "                     ^^^^^^",
        "duration `18446744073709551615s1000ms` is too long",
        "",
    ),
];

const SIZES: &[Mistake] = &[
    ("", "", "size is empty", "write a size such as `64MiB`"),
    ("64", "^^", "size `64` has no unit", "write `64B`"),
    (
        "MiB",
        "^^^",
        "size `MiB` has no number",
        "write a size such as `64MiB`",
    ),
    (
        "-1B",
        "^^^",
        "size `-1B` has no number",
        "write a size such as `64MiB`",
    ),
    (
        "1.5GiB",
        " ^",
        "size `1.5GiB` has a fraction",
        "write it with a smaller unit, such as `1536KiB`",
    ),
    (
        "64 MiB",
        "  ^",
        "size `64 MiB` has a blank",
        "write `64MiB`",
    ),
    (
        "64 megabytes",
        "  ^",
        "size `64 megabytes` has a blank",
        "write `64MB`",
    ),
    (
        "64 lots",
        "  ^",
        "size `64 lots` has a blank",
        "write a size such as `64MiB`",
    ),
    (
        "64mib",
        "  ^^^",
        "`mib` is not a unit of size",
        "write `64MiB`",
    ),
    ("64M", "  ^", "`M` is not a unit of size", "write `64MiB`"),
    ("64mb", "  ^^", "`mb` is not a unit of size", "write `64MB`"),
    ("64KB", "  ^^", "`KB` is not a unit of size", "write `64kB`"),
    ("64b", "  ^", "`b` is not a unit of size", "write `64B`"),
    ("64x", "  ^", "`x` is not a unit of size", ""),
    ("64MiB ", "  ^^^^", "`MiB ` is not a unit of size", ""),
    (
        "1MiB1KiB",
        " ^^^^^^^",
        "`MiB1KiB` is not a unit of size",
        "",
    ),
    (
        "16777216TiB",
        "^^^^^^^^^^^",
        "size `16777216TiB` is too large",
        "",
    ),
    (
        "18446744073709551616B",
        "^^^^^^^^^^^^^^^^^^^^^",
        "size `18446744073709551616B` is too large",
        "",
    ),
];

fn check<T: std::fmt::Debug>(mistake: &Mistake, result: Result<T, UnitError>) {
    let (text, carets, message, help) = mistake;
    let error = result.expect_err(text);
    let start = carets.find('^').unwrap_or(0);
    assert_eq!(error.span, start..carets.len(), "`{text}`");
    assert_eq!(error.message, *message, "`{text}`");
    assert_eq!(error.help.as_deref().unwrap_or(""), *help, "`{text}`");
    assert!(error.label.starts_with("expected"), "`{text}`");
}

#[test]
fn every_mistake_is_pointed_at() {
    for mistake in DURATIONS {
        check(mistake, parse_duration(mistake.0));
    }
    for mistake in SIZES {
        check(mistake, parse_size(mistake.0));
    }
}

fn text() -> impl Strategy<Value = String> {
    let words = vec![
        "0",
        "1",
        "30",
        "d",
        "h",
        "m",
        "s",
        "ms",
        "B",
        "KiB",
        "mb",
        " ",
        ".",
        "-",
        "é",
        "µs",
        "99999999999999999999",
    ];
    prop_oneof![
        any::<String>(),
        proptest::collection::vec(select(words), 0..8).prop_map(|words| words.concat()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    #[test]
    fn a_duration_is_read_back(seconds in any::<u64>(), scale in 0..64u32, nanos in 0..1_000_000_000u32) {
        let duration = Duration::new(seconds >> scale, nanos);
        prop_assert_eq!(parse_duration(&format_duration(duration)), Ok(duration));
    }

    #[test]
    fn a_size_is_read_back(bytes in any::<u64>(), scale in 0..64u32) {
        for bytes in [bytes >> scale, bytes << scale] {
            prop_assert_eq!(parse_size(&format_size(bytes)), Ok(bytes));
        }
    }

    #[test]
    fn no_text_panics_and_every_span_is_within_it(text in text()) {
        let errors = [parse_duration(&text).err(), parse_size(&text).err()];
        for error in errors.into_iter().flatten() {
            prop_assert!(text.get(error.span.clone()).is_some(), "{:?} in {:?}", error, text);
            prop_assert!(text.is_empty() || !error.span.is_empty());
        }
    }
}
