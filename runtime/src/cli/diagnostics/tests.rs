//! How problems look.

use proptest::prelude::*;

use super::*;

const STYLE: Style = Style {
    color: false,
    width: 80,
};

/// How one problem at `span` of `text` is drawn.
fn drawn(text: &str, span: Range<usize>) -> String {
    let source = Source::new("schedules.toml", text);
    let problem = Problem::error("a::b", "it is wrong").at(span).label("here");
    render(&Problems::one(&source, problem), STYLE)
}

/// The columns, from 0, of the first and the last `^`, and of the first character of what they mark.
fn columns(drawn: &str, marked: &str) -> (usize, usize, usize) {
    let line = drawn.lines().find(|line| line.contains(marked)).unwrap();
    let before = &line[..line.find(marked).unwrap()];
    let below = drawn.lines().find(|line| line.contains('^')).unwrap();
    (
        below.find('^').unwrap(),
        below.rfind('^').unwrap(),
        unicode_width::UnicodeWidthStr::width(before),
    )
}

#[test]
fn a_problem_is_drawn_with_its_place_and_help() {
    let source = Source::new("schedules.toml", "\n\ncron = \"0 3 32 * *\"\n");
    let problem = Problem::error("schedule::cron", "day-of-month 32 is out of range")
        .at(14..16)
        .label("expected 1-31")
        .help("`0 3 L * *` fires on the last day of every month");
    assert_eq!(
        render(&Problems::one(&source, problem), STYLE),
        r#"error[schedule::cron]: day-of-month 32 is out of range
 --> schedules.toml:3:13
  |
3 | cron = "0 3 32 * *"
  |             ^^ expected 1-31
  |
  = help: `0 3 L * *` fires on the last day of every month

1 error in schedules.toml
"#
    );
}

#[test]
fn wide_characters_and_tabs_do_not_move_the_markers() {
    for before in ["", "日本語", "\t\t", "é", "\u{1b}[31m", "👩‍🚀", "a\u{301}"] {
        let text = format!("{before}marked = 1");
        let drawn = drawn(&text, before.len()..before.len() + 6);
        let (first, last, there) = columns(&drawn, "marked");
        assert_eq!((first, last), (there, there + 5), "{drawn}");
    }
}

#[test]
fn what_steers_a_terminal_is_made_visible() {
    let text = "a = \"\u{1b}[2J\u{9b}31m\u{202e}\u{7}\u{200b}\u{8}\"";
    let source = Source::new(text, text);
    let problem = Problem::error("a::b", text).at(0..1).label(text).help(text);
    let drawn = render(&Problems::one(&source, problem), STYLE);
    let steers = |c: &char| c.is_control() && *c != '\n' || matches!(c, '\u{200b}' | '\u{202e}');
    assert_eq!(drawn.chars().find(steers), None, "{drawn}");
}

#[test]
fn long_lines_are_cut_to_the_width_around_the_place() {
    let long = "x".repeat(3000);
    let text = format!("a = \"{long}\" marked \"{long}\"");
    let drawn = drawn(&text, 3007..3013);
    let (first, last, there) = columns(&drawn, "marked");
    assert_eq!((first, last), (there, there + 5), "{drawn}");
    let width = drawn.lines().map(|line| line.chars().count()).max();
    assert!(width <= Some(80), "{drawn}");
    assert!(drawn.contains("schedules.toml:1:3008"), "{drawn}");
}

#[test]
fn a_line_that_is_too_long_to_draw_is_named() {
    let text = format!("a = \"{}\"", "x".repeat(1 << 20));
    let drawn = drawn(&text, 4..text.len());
    assert!(drawn.contains("--> schedules.toml:1:5\n"), "{drawn}");
    assert!(drawn.contains("here"), "{drawn}");
    assert!(drawn.len() < 500, "{drawn}");
}

#[test]
fn a_problem_of_several_lines_is_drawn_at_its_first() {
    let drawn = drawn("at = [\n  1,\n  2,\n]\n", 0..17);
    let (first, last, there) = columns(&drawn, "at = [");
    assert_eq!((first, last), (there, there + 5), "{drawn}");
    assert!(!drawn.contains("1,"), "{drawn}");
}

#[test]
fn many_problems_are_counted_and_not_all_drawn() {
    let source = Source::new("schedules.toml", &"x\n".repeat(60));
    let errors = (0..60).map(|n| Problem::error("a::b", "it is wrong").at(2 * n..2 * n + 1));
    let warning = Problem::warning("a::c", "it is odd").at(0..1);
    let problems = Problems::new(&source, errors.chain([warning]).collect()).unwrap();
    let drawn = render(&problems, STYLE);
    assert_eq!(
        drawn.matches("it is wrong").count() + drawn.matches("it is odd").count(),
        50
    );
    let end = "the first 50 problems are shown\n60 errors, 1 warning in schedules.toml\n";
    assert!(drawn.ends_with(end), "{drawn}");
}

#[test]
fn colours_are_there_on_demand() {
    let source = Source::new("schedules.toml", "a");
    let problems = Problems::one(&source, Problem::error("a::b", "it is wrong").at(0..1));
    let plain = render(&problems, STYLE);
    let color = render(
        &problems,
        Style {
            color: true,
            ..STYLE
        },
    );
    assert!(!plain.contains('\u{1b}'));
    assert!(color.contains("\u{1b}["));
    assert_eq!(anstream::adapter::strip_str(&color).to_string(), plain);
}

#[test]
fn json_counts_lines_and_columns_from_one() {
    let source = Source::new("schedules.toml", "\né = x\n");
    let problem = Problem::error("a::b", "it is wrong").at(6..7).label("here");
    let problems = Problems::one(&source, problem);
    assert_eq!(
        to_json(Some(&problems)),
        json!([{
            "severity": "error", "code": "a::b", "message": "it is wrong", "file": "schedules.toml",
            "line": 2, "column": 5, "end_line": 2, "end_column": 6, "label": "here", "help": null,
        }])
    );
    assert_eq!(to_json(None), json!([]));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn any_place_in_any_text_can_be_drawn(
        text in "[a\t\n\r 日é\u{301}\u{1b}\u{202e}👩\u{200d}]{0,120}",
        (a, b, c) in any::<(prop::sample::Index, prop::sample::Index, prop::sample::Index)>(),
        width in 0_usize..200,
        label in ".{0,100}",
    ) {
        let byte = |index: prop::sample::Index| text.floor_char_boundary(index.index(text.len() + 1));
        let (a, b, c) = (byte(a), byte(b), byte(c));
        let source = Source::new("schedules.toml", &text);
        let problem = Problem::error("a::b", &label).at(a.min(b)..a.max(b)).label(&label).help(&label).related(c..c, &label);
        let drawn = render(&Problems::one(&source, problem), Style { color: false, width });
        let escape = '\u{1b}';
        prop_assert!(!drawn.contains(escape));
    }
}
