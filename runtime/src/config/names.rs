//! Names of jobs and of groups that are none, and what they could be.

use cronlet_core::name::{JobName, MAX_LEN, NameError};

use super::{problem::Problem, table::Field};

/// That the key of `field` is no name. `whose` is "a job's".
pub(super) fn problem(
    code: &'static str,
    whose: &str,
    field: &Field<'_>,
    error: &NameError,
) -> Problem {
    let label = match error {
        NameError::Empty => "expected a name",
        NameError::TooLong(_) => "expected a shorter name",
        NameError::BadStart(_) | NameError::BadChar(_) => {
            "expected small letters, digits, `_` and `-`"
        }
    };
    Problem::error(code, format!("{whose} {error}"))
        .at(field.key_span.clone())
        .label(label)
}

/// A name like `name` that a job or a group can have.
pub(super) fn legal(name: &str) -> Option<String> {
    let name: String = name
        .chars()
        .map(|c| c.to_ascii_lowercase())
        .map(|c| {
            if c.is_ascii_alphanumeric() || c == '_' {
                c
            } else {
                '-'
            }
        })
        .take(MAX_LEN)
        .collect();
    let name = name.trim_matches(['-', '_']);
    JobName::new(name).is_ok().then(|| name.to_owned())
}
