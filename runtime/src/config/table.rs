//! A cursor over one table: each key is taken at most once, and what is left is unknown.

use std::{collections::BTreeMap, ops::Range};

use toml::{Spanned, de::DeTable, de::DeValue};

use super::{
    problem::Problem,
    suggest::{all_of, closest},
    text::Text,
};

/// What is being read, and what has been found wrong with it.
pub(super) struct Walk<'a> {
    pub(super) text: &'a str,
    pub(super) problems: Vec<Problem>,
}

/// A table that is being read.
pub(super) struct Table<'a> {
    /// What messages call it: "`[jobs.hello]`".
    pub(super) title: String,
    /// What comes before its keys in messages: "retry.".
    prefix: String,
    fields: BTreeMap<&'a str, (Range<usize>, &'a Spanned<DeValue<'a>>)>,
    known: Vec<&'static str>,
}

/// A key with its value.
#[derive(Clone, Debug)]
pub(super) struct Field<'a> {
    /// What messages call it: "retry.max".
    pub(super) path: String,
    /// The key itself.
    pub(super) key: &'a str,
    pub(super) key_span: Range<usize>,
    pub(super) value: &'a DeValue<'a>,
    pub(super) span: Range<usize>,
}

/// A value with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Marked<T> {
    pub(super) value: T,
    pub(super) span: Range<usize>,
}

impl<'a> Table<'a> {
    pub(super) fn new(title: impl Into<String>, prefix: &str, table: &'a DeTable<'a>) -> Self {
        let fields = table
            .iter()
            .map(|(key, value)| (key.get_ref().as_ref(), (key.span(), value)))
            .collect();
        Self {
            title: title.into(),
            prefix: prefix.to_owned(),
            fields,
            known: Vec::new(),
        }
    }

    /// Takes a key out, if it is there.
    pub(super) fn take(&mut self, key: &'static str) -> Option<Field<'a>> {
        self.known.push(key);
        let (name, entry) = self.fields.remove_entry(key)?;
        Some(self.field(name, entry))
    }

    /// Takes everything out that is left: the keys are the user's own.
    pub(super) fn take_all(mut self) -> Vec<Field<'a>> {
        let fields = std::mem::take(&mut self.fields);
        fields
            .into_iter()
            .map(|(name, entry)| self.field(name, entry))
            .collect()
    }

    /// Reports each key that nobody took. `advice` knows the keys that other tables have.
    pub(super) fn finish(self, walk: &mut Walk<'a>, advice: impl Fn(&str) -> Option<String>) {
        for (key, (span, _)) in &self.fields {
            let candidates = self.known.iter().copied();
            let help = match (advice(key), closest(key, candidates)) {
                (Some(advice), _) => advice,
                (None, Some(meant)) => format!("did you mean `{meant}`?"),
                (None, None) => format!("{} has {}", self.title, all_of(&self.known)),
            };
            let shown = shorten(key);
            let problem = Problem::error(
                "config::unknown-key",
                format!("unknown key `{shown}` in {}", self.title),
            );
            let label = "not a key of this table";
            walk.problems
                .push(problem.at(span.clone()).label(label).help(help));
        }
    }

    fn field(&self, key: &'a str, entry: (Range<usize>, &'a Spanned<DeValue<'a>>)) -> Field<'a> {
        let (key_span, value) = entry;
        Field {
            path: format!("{}{key}", self.prefix),
            key,
            key_span,
            value: value.get_ref(),
            span: value.span(),
        }
    }
}

impl<'a> Walk<'a> {
    pub(super) fn push(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// The string of a field. `example` is what one could write.
    pub(super) fn string(&mut self, field: &Field<'a>, kind: &Kind) -> Option<Text<'a>> {
        match field.value {
            DeValue::String(value) => Some(Text::new(self.text, value, field.span.clone())),
            _ => self.wrong_type(field, kind),
        }
    }

    /// The table of a field.
    pub(super) fn table(&mut self, field: &Field<'a>, kind: &Kind) -> Option<&'a DeTable<'a>> {
        match field.value {
            DeValue::Table(table) => Some(table),
            _ => self.wrong_type(field, kind),
        }
    }

    /// Reports that the value of `field` is of another type than `kind`.
    pub(super) fn wrong_type<T>(&mut self, field: &Field<'a>, kind: &Kind) -> Option<T> {
        let found = type_name(field.value);
        let problem = Problem::error(
            "config::type",
            format!("`{}` is {found}, not {}", shorten(&field.path), kind.name),
        );
        let instead = self.instead(field, kind);
        let problem = problem
            .at(field.span.clone())
            .label(format!("expected {}", kind.name))
            .help(format!("write `{instead}`"));
        self.push(problem);
        None
    }

    /// The line to write in place of a field of the wrong type, with the user's own value where
    /// only quotes are missing or too many.
    fn instead(&self, field: &Field<'a>, kind: &Kind) -> String {
        let written = self.text.get(field.span.clone()).unwrap_or_default();
        let own = match field.value {
            DeValue::String(text) if !kind.quoted && fits(text, kind) => Some(text.to_string()),
            DeValue::Integer(_) => kind.unit.map(|unit| format!("\"{written}{unit}\"")),
            _ => None,
        };
        let value = own.as_deref().unwrap_or(kind.example);
        if kind.example.starts_with('[') {
            return kind.example.to_owned();
        }
        format!("{} = {value}", field.key)
    }
}

/// What kind of value a key has.
pub(super) struct Kind {
    /// "a duration".
    pub(super) name: &'static str,
    /// A value that could be written.
    pub(super) example: &'static str,
    /// Whether it is written with quotes.
    quoted: bool,
    /// The unit that a bare number most likely has.
    unit: Option<&'static str>,
}

impl Kind {
    /// Written with quotes.
    pub(super) const fn quoted(name: &'static str, example: &'static str) -> Self {
        Self {
            name,
            example,
            quoted: true,
            unit: None,
        }
    }

    /// Written without quotes.
    pub(super) const fn bare(name: &'static str, example: &'static str) -> Self {
        Self {
            quoted: false,
            ..Self::quoted(name, example)
        }
    }

    /// With a unit that is most likely meant where there is none.
    pub(super) const fn unit(self, unit: &'static str) -> Self {
        Self {
            unit: Some(unit),
            ..self
        }
    }
}

/// Whether a text would be a value of this kind if it had no quotes.
fn fits(text: &str, kind: &Kind) -> bool {
    match kind.example {
        "true" | "false" => matches!(text, "true" | "false"),
        _ => text.parse::<f64>().is_ok_and(f64::is_finite) && text.len() < 20,
    }
}

/// What people call the type of a value.
pub(super) fn type_name(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// A text of the user's, short enough for a message.
pub(super) fn shorten(text: &str) -> std::borrow::Cow<'_, str> {
    const MOST: usize = 60;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &text[..end]).into(),
        None => text.into(),
    }
}
