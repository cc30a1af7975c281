//! docs/operating.md is what happens: its commands run, its files are there, and its messages are the
//! code's. So are the words that docs/store.md quotes.

use std::{
    collections::BTreeSet, fmt::Display, fs, os::unix::fs::PermissionsExt as _, path::Path,
    process::Command,
};

use anyhow::{Context as _, Result, ensure};
use cronlet::cli::Exit;
use cronlet_core::run::{AttemptStatus, FailReason, Origin, RunStatus, SkipReason};

use crate::{
    daemon::Daemon,
    pages::{blocks, file},
    project::{Project, binary},
};

const SCHEDULES: &str =
    "[jobs.hello]\nplugin = \"hello\"\nevery = \"1s\"\nparams = { name = \"you\" }\n";

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

const PAGE: &str = "docs/operating.md";

/// The cells of the tables below a heading, row by row, without the heads.
fn rows(heading: &str) -> Result<Vec<Vec<String>>> {
    let page = file(PAGE)?;
    let (_, section) = page
        .split_once(&format!("# {heading}\n"))
        .context("no such heading")?;
    let ends = ["\n## ", "\n### "].map(|next| section.find(next).unwrap_or(section.len()));
    let section = &section[..ends[0].min(ends[1])];
    let cells = |line: &str| line.split('|').map(|cell| cell.trim().to_owned()).collect();
    let rows: Vec<Vec<String>> = section
        .lines()
        .filter_map(|line| line.strip_prefix('|')?.strip_suffix('|'))
        .map(cells)
        .collect();
    let body = rows
        .iter()
        .position(|row| row[0] == "---")
        .context("no table")?
        + 1;
    Ok(rows[body..].to_vec())
}

fn hello() -> Result<Project> {
    Project::new(SCHEDULES, &[("hello", tests::HELLO)])
}

/// The lines of a block, by a shell that stops at the first that fails.
fn run(project: &Project, script: &str) -> Result<()> {
    let folder = binary();
    let folder = folder.parent().context("it lies in a folder")?;
    let path = format!("{}:{}", folder.display(), std::env::var("PATH")?);
    let said = Command::new("sh")
        .args(["-euc", script])
        .current_dir(project.path(""))
        .env_clear()
        .env("PATH", path)
        .output()?;
    ensure!(said.status.success(), "{script}: {said:?}");
    Ok(())
}

#[test]
fn its_blocks_run() -> Result<()> {
    let project = hello()?;
    let daemon = Daemon::start(&project)?;
    project.until_runs("hello", |runs| !runs.is_empty())?;
    let blocks = blocks(PAGE)?;
    let of = |kind: &'static str| blocks.iter().filter(move |(fence, _)| fence == kind);
    ensure!(of("bash daemon").count() > 0 && of("bash stopped").count() > 0);
    for (_, script) in of("bash daemon") {
        run(&project, script)?;
    }
    assert_eq!(daemon.stop()?, 0);
    for (_, script) in of("bash stopped") {
        run(&project, script)?;
    }
    // What was restored is a database that a daemon goes on with.
    let daemon = Daemon::start(&project)?;
    let before = project.runs("hello")?.len();
    project.until_runs("hello", |runs| runs.len() > before)?;
    assert_eq!(daemon.stop()?, 0);
    let known = ["bash daemon", "bash stopped", "sh", "toml"];
    let odd = blocks
        .iter()
        .find(|(fence, _)| !known.contains(&fence.as_str()));
    ensure!(odd.is_none(), "nobody tries {odd:?}");
    Ok(())
}

#[test]
fn its_schedules_are_sound_and_its_commands_exist() -> Result<()> {
    for (fence, text) in blocks(PAGE)? {
        if fence == "toml" {
            let project = Project::new(&text, &[("hello", tests::HELLO)])?;
            let said = project.cronlet(&["check", "--strict"])?;
            ensure!(said.code == 0, "{}", said.err);
        }
        for line in text.lines().filter(|_| fence == "sh") {
            let Some(command) = line.trim_start_matches("sudo ").strip_prefix("cronlet ") else {
                continue;
            };
            let mut words = command.split_whitespace();
            let verb = words.next().context("a command has a verb")?;
            let help = Project::empty()?.cronlet(&[verb, "--help"])?;
            ensure!(help.code == 0, "{}", help.err);
            for flag in words.filter(|word| word.starts_with("--")) {
                ensure!(help.out.contains(flag), "`{verb}` has no `{flag}`");
            }
        }
    }
    Ok(())
}

#[test]
fn its_files_are_those_that_are_made() -> Result<()> {
    let project = hello()?;
    let daemon = Daemon::start(&project)?;
    project.until_runs("hello", |runs| !runs.is_empty())?;
    let mut made = BTreeSet::new();
    for entry in fs::read_dir(project.path(""))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with("cronlet.db") {
            let metadata = entry.metadata()?;
            let slash = if metadata.is_dir() { "/" } else { "" };
            let bits = metadata.permissions().mode() & 0o777;
            made.insert((format!("`{name}{slash}`"), format!("0{bits:o}")));
        }
    }
    assert_eq!(daemon.stop()?, 0);
    let told = rows("Files and permissions")?;
    let told: BTreeSet<_> = told
        .iter()
        .map(|row| (row[0].clone(), row[1].clone()))
        .collect();
    assert_eq!(told, made);
    Ok(())
}

#[test]
fn its_exit_codes_are_all_there_are() -> Result<()> {
    let told = rows("Exit codes")?;
    let told: Vec<u8> = told
        .iter()
        .map(|row| row[0].parse().context("a number"))
        .collect::<Result<_>>()?;
    assert_eq!(told, Exit::ALL.map(Exit::code));
    Ok(())
}

#[test]
fn its_words_are_those_of_the_history() -> Result<()> {
    let told = |heading: &str| -> Result<Vec<String>> {
        let rows = rows(heading)?.into_iter();
        let words = rows.map(|row| {
            ensure!(row[1..].iter().all(|cell| !cell.is_empty()), "{row:?}");
            Ok(plain(&row[0]))
        });
        let mut words: Vec<_> = words.collect::<Result<_>>()?;
        words.sort();
        Ok(words)
    };
    assert_eq!(told("How a run stands")?, sorted(RunStatus::ALL));
    assert_eq!(told("How an attempt ended")?, sorted(AttemptStatus::ALL));
    assert_eq!(told("What made it")?, sorted(Origin::ALL));
    assert_eq!(told("Why a run failed")?, sorted(FailReason::ALL));
    assert_eq!(told("Why it was skipped")?, sorted(SkipReason::ALL));
    Ok(())
}

fn sorted<const N: usize>(names: [impl Display; N]) -> Vec<String> {
    let mut names = names.map(|name| name.to_string()).to_vec();
    names.sort();
    names
}

#[test]
fn its_codes_are_those_of_the_code() -> Result<()> {
    let told = all_are_said("What the code of an error is")?;
    // Where the host speaks of an attempt, a word with a hyphen is a code.
    let is_code = |text: &String| {
        let letters = |part: &str| part.len() > 1 && part.chars().all(|c| c.is_ascii_lowercase());
        text.contains('-') && text.split('-').all(letters)
    };
    let mut seen = 0;
    for place in [
        "runtime/src/sandbox/verdict/mod.rs",
        "runtime/core/src/engine/ledger/mod.rs",
    ] {
        for code in literals(&file(place)?).filter(is_code) {
            seen += 1;
            ensure!(told.contains(&code), "{PAGE} has no code `{code}`");
        }
    }
    ensure!(seen > 7, "only {seen} codes were found");
    Ok(())
}

/// A message as it is compared: without what is filled in, and on one line.
fn plain(text: &str) -> String {
    let (mut plain, mut depth) = (String::new(), 0);
    for c in text.chars() {
        match c {
            '{' => depth += 1,
            '}' if depth > 0 => {
                depth -= 1;
                plain.push('…');
            }
            '`' | '\\' => {}
            c if depth == 0 => plain.push(c),
            _ => {}
        }
    }
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The string literals of a piece of code. A quote in a literal is never one of ours.
fn literals(code: &str) -> impl Iterator<Item = String> {
    let code: Vec<_> = code
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect();
    let code = code.join("\n").replace("\\\"", "").replace("'\"'", "");
    let literals: Vec<_> = code.split('"').skip(1).step_by(2).map(plain).collect();
    literals.into_iter()
}

/// What stands in the brackets that `code` begins with.
fn arguments(code: &str) -> &str {
    let (mut depth, mut quoted) = (0, false);
    let end = code.find(|c| {
        match c {
            '"' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth -= 1,
            _ => {}
        }
        depth == 0
    });
    &code[..end.unwrap_or(code.len())]
}

/// The code of the runtime and its core, without their tests.
fn code() -> Result<Vec<(String, String)>> {
    let mut folders = vec![root().join("runtime/src"), root().join("runtime/core/src")];
    let mut code = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            if path.is_dir() && name != "tests" {
                folders.push(path);
            } else if path.extension().is_some_and(|it| it == "rs") && name != "tests.rs" {
                let text = fs::read_to_string(&path)?;
                let text = text.split("\n#[cfg(test)]\nmod tests {").next();
                code.push((
                    path.display().to_string(),
                    text.unwrap_or_default().to_owned(),
                ));
            }
        }
    }
    Ok(code)
}

/// What the page says below a heading is in the code.
fn all_are_said(heading: &str) -> Result<BTreeSet<String>> {
    let said: BTreeSet<_> = code()?
        .iter()
        .flat_map(|(_, text)| literals(text))
        .collect();
    let told: BTreeSet<_> = rows(heading)?.iter().map(|row| plain(&row[0])).collect();
    for message in &told {
        ensure!(
            said.contains(message),
            "no code says `{message}`: take it out of `{heading}`"
        );
    }
    Ok(told)
}

#[test]
fn its_reasons_are_those_of_the_code() -> Result<()> {
    let mut told = all_are_said("Why it is degraded")?;
    told.extend(all_are_said("Why it is unhealthy")?);
    let code = code()?;
    let body = |from: &str| -> Result<&str> {
        let mut bodies = code
            .iter()
            .filter_map(|(_, text)| text.find(from).map(|at| &text[at..]));
        let body = bodies.next().with_context(|| format!("no `{from}`"))?;
        let ends = [body.find("\n    }\n"), body.find("\n}\n")];
        let end = ends
            .into_iter()
            .flatten()
            .min()
            .context("a function has an end")?;
        Ok(&body[..end])
    };
    let functions = [
        body("fn degraded(")?,
        body("fn reason(&self, status: &StoreStatus")?,
        body("impl fmt::Display for Troubled")?,
        body("fn wrong(&self, now")?,
        body("fn failed(job: &JobName")?,
        body("fn is_overdue(job: &JobName")?,
        body("fn others_failed(")?,
        body("fn others_are_overdue(")?,
    ];
    for reason in functions.into_iter().flat_map(literals) {
        ensure!(
            told.contains(&reason),
            "docs/operating.md does not say what to do about `{reason}`"
        );
    }
    Ok(())
}

#[test]
fn what_the_page_on_the_database_quotes_is_said() -> Result<()> {
    let page = fs::read_to_string(root().join("docs/store.md"))?;
    let code = code()?;
    let said: Vec<_> = code.iter().flat_map(|(_, text)| literals(text)).collect();
    let (_, faults) = page
        .split_once("| what happens | what is said |")
        .context("a table of what can go wrong")?;
    let mut seen = 0;
    for row in faults.lines().filter(|line| line.starts_with("| ")) {
        let quoted = row.split('|').nth(2).context("what is said")?;
        for quote in quoted.split(", then: ").map(plain) {
            let quote = quote.trim_end_matches(" …");
            seen += usize::from(!quote.is_empty());
            ensure!(
                said.iter().any(|text| text.contains(quote)),
                "docs/store.md: no code says `{quote}`"
            );
        }
    }
    ensure!(seen > 8, "only {seen} quotes were found");
    Ok(())
}

#[test]
fn its_warnings_are_those_of_the_code() -> Result<()> {
    let told = all_are_said("What the log warns of")?;
    let mut seen = 0;
    for (path, text) in code()? {
        for part in text.split("tracing::").skip(1) {
            let Some(call) = ["warn!", "error!"]
                .iter()
                .find_map(|it| part.strip_prefix(it))
            else {
                continue;
            };
            // Fields come first. What is filled in whole is a line that the page has elsewhere.
            let Some(message) = literals(arguments(call))
                .last()
                .filter(|message| message != "…")
            else {
                continue;
            };
            seen += 1;
            ensure!(
                told.contains(&message),
                "{path}: docs/operating.md does not say what to do about `{message}`"
            );
        }
    }
    ensure!(seen > 20, "only {seen} warnings were found");
    Ok(())
}
