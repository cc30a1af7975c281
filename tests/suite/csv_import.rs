//! The shipped job `csv-import`, as it is built, over the sample that ships with it.

use std::{
    collections::BTreeSet,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::project::Project;

const SAMPLE: &str = "plugins/csv-import/sample";
const OUT: &str = "plugins/csv-import/out";

/// What comes of the sample, and of nothing else.
const SUMMARY: &str = "2837 new rows from 9 files, 170 repeated, 18 rejected";

/// The shipped project, in which only people start the job.
fn by_hand() -> Result<Project> {
    let project = Project::shipped()?;
    let schedules = fs::read_to_string(project.path("schedules.toml"))?;
    let cron = "cron = \"*/10 * * * *\"\n";
    ensure!(schedules.contains(cron), "the job has another trigger");
    project.write("schedules.toml", &schedules.replace(cron, ""))?;
    Ok(project)
}

/// One run in the daemon, to its end.
fn trigger(project: &Project) -> Result<Value> {
    let said = project.cronlet(&["trigger", "csv-import", "--wait", "--json"])?;
    said.json()
}

/// A run that has this many new rows.
fn imports(project: &Project, new: usize) -> Result<Value> {
    let run = trigger(project)?;
    ensure!(run["status"] == "succeeded", "{run:#}");
    ensure!(run["output"]["accepted"] == new, "{run:#}");
    Ok(run)
}

/// The rows of a file that was written.
fn rows(project: &Project, file: &str) -> Result<Vec<Value>> {
    let path = project.path(OUT).join(file);
    let text = fs::read_to_string(path).with_context(|| file.to_owned())?;
    let rows = text.lines().map(|line| Ok(serde_json::from_str(line)?));
    rows.collect()
}

/// The files that were written.
fn written(project: &Project) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(project.path(OUT))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        ensure!(!name.ends_with(".partial"), "{name} is left over");
        if !name.starts_with('.') {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

fn in_sample(project: &Project, name: &str) -> PathBuf {
    project.path(SAMPLE).join(name)
}

#[test]
fn csv_import() -> Result<()> {
    let project = by_hand()?;
    let _daemon = project.serve()?;

    let first = imports(&project, 2837)?;
    let output = &first["output"];
    ensure!(first["summary"] == SUMMARY, "{first:#}");
    ensure!(
        output["rejections"]
            .as_array()
            .is_some_and(|it| it.len() == 18),
        "{output:#}"
    );
    let file = output["output"].as_str().context("it has a file")?;
    ensure!(file == format!("{}.jsonl", first["run"]), "{file}");
    let imported = rows(&project, file)?;
    let keys: BTreeSet<_> = imported
        .iter()
        .map(|row| row["email"].to_string().to_lowercase())
        .collect();
    ensure!(imported.len() == 2837 && keys.len() == 2837);

    let second = imports(&project, 0)?;
    ensure!(second["output"]["known"] == 2837 + 170, "{second:#}");
    ensure!(second["output"]["output"].is_null(), "{second:#}");
    ensure!(written(&project)? == [file.to_owned()]);

    let mut january = fs::OpenOptions::new()
        .append(true)
        .open(in_sample(&project, "2026-01.csv"))?;
    january.write_all(b"New Ltd,Ann New,ann@new.example,GB,1,,2026-01-01,,,,\"one\ntwo\"\n")?;
    drop(january);
    let third = imports(&project, 1)?;
    let file = third["output"]["output"]
        .as_str()
        .context("it has a file")?;
    let expected = json!({
        "company": "New Ltd", "name": "Ann New", "email": "ann@new.example", "country": "GB",
        "employees": 1, "revenue": null, "founded": "2026-01-01", "newsletter": null,
        "website": null, "updated": null, "note": "one\ntwo",
    });
    ensure!(rows(&project, file)? == [expected]);
    imports(&project, 0)?;
    Ok(())
}

#[test]
fn rows_are_read_as_they_were_meant() -> Result<()> {
    let project = by_hand()?;
    let said = project.cronlet(&["run", "csv-import", "--json"])?;
    ensure!(said.code == 0, "{said:?}");
    let rows = rows(&project, "local.jsonl")?;
    let named = |part: &str| {
        rows.iter()
            .filter(|row| row["name"].as_str().is_some_and(|it| it.contains(part)))
            .count()
    };
    // Both as UTF-8 and as Latin-1.
    ensure!(named("Müller") > 50 && named("\u{fffd}") == 0 && named("Ã") == 0);
    let notes: BTreeSet<_> = rows.iter().filter_map(|row| row["note"].as_str()).collect();
    for note in [
        "Says \"no calls, please\"",
        "Two lines:\r\nthe second one",
        "Minimum order 50 €",
    ] {
        ensure!(notes.contains(note), "no row has the note {note:?}");
    }
    ensure!(
        rows.iter()
            .all(|row| row.as_object().is_some_and(|it| it.len() == 11))
    );
    let run = said.json()?;
    let peak = run["usage"]["memory_peak_bytes"].as_u64();
    ensure!(peak.is_some_and(|peak| peak < 8 << 20), "{run:#}");
    Ok(())
}

#[test]
fn too_many_broken_rows_import_nothing_and_forget_nothing() -> Result<()> {
    let project = by_hand()?;
    let _daemon = project.serve()?;
    let broken = in_sample(&project, "broken.csv");
    let rows = "no mail address\n".repeat(40);
    fs::write(
        &broken,
        format!("company,email\nGood Ltd,good@x.example\n{rows}"),
    )?;
    let run = trigger(&project)?;
    ensure!(
        run["status"] == "failed" && run["reason"] == "error",
        "{run:#}"
    );
    ensure!(run["error"]["code"] == "rejected-rows", "{run:#}");
    let message = run["error"]["message"].as_str().unwrap_or_default();
    ensure!(
        message.starts_with(
            "58 of 3066 rows are rejected, and `max_rejected` is 50: nothing is imported\n"
        ),
        "{message}"
    );
    ensure!(
        run["attempts"].as_array().is_some_and(|it| it.len() == 1),
        "{run:#}"
    );
    ensure!(written(&project)?.is_empty());
    fs::write(&broken, "company,email\nGood Ltd,good@x.example\n")?;
    imports(&project, 2838)?;
    ensure!(written(&project)?.len() == 1);
    Ok(())
}

#[test]
fn a_run_by_hand_needs_nothing_and_changes_nothing_for_the_next() -> Result<()> {
    let project = Project::shipped()?;
    for _ in 0..2 {
        let said = project.cronlet(&["run", "csv-import"])?;
        ensure!(said.code == 0 && said.err.contains(SUMMARY), "{said:?}");
        ensure!(said.json()?["output"] == "local.jsonl", "{said:?}");
        ensure!(written(&project)? == ["local.jsonl"]);
    }
    let _daemon = project.serve()?;
    imports(&project, 2837)?;
    Ok(())
}

#[test]
fn what_is_said_of_the_sample_is_true() -> Result<()> {
    let sample = read(&format!("{SAMPLE}/README.md"))?;
    ensure!(sample.contains("takes\n2,837 rows of 3,025."));
    let readme = read("README.md")?;
    ensure!(readme.contains(SUMMARY), "the README shows another summary");
    Ok(())
}

#[test]
fn the_job_of_its_own_readme_works() -> Result<()> {
    let readme = read("plugins/csv-import/README.md")?;
    let schedules = readme
        .split("```toml\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next());
    let schedules = schedules.context("it has a job")?;
    let project = Project::new(schedules, &[("csv-import", tests::CSV_IMPORT)])?;
    for folder in ["incoming", "imported"] {
        fs::create_dir(project.path(folder))?;
    }
    let said = project.cronlet(&["check", "--strict"])?;
    ensure!(said.code == 0, "{said:?}");
    project.write(
        "incoming/a.csv",
        "paid,amount,EMail,status\n24.12.2026,9.90,a@x.example,paid\n",
    )?;
    let said = project.cronlet(&["run", "csv-import"])?;
    ensure!(said.json()?["accepted"] == 1, "{said:?}");
    let row = fs::read_to_string(project.path("imported/local.jsonl"))?;
    ensure!(
        row == "{\"email\":\"a@x.example\",\"amount\":9.90,\"paid\":\"2026-12-24\",\"status\":\"paid\"}\n",
        "{row}"
    );
    Ok(())
}

#[test]
fn what_is_wrong_with_its_params_and_grants_is_told() -> Result<()> {
    let project = Project::empty()?;
    fs::create_dir(project.path("data"))?;
    let run = |params: &Value, grants: &[&str]| {
        let params = params.to_string();
        let mut arguments = vec!["run", tests::CSV_IMPORT, "--json", "--params", &params];
        arguments.extend(grants);
        project.cronlet(&arguments)?.json()
    };
    let columns = json!([{"name": "a"}]);
    let both = ["--allow-dir", "data::/data", "--allow-dir", "data::/out"];
    for (params, grants, code, message) in [
        (
            json!({"columns": columns, "colums": 1}),
            &both[..],
            "bad-params",
            "unknown field `colums`",
        ),
        (
            json!({"columns": []}),
            &both,
            "bad-params",
            "`columns` is empty",
        ),
        (
            json!({"columns": columns}),
            &[],
            "no-input",
            "guest = \"/data\"",
        ),
        (
            json!({"columns": columns}),
            &both[..2],
            "no-output",
            "guest = \"/out\", write = true",
        ),
    ] {
        let ended = run(&params, grants)?;
        let error = &ended["error"];
        ensure!(error["code"] == code, "{ended:#}");
        ensure!(
            error["message"]
                .as_str()
                .is_some_and(|it| it.contains(message)),
            "{ended:#}"
        );
    }
    project.write("data/a.csv", "a\n1\n")?;
    let ended = run(&json!({ "columns": columns }), &both)?;
    ensure!(ended["error"]["code"] == "no-output", "{ended:#}");
    Ok(())
}

fn read(name: &str) -> Result<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    fs::read_to_string(root.join(name)).with_context(|| format!("read {name}"))
}
