//! What is said of backfills.

use std::fmt::Write as _;

use cronlet_core::schedule::Zone;

use crate::{
    api::backfills::{Accepted, Backfill, Stopped},
    cli::{counted::counted, escape, when},
};

/// `backfill 00c0ffee00c0ffee of hello: 31 instants from … to …; 2 have a run already`
pub(super) fn begun(accepted: &Accepted, zone: &Zone) -> String {
    let backfill = &accepted.backfill;
    let (count, job) = (u64::from(backfill.instants), escape::line(&backfill.job));
    let left_out = left_out(accepted.already_run, accepted.excluded);
    let which = counted(count, "instant");
    match (&backfill.backfill, backfill.first, backfill.last) {
        (Some(id), Some(first), _) if count == 1 => format!(
            "backfill {} of `{job}`: {which}, {}{left_out}",
            escape::line(id),
            when::second(first.0, zone),
        ),
        (Some(id), Some(first), Some(last)) => format!(
            "backfill {} of `{job}`: {which} from {} to {}{left_out}",
            escape::line(id),
            when::second(first.0, zone),
            when::second(last.0, zone),
        ),
        _ => format!("nothing to do for `{job}`: no instant is left there{left_out}"),
    }
}

/// `1 backfill of hello stopped; 2 runs that waited are cancelled; 1 run goes on`
pub(super) fn what_stopped(job: &str, stopped: Stopped) -> String {
    let Stopped {
        stopped,
        already,
        cancelled,
        running,
    } = stopped;
    let mut text = match (stopped, already) {
        (0, 1) => format!("the backfill of `{job}` was stopped before"),
        (0, _) => format!("the {already} backfills of `{job}` were stopped before"),
        _ => format!("{} of `{job}` stopped", counted(stopped, "backfill")),
    };
    let are =
        |count: u32, one: &'static str, more: &'static str| if count == 1 { one } else { more };
    if cancelled > 0 {
        let (runs, are) = (counted(cancelled, "run"), are(cancelled, "is", "are"));
        let _ = write!(text, "; {runs} that waited {are} cancelled");
    }
    if running > 0 {
        let (runs, go) = (counted(running, "run"), are(running, "goes", "go"));
        let _ = write!(text, "; {runs} {go} on");
    }
    text
}

/// `hello 12 of 31 (38%), 1 failed`, of a backfill that goes on or is over.
pub(crate) fn progress(backfill: &Backfill) -> String {
    let (over, all) = (backfill.over(), backfill.instants);
    let percent = u64::from(over) * 100 / u64::from(all.max(1));
    let mut text = format!("{} {over} of {all} ({percent}%)", backfill.job);
    for (count, what) in [
        (backfill.failed, "failed"),
        (backfill.cancelled, "cancelled"),
        (backfill.skipped, "skipped"),
    ] {
        if count > 0 {
            let _ = write!(text, ", {count} {what}");
        }
    }
    match backfill.status.as_str() {
        "running" | "done" => {}
        other => {
            let _ = write!(text, ", {}", escape::line(other));
        }
    }
    text
}

/// What else there is, and why it is left out; nothing if there is nothing.
pub(super) fn left_out(already_run: u64, excluded: u64) -> String {
    let mut text = String::new();
    if already_run > 0 {
        let have = if already_run == 1 { "has" } else { "have" };
        let _ = write!(text, "; {already_run} {have} a run already");
    }
    if excluded > 0 {
        let are = if excluded == 1 { "is" } else { "are" };
        let _ = write!(
            text,
            "; {excluded} {are} outside the active hours or in a blackout"
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::view::Time;

    fn backfill() -> Backfill {
        let time = |text: &str| Some(Time(text.parse().unwrap()));
        Backfill {
            backfill: Some("00c0ffee00c0ffee".to_owned()),
            job: "hello".to_owned(),
            status: "running".to_owned(),
            instants: 31,
            first: time("2026-05-01T06:00:00Z"),
            last: time("2026-05-31T06:00:00Z"),
            max_concurrent: 2,
            reverse: false,
            made: 14,
            open: 2,
            succeeded: 11,
            failed: 1,
            cancelled: 0,
            skipped: 0,
            created_at: time("2026-06-01T00:00:00Z"),
            ended_at: None,
            actor: None,
        }
    }

    #[test]
    fn how_far_it_is_is_one_line() {
        assert_eq!(progress(&backfill()), "hello 12 of 31 (38%), 1 failed");
        let stopped = Backfill {
            status: "stopped".to_owned(),
            cancelled: 2,
            open: 0,
            failed: 0,
            ..backfill()
        };
        let text = "hello 14 of 31 (45%), 2 cancelled, stopped";
        assert_eq!(progress(&stopped), text);
        let hostile = Backfill {
            instants: 0,
            made: 0,
            open: u32::MAX,
            status: "\u{1b}[2J".to_owned(),
            ..backfill()
        };
        let text = "hello 0 of 0 (0%), 1 failed, \\u{1b}[2J";
        assert_eq!(progress(&hostile), text);
    }

    #[test]
    fn a_stop_says_what_it_did_and_what_goes_on() {
        let said = |stopped, already, cancelled, running| {
            let stopped = Stopped {
                stopped,
                already,
                cancelled,
                running,
            };
            what_stopped("hello", stopped)
        };
        assert_eq!(said(1, 0, 0, 0), "1 backfill of `hello` stopped");
        let text =
            "2 backfills of `hello` stopped; 3 runs that waited are cancelled; 1 run goes on";
        assert_eq!(said(2, 1, 3, 1), text);
        let text = "the backfill of `hello` was stopped before; 2 runs go on";
        assert_eq!(said(0, 1, 0, 2), text);
        let text = "the 2 backfills of `hello` were stopped before; 1 run that waited is cancelled";
        assert_eq!(said(0, 2, 1, 0), text);
    }

    #[test]
    fn what_begins_and_what_is_left_out_is_a_sentence() {
        let mut accepted = Accepted {
            backfill: backfill(),
            already_run: 1,
            excluded: 20,
        };
        assert_eq!(
            begun(&accepted, &Zone::UTC),
            "backfill 00c0ffee00c0ffee of `hello`: 31 instants from 2026-05-01 06:00:00 +00:00 to \
             2026-05-31 06:00:00 +00:00; 1 has a run already; 20 are outside the active hours or in a \
             blackout"
        );
        accepted.backfill.backfill = None;
        accepted.excluded = 0;
        assert_eq!(
            begun(&accepted, &Zone::UTC),
            "nothing to do for `hello`: no instant is left there; 1 has a run already"
        );
    }
}
