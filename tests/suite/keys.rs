//! docs/schedules.md has every key of a schedules file: held against the schema, and each example tried.

use std::{collections::BTreeSet, fs};

use anyhow::{Context as _, Result, ensure};
use cronlet_core::digest::Digest;
use serde_json::Value;

use crate::{
    pages::file,
    project::{Project, Said},
};

const PAGE: &str = "docs/schedules.md";

/// One line of a table.
struct Row {
    /// Over the table.
    title: String,
    key: String,
    may_be: String,
    default: String,
    example: String,
}

/// What is said of the keys.
fn chapter() -> Result<String> {
    let page = file(PAGE)?;
    let (_, chapter) = page.split_once("\n## Every key\n").context("it has one")?;
    Ok(chapter.split("\n## ").next().unwrap_or_default().to_owned())
}

fn rows() -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for section in chapter()?.split("\n### ").skip(1) {
        let (title, text) = section.split_once('\n').context("a title")?;
        for line in text.lines().filter(|line| line.starts_with("| `")) {
            let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
            let [key, may_be, default, example, says] = cells[..] else {
                anyhow::bail!("five cells: {line}");
            };
            ensure!(!says.trim_end_matches('|').is_empty(), "{line}");
            rows.push(Row {
                title: title.trim_matches('`').to_owned(),
                key: key.trim_matches('`').to_owned(),
                may_be: may_be.to_owned(),
                default: default.to_owned(),
                example: example.to_owned(),
            });
        }
    }
    ensure!(rows.len() > 30, "only {} keys were found", rows.len());
    Ok(rows)
}

/// The texts between backticks.
fn spans(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// Where a table's keys are in the schema.
fn keys<'a>(schema: &'a Value, title: &str) -> Result<&'a Value> {
    let pointer = match title {
        "[runtime]" => "/properties/runtime/properties",
        "history" => "/properties/runtime/properties/history/properties",
        "[groups.NAME]" => "/properties/groups/additionalProperties/properties",
        "[jobs.NAME]" => "/definitions/job/properties",
        "retry" => "/definitions/retry/properties",
        "allow" => "/definitions/allow/properties",
        other => anyhow::bail!("a table of what? {other}"),
    };
    schema.pointer(pointer).with_context(|| pointer.to_owned())
}

/// What the schema says of a row's key.
fn property<'a>(schema: &'a Value, row: &Row) -> Result<&'a Value> {
    let property = &keys(schema, &row.title)?[&row.key];
    ensure!(!property.is_null(), "there is no key `{}`", row.key);
    match property["$ref"].as_str() {
        Some(reference) => schema
            .pointer(reference.trim_start_matches('#'))
            .context("what it refers to"),
        None => Ok(property),
    }
}

fn schema() -> Result<Value> {
    Project::empty()?.cronlet(&["schema"])?.json()
}

#[test]
fn every_key_is_in_a_table() -> Result<()> {
    let (schema, rows) = (schema()?, rows()?);
    let tables = [
        "[runtime]",
        "history",
        "[groups.NAME]",
        "[jobs.NAME]",
        "retry",
        "allow",
    ];
    for title in tables {
        let known = keys(&schema, title)?.as_object().context("an object")?;
        let known: Vec<&str> = known.keys().map(String::as_str).collect();
        let told = rows.iter().filter(|row| row.title == title);
        let told: Vec<&str> = told.map(|row| row.key.as_str()).collect();
        assert_eq!(told, known, "`{title}`, in the order of the alphabet");
    }
    Ok(())
}

#[test]
fn every_key_is_told_with_its_default_and_its_bounds() -> Result<()> {
    let schema = schema()?;
    for row in rows()? {
        let property = property(&schema, &row)?;
        match &property["default"] {
            Value::Null | Value::Array(_) => {}
            default => assert_eq!(row.default, format!("`{default}`"), "{}", row.key),
        }
        let described = property["description"].as_str().unwrap_or_default();
        if let Some((_, bounds)) = described.rsplit_once(" from `")
            && bounds.contains("` to `")
        {
            let bounds = format!("`{}", bounds.trim_end_matches('.'));
            ensure!(row.may_be.contains(&bounds), "{}: {bounds}", row.key);
        }
        if let (Some(least), Some(most)) =
            (property["minimum"].as_f64(), property["maximum"].as_f64())
        {
            assert_eq!(row.may_be, format!("{least} to {most}"), "{}", row.key);
        }
        for word in property["enum"].as_array().into_iter().flatten() {
            let word = format!("`{word}`");
            ensure!(row.may_be.contains(&word), "{}: {word}", row.key);
        }
    }
    Ok(())
}

/// A file in which the example stands where it belongs.
fn with_example(row: &Row) -> String {
    let (tables, lines): (Vec<&str>, Vec<&str>) = {
        let all: Vec<&str> = spans(&row.example).collect();
        let at = all.iter().position(|span| span.starts_with('['));
        let (lines, tables) = all.split_at(at.unwrap_or(all.len()));
        (tables.to_vec(), lines.to_vec())
    };
    let (lines, inline, tables) = (lines.join("\n"), lines.join(", "), tables.join("\n"));
    let plugin = "plugin = \"hello\"\n";
    let job = format!("[jobs.a]\n{plugin}");
    match row.title.as_str() {
        "[runtime]" => format!("[runtime]\n{lines}\n{job}"),
        "history" => format!("[runtime]\nhistory = {{ {inline} }}\n{job}"),
        "[groups.NAME]" => format!("[groups.db]\n{lines}\n{job}group = \"db\"\n"),
        "retry" | "allow" => format!("{job}{} = {{ {inline} }}\n", row.title),
        _ if row.key == "plugin" => format!("[jobs.a]\n{lines}\n"),
        _ => format!("{job}{lines}\n{tables}\n"),
    }
}

#[test]
fn every_example_is_sound() -> Result<()> {
    let digest = Digest::of(&fs::read(tests::HELLO)?).to_string();
    for row in &rows()? {
        let says = format!("{} = ", row.key);
        let is_there = spans(&row.example).any(|span| span.contains(&says));
        ensure!(is_there, "the example of `{}` is of another", row.key);
        let text = with_example(row).replace('…', &digest);
        let project = Project::new(&text, &[("hello", tests::HELLO)])?;
        fs::create_dir_all(project.path("data"))?;
        fs::create_dir_all(project.path("jobs"))?;
        fs::copy(tests::HELLO, project.path("jobs/hello.wasm"))?;
        let Said { code, err, .. } = project.cronlet(&["check", "--strict"])?;
        ensure!(code == 0, "`{}`: {err}\n{text}", row.key);
    }
    Ok(())
}

/// What may stand in a job and not in `[defaults]` is named.
#[test]
fn what_has_no_default_for_all_is_named() -> Result<()> {
    let schema = schema()?;
    let all_of = |value: &Value| -> BTreeSet<String> {
        let keys = value.as_object().into_iter().flatten();
        keys.map(|(key, _)| key.clone()).collect()
    };
    let all = all_of(keys(&schema, "[jobs.NAME]")?);
    let of_all = all_of(&schema["properties"]["defaults"]["properties"]);
    let only: BTreeSet<String> = all.difference(&of_all).cloned().collect();
    let chapter = chapter()?;
    let (_, named) = chapter
        .split_once("Only in a job stand")
        .context("a sentence")?;
    let named = named.split(".\n").next().unwrap_or_default();
    let named: BTreeSet<String> = spans(named).map(str::to_owned).collect();
    assert_eq!(named, only);
    Ok(())
}

/// What a heading is called in a link.
fn anchor(heading: &str) -> String {
    let plain = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = plain
        .chars()
        .filter(|c| c.is_alphanumeric() || "-_ ".contains(*c));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[test]
fn every_link_within_the_page_leads_somewhere() -> Result<()> {
    let page = file(PAGE)?;
    let headings = page.lines().filter(|line| line.starts_with('#'));
    let anchors: BTreeSet<String> = headings.map(anchor).collect();
    let links = page.split("](#").skip(1);
    for link in links
        .filter_map(|rest| rest.split_once(')'))
        .map(|(link, _)| link)
    {
        ensure!(anchors.contains(link), "`#{link}` is no heading");
    }
    Ok(())
}
