//! Text to a tree of values with their places, or all its syntax errors.

use std::ops::Range;

use toml::de::{DeTable, DeValue};
use toml_parser::lexer::TokenKind;

use super::problem::Problem;

/// The most parts a dotted key may have. Each is a table in a table, and such a tree is taken
/// apart by recursion; the parser itself bounds only brackets.
const MAX_KEY_PARTS: usize = 16;

/// The code of a key that is there twice, which leaves a tree that can be read further.
const DUPLICATE: &str = "toml::duplicate";

/// The tree of `text`, as far as it has one, and its syntax errors.
///
/// Where there is any other error than a duplicate, the tree is guesswork and is not given.
pub(super) fn parse(text: &str) -> (Option<DeTable<'_>>, Vec<Problem>) {
    if let Some(problem) = too_deep(text) {
        return (None, vec![problem]);
    }
    let (tree, errors) = DeTable::parse_recoverable(text);
    let tree = tree.into_inner();
    let problems: Vec<_> = errors
        .iter()
        .map(|error| problem(text, &tree, error))
        .collect();
    let readable = problems.iter().all(|problem| problem.code == DUPLICATE);
    (readable.then_some(tree), problems)
}

/// The first key with too many parts.
fn too_deep(text: &str) -> Option<Problem> {
    let (mut dots, mut start) = (0, None);
    for token in toml_parser::Source::new(text).lex() {
        match token.kind() {
            TokenKind::Dot => dots += 1,
            TokenKind::Whitespace => continue,
            TokenKind::Atom | TokenKind::BasicString | TokenKind::LiteralString => {
                start.get_or_insert(token.span().start());
                continue;
            }
            _ => (dots, start) = (0, None),
        }
        if dots >= MAX_KEY_PARTS {
            let span = start.unwrap_or(token.span().start())..token.span().end();
            let problem = Problem::error(
                "toml::syntax",
                format!("key has more than {MAX_KEY_PARTS} parts"),
            );
            return Some(problem.at(span).label("expected fewer dots"));
        }
    }
    None
}

fn problem(text: &str, tree: &DeTable<'_>, error: &toml::de::Error) -> Problem {
    let span = visible(text, error.span());
    let (message, expected) = match error.message().split_once(", expected ") {
        Some((message, expected)) => (message, Some(expected)),
        None => (error.message(), None),
    };
    if message == "duplicate key" {
        return duplicate(text, tree, span);
    }
    let there = &text[span.clone()];
    let (message, help) = in_our_words(message, there);
    let label = match expected {
        Some("nothing") | None => "not expected here".to_owned(),
        Some(expected) => format!("expected {expected}"),
    };
    Problem::error("toml::syntax", message)
        .at(span)
        .label(label)
        .maybe_help(help)
}

/// What the parser says, and what to do about it.
fn in_our_words(message: &str, there: &str) -> (String, Option<String>) {
    let (message, help) = match message {
        "string values must be quoted" => (
            format!("`{there}` has no quotes"),
            Some(format!("write `\"{there}\"`")),
        ),
        "invalid basic string" | "invalid literal string" => (
            "string is not closed".to_owned(),
            Some("write a quote at its end".to_owned()),
        ),
        "key with no value" => (
            format!("`{there}` has no value"),
            Some(format!("write `{there} = …`")),
        ),
        "unclosed table" | "unclosed array table" => (
            "table's name is not closed".to_owned(),
            Some("write `[jobs.NAME]`".to_owned()),
        ),
        "unclosed array" => ("list is not closed".to_owned(), None),
        "cannot recurse further; max recursion depth met" => {
            ("brackets are nested too deep".to_owned(), None)
        }
        other => (other.to_owned(), None),
    };
    (message, help)
}

fn duplicate(text: &str, tree: &DeTable<'_>, span: Range<usize>) -> Problem {
    let name = &text[span.clone()];
    let first = earlier_header(text, &span).or_else(|| earlier_key(tree, name, span.start));
    let problem = Problem::error(DUPLICATE, format!("`{name}` is there twice"))
        .at(span)
        .label("the second one");
    let problem = match first {
        Some(first) => problem.related(first, "the first one"),
        None => problem,
    };
    problem.help("remove one of them, or give it another name")
}

/// Where the header that `span` is in, if it is in one, stands for the first time.
fn earlier_header(text: &str, span: &Range<usize>) -> Option<Range<usize>> {
    let header = |line: &str| -> Option<String> {
        let line = line.trim_start();
        let end = line.starts_with('[').then(|| line.find(']'))??;
        let plain = |c: &char| !c.is_whitespace() && *c != '"' && *c != '\'';
        Some(line[..end].chars().filter(plain).collect())
    };
    let line_start = text[..span.start].rfind('\n').map_or(0, |end| end + 1);
    let wanted = header(&text[line_start..])?;
    let mut start = 0;
    for line in text[..line_start].split_inclusive('\n') {
        if header(line).is_some_and(|found| found == wanted) {
            let bytes = line.trim_end().len();
            let indent = line.len() - line.trim_start().len();
            return Some(start + indent..start + bytes);
        }
        start += line.len();
    }
    None
}

/// The nearest key called `name` before `before`: the parser keeps the first of two.
fn earlier_key(tree: &DeTable<'_>, name: &str, before: usize) -> Option<Range<usize>> {
    let name = name.trim_matches(['"', '\'']);
    let mut nearest: Option<Range<usize>> = None;
    let mut tables = vec![tree];
    while let Some(table) = tables.pop() {
        for (key, value) in table {
            let span = key.span();
            let later = nearest.as_ref().is_none_or(|best| best.start < span.start);
            if key.get_ref() == name && span.end <= before && later {
                nearest = Some(span);
            }
            push_tables(value.get_ref(), &mut tables);
        }
    }
    nearest
}

fn push_tables<'a, 'i>(value: &'a DeValue<'i>, tables: &mut Vec<&'a DeTable<'i>>) {
    match value {
        DeValue::Table(table) => tables.push(table),
        DeValue::Array(array) => {
            for value in array {
                push_tables(value.get_ref(), tables);
            }
        }
        _ => {}
    }
}

/// The place of an error, within the text, on character boundaries and on one line.
fn visible(text: &str, span: Option<Range<usize>>) -> Range<usize> {
    let span = span.unwrap_or(text.len()..text.len());
    let start = text.floor_char_boundary(span.start.min(text.len()));
    let end = text.ceil_char_boundary(span.end.clamp(start, text.len()));
    let line = text[start..end].lines().next().unwrap_or_default();
    start..start + line.len()
}
