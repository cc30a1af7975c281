//! Every mistake: where the error points, what it says, and what it advises.

use proptest::prelude::*;
use proptest::sample::select;

use super::super::Cron;
use super::cron;

/// An expression; under it carets below what is at fault, the message and the
/// label; and the help, if there is one.
const MISTAKES: &str = r#"
*
^ cron expression has 1 field; expected 5, 6 or 7 fields
= write `minute hour day-of-month month day-of-week`, such as `0 6 * * MON-FRI`

* * * *
^^^^^^^ cron expression has 4 fields; expected 5, 6 or 7 fields
= write `minute hour day-of-month month day-of-week`, such as `0 6 * * MON-FRI`

0 3 * *
^^^^^^^ cron expression has 4 fields; expected 5, 6 or 7 fields
= write `minute hour day-of-month month day-of-week`, such as `0 6 * * MON-FRI`

* * * * * * * *
              ^ cron expression has 8 fields; expected no field after the year
= write at most `second minute hour day-of-month month day-of-week year`

0 0 0 1 1 * 2026 x y
                 ^^^ cron expression has 9 fields; expected no field after the year
= write at most `second minute hour day-of-month month day-of-week year`

@reboot
^^^^^^^ `@reboot` is not a time; expected a macro that names times
= a restart never changes what is due: run `cronlet trigger JOB` from whatever starts the daemon

@REBOOT
^^^^^^^ `@REBOOT` is not a time; expected a macro that names times
= a restart never changes what is due: run `cronlet trigger JOB` from whatever starts the daemon

@dayly
^^^^^^ `@dayly` is not a macro; expected a macro such as `@daily`
= write `@hourly`, `@daily`, `@weekly`, `@monthly` or `@yearly`

@
^ `@` is not a macro; expected a macro such as `@daily`
= write `@hourly`, `@daily`, `@weekly`, `@monthly` or `@yearly`

@every 5m
^^^^^^ `@every` is not a macro; expected a macro such as `@daily`
= write `every = "5m"` in place of `cron`

@daily 5
       ^ `@daily` has fields after it; expected nothing after a macro
= write `@daily` alone

1,,3 * * * *
  ^ minute list has an empty item; expected a value on both sides of `,`
= write `1,3`

,1 * * * *
^ minute list has an empty item; expected a value on both sides of `,`
= write `1`

1, * * * *
 ^ minute list has an empty item; expected a value on both sides of `,`
= write `1`

, * * * *
^ minute list has an empty item; expected a value on both sides of `,`
= write `*` for every value

0 0 * * ,
        ^ day-of-week list has an empty item; expected a value on both sides of `,`
= write `*` for every value

60 * * * *
^^ minute 60 is out of range; expected 0-59

* 24 * * *
  ^^ hour 24 is out of range; expected 0-23
= write `0` for midnight

* * 32 * *
    ^^ day-of-month 32 is out of range; expected 1-31

* * 0 * *
    ^ day-of-month 0 is out of range; expected 1-31

* * * 13 *
      ^^ month 13 is out of range; expected 1-12 or JAN-DEC

* * * 0 *
      ^ month 0 is out of range; expected 1-12 or JAN-DEC

* * * * 8
        ^ day-of-week 8 is out of range; expected 0-7 or SUN-SAT

60 * * * * *
^^ second 60 is out of range; expected 0-59

* * * * * * 1969
            ^^^^ year 1969 is out of range; expected 1970-2199

* * * * * * 2200
            ^^^^ year 2200 is out of range; expected 1970-2199

99999999999999999999999 * * * *
^^^^^^^^^^^^^^^^^^^^^^^ minute 99999999999999999999999 is out of range; expected 0-59

-1 * * * *
^^ minute range `-1` has an open end; expected a value on both sides of `-`
= write a full range, such as `0-59`

1- * * * *
^^ minute range `1-` has an open end; expected a value on both sides of `-`
= write a full range, such as `0-59`

- * * * *
^ minute range `-` has an open end; expected a value on both sides of `-`
= write a full range, such as `0-59`

5-1 * * * *
^^^ minute range `5-1` runs backwards; expected the lower value first
= write `5-59,0-1`

* 22-2 * * *
  ^^^^ hour range `22-2` runs backwards; expected the lower value first
= write `22-23,0-2`

* * * * FRI-MON
        ^^^^^^^ day-of-week range `FRI-MON` runs backwards; expected the lower value first
= write `5-6,0-1`

* * * DEC-FEB *
      ^^^^^^^ month range `DEC-FEB` runs backwards; expected the lower value first
= write `12,1-2`

0 0 0 1 1 * 2030-2026
            ^^^^^^^^^ year range `2030-2026` runs backwards; expected the lower value first
= write `2026-2030`

* * * * 5-0
        ^^^ day-of-week range `5-0` runs backwards; expected the lower value first
= write `5-6,0`

*/0 * * * *
  ^ minute step 0 is out of range; expected 1 or more

1-5/0 * * * *
    ^ minute step 0 is out of range; expected 1 or more

*/ * * * *
^^ minute step is missing after `*/`; expected 1 or more

*/x * * * *
  ^ minute step `x` is not a number; expected 1 or more

*/2/3 * * * *
  ^^^ minute step `2/3` is not a number; expected 1 or more

5/15 * * * *
^^^^ `5/15` steps from a single value; expected `*` or a range before `/`
= write `5-59/15`

* * * * MON/2
        ^^^^^ `MON/2` steps from a single value; expected `*` or a range before `/`
= write `MON-6/2`

*/-1 * * * *
  ^^ minute step `-1` is not a number; expected 1 or more

/15 * * * *
^^^ minute step `/15` has nothing before `/`; expected `*` or a range before `/`
= write `*/15`

5/ * * * *
^^ minute step is missing after `5/`; expected 1 or more

5/0 * * * *
  ^ minute step 0 is out of range; expected 1 or more

** * * * *
^^ `**` is not a minute; expected 0-59

*5 * * * *
^^ `*5` is not a minute; expected 0-59

+5 * * * *
^^ `+5` is not a minute; expected 0-59

1.5 * * * *
^^^ `1.5` is not a minute; expected 0-59

0x1 * * * *
^^^ `0x1` is not a minute; expected 0-59

a * * * *
^ `a` is not a minute; expected 0-59

* * ? * *
    ^ `?` is not a day-of-month; expected 1-31
= write `*`

* * L * *
    ^ `L` is not a day-of-month; expected 1-31

* * LW * *
    ^^ `LW` is not a day-of-month; expected 1-31

* * 15W * *
    ^^^ `15W` is not a day-of-month; expected 1-31

* * L-3 * *
    ^ `L` is not a day-of-month; expected 1-31

* * * * FRIL
        ^^^^ `FRIL` is not a day-of-week; expected 0-7 or SUN-SAT

* * * * FRI#2
        ^^^^^ `FRI#2` is not a day-of-week; expected 0-7 or SUN-SAT

* * * * +FRI
        ^^^^ `+FRI` is not a day-of-week; expected 0-7 or SUN-SAT

H * * * *
^ `H` is not a minute; expected 0-59

H/15 * * * *
^ `H` is not a minute; expected 0-59

H(9-17) * * * *
^^^ `H(9` is not a minute; expected 0-59

* * * FOO *
      ^^^ `FOO` is not a month; expected 1-12 or JAN-DEC

* * * * monday
        ^^^^^^ `monday` is not a day-of-week; expected 0-7 or SUN-SAT
= write `MON`

* * * SEPT *
      ^^^^ `SEPT` is not a month; expected 1-12 or JAN-DEC
= write `SEP`

* * * MON *
      ^^^ `MON` is not a month; expected 1-12 or JAN-DEC
= write `MON` in the day-of-week field

* * * * JAN
        ^^^ `JAN` is not a day-of-week; expected 0-7 or SUN-SAT
= write `JAN` in the month field

* * * * * 2026
          ^^^^ day-of-week 2026 is out of range; expected 0-7 or SUN-SAT
= write the year as the last of seven fields, with seconds first

* * * * 2026
        ^^^^ day-of-week 2026 is out of range; expected 0-7 or SUN-SAT
= write the year as the last of seven fields, with seconds first

0 0 31 2 *
    ^^^^ cron expression names no time from 1970 to 2199; expected a day that exists
= write `0 0 28 2 *`

0 0 30 FEB *
    ^^^^^^ cron expression names no time from 1970 to 2199; expected a day that exists
= write `0 0 28 FEB *`

0 0 31 4,6,9,11 *
    ^^^^^^^^^^^ cron expression names no time from 1970 to 2199; expected a day that exists
= write `0 0 30 4,6,9,11 *`

0 0 31 2,4 *
    ^^^^^^ cron expression names no time from 1970 to 2199; expected a day that exists
= write `0 0 28 2,4 *`

0 0 0 29 2 * 2023
      ^^^^^^^^^^^ cron expression names no time from 1970 to 2199; expected a day that exists
= write `0 0 0 28 2 * 2023`

0 0 0 31 6 * 2026-2030
      ^^^^^^^^^^^^^^^^ cron expression names no time from 1970 to 2199; expected a day that exists
= write `0 0 0 30 6 * 2026-2030`

0 0 0 30-31 2 * *
      ^^^^^^^^^^^ cron expression names no time from 1970 to 2199; expected a day that exists
= write `0 0 0 28 2 * *`

é * * * *
^ `é` is not a minute; expected 0-59

* * * * ☃
        ^ `☃` is not a day-of-week; expected 0-7 or SUN-SAT

1–5 * * * *
^^^ `1–5` is not a minute; expected 0-59

1-2-3 * * * *
  ^^^ `2-3` is not a minute; expected 0-59

*-5 * * * *
^ `*` is not a minute; expected 0-59

0 6 * * Mon–Fri
        ^^^^^^^ `Mon–Fri` is not a day-of-week; expected 0-7 or SUN-SAT

0 6 * * *;
        ^^ `*;` is not a day-of-week; expected 0-7 or SUN-SAT

60,61 * * * *
^^ minute 60 is out of range; expected 0-59

* * * * MON-
        ^^^^ day-of-week range `MON-` has an open end; expected a value on both sides of `-`
= write a full range, such as `0-7`

1,60-70/2 * * * *
  ^^ minute 60 is out of range; expected 0-59
"#;

/// The error in the form of [`MISTAKES`].
fn rendered(expression: &str) -> String {
    let Err(error) = Cron::parse(expression) else {
        return format!("{expression}\nis taken");
    };
    assert_eq!(error.to_string(), error.message);
    let before = expression[..error.span.start].chars().count();
    let carets = "^".repeat(expression[error.span].chars().count());
    let (message, label) = (error.message, error.label);
    let help = error.help.map(|help| format!("\n= {help}"));
    let blanks = " ".repeat(before);
    format!(
        "{expression}\n{blanks}{carets} {message}; {label}{}",
        help.unwrap_or_default()
    )
}

#[test]
fn every_mistake_is_pointed_at() {
    let mistakes: Vec<&str> = MISTAKES.trim_matches('\n').split("\n\n").collect();
    assert!(mistakes.len() >= 80, "{}", mistakes.len());
    for mistake in mistakes {
        let expression = mistake.lines().next().unwrap();
        assert_eq!(rendered(expression), mistake);
    }
}

#[test]
fn an_empty_expression_is_pointed_at_as_a_whole() {
    for blank in ["", " ", "\t \t", "\n"] {
        let error = Cron::parse(blank).unwrap_err();
        assert_eq!(error.span, 0..blank.len());
        assert_eq!(error.message, "cron expression is empty");
        assert_eq!(error.label, "expected 5, 6 or 7 fields");
        assert_eq!(
            error.help.as_deref(),
            Some("write `0 * * * *` for every hour")
        );
    }
}

/// What a help about one field offers is taken in that field, and means what
/// was meant.
#[test]
fn what_help_offers_is_taken() {
    let offers = [
        ("* 22-2 * * *", 1),
        ("5-1 * * * *", 0),
        ("* * * * FRI-MON", 4),
        ("* * * DEC-FEB *", 3),
        ("5/15 * * * *", 0),
        ("/15 * * * *", 0),
        ("1,,3 * * * *", 0),
        ("* * * * monday", 4),
        ("* * ? * *", 2),
        ("-1 * * * *", 0),
    ];
    for (expression, place) in offers {
        let help = Cron::parse(expression).unwrap_err().help.unwrap();
        let mut fields: Vec<&str> = expression.split(' ').collect();
        fields[place] = help.split('`').nth(1).unwrap();
        cron(&fields.join(" "));
    }
    for expression in ["", "0 0 31 2 *", "0 0 0 29 2 * 2023", "0 0 31 4,6,9,11 *"] {
        let help = Cron::parse(expression).unwrap_err().help.unwrap();
        cron(help.split('`').nth(1).unwrap());
    }
}

/// Text that looks like an expression more often than chance would have it.
fn text() -> impl Strategy<Value = String> {
    let words = vec![
        "*",
        "*",
        "*",
        " ",
        " ",
        " ",
        "\t",
        "0",
        "1",
        "5",
        "7",
        "31",
        "59",
        "60",
        "2026",
        "-",
        "/",
        ",",
        "MON",
        "jan",
        "sun",
        "L",
        "W",
        "#",
        "?",
        "H",
        "+",
        "@",
        "@daily",
        "é",
        "(",
        "\u{a0}",
        "99999999999",
    ];
    prop_oneof![
        any::<String>(),
        proptest::collection::vec(select(words), 0..24).prop_map(|words| words.concat()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(4000) })]

    #[test]
    fn no_text_panics_and_every_span_is_within_it(text in text()) {
        match Cron::parse(&text) {
            Ok(cron) => {
                // As written and as canonical text it is the same expression.
                let again = super::cron(cron.as_str());
                prop_assert_eq!(&again, &cron);
                let fingerprint = cron.fingerprint();
                let canonical = super::cron(fingerprint.trim_start_matches("cron "));
                prop_assert_eq!(&canonical.pattern, &cron.pattern);
                prop_assert_eq!(canonical.fingerprint(), fingerprint);
            }
            Err(error) => {
                prop_assert!(text.get(error.span.clone()).is_some(), "{:?} in {:?}", error, text);
                prop_assert!(text.trim_ascii().is_empty() || !error.span.is_empty());
            }
        }
    }
}
