//! "Did you mean".

use super::error::CliError;

/// There is no such job; the names are those there are.
pub fn no_such_job<'a>(typed: &str, names: impl IntoIterator<Item = &'a str>) -> CliError {
    CliError::not_found(format!("there is no job `{typed}`")).hint(
        hint(typed, names).unwrap_or_else(|| "`cronlet jobs` lists the jobs there are".to_owned()),
    )
}

/// The name that was probably meant: the nearest one, if it is near enough.
pub fn nearest<'a>(typed: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let typed = typed.to_lowercase();
    // A third of the letters may be wrong, but never all of them.
    let most = (typed.chars().count() / 3).clamp(1, 3);
    names
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(&typed, name), name))
        .filter(|&(apart, name)| {
            apart < name.chars().count() && (apart <= most || is_a_part(&typed, name))
        })
        .min()
        .map(|(_, name)| name)
}

/// Whether `typed` is the beginning or the end of `name`, as of a name half remembered.
fn is_a_part(typed: &str, name: &str) -> bool {
    typed.len() >= 3 && (name.starts_with(typed) || name.ends_with(typed))
}

/// ``did you mean `fetch`?``
pub fn hint<'a>(typed: &str, names: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest(typed, names).map(|name| format!("did you mean `{name}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_if_it_is_near() {
        let names = ["fetch-papers", "fetch", "hello", "a"];
        assert_eq!(nearest("fetsh", names), Some("fetch"));
        assert_eq!(nearest("Hello", names), Some("hello"));
        assert_eq!(nearest("papers", names), Some("fetch-papers"));
        assert_eq!(nearest("backup", names), None);
        assert_eq!(nearest("b", names), None);
        assert_eq!(nearest("", names), None);
    }
}
