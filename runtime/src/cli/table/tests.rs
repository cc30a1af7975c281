use super::*;

fn plain(table: &Table, width: Option<usize>) -> String {
    anstream::adapter::strip_str(&table.render(width)).to_string()
}

fn sample() -> Table {
    let mut table = Table::new([
        Column::new("RUN").right(),
        Column::new("JOB"),
        Column::new("TRIGGER").spare(1),
        Column::new("EMPTY"),
        Column::new("SUMMARY").free(),
    ]);
    for (run, job, text) in [
        ("9", "hello", "a greeting that is rather long, all in all"),
        ("10", "日本", "短い"),
        ("11", "quiet", ""),
    ] {
        table.row([
            Cell::new(run),
            Cell::new(job),
            Cell::new("schedule"),
            Cell::new(""),
            Cell::new(text),
        ]);
    }
    table
}

#[test]
fn off_a_terminal_it_is_whole() {
    insta::assert_snapshot!(plain(&sample(), None), @"
    RUN  JOB    TRIGGER   SUMMARY
      9  hello  schedule  a greeting that is rather long, all in all
     10  日本   schedule  短い
     11  quiet  schedule
    ");
}

#[test]
fn the_free_text_is_cut_where_there_is_little_room() {
    insta::assert_snapshot!(plain(&sample(), Some(50)), @"
    RUN  JOB    TRIGGER   SUMMARY
      9  hello  schedule  a greeting that is rather l…
     10  日本   schedule  短い
     11  quiet  schedule
    ");
}

#[test]
fn a_spare_column_goes_before_the_text_says_nothing() {
    insta::assert_snapshot!(plain(&sample(), Some(40)), @"
    RUN  JOB    SUMMARY
      9  hello  a greeting that is rather l…
     10  日本   短い
     11  quiet
    ");
}

#[test]
fn a_time_becomes_brief_before_it_goes() {
    let mut table = Table::new([
        Column::new("JOB"),
        Column::new("NEXT").brief(2),
        Column::new("KIND").spare(1),
    ]);
    table.row([
        Cell::new("hello"),
        Cell::new("2026-03-01 06:00:00 +01:00").or("in 5m"),
        Cell::new("cron"),
    ]);
    table.row([Cell::new("other"), Cell::new("—"), Cell::new("every")]);
    insta::assert_snapshot!(plain(&table, Some(42)), @"
    JOB    NEXT                        KIND
    hello  2026-03-01 06:00:00 +01:00  cron
    other  —                           every
    ");
    insta::assert_snapshot!(plain(&table, Some(30)), @"
    JOB    NEXT   KIND
    hello  in 5m  cron
    other  —      every
    ");
    insta::assert_snapshot!(plain(&table, Some(15)), @"
    JOB    NEXT
    hello  in 5m
    other  —
    ");
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    for width in 24..80 {
        let text = plain(&sample(), Some(width));
        for line in text.lines() {
            assert!(line.width() <= width, "{width}: {line}");
            assert_eq!(line, line.trim_end());
        }
    }
}

#[test]
fn a_cell_is_one_line_whatever_a_guest_says() {
    let mut table = Table::new([Column::new("A"), Column::new("B")]);
    table.row([Cell::new("x\u{1b}[2J\ny"), Cell::new("b")]);
    insta::assert_snapshot!(plain(&table, None), @r"
    A             B
    x\u{1b}[2J⏎y  b
    ");
}

#[test]
fn wide_characters_are_cut_at_their_edge() {
    assert_eq!(cut("日本語", 6), "日本語");
    assert_eq!(cut("日本語", 5), "日本…");
    assert_eq!(cut("日本語", 4), "日…");
    assert_eq!(cut("hello", 4), "hel…");
}
