//! The command line as it is typed: what it says, where it says it, and its exit code.

use std::process::Stdio;

use anyhow::{Result, ensure};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::project::{Project, Said};

mod completions;
mod history;
mod json;
mod logs;
mod rerun;
mod runs;
#[cfg(target_os = "linux")]
mod terminal;
pub(crate) mod why;

const USAGE: &[&str] = &["cpu_ms", "memory_peak_bytes", "log_lines", "log_dropped"];

const SCHEDULES: &str = r#"
[jobs.hello]
description = "Says hello"
plugin = "hello"
cron = "0 6 * * Mon-Fri"
params = { name = "world" }

[jobs.echo]
plugin = "echo"
params = { from = "the file" }

[jobs.spin]
plugin = "spin"
timeout = "50ms"

[jobs.long]
plugin = "stubborn"

[jobs.panic]
plugin = "panic"
params = { message = "the shelf is empty" }
"#;

fn project() -> Result<Project> {
    Project::new(
        SCHEDULES,
        &[
            ("hello", tests::HELLO),
            ("echo", tests::ECHO),
            ("spin", tests::SPIN),
            ("stubborn", tests::STUBBORN),
            ("panic", tests::PANIC),
        ],
    )
}

/// Nothing on standard output, and this on standard error.
#[track_caller]
fn assert_refused(said: &Said, code: i32, err: &str) {
    assert_eq!((said.code, said.out.as_str()), (code, ""), "{said:?}");
    assert_eq!(said.err, err);
}

#[track_caller]
fn assert_keys(value: &Value, keys: &[&str]) {
    for key in keys {
        assert!(value.get(key).is_some(), "no `{key}` in {value:#}");
    }
}

#[test]
fn the_help_says_where_to_start() -> Result<()> {
    let said = Project::empty()?.cronlet(&["--help"])?;
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    insta::assert_snapshot!(said.out, @"
        A scheduler whose jobs are sandboxed WebAssembly components

        Usage: cronlet [OPTIONS] <COMMAND>

        Commands:
          serve        Run the daemon: it starts the jobs when they are due
          check        Check the schedules file and its components
          next         Show when jobs are due
          run          Run a job now, in this process, without a daemon and without history
          jobs         List the jobs: when they are due, and how they last ran
          history      List what ran and what was skipped, newest first
          show         Show everything about one run
          logs         Print the log of a run
          why          Say why a job ran, or did not
          trigger      Ask the daemon for a run now
          rerun        Ask the daemon for a run again, with the same params and nominal time
          backfill     Ask the daemon for the runs of a part of the past
          cancel       Ask the daemon to end a run
          pause        Have nothing make a job due, until it is resumed
          resume       Have a paused job be due again, from now on
          reload       Have the daemon read the schedules file again
          status       Show whether the daemon is there, whether it is well, and what it is doing
          backup       Copy the database, while the daemon goes on
          prune        Delete old history now
          schema       Print the JSON Schema of a schedules file, for editors
          completions  Print what has a shell complete commands and the names of jobs
          help         Print this message or the help of the given subcommand(s)

        Options:
          -h, --help     Print help
          -V, --version  Print version

        Global options:
          -c, --config <FILE>    The schedules file [env: CRONLET_CONFIG] [default: schedules.toml]
              --database <FILE>  The database, if not the file's own [env: CRONLET_DATABASE]
              --json             Print data as JSON
              --color <WHEN>     Use colours or not; by itself on a terminal, unless `NO_COLOR` is set
                                 [default: auto] [possible values: auto, always, never]

        Start here:
          cronlet check        is the schedules file sound?
          cronlet run hello    try a job, here and now
          cronlet serve        run the jobs when they are due
          cronlet history      what ran, and what came of it

        With --json, data is one JSON document; a log is one object a line. The error that a command ends
        with is one object on standard error.

        Exit codes:
            0  done
            1  the run failed
            2  bad usage, or a schedules file that cannot be used
            3  the daemon is not there
            4  no such job, run or plugin
            5  refused, or in conflict with something
           70  a bug in cronlet
          130  ended by Ctrl-C
        ");
    Ok(())
}

#[test]
fn the_help_of_next() -> Result<()> {
    let project = Project::empty()?;
    insta::assert_snapshot!(project.cronlet(&["next", "--help"])?.out, @"
        Show when jobs are due

        Usage: cronlet next [OPTIONS] [JOB]

        Arguments:
          [JOB]  Only this job

        Options:
              --cron <EXPR>      An expression in place of a job
              --timezone <TZ>    The time zone whose clocks the expression is read on [default: UTC]
              --job-name <NAME>  The job that the expression is for: `H` hangs on its name
          -n, --count <N>        How many [default: 5]
              --after <TIME>     From when on, itself not included, such as `2026-03-29T01:00:00Z` [default:
                                 now]
          -h, --help             Print help

        Global options:
          -c, --config <FILE>    The schedules file [env: CRONLET_CONFIG] [default: schedules.toml]
              --database <FILE>  The database, if not the file's own [env: CRONLET_DATABASE]
              --json             Print data as JSON
              --color <WHEN>     Use colours or not; by itself on a terminal, unless `NO_COLOR` is set
                                 [default: auto] [possible values: auto, always, never]

        Examples:
          cronlet next                                     what comes next, of all jobs
          cronlet next hello                               when `hello` is due
          cronlet next --cron '0 6 * * Mon-Fri' -n 3       what an expression means
          cronlet next hello --after 2030-01-01            from then on, on the clocks of its zone
          cronlet next --cron '30 2 * * *' --timezone Europe/Berlin
                                                           on the clocks of Berlin

        For one job or one expression each line is an instant and nothing else. While no daemon runs, it
        says on standard error what a start now would catch up on.
        ");
    Ok(())
}

#[test]
fn the_help_of_run() -> Result<()> {
    let project = Project::empty()?;
    insta::assert_snapshot!(project.cronlet(&["run", "--help"])?.out, @r#"
        Run a job now, in this process, without a daemon and without history

        Usage: cronlet run [OPTIONS] <JOB|FILE.wasm>

        Arguments:
          <JOB|FILE.wasm>  A job of the schedules file; or a component, as a path with a `/` or a name
                           ending in `.wasm`

        Options:
              --params <JSON>                 What the job gets in place of its own params
              --input <JSON>                  What the job gets as the output of the job that it runs after
              --at <RFC3339>                  The instant the run is for [default: now]
              --timeout <DURATION>            Stop it after so long, such as `30s`
              --memory <SIZE>                 Give it so much memory, such as `64MiB`
              --allow-dir <HOST::GUEST[:rw]>  Grant it a directory to read, such as `data::/data`; with
                                              `:rw` to change it too
              --env <NAME[=VALUE]>            Grant it an environment variable, as it is here or with
                                              another value
          -h, --help                          Print help

        Global options:
          -c, --config <FILE>    The schedules file [env: CRONLET_CONFIG] [default: schedules.toml]
              --database <FILE>  The database, if not the file's own [env: CRONLET_DATABASE]
              --json             Print data as JSON
              --color <WHEN>     Use colours or not; by itself on a terminal, unless `NO_COLOR` is set
                                 [default: auto] [possible values: auto, always, never]

        Examples:
          cronlet run hello                                 a job of the schedules file
          cronlet run hello --params '{"name": "you"}'      with other params
          cronlet run load --input '[1, 2]'                 as if the job before it had left that
          cronlet run ./plugins/hello.wasm --timeout 10s    a component, without a schedules file
          cronlet run ./a.wasm --allow-dir data::/data      a component, with a directory to read

        The log and the progress go to standard error, the output to standard output. Ctrl-C asks the job to
        stop, a second one kills it. Nothing is kept: there is no history of it, and what the job remembers
        from run to run is a copy that is thrown away.
        "#);
    Ok(())
}

#[test]
fn the_help_of_trigger() -> Result<()> {
    let project = Project::empty()?;
    insta::assert_snapshot!(project.cronlet(&["trigger", "--help"])?.out, @r#"
        Ask the daemon for a run now

        Usage: cronlet trigger [OPTIONS] <JOB>

        Arguments:
          <JOB>  A job of the schedules file, as the daemon knows it

        Options:
              --params <JSON>  What the job gets in place of its own params
              --wait           Wait until the run is over, and say how it went
          -h, --help           Print help

        Global options:
          -c, --config <FILE>    The schedules file [env: CRONLET_CONFIG] [default: schedules.toml]
              --database <FILE>  The database, if not the file's own [env: CRONLET_DATABASE]
              --json             Print data as JSON
              --color <WHEN>     Use colours or not; by itself on a terminal, unless `NO_COLOR` is set
                                 [default: auto] [possible values: auto, always, never]

        Examples:
          cronlet trigger hello                               and do not wait
          cronlet trigger hello --wait                        until it is over; 1 if it failed
          cronlet trigger hello --params '{"name": "you"}'    with other params

        The run meets the job's policy as any other: it may be skipped, which is exit code 5. With --wait
        the log and the progress are shown on a terminal, and Ctrl-C leaves the run alone.
        "#);
    Ok(())
}

#[test]
fn bad_usage_is_2() -> Result<()> {
    let project = project()?;
    let said = project.cronlet(&["histroy"])?;
    assert_eq!((said.code, said.out.as_str()), (2, ""));
    insta::assert_snapshot!(said.err, @"
        error: unrecognized subcommand 'histroy'

          tip: a similar subcommand exists: 'history'

        Usage: cronlet [OPTIONS] <COMMAND>

        For more information, try '--help'.
        ");

    let said = project.cronlet(&["run", "echo", "--params", "{name: 1}"])?;
    assert_eq!((said.code, said.out.as_str()), (2, ""));
    insta::assert_snapshot!(said.err, @r#"
        error: invalid value '{name: 1}' for '--params <JSON>': it is not JSON: key must be a string at line 1 column 2

        help: write it in single quotes, such as '{"name": "value"}'

        For more information, try '--help'.
        "#);

    let said = project.cronlet(&["trigger", "echo", "--params", "[1]"])?;
    assert_eq!((said.code, said.out.as_str()), (2, ""));
    insta::assert_snapshot!(said.err, @r#"
        error: invalid value '[1]' for '--params <JSON>': params are an object

        help: write it in single quotes, such as '{"name": "value"}'

        For more information, try '--help'.
        "#);

    let said = project.cronlet(&["run", "echo", "--timeout", "5"])?;
    assert_eq!((said.code, said.out.as_str()), (2, ""));
    insta::assert_snapshot!(said.err, @"
        error: invalid value '5' for '--timeout <DURATION>': duration `5` has no unit

        help: write `5s`

        For more information, try '--help'.
        ");

    let said = project.cronlet(&["show", "last"])?;
    assert_eq!((said.code, said.out.as_str()), (2, ""));
    insta::assert_snapshot!(said.err, @"
        error: invalid value 'last' for '<RUN>': expected the number of a run, such as 1042

        For more information, try '--help'.
        ");

    let said = project.cronlet(&["next", "--after", "soon"])?;
    assert_eq!((said.code, said.out.as_str()), (2, ""));
    insta::assert_snapshot!(said.err, @"
        error: invalid value 'soon' for '--after <TIME>': it is no time

        help: write `2h` or `3d ago`, `06:00`, `yesterday`, `2026-03-29`, `2026-03-29 06:00` or `2026-03-29T06:00:00Z`

        For more information, try '--help'.
        ");
    Ok(())
}

#[test]
fn next_takes_no_option_that_it_would_not_heed() -> Result<()> {
    let project = project()?;
    for (typed, told) in [
        (&["-n", "0"][..], "expected a number from 1 to 100000"),
        (&["-n", "100001"], "expected a number from 1 to 100000"),
        (
            &["hello", "--timezone", "Asia/Tokyo"],
            "cannot be used with",
        ),
        (&["hello", "--job-name", "x"], "cannot be used with"),
        (&["--timezone", "Asia/Tokyo"], "--cron <EXPR>"),
    ] {
        let said = project.cronlet(&[&["next"], typed].concat())?;
        ensure!(
            said.code == 2 && said.out.is_empty() && said.err.contains(told),
            "{said:?}"
        );
    }
    Ok(())
}

#[test]
fn what_comes_after_a_time_is_on_the_clocks_of_the_zone() -> Result<()> {
    let project = Project::empty()?;
    let cron = ["next", "--timezone", "Asia/Tokyo", "-n", "1", "--cron"];
    for (after, next) in [
        ("2030-01-01", "2030-01-01T06:00:00+09:00"),
        ("2030-01-01 06:00", "2030-01-02T06:00:00+09:00"),
        ("2030-01-01T06:00:00Z", "2030-01-02T06:00:00+09:00"),
    ] {
        let said = project.cronlet(&[&cron[..], &["0 6 * * *", "--after", after]].concat())?;
        assert_eq!((said.code, said.out.trim_end()), (0, next), "{said:?}");
    }
    let over = ["0 0 6 1 1 * 2029", "--after", "2030-01-01"];
    let said = project.cronlet(&[&cron[..], &over].concat())?;
    assert_eq!(
        said.err,
        "`0 0 6 1 1 * 2029` is never due after 2030-01-01 00:00:00 +09:00\n"
    );
    Ok(())
}

#[test]
fn a_job_that_is_not_there_is_4() -> Result<()> {
    let project = project()?;
    for verb in ["next", "run"] {
        assert_refused(
            &project.cronlet(&[verb, "helo"])?,
            4,
            "error: there is no job `helo`\nhelp: did you mean `hello`?\n",
        );
        assert_refused(
            &project.cronlet(&[verb, "backup"])?,
            4,
            "error: there is no job `backup`\nhelp: `cronlet jobs` lists the jobs there are\n",
        );
    }
    Ok(())
}

#[test]
fn a_component_that_is_not_there_is_4() -> Result<()> {
    let said = Project::empty()?.cronlet(&["run", "./nothing.wasm"])?;
    assert_eq!((said.code, said.out.as_str()), (4, ""));
    ensure!(
        said.err
            .starts_with("error: `./nothing.wasm` cannot be used: ")
    );
    Ok(())
}

#[test]
fn without_a_daemon_it_is_3() -> Result<()> {
    let project = project()?;
    for arguments in [&["status"][..], &["trigger", "hello"], &["cancel", "1"]] {
        assert_refused(
            &project.cronlet(arguments)?,
            3,
            "error: no daemon is running for `cronlet.db`\nhelp: `cronlet serve` starts one\n",
        );
    }
    Ok(())
}

#[test]
fn without_a_database_there_is_no_history() -> Result<()> {
    let project = project()?;
    for arguments in [&["history"][..], &["show", "1"], &["logs", "1"]] {
        assert_refused(
            &project.cronlet(arguments)?,
            4,
            "error: there is no database `[folder]/cronlet.db`\n\
             help: `cronlet serve` makes one when it starts\n",
        );
    }
    Ok(())
}

#[test]
fn a_file_that_is_not_there_is_2() -> Result<()> {
    let project = Project::empty()?;
    for arguments in [&["next"][..], &["jobs"], &["run", "hello"], &["serve"]] {
        assert_refused(
            &project.cronlet(arguments)?,
            2,
            "error: there is no file `schedules.toml`\n\
             help: create it, or name another with `--config FILE`\n",
        );
    }
    Ok(())
}

#[test]
fn a_file_that_is_not_sound_is_2_and_is_drawn() -> Result<()> {
    let project = Project::empty()?;
    project.write(
        "bad.toml",
        "[jobs.a]\nplugin = \"a\"\ncron = \"0 3 32 * *\"\n",
    )?;
    let said = project.cronlet(&["-c", "bad.toml", "next", "a"])?;
    assert_eq!((said.code, said.out.as_str()), (2, ""));
    insta::assert_snapshot!(said.err, @r#"
        error[schedule::cron]: day-of-month 32 is out of range
         --> bad.toml:3:13
          |
        3 | cron = "0 3 32 * *"
          |             ^^ expected 1-31

        1 error in bad.toml
        "#);
    Ok(())
}

#[test]
fn a_cron_expression_is_drawn_too() -> Result<()> {
    let said = Project::empty()?.cronlet(&["next", "--cron", "0 3 32 * *"])?;
    assert_eq!((said.code, said.out.as_str()), (2, ""));
    insta::assert_snapshot!(said.err, @"
        error[schedule::cron]: day-of-month 32 is out of range
         --> --cron:1:5
          |
        1 | 0 3 32 * *
          |     ^^ expected 1-31

        1 error in --cron
        ");
    Ok(())
}

#[test]
fn next_prints_instants_and_nothing_else() -> Result<()> {
    let project = project()?;
    let after = ["--after", "2026-03-27T06:00:00Z", "-n", "3"];
    let expected = "2026-03-30T06:00:00+00:00\n\
                    2026-03-31T06:00:00+00:00\n\
                    2026-04-01T06:00:00+00:00\n";
    let of_job = project.cronlet(&[&["next", "hello"], &after[..]].concat())?;
    assert_eq!(
        (of_job.code, of_job.out.as_str(), of_job.err.as_str()),
        (0, expected, "")
    );
    let expression = ["next", "--cron", "0 6 * * Mon-Fri"];
    let of_expression = Project::empty()?.cronlet(&[&expression, &after[..]].concat())?;
    assert_eq!(of_expression, of_job);

    let all = project.cronlet(&[&["next"], &after[..]].concat())?;
    insta::assert_snapshot!(all.out, @"
        INSTANT                    JOB
        2026-03-30T06:00:00+00:00  hello
        2026-03-31T06:00:00+00:00  hello
        2026-04-01T06:00:00+00:00  hello
        ");
    let all = project.cronlet(&[&["next", "--json"], &after[..]].concat())?;
    assert_eq!(
        all.json()?[0],
        json!({
            "job": "hello",
            "nominal": "2026-03-30T06:00:00.000000Z",
            "local": "2026-03-30T06:00:00+00:00",
            "timezone": "UTC",
            "stands_for": [],
        })
    );
    Ok(())
}

#[test]
fn next_shows_the_clocks_of_the_zone() -> Result<()> {
    let config = "[runtime]\ntimezone = \"Europe/Berlin\"\n\
                  [jobs.night]\nplugin = \"hello\"\ncron = \"30 2 * * *\"\n\
                  [jobs.noon]\nplugin = \"hello\"\ncron = \"0 12 * * *\"\ntimezone = \"Asia/Tokyo\"\n";
    let project = Project::new(config, &[("hello", tests::HELLO)])?;
    let after = ["--after", "2026-03-28T00:00:00Z", "-n", "3"];
    let expected = "2026-03-28T02:30:00+01:00\n\
                    2026-03-29T03:00:00+02:00\n\
                    2026-03-30T02:30:00+02:00\n";
    let of_job = project.cronlet(&[&["next", "night"], &after[..]].concat())?;
    assert_eq!((of_job.code, of_job.out.as_str()), (0, expected));
    assert_eq!(
        of_job.err,
        "2026-03-29T03:00:00+02:00 stands for 2026-03-29T02:30:00, which the clocks jump over\n"
    );
    let expression = [
        "next",
        "--cron",
        "30 2 * * *",
        "--timezone",
        "europe/berlin",
    ];
    let of_expression = Project::empty()?.cronlet(&[&expression, &after[..]].concat())?;
    assert_eq!(of_expression, of_job);

    let all = project.cronlet(&[&["next"], &after[..]].concat())?;
    insta::assert_snapshot!(all.out, @"
        INSTANT                    JOB
        2026-03-28T02:30:00+01:00  night
        2026-03-28T12:00:00+09:00  noon
        2026-03-29T03:00:00+02:00  night
        ");
    let json = project.cronlet(&[&["next", "night", "--json"], &after[..]].concat())?;
    assert_eq!(
        json.json()?[1],
        json!({
            "job": "night",
            "nominal": "2026-03-29T01:00:00.000000Z",
            "local": "2026-03-29T03:00:00+02:00",
            "timezone": "Europe/Berlin",
            "stands_for": ["2026-03-29T02:30:00"],
        })
    );
    Ok(())
}

#[test]
fn next_takes_the_name_that_a_hash_hangs_on() -> Result<()> {
    let project = Project::empty()?;
    let next = [
        "next",
        "--cron",
        "H H * * *",
        "-n",
        "1",
        "--after",
        "2026-01-01T00:00:00Z",
    ];
    let named = project.cronlet(&[&next[..], &["--job-name", "hello"]].concat())?;
    assert_eq!(
        (named.code, named.out.as_str()),
        (0, "2026-01-01T10:04:00+00:00\n")
    );
    let nobody = project.cronlet(&next)?;
    assert_eq!((nobody.code, nobody.out.as_str()), (2, ""));
    insta::assert_snapshot!(nobody.err, @"
        error[schedule::cron]: `H` stands for another value in each job
         --> --cron:1:1
          |
        1 | H H * * *
          | ^ expected the name of a job
          |
          = help: name the job: `cronlet next --cron EXPR --job-name NAME`

        1 error in --cron
        ");
    Ok(())
}

#[test]
fn a_zone_that_there_is_not_is_told_with_what_was_meant() -> Result<()> {
    let arguments = ["next", "--cron", "0 6 * * *", "--timezone", "Europe/Berln"];
    let said = Project::empty()?.cronlet(&arguments)?;
    assert_eq!((said.code, said.out.as_str()), (2, ""));
    insta::assert_snapshot!(said.err, @"
        error: invalid value 'Europe/Berln' for '--timezone <TZ>': there is no time zone `Europe/Berln`

        help: did you mean `Europe/Berlin`?

        For more information, try '--help'.
        ");
    let said = Project::empty()?.cronlet(&["next", "--timezone", "Europe/Berlin"])?;
    assert_eq!(said.code, 2);
    Ok(())
}

#[test]
fn a_job_without_a_trigger_has_no_next() -> Result<()> {
    let said = project()?.cronlet(&["next", "echo"])?;
    assert_eq!((said.code, said.out.as_str()), (0, ""));
    assert_eq!(
        said.err,
        "job `echo` has no trigger: it runs only when asked\n"
    );
    Ok(())
}

#[test]
fn run_puts_the_output_where_data_goes() -> Result<()> {
    let project = project()?;
    let said = project.cronlet(&["run", "echo", "--at", "2026-03-01T06:00:00Z"])?;
    assert_eq!(said.code, 0);
    let output = said.json()?;
    assert_eq!(output["params"], json!({"from": "the file"}));
    assert_eq!(output["run_id"], json!("local"));
    assert_eq!(output["trigger"], json!("manual"));
    assert_eq!(output["attempt"], json!(1));
    assert_eq!(output["nominal"], json!(1_772_344_800_000_i64));
    ensure!(
        said.err
            .starts_with("info   echoing  job=echo  attempt=1\necho succeeded in ")
    );

    let said = project.cronlet(&["run", "echo", "--params", r#"{"from": "the hand"}"#])?;
    assert_eq!(said.json()?["params"], json!({"from": "the hand"}));
    ensure!(!project.path("cronlet.db").exists(), "it wrote a history");
    Ok(())
}

#[test]
fn run_takes_a_component_without_a_schedules_file() -> Result<()> {
    let said = Project::empty()?.cronlet(&["run", tests::ECHO])?;
    assert_eq!(said.code, 0);
    assert_eq!(said.json()?["job"], json!("echo"));
    Ok(())
}

#[test]
fn run_ends_with_one_object() -> Result<()> {
    let said = project()?.cronlet(&["run", "spin", "--json"])?;
    assert_eq!(said.code, 1);
    let run = said.json()?;
    assert_eq!(run["run"], Value::Null);
    assert_eq!(run["job"], json!("spin"));
    assert_eq!(run["status"], json!("failed"));
    assert_eq!(run["reason"], json!("timeout"));
    assert_eq!(run["attempt"], json!(1));
    assert_keys(
        &run,
        &["duration_ms", "output", "nominal", "component_sha256"],
    );
    assert_keys(&run["error"], &["code", "message"]);
    assert_keys(&run["usage"], USAGE);
    Ok(())
}

#[test]
fn a_job_that_fails_is_1_and_says_why() -> Result<()> {
    let said = project()?.cronlet(&["run", "panic"])?;
    assert_eq!((said.code, said.out.as_str()), (1, ""));
    ensure!(
        said.err.contains("stdout before the panic\n"),
        "{}",
        said.err
    );
    ensure!(
        said.err.contains("panic failed: trap after "),
        "{}",
        said.err
    );
    ensure!(said.err.contains("the shelf is empty"), "{}", said.err);
    Ok(())
}

#[test]
fn ctrl_c_asks_and_a_second_one_kills() -> Result<()> {
    let project = project()?;
    let mut run = project.start(&["run", "long"])?;
    run.wait_for("working")?;
    run.signal(Signal::INT)?;
    run.wait_for("asking the job to stop; Ctrl-C again kills it")?;
    run.signal(Signal::INT)?;
    run.wait_for("long cancelled after")?;
    assert_eq!(run.end()?, 130);
    Ok(())
}

#[test]
fn an_output_that_nobody_reads_is_no_complaint() -> Result<()> {
    let mut child = Project::empty()?
        .command(&["next", "--cron", "* * * * * *", "-n", "50000"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    drop(child.stdout.take());
    let output = child.wait_with_output()?;
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8(output.stderr)?, "");
    Ok(())
}

#[test]
fn colours_are_used_where_they_are_asked_for() -> Result<()> {
    let project = project()?;
    for (arguments, coloured) in [
        (&["next", "helo"][..], false),
        (&["next", "helo", "--color", "always"], true),
        (&["next", "helo", "--color", "never"], false),
    ] {
        let said = project.cronlet(arguments)?;
        assert_eq!(said.err.contains('\u{1b}'), coloured, "{arguments:?}");
    }
    Ok(())
}
