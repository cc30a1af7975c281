//! What somebody sees who sits at a terminal. `script` of util-linux plays it.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::project::Project;

/// What a terminal of 80 columns is sent while `cronlet` runs in it; none without `script`.
fn seen(project: &Project, arguments: &str) -> Result<Option<String>> {
    let typed = project.command(&[]);
    let program = typed.get_program().to_str().context("a path in UTF-8")?;
    let line = format!("stty cols 80 rows 24 && exec '{program}' {arguments}");
    let mut script = Command::new("script");
    script
        .args(["--quiet", "--return", "--command", &line, "/dev/null"])
        .current_dir(project.path(""))
        .env("TERM", "xterm")
        .env("SHELL", "/bin/sh");
    match script.output() {
        Ok(output) => {
            let text = String::from_utf8(output.stdout)?;
            ensure!(output.status.success(), "{text}");
            Ok(Some(text))
        }
        Err(_) => Ok(None),
    }
}

#[test]
fn a_run_has_a_bar_that_moves_and_is_gone_at_the_end() -> Result<()> {
    let text = "[jobs.talk]\nplugin = \"talk\"\n\
                params = { steps = 4, lines = 1, ms = 400, message = \"reading\" }\n";
    let project = Project::new(text, &[("talk", tests::TALK)])?;
    let Some(seen) = seen(&project, "run talk")? else {
        eprintln!("skipped: there is no `script`");
        return Ok(());
    };
    ensure!(seen.contains("talk [="), "there was no bar: {seen:?}");
    ensure!(seen.contains("/4  reading"), "it says nothing: {seen:?}");
    let drawn = seen.matches("talk [").count();
    let cleared = seen.matches("\r\u{1b}[J").count();
    assert_eq!(drawn, cleared, "a bar is left behind: {seen:?}");
    let (_, end) = seen.rsplit_once("\u{1b}[J").context("it was cleared")?;
    ensure!(!end.contains("talk ["), "{end:?}");
    ensure!(end.contains("said it all"), "{end:?}");
    Ok(())
}
