//! No input makes it panic, overflow its stack, or point outside the text.

use cronlet_core::catalog::Unusable;
use proptest::prelude::*;

use super::catalog;
use crate::{
    cli::diagnostics::{Style, render, to_json},
    config::{Environment, Problems, Severity, decode, survey},
};

/// A file with every key there is.
const EVERYTHING: &str = include_str!("../../config/tests/everything.toml");

const STYLE: Style = Style {
    color: false,
    width: 80,
};

/// Reads `text` and draws what is wrong with it.
fn endure(text: &str) -> Option<Problems> {
    let (draft, problems) = survey("schedules.toml", text, &Environment::new());
    let catalog = catalog(&draft, |path| {
        Err(Unusable {
            code: "missing",
            message: format!("there is no file `{}`", path.display()),
            help: None,
        })
    });
    let _ = draft.unusable(&catalog, Severity::Error);
    let _ = draft.lint(jiff::Timestamp::UNIX_EPOCH);
    if let Some(problems) = &problems {
        let text = problems.source().text();
        for problem in problems {
            let related = problem.related.as_ref().map(|mark| &mark.span);
            for span in problem.span.iter().chain(related) {
                assert!(text.get(span.clone()).is_some(), "{problem:?}");
            }
        }
        assert!(problems.iter().count() <= 1000);
        assert!(problems.iter().all(|problem| problem.message.len() < 4000));
        assert!(render(problems, STYLE).ends_with(" in schedules.toml\n"));
        assert!(to_json(Some(problems)).is_array());
    }
    problems
}

/// As [`endure`], for bytes.
fn endure_bytes(bytes: Vec<u8>) {
    match decode("schedules.toml", bytes) {
        Ok(text) => drop(endure(&text)),
        Err(problems) => drop(render(&problems, STYLE)),
    }
}

/// One thing that happens to a file.
#[derive(Clone, Debug)]
enum Mutation {
    Delete,
    Double,
    Flip(u8),
    Cut,
    Insert(&'static str),
}

fn mutations() -> impl Strategy<Value = Vec<(prop::sample::Index, Mutation)>> {
    let snippet = prop::sample::select(vec![
        "\"",
        "'",
        "\"\"\"",
        "[",
        "]",
        "[[",
        "{",
        "}",
        "=",
        ".",
        ",",
        "\n",
        "\r",
        "\t",
        "#",
        "0",
        "-",
        "\\",
        "\\u",
        "é",
        "\u{202e}",
        "\u{0}",
        "日",
        "a.b.",
        "nan",
        "1e999",
        "[jobs.x]\n",
        " = ",
    ]);
    let mutation = prop_oneof![
        Just(Mutation::Delete),
        Just(Mutation::Double),
        any::<u8>().prop_map(Mutation::Flip),
        Just(Mutation::Cut),
        snippet.prop_map(Mutation::Insert),
    ];
    prop::collection::vec((any::<prop::sample::Index>(), mutation), 1..6)
}

fn mutate(text: &str, mutations: Vec<(prop::sample::Index, Mutation)>) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    for (index, mutation) in mutations {
        let at = index.index(bytes.len().max(1)).min(bytes.len());
        match mutation {
            Mutation::Delete => drop(bytes.drain(at..(at + 1).min(bytes.len()))),
            Mutation::Double => {
                let again = bytes[at..(at + 9).min(bytes.len())].to_vec();
                bytes.splice(at..at, again);
            }
            Mutation::Flip(bits) => bytes.iter_mut().skip(at).take(1).for_each(|it| *it ^= bits),
            Mutation::Cut => bytes.truncate(at),
            Mutation::Insert(snippet) => drop(bytes.splice(at..at, snippet.bytes())),
        }
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn any_text(text in any::<String>()) {
        endure(&text);
    }

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        endure_bytes(bytes);
    }

    #[test]
    fn any_text_of_toml(text in r#"[\[\]{}=.,"'\\#\n\r\t a-c0-9é-]{0,80}"#) {
        endure(&text);
    }

    #[test]
    fn any_value_of_any_key(
        key in prop::sample::select(vec!["plugin", "sha256", "cron", "every", "offset", "at", "timeout",
            "memory", "retry.delay", "retry.factor", "retry.max", "retry.on", "overlap", "params.x"]),
        value in prop_oneof![
            any::<String>().prop_map(|text| serde_json::Value::String(text).to_string()),
            "[0-9*,/@a-zA-Z -]{0,20}".prop_map(|text| format!("\"{text}\"")),
            any::<i64>().prop_map(|number| number.to_string()),
            any::<f64>().prop_map(|number| format!("{number:e}")),
            Just("[]".to_owned()),
            Just("[[{}]]".to_owned()),
            Just("{}".to_owned()),
        ],
    ) {
        endure(&format!("[jobs.a]\nplugin = \"a\"\n{key} = {value}\n"));
    }

    #[test]
    fn any_change_of_a_good_file(mutations in mutations()) {
        endure_bytes(mutate(EVERYTHING, mutations));
    }
}

#[test]
fn the_good_file_is_good() {
    assert_eq!(endure(EVERYTHING), None);
}

#[test]
fn every_beginning_of_a_good_file() {
    for end in 0..EVERYTHING.len() {
        endure(&EVERYTHING[..end]);
    }
}

#[test]
fn deep_nesting_is_a_problem() {
    let deep = 10_000;
    for text in [
        "[".repeat(deep),
        "{".repeat(deep),
        format!("a = {}", "[".repeat(deep)),
        format!("a = {}", "[{a=".repeat(deep)),
        format!("a = {}{}", "[".repeat(deep), "]".repeat(deep)),
        format!("a{} = 1", ".a".repeat(deep)),
        format!("a{} = 1", " . \"a\"".repeat(deep)),
        format!("[a{}]", ".a".repeat(deep)),
    ] {
        assert!(endure(&text).is_some(), "{}", &text[..9]);
    }
}

#[test]
fn the_deepest_nesting_that_is_allowed_fits_the_stack() {
    let keys = |n: usize| vec!["a"; n].join(".");
    let open = format!("{{{} = ", keys(16)).repeat(80);
    let close = "}".repeat(80);
    let text = format!(
        "[jobs.a]\nplugin = \"a\"\n[jobs.a.params]\n{} = {open}1{close}\n",
        keys(16)
    );
    assert_eq!(endure(&text), None);
}

#[test]
fn a_large_file_is_read() {
    use std::fmt::Write as _;
    let mut text = String::new();
    for number in 0..70_000 {
        write!(
            text,
            "[jobs.job-{number}]\nplugin = \"hello\"\nevery = \"10s\"\ntimeout = \"1m\"\n\n"
        )
        .unwrap();
    }
    assert!(text.len() > 4 << 20);
    assert_eq!(endure(&text), None);
}

#[test]
fn a_large_file_of_nothing_but_mistakes_is_endured() {
    let length = 1 << 20;
    for piece in [
        "x",
        "[",
        "= ",
        "\"",
        "a = b\n",
        "[jobs.a]\n",
        "é\t",
        "\u{1b}[31m\n",
    ] {
        assert!(endure(&piece.repeat(length / piece.len())).is_some());
    }
}

#[test]
fn a_large_file_of_jobs_after_none_is_endured() {
    let jobs =
        (0..50_000).map(|n| format!("[jobs.job-{n}]\nplugin = \"a\"\nafter = \"jub-{n}\"\n"));
    let problems = endure(&jobs.collect::<String>()).expect("each is after nothing");
    assert_eq!(problems.count(Severity::Error), 50_000);
}

#[test]
fn a_file_without_end_is_not_read_to_its_end() {
    let problems = decode("schedules.toml", vec![b' '; 9 << 20]).unwrap_err();
    assert_eq!(problems.into_vec()[0].code, "config::too-large");
}
