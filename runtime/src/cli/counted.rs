//! So many of something, in words.

use std::fmt::Display;

/// `1 job`, `3 jobs`: of what gets an `s` where there is not just one.
pub fn counted<N: Copy + Display + PartialEq + From<u8>>(count: N, what: &str) -> String {
    let plural = if count == N::from(1) { "" } else { "s" };
    format!("{count} {what}{plural}")
}
