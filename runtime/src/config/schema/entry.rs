//! The schema of one key, put together.

use std::{ops::RangeInclusive, time::Duration};

use cronlet_core::units::{format_duration, format_size};
use serde_json::{Map, Value, json};

/// Whole numbers with units, each unit at most once and the longest first. At least one of them: see
/// where it is used.
const DURATION: &str =
    "^([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?([0-9]+us)?([0-9]+ns)?$";
const SIZE: &str = "^[0-9]+(B|[KMGT]iB|[kMGT]B)$";

/// What the name of a job or of a group may be; the core says the same in words.
const NAME: &str = "^[a-z0-9][a-z0-9_-]{0,63}$";

/// What is known of a key.
#[derive(Clone, Debug)]
pub(super) struct Entry(Map<String, Value>);

/// A table with these keys and no others.
pub(super) fn object<const N: usize>(doc: &str, keys: [(&str, Entry); N]) -> Entry {
    let keys = keys.map(|(name, entry)| (name.to_owned(), entry.into_value()));
    Entry::new(doc, "object")
        .with("properties", Map::from_iter(keys))
        .with("additionalProperties", false)
}

impl Entry {
    fn new(doc: &str, kind: &str) -> Self {
        Self(Map::new()).with("description", doc).with("type", kind)
    }

    /// That of another place: an entry of `definitions`.
    pub(super) fn reference(name: &str) -> Self {
        Self(Map::new()).with("$ref", format!("#/definitions/{name}"))
    }

    /// One of several kinds of value.
    pub(super) fn any_of<const N: usize>(doc: &str, kinds: [Self; N]) -> Self {
        let kinds = kinds.map(Self::into_value);
        Self(Map::new())
            .with("description", doc)
            .with("anyOf", kinds.to_vec())
    }

    pub(super) fn text(doc: &str) -> Self {
        Self::new(doc, "string")
    }

    /// A string that matches.
    pub(super) fn pattern(doc: &str, pattern: &str) -> Self {
        Self::text(doc).with("pattern", pattern)
    }

    /// A string that is not empty.
    pub(super) fn path(doc: &str) -> Self {
        Self::text(doc).with("minLength", 1)
    }

    pub(super) fn boolean(doc: &str) -> Self {
        Self::new(doc, "boolean")
    }

    pub(super) fn integer(doc: &str, limits: &RangeInclusive<u32>) -> Self {
        Self::new(doc, "integer")
            .with("minimum", *limits.start())
            .with("maximum", *limits.end())
    }

    /// The name of something in the file.
    pub(super) fn name(doc: &str) -> Self {
        Self::pattern(doc, NAME)
    }

    /// A whole number that may be negative.
    pub(super) fn signed(doc: &str, limits: &RangeInclusive<i64>) -> Self {
        Self::new(doc, "integer")
            .with("minimum", *limits.start())
            .with("maximum", *limits.end())
    }

    pub(super) fn number(doc: &str, limits: &RangeInclusive<f64>) -> Self {
        Self::new(doc, "number")
            .with("minimum", *limits.start())
            .with("maximum", *limits.end())
    }

    pub(super) fn duration(doc: &str, limits: &RangeInclusive<Duration>) -> Self {
        let (least, most) = (
            format_duration(*limits.start()),
            format_duration(*limits.end()),
        );
        Self::span(&format!("{doc}\n\nA duration from `{least}` to `{most}`."))
    }

    /// A duration whose limits are not fixed.
    pub(super) fn length(doc: &str) -> Self {
        Self::span(doc).examples(["30s", "5m", "1h30m"])
    }

    fn span(doc: &str) -> Self {
        // The shortest is `0s`; without this the pattern would match nothing at all.
        Self::pattern(doc, DURATION).with("minLength", 2)
    }

    pub(super) fn size(doc: &str, limits: &RangeInclusive<u64>) -> Self {
        let (least, most) = (format_size(*limits.start()), format_size(*limits.end()));
        let doc = format!("{doc}\n\nA size from `{least}` to `{most}`.");
        Self::pattern(&doc, SIZE)
    }

    /// The name of a time zone: editors would have nothing from a list of six hundred.
    pub(super) fn zone(doc: &str) -> Self {
        let doc = format!("{doc}\n\nA name of the IANA database.");
        Self::path(&doc).examples(["UTC", "Europe/Berlin", "America/New_York"])
    }

    /// One of these words.
    pub(super) fn word<const N: usize>(doc: &str, words: [&str; N]) -> Self {
        Self::text(doc).with("enum", words.to_vec())
    }

    pub(super) fn list(doc: &str, items: Self) -> Self {
        Self::new(doc, "array").with("items", items.into_value())
    }

    /// A table whose keys are the user's own.
    pub(super) fn map(doc: &str, values: impl Into<Value>) -> Self {
        Self::new(doc, "object").with("additionalProperties", values)
    }

    /// A table of things that have names.
    pub(super) fn named(doc: &str, things: Self) -> Self {
        Self::map(doc, things.into_value()).with("propertyNames", json!({ "pattern": NAME }))
    }

    pub(super) fn default(self, value: impl Into<Value>) -> Self {
        self.with("default", value)
    }

    pub(super) fn default_duration(self, value: Duration) -> Self {
        self.default(format_duration(value))
    }

    pub(super) fn default_size(self, value: u64) -> Self {
        self.default(format_size(value))
    }

    pub(super) fn examples<T: Into<Value>, const N: usize>(self, values: [T; N]) -> Self {
        let values: Vec<Value> = values.into_iter().map(Into::into).collect();
        self.with("examples", values)
    }

    /// Another keyword.
    pub(super) fn with(mut self, keyword: &str, value: impl Into<Value>) -> Self {
        self.0.insert(keyword.to_owned(), value.into());
        self
    }

    /// Puts further keys into a table.
    pub(super) fn add(mut self, keys: impl IntoIterator<Item = (&'static str, Self)>) -> Self {
        for (name, entry) in keys {
            self.0["properties"][name] = entry.into_value();
        }
        self
    }

    pub(super) fn into_value(self) -> Value {
        Value::Object(self.0)
    }
}
