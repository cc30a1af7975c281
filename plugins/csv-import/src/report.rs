//! What a run did, for the history: the counts, and the rows that were rejected.

use std::fmt::{self, Write as _};

use cronlet_plugin::prelude::*;

use crate::failure::Failure;

/// How many rejected rows are told one by one. All are counted.
const TOLD: usize = 100;
/// How many of them are in the message of a run that failed.
const TOLD_IN_MESSAGE: usize = 10;
/// How many files are told one by one.
const FILES: usize = 200;

/// What a run did. This is its output.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Report {
    /// The file with the rows, if there is one.
    pub(crate) output: Option<String>,
    #[serde(flatten)]
    pub(crate) counts: Counts,
    /// How many files were read.
    pub(crate) files: u64,
    /// Rows that an earlier attempt of this run has written already.
    pub(crate) recovered: u64,
    /// The files, one by one, as far as they fit.
    pub(crate) by_file: Vec<FileReport>,
    /// The rejected rows, one by one, as far as they fit.
    pub(crate) rejections: Vec<Rejection>,
}

/// What became of rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Counts {
    pub(crate) rows: u64,
    /// New ones.
    pub(crate) accepted: u64,
    /// Those that an earlier run has imported.
    pub(crate) known: u64,
    /// Those that are there twice.
    pub(crate) repeated: u64,
    pub(crate) rejected: u64,
}

/// What became of the rows of one file.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct FileReport {
    pub(crate) file: String,
    #[serde(flatten)]
    pub(crate) counts: Counts,
}

/// A row that is not imported, and why.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Rejection {
    pub(crate) file: String,
    pub(crate) line: u64,
    pub(crate) column: Option<String>,
    pub(crate) reason: String,
}

impl Report {
    /// Adds a file that was read.
    pub(crate) fn add(&mut self, file: &str, counts: Counts) {
        self.files += 1;
        self.counts.rows += counts.rows;
        self.counts.accepted += counts.accepted;
        self.counts.known += counts.known;
        self.counts.repeated += counts.repeated;
        self.counts.rejected += counts.rejected;
        if self.by_file.len() < FILES {
            let file = file.to_owned();
            self.by_file.push(FileReport { file, counts });
        }
    }

    pub(crate) fn reject(&mut self, rejection: Rejection) {
        if self.rejections.len() < TOLD {
            self.rejections.push(rejection);
        }
    }

    /// One line for people.
    pub(crate) fn summary(&self) -> String {
        let Counts {
            accepted,
            known,
            repeated,
            rejected,
            ..
        } = self.counts;
        let rows = if accepted == 1 { "row" } else { "rows" };
        let files = match self.files {
            1 => "1 file".to_owned(),
            files => format!("{files} files"),
        };
        let mut summary = format!("{accepted} new {rows} from {files}");
        for (count, what) in [
            (known, "known"),
            (repeated, "repeated"),
            (rejected, "rejected"),
        ] {
            if count > 0 {
                let _ = write!(summary, ", {count} {what}");
            }
        }
        summary
    }

    /// Why a run with so many rejected rows imports nothing.
    pub(crate) fn too_many_rejected(&self, most: u64) -> Failure {
        let Counts { rows, rejected, .. } = self.counts;
        let mut message = format!(
            "{rejected} of {rows} rows are rejected, and `max_rejected` is {most}: nothing is imported"
        );
        for rejection in self.rejections.iter().take(TOLD_IN_MESSAGE) {
            let _ = write!(message, "\n{rejection}");
        }
        let more = rejected.saturating_sub(TOLD_IN_MESSAGE as u64);
        if more > 0 {
            let _ = write!(message, "\nand {more} more");
        }
        Failure::Never {
            code: "rejected-rows".to_owned(),
            message,
            attributes: vec![
                ("files", self.files),
                ("rows", rows),
                ("rejected", rejected),
            ],
        }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: ", self.file, self.line)?;
        if let Some(column) = &self.column {
            write!(f, "{column}: ")?;
        }
        f.write_str(&self.reason)
    }
}
