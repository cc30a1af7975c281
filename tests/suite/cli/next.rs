//! `cronlet next`.

use anyhow::{Result, ensure};
use serde_json::json;

use super::project;
use crate::project::Project;

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
