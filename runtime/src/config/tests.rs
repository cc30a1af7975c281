//! What a file means; what is wrong with one is in the golden files of the whole product.

use std::{num::NonZeroU32, path::PathBuf, time::Duration};

use cronlet_core::{
    capability::{Capabilities, DirGrant, EnvGrant},
    catalog::{Catalog, Loaded, Need, Unusable},
    job::{Component, Job},
    limits::Limits,
    plan::Plan,
    policy::{Backoff, CatchUp, CatchUpMode, Overlap, Retry},
    run::FailReason,
    schedule::{Cron, Trigger, Zone},
};

use jiff::Timestamp;

use super::*;

/// A file with every key there is.
const EVERYTHING: &str = include_str!("tests/everything.toml");

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
    let triggers = ["beat", "once"].map(|name| plan.jobs[name].schedule.to_string());
    assert_eq!(triggers[0], "every 10s offset 3s");
    assert_eq!(triggers[1], "at 2030-01-31T07:00:00Z (+1 more)");
    assert_eq!(plan.jobs["beat"].retry.backoff, Backoff::Fixed);
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
fn a_timezone_in_the_environment_that_there_is_not_is_a_problem() {
    let environment = [("CRONLET_TIMEZONE".to_owned(), "Europe/Berln".to_owned())];
    let problems = parse("schedules.toml", "", &environment.into()).unwrap_err();
    let problem = problems.into_vec().remove(0);
    assert_eq!(problem.code, "config::environment");
    assert_eq!(
        problem.message,
        "the environment variable `CRONLET_TIMEZONE` is `Europe/Berln`, expected the name of a time zone"
    );
    assert_eq!(
        problem.help.as_deref(),
        Some("did you mean `Europe/Berlin`?")
    );
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

#[test]
fn grants_in_another_order_are_the_same_grants() {
    let with = |allow: &str| job(&format!("[jobs.a]\nplugin = \"a\"\nallow = {allow}\n"));
    let one = with(
        r#"{ dirs = [{ host = "x", guest = "/x" }, { host = "y", guest = "/y" }], env = ["A", "B"] }"#,
    );
    let other = with(
        r#"{ env = ["B", "A"], dirs = [{ guest = "/y/", host = "y", write = false }, { host = "x", guest = "/x" }] }"#,
    );
    assert_eq!(one, other);
    let written = with(
        r#"{ dirs = [{ host = "x", guest = "/x", write = true }, { host = "y", guest = "/y" }], env = ["A", "B"] }"#,
    );
    assert_ne!(one, written);
    assert_eq!(one.fingerprint(), written.fingerprint());
}

#[test]
fn what_a_job_is_allowed_stands_in_place_of_the_default_whole() {
    let text = "[defaults.allow]\nenv = [\"LANG\"]\n\
                [jobs.a]\nplugin = \"a\"\n\
                [jobs.b]\nplugin = \"b\"\nallow = { dirs = [{ host = \"x\", guest = \"/x\" }] }\n\
                [jobs.c]\nplugin = \"c\"\nallow = {}\n";
    let jobs = plan(text).jobs;
    assert_eq!(jobs["a"].allow.env.len(), 1);
    assert_eq!(
        (jobs["b"].allow.dirs.len(), jobs["b"].allow.env.len()),
        (1, 0)
    );
    assert!(jobs["c"].allow.is_empty());
}

#[test]
fn a_directory_that_is_not_there_is_told_and_its_job_is_kept() {
    let text = "[jobs.a]\nplugin = \"a\"\nallow = { dirs = [{ host = \"x\", guest = \"/x\" }] }\n";
    let draft = draft(text);
    let mut catalog = catalog(&draft);
    assert_eq!(draft.directories().len(), 1);
    for directory in draft.directories() {
        let unusable = Unusable {
            code: "missing",
            message: "there is no directory `x`".to_owned(),
            help: None,
        };
        catalog.directories.insert(directory, Err(unusable));
    }
    let problems = draft.unusable(&catalog, Severity::Error).unwrap();
    assert_eq!(
        problems.to_string(),
        "schedules.toml:3:28: there is no directory `x`"
    );
    let job = &draft.resolve(&catalog).jobs["a"];
    assert!(matches!(job.component, Component::Ready(_)));
}

#[test]
fn a_job_that_could_write_what_decides_over_it_never_runs() {
    let folder = tempfile::tempdir().unwrap();
    let real = folder.path().canonicalize().unwrap();
    let name = real.join("schedules.toml");
    let text = "[jobs.a]\nplugin = \"a\"\nallow = { dirs = [{ host = \".\", guest = \"/x\", write = true }] }\n\
                [jobs.b]\nplugin = \"a\"\nallow = { dirs = [{ host = \".\", guest = \"/x\" }] }\n";
    let draft = parse(name.to_str().unwrap(), text, &Environment::new()).unwrap();
    let mut catalog = catalog(&draft);
    for directory in draft.directories() {
        catalog.directories.insert(directory, Ok(real.clone()));
    }
    let problems = draft.unusable(&catalog, Severity::Error).unwrap();
    assert_eq!(problems.count(Severity::Error), 1);
    let plan = draft.resolve(&catalog);
    assert!(matches!(plan.jobs["a"].component, Component::Unusable(_)));
    assert!(matches!(plan.jobs["b"].component, Component::Ready(_)));
    let lints = draft.lint_grants(&catalog).unwrap().into_vec();
    assert_eq!(lints.len(), 1);
    assert!(lints[0].message.contains("holds the database"));
}

#[test]
fn paths_are_relative_to_the_folder_of_the_file_as_it_was_named() {
    let text = "[runtime]\nplugins = \"bin\"\n[jobs.a]\nplugin = \"a\"\n\
                [jobs.b]\nplugin = \"./b.wasm\"\n[jobs.c]\nplugin = \"/c.wasm\"\n[jobs.d]\nplugin = \"a\"\n";
    let draft = parse("conf/schedules.toml", text, &Environment::new()).unwrap();
    assert_eq!(draft.database(), PathBuf::from("conf/cronlet.db"));
    assert_eq!(draft.plugins_dir(), Path::new("conf/bin"));
    let paths: Vec<_> = draft.references().into_iter().map(|it| it.path).collect();
    let expected = ["conf/./b.wasm", "/c.wasm", "conf/bin/a.wasm"].map(PathBuf::from);
    assert_eq!(paths, expected);
    assert_eq!(self::draft(text).database(), PathBuf::from("cronlet.db"));
}

#[test]
fn the_environment_goes_over_the_file() {
    let text = "[runtime]\ndatabase = \"file.db\"\nplugins = \"p\"\nmax_concurrent_runs = 2\n\
                [jobs.a]\nplugin = \"a\"\n";
    let environment = [
        ("CRONLET_DATABASE", "env.db"),
        ("CRONLET_PLUGINS", "/bin"),
        ("CRONLET_MAX_CONCURRENT_RUNS", "3"),
        ("CRONLET_SHUTDOWN_GRACE", "5s"),
    ];
    let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let draft = parse("conf/schedules.toml", text, &environment.into()).unwrap();
    assert_eq!(draft.database(), PathBuf::from("env.db"));
    assert_eq!(draft.plugins_dir(), Path::new("/bin"));
    assert_eq!(draft.references()[0].path, Path::new("/bin/a.wasm"));
    assert_eq!(draft.settings().max_concurrent_runs.get(), 3);
    assert_eq!(draft.settings().shutdown_grace, Duration::from_secs(5));
}

#[test]
fn a_bad_variable_is_a_problem_that_names_it() {
    for (name, value) in [
        ("CRONLET_DATABASE", ""),
        ("CRONLET_MAX_CONCURRENT_RUNS", "0"),
        ("CRONLET_MAX_CONCURRENT_RUNS", "many"),
        ("CRONLET_SHUTDOWN_GRACE", "30"),
    ] {
        let environment = [(name.to_owned(), value.to_owned())].into();
        let problems = parse("schedules.toml", "", &environment).unwrap_err();
        let problems = problems.into_vec();
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].code, "config::environment");
        assert!(
            problems[0].message.contains(name),
            "{}",
            problems[0].message
        );
    }
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
fn a_component_that_cannot_be_used_is_refused_or_kept() {
    let draft = draft("[jobs.a]\nplugin = \"a\"\n[jobs.b]\nplugin = \"b\"\n");
    let mut catalog = catalog(&draft);
    let unusable = Unusable {
        code: "missing",
        message: "there is no file `plugins/b.wasm`".to_owned(),
        help: None,
    };
    catalog.components.insert("b".to_owned(), Err(unusable));
    let refused = draft.unusable(&catalog, Severity::Error).unwrap();
    assert_eq!(refused.count(Severity::Error), 1);
    assert_eq!(
        refused.to_string(),
        "schedules.toml:4:10: plugin `b` cannot be used: there is no file `plugins/b.wasm`"
    );
    let plan = draft.resolve(&catalog);
    assert!(matches!(plan.jobs["a"].component, Component::Ready(_)));
    let why = "there is no file `plugins/b.wasm`".to_owned();
    assert_eq!(plan.jobs["b"].component, Component::Unusable(why));
    let told = draft.unusable(&catalog, Severity::Warning).unwrap();
    assert_eq!(
        (told.count(Severity::Error), told.count(Severity::Warning)),
        (0, 1)
    );
}

#[test]
fn the_last_good_component_takes_the_place_of_one_that_cannot_be_used() {
    let good = Digest::of(b"good");
    let other = Digest::of(b"other");
    let draft = draft(&format!(
        "[jobs.any]\nplugin = \"a\"\n\
         [jobs.pinned]\nplugin = \"a\"\nsha256 = \"{good}\"\n\
         [jobs.other]\nplugin = \"a\"\nsha256 = \"{other}\"\n\
         [jobs.fine]\nplugin = \"b\"\n"
    ));
    let mut catalog = catalog(&draft);
    let need = |sha256| Need {
        plugin: "a".to_owned(),
        sha256,
    };
    assert_eq!(
        draft.lacking(&catalog),
        [need(Some(good)), need(Some(other))].into()
    );
    let unusable = Unusable {
        code: "missing",
        message: "it is gone".to_owned(),
        help: None,
    };
    catalog.components.insert("a".to_owned(), Err(unusable));
    assert_eq!(
        draft.lacking(&catalog),
        [need(None), need(Some(good)), need(Some(other))].into()
    );
    for sha256 in [None, Some(good)] {
        let loaded = Loaded {
            digest: good,
            world: "job".to_owned(),
        };
        catalog.last_good.insert(need(sha256), loaded);
    }
    let plan = draft.resolve(&catalog);
    let last_good = Component::LastGood(good, "it is gone".to_owned());
    assert_eq!(plan.jobs["any"].component, last_good);
    assert_eq!(plan.jobs["pinned"].component, last_good);
    let other = &plan.jobs["other"].component;
    assert!(matches!(other, Component::Unusable(_)), "a pin is a pin");
    assert!(matches!(plan.jobs["fine"].component, Component::Ready(_)));
    let told = draft.unusable(&catalog, Severity::Warning).unwrap();
    let flagged = told
        .iter()
        .filter(|it| it.message.contains("takes its place"));
    assert_eq!((told.iter().count(), flagged.count()), (3, 2));
    assert_eq!(
        catalog.accepted(),
        [("a", good), ("b", Digest::of(b"b"))]
            .map(|(plugin, digest)| (plugin.to_owned(), digest))
            .into()
    );
}

#[test]
fn a_pinned_component_is_the_only_one_that_will_do() {
    let pinned = |digest: Digest| format!("[jobs.a]\nplugin = \"a\"\nsha256 = \"{digest}\"\n");
    let right = draft(&pinned(Digest::of(b"a")));
    assert!(right.unusable(&catalog(&right), Severity::Error).is_none());
    let wrong = draft(&pinned(Digest::of(b"b")));
    let problems = wrong.unusable(&catalog(&wrong), Severity::Error).unwrap();
    assert_eq!(problems.into_vec()[0].code, "plugin::sha256");
    let plan = wrong.resolve(&catalog(&wrong));
    assert!(matches!(plan.jobs["a"].component, Component::Unusable(_)));
}

#[test]
fn components_of_broken_jobs_can_be_looked_at() {
    let text = "[jobs.a]\nplugin = \"a\"\ntimeout = 5\n";
    let (draft, problems) = survey("schedules.toml", text, &Environment::new());
    assert_eq!(problems.unwrap().count(Severity::Error), 1);
    assert_eq!(draft.references().len(), 1);
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
