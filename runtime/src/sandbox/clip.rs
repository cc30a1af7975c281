//! Texts from a guest, cut to a length. A guest can hand over megabytes where a
//! sentence is expected, and everything here is kept in the history.
//!
//! Control characters stay: making them harmless is for whoever shows the text.

/// The longest message for people, in bytes.
pub(super) const MESSAGE: usize = 8 << 10;
/// The longest summary, which is one line.
pub(super) const SUMMARY: usize = 1 << 10;
/// The longest code and the longest name of an attribute.
pub(super) const NAME: usize = 128;
/// The longest value of an attribute.
const VALUE: usize = 4 << 10;
/// How many attributes are kept.
const ATTRIBUTES: usize = 32;

/// `text`, or as much of it as fits into `max` bytes and an ellipsis.
pub(super) fn text(mut text: String, max: usize) -> String {
    if text.len() > max {
        text.truncate(text.floor_char_boundary(max));
        text.push('…');
    }
    // Its allocation may be much larger than what is kept.
    text.shrink_to_fit();
    text
}

/// The first names with their last values.
pub(super) fn attributes(given: Vec<(String, String)>) -> Vec<(String, String)> {
    let mut kept: Vec<(String, String)> = Vec::new();
    for (name, value) in given {
        let name = text(name, NAME);
        if let Some(same) = kept.iter_mut().find(|(kept, _)| *kept == name) {
            same.1 = text(value, VALUE);
        } else if kept.len() < ATTRIBUTES {
            kept.push((name, text(value, VALUE)));
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!(text("abc".to_owned(), 3), "abc");
        assert_eq!(text("abcd".to_owned(), 3), "abc…");
        assert_eq!(text("aéé".to_owned(), 2), "a…");
        assert_eq!(text("\u{1b}[31m\0".to_owned(), 99), "\u{1b}[31m\0");
        let cut = text("x".repeat(1 << 20), 10);
        assert!(cut.capacity() < 100);
    }

    #[test]
    fn of_a_repeated_name_the_last_value_counts() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let given = vec![pair("a", "1"), pair("b", "2"), pair("a", "3")];
        assert_eq!(attributes(given), [pair("a", "3"), pair("b", "2")]);
    }

    #[test]
    fn attributes_are_few_and_small() {
        let many = (0..100_000).map(|n| (n.to_string(), "x".repeat(10)));
        assert_eq!(attributes(many.collect()).len(), ATTRIBUTES);
        let large = vec![("n".repeat(1 << 20), "v".repeat(1 << 20))];
        let kept = attributes(large);
        assert!(kept[0].0.len() <= NAME + 3);
        assert!(kept[0].1.len() <= VALUE + 3);
    }
}
