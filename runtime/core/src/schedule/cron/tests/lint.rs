//! What is said about lines that Vixie cron reads otherwise, and about which
//! nothing is said.

use std::fmt::Write as _;

use super::cron;

/// An expression; under it carets below the part, what it means here and there;
/// and the help.
const LINTS: &str = r"
5/15 * * * *
^^^^ `5/15` goes on from 5 to 59; in Vixie cron it is 5 alone
= write `5-59/15`, which every cron reads alike

0 9/2,22/3 * * MON/2
  ^^^ `9/2` goes on from 9 to 23; in Vixie cron it is 9 alone
= write `9-23/2`, which every cron reads alike
      ^^^^ `22/3` goes on from 22 to 23; in Vixie cron it is 22 alone
= write `22-23/3`, which every cron reads alike
               ^^^^^ `MON/2` goes on from MON to 6; in Vixie cron it is MON alone
= write `MON-6/2`, which every cron reads alike

0 22-2 * * *
  ^^^^ `22-2` wraps around; in Vixie cron it matches nothing, or is refused
= write `22-23,0-2`, which every cron reads alike

0 22-2/2 * * *
  ^^^^^^ `22-2/2` wraps around; in Vixie cron it matches nothing, or is refused
= write `22,0,2`, which every cron reads alike

0 0 28-3 * *
    ^^^^ `28-3` wraps around; in Vixie cron it matches nothing, or is refused
= write `28-31,1-3`, which every cron reads alike

0 0 1 DEC-FEB *
      ^^^^^^^ `DEC-FEB` wraps around; in Vixie cron it matches nothing, or is refused
= write `12,1-2`, which every cron reads alike

0 0 * * FRI-MON
        ^^^^^^^ `FRI-MON` wraps around; in Vixie cron it matches nothing, or is refused
= write `5-6,0-1`, which every cron reads alike

0 0 * * FRI-MON/2
        ^^^^^^^^^ `FRI-MON/2` wraps around; in Vixie cron it matches nothing, or is refused
= write `5,0`, which every cron reads alike

0 0 * * SAT-SUN
        ^^^^^^^ `SAT-SUN` wraps around; in Vixie cron it matches nothing, or is refused
= write `6-7`, which every cron reads alike

0 0 * * 5-0/2
        ^^^^^ `5-0/2` wraps around; in Vixie cron it matches nothing, or is refused
= write `5-7/2`, which every cron reads alike

0 0 */2 * MON
    ^^^ of `*/2` and `MON` either day is enough, because `*/2` is not every day; in Vixie cron both must match, because of the `*`
= write `+MON` if both days must match

0 0 13 * */2
         ^^^ of `13` and `*/2` either day is enough, because `*/2` is not every day; in Vixie cron both must match, because of the `*`
= write `+*/2` if both days must match

0 0 */2 * */3
    ^^^ of `*/2` and `*/3` either day is enough, because `*/2` is not every day; in Vixie cron both must match, because of the `*`
= write `+*/3` if both days must match

0 0 1-31 * FRI
    ^^^^ `1-31` is every day, so only `FRI` counts; in Vixie cron either is enough, which is every day
= write `*` in its place, which every cron reads alike

0 0 13 * 0-6
         ^^^ `0-6` is every day, so only `13` counts; in Vixie cron either is enough, which is every day
= write `*` in its place, which every cron reads alike

0 0 13 * MON-SUN
         ^^^^^^^ `MON-SUN` wraps around; in Vixie cron it matches nothing, or is refused
= write `1-7`, which every cron reads alike
";

fn rendered(expression: &str) -> String {
    let mut text = expression.to_owned();
    for lint in cron(expression).lints(expression) {
        let blanks = " ".repeat(lint.span.start);
        let carets = "^".repeat(lint.span.len());
        let (message, label, help) = (lint.message, lint.label, lint.help);
        write!(text, "\n{blanks}{carets} {message}; {label}\n= {help}").unwrap();
    }
    text
}

#[test]
fn what_is_read_otherwise_is_pointed_at() {
    for lint in LINTS.trim_matches('\n').split("\n\n") {
        let expression = lint.lines().next().unwrap();
        assert_eq!(rendered(expression), lint);
    }
}

/// What the help offers is taken, and nothing is to be said about it.
#[test]
fn what_help_offers_means_the_same() {
    for (expression, place) in [
        ("5/15 * * * *", 0),
        ("0 22-2 * * *", 1),
        ("0 0 1 DEC-FEB *", 3),
        ("0 0 * * SAT-SUN", 4),
        ("0 0 * * FRI-MON/2", 4),
        ("0 0 1-31 * FRI", 2),
        ("0 0 13 * 0-6", 4),
    ] {
        let before = cron(expression);
        let help = before.lints(expression).remove(0).help;
        let mut fields: Vec<&str> = expression.split(' ').collect();
        fields[place] = help.split('`').nth(1).unwrap();
        let after = fields.join(" ");
        assert_eq!(
            cron(&after).pattern,
            before.pattern,
            "{expression} and {after}"
        );
        assert_eq!(cron(&after).lints(&after), []);
    }
}

#[test]
fn nothing_is_said_about_what_every_cron_reads_alike() {
    for plain in [
        "* * * * *",
        "*/5 9-17 * * MON-FRI",
        "0 0 13 * FRI",
        "0 0 * * FRI",
        "0 0 */2 * *",
        "0 0 *,5 * FRI",
        "0 0 1-31 * *",
        "0 0 * * 5-7",
        "@daily",
    ] {
        assert_eq!(cron(plain).lints(plain), [], "{plain}");
    }
}

#[test]
fn nothing_is_said_about_what_no_crontab_can_hold() {
    for ours in [
        "0 5/15 22-2 */2 * FRI",
        "0 0 L * FRI",
        "0 0 ? * FRI",
        "0 0 */2 * +FRI",
        "0 0 */2 * FRIL",
        "0 0 1-31 * FRI#2",
    ] {
        assert_eq!(cron(ours).lints(ours), [], "{ours}");
    }
}
