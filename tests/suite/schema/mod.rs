//! The schema that `cronlet schema` prints is the file that the shipped schedules point editors at, and
//! it accepts what `cronlet check` accepts. That it has the parser's keys is tested beside it.

mod validator;

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};
use cronlet_core::{
    name::JobName,
    units::{parse_duration, parse_size},
};
use serde_json::{Value, json};

use crate::project::Project;
use validator::Validator;

/// From the root of the repository.
const FILE: &str = "schemas/schedules.schema.json";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(name: &str) -> Result<String> {
    fs::read_to_string(root().join(name)).with_context(|| format!("read {name}"))
}

fn schema() -> Result<Value> {
    Project::empty()?.cronlet(&["schema"])?.json()
}

/// Whether the schema takes a file.
fn takes(schema: &Value, text: &str) -> Result<bool> {
    let table: toml::Table = toml::from_str(text)?;
    Validator::new(schema).takes(&json(&toml::Value::Table(table)))
}

/// As editors see a file: an instant is a string.
fn json(value: &toml::Value) -> Value {
    match value {
        toml::Value::String(text) => json!(text),
        toml::Value::Integer(number) => json!(number),
        toml::Value::Float(number) => json!(number),
        toml::Value::Boolean(boolean) => json!(boolean),
        toml::Value::Datetime(instant) => json!(instant.to_string()),
        toml::Value::Array(list) => list.iter().map(json).collect(),
        toml::Value::Table(table) => table.iter().map(|(k, v)| (k.clone(), json(v))).collect(),
    }
}

#[test]
fn the_command_prints_the_file() -> Result<()> {
    let said = Project::empty()?.cronlet(&["schema"])?;
    ensure!(said.code == 0 && said.err.is_empty(), "{said:?}");
    if env::var_os("BLESS").is_some() {
        fs::create_dir_all(root().join("schemas"))?;
        fs::write(root().join(FILE), &said.out)?;
    }
    ensure!(
        said.out == read(FILE).unwrap_or_default(),
        "{FILE} is another one; write it anew: BLESS=1 cargo test -p tests --test suite schema"
    );
    Ok(())
}

#[test]
fn sound_files_are_taken() -> Result<()> {
    let schema = schema()?;
    let readme = read("README.md")?;
    let blocks = readme.split("\n```toml\n").skip(1);
    let blocks = blocks.filter_map(|rest| rest.split("\n```").next());
    let mut texts: Vec<_> = blocks.map(str::to_owned).collect();
    ensure!(!texts.is_empty(), "the README has a file");
    texts.push(read("schedules.toml")?);
    texts.push(read("runtime/src/config/tests/everything.toml")?);
    for text in texts {
        ensure!(takes(&schema, &text)?, "{text}");
    }
    Ok(())
}

#[test]
fn the_shipped_schedules_point_at_it() -> Result<()> {
    let shipped = read("schedules.toml")?;
    let first = shipped.lines().next().unwrap_or_default();
    ensure!(schema()?["$schema"] == "http://json-schema.org/draft-07/schema#");
    ensure!(first == format!("#:schema ./{FILE}"), "{first}");
    Ok(())
}

#[test]
fn mistakes_of_structure_are_not_taken() -> Result<()> {
    let schema = schema()?;
    for case in [
        "array_of_job",
        "array_of_tables",
        "bad_calendar",
        "bad_duration",
        "bad_name",
        "bad_size",
        "bad_triggers",
        "duration_types",
        "job_outside",
        "job_singular",
        "jobs_without_names",
        "many_triggers",
        "misspelled",
        "names",
        "negative",
        "other_schedulers",
        "unknown_key",
        "unknown_word",
        "units",
        "wrong_type",
        "zero",
    ] {
        let text = read(&format!("tests/golden/config/{case}.toml"))?;
        ensure!(!takes(&schema, &text)?, "{case}");
    }
    Ok(())
}

/// Holds one key against what the parser says of the same text.
fn agree(key: &str, texts: &[&str], parses: impl Fn(&str) -> bool) -> Result<()> {
    let schema = schema()?;
    for text in texts {
        let file = format!("[jobs.a]\nplugin = \"a\"\n{key} = {}\n", json!(text));
        ensure!(takes(&schema, &file)? == parses(text), "{key} = {text:?}");
    }
    Ok(())
}

#[test]
fn durations_sizes_and_names_are_what_the_parser_takes() -> Result<()> {
    let durations = [
        "30s",
        "1h30m",
        "7d",
        "500ms",
        "1d2h3m4s5ms6us7ns",
        "01h",
        "1h90m",
        "",
        "30",
        "s",
        "1.5h",
        "-5s",
        "+5s",
        "1h 30m",
        " 5m",
        "5m ",
        "5m;",
        "30m1h",
        "1h1h",
        "5min",
        "5M",
        "1w",
        "5é",
        "5m\n",
        "h5",
    ];
    agree("timeout", &durations, |text| parse_duration(text).is_ok())?;
    let sizes = [
        "100B", "512KiB", "64MiB", "1GiB", "2TiB", "64MB", "1kB", "1GB", "1TB", "", "64", "MiB",
        "-1B", "1.5GiB", "64 MiB", "64mib", "64M", "64KB", "64b", "1MiB1KiB", "64MiB ", "64MiB\n",
    ];
    agree("memory", &sizes, |text| parse_size(text).is_ok())?;
    let schema = schema()?;
    for name in [
        "a",
        "0",
        "fetch-papers",
        "a_b-9",
        "",
        "-a",
        "_a",
        "A",
        "é",
        "a b",
        "a.b",
        "a\n",
        &"x".repeat(64),
        &"x".repeat(65),
    ] {
        let file = format!("[jobs.{}]\nplugin = \"a\"\n", json!(name));
        ensure!(
            takes(&schema, &file)? == JobName::new(name).is_ok(),
            "{name:?}"
        );
    }
    Ok(())
}
