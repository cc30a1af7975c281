//! What a file means by its times: zones, clocks that jump, and hashes.

use cronlet_core::schedule::{Cron, Trigger, Zone};

use jiff::Timestamp;

use super::*;

/// The zone of a job whose other tables and environment say `runtime`, `defaults`, `own` and
/// `variable`, where those are not empty.
fn zone_of(runtime: &str, defaults: &str, own: &str, variable: &str) -> Zone {
    let key = |name: &str| match name {
        "" => String::new(),
        name => format!("timezone = \"{name}\"\n"),
    };
    let (runtime, defaults, own) = (key(runtime), key(defaults), key(own));
    let text = format!(
        "[runtime]\n{runtime}[defaults]\n{defaults}[jobs.a]\nplugin = \"a\"\n{own}cron = \"0 6 * * *\"\n"
    );
    let variable =
        (!variable.is_empty()).then(|| ("CRONLET_TIMEZONE".to_owned(), variable.to_owned()));
    let draft = parse("schedules.toml", &text, &variable.into_iter().collect()).unwrap();
    let plan = draft.resolve(&catalog(&draft));
    let job = &plan.jobs["a"];
    let Some(Trigger::Cron(cron)) = job.schedule.triggers.as_slice().first() else {
        panic!("it has no cron: {text}");
    };
    assert_eq!(cron.zone(), &job.zone, "{text}");
    job.zone.clone()
}

#[test]
fn the_nearest_timezone_counts() {
    let (berlin, tokyo, apia) = ("Europe/Berlin", "Asia/Tokyo", "Pacific/Apia");
    assert_eq!(zone_of("", "", "", "").name(), "UTC");
    assert_eq!(zone_of(berlin, "", "", "").name(), berlin);
    assert_eq!(zone_of(berlin, "", "", tokyo).name(), tokyo);
    assert_eq!(zone_of(berlin, tokyo, "", "").name(), tokyo);
    assert_eq!(zone_of(berlin, tokyo, apia, berlin).name(), apia);
    assert_eq!(zone_of("", "", "pacific/APIA", "").name(), apia);
}

#[test]
fn local_times_of_at_are_in_the_zone_of_the_job() {
    let at = |zone: &str, at: &str| {
        let text = format!("[jobs.a]\nplugin = \"a\"\ntimezone = \"{zone}\"\nat = {at}\n");
        let draft = draft(&text);
        let schedule = draft.resolve(&catalog(&draft)).jobs["a"].schedule.clone();
        let Some(Trigger::At(at)) = schedule.triggers.as_slice().first() else {
            panic!("it has no instants: {text}");
        };
        let lints = draft.lint(Timestamp::UNIX_EPOCH);
        let lints = lints.map_or_else(Vec::new, Problems::into_vec);
        let lints = lints.into_iter().map(|lint| lint.message);
        (at.instants()[0].to_string(), lints.collect::<Vec<_>>())
    };
    let (berlin, none) = ("Europe/Berlin", Vec::<String>::new());
    let plain = ("2030-01-31T07:00:00Z".to_owned(), none);
    assert_eq!(at(berlin, "\"2030-01-31T08:00:00\""), plain);
    assert_eq!(at(berlin, "\"2030-01-31 08:00\""), plain);
    assert_eq!(at(berlin, "2030-01-31T08:00:00"), plain);
    assert_eq!(at(berlin, "2030-01-31T08:00:00+01:00"), plain);
    assert_eq!(at("UTC", "2030-01-31T07:00:00"), plain);
    // Where a day of the clocks is too short it is the end of the jump, where it is too long the first.
    let (skipped, lints) = at(berlin, "2030-03-31T02:30:00");
    assert_eq!(skipped, "2030-03-31T01:00:00Z");
    assert_eq!(
        lints,
        ["`2030-03-31T02:30:00` does not exist: the clocks jump over it in Europe/Berlin"]
    );
    let (first, lints) = at(berlin, "2030-10-27T02:30:00.25");
    assert_eq!(first, "2030-10-27T00:30:00.25Z");
    assert_eq!(
        lints,
        ["`2030-10-27T02:30:00.25` comes twice: the clocks go back in Europe/Berlin"]
    );
    let (skipped, _) = at("Pacific/Apia", "2011-12-30T12:00:00");
    assert_eq!(skipped, "2011-12-30T10:00:00Z");
}

/// What is said about a job with this expression in this zone, when it is read at the beginning of
/// 2026.
fn said_of(cron: &str, zone: &str) -> Vec<(String, String)> {
    let text = format!("[jobs.a]\nplugin = \"a\"\ntimezone = \"{zone}\"\ncron = \"{cron}\"\n");
    let lints = draft(&text).lint("2026-01-01T00:00:00Z".parse().unwrap());
    let lints = lints.map_or_else(Vec::new, Problems::into_vec);
    let said = lints
        .into_iter()
        .map(|lint| (lint.message, lint.label.unwrap()));
    said.collect()
}

#[test]
fn many_times_in_one_jump_of_the_clocks_are_told() {
    assert_eq!(
        said_of("0-59/5 1-5 * * *", "Europe/Berlin"),
        [(
            "the clocks of Europe/Berlin jump over 12 of its times at once".to_owned(),
            "2026-03-29T02:00:00 to 2026-03-29T02:55:00 become one, at 2026-03-29T03:00:00+02:00"
                .to_owned()
        )]
    );
    assert_eq!(
        said_of("0,20 2 25 10 *", "Europe/Berlin"),
        [(
            "the clocks of Europe/Berlin show 2 of its times twice in a row".to_owned(),
            "2026-10-25T02:00:00 to 2026-10-25T02:20:00 are due the first time only".to_owned()
        )]
    );
    // One time is no crowd, a rhythm goes on, and clocks that never jump hit nothing.
    for (cron, zone) in [
        ("30 2 * * *", "Europe/Berlin"),
        ("*/5 1-5 * * *", "Europe/Berlin"),
        ("0-59/5 1-5 * * *", "Asia/Tokyo"),
        ("0-59/5 1-5 * * *", "UTC"),
    ] {
        assert_eq!(said_of(cron, zone), [], "{cron} in {zone}");
    }
}

#[test]
fn what_vixie_cron_reads_otherwise_is_pointed_at() {
    let text = "[jobs.a]\nplugin = \"a\"\ncron = \"0 5/6 * * *\"\n";
    let lints = draft(text).lint(Timestamp::UNIX_EPOCH).unwrap().into_vec();
    assert_eq!(lints.len(), 1);
    assert_eq!(lints[0].code, "schedule::vixie");
    assert_eq!(lints[0].severity, Severity::Warning);
    assert_eq!(&text[lints[0].span.clone().unwrap()], "5/6");
}

#[test]
fn an_expression_whose_times_the_clocks_never_show_is_a_problem() {
    let text = "[jobs.a]\nplugin = \"a\"\ntimezone = \"Europe/Berlin\"\n\
                cron = \"0 */30 2 29 3 * 2026\"\n";
    let problem = problems(text).into_vec().remove(0);
    assert_eq!(
        problem.message,
        "cron expression names no time that the clocks of Europe/Berlin ever show"
    );
}

#[test]
fn a_hash_is_that_of_the_name_of_the_job() {
    let cron = |name: &str| {
        let text = format!("[jobs.{name}]\nplugin = \"a\"\ncron = \"H H * * *\"\n");
        job(&text).fingerprint()
    };
    let expected = Cron::parse_for("H H * * *", "a").unwrap();
    assert_eq!(cron("a"), Trigger::Cron(expected).fingerprint());
    assert_ne!(cron("a"), cron("b"));
}

#[test]
fn a_job_keeps_its_fingerprint_in_utc_and_has_another_elsewhere() {
    let fingerprint = |zone: &str| {
        let text = format!(
            "[jobs.a]\nplugin = \"a\"\ncron = \"0 6 * * *\"\n{}",
            if zone.is_empty() {
                String::new()
            } else {
                format!("timezone = \"{zone}\"\n")
            }
        );
        job(&text).fingerprint()
    };
    assert_eq!(fingerprint(""), "cron 0 0 6 * * * *");
    assert_eq!(fingerprint("UTC"), "cron 0 0 6 * * * *");
    assert_eq!(fingerprint("Etc/UTC"), "cron 0 0 6 * * * *");
    assert_eq!(
        fingerprint("Europe/Berlin"),
        "cron 0 0 6 * * * * in Europe/Berlin"
    );
}
