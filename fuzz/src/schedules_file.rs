//! No file makes `check` panic, and what is said about one points into it and can be drawn.

use cronlet::{
    cli::diagnostics::{Style, render, to_json},
    config::{Environment, Problems, decode, survey},
};
use jiff::Timestamp;

/// Reads `bytes` as a schedules file, and draws what is wrong with it.
pub(crate) fn endure(bytes: &[u8]) {
    let text = match decode("schedules.toml", bytes.to_vec()) {
        Ok(text) => text,
        Err(problems) => return look_at(&problems),
    };
    let (draft, problems) = survey("schedules.toml", &text, &Environment::new());
    if let Some(problems) = &problems {
        look_at(problems);
    } else if let Some(lints) = draft.lint(Timestamp::UNIX_EPOCH) {
        look_at(&lints);
    }
}

fn look_at(problems: &Problems) {
    let text = problems.source().text();
    for problem in problems {
        let related = problem.related.as_ref().map(|mark| &mark.span);
        for span in problem.span.iter().chain(related) {
            assert!(text.get(span.clone()).is_some(), "{problem:?}");
        }
        assert!(!problem.message.is_empty());
    }
    let style = Style {
        color: false,
        width: 80,
    };
    let drawn = render(problems, style);
    let steers = |c: char| c.is_control() && c != '\n';
    assert!(!drawn.contains(steers), "{drawn:?}");
    assert!(to_json(Some(problems)).is_array());
}
