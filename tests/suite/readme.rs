//! What the README shows is what happens: each of its blocks is read from the file and tried.

use std::fs;

use anyhow::{Context as _, Result, ensure};

use crate::{
    pages::{blocks_in, file},
    project::Project,
};

fn blocks(language: &str) -> Result<Vec<String>> {
    blocks_in(language, "README.md")
}

#[test]
fn the_transcript_is_what_the_commands_say() -> Result<()> {
    let project = Project::shipped()?;
    for transcript in blocks("console")? {
        for exchange in transcript.split("$ cronlet ").skip(1) {
            let (command, shown) = exchange.split_once('\n').context("a command has an end")?;
            let arguments: Vec<_> = command.split_whitespace().collect();
            let said = project.cronlet(&arguments)?;
            ensure!(said.code == 0, "`cronlet {command}` ended with {said:?}");
            // A terminal shows both.
            let said = without_times(&format!("{}{}", said.err, said.out));
            ensure!(
                said == without_times(shown.trim_end()),
                "`cronlet {command}` says\n{said}"
            );
        }
    }
    Ok(())
}

/// How long something took is different every time.
fn without_times(text: &str) -> String {
    let words = |line: &str| {
        let is_time = |word: &str| {
            let word = word.trim_start_matches('<').trim_end_matches([':', ',']);
            word.strip_suffix("ms")
                .is_some_and(|n| n.chars().all(|c| c.is_ascii_digit()))
        };
        let words: Vec<_> = line
            .split(' ')
            .map(|w| if is_time(w) { "TIME" } else { w })
            .collect();
        words.join(" ")
    };
    text.trim_end()
        .lines()
        .map(words)
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn the_job_is_the_one_that_ships() -> Result<()> {
    ensure!(blocks("rust")? == [file("plugins/hello/src/lib.rs")?]);
    Ok(())
}

#[test]
fn the_schedules_are_sound() -> Result<()> {
    for schedules in blocks("toml")? {
        let project = Project::new(&schedules, &[("hello", tests::HELLO)])?;
        for granted in ["data", "reports"] {
            fs::create_dir(project.path(granted))?;
        }
        let said = project.cronlet(&["check", "--strict"])?;
        ensure!(said.code == 0, "{}", said.err);
    }
    Ok(())
}

#[test]
fn the_shipped_schedules_are_sound() -> Result<()> {
    let said = Project::shipped()?.cronlet(&["check", "--strict"])?;
    ensure!(said.code == 0, "{}", said.err);
    Ok(())
}

#[test]
fn the_commands_exist() -> Result<()> {
    let project = Project::shipped()?;
    for block in blocks("sh")? {
        for line in block
            .lines()
            .filter_map(|line| line.strip_prefix("cronlet "))
        {
            let verb = line
                .split_whitespace()
                .next()
                .context("a command has a verb")?;
            let said = project.cronlet(&[verb, "--help"])?;
            ensure!(said.code == 0, "{}", said.err);
        }
    }
    Ok(())
}
