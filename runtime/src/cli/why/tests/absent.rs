//! Times of which nothing is recorded.

use super::*;

#[test]
fn beyond_the_bounds_nothing_is_due() {
    let keys =
        format!("{HOURLY}\nstart = \"2026-03-02T08:00:00Z\"\nend = \"2026-03-02T10:00:00Z\"");
    says(
        &facts(&keys, "06:00:00"),
        Kind::NotDue,
        "not due at 2026-03-02 06:00:00 +00:00, before its `start`; the first is 08:00:00",
    );
    says(
        &facts(&keys, "10:00:00"),
        Kind::NotDue,
        "not due at 2026-03-02 10:00:00 +00:00, after its `end`; the last was 09:00:00",
    );
}

#[test]
fn nobody_has_looked_at_it() {
    let mut facts = hourly();
    facts.daemon = false;
    facts.known.job.as_mut().unwrap().watermark = at("05:00:00");
    let head = "due at 2026-03-02 06:00:00 +00:00, and no daemon is running: a start now would ";
    let says = |facts: &Facts, would: &str| {
        says(facts, Kind::Late, &format!("{head}{would}"));
    };
    says(&facts, "fold it into the run for 12:00:00");
    facts.now = at("06:30:00");
    says(&facts, "run it");
    let with = |keys: &str| Facts {
        file: self::facts(&format!("{HOURLY}\n{keys}"), "06:00:00").file,
        ..facts.clone()
    };
    // One that the daemon died with comes before what it has missed.
    let with_open = |keys: &str| {
        let mut facts = with(keys);
        facts.beside.open = Some(run(11, RunStatus::Running));
        facts
    };
    says(
        &with_open(""),
        "run it, unless run 11 is still open then (`overlap = \"skip\"`)",
    );
    says(&with_open("overlap = \"allow\""), "run it");
    says(&with_open("catch_up = \"all\""), "run it");
    says(&with("catch_up = \"none\""), "skip it: it is too late");
    says(
        &with("blackout = [\"2026-03-02\"]"),
        "skip it: it is in the blackout `2026-03-02`",
    );
}

#[test]
fn what_is_no_instant_is_between_two() {
    let answer = says(
        &facts(HOURLY, "06:01:00"),
        Kind::NotDue,
        "not due at 2026-03-02 06:01:00 +00:00; the nearest are 06:00:00 and 07:00:00",
    );
    assert_eq!((answer.status, answer.entry), (None, None));
    let once = "at = \"2026-03-02T06:00:00\"";
    says(
        &facts(once, "06:01:00"),
        Kind::NotDue,
        "not due at 2026-03-02 06:01:00 +00:00; the last was 06:00:00",
    );
    says(
        &facts(once, "05:59:00"),
        Kind::NotDue,
        "not due at 2026-03-02 05:59:00 +00:00; the first is 06:00:00",
    );
    says(
        &facts("", "05:59:00"),
        Kind::NotDue,
        "it has no trigger: it runs only when asked",
    );
    says(
        &facts("every = \"1500ms\"", "06:00:01.250"),
        Kind::NotDue,
        "not due at 2026-03-02 06:00:01.25 +00:00; the nearest are 06:00:00 and 2026-03-02 \
         06:00:01.5 +00:00",
    );
    // A range of skips holds what is between its instants, too.
    let range = skipped(SkipReason::Missed, "05:00:00", "07:00:00", 3, "08:00:00");
    says(
        &with_range(facts(HOURLY, "06:01:00"), range),
        Kind::NotDue,
        "not due at 2026-03-02 06:01:00 +00:00; the nearest are 06:00:00 and 07:00:00",
    );
}

#[test]
fn the_clocks_went_forward() {
    let keys = "cron = \"30 2 * * *\"\ntimezone = \"Europe/Berlin\"";
    let mut run = succeeded();
    for t in [
        &mut run.queued_at,
        &mut run.nominal,
        &mut run.attempts[0].started_at,
    ] {
        *t = at("2026-03-29T01:00:00Z");
    }
    let answer = says(
        &with_run(facts(keys, "2026-03-29T01:00:00Z"), run),
        Kind::Ran,
        "due at 2026-03-29 03:00:00 +02:00 for 02:30:00, which the clocks jumped over: run 12 \
         succeeded in 2.0s",
    );
    assert_eq!(answer.stands_for, ["2026-03-29T02:30:00".parse().unwrap()]);
    let mut many = facts(
        "cron = \"0,15,30 2 * * *\"\ntimezone = \"Europe/Berlin\"",
        "2026-03-29T01:00:00Z",
    );
    many.now = at("2026-03-29T00:00:00Z");
    says(
        &many,
        Kind::NotYet,
        "due at 2026-03-29 03:00:00 +02:00 for 3 times from 02:00:00 to 02:30:00, which the clocks \
         jumped over, in 1h",
    );
    let rhythm = "cron = \"*/30 2 * * *\"\ntimezone = \"Europe/Berlin\"";
    let mut facts = facts(rhythm, "2026-03-29T01:00:00Z");
    facts.wall = Some("2026-03-29T02:30:00".parse().unwrap());
    says(
        &facts,
        Kind::NotDue,
        "not due at 2026-03-29 02:30:00: the clocks jumped over it; the nearest are 2026-03-28 \
         02:30:00 +01:00 and 2026-03-30 02:00:00 +02:00",
    );
}

#[test]
fn the_clocks_went_back() {
    let keys = "cron = \"30 2 * * *\"\ntimezone = \"Europe/Berlin\"";
    says(
        &facts(keys, "2026-10-25T01:30:00Z"),
        Kind::NotDue,
        "not due at 2026-10-25 02:30:00 +01:00, the second time that the clocks showed this; the \
         nearest are 2026-10-25 02:30:00 +02:00 and 2026-10-26 02:30:00 +01:00",
    );
}

#[test]
fn what_is_to_come() {
    let mut facts = facts(HOURLY, "13:00:00");
    says(
        &facts,
        Kind::NotYet,
        "due at 2026-03-02 13:00:00 +00:00, in 1h",
    );
    facts.beside = in_the_way(None);
    says(
        &facts,
        Kind::NotYet,
        "due at 2026-03-02 13:00:00 +00:00, in 1h; run 11 is open now: this one is skipped if it is \
         then, too",
    );
    facts.daemon = false;
    says(
        &facts,
        Kind::NotYet,
        "due at 2026-03-02 13:00:00 +00:00, in 1h; no daemon is running",
    );
    facts.known.job = None;
    says(
        &facts,
        Kind::NotYet,
        "due at 2026-03-02 13:00:00 +00:00, in 1h; no daemon has seen the job yet; no daemon is \
         running",
    );
}

#[test]
fn what_has_passed_and_is_not_recorded() {
    let mut facts = hourly();
    says(
        &facts,
        Kind::Unknown,
        "due at 2026-03-02 06:00:00 +00:00, by the schedule as it is now; what the job was then is not \
         known any more",
    );
    let stored = facts.known.job.as_mut().unwrap();
    stored.watermark = at("05:00:00");
    says(
        &facts,
        Kind::Waiting,
        "due at 2026-03-02 06:00:00 +00:00, and the daemon has not looked at it yet",
    );
    facts.known.job.as_mut().unwrap().fingerprint = "every 7s".to_owned();
    says(
        &facts,
        Kind::New,
        "due at 2026-03-02 06:00:00 +00:00, by the file as it is now; the daemon has not read \
         this schedule yet, and it counts from the moment it does",
    );
    facts.known.job = None;
    says(
        &facts,
        Kind::New,
        "due at 2026-03-02 06:00:00 +00:00, by the file; no daemon has seen the job yet",
    );
}

#[test]
fn what_the_job_was_then() {
    let mut facts = hourly();
    let print = facts.defined().unwrap().fingerprint();
    let accepted = |t: &str, fingerprint: &str| JobTurn::Accepted {
        watermark: at(t),
        fingerprint: fingerprint.to_owned(),
    };
    let ada = || JobTurn::Paused(PauseReason::Asked(Some("ada".into())));
    let resumed = JobTurn::Resumed {
        watermark: at("09:00:00"),
        actor: None,
    };
    let disabled = format!("{print}, disabled");
    for (known, kind, sentence) in [
        (
            vec![("08:00:00", accepted("08:00:00", &print))],
            Kind::New,
            "the job is known since 08:00:00",
        ),
        (
            vec![("05:00:00", accepted("05:00:00", &print))],
            Kind::Unknown,
            "it is older than the history that is kept (`[runtime] history`)",
        ),
        (
            vec![("05:00:00", accepted("07:30:00", &print))],
            Kind::New,
            "this schedule counts since 07:30:00",
        ),
        (
            vec![
                ("04:00:00", accepted("04:00:00", "every 7s")),
                ("07:00:00", accepted("07:00:00", &print)),
            ],
            Kind::New,
            "its schedule was another until 07:00:00: `every 7s`",
        ),
        (
            vec![
                ("04:00:00", accepted("04:00:00", &disabled)),
                ("07:00:00", accepted("07:00:00", &print)),
            ],
            Kind::Paused,
            "the job was disabled until 07:00:00",
        ),
        (
            vec![
                ("04:00:00", accepted("04:00:00", &print)),
                ("05:00:00", JobTurn::Removed),
                ("07:00:00", accepted("07:00:00", &print)),
            ],
            Kind::Removed,
            "the job was not in the file from 05:00:00 to 07:00:00",
        ),
        (
            vec![
                ("04:00:00", accepted("04:00:00", &print)),
                ("05:00:00", ada()),
                ("09:00:00", resumed),
            ],
            Kind::Paused,
            "the job was paused by ada from 05:00:00 to 09:00:00",
        ),
    ] {
        events(&mut facts, &known);
        let head = "due at 2026-03-02 06:00:00 +00:00, by the schedule as it is now; ";
        says(&facts, kind, &format!("{head}{sentence}"));
    }
}

#[test]
fn a_job_that_is_held_has_no_next_time() {
    // It ran, and what came of that is why it is not due again.
    let mut held = with_run(hourly(), succeeded());
    held.known.job.as_mut().unwrap().paused = Some(Paused {
        since: at("07:00:00"),
        why: PauseReason::Failures(3),
    });
    let answer = explain(&held);
    assert_eq!(answer.next, None);
    let why = "the job is paused after 3 failed runs in a row since 07:00:00: `cronlet resume report` \
               ends that";
    assert_eq!(answer.halt.as_deref(), Some(why));

    // What the sentence is about is not said twice.
    held.run = None;
    held.at = at("13:00:00");
    let answer = explain(&held);
    assert_eq!(
        (answer.kind, answer.next, answer.halt),
        (Kind::Paused, None, None)
    );

    let disabled = facts(&format!("{HOURLY}\nenabled = false"), "06:00:00");
    let answer = explain(&disabled);
    let why = "the job is disabled: the file says `enabled = false`";
    assert_eq!((answer.next, answer.halt.as_deref()), (None, Some(why)));
    assert_eq!(explain(&hourly()).halt, None);
}

#[test]
fn a_job_without_times_of_its_own() {
    let text = "it has no trigger: it runs only when asked";
    says(&facts("", "06:00:00"), Kind::NotDue, text);
    assert_eq!(
        nothing_yet(&facts("", "06:00:00")).sentence,
        format!("{text}, and never did")
    );

    let after = "after = { job = \"load\", on = \"failure\" }\n[jobs.load]\nplugin = \"x\"";
    let text = "it has no times of its own: it runs after load on failure";
    says(&facts(after, "06:00:00"), Kind::NotDue, text);
    assert_eq!(
        nothing_yet(&facts(after, "06:00:00")).sentence,
        format!("{text}, and never did")
    );
}

#[test]
fn the_job_is_paused() {
    let mut facts = facts(HOURLY, "13:00:00");
    facts.known.job.as_mut().unwrap().paused = Some(Paused {
        since: at("05:00:00"),
        why: PauseReason::Failures(3),
    });
    let end = "but the job is paused after 3 failed runs in a row since 05:00:00: `cronlet resume \
               report` ends that";
    says(
        &facts,
        Kind::Paused,
        &format!("due at 2026-03-02 13:00:00 +00:00, {end}"),
    );
    facts.at = at("06:00:00");
    says(
        &facts,
        Kind::Paused,
        &format!("due at 2026-03-02 06:00:00 +00:00, {end}"),
    );
    let keys = format!("{HOURLY}\nenabled = false");
    let mut disabled = self::facts(&keys, "13:00:00");
    disabled.known.job.as_mut().unwrap().watermark = at("08:00:00");
    says(
        &disabled,
        Kind::Paused,
        "due at 2026-03-02 13:00:00 +00:00, but the job is disabled: the file says `enabled = false`",
    );
    disabled.at = at("07:00:00");
    assert_eq!(explain(&disabled).kind, Kind::Unknown, "not then");
}

#[test]
fn the_file_does_not_help() {
    let mut facts = hourly();
    facts.file = File::Unreadable;
    says(
        &facts,
        Kind::Unknown,
        "nothing is recorded of 2026-03-02 06:00:00 +00:00; whether it was due then is not known, \
         as the schedules file cannot be read",
    );
    facts.at = at("13:00:00");
    says(
        &facts,
        Kind::Unknown,
        "whether it is due at 2026-03-02 13:00:00 +00:00 is not known: the schedules file cannot be \
         read",
    );
    facts.at = at("06:00:00");
    let range = skipped(SkipReason::Overlap, "06:00:00", "06:00:00", 1, "06:00:00");
    says(
        &with_range(facts.clone(), range),
        Kind::Skipped,
        "at 2026-03-02 06:00:00 +00:00, skipped: another run of it was still open (`overlap = \
         \"skip\"`)",
    );
    facts.file = File::Without;
    says(
        &facts,
        Kind::Removed,
        "nothing is kept of 2026-03-02 06:00:00 +00:00, and the job is not in the file any more",
    );
    facts.known.job.as_mut().unwrap().removed_at = Some(at("05:30:00"));
    says(
        &facts,
        Kind::Removed,
        "not due at 2026-03-02 06:00:00 +00:00: the job was removed at 05:30:00",
    );
}
