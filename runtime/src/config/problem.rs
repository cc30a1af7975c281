//! What is wrong with a schedules file, as plain data. Nothing here prints.

use std::{borrow::Cow, error::Error, fmt, ops::Range};

use super::source::{Position, Source};

/// Who has more problems than this has one, and a log and a status have an end.
const MOST: usize = 1000;
/// Longer texts are cut, in characters: a value of the user's is in most of them.
const LONGEST: usize = 500;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub severity: Severity,
    /// Short and stable, for programs: `schedule::cron`.
    pub code: Cow<'static, str>,
    /// What is wrong, with backticks round the user's text.
    pub message: String,
    /// The bytes of the text that are at fault; none when the fault is not in the text.
    pub span: Option<Range<usize>>,
    /// What to write under the span.
    pub label: Option<String>,
    /// Another place that has to do with it.
    pub related: Option<Mark>,
    /// What to type instead.
    pub help: Option<String>,
}

/// Whether a file with the problem is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It is.
    Error,
    /// It is not, but it may not do what was meant.
    Warning,
}

/// A place in the text with a few words about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    pub span: Range<usize>,
    pub label: String,
}

impl Severity {
    /// As programs read it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

impl Problem {
    pub fn error(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            code: code.into(),
            message: clip(message.into()),
            span: None,
            label: None,
            related: None,
            help: None,
        }
    }

    pub fn warning(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(code, message)
        }
    }

    /// Says where it is.
    #[must_use]
    pub fn at(mut self, span: Range<usize>) -> Self {
        self.span = Some(span);
        self
    }

    /// Says what to write under the place.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(clip(label.into()));
        self
    }

    /// Says what else has to do with it.
    #[must_use]
    pub fn related(mut self, span: Range<usize>, label: impl Into<String>) -> Self {
        let label = clip(label.into());
        self.related = Some(Mark { span, label });
        self
    }

    /// Says what to type instead.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(clip(help.into()));
        self
    }

    /// As [`help`](Self::help), where there is something to say.
    #[must_use]
    pub fn maybe_help(self, help: Option<String>) -> Self {
        match help {
            Some(help) => self.help(help),
            None => self,
        }
    }
}

/// All that is wrong with one file, in the order of its lines: at least one problem, and of very
/// many the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems {
    source: Source,
    list: Vec<Problem>,
    /// Those there is no more room for.
    left_out: Vec<Severity>,
}

impl Problems {
    /// Those of `source`, sorted, each once; none if there are none.
    pub fn new(source: &Source, mut list: Vec<Problem>) -> Option<Self> {
        // What has no place is about the whole file or its surroundings, and comes first.
        let place = |problem: &Problem| problem.span.as_ref().map(|span| (span.start, span.end));
        list.sort_by_key(|problem| (problem.severity, place(problem)));
        list.dedup();
        let left_out = list.drain(MOST.min(list.len())..);
        let left_out = left_out.map(|problem| problem.severity).collect();
        list.sort_by_key(place);
        let source = source.clone();
        (!list.is_empty()).then_some(Self {
            source,
            list,
            left_out,
        })
    }

    /// The one problem of a file that has no others.
    pub fn one(source: &Source, problem: Problem) -> Self {
        Self {
            source: source.clone(),
            list: vec![problem],
            left_out: Vec::new(),
        }
    }

    /// The text they are about.
    pub fn source(&self) -> &Source {
        &self.source
    }

    pub fn iter(&self) -> std::slice::Iter<'_, Problem> {
        self.list.iter()
    }

    /// The problems alone.
    pub fn into_vec(self) -> Vec<Problem> {
        self.list
    }

    /// How many there are of this severity, with those that are left out.
    pub fn count(&self, severity: Severity) -> usize {
        let all = self.iter().map(|problem| &problem.severity);
        let all = all.chain(&self.left_out);
        all.filter(|it| **it == severity).count()
    }

    /// Where a problem begins and ends.
    pub fn place(&self, problem: &Problem) -> Option<(Position, Position)> {
        let span = problem.span.as_ref()?;
        let (start, end) = (span.start, span.end);
        Some((self.source.position(start), self.source.position(end)))
    }
}

impl<'a> IntoIterator for &'a Problems {
    type Item = &'a Problem;
    type IntoIter = std::slice::Iter<'a, Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// One line each, for a log: `schedules.toml:8:16: day-of-month 32 is out of range`.
impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            f.write_str(self.source.name())?;
            if let Some((start, _)) = self.place(problem) {
                write!(f, ":{}:{}", start.line, start.column)?;
            }
            write!(f, ": {}", problem.message)?;
        }
        Ok(())
    }
}

impl Error for Problems {}

fn clip(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(LONGEST) {
        text.truncate(end);
        text.push('…');
    }
    text
}
