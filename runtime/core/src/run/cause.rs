//! Why occurrences exist, and the names of runs and requests.

use std::{fmt, str::FromStr};

use jiff::Timestamp;

use crate::named::UnknownName;

/// The number of a run, unique in its database and rising: "run 1042".
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunId(pub u64);

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// The identity of one request by a person or a program. The shell draws it at
/// random, so that it is unique over all time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl FromStr for RequestId {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        let unknown = || UnknownName {
            what: "request",
            text: text.to_owned(),
        };
        u64::from_str_radix(text, 16)
            .map(Self)
            .map_err(|_| unknown())
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why an occurrence exists. Together with the job's name it is its unique key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// `time:T`: the job's trigger names this nominal time.
    Time(Timestamp),
    /// `manual:ID`: somebody asked.
    Manual(RequestId),
    /// `after:RUN`: this run of another job has ended.
    After(RunId),
    /// `backfill:ID:T`: somebody asked for a past of which this nominal time is a part.
    Backfill(RequestId, Timestamp),
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Time(t) => write!(f, "time:{t}"),
            Self::Manual(id) => write!(f, "manual:{id}"),
            Self::After(run) => write!(f, "after:{run}"),
            Self::Backfill(id, t) => write!(f, "backfill:{id}:{t}"),
        }
    }
}

impl FromStr for Cause {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        let parsed = match text.split_once(':') {
            Some(("time", t)) => t.parse().ok().map(Self::Time),
            Some(("manual", id)) => id.parse().ok().map(Self::Manual),
            Some(("backfill", rest)) => rest.split_once(':').and_then(|(id, t)| {
                let (id, t) = (id.parse().ok()?, t.parse().ok()?);
                Some(Self::Backfill(id, t))
            }),
            Some(("after", run)) => run.parse().ok().map(|run| Self::After(RunId(run))),
            _ => None,
        };
        parsed.ok_or_else(|| UnknownName {
            what: "cause",
            text: text.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_round_trip() {
        let t: Timestamp = "2026-03-01T06:00:00Z".parse().unwrap();
        for cause in [
            Cause::Time(t),
            Cause::Manual(RequestId(u64::MAX)),
            Cause::Manual(RequestId(1)),
            Cause::After(RunId(u64::MAX)),
            Cause::Backfill(RequestId(1), t),
        ] {
            assert_eq!(cause.to_string().parse(), Ok(cause));
        }
        assert_eq!(Cause::Time(t).to_string(), "time:2026-03-01T06:00:00Z");
        assert_eq!(Cause::After(RunId(41)).to_string(), "after:41");
        assert_eq!(
            Cause::Backfill(RequestId(255), t).to_string(),
            "backfill:00000000000000ff:2026-03-01T06:00:00Z"
        );
        for bad in [
            "",
            "time",
            "time:",
            "time:yesterday",
            "manual:xyz",
            "backfill:ff",
            "backfill:2026-03-01T06:00:00Z",
            "after:",
            "after:-1",
            "after:1:2",
        ] {
            assert!(bad.parse::<Cause>().is_err(), "{bad}");
        }
    }
}
