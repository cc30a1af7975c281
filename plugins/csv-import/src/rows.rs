//! A CSV file, row by row, as RFC 4180 has it and people write it.
//!
//! It reads a byte at a time and keeps one row, so that a file of any size fits. What is not a row is
//! told with its line and does not end the reading, as far as there is a way on; what a library would
//! make the best of (a quote that is never closed, text behind a closing quote) is a mistake here,
//! because it is how a file looks that was cut or written by hand.

use std::io::{self, BufRead, BufReader, Chain, Cursor, Read};

/// The longest row, in bytes. A quote that is never closed would make one row of the rest of the file.
const LONGEST: usize = 1 << 20;
/// The most fields of a row.
const MOST_FIELDS: usize = 4096;

/// Opens with its own mark what is encoded in a way of its own.
const UTF8: &[u8] = &[0xef, 0xbb, 0xbf];
const UTF16: [&[u8]; 2] = [&[0xff, 0xfe], &[0xfe, 0xff]];

/// The rows of a file.
pub(crate) struct Rows<R> {
    source: BufReader<Chain<Cursor<Vec<u8>>, R>>,
    delimiter: u8,
    /// The one that is read next, from 1.
    line: u64,
    read: u64,
    /// There is no way on.
    over: bool,
}

/// One row. It is used again for the next.
#[derive(Debug, Default)]
pub(crate) struct Row {
    /// Where it begins, from 1.
    pub(crate) line: u64,
    bytes: Vec<u8>,
    /// Where each field ends.
    ends: Vec<usize>,
}

/// What comes next in a file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// A row.
    Row,
    /// Something that is none, and why.
    Broken(Broken),
    /// Nothing.
    End,
}

/// What is no row.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Broken {
    pub(crate) line: u64,
    pub(crate) reason: String,
}

/// How a field ended.
enum Ended {
    Field,
    Row,
    File,
}

impl Row {
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// A field that is there.
    pub(crate) fn field(&self, index: usize) -> &[u8] {
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[start..self.ends[index]]
    }

    fn begin(&mut self, line: u64) {
        self.line = line;
        self.bytes.clear();
        self.ends.clear();
    }

    /// Whether it is an empty line.
    fn is_blank(&self) -> bool {
        self.ends.len() == 1 && self.bytes.is_empty()
    }
}

impl<R: Read> Rows<R> {
    pub(crate) fn new(mut source: R, delimiter: u8) -> io::Result<Result<Self, Broken>> {
        let mut start = Vec::new();
        source
            .by_ref()
            .take(UTF8.len() as u64)
            .read_to_end(&mut start)?;
        let mut read = 0;
        if start == UTF8 {
            start.clear();
            read = UTF8.len() as u64;
        }
        if UTF16.iter().any(|mark| start.starts_with(mark)) {
            let reason = "the file is UTF-16: save it as UTF-8".to_owned();
            return Ok(Err(Broken { line: 1, reason }));
        }
        Ok(Ok(Self {
            source: BufReader::with_capacity(64 << 10, Cursor::new(start).chain(source)),
            delimiter,
            line: 1,
            read,
            over: false,
        }))
    }

    /// How many bytes were read.
    pub(crate) fn position(&self) -> u64 {
        self.read
    }

    /// Reads the next row into `row`. Empty lines are none.
    pub(crate) fn next(&mut self, row: &mut Row) -> io::Result<Next> {
        while !self.over && self.peek()?.is_some() {
            let quoted = self.peek()? == Some(b'"');
            match self.row(row)? {
                Err(broken) => return Ok(Next::Broken(broken)),
                Ok(()) if row.is_blank() && !quoted => {}
                Ok(()) => return Ok(Next::Row),
            }
        }
        Ok(Next::End)
    }

    fn row(&mut self, row: &mut Row) -> io::Result<Result<(), Broken>> {
        row.begin(self.line);
        loop {
            let ended = match self.peek()? {
                Some(b'"') => self.quoted(row)?,
                _ => self.plain(row)?,
            };
            let ended = match ended {
                Ok(ended) => ended,
                Err(broken) => return Ok(Err(broken)),
            };
            row.ends.push(row.bytes.len());
            match ended {
                Ended::Row | Ended::File => return Ok(Ok(())),
                Ended::Field if row.ends.len() < MOST_FIELDS => {}
                Ended::Field => {
                    let reason = format!("the row has more than {MOST_FIELDS} fields");
                    return Ok(Err(self.skip_line(row.line, reason)?));
                }
            }
        }
    }

    fn plain(&mut self, row: &mut Row) -> io::Result<Result<Ended, Broken>> {
        loop {
            if let Some(ended) = self.ended()? {
                return Ok(Ok(ended));
            }
            if let Err(broken) = self.push(row)? {
                return Ok(Err(broken));
            }
        }
    }

    fn quoted(&mut self, row: &mut Row) -> io::Result<Result<Ended, Broken>> {
        let opened = self.line;
        self.bump();
        loop {
            match self.peek()? {
                None => {
                    self.over = true;
                    let reason = "a quote opens here and is never closed".to_owned();
                    let line = opened;
                    return Ok(Err(Broken { line, reason }));
                }
                Some(b'"') => {
                    self.bump();
                    if self.peek()? != Some(b'"') {
                        break;
                    }
                    row.bytes.push(b'"');
                    self.bump();
                }
                Some(byte @ (b'\n' | b'\r')) => {
                    row.bytes.push(byte);
                    self.bump();
                    if byte == b'\r' && self.peek()? == Some(b'\n') {
                        row.bytes.push(b'\n');
                        self.bump();
                    }
                    self.line += 1;
                }
                Some(byte) => {
                    row.bytes.push(byte);
                    self.bump();
                }
            }
            if row.bytes.len() > LONGEST {
                self.over = true;
                let reason = "a quote opens here and is not closed within 1 MiB".to_owned();
                let line = opened;
                return Ok(Err(Broken { line, reason }));
            }
        }
        if let Some(ended) = self.ended()? {
            return Ok(Ok(ended));
        }
        let reason = "there is text behind a closing quote".to_owned();
        Ok(Err(self.skip_line(row.line, reason)?))
    }

    fn push(&mut self, row: &mut Row) -> io::Result<Result<(), Broken>> {
        if row.bytes.len() >= LONGEST {
            let reason = "the row is longer than 1 MiB".to_owned();
            return Ok(Err(self.skip_line(row.line, reason)?));
        }
        row.bytes.extend(self.peek()?);
        self.bump();
        Ok(Ok(()))
    }

    /// Goes over the end of a field, if here is one.
    fn ended(&mut self) -> io::Result<Option<Ended>> {
        Ok(match self.peek()? {
            None => Some(Ended::File),
            Some(byte) if byte == self.delimiter => {
                self.bump();
                Some(Ended::Field)
            }
            Some(b'\n' | b'\r') => {
                self.end_line()?;
                Some(Ended::Row)
            }
            Some(_) => None,
        })
    }

    fn end_line(&mut self) -> io::Result<()> {
        let first = self.peek()?;
        self.bump();
        if first == Some(b'\r') && self.peek()? == Some(b'\n') {
            self.bump();
        }
        self.line += 1;
        Ok(())
    }

    /// Goes on behind the end of this line.
    fn skip_line(&mut self, line: u64, reason: String) -> io::Result<Broken> {
        while let Some(byte) = self.peek()? {
            if matches!(byte, b'\n' | b'\r') {
                self.end_line()?;
                break;
            }
            self.bump();
        }
        Ok(Broken { line, reason })
    }

    fn peek(&mut self) -> io::Result<Option<u8>> {
        Ok(self.source.fill_buf()?.first().copied())
    }

    fn bump(&mut self) {
        self.source.consume(1);
        self.read += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives a byte at a time, so that every border is between two reads.
    struct Slow<'a>(&'a [u8]);

    impl Read for Slow<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let most = buffer.len().min(1);
            self.0.read(&mut buffer[..most])
        }
    }

    /// The rows with their lines; a broken one is its reason.
    fn rows(bytes: &[u8]) -> Vec<(u64, Vec<String>)> {
        let mut rows = Rows::new(Slow(bytes), b',').unwrap().unwrap();
        let mut row = Row::default();
        let mut all = Vec::new();
        loop {
            match rows.next(&mut row).unwrap() {
                Next::End => break,
                Next::Broken(broken) => {
                    all.push((broken.line, vec![format!("! {}", broken.reason)]));
                }
                Next::Row => {
                    let field = |i| String::from_utf8_lossy(row.field(i)).into_owned();
                    all.push((row.line, (0..row.len()).map(field).collect()));
                }
            }
        }
        if !rows.over {
            assert_eq!(rows.position(), bytes.len() as u64);
        }
        all
    }

    fn fields(line: u64, fields: &[&str]) -> (u64, Vec<String>) {
        (line, fields.iter().map(|&it| it.to_owned()).collect())
    }

    #[test]
    fn rows_have_fields_whatever_ends_their_lines() {
        for text in [
            "a,b\n1,2\n",
            "a,b\r\n1,2\r\n",
            "a,b\r1,2",
            "\u{feff}a,b\n1,2",
        ] {
            let expected = [fields(1, &["a", "b"]), fields(2, &["1", "2"])];
            assert_eq!(rows(text.as_bytes()), expected, "{text:?}");
        }
        assert_eq!(rows(b""), []);
        assert_eq!(rows(UTF8), []);
        assert_eq!(rows(b"\n\r\n\n"), []);
        assert_eq!(rows(b",\n"), [fields(1, &["", ""])]);
        assert_eq!(rows(b"\"\"\n"), [fields(1, &[""])]);
        assert_eq!(rows(b"\xef\xbb\xbf\"a\",b\n"), [fields(1, &["a", "b"])]);
    }

    #[test]
    fn lines_are_counted_as_an_editor_counts_them() {
        let text = b"a,b\r\n\r\n1,\"x\r\ny\n\nz\"\n\n2,3\r\n";
        let expected = [
            fields(1, &["a", "b"]),
            fields(3, &["1", "x\r\ny\n\nz"]),
            fields(8, &["2", "3"]),
        ];
        assert_eq!(rows(text), expected);
    }

    #[test]
    fn quotes_hold_anything() {
        assert_eq!(
            rows(b"\"a,\"\"b\"\"\",\"\",x \"y\"\n"),
            [fields(1, &["a,\"b\"", "", "x \"y\""])]
        );
    }

    #[test]
    fn after_a_broken_row_the_next_line_is_read() {
        let text = b"\"a\"b,1\n\"c\" ,2\n\"x\ny\"z\nd,3\n";
        let behind = "! there is text behind a closing quote";
        let expected = [
            fields(1, &[behind]),
            fields(2, &[behind]),
            fields(3, &[behind]),
            fields(5, &["d", "3"]),
        ];
        assert_eq!(rows(text), expected);
    }

    #[test]
    fn a_quote_that_is_never_closed_is_told_where_it_opens() {
        let expected = [
            fields(1, &["a", "b"]),
            fields(3, &["! a quote opens here and is never closed"]),
        ];
        assert_eq!(rows(b"a,b\n\n1,\"2\n3,4\n"), expected);
        let long = [b"a\n\"".as_slice(), &vec![b'x'; LONGEST + 2], b"\"\nb\n"].concat();
        let expected = [
            fields(1, &["a"]),
            fields(2, &["! a quote opens here and is not closed within 1 MiB"]),
        ];
        assert_eq!(rows(&long), expected);
    }

    #[test]
    fn a_row_has_an_end() {
        let long = [&vec![b'x'; LONGEST + 1][..], b"\nb\n"].concat();
        assert_eq!(
            rows(&long),
            [
                fields(1, &["! the row is longer than 1 MiB"]),
                fields(2, &["b"])
            ]
        );
        let many = [&vec![b','; MOST_FIELDS][..], b"\nb\n"].concat();
        assert_eq!(
            rows(&many),
            [
                fields(1, &["! the row has more than 4096 fields"]),
                fields(2, &["b"])
            ]
        );
    }

    #[test]
    fn a_file_of_sixteen_bits_is_told_as_such() {
        for mark in UTF16 {
            let broken = Rows::new(mark, b',').unwrap().err().unwrap();
            assert!(broken.reason.contains("UTF-16"));
        }
    }
}
