//! Tables that fit the terminal: aligned columns, two blanks between them, no boxes.
//!
//! Off a terminal nothing is cut, so that what is piped is whole. On one, a column that says
//! little is left out before the free text is cut short, and the free text is cut before anything
//! else is.

use std::fmt::Write as _;

use anstyle::Style;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::{
    escape,
    style::{DIM, PLAIN},
};

#[cfg(test)]
mod tests;

const GAP: usize = 2;
/// A free text narrower than this says little: then other columns go.
const COMFORT: usize = 24;
/// No column is made narrower than this.
const LEAST: usize = 6;

/// A table.
#[derive(Debug)]
pub struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
}

/// How a column is shown.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    header: &'static str,
    right: bool,
    free: bool,
    /// Columns with a higher number are left out first; 0 is never.
    rank: u8,
    /// The same for when its cells become brief.
    brief: u8,
}

/// What stands in one place.
#[derive(Clone, Debug)]
pub struct Cell {
    text: String,
    /// What stands there where there is little room.
    brief: Option<String>,
    style: Style,
}

/// The width of each column, and whether its cells are brief; none is left out.
type Layout = Vec<Option<Shown>>;

/// See [`Layout`].
#[derive(Clone, Copy, Debug)]
struct Shown {
    width: usize,
    brief: bool,
}

impl Column {
    pub const fn new(header: &'static str) -> Self {
        Self {
            header,
            right: false,
            free: false,
            rank: 0,
            brief: 0,
        }
    }

    /// Numbers.
    #[must_use]
    pub const fn right(mut self) -> Self {
        self.right = true;
        self
    }

    /// Text of any length, cut first.
    #[must_use]
    pub const fn free(mut self) -> Self {
        self.free = true;
        self
    }

    /// Left out where there is no room; a higher rank goes first.
    #[must_use]
    pub const fn spare(mut self, rank: u8) -> Self {
        self.rank = rank;
        self
    }

    /// Brief where there is little room, among the columns that are left out.
    #[must_use]
    pub const fn brief(mut self, rank: u8) -> Self {
        self.brief = rank;
        self
    }
}

impl Cell {
    pub fn styled(text: impl AsRef<str>, style: Style) -> Self {
        Self {
            text: escape::line(text.as_ref()).into_owned(),
            brief: None,
            style,
        }
    }

    /// The same in fewer words.
    #[must_use]
    pub fn or(mut self, brief: impl AsRef<str>) -> Self {
        self.brief = Some(escape::line(brief.as_ref()).into_owned());
        self
    }

    fn text(&self, brief: bool) -> &str {
        match &self.brief {
            Some(text) if brief => text,
            _ => &self.text,
        }
    }

    pub fn new(text: impl AsRef<str>) -> Self {
        Self::styled(text, PLAIN)
    }

    pub fn dim(text: impl AsRef<str>) -> Self {
        Self::styled(text, DIM)
    }
}

impl Table {
    pub fn new(columns: impl Into<Vec<Column>>) -> Self {
        Self {
            columns: columns.into(),
            rows: Vec::new(),
        }
    }

    /// Adds a row of as many cells as there are columns.
    pub fn row(&mut self, cells: impl Into<Vec<Cell>>) {
        let cells = cells.into();
        debug_assert_eq!(cells.len(), self.columns.len());
        self.rows.push(cells);
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The whole table, each line ended, in at most `width` columns if it can be.
    pub fn render(&self, width: Option<usize>) -> String {
        let layout = self.layout(width);
        let mut text = String::new();
        let headers: Vec<Cell> = self
            .columns
            .iter()
            .map(|column| Cell::dim(column.header))
            .collect();
        for row in std::iter::once(&headers).chain(&self.rows) {
            self.render_row(&mut text, row, &layout);
        }
        text
    }

    fn render_row(&self, text: &mut String, row: &[Cell], layout: &[Option<Shown>]) {
        let shown: Vec<(usize, Shown)> = layout
            .iter()
            .enumerate()
            .filter_map(|(i, shown)| shown.map(|shown| (i, shown)))
            .collect();
        let mut line = String::new();
        let mut blanks = 0;
        for (place, &(i, shown)) in shown.iter().enumerate() {
            let cell = &row[i];
            let cut = cut(cell.text(shown.brief), shown.width);
            let room = shown.width.saturating_sub(cut.width());
            blanks += if place == 0 { 0 } else { GAP };
            if self.columns[i].right {
                blanks += room;
            }
            if !cut.is_empty() {
                line.extend(std::iter::repeat_n(' ', blanks));
                blanks = 0;
                let style = cell.style;
                let _ = write!(line, "{style}{cut}{style:#}");
            }
            if !self.columns[i].right {
                blanks += room;
            }
        }
        text.push_str(&line);
        text.push('\n');
    }

    fn layout(&self, width: Option<usize>) -> Layout {
        let columns = 0..self.columns.len();
        let mut layout: Layout = columns.map(|i| self.natural(i, false)).collect();
        let Some(width) = width else {
            return layout;
        };
        self.make_room(&mut layout, width);
        self.cut_free(&mut layout, width);
        self.cut_widest(&mut layout, width, |column| column.free);
        self.cut_widest(&mut layout, width, |_| true);
        layout
    }

    /// As wide as its widest cell; none where every cell is empty.
    fn natural(&self, i: usize, brief: bool) -> Option<Shown> {
        let cells = self.rows.iter().map(|row| row[i].text(brief).width()).max();
        cells.filter(|widest| *widest > 0).map(|widest| Shown {
            width: widest.max(self.columns[i].header.width()),
            brief,
        })
    }

    /// Makes columns brief or leaves them out, until the rest is comfortable.
    fn make_room(&self, layout: &mut Layout, width: usize) {
        while self.comfortable(layout) > width {
            let steps = layout.iter().zip(&self.columns).enumerate();
            let step = steps
                .filter_map(|(i, (shown, column))| {
                    let brief = if shown.as_ref()?.brief {
                        0
                    } else {
                        column.brief
                    };
                    Some((brief.max(column.rank), brief > column.rank, i))
                })
                .filter(|(rank, ..)| *rank > 0)
                .max_by_key(|(rank, ..)| *rank);
            match step {
                Some((_, true, i)) => layout[i] = self.natural(i, true),
                Some((_, false, i)) => layout[i] = None,
                None => return,
            }
        }
    }

    /// How wide it is if every free text is cut as far as it still says something.
    fn comfortable(&self, layout: &Layout) -> usize {
        total(layout.iter().zip(&self.columns).map(|(shown, column)| {
            let most = if column.free { COMFORT } else { usize::MAX };
            shown.map(|shown| shown.width.min(most))
        }))
    }

    /// A time without its seconds is worse than a name without its end, so not every column may be cut.
    fn cut_widest(&self, layout: &mut Layout, width: usize, may_be_cut: impl Fn(&Column) -> bool) {
        while total(widths(layout)) > width {
            let columns = layout.iter_mut().zip(&self.columns);
            let widest = columns
                .filter(|(_, column)| may_be_cut(column))
                .filter_map(|(shown, _)| Some(&mut shown.as_mut()?.width))
                .max();
            match widest {
                Some(widest) if *widest > LEAST => *widest -= 1,
                _ => return,
            }
        }
    }

    fn cut_free(&self, layout: &mut Layout, width: usize) {
        // What stands at the end of a line first.
        for i in (0..layout.len()).rev() {
            let over = total(widths(layout)).saturating_sub(width);
            if let (true, Some(shown)) = (self.columns[i].free, &mut layout[i]) {
                let least = COMFORT.min(shown.width);
                shown.width = shown.width.saturating_sub(over).max(least);
            }
        }
    }
}

fn widths(layout: &Layout) -> impl Iterator<Item = Option<usize>> {
    layout.iter().map(|shown| shown.map(|shown| shown.width))
}

fn total(widths: impl Iterator<Item = Option<usize>>) -> usize {
    let (columns, sum) = widths
        .flatten()
        .fold((0, 0), |(n, sum), width| (n + 1, sum + width));
    sum + GAP * usize::saturating_sub(columns, 1)
}

/// `text` in at most `width` columns, with `…` where something is missing.
pub fn cut(text: &str, width: usize) -> std::borrow::Cow<'_, str> {
    if text.width() <= width {
        return text.into();
    }
    let mut shown = String::new();
    let mut used = 0;
    for c in text.chars() {
        used += c.width().unwrap_or(0);
        if used >= width {
            break;
        }
        shown.push(c);
    }
    shown.truncate(shown.trim_end().len());
    shown.push('…');
    shown.into()
}
