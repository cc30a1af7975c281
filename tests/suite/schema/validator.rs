//! Enough of JSON Schema to hold a file against our own. A keyword that it does not know is an error, so
//! that the schema cannot come to say what nobody looks at. The libraries that know all of it would
//! have the WebAssembly engine built a second time, with other features of what both need.

use anyhow::{Context as _, Result, bail};
use regex_lite::Regex;
use serde_json::{Map, Value};

/// What only explains.
const NOTES: [&str; 6] = [
    "$schema",
    "default",
    "definitions",
    "description",
    "examples",
    "title",
];

pub(super) struct Validator<'a> {
    /// Where references lead into.
    root: &'a Value,
}

impl<'a> Validator<'a> {
    pub(super) fn new(root: &'a Value) -> Self {
        Self { root }
    }

    /// Whether the whole schema takes `value`.
    pub(super) fn takes(&self, value: &Value) -> Result<bool> {
        self.schema(self.root, value)
    }

    fn schema(&self, schema: &Value, value: &Value) -> Result<bool> {
        let keywords = match schema {
            Value::Bool(verdict) => return Ok(*verdict),
            schema => schema
                .as_object()
                .context("a schema is an object or a boolean")?,
        };
        if let Some(path) = keywords.get("$ref") {
            // Editors overlook what stands beside it.
            anyhow::ensure!(keywords.len() == 1, "a reference stands alone: {schema}");
            let path = path.as_str().and_then(|path| path.strip_prefix('#'));
            let found = path.and_then(|path| self.root.pointer(path));
            return self.schema(found.context("a reference leads somewhere")?, value);
        }
        let mut verdict = true;
        for (keyword, argument) in keywords {
            if !NOTES.contains(&keyword.as_str()) {
                verdict &= self.keyword(keyword, argument, keywords, value)?;
            }
        }
        Ok(verdict)
    }

    fn keyword(
        &self,
        keyword: &str,
        argument: &Value,
        beside: &Map<String, Value>,
        value: &Value,
    ) -> Result<bool> {
        let limit = || argument.as_f64().context("a limit is a number");
        Ok(match keyword {
            "type" => is(argument.as_str().context("a type is a word")?, value)?,
            "enum" => argument
                .as_array()
                .context("words are a list")?
                .contains(value),
            "anyOf" => {
                let kinds = argument.as_array().context("kinds are a list")?;
                let verdicts = kinds.iter().map(|kind| self.schema(kind, value));
                verdicts.collect::<Result<Vec<_>>>()?.contains(&true)
            }
            "minimum" => {
                let least = limit()?;
                value.as_f64().is_none_or(|it| it >= least)
            }
            "maximum" => {
                let most = limit()?;
                value.as_f64().is_none_or(|it| it <= most)
            }
            "minLength" => value
                .as_str()
                .is_none_or(|it| argument.as_u64() <= Some(it.chars().count() as u64)),
            "minItems" => value
                .as_array()
                .is_none_or(|it| argument.as_u64() <= Some(it.len() as u64)),
            "maxItems" => value
                .as_array()
                .is_none_or(|it| Some(it.len() as u64) <= argument.as_u64()),
            "pattern" => match value {
                Value::String(text) => pattern(argument)?.is_match(text),
                _ => true,
            },
            "items" => self.all(argument, value.as_array().into_iter().flatten())?,
            "required" => {
                let names = argument.as_array().context("names are a list")?;
                let mut names = names.iter().filter_map(Value::as_str);
                !value.is_object() || names.all(|name| value.get(name).is_some())
            }
            "properties" => {
                let keys = argument.as_object().context("keys are an object")?;
                let written = keys
                    .iter()
                    .filter_map(|(name, entry)| Some((entry, value.get(name)?)));
                let verdicts = written.map(|(entry, value)| self.schema(entry, value));
                !verdicts.collect::<Result<Vec<_>>>()?.contains(&false)
            }
            "additionalProperties" => {
                let known = beside.get("properties").and_then(Value::as_object);
                let keys = value.as_object().into_iter().flatten();
                let others =
                    keys.filter(|(name, _)| known.is_none_or(|it| !it.contains_key(*name)));
                self.all(argument, others.map(|(_, value)| value))?
            }
            "propertyNames" => {
                let keys = value.as_object().into_iter().flatten();
                let names: Vec<_> = keys.map(|(name, _)| Value::from(name.as_str())).collect();
                self.all(argument, &names)?
            }
            unknown => bail!("`{unknown}` is a keyword that editors may know, and this does not"),
        })
    }

    fn all<'v>(&self, schema: &Value, values: impl IntoIterator<Item = &'v Value>) -> Result<bool> {
        let verdicts = values.into_iter().map(|value| self.schema(schema, value));
        Ok(!verdicts.collect::<Result<Vec<_>>>()?.contains(&false))
    }
}

/// A pattern, as JavaScript has it: there `$` is the end of the text and not of its last line, and so it
/// is here.
fn pattern(argument: &Value) -> Result<Regex> {
    Ok(Regex::new(argument.as_str().context("a pattern is text")?)?)
}

fn is(kind: &str, value: &Value) -> Result<bool> {
    Ok(match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "number" => value.is_number(),
        "integer" => value.as_f64().is_some_and(|it| it.fract() == 0.0),
        unknown => bail!("no type: `{unknown}`"),
    })
}
