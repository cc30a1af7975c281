//! What the exit code says. Scripts rely on it; the help has the table.

use std::process::ExitCode;

/// How the command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Done,
    /// The run failed.
    Failed,
    /// Bad usage or bad config.
    Usage,
    /// The daemon is not there.
    Unavailable,
    /// No such job, run or plugin.
    NotFound,
    /// Refused or conflicting.
    Refused,
    /// A bug in cronlet.
    Bug,
    /// Ctrl-C.
    Interrupted,
}

impl Exit {
    /// Every case, in order.
    pub const ALL: [Self; 8] = [
        Self::Done,
        Self::Failed,
        Self::Usage,
        Self::Unavailable,
        Self::NotFound,
        Self::Refused,
        Self::Bug,
        Self::Interrupted,
    ];

    /// The number.
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Unavailable => 3,
            Self::NotFound => 4,
            Self::Refused => 5,
            Self::Bug => 70,
            Self::Interrupted => 130,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
