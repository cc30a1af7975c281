//! What the help says, and what bad usage is told.

use anyhow::Result;

use super::project;
use crate::project::Project;

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
              --after <TIME>     From when on, itself not included [default: now]
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

        A time is an instant as RFC 3339 has it, a date, what the clock shows, or how long ago. For one job
        or one expression each line is an instant and nothing else. While no daemon runs, it says on
        standard error what a start now would catch up on.
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
