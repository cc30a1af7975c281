//! What a text is that is no TOML: JSON, YAML, a line of a crontab.

use super::problem::Problem;

/// How to begin.
const BEGIN: &str = "write `[jobs.NAME]` for each job, and below it `key = value`";

/// What is wrong with a file that is of another kind as a whole.
pub(super) fn file(text: &str) -> Option<Problem> {
    let begin = text.find(|c: char| !c.is_whitespace())?;
    let (kind, end) = match &text[begin..] {
        rest if rest.starts_with('{') => ("JSON", begin + 1),
        rest if rest.starts_with("---") => ("YAML", begin + 3),
        rest if rest.starts_with("<?xml") => ("XML", begin + 5),
        _ => return None,
    };
    let problem = Problem::error(
        "toml::syntax",
        format!("this looks like {kind}, and is to be TOML"),
    );
    Some(
        problem
            .at(begin..end)
            .label("expected a key or the header of a table")
            .help(BEGIN),
    )
}

/// What to type in place of a line that has no `=` behind its key.
pub(super) fn line(line: &str) -> Option<String> {
    let line = line.trim();
    if line.starts_with([';', '/']) || line.starts_with("--") {
        return Some("a comment begins with `#`".to_owned());
    }
    if let Some(expression) = crontab(line) {
        return Some(format!("write `cron = \"{expression}\"` in a job"));
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let end = line.find(|c| !plain(c)).unwrap_or(line.len());
    let (key, rest) = line.split_at(end);
    let colon = rest.trim_start().strip_prefix(':');
    let value = colon.unwrap_or(rest).trim();
    if key.is_empty() {
        None
    } else if value.is_empty() && colon.is_some() {
        Some("write the name of a table in brackets, such as `[jobs.hello]`".to_owned())
    } else if value.is_empty() {
        Some(format!("write `{key} = …`"))
    } else if value.starts_with(['"', '\'', '[', '{']) || is_literal(value) {
        Some(format!("write `{key} = {value}`"))
    } else if colon.is_some() && !value.contains(['"', '\\']) {
        Some(format!("write `{key} = \"{value}\"`"))
    } else {
        None
    }
}

/// The five fields that a line of a crontab begins with.
fn crontab(line: &str) -> Option<String> {
    let words: Vec<_> = line.split_whitespace().collect();
    let field = |word: &&&str| {
        let begins = word.starts_with(|c: char| c.is_ascii_digit() || c == '*');
        begins
            && word
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "*/,-#?".contains(c))
    };
    let [fields @ .., _] = &words[..words.len().min(6)] else {
        return None;
    };
    let all = fields.len() == 5 && fields.iter().take(3).filter(field).count() == 3;
    all.then(|| fields.join(" "))
}

fn is_literal(value: &str) -> bool {
    matches!(value, "true" | "false") || value.parse::<i64>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_other_kinds() {
        for (typed, help) in [
            ("; old", Some("a comment begins with `#`")),
            ("// old", Some("a comment begins with `#`")),
            (
                "0 3 * * * /usr/bin/backup",
                Some("write `cron = \"0 3 * * *\"` in a job"),
            ),
            (
                "*/5 * * * Mon x",
                Some("write `cron = \"*/5 * * * Mon\"` in a job"),
            ),
            (
                "  hello:",
                Some("write the name of a table in brackets, such as `[jobs.hello]`"),
            ),
            ("every: 10s", Some("write `every = \"10s\"`")),
            ("max: 3", Some("write `max = 3`")),
            ("timeout \"5m\"", Some("write `timeout = \"5m\"`")),
            ("timeout", Some("write `timeout = …`")),
            ("a b", None),
            ("é", None),
        ] {
            assert_eq!(line(typed).as_deref(), help, "{typed}");
        }
    }

    #[test]
    fn files_of_other_kinds() {
        let said = |text| file(text).map(|problem| problem.message);
        assert_eq!(
            said(" \n{}").unwrap(),
            "this looks like JSON, and is to be TOML"
        );
        assert_eq!(
            said("---\njobs:").unwrap(),
            "this looks like YAML, and is to be TOML"
        );
        assert_eq!(said("[jobs]"), None);
        assert_eq!(said(""), None);
    }
}
