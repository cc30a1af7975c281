//! What a file means; what is wrong with one is in the golden files of the whole product.

use std::{num::NonZeroU32, time::Duration};

use cronlet_core::{
    capability::{Capabilities, DirGrant, EnvGrant},
    catalog::{Catalog, Loaded},
    job::{Component, Job},
    limits::Limits,
    plan::Plan,
    policy::{Backoff, CatchUp, CatchUpMode, Overlap, Retry},
    run::FailReason,
    schedule::{Calendar, Zone},
};

use super::*;

mod components;
mod environment;
mod grants;
mod times;

/// A file with every key there is.
const EVERYTHING: &str = include_str!("everything.toml");

fn draft(text: &str) -> Draft {
    parse("schedules.toml", text, &Environment::new()).unwrap()
}

fn problems(text: &str) -> Problems {
    parse("schedules.toml", text, &Environment::new()).unwrap_err()
}

/// A catalog in which every component can be used.
fn catalog(draft: &Draft) -> Catalog {
    let loaded = |reference: &Reference| Loaded {
        digest: Digest::of(reference.written.as_bytes()),
        world: "job".to_owned(),
    };
    let references = draft.references();
    let entries = references
        .iter()
        .map(|it| (it.written.clone(), Ok(loaded(it))));
    Catalog {
        components: entries.collect(),
        ..Catalog::default()
    }
}

fn plan(text: &str) -> Plan {
    let draft = draft(text);
    let catalog = catalog(&draft);
    assert!(draft.unusable(&catalog, Severity::Error).is_none());
    draft.resolve(&catalog)
}

fn job(text: &str) -> Job {
    let plan = plan(text);
    assert_eq!(plan.jobs.len(), 1, "{text}");
    plan.jobs.into_values().next().unwrap().as_ref().clone()
}

#[test]
fn a_job_of_two_lines_has_the_documented_defaults() {
    let job = job("[jobs.hello]\nplugin = \"hello\"\n");
    assert_eq!(job.name.as_str(), "hello");
    assert_eq!(job.component, Component::Ready(Digest::of(b"hello")));
    assert_eq!(job.description, None);
    assert!(job.schedule.is_manual());
    assert_eq!(job.limits, Limits::default());
    assert_eq!(job.retry, Retry::default());
    assert_eq!(job.overlap, Overlap::Skip);
    assert_eq!(job.max_instances, None);
    assert_eq!(job.catch_up, CatchUp::default());
    assert_eq!(job.zone, Zone::UTC);
    assert_eq!(&*job.params, "{}");
}

#[test]
fn every_key_of_a_schedule_arrives() {
    let plan = plan(EVERYTHING);
    let job = &plan.jobs["fetch-papers"];
    assert_eq!(job.schedule.start, "2025-12-31T15:00:00Z".parse().ok());
    assert_eq!(job.schedule.end, "2031-01-01T00:00:00Z".parse().ok());
    assert_eq!(job.schedule.jitter, Duration::from_secs(30));
    let hours = ["Mon-Fri 06:00-22:00", "Sat 22:00-02:00"].map(|text| text.parse().unwrap());
    let blackouts = vec!["2026-12-24..2026-12-26".parse().unwrap()];
    let calendar = Calendar::new(job.zone.clone(), hours.to_vec(), blackouts);
    assert_eq!(job.schedule.calendar, calendar);
    let triggers = ["beat", "once", "both"].map(|name| plan.jobs[name].schedule.to_string());
    assert_eq!(triggers[0], "every 10s offset 3s");
    assert_eq!(triggers[1], "at 2030-01-31T07:00:00Z (+1 more)");
    let both = "0 6 * * * | every 1h offset 5m | at 2030-01-31T08:00:00Z";
    assert_eq!(triggers[2], both);
}

#[test]
fn every_key_arrives() {
    let plan = plan(EVERYTHING);
    assert_eq!(plan.digest, Digest::of(EVERYTHING.as_bytes()));
    assert_eq!(plan.settings.max_concurrent_runs.get(), 8);
    assert_eq!(plan.settings.shutdown_grace, Duration::from_secs(90));
    let job = &plan.jobs["fetch-papers"];
    assert_eq!(
        job.description.as_deref(),
        Some("New papers, every morning")
    );
    assert_eq!(job.schedule.to_string(), "0 6 * * Mon-Fri");
    assert_eq!(job.zone.name(), "Asia/Tokyo");
    assert_eq!(plan.jobs["manual"].zone.name(), "America/New_York");
    assert_eq!(job.limits.timeout, Duration::from_mins(2));
    assert_eq!(job.limits.memory, 128 << 20);
    assert_eq!(job.limits.max_output, 2 << 20);
    assert_eq!(job.limits.max_state, 32 << 20);
    assert_eq!(job.limits.max_state_value, 1 << 10);
    assert_eq!(
        job.retry,
        Retry {
            max: 3,
            backoff: Backoff::Exponential { factor: 1.5 },
            delay: Duration::from_secs(2),
            max_delay: Duration::from_mins(1),
            jitter: false,
            on: [FailReason::Error, FailReason::Timeout].into(),
        }
    );
    assert_eq!(job.overlap, Overlap::Allow);
    assert_eq!(job.max_instances, NonZeroU32::new(4));
    assert_eq!(
        job.catch_up,
        CatchUp {
            mode: CatchUpMode::None,
            max: CatchUp::default().max,
            grace: Duration::from_secs(30),
            window: Duration::from_hours(2),
        }
    );
    assert!(job.critical);
    assert_eq!(job.overdue_after, Some(Duration::from_hours(26)));
    let params = r#"{"list":[1,2.5,true],"query":"cat:cs.DC","table":{"a":1,"b":"x"},"when":"2026-03-01T06:00:00Z"}"#;
    assert_eq!(&*job.params, params);
    let dir = |host: &str, guest: &str, write| DirGrant {
        host: host.into(),
        guest: guest.to_owned(),
        write,
    };
    let env = |name: &str, value: Option<&str>| EnvGrant {
        name: name.to_owned(),
        value: value.map(str::to_owned),
    };
    let allow = Capabilities {
        dirs: vec![dir("/srv/data", "/data", false), dir("out", "/out", true)],
        env: vec![env("LANG", Some("C")), env("TZ", Some("UTC"))],
    };
    assert_eq!(*job.allow, allow);
    let passed = [env("LANG", None), env("TZ", None)];
    assert_eq!(plan.jobs["beat"].allow.env, passed);
    assert_eq!(plan.jobs["beat"].retry.backoff, Backoff::Fixed);
    let after = plan.jobs["beat"].after.as_ref().unwrap();
    assert_eq!(after.to_string(), "after fetch-papers on end");
}

#[test]
fn a_job_after_another_may_be_written_in_two_ways() {
    let text = |after: &str| {
        format!(
            "[jobs.b]\nplugin = \"b\"\nafter = {after}\n[jobs.a]\nplugin = \"a\"\nafter = \"c\"\n[jobs.c]\nplugin = \"a\"\n"
        )
    };
    let after = |it: &str| plan(&text(it)).jobs["b"].after.clone().unwrap().to_string();
    assert_eq!(after("\"a\""), "after a");
    assert_eq!(after("{ job = \"a\", on = \"success\" }"), "after a");
    assert_eq!(after("{ job = \"a\", on = \"end\" }"), "after a on end");
}

#[test]
fn a_circle_of_many_jobs_is_one_problem() {
    let jobs = (0..20_000).map(|n| {
        let upstream = (n + 1) % 20_000;
        format!("[jobs.j{n}]\nplugin = \"a\"\nafter = \"j{upstream}\"\n")
    });
    let problems = problems(&jobs.collect::<String>());
    assert_eq!(problems.count(Severity::Error), 1);
}

#[test]
fn a_job_goes_over_the_defaults_key_by_key() {
    let job = job(
        "[defaults]\ntimeout = \"1m\"\nmemory = \"32MiB\"\nretry = { max = 3, delay = \"1s\" }\n\
         [jobs.a]\nplugin = \"a\"\ntimeout = \"2m\"\nretry = { max = 5, factor = 3 }\n",
    );
    assert_eq!(job.limits.timeout, Duration::from_mins(2));
    assert_eq!(job.limits.memory, 32 << 20);
    assert_eq!(job.retry.max, 5);
    assert_eq!(job.retry.delay, Duration::from_secs(1));
    assert_eq!(job.retry.backoff, Backoff::Exponential { factor: 3.0 });
}

#[test]
fn equal_params_are_equal_text() {
    let one =
        job("[jobs.a]\nplugin = \"a\"\nparams = { b = 1, a = { d = \"\\u0007\", c = [] } }\n");
    let two = job(
        "[jobs.a]\nplugin = \"a\"\n[jobs.a.params]\na.c = []\na.d = '''\u{7}'''\nb = 0x1\n"
            .replace('\u{7}', "x")
            .as_str(),
    );
    assert_eq!(&*one.params, r#"{"a":{"c":[],"d":"\u0007"},"b":1}"#);
    assert_eq!(&*two.params, r#"{"a":{"c":[],"d":"x"},"b":1}"#);
}

#[test]
fn marks_and_line_ends_of_other_systems_are_legal() {
    let text = "\u{feff}[jobs.a]\r\nplugin = \"a\"\r\n";
    assert_eq!(plan(text).digest, Digest::of(text.as_bytes()));
    assert_eq!(plan(text).jobs.len(), 1);
}

#[test]
fn of_very_many_problems_an_error_is_never_left_out() {
    let source = Source::new("schedules.toml", &"x\n".repeat(5000));
    let warnings =
        (0..4999).map(|line| Problem::warning("a::b", "it is odd").at(2 * line..2 * line + 1));
    let error = Problem::error("a::c", "it is wrong").at(9998..9999);
    let problems = Problems::new(&source, warnings.chain([error]).collect()).unwrap();
    assert_eq!(problems.iter().count(), 1000);
    assert_eq!(problems.count(Severity::Error), 1);
    assert_eq!(problems.into_vec().pop().unwrap().code, "a::c");
}

#[test]
fn problems_are_in_the_order_of_the_lines_and_each_is_there_once() {
    let text = "[defaults]\nretry = { delay = \"2h\" }\n\
                [jobs.b]\nplugin = \"a\"\nevery = 1\n[jobs.a]\nplugin = \"a\"\nevery = 2\n";
    let problems = problems(text);
    let lines: Vec<_> = problems
        .iter()
        .map(|problem| problems.place(problem).unwrap().0.line)
        .collect();
    assert_eq!(lines, [2, 5, 8]);
}
