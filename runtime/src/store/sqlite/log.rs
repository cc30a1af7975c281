//! Lists in a column, as JSON text: the lines of a log, and attributes.

use cronlet_core::report::LogLine;
use serde::{Serialize, Serializer, de::Error as _};

use crate::store::precision::{micros, time};

/// One line: time, level, message, and names and values.
type Line<M, F> = (i64, M, M, F);

/// Serialises the lines one by one, without a copy of them.
struct Lines<'a>(&'a [LogLine]);

impl Serialize for Lines<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|line| -> Line<&str, &[_]> {
            let level = line.level.as_str();
            (micros(line.at), level, &line.message, &line.fields)
        }))
    }
}

/// The column for these lines.
pub(super) fn lines(lines: &[LogLine]) -> String {
    json(&Lines(lines))
}

/// The reverse of [`lines`].
pub(super) fn read_lines(column: &str) -> Result<Vec<LogLine>, serde_json::Error> {
    let lines: Vec<Line<String, Vec<(String, String)>>> = serde_json::from_str(column)?;
    lines
        .into_iter()
        .map(|(at, level, message, fields)| {
            Ok(LogLine {
                at: time(at)
                    .ok_or_else(|| serde_json::Error::custom(format!("{at} is no time")))?,
                level: level.parse().map_err(serde_json::Error::custom)?,
                message,
                fields,
            })
        })
        .collect()
}

/// The column for these attributes; none if there are none.
pub(super) fn attributes(attributes: &[(String, String)]) -> Option<String> {
    (!attributes.is_empty()).then(|| json(attributes))
}

/// The reverse of [`attributes`].
pub(super) fn read_attributes(column: &str) -> Result<Vec<(String, String)>, serde_json::Error> {
    serde_json::from_str(column)
}

fn json<T: Serialize + ?Sized>(value: &T) -> String {
    serde_json::to_string(value).expect("strings and numbers have a JSON form")
}
