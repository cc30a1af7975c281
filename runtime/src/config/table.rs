//! A cursor over one table: each key is taken at most once, and what is left is unknown.

use std::{collections::BTreeMap, ops::Range, path::Path};

use toml::{Spanned, de::DeInteger, de::DeTable, de::DeValue};

use super::{
    after::Upstreams,
    groups::Groups,
    problem::Problem,
    scalar::integer,
    suggest::{all_of, closest},
    text::Text,
    zone::Zones,
};

/// What is being read, and what has been found wrong with it.
pub(super) struct Walk<'a> {
    pub(super) text: &'a str,
    /// Of the file: what relative paths in it are relative to.
    pub(super) folder: &'a Path,
    pub(super) problems: Vec<Problem>,
    /// What is allowed and is hardly meant.
    pub(super) lints: Vec<Problem>,
    /// The groups of the file.
    pub(super) groups: Groups,
    /// The jobs of the file, as far as others are after them.
    pub(super) upstreams: Upstreams,
    /// The zones that were named so far.
    pub(super) zones: Zones,
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
    /// Whether it is one of the values in the list at `path`.
    pub(super) item: bool,
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

    /// Takes a key out that no table has, as somebody said something better about it.
    pub(super) fn take_wrong(
        &mut self,
        wrong: impl Fn(&str, &DeValue<'a>) -> bool,
    ) -> Option<Field<'a>> {
        let mut fields = self.fields.iter();
        let (name, _) = fields.find(|(name, (_, value))| wrong(name, value.get_ref()))?;
        let (name, entry) = self.fields.remove_entry(*name)?;
        Some(self.field(name, entry))
    }

    /// Whether a key that nobody took yet is one of these.
    pub(super) fn has(&self, wanted: impl Fn(&str) -> bool) -> bool {
        self.fields.keys().any(|key| wanted(key))
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
        for (key, (span, value)) in &self.fields {
            let candidates = self.known.iter().copied();
            let help = match (advice(key), closest(key, candidates)) {
                (Some(advice), _) => advice,
                (None, Some(meant)) => format!("did you mean `{meant}`?"),
                (None, None) => format!("the keys of {} are {}", self.title, all_of(&self.known)),
            };
            let what = match value.get_ref() {
                DeValue::Table(_) => "table",
                _ => "key",
            };
            let message = format!("unknown {what} `{}` in {}", shorten(key), self.title);
            let problem = Problem::error("config::unknown-key", message);
            walk.push(problem.at(span.clone()).help(help));
        }
    }

    fn field(&self, key: &'a str, entry: (Range<usize>, &'a Spanned<DeValue<'a>>)) -> Field<'a> {
        let (key_span, value) = entry;
        Field {
            path: format!("{}{key}", self.prefix),
            item: false,
            key,
            key_span,
            value: value.get_ref(),
            span: value.span(),
        }
    }
}

impl<'a> Field<'a> {
    /// One of the values in its list.
    pub(super) fn item(&self, value: &'a Spanned<DeValue<'a>>) -> Self {
        Self {
            item: true,
            path: self.path.clone(),
            key: self.key,
            key_span: self.key_span.clone(),
            value: value.get_ref(),
            span: value.span(),
        }
    }

    /// It as the file would have it with another value.
    pub(super) fn with(&self, value: &str) -> String {
        if self.item {
            return value.to_owned();
        }
        format!("{} = {value}", shorten(self.key))
    }

    /// What messages call it.
    pub(super) fn title(&self) -> String {
        let path = shorten(&self.path);
        if self.item {
            return format!("an item of `{path}`");
        }
        format!("`{path}`")
    }
}

impl<'a> Walk<'a> {
    pub(super) fn push(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// The string of a field.
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
        let message = format!("{} must be {}", field.title(), kind.name);
        let problem = Problem::error("config::type", message)
            .at(field.span.clone())
            .label(format!("found {}", type_name(field.value)))
            .help(format!("write `{}`", self.instead(field, kind)));
        self.push(problem);
        None
    }

    /// What to write in place of a field of the wrong type: the user's own value where only quotes
    /// or brackets are missing or too many.
    fn instead(&self, field: &Field<'a>, kind: &Kind) -> String {
        let written = self.text.get(field.span.clone()).unwrap_or_default();
        let positive = |number: &DeInteger<'_>| integer(number).is_some_and(|it| it > 0);
        let own = match (kind.form, field.value) {
            (Form::Quoted { unit }, DeValue::Integer(number))
                if !unit.is_empty() && positive(number) =>
            {
                Some(format!("\"{written}{unit}\""))
            }
            (Form::Text, DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_)) => {
                Some(format!("\"{written}\""))
            }
            (Form::Number, DeValue::String(text)) if is_number(text) => Some(text.to_string()),
            (Form::Boolean, DeValue::String(text)) if is_boolean(text) => Some(text.to_string()),
            (Form::List, DeValue::String(_)) => Some(format!("[{written}]")),
            _ => None,
        };
        let value = own.as_deref().unwrap_or(kind.example);
        match kind.form {
            Form::Header => value.to_owned(),
            _ => field.with(value),
        }
    }
}

/// What kind of value a key has.
pub(super) struct Kind {
    /// "a duration".
    pub(super) name: &'static str,
    /// A value that could be written.
    pub(super) example: &'static str,
    form: Form,
}

/// How values of a kind are written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// In quotes; the unit is the one that a bare number most likely has.
    Quoted {
        unit: &'static str,
    },
    /// In quotes, and whatever it says is right.
    Text,
    Number,
    Boolean,
    List,
    Table,
    /// As a table with a header of its own.
    Header,
}

impl Kind {
    pub(super) const BOOLEAN: Self = Self::new("`true` or `false`", "true", Form::Boolean);

    pub(super) const fn quoted(name: &'static str, example: &'static str) -> Self {
        Self::new(name, example, Form::Quoted { unit: "" })
    }

    /// A string that may say anything.
    pub(super) const fn text(example: &'static str) -> Self {
        Self::new("a string", example, Form::Text)
    }

    /// A number with a unit, in quotes.
    pub(super) const fn measure(
        name: &'static str,
        example: &'static str,
        unit: &'static str,
    ) -> Self {
        Self::new(name, example, Form::Quoted { unit })
    }

    pub(super) const fn number(name: &'static str, example: &'static str) -> Self {
        Self::new(name, example, Form::Number)
    }

    pub(super) const fn list(name: &'static str, example: &'static str) -> Self {
        Self::new(name, example, Form::List)
    }

    pub(super) const fn table(example: &'static str) -> Self {
        Self::new("a table", example, Form::Table)
    }

    /// A list in which every item is a table.
    pub(super) const fn tables(name: &'static str, example: &'static str) -> Self {
        Self::new(name, example, Form::Table)
    }

    pub(super) const fn header(header: &'static str) -> Self {
        Self::new("a table", header, Form::Header)
    }

    /// The unit that a bare number most likely has.
    pub(super) fn unit(&self) -> Option<&'static str> {
        match self.form {
            Form::Quoted { unit } if !unit.is_empty() => Some(unit),
            _ => None,
        }
    }

    const fn new(name: &'static str, example: &'static str, form: Form) -> Self {
        Self {
            name,
            example,
            form,
        }
    }
}

fn is_number(text: &str) -> bool {
    text.len() < 20 && text.parse::<f64>().is_ok_and(f64::is_finite)
}

fn is_boolean(text: &str) -> bool {
    matches!(text, "true" | "false")
}

/// What people call the type of a value.
pub(super) fn type_name(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(list) if list.iter().any(|it| it.get_ref().is_table()) => "a list of tables",
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
