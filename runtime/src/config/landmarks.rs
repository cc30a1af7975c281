//! Where strings and brackets begin in a text with syntax errors. The parser says where it noticed
//! that an end is missing, which is the end of the file; people look for the beginning.

use std::ops::Range;

use toml_parser::lexer::TokenKind;

/// What the lexer knows of a text.
pub(super) struct Landmarks {
    /// The strings, in order.
    strings: Vec<Range<usize>>,
    /// The first bracket that is never closed.
    pub(super) open: Option<Bracket>,
}

/// A bracket that opens a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bracket {
    pub(super) at: usize,
    /// What would close it.
    pub(super) close: char,
}

impl Landmarks {
    pub(super) fn new(text: &str) -> Self {
        let (mut strings, mut stack) = (Vec::new(), Vec::new());
        // Brackets count only in values: those of a header end with their line.
        let mut in_value = false;
        for token in toml_parser::Source::new(text).lex() {
            let at = token.span().start();
            match token.kind() {
                TokenKind::Equals => in_value = true,
                TokenKind::Newline if stack.is_empty() => in_value = false,
                TokenKind::LeftSquareBracket if in_value => stack.push(Bracket { at, close: ']' }),
                TokenKind::LeftCurlyBracket if in_value => stack.push(Bracket { at, close: '}' }),
                TokenKind::RightSquareBracket => close(&mut stack, ']'),
                TokenKind::RightCurlyBracket => close(&mut stack, '}'),
                kind if kind.encoding().is_some() => strings.push(at..token.span().end()),
                _ => {}
            }
        }
        Self {
            strings,
            open: stack.first().copied(),
        }
    }

    /// The string that `byte` is in or at the end of.
    pub(super) fn string_at(&self, byte: usize) -> Option<Range<usize>> {
        let after = self.strings.partition_point(|string| string.start <= byte);
        let string = self.strings[..after].last()?;
        (byte <= string.end).then(|| string.clone())
    }
}

/// A bracket that does not match is a mistake of its own, and closes nothing.
fn close(stack: &mut Vec<Bracket>, bracket: char) {
    if stack.last().is_some_and(|open| open.close == bracket) {
        stack.pop();
    }
}
