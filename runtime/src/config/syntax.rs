//! Text to a tree of values with their places, or all its syntax errors.

use std::ops::Range;

use toml::de::{DeTable, DeValue, Error};
use toml_parser::lexer::TokenKind;

use super::{
    foreign,
    landmarks::{Bracket, Landmarks},
    problem::Problem,
};

/// The most parts a dotted key may have. Each is a table in a table, and such a tree is taken
/// apart by recursion; the parser itself bounds only brackets.
const MAX_KEY_PARTS: usize = 16;

/// What the parser says of anything behind a value or a header.
const TOO_MUCH: &str = "unexpected key or value";

/// What it says of a line that does not begin with a key and a `=`.
const OF_KEYS: [&str; 5] = [
    "key with no value",
    "missing value for key",
    "invalid unquoted key",
    "invalid key-value pair",
    "carriage return must be followed by newline",
];

const SYNTAX: &str = "toml::syntax";
/// The code of a key that is there twice, which leaves a tree that can be read further.
const DUPLICATE: &str = "toml::duplicate";

/// The tree of `text`, as far as it has one, and its syntax errors.
///
/// Where there is any other error than a duplicate, the tree is guesswork and is not given.
pub(super) fn parse(text: &str) -> (Option<DeTable<'_>>, Vec<Problem>) {
    if let Some(problem) = foreign::file(text).or_else(|| too_deep(text)) {
        return (None, vec![problem]);
    }
    let (tree, errors) = DeTable::parse_recoverable(text);
    let tree = tree.into_inner();
    if errors.is_empty() {
        return (Some(tree), Vec::new());
    }
    let problems = problems(text, &tree, &errors);
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
            let message = format!("key has more than {MAX_KEY_PARTS} parts");
            let problem = Problem::error(SYNTAX, message);
            return Some(problem.at(span).label("expected fewer dots"));
        }
    }
    None
}

/// What the errors mean. Errors that only follow from others are left out.
fn problems(text: &str, tree: &DeTable<'_>, errors: &[Error]) -> Vec<Problem> {
    let marks = Landmarks::new(text);
    let never_closed = |error: &Error| {
        let message = error.message();
        message.starts_with("unclosed inline table") || message.starts_with("unclosed array,")
    };
    // What follows such a bracket was read as if it were inside.
    let open = marks.open.filter(|_| errors.iter().any(never_closed));
    let end = open.map_or(text.len() + 1, |open| open.at);
    let mut problems: Vec<_> = open.map(unclosed_bracket).into_iter().collect();
    // What is in a table that is there twice is there twice for that reason.
    let mut twice = 0..0;
    // A word without quotes that begins like a number is wrong in several ways.
    let mut unquoted = 0..0;
    // The first thing that is wrong with a key makes the rest of its line guesswork.
    let (mut last, mut last_of_key) = (0, None);
    for error in errors {
        let span = visible(text, error.span());
        let same_line = |from: usize| {
            let between = text.get(from.min(span.start)..from.max(span.start));
            between.is_some_and(|between| !between.contains('\n'))
        };
        let follows = !problems.is_empty() && same_line(last);
        let of_key = OF_KEYS.iter().any(|it| error.message().starts_with(it));
        if span.start >= end
            || twice.contains(&span.start)
            || unquoted.contains(&span.start)
            || (follows && error.message().starts_with(TOO_MUCH))
            || (of_key && last_of_key.is_some_and(same_line))
        {
            continue;
        }
        last = span.start;
        last_of_key = of_key.then_some(span.start).or(last_of_key);
        problems.push(if error.message() == "duplicate key" {
            if let Some(header) = Header::around(text, &span) {
                twice = span.end..header.section_end(text);
            }
            duplicate(text, tree, span)
        } else if let Some(word) = no_number(text, error, &span) {
            unquoted = word.clone();
            no_quotes(text, word)
        } else {
            problem(text, &marks, error, span)
        });
    }
    problems
}

fn unclosed_bracket(open: Bracket) -> Problem {
    let what = if open.close == '}' { "table" } else { "list" };
    Problem::error(SYNTAX, format!("{what} is not closed"))
        .at(open.at..open.at + 1)
        .label("it begins here")
        .help(format!("write `{}` at its end", open.close))
}

fn problem(text: &str, marks: &Landmarks, error: &Error, span: Range<usize>) -> Problem {
    let (what, expected) = match error.message().split_once(", expected ") {
        Some((what, expected)) => (what, expected),
        None => (error.message(), "nothing"),
    };
    let label = match expected {
        "nothing" => "not expected here".to_owned(),
        expected => format!("expected {expected}"),
    };
    if matches!(expected, "`\"`" | "'`'" | "`'`")
        && let Some(string) = marks.string_at(span.start)
    {
        return unclosed_string(text, string);
    }
    let problem = match what {
        "missing value" => return no_value_after(span),
        "string values must be quoted" if span.is_empty() => return no_value_after(span),
        "string values must be quoted" | "invalid boolean" => return no_quotes(text, span),
        "unclosed table" | "unclosed array table" => return unclosed_header(text, span),
        "key with no value" | "missing value for key" => return no_value(text, span),
        "unquoted keys cannot be empty" => {
            return Problem::error(SYNTAX, "there is a name missing")
                .at(span)
                .label("expected a name");
        }
        "missing escaped value" => Problem::error(SYNTAX, "unknown escape in a string")
            .help("write `\\\\` for a backslash, or the string in single quotes"),
        TOO_MUCH => {
            return Problem::error(SYNTAX, "there is more on this line than belongs there")
                .at(span)
                .label("expected the end of the line");
        }
        "invalid unquoted key" => Problem::error(
            SYNTAX,
            "key has a character that needs quotes round the key",
        ),
        "cannot recurse further; max recursion depth met" => {
            Problem::error(SYNTAX, "brackets are nested too deep")
        }
        "carriage return must be followed by newline" => {
            return Problem::error(SYNTAX, "a line ends with a carriage return alone")
                .at(span)
                .label("the rest is taken to be the same line")
                .help("save the file with the line ends of Unix or of Windows");
        }
        other if other.starts_with("invalid date") && is_span_of_time(&text[span.clone()]) => {
            return no_quotes(text, span);
        }
        other => match other.strip_prefix("cannot extend value of type ") {
            Some(rest) => return extended(text, span, rest),
            None => Problem::error(SYNTAX, other),
        },
    };
    problem.at(span).label(label)
}

/// A dotted key below something that is no table.
fn extended(text: &str, span: Range<usize>, rest: &str) -> Problem {
    let found = rest.strip_suffix(" with a dotted key").unwrap_or(rest);
    let article = if found.starts_with(['a', 'e', 'i', 'o', 'u']) {
        "an"
    } else {
        "a"
    };
    let key = &text[span.clone()];
    Problem::error(SYNTAX, format!("`{key}` is {article} {found} already"))
        .at(span)
        .label("so it cannot get a key of its own here")
        .help(format!("write all of `{key}` in one place"))
}

fn unclosed_string(text: &str, string: Range<usize>) -> Problem {
    let quotes = &text[string.start..];
    let quotes = ["\"\"\"", "'''", "\"", "'"]
        .into_iter()
        .find(|it| quotes.starts_with(it));
    let quotes = quotes.unwrap_or("\"");
    let line = visible(text, Some(string));
    Problem::error(SYNTAX, "string is not closed")
        .at(line.start..line.end.max(line.start + 1))
        .label(format!("expected `{quotes}` at its end"))
}

/// A word that the parser took for a number because of how it begins: `noop` for `nan`, `inbox` for
/// `inf`, `./hello.wasm` for `.5`.
fn no_number(text: &str, error: &Error, span: &Range<usize>) -> Option<Range<usize>> {
    let message = error.message();
    if !message.starts_with("invalid float") && !message.starts_with("invalid mantissa") {
        return None;
    }
    let rest = text[span.start..]
        .split(['\n', '\r', '#', ',', ']', '}'])
        .next()?;
    let word = rest.split_whitespace().next()?;
    let is_word = word.starts_with(|c: char| c.is_alphabetic()) || word.starts_with("./");
    is_word.then_some(span.start..span.start + word.len())
}

fn no_quotes(text: &str, span: Range<usize>) -> Problem {
    let value = &text[span.clone()];
    let bare = value.trim_matches(['“', '”', '„', '‘', '’', '«', '»', '`']);
    let instead = match value.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" => "true".to_owned(),
        "false" | "no" | "off" => "false".to_owned(),
        _ => format!("\"{bare}\""),
    };
    Problem::error(SYNTAX, format!("`{value}` is not a value"))
        .at(span)
        .label("expected a text in quotes, a number, `true` or `false`")
        .help(format!("write `{instead}`"))
}

/// Whether it is from one time to another, which the parser takes for a time that is written badly.
fn is_span_of_time(value: &str) -> bool {
    let colon = value.find(':');
    value.contains("..") || colon.is_some_and(|colon| value[colon..].contains('-'))
}

fn no_value_after(span: Range<usize>) -> Problem {
    Problem::error(SYNTAX, "there is no value after the `=`")
        .at(span)
        .label("expected a value")
}

fn unclosed_header(text: &str, span: Range<usize>) -> Problem {
    let line_start = text[..span.start].rfind('\n').map_or(0, |end| end + 1);
    let before = text[line_start..span.start].trim_matches(['[', ']', ' ', '\t']);
    let rest = text[span.start..].lines().next().unwrap_or_default();
    // No key is a list of tables, so two brackets are one too many.
    if let Some((behind, _)) = rest.split_once(']').filter(|(it, _)| !it.trim().is_empty()) {
        let between = if before.contains('.') { "-" } else { "." };
        return Problem::error(SYNTAX, "name of a table has a blank")
            .at(span)
            .label("expected `]`")
            .help(format!("write `[{before}{between}{}]`", behind.trim()));
    }
    Problem::error(SYNTAX, "name of a table is not closed")
        .at(span)
        .label("expected `]`")
        .help(format!("write `[{before}]`"))
}

fn no_value(text: &str, span: Range<usize>) -> Problem {
    let line_start = text[..span.start].rfind('\n').map_or(0, |end| end + 1);
    let line = text[line_start..].lines().next().unwrap_or_default();
    let key = text[line_start..span.start].trim();
    let start = span.start - text[line_start..span.start].trim_start().len();
    Problem::error(SYNTAX, format!("`{key}` has no value"))
        .at(start..start + key.len())
        .label("expected `=` and a value after it")
        .maybe_help(foreign::line(line))
}

/// A table's header: `[jobs.hello]`.
struct Header {
    /// The byte after its line.
    end: usize,
    /// Its name without blanks and quotes.
    name: String,
}

impl Header {
    /// The one on the line of `span`, if it is one.
    fn around(text: &str, span: &Range<usize>) -> Option<Self> {
        let start = text[..span.start].rfind('\n').map_or(0, |end| end + 1);
        let line = text[start..].split_inclusive('\n').next()?;
        let name = header_name(line)?;
        let end = start + line.len();
        Some(Self { end, name })
    }

    /// Where the next table begins.
    fn section_end(&self, text: &str) -> usize {
        let mut end = self.end;
        for line in text[self.end..].split_inclusive('\n') {
            if line.trim_start().starts_with('[') {
                break;
            }
            end += line.len();
        }
        end
    }
}

fn header_name(line: &str) -> Option<String> {
    let line = line.trim_start();
    let end = line.starts_with('[').then(|| line.find(']'))??;
    let plain = |c: &char| !c.is_whitespace() && *c != '"' && *c != '\'';
    Some(line[..end].chars().filter(plain).collect())
}

fn duplicate(text: &str, tree: &DeTable<'_>, span: Range<usize>) -> Problem {
    let name = &text[span.clone()];
    let header = Header::around(text, &span);
    let (first, help) = match &header {
        Some(header) => (
            earlier_header(text, header, &span).or_else(|| earlier_key(tree, name, span.start)),
            "put them together, or give one of them another name",
        ),
        None => (earlier_key(tree, name, span.start), "remove one of them"),
    };
    let what = if header.is_some() { "table" } else { "key" };
    let problem = Problem::error(DUPLICATE, format!("{what} `{name}` is there twice"))
        .at(span)
        .label("the second one")
        .help(help);
    match first {
        Some(first) => problem.related(first, "the first one"),
        None => problem,
    }
}

/// Where the last part of a header stands in the first header of the same name.
fn earlier_header(text: &str, header: &Header, span: &Range<usize>) -> Option<Range<usize>> {
    let last_part = &text[span.clone()];
    let mut start = 0;
    for line in text[..span.start].split_inclusive('\n') {
        if header_name(line).as_ref() == Some(&header.name) {
            let part = start + line.rfind(last_part)?;
            return Some(part..part + last_part.len());
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
