//! What jobs may reach, and where paths lead.

use std::path::PathBuf;

use cronlet_core::{catalog::Unusable, job::Component};

use super::*;

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
