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

0 0 0 1 1 * 2030-2026
            ^^^^^^^^^ year range `2030-2026` runs backwards; expected the lower value first
= write `2026-2030`

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

*/-1 * * * *
  ^^ minute step `-1` is not a number; expected 1 or more

/15 * * * *
^^^ minute step `/15` has nothing before `/`; expected `*` or a range before `/`
= write `*/15`

/ * * * *
^ `/` is not a minute; expected 0-59

0 3 * * * /usr/bin/backup
          ^^^^^^^^^^^^^^^ cron expression has a command after its fields; expected nothing after the last field
= write `0 3 * * *`: what is run is the job's `plugin`

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

H * * * *
^ `H` stands for another value in each job; expected the name of a job
= name the job: `cronlet next --cron EXPR --job-name NAME`

H/15 * * * *
^^^^ `H/15` stands for another value in each job; expected the name of a job
= name the job: `cronlet next --cron EXPR --job-name NAME`

H(9-17) * * * *
^^^^^^^ `H(9-17)` stands for another value in each job; expected the name of a job
= name the job: `cronlet next --cron EXPR --job-name NAME`

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
= write `0 * * * * * 2026`: the year is the last of seven fields, and the second the first

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
 ^ `–` means nothing in a cron expression; expected `-`
= write `1-5 * * * *`

1-2-3 * * * *
  ^^^ `2-3` is not a minute; expected 0-59

*-5 * * * *
^ `*` is not a minute; expected 0-59

0 6 * * Mon–Fri
           ^ `–` means nothing in a cron expression; expected `-`
= write `0 6 * * Mon-Fri`

0 6 * * *;
        ^^ `*;` is not a day-of-week; expected 0-7 or SUN-SAT

60,61 * * * *
^^ minute 60 is out of range; expected 0-59

* * * * MON-
        ^^^^ day-of-week range `MON-` has an open end; expected a value on both sides of `-`
= write a full range, such as `0-7`

1,60-70/2 * * * *
  ^^ minute 60 is out of range; expected 0-59

* ? * * *
  ^ `?` is not an hour; expected 0-23
= write `*`

? * * * *
^ `?` is not a minute; expected 0-59
= write `*`

* * * ? *
      ^ `?` is not a month; expected 1-12 or JAN-DEC
= write `*`

* * ?5 * *
    ^^ `?5` is not a day-of-month; expected 1-31

* * W * *
    ^ `W` is not a day-of-month; expected 1-31
= write `15W` for the working day nearest to the 15th

* * 0W * *
    ^ day-of-month 0 is out of range; expected 1-31

* * 32W * *
    ^^ day-of-month 32 is out of range; expected 1-31

* * 1-5W * *
    ^^^^ `1-5W` is near to no single day; expected one day before `W`
= write `15W` for the working day nearest to the 15th

* * *W * *
    ^^ `*W` is near to no single day; expected one day before `W`
= write `15W` for the working day nearest to the 15th

* * W15 * *
    ^^^ `W15` is not a day-of-month; expected 1-31

* * xW * *
    ^ `x` is not a day-of-month; expected 1-31

* * L-0 * *
      ^ `L-0` is no day before the last of the month; expected 1-30 days after `L-`
= write `L-3` for the third day before the last, or `L` for the last

* * L-31 * *
      ^^ `L-31` is no day before the last of the month; expected 1-30 days after `L-`
= write `L-3` for the third day before the last, or `L` for the last

* * L- * *
    ^^ `L-` is no day before the last of the month; expected 1-30 days after `L-`
= write `L-3` for the third day before the last, or `L` for the last

* * L-x * *
      ^ `L-x` is no day before the last of the month; expected 1-30 days after `L-`
= write `L-3` for the third day before the last, or `L` for the last

* * L-3W * *
      ^^ `L-3W` is no day before the last of the month; expected 1-30 days after `L-`
= write `L-3` for the third day before the last, or `L` for the last

* * LL * *
    ^^ `LL` is not a day-of-month; expected 1-31

* * WL * *
    ^^ `WL` is not a day-of-month; expected 1-31

* * 3L * *
    ^^ `3L` is not a day-of-month; expected 1-31

* * L/2 * *
    ^^^ `L` takes no step; expected `*`, a value or a range before `/`
= write `L`

* * 15W/2 * *
    ^^^^^ `15W` takes no step; expected `*`, a value or a range before `/`
= write `15W`

* * FRI#2 * *
    ^^^^^ `FRI#2` is not a day-of-month; expected 1-31
= write `FRI#2` in the day-of-week field

* * FRI * *
    ^^^ `FRI` is not a day-of-month; expected 1-31
= write `FRI` in the day-of-week field

* * +13 * FRI
    ^^^ `+13` is not a day-of-month; expected 1-31
= write the `+` before the day-of-week field

* * * * L
        ^ `L` is not a day-of-week; expected 0-7 or SUN-SAT
= write `SUNL` for the last Sunday of the month

* * * * LW
        ^^ `LW` is not a day-of-week; expected 0-7 or SUN-SAT
= write `LW` in the day-of-month field

* * * * 15W
        ^^^ `15W` is not a day-of-week; expected 0-7 or SUN-SAT
= write `15W` in the day-of-month field

* * * * 8L
        ^ day-of-week 8 is out of range; expected 0-7 or SUN-SAT

* * * * FOOL
        ^^^ `FOO` is not a day-of-week; expected 0-7 or SUN-SAT

* * * * MON-FRIL
        ^^^^^^^^ `MON-FRIL` is the last of no single day; expected one day of the week before `L`
= write `FRIL` for the last Friday of the month

* * * * *L
        ^^ `*L` is the last of no single day; expected one day of the week before `L`
= write `FRIL` for the last Friday of the month

* * * * #2
        ^^ `#2` counts no single day; expected one day of the week before `#`
= write `FRI#2` for the second Friday of the month

* * * * FRI#
        ^^^^ `FRI#` is in no month; expected 1-5 after `#`
= write `FRI#2` for the second one

* * * * FRI#0
            ^ `FRI#0` is in no month; expected 1-5 after `#`
= write `FRI#2` for the second one

* * * * FRI#6
            ^ `FRI#6` is in no month; expected 1-5 after `#`
= write `FRI#2` for the second one

* * * * FRI#L
            ^ `FRI#L` is in no month; expected 1-5 after `#`
= write `FRIL` for the last one

* * * * 8#1
        ^ day-of-week 8 is out of range; expected 0-7 or SUN-SAT

* * * * *#1
        ^^^ `*#1` counts no single day; expected one day of the week before `#`
= write `FRI#2` for the second Friday of the month

* * * * MON-FRI#1
        ^^^^^^^^^ `MON-FRI#1` counts no single day; expected one day of the week before `#`
= write `FRI#2` for the second Friday of the month

* * * * FRI#1#2
            ^^^ `FRI#1#2` is in no month; expected 1-5 after `#`
= write `FRI#2` for the second one

* * * * FRI#2/2
        ^^^^^^^ `FRI#2` takes no step; expected `*`, a value or a range before `/`
= write `FRI#2`

* * * * FRIL/2
        ^^^^^^ `FRIL` takes no step; expected `*`, a value or a range before `/`
= write `FRIL`

* * * * +
        ^ `+` has no day-of-week after it; expected a day of the week
= write `+FRI` for a day that must be a Friday too

* * * * ++FRI
         ^^^^ `+FRI` is not a day-of-week; expected 0-7 or SUN-SAT

* * * * FRI+
        ^^^^ `FRI+` is not a day-of-week; expected 0-7 or SUN-SAT

+* * * * *
^^ `+*` is not a minute; expected 0-59

* L * * *
  ^ `L` is not an hour; expected 0-23
= write `L` in the day-of-month field

L * * * *
^ `L` is not a minute; expected 0-59
= write `L` in the day-of-month field

* * * L *
      ^ `L` is not a month; expected 1-12 or JAN-DEC
= write `L` in the day-of-month field

* 15W * * *
  ^^^ `15W` is not an hour; expected 0-23
= write `15W` in the day-of-month field

* FRI#2 * * *
  ^^^^^ `FRI#2` is not an hour; expected 0-23
= write `FRI#2` in the day-of-week field

h(1-5) * * * *
^^^^^^ `h(1-5)` stands for another value in each job; expected the name of a job
= name the job: `cronlet next --cron EXPR --job-name NAME`

H() * * * *
^^^ `H()` has no range to choose from; expected two values with `-` between them
= write `H(0-59)`

H(5) * * * *
^^^^ `H(5)` has no range to choose from; expected two values with `-` between them
= write `H(0-59)`

H(5-) * * * *
  ^^ minute range `5-` has an open end; expected a value on both sides of `-`
= write a full range, such as `0-59`

H(0-60) * * * *
    ^^ minute 60 is out of range; expected 0-59

H(a-b) * * * *
  ^ `a` is not a minute; expected 0-59

H5 * * * *
^^ `H5` is not a minute; expected 0-59
= write `H`, `H/2` or `H(0-59)`

H-5 * * * *
^ `H` is not a minute; expected 0-59
= write `H`, `H/2` or `H(0-59)`

H/0 * * * *
  ^ minute step 0 is out of range; expected 1 or more

H/x * * * *
  ^ minute step `x` is not a number; expected 1 or more

H, * * * *
^ `H` stands for another value in each job; expected the name of a job
= name the job: `cronlet next --cron EXPR --job-name NAME`

* * H/2W * *
      ^^ day-of-month step `2W` is not a number; expected 1 or more

* * * * HL
        ^ `H` is not a day-of-week; expected 0-7 or SUN-SAT
= write `H`, `H/2` or `H(0-6)`

0/60/5 * * * *
  ^^^^ minute step `60/5` is not a number; expected 1 or more

5/ 2 * * * *
^^ second step is missing after `5/`; expected 1 or more

0 0 31W 2 *
    ^^^^^ cron expression names no time from 1970 to 2199; expected a day that exists
= write `0 0 28 2 *`

0 0 L-30 2 *
    ^^^^^^ cron expression names no time from 1970 to 2199; expected a day that exists
= write `0 0 28 2 *`

0 0 31 2 +MON
    ^^^^^^^^^ cron expression names no time from 1970 to 2199; expected a day that exists
= leave out the `+` if one of the two day fields is enough

0 0 0 29 2 +MON 2026
      ^^^^^^^^^^^^^^ cron expression names no time from 1970 to 2199; expected a day that exists
= leave out the `+` if one of the two day fields is enough

0 0 0 * 2 MON#5 2023
        ^^^^^^^^^^^^ cron expression names no time from 1970 to 2199; expected a day that exists

0 0 0 L-29 2 +TUE#1 2024
      ^^^^^^^^^^^^^^^^^^ cron expression names no time from 1970 to 2199; expected a day that exists
= leave out the `+` if one of the two day fields is enough

0 0 30 2 FRI#5,+SAT
               ^^^^ `+SAT` is not a day-of-week; expected 0-7 or SUN-SAT

0 0 1 1 MON 2026 *
        ^^^ `MON` is not a month; expected 1-12 or JAN-DEC
= write `MON` in the day-of-week field

* * * * MON,,FRI
            ^ day-of-week list has an empty item; expected a value on both sides of `,`
= write `MON,FRI`

0 0 0 1 1 * 2030/0
                 ^ year step 0 is out of range; expected 1 or more

0 0 0 1 1 ? 2026-
            ^^^^^ year range `2026-` has an open end; expected a value on both sides of `-`
= write a full range, such as `1970-2199`

0 0 0 1 1 * L
            ^ `L` is not a year; expected 1970-2199
= write `L` in the day-of-month field

* * * * * * H(1960-1970)
              ^^^^ year 1960 is out of range; expected 1970-2199

@weekly UTC
        ^^^ `@weekly` has fields after it; expected nothing after a macro
= write `@weekly` alone

@Monthly 1
         ^ `@Monthly` has fields after it; expected nothing after a macro
= write `@Monthly` alone

*/5 * * * * /usr/bin/backup --all
            ^^^^^^^^^^^^^^^^^^^^^ cron expression has a command after its fields; expected nothing after the last field
= write `*/5 * * * *`: what is run is the job's `plugin`

*/5 * * * * root /usr/bin/backup
            ^^^^^^^^^^^^^^^^^^^^ cron expression has a command after its fields; expected nothing after the last field
= write `*/5 * * * *`: what is run is the job's `plugin`

0 6 * * * date +%Y > /tmp/x
          ^^^^^^^^^^^^^^^^^ cron expression has a command after its fields; expected nothing after the last field
= write `0 6 * * *`: what is run is the job's `plugin`

0 6 * * * cd /x && ./y %in
          ^^^^^^^^^^^^^^^^ cron expression has a command after its fields; expected nothing after the last field
= write `0 6 * * *`: what is run is the job's `plugin`

0 6 * * * # daily
          ^^^^^^^ cron expression has a comment after its fields; expected nothing after the last field
= write `0 6 * * *`, and the comment behind the closing quote

0 0 6 * * * 2027 ./y
                 ^^^ cron expression has a command after its fields; expected nothing after the last field
= write `0 0 6 * * * 2027`: what is run is the job's `plugin`

0 0 6 * * * FRIL
            ^^^^ `FRIL` is not a year; expected 1970-2199

0 6 * * * * * *
              ^ cron expression has 8 fields; expected no field after the year
= write at most `second minute hour day-of-month month day-of-week year`

0 6 * * * 2027
          ^^^^ day-of-week 2027 is out of range; expected 0-7 or SUN-SAT
= write `0 0 6 * * * 2027`: the year is the last of seven fields, and the second the first

0 12 * * ? *
         ^ `?` is not a month; expected 1-12 or JAN-DEC
= write `0 12 * * ?`: of six fields the first is the second

0 12 1 1 ? 2027
         ^ `?` is not a month; expected 1-12 or JAN-DEC
= write `0 0 12 1 1 ? 2027`: the year is the last of seven fields, and the second the first

“0 6 * * *”
^ `“` means nothing in a cron expression; expected the fields alone
= write `0 6 * * *`

"0 6 * * *"
^ `"` means nothing in a cron expression; expected the fields alone
= write `0 6 * * *`

0 6 * * 1–5
         ^ `–` means nothing in a cron expression; expected `-`
= write `0 6 * * 1-5`

0 6 * * 1−5
         ^ `−` means nothing in a cron expression; expected `-`
= write `0 6 * * 1-5`

0 6 ∗ * *
    ^ `∗` means nothing in a cron expression; expected `*`
= write `0 6 * * *`

0 6 * * 1–9
        ^^^ `1–9` is not a day-of-week; expected 0-7 or SUN-SAT

0 6 * * 1 - 5
         ^ cron expression has a blank beside `-`; expected no blank within a field
= write `0 6 * * 1-5`

0 6 * * Mon, Fri
            ^ cron expression has a blank beside `,`; expected no blank within a field
= write `0 6 * * Mon,Fri`

0 6 * * 1 ,5
         ^ cron expression has a blank beside `,`; expected no blank within a field
= write `0 6 * * 1,5`

CRON_TZ=Europe/Berlin 0 6 * * *
^^^^^^^^^^^^^^^^^^^^^ `CRON_TZ=Europe/Berlin` is no field; expected the fields alone
= write `0 6 * * *`, and the zone as `timezone = "Europe/Berlin"`

TZ=UTC
^^^^^^ cron expression has 1 field; expected 5, 6 or 7 fields
= write `minute hour day-of-month month day-of-week`, such as `0 6 * * MON-FRI`

06:00
^^^^^ cron expression has 1 field; expected 5, 6 or 7 fields
= write `0 6 * * *` for 06:00 every day

24:00
^^^^^ cron expression has 1 field; expected 5, 6 or 7 fields
= write `0 0 * * *` for 00:00 every day

6am
^^^ cron expression has 1 field; expected 5, 6 or 7 fields
= write `0 6 * * *` for 06:00 every day

12:30 pm
^^^^^^^^ cron expression has 2 fields; expected 5, 6 or 7 fields
= write `30 12 * * *` for 12:30 every day

13pm
^^^^ cron expression has 1 field; expected 5, 6 or 7 fields
= write `minute hour day-of-month month day-of-week`, such as `0 6 * * MON-FRI`

25:00
^^^^^ cron expression has 1 field; expected 5, 6 or 7 fields
= write `minute hour day-of-month month day-of-week`, such as `0 6 * * MON-FRI`

5 minutes
^^^^^^^^^ cron expression has 2 fields; expected 5, 6 or 7 fields
= write `every = "5m"` in place of `cron`

every 5 minutes
^^^^^^^^^^^^^^^ cron expression has 3 fields; expected 5, 6 or 7 fields
= write `every = "5m"` in place of `cron`

1h30m
^^^^^ cron expression has 1 field; expected 5, 6 or 7 fields
= write `every = "1h30m"` in place of `cron`

5
^ cron expression has 1 field; expected 5, 6 or 7 fields
= write `minute hour day-of-month month day-of-week`, such as `0 6 * * MON-FRI`

daily
^^^^^ cron expression has 1 field; expected 5, 6 or 7 fields
= write `@daily`

@minutely
^^^^^^^^^ `@minutely` is not a macro; expected a macro such as `@daily`
= write `* * * * *`

every day at 6
^^^^^^^^^^^^^^ cron expression has 4 fields; expected 5, 6 or 7 fields
= write `minute hour day-of-month month day-of-week`, such as `0 6 * * MON-FRI`

~ 6 * * *
^ `~` is not a minute; expected 0-59
= write `H`, which never changes

0~30 6 * * *
^^^^ `0~30` is not a minute; expected 0-59
= write `H(0-30)`, which never changes

0 ~12 * * *
  ^^^ `~12` is not an hour; expected 0-23
= write `H(0-12)`, which never changes

0 a~b * * *
  ^^^ `a~b` is not an hour; expected 0-23

0 6 * * sundays
        ^^^^^^^ `sundays` is not a day-of-week; expected 0-7 or SUN-SAT
= write `SUN`

0 6 * * Mo
        ^^ `Mo` is not a day-of-week; expected 0-7 or SUN-SAT
= write `MON`

0 6 * * T
        ^ `T` is not a day-of-week; expected 0-7 or SUN-SAT

0 6 * Ju *
      ^^ `Ju` is not a month; expected 1-12 or JAN-DEC

0 6 * * Thurs
        ^^^^^ `Thurs` is not a day-of-week; expected 0-7 or SUN-SAT
= write `THU`

@daily /usr/bin/x
       ^^^^^^^^^^ `@daily` has fields after it; expected nothing after a macro
= write `@daily` alone
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
    assert!(mistakes.len() >= 120, "{}", mistakes.len());
    for mistake in mistakes {
        let expression = mistake.lines().next().unwrap();
        assert_eq!(rendered(expression), mistake);
    }
}

#[test]
fn a_blank_that_is_none_is_named() {
    let error = Cron::parse("0 6 \u{a0}* * *").unwrap_err();
    assert_eq!(error.span, 4..6);
    assert_eq!(
        error.message,
        "the character U+00A0 means nothing in a cron expression"
    );
    assert_eq!(error.label, "expected a blank");
    assert_eq!(error.help.as_deref(), Some("write `0 6 * * *`"));
}

/// What is offered for a whole expression, and what follows it there.
#[test]
fn what_is_offered_for_a_whole_expression_is_one() {
    for (expression, meant) in [
        ("*/5 * * * * root /usr/bin/x", "*/5 * * * *"),
        ("0 6 * * * 2027", "0 0 6 * * * 2027"),
        ("0 12 * * ? *", "0 12 * * ?"),
        ("0 6 * * 1 - 5", "0 6 * * 1-5"),
        ("‘0 6 * * 1–5’", "0 6 * * 1-5"),
        ("tz=UTC 0 6 * * *", "0 6 * * *"),
        ("6:05", "5 6 * * *"),
        ("12am", "0 0 * * *"),
        ("Weekly", "@weekly"),
    ] {
        let help = Cron::parse(expression).unwrap_err().help.unwrap();
        assert_eq!(help.split('`').nth(1), Some(meant), "{expression}");
        cron(meant);
    }
    let hashed = Cron::parse_for("H 6 * * * # x", "job").unwrap_err();
    assert!(hashed.help.unwrap().starts_with("write `H 6 * * *`"));
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
        ("/15 * * * *", 0),
        ("1,,3 * * * *", 0),
        ("* * * * monday", 4),
        ("? * * * *", 0),
        ("-1 * * * *", 0),
        ("* * W * *", 2),
        ("* * 1-5W * *", 2),
        ("* * L-31 * *", 2),
        ("* * 15W/2 * *", 2),
        ("* * * * L", 4),
        ("* * * * MON-FRIL", 4),
        ("* * * * FRI#6", 4),
        ("* * * * FRI#L", 4),
        ("* * * * #2", 4),
        ("* * * * +", 4),
    ];
    for (expression, place) in offers {
        let help = Cron::parse(expression).unwrap_err().help.unwrap();
        let mut fields: Vec<&str> = expression.split(' ').collect();
        fields[place] = help.split('`').nth(1).unwrap();
        cron(&fields.join(" "));
    }
    for (expression, elsewhere) in [
        ("* L * * *", 2),
        ("* 15W * * *", 2),
        ("* FRI#2 * * *", 4),
        ("* * * MON *", 4),
        ("* * * * JAN", 3),
        ("* * * * LW", 2),
    ] {
        let help = Cron::parse(expression).unwrap_err().help.unwrap();
        let mut fields = ["*"; 5];
        fields[elsewhere] = help.split('`').nth(1).unwrap();
        cron(&fields.join(" "));
    }
    for expression in ["H5 * * * *", "H( * * * *", "H(5) * * * *"] {
        let help = Cron::parse(expression).unwrap_err().help.unwrap();
        let field = help.split('`').nth(1).unwrap();
        Cron::parse_for(&format!("{field} * * * *"), "job").unwrap();
    }
    for expression in [
        "",
        "0 0 31 2 *",
        "0 0 0 29 2 * 2023",
        "0 0 31 4,6,9,11 *",
        "0 0 31W 2 *",
        "0 0 L-30 2 *",
    ] {
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
        "LW",
        "#",
        "FRI#2",
        "?",
        "H",
        "H(",
        ")",
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
        if let Err(error) = Cron::parse_for(&text, "job") {
            prop_assert!(text.get(error.span.clone()).is_some(), "{:?} in {:?}", error, text);
        }
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
