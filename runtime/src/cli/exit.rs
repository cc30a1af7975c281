//! What the exit code says. The table is in the help, and scripts rely on it.

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

/// The table, for the help.
pub const TABLE: &str = "\
Exit codes:
    0  done
    1  the run failed
    2  bad usage, or a bad schedules file
    3  the daemon is not there
    4  no such job, run or plugin
    5  refused, or in conflict with something
   70  a bug in cronlet
  130  ended by Ctrl-C";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_names_every_code() {
        let all = [
            Exit::Done,
            Exit::Failed,
            Exit::Usage,
            Exit::Unavailable,
            Exit::NotFound,
            Exit::Refused,
            Exit::Bug,
            Exit::Interrupted,
        ];
        let named: Vec<u8> = TABLE
            .lines()
            .filter_map(|line| line.split_whitespace().next()?.parse().ok())
            .collect();
        assert_eq!(named, all.map(Exit::code));
    }
}
