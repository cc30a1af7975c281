//! What is kept of what a guest says.

use std::sync::Arc;

use super::{
    kept::{HEAD, TAIL, cost},
    *,
};
use crate::sandbox::control;

fn transcript() -> Transcript {
    Transcript::new(control::pair().1)
}

fn messages(finished: &Finished) -> Vec<&str> {
    let log = finished.log.iter();
    log.map(|line| line.message.as_str()).collect()
}

#[test]
fn a_stream_becomes_lines() {
    let said = transcript();
    said.stdout(b"one\ntw");
    said.stderr(b"mistake");
    said.stdout(b"o\r\n\nthree");
    let finished = said.finish();
    assert_eq!(messages(&finished), ["one", "two", "", "three", "mistake"]);
    assert_eq!(finished.log[0].level, Level::Stdout);
    assert_eq!(finished.log[4].level, Level::Stderr);
    assert_eq!((finished.lines, finished.dropped), (5, 0));
}

#[test]
fn bytes_that_are_no_text_are_replaced() {
    let said = transcript();
    said.stdout(b"a\xffb\n\xe2\x82");
    assert_eq!(messages(&said.finish()), ["a\u{fffd}b", "\u{fffd}"]);
}

#[test]
fn a_long_line_becomes_several_and_loses_nothing() {
    for letter in ["x", "é", "€", "🦀"] {
        let text = letter.repeat(30_000 / letter.len());
        // One byte more at the start moves every cut.
        for text in [text.clone(), format!("-{text}")] {
            let said = transcript();
            for piece in text.as_bytes().chunks(1000) {
                said.stdout(piece);
            }
            let finished = said.finish();
            assert!(
                finished
                    .log
                    .iter()
                    .all(|l| l.message.len() <= lines::LONGEST)
            );
            assert_eq!(finished.log.len(), 4);
            assert_eq!(messages(&finished).concat(), text);
        }
    }
}

#[test]
fn a_line_of_exactly_the_longest_length_is_one() {
    let said = transcript();
    said.stdout(&vec![b'x'; lines::LONGEST]);
    said.stdout(b"\ny\n");
    assert_eq!(messages(&said.finish())[1..], ["y"]);
}

#[test]
fn of_a_flood_the_head_and_the_tail_are_kept() {
    let said = transcript();
    for n in 0..100_000 {
        said.emit(Level::Info, format!("line {n}"), Vec::new());
    }
    let finished = said.finish();
    assert_eq!(finished.lines, 100_000);
    assert_eq!(finished.log.len() as u64, 100_000 - finished.dropped + 1);
    assert_eq!(finished.log[0].message, "line 0");
    assert_eq!(finished.log.last().unwrap().message, "line 99999");
    let at = finished.log.iter().position(|l| l.level == Level::Host);
    let at = at.expect("a notice");
    let dropped = finished.dropped;
    assert_eq!(finished.log[at].fields[0].1, dropped.to_string());
    assert_eq!(finished.log[at - 1].message, format!("line {}", at - 1));
    let next = at as u64 + dropped;
    assert_eq!(finished.log[at + 1].message, format!("line {next}"));
    let kept: usize = finished.log.iter().map(cost).sum();
    assert!(kept <= HEAD + TAIL + 1024, "{kept}");
}

#[test]
fn empty_lines_are_not_free() {
    let said = transcript();
    said.stdout(&vec![b'\n'; 1 << 20]);
    let finished = said.finish();
    assert_eq!(finished.lines, 1 << 20);
    assert!(finished.log.len() < 5000, "{}", finished.log.len());
}

#[test]
fn one_huge_message_is_cut_and_the_rest_is_kept() {
    let said = transcript();
    said.emit(Level::Warn, "before".to_owned(), Vec::new());
    said.emit(Level::Warn, "x".repeat(1 << 24), vec![]);
    said.emit(Level::Warn, "after".to_owned(), Vec::new());
    let finished = said.finish();
    assert_eq!(finished.log[0].message, "before");
    assert!(finished.log[1].message.len() <= lines::LONGEST + 3);
    assert_eq!(finished.log[2].message, "after");
}

#[test]
fn a_listener_hears_what_is_dropped_too() {
    let heard = Arc::new(Mutex::new(0_u64));
    let (_handle, control) = control::pair_with_log({
        let heard = heard.clone();
        move |_| *heard.lock().unwrap() += 1
    });
    let said = Transcript::new(control);
    for _ in 0..10_000 {
        said.stderr(b"again and again\n");
    }
    let finished = said.finish();
    assert!(finished.dropped > 0);
    assert_eq!(*heard.lock().unwrap(), 10_000);
}
