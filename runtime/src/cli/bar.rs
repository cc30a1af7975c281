//! The last line of a terminal, which changes: progress below the log.

use std::{
    fmt::Write as _,
    io::{self, IsTerminal as _, Write as _},
};

use anstyle::Reset;
use unicode_width::UnicodeWidthStr as _;

use super::{escape, style::DIM, table::cut};

/// The line, on standard error. It writes for itself: what clears a line is no style, and must not be
/// stripped with the colours.
#[derive(Debug, Default)]
pub struct Bar {
    /// How wide the line is that stands there; 0 is none.
    drawn: usize,
}

impl Bar {
    /// How many columns it may have; none where there is no terminal whose lines can change.
    pub fn room() -> Option<usize> {
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        if dumb || !io::stderr().is_terminal() {
            return None;
        }
        let (width, _) = terminal_size::terminal_size_of(io::stderr())?;
        // In the last column some terminals begin a new line.
        Some(usize::from(width.0).saturating_sub(1))
    }

    /// Shows `text`, as much of it as there is room for.
    pub fn draw(&mut self, text: &str) {
        let Some(room) = Self::room() else { return };
        let text = escape::line(text);
        let text = cut(&text, room);
        let dim = anstream::AutoStream::choice(&io::stderr()) != anstream::ColorChoice::Never;
        let mut frame = self.clearing();
        if dim {
            let _ = write!(frame, "{DIM}{text}{Reset}");
        } else {
            frame.push_str(&text);
        }
        self.drawn = text.width();
        write(&frame);
    }

    /// Leaves an empty line, where the next text begins.
    pub fn clear(&mut self) {
        if self.drawn > 0 {
            write(&self.clearing());
            self.drawn = 0;
        }
    }

    /// What clears the line. If the terminal has become narrower, it stands on several rows.
    fn clearing(&self) -> String {
        let room = Self::room().unwrap_or(usize::MAX);
        clearing(self.drawn, room)
    }
}

fn clearing(drawn: usize, room: usize) -> String {
    let width = room.saturating_add(1);
    match drawn.saturating_sub(1) / width {
        _ if drawn == 0 => String::new(),
        0 => "\r\u{1b}[J".to_owned(),
        rows => format!("\u{1b}[{rows}A\r\u{1b}[J"),
    }
}

fn write(frame: &str) {
    let mut err = io::stderr().lock();
    // Where nobody looks nothing is lost.
    let _ = err.write_all(frame.as_bytes());
    let _ = err.flush();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_cleared_with_all_its_rows() {
        assert_eq!(clearing(0, 79), "");
        assert_eq!(clearing(1, 79), "\r\u{1b}[J");
        assert_eq!(clearing(79, 79), "\r\u{1b}[J");
        // The terminal was 80 columns wide, and is 40 now, and 20.
        assert_eq!(clearing(79, 39), "\u{1b}[1A\r\u{1b}[J");
        assert_eq!(clearing(79, 19), "\u{1b}[3A\r\u{1b}[J");
        assert_eq!(clearing(79, 0), "\u{1b}[78A\r\u{1b}[J");
    }
}
