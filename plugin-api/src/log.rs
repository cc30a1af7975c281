//! The run's log, kept in the history: [`trace!`](crate::trace),
//! [`debug!`](crate::debug), [`info!`](crate::info), [`warn!`](crate::warn),
//! [`error!`](crate::error).

use std::borrow::Cow;
use std::fmt::{Arguments, Display};

use crate::bindings::cronlet::job::log;

pub use crate::bindings::cronlet::job::log::Level;

/// Adds a line. What the five macros call.
pub fn emit(level: Level, message: Arguments<'_>, fields: &[(&str, &dyn Display)]) {
    let message = message
        .as_str()
        .map_or_else(|| Cow::Owned(message.to_string()), Cow::Borrowed);
    let fields: Vec<_> = fields
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.to_string()))
        .collect();
    log::emit(level, &message, &fields);
}

/// Logs for the one who looks for a mistake in the job itself, step by step.
///
/// The arguments are [`info!`](crate::info)'s.
#[macro_export]
macro_rules! trace {
    ($($line:tt)+) => { $crate::__log!(Trace, $($line)+) };
}

/// Logs for the one who looks for a mistake in the job itself.
///
/// The arguments are [`info!`](crate::info)'s.
#[macro_export]
macro_rules! debug {
    ($($line:tt)+) => { $crate::__log!(Debug, $($line)+) };
}

/// Logs what a person wants to know of a run that works.
///
/// The arguments are [`format!`]'s. Fields may come first; a field's value is
/// anything with [`Display`](std::fmt::Display):
///
/// ```no_run
/// use cronlet_plugin::prelude::*;
///
/// let (url, pages) = ("https://example.com", 3);
/// info!("read {pages} pages");
/// info!(url = url, pages = pages, "read");
/// ```
#[macro_export]
macro_rules! info {
    ($($line:tt)+) => { $crate::__log!(Info, $($line)+) };
}

/// Logs what is odd, when the run goes on.
///
/// The arguments are [`info!`](crate::info)'s.
#[macro_export]
macro_rules! warn {
    ($($line:tt)+) => { $crate::__log!(Warn, $($line)+) };
}

/// Logs what is wrong, when part of the work is not done.
///
/// The arguments are [`info!`](crate::info)'s.
#[macro_export]
macro_rules! error {
    ($($line:tt)+) => { $crate::__log!(Error, $($line)+) };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __log {
    ($level:ident, $($name:ident = $value:expr,)+ $format:literal $($argument:tt)*) => {
        $crate::log::emit(
            $crate::log::Level::$level,
            ::core::format_args!($format $($argument)*),
            &[$((::core::stringify!($name), &$value)),+],
        )
    };
    ($level:ident, $($argument:tt)+) => {
        $crate::log::emit($crate::log::Level::$level, ::core::format_args!($($argument)+), &[])
    };
}
