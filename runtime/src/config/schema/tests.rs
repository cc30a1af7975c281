//! The schema and the parser agree on keys, words, limits and defaults. The parser is asked by what it
//! says of files.

use std::collections::{BTreeMap, BTreeSet};

use cronlet_core::catalog::Catalog;
use serde_json::Value;

use super::*;
use crate::config::{Draft, Environment, Problem, parse};

/// What to do when a key is in one of the two alone.
const ADVICE: &str = "the schema is put together in runtime/src/config/schema: `mod.rs` has `[runtime]`, \
    `job.rs` what only a job has, `policy.rs` what `[defaults]` has too. Put the key there, or take it \
    away, and write the file that editors read anew: `BLESS=1 cargo test -p tests --test suite schema`";

/// A key that no table has.
const UNKNOWN: &str = "qqqqqqqqqqqq";

/// A table of the file whose keys are known.
struct Place {
    header: Vec<String>,
    /// It is one of several in a list.
    item: bool,
    entry: Value,
}

impl Place {
    /// As people call it.
    fn title(&self) -> String {
        match &self.header[..] {
            [] => "the file".to_owned(),
            header => format!("`[{}]`", header.join(".")),
        }
    }

    fn keys(&self) -> BTreeMap<String, Value> {
        let keys = self.entry["properties"].as_object().unwrap();
        let keys = keys
            .iter()
            .map(|(name, entry)| (name.clone(), resolved(entry)));
        keys.collect()
    }

    /// A file in which this table has these keys, and those that it must have, and what they name.
    fn file(&self, keys: &[(&str, &str)]) -> String {
        let mut text = self.alone(keys);
        if text.contains("\"extract\"") {
            text.push_str("[jobs.extract]\nplugin = \"hello\"\n");
        }
        text
    }

    fn alone(&self, keys: &[(&str, &str)]) -> String {
        let mut lines: BTreeMap<&str, String> = BTreeMap::new();
        for required in self.entry["required"].as_array().into_iter().flatten() {
            let name = required.as_str().unwrap();
            let example = &values(&resolved(&self.entry["properties"][name]))[0];
            lines.insert(name, example.clone());
        }
        lines.extend(
            keys.iter()
                .map(|(name, value)| (*name, (*value).to_owned())),
        );
        if lines.contains_key("offset") {
            lines.insert("every", "\"1d\"".to_owned());
        }
        let lines = lines
            .iter()
            .map(|(name, value)| format!("{name} = {value}\n"));
        let mut lines: String = lines.collect();
        if keys.iter().any(|(name, _)| *name == "group") {
            lines.push_str("[groups.probe]\nmax = 1\n");
        }
        let header = self.header.join(".");
        let header = match (&header[..], self.item) {
            ("", _) => return format!("{lines}[jobs.probe]\nplugin = \"hello\"\n"),
            ("jobs.probe", _) => return format!("[jobs.probe]\n{lines}"),
            (header, true) => format!("[[{header}]]"),
            (header, false) => format!("[{header}]"),
        };
        format!("[jobs.probe]\nplugin = \"hello\"\n{header}\n{lines}")
    }
}

fn resolved(entry: &Value) -> Value {
    match entry["$ref"].as_str() {
        Some(path) => schema()
            .pointer(path.strip_prefix('#').unwrap())
            .unwrap()
            .clone(),
        None => entry.clone(),
    }
}

/// Every table of the schema.
fn places() -> Vec<Place> {
    fn visit(header: &[String], item: bool, entry: &Value, places: &mut Vec<Place>) {
        let entry = resolved(entry);
        let inner = |name: &str| [header, &[name.to_owned()]].concat();
        for kind in entry["anyOf"].as_array().into_iter().flatten() {
            visit(header, item, kind, places);
        }
        if entry["items"].is_object() {
            visit(header, true, &entry["items"], places);
        }
        if entry["additionalProperties"].is_object() {
            visit(
                &inner("probe"),
                false,
                &entry["additionalProperties"],
                places,
            );
        }
        if entry["properties"].is_object() {
            let place = Place {
                header: header.to_vec(),
                item,
                entry,
            };
            for (name, entry) in place.keys() {
                visit(&inner(&name), false, &entry, places);
            }
            places.push(place);
        }
    }
    let mut places = Vec::new();
    visit(&[], false, &schema(), &mut places);
    assert!(places.len() >= 5, "only {} tables were found", places.len());
    places
}

/// Values that a key may have, as TOML: what the schema itself names.
fn values(entry: &Value) -> Vec<String> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let mut values = [list(&entry["examples"]), list(&entry["enum"])].concat();
    values.extend(
        ["default", "minimum", "maximum"]
            .iter()
            .filter_map(|it| entry.get(it).cloned()),
    );
    let mut values: Vec<_> = values.iter().map(toml).collect();
    for kind in list(&entry["anyOf"]) {
        values.extend(self::values(&kind));
    }
    if entry["items"].is_object() {
        let items = self::values(&resolved(&entry["items"]));
        values.extend(items.iter().map(|item| format!("[{item}]")));
    }
    values
}

fn toml(value: &Value) -> String {
    match value {
        Value::Array(list) => format!("[{}]", list.iter().map(toml).collect::<Vec<_>>().join(", ")),
        Value::Object(keys) => {
            let keys = keys
                .iter()
                .map(|(name, value)| format!("{name} = {}", toml(value)));
            format!("{{ {} }}", keys.collect::<Vec<_>>().join(", "))
        }
        value => value.to_string(),
    }
}

fn problems(text: &str) -> Vec<Problem> {
    match parse("schedules.toml", text, &Environment::new()) {
        Ok(_) => Vec::new(),
        Err(problems) => problems.into_vec(),
    }
}

/// The words in backticks.
fn words(text: &str) -> BTreeSet<String> {
    text.split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

/// The keys that the parser takes there, as it says itself about one that it does not take.
fn taken(place: &Place) -> BTreeSet<String> {
    let text = place.file(&[(UNKNOWN, "1")]);
    let problems = problems(&text);
    let refused = problems.iter().find(|it| it.message.contains(UNKNOWN));
    let keys = refused.and_then(|it| it.help.as_deref()?.split_once(" are "));
    words(keys.map_or("", |(_, keys)| keys))
}

#[test]
fn the_parser_takes_the_keys_of_the_schema_and_no_others() {
    let mut differences = Vec::new();
    for place in places() {
        let (known, taken) = (place.keys().into_keys().collect(), taken(&place));
        let title = place.title();
        for key in taken.difference(&known) {
            differences.push(format!(
                "the parser takes `{key}` in {title}, and the schema does not have it"
            ));
        }
        for key in known.difference(&taken) {
            differences.push(format!(
                "the schema has `{key}` in {title}, and the parser does not take it"
            ));
        }
    }
    assert!(
        differences.is_empty(),
        "{}\n\n{ADVICE}\n",
        differences.join("\n")
    );
}

#[test]
fn every_value_that_the_schema_names_is_taken() {
    for place in places() {
        for (key, entry) in place.keys() {
            for value in values(&entry) {
                let text = place.file(&[(&key, &value)]);
                assert_eq!(problems(&text), [], "{text}");
            }
        }
    }
}

/// What a file means, apart from its text.
fn meaning(text: &str) -> impl PartialEq + std::fmt::Debug + use<> {
    let draft: Draft = parse("schedules.toml", text, &Environment::new()).unwrap();
    let plan = draft.resolve(&Catalog::default());
    (plan.settings, plan.jobs, draft.runtime, draft.limits)
}

#[test]
fn the_defaults_are_what_holds_where_nothing_is_written() {
    for place in places() {
        for (key, entry) in place.keys() {
            if let Some(value) = entry.get("default") {
                let text = place.file(&[(&key, &toml(value))]);
                assert_eq!(meaning(&text), meaning(&place.file(&[])), "{text}");
            }
        }
    }
}

#[test]
fn values_beyond_the_limits_are_refused() {
    for place in places() {
        for (key, entry) in place.keys() {
            let beyond = [("minimum", -1.0), ("maximum", 1.0)];
            for (limit, by) in beyond {
                let Some(limit) = entry[limit].as_f64() else {
                    continue;
                };
                let text = place.file(&[(&key, &(limit + by).to_string())]);
                assert_eq!(problems(&text).len(), 1, "{text}");
            }
        }
    }
}

#[test]
fn the_words_are_those_that_the_parser_knows() {
    for place in places() {
        for (key, entry) in place.keys() {
            let (words_of, value) = match (&entry["enum"], &entry["items"]["enum"]) {
                (Value::Array(words), _) => (words, format!("\"{UNKNOWN}\"")),
                (_, Value::Array(words)) => (words, format!("[\"{UNKNOWN}\"]")),
                _ => continue,
            };
            let known: BTreeSet<_> = words_of
                .iter()
                .map(|it| it.as_str().unwrap().to_owned())
                .collect();
            let text = place.file(&[(&key, &value)]);
            let problems = problems(&text);
            assert_eq!(
                words(problems[0].label.as_deref().unwrap()),
                known,
                "{text}"
            );
        }
    }
}

#[test]
fn a_value_of_another_type_is_refused() {
    for place in places() {
        for (key, entry) in place.keys() {
            let other = if entry["type"] == "boolean" {
                "7"
            } else {
                "true"
            };
            let text = place.file(&[(&key, other)]);
            assert!(!problems(&text).is_empty(), "{text}");
        }
    }
}

#[test]
fn everything_is_explained() {
    for place in places() {
        for (key, entry) in place.keys() {
            let doc = entry["description"].as_str().unwrap_or_default();
            let title = place.title();
            assert!(
                doc.ends_with('.'),
                "`{key}` in {title} is explained by {doc:?}"
            );
            assert!(doc.starts_with(char::is_uppercase), "{doc:?}");
        }
    }
}

#[test]
fn each_single_value_of_the_runtime_can_be_overridden() {
    let runtime = places()
        .into_iter()
        .find(|place| place.header == ["runtime"]);
    for (key, entry) in runtime.unwrap().keys() {
        if entry["type"] == "object" {
            continue;
        }
        let variable = format!("CRONLET_{}", key.to_uppercase());
        // No key may be empty, so this is refused if it is looked at.
        let environment = [(variable.clone(), String::new())].into();
        let problems = parse("schedules.toml", "", &environment).unwrap_err();
        assert!(
            problems
                .to_string()
                .contains(&format!("`{variable}` is empty")),
            "{key}"
        );
    }
}
