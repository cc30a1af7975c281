//! A string value and where its parts are in the file.

use std::ops::Range;

/// A string value.
#[derive(Clone, Debug)]
pub(super) struct Text<'a> {
    /// What it says.
    pub(super) value: &'a str,
    /// Its place, with its quotes.
    pub(super) span: Range<usize>,
    /// Where its first byte is, if the file spells it without escapes.
    inner: Option<usize>,
}

impl<'a> Text<'a> {
    /// The string that is at `span` of `source`.
    pub(super) fn new(source: &str, value: &'a str, span: Range<usize>) -> Self {
        let raw = source.get(span.clone()).unwrap_or_default();
        let quotes = ["\"\"\"", "'''", "\"", "'"]
            .into_iter()
            .find(|quotes| raw.starts_with(quotes))
            .map_or(0, str::len);
        let inner = raw.get(quotes..raw.len().saturating_sub(quotes));
        // TOML drops a line's end right behind three quotes.
        let end = |inner: &str| match quotes {
            3 if inner.starts_with("\r\n") => 2,
            3 if inner.starts_with('\n') => 1,
            _ => 0,
        };
        let dropped = inner.map_or(0, end);
        let literal = inner.and_then(|inner| inner.get(dropped..)) == Some(value);
        Self {
            value,
            inner: literal.then_some(span.start + quotes + dropped),
            span,
        }
    }

    /// The place of a part of it; the whole of it if the part cannot be pointed at.
    pub(super) fn part(&self, part: Range<usize>) -> Range<usize> {
        match self.inner {
            Some(inner) if !part.is_empty() && part.end <= self.value.len() => {
                inner + part.start..inner + part.end
            }
            _ => self.span.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_pointed_at_where_the_file_spells_them_out() {
        for (source, value, start) in [
            (r#"a = "xyz""#, "xyz", 5),
            ("a = 'xyz'", "xyz", 5),
            (r#"a = """xyz""""#, "xyz", 7),
            ("a = \"\"\"\nxyz\"\"\"", "xyz", 8),
            ("a = '''\r\nxyz'''", "xyz", 9),
        ] {
            let text = Text::new(source, value, 4..source.len());
            assert_eq!(text.part(1..2), start + 1..start + 2, "{source}");
            assert_eq!(text.part(0..0), 4..source.len(), "{source}");
            assert_eq!(text.part(0..9), 4..source.len(), "{source}");
        }
        let source = r#"a = "x\u0079z""#;
        let text = Text::new(source, "xyz", 4..source.len());
        assert_eq!(text.part(1..2), 4..source.len());
    }
}
