//! Draws problems: where it is, what is wrong, and what to type instead.
//!
//! The text they are about is anybody's, so it is never printed as it is: lines are cut to the
//! width, what could steer a terminal is made visible, and a file of nothing but mistakes does not
//! fill the screen.

use std::{borrow::Cow, ops::Range};

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use serde_json::json;

use super::counted::counted;
use crate::config::{self, Problem, Problems, Severity, Source};

/// How problems are drawn.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// Whether with colours.
    pub color: bool,
    /// How wide the terminal is, in columns.
    pub width: usize,
}

/// More problems than this are counted and not drawn.
const MOST_DRAWN: usize = 50;
/// A longer line is named and not drawn: drawing costs by the byte.
const LONGEST_LINE: usize = 16 << 10;
/// A related place further away than this is not drawn.
const FURTHEST_RELATED: usize = 200;
/// Narrower is not readable.
const NARROWEST: usize = 40;

/// All of `problems` as text for people, with a last line that counts them.
pub fn render(problems: &Problems, style: Style) -> String {
    let renderer = if style.color {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    let renderer = renderer
        .term_width(style.width.max(NARROWEST))
        .hyperlink(false);
    let mut text = String::new();
    for problem in problems.iter().take(MOST_DRAWN) {
        text.push_str(&draw(problems.source(), problem, &renderer));
        text.push_str("\n\n");
    }
    if problems.iter().count() > MOST_DRAWN {
        let more = format!("the first {MOST_DRAWN} problems are shown\n");
        text.push_str(&more);
    }
    text.push_str(&summary(problems));
    text.push('\n');
    text
}

/// "2 errors, 1 warning in schedules.toml".
pub fn summary(problems: &Problems) -> String {
    let counts = [(Severity::Error, "error"), (Severity::Warning, "warning")];
    let counts = counts.map(|(severity, name)| match problems.count(severity) {
        0 => None,
        n => Some(counted(n, name)),
    });
    let counts: Vec<_> = counts.into_iter().flatten().collect();
    let elsewhere = |problem: &&Problem| problem.code == config::ENVIRONMENT;
    let file = visible(problems.source().name());
    let place = match problems.iter().filter(elsewhere).count() {
        0 => file,
        n if n == problems.iter().count() => "the environment".into(),
        _ => format!("{file} and the environment").into(),
    };
    format!("{} in {place}", counts.join(", "))
}

/// All of `problems` as a JSON array, for programs. Lines and columns are counted from 1, columns
/// in characters; an end is behind the last character.
pub fn to_json(problems: Option<&Problems>) -> serde_json::Value {
    objects(problems).collect()
}

/// The same, one by one.
pub fn objects(problems: Option<&Problems>) -> impl Iterator<Item = serde_json::Value> {
    problems.into_iter().flat_map(|problems| {
        problems.iter().map(|problem| {
            let place = problems.place(problem);
            let (start, end) = (place.map(|(start, _)| start), place.map(|(_, end)| end));
            json!({
                "severity": problem.severity.as_str(),
                "code": problem.code,
                "message": problem.message,
                "file": problems.source().name(),
                "line": start.map(|it| it.line),
                "column": start.map(|it| it.column),
                "end_line": end.map(|it| it.line),
                "end_column": end.map(|it| it.column),
                "label": problem.label,
                "help": problem.help,
            })
        })
    })
}

fn draw(source: &Source, problem: &Problem, renderer: &Renderer) -> String {
    let level = match problem.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level
        .primary_title(shown(&problem.message))
        .id(problem.code.as_ref());
    let group = place(Group::with_title(title), source, problem);
    match &problem.help {
        Some(help) if problem.span.is_some() => {
            renderer.render(&[group.element(Level::HELP.message(shown_lines(help)))])
        }
        // Without lines above it, a help stands by itself.
        Some(help) => {
            let help = Level::HELP.secondary_title(shown_lines(help));
            let help = renderer.render(&[Group::with_title(help)]);
            format!("{}\n{help}", renderer.render(&[group]))
        }
        None => renderer.render(&[group]),
    }
}

/// Adds the place of `problem`: its lines, or where these cannot be drawn, their number.
fn place<'a>(group: Group<'a>, source: &'a Source, problem: &'a Problem) -> Group<'a> {
    let Some(span) = &problem.span else {
        return group;
    };
    let name = visible(source.name());
    let first = source.line_of(span.start);
    if source.line(first).len() > LONGEST_LINE {
        let position = source.position(span.start);
        let origin = Origin::path(name)
            .line(position.line)
            .char_column(position.column);
        let label = problem
            .label
            .as_deref()
            .unwrap_or("this line is too long to be shown");
        return group
            .element(origin)
            .element(Level::NOTE.message(shown(label)));
    }
    let related = problem.related.as_ref().filter(|related| {
        let line = source.line_of(related.span.start);
        line.abs_diff(first) <= FURTHEST_RELATED && source.line(line).len() <= LONGEST_LINE
    });
    let excerpt = Excerpt::new(
        source,
        first,
        related.map(|it| source.line_of(it.span.start)),
    );
    let primary = AnnotationKind::Primary.span(excerpt.span(source, span));
    let mut marks: Vec<Annotation<'a>> = vec![match &problem.label {
        Some(label) => primary.label(shown(label)),
        None => primary,
    }];
    if let Some(related) = related {
        let span = excerpt.span(source, &related.span);
        let mark = AnnotationKind::Context
            .span(span)
            .label(shown(&related.label));
        marks.push(mark);
    }
    let snippet = Snippet::source(excerpt.text)
        .line_start(excerpt.first)
        .path(name)
        .annotations(marks);
    group.element(snippet)
}

/// The lines of a source that are drawn, made harmless.
struct Excerpt {
    first: usize,
    text: String,
    /// Where each line begins in `text`.
    starts: Vec<usize>,
}

impl Excerpt {
    /// The lines from one to the other.
    fn new(source: &Source, line: usize, other: Option<usize>) -> Self {
        let other = other.unwrap_or(line);
        let (first, last) = (line.min(other), line.max(other));
        let mut excerpt = Self {
            first,
            text: String::new(),
            starts: Vec::new(),
        };
        for number in first..=last {
            excerpt.starts.push(excerpt.text.len());
            // Lines between the two are folded away, unless they are few.
            let line = source.line(number);
            if line.len() <= LONGEST_LINE {
                excerpt.text.push_str(&visible(line));
            }
            excerpt.text.push('\n');
        }
        excerpt
    }

    /// Where a span of the source is in the excerpt. Of several lines it is the first.
    fn span(&self, source: &Source, span: &Range<usize>) -> Range<usize> {
        let line = source.line_of(span.start);
        let (start, text) = (source.line_start(line), source.line(line));
        let within = |byte: usize| {
            let byte = text.floor_char_boundary(byte.saturating_sub(start).min(text.len()));
            self.starts[line - self.first] + visible(&text[..byte]).len()
        };
        within(span.start)..within(span.end)
    }
}

/// A message of ours, with parts of the user's, on one line.
fn shown(message: &str) -> String {
    shown_lines(&message.replace(['\n', '\r', '\t'], " "))
}

/// As [`shown`], for a message that may have several lines.
fn shown_lines(message: &str) -> String {
    let message = message.replace('\t', " ");
    let lines: Vec<_> = message.split('\n').map(visible).collect();
    lines.join("\n")
}

/// The text with what steers a terminal replaced, character by character, by a picture of it where
/// there is one. Tabs stay: the renderer knows how wide they are.
fn visible(text: &str) -> Cow<'_, str> {
    let picture = |c: char| match c {
        '\t' => None,
        '\0'..='\u{1f}' => char::from_u32(0x2400 + u32::from(c)),
        '\u{7f}' => Some('\u{2421}'),
        '\u{80}'..='\u{9f}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}' => Some(char::REPLACEMENT_CHARACTER),
        _ => None,
    };
    if !text.contains(|c| picture(c).is_some()) {
        return text.into();
    }
    text.chars().map(|c| picture(c).unwrap_or(c)).collect()
}

#[cfg(test)]
mod tests;
