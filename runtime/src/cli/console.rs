//! Where words go: data to standard output, everything else to standard error.

use std::{
    fmt::Display,
    io::{self, IsTerminal as _, Write as _},
    process::ExitCode,
};

use anstream::AutoStream;
use clap::ValueEnum;
use serde::Serialize;

use super::{
    error::CliError,
    escape,
    exit::Exit,
    style::{HELP, WARNING},
    table::Table,
};

/// Standard output and standard error, with what was asked of them.
pub struct Console {
    out: AutoStream<io::Stdout>,
    err: AutoStream<io::Stderr>,
    json: bool,
}

/// `--color`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
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

    /// Data: a line, or several.
    pub fn line(&mut self, text: impl Display) -> Result<(), CliError> {
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
        self.json_text(text)
    }

    /// Data: one line of a stream of JSON.
    pub fn json_line(&mut self, value: &impl Serialize) -> Result<(), CliError> {
        self.json_text(serde_json::to_string(value))
    }

    fn json_text(&mut self, text: serde_json::Result<String>) -> Result<(), CliError> {
        let text = text.map_err(|e| CliError::internal(format!("cannot write JSON: {e}")))?;
        // Not through the stream that strips styles: it would strip what JSON quotes.
        let mut out = io::stdout().lock();
        out.write_all(escape::json(&text).as_bytes())?;
        Ok(out.write_all(b"\n")?)
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

    /// Not data: a line, or several. If nobody reads it, nothing is lost.
    pub fn note(&mut self, text: impl Display) {
        let _ = writeln!(self.err, "{text}");
    }

    /// Something odd that does not keep the command from its work.
    pub fn warning(&mut self, text: &str) {
        self.note(format_args!(
            "{WARNING}warning:{WARNING:#} {}",
            escape::line(text)
        ));
    }

    /// What to type.
    pub fn help(&mut self, text: &str) {
        self.note(format_args!("{HELP}help:{HELP:#} {}", escape::line(text)));
    }

    /// The end of the command.
    pub fn finish(&mut self, result: Result<Exit, CliError>) -> ExitCode {
        let exit = result.unwrap_or_else(|error| {
            let _ = self.err.write_all(error.render().as_bytes());
            error.exit()
        });
        exit.into()
    }
}
