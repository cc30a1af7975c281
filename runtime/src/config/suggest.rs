//! What somebody may have meant.

/// Longer names than this are no typing errors.
const LONGEST: usize = 64;

/// The candidate that `name` is most likely a misspelling of.
pub(super) fn closest<'a>(
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    if name.is_empty() || name.len() > LONGEST {
        return None;
    }
    let plain = fold(name);
    candidates
        .into_iter()
        .filter_map(|candidate| {
            let distance = strsim::osa_distance(&plain, &fold(candidate));
            let most = (plain.chars().count().max(candidate.chars().count()) / 3).max(1);
            (distance <= most).then_some((distance, candidate))
        })
        .min()
        .map(|(_, candidate)| candidate)
}

/// "`a`, `b` or `c`".
pub(super) fn one_of(names: &[&str]) -> String {
    list(names, "or")
}

/// "`a`, `b` and `c`".
pub(super) fn all_of(names: &[&str]) -> String {
    list(names, "and")
}

fn list(names: &[&str], last_word: &str) -> String {
    let quoted: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    match &quoted[..] {
        [] => String::new(),
        [only] => only.clone(),
        [rest @ .., last] => format!("{} {last_word} {last}", rest.join(", ")),
    }
}

/// `maxOutput`, `max-output` and `Max_Output` are `max_output` with another accent.
fn fold(name: &str) -> String {
    name.chars()
        .filter(|c| *c != '-' && *c != '_')
        .flat_map(char::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: [&str; 5] = ["timeout", "max_output", "every", "at", "cron"];

    #[test]
    fn misspellings_have_a_closest_name() {
        for (typed, meant) in [
            ("tiemout", Some("timeout")),
            ("time_out", Some("timeout")),
            ("maxOutput", Some("max_output")),
            ("max-output", Some("max_output")),
            ("evrey", Some("every")),
            ("corn", Some("cron")),
            ("weather", None),
            ("", None),
        ] {
            assert_eq!(closest(typed, KEYS), meant, "{typed}");
        }
        assert_eq!(closest(&"every".repeat(100), KEYS), None);
    }

    #[test]
    fn lists_read_as_english() {
        assert_eq!(one_of(&["a"]), "`a`");
        assert_eq!(one_of(&["a", "b"]), "`a` or `b`");
        assert_eq!(all_of(&["a", "b", "c"]), "`a`, `b` and `c`");
    }
}
