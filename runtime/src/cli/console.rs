//! Where words go: data to standard output, everything else to standard error.

use std::{
    collections::BTreeSet,
    fmt::Display,
    io::{self, IsTerminal as _, Write as _},
};

use anstream::AutoStream;
use clap::ValueEnum;
use serde::Serialize;

use super::{
    bar::Bar,
    check::Streams,
    diagnostics::Style,
    error::CliError,
    escape,
    exit::Exit,
    style::{HELP, WARNING},
    table::Table,
};

/// How wide pictures of problems are where there is no terminal.
const WIDE: usize = 100;

/// Standard output and standard error, with what was asked of them.
pub struct Console {
    out: AutoStream<io::Stdout>,
    err: AutoStream<io::Stderr>,
    json: bool,
    bar: Bar,
    /// What was warned of.
    warnings: BTreeSet<String>,
}

/// `--color`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    // On a terminal, unless `NO_COLOR` is set. No doc comment: it would make every help longer.
    #[default]
    Auto,
    Always,
    Never,
}

impl From<Color> for anstream::ColorChoice {
    fn from(color: Color) -> Self {
        match color {
            Color::Auto => Self::Auto,
            Color::Always => Self::Always,
            Color::Never => Self::Never,
        }
    }
}

impl Console {
    pub fn new(color: Color, json: bool) -> Self {
        anstream::ColorChoice::from(color).write_global();
        Self {
            out: AutoStream::auto(io::stdout()),
            err: AutoStream::auto(io::stderr()),
            json,
            bar: Bar::default(),
            warnings: BTreeSet::new(),
        }
    }

    /// Whether data is to be JSON.
    pub fn json(&self) -> bool {
        self.json
    }

    /// Whether a person sees standard output at once.
    pub fn out_is_terminal() -> bool {
        io::stdout().is_terminal()
    }

    /// How many columns standard output has, if it is a terminal.
    pub fn width() -> Option<usize> {
        terminal_size::terminal_size_of(io::stdout()).map(|(width, _)| usize::from(width.0))
    }

    /// How many columns standard error has, if it is a terminal.
    pub fn err_width() -> Option<usize> {
        terminal_size::terminal_size_of(io::stderr()).map(|(width, _)| usize::from(width.0))
    }

    /// Data: a line, or several.
    pub fn line(&mut self, text: impl Display) -> Result<(), CliError> {
        self.bar.clear();
        Ok(writeln!(self.out, "{text}")?)
    }

    /// Data: a table that fits.
    pub fn table(&mut self, table: &Table) -> Result<(), CliError> {
        Ok(self.out.write_all(table.render(Self::width()).as_bytes())?)
    }

    /// Data: one JSON document; on a terminal with line breaks.
    pub fn document(&mut self, value: &impl Serialize) -> Result<(), CliError> {
        let text = if Self::out_is_terminal() {
            serde_json::to_string_pretty(value)
        } else {
            serde_json::to_string(value)
        };
        json_text(text)
    }

    /// Data: one line of a stream of JSON.
    pub fn json_line(&mut self, value: &impl Serialize) -> Result<(), CliError> {
        self.bar.clear();
        json_text(serde_json::to_string(value))
    }

    /// Data of a guest, JSON text, as it is; on a terminal without what would drive it.
    pub fn output(&mut self, text: &str) -> Result<(), CliError> {
        let mut out = io::stdout().lock();
        if Self::out_is_terminal() {
            out.write_all(escape::json(text).as_bytes())?;
        } else {
            out.write_all(text.as_bytes())?;
        }
        Ok(out.write_all(b"\n")?)
    }

    /// How pictures of problems are drawn on standard error.
    pub fn pictures() -> Style {
        Style {
            color: true,
            width: Self::err_width().unwrap_or(WIDE),
        }
    }

    /// Both, for a verb that writes for itself.
    pub fn streams(&mut self) -> Streams<'_> {
        Streams {
            out: &mut self.out,
            err: &mut self.err,
        }
    }

    /// Not data: a line, or several. If nobody reads it, nothing is lost.
    pub fn note(&mut self, text: impl Display) {
        self.bar.clear();
        let _ = writeln!(self.err, "{text}");
    }

    /// The line that changes, on a terminal.
    pub fn bar(&mut self) -> &mut Bar {
        &mut self.bar
    }

    /// Something odd that does not keep the command from its work. It is said once. Whether it was
    /// new.
    pub fn warning(&mut self, text: &str) -> bool {
        if !self.warnings.insert(text.to_owned()) {
            return false;
        }
        self.note(format_args!(
            "{WARNING}warning:{WARNING:#} {}",
            escape::line(text)
        ));
        true
    }

    /// What to type.
    pub fn help(&mut self, text: &str) {
        self.note(format_args!("{HELP}help:{HELP:#} {}", escape::line(text)));
    }

    /// The end of the command. Where data is JSON, so is the error it ends with.
    pub fn finish(&mut self, result: Result<Exit, CliError>) -> Exit {
        self.bar.clear();
        result.unwrap_or_else(|error| {
            let text = if self.json {
                let object = error.to_json();
                object.map_or_else(String::new, |it| {
                    format!("{}\n", escape::json(&it.to_string()))
                })
            } else {
                error.render(Self::pictures())
            };
            let _ = self.err.write_all(text.as_bytes());
            error.exit()
        })
    }
}

fn json_text(text: serde_json::Result<String>) -> Result<(), CliError> {
    let text = text.map_err(|e| CliError::internal(format!("cannot write JSON: {e}")))?;
    // Not through the stream that strips styles: it would strip what JSON quotes.
    let mut out = io::stdout().lock();
    out.write_all(escape::json(&text).as_bytes())?;
    Ok(out.write_all(b"\n")?)
}
