//! Instants that were skipped.

use super::*;

#[test]
fn skipped_because_one_was_open() {
    let range = skipped(SkipReason::Overlap, "06:00:00", "06:00:00", 1, "06:00:00");
    let mut facts = with_range(hourly(), range);
    facts.beside = in_the_way(Some("06:06:40"));
    let answer = says(
        &facts,
        Kind::Skipped,
        "due at 2026-03-02 06:00:00 +00:00, skipped: run 11 was still running until 06:06:40 \
         (`overlap = \"skip\"`)",
    );
    assert_eq!(answer.in_the_way, Some(11));
    assert_eq!(answer.reason.as_deref(), Some("overlap"));
    facts.beside.open.as_mut().unwrap().attempts.clear();
    says(
        &facts,
        Kind::Skipped,
        "due at 2026-03-02 06:00:00 +00:00, skipped: run 11 was still waiting until 06:06:40 \
         (`overlap = \"skip\"`)",
    );
    facts.beside = Beside::default();
    says(
        &facts,
        Kind::Skipped,
        "due at 2026-03-02 06:00:00 +00:00, skipped: another run of it was still open (`overlap = \
         \"skip\"`)",
    );
}

#[test]
fn skipped_because_nobody_looked() {
    let range = skipped(SkipReason::Missed, "02:00:00", "07:00:00", 6, "08:31:00");
    let mut facts = with_range(hourly(), range.clone());
    let mut newer = run(42, RunStatus::Succeeded);
    newer.nominal = at("08:00:00");
    facts.known.newer = Some(newer);
    let answer = says(
        &facts,
        Kind::Skipped,
        "due at 2026-03-02 06:00:00 +00:00, skipped as one of 6 instants from 02:00:00 to 07:00:00: \
         found at 08:31:00, 2h31m late, and folded into run 42 for 08:00:00 (`catch_up = \
         \"latest\"`)",
    );
    assert_eq!((answer.instead, answer.run), (Some(42), None));
    facts.known.newer.as_mut().unwrap().turn = Turn::CatchUp;
    says(
        &facts,
        Kind::Skipped,
        "due at 2026-03-02 06:00:00 +00:00, skipped as one of 6 instants from 02:00:00 to 07:00:00: \
         found at 08:31:00, 2h31m late, with more than `catch_up_max` newer ones, of which run 42 \
         for 08:00:00 is the oldest",
    );
    let keys = format!("{HOURLY}\ncatch_up = \"none\"");
    says(
        &with_range(self::facts(&keys, "06:00:00"), range.clone()),
        Kind::Skipped,
        "due at 2026-03-02 06:00:00 +00:00, skipped as one of 6 instants from 02:00:00 to 07:00:00: \
         found at 08:31:00, 2h31m late (`catch_up = \"none\"`, `catch_up_grace = \"1m\"`)",
    );
    let keys = format!("{HOURLY}\ncatch_up_window = \"2h\"");
    says(
        &with_range(self::facts(&keys, "06:00:00"), range),
        Kind::Skipped,
        "due at 2026-03-02 06:00:00 +00:00, skipped as one of 6 instants from 02:00:00 to 07:00:00: \
         found at 08:31:00, 2h31m late (`catch_up_window = \"2h\"`)",
    );
    facts.known.newer = None;
    says(
        &facts,
        Kind::Skipped,
        "due at 2026-03-02 06:00:00 +00:00, skipped as one of 6 instants from 02:00:00 to 07:00:00: \
         found at 08:31:00, 2h31m late; of several only the newest runs (`catch_up = \"latest\"`)",
    );
}

#[test]
fn skipped_because_there_was_no_daemon() {
    let range = skipped(SkipReason::Missed, "06:00:00", "06:00:00", 1, "07:31:00");
    let mut facts = with_range(hourly(), range);
    let mut newer = run(42, RunStatus::Succeeded);
    newer.nominal = at("07:00:00");
    facts.known.newer = Some(newer);
    let head = "due at 2026-03-02 06:00:00 +00:00, skipped: ";
    let tail = "; found 1h31m late, and folded into run 42 for 07:00:00 (`catch_up = \"latest\"`)";
    for (died, why) in [
        (false, "no daemon was running from 05:35:00 to 07:31:00"),
        (
            true,
            "the daemon died after 05:35:00, and there was none until 07:31:00",
        ),
    ] {
        facts.downtime = Some(Downtime {
            from: at("05:35:00"),
            died,
            to: Some(at("07:31:00")),
        });
        says(&facts, Kind::Skipped, &format!("{head}{why}{tail}"));
    }
    facts.downtime = None;
    facts.jump = Some(ClockJump {
        at: at("07:31:00"),
        by: SignedDuration::from_hours(2),
    });
    let why = "the clock jumped forward by 2h to 07:31:00";
    says(&facts, Kind::Skipped, &format!("{head}{why}{tail}"));
}

#[test]
fn skipped_by_the_calendar() {
    let keys = format!("{HOURLY}\nactive_hours = [\"Mon-Fri 08:00-18:00\", \"Sat 09:00-12:00\"]");
    let range = skipped(
        SkipReason::OutsideHours,
        "06:00:00",
        "06:00:00",
        1,
        "06:00:00",
    );
    says(
        &with_range(facts(&keys, "06:00:00"), range),
        Kind::Skipped,
        "due at 2026-03-02 06:00:00 +00:00, skipped: it is outside `active_hours` \
         (Mon,Tue,Wed,Thu,Fri 08:00-18:00; Sat 09:00-12:00)",
    );
    let keys = format!("{HOURLY}\nblackout = [\"2026-02-01\", \"2026-03-01..2026-03-02\"]");
    let range = skipped(SkipReason::Blackout, "06:00:00", "06:00:00", 1, "06:00:00");
    says(
        &with_range(facts(&keys, "06:00:00"), range),
        Kind::Skipped,
        "due at 2026-03-02 06:00:00 +00:00, skipped: it is in the blackout `2026-03-01..2026-03-02`",
    );
    says(
        &facts(&keys, "13:00:00"),
        Kind::NotYet,
        "due at 2026-03-02 13:00:00 +00:00, in 1h, and is skipped: it is in the blackout \
         `2026-03-01..2026-03-02`",
    );
}

#[test]
fn skipped_after_it_was_a_run() {
    let head = "due at 2026-03-02 06:00:00 +00:00: run 12 was skipped: ";
    let mut facts = with_run(hourly(), never_ran(SkipReason::Removed, "07:00:00"));
    let says = |facts: &Facts, why: &str| {
        says(facts, Kind::Skipped, &format!("{head}{why}"));
    };
    says(
        &facts,
        "the job was removed from the file before it started",
    );
    facts.run = Some(never_ran(SkipReason::Expired, "07:00:00"));
    says(
        &facts,
        "its turn came at 07:00:00, when it was too late (`catch_up_window = \"1d\"`)",
    );
    facts.run = Some(never_ran(SkipReason::QueueFull, "06:00:00"));
    says(&facts, "as many as may wait did (`max_queued`)");
    facts.run = Some(never_ran(SkipReason::Superseded, "07:00:00"));
    says(&facts, "a newer one took its place in the queue");

    let keys = format!("{HOURLY}\noverlap = \"queue-one\"");
    facts.file = self::facts(&keys, "06:00:00").file;
    let mut newer = run(13, RunStatus::Queued);
    newer.nominal = at("07:00:00");
    facts.beside.queued = Some(newer);
    says(
        &facts,
        "run 13 for 07:00:00 took its place in the queue (`overlap = \"queue-one\"`)",
    );
    let keys = format!("{HOURLY}\noverlap = \"queue-all\"\nmax_queued = 3");
    facts.file = self::facts(&keys, "06:00:00").file;
    facts.run = Some(never_ran(SkipReason::QueueFull, "06:00:00"));
    says(
        &facts,
        "as many as may wait did (`overlap = \"queue-all\"`, `max_queued = 3`)",
    );
}

#[test]
fn skipped_by_a_pause() {
    let mut facts = with_run(hourly(), never_ran(SkipReason::Disabled, "07:00:00"));
    let head = "due at 2026-03-02 06:00:00 +00:00: run 12 was skipped: the job was ";
    says(
        &facts,
        Kind::Skipped,
        &format!("{head}disabled before it started"),
    );
    let ada = JobTurn::Paused(PauseReason::Asked(Some("ada".into())));
    events(&mut facts, &[("07:00:00", ada)]);
    says(
        &facts,
        Kind::Skipped,
        &format!("{head}paused by ada at 07:00:00, before it started"),
    );
}
