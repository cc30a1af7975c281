//! One file, from its first line to its last row.

use std::io::{self, Read};

use super::{Import, cannot_read};
use crate::{
    encoding,
    failure::Failure,
    params::folded,
    report::{Counts, Rejection},
    rows::{Broken, Next, Row, Rows},
    seen::{Key, Met},
    value::{self, Value},
    world::World,
};

/// How often somebody is asked whether to stop, and told how far it is, in rows.
const EVERY: u64 = 256;

/// A file that is read.
pub(super) struct File<'i, 'a, W> {
    import: &'i mut Import<'a, W>,
    name: &'i str,
    counts: Counts,
}

/// The first line of a file.
struct Header {
    /// How many fields a row has.
    width: usize,
    /// Which field each column is, if the file has it.
    places: Vec<Option<usize>>,
}

impl<'i, 'a, W: World> File<'i, 'a, W> {
    pub(super) fn new(import: &'i mut Import<'a, W>, name: &'i str) -> Self {
        Self {
            import,
            name,
            counts: Counts::default(),
        }
    }

    /// Reads it to its end, and says what became of its rows.
    pub(super) fn read(mut self, file: impl Read) -> Result<Counts, Failure> {
        let name = self.name;
        let failed = |error: io::Error| cannot_read(name, &error);
        let delimiter = self.import.layout.delimiter;
        let mut rows = match Rows::new(file, delimiter).map_err(failed)? {
            Ok(rows) => rows,
            Err(broken) => {
                let rejection = self.broken(broken);
                self.reject(rejection);
                return Ok(self.counts);
            }
        };
        let mut row = Row::default();
        let header = match rows.next(&mut row).map_err(failed)? {
            Next::End => return Ok(self.counts),
            Next::Broken(broken) => Err(self.broken(broken)),
            Next::Row => self.header(&row),
        };
        let header = match header {
            Ok(header) => header,
            Err(rejection) => return self.without_header(rows, row, rejection),
        };
        loop {
            if self.counts.rows.is_multiple_of(EVERY) {
                self.import.look_up(name, rows.position())?;
            }
            match rows.next(&mut row).map_err(failed)? {
                Next::End => return Ok(self.counts),
                Next::Broken(broken) => {
                    let rejection = self.broken(broken);
                    self.reject(rejection);
                }
                Next::Row => self.row(&row, &header)?,
            }
        }
    }

    /// Counts the rows of a file that cannot be read without its first line. All of them are rejected,
    /// for one reason; if there is none, the first line is.
    fn without_header<R: Read>(
        mut self,
        mut rows: Rows<R>,
        mut row: Row,
        rejection: Rejection,
    ) -> Result<Counts, Failure> {
        loop {
            if self.counts.rows.is_multiple_of(EVERY) {
                self.import.look_up(self.name, rows.position())?;
            }
            let next = rows.next(&mut row);
            if next.map_err(|error| cannot_read(self.name, &error))? == Next::End {
                break;
            }
            self.counts.rows += 1;
        }
        self.counts.rows = self.counts.rows.max(1);
        self.counts.rejected = self.counts.rows;
        self.import.report.reject(rejection);
        Ok(self.counts)
    }

    fn row(&mut self, row: &Row, header: &Header) -> Result<(), Failure> {
        let values = match self.values(row, header) {
            Ok(values) => values,
            Err(rejection) => {
                self.reject(rejection);
                return Ok(());
            }
        };
        let Some(key) = self.key(&values) else {
            self.reject(self.rejection(row.line, None, "all fields of its key are empty"));
            return Ok(());
        };
        self.counts.rows += 1;
        match self.import.seen.met(key)? {
            Met::Before => self.counts.known += 1,
            Met::Now => self.counts.repeated += 1,
            Met::Never => {
                self.import.seen.add(key)?;
                let line = self.line(&values);
                self.import.output.write(key, &line)?;
                self.counts.accepted += 1;
            }
        }
        Ok(())
    }

    /// Finds the columns in the first line.
    fn header(&self, row: &Row) -> Result<Header, Rejection> {
        let layout = self.import.layout;
        let mut names = Vec::new();
        for index in 0..row.len() {
            let name = encoding::decode(row.field(index), layout.encoding)
                .map_err(|reason| self.rejection(row.line, None, reason))?;
            names.push(folded(&name));
        }
        let mut found = Vec::new();
        for column in &layout.columns {
            let wanted = folded(&column.name);
            let mut places = (0..names.len()).filter(|place| names[*place] == wanted);
            let place = places.next();
            let problem = match place {
                None if column.required => Some("the file has no such column"),
                Some(_) if places.next().is_some() => Some("the file has two such columns"),
                _ => None,
            };
            if let Some(reason) = problem {
                return Err(self.rejection(row.line, Some(&column.name), reason));
            }
            found.push(place);
        }
        Ok(Header {
            width: row.len(),
            places: found,
        })
    }

    /// What the columns make of a row; or why it is rejected.
    fn values(&self, row: &Row, header: &Header) -> Result<Vec<Value>, Rejection> {
        if row.len() != header.width {
            let (fields, width) = (row.len(), header.width);
            let s = if fields == 1 { "" } else { "s" };
            let reason = format!("it has {fields} field{s}, and the first line {width}");
            return Err(self.rejection(row.line, None, reason));
        }
        let layout = self.import.layout;
        let columns = layout.columns.iter().zip(&header.places);
        columns
            .map(|(column, place)| {
                let bytes = place.map_or(&[][..], |place| row.field(place));
                encoding::decode(bytes, layout.encoding)
                    .and_then(|text| value::read(column, &text))
                    .map_err(|reason| self.rejection(row.line, Some(&column.name), reason))
            })
            .collect()
    }

    fn key(&self, values: &[Value]) -> Option<Key> {
        let layout = self.import.layout;
        let identity = |&index: &usize| values[index].identity(layout.columns[index].kind);
        Key::of(layout.key.iter().map(identity))
    }

    fn line(&self, values: &[Value]) -> Vec<u8> {
        let columns = &self.import.layout.columns;
        let mut line = vec![b'{'];
        for (index, (column, value)) in columns.iter().zip(values).enumerate() {
            if index > 0 {
                line.push(b',');
            }
            Value::Text(column.name.clone()).write(&mut line);
            line.push(b':');
            value.write(&mut line);
        }
        line.push(b'}');
        line
    }

    fn reject(&mut self, rejection: Rejection) {
        self.counts.rows += 1;
        self.counts.rejected += 1;
        self.import.report.reject(rejection);
    }

    fn broken(&self, broken: Broken) -> Rejection {
        self.rejection(broken.line, None, broken.reason)
    }

    fn rejection(&self, line: u64, column: Option<&str>, reason: impl Into<String>) -> Rejection {
        Rejection {
            file: self.name.to_owned(),
            line,
            column: column.map(str::to_owned),
            reason: reason.into(),
        }
    }
}
