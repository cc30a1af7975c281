//! `cronlet completions`: what a shell offers at a TAB.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::project;
use crate::project::Project;

/// What is offered for the last of `words`, asked as the hook of bash asks.
fn offered(project: &Project, words: &[&str]) -> Result<Vec<String>> {
    let last = words.len().checked_sub(1).context("a word is typed")?;
    let mut command = project.command(&[&["--"], words].concat());
    command
        .env("CRONLET_COMPLETE", "bash")
        .env("_CLAP_COMPLETE_INDEX", last.to_string())
        .env("_CLAP_COMPLETE_COMP_TYPE", "9")
        .env("_CLAP_COMPLETE_SPACE", "true")
        .env("_CLAP_IFS", "\n");
    let said = project.run(&mut command)?;
    ensure!(said.code == 0 && said.err.is_empty(), "{said:?}");
    Ok(said.out.lines().map(str::to_owned).collect())
}

#[test]
fn verbs_jobs_and_words_are_offered() -> Result<()> {
    let project = project()?;
    assert_eq!(offered(&project, &["cronlet", "rel"])?, ["reload"]);
    let offer = offered(&project, &["cronlet", "history", "--status", "s"])?;
    assert_eq!(offer, ["succeeded", "skipped"]);
    for verb in ["run", "trigger", "next", "history", "pause", "resume"] {
        let offer = offered(&project, &["cronlet", verb, "h"])?;
        assert_eq!(offer, ["hello"], "{verb}");
    }
    let text = "[jobs.there]\nplugin = \"x\"\n[jobs.broken]\nplugin = \"x\"\nevry = 1\n";
    project.write("other.toml", text)?;
    let typed = ["cronlet", "-c", "other.toml", "run", "t"];
    let offer = offered(&project, &typed)?;
    assert_eq!(offer, ["there"], "another job's mistake hides it");
    Ok(())
}

#[test]
fn without_a_sound_file_nothing_is_offered_and_nothing_is_said() -> Result<()> {
    let project = Project::empty()?;
    assert!(offered(&project, &["cronlet", "run", "h"])?.is_empty());
    project.write("schedules.toml", "[jobs.hello\n")?;
    let offer = offered(&project, &["cronlet", "trigger", "x"])?;
    assert!(offer.is_empty(), "{offer:?}");
    Ok(())
}

#[test]
fn every_hook_names_the_program_that_printed_it() -> Result<()> {
    let project = Project::empty()?;
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let said = project.cronlet(&["completions", shell])?;
        ensure!(said.code == 0 && said.err.is_empty(), "{said:?}");
        assert!(said.out.contains("cronlet"), "{shell}: {}", said.out);
    }
    let none = project.cronlet(&["completions", "tcsh"])?;
    assert_eq!(none.code, 2, "{none:?}");
    assert!(none.err.contains("elvish"), "{}", none.err);
    Ok(())
}

#[test]
fn bash_takes_its_hook() -> Result<()> {
    let project = project()?;
    project.write("hook", &project.cronlet(&["completions", "bash"])?.out)?;
    let script = "source ./hook\n\
                  COMP_WORDS=(cronlet run h) COMP_CWORD=2 COMP_TYPE=9\n\
                  _clap_complete_cronlet cronlet h run\n\
                  printf '%s\\n' \"${COMPREPLY[@]}\"";
    let mut bash = Command::new("bash");
    bash.args(["--norc", "--noprofile", "-c", script])
        .current_dir(project.path(""));
    if bash.output().is_err() {
        eprintln!("skipped: there is no bash");
        return Ok(());
    }
    let said = project.run(&mut bash)?;
    assert_eq!((said.code, said.out.as_str()), (0, "hello\n"), "{said:?}");
    Ok(())
}
