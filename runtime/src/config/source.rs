//! The text of a schedules file, and where in it a byte is.

use std::sync::Arc;

/// The text of a file and its name. Cloning is cheap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    name: Arc<str>,
    text: Arc<str>,
    /// The byte at which each line begins; the first is 0.
    lines: Arc<[usize]>,
}

/// Where a byte is, as people and editors count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
}

impl Source {
    /// A byte-order mark is not part of the text, so that columns are those an editor shows.
    pub fn new(name: &str, text: &str) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let lines = std::iter::once(0).chain(ends.map(|(end, _)| end + 1));
        Self {
            name: name.into(),
            lines: lines.collect(),
            text: text.into(),
        }
    }

    /// The file as it was named.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Where `byte` is. Beyond the end is the end, inside a character is its beginning.
    pub fn position(&self, byte: usize) -> Position {
        let byte = self.text.floor_char_boundary(byte.min(self.text.len()));
        let line = self.line_of(byte);
        let before = &self.text[self.lines[line - 1]..byte];
        Position {
            line,
            column: before.chars().count() + 1,
        }
    }

    /// The number of the line that `byte` is on, from 1.
    pub fn line_of(&self, byte: usize) -> usize {
        self.lines.partition_point(|start| *start <= byte)
    }

    /// The byte at which line `number` begins.
    pub fn line_start(&self, number: usize) -> usize {
        let index = number.saturating_sub(1);
        self.lines.get(index).copied().unwrap_or(self.text.len())
    }

    /// The text of line `number`, without its end.
    pub fn line(&self, number: usize) -> &str {
        let line = &self.text[self.line_start(number)..self.line_start(number + 1)];
        let line = line.strip_suffix('\n').unwrap_or(line);
        line.strip_suffix('\r').unwrap_or(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(source: &Source, byte: usize) -> (usize, usize) {
        let position = source.position(byte);
        (position.line, position.column)
    }

    #[test]
    fn positions_count_lines_and_characters() {
        let source = Source::new("f", "ab\r\né = 1\n");
        assert_eq!(at(&source, 0), (1, 1));
        assert_eq!(at(&source, 2), (1, 3));
        assert_eq!(at(&source, 4), (2, 1));
        assert_eq!(at(&source, 5), (2, 1));
        assert_eq!(at(&source, 6), (2, 2));
        assert_eq!(at(&source, 99), (3, 1));
    }

    #[test]
    fn lines_have_no_ends() {
        let source = Source::new("f", "ab\r\né = 1\n");
        assert_eq!(source.line(1), "ab");
        assert_eq!(source.line(2), "é = 1");
        assert_eq!(source.line(3), "");
        assert_eq!(source.line(9), "");
    }

    #[test]
    fn a_byte_order_mark_does_not_count() {
        let source = Source::new("f", "\u{feff}a = 1");
        assert_eq!(source.text(), "a = 1");
        assert_eq!(at(&source, 4), (1, 5));
    }
}
