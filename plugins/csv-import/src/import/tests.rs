//! Imports of real files, with a host in memory.

use std::{cell::Cell, path::PathBuf};

use serde_json::{Value as Json, json};
use tempfile::TempDir;

use super::*;
use crate::{params::Params, report::Counts, world::fake::Fake};

/// Two folders, and a host that remembers from run to run.
struct Place {
    folder: TempDir,
    world: Fake,
    runs: Cell<u32>,
}

impl Place {
    fn new(files: &[(&str, &[u8])]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["in", "out"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        let place = Self {
            folder,
            world: Fake::default(),
            runs: Cell::new(0),
        };
        for (name, bytes) in files {
            place.put(name, bytes);
        }
        place
    }

    fn put(&self, name: &str, bytes: &[u8]) {
        fs::write(self.folder.path().join("in").join(name), bytes).unwrap();
    }

    fn out(&self, name: &str) -> PathBuf {
        self.folder.path().join("out").join(name)
    }

    fn layout(&self, rest: &Json) -> Layout {
        let mut params = json!({
            "input": self.folder.path().join("in"),
            "output": self.folder.path().join("out"),
            "columns": [
                {"name": "name", "required": true},
                {"name": "mail", "type": "email"},
                {"name": "age", "type": "integer", "min": 0},
            ],
            "key": ["mail"],
        });
        let rest = rest.as_object().unwrap().clone();
        params.as_object_mut().unwrap().extend(rest);
        serde_json::from_value::<Params>(params)
            .unwrap()
            .check()
            .unwrap()
    }

    /// One run, of one attempt. What a failed one has left in the state is thrown away, as the host does.
    fn run_with(&self, rest: &Json) -> Result<Report, Failure> {
        self.runs.set(self.runs.get() + 1);
        self.attempt(&self.runs.get().to_string(), 1, rest)
    }

    fn attempt(&self, run: &str, attempt: u32, rest: &Json) -> Result<Report, Failure> {
        let before = self.world.state.borrow().clone();
        let report = super::run(&self.world, &self.layout(rest), run, attempt);
        if report.is_err() {
            self.world.state.replace(before);
        }
        report
    }

    fn run(&self) -> Report {
        self.run_with(&json!({})).unwrap()
    }

    fn lines(&self, file: &str) -> Vec<Json> {
        let text = fs::read_to_string(self.out(file)).unwrap();
        assert!(text.ends_with('\n'));
        let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
        lines.collect()
    }

    /// What is in the folder for the output.
    fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(self.out(""))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

fn counts(accepted: u64, known: u64, repeated: u64, rejected: u64) -> Counts {
    Counts {
        rows: accepted + known + repeated + rejected,
        accepted,
        known,
        repeated,
        rejected,
    }
}

fn told(report: &Report) -> Vec<String> {
    report.rejections.iter().map(ToString::to_string).collect()
}

const TWO: &[u8] = b"name,mail,age\nAnn,a@x.org,30\nBob,b@x.org,\n";

#[test]
fn rows_are_imported_once() {
    let place = Place::new(&[
        ("one.csv", TWO),
        ("two.CSV", b"MAIL, Name \r\nc@x.org,Cem\r\nA@x.org,Ann\r\n"),
    ]);
    let first = place.run();
    assert_eq!(first.counts, counts(3, 0, 1, 0));
    assert_eq!((first.files, first.output.as_deref()), (2, Some("1.jsonl")));
    assert_eq!(
        place.lines("1.jsonl"),
        [
            json!({"name": "Ann", "mail": "a@x.org", "age": 30}),
            json!({"name": "Bob", "mail": "b@x.org", "age": null}),
            json!({"name": "Cem", "mail": "c@x.org", "age": null}),
        ]
    );
    let second = place.run();
    assert_eq!(second.counts, counts(0, 4, 0, 0));
    assert_eq!(second.output, None);
    place.put("one.csv", &[TWO, b"Dora,d@x.org,5\n"].concat());
    let third = place.run();
    assert_eq!(third.counts, counts(1, 4, 0, 0));
    assert_eq!(third.summary(), "1 new row from 2 files, 4 known");
    assert_eq!(place.lines("3.jsonl").len(), 1);
    assert_eq!(place.names(), [".3.1.keys", "1.jsonl", "3.jsonl"]);
}

#[test]
fn broken_rows_fail_a_run_only_beyond_what_is_allowed() {
    let bad = b"name,mail,age\n,a@x.org,1\nBob,b@x.org\nCem,c,1\nDora,d@x.org,-1\nEve,,1\nFay,f@x.org,7,8\n\"G\"h,g@x.org,1\nIan,i@x.org,1\n";
    let place = Place::new(&[("bad.csv", bad)]);
    let expected = [
        "bad.csv:2: name: it is empty",
        "bad.csv:3: it has 2 fields, and the first line 3",
        "bad.csv:4: mail: `c` is no mail address",
        "bad.csv:5: age: `-1` is less than 0",
        "bad.csv:6: all fields of its key are empty",
        "bad.csv:7: it has 4 fields, and the first line 3",
        "bad.csv:8: there is text behind a closing quote",
    ];
    let failure = place.run_with(&json!({"max_rejected": 6})).unwrap_err();
    assert_eq!(failure.code(), "rejected-rows");
    let message = failure.message();
    assert!(
        message.starts_with("7 of 8 rows are rejected, and `max_rejected` is 6"),
        "{message}"
    );
    assert!(message.ends_with(expected[6]), "{message}");
    let Failure::Never { attributes, .. } = failure else {
        panic!("{failure:?}");
    };
    assert_eq!(attributes, [("files", 1), ("rows", 8), ("rejected", 7)]);
    assert_eq!(*place.world.warnings.borrow(), expected);
    assert!(place.names().is_empty());
    assert!(place.world.state.borrow().is_empty());
    let report = place.run_with(&json!({"max_rejected": 7})).unwrap();
    assert_eq!(report.counts, counts(1, 0, 0, 7));
    assert_eq!(told(&report), expected);
    assert_eq!(place.lines("2.jsonl").len(), 1);
}

#[test]
fn a_file_without_its_columns_is_rejected_with_all_its_rows() {
    let place = Place::new(&[
        ("a.csv", TWO),
        ("b.csv", b"mail,age\nx@x.org,1\ny@x.org,2\n"),
        ("c.csv", b"name,mail,Mail\nx,x@x.org,1\n"),
        ("d.csv", b"mail\n"),
        ("e.csv", b"\"name\"x,mail\nx,x@x.org\n"),
        ("f.csv", b"\xff\xfen\0"),
        ("g.csv", b""),
        ("h.csv", b"\xef\xbb\xbf\n\n"),
        ("i.csv", b"name,mail,age\n"),
    ]);
    let report = place.run_with(&json!({"max_rejected": 100})).unwrap();
    assert_eq!(report.counts, counts(2, 0, 0, 6));
    assert_eq!(
        told(&report),
        [
            "b.csv:1: name: the file has no such column",
            "c.csv:1: mail: the file has two such columns",
            "d.csv:1: name: the file has no such column",
            "e.csv:1: there is text behind a closing quote",
            "f.csv:1: the file is UTF-16: save it as UTF-8",
        ]
    );
    assert_eq!(report.by_file[1].counts, counts(0, 0, 0, 2));
    assert_eq!(report.by_file[8].counts, Counts::default());
}

#[test]
fn a_file_that_was_cut_in_a_quote_is_told() {
    let place = Place::new(&[(
        "a.csv",
        b"name,mail\nAnn,a@x.org\n\"Bob,b@x.org\nCem,c@x.org\n",
    )]);
    let report = place.run_with(&json!({"max_rejected": 1})).unwrap();
    assert_eq!(report.counts, counts(1, 0, 0, 1));
    assert_eq!(
        told(&report),
        ["a.csv:3: a quote opens here and is never closed"]
    );
}

#[test]
fn other_files_are_none_of_its_business() {
    let place = Place::new(&[
        ("a.csv", TWO),
        ("b.txt", TWO),
        (".c.csv", TWO),
        ("csv", TWO),
    ]);
    fs::create_dir(place.folder.path().join("in/d.csv")).unwrap();
    let report = place.run();
    assert_eq!((report.files, report.counts), (1, counts(2, 0, 0, 0)));
    assert_eq!(
        *place.world.warnings.borrow(),
        ["`d.csv` is left out: it is no file"]
    );
}

#[test]
fn bytes_are_text_as_the_params_say() {
    let latin = b"name;mail\nJ\xfcrgen;j@x.org\n";
    let place = Place::new(&[("a.csv", latin)]);
    let report = place
        .run_with(&json!({"delimiter": ";", "max_rejected": 1}))
        .unwrap();
    assert_eq!(
        told(&report),
        ["a.csv:2: name: byte 0xfc is not UTF-8; is the file Latin-1?"]
    );
    place
        .run_with(&json!({"delimiter": ";", "encoding": "utf-8-or-latin-1"}))
        .unwrap();
    assert_eq!(place.lines("2.jsonl")[0]["name"], "Jürgen");
}

#[test]
fn an_attempt_that_dies_after_the_file_has_its_name_doubles_nothing() {
    let place = Place::new(&[("a.csv", TWO)]);
    let forgotten = place.world.state.borrow().clone();
    place.attempt("7", 1, &json!({})).unwrap();
    // The host never heard of its end.
    place.world.state.replace(forgotten.clone());
    place.put("b.csv", b"name,mail,age\nCem,c@x.org,1\nAnn,a@x.org,30\n");
    let report = place.attempt("7", 2, &json!({})).unwrap();
    assert_eq!((report.recovered, report.counts), (2, counts(1, 3, 0, 0)));
    assert_eq!(place.lines("7.jsonl").len(), 3);
    let report = place.attempt("8", 1, &json!({})).unwrap();
    assert_eq!((report.recovered, report.counts), (0, counts(0, 4, 0, 0)));
    assert_eq!(place.names(), ["7.jsonl"]);
}

#[test]
fn a_run_that_is_lost_with_its_file_is_taken_over_by_the_next() {
    let place = Place::new(&[("a.csv", TWO)]);
    place.attempt("7", 1, &json!({})).unwrap();
    place.world.state.borrow_mut().clear();
    for run in ["8", "9"] {
        let report = place.attempt(run, 1, &json!({})).unwrap();
        assert_eq!((report.output, report.counts), (None, counts(0, 2, 0, 0)));
    }
    assert_eq!(place.names(), ["7.jsonl"]);
}

#[test]
fn an_attempt_that_dies_before_that_is_as_if_it_had_never_been() {
    let place = Place::new(&[("a.csv", TWO)]);
    fs::write(place.out(".7.1.partial"), "half").unwrap();
    fs::write(place.out(".7.1.keys"), "x".repeat(18)).unwrap();
    let report = place.attempt("7", 2, &json!({})).unwrap();
    assert_eq!((report.recovered, report.counts), (0, counts(2, 0, 0, 0)));
    assert_eq!(place.names(), [".7.2.keys", "7.jsonl"]);
    assert_eq!(place.lines("7.jsonl").len(), 2);
}

#[test]
fn it_stops_when_it_is_asked_to() {
    let rows = (0..1000).map(|row| format!("N,n{row}@x.org,1\n"));
    let text: String = std::iter::once("name,mail,age\n".to_owned())
        .chain(rows)
        .collect();
    let place = Place::new(&[("a.csv", text.as_bytes())]);
    place.world.patience.set(Some(2));
    let failure = place.run_with(&json!({})).unwrap_err();
    assert_eq!(failure.code(), "cancelled");
    assert!(place.names().is_empty() && place.world.state.borrow().is_empty());
    let progress = place.world.progress.borrow();
    let total = text.len() as u64;
    assert!(progress.iter().all(|(done, of)| *of == total && done <= of));
    assert!(
        progress
            .last()
            .is_some_and(|(done, _)| *done > 0 && *done < total)
    );
}

#[test]
fn a_folder_that_is_not_granted_is_named() {
    let place = Place::new(&[]);
    let failure = place.run_with(&json!({"input": "/nowhere"})).unwrap_err();
    assert_eq!(failure.code(), "no-input");
    assert!(failure.message().contains("guest = \"/nowhere\""));
    let failure = place.run_with(&json!({"output": "/nowhere"})).unwrap_err();
    assert_eq!(failure.code(), "no-output");
}

#[test]
fn without_a_key_a_row_is_known_by_all_of_it() {
    let place = Place::new(&[(
        "a.csv",
        b"name,mail,age\nAnn,a@x.org,1\nAnn,a@x.org,2\nAnn,a@x.org,1\n",
    )]);
    let report = place.run_with(&json!({"key": []})).unwrap();
    assert_eq!(report.counts, counts(2, 0, 1, 0));
}

#[test]
fn what_is_told_has_an_end() {
    let rows = "x\n".repeat(500);
    let place = Place::new(&[("a.csv", format!("name,mail,age\n{rows}").as_bytes())]);
    let report = place.run_with(&json!({"max_rejected": 500})).unwrap();
    assert_eq!(
        (report.counts.rejected, report.rejections.len()),
        (500, 100)
    );
    let failure = place.run_with(&json!({})).unwrap_err();
    assert!(
        failure.message().ends_with("and 490 more"),
        "{}",
        failure.message()
    );
}
