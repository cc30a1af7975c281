//! `[jobs.NAME.params]` to JSON text. Keys are sorted, so equal params are equal text.

use std::{collections::BTreeMap, ops::Range};

use toml::{
    Spanned,
    de::{DeFloat, DeTable, DeValue},
};

use super::{problem::Problem, scalar::integer};

/// The JSON text of `table`; what JSON cannot say goes to `problems`.
pub(super) fn to_json(table: &DeTable<'_>, problems: &mut Vec<Problem>) -> String {
    let mut writer = Writer {
        json: String::new(),
        problems,
    };
    writer.table(table);
    writer.json
}

struct Writer<'p> {
    json: String,
    problems: &'p mut Vec<Problem>,
}

impl Writer<'_> {
    /// The parser bounds how deep values are nested, and so how deep this goes.
    fn value(&mut self, value: &Spanned<DeValue<'_>>) {
        match value.get_ref() {
            DeValue::String(text) => self.string(text),
            DeValue::Integer(written) => match integer(written) {
                Some(number) => self.json.push_str(&number.to_string()),
                None => self.problem(
                    value.span(),
                    "whole number does not fit into 64 bits",
                    "expected at most 9223372036854775807",
                ),
            },
            DeValue::Float(written) => self.float(written, value.span()),
            DeValue::Boolean(true) => self.json.push_str("true"),
            DeValue::Boolean(false) => self.json.push_str("false"),
            DeValue::Datetime(datetime) => self.string(&datetime.to_string()),
            DeValue::Array(list) => {
                self.json.push('[');
                for (index, value) in list.iter().enumerate() {
                    self.comma(index);
                    self.value(value);
                }
                self.json.push(']');
            }
            DeValue::Table(table) => self.table(table),
        }
    }

    fn table(&mut self, table: &DeTable<'_>) {
        let sorted: BTreeMap<_, _> = table
            .iter()
            .map(|(key, value)| (key.get_ref(), value))
            .collect();
        self.json.push('{');
        for (index, (key, value)) in sorted.into_iter().enumerate() {
            self.comma(index);
            self.string(key);
            self.json.push(':');
            self.value(value);
        }
        self.json.push('}');
    }

    fn float(&mut self, written: &DeFloat<'_>, span: Range<usize>) {
        let number = written.as_str().parse().ok();
        match number.and_then(serde_json::Number::from_f64) {
            Some(number) => self.json.push_str(&number.to_string()),
            None => self.problem(
                span,
                "params become JSON, which has no NaN and no infinity",
                "expected a finite number",
            ),
        }
    }

    fn string(&mut self, text: &str) {
        self.json
            .push_str(&serde_json::Value::from(text).to_string());
    }

    fn comma(&mut self, index: usize) {
        if index > 0 {
            self.json.push(',');
        }
    }

    fn problem(&mut self, span: Range<usize>, message: &str, label: &str) {
        let problem = Problem::error("config::params", message);
        self.problems.push(
            problem
                .at(span)
                .label(label)
                .help("write it as a string, or leave it out"),
        );
    }
}
