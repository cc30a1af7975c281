//! What the job is told: where the files are, and what a row is.

use std::{collections::BTreeSet, path::PathBuf};

use cronlet_plugin::prelude::*;

use crate::failure::Failure;

/// The job's params.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Params {
    /// The directory with the files, as it is granted: every `*.csv` in it is read.
    #[serde(default = "input")]
    input: String,
    /// The directory for `<run>.jsonl`, granted with `write = true`.
    #[serde(default = "output")]
    output: String,
    /// What is in a row. Columns of a file that are not named here are left out.
    columns: Vec<Column>,
    /// The names of the columns that tell one row from another; all of them if it is left out.
    #[serde(default)]
    key: Vec<String>,
    /// How many rows may be rejected before the run fails, and imports nothing.
    #[serde(default)]
    max_rejected: u64,
    /// The character between two fields.
    #[serde(default = "comma")]
    delimiter: String,
    /// What the bytes of a file mean.
    #[serde(default)]
    encoding: Encoding,
    /// Another number than before forgets which rows were imported.
    #[serde(default = "first")]
    generation: u32,
}

/// One column.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Column {
    /// As it is in the first line of the files, in small letters or capitals.
    pub(crate) name: String,
    /// What a field has to be.
    #[serde(default, rename = "type")]
    pub(crate) kind: Kind,
    /// Whether a row without it is rejected.
    #[serde(default)]
    pub(crate) required: bool,
    /// The least value of a number, the least characters of anything else.
    #[serde(default)]
    pub(crate) min: Option<f64>,
    /// The greatest value of a number, the most characters of anything else.
    #[serde(default)]
    pub(crate) max: Option<f64>,
    /// The only values that are allowed.
    #[serde(default)]
    pub(crate) values: Vec<String>,
    /// How a date is written.
    #[serde(default)]
    pub(crate) format: Option<DateFormat>,
}

/// What a field is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// Anything.
    #[default]
    Text,
    /// A whole number of 64 bits.
    Integer,
    /// A number with a fraction or without, kept to the last digit.
    Decimal,
    /// `true`, `yes`, `y`, `1` or their opposites, in small letters or capitals.
    Boolean,
    /// A day.
    Date,
    /// An instant as in RFC 3339.
    Timestamp,
    /// The address of a mailbox.
    Email,
    /// An address that begins with `https://` or `http://`.
    Url,
}

/// How a date is written in the files. The output always has the first one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub(crate) enum DateFormat {
    #[default]
    #[serde(rename = "YYYY-MM-DD")]
    Iso,
    #[serde(rename = "DD.MM.YYYY")]
    Dots,
    #[serde(rename = "DD/MM/YYYY")]
    DayFirst,
    #[serde(rename = "MM/DD/YYYY")]
    MonthFirst,
}

/// What the bytes of a file mean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub(crate) enum Encoding {
    /// A row with a field that is not UTF-8 is rejected.
    #[default]
    #[serde(rename = "utf-8")]
    Utf8,
    /// As Windows writes it, with quotes and the euro sign where Latin-1 has nothing.
    #[serde(rename = "latin-1")]
    Latin1,
    /// A field that is not UTF-8 is Latin-1.
    #[serde(rename = "utf-8-or-latin-1")]
    Utf8OrLatin1,
}

/// Params that make sense.
#[derive(Debug)]
pub(crate) struct Layout {
    pub(crate) input: PathBuf,
    pub(crate) output: PathBuf,
    pub(crate) columns: Vec<Column>,
    /// Which of them tell rows apart, in their order.
    pub(crate) key: Vec<usize>,
    pub(crate) max_rejected: u64,
    pub(crate) delimiter: u8,
    pub(crate) encoding: Encoding,
    pub(crate) generation: u32,
}

fn input() -> String {
    "/data".to_owned()
}

fn output() -> String {
    "/out".to_owned()
}

fn comma() -> String {
    ",".to_owned()
}

fn first() -> u32 {
    1
}

impl Params {
    /// Checks what its types cannot say.
    pub(crate) fn check(self) -> Result<Layout, Failure> {
        if self.columns.is_empty() {
            return Err(bad("`columns` is empty: name at least one"));
        }
        let mut names = BTreeSet::new();
        for column in &self.columns {
            check_column(column)?;
            if !names.insert(folded(&column.name)) {
                return Err(bad(format!("column `{}` is there twice", column.name)));
            }
        }
        let key = key(&self.columns, &self.key)?;
        let delimiter = match self.delimiter.as_bytes() {
            [byte] if byte.is_ascii() && !matches!(byte, b'"' | b'\r' | b'\n') => *byte,
            _ => {
                let told = format!(
                    "`delimiter` is `{}`: it is one ASCII character, such as `,` or `;`",
                    self.delimiter.escape_debug()
                );
                return Err(bad(told));
            }
        };
        Ok(Layout {
            input: self.input.into(),
            output: self.output.into(),
            columns: self.columns,
            key,
            max_rejected: self.max_rejected,
            delimiter,
            encoding: self.encoding,
            generation: self.generation,
        })
    }
}

impl Layout {
    /// The names of the columns that tell rows apart.
    pub(crate) fn key_names(&self) -> Vec<&str> {
        let name = |index: &usize| self.columns[*index].name.as_str();
        self.key.iter().map(name).collect()
    }
}

fn check_column(column: &Column) -> Result<(), Failure> {
    let name = &column.name;
    if name.trim().is_empty() {
        return Err(bad("a column has no name"));
    }
    if let (Some(min), Some(max)) = (column.min, column.max)
        && min > max
    {
        return Err(bad(format!(
            "column `{name}`: `min` is {min} and `max` is {max}, so nothing fits"
        )));
    }
    if column.format.is_some() && column.kind != Kind::Date {
        return Err(bad(format!(
            "column `{name}` has a `format` and is no date: write `type = \"date\"`"
        )));
    }
    Ok(())
}

/// The columns of the key, by their places.
fn key(columns: &[Column], names: &[String]) -> Result<Vec<usize>, Failure> {
    if names.is_empty() {
        return Ok((0..columns.len()).collect());
    }
    let mut key = Vec::new();
    for name in names {
        let same = |column: &Column| folded(&column.name) == folded(name);
        match columns.iter().position(same) {
            None => {
                let known: Vec<_> = columns.iter().map(|it| format!("`{}`", it.name)).collect();
                let known = known.join(", ");
                return Err(bad(format!(
                    "`key` names `{name}`, which is no column: there are {known}"
                )));
            }
            Some(index) if key.contains(&index) => {
                return Err(bad(format!("`key` names `{name}` twice")));
            }
            Some(index) => key.push(index),
        }
    }
    key.sort_unstable();
    Ok(key)
}

/// Names are compared like this.
pub(crate) fn folded(name: &str) -> String {
    name.trim().to_lowercase()
}

/// What no attempt can do anything about.
fn bad(message: impl Into<String>) -> Failure {
    Failure::never("bad-params", message)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn check(params: Value) -> Result<Layout, String> {
        let params: Params = serde_json::from_value(params).map_err(|error| error.to_string())?;
        params
            .check()
            .map_err(|failure| failure.message().to_owned())
    }

    #[test]
    fn what_is_left_out_has_its_default() {
        let layout = check(json!({"columns": [{"name": "a"}, {"name": "b"}]})).unwrap();
        assert_eq!(layout.input, PathBuf::from("/data"));
        assert_eq!(layout.output, PathBuf::from("/out"));
        assert_eq!(layout.key, [0, 1]);
        assert_eq!((layout.max_rejected, layout.delimiter), (0, b','));
        assert_eq!((layout.encoding, layout.generation), (Encoding::Utf8, 1));
        assert_eq!(layout.columns[0].kind, Kind::Text);
    }

    #[test]
    fn the_key_is_in_the_order_of_the_columns() {
        let columns = json!([{"name": "a"}, {"name": "b"}, {"name": "c"}]);
        let layout = check(json!({"columns": columns, "key": ["C", "a"]})).unwrap();
        assert_eq!(layout.key, [0, 2]);
        assert_eq!(layout.key_names(), ["a", "c"]);
    }

    #[test]
    fn mistakes_are_named() {
        let a = json!({"name": "a"});
        for (params, told) in [
            (json!({}), "missing field `columns`"),
            (
                json!({"columns": []}),
                "`columns` is empty: name at least one",
            ),
            (json!({"columns": [{"name": " "}]}), "a column has no name"),
            (
                json!({"columns": [a, {"name": "A "}]}),
                "column `A ` is there twice",
            ),
            (
                json!({"columns": [a], "key": ["b"]}),
                "`key` names `b`, which is no column: there are `a`",
            ),
            (
                json!({"columns": [a], "key": ["a", "A"]}),
                "`key` names `A` twice",
            ),
            (
                json!({"columns": [a], "delimiter": "\t\t"}),
                "`delimiter` is `\\t\\t`: it is one ASCII character, such as `,` or `;`",
            ),
            (
                json!({"columns": [{"name": "a", "min": 2, "max": 1}]}),
                "column `a`: `min` is 2 and `max` is 1, so nothing fits",
            ),
            (
                json!({"columns": [{"name": "a", "format": "DD.MM.YYYY"}]}),
                "column `a` has a `format` and is no date: write `type = \"date\"`",
            ),
        ] {
            assert_eq!(check(params).unwrap_err(), told);
        }
        for (params, begins) in [
            (
                json!({"columns": [a], "colums": 1}),
                "unknown field `colums`, expected one of",
            ),
            (
                json!({"columns": [{"name": "a", "type": "number"}]}),
                "unknown variant `number`, expected one of `text`, `integer`",
            ),
        ] {
            let told = check(params).unwrap_err();
            assert!(told.starts_with(begins), "{told}");
        }
    }
}
