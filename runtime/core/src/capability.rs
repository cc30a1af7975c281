//! What a job is allowed beyond computing: a guest starts with nothing, and each of these is a line
//! that somebody wrote.

use std::path::PathBuf;

use thiserror::Error;

/// Everything that one job is granted. The default is nothing.
///
/// Two are equal when they allow the same: directories are in the order of their guest paths,
/// variables in the order of their names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// Directories, each at a guest path of its own.
    pub dirs: Vec<DirGrant>,
    /// Environment variables, each with a name of its own.
    pub env: Vec<EnvGrant>,
}

/// A directory of the host, with everything below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirGrant {
    /// Where it is.
    pub host: PathBuf,
    /// Where the guest finds it: an absolute path without `.`, `..` or a slash at its end.
    pub guest: String,
    /// Whether the guest may change what is in it.
    pub write: bool,
}

/// An environment variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvGrant {
    /// Its name, without `=` and NUL.
    pub name: String,
    /// Its value; none is the one that the process of the host has, if it has one.
    pub value: Option<String>,
}

impl Capabilities {
    /// Whether nothing is granted.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Why a text is no [`DirGrant::guest`].
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum GuestPathError {
    /// It does not begin at the root.
    #[error("guest path `{0}` is not absolute")]
    Relative(String),
    /// A part of it is empty, `.` or `..`.
    #[error("guest path `{path}` has a part `{part}`")]
    Part {
        /// All of it.
        path: String,
        /// The part.
        part: String,
    },
    /// No path can hold this.
    #[error("guest path has a zero byte in it")]
    Zero,
}

/// Why a text is no [`EnvGrant::name`].
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum VariableError {
    /// There is nothing.
    #[error("a variable has no name")]
    Empty,
    /// It would end there.
    #[error("variable `{0}` has a `=` in its name")]
    Equals(String),
    /// No environment can hold this.
    #[error("a variable has a zero byte in its name")]
    Zero,
}

/// The guest path that `text` means. A slash at its end means nothing.
pub fn guest_path(text: &str) -> Result<String, GuestPathError> {
    if text.contains('\0') {
        return Err(GuestPathError::Zero);
    }
    let Some(rest) = text.strip_prefix('/') else {
        return Err(GuestPathError::Relative(text.to_owned()));
    };
    let names = rest.strip_suffix('/').unwrap_or(rest);
    let odd = |part: &&str| matches!(*part, "" | "." | "..");
    match names.split('/').find(odd) {
        Some(part) if !rest.is_empty() => Err(GuestPathError::Part {
            path: text.to_owned(),
            part: part.to_owned(),
        }),
        _ => Ok(format!("/{names}")),
    }
}

/// Checks the name of a variable.
pub fn variable_name(name: &str) -> Result<(), VariableError> {
    if name.contains('\0') {
        Err(VariableError::Zero)
    } else if name.contains('=') {
        Err(VariableError::Equals(name.to_owned()))
    } else if name.is_empty() {
        Err(VariableError::Empty)
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guest_paths_are_absolute_and_direct() {
        for (text, path) in [("/", "/"), ("/data", "/data"), ("/a b/é/", "/a b/é")] {
            assert_eq!(guest_path(text).as_deref(), Ok(path));
        }
        for text in ["", "data", "./data", "~/data"] {
            let relative = GuestPathError::Relative(text.to_owned());
            assert_eq!(guest_path(text), Err(relative));
        }
        for (text, part) in [
            ("//", ""),
            ("/a//b", ""),
            ("/data//", ""),
            ("/./data", "."),
            ("/data/../etc", ".."),
            ("/..", ".."),
        ] {
            let path = text.to_owned();
            let part = part.to_owned();
            assert_eq!(guest_path(text), Err(GuestPathError::Part { path, part }));
        }
        assert_eq!(guest_path("/a\0"), Err(GuestPathError::Zero));
        assert_eq!(guest_path("/...").as_deref(), Ok("/..."));
    }

    #[test]
    fn variables_have_names() {
        assert_eq!(variable_name("LANG"), Ok(()));
        assert_eq!(variable_name("an odd one é"), Ok(()));
        assert_eq!(variable_name(""), Err(VariableError::Empty));
        assert_eq!(variable_name("A\0"), Err(VariableError::Zero));
        let equals = VariableError::Equals("A=b".to_owned());
        assert_eq!(variable_name("A=b"), Err(equals));
    }
}
