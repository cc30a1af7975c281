//! What the environment says.

use std::{path::PathBuf, time::Duration};

use super::*;

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
