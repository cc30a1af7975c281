//! The names of jobs and of groups of jobs.

use std::{borrow::Borrow, fmt, sync::Arc};

use thiserror::Error;

/// The longest name, in bytes.
pub const MAX_LEN: usize = 64;

/// One kind of name.
macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// It matches `[a-z0-9][a-z0-9_-]{0,63}`. Cloning is cheap.
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks `name`.
            pub fn new(name: &str) -> Result<Self, NameError> {
                check(name).map(|()| Self(name.into()))
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<&str> for $name {
            type Error = NameError;

            fn try_from(name: &str) -> Result<Self, NameError> {
                Self::new(name)
            }
        }
    };
}

name! {
    /// The name of a job, which is its identity: rename it and it is another job.
    JobName
}

name! {
    /// The name of a group of jobs.
    GroupName
}

/// Why a text is not a name.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NameError {
    /// There is nothing.
    #[error("name is missing")]
    Empty,
    /// More than [`MAX_LEN`] bytes.
    #[error("name has at most {MAX_LEN} characters, this one has {0}")]
    TooLong(usize),
    /// The first character is neither a small letter nor a digit.
    #[error("name begins with a small letter or a digit, not with `{0}`")]
    BadStart(char),
    /// A character is not allowed.
    #[error("name has small letters, digits, `_` and `-`, not `{0}`")]
    BadChar(char),
}

fn check(name: &str) -> Result<(), NameError> {
    let Some(first) = name.chars().next() else {
        return Err(NameError::Empty);
    };
    if !(first.is_ascii_lowercase() || first.is_ascii_digit()) {
        return Err(NameError::BadStart(first));
    }
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
    if let Some(bad) = name.chars().find(|&c| !allowed(c)) {
        return Err(NameError::BadChar(bad));
    }
    if name.len() > MAX_LEN {
        return Err(NameError::TooLong(name.len()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for good in ["a", "0", "fetch-papers", "a_b-9", &"x".repeat(64)] {
            assert_eq!(JobName::new(good).unwrap().as_str(), good);
        }
        assert_eq!(JobName::new(""), Err(NameError::Empty));
        assert_eq!(JobName::new("Fetch"), Err(NameError::BadStart('F')));
        assert_eq!(JobName::new("-a"), Err(NameError::BadStart('-')));
        assert_eq!(JobName::new("a.b"), Err(NameError::BadChar('.')));
        assert_eq!(JobName::new("aé"), Err(NameError::BadChar('é')));
        assert_eq!(JobName::new(&"x".repeat(65)), Err(NameError::TooLong(65)));
    }
}
