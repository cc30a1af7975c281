//! What docs/schedules.md shows is what happens: each of its blocks is read from the file and tried.

use anyhow::{Context as _, Result, ensure};

use crate::{
    cli::why,
    pages::{blocks_in, file},
    project::Project,
};

const PAGE: &str = "docs/schedules.md";

/// The words of a command: as a shell sees them, of which this knows single quotes.
fn words(command: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (n, part) in command.split('\'').enumerate() {
        if n % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}

#[test]
fn each_example_says_what_the_command_says() -> Result<()> {
    let project = Project::empty()?;
    let mut count = 0;
    for transcript in blocks_in("console", PAGE)? {
        for exchange in transcript.split("$ cronlet ").skip(1) {
            let (command, shown) = exchange.split_once('\n').context("a command has an end")?;
            let words = words(command);
            let words: Vec<_> = words.iter().map(String::as_str).collect();
            let said = project.cronlet(&words)?;
            ensure!(said.code == 0, "`cronlet {command}` ended with {said:?}");
            let said = format!("{}{}", said.out, said.err);
            ensure!(said == shown, "`cronlet {command}` says\n{said}");
            count += 1;
        }
    }
    ensure!(count > 15, "only {count} examples were found");
    Ok(())
}

/// The sentences of `why`, over a history that was written for them.
#[test]
fn each_sentence_is_what_why_says() -> Result<()> {
    let project = why::project()?;
    for transcript in blocks_in("shell-session", PAGE)? {
        for exchange in transcript.split("$ cronlet ").skip(1) {
            let (command, shown) = exchange.split_once('\n').context("a command has an end")?;
            let words = words(command);
            let words: Vec<_> = words.iter().map(String::as_str).collect();
            let said = project.cronlet(&words)?;
            ensure!(said.out == shown, "`cronlet {command}` says\n{}", said.out);
        }
    }
    Ok(())
}

#[test]
fn each_file_is_sound() -> Result<()> {
    for schedules in blocks_in("toml", PAGE)? {
        let project = Project::new(&schedules, &[("hello", tests::HELLO)])?;
        let said = project.cronlet(&["check", "--strict"])?;
        ensure!(said.code == 0, "{}", said.err);
    }
    Ok(())
}

/// The table of lines that mean something else elsewhere: `check` says so of each.
#[test]
fn each_line_that_vixie_cron_reads_otherwise_is_told() -> Result<()> {
    for cron in [
        "0 0 */2 * Mon",
        "0 0 1-31 * Fri",
        "5/15 * * * *",
        "0 22-2 * * *",
    ] {
        let row = format!("\n| `{cron}` |");
        ensure!(file(PAGE)?.contains(&row), "no row `{cron}`");
        let schedules = format!("[jobs.a]\nplugin = \"hello\"\ncron = \"{cron}\"\n");
        let project = Project::new(&schedules, &[("hello", tests::HELLO)])?;
        let said = project.cronlet(&["check"])?;
        ensure!(said.err.contains("schedule::vixie"), "{cron}: {said:?}");
    }
    Ok(())
}
