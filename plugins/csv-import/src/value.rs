//! One field of a row: what its column makes of it, or why it is rejected.

use serde_json::json;

use crate::{
    calendar,
    params::{Column, DateFormat, Kind},
};

/// Longer texts are cut where they are shown, in characters.
const SHOWN: usize = 40;
/// The longest address of a mailbox, and of its part before the `@`, as mail has it.
const EMAIL: (usize, usize) = (254, 64);
/// More digits than any sum of money has.
const DIGITS: usize = 60;

/// What a field says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// It is empty.
    Nothing,
    /// A text.
    Text(String),
    /// A number or a boolean, as JSON has it.
    Literal(String),
}

/// Reads the text of a field.
pub(crate) fn read(column: &Column, text: &str) -> Result<Value, String> {
    let text = text.trim();
    if text.is_empty() {
        if column.required {
            return Err("it is empty".to_owned());
        }
        return Ok(Value::Nothing);
    }
    let value = match column.kind {
        Kind::Text => Some(Value::Text(text.to_owned())),
        Kind::Integer => integer(text).map(Value::Literal),
        Kind::Decimal => decimal(text).map(Value::Literal),
        Kind::Boolean => boolean(text).map(|it| Value::Literal(it.to_string())),
        Kind::Date => calendar::date(text, column.format.unwrap_or_default()).map(Value::Text),
        Kind::Timestamp => calendar::timestamp(text).map(Value::Text),
        Kind::Email => is_email(text).then(|| Value::Text(text.to_owned())),
        Kind::Url => is_url(text).then(|| Value::Text(text.to_owned())),
    };
    let value =
        value.ok_or_else(|| format!("{} is {}", shown(text), not_what_is_wanted(column)))?;
    within(column, &value, text)?;
    Ok(value)
}

impl Value {
    /// Adds it to a line of JSON.
    pub(crate) fn write(&self, line: &mut Vec<u8>) {
        match self {
            Self::Nothing => line.extend(b"null"),
            Self::Text(text) => line.extend(json!(text).to_string().bytes()),
            Self::Literal(literal) => line.extend(literal.bytes()),
        }
    }

    /// What makes it another value: neither the capitals of a mail address nor the zeros at the end of
    /// a fraction. None is an empty field.
    pub(crate) fn identity(&self, kind: Kind) -> Option<String> {
        match self {
            Self::Nothing => None,
            Self::Text(text) if kind == Kind::Email => Some(text.to_lowercase()),
            Self::Literal(digits) if digits.contains('.') => {
                let digits = digits.trim_end_matches('0').trim_end_matches('.');
                Some(digits.to_owned())
            }
            Self::Text(text) | Self::Literal(text) => Some(text.clone()),
        }
    }
}

/// Whether it is one of the values and within the limits of its column.
fn within(column: &Column, value: &Value, text: &str) -> Result<(), String> {
    if !column.values.is_empty() && !column.values.iter().any(|it| it == text) {
        let names: Vec<_> = column.values.iter().map(|it| shown(it)).collect();
        return Err(format!("{} is none of {}", shown(text), names.join(", ")));
    }
    let is_number = matches!(column.kind, Kind::Integer | Kind::Decimal);
    let (size, unit) = match value {
        Value::Literal(digits) if is_number => (digits.parse().unwrap_or(f64::NAN), ""),
        // A row has at most 1 MiB.
        _ => {
            let characters = u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
            (f64::from(characters), " characters")
        }
    };
    let told = |bound, limit| {
        if is_number {
            Err(format!("{} is {bound} than {limit}", shown(text)))
        } else {
            Err(format!("it has {size}{unit}, {bound} than {limit}"))
        }
    };
    match (column.min, column.max) {
        (Some(min), _) if size < min => told("less", min),
        (_, Some(max)) if size > max => told("more", max),
        _ => Ok(()),
    }
}

fn not_what_is_wanted(column: &Column) -> &'static str {
    match column.kind {
        Kind::Text => "no text",
        Kind::Integer => "no whole number",
        Kind::Decimal => "no number such as `12.50`",
        Kind::Boolean => "neither `true` nor `false`",
        Kind::Date => match column.format.unwrap_or_default() {
            DateFormat::Iso => "no date such as `2026-12-31`",
            DateFormat::Dots => "no date such as `31.12.2026`",
            DateFormat::DayFirst => "no date such as `31/12/2026`",
            DateFormat::MonthFirst => "no date such as `12/31/2026`",
        },
        Kind::Timestamp => "no time such as `2026-12-31T08:00:00Z`",
        Kind::Email => "no mail address",
        Kind::Url => "no address such as `https://example.com`",
    }
}

fn integer(text: &str) -> Option<String> {
    let number: i64 = text.parse().ok()?;
    Some(number.to_string())
}

/// The same number as JSON writes it, with all the digits behind its point.
fn decimal(text: &str) -> Option<String> {
    let (negative, digits) = match text.strip_prefix(['+', '-']) {
        Some(digits) => (text.starts_with('-'), digits),
        None => (false, text),
    };
    let (whole, fraction) = match digits.split_once('.') {
        Some((whole, fraction)) if !fraction.is_empty() => (whole, Some(fraction)),
        Some(_) => return None,
        None => (digits, None),
    };
    let digits = whole.bytes().chain(fraction.unwrap_or_default().bytes());
    let sound = digits.clone().all(|digit| digit.is_ascii_digit());
    if !sound || digits.clone().count() > DIGITS || digits.clone().count() == 0 {
        return None;
    }
    let zero = digits.clone().all(|digit| digit == b'0');
    let sign = if negative && !zero { "-" } else { "" };
    let whole = match whole.trim_start_matches('0') {
        "" => "0",
        whole => whole,
    };
    let fraction = fraction.map_or_else(String::new, |fraction| format!(".{fraction}"));
    Some(format!("{sign}{whole}{fraction}"))
}

fn boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "y" | "1" => Some(true),
        "false" | "no" | "n" | "0" => Some(false),
        _ => None,
    }
}

/// Whether mail could be sent there, as far as its looks go.
fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else {
        return false;
    };
    let odd =
        |c: char| c.is_whitespace() || c.is_control() || matches!(c, '@' | ',' | ';' | '<' | '>');
    let labels_are_sound = domain.split('.').all(|label| {
        let inner = |c: char| c.is_alphanumeric() || c == '-';
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(inner)
    });
    let dots_are_sound = !local.starts_with('.') && !local.ends_with('.') && !local.contains("..");
    let fits = text.len() <= EMAIL.0 && (1..=EMAIL.1).contains(&local.len());
    fits && !local.contains(odd) && dots_are_sound && labels_are_sound && domain.contains('.')
}

fn is_url(text: &str) -> bool {
    let rest = ["https://", "http://"].iter().find_map(|scheme| {
        let (start, rest) = text.split_at_checked(scheme.len())?;
        start.eq_ignore_ascii_case(scheme).then_some(rest)
    });
    let host = rest.and_then(|rest| rest.split(['/', '?', '#']).next());
    let sound = |c: char| !c.is_whitespace() && !c.is_control();
    host.is_some_and(|host| !host.is_empty()) && text.chars().all(sound)
}

/// A text of the file's, short enough for a message and without what would drive a terminal.
pub(crate) fn shown(text: &str) -> String {
    let mut short: String = text
        .chars()
        .take(SHOWN)
        .flat_map(char::escape_debug)
        .collect();
    if text.chars().nth(SHOWN).is_some() {
        short.push('…');
    }
    format!("`{short}`")
}

#[cfg(test)]
mod tests {
    use serde_json::Value as Json;

    use super::*;

    fn column(rest: &Json) -> Column {
        let mut column = json!({"name": "a"});
        column
            .as_object_mut()
            .unwrap()
            .extend(rest.as_object().unwrap().clone());
        serde_json::from_value(column).unwrap()
    }

    /// The JSON of a field, or why it is rejected.
    fn read(rest: &Json, text: &str) -> Result<String, String> {
        let value = super::read(&column(rest), text)?;
        let mut line = Vec::new();
        value.write(&mut line);
        let line = String::from_utf8(line).unwrap();
        assert!(serde_json::from_str::<Json>(&line).is_ok(), "{line}");
        Ok(line)
    }

    fn accepts(kind: &str, all: &[(&str, &str)]) {
        for (text, expected) in all {
            let read = read(&json!({"type": kind}), text);
            assert_eq!(read.as_deref(), Ok(*expected), "{text}");
        }
    }

    fn refuses(kind: &str, all: &[&str]) {
        for text in all {
            let told = read(&json!({"type": kind}), text).unwrap_err();
            assert!(told.contains(" is n"), "{told}");
        }
    }

    #[test]
    fn numbers_are_kept_to_the_last_digit() {
        accepts(
            "integer",
            &[
                ("7", "7"),
                ("-007", "-7"),
                ("+1", "1"),
                (" 5 ", "5"),
                ("", "null"),
            ],
        );
        refuses(
            "integer",
            &["1.0", "1e3", "1 000", "9223372036854775808", "x", "٣"],
        );
        accepts(
            "decimal",
            &[
                ("12.50", "12.50"),
                ("-0.0", "0.0"),
                ("007", "7"),
                (".5", "0.5"),
                ("+1", "1"),
                ("-.25", "-0.25"),
            ],
        );
        refuses(
            "decimal",
            &["1,5", "1.", ".", "-", "1.2.3", "1e3", "NaN", "0x1", "--1"],
        );
        let long = "9".repeat(DIGITS + 1);
        refuses("decimal", &[&long]);
        accepts(
            "boolean",
            &[
                ("Yes", "true"),
                ("0", "false"),
                ("TRUE", "true"),
                ("n", "false"),
            ],
        );
        refuses("boolean", &["2", "ja"]);
    }

    #[test]
    fn texts_are_what_their_column_is() {
        accepts(
            "text",
            &[
                (" a \"b\"\n", r#""a \"b\"""#),
                ("", "null"),
                ("\u{1}", "\"\\u0001\""),
            ],
        );
        accepts("date", &[("2026-12-31", "\"2026-12-31\"")]);
        refuses("date", &["2026-02-30", "31.12.2026"]);
        accepts(
            "timestamp",
            &[("2026-12-31 08:00Z", "\"2026-12-31T08:00:00Z\"")],
        );
        refuses("timestamp", &["2026-12-31"]);
        accepts(
            "email",
            &[(
                "Ann.O'Hara+x@mail.example.com",
                "\"Ann.O'Hara+x@mail.example.com\"",
            )],
        );
        refuses(
            "email",
            &[
                "ann",
                "ann@",
                "@b.c",
                "ann@host",
                "a b@c.de",
                "a@b@c.de",
                "a@-b.de",
                "a..b@c.de",
                "a@b..de",
            ],
        );
        accepts(
            "url",
            &[("HTTPS://example.com/a?b", "\"HTTPS://example.com/a?b\"")],
        );
        refuses(
            "url",
            &[
                "example.com",
                "ftp://example.com",
                "https://",
                "https:///a",
                "https://a b",
            ],
        );
    }

    #[test]
    fn limits_are_of_numbers_or_of_characters() {
        let told = |rest: Json, text| read(&rest, text).unwrap_err();
        assert_eq!(told(json!({"required": true}), "  "), "it is empty");
        assert_eq!(
            told(json!({"type": "integer", "min": 0}), "-1"),
            "`-1` is less than 0"
        );
        assert_eq!(
            told(json!({"type": "decimal", "max": 10.5}), "10.51"),
            "`10.51` is more than 10.5"
        );
        assert_eq!(
            told(json!({"max": 3}), "äöüß"),
            "it has 4 characters, more than 3"
        );
        assert_eq!(
            told(json!({"min": 2}), "x"),
            "it has 1 characters, less than 2"
        );
        assert_eq!(
            told(json!({"values": ["DE", "AT"]}), "FR"),
            "`FR` is none of `DE`, `AT`"
        );
        assert!(read(&json!({"values": ["DE"], "max": 2}), "DE").is_ok());
        assert!(read(&json!({"type": "integer", "min": 1, "max": 1}), "1").is_ok());
    }

    #[test]
    fn values_that_are_the_same_are_known_as_such() {
        let identity = |kind: &str, text| {
            let column = column(&json!({ "type": kind }));
            super::read(&column, text).unwrap().identity(column.kind)
        };
        assert_eq!(identity("email", "A@B.de"), identity("email", "a@b.DE"));
        assert_eq!(identity("decimal", "1.50"), identity("decimal", "01.5"));
        assert_eq!(identity("decimal", "1.00"), identity("decimal", "1"));
        assert_ne!(identity("decimal", "100"), identity("decimal", "1"));
        assert_ne!(identity("text", "A"), identity("text", "a"));
        assert_eq!(identity("text", " "), None);
    }

    #[test]
    fn what_is_shown_is_short_and_harmless() {
        assert_eq!(shown("a\u{1b}[2J"), "`a\\u{1b}[2J`");
        assert_eq!(shown(&"x".repeat(50)), format!("`{}…`", "x".repeat(40)));
    }
}
