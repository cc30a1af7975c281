//! Text of others made fit to show: a guest's words never drive the terminal.
//!
//! Control characters and the marks that reorder text are shown as escapes. JSON says the same
//! with escapes of its own, so its readers see no difference.

use std::{borrow::Cow, fmt::Write as _};

/// How wide a tab is made.
const TAB: &str = "    ";

/// One line: an end of line is shown as `⏎`.
pub fn line(text: &str) -> Cow<'_, str> {
    if !text.chars().any(|c| c == '\n' || c == '\t' || drives(c)) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for c in text.trim_end_matches('\n').chars() {
        match c {
            '\n' => shown.push('⏎'),
            '\t' => shown.push_str(TAB),
            c if drives(c) => shown.extend(c.escape_unicode()),
            c => shown.push(c),
        }
    }
    Cow::Owned(shown)
}

/// The lines of a text, each fit to show.
pub fn lines(text: &str) -> impl Iterator<Item = Cow<'_, str>> {
    text.lines().map(line)
}

/// JSON text: the same document, without characters that drive a terminal.
pub fn json(text: &str) -> Cow<'_, str> {
    let harmless = |c: char| c == '\n' || c == '\t' || !drives(c);
    if text.chars().all(harmless) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if harmless(c) {
            shown.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(shown, "\\u{unit:04x}");
            }
        }
    }
    Cow::Owned(shown)
}

/// Whether a terminal does something else with it than show it.
fn drives(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}')
        // Marks that reorder what is around them, with which a text can show another.
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn harmless_text_is_left_alone() {
        for text in ["", "hello", "naïve ☃ 日本 👩‍🚀"] {
            assert!(matches!(line(text), Cow::Borrowed(same) if same == text));
            assert!(matches!(json(text), Cow::Borrowed(same) if same == text));
        }
    }

    #[test]
    fn controls_are_shown_and_not_done() {
        assert_eq!(
            line("a\u{1b}[31mb\rc\u{9b}2J\u{7f}"),
            "a\\u{1b}[31mb\\u{d}c\\u{9b}2J\\u{7f}"
        );
        assert_eq!(line("first\nsecond\tthird\n"), "first⏎second    third");
        assert_eq!(line("x\u{202e}y"), "x\\u{202e}y");
        assert_eq!(lines("a\nb\u{8}\n").collect::<Vec<_>>(), ["a", "b\\u{8}"]);
    }

    #[test]
    fn json_keeps_its_meaning() {
        let value = serde_json::json!({"a": "\u{9b}2J\u{7f}\u{202e} é\n\u{1b}"});
        let text = serde_json::to_string_pretty(&value).unwrap();
        let shown = json(&text);
        assert!(!shown.chars().any(|c| c != '\n' && drives(c)), "{shown}");
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&shown).unwrap(),
            value
        );
    }
}
